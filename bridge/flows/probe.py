"""Withdraws the request of a gateway that captures by itself, at its end: success proves that nobody paid it."""

from dataclasses import replace

from bridge.clock import to_ms
from bridge.domain.gateway import Declined, Gateway, NotSent, PerhapsPaid, Probes, Probing, Unpaid
from bridge.domain.machine import PENDING_STEPS, Evidence, State, Step
from bridge.domain.payment import Payment
from bridge.domain.reasons import Reason
from bridge.flows.context import Context
from bridge.flows.pace import ASK_SECONDS, after_human, claimed_until, is_late, pause_ms, waited_ms
from bridge.flows.record import BRIDGE, Recorder
from bridge.flows.requests_made import drop_others, end_request, in_turn
from bridge.flows.sites import Site
from bridge.flows.talk import note_after_window, talk
from bridge.flows.undo import needs_human
from bridge.flows.window_end import hold_order, write_expired
from bridge.flows.write_down import write_down
from bridge.ledger import cases, operations, payments
from bridge.ledger.ledger import Turn
from bridge.ledger.operations import Operation


async def probe_once(context: Context, site: Site, gateway: Gateway, operation: Operation) -> None:
    """Try once to withdraw the request, and write down what that proves. Raises Conflict."""
    assert isinstance(gateway, Probes), "only such a gateway has requests to withdraw"
    recorder = Recorder.now(context, site)
    claimed = claimed_until(gateway, recorder.at)

    def claim(turn: Turn) -> Payment | None:
        payment = payments.get(turn, site.id, operation.payment)
        if payment.requests and not (payment := drop_others(turn, recorder, payment)).requests:
            write_unpaid(turn, recorder, payment, operation, Evidence.E7)
            return None
        operations.claim(turn, operation, context.owner, claimed)
        return in_turn(payment, operation.tries // 2)

    intended_at = context.clock.boot_seconds()
    payment = await context.ledger.write(claim)
    if payment is None:
        return
    exchange = gateway.probe_unpaid(payment, recorder.stamp)
    tried = replace(operation, tries=operation.tries + 1)
    conversation = await talk(context, site, gateway, exchange, intended_at=intended_at, operation=tried)
    recorder = Recorder.now(context, site)
    note_after_window(context, site, gateway, payment, conversation)

    def record(turn: Turn) -> None:
        recorder.journal(turn, payment, conversation)
        current = still_ours(turn, operation, conversation.outcome)
        if current is not None:
            _record(turn, recorder, gateway, current, conversation.outcome, payment.requests)

    await write_down(context, record)


def still_ours(turn: Turn, claimed: Operation, outcome: Probing) -> Operation | None:
    """Read the operation as it stands, where this try may write: nobody tried since, or the request surely ended."""
    current = operations.get(turn, claimed.site, claimed.id)
    assert current is not None, "operations are never deleted"
    mine = current.tries == claimed.tries + 1 or isinstance(outcome, Unpaid)
    return current if mine and current.step in PENDING_STEPS else None


def _record(
    turn: Turn, recorder: Recorder, gateway: Gateway, probe: Operation, outcome: Probing, asked: tuple[str, ...]
) -> None:
    """Write down what a try proves; `asked` are the requests that it knew of, the first of which it was about."""
    payment = payments.get(turn, recorder.site.id, probe.payment)
    if isinstance(outcome, Unpaid):
        payment = end_request(turn, recorder, payment, outcome.request, BRIDGE)
        if outcome.request and payment.requests:
            operations.try_again(turn, probe, next_try_at=recorder.at)
        else:
            write_unpaid(turn, recorder, payment, probe, Evidence.E6, outcome.code)
        return
    if asked and asked[0] not in payment.requests:  # its withdrawal was told meanwhile
        operations.try_again(turn, probe, next_try_at=recorder.at)
        return
    code, message = getattr(outcome, "code", ""), getattr(outcome, "message", "") or getattr(outcome, "why", "")
    detail = f"the gateway will not say whether this was paid: {code} {message}".strip()
    since = to_ms(probe.sent_at)
    if isinstance(outcome, PerhapsPaid):
        payment = hold_order(turn, recorder, payment)
    if (
        probe.step is Step.UNKNOWN
        and is_late(gateway, waited_ms(recorder.context, probe, recorder.stamp))
        and not isinstance(outcome, NotSent)
    ):
        again = after_human(since, recorder.at)
        operations.step(turn, probe, Step.NEEDS_HUMAN, at=recorder.at, code=code, message=message, next_try_at=again)
        needs_human(turn, recorder, hold_order(turn, recorder, payment), code, message, detail)
        return
    next_try_at = recorder.at + pause_ms(ASK_SECONDS, probe.tries // 2)
    if probe.tries // 2 + 1 < len(payment.requests):
        next_try_at = recorder.at  # none may wait for what is not known of another
    if probe.step is Step.NEEDS_HUMAN:
        next_try_at = after_human(since, recorder.at)
        if payment.state == State.UNKNOWN:  # its order became free meanwhile
            needs_human(turn, recorder, payment, code, message, detail)
    operations.try_again(turn, probe, next_try_at=next_try_at, code=code, message=message)


def write_unpaid(
    turn: Turn, recorder: Recorder, payment: Payment, probe: Operation | None, evidence: Evidence, code: str = ""
) -> None:
    """Write that the request ended unpaid: by its withdrawal, or by the gateway's own word."""
    if probe is not None:
        operations.step(turn, probe, Step.OK, at=recorder.at, evidence=evidence, code=code)
    cases.close_case(turn, payment.id, "unknown_outcome", f"settled by {evidence}", recorder.at)
    if payment.state == State.OPEN:
        write_expired(turn, recorder, payment, evidence)
    elif payment.state in (State.UNKNOWN, State.NEEDS_HUMAN):
        recorder.declined(turn, payment, Declined(Reason.NEVER_HAPPENED, "", ""), evidence, BRIDGE)
