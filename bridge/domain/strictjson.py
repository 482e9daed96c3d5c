"""JSON read strictly: one meaning for every reader, and nothing a database or another parser would choke on."""

import json
import re
from collections.abc import Iterator

from bridge.domain.failures import Malformed, TooLarge

DEPTH_MAX = 16
DIGITS_MAX = 15  # every such integer is exact in PHP, JavaScript and SQL alike

_BRACKET = re.compile(r"[\[\]{}]")
_RISKY_ESCAPE = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")


def loads(raw: bytes, *, bytes_max: int) -> object:
    """Read one JSON value of at most `bytes_max` bytes; the error's text never repeats what was in it.

    Refuses duplicate names, fractions, NaN, integers over 15 digits, depth over 16, NUL characters, lone surrogates and
    whatever is not UTF-8. Raises TooLarge, Malformed.
    """
    if len(raw) > bytes_max:
        raise TooLarge(f"The body is larger than {bytes_max} bytes.")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise Malformed("The body is not UTF-8; EUC-KR is not accepted here.") from None
    _check_depth(text)
    try:
        value: object = _DECODER.decode(text)
    except json.JSONDecodeError as broken:
        raise Malformed(f"The body is not JSON; reading stopped at character {broken.pos}.") from None
    if _RISKY_ESCAPE.search(text):
        _check_texts(value)
    return value


def _check_depth(text: str) -> None:
    if text.count("[") + text.count("{") <= DEPTH_MAX:
        return
    # Without escapes, every second piece between quotes lies outside of texts. A backslash outside of them makes this
    # miscount what follows, but there the decoder stops.
    plain = text.replace("\\\\", "").replace('\\"', "")
    outside = "".join(plain.split('"')[::2])
    depth = 0
    for bracket in _BRACKET.findall(outside):
        if bracket in "[{":
            depth += 1
            if depth > DEPTH_MAX:
                raise Malformed(f"The body is nested deeper than {DEPTH_MAX} levels.")
        else:
            depth -= 1


def _check_texts(value: object) -> None:
    for text in _texts(value):
        if "\0" in text:
            raise Malformed("The body holds a NUL character.")
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            raise Malformed("The body holds half of a surrogate pair.") from None


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from _texts(inner)


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    read = dict(pairs)
    if len(read) != len(pairs):
        raise Malformed("The body names a field twice.")
    return read


def _integer(digits: str) -> int:
    if len(digits) - digits.startswith("-") > DIGITS_MAX:
        raise Malformed(f"The body holds a number of more than {DIGITS_MAX} digits.")
    return int(digits)


def _fraction(_digits: str) -> float:
    raise Malformed("The body holds a number with a point or an exponent; every number here is an integer.")


def _constant(_name: str) -> float:
    raise Malformed("The body holds NaN or Infinity, which are not JSON.")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_fraction, parse_constant=_constant
)
