"""Payments: read by site and id, moved only along the table, by compare-and-swap."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace

from bridge.clock import from_ms, to_ms
from bridge.domain.failures import Conflict, NotFound
from bridge.domain.machine import HOLDING, UNSETTLED, State, may_move
from bridge.domain.payment import Device, Method, Payment
from bridge.ledger import audit, orders
from bridge.ledger.gap import DEAF, HELD_UP, RESTORED
from bridge.ledger.ledger import Row, Turn
from bridge.ledger.questions import Question

_JSON = ("refs", "card", "account")
_TIMES = ("paid_at", "close_seen_at", "expires_at")
_WINDOWED = (State.OPEN, State.APPROVING)
END_MOVED = "window.end_moved"
CREATED = "payment.created"
"""The event of the first row of a payment's audit, which says over how much it is."""
_HALF_OPEN = (
    "state = 'readying' AND (owner = ? AND created_at < ?"
    " OR owner <> ? AND owner NOT IN (SELECT id FROM owners WHERE beat_at >= ?))"
)
_PAST = (
    f"state = ? AND expires_at < ? AND site NOT IN ({RESTORED}) AND NOT EXISTS (SELECT 1 FROM operations AS o"  # noqa: S608 - it is ours
    " WHERE o.payment = payments.id AND o.kind = 'probe' AND o.state IN ('sent', 'unknown', 'needs_human'))"
)
_PLAIN = ("method", "captured", "refunded", "orphaned", "window_url", "window_sealed", "reason", "code", "message")


def add(turn: Turn, payment: Payment, *, token_id: str, actor: str, owner: str = "") -> None:
    """Write a new payment, already on its way to the gateway from that process, with the first row of its audit.

    It is marked with how often its site's books were restored before: no clock tells for sure what came first.
    """
    at = to_ms(payment.created_at)
    turn.run(
        "INSERT INTO payments (id, site, order_ref, order_version, token_id, gateway, method, device, state, amount,"
        " tax_free, instalment_months, merchant_ref, owner, created_at, changed_at, expires_at, version, refs,"
        " restores) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,"
        " (SELECT COUNT(*) FROM restores AS r WHERE r.site = ?))",
        *(payment.id, payment.site, payment.order_ref, payment.order_version, token_id, payment.gateway),
        *(payment.method, payment.device, payment.state, payment.amount, payment.tax_free, payment.instalment_months),
        *(payment.merchant_ref, owner, at, at, to_ms(payment.expires_at), payment.version),
        *(json.dumps(dict(payment.refs), ensure_ascii=False), payment.site),
    )
    audit.note(
        turn,
        site=payment.site,
        payment=payment.id,
        at=at,
        actor=actor,
        event=CREATED,
        was=State.NEW,
        became=payment.state,
        detail={"amount": payment.amount, "order_version": payment.order_version, "gateway": payment.gateway},
    )


def move(
    turn: Turn,
    payment: Payment,
    becomes: State,
    *,
    at: int,
    actor: str,
    event: str,
    detail: dict[str, str | int] | None = None,
    **changes: object,
) -> Payment:
    """Move a payment to another state (or the same, for changes only); `at` in milliseconds.

    Raises Conflict when the row is not as `payment` says. An illegal move is a broken invariant and ends the turn.
    """
    was = State(payment.state)
    assert becomes == was or may_move(was, becomes), f"a payment may not go from {was} to {becomes}"
    assert "method" not in changes or "captured" in changes, "money alone says what it was paid by"
    if was in _WINDOWED and becomes not in _WINDOWED and payment.window_sealed:
        changes["window_sealed"] = ""  # it holds the buyer's name, and opens nothing any more
    after = replace(payment, state=str(becomes), version=payment.version + 1, **changes)  # type: ignore[arg-type]
    names, values = ["state", "version", "changed_at"], [after.state, after.version, at]
    for name in changes:
        value = getattr(after, name)
        names.append(name)
        if name in _JSON:
            values.append(json.dumps(dict(value), ensure_ascii=False))
        elif name in _TIMES:
            values.append(to_ms(value) if value else None)
        elif name == "adopted":
            values.append(int(value))
        else:
            assert name in _PLAIN, f"{name} may not be changed"
            values.append(value)
    changed = turn.run(
        f"UPDATE payments SET {', '.join(f'{name} = ?' for name in names)}"  # noqa: S608 - names are ours
        " WHERE id = ? AND site = ? AND state = ? AND version = ?",
        *values,
        *(payment.id, payment.site, payment.state, payment.version),
    )
    if changed != 1:
        raise Conflict("The payment changed meanwhile; read it again.")
    if becomes != was:
        orders.touch(turn, payment.site, payment.order_ref, at)
    audit.note(
        turn,
        site=payment.site,
        payment=payment.id,
        at=at,
        actor=actor,
        event=event,
        was=was,
        became=becomes,
        detail=detail,
    )
    return after


def skip_news(turn: Turn, payment: Payment, seq: int, at: int) -> None:
    """Let a payment's news go on above a number, because WordPress has seen up to it; `at` in milliseconds."""
    turn.run("UPDATE payments SET news_seq = ?, version = version + 1 WHERE id = ?", seq, payment.id)
    audit.note(
        turn,
        site=payment.site,
        payment=payment.id,
        at=at,
        actor="bridge",
        event="gap.sequence",
        was=payment.state,
        became=payment.state,
        detail={"seq": seq},
    )


def exists(turn: Turn, site: str, payment_id: str) -> bool:
    """Tell whether a site has that payment."""
    return turn.one("SELECT 1 FROM payments WHERE id = ? AND site = ?", payment_id, site) is not None


def site_of(turn: Turn, payment_id: str) -> str:
    """Name the site that a payment is of. Raises NotFound."""
    row = turn.one("SELECT site FROM payments WHERE id = ?", payment_id)
    if row is None:
        raise NotFound("There is no such payment.")
    return str(row["site"])


def get(turn: Turn, site: str, payment_id: str) -> Payment:
    """Read a payment of a site. Raises NotFound, the same for missing and foreign."""
    payment = find(turn, site, payment_id)
    if payment is None:
        raise NotFound("There is no such payment.")
    return payment


def find(turn: Turn, site: str, payment_id: str) -> Payment | None:
    """Read a payment of a site that may be missing, or another's."""
    row = turn.one("SELECT * FROM payments WHERE id = ? AND site = ?", payment_id, site)
    return read(row) if row else None


def by_merchant_ref(turn: Turn, site: str, gateway: str, merchant_ref: str) -> Payment | None:
    """Find the payment that carries our reference."""
    row = turn.one(
        "SELECT * FROM payments WHERE gateway = ? AND merchant_ref = ? AND site = ?", gateway, merchant_ref, site
    )
    return read(row) if row else None


def by_number(turn: Turn, site: str, gateway: str, name: str, number: str, ids: tuple[str, str]) -> Payment | None:
    """Find the payment that has a number of the gateway's (letters and digits alone) among those with ids from the
    first up to the second, and that took money."""
    row = turn.one(
        "SELECT * FROM payments WHERE site = ? AND id >= ? AND id < ? AND gateway = ? AND captured > 0 AND refs LIKE ?"
        " ORDER BY id LIMIT 1",
        *(site, *ids, gateway, f"%{json.dumps(name)}: {json.dumps(number)}%"),
    )
    return read(row) if row else None


def of_order(turn: Turn, site: str, order_ref: str) -> list[Payment]:
    """Read every payment of an order, oldest first."""
    rows = turn.all("SELECT * FROM payments WHERE site = ? AND order_ref = ? ORDER BY id", site, order_ref)
    return [read(row) for row in rows]


def by_token(turn: Turn, site: str, token_id: str) -> list[Payment]:
    """Read the payments opened by one order token, newest first."""
    rows = turn.all("SELECT * FROM payments WHERE site = ? AND token_id = ? ORDER BY id DESC", site, token_id)
    return [read(row) for row in rows]


def half_open(turn: Turn, owner: str, *, heard_since: int, mine_before: int, limit: int) -> list[Payment]:
    """Read the payments whose window nobody opens any more; times in milliseconds.

    Whoever was opening it is dead (another, not heard of since then); an own one counts as left behind when it was
    begun before `mine_before`, and the caller knows whether a task of its own still opens it.
    """
    values = (owner, mine_before, owner, heard_since, limit)
    rows = turn.all(f"SELECT * FROM payments WHERE {_HALF_OPEN} LIMIT ?", *values)  # noqa: S608 - it is ours
    return [read(row) for row in rows]


def any_half_open(owner: str, *, heard_since: int, mine_before: int) -> Question:
    """Ask whether there is one of these."""
    values = (owner, mine_before, owner, heard_since)
    return Question(f"SELECT 1 FROM payments WHERE {_HALF_OPEN}", values)  # noqa: S608 - it is ours


def past(turn: Turn, state: State, before: int, limit: int, after: tuple[int, str] = (0, "")) -> list[Payment]:
    """Read the payments of a state whose time ended before then (milliseconds), but those already being probed, and
    those of restored books whose gap has not ended; oldest first, behind the end and the id in `after`."""
    rows = turn.all(
        f"SELECT * FROM payments WHERE {_PAST} AND (expires_at, id) > (?, ?) ORDER BY expires_at, id LIMIT ?",  # noqa: S608 - it is ours
        *(str(state), before, *after, limit),
    )
    return [read(row) for row in rows]


def any_past(state: State, before: int) -> Question:
    """Ask whether there is one of these."""
    return Question(f"SELECT 1 FROM payments WHERE {_PAST}", (str(state), before))  # noqa: S608 - it is ours


def follow_clock(turn: Turn, moved: int, at: int, ends: tuple[int, int], owner: str) -> None:
    """Let the windows that are open or being opened and end within `ends` end so much later, or earlier below 0
    (milliseconds): all of them, or a process' own. An account's end is the gateway's date, and stays.

    No deaf site's, and none that is held up: what its shop hands over goes on from the rows of the backup, and would
    not fit behind another.
    """
    rows = turn.all(
        "SELECT * FROM payments WHERE state IN ('readying', 'open') AND expires_at > ? AND expires_at <= ?"  # noqa: S608 - ours
        f" AND (? = '' OR owner = ?) AND site NOT IN ({DEAF}) AND id NOT IN ({HELD_UP})",
        *(*ends, owner, owner),
    )
    for payment in map(read, rows):
        ends_at = from_ms(to_ms(payment.expires_at) + moved)
        state = State(payment.state)
        move(turn, payment, state, at=at, actor="bridge", event=END_MOVED, expires_at=ends_at)


def shorten_windows(turn: Turn, site: str, at: int, latest: int) -> None:
    """Let no window of a site end later than then (milliseconds): a clock that ran ahead opened one that does. None
    that is held up: as in `follow_clock`."""
    rows = turn.all(
        "SELECT * FROM payments WHERE site = ? AND state IN ('readying', 'open') AND expires_at > ?"  # noqa: S608 - ours
        f" AND id NOT IN ({HELD_UP})",
        *(site, latest),
    )
    for payment in map(read, rows):
        state = State(payment.state)
        move(turn, payment, state, at=at, actor="bridge", event=END_MOVED, expires_at=from_ms(latest))


def newest(
    turn: Turn, site: str, gateways: Sequence[str], states: Sequence[State], before: int, limit: int
) -> list[Payment]:
    """Read a site's payments of some gateways and states that were begun before then (milliseconds), newest first."""
    marks, more = (", ".join("?" * len(many)) for many in (gateways, states))
    rows = turn.all(
        f"SELECT * FROM payments WHERE site = ? AND gateway IN ({marks}) AND state IN ({more})"  # noqa: S608 - marks
        " AND created_at < ? ORDER BY created_at DESC, id DESC LIMIT ?",
        *(site, *gateways, *map(str, states), before, limit),
    )
    return [read(row) for row in rows]


def count_under_way(turn: Turn, site: str, gateway: str, windows: Sequence[State]) -> int:
    """Count a site's payments at a gateway that hold money which may still come or go unheard, or have an operation
    without outcome that moves some; those in the states of `windows` too."""
    states = (*UNSETTLED, State.READYING, State.AWAITING_DEPOSIT, *windows)
    marks = ", ".join("?" * len(states))
    row = turn.one(
        f"SELECT COUNT(*) AS many FROM (SELECT id FROM payments WHERE site = ? AND state IN ({marks})"  # noqa: S608 - marks
        " AND gateway = ? UNION SELECT p.id FROM operations AS o JOIN payments AS p ON p.id = o.payment"
        " WHERE o.state IN ('sent', 'unknown', 'needs_human') AND o.kind NOT IN ('check', 'withdraw')"
        " AND p.site = ? AND p.gateway = ?) AS under_way",
        *(site, *map(str, states), gateway, site, gateway),
    )
    return int(row["many"]) if row else 0


def holder(payments: Iterable[Payment], *, but: str = "") -> Payment | None:
    """Find the payment that holds the order's money, or may: by its state, or by money found on it since."""
    return next((one for one in payments if one.id != but and _holds(one)), None)


def _holds(payment: Payment) -> bool:
    return State(payment.state) in HOLDING or payment.orphaned > 0 or payment.adopted


def read(row: Row) -> Payment:
    """Turn a row into a payment."""
    return Payment(
        id=row["id"],
        site=row["site"],
        order_ref=row["order_ref"],
        order_version=row["order_version"],
        gateway=row["gateway"],
        method=Method(row["method"]),
        device=Device(row["device"]),
        state=row["state"],
        amount=row["amount"],
        tax_free=row["tax_free"],
        instalment_months=row["instalment_months"],
        captured=row["captured"],
        refunded=row["refunded"],
        orphaned=row["orphaned"],
        adopted=bool(row["adopted"]),
        merchant_ref=row["merchant_ref"],
        refs=json.loads(row["refs"]),
        card=json.loads(row["card"]),
        account=json.loads(row["account"]),
        window_url=row["window_url"],
        window_sealed=row["window_sealed"],
        reason=row["reason"],
        code=row["code"],
        message=row["message"],
        created_at=from_ms(row["created_at"]),
        expires_at=from_ms(row["expires_at"]),
        paid_at=from_ms(row["paid_at"]) if row["paid_at"] else None,
        close_seen_at=from_ms(row["close_seen_at"]) if row["close_seen_at"] else None,
        version=row["version"],
    )
