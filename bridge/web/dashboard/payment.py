"""One payment: its state in words, its facts, all that happened to it, and a refund."""

import re
from collections.abc import Mapping
from datetime import datetime

from starlette.responses import RedirectResponse, Response

from bridge.clock import stamp
from bridge.domain.failures import CallerError, Malformed, NotFound
from bridge.domain.machine import PENDING_STEPS, Kind
from bridge.domain.payment import parse_account, parse_amount
from bridge.flows.issue_receipt import overstated
from bridge.flows.log_in import prove
from bridge.flows.refund import RefundWish, refund
from bridge.flows.refund_to_account import offers_account, once_of_refund, waits_for_transfer
from bridge.flows.sites import Site
from bridge.flows.snapshots import allowed, is_accepted, pay_back, slip_json
from bridge.ledger import receipts
from bridge.ledger.ledger import Turn
from bridge.web.dashboard.access import HOME, Visit
from bridge.web.dashboard.bundle import show_card, write_bundle
from bridge.web.dashboard.timeline import Books, read_books, timeline
from bridge.web.errors import answer_of, korean_of
from bridge.web.masks import mask_account, mask_name
from bridge.web.pages import base_path, kst

ID_CHARACTERS = 26
REASON_CHARACTERS_MAX = 200
KEY = re.compile(r"[0-9a-f]{32}")


async def show_payment(visit: Visit) -> Response:
    """Show one payment of any site of this bridge. Raises NotFound."""
    return await payment_page(visit)


async def refund_payment(visit: Visit) -> Response:
    """Give money back, for an operator who typed the password again; the page's key counts once. Raises NotFound."""
    return await give_back(visit, to_account=False)


async def refund_to_account(visit: Visit) -> Response:
    """Give money back to the account typed, by the same rules. Raises NotFound."""
    return await give_back(visit, to_account=True)


async def give_back(visit: Visit, *, to_account: bool) -> Response:
    """Read the form, prove the operator, and refund once. Raises NotFound."""
    site, payment_id, form = await site_of(visit), visit.request.path_params["payment"], visit.form
    try:
        actor = visit.acting()
        amount, key, reason = parse_amount(form.get("amount", "")), form.get("key", ""), form.get("reason", "").strip()
        if not KEY.fullmatch(key) or not 1 <= len(reason) <= REASON_CHARACTERS_MAX or not reason.isprintable():
            raise Malformed("A refund has a reason, and the key of its page.")
        left = parse_amount(form.get("left", ""))
        typed = [form.get(name, "") for name in ("bank", "number", "holder", "born")]
        account = parse_account(*typed) if to_account else None
        await prove(visit.context, visit.attempt(form.get("password", "")))
        wish = RefundWish(payment_id, amount, reason, actor, capped=False, account=account, left=left)
        await refund(visit.context, site, wish, once_of_refund(visit.context, key, wish))
    except CallerError as error:
        return await payment_page(visit, error)
    return back_to_payment(visit)


def back_to_payment(visit: Visit) -> Response:
    """Lead to the payment's page, so that loading it again asks nothing anew."""
    address = f"{base_path(visit.context)}{HOME}/payments/{visit.request.path_params['payment']}"
    return RedirectResponse(address, 303, headers={"Cache-Control": "no-store"})


async def site_of(visit: Visit) -> Site:
    """Find the site of the page's payment. Raises NotFound."""
    wanted = visit.request.path_params["payment"]
    books = await visit.context.ledger.read(lambda turn: _find(turn, [site.id for site in visit.sites], wanted))
    return next(one for one in visit.sites if one.id == books.payment.site)


async def payment_page(visit: Visit, error: CallerError | None = None) -> Response:
    """Make the page, with a no above its form. Raises NotFound."""
    wanted = visit.request.path_params["payment"]
    sites = visit.sites
    books = await visit.context.ledger.read(lambda turn: _find(turn, [site.id for site in sites], wanted))
    await visit.note_look("payment", books.payment.id)
    site = next(one for one in sites if one.id == books.payment.site)
    gateway = site.gateways.get(books.payment.gateway)
    may = allowed(gateway, books.payment, books.operations, stamp(visit.context.clock))
    acts = visit.session.operator.role == "operator"
    kept = await visit.context.ledger.read(lambda turn: receipts.of_payment(turn, books.payment.id))
    return visit.show(
        "payment.html",
        status=200 if error is None else answer_of(error)[0],
        books=books,
        payment=books.payment,
        order=books.order,
        site=site,
        gateway_title=gateway.title if gateway else books.payment.gateway,
        card=show_card(books.payment.card),
        account=_show_account(books.payment.account),
        receipts=kept,
        receipt_over=overstated(books.payment, kept),
        events=timeline(books, visit.lang),
        bundle=write_bundle(books, site),
        pending=[one for one in books.operations if one.step in PENDING_STEPS],
        accepted={one.id: pay_back(one.refs).get("pay_back") for one in books.operations if is_accepted(one)},
        open_cases=[row for row in books.cases if row["state"] == "open"],
        slip_url=slip_json(site, books.payment).get("receipt_url", ""),
        may=may,
        refundable=may["refundable"] if acts else 0,
        to_account=acts and offers_account(gateway, books.payment, may["refund"]),
        refunds=[one for one in books.operations if one.kind is Kind.REFUND],
        transfers={one.id for one in books.operations if waits_for_transfer(gateway, one)},
        acts=acts,
        partial=may["refund"] == "full_or_part",
        refund_key=_key(visit),
        typed={name: visit.form.get(name, "") for name in ("amount", "reason", "bank")},
        said=_sentence(error, visit) if error is not None else "",
    )


def _key(visit: Visit) -> str:
    """Give this page's idempotency key: unix time first, as everywhere; a page shown again after a no keeps its own."""
    kept = visit.form.get("key", "")
    made = f"{visit.now_ms // 1000:08x}{visit.context.clock.random_bytes(12).hex()}"
    return kept if KEY.fullmatch(kept) else made


def _sentence(error: CallerError, visit: Visit) -> str:
    return korean_of(error) if visit.lang == "ko" else error.detail


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
    shown = {"number": mask_account, "holder": mask_name, "due": _moment}
    return {name: shown.get(name, str)(text) for name, text in account.items() if text}


def _moment(text: str) -> str:
    return kst(datetime.fromisoformat(text))
