"""Has a virtual account issued without a window, for an order that the shop's own page takes (무통장 입금)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from bridge.domain.exchange import Exchange
from bridge.domain.failures import GatewayOff, Malformed
from bridge.domain.gateway import Approval
from bridge.domain.payment import Method, Order, Payment
from bridge.domain.services import IssuesAccounts
from bridge.flows.context import Context
from bridge.flows.direct_payment import DirectWish, pay_directly
from bridge.flows.finish_checkout import Visit
from bridge.flows.open_checkout import Once
from bridge.flows.sites import Site
from bridge.ledger.operations import Operation

DUE_DAYS_MAX = 30


@dataclass(frozen=True, slots=True)
class AccountWish:
    """An account that is asked for: of that bank (the gateway's code), payable until `due`."""

    order: Order
    bank: str
    due: datetime
    actor: str
    gateway: str = ""


async def issue_account(context: Context, site: Site, wish: AccountWish, once: Once) -> Visit:
    """Have the account issued, by the first gateway that is up and can say what the order asks; then await its deposit.

    Raises GatewayOff where no gateway of the site issues accounts so, Malformed for a day too late or past, and what
    `pay_directly` raises.
    """
    able = [one for one in site.in_order(wish.gateway) if isinstance(one, IssuesAccounts)]
    if not able:
        raise GatewayOff("No gateway of this site issues accounts without its window.")
    now = context.clock.now()
    if not now < wish.due <= now + timedelta(days=DUE_DAYS_MAX):
        raise Malformed(f"due must be within the next {DUE_DAYS_MAX} days.")

    def speak(gateway: IssuesAccounts, payment: Payment, operation: Operation) -> Exchange[Approval]:
        return gateway.issue_account(payment, wish.order, wish.bank, wish.due, operation.stamp)

    direct = DirectWish("issue_account", wish.order, Method.VIRTUAL_ACCOUNT, wish.actor)
    return await pay_directly(context, site, able, direct, once, speak)
