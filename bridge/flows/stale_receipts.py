"""Cash receipts whose answer nobody waits for any more: the bridge died over it, or it was lost.

No gateway can be asked about a receipt. What may have been issued is a person's, for a second one would be another tax
document. A cancel does no more when it is sent again: it is, and what has no outcome then is a person's too. One that
cannot be sent is tried for about an hour, ever more seldom, and then a person's.
"""

from bridge.clock import now_ms
from bridge.domain.failures import Conflict, GatewayOff
from bridge.domain.payment import Payment
from bridge.flows.cancel_receipt import carry_out_cancel
from bridge.flows.context import Context
from bridge.flows.issue_receipt import issuer_of
from bridge.flows.move_receipt import hand_to_person
from bridge.flows.pace import RECEIPT_SECONDS, receipt_pause_ms
from bridge.flows.record import Recorder
from bridge.flows.sites import Site
from bridge.ledger import gap, payments, receipts
from bridge.ledger.ledger import Turn
from bridge.ledger.questions import Question
from bridge.ledger.receipts import Receipt, ReceiptState

AT_ONCE = 100
STOPPED = "the bridge stopped before the answer was written down"
NEVER_SENT = "it could not be sent for about an hour"
OFF = "its answer was lost, and the site has its gateway no more"


def receipts_stale(at: int) -> list[Question]:
    """Ask whether nobody waits any more for a receipt under way at a moment (milliseconds)."""
    return [receipts.any_due(at)]


async def end_stale_receipts(context: Context) -> None:
    """Hand what was issued without an answer to a person, and repeat cancels.

    After a restore nothing is handed over before the gap has ended: till then the shop may know, and a case would keep
    it from selling. Cancels are repeated as soon as the shop has told what it knows.
    """
    at = now_ms(context.clock)
    found = await context.ledger.read(lambda turn: receipts.due(turn, at, AT_ONCE))
    for receipt in found:
        site = context.sites.find(receipt.site)
        if site is None or context.tasks.find(f"receipt:{receipt.id}") is not None:
            continue
        try:
            claimed = await _claim(context, site, receipt)
        except Conflict:
            continue
        if claimed is not None:
            issuer = issuer_of(site, claimed[1])
            cancelling = carry_out_cancel(context, site, issuer, *claimed, again=True, by_itself=True)
            context.tasks.begin(f"receipt:{receipt.id}", cancelling)


async def _claim(context: Context, site: Site, receipt: Receipt) -> tuple[Receipt, Payment] | None:
    """Claim the next try of its cancel, for this bridge alone; None where it became a person's. Raises Conflict."""
    recorder = Recorder.now(context, site)

    def work(turn: Turn) -> tuple[Receipt, Payment] | None:
        payment = payments.get(turn, receipt.site, receipt.payment)
        if receipt.state is ReceiptState.ISSUING:
            hand_to_person(turn, recorder, receipt, "", STOPPED)
            return None
        is_off, is_last = _is_off(site, payment), receipt.tries >= len(RECEIPT_SECONDS) - 1
        is_gone = is_off and payment.gateway not in site.refused  # those settings may be mended within the hour
        if (is_gone or is_last) and not gap.is_open(turn, site.id):
            hand_to_person(turn, recorder, receipt, "", OFF if is_gone else NEVER_SENT)
            return None
        claimed = receipts.take_up(turn, receipt, recorder.at + receipt_pause_ms(receipt.tries + 1))
        return None if is_off else (claimed, payment)

    return await context.ledger.write(work)


def _is_off(site: Site, payment: Payment) -> bool:
    """Tell whether the site has what issued a payment's receipts no more."""
    try:
        issuer_of(site, payment)
    except GatewayOff:
        return True
    return False
