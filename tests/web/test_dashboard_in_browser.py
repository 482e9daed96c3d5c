"""The operator's pages in a real browser: narrow, dark, by keyboard, fresh by themselves, and without scripts."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from playwright.async_api import Browser, Page, expect
from starlette.applications import Starlette

from bridge.flows.log_in import add_operator
from bridge.web import dashboard, static
from tests.web.factory import Town
from tests.web.in_browser import NARROW, WIDE, browser_on

pytestmark = pytest.mark.browser

PASSWORD = "correct horse battery staple"

# Every visible text against the colour behind it, as WCAG 2.2 counts it (1.4.3).
FAINT_TEXTS = """() => {
  const rgb = text => { const v = text.match(/[\\d.]+/g).map(Number); return v.length < 4 ? [...v, 1] : v; };
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, place) => sum + v * [.2126, .7152, .0722][place], 0);
  const behind = node => { for (; node; node = node.parentElement) {
    const colour = rgb(getComputedStyle(node).backgroundColor);
    if (colour[3] === 1) return colour;
  } return [255, 255, 255]; };
  const faint = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const node = walk.currentNode.parentElement, style = getComputedStyle(node);
    if (!walk.currentNode.data.trim() || !node.getClientRects().length) continue;
    if (node.closest(".hidden, .skip, option, title")) continue;
    const pair = [light(rgb(style.color)), light(behind(node))].sort((a, b) => b - a);
    const ratio = (pair[0] + .05) / (pair[1] + .05), size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && parseInt(style.fontWeight) >= 700);
    if (ratio < (large ? 3 : 4.5)) faint.push([walk.currentNode.data.trim().slice(0, 30), ratio.toFixed(2)]);
  }
  return faint;
}"""

SMALL_TARGETS = """() => [
  ...document.querySelectorAll("button, input:not([type=hidden]), select, summary, nav a, .needs a, .tool")
]
  .filter(node => node.getClientRects().length && node.getBoundingClientRect().height < 44)
  .map(node => [node.outerHTML.slice(0, 80), node.getBoundingClientRect().height])"""


@dataclass
class Served:
    """A dashboard on a port of its own, and the browser to look at it."""

    town: Town
    base: str
    browser: Browser
    case: str

    async def open(self, *, script: bool = True, width: dict[str, int] | None = None, dark: bool = False) -> Page:
        """Open a window of someone who is logged in."""
        context = await self.browser.new_context(
            viewport=width or WIDE,  # type: ignore[arg-type]
            java_script_enabled=script,
            color_scheme="dark" if dark else "light",
            locale="ko-KR",
        )
        page = await context.new_page()
        await page.goto(f"{self.base}/dashboard")
        await page.fill("#name", "minji")
        await page.fill("#password", PASSWORD)
        await page.press("#password", "Enter")
        await page.wait_for_url(f"{self.base}/dashboard")
        return page


@pytest.fixture
async def served(town: Town, cheap_passwords: None) -> AsyncIterator[Served]:
    await add_operator(town.context, "minji", PASSWORD)
    site = await town.add_site("https://tickets.example.kr", "live", "mainpay", "payapp")
    for ending in ("paid", "declined", "expired", "open", "refunded", "unknown"):
        await town.pay(site, ending, seconds_ago=900)
    case = await town.pay(site, "needs_human", seconds_ago=1500)
    app = Starlette(routes=[*static.routes(), *dashboard.routes(town.context)])
    async with asyncio.timeout(60), browser_on(app) as (base, browser):
        yield Served(town, base, browser, case.id)


async def test_every_text_can_be_read_in_light_and_in_dark(served: Served) -> None:
    for dark in (False, True):
        page = await served.open(dark=dark)
        for path in ("", "/payments", "/cases", "/recurring", "/sites", "/records", f"/payments/{served.case}"):
            await page.goto(f"{served.base}/dashboard{path}")
            assert await page.evaluate(FAINT_TEXTS) == [], (dark, path)


async def test_on_a_narrow_phone_nothing_sticks_out_and_targets_are_large(served: Served) -> None:
    page = await served.open(width=NARROW)
    for path in ("", "/payments", "/cases", "/recurring", "/sites", "/records", f"/payments/{served.case}"):
        await page.goto(f"{served.base}/dashboard{path}")
        assert await page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"], path
        assert await page.evaluate(SMALL_TARGETS) == [], path


async def test_the_overview_refreshes_itself_and_can_be_paused(served: Served) -> None:
    page = await served.open()
    await page.clock.install()
    await page.goto(f"{served.base}/dashboard")
    before = await page.inner_text("#today")
    await served.town.pay(served.town.context.sites.all()[0].id, "paid", amount=110_000)
    async with page.expect_response("**/dashboard"):
        await page.clock.run_for(10_500)
    await page.wait_for_function("before => document.getElementById('today').innerText !== before", arg=before)
    asked: list[str] = []
    await page.click("[data-pause]")
    assert await page.inner_text("[data-pause]") == "자동 새로 고침 켜기"
    page.on("request", lambda request: asked.append(request.url))
    await page.clock.run_for(60_000)
    assert asked == []


async def test_the_bundle_can_be_copied_and_no_page_breaks_its_policy(served: Served) -> None:
    page = await served.open()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    for path in ("", "/payments", "/cases", "/recurring", "/sites", "/records", f"/payments/{served.case}"):
        await page.goto(f"{served.base}/dashboard{path}")
    await page.click("[data-copy]")
    await expect(page.locator("[data-copy]")).to_have_text("복사했어요")  # the browser takes its time to copy
    assert await page.evaluate("navigator.clipboard.readText()") == await page.input_value("#bundle")
    assert said == []


async def test_without_scripts_everything_works_and_no_button_is_dead(served: Served) -> None:
    page = await served.open(script=False)
    assert await page.locator("[data-pause]").is_hidden()
    await page.click("nav >> text=결제")
    await page.fill("#q", served.case)
    await page.press("#q", "Enter")
    await page.click(f'a[href$="{served.case}"]')
    assert await page.locator("[data-copy]").is_hidden()
    await page.click("summary >> nth=0")
    assert await page.locator("details pre").first.is_visible()
    await page.click("text=로그아웃")
    assert page.url.endswith("/dashboard/login")


async def test_the_keyboard_reaches_the_content_at_once_and_focus_is_seen(served: Served) -> None:
    page = await served.open()
    await page.goto(f"{served.base}/dashboard")
    await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.className") == "skip"
    assert await page.evaluate("document.activeElement.getBoundingClientRect().top") >= 0
    await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")
    assert await page.evaluate("document.getElementById('main').contains(document.activeElement)")
    assert await page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
