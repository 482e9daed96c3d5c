"""The gateways a storm rages over, one row a set-up. A new gateway is a new row."""

from functools import cache

from bridge.domain.gateway import Gateway
from bridge.domain.payment import Mode
from bridge.gateways import build
from tests.storm.gateways import mainpay, payapp, payple, paystory, welcome
from tests.storm.gateways.setup import Setup

SETUPS: tuple[Setup, ...] = (*mainpay.SETUPS, paystory.SETUP, payple.SETUP, welcome.SETUP, payapp.SETUP)
MODES: dict[str, Setup] = {"payple": payple.AT_ONCE}
"""The other mode of a set-up's window, in some schedules instead of it."""
IN_ESCROW: dict[str, Setup] = {"welcome": welcome.IN_ESCROW}
"""The set-up whose windows are in escrow, likewise."""
EVERY: tuple[Setup, ...] = (*SETUPS, *MODES.values(), *IN_ESCROW.values())


@cache
def adapter(setup: str) -> Gateway:
    """Make the bridge's own gateway of a set-up."""
    one = next(one for one in EVERY if one.name == setup)
    return build(one.gateway, one.settings(one.origin), Mode.TEST)
