"""A refund's transfer, on its payment's page: looked up now, or taken back while it is only registered."""

from starlette.responses import Response

from bridge.domain.failures import CallerError, NotFound, PendingOutcome
from bridge.flows.cancel_transfer import TakenBack, cancel_transfer
from bridge.flows.log_in import prove
from bridge.flows.refund import find_refund
from bridge.flows.refund_to_account import look_at_transfer
from bridge.flows.sites import Site
from bridge.web.dashboard.access import Visit
from bridge.web.dashboard.payment import back_to_payment, payment_page, site_of


async def look_up_transfer(visit: Visit) -> Response:
    """Ask the gateway where a transfer stands; an operator's, for it is a call to the gateway. Raises NotFound."""
    site, refund = await _named(visit)
    try:
        visit.acting()
        await look_at_transfer(visit.context, site, refund)
    except CallerError as error:
        return await payment_page(visit, error)
    return back_to_payment(visit)


async def take_back_transfer(visit: Visit) -> Response:
    """Have a registered transfer cancelled, for an operator who typed the password again. Raises NotFound."""
    site, refund = await _named(visit)
    try:
        actor = visit.acting()
        await prove(visit.context, visit.attempt(visit.form.get("password", "")))
        _be_known(await cancel_transfer(visit.context, site, refund, actor))
    except CallerError as error:
        return await payment_page(visit, error)
    return back_to_payment(visit)


def _be_known(done: TakenBack) -> None:
    """Say it where nobody knows yet what became of the transfer. Raises PendingOutcome."""
    if done.transfer != "not_known":
        return
    said = " ".join(text for text in (done.code, done.message) if text)
    raise PendingOutcome(
        f"Not known yet whether the transfer is cancelled; the gateway is asked again each minute. {said}".strip(),
        message_ko=f"이체가 취소됐는지 아직 알 수 없어요. 결제사에 매분 다시 물어봐요. {said}".strip(),
    )


async def _named(visit: Visit) -> tuple[Site, str]:
    """Find the refund of this very payment. Raises NotFound."""
    site, named = await site_of(visit), visit.request.path_params
    refund = await find_refund(visit.context, site, named["refund"])
    if refund.payment != named["payment"]:
        raise NotFound("This payment has no such refund.")
    return site, refund.id
