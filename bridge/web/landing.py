"""Where a buyer goes on: the shop's result page, the page to try again, or a page of ours that says why not."""

from starlette.responses import RedirectResponse, Response

from bridge.domain.failures import BridgeError
from bridge.domain.machine import PAID_STATES, State
from bridge.flows.context import Context
from bridge.flows.finish_checkout import Visit
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


def refused_page(context: Context, error: BridgeError, *, title: str, retry_url: str = "") -> Response:
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
        again=False,
    )
