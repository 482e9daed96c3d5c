"""Takes back a refund by transfer that the gateway has only registered; what came of it, its status alone says."""

from contextlib import suppress
from dataclasses import dataclass

from bridge.domain.failures import Conflict, NotNow, RefundRefused
from bridge.domain.gateway import Done
from bridge.domain.machine import PENDING_STEPS, Step
from bridge.domain.payment import Payment
from bridge.domain.services import Transfers
from bridge.flows.context import Context
from bridge.flows.record import Recorder
from bridge.flows.refund import find_refund
from bridge.flows.sites import Site
from bridge.flows.snapshots import is_accepted
from bridge.flows.talk import talk
from bridge.flows.transfer import ask_for_transfer, is_transfer
from bridge.flows.write_down import write_down
from bridge.ledger import gap, operations, payments
from bridge.ledger.ledger import Turn
from bridge.ledger.operations import Operation

CAME_TO = {Step.OK: "made", Step.FAIL: "not_made"}
"""What became of a transfer, by the step of its refund; any other: nobody knows yet."""


@dataclass(frozen=True, slots=True)
class TakenBack:
    """The refund after the gateway was asked to cancel its transfer, and the gateway's own no, if it said one."""

    refund: Operation
    code: str = ""
    message: str = ""

    @property
    def transfer(self) -> str:
        """Say what became of the transfer: not_made, made or not_known."""
        return CAME_TO.get(self.refund.step, "not_known")


async def cancel_transfer(context: Context, site: Site, refund_id: str, actor: str) -> TakenBack:
    """Ask the gateway to cancel a registered transfer, then where it stands; may be asked again.

    The transfer may be on its way at that moment: the cancel's own answer settles nothing. Raises NotFound, NotNow
    (over, or nobody knows yet whether it was registered), RefundRefused (no transfer), Reconciling.
    """
    await find_refund(context, site, refund_id)
    recorder = Recorder.now(context, site)
    intended_at = context.clock.boot_seconds()
    payment, refund = await context.ledger.write(lambda turn: _begin(turn, recorder, refund_id, actor))
    gateway = site.gateway(payment.gateway)
    assert isinstance(gateway, Transfers), "checked when it began"
    exchange = gateway.cancel_transfer(payment, refund.refs, recorder.stamp)
    conversation = await talk(context, site, gateway, exchange, intended_at=intended_at, operation=None)
    recorder, outcome = Recorder.now(context, site), conversation.outcome
    with suppress(Conflict):
        await write_down(context, lambda turn: recorder.journal(turn, payment, conversation))
    with suppress(Conflict):
        await ask_for_transfer(context, site, gateway, refund)
    found = await find_refund(context, site, refund_id)
    if isinstance(outcome, Done):
        return TakenBack(found)
    return TakenBack(
        found, getattr(outcome, "code", ""), getattr(outcome, "message", "") or getattr(outcome, "why", "")
    )


def _begin(turn: Turn, recorder: Recorder, refund_id: str, actor: str) -> tuple[Payment, Operation]:
    """Check in the turn that writes down who asked for it."""
    gap.refuse(turn, recorder.site.id)
    refund = operations.get(turn, recorder.site.id, refund_id)
    assert refund is not None, "operations are never deleted"
    payment = payments.get(turn, recorder.site.id, refund.payment)
    if refund.step not in PENDING_STEPS:
        raise NotNow(f"This refund is over: {refund.step}. There is no transfer to cancel.", state=str(refund.step))
    if not is_transfer(refund) or not isinstance(recorder.site.gateway(payment.gateway), Transfers):
        raise RefundRefused("This refund is no transfer; what a gateway has given back nobody can take back.")
    if not is_accepted(refund) or not refund.refs:
        raise NotNow(
            "The gateway has not answered that it registered this transfer; there is no number to cancel it by."
        )
    return recorder.note(turn, payment, "transfer.cancel_sent", {"amount": refund.amount}, actor=actor), refund
