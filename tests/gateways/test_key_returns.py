"""A customer's way back from the window in which a card or a phone is registered, at each gateway that has one."""

import re
from dataclasses import dataclass
from html import unescape
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from bridge.domain.failures import Busy
from tests.gateways.house import House, hidden
from tests.gateways.paired import paired
from tests.gateways.street import Street
from tests.gateways.test_returns_that_are_no_form import FORM, bent
from tests.support.world import Coming, Opened

CUSTOMER = "customer-1"
BUYER = {"name": "홍길동", "phone": "010-1234-5678", "email": "hong@shop.test"}
IN_A_FRAME = {"sec-fetch-dest": "iframe"}
WINDOWS = {
    "paystory": ("paystory", "card", False),
    "paystory-phone": ("paystory", "phone", True),
    "payple": ("payple", "card", False),
    "payple-first": ("payple", "card", True),
    "welcome-phone": ("welcome", "phone", True),
}
"""The gateway, what is registered, and whether the window charges it."""
FOREIGN = {
    "paystory": [{"mid": "othershop1"}],
    "payple": [
        {name: host}
        for name in ("PCD_PAY_COFURL", "PCD_PAY_HOST")
        for host in ("http://evil.test/php/PayCardConfirmAct.php?ACT_=PAYM", "http://sandbox.test@evil.test")
    ],
    "welcome": [
        {"P_REQ_URL": "http://evil.test/approve"},
        {"P_REQ_URL": "http://sandbox.test@evil.test/"},
        {"authUrl": "http://evil.test/"},
        {"netCancelUrl": "http://evil.test/"},
    ],
}
"""What a browser may name that is not the gateway's, or not this shop's."""


@dataclass
class Desk:
    """A shop at one gateway, whose customers register."""

    place: Any
    gateway: str
    method: str
    charges: bool

    async def ask(self) -> tuple[str, Coming]:
        """Ask for a key and go through its window; gives the key's id and what the browser is about to post."""
        wish = {
            "customer": CUSTOMER,
            "title": "정기 후원",
            "buyer": BUYER,
            "method": self.method,
            "result_url": f"{self.place.site.url}/my-cards",
            "actor": "buyer",
        } | ({"order": self.place.order(amount=9_900)} if self.charges else {})
        asked = await self.place.call("POST", "/v1/billing-keys", wish)
        assert asked.status_code == 201, asked.text
        coming = await self.place.authenticate(Opened("", asked.json()["window_url"], "", ""))
        assert coming.method == "POST", "the windows of all three are left by a form"
        return asked.json()["id"], coming

    async def state(self, key: str) -> str:
        """Say how a key stands."""
        answer = await self.place.call("GET", f"/v1/billing-keys/{key}?customer={CUSTOMER}")
        return str(answer.json()["state"])

    async def post(self, url: str, fields: Any, **headers: str) -> Any:
        """Post a form to the bridge as a browser does."""
        raw = fields if isinstance(fields, bytes) else urlencode(fields).encode()
        async with self.place.client() as client:
            return await client.post(url, content=raw, headers=FORM | headers)


@pytest.fixture(params=WINDOWS)
async def desk(request, tmp_path):
    """A bridge, a shop, one gateway and what is registered in its window."""
    gateway, method, charges = WINDOWS[request.param]
    made = House(tmp_path) if gateway == "welcome" else Street(tmp_path)
    async with paired(made, gateway) as place:
        yield Desk(place, gateway, method, charges)


async def test_what_is_bent_is_refused_unasked_and_the_right_return_still_registers_once(desk):
    key, coming = await desk.ask()
    before = len(desk.place.net.sent)
    heard = {what: (await desk.post(coming.url, raw)).status_code for what, raw in bent(coming.fields).items()}
    heard["nothing"] = (await desk.post(coming.url, {})).status_code
    await desk.place.quiet()

    assert all(400 <= status < 500 for status in heard.values()), heard
    assert (len(desk.place.net.sent), await desk.state(key)) == (before, "open")
    await desk.place.go(coming)
    await desk.place.quiet()
    assert await desk.state(key) == "active"
    sent = len(desk.place.net.sent)
    again = await desk.place.go(coming)
    await desk.place.quiet()
    assert "pay_bridge_result=active" in again.headers["location"]
    assert len(desk.place.net.sent) == sent, "coming back again asks for nothing"
    await desk.place.check_books()


async def test_what_a_browser_names_that_is_not_the_gateways_is_refused_and_no_request_leaves(desk):
    key, coming = await desk.ask()
    before = len(desk.place.net.sent)
    for foreign in FOREIGN[desk.gateway]:
        answer = await desk.post(coming.url, coming.fields | foreign)
        assert answer.status_code == 400, foreign
    await desk.place.quiet()

    assert (len(desk.place.net.sent), await desk.state(key)) == (before, "open")
    await desk.place.go(coming)
    await desk.place.quiet()
    assert await desk.state(key) == "active"


async def test_the_return_of_another_window_registers_nothing(desk):
    key, coming = await desk.ask()
    other, theirs = await desk.ask()
    before = len(desk.place.net.sent)
    answer = await desk.post(coming.url, theirs.fields)
    await desk.place.live(900.0, 30.0)

    assert await desk.state(key) != "active"
    if desk.gateway == "welcome":  # nothing in its return names whose it is: its answer does, and that is taken back
        assert sum(book["net"] for book in desk.place.sandbox.bank.as_json()["payments"]) == 0
    else:
        assert (answer.status_code, len(desk.place.net.sent), await desk.state(key)) == (400, before, "open")
    assert await desk.state(other) in ("open", "expired")
    await desk.place.check_books()


async def test_asking_for_the_head_alone_registers_nothing(desk):
    key, coming = await desk.ask()
    before = len(desk.place.net.sent)
    async with desk.place.client() as client:
        answer = await client.head(f"{coming.url}?{urlencode(coming.fields)}")
    await desk.place.quiet()

    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert (len(desk.place.net.sent), await desk.state(key)) == (before, "open")


async def test_a_refused_return_shows_the_way_to_the_shop(desk):
    key, coming = await desk.ask()
    page = await desk.post(coming.url, {"x": "1"})
    framed = await desk.post(coming.url, {"x": "1"}, **IN_A_FRAME)

    (link,) = re.findall(r'<a class="button" href="([^"]*)">', page.text)
    assert unescape(link).startswith(f"{desk.place.site.url}/my-cards?pay_bridge_key={key}&")
    assert link in framed.text
    assert 'target="_top"' in framed.text


async def test_inside_a_frame_the_whole_page_is_led_on(desk):
    key, coming = await desk.ask()
    page = await desk.post(coming.url, coming.fields, **IN_A_FRAME)
    await desk.place.quiet()

    assert (page.status_code, await desk.state(key)) == (200, "active")
    assert f'href="{desk.place.site.url}/my-cards?pay_bridge_key={key}' in page.text
    assert 'target="_top"' in page.text
    assert "frame-ancestors *" in page.headers["content-security-policy"]


@pytest.mark.parametrize("what", ["read", "write"])
async def test_while_the_books_are_busy_the_page_comes_back_with_what_the_window_posted(desk, monkeypatch, what):
    key, coming = await desk.ask()

    async def broken(_):
        raise Busy("for a moment")

    with monkeypatch.context() as moment:
        moment.setattr(desk.place.context.ledger, what, broken)
        page = await desk.post(coming.url, coming.fields)
    assert (page.status_code, "다시 등록하지 마세요" in page.text) == (503, True)
    assert "결제하지 않아요" not in page.text, "a phone is charged by its registration"
    assert f"form-action 'self' {desk.place.site.url};" in page.headers["content-security-policy"]
    address = re.search(r'<form id="again" method="post" action="([^"]*)"', page.text)
    assert address, page.text
    assert address[1] == urlsplit(coming.url).path

    assert hidden(page.text) == coming.fields
    landed = await desk.place.go(Coming("POST", coming.url, hidden(page.text)))
    await desk.place.quiet()
    assert "pay_bridge_result=active" in landed.headers["location"]
    assert await desk.state(key) == "active"
    await desk.place.check_books()


async def test_a_window_that_says_it_was_closed_while_the_books_are_busy_is_not_told_that_nothing_was_registered(
    desk, monkeypatch
):
    """A return beside it may have registered the key, and charged a phone."""
    _, coming = await desk.ask()
    world = desk.place

    async def broken(_):
        raise Busy("for a moment")

    with monkeypatch.context() as moment:
        moment.setattr(world.context.ledger, "read", broken)
        async with world.client() as client:
            page = await client.get(f"{coming.url.partition('?')[0]}/close")

    assert page.status_code == 503
    assert "결제 수단을 등록하고 있어요" in page.text
