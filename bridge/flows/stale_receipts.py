"""Cash receipts whose answer nobody waits for any more: the bridge died over it, or it was lost.

No gateway can be asked about a receipt. What may have been issued is a person's, for a second one would be another tax
document. A cancel does no more when it is sent again: it is, once, and what has no outcome then is a person's too.
"""

from bridge.clock import now_ms
from bridge.domain.failures import Conflict, GatewayOff
from bridge.domain.payment import Payment
from bridge.flows.context import Context
from bridge.flows.issue_receipt import carry_out_cancel, hand_to_person, issuer_of
from bridge.flows.move_receipt import move_receipt
from bridge.flows.pace import STALE_SECONDS
from bridge.flows.record import Recorder
from bridge.flows.sites import Site
from bridge.ledger import payments, receipts
from bridge.ledger.ledger import Turn
from bridge.ledger.receipts import Receipt, ReceiptState

AT_ONCE = 100
STOPPED = "the bridge stopped before the answer was written down"
OFF = "its answer was lost, and the site has its gateway no more"


async def end_stale_receipts(context: Context) -> None:
    """Hand what was issued without an answer to a person, and repeat cancels.

    After a restore not before the gap has ended: till then the shop may know, and a case would keep it from selling.
    """
    before = now_ms(context.clock) - STALE_SECONDS * 1000
    found = await context.ledger.read(lambda turn: receipts.stale(turn, before, AT_ONCE))
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
    """Write that its cancel is sent again, by this bridge alone; None where it became a person's. Raises Conflict."""
    recorder = Recorder.now(context, site)

    def work(turn: Turn) -> tuple[Receipt, Payment] | None:
        payment = payments.get(turn, receipt.site, receipt.payment)
        if receipt.state is ReceiptState.ISSUING:
            hand_to_person(turn, recorder, receipt, "", STOPPED)
            return None
        try:
            issuer_of(site, payment)
        except GatewayOff:
            hand_to_person(turn, recorder, receipt, "", OFF)
            return None
        return move_receipt(turn, recorder, receipt, ReceiptState.CANCELLING), payment

    return await context.ledger.write(work)
