"""The signed routes that WordPress calls: payments, refunds, codes, health."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from bridge.clock import stamp, to_ms
from bridge.domain.failures import Malformed, NotFound
from bridge.domain.forms import parse_form
from bridge.domain.machine import State
from bridge.domain.payment import Device, Method, Order, Payment, parse_amount
from bridge.flows.attest import attest
from bridge.flows.check_health import check_health
from bridge.flows.context import Context
from bridge.flows.key_in import open_card_page
from bridge.flows.list_payments import PAGE_MAX, Filter, list_payments
from bridge.flows.open_checkout import Wish, open_checkout
from bridge.flows.refund import RefundWish, find_refund, refund
from bridge.flows.snapshots import buyer_name, read_payment, refund_json
from bridge.flows.whole_payment import read_whole_payment
from bridge.ledger import replay
from bridge.ledger.ledger import Turn
from bridge.web.incoming import FromSite, from_site
from bridge.web.lists import read_size
from bridge.web.methods import methods_json, services_json
from bridge.web.orders_in import GatewayName, Ref, Short, convert, in_utc, read_order

ACTOR = r"^(?:wp:[A-Za-z0-9_-]+|buyer)$(?!\n)"
"""Who may act through a site: its people and its buyers, never an operator, the gateway or the bridge itself."""
CODE_KINDS = (
    *("cards", "banks", "errors", "pay_states", "pay_types", "app_errors"),
    *("window_cards", "couriers", "escrow_states", "card_kinds"),
)
"""The code tables of all gateways; one that has none of a kind lists nothing."""
LIST_FILTERS = frozenset({"order", "state", "from", "to", "told_from", "cursor", "limit"})
ONE_LINE = r"^[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*\Z"
SETTLED = frozenset({"done", "refused", "accepted", "not_sent"})


class PaymentIn(msgspec.Struct):
    """The body of POST /v1/payments.

    With `card_entry` the card is typed on the bridge's own page (수기결제), for a gateway of which the site switched
    that on; `method` is then card. `actor` is who asks."""

    order: dict[str, Any]
    gateway: GatewayName = ""
    method: Method = Method.CARD
    device: Device = Device.PC
    instalment_months: int = 0
    card_entry: bool = False
    actor: Annotated[str, Meta(max_length=64, pattern=ACTOR)] = ""


class RefundIn(msgspec.Struct):
    """The body of POST /v1/payments/{id}/refunds; amount in KRW, absent: all that is left.

    `tax_free` is the part of it that is free of tax; absent, that of the items, or a share in proportion.
    """

    reason: Annotated[str, Meta(min_length=1, max_length=200, pattern=ONE_LINE)]
    actor: Annotated[str, Meta(max_length=64, pattern=ACTOR)]
    amount: int | None = None
    items: Annotated[list[Ref], Meta(max_length=100)] = []
    tax_free: int | None = None
    account: dict[str, Any] | None = None


class SearchIn(msgspec.Struct):
    """The body of POST /v1/payments/search: personal data never stands in an address. `without` is a state left out.

    `told_from` stands alone: whatever this site was told something of since then, for one whose database is older."""

    q: Annotated[str, Meta(max_length=100)] = ""
    order: Short = ""
    state: Short = ""
    without: Short = ""
    from_: Annotated[datetime, Meta(tz=True)] | None = msgspec.field(default=None, name="from")
    to: Annotated[datetime, Meta(tz=True)] | None = None
    told_from: Annotated[datetime, Meta(tz=True)] | None = None
    cursor: Short | None = None
    limit: Annotated[int, Meta(ge=1, le=PAGE_MAX)] = 50


class WordPress:
    """The signed routes of /v1."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def routes(self) -> list[BaseRoute]:
        """Give the routes."""
        return [
            Route("/v1/payments", self.open, methods=["POST"]),
            Route("/v1/payments", self.list, methods=["GET"]),
            Route("/v1/payments/search", self.search, methods=["POST"]),
            Route("/v1/payments/{payment}", self.show, methods=["GET"]),
            Route("/v1/payments/{payment}/refunds", self.refund, methods=["POST"]),
            Route("/v1/refunds/{refund}", self.show_refund, methods=["GET"]),
            Route("/v1/codes/{kind}", self.codes, methods=["GET"]),
            Route("/v1/health", self.health, methods=["GET"]),
        ]

    async def open(self, request: Request) -> Response:
        """Make a payment for an order and open its window; a repeat of the key gets the same bytes."""
        signed = await from_site(self._context, request)
        asked = convert(signed.json(), PaymentIn)
        order = read_order(signed.site, asked.order)
        key, payment = signed.verified.idempotency_key, await self._opened(signed, asked, order)
        moment = stamp(self._context.clock)

        def answer(turn: Turn) -> tuple[int, str, bool]:
            saved = replay.earlier(turn, signed.site.id, key, signed.verified.digest)
            if saved is not None and saved.status:
                return saved.status, saved.body, True
            shown = read_payment(turn, signed.site, payment.id, moment)
            body = msgspec.json.encode(shown).decode()
            replay.keep_answer(turn, signed.site.id, key, 201, body)
            return 201, body, False

        status, body, replayed = await self._context.ledger.write(answer)
        headers = _PRIVATE | ({"Idempotent-Replayed": "true"} if replayed else {})
        return Response(body, status, headers, media_type="application/json")

    async def _opened(self, signed: FromSite, asked: PaymentIn, order: Order) -> Payment:
        context, site, once, actor = self._context, signed.site, signed.once(), asked.actor or "wordpress"
        months = asked.instalment_months
        if asked.card_entry and asked.method is not Method.CARD:
            raise Malformed("With card_entry a card is typed: leave method out.")
        if asked.card_entry:
            more: dict[str, Any] = {"gateway": asked.gateway, "actor": actor, "instalment_months": months}
            return await open_card_page(context, site, order, once, **more)
        wish = Wish(
            order,
            f"key:{once.idempotency_key}",
            asked.method,
            asked.device,
            asked.gateway,
            actor=actor,
            instalment_months=months,
        )
        return await open_checkout(context, site, wish, once)

    async def show(self, request: Request) -> Response:
        """Show a payment of the site with its timeline, refunds and cash receipts."""
        signed = await from_site(self._context, request)
        moment = stamp(self._context.clock)
        payment_id = request.path_params["payment"]

        def work(turn: Turn) -> dict[str, Any]:
            shown = read_whole_payment(turn, signed.site, payment_id, moment)
            told = {"attestation": attest(turn, self._context.vault, signed.site.id, payment_id)}
            return shown | told | {"buyer_name": buyer_name(turn, signed.site, payment_id)}

        return _json(await self._context.ledger.read(work))

    async def list(self, request: Request) -> Response:
        """List the site's payments by order, state and time."""
        signed = await from_site(self._context, request)
        query: dict[str, Any] = dict(parse_form(request.scope.get("query_string", b"")))
        if not set(query) <= LIST_FILTERS:
            raise Malformed(
                "The filters are order, state, from, to, told_from, cursor, limit; words go to /v1/payments/search."
            )
        if "limit" in query:
            query["limit"] = read_size(query["limit"])
        return await self._page(signed, convert(query, SearchIn))

    async def search(self, request: Request) -> Response:
        """Find the site's payments by words: an id, a reference, or a buyer's name, phone or e-mail."""
        signed = await from_site(self._context, request)
        once = signed.once()
        await self._context.ledger.write(lambda turn: replay.use_nonce(turn, once.key_id, once.nonce, once.ends_at))
        return await self._page(signed, convert(signed.json(), SearchIn))

    async def _page(self, signed: FromSite, asked: SearchIn) -> Response:
        for state in filter(None, (asked.state, asked.without)):
            if state not in set(State):
                raise Malformed(f"There is no state {state!r}.")
        since, until, told_since = (
            in_utc("from", asked.from_),
            in_utc("to", asked.to),
            in_utc("told_from", asked.told_from),
        )
        if told_since and any((asked.q.strip(), asked.order, asked.state, asked.without, since, until)):
            raise Malformed("told_from stands alone: of what it finds the state and time may be any.")
        wanted = Filter(
            words=asked.q.strip(),
            order_ref=asked.order,
            state=State(asked.state) if asked.state else None,
            since=to_ms(since) if since else None,
            until=to_ms(until) if until else None,
            before=asked.cursor or "",
            limit=asked.limit,
            without=State(asked.without) if asked.without else None,
            told_since=to_ms(told_since) if told_since else None,
        )
        return _json(await list_payments(self._context, signed.site, wanted))

    async def refund(self, request: Request) -> Response:
        """Refund in full or in part: 200 with the outcome, or 202 while it is not known."""
        signed = await from_site(self._context, request)
        asked = convert(signed.json(), RefundIn)
        if asked.account is not None:
            raise Malformed("A refund to an account of the caller's choosing needs an operator's confirmation.")
        amount = None if asked.amount is None else parse_amount(asked.amount)
        wish = RefundWish(
            request.path_params["payment"],
            amount,
            asked.reason,
            asked.actor,
            tuple(asked.items),
            tax_free=asked.tax_free,
        )
        shown = refund_json(await refund(self._context, signed.site, wish, signed.once()))
        return _json(shown, 200 if shown["state"] in SETTLED else 202)

    async def show_refund(self, request: Request) -> Response:
        """Show a refund of the site."""
        signed = await from_site(self._context, request)
        return _json(refund_json(await find_refund(self._context, signed.site, request.path_params["refund"])))

    async def codes(self, request: Request) -> Response:
        """List a gateway's code table, the methods it takes, or the services it offers."""
        signed = await from_site(self._context, request)
        name, kind = request.query_params.get("gateway", ""), request.path_params["kind"]
        gateway = signed.site.gateway(name)
        if kind == "methods":
            items = methods_json(self._context, signed.site, name)
        elif kind == "services":
            items = services_json(signed.site, name)
        elif kind in CODE_KINDS:
            items = [{"code": row.code, "name": row.name, "source": row.source} for row in gateway.codes(kind)]
        else:
            raise NotFound(f"There are codes for methods, services, {', '.join(CODE_KINDS)}.")
        return _json({"gateway": gateway.name, "items": items})

    async def health(self, request: Request) -> Response:
        """Give the verdict that wp-admin shows."""
        signed = await from_site(self._context, request)
        return _json((await check_health(self._context, signed.site.id)).to_json())


_PRIVATE = {"Cache-Control": "no-store"}


def _json(body: Mapping[str, Any], status: int = 200) -> Response:
    return JSONResponse(body, status, _PRIVATE)
