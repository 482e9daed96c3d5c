"""A card or phone is registered, and a plan agreed to, in each gateway's own window: on a desktop and on a phone."""

from secrets import token_hex
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import grave_faults
from tests.browser.booth import Booth
from tests.browser.conftest import Browse
from tests.browser.lane import until
from tests.browser.test_gateways import gateway_window
from tests.browser.test_screenshots import Album

pytestmark = pytest.mark.browser
ANNA = "customer-7"
BUYER = {"name": "홍길동", "email": "hong@buyer.example", "phone": "010-1234-5678"}
GATEWAYS = ["paystory", "payple", "payple-callback", "welcome"]


def ask_for_key(booth: Booth, gateway: str, device: str) -> dict[str, Any]:
    booth.open(gateway)
    wish: dict[str, Any] = {
        "customer": ANNA,
        "title": "정기 후원",
        "buyer": BUYER,
        "result_url": f"{booth.shop_url(gateway)}/result",
        "actor": "buyer",
        "device": "mobile" if device == "phone" else "pc",
    }
    if gateway == "welcome":  # its window registers nothing but phones, which it charges at once
        shop = booth.shop_url(gateway)
        order = {"ref": f"CLUB-{token_hex(6)}", "version": 1, "title": "정기 후원", "amount": 9_900, "buyer": BUYER}
        wish |= {"method": "phone", "order": order | {"result_url": f"{shop}/result", "retry_url": f"{shop}/order"}}
    return booth.ask(gateway, "POST", "/v1/billing-keys", wish)


def key_state(booth: Booth, gateway: str, key: str) -> str:
    return str(booth.ask(gateway, "GET", f"/v1/billing-keys/{key}?customer={ANNA}")["state"])


def takes_no_room_sideways(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_a_customer_registers_in_the_gateways_window(booth: Booth, browse: Browse, gateway: str, device: str) -> None:
    page = browse(booth, device)
    asked = ask_for_key(booth, gateway, device)
    page.goto(asked["window_url"])
    window = gateway_window(page)
    if gateway == "payple-callback":  # its window stands on our own page; the others' takes the whole page
        assert page.locator("dt", has_text="금액").count() == 0
        assert page.title().startswith("등록 창을 열고 있어요")
        assert takes_no_room_sideways(page)
        assert grave_faults(page) == []
        Album(f"windows-{device}").take(page, f"{gateway}-key")
    window.locator("button[name=action][value=pay]").click(no_wait_after=True)

    page.wait_for_url(f"{booth.shop_url(gateway)}/result*")
    until(lambda: key_state(booth, gateway, asked["id"]) == "active", "the key")


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_a_customer_leaves_the_window_and_nothing_is_registered(
    booth: Booth, browse: Browse, gateway: str, device: str
) -> None:
    page = browse(booth, device)
    asked = ask_for_key(booth, gateway, device)
    page.goto(asked["window_url"])
    gateway_window(page).locator("button[name=action][value=close]").click(no_wait_after=True)

    page.wait_for_url(f"{booth.shop_url(gateway)}/*")
    assert key_state(booth, gateway, asked["id"]) != "active"


@pytest.mark.parametrize("lane", ["payapp", "payapp-js"])
def test_a_buyer_agrees_to_a_plan_in_the_gateways_window(booth: Booth, browse: Browse, lane: str, device: str) -> None:
    booth.open(lane)
    page = browse(booth, device)
    plan = booth.ask(
        lane,
        "POST",
        "/v1/plans",
        {
            "customer": ANNA,
            "order_ref": f"CLUB-{lane}-{device}",
            "title": "월 회원권",
            "amount": 33_000,
            "buyer": BUYER,
            "cycle": "month",
            "day": 25,
            "ends": "2027-12-31",
            "result_url": f"{booth.shop_url(lane)}/club",
            "actor": "buyer",
        },
    )
    page.goto(plan["window_url"])
    window = gateway_window(page)
    expect(window.locator("body")).to_contain_text("33,000")
    assert takes_no_room_sideways(page)
    Album(f"windows-{device}").take(page, f"{lane}-plan")
    window.locator("button[name=action][value=pay]").click(no_wait_after=True)

    def state() -> str:
        return str(booth.ask(lane, "GET", f"/v1/plans/{plan['id']}?customer={ANNA}")["state"])

    until(lambda: state() == "active", "the plan")
