"""What the OpenAPI document is told of a route."""

from dataclasses import dataclass
from typing import Literal

from bridge.flows.list_payments import PAGE_MAX

PAGES = (
    f" A page has `limit` rows, {PAGE_MAX} at most; `next_cursor` of the answer, sent as `cursor`, goes on, and is null"
    " where nothing follows."
)


@dataclass(frozen=True, slots=True)
class Described:
    """One route: what it is for, what it reads, which answers mean what, and what the caller proves itself by."""

    method: str
    path: str
    summary: str
    reads: type | None = None
    answers: tuple[tuple[int, str], ...] = ((200, "done"),)
    filters: tuple[str, ...] = ()
    proof: Literal["signature", "password", ""] = "signature"
