"""Recurring plans of gateways' own: read by site and id, changed by compare-and-swap."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from bridge.clock import from_ms, to_ms
from bridge.domain.billing import PLAN_MOVES, PlanState
from bridge.domain.failures import Conflict, NotFound
from bridge.ledger.ledger import Row, Turn
from bridge.ledger.questions import Question


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan as the books have it: `amount` KRW a round; `number` is the gateway's; `wanted` what CHANGING asks,
    `was` the state it began in; `end_owed`: it was told to end, and the gateway has still to hear it, or to answer;
    `failed_at` (milliseconds, 0 for never) is when a round last could not be charged, `changed_at` when it last moved.

    Rounds are orders of their own, numbered after `order_ref`.
    """

    id: str
    site: str
    customer: str
    gateway: str
    state: PlanState
    ref: str
    order_ref: str
    amount: int
    tax_free: int
    cycle: str
    day: int
    ends: date
    asked_sealed: str = field(repr=False)
    actor: str
    created_at: datetime
    wanted: str = ""
    was: str = ""
    end_owed: bool = False
    number: str = ""
    url: str = ""
    refs: Mapping[str, str] = field(default_factory=dict)
    code: str = ""
    message: str = ""
    rounds: int = 0
    failed_at: int = 0
    failed_code: str = ""
    failed_message: str = ""
    changed_at: int = 0
    version: int = 1


def add(turn: Turn, plan: Plan) -> None:
    """Write a new plan, before the gateway is asked for it."""
    at = to_ms(plan.created_at)
    turn.run(
        "INSERT INTO plans (id, site, customer, gateway, state, ref, order_ref, amount, tax_free, cycle, day, ends,"
        " asked_sealed, actor, created_at, changed_at, version)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        *(plan.id, plan.site, plan.customer, plan.gateway, str(plan.state), plan.ref, plan.order_ref, plan.amount),
        *(plan.tax_free, plan.cycle, plan.day, plan.ends.isoformat(), plan.asked_sealed, plan.actor, at, at),
        plan.version,
    )


def move(turn: Turn, plan: Plan, becomes: PlanState, *, at: int, **changes: object) -> Plan:
    """Move a plan to another state; `at` in milliseconds. Raises Conflict when the row is not as `plan` says."""
    assert becomes in PLAN_MOVES[plan.state], f"a plan may not go from {plan.state} to {becomes}"
    after = replace(plan, state=becomes, version=plan.version + 1, **changes)  # type: ignore[arg-type]
    changed = turn.run(
        "UPDATE plans SET state = ?, version = ?, changed_at = ?, wanted = ?, was = ?, end_owed = ?, number = ?,"
        " url = ?, refs = ?, code = ?, message = ?, rounds = ? WHERE id = ? AND version = ?",
        *(str(after.state), after.version, at, after.wanted, after.was, int(after.end_owed), after.number, after.url),
        *(json.dumps(dict(after.refs), ensure_ascii=False), after.code[:64], after.message[:500], after.rounds),
        *(plan.id, plan.version),
    )
    if changed != 1:
        raise Conflict("The plan changed meanwhile; read it again.")
    return after


def fail_round(turn: Turn, plan: Plan, *, at: int, code: str, message: str) -> Plan:
    """Write that a round could not be charged; the plan stays what it is. Raises Conflict as `move` does."""
    failed = replace(plan, version=plan.version + 1, failed_at=at, failed_code=code[:64], failed_message=message[:500])
    changed = turn.run(
        "UPDATE plans SET version = ?, failed_at = ?, failed_code = ?, failed_message = ? WHERE id = ? AND version = ?",
        *(failed.version, at, failed.failed_code, failed.failed_message, plan.id, plan.version),
    )
    if changed != 1:
        raise Conflict("The plan changed meanwhile; read it again.")
    return failed


def get(turn: Turn, site: str, plan_id: str) -> Plan:
    """Read a plan of a site. Raises NotFound, the same for missing and foreign."""
    row = turn.one("SELECT * FROM plans WHERE id = ? AND site = ?", plan_id, site)
    if row is None:
        raise NotFound("There is no such plan.")
    return read(row)


def by_ref(turn: Turn, site: str, gateway: str, ref: str) -> Plan | None:
    """Find the plan that carries our reference."""
    row = turn.one("SELECT * FROM plans WHERE gateway = ? AND ref = ? AND site = ?", gateway, ref, site)
    return read(row) if row else None


def of_customer(turn: Turn, site: str, customer: str, limit: int, before: str = "") -> list[Plan]:
    """Read a customer's plans, newest first; those before one where given."""
    rows = turn.all(
        "SELECT * FROM plans WHERE site = ? AND customer = ? AND (? = '' OR id < ?) ORDER BY id DESC LIMIT ?",
        *(site, customer, before, before, limit),
    )
    return [read(row) for row in rows]


def charged_beside(turn: Turn, plan: Plan) -> Plan | None:
    """Find another plan of the same customer's order that has been charged and has not ended."""
    row = turn.one(
        "SELECT * FROM plans WHERE site = ? AND customer = ? AND order_ref = ? AND id <> ? AND rounds > 0"
        " AND state IN ('active', 'changing', 'resting')",
        *(plan.site, plan.customer, plan.order_ref, plan.id),
    )
    return read(row) if row else None


def of_site(turn: Turn, site: str) -> list[Plan]:
    """Read all plans of a site."""
    return [read(row) for row in turn.all("SELECT * FROM plans WHERE site = ? ORDER BY id", site)]


def ask_otherwise(turn: Turn, plan: Plan, asked_sealed: str) -> None:
    """Put something else in place of what a plan was asked for with, sealed. Raises Conflict as `move` does."""
    changed = turn.run(
        "UPDATE plans SET asked_sealed = ?, version = ? WHERE id = ? AND version = ?",
        *(asked_sealed, plan.version + 1, plan.id, plan.version),
    )
    if changed != 1:
        raise Conflict("The plan changed meanwhile; read it again.")


def newest(turn: Turn, limit: int) -> list[Plan]:
    """Read the newest plans of all sites."""
    return [read(row) for row in turn.all("SELECT * FROM plans ORDER BY id DESC LIMIT ?", limit)]


_STALE = "state = 'registering' AND changed_at < ?"
_PAST = "(state IN ('waiting', 'active', 'changing', 'resting') OR end_owed = 1) AND ends < ?"
_OWING_END = "end_owed = 1 AND number <> '' AND (state = 'ended' OR changed_at < ?)"


def stale(turn: Turn, changed_before: int, limit: int) -> list[Plan]:
    """Read the plans that have been asked for since before then (milliseconds) without an answer."""
    return _some(turn, f"{_STALE} ORDER BY changed_at", changed_before, limit)


def any_stale(changed_before: int) -> Question:
    """Ask whether there is one of these."""
    return _any(_STALE, changed_before)


def past(turn: Turn, last: str, limit: int) -> list[Plan]:
    """Read the plans that have not ended, here and at the gateway, and whose last day is before that one
    (YYYY-MM-DD)."""
    return _some(turn, f"{_PAST} ORDER BY ends", last, limit)


def any_past(last: str) -> Question:
    """Ask whether there is one of these."""
    return _any(_PAST, last)


def owing_end(turn: Turn, asked_before: int, limit: int) -> list[Plan]:
    """Read the plans whose number has come and whose end the gateway has yet to be told, or was not asked for since
    then (milliseconds): those first that have waited longest."""
    return _some(turn, f"{_OWING_END} ORDER BY changed_at, id", asked_before, limit)


def any_owing_end(asked_before: int) -> Question:
    """Ask whether there is one of these."""
    return _any(_OWING_END, asked_before)


def _some(turn: Turn, which: str, before: int | str, limit: int) -> list[Plan]:
    return [read(row) for row in turn.all(f"SELECT * FROM plans WHERE {which} LIMIT ?", before, limit)]  # noqa: S608 - ours


def _any(which: str, before: int | str) -> Question:
    return Question(f"SELECT 1 FROM plans WHERE {which}", (before,))  # noqa: S608 - which is ours


def postpone(turn: Turn, plans: Sequence[Plan], at: int) -> None:
    """Let plans wait behind all others that owe something; nothing else of them changes. At `at` milliseconds."""
    for plan in plans:
        turn.run("UPDATE plans SET changed_at = ? WHERE id = ? AND version = ?", at, plan.id, plan.version)


def read(row: Row) -> Plan:
    """Turn a row into a plan."""
    return Plan(
        id=row["id"],
        site=row["site"],
        customer=row["customer"],
        gateway=row["gateway"],
        state=PlanState(row["state"]),
        wanted=row["wanted"],
        was=row["was"],
        end_owed=bool(row["end_owed"]),
        ref=row["ref"],
        order_ref=row["order_ref"],
        amount=row["amount"],
        tax_free=row["tax_free"],
        cycle=row["cycle"],
        day=row["day"],
        ends=date.fromisoformat(row["ends"]),
        asked_sealed=row["asked_sealed"],
        number=row["number"],
        url=row["url"],
        refs=json.loads(row["refs"]),
        code=row["code"],
        message=row["message"],
        rounds=row["rounds"],
        failed_at=row["failed_at"],
        failed_code=row["failed_code"],
        failed_message=row["failed_message"],
        changed_at=row["changed_at"],
        actor=row["actor"],
        created_at=from_ms(row["created_at"]),
        version=row["version"],
    )
