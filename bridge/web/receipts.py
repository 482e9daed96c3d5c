"""The signed routes of cash receipts (현금영수증)."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from bridge.domain.failures import Malformed
from bridge.flows.cancel_receipt import cancel_receipt
from bridge.flows.context import Context
from bridge.flows.issue_receipt import ReceiptWish, issue_receipt, receipt_json
from bridge.flows.pen import BRIDGE
from bridge.ledger import receipts
from bridge.ledger.receipts import Receipt, ReceiptState
from bridge.web.incoming import from_site
from bridge.web.orders_in import Ref, convert
from bridge.web.wordpress import ACTOR

WAITING = (ReceiptState.ISSUING, ReceiptState.UNKNOWN, ReceiptState.CANCELLING)
SELF_ISSUED = "0100001234"
"""The tax office's number for receipts that a shop issues of its own accord (자진발급)."""


class ReceiptIn(msgspec.Struct):
    """The body of POST /v1/cash-receipts: identity is a phone, card or business number, left out for `self`."""

    payment: Ref
    purpose: Literal["income", "business", "self"]
    actor: Annotated[str, Meta(max_length=64, pattern=ACTOR)]
    identity: Annotated[str, Meta(max_length=20, pattern=r"^[0-9]*$(?!\n)")] = ""


class ReceiptGoneIn(msgspec.Struct):
    """The body of DELETE /v1/cash-receipts/{receipt}, which may be left out: who cancels."""

    actor: Annotated[str, Meta(max_length=64, pattern=ACTOR)] = BRIDGE


class CashReceipts:
    """The routes of /v1/cash-receipts."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def routes(self) -> list[BaseRoute]:
        """Give the routes."""
        return [
            Route("/v1/cash-receipts", self.issue, methods=["POST"]),
            Route("/v1/cash-receipts/{receipt}", self.show, methods=["GET"]),
            Route("/v1/cash-receipts/{receipt}", self.cancel, methods=["DELETE"]),
        ]

    async def issue(self, request: Request) -> Response:
        """Issue a receipt: 201, or 202 while nobody knows."""
        signed = await from_site(self._context, request)
        asked = convert(signed.json(), ReceiptIn)
        identity = SELF_ISSUED if asked.purpose == "self" else asked.identity
        if len(identity) < (10 if asked.purpose != "income" else 9):
            raise Malformed("identity must be the buyer's phone or card number, or a business number of 10 digits.")
        wish = ReceiptWish(asked.payment, asked.purpose, identity, asked.actor)
        once = signed.once_of_secret(self._context.vault)
        return _answer(await issue_receipt(self._context, signed.site, wish, once), 201)

    async def show(self, request: Request) -> Response:
        """Show a receipt of the site."""
        signed = await from_site(self._context, request)
        receipt_id = request.path_params["receipt"]
        found = await self._context.ledger.read(lambda turn: receipts.get(turn, signed.site.id, receipt_id))
        return _json(receipt_json(found), 200)

    async def cancel(self, request: Request) -> Response:
        """Cancel a receipt: 200, or 202 while the gateway's answer is owed."""
        signed = await from_site(self._context, request)
        receipt_id = request.path_params["receipt"]
        asked = convert(signed.json(), ReceiptGoneIn) if signed.body else ReceiptGoneIn()
        cancelled = await cancel_receipt(self._context, signed.site, receipt_id, asked.actor, signed.once())
        return _answer(cancelled, 200)


def _answer(receipt: Receipt, status: int) -> Response:
    return _json(receipt_json(receipt), 202 if receipt.state in WAITING else status)


def _json(body: dict[str, Any], status: int) -> Response:
    return JSONResponse(body, status, {"Cache-Control": "no-store"})
