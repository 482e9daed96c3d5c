"""How an adapter speaks: it yields a Call, is sent the Reply, and returns what came of it."""

import json
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any, TypeVar

from bridge.domain.failures import Unreadable

KST = timezone(timedelta(hours=9), "KST")
WON_DIGITS_MAX = 12


@dataclass(frozen=True, slots=True)
class Stamp:
    """The moment (aware) and the randomness (32 hex digits) a method may use; stored with its operation.

    `boot` is the same moment by the boot clock, which nobody sets: the machine's start, and milliseconds since then.
    """

    at: datetime
    nonce: str
    boot: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP request to a gateway. `secrets` names form or JSON fields that no journal may show; `hidden` are values
    that none may show, whatever field or answer they stand in.

    `prepares`: it changes nothing by itself, so that where its answer is lost nothing has been asked for yet (Payple
    auth.php). `once`: no money moves, and yet it may not be said again: it would be refused because it was done.
    """

    op: str
    method: str
    url: str
    form: Mapping[str, str] | None = None
    body: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    moves_money: bool = False
    prepares: bool = False
    secrets: frozenset[str] = frozenset()
    hidden: tuple[str, ...] = field(default=(), repr=False)
    once: bool = False


class Fields:
    """A gateway's answer, read strictly: whatever is missing or misshapen raises Unreadable."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def has(self, name: str) -> bool:
        """Tell whether the field is there and not empty."""
        return self._values.get(name) not in (None, "")

    def text(self, name: str, default: str | None = None) -> str:
        """Read a text; a number is taken as its digits, half a character as a question mark. Raises Unreadable."""
        value = self._values.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if isinstance(value, str) and (value or default is None):
            return value.encode(errors="replace").decode()  # JSON can say half a surrogate pair; no database takes it
        if default is not None and value in (None, ""):
            return default
        raise Unreadable(f"The answer's field {name} is missing or not a text.")

    def number(self, name: str) -> str:
        """Read a number of the gateway's by which money is known: never empty. Raises Unreadable."""
        if not self.has(name):
            raise Unreadable(f"The answer's field {name} is missing or empty.")
        return self.text(name)

    def won(self, name: str) -> int:
        """Read an amount of KRW, given as an integer or as its ASCII digits. Raises Unreadable."""
        value = self._values.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**WON_DIGITS_MAX:
            return value
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= WON_DIGITS_MAX:
            return int(value)
        raise Unreadable(f"The answer's field {name} is not an amount of KRW.")

    def inside(self, name: str) -> "Fields":
        """Read an object within the answer. Raises Unreadable (a failure often carries "" there)."""
        value = self._values.get(name)
        if isinstance(value, dict):
            return Fields(value)
        raise Unreadable(f"The answer's field {name} is not an object.")

    def rows(self, name: str) -> tuple["Fields", ...]:
        """Read a list of objects within the answer; none where the field is missing or empty. Raises Unreadable."""
        value = self._values.get(name)
        if value in (None, "", []):
            return ()
        if isinstance(value, list) and all(isinstance(one, dict) for one in value):
            return tuple(Fields(one) for one in value)
        raise Unreadable(f"The answer's field {name} is not a list of objects.")


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: HTTP status, the whole body within its cap, and the seconds it took."""

    status: int
    body: bytes
    content_type: str = ""
    seconds: float = 0.0

    def json_fields(self) -> Fields:
        """Read a JSON object answered with status 200. Raises Unreadable for any other status or shape."""
        if self.status != 200:
            raise Unreadable(f"The gateway answered with HTTP status {self.status}.")
        try:
            value = json.loads(self.body.decode("utf-8-sig"), object_pairs_hook=_refuse_duplicates)
        except (ValueError, RecursionError) as error:
            raise Unreadable("The gateway's answer is not JSON.") from error
        if not isinstance(value, dict):
            raise Unreadable("The gateway's answer is not a JSON object.")
        return Fields(value)


def _refuse_duplicates(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a field is there twice")
    return found


T = TypeVar("T")
Exchange = Generator[Call, Reply, T]
