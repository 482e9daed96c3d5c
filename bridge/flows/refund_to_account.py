"""What an operator does about refunds to accounts, whatever the door: once, of any site, and looked up at a wish."""

import json
from contextlib import suppress
from typing import Any

from bridge.domain.failures import Conflict, NotFound, NotNow, RefundRefused
from bridge.domain.gateway import Gateway
from bridge.domain.machine import Step
from bridge.domain.payment import Method, Payment
from bridge.domain.services import Transfers
from bridge.flows.cancel_transfer import TakenBack
from bridge.flows.context import Context
from bridge.flows.open_checkout import Once
from bridge.flows.refund import REFUNDABLE, RefundWish, find_refund, once_of_command
from bridge.flows.sites import Site
from bridge.flows.snapshots import refund_json
from bridge.flows.transfer import ask_for_transfer, is_transfer, may_go_to_account
from bridge.ledger import gap, payments
from bridge.ledger.ledger import Turn
from bridge.ledger.operations import Operation

LOOKED_FOR = (Step.UNKNOWN, Step.NEEDS_HUMAN)


def once_of_refund(context: Context, key: str, wish: RefundWish) -> Once:
    """Make the once of an operator's refund: the key counts for these words; of the account only its blind is kept."""
    asked: list[str | int | None] = [wish.payment, wish.amount, wish.reason]
    if wish.account is not None:
        to = wish.account
        asked.append(context.vault.blind(f"{to.bank}:{to.number}:{to.holder}:{to.born}"))
    return once_of_command(context, key, json.dumps(asked, ensure_ascii=False))


def offers_account(gateway: Gateway | None, payment: Payment, refund: str) -> bool:
    """Tell whether an operator is offered a refund to an account: a deposit's, which no gateway gives back as it came.

    `refund` is what `allowed` says of it: by_hand, where nothing else is under way.
    """
    if gateway is None or payment.state not in REFUNDABLE or payment.method is not Method.VIRTUAL_ACCOUNT:
        return False
    return refund == "by_hand" and may_go_to_account(gateway, payment)


def waits_for_transfer(gateway: Gateway | None, operation: Operation) -> bool:
    """Tell whether a refund's transfer has no end yet, and the gateway can be asked for it."""
    waits = is_transfer(operation) and operation.step in LOOKED_FOR
    return waits and isinstance(gateway, Transfers)


async def site_of_payment(context: Context, payment_id: str) -> Site:
    """Find the site a payment is of. Raises NotFound."""
    return context.sites.get(await context.ledger.read(lambda turn: payments.site_of(turn, payment_id)))


async def site_of_refund(context: Context, refund_id: str) -> Site:
    """Find the site a refund is of. Raises NotFound."""
    find = "SELECT site FROM operations WHERE id = ? AND kind = 'refund'"
    row = await context.ledger.read(lambda turn: turn.one(find, refund_id))
    if row is None:
        raise NotFound("There is no such refund; the refunds of a payment are shown with it.")
    return context.sites.get(str(row["site"]))


async def look_at_transfer(context: Context, site: Site, refund_id: str) -> Operation:
    """Ask the gateway now where a transfer stands, as the bridge does each minute by itself.

    Raises NotFound, NotNow (over, or still being asked for), RefundRefused (no transfer), Reconciling (its end may be
    in what the shop has still to hand over, which goes on from the backup's rows).
    """
    refund = await find_refund(context, site, refund_id)

    def work(turn: Turn) -> Payment:
        if gap.is_deaf(turn, site.id):
            gap.refuse(turn, site.id)
        return payments.get(turn, site.id, refund.payment)

    payment = await context.ledger.read(work)
    gateway = site.gateway(payment.gateway)
    if refund.step not in LOOKED_FOR:
        raise NotNow(f"There is nothing to look up now: this refund is {refund.step}.", state=str(refund.step))
    if not waits_for_transfer(gateway, refund):
        raise RefundRefused("This refund is no transfer; the bridge looks for its outcome by itself.")
    with suppress(Conflict):  # somebody else has just written what it said
        await ask_for_transfer(context, site, gateway, refund)
    return await find_refund(context, site, refund_id)


def taken_back_json(done: TakenBack) -> dict[str, Any]:
    """Show what became of a transfer that was to be cancelled, and the gateway's own no."""
    said = {"gateway_code": done.code, "gateway_message": done.message}
    return {"transfer": done.transfer} | refund_json(done.refund) | {name: text for name, text in said.items() if text}
