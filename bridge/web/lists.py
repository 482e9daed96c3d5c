"""Lists that may be long: a page at a time, in an order that stays, with an opaque cursor to go on by."""

from collections.abc import Sequence
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta
from starlette.requests import Request

from bridge.domain.failures import Malformed
from bridge.domain.forms import parse_form
from bridge.flows.list_payments import PAGE_MAX
from bridge.web.orders_in import Short, convert

SIZE_DIGITS_MAX = 4
PAGE_FILTERS = ("cursor", "limit")
R = TypeVar("R")
P = TypeVar("P", bound=msgspec.Struct)
PageSize = Annotated[int, Meta(ge=1, le=PAGE_MAX)]


class PageIn(msgspec.Struct):
    """Which page is asked for: `cursor` is the last answer's `next_cursor`, `limit` how many rows at most."""

    cursor: Short = ""
    limit: PageSize = PAGE_MAX


def read_page(request: Request, reads: type[P]) -> P:
    """Read the query of a list. Raises Malformed, for a name that is not the list's too."""
    query: dict[str, Any] = dict(parse_form(request.scope.get("query_string", b"")))
    names = tuple(field.encode_name for field in msgspec.structs.fields(reads))
    if not set(query) <= set(names):
        raise Malformed(f"This list is asked for by {', '.join(names)}, and nothing else.")
    if "limit" in query:
        query["limit"] = read_size(query["limit"])
    return convert(query, reads)


def read_size(text: str) -> int:
    """Read how many rows a page is to have. Raises Malformed."""
    if not (text.isascii() and text.isdigit() and len(text) <= SIZE_DIGITS_MAX):
        raise Malformed(f"limit is a whole number from 1 to {PAGE_MAX}.")
    return int(text)


def cut(rows: Sequence[R], limit: int) -> tuple[Sequence[R], R | None]:
    """Cut rows, of which one more than a page was read: the page, and its last row if others follow it."""
    page = rows[:limit]
    return page, page[-1] if len(rows) > limit else None
