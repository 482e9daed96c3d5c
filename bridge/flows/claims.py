"""Binds a gateway's number to one payment: a buyer who comes back with another's could have that taken back."""

from typing import Protocol

from bridge.domain.failures import NotGenuine
from bridge.domain.gateway import NamesByReturn
from bridge.domain.payment import Payment
from bridge.domain.windows import Return
from bridge.flows.context import Context
from bridge.flows.sites import Site
from bridge.ledger import replay
from bridge.ledger.ledger import Turn


class _Theirs(Protocol):
    """What a buyer came back to: a payment, or a billing key."""

    @property
    def id(self) -> str: ...
    @property
    def gateway(self) -> str: ...


async def refuse_claimed(context: Context, theirs: _Theirs, returned: Return) -> None:
    """Make sure that no other payment was approved with what a return claims. Raises NotGenuine."""
    if returned.claims:
        known = await context.ledger.read(lambda turn: replay.claimant(turn, theirs.gateway, returned.claims))
        if known not in ("", theirs.id):
            raise NotGenuine("The return is the one of another payment's window.")


def claim_number(turn: Turn, site: Site, payment: Payment, at: int) -> None:
    """Bind the gateway's number of what was paid to its payment, where no return had brought it (a charge, a notice)
    and a return's number is all that a net-cancel needs; `at` in milliseconds."""
    gateway = site.gateways.get(payment.gateway)
    number = payment.refs.get(gateway.claimed, "") if isinstance(gateway, NamesByReturn) else ""
    if number:
        replay.claim(turn, payment.gateway, number, payment.id, at)
