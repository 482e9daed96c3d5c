"""Where a buyer goes on: the shop's result page, the page to try again, or a page of ours that says why not."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bridge.domain.failures import BridgeError
from bridge.domain.machine import PAID_STATES, State
from bridge.flows.context import Context
from bridge.flows.finish_checkout import Visit
from bridge.flows.sites import Site
from bridge.flows.urls import landing_url
from bridge.web.errors import answer_of, korean_of
from bridge.web.pages import base_path, render

SUCCESS_STATES = PAID_STATES | {State.AWAITING_DEPOSIT}
RESULTS = {
    State.DECLINED: "declined",
    State.VOIDED: "failed",
    State.EXPIRED: "expired",
    State.FAILED_READY: "failed",
    State.SUPERSEDED: "failed",
    State.OPEN: "failed",
    State.READYING: "failed",
}


def landing(context: Context, visit: Visit) -> str:
    """Say where the buyer goes: the result page for money and for waiting, else the page to try again."""
    state = State(visit.payment.state)
    if state in SUCCESS_STATES or visit.unsettled:
        return landing_url(context, visit.order.result_url, visit.payment)
    if visit.other is not None:
        return landing_url(context, visit.order.result_url, visit.other)
    result = "declined" if visit.refused else RESULTS[state]
    return landing_url(context, visit.order.retry_url, visit.payment, result)


def see_other(url: str) -> Response:
    """Lead the browser on."""
    return RedirectResponse(url, 303, {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})


def in_frame(request: Request) -> bool:
    """Tell whether the browser is about to show the answer inside a frame of a gateway's window."""
    return request.headers.get("sec-fetch-dest", "") in ("iframe", "frame")


def lead_on(context: Context, request: Request, url: str) -> Response:
    """Lead the browser on; where a gateway came back inside a frame, the whole page with it."""
    if not in_frame(request):
        return see_other(url)
    return render("checkout/leave.html", base=base_path(context), address=url, framed=True)


def look_again(
    context: Context,
    request: Request,
    page: str,
    status: int,
    *,
    site: Site | None,
    posted: Mapping[str, str],
    **values: Any,
) -> Response:
    """While the books cannot be read or written, a buyer hears neither success nor failure: the page comes back.

    By its address, and with what was posted to it: an address alone would lose what the buyer brings from the window.
    """
    query = request.scope.get("query_string", b"").decode("latin-1")
    again = base_path(context) + request.url.path + (f"?{query}" if query else "")
    return render(
        page,
        status=status,
        headers={} if posted else {"Refresh": f"5; url={again}"},
        base=base_path(context),
        form_action=[site.origin] if site else [],  # browsers hold a form's redirects to it too
        framed=in_frame(request),
        again=again,
        posted=posted,
        **values,
    )


def refused_page(
    context: Context, error: BridgeError, *, title: str, retry_url: str = "", retry_words: str = ""
) -> Response:
    """Say what went wrong, that nothing moved, and where to go on."""
    status, _, _ = answer_of(error)
    return render(
        "checkout/refused.html",
        status=status,
        base=base_path(context),
        title=title,
        korean=korean_of(error),
        gateway_message="",
        retry_url=retry_url,
        retry_words=retry_words,
        again=False,
    )
