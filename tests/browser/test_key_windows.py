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
GATEWAYS = ["paystory", "payple", "payple-callback"]
CHARGED_AT_ONCE = {"payple": "card", "payple-callback": "card", "paystory": "phone", "welcome": "phone"}
FIRST = 9_900


def ask_for_key(booth: Booth, gateway: str, device: str, **more: Any) -> dict[str, Any]:
    booth.open(gateway)
    wish: dict[str, Any] = {
        "customer": ANNA,
        "title": "정기 후원",
        "buyer": BUYER,
        "result_url": f"{booth.shop_url(gateway)}/result",
        "actor": "buyer",
        "device": "mobile" if device == "phone" else "pc",
    }
    return booth.ask(gateway, "POST", "/v1/billing-keys", wish | more)


def ask_for_first_payment(booth: Booth, gateway: str, device: str) -> dict[str, Any]:
    """A key with an order that its registration pays."""
    booth.open(gateway)
    shop = booth.shop_url(gateway)
    order = {"ref": f"CLUB-{token_hex(6)}", "version": 1, "title": "정기 후원", "amount": FIRST, "buyer": BUYER}
    order |= {"result_url": f"{shop}/result", "retry_url": f"{shop}/order"}
    return ask_for_key(booth, gateway, device, method=CHARGED_AT_ONCE[gateway], order=order) | {"ref": order["ref"]}


def key_state(booth: Booth, gateway: str, key: str) -> str:
    return str(booth.ask(gateway, "GET", f"/v1/billing-keys/{key}?customer={ANNA}")["state"])


def leave_the_window(booth: Booth, page: Page, gateway: str, asked: dict[str, Any]) -> None:
    """Close the window; the customer is back at the shop, and nothing is registered."""
    page.goto(asked["window_url"])
    gateway_window(page).locator("button[name=action][value=close]").click(no_wait_after=True)
    page.wait_for_url(f"{booth.shop_url(gateway)}/*")
    assert key_state(booth, gateway, asked["id"]) != "active"


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


@pytest.mark.parametrize("gateway", CHARGED_AT_ONCE)
def test_a_customer_registers_and_pays_first_in_one_window(
    booth: Booth, browse: Browse, gateway: str, device: str
) -> None:
    page = browse(booth, device)
    asked = ask_for_first_payment(booth, gateway, device)
    page.goto(asked["window_url"])
    window = gateway_window(page)
    expect(window.locator("body")).to_contain_text("9,900")
    assert takes_no_room_sideways(page)
    assert window.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert grave_faults(page) == []
    Album(f"windows-{device}").take(page, f"{gateway}-first")
    window.locator("button[name=action][value=pay]").click(no_wait_after=True)

    page.wait_for_url(f"{booth.shop_url(gateway)}/result*")
    until(lambda: key_state(booth, gateway, asked["id"]) == "active", "the key")
    until(lambda: booth.payments_of(asked["ref"]) == [("paid", FIRST, [FIRST])], "the payment, in both books")


@pytest.mark.parametrize("gateway", ["payple", "welcome"])
def test_a_customer_leaves_the_window_of_a_first_payment_and_nothing_is_registered_or_paid(
    booth: Booth, browse: Browse, gateway: str, device: str
) -> None:
    page = browse(booth, device)
    asked = ask_for_first_payment(booth, gateway, device)
    leave_the_window(booth, page, gateway, asked)
    assert all(not any(taken) for _, _, taken in booth.payments_of(asked["ref"]))


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_a_customer_leaves_the_window_and_nothing_is_registered(
    booth: Booth, browse: Browse, gateway: str, device: str
) -> None:
    page = browse(booth, device)
    leave_the_window(booth, page, gateway, ask_for_key(booth, gateway, device))


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
