"""Figures of the last day: what an operator looks at. Every query leads with the site and is bounded.

Ids are ordered by time, so a window of time is a range of ids. Each window holds at most PAYMENTS_MAX payments and
CALLS_MAX calls a gateway, the newest; a ledger of ten million payments answers as fast as one of ten thousand.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from bridge.clock import from_ms, new_id
from bridge.ledger.ledger import Row, Turn

HOUR_MS = 3_600_000
HOURS = 24
PAYMENTS_MAX = 20_000
CALLS_MAX = 3_000
PENDING_MAX = 1_000
SKEWS_MAX = 50
SENT_TOO_LONG_MS = 120_000
PAID = frozenset({"paid", "part_refunded", "refunded"})
LOST = frozenset({"declined", "voided", "failed_ready", "superseded"})


class _Floor:
    """A clock that stands still and rolls only zeros: its ids are the lowest of their moment."""

    def __init__(self, at_ms: int) -> None:
        self._at_ms = at_ms

    def now(self) -> datetime:
        return from_ms(self._at_ms)

    def boot_seconds(self) -> float:
        return 0.0

    def random_bytes(self, count: int) -> bytes:
        return bytes(count)

    def boot_id(self) -> str:
        return ""

    async def sleep(self, seconds: float) -> None:
        raise AssertionError(f"a floor does not wait {seconds} s")


def first_id(at_ms: int) -> str:
    """Give the lowest id a row of that moment (milliseconds) or later can have."""
    return new_id(_Floor(max(0, at_ms)))


@dataclass(slots=True)
class Declines:
    """How often a gateway refused for one reason; the message is the gateway's own."""

    reason: str
    code: str
    message: str
    count: int


@dataclass(slots=True)
class GatewayFigures:
    """One gateway in the last 24 hours. `hours` are (opened, paid, lost), oldest first; times in milliseconds."""

    opened: int = 0
    paid: int = 0
    lost: int = 0
    hours: list[tuple[int, int, int]] = field(default_factory=lambda: [(0, 0, 0)] * HOURS)
    declines: list[Declines] = field(default_factory=list)
    took_ms: list[int] = field(default_factory=list)
    unanswered: int = 0
    skews_ms: list[int] = field(default_factory=list)
    notices: int = 0
    notices_pending: int = 0
    notices_strange: int = 0
    notice_at: int | None = None

    @property
    def success_rate(self) -> float | None:
        """Paid by paid and lost (declined, voided, window refused or never answered); None while nothing has ended.

        Payments still under way, or expired without the buyer's return, are not in it: they say nothing of the gateway.
        """
        return self.paid / (self.paid + self.lost) if self.paid + self.lost else None

    def percentile_ms(self, percent: int) -> int | None:
        """Give a percentile of the calls' milliseconds (nearest rank), time-outs included."""
        if not self.took_ms:
            return None
        ordered = sorted(self.took_ms)
        return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]

    @property
    def skew_ms(self) -> int | None:
        """Give the median of what the gateway's clock is ahead of ours, over its last answers."""
        return sorted(self.skews_ms)[len(self.skews_ms) // 2] if self.skews_ms else None


@dataclass(frozen=True, slots=True)
class Day:
    """What moved since a moment, in KRW."""

    captured: int = 0
    captures: int = 0
    given_back: int = 0
    give_backs: int = 0


def of_gateways(turn: Turn, sites: Sequence[tuple[str, Sequence[str]]], at: int) -> dict[str, GatewayFigures]:
    """Gather the last 24 hours of every gateway of these sites: (site, its gateways) each."""
    found: dict[str, GatewayFigures] = {}
    since = at - HOURS * HOUR_MS
    for site, gateways in sites:
        _count_payments(turn, site, since, found)
        _count_declines(turn, site, since, found)
        for gateway in gateways:
            mine = found.setdefault(gateway, GatewayFigures())
            _read_calls(turn, site, gateway, since, mine)
            _count_notices(turn, site, gateway, since, mine)
    for mine in found.values():
        mine.declines.sort(key=lambda one: -one.count)
    return found


def _count_payments(turn: Turn, site: str, since: int, found: dict[str, GatewayFigures]) -> None:
    rows = turn.all(
        "SELECT gateway, state, (created_at - ?) / ? AS bucket, COUNT(*) AS many FROM ("
        " SELECT gateway, state, created_at FROM payments WHERE site = ? AND id >= ? ORDER BY id DESC LIMIT ?"
        ") AS recent GROUP BY gateway, state, bucket",
        *(since, HOUR_MS, site, first_id(since), PAYMENTS_MAX),
    )
    for row in rows:
        mine = found.setdefault(row["gateway"], GatewayFigures())
        many, paid, lost = int(row["many"]), row["state"] in PAID, row["state"] in LOST
        mine.opened += many
        mine.paid += many * paid
        mine.lost += many * lost
        hour = min(max(int(row["bucket"]), 0), HOURS - 1)
        was = mine.hours[hour]
        mine.hours[hour] = (was[0] + many, was[1] + many * paid, was[2] + many * lost)


def _count_declines(turn: Turn, site: str, since: int, found: dict[str, GatewayFigures]) -> None:
    rows = turn.all(
        "SELECT gateway, reason, code, MAX(message) AS message, COUNT(*) AS many FROM ("
        " SELECT gateway, reason, code, message FROM payments WHERE site = ? AND state = 'declined' AND id >= ?"
        " ORDER BY id DESC LIMIT ?) AS recent GROUP BY gateway, reason, code",
        *(site, first_id(since), PAYMENTS_MAX),
    )
    for row in rows:
        declines = found.setdefault(row["gateway"], GatewayFigures()).declines
        same = next((one for one in declines if (one.reason, one.code) == (row["reason"], row["code"])), None)
        if same:
            same.count += int(row["many"])
        else:
            declines.append(Declines(row["reason"], row["code"], row["message"], int(row["many"])))


def _read_calls(turn: Turn, site: str, gateway: str, since: int, mine: GatewayFigures) -> None:
    rows = turn.all(
        "SELECT verdict, took_ms, skew_ms FROM calls WHERE site = ? AND gateway = ? AND at >= ?"
        " ORDER BY at DESC LIMIT ?",
        *(site, gateway, since, CALLS_MAX),
    )
    mine.took_ms += [row["took_ms"] for row in rows if row["verdict"] != "not_sent"]
    mine.unanswered += sum(1 for row in rows if row["verdict"] != "answered")
    mine.skews_ms += [row["skew_ms"] for row in rows[:SKEWS_MAX] if row["skew_ms"] is not None]


def _count_notices(turn: Turn, site: str, gateway: str, since: int, mine: GatewayFigures) -> None:
    rows = turn.all(
        "SELECT state, COUNT(*) AS many, MAX(received_at) AS last FROM ("
        " SELECT state, received_at FROM notices WHERE site = ? AND gateway = ? AND received_at >= ?"
        " ORDER BY received_at DESC LIMIT ?) AS recent GROUP BY state",
        *(site, gateway, since, PAYMENTS_MAX),
    )
    for row in rows:
        mine.notices += int(row["many"])
        mine.notices_pending += int(row["many"]) * (row["state"] == "pending")
        mine.notices_strange += int(row["many"]) * (row["state"] == "strange")
        mine.notice_at = max(mine.notice_at or 0, int(row["last"]))


def unsettled(turn: Turn, site: str | None, at: int, limit: int = PENDING_MAX) -> list[Row]:
    """Read the payments whose money may have moved and nobody knows, longest waiting first.

    One row a payment: gateway, order_ref, kind, amount, state, sent_at, tries, next_try_at. An operation that is only
    being sent counts when it has been for two minutes.
    """
    # The first condition is the index's own, word for word: SQLite uses a partial index for nothing less.
    rows = turn.all(
        "SELECT o.site, o.payment, o.kind, o.amount, o.state, o.sent_at, o.sent_boot, o.tries, o.next_try_at, o.code,"
        " o.message, p.gateway, p.order_ref, p.state AS payment_state"
        " FROM operations AS o JOIN payments AS p ON p.id = o.payment"
        " WHERE o.state IN ('sent', 'unknown', 'needs_human') AND (o.state <> 'sent' OR o.sent_at < ?)"
        " AND o.kind NOT IN ('check', 'withdraw')"
        " AND (? = '' OR o.site = ?) ORDER BY o.sent_at LIMIT ?",
        *(at - SENT_TOO_LONG_MS, site or "", site or "", limit),
    )
    first: dict[str, Row] = {}
    for row in rows:
        first.setdefault(row["payment"], row)
    return list(first.values())


def unheard(turn: Turn, site: str | None, limit: int = PENDING_MAX) -> list[Row]:
    """Read the news WordPress has not heard, oldest first."""
    return turn.all(
        "SELECT site, payment, seq, type, tries, created_at, next_try_at, last_error FROM news"
        " WHERE state = 'waiting' AND (? = '' OR site = ?) ORDER BY created_at LIMIT ?",
        *(site or "", site or "", limit),
    )


def moved(turn: Turn, sites: Sequence[str], since: int) -> Day:
    """Sum what was captured and given back since then (milliseconds)."""
    day = Day()
    for site in sites:
        rows = turn.all(
            "SELECT kind, COUNT(*) AS many, SUM(amount) AS total FROM entries WHERE site = ? AND at >= ? GROUP BY kind",
            *(site, since),
        )
        for row in rows:
            many, total = int(row["many"]), int(row["total"])
            if total > 0:
                day = Day(day.captured + total, day.captures + many, day.given_back, day.give_backs)
            else:
                day = Day(day.captured, day.captures, day.given_back - total, day.give_backs + many)
    return day


def probe(turn: Turn, at: int) -> None:
    """Write one small row, to prove that the ledger can be written."""
    turn.run(
        "INSERT INTO meta (name, value) VALUES ('probed', ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        str(at),
    )
