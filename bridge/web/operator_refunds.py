"""The operators' routes about refunds to accounts, for a person's own tools: ask for one, see it, take it back."""

from dataclasses import replace
from typing import Annotated

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from bridge.domain.failures import Malformed
from bridge.domain.payment import parse_account, parse_amount
from bridge.flows.cancel_transfer import cancel_transfer
from bridge.flows.context import Context
from bridge.flows.refund import RefundWish, find_refund, refund
from bridge.flows.refund_to_account import once_of_refund, site_of_payment, site_of_refund, taken_back_json
from bridge.flows.sites import Site
from bridge.flows.snapshots import refund_json
from bridge.flows.two_people import operator_actor
from bridge.web.from_operator import PRIVATE, answered, from_operator, note_look, once_of, read_json
from bridge.web.orders_in import Short, convert
from bridge.web.wordpress import ONE_LINE, SETTLED

TO_ACCOUNTS = "/operators/v1/payments/{payment}/refunds"
REFUND = "/operators/v1/refunds/{refund}"


class PayeeIn(msgspec.Struct, forbid_unknown_fields=True):
    """The buyer's account: the bank's code, the number in digits and hyphens, the holder's name; where the gateway asks
    for it `born`, the holder's birth date (YYMMDD) or company number."""

    bank: Short
    number: Short
    holder: Short
    born: Annotated[str, Meta(max_length=10)] = ""


class ToAccountIn(msgspec.Struct, forbid_unknown_fields=True):
    """The body of POST /operators/v1/payments/{id}/refunds; amount in KRW, absent: all that is left."""

    reason: Annotated[str, Meta(min_length=1, max_length=200, pattern=ONE_LINE)]
    account: PayeeIn
    amount: int | None = None


class CancelIn(msgspec.Struct, forbid_unknown_fields=True):
    """The body of POST …/cancel: {}, for the refund's address says all."""


class OperatorRefunds:
    """The routes of /operators/v1 about refunds to accounts."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def routes(self) -> list[BaseRoute]:
        """Give the routes."""
        return [
            Route(TO_ACCOUNTS, answered(self.refund), methods=["POST"]),
            Route(REFUND, answered(self.show), methods=["GET"]),
            Route(f"{REFUND}/cancel", answered(self.cancel), methods=["POST"]),
        ]

    async def refund(self, request: Request) -> Response:
        """Refund to an account: 200 with the outcome (accepted: registered), or 202 while it is not known."""
        operator = await from_operator(self._context, request, acts=True)
        given, body = await read_json(request)
        asked = convert(given, ToAccountIn)
        once = once_of(request, operator, body)
        if once is None:
            raise Malformed(
                "Send an Idempotency-Key, so that a repeat refunds once: 32 hex digits, the first eight the unix time.",
                message_ko="한 번만 환불되도록 Idempotency-Key를 보내 주세요.",
            )
        account = parse_account(*msgspec.structs.astuple(asked.account))
        amount = None if asked.amount is None else parse_amount(asked.amount)
        payment, actor = request.path_params["payment"], operator_actor(operator.name)
        wish = RefundWish(payment, amount, asked.reason, actor, capped=False, account=account)
        # of a body with an account in it no plain digest is kept: an account's number is guessed too easily
        once = replace(once, digest=once_of_refund(self._context, once.idempotency_key, wish).digest)
        site = await site_of_payment(self._context, payment)
        shown = refund_json(await refund(self._context, site, wish, once))
        return JSONResponse(shown, 200 if shown["state"] in SETTLED else 202, PRIVATE)

    async def show(self, request: Request) -> Response:
        """Show a refund of any site."""
        operator = await from_operator(self._context, request)
        found = await find_refund(self._context, *await self._named(request))
        await note_look(self._context, request, operator, "payment", found.payment)
        return JSONResponse(refund_json(found), 200, PRIVATE)

    async def cancel(self, request: Request) -> Response:
        """Take a transfer back while it is only registered; may be asked again while that is not known."""
        operator = await from_operator(self._context, request, acts=True)
        convert((await read_json(request))[0], CancelIn)
        done = await cancel_transfer(self._context, *await self._named(request), operator_actor(operator.name))
        return JSONResponse(taken_back_json(done), 202 if done.transfer == "not_known" else 200, PRIVATE)

    async def _named(self, request: Request) -> tuple[Site, str]:
        refund_id = request.path_params["refund"]
        return await site_of_refund(self._context, refund_id), refund_id
