"""Our own page on which a card is typed, to register it or to pay: it goes to the gateway and nowhere else."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from bridge.domain.billing import CardEntry, KeyState
from bridge.domain.card_form import KEY_IN, REGISTER, Owner, Wrong, owner_of, read_card
from bridge.domain.exchange import KST
from bridge.domain.failures import BridgeError, Busy, LedgerBroken, LedgerHeld, Malformed, OutcomeUnread, Reconciling
from bridge.domain.gateway import Gateway
from bridge.domain.machine import State
from bridge.flows.billing_keys import TRIES_MAX, key_order
from bridge.flows.card_page import is_key_on_page, is_paid_on_page, refuse_untyped
from bridge.flows.context import Context
from bridge.flows.finish_checkout import Visit, look, wait_for
from bridge.flows.issue_key import wait_for_key
from bridge.flows.key_in import key_in_on_page
from bridge.flows.log_in import network
from bridge.flows.register_on_page import register_on_page
from bridge.flows.sites import Site
from bridge.flows.urls import card_page_url, key_card_page_url, key_landing_url, key_urls, urls_of
from bridge.ledger import billing_keys as rows
from bridge.ledger.billing_keys import KeyRow
from bridge.web.errors import answer_of, korean_of, wait_headers
from bridge.web.incoming import came_from_us, client_address, read_form
from bridge.web.landing import landing, look_again, refused_page, see_other
from bridge.web.limits import Limit
from bridge.web.pages import base_path, render
from bridge.web.window_words import CARD_KEY, CARD_PAYMENT

FORM_BYTES_MAX = 4096
CARDS_PER_ADDRESS = 30
CARDS_SECONDS = 3600
"""So many cards an hour from one address: a box office types that many, and whoever tries out stolen ones many more."""
UNREAD = (Busy, LedgerHeld, LedgerBroken, OutcomeUnread)
OPENING = "checkout/opening.html"
"""What is shown of a page that is opened while the books cannot be read: nothing may have been begun."""
NOT_REGISTERED, NOT_PAID = "카드를 등록하지 못했어요", "결제하지 못했어요"
NOT_SENT = "결제사에 보내지 못했어요. 아무것도 등록되지 않았어요. 잠시 뒤 다시 시도해 주세요."


class CardPages:
    """The routes of /k/{billing key token}/card and /checkout/{window token}/card."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._per_address = Limit(context.clock, CARDS_PER_ADDRESS, CARDS_SECONDS)

    def routes(self) -> list[BaseRoute]:
        """Give the routes."""
        return [
            Route("/k/{token}/card", self.show_key, methods=["GET"]),
            Route("/k/{token}/card", self.register, methods=["POST"]),
            Route("/checkout/{token}/card", self.show_payment, methods=["GET"]),
            Route("/checkout/{token}/card", self.pay, methods=["POST"]),
        ]

    async def show_key(self, request: Request) -> Response:
        """Show the form that registers, what the gateway said to the last card, or where a key that went on leads."""
        try:
            site, row = await self._key(request)
            return self._key_page(site, row)
        except BridgeError as error:
            return self._refuse_key(request, error, "등록 창을 열지 못했어요")

    async def register(self, request: Request) -> Response:
        """Take a typed card and register it; the same form sent twice is one try."""
        context = self._context
        try:
            site, row = await self._key(request)
            gateway, form = _gateway(site, row.gateway), await self._read(request)
            if not self._is_open_key(site, row):
                return self._after(site, await wait_for_key(context, site, row.id))
        except BridgeError as error:
            return self._refuse_key(request, error, NOT_REGISTERED)
        try:
            owner = owner_of(gateway, REGISTER, key_order(context, row).buyer)
            card = read_card(form, owner, self._today())
            if not isinstance(card, CardEntry):
                return self._key_page(site, row, wrong=card)
            self._count(request)
            tries = form.get("tries", "")
            row = await register_on_page(context, site, row.id, card, int(tries) if tries in TRIES else -1)
        except BridgeError as error:
            return await self._key_after(request, error)
        return self._after(site, row)

    async def show_payment(self, request: Request) -> Response:
        """Show the form that pays, or where a payment that went on leads."""
        try:
            site, visit = await self._visit(request)
            return self._payment_page(site, visit)
        except BridgeError as error:
            return self._refuse_payment(request, error, "결제 창을 열지 못했어요")

    async def pay(self, request: Request) -> Response:
        """Take a typed card and charge it, once however often the form is sent."""
        context = self._context
        try:
            site, visit = await self._visit(request)
            gateway, form = _gateway(site, visit.payment.gateway), await self._read(request)
            if not self._is_open_payment(site, visit):
                return self._payment_page(site, await wait_for(context, site, visit.payment))
        except BridgeError as error:
            return self._refuse_payment(request, error, NOT_PAID)
        try:
            card = read_card(form, owner_of(gateway, KEY_IN, visit.order.buyer), self._today())
            if not isinstance(card, CardEntry):
                return self._payment_page(site, visit, wrong=card)
            self._count(request)
            visit = await key_in_on_page(context, site, visit.payment.id, card)
        except BridgeError as error:
            return await self._payment_after(request, error)
        again = self._is_open_payment(site, visit)
        return see_other(card_page_url(context, site, visit.payment)) if again else self._payment_page(site, visit)

    async def _key_after(self, request: Request, error: BridgeError) -> Response:
        """Say no where nothing was sent, which the books tell: the form again, or where a key that went on leads."""
        try:
            site, row = await self._key(request)
            return self._key_page(site, row, error=error)
        except BridgeError as unread:
            return self._refuse_key(request, unread, NOT_REGISTERED)

    async def _payment_after(self, request: Request, error: BridgeError) -> Response:
        """The same of a payment."""
        try:
            site, visit = await self._visit(request)
            return self._payment_page(site, visit, error=error)
        except BridgeError as unread:
            return self._refuse_payment(request, unread, NOT_PAID)

    def _refuse_key(self, request: Request, error: BridgeError, title: str) -> Response:
        """While the books cannot be read nobody is told that it failed: a card may be on its way to the gateway."""
        if not isinstance(error, UNREAD):
            return refused_page(self._context, error, title=title)
        page, shown = "checkout/registering.html", {"title": "카드를 등록하고 있어요", "begun": False}
        if request.method == "GET":
            page, shown = OPENING, {"title": "카드를 등록하는 화면을 열고 있어요"}
        return look_again(self._context, request, page, answer_of(error)[0], site=None, posted={}, **shown)

    def _refuse_payment(self, request: Request, error: BridgeError, title: str) -> Response:
        """The same of a payment."""
        typed_again = request.method == "POST" and isinstance(error, Reconciling)  # the lost time may have charged it
        if not isinstance(error, UNREAD) and not typed_again:
            return refused_page(self._context, error, title=title)
        page, shown = "checkout/confirming.html", {"order": None, "result_url": ""}
        if request.method == "GET":
            page, shown = OPENING, {"title": "결제하는 화면을 열고 있어요"}
        return look_again(self._context, request, page, answer_of(error)[0], site=None, posted={}, **shown)

    def _after(self, site: Site, row: KeyRow) -> Response:
        """Lead on from a form: to the page again, which says what came of it, or back to the shop."""
        again = row.state in (KeyState.OPEN, KeyState.ISSUING)
        return see_other(key_card_page_url(self._context, site, row) if again else key_landing_url(row))

    def _key_page(
        self, site: Site, row: KeyRow, *, wrong: Wrong | None = None, error: BridgeError | None = None
    ) -> Response:
        context = self._context
        if row.state is KeyState.ISSUING:
            again = key_card_page_url(context, site, row)
            headers = {"Refresh": f"3; url={again}"}
            return render(
                "checkout/registering.html",
                headers=headers,
                base=base_path(context),
                title="카드를 등록하고 있어요",
                begun=True,
                again=again,
                posted={},
            )
        if not self._is_open_key(site, row):
            return see_other(key_landing_url(row))
        order, gateway = key_order(context, row), _gateway(site, row.gateway)
        failed = (row.message or (CARD_KEY.failed if row.code else NOT_SENT)) if row.tries else ""
        return self._form(
            site,
            gateway,
            owner_of(gateway, REGISTER, order.buyer),
            wrong=wrong,
            error=error,
            words=CARD_KEY,
            title=order.title,
            amount=0,
            months=0,
            said="" if wrong else failed,
            tries=row.tries,
            left=TRIES_MAX - row.tries,
            close_url=key_urls(context, site, row).close,
        )

    def _payment_page(
        self, site: Site, visit: Visit, *, wrong: Wrong | None = None, error: BridgeError | None = None
    ) -> Response:
        context, payment = self._context, visit.payment
        if not self._is_open_payment(site, visit):
            target = urls_of(context, site, payment).approval if visit.unsettled else landing(context, visit)
            return see_other(target)
        gateway = _gateway(site, payment.gateway)
        return self._form(
            site,
            gateway,
            owner_of(gateway, KEY_IN, visit.order.buyer),
            wrong=wrong,
            error=error,
            words=CARD_PAYMENT,
            title=visit.order.title,
            amount=payment.amount,
            months=payment.instalment_months,
            said="",
            tries=0,
            left=0,
            close_url=urls_of(context, site, payment).close,
        )

    def _form(
        self,
        site: Site,
        gateway: Gateway,
        owner: Owner,
        *,
        wrong: Wrong | None,
        error: BridgeError | None,
        **values: Any,
    ) -> Response:
        """Show the form, empty: of a card nothing that was typed is sent back."""
        refused = {"said": korean_of(error)} if error is not None else {}
        return render(
            "checkout/card.html",
            status=answer_of(error)[0] if error is not None else 422 if wrong else 200,
            base=base_path(self._context),
            headers={"Referrer-Policy": "same-origin", **(wait_headers(error) if error is not None else {})},
            form_action=[site.origin],  # browsers hold a form's redirects to it too, and the end leads to the shop
            gateway=gateway.title,
            owner=owner,
            wrong=wrong or {},
            **values | refused,
        )

    def _is_open_key(self, site: Site, row: KeyRow) -> bool:
        late = self._context.clock.now() >= row.expires_at
        return row.state is KeyState.OPEN and not late and is_key_on_page(self._context, site, row)

    def _is_open_payment(self, site: Site, visit: Visit) -> bool:
        payment = visit.payment
        waits = payment.state == State.OPEN and visit.other is None
        late = self._context.clock.now() >= payment.expires_at
        return waits and not late and is_paid_on_page(self._context, site, payment)

    async def _read(self, request: Request) -> Mapping[str, str]:
        """Read a form that our own page sent. Raises Malformed, TooLarge, UnsupportedBody."""
        if not came_from_us(self._context, request):
            raise Malformed("The form is not ours; open the page again.")
        return await read_form(request, FORM_BYTES_MAX)

    def _today(self) -> date:
        return self._context.clock.now().astimezone(KST).date()

    def _count(self, request: Request) -> None:
        self._per_address.take(network(client_address(self._context, request)))

    async def _key(self, request: Request) -> tuple[Site, KeyRow]:
        name, key_id = self._context.tokens.read("billing_key", request.path_params["token"], parts=2)
        site = self._context.sites.get(name)
        return site, await self._context.ledger.read(lambda turn: rows.get(turn, site.id, key_id))

    async def _visit(self, request: Request) -> tuple[Site, Visit]:
        name, payment_id = self._context.tokens.read("window", request.path_params["token"], parts=2)
        site = self._context.sites.get(name)
        return site, await look(self._context, site, payment_id)


def _gateway(site: Site, name: str) -> Gateway:
    gateway = site.gateway(name)
    refuse_untyped(site, gateway)
    return gateway


TRIES = frozenset(str(count) for count in range(TRIES_MAX))
