"""The checkout script in a browser: popup, redirect, no script; and every way in which a window can go wrong."""

import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from bridge.signing.tokens import open_order
from tests.plugin.conftest import Shop
from tests.plugin.stub_bridge import StubBridge
from tests.plugin.test_pages import pages

__all__ = ["pages"]
pytestmark = pytest.mark.browser
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
KAKAO = "Mozilla/5.0 (Linux; Android 14; wv) Chrome/126.0 Mobile Safari/537.36 KAKAOTALK/11.3.1 (INAPP)"
FINAL = "pay_bridge={}&pay_bridge_status=st"


def chromium() -> str:
    """Where the machine's Chromium is."""
    found = os.environ.get("PAY_BRIDGE_CHROMIUM") or shutil.which("chromium-headless-shell") or shutil.which("chromium")
    assert found, "no chromium; tests/wordpress/install.sh installs it"
    return found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def visit(
    browser: Browser, shop: Shop, pages: str
) -> Iterator[Callable[..., tuple[Page, dict[str, Any], dict[str, Any]]]]:
    """Opens a guest's checkout page; gives the page, the order and the payment the bridge will open."""
    contexts: list[BrowserContext] = []

    def visit_(**settings: Any) -> tuple[Page, dict[str, Any], dict[str, Any]]:
        bridge = shop.bridge
        order = shop.order(owner=0, **settings.pop("order", {}))
        order = shop.order(**{**order, "result_url": f"{shop.stand.url}/?done={order['ref']}"})
        payment = bridge.add(order["ref"], "open")
        here = f"{shop.stand.url}/?done={order['ref']}&" + FINAL.format(payment["id"])
        bridge.checkout |= {
            "payment": payment["id"],
            "window_url": f"{bridge.url}/window",
            "status_url": f"{bridge.url}/s/st",
            "page": f"<!doctype html><title>window</title><a id=back href='{here}'>back</a>",
        }
        bridge.status = {"state": "open", "result_url": here}
        context = browser.new_context(**settings)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(8000)
        page.goto(shop.stand.url + pages + order["ref"])
        return page, order, payment

    yield visit_
    for context in contexts:
        context.close()


def said(page: Page) -> Any:
    return page.locator(".pay-bridge-status")


def pay(page: Page) -> Any:
    return page.locator(".pay-bridge-button")


def test_popup_then_the_result_on_the_shops_page(visit: Any, bridge: StubBridge) -> None:
    page, order, _ = visit()
    with page.expect_popup() as opened:
        pay(page).click()
    popup = opened.value
    popup.wait_for_url("**/window")
    assert popup.evaluate("window.name") == "pay_bridge_window"
    expect(pay(page)).to_be_enabled()
    sent = bridge.asked("POST", "/checkout")
    assert len(sent) == 1
    assert sent[0].headers["Accept"] == "application/json"
    assert b"method=card" in sent[0].body
    assert b"device=pc" in sent[0].body
    bridge.status["state"] = "paid"
    with popup.expect_event("close"):
        popup.click("#back")
    page.wait_for_url(f"**/?done={order['ref']}*")


def test_the_result_arrives_although_the_window_cut_all_ties(visit: Any, bridge: StubBridge) -> None:
    page, order, _ = visit()
    bridge.checkout["headers"] = {"Cross-Origin-Opener-Policy": "same-origin"}
    with page.expect_popup():
        pay(page).click()
    bridge.status["state"] = "paid"
    page.wait_for_url(f"**/?done={order['ref']}*")


def test_an_unknown_outcome_is_not_a_failure_and_locks_the_button(visit: Any, bridge: StubBridge) -> None:
    page, order, _ = visit()
    with page.expect_popup():
        pay(page).click()
    bridge.status["state"] = "unknown"
    expect(said(page)).to_contain_text("다시 결제하지 마세요")
    expect(pay(page)).to_be_disabled()
    bridge.status["state"] = "paid"
    page.wait_for_url(f"**/?done={order['ref']}*")


def test_a_decline_says_so_and_lets_the_buyer_try_again(visit: Any, bridge: StubBridge) -> None:
    page, _, _ = visit()
    with page.expect_popup():
        pay(page).click()
    bridge.status |= {"state": "declined", "message_ko": "결제가 되지 않았어요. <b>한도</b>"}
    expect(said(page)).to_have_text("결제가 되지 않았어요. <b>한도</b>")
    expect(pay(page)).to_be_enabled()


def test_closing_the_popup_is_no_result(visit: Any, bridge: StubBridge) -> None:
    page, order, _ = visit()
    with page.expect_popup() as opened:
        pay(page).click()
    opened.value.close()
    bridge.status["state"] = "paid"
    page.wait_for_url(f"**/?done={order['ref']}*")


def test_pressing_again_opens_the_window_again_with_the_same_token(visit: Any, bridge: StubBridge) -> None:
    page, _, _ = visit()
    for _ in range(2):
        with page.expect_popup() as opened:
            pay(page).click()
        opened.value.wait_for_url("**/window")
        opened.value.close()
    sent = bridge.asked("POST", "/checkout")
    assert len(sent) == 2
    assert sent[0].body == sent[1].body


def test_a_blocked_popup_goes_on_in_the_same_window(visit: Any, bridge: StubBridge) -> None:
    page, _, _ = visit()
    page.evaluate("window.open = () => null")
    page.evaluate(
        "new MutationObserver(() => sessionStorage.setItem('said', "
        "document.querySelector('.pay-bridge-status').textContent))"
        ".observe(document.querySelector('.pay-bridge-status'), { childList: true })"
    )
    pay(page).click()
    page.wait_for_url(f"{bridge.url}/checkout")
    page.go_back()
    assert page.evaluate("sessionStorage.getItem('said')") == "결제 창이 막혀 있어 이 화면에서 이어서 결제해요."


def test_a_refusal_is_said_beside_the_button(visit: Any, bridge: StubBridge) -> None:
    page, _, _ = visit()
    bridge.checkout |= {"status_code": 409, "message_ko": "주문 내용이 바뀌었어요.", "window_url": ""}
    with page.expect_popup() as opened:
        pay(page).click()
    expect(said(page)).to_have_text("주문 내용이 바뀌었어요.")
    expect(pay(page)).to_be_enabled()
    assert opened.value.is_closed()


def test_an_order_paid_already_leads_to_its_result(visit: Any, bridge: StubBridge) -> None:
    page, order, _ = visit()
    bridge.checkout |= {
        "status_code": 200,
        "window_url": "",
        "result_url": bridge.status["result_url"],
        "state": "paid",
    }
    with page.expect_popup():
        pay(page).click()
    page.wait_for_url(f"**/?done={order['ref']}*")


def test_an_answer_that_cannot_be_read_falls_back_to_the_plain_form(visit: Any, bridge: StubBridge) -> None:
    page, order, _ = visit()
    bridge.checkout["no_cors"] = True
    with page.expect_popup() as opened:
        pay(page).click()
    opened.value.wait_for_url(f"{bridge.url}/checkout")
    assert "text/html" in bridge.asked("POST", "/checkout")[-1].headers["Accept"]
    bridge.checkout["no_cors"] = False
    bridge.status["state"] = "paid"
    opened.value.click("#back")
    page.wait_for_url(f"**/?done={order['ref']}*")


@pytest.mark.parametrize(
    "settings",
    [{"has_touch": True, "is_mobile": True, "viewport": {"width": 390, "height": 844}}, {"user_agent": KAKAO}],
)
def test_phones_and_in_app_browsers_stay_in_one_window(
    visit: Any, bridge: StubBridge, settings: dict[str, Any]
) -> None:
    page, _, _ = visit(**settings)
    pay(page).click()
    page.wait_for_url(f"{bridge.url}/checkout")
    assert b"device=mobile" in bridge.asked("POST", "/checkout")[0].body
    assert len(page.context.pages) == 1


def test_the_shops_own_app_stays_an_app_whatever_the_script_thinks(visit: Any, bridge: StubBridge) -> None:
    app = "Mozilla/5.0 (Linux; Android 14; wv) Chrome/126.0 Mobile Safari/537.36 TestShopApp/app"
    page, _, _ = visit(user_agent=app)
    pay(page).click()
    page.wait_for_url(f"{bridge.url}/checkout")
    assert b"device=app" in bridge.asked("POST", "/checkout")[0].body


def test_without_a_script_the_form_works(visit: Any, bridge: StubBridge) -> None:
    page, order, _ = visit(java_script_enabled=False)
    page.check("input[value=kakaopay]")
    pay(page).click()
    page.wait_for_url(f"{bridge.url}/checkout")
    assert b"method=kakaopay" in bridge.asked("POST", "/checkout")[0].body
    page.click("#back")
    page.wait_for_url(f"**/?done={order['ref']}*")


def test_back_from_the_gateway_the_button_works_again(visit: Any, bridge: StubBridge) -> None:
    page, _, _ = visit(has_touch=True, is_mobile=True)
    pay(page).click()
    page.wait_for_url(f"{bridge.url}/checkout")
    page.go_back()
    expect(pay(page)).to_be_enabled()
    page.evaluate("window.dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    page.wait_for_timeout(300)
    pay(page).click()
    page.wait_for_url(f"{bridge.url}/checkout")
    tokens = {re.search(rb"token=([^&]+)", one.body)[1] for one in bridge.asked("POST", "/checkout")}  # type: ignore[index]
    assert len(tokens) == 2, "a page out of the cache asks for a new token"


def test_a_token_about_to_end_is_renewed_before_it_is_used(visit: Any, bridge: StubBridge) -> None:
    page, order, _ = visit(order={"hold_expires_at": int(time.time()) + 50})
    before = page.locator("input[name=token]").input_value()
    with page.expect_popup():
        pay(page).click()
    expect(pay(page)).to_be_enabled()
    sent = re.search(rb"token=([^&]+)", bridge.asked("POST", "/checkout")[0].body)
    assert sent
    assert sent[1].decode() != before
    opened = open_order(sent[1].decode(), {"k1": bridge.key}.get, int(time.time()))
    assert opened.payload["order"]["ref"] == order["ref"]


def test_an_order_that_ran_out_is_refused_before_the_bridge_is_asked(
    visit: Any, shop: Shop, bridge: StubBridge
) -> None:
    page, order, _ = visit(order={"hold_expires_at": int(time.time()) + 50})
    shop.order(**{**order, "hold_expires_at": 1})
    with page.expect_popup():
        pay(page).click()
    expect(said(page)).to_contain_text("주문 시간이 지났어요")
    assert bridge.asked("POST", "/checkout") == []


def test_an_older_theme_that_opens_the_window_itself_is_taken_along(visit: Any, bridge: StubBridge, shop: Shop) -> None:
    page, order, _ = visit()
    page.goto(shop.stand.url + "/?old-theme")
    with page.expect_popup() as opened:
        page.evaluate(f"window.open('{bridge.url}/window', 'payment', 'width=500,height=700')")
    bridge.status["state"] = "paid"
    with opened.value.expect_event("close"):
        opened.value.click("#back")
    page.wait_for_url(f"**/?done={order['ref']}*")


def test_the_way_back_waits_until_the_outcome_is_known(visit: Any, shop: Shop, bridge: StubBridge) -> None:
    page, _, payment = visit()
    bridge.status["state"] = "approving"
    page.goto(bridge.status["result_url"])
    expect(page.locator("#pay-bridge-result")).to_contain_text("다시 결제하지 마세요")
    with page.expect_navigation():
        payment |= {"state": "paid", "version": payment["version"] + 1}
        assert shop.news(payment, 1).status_code == 200
        bridge.status["state"] = "paid"
    page.wait_for_timeout(1500)
    before = len(bridge.asked("GET", "/s/st"))
    page.wait_for_timeout(2500)
    assert len(bridge.asked("GET", "/s/st")) == before, (
        "what is settled is not asked for again, nor is the page loaded again"
    )


@pytest.mark.parametrize("javascript", [True, False])
def test_a_page_made_before_the_outcome_was_known_is_seen_once_more(
    visit: Any, shop: Shop, bridge: StubBridge, javascript: bool
) -> None:
    page, order, payment = visit(java_script_enabled=javascript)
    address = f"{shop.stand.url}/?detail={order['ref']}&{FINAL.format(payment['id'])}"
    bridge.status = {"state": "paid", "result_url": address}
    payment["state"] = "paid"
    claim = shop.stand.run_php(f"echo PayBridge\\Payments::claim('{payment['id']}', '{order['ref']}');")
    page.goto(address, wait_until="commit")
    result = page.locator("#pay-bridge-result")
    expect(result).to_have_attribute("data-pay-bridge", re.compile('"known":""'))
    shop.stand.run_php(f"PayBridge\\Payments::release('{payment['id']}', '{claim}');")

    expect(result).to_have_attribute("data-pay-bridge", re.compile('"known":"paid"'), timeout=15_000)
    expect(page.locator("h1", has_text="paid")).to_be_visible()


def test_a_forged_message_moves_nothing(visit: Any, bridge: StubBridge) -> None:
    page, order, payment = visit()
    with page.expect_popup():
        pay(page).click()
    expect(pay(page)).to_be_enabled()
    other = page.context.new_page()
    other.goto(page.url.split("?")[0])
    other.evaluate(
        f"new BroadcastChannel('pay_bridge').postMessage({{ payment: '{payment['id']}',"
        " url: 'https://evil.example/', state: 'paid' })"
    )
    page.wait_for_timeout(500)
    assert order["ref"] in page.url
    assert "done" not in page.url
