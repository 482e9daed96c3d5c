"""A window opened by a gateway's script, in a real browser: on a desktop, on a phone, and without the script."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page
from starlette.responses import HTMLResponse, Response

from bridge.domain.failures import Busy
from tests.support.world import World
from tests.web.in_browser import NARROW, WIDE, browser_on
from tests.web.test_dashboard_in_browser import SMALL_TARGETS

pytestmark = [pytest.mark.browser, pytest.mark.sqlite]

BRIDGE = "http://pay.test"
SCRIPT = """
window.Teller = {
  async open(fields) {
    const answer = await fetch(fields.auth, { method: "POST", body: new URLSearchParams({ oid: fields.ordNo }) });
    const pass = await answer.json();
    const layer = document.createElement("div");
    layer.style.cssText = "position:fixed;inset:0;background:#fff;padding:2rem";
    const button = (id, act) => {
      const made = document.createElement("button");
      made.id = id;
      made.textContent = id;
      made.onclick = act;
      layer.append(made);
    };
    button("pay", () => fields.done({ number: fields.number, key: pass.AuthKey, ignored: { deep: 1 } }));
    button("close", () => window.teller_closed());
    button("framed", () => {
      const frame = document.createElement("iframe");
      frame.name = "teller";
      layer.append(frame);
      const form = document.createElement("form");
      form.method = "post";
      form.action = fields.back;
      form.target = "teller";
      form.innerHTML = `<input name="number" value="${fields.number}">`;
      layer.append(form);
      form.submit();
    });
    document.body.append(layer);
  },
};
"""


@dataclass
class Shown:
    """The bridge, the gateway and the shop under their names, and the browser of a buyer."""

    world: World
    browser: Browser
    script: str = SCRIPT

    async def open(self, *, script: bool = True, width: dict[str, int] = WIDE) -> Page:
        """Go to the page that opens the window of a new order."""
        context = await self.browser.new_context(
            viewport=width,  # type: ignore[arg-type]  # as the dashboard's tests
            java_script_enabled=script,
            locale="ko-KR",
        )
        page = await context.new_page()
        page.on("console", lambda message: self.said.append(message.text) if message.type == "error" else None)
        await page.goto(f"{BRIDGE}/checkout/{self.world.token(self.world.order())}")
        return page

    def __post_init__(self) -> None:
        self.said: list[str] = []

    async def states(self) -> list[str]:
        """Give the states of all payments."""
        await self.world.quiet()
        return [row["state"] for row in await self.world.all("SELECT state FROM payments")]


@pytest.fixture
async def shown(folder: Path) -> AsyncIterator[Shown]:
    world = World(folder)
    world.settings = dataclasses.replace(world.settings, public_url=BRIDGE)
    await world.start()
    await world.pair_teller("AskedByScript")
    made: Shown

    async def by_name(scope, receive, send):
        name = dict(scope["headers"]).get(b"host", b"").decode()
        answer = HTMLResponse(f"<title>{name}</title><h1>{scope['path']}</h1>")
        if name == "pay.test":
            await world.app(scope, receive, send)
            return
        if scope["path"] == "/pay.js":
            answer = Response(made.script, 200 if made.script else 503, media_type="text/javascript")
        await answer(scope, receive, send)

    async with asyncio.timeout(90), browser_on(by_name, under_every_name=True) as (_, browser):
        made = Shown(world, browser)
        yield made
    await world.close()


@pytest.mark.parametrize("width", [WIDE, NARROW], ids=["desktop", "phone"])
async def test_the_buyer_pays_in_the_window_and_lands_on_the_shops_result(shown: Shown, width) -> None:
    page = await shown.open(width=width)
    assert await page.evaluate("document.documentElement.scrollWidth") <= width["width"]
    assert await page.evaluate(SMALL_TARGETS) == []
    await page.click("#pay")
    await page.wait_for_url(f"{shown.world.site.url}/result?**")

    assert "pay_bridge=" in page.url
    assert await shown.states() == ["paid"]
    assert shown.world.teller.calls["vouch"] == 1
    assert shown.said == [], "the content policy lets the script do all it needs"


async def test_a_window_that_comes_back_in_a_frame_leads_the_whole_page_on(shown: Shown) -> None:
    page = await shown.open()
    await page.click("#framed")
    await page.wait_for_url(f"{shown.world.site.url}/result?**")

    assert await shown.states() == ["paid"]


async def test_what_a_window_posted_while_the_books_were_busy_is_sent_again_by_itself(
    shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(_: object) -> None:
        raise Busy("for a moment")

    page = await shown.open()
    with monkeypatch.context() as moment:
        moment.setattr(shown.world.context.ledger, "write", broken)
        await page.click("#pay")
        await page.locator("form#again button").wait_for()
        assert "창을 닫지 말고" in await page.inner_text("main")
        assert await shown.states() == ["open"]
    await page.wait_for_url(f"{shown.world.site.url}/result?**")

    assert await shown.states() == ["paid"]


async def test_a_closed_window_leads_back_to_the_order(shown: Shown) -> None:
    page = await shown.open()
    await page.click("#close")
    await page.wait_for_url(f"{shown.world.site.url}/order?**")

    assert "pay_bridge_result=closed" in page.url
    assert await shown.states() == ["open"]


async def test_the_page_follows_a_payment_that_ends_elsewhere(shown: Shown) -> None:
    page = await shown.open()
    await page.wait_for_selector("#pay")
    (row,) = await shown.world.all("SELECT id FROM payments")
    payment = await shown.world.payment(row["id"])
    token = shown.world.context.tokens.make("return", payment.site, payment.id)
    async with shown.world.client() as client:
        await client.get(f"/r/{token}", params={"number": payment.refs["number"]})
    await page.wait_for_url(f"{shown.world.site.url}/result?**")


async def test_without_scripts_the_buyer_reads_why_and_where_to_go(shown: Shown) -> None:
    page = await shown.open(script=False)

    assert "자바스크립트를 켜고" in await page.inner_text("[role=alert]")
    assert not await page.is_visible("#window-open")
    await page.click("text=그만두기")
    await page.wait_for_url(f"{shown.world.site.url}/order?**")
    assert await shown.states() == ["open"]


@pytest.mark.parametrize("script", ["", "window.Other = 1;"], ids=["unreachable", "changed"])
async def test_a_script_that_is_missing_is_said_and_nothing_was_paid(shown: Shown, script: str) -> None:
    shown.script = script
    page = await shown.open()
    await page.wait_for_function("document.getElementById('window-state').textContent.includes('불러오지 못했어요')")

    assert "아무것도 결제하지 않았어요" in await page.inner_text("#window-state")
    assert await page.inner_text("h1") == await page.title() == "결제 창을 열지 못했어요"
    assert not await page.is_visible("#window-hint")
    assert await shown.states() == ["open"]
    await page.reload()
    await page.locator("#window-open", has_text="다시 시도").wait_for()
    await shown.world.quiet()
    told = await shown.world.all("SELECT event, actor FROM audit WHERE event LIKE ?", "window.not_loaded")
    assert told == [{"event": "window.not_loaded", "actor": "buyer"}], "the page tells the bridge, which notes it once"
    await page.click("text=다른 결제 수단 고르기")
    await page.wait_for_url(f"{shown.world.site.url}/order?**")


async def test_the_button_asks_anew_for_a_script_that_is_missing(shown: Shown) -> None:
    shown.script = ""
    page = await shown.open()
    await page.locator("#window-open", has_text="다시 시도").wait_for()

    shown.script = SCRIPT
    await page.click("#window-open")
    await page.click("#pay")
    await page.wait_for_url(f"{shown.world.site.url}/result?**")
    assert await shown.states() == ["paid"]


async def test_a_buyer_whose_window_the_gateway_does_not_let_open_tries_again_or_goes_another_way(shown: Shown) -> None:
    shown.script = SCRIPT.replace(
        "const pass = await answer.json();", "const pass = await answer.json(); if (!answer.ok) return;"
    )
    shown.world.teller.always["vouch"] = "AUTH0004"
    page = await shown.open()
    await page.locator("#window-open", has_text="다시 시도").wait_for()
    assert "아무것도 결제하지 않았어요" in await page.inner_text("#window-state")
    assert await page.inner_text("#window-leave") == "다른 결제 수단 고르기"

    shown.world.teller.always.clear()
    await page.click("#window-open")
    await page.click("#pay")
    await page.wait_for_url(f"{shown.world.site.url}/result?**")
    assert await shown.states() == ["paid"]


async def test_a_window_that_did_not_open_is_opened_by_the_button(shown: Shown) -> None:
    shown.script = SCRIPT.replace(
        "async open(fields) {", "async open(fields) { if (!window.again) { window.again = 1; return; }"
    )
    page = await shown.open()
    await page.click("#window-open")
    await page.click("#pay")
    await page.wait_for_url(f"{shown.world.site.url}/result?**")

    assert await shown.states() == ["paid"]
