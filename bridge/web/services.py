"""The signed routes of what some gateways answer besides payments: a card's kind, an escrow's steps."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from bridge.flows.ask_gateway import look_up_card
from bridge.flows.context import Context
from bridge.flows.take_escrow_step import EscrowWish, take_escrow_step
from bridge.web.billing import Actor, Digits
from bridge.web.incoming import from_site
from bridge.web.orders_in import GatewayName, Short, convert

FIELDS_MAX = 20


class CardKindIn(msgspec.Struct):
    """The body of POST /v1/card-kinds: the first six to eight digits of a card, never more."""

    prefix: Annotated[str, Meta(min_length=6, max_length=8, pattern=Digits)]
    gateway: GatewayName = ""


class EscrowIn(msgspec.Struct):
    """The body of POST /v1/payments/{id}/escrow: the fields are those of the gateway's document.

    A payment that is `in_escrow` names in `escrow` the steps that may be taken now with their fields (`is_buyer`: the
    name of whoever decides), what the buyer said (`buyer`: `kept` while nothing, `confirmed`, `denied`; `confirming`
    or `denying` while the gateway has not answered), and `why` that cannot be said now. The buyer's word (`confirm`,
    `deny`) is passed on once: one that has no answer yet is settled by `status`, and none is sent until then.
    Where the gateway is slow, who passes a word on, or a buyer who looks, is answered `pending_outcome` soon.
    """

    step: Literal["delivery", "confirm", "deny", "status"]
    actor: Actor
    fields: Annotated[dict[Short, Short], Meta(max_length=FIELDS_MAX)] = {}


class Services:
    """The routes of /v1/card-kinds and /v1/payments/{id}/escrow."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def routes(self) -> list[BaseRoute]:
        """Give the routes."""
        return [
            Route("/v1/card-kinds", self.card_kind, methods=["POST"]),
            Route("/v1/payments/{payment}/escrow", self.escrow, methods=["POST"]),
        ]

    async def card_kind(self, request: Request) -> Response:
        """Say what card begins with some digits."""
        signed = await from_site(self._context, request)
        asked = convert(signed.json(), CardKindIn)
        return _json(await look_up_card(self._context, signed.site, asked.prefix, signed.once(), asked.gateway))

    async def escrow(self, request: Request) -> Response:
        """Take a step of a payment's escrow, or ask for its state."""
        signed = await from_site(self._context, request)
        asked = convert(signed.json(), EscrowIn)
        wish = EscrowWish(request.path_params["payment"], asked.step, asked.fields, asked.actor)
        once = signed.once_of_secret(self._context.vault)  # a refusal names the account to which money goes back
        return _json(await take_escrow_step(self._context, signed.site, wish, once))


def _json(body: dict[str, Any]) -> Response:
    return JSONResponse(body, headers={"Cache-Control": "no-store"})
