"""Writes rows back that the books once sealed into an attestation: only forward, never against what stands."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from bridge.domain.machine import HOLDING, TERMINAL, State, Step
from bridge.ledger import audit, cases, notices, operations, replay
from bridge.ledger.ledger import Turn
from bridge.ledger.notices import StoredNotice

FINAL = frozenset({str(Step.OK), str(Step.FAIL), str(Step.NOT_SENT)})
_BLANK = {
    "orders": {"buyer_id": "", "buyer_name": "", "buyer_email": "", "buyer_phone": "", "items": "[]"},
    "payments": {"token_id": ""},
    "receipts": {"identity_sealed": ""},
}
REVIVED = "its effect came back from the shop"
Values = Mapping[str, Any]


def fits(turn: Turn, payment: Values, later_operations: list[Values], said: Sequence[Sequence[Any]]) -> str:
    """Say why a payment's later rows cannot follow those that stand, or nothing."""
    own_chain = audit.chain(turn, payment["id"])
    if own_chain and (len(own_chain) > len(said) or own_chain[-1]["hash"] != said[len(own_chain) - 1][-1]):
        return "its audit goes on otherwise here"
    own = turn.one("SELECT * FROM payments WHERE id = ?", payment["id"])
    if own is not None:
        frozen = ("site", "order_ref", "amount", "gateway", "merchant_ref")
        if any(own[name] != payment[name] for name in frozen):
            return "its order, amount, gateway or reference is another"
        if State(own["state"]) in TERMINAL and payment["state"] != own["state"]:
            return f"it had ended as {own['state']} and is {payment['state']}"
    for later in later_operations:
        stands = turn.one("SELECT state FROM operations WHERE id = ?", later["id"])
        if stands is not None and stands["state"] in FINAL and later["state"] != stands["state"]:
            return f"an operation had ended as {stands['state']} and is {later['state']}"
    rows = turn.all(
        "SELECT id, state, adopted FROM payments WHERE site = ? AND order_ref = ? AND id <> ?",
        *(payment["site"], payment["order_ref"], payment["id"]),
    )
    other = next((row for row in rows if _holds(row)), None)
    if other is not None and _holds(payment):
        return f"payment {other['id']} holds the same order"
    return ""


def has_all(turn: Turn, payment_id: str, said: Sequence[Sequence[Any]]) -> bool:
    """Tell whether a payment's audit has every row that was sealed, and so what they told of."""
    stands = audit.chain(turn, payment_id)
    return len(stands) >= len(said) and (not said or stands[len(said) - 1]["hash"] == said[-1][-1])


def _holds(payment: Values) -> bool:
    """Tell whether a payment is one of which each order has one at most, as the database has it."""
    return payment["state"] in HOLDING - {State.VOIDING} or bool(payment["adopted"])


def order(turn: Turn, values: Values) -> None:
    """Write an order that is not there, or is an older version. The buyer is not in an attestation."""
    own = turn.one("SELECT version FROM orders WHERE site = ? AND ref = ?", values["site"], values["ref"])
    if own is None:
        _insert(turn, "orders", {**_BLANK["orders"], **values})
    elif own["version"] <= values["version"]:
        _update(
            turn,
            "orders",
            {name: values[name] for name in values if name not in ("site", "ref")},
            values,
            "site",
            "ref",
        )


def payment(turn: Turn, values: Values) -> None:
    """Write a payment as it was, in books restored since it began, however often they had been before.

    One of the same version stands as it was: what came later was told beside it.
    """
    values = {**values, "restores": 0}
    own = turn.one("SELECT version FROM payments WHERE id = ?", values["id"])
    if own is None:
        _insert(turn, "payments", {**_BLANK["payments"], **values})
    elif own["version"] < values["version"]:
        _update(turn, "payments", {name: values[name] for name in values if name != "id"}, values, "id")


def chain(turn: Turn, site: str, payment_id: str, said: Sequence[Sequence[Any]]) -> None:
    """Write the rows of a payment's audit that are missing; they hash to what they did."""
    stands = len(audit.chain(turn, payment_id))
    for at, actor, event, was, became, detail, _ in said[stands:]:
        audit.note(
            turn,
            site=site,
            payment=payment_id,
            at=at,
            actor=actor,
            event=event,
            was=was,
            became=became,
            detail=json.loads(detail),
        )


def news(turn: Turn, site: str, payment_id: str, told: Sequence[Sequence[Any]], at: int) -> None:
    """Write down which news the shop has heard, without their text."""
    for seq, kind in told:
        if turn.one("SELECT 1 FROM news WHERE payment = ? AND seq = ?", payment_id, seq) is None:
            turn.run(
                "INSERT INTO news (id, site, payment, seq, type, body, state, created_at, next_try_at, heard_at)"
                " VALUES (?, ?, ?, ?, ?, '{}', 'heard', ?, 0, ?)",
                *(f"{payment_id}-{seq}", site, payment_id, seq, kind, at, at),
            )


def notice(turn: Turn, payment_id: str, values: Values, at: int) -> None:
    """Write that a notice was kept and had its effect, without its text; one that came again meanwhile has it too."""
    key = (values["site"], values["gateway"], values["dedupe"])
    own = turn.one("SELECT id FROM notices WHERE site = ? AND gateway = ? AND dedupe = ?", *key)
    name = own["id"] if own is not None else values["id"]
    if own is None:
        more: Any = {name: values[name] for name in ("id", "site", "gateway", "kind", "dedupe", "received_at")}
        notices.store(turn, StoredNotice(**more, source="", raw_sealed=notices.ERASED, payment=payment_id))
    else:
        notices.bind(turn, name, payment_id)
    notices.settle(turn, name, "done", values["outcome"] or REVIVED, at)


def answer(turn: Turn, values: Values) -> None:
    """Write what an idempotency key made, so that the same key finds it again.

    A gateway's number may have been another's in the backup, by a browser's word: an attestation names whose it is.
    """
    if turn.one("SELECT 1 FROM answers WHERE site = ? AND idempotency_key = ?", *_key(values)) is None:
        _insert(turn, "answers", values)
    elif values["site"] == replay.EVERYWHERE:
        replay.rebind(turn, *_key(values), values["result"])


def _key(values: Values) -> tuple[str, str]:
    return values["site"], values["idempotency_key"]


def brought(turn: Turn, values: Values) -> None:
    """Write that a payment's return named a number which is not its own: what another attestation says comes first."""
    if turn.one("SELECT 1 FROM answers WHERE site = ? AND idempotency_key = ?", *_key(values)) is None:
        _insert(turn, "answers", values)


def operation(turn: Turn, values: Values) -> None:
    """Write an operation as it was; a final one that stands is left."""
    values = {**values, "before_restore": int(values["kind"] == "check" and values["ended_at"] is not None)}
    own = turn.one("SELECT state FROM operations WHERE id = ?", values["id"])
    if own is None:
        _insert(turn, "operations", values)
    elif own["state"] not in FINAL:
        _update(turn, "operations", {name: values[name] for name in values if name != "id"}, values, "id")


def entry(turn: Turn, values: Values) -> None:
    """Write a ledger entry that is not there; the audit's rows hold its hash."""
    if not operations.is_entered(turn, values["cause"]):
        _insert(turn, "entries", values)


def receipt(turn: Turn, values: Values) -> None:
    """Write a cash receipt as it was. Whose number it bears is in no attestation: what stands of it stays."""
    if turn.one("SELECT 1 FROM receipts WHERE id = ?", values["id"]) is None:
        _insert(turn, "receipts", {**_BLANK["receipts"], **values})
    else:
        _update(turn, "receipts", {name: values[name] for name in values if name != "id"}, values, "id")


def case(turn: Turn, values: Values) -> None:
    """Write a case that is not there, or close one that was closed."""
    own = turn.one("SELECT state FROM cases WHERE id = ?", values["id"])
    if own is None:
        if values["state"] != "open" or cases.open_one(turn, values["payment"], values["reason"]) is None:
            _insert(turn, "cases", values)
    elif own["state"] == "open":
        _update(turn, "cases", {name: values[name] for name in values if name != "id"}, values, "id")


def _insert(turn: Turn, table: str, values: Values) -> None:
    names = list(values)
    marks = ", ".join("?" * len(names))
    turn.run(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})", *values.values())  # noqa: S608 - sealed names


def _update(turn: Turn, table: str, changes: Values, values: Values, *key: str) -> None:
    sets = ", ".join(f"{name} = ?" for name in changes)
    where = " AND ".join(f"{name} = ?" for name in key)
    wanted = f"UPDATE {table} SET {sets} WHERE {where}"  # noqa: S608 - sealed names
    turn.run(wanted, *changes.values(), *(values[name] for name in key))
