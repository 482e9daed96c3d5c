"""Operators' accounts: another password or role, shut out and let in again; each change is in the audit."""

from dataclasses import replace
from typing import Any

from bridge.clock import from_ms, now_ms
from bridge.domain.failures import Conflict, NotFound
from bridge.flows.context import Context
from bridge.flows.log_in import check_role, hash_new
from bridge.flows.snapshots import rfc3339
from bridge.ledger import operators
from bridge.ledger.ledger import Turn
from bridge.ledger.operators import DISABLED, ENABLED, Operator
from bridge.ledger.queues import line_up


async def list_operators(context: Context) -> list[dict[str, Any]]:
    """List every account with its role and state, by name."""
    return [operator_json(one) for one in await context.ledger.read(operators.all_operators)]


async def set_password(context: Context, name: str, password: str, *, actor: str) -> Operator:
    """Give an account another password. Raises Malformed, NotFound."""
    hashed, at = await hash_new(context, password), now_ms(context.clock)

    def work(turn: Turn) -> Operator:
        changed = replace(_named(turn, name), password_hash=hashed, renewed_at=at)
        return _change(turn, changed, "operator.password", actor=actor, at=at)

    return await context.ledger.write(work)


async def disable_operator(context: Context, name: str, *, actor: str, last: bool = False) -> Operator:
    """Shut an account out: it logs in nowhere, confirms nothing, and its sessions end; what it proposed stays.

    `last` says that nobody who may act need be left. Raises NotFound, Conflict.
    """
    at = now_ms(context.clock)

    def work(turn: Turn) -> Operator:
        found = _named(turn, name)
        if found.state == DISABLED:
            return found
        _leave_one(turn, found, last=last)
        changed = replace(found, state=DISABLED, barred_at=at if found.may_act else found.barred_at)
        return _change(turn, changed, "operator.disabled", actor=actor, at=at, was=ENABLED, became=DISABLED)

    return await context.ledger.write(work)


async def enable_operator(context: Context, name: str, *, actor: str) -> Operator:
    """Let an account in again, with the password it had. Raises NotFound."""
    at = now_ms(context.clock)

    def work(turn: Turn) -> Operator:
        found = _named(turn, name)
        if found.state == ENABLED:
            return found
        changed = replace(found, state=ENABLED, renewed_at=at)
        return _change(turn, changed, "operator.enabled", actor=actor, at=at, was=DISABLED, became=ENABLED)

    return await context.ledger.write(work)


async def set_role(context: Context, name: str, role: str, *, actor: str, last: bool = False) -> Operator:
    """Make an account a viewer or an operator. Raises Malformed, NotFound, and Conflict as for one that is disabled."""
    check_role(role)
    at = now_ms(context.clock)

    def work(turn: Turn) -> Operator:
        found = _named(turn, name)
        if found.role == role:
            return found
        if role == "operator":
            changed = replace(found, role=role, renewed_at=at)
        else:
            _leave_one(turn, found, last=last)
            changed = replace(found, role=role, barred_at=at if found.may_act else found.barred_at)
        return _change(turn, changed, "operator.role", actor=actor, at=at, was=found.role, became=role)

    return await context.ledger.write(work)


def operator_json(operator: Operator) -> dict[str, Any]:
    """Show an account; nothing of its password."""
    times = {"renewed_at": operator.renewed_at, "barred_at": operator.barred_at}
    shown = {"id": operator.id, "name": operator.name, "role": operator.role, "state": operator.state}
    return shown | {name: rfc3339(from_ms(at)) if at else "" for name, at in times.items()}


def _named(turn: Turn, name: str) -> Operator:
    found = operators.by_name(turn, name)
    if found is None:
        raise NotFound("There is no such operator; `pay-bridge operator list` shows them.")
    return found


def _leave_one(turn: Turn, leaving: Operator, *, last: bool) -> None:
    """Refuse to leave nobody who may act, unless that is wanted."""
    line_up(turn, "operators")  # two who are shut out at once must not each be the other's last
    others = [one for one in operators.all_operators(turn) if one.id != leaving.id and one.may_act]
    if leaving.may_act and not others and not last:
        raise Conflict(
            f"{leaving.name} is the last operator who may act. Without one nobody can refund on the dashboard or decide"
            " a case: payments go on, and cases wait. Add or enable another one first, or say --last."
        )


def _change(
    turn: Turn, changed: Operator, event: str, *, actor: str, at: int, was: str = "", became: str = ""
) -> Operator:
    operators.change(turn, changed)
    operators.note(turn, changed, event, actor=actor, at=at, was=was, became=became)
    return changed
