"""The signed routes by which a shop hands over what it knows, after the books were restored from a backup."""

from typing import Annotated

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from bridge.domain.machine import State
from bridge.domain.payment import AMOUNT_MAX
from bridge.flows.context import Context
from bridge.flows.reconcile import Report, look, take_report
from bridge.flows.revive import Asked, Known
from bridge.web.incoming import from_site
from bridge.web.orders_in import convert

PAGE_MAX = 100
PAGE_BYTES_MAX = 512 * 1024
COUNT_MAX = 1 << 31
_PRIVATE = {"Cache-Control": "no-store"}
Won = Annotated[int, Meta(ge=0, le=AMOUNT_MAX)]
Count = Annotated[int, Meta(ge=0, le=COUNT_MAX)]


class AskedIn(msgspec.Struct):
    """A refund the shop asked for and heard no end of; `at` in unix seconds."""

    key: Annotated[str, Meta(pattern="^[0-9a-f]{32}$")]
    at: Count
    amount: Annotated[int, Meta(ge=1, le=AMOUNT_MAX)] | None = None


class KnownIn(msgspec.Struct):
    """What the shop knows of one payment."""

    id: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
    state: State
    version: Count
    seq: Count
    amount: Won
    refunded: Won = 0
    attestation: Annotated[str, Meta(max_length=PAGE_BYTES_MAX)] = ""
    asked: Annotated[list[AskedIn], Meta(max_length=20)] = []


class ReportIn(msgspec.Struct):
    """The body of POST /v1/reconciliation: a page, and whether it was the last."""

    payments: Annotated[list[KnownIn], Meta(max_length=PAGE_MAX)]
    complete: bool


class Reconciliation:
    """The routes of /v1/reconciliation."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def routes(self) -> list[BaseRoute]:
        """Give the routes."""
        return [
            Route("/v1/reconciliation", self.show, methods=["GET"]),
            Route("/v1/reconciliation", self.take, methods=["POST"]),
        ]

    async def show(self, request: Request) -> Response:
        """Tell whether the shop is to hand over what it knows, and since when."""
        signed = await from_site(self._context, request)
        return JSONResponse(await look(self._context, signed.site), 200, _PRIVATE)

    async def take(self, request: Request) -> Response:
        """Take a page of what the shop knows; the same page again changes nothing."""
        signed = await from_site(self._context, request, bytes_max=PAGE_BYTES_MAX)
        told = convert(signed.json(), ReportIn)
        report = Report([_known(one) for one in told.payments], told.complete)
        return JSONResponse(await take_report(self._context, signed.site, report, signed.once()), 200, _PRIVATE)


def _known(told: KnownIn) -> Known:
    return Known(
        payment=told.id,
        state=told.state,
        version=told.version,
        seq=told.seq,
        amount=told.amount,
        refunded=told.refunded,
        attestation=told.attestation,
        asked=tuple(Asked(one.key, one.amount, one.at * 1000) for one in told.asked),
    )
