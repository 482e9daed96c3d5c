"""The forms of PayApp's commands for the merchant's account in a real browser: on a phone and wide, light and dark."""

import asyncio

import pytest
from playwright.async_api import expect
from starlette.applications import Starlette

from bridge.web import dashboard, static
from tests.gateways.house import House
from tests.gateways.paired import paired
from tests.web.in_browser import NARROW, browser_on
from tests.web.test_dashboard_commands import seated
from tests.web.test_to_account_in_browser import looked_at
from tests.web.visitor import PASSWORD

pytestmark = pytest.mark.browser


async def test_a_staff_account_is_registered_on_a_phone_and_no_fault_stands_in_the_way(tmp_path, cheap_passwords):
    async with paired(House(tmp_path), "payapp") as world:
        desk = await seated(world)
        app = Starlette(routes=[*static.routes(), *dashboard.routes(world.context)])
        async with asyncio.timeout(60), browser_on(app) as (base, browser):
            page = await (await browser.new_context(viewport=NARROW, locale="ko-KR")).new_page()
            await page.goto(f"{base}{desk.path}")
            await page.fill("#name", "minji")
            await page.fill("#password", PASSWORD)
            await page.press("#password", "Enter")
            await page.wait_for_url(f"{base}{desk.path}")
            for command in await page.query_selector_all("summary"):
                await command.click()
            assert await page.locator("details[open]").count() > 5
            assert await looked_at(page) == {}

            await page.set_viewport_size(NARROW)
            form = page.locator("form", has=page.locator("input[value=subidregist]"))
            await form.get_by_label("부계정 아이디").fill("staff1")
            await form.get_by_label("부계정 비밀번호").fill("abcd1234")
            await form.get_by_label("부계정명").fill("김예매")
            await form.get_by_label("권한").select_option("1")
            await form.get_by_label("대시보드 비밀번호를 한 번 더").fill(PASSWORD)
            await form.get_by_role("button", name="실행하기").click()
            await expect(page.get_by_role("status")).to_contain_text("됨")
            assert "김예매" not in await page.content()
            assert await looked_at(page) == {}
        await desk.browser.client.aclose()
