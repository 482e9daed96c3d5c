"""Operations: money-moving conversations, each with a row before its first byte leaves; and the entries they cause."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from bridge.clock import from_ms, to_ms
from bridge.domain.exchange import Stamp
from bridge.domain.failures import Conflict
from bridge.domain.machine import Evidence, Kind, Step, may_step
from bridge.domain.tax import Split
from bridge.ledger import audit
from bridge.ledger.gap import DEAF
from bridge.ledger.ledger import Row, Turn
from bridge.ledger.questions import Question
from bridge.ledger.queues import line_up

_MOVING = (Kind.APPROVE, Kind.REFUND)
# The first condition is the index's own, word for word: SQLite uses a partial index for nothing less.
_DUE = f"state IN ('sent', 'unknown', 'needs_human') AND state <> 'sent' AND next_try_at <= ? AND site NOT IN ({DEAF})"
_IN_DEAD_HANDS = (
    "state IN ('sent', 'unknown', 'needs_human') AND claimed_by <> '' AND claimed_by <> ?"
    " AND claimed_by NOT IN (SELECT id FROM owners WHERE beat_at >= ?)"
)
_ORPHANED = (
    "state IN ('sent', 'unknown', 'needs_human') AND state = 'sent' AND (sent_at < ? OR owner = ? AND sent_at < ?"
    " OR owner <> ? AND owner NOT IN (SELECT id FROM owners WHERE beat_at >= ?))"
)


@dataclass(frozen=True, slots=True)
class Operation:
    """One money-moving or refund-like conversation. `context_sealed` is what a repetition needs; `tax_free` and
    `vat` the parts of a refund's amount that are free of tax, and tax; `tried_boot` when it was last sent again;
    `before_restore`: a comparison that had ended when the books, or the lost ones, were last restored."""

    id: str
    site: str
    payment: str
    kind: Kind
    amount: int
    step: Step
    ref: str
    actor: str
    stamp: Stamp
    owner: str
    sent_at: datetime
    target: str = ""
    reason: str = ""
    items: tuple[str, ...] = ()
    tax_free: int = 0
    vat: int = 0
    idempotency_key: str = ""
    context_sealed: str = field(default="", repr=False)
    next_try_at: datetime | None = None
    tries: int = 1
    tried_boot: str = ""
    before_restore: bool = False
    evidence: str = ""
    refusal: bool = False
    code: str = ""
    message: str = ""
    refs: Mapping[str, str] = field(default_factory=dict)
    created_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def parts(self) -> Split:
        """The amount's taxable, VAT and tax-free parts in KRW."""
        return Split(self.amount - self.vat - self.tax_free, self.vat, self.tax_free)


def add(turn: Turn, operation: Operation) -> None:
    """Write the intent. The database refuses a second pending one of the same payment (Conflict)."""
    rivals = _MOVING if operation.kind in _MOVING else (operation.kind, operation.kind)
    pending = turn.one(
        "SELECT 1 FROM operations WHERE payment = ? AND kind IN (?, ?) AND state IN ('sent', 'unknown', 'needs_human')",
        *(operation.payment, *rivals),
    )
    if pending:
        raise Conflict("Another operation of this payment has no outcome yet.")
    if operation.kind is Kind.REFUND:
        line_up(turn, f"refunds:{operation.site}")  # the daily cap is a sum over them
    sent_at = to_ms(operation.sent_at)
    turn.run(
        "INSERT INTO operations (id, site, payment, kind, amount, state, ref, target, actor, reason, items,"
        " tax_free, vat, idempotency_key, stamp_at, stamp_nonce, context_sealed, owner, sent_at, sent_boot,"
        " next_try_at, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        *(operation.id, operation.site, operation.payment, operation.kind, operation.amount, operation.step),
        *(operation.ref, operation.target or None, operation.actor, operation.reason),
        json.dumps(list(operation.items), ensure_ascii=False),
        *(operation.tax_free, operation.vat, operation.idempotency_key),
        *(to_ms(operation.stamp.at), operation.stamp.nonce, operation.context_sealed, operation.owner),
        *(sent_at, operation.stamp.boot, to_ms(operation.next_try_at) if operation.next_try_at else None, sent_at),
    )


def step(
    turn: Turn,
    operation: Operation,
    becomes: Step,
    *,
    at: int,
    evidence: Evidence | None = None,
    code: str = "",
    message: str = "",
    refusal: bool = False,
    refs: Mapping[str, str] | None = None,
    next_try_at: int | None = None,
) -> Operation:
    """Take an operation to another step, by compare-and-swap; times in milliseconds. Raises Conflict."""
    assert may_step(operation.step, becomes), f"an operation may not go from {operation.step} to {becomes}"
    settled = becomes in (Step.OK, Step.FAIL, Step.NOT_SENT)
    assert not settled or evidence, "an outcome needs evidence"
    refusal = refusal or operation.refusal  # once refused is refused, whatever hands it goes through
    changed = turn.run(
        "UPDATE operations SET state = ?, evidence = ?, code = ?, message = ?, refusal = ?, refs = ?, next_try_at = ?,"
        " claimed_by = '', ended_at = ?, context_sealed = CASE WHEN ? = 1 THEN '' ELSE context_sealed END"
        " WHERE id = ? AND state = ?",
        *(becomes, str(evidence or ""), code[:64], message[:500], int(refusal)),
        json.dumps(dict(refs or operation.refs), ensure_ascii=False),
        *(None if settled else next_try_at, at if settled else None, int(settled), operation.id, operation.step),
    )
    if changed != 1:
        raise Conflict("The operation has been settled meanwhile.")
    return replace(
        operation,
        step=becomes,
        evidence=str(evidence or ""),
        code=code[:64],
        message=message[:500],
        refusal=refusal,
        refs=dict(refs or operation.refs),
        next_try_at=None if settled or next_try_at is None else from_ms(next_try_at),
        ended_at=from_ms(at) if settled else None,
    )


def try_again(
    turn: Turn,
    operation: Operation,
    *,
    next_try_at: int | None,
    code: str = "",
    message: str = "",
    refusal: bool = False,
    refs: Mapping[str, str] | None = None,
    claimed_by: str = "",
    boot: str = "",
) -> None:
    """Note a try that settled nothing, or claim the next one; `next_try_at` in milliseconds, None for never.

    `refs` are what the tries have shown so far. `claimed_by` as in `claim`, or nobody. `boot`, as in a stamp: that what
    may still arrive is about to be sent again. Raises Conflict when settled, or tried by another, meanwhile.
    """
    changed = turn.run(
        "UPDATE operations SET tries = tries + 1, next_try_at = ?, claimed_by = ?, code = ?, message = ?, refs = ?,"
        " refusal = CASE WHEN ? = 1 THEN 1 ELSE refusal END, tried_boot = COALESCE(NULLIF(?, ''), tried_boot)"
        " WHERE id = ? AND state = ? AND tries = ?",
        *(next_try_at, claimed_by, code[:64], message[:500]),
        json.dumps(dict(operation.refs if refs is None else refs), ensure_ascii=False),
        *(int(refusal), boot, operation.id, operation.step, operation.tries),
    )
    if changed != 1:
        raise Conflict("The operation has been settled meanwhile.")


def claim(turn: Turn, operation: Operation, owner: str, until: int, boot: str = "") -> None:
    """Take the next try of an operation, for this process alone until then (milliseconds), or until it is dead.

    Raises as `try_again`, by which what two may not send at once is claimed: what the dead sent may still arrive.
    """
    try_again(
        turn, operation, next_try_at=until, code=operation.code, message=operation.message, claimed_by=owner, boot=boot
    )


def renew(turn: Turn, operation: Operation, *, at: int, boot: str, until: int) -> None:
    """Write that a further call of the same try is about to be sent; times in milliseconds, `boot` as in a stamp.

    What is sent for the first time counts as sent now; of a repetition the claim holds until then. Raises Conflict when
    it was settled, taken over or tried by another meanwhile: then the call may not be sent.
    """
    first = operation.step is Step.SENT
    changed = turn.run(
        f"UPDATE operations SET {'sent_at = ?, sent_boot' if first else 'next_try_at = ?, tried_boot'} = ?"  # noqa: S608 - the names are ours
        " WHERE id = ? AND state = ? AND tries = ?",
        *(at if first else until, boot, operation.id, operation.step, operation.tries),
    )
    if changed != 1:
        raise Conflict("The operation has been settled meanwhile.")


def name(turn: Turn, operation: Operation, refs: Mapping[str, str]) -> Operation:
    """Note what the gateway calls an operation whose outcome came without a name."""
    turn.run("UPDATE operations SET refs = ? WHERE id = ?", json.dumps(dict(refs), ensure_ascii=False), operation.id)
    return replace(operation, refs=refs)


def get(turn: Turn, site: str, operation_id: str) -> Operation | None:
    """Read an operation of a site."""
    row = turn.one("SELECT * FROM operations WHERE id = ? AND site = ?", operation_id, site)
    return read(row) if row else None


def by_ref(turn: Turn, site: str, ref: str) -> Operation | None:
    """Find the refund that carries our reference."""
    row = turn.one("SELECT * FROM operations WHERE site = ? AND ref = ? AND kind = 'refund'", site, ref)
    return read(row) if row else None


def hasten(turn: Turn, operation: Operation, at: int) -> None:
    """Make an unknown operation's next try due now (milliseconds)."""
    turn.run("UPDATE operations SET next_try_at = ? WHERE id = ? AND next_try_at > ?", at, operation.id, at)


def bring_forward(turn: Turn, by: int, nearest: int) -> None:
    """Let what waits for its next try wait that much less, but not less than until `nearest`; in milliseconds."""
    turn.run(
        "UPDATE operations SET next_try_at = CASE WHEN next_try_at - ? > ? THEN next_try_at - ? ELSE ? END WHERE"
        " state IN ('sent', 'unknown', 'needs_human') AND state <> 'sent' AND claimed_by = '' AND next_try_at > ?",
        *(by, nearest, by, nearest, nearest),
    )


def of_payment(turn: Turn, payment: str) -> list[Operation]:
    """Read a payment's operations, oldest first."""
    return [read(row) for row in turn.all("SELECT * FROM operations WHERE payment = ? ORDER BY id", payment)]


def due(turn: Turn, at: int, limit: int) -> list[Operation]:
    """Read the unknown operations whose next try is due (milliseconds), longest waiting first; no deaf site's."""
    rows = turn.all(f"SELECT * FROM operations WHERE {_DUE} ORDER BY next_try_at LIMIT ?", at, limit)  # noqa: S608 - it is ours
    return [read(row) for row in rows]


def any_due(at: int) -> Question:
    """Ask whether there is one of these."""
    return Question(f"SELECT 1 FROM operations WHERE {_DUE}", (at,))  # noqa: S608 - it is ours


def any_in_dead_hands(owner: str, heard_since: int) -> Question:
    """Ask whether a try was claimed by a process that is dead: another, not heard of since then."""
    return Question(f"SELECT 1 FROM operations WHERE {_IN_DEAD_HANDS}", (owner, heard_since))  # noqa: S608 - it is ours


def free(turn: Turn, owner: str, heard_since: int, at: int) -> int:
    """Make due now what the dead had claimed; answers how many operations. Whose answer was theirs asks again."""
    freed = f"UPDATE operations SET next_try_at = ?, claimed_by = '' WHERE {_IN_DEAD_HANDS}"  # noqa: S608 - it is ours
    return turn.run(freed, at, owner, heard_since)


def orphaned(turn: Turn, owner: str, *, heard_since: int, sent_before: int, mine_before: int) -> list[Operation]:
    """Read the operations still SENT that nobody waits for any more; times in milliseconds.

    Their sender is dead (another, not heard of since then), or they were sent before then; an own one counts as left
    behind when it was sent before `mine_before`, and the caller knows whether a task of its own still sends it.
    """
    values = (sent_before, owner, mine_before, owner, heard_since)
    rows = turn.all(f"SELECT * FROM operations WHERE {_ORPHANED} ORDER BY id", *values)  # noqa: S608 - it is ours
    return [read(row) for row in rows]


def any_orphaned(owner: str, *, heard_since: int, sent_before: int, mine_before: int) -> Question:
    """Ask whether there is one of these."""
    values = (sent_before, owner, mine_before, owner, heard_since)
    return Question(f"SELECT 1 FROM operations WHERE {_ORPHANED}", values)  # noqa: S608 - it is ours


def refunded_since(turn: Turn, site: str, since: int) -> int:
    """Sum what a site asked to refund since then, in KRW, failures left out."""
    row = turn.one(
        "SELECT COALESCE(SUM(amount), 0) AS total FROM operations WHERE site = ? AND kind = 'refund'"
        " AND created_at >= ? AND state NOT IN ('fail', 'not_sent')",
        *(site, since),
    )
    return int(row["total"]) if row else 0


def enter(
    turn: Turn, *, cause: str, site: str, payment: str, kind: str, amount: int, evidence: Evidence, at: int
) -> None:
    """Write a ledger entry (signed KRW), once per cause, and its hash into the payment's audit."""
    values = (cause, site, payment, kind, amount, str(evidence), at)
    turn.run(
        "INSERT INTO entries (cause, site, payment, kind, amount, evidence, at) VALUES (?, ?, ?, ?, ?, ?, ?)", *values
    )
    detail: dict[str, str | int] = {"cause": cause, "kind": kind, "amount": amount, "sha256": audit.hash_of(values)}
    audit.note(turn, site=site, payment=payment, at=at, actor="bridge", event=audit.ENTRY, detail=detail)


def is_entered(turn: Turn, cause: str) -> bool:
    """Whether a cause has its entry already."""
    return turn.one("SELECT 1 FROM entries WHERE cause = ?", cause) is not None


def balance(turn: Turn, payment: str) -> int:
    """Sum a payment's entries: what the ledger says the gateway holds, in KRW."""
    row = turn.one("SELECT COALESCE(SUM(amount), 0) AS total FROM entries WHERE payment = ?", payment)
    return int(row["total"]) if row else 0


def given_past(turn: Turn, payment: str) -> int:
    """Sum what the books say was given back of a payment past the bridge, in KRW."""
    asked = "SELECT COALESCE(-SUM(amount), 0) AS total FROM entries WHERE payment = ? AND kind = 'external_refund'"
    row = turn.one(asked, payment)
    return int(row["total"]) if row else 0


def many_past(turn: Turn, payment: str) -> int:
    """Count the entries of what was given back of a payment past the bridge."""
    asked = "SELECT COUNT(*) AS many FROM entries WHERE payment = ? AND kind IN ('external_refund', 'orphan_refund')"
    row = turn.one(asked, payment)
    return int(row["many"]) if row else 0


def read(row: Row) -> Operation:
    """Turn a row into an operation."""
    return Operation(
        id=row["id"],
        site=row["site"],
        payment=row["payment"],
        kind=Kind(row["kind"]),
        amount=row["amount"],
        step=Step(row["state"]),
        ref=row["ref"],
        target=row["target"] or "",
        actor=row["actor"],
        reason=row["reason"],
        items=tuple(json.loads(row["items"])),
        tax_free=row["tax_free"],
        vat=row["vat"],
        idempotency_key=row["idempotency_key"],
        stamp=Stamp(from_ms(row["stamp_at"]), row["stamp_nonce"], row["sent_boot"]),
        context_sealed=row["context_sealed"],
        owner=row["owner"],
        sent_at=from_ms(row["sent_at"]),
        next_try_at=from_ms(row["next_try_at"]) if row["next_try_at"] else None,
        tries=row["tries"],
        tried_boot=row["tried_boot"],
        before_restore=bool(row["before_restore"]),
        evidence=row["evidence"],
        refusal=bool(row["refusal"]),
        code=row["code"],
        message=row["message"],
        refs=json.loads(row["refs"]),
        created_at=from_ms(row["created_at"]),
        ended_at=from_ms(row["ended_at"]) if row["ended_at"] else None,
    )
