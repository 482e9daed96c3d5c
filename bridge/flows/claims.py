"""Binds a gateway's number to one payment: a buyer who comes back with another's could have that taken back."""

from collections.abc import Mapping
from typing import Protocol

from bridge.domain.failures import NotGenuine
from bridge.domain.gateway import NamesByReturn, Probes
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
    and that number is all that taking it back needs, or withdrawing its request; `at` in milliseconds.

    Also where another's return had brought it: that it did is a browser's word, and whose it is the gateway's.
    """
    number = payment.refs.get(_bound_by(site.gateways.get(payment.gateway)), "")
    if number and not replay.claim(turn, payment.gateway, number, payment.id, at):
        replay.rebind(turn, replay.EVERYWHERE, replay.claim_key(payment.gateway, number), payment.id)


def _bound_by(gateway: object) -> str:
    """Name the number that belongs to one payment alone, or nothing."""
    if isinstance(gateway, NamesByReturn):
        return gateway.claimed
    return gateway.request_number if isinstance(gateway, Probes) else ""


def was_paid_by_another(turn: Turn, payment: Payment, number: str) -> bool:
    """Tell whether another payment was paid by a request that a browser has named as this one's."""
    return replay.claimant(turn, payment.gateway, number) not in ("", payment.id)


def is_anothers(turn: Turn, gateway: object, payment: Payment, returned: Mapping[str, str]) -> bool:
    """Tell whether what a payment's return brought has turned out to be another payment's own number."""
    if not isinstance(gateway, NamesByReturn):
        return False
    known = {replay.claimant(turn, payment.gateway, value) for value in returned.values()}
    return bool(known - {"", payment.id})
