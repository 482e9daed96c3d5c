"""The list of payments and the search among them. What is searched for is posted, so that no address holds it."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from urllib.parse import urlencode

from starlette.responses import Response

from bridge.clock import to_ms
from bridge.domain.exchange import KST
from bridge.domain.failures import Malformed
from bridge.domain.machine import State
from bridge.ledger import search
from bridge.ledger.search import Wanted
from bridge.web.dashboard.access import Visit

FILTERS = ("state", "site", "gateway", "day")
TEXT_CHARACTERS_MAX = 100
CURSOR_CHARACTERS = 26


async def show_payments(visit: Visit) -> Response:
    """List payments, newest first, by the filters of the address."""
    return await _list(visit, visit.request.query_params, text="")


async def search_payments(visit: Visit) -> Response:
    """List what the posted text and filters find; the access log says that somebody searched, and not for what."""
    await visit.note_look("search", "")
    return await _list(visit, visit.form, text=visit.form.get("q", "").strip()[:TEXT_CHARACTERS_MAX])


async def _list(visit: Visit, given: Mapping[str, str], text: str) -> Response:
    chosen = {name: given.get(name, "") for name in FILTERS}
    wanted = read_wanted(chosen)
    sites = [site.id for site in visit.sites if chosen["site"] in ("", site.id)]
    cursor = given.get("cursor", "")
    if cursor and (len(cursor) != CURSOR_CHARACTERS or not cursor.isalnum()):
        raise Malformed("The cursor is not ours.")
    page = await visit.context.ledger.read(lambda turn: search.find(turn, sites, wanted, text=text, cursor=cursor))
    gateways = sorted({name for site in visit.sites for name in site.gateways})
    kept = {name: value for name, value in chosen.items() if value}
    return visit.show(
        "payments.html",
        page=page,
        chosen=chosen,
        text=text,
        cursor=cursor,
        next_query=urlencode(kept | {"cursor": page.next_cursor}),
        filtered=bool(kept or text),
        states=list(State),
        gateways=gateways,
        sites=visit.sites,
        scan_max=search.SCAN_MAX,
    )


def read_wanted(chosen: Mapping[str, str]) -> Wanted:
    """Read the filters. Raises Malformed for a state or day that is none."""
    if chosen["state"] and chosen["state"] not in set(State):
        raise Malformed("There is no such state.")
    since, until = None, None
    if chosen["day"]:
        try:
            day = datetime.strptime(chosen["day"], "%Y-%m-%d").replace(tzinfo=KST)
            since, until = to_ms(day), to_ms(day + timedelta(days=1))
        except (ValueError, OverflowError) as error:
            raise Malformed("A day looks like 2026-11-20.") from error
    return Wanted(chosen["state"], chosen["gateway"], "", since, until)
