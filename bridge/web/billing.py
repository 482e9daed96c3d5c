"""The signed routes of billing: keys asked for, charged and deleted, and cards keyed in."""

import re
from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from bridge.clock import stamp
from bridge.domain.billing import CardEntry, KeyState
from bridge.domain.failures import Malformed
from bridge.domain.forms import parse_form
from bridge.domain.machine import UNSETTLED, State
from bridge.domain.payment import Buyer, Device, Method
from bridge.flows.ask_key import ask_key
from bridge.flows.billing_keys import KeyWish, key_json, owned
from bridge.flows.charge_key import ChargeWish, charge_key
from bridge.flows.context import Context
from bridge.flows.delete_key import delete_key
from bridge.flows.finish_checkout import Visit
from bridge.flows.issue_account import AccountWish, issue_account
from bridge.flows.issue_key import issue_by_card
from bridge.flows.key_in import key_in
from bridge.flows.list_payments import PAGE_MAX
from bridge.flows.open_key import open_key
from bridge.flows.read_after import read_after
from bridge.flows.sites import Site
from bridge.flows.snapshots import read_payment
from bridge.flows.void_account import void_account
from bridge.flows.whole_payment import read_whole_payment
from bridge.ledger import billing_keys as rows
from bridge.ledger import replay
from bridge.ledger.ledger import Turn
from bridge.web.incoming import FromSite, from_site
from bridge.web.lists import PageSize, cut, read_page
from bridge.web.methods import instalments_json
from bridge.web.orders_in import BuyerIn, GatewayName, Short, Title, Url, convert, in_utc, read_order
from bridge.web.wordpress import ACTOR

Customer = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=64,
        pattern=r"^[A-Za-z0-9._:@-]+$(?!\n)",
        description="The shop's own id for the customer, such as wp:7; an e-mail address or phone number is refused.",
    ),
]
MOBILE = re.compile(r"(?:0|82-?)1[016-9]-?[0-9]{3,4}-?[0-9]{4}", re.ASCII)
Actor = Annotated[str, Meta(max_length=64, pattern=ACTOR)]
Digits = r"^[0-9]+$(?!\n)"


class CardIn(msgspec.Struct):
    """A card as it was typed; expires is YYMM, holder a birth date (YYMMDD) or business number, password its first two
    digits, issuer the gateway's code of the card's company. To register one PayApp, Pay-Story and Welcome (with
    `welcome.billing_key` auth) need holder and password, Pay-Story the issuer too."""

    number: Annotated[str, Meta(min_length=13, max_length=19, pattern=Digits)]
    expires: Annotated[str, Meta(min_length=4, max_length=4, pattern=Digits)]
    holder: Annotated[str, Meta(max_length=13, pattern=r"^[0-9]*$(?!\n)")] = ""
    password: Annotated[str, Meta(max_length=2, pattern=r"^[0-9]*$(?!\n)")] = ""
    issuer: Annotated[str, Meta(max_length=4, pattern=r"^[0-9]*$(?!\n)")] = ""

    def __repr__(self) -> str:
        return "CardIn(•••)"


class CustomerIn(msgspec.Struct):
    """Whose key or plan it is."""

    customer: Customer

    def __post_init__(self) -> None:
        """Refuse what names a person: it stands in addresses, which proxies log. Raises Malformed."""
        if "@" in self.customer or MOBILE.fullmatch(self.customer):
            raise Malformed(
                "customer must be the shop's own id for the customer, such as wp:7, and no e-mail address or phone "
                "number: it stands in addresses, which logs keep.",
                message_ko="고객은 이메일이나 전화번호가 아니라 wp:7처럼 쇼핑몰의 고객 번호로 알려 주세요.",
            )


class OfCustomerIn(CustomerIn):
    """The query of a list of a customer's keys or plans."""

    cursor: Short = ""
    limit: PageSize = PAGE_MAX


class KeyIn(CustomerIn):
    """The body of POST /v1/billing-keys: a window, or with `card` a card typed on the site.

    `order` is paid by the registration itself: needed for a phone, taken for a card where the gateway can. Of all keys
    asked for with the same `invitation`, a name of the site's own, one is registered and the others are refused."""

    title: Title
    buyer: BuyerIn
    result_url: Url
    actor: Actor
    gateway: GatewayName = ""
    method: Method = Method.CARD
    device: Device = Device.PC
    locale: Annotated[str, Meta(max_length=10)] = "ko_KR"
    order: dict[str, Any] | None = None
    card: CardIn | None = None
    invitation: Annotated[str, Meta(max_length=64, pattern=r"^[A-Za-z0-9._:-]*$(?!\n)")] = ""


class ChargeIn(CustomerIn):
    """The body of POST /v1/billing-keys/{id}/charges; without instalment_months a lump sum."""

    order: dict[str, Any]
    actor: Actor
    instalment_months: int = 0


class CardPaymentIn(msgspec.Struct):
    """The body of POST /v1/card-payments; without instalment_months a lump sum."""

    order: dict[str, Any]
    card: CardIn
    actor: Actor
    gateway: GatewayName = ""
    instalment_months: int = 0


class AccountIn(msgspec.Struct):
    """The body of POST /v1/accounts: bank is the gateway's code, due RFC 3339."""

    order: dict[str, Any]
    bank: Annotated[str, Meta(min_length=2, max_length=4, pattern=Digits)]
    due: Annotated[datetime, Meta(tz=True)]
    actor: Actor
    gateway: GatewayName = ""


class VoidIn(msgspec.Struct):
    """The body of POST /v1/payments/{id}/void."""

    actor: Actor


class Billing:
    """The routes of /v1/billing-keys and /v1/card-payments."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def routes(self) -> list[BaseRoute]:
        """Give the routes."""
        return [
            Route("/v1/billing-keys", self.ask, methods=["POST"]),
            Route("/v1/billing-keys", self.list, methods=["GET"]),
            Route("/v1/billing-keys/{key}", self.show, methods=["GET"]),
            Route("/v1/billing-keys/{key}", self.delete, methods=["DELETE"]),
            Route("/v1/billing-keys/{key}/ask", self.ask_gateway, methods=["POST"]),
            Route("/v1/billing-keys/{key}/charges", self.charge, methods=["POST"]),
            Route("/v1/card-payments", self.key_in, methods=["POST"]),
            Route("/v1/accounts", self.issue_account, methods=["POST"]),
            Route("/v1/payments/{payment}/void", self.void, methods=["POST"]),
        ]

    async def ask(self, request: Request) -> Response:
        """Ask for a key: 201 with its window, or with the key's state where a card was typed."""
        signed = await from_site(self._context, request)
        asked = convert(signed.json(), KeyIn)
        wish = _wish(signed.site, asked)
        if asked.card is None:
            row = await open_key(self._context, signed.site, wish, signed.once())
        else:
            row = await issue_by_card(
                self._context, signed.site, wish, _card(asked.card), signed.once_of_secret(self._context.vault)
            )
        return _json(_shown(signed.site, row), 202 if row.state is KeyState.ISSUING else 201)

    async def list(self, request: Request) -> Response:
        """List a customer's keys, newest first."""
        signed = await from_site(self._context, request)
        asked = read_page(request, OfCustomerIn)
        found = await self._context.ledger.read(
            lambda turn: rows.of_customer(turn, signed.site.id, asked.customer, asked.limit + 1, before=asked.cursor)
        )
        page, last = cut(found, asked.limit)
        items = [_shown(signed.site, row) for row in page]
        return _json({"items": items, "next_cursor": last.id if last else None})

    async def show(self, request: Request) -> Response:
        """Show a customer's key."""
        signed = await from_site(self._context, request)
        customer, key = customer_of(request), request.path_params["key"]
        row = await self._context.ledger.read(lambda turn: owned(turn, signed.site, key, customer))
        return _json(_shown(signed.site, row))

    async def ask_gateway(self, request: Request) -> Response:
        """Ask the gateway what a customer's key stands for."""
        signed = await from_site(self._context, request)
        customer, key = convert(signed.json(), CustomerIn).customer, request.path_params["key"]
        once = signed.once()

        def find(turn: Turn) -> rows.KeyRow:
            replay.use_nonce(turn, once.key_id, once.nonce, once.ends_at)
            return owned(turn, signed.site, key, customer)

        row = await self._context.ledger.write(find)
        return _json(await ask_key(self._context, signed.site, row))

    async def charge(self, request: Request) -> Response:
        """Charge a key for an order: 201 with the payment, or 202 while its outcome is not known."""
        signed = await from_site(self._context, request)
        asked = convert(signed.json(), ChargeIn)
        order = read_order(signed.site, asked.order)
        wish = ChargeWish(request.path_params["key"], asked.customer, order, asked.actor, asked.instalment_months)
        return await self._paid(signed, await charge_key(self._context, signed.site, wish, signed.once()))

    async def delete(self, request: Request) -> Response:
        """Delete a key: 200, or 202 while the gateway's answer is owed."""
        signed = await from_site(self._context, request)
        customer = convert(signed.json(), CustomerIn).customer
        row = await delete_key(self._context, signed.site, request.path_params["key"], customer, signed.once())
        return _json(_shown(signed.site, row), 202 if row.state is KeyState.DELETING else 200)

    async def key_in(self, request: Request) -> Response:
        """Charge a typed card: 201 with the payment, or 202 while its outcome is not known."""
        signed = await from_site(self._context, request)
        asked = convert(signed.json(), CardPaymentIn)
        order, card = read_order(signed.site, asked.order), _card(asked.card)
        once = signed.once_of_secret(self._context.vault)
        more: dict[str, Any] = {"actor": asked.actor, "instalment_months": asked.instalment_months}
        visit = await key_in(self._context, signed.site, order, card, once, gateway=asked.gateway, **more)
        return await self._paid(signed, visit)

    async def issue_account(self, request: Request) -> Response:
        """Have an account issued without a window: 201 with the payment that waits for its deposit."""
        signed = await from_site(self._context, request)
        asked = convert(signed.json(), AccountIn)
        order, due = read_order(signed.site, asked.order), in_utc("due", asked.due)
        assert due is not None, "due is not optional"
        wish = AccountWish(order, asked.bank, due, asked.actor, asked.gateway)
        return await self._paid(signed, await issue_account(self._context, signed.site, wish, signed.once()))

    async def void(self, request: Request) -> Response:
        """Close an account before its deposit: 200 with the payment, 202 while the gateway's answer is owed."""
        signed = await from_site(self._context, request)
        asked = convert(signed.json(), VoidIn)
        payment_id, moment = request.path_params["payment"], stamp(self._context.clock)
        payment = await void_account(self._context, signed.site, payment_id, asked.actor, signed.once())
        reading = self._context.ledger.read(lambda turn: read_whole_payment(turn, signed.site, payment.id, moment))
        shown = await read_after(reading)
        return _json(shown, 202 if payment.state == State.AWAITING_DEPOSIT else 200)

    async def _paid(self, signed: FromSite, visit: Visit) -> Response:
        moment, payment = stamp(self._context.clock), visit.payment
        reading = self._context.ledger.read(lambda turn: read_payment(turn, signed.site, payment.id, moment))
        shown = await read_after(reading)
        known = State(payment.state) not in UNSETTLED
        return _json(shown, 201 if known else 202)


def _wish(site: Site, asked: KeyIn) -> KeyWish:
    if not site.owns_url(asked.result_url) or any(ord(character) < 33 for character in asked.result_url):
        raise Malformed("result_url must be an address on the site's own origin.")
    buyer = asked.buyer
    return KeyWish(
        customer=asked.customer,
        title=asked.title,
        buyer=Buyer(buyer.name, buyer.email, buyer.phone, buyer.id),
        result_url=asked.result_url,
        actor=asked.actor,
        method=asked.method,
        device=asked.device,
        gateway=asked.gateway,
        locale=asked.locale,
        order=read_order(site, asked.order) if asked.order is not None else None,
        invitation=asked.invitation,
    )


def _card(asked: CardIn) -> CardEntry:
    return CardEntry(asked.number, asked.expires, asked.holder, asked.password, asked.issuer)


def customer_of(request: Request) -> str:
    """Read whose keys or plans are asked for. Raises Malformed."""
    query = parse_form(request.scope.get("query_string", b""))
    if set(query) != {"customer"}:
        raise Malformed("Name the customer, and nothing else: ?customer=…")
    return convert(dict(query), CustomerIn).customer


def _shown(site: Site, row: rows.KeyRow) -> dict[str, Any]:
    """Show a key with its gateway's title and, of a card that can be charged, in how many months it may pay."""
    shown = titled(site, key_json(row))
    charged = row.method is Method.CARD and row.state is KeyState.ACTIVE
    return shown | (instalments_json(site.gateways.get(row.gateway)) if charged else {})


def titled(site: Site, shown: dict[str, Any]) -> dict[str, Any]:
    """Say beside a key's or plan's gateway what people call it; its name where the site has it no more."""
    gateway = site.gateways.get(shown["gateway"])
    return shown | {"gateway_title": gateway.title if gateway else shown["gateway"]}


def _json(body: dict[str, Any], status: int = 200) -> Response:
    return JSONResponse(body, status, {"Cache-Control": "no-store"})
