"""Personal data: whose orders there are, what of them must be kept, and taking the rest out. Money is never touched."""

import hashlib
from collections.abc import Sequence

from bridge.domain.machine import AWAITED_BY_NOBODY, PENDING_STEPS, UNSETTLED, Kind, State
from bridge.domain.payment import Payment
from bridge.ledger import cases, operations, orders, payments
from bridge.ledger.figures import first_id
from bridge.ledger.ledger import Row, Turn
from bridge.ledger.notices import ERASED, HASHED
from bridge.ledger.operations import Operation

_ON_THEIR_WAY = UNSETTLED | {State.NEW, State.READYING, State.OPEN, State.AWAITING_DEPOSIT}


def orders_of(turn: Turn, site: str, *, email: str = "", phone: str = "", ref: str = "") -> list[Row]:
    """Find a person's orders by e-mail, phone or one order's reference, as they were sent; newest first."""
    column, value = next((name, text) for name, text in _named(email, phone, ref) if text)
    return turn.all(
        f"SELECT * FROM orders WHERE site = ? AND {column} = ? ORDER BY created_at DESC, ref DESC",  # noqa: S608 - ours
        *(site, value),
    )


def _named(email: str, phone: str, ref: str) -> Sequence[tuple[str, str]]:
    return (("buyer_email", email), ("buyer_phone", phone), ("ref", ref))


def kept_until(turn: Turn, site: str, ref: str, kept_ms: int) -> int:
    """Say until when an order's records must be kept, in milliseconds; 0 where no money ever moved."""
    row = turn.one(
        "SELECT MAX(created_at) AS last FROM payments WHERE site = ? AND order_ref = ?"
        " AND (captured > 0 OR orphaned <> 0)",
        *(site, ref),
    )
    return int(row["last"]) + kept_ms if row and row["last"] else 0


def is_on_its_way(everyone: Sequence[Payment]) -> bool:
    """Whether a payment of the order may still move money."""
    return any(State(one.state) in _ON_THEIR_WAY for one in everyone)


def is_looked_for(turn: Turn, everyone: Sequence[Payment]) -> bool:
    """Whether people have still to say what became of money of the order, or the gateway is still to be asked, which
    may find some though the payment has ended: whoever paid it may get it back."""
    return any(
        any(case["state"] == "open" for case in cases.of_payment(turn, one.id))
        or (not one.captured and any(_may_find_money(deed) for deed in operations.of_payment(turn, one.id)))
        for one in everyone
    )


def _may_find_money(operation: Operation) -> bool:
    awaited = operation.kind is Kind.CHECK or operation.kind not in AWAITED_BY_NOBODY
    return operation.step in PENDING_STEPS and awaited


def erase(turn: Turn, site: str, ref: str, *, at: int, actor: str) -> None:
    """Take out who bought: the order's buyer, and of its payments the card, the account and what was
    said, in calls and notices."""
    turn.run(
        "UPDATE orders SET buyer_id = '', buyer_name = '', buyer_email = '', buyer_phone = '', changed_at = ?"
        " WHERE site = ? AND ref = ?",
        *(at, site, ref),
    )
    for payment in payments.of_order(turn, site, ref):
        payments.move(
            turn,
            payment,
            State(payment.state),
            at=at,
            actor=actor,
            event="payment.erased",
            card={},
            account={},
        )
        turn.run("UPDATE receipts SET identity_sealed = '', version = version + 1 WHERE payment = ?", payment.id)
        turn.run("UPDATE calls SET request = ?, response = '' WHERE payment = ?", ERASED, payment.id)
        turn.run("UPDATE notices SET raw_sealed = ? WHERE payment = ? AND state <> 'pending'", ERASED, payment.id)


def plans_told_of(turn: Turn, site: str) -> set[str]:
    """Name the plans of a site of which notices of failed rounds are kept with their texts."""
    rows = turn.all(
        "SELECT DISTINCT plan FROM notices WHERE site = ? AND plan IS NOT NULL"
        " AND raw_sealed <> ? AND raw_sealed NOT LIKE ?",
        *(site, ERASED, f"{HASHED}%"),
    )
    return {row["plan"] for row in rows}


def erase_failed_rounds(turn: Turn, plan: str) -> None:
    """Take out what the notices of a plan's failed rounds said: no money moved, so nothing keeps them."""
    turn.run("UPDATE notices SET raw_sealed = ? WHERE plan = ? AND state <> 'pending'", ERASED, plan)


def erase_calls_of_key(turn: Turn, key: str) -> None:
    """Take out what was said to and by the gateway about a billing key."""
    turn.run("UPDATE calls SET request = ?, response = '' WHERE payment = ?", ERASED, key)


def old_orders(turn: Turn, before: int, after: str, limit: int) -> tuple[list[tuple[str, str]], str]:
    """List (site, reference) of orders whose payments began before then, and the last payment looked at."""
    rows = turn.all(
        "SELECT id, site, order_ref FROM payments WHERE id > ? AND id < ? ORDER BY id LIMIT ?",
        *(after, first_id(before), limit),
    )
    found = list(dict.fromkeys((row["site"], row["order_ref"]) for row in rows))
    named = [one for one in found if _has_buyer(turn, *one)]
    return named, rows[-1]["id"] if rows else after


def hash_payloads(turn: Turn, before: int, after: str, limit: int) -> tuple[int, str]:
    """Put hashes in place of what was said in calls older than that; answers how many, and the last one looked at."""
    rows = turn.all(
        "SELECT id, request, response FROM calls WHERE id > ? AND id < ? ORDER BY id LIMIT ?",
        *(after, first_id(before), limit),
    )
    for row in rows:
        turn.run(
            "UPDATE calls SET request = ?, response = ? WHERE id = ?",
            *(hashed(row["request"]), hashed(row["response"]), row["id"]),
        )
    return len(rows), rows[-1]["id"] if rows else after


def hash_notices(turn: Turn, before: int, after: str, limit: int) -> tuple[int, str]:
    """Put hashes in place of the sealed texts of notices older than that, as far as they have had their effect."""
    rows = turn.all(
        "SELECT id, raw_sealed FROM notices WHERE id > ? AND id < ? AND state <> 'pending' ORDER BY id LIMIT ?",
        *(after, first_id(before), limit),
    )
    for row in rows:
        turn.run("UPDATE notices SET raw_sealed = ? WHERE id = ?", hashed(row["raw_sealed"]), row["id"])
    return len(rows), rows[-1]["id"] if rows else after


def hashed(text: str) -> str:
    """Hash a text, unless it is one already, or nothing."""
    if not text or text.startswith(HASHED):
        return text
    return HASHED + hashlib.sha256(text.encode()).hexdigest()


def _has_buyer(turn: Turn, site: str, ref: str) -> bool:
    order = orders.find(turn, site, ref)
    return order is not None and any((order.buyer.id, order.buyer.name, order.buyer.email, order.buyer.phone))
