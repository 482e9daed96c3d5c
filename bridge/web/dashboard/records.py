"""What the bridge holds about itself: checks of the books, alarms, seals, commands, and who looked at whose data."""

import json
from typing import Any

from starlette.responses import Response

from bridge.domain.failures import Malformed
from bridge.ledger import alarms, anchors, checks, commands, looks, seals
from bridge.ledger.ledger import Turn
from bridge.web.dashboard.access import Visit

LOOKS_SHOWN = 50
COMMANDS_SHOWN = 20
CURSOR_CHARACTERS = 26


async def show_records(visit: Visit) -> Response:
    """Show the last checks, the alarms, each site's seal and anchors, the newest commands, and the access log."""
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
            "commands": [(row, json.loads(row["detail"])) for row in commands.newest(turn, COMMANDS_SHOWN)],
            "looks": looks.recent(turn, LOOKS_SHOWN + 1, before),
        }

    found = await visit.context.ledger.read(look)
    more = found["looks"][LOOKS_SHOWN - 1]["id"] if len(found["looks"]) > LOOKS_SHOWN else ""
    found["looks"] = found["looks"][:LOOKS_SHOWN]
    return visit.show("records.html", **found, more=more)
