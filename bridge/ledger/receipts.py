"""Cash receipts: read by site and id, changed by compare-and-swap; the buyer's number stays sealed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Literal, cast

from bridge.clock import from_ms, to_ms
from bridge.domain.failures import Conflict, NotFound
from bridge.ledger.gap import DEAF, RESTORED
from bridge.ledger.ledger import Row, Turn
from bridge.ledger.questions import Question

Purpose = Literal["income", "business", "self"]


class ReceiptState(StrEnum):
    """States of a cash receipt, named as on the wire."""

    ISSUING = "issuing"
    ISSUED = "issued"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"


MOVES: Mapping[ReceiptState, frozenset[ReceiptState]] = {
    ReceiptState.ISSUING: frozenset({ReceiptState.ISSUED, ReceiptState.REFUSED, ReceiptState.UNKNOWN}),
    ReceiptState.ISSUED: frozenset({ReceiptState.CANCELLING, ReceiptState.CANCELLED}),
    ReceiptState.CANCELLING: frozenset(
        {ReceiptState.CANCELLING, ReceiptState.CANCELLED, ReceiptState.ISSUED, ReceiptState.UNKNOWN}
    ),
    ReceiptState.REFUSED: frozenset(),
    ReceiptState.UNKNOWN: frozenset({ReceiptState.ISSUED, ReceiptState.CANCELLED}),
    ReceiptState.CANCELLED: frozenset(),
}
LIVE = (ReceiptState.ISSUING, ReceiptState.ISSUED, ReceiptState.CANCELLING)
"""States of which a payment has at most one receipt."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """A cash receipt as the books have it: `amount` KRW, `tax_free` of them without tax; `number` the tax office's.

    While it is under way the bridge takes it up itself at `next_try_at`; `tries` are how often it has.
    """

    id: str
    site: str
    payment: str
    gateway: str
    ref: str
    state: ReceiptState
    purpose: Purpose
    amount: int
    tax_free: int
    identity_sealed: str = field(repr=False)
    actor: str
    created_at: datetime
    next_try_at: datetime
    number: str = ""
    url: str = ""
    refs: Mapping[str, str] = field(default_factory=dict)
    code: str = ""
    message: str = ""
    tries: int = 0
    version: int = 1


def add(turn: Turn, receipt: Receipt) -> None:
    """Write a new receipt, before the gateway is asked for it."""
    at = to_ms(receipt.created_at)
    turn.run(
        "INSERT INTO receipts (id, site, payment, gateway, ref, state, purpose, amount, tax_free, identity_sealed,"
        " actor, created_at, changed_at, next_try_at, version) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        *(receipt.id, receipt.site, receipt.payment, receipt.gateway, receipt.ref, str(receipt.state)),
        *(receipt.purpose, receipt.amount, receipt.tax_free, receipt.identity_sealed, receipt.actor, at, at),
        *(to_ms(receipt.next_try_at), receipt.version),
    )


def move(turn: Turn, receipt: Receipt, becomes: ReceiptState, *, at: int, **changes: object) -> Receipt:
    """Move a receipt to another state; `at` in milliseconds. Raises Conflict when the row is not as `receipt` says."""
    assert becomes in MOVES[receipt.state], f"a receipt may not go from {receipt.state} to {becomes}"
    after = replace(receipt, state=becomes, version=receipt.version + 1, **changes)  # type: ignore[arg-type]
    changed = turn.run(
        "UPDATE receipts SET state = ?, version = ?, changed_at = ?, amount = ?, tax_free = ?, number = ?,"
        " url = ?, refs = ?, code = ?, message = ?, next_try_at = ?, tries = ? WHERE id = ? AND version = ?",
        *(str(after.state), after.version, at, after.amount, after.tax_free, after.number, after.url),
        *(json.dumps(dict(after.refs), ensure_ascii=False), after.code[:64], after.message[:500]),
        *(to_ms(after.next_try_at), after.tries, receipt.id, receipt.version),
    )
    if changed != 1:
        raise Conflict("The receipt changed meanwhile; read it again.")
    return after


def get(turn: Turn, site: str, receipt_id: str) -> Receipt:
    """Read a receipt of a site. Raises NotFound, the same for missing and foreign."""
    row = turn.one("SELECT * FROM receipts WHERE id = ? AND site = ?", receipt_id, site)
    if row is None:
        raise NotFound("There is no such cash receipt.")
    return read(row)


def by_ref(turn: Turn, site: str, gateway: str, ref: str) -> Receipt | None:
    """Find a receipt by our reference at its gateway."""
    row = turn.one("SELECT * FROM receipts WHERE gateway = ? AND ref = ? AND site = ?", gateway, ref, site)
    return None if row is None else read(row)


def of_payment(turn: Turn, payment: str) -> list[Receipt]:
    """Read a payment's receipts, oldest first."""
    return [read(row) for row in rows(turn, payment)]


def rows(turn: Turn, payment: str) -> list[Row]:
    """Read the rows of a payment's receipts, oldest first."""
    return turn.all("SELECT * FROM receipts WHERE payment = ? ORDER BY id", payment)


def take_up(turn: Turn, receipt: Receipt, next_try_at: int) -> Receipt:
    """Claim a try of what is under way, and say when the next one is due (milliseconds). Raises Conflict when the row
    is not as `receipt` says."""
    due = from_ms(next_try_at)
    after = replace(receipt, tries=receipt.tries + 1, next_try_at=due, version=receipt.version + 1)
    changed = turn.run(
        "UPDATE receipts SET tries = ?, next_try_at = ?, version = ? WHERE id = ? AND version = ?",
        *(after.tries, next_try_at, after.version, receipt.id, receipt.version),
    )
    if changed != 1:
        raise Conflict("The receipt changed meanwhile; read it again.")
    return after


def bring_forward(turn: Turn, by: int, nearest: int) -> None:
    """Let what is under way wait that much less for the bridge's own try, but not less than until `nearest`; in
    milliseconds."""
    turn.run(
        "UPDATE receipts SET next_try_at = CASE WHEN next_try_at - ? > ? THEN next_try_at - ? ELSE ? END"
        " WHERE state IN ('issuing', 'cancelling') AND next_try_at > ?",
        *(by, nearest, by, nearest, nearest),
    )


_DUE = (
    f"state IN ('issuing', 'cancelling') AND next_try_at <= ? AND site NOT IN ({DEAF})"
    f" AND (state = 'cancelling' OR site NOT IN ({RESTORED}))"
)


def due(turn: Turn, at: int, limit: int) -> list[Receipt]:
    """Read the receipts under way that nobody waits for any more (milliseconds), longest due first: no cancel of a deaf
    site, and no issue of restored books whose gap has not ended."""
    rows = turn.all(f"SELECT * FROM receipts WHERE {_DUE} ORDER BY next_try_at LIMIT ?", at, limit)  # noqa: S608 - it is ours
    return [read(row) for row in rows]


def any_due(at: int) -> Question:
    """Ask whether there is one of these."""
    return Question(f"SELECT 1 FROM receipts WHERE {_DUE}", (at,))  # noqa: S608 - it is ours


def read(row: Row) -> Receipt:
    """Turn a row into a receipt."""
    return Receipt(
        id=row["id"],
        site=row["site"],
        payment=row["payment"],
        gateway=row["gateway"],
        ref=row["ref"],
        state=ReceiptState(row["state"]),
        purpose=cast(Purpose, row["purpose"]),
        amount=row["amount"],
        tax_free=row["tax_free"],
        identity_sealed=row["identity_sealed"],
        actor=row["actor"],
        created_at=from_ms(row["created_at"]),
        number=row["number"],
        url=row["url"],
        refs=json.loads(row["refs"]),
        code=row["code"],
        message=row["message"],
        next_try_at=from_ms(row["next_try_at"]),
        tries=row["tries"],
        version=row["version"],
    )
