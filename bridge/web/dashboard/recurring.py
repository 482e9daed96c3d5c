"""What customers registered to be charged again: billing keys, and the gateways' own plans; only to be looked at."""

from starlette.responses import Response

from bridge.ledger import billing_keys, plans
from bridge.web.dashboard.access import Visit
from bridge.web.dashboard.bundle import show_card

SHOWN = 100


async def show_recurring(visit: Visit) -> Response:
    """Show the newest keys and plans of all sites."""
    keys = await visit.context.ledger.read(lambda turn: billing_keys.newest(turn, SHOWN))
    found = await visit.context.ledger.read(lambda turn: plans.newest(turn, SHOWN))
    titles = {(site.id, name): gateway.title for site in visit.sites for name, gateway in site.gateways.items()}
    cards = [(key, show_card(key.card)) for key in keys]
    return visit.show("recurring.html", keys=cards, plans=found, titles=titles, shown=SHOWN)
