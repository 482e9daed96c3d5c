"""Lists of payments and the search among them: newest first, page by page, each page bounded in what it reads."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bridge.ledger.figures import first_id
from bridge.ledger.ledger import Row, Turn

SCAN_MAX = 10_000
PAGE = 50
_SELECT = (
    "SELECT p.id, p.site, p.order_ref, p.gateway, p.method, p.device, p.state, p.amount, p.captured, p.refunded,"
    " p.merchant_ref, p.refs, p.reason, p.code, p.message, p.created_at, p.changed_at, p.paid_at, o.title,"
    " o.buyer_name, o.buyer_phone, o.buyer_email"
    " FROM payments AS p JOIN orders AS o ON o.site = p.site AND o.ref = p.order_ref"
)
_LAST_ID = "z" * 26
Fits = Callable[[Row], bool]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a list is narrowed to; `since` and `until` in milliseconds, `without` the state left out.
    Empty means everything."""

    state: str = ""
    gateway: str = ""
    order_ref: str = ""
    since: int | None = None
    until: int | None = None
    without: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of payments. `next_cursor` goes on from here; `cut` says that the page looked at all it may and that
    older payments, not yet looked at, may fit too."""

    rows: list[Row]
    next_cursor: str = ""
    cut: bool = False


def find(
    turn: Turn, sites: Sequence[str], wanted: Wanted, *, text: str = "", cursor: str = "", limit: int = PAGE
) -> Page:
    """List the payments of these sites, newest first, narrowed and searched.

    A payment's id, order reference, merchant reference, or a buyer's whole phone or e-mail is found directly,
    however old. Anything else (a gateway's reference, a name) is looked for among the newest SCAN_MAX
    payments of the wanted days; `next_cursor` goes on with older ones.
    """
    text = text.strip()
    if text and not cursor:
        exact = [row for site in sites for row in _exact(turn, site, text, wanted.gateway)]
        if exact:
            return Page(sorted(exact, key=lambda row: str(row["id"]), reverse=True)[:limit])
    fits = _fits(text, wanted)
    pages = [_scan(turn, site, wanted, fits, cursor or _LAST_ID, limit) for site in sites]
    return _merge(pages, limit)


def told_since(turn: Turn, site: str, since: int, *, cursor: str = "", limit: int = PAGE) -> Page:
    """List the payments of a site of which it was told, or is owed, something since then (milliseconds), newest
    first."""
    rows = turn.all(
        f"{_SELECT} WHERE p.site = ? AND p.id IN (SELECT payment FROM news WHERE site = ? AND created_at >= ?"  # noqa: S608 - it is ours
        " AND payment < ? GROUP BY payment ORDER BY payment DESC LIMIT ?) ORDER BY p.id DESC",
        *(site, site, since, cursor or _LAST_ID, limit + 1),
    )
    return Page(rows[:limit], next_cursor=str(rows[limit - 1]["id"]) if len(rows) > limit else "")


def _exact(turn: Turn, site: str, text: str, gateway: str) -> list[Row]:
    found: dict[str, Row] = {}
    for condition, values in (
        ("p.id = ? AND p.site = ?", (text.lower(), site)),
        ("p.site = ? AND p.order_ref = ? ORDER BY p.id DESC LIMIT 100", (site, text)),
        ("o.site = ? AND o.buyer_phone = ? AND o.buyer_phone <> '' ORDER BY p.id DESC LIMIT 100", (site, text)),
        ("o.site = ? AND o.buyer_email = ? AND o.buyer_email <> '' ORDER BY p.id DESC LIMIT 100", (site, text)),
    ):
        found |= {row["id"]: row for row in turn.all(f"{_SELECT} WHERE {condition}", *values)}
    gateways = [gateway] if gateway else [row["gateway"] for row in _gateways(turn, site)]
    for name in gateways:
        condition = "p.gateway = ? AND p.merchant_ref = ? AND p.site = ?"
        found |= {row["id"]: row for row in turn.all(f"{_SELECT} WHERE {condition}", name, text, site)}
    return list(found.values())


def _gateways(turn: Turn, site: str) -> list[Row]:
    return turn.all("SELECT gateway FROM site_gateways WHERE site = ?", site)


def _scan(turn: Turn, site: str, wanted: Wanted, fits: Fits, before: str, limit: int) -> Page:
    """Read a site's payments below `before` until the page is full, the window ends or SCAN_MAX rows were read."""
    conditions, values = (
        ["p.site = ?", "p.id < ?"],
        [site, min(before, first_id(wanted.until)) if wanted.until else before],
    )
    for condition, value in (
        ("p.id >= ?", first_id(wanted.since) if wanted.since is not None else None),
        ("p.state = ?", wanted.state or None),
        ("p.state <> ?", wanted.without or None),
        ("p.order_ref = ?", wanted.order_ref or None),
    ):
        if value is not None:
            conditions.append(condition)
            values.append(value)
    sql = f"{_SELECT} WHERE {' AND '.join(conditions)} ORDER BY p.id DESC LIMIT ?"
    found: list[Row] = []
    read, step = 0, limit + 1
    while read < SCAN_MAX:
        rows = turn.all(sql, *values, step)
        found += [row for row in rows if fits(row)]
        read += len(rows)
        if len(rows) < step:
            return Page(found[: limit + 1])
        if len(found) > limit:
            return Page(found[: limit + 1])
        values[1], step = rows[-1]["id"], min(2_000, SCAN_MAX - read or 1)
    return Page(found, next_cursor=str(values[1]), cut=True)


def _merge(pages: Sequence[Page], limit: int) -> Page:
    """Join the sites' pages. Below the place where one site's reading stopped nothing may be shown yet."""
    floor = max((page.next_cursor for page in pages if page.cut), default="")
    rows = sorted((row for page in pages for row in page.rows), key=lambda row: str(row["id"]), reverse=True)
    rows = [row for row in rows if row["id"] >= floor]
    if len(rows) > limit:
        return Page(rows[:limit], next_cursor=str(rows[limit - 1]["id"]))
    return Page(rows, next_cursor=floor, cut=bool(floor))


def _fits(text: str, wanted: Wanted) -> Fits:
    needle = text.casefold()
    digits = "".join(sign for sign in text if sign.isdigit())
    phone = digits if len(digits) >= 4 and not text.strip("0123456789 -+()") else ""

    def fits(row: Row) -> bool:
        if wanted.gateway and row["gateway"] != wanted.gateway:
            return False
        if not needle:
            return True
        if phone and phone in "".join(sign for sign in row["buyer_phone"] if sign.isdigit()):
            return True
        refs = " ".join(value for name, value in json.loads(row["refs"]).items() if name != "dialect")
        texts = (refs, row["buyer_name"], row["buyer_email"], row["order_ref"], row["merchant_ref"])
        return any(needle in str(one).casefold() for one in texts)

    return fits
