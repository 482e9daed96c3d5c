"""A second bridge on the same books: it shares the clock, the network and the gateway, and nothing in memory."""

import copy

from bridge.app import build_app, build_context
from bridge.flows.recover import recover_at_boot
from tests.support.wire import LocalWire
from tests.support.world import World


async def beside(world: World) -> World:
    """Start another bridge on a world's database, and give the world as it is seen from there."""
    other = copy.copy(world)
    other.context = build_context(world.settings, clock=world.clock, wire=LocalWire(world.clock, world.net))
    other.app = build_app(other.context)
    await other.context.sites.refresh()
    await recover_at_boot(other.context)
    return other
