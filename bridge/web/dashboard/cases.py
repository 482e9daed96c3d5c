"""What only a person may decide, with the evidence there is."""

from dataclasses import dataclass

from starlette.responses import Response

from bridge.ledger import cases
from bridge.ledger.ledger import Row, Turn
from bridge.web.dashboard.access import Visit
from bridge.web.dashboard.timeline import Books, read_books

CASES_MAX = 50
CALLS_SHOWN = 4


@dataclass(frozen=True, slots=True)
class Opened:
    """An open case with its payment's books."""

    case: Row
    books: Books

    @property
    def last_calls(self) -> list[Row]:
        """The last conversations with the gateway, newest first."""
        return self.books.calls[: -CALLS_SHOWN - 1 : -1]


async def show_cases(visit: Visit) -> Response:
    """Show the open cases, oldest first."""

    def look(turn: Turn) -> list[Opened]:
        rows = [row for site in visit.sites for row in cases.open_cases(turn, site.id, CASES_MAX)]
        rows.sort(key=lambda row: int(row["opened_at"]))
        return [Opened(row, read_books(turn, row["site"], row["payment"])) for row in rows[:CASES_MAX]]

    return visit.show("cases.html", opened=await visit.context.ledger.read(look))
