"""What the bridge holds about itself: checks of the books, alarms, seals, and who looked at whose data."""

from typing import Any

from starlette.responses import Response

from bridge.domain.failures import Malformed
from bridge.ledger import alarms, anchors, checks, looks, seals
from bridge.ledger.ledger import Turn
from bridge.web.dashboard.access import Visit

LOOKS_SHOWN = 50
CURSOR_CHARACTERS = 26


async def show_records(visit: Visit) -> Response:
    """Show the last checks, the alarms, each site's seal and anchors, and the access log, newest first."""
    before = visit.request.query_params.get("before", "")
    if before and (len(before) != CURSOR_CHARACTERS or not before.isalnum()):
        raise Malformed("The cursor is not ours.")

    def look(turn: Turn) -> dict[str, Any]:
        return {
            "checked": checks.last(turn),
            "checked_all": checks.last(turn, full=True),
            "alarms": alarms.raised(turn),
            "seals": [
                (site.id, *seals.last_of(turn, site.id), anchors.compared_at(turn, site.id)) for site in visit.sites
            ],
            "broken": {one.site: one for one in anchors.breaks(turn)},
            "looks": looks.recent(turn, LOOKS_SHOWN + 1, before),
        }

    found = await visit.context.ledger.read(look)
    more = found["looks"][LOOKS_SHOWN - 1]["id"] if len(found["looks"]) > LOOKS_SHOWN else ""
    found["looks"] = found["looks"][:LOOKS_SHOWN]
    return visit.show("records.html", **found, more=more)
