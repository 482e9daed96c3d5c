"""The form of a refund to an account, and what stands there afterwards, in a real browser: on a phone and wide."""

import asyncio

import pytest
from starlette.applications import Starlette

from bridge.web import dashboard, static
from tests.browser.axe import GRAVE, source
from tests.flows.test_accounts import counter, deposited
from tests.web.in_browser import NARROW, WIDE, browser_on
from tests.web.test_dashboard_in_browser import FAINT_TEXTS, SMALL_TARGETS
from tests.web.test_dashboard_to_account import ACCOUNT, seated
from tests.web.visitor import PASSWORD

pytestmark = pytest.mark.browser
__all__ = ["counter"]


async def look(page, width, *, dark):
    """What is grave, faint, small or wider than the screen on the page as it stands."""
    await page.set_viewport_size(width)
    await page.emulate_media(color_scheme="dark" if dark else "light")
    await page.evaluate(source())  # not a script tag, which the page's own policy would forbid
    found = (await page.evaluate("() => axe.run(document, { resultTypes: ['violations'] })"))["violations"]
    faults = [one["id"] for one in found if one["impact"] in GRAVE]
    faults += [f"faint: {one}" for one in await page.evaluate(FAINT_TEXTS)]
    if width == NARROW:
        faults += [f"small: {one}" for one in await page.evaluate(SMALL_TARGETS)]
    if await page.evaluate("document.documentElement.scrollWidth") > width["width"]:
        faults.append("scrolled sideways")
    return faults


async def looked_at(page):
    return {
        (width["width"], dark): faults
        for width in (NARROW, WIDE)
        for dark in (False, True)
        if (faults := await look(page, width, dark=dark))
    }


async def test_the_form_is_filled_in_on_a_phone_and_no_fault_stands_in_the_way(counter, cheap_passwords):
    desk = await seated(counter, await deposited(counter))
    app = Starlette(routes=[*static.routes(), *dashboard.routes(counter.context)])
    async with asyncio.timeout(60), browser_on(app) as (base, browser):
        page = await (await browser.new_context(viewport=NARROW, locale="ko-KR")).new_page()
        await page.goto(f"{base}{desk.path}")
        await page.fill("#name", "minji")
        await page.fill("#password", PASSWORD)
        await page.press("#password", "Enter")
        await page.wait_for_url(f"{base}{desk.path}")
        assert await looked_at(page) == {}

        await page.set_viewport_size(NARROW)
        for name, text in (ACCOUNT | {"reason": "공연 취소", "password": PASSWORD}).items():
            await page.fill(f"#{name}", text)
        await page.click("text=이 계좌로 환불하기")
        await page.wait_for_selector("text=이체 등록 취소하기")
        assert ACCOUNT["holder"] not in await page.content()
        assert await looked_at(page) == {}

        await page.fill("#password", PASSWORD)
        await page.click("text=이체 등록 취소하기")
        await page.wait_for_selector("text=이 계좌로 환불하기")
        assert await page.input_value("#amount") == "55000"
    await desk.browser.client.aclose()
