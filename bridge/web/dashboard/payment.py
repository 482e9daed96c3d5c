"""One payment: its state in words, its facts, and all that happened to it."""

from collections.abc import Mapping

from starlette.responses import Response

from bridge.domain.failures import NotFound
from bridge.domain.machine import PENDING_STEPS
from bridge.ledger.ledger import Turn
from bridge.web.dashboard.access import Visit
from bridge.web.dashboard.bundle import show_card, write_bundle
from bridge.web.dashboard.timeline import Books, read_books, timeline
from bridge.web.masks import mask_account, mask_name

ID_CHARACTERS = 26


async def show_payment(visit: Visit) -> Response:
    """Show one payment of any site of this bridge. Raises NotFound."""
    wanted = visit.request.path_params["payment"]
    sites = visit.sites
    books = await visit.context.ledger.read(lambda turn: _find(turn, [site.id for site in sites], wanted))
    await visit.note_look("payment", books.payment.id)
    site = next(one for one in sites if one.id == books.payment.site)
    gateway = site.gateways.get(books.payment.gateway)
    return visit.show(
        "payment.html",
        books=books,
        payment=books.payment,
        order=books.order,
        site=site,
        gateway_title=gateway.title if gateway else books.payment.gateway,
        card=show_card(books.payment.card),
        account=_show_account(books.payment.account),
        events=timeline(books, visit.lang),
        bundle=write_bundle(books, site),
        pending=[one for one in books.operations if one.step in PENDING_STEPS],
        open_cases=[row for row in books.cases if row["state"] in ("open", "refunding")],
    )


def _find(turn: Turn, sites: list[str], wanted: str) -> Books:
    if len(wanted) != ID_CHARACTERS:
        raise NotFound("There is no such payment.")
    for site in sites:
        try:
            return read_books(turn, site, wanted)
        except NotFound:
            continue
    raise NotFound("There is no such payment.")


def _show_account(account: Mapping[str, str]) -> dict[str, str]:
    masked = {"number": mask_account, "holder": mask_name}
    return {name: masked.get(name, str)(text) for name, text in account.items()}
