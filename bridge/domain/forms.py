"""Reads urlencoded forms strictly: no field twice, few fields, UTF-8 or (where a gateway may) CP949."""

from urllib.parse import unquote_to_bytes

from bridge.domain.failures import Malformed

FIELDS_MAX = 128


def parse_form(raw: bytes, *, cp949_allowed: bool = False) -> dict[str, str]:
    """Read a urlencoded form or query string.

    Raises Malformed for a repeated field, more than 128 fields, or bytes that are not UTF-8 (nor CP949, where allowed).
    """
    if not raw:
        return {}
    pieces = raw.split(b"&")
    if len(pieces) > FIELDS_MAX:
        raise Malformed(f"The form has more than {FIELDS_MAX} fields.")
    found: dict[str, str] = {}
    for piece in pieces:
        name, _, value = piece.partition(b"=")
        if not name:
            continue
        key = _text(name, cp949_allowed)
        if key in found:
            raise Malformed("A field of the form is there twice.")
        found[key] = _text(value, cp949_allowed)
    return found


def _text(part: bytes, cp949_allowed: bool) -> str:
    raw = unquote_to_bytes(part.replace(b"+", b" "))
    if b"\x00" in raw:
        raise Malformed("A field of the form holds a NUL byte.")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        if not cp949_allowed:
            raise Malformed("The form is not UTF-8; EUC-KR is not accepted here.") from None
    try:
        return raw.decode("cp949")
    except UnicodeDecodeError:
        raise Malformed("The form is neither UTF-8 nor CP949.") from None
