"""The sites this bridge serves: their mode, keys' states, gateways and notice addresses. Never a secret."""

from starlette.responses import Response

from bridge.flows.run_command import commands_of
from bridge.flows.urls import notice_urls
from bridge.web.dashboard.access import Visit


async def show_sites(visit: Visit) -> Response:
    """Show every site. Notice addresses are as good as keys: a viewer does not see them."""
    trusted = visit.session.operator.role == "operator"
    addresses = {site.id: notice_urls(visit.context, site) for site in visit.sites} if trusted else {}
    commanded = {site.id for site in visit.sites if trusted and commands_of(site)}
    return visit.show("sites.html", sites=visit.sites, addresses=addresses, trusted=trusted, commanded=commanded)
