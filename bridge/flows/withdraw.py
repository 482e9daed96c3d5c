"""Withdraws the requests that a paid payment has left over, so that nobody pays it twice. Nothing waits for it."""

import contextlib
from dataclasses import replace

from bridge.domain.failures import Conflict
from bridge.domain.gateway import Gateway, PerhapsPaid, Probes, Probing, Unpaid
from bridge.domain.machine import Evidence, Step
from bridge.domain.payment import REQUESTS, Payment
from bridge.flows.context import Context
from bridge.flows.pace import claimed_until
from bridge.flows.probe import still_ours
from bridge.flows.record import BRIDGE, Recorder
from bridge.flows.requests_made import drop_others, end_request
from bridge.flows.sites import Site
from bridge.flows.talk import talk
from bridge.flows.write_down import write_down
from bridge.ledger import operations, payments
from bridge.ledger.ledger import Turn
from bridge.ledger.operations import Operation

PAUSES_SECONDS = (2, 5, 15, 60, 300, 900, 3_600)
"""Pauses between tries that had no answer; after the last one a request is left alone, an hour and a half later."""
REFUSED, MISSES = "refused", "misses"
"""What the operation's refs hold: the requests that the gateway will not withdraw, and tries since its last answer."""


async def withdraw_once(context: Context, site: Site, gateway: Gateway, operation: Operation) -> None:
    """Try once to withdraw one of the requests left over, and write down what came of it."""
    assert isinstance(gateway, Probes), "only such a gateway has requests to withdraw"
    recorder = Recorder.now(context, site)
    claimed = claimed_until(gateway, recorder.at)

    def claim(turn: Turn) -> Payment | None:
        payment = drop_others(turn, recorder, payments.get(turn, site.id, operation.payment))
        left = _left(payment, operation)
        if not left:  # notices told their end
            _end(turn, recorder, payment, operation, Evidence.E7)
            return None
        operations.claim(turn, operation, context.owner, claimed)
        first = left[_misses(operation) % len(left)]
        return replace(payment, refs={**payment.refs, REQUESTS: first})

    with contextlib.suppress(Conflict):  # another had it
        intended_at = context.clock.boot_seconds()
        payment = await context.ledger.write(claim)
        if payment is None:
            return
        exchange = gateway.probe_unpaid(payment, recorder.stamp)
        tried = replace(operation, tries=operation.tries + 1)
        conversation = await talk(context, site, gateway, exchange, intended_at=intended_at, operation=tried)
        recorder = Recorder.now(context, site)

        def record(turn: Turn) -> None:
            recorder.journal(turn, payment, conversation)
            current = still_ours(turn, operation, conversation.outcome)
            if current is not None:
                _record(turn, recorder, current, conversation.outcome, payment.requests[0])

        await write_down(context, record)


def _record(turn: Turn, recorder: Recorder, withdrawal: Operation, outcome: Probing, number: str) -> None:
    payment = payments.get(turn, recorder.site.id, withdrawal.payment)
    code, message = getattr(outcome, "code", ""), getattr(outcome, "message", "") or getattr(outcome, "why", "")
    refs = dict(withdrawal.refs) | {MISSES: "0"}
    if isinstance(outcome, Unpaid):
        payment = end_request(turn, recorder, payment, number, BRIDGE)
        code, message = withdrawal.code, withdrawal.message
    elif isinstance(outcome, PerhapsPaid):
        refs[REFUSED] = " ".join((*_refused(withdrawal), number))
    else:
        refs[MISSES] = str(_misses(withdrawal) + 1)
    withdrawal = replace(withdrawal, refs=refs, code=code, message=message)
    left = _left(payment, withdrawal)
    if not left:
        _end(turn, recorder, payment, withdrawal, Evidence.E6 if isinstance(outcome, Unpaid) else Evidence.E7)
        return
    rounds, within = divmod(_misses(withdrawal), len(left))
    next_try_at: int | None = recorder.at
    if rounds > len(PAUSES_SECONDS):
        next_try_at = None
        _note_left(turn, recorder, payment, withdrawal)
    elif rounds and not within:
        next_try_at = recorder.at + PAUSES_SECONDS[rounds - 1] * 1000
    operations.try_again(turn, withdrawal, next_try_at=next_try_at, code=code, message=message, refs=refs)


def _end(turn: Turn, recorder: Recorder, payment: Payment, withdrawal: Operation, evidence: Evidence) -> None:
    """Write that every request is withdrawn, or that the gateway will not withdraw the rest: paid too, it may be."""
    refused = [one for one in _refused(withdrawal) if one in payment.spare_requests]
    operations.step(
        turn,
        withdrawal,
        Step.FAIL if refused else Step.OK,
        at=recorder.at,
        evidence=Evidence.E2 if refused else evidence,
        code=withdrawal.code,
        message=withdrawal.message,
    )
    if refused:
        _note_left(turn, recorder, payment, withdrawal)


def _note_left(turn: Turn, recorder: Recorder, payment: Payment, withdrawal: Operation) -> None:
    recorder.note(turn, payment, "window.not_withdrawn", {"code": withdrawal.code, "message": withdrawal.message})


def _left(payment: Payment, withdrawal: Operation) -> list[str]:
    refused = _refused(withdrawal)
    return [one for one in payment.spare_requests if one not in refused]


def _refused(withdrawal: Operation) -> tuple[str, ...]:
    return tuple(withdrawal.refs.get(REFUSED, "").split())


def _misses(withdrawal: Operation) -> int:
    return int(withdrawal.refs.get(MISSES, "0"))
