"""The clerk's dialogs in a browser: keyboard, limits, two clicks, and a result that follows by itself."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.plugin.conftest import Shop
from tests.plugin.stub_bridge import StubBridge
from tests.plugin.test_checkout_script import browser

__all__ = ["browser"]
pytestmark = pytest.mark.browser
Desk = Callable[..., Page]


@pytest.fixture
def desk(browser: Browser, shop: Shop) -> Iterator[Desk]:
    """Opens a payment's page for the clerk."""
    contexts: list[BrowserContext] = []

    def open_page(payment: dict[str, Any], query: str = "") -> Page:
        context = browser.new_context(locale="ko-KR")
        contexts.append(context)
        cookies = shop.as_("clerk").cookies.jar
        context.add_cookies([{"name": one.name, "value": one.value or "", "url": shop.stand.url} for one in cookies])
        page = context.new_page()
        page.set_default_timeout(8000)
        page.goto(f"{shop.stand.url}/wp-admin/admin.php?page=pay-bridge&payment={payment['id']}{query}")
        return page

    yield open_page
    for context in contexts:
        context.close()


def test_the_dialog_is_modal_named_and_closed_by_escape(shop: Shop, desk: Desk) -> None:
    _, payment = shop.paid()
    page = desk(payment)
    dialog = page.get_by_role("dialog", name="이 결제 환불하기")
    expect(dialog).to_be_hidden()
    page.locator("#pay-bridge-refund-open").focus()
    page.keyboard.press("Enter")
    expect(dialog).to_be_visible()
    assert page.evaluate("document.querySelector('#pay-bridge-refund').matches(':modal')")
    assert page.evaluate("document.querySelector('#pay-bridge-refund').contains(document.activeElement)")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    assert page.evaluate("document.activeElement.id") == "pay-bridge-refund-open"


def test_an_address_that_asks_for_the_form_opens_the_dialog_which_sends_no_impossible_amount(
    shop: Shop, bridge: StubBridge, desk: Desk
) -> None:
    _, payment = shop.paid()
    page = desk(payment, "&refund=new")
    assert page.evaluate("document.querySelector('#pay-bridge-refund').matches(':modal')")
    page.check("input[value=part]")
    page.fill("input[name=reason]", "관객 요청")
    page.evaluate("window.same = true")
    for amount in ("30001", "0", "1.5", "1e3", "-5", ""):
        page.fill("input[name=amount]", amount)
        page.click("dialog [type=submit]")
        assert page.evaluate("document.querySelector('input[name=amount]').validity.valid") is False, amount
        assert bridge.asked("POST", ".*/refunds") == [], amount
    page.fill("input[name=amount]", "30000")
    assert page.evaluate("document.querySelector('input[name=amount]').validity.valid")
    assert page.evaluate("window.same") is True, "the form was never sent"


def test_whoever_changes_from_a_part_to_all_of_it_refunds_all_of_it(shop: Shop, bridge: StubBridge, desk: Desk) -> None:
    _, payment = shop.paid()
    page = desk(payment, "&refund=new")
    page.fill("input[name=amount]", "10000")
    assert page.is_checked("input[value=part]"), "chosen by typing"
    page.check("input[value=full]")
    assert page.input_value("input[name=amount]") == ""
    page.fill("input[name=reason]", "관객 요청")
    page.click("dialog [type=submit]")
    expect(page.locator("#pay-bridge-refund-result")).to_contain_text("30,000")


def test_a_double_click_asks_once_and_says_what_came_of_it(shop: Shop, bridge: StubBridge, desk: Desk) -> None:
    _, payment = shop.paid()
    page = desk(payment, "&refund=new")
    page.fill("input[name=reason]", "관객 요청")
    page.dblclick("dialog [type=submit]")
    expect(page.locator("#pay-bridge-refund-result")).to_contain_text("환불했어요")
    assert len(bridge.asked("POST", ".*/refunds")) == 1


def test_an_unknown_outcome_is_followed_without_loading_the_page_again(
    shop: Shop, bridge: StubBridge, desk: Desk
) -> None:
    _, payment = shop.paid()
    bridge.refund_states.append({"state": "sending"})
    page = desk(payment, "&refund=new")
    page.fill("input[name=reason]", "관객 요청")
    page.click("dialog [type=submit]")
    region = page.locator("#pay-bridge-refund-result")
    expect(region).to_contain_text("기다리고 있어요")
    page.evaluate("window.same = true")
    refund = next(one for one in bridge.refunds.values() if one["payment"] == payment["id"])
    refund |= {"state": "refused", "code": "3003", "message": "취소 기간이 <i>지났습니다</i>."}
    expect(region).to_contain_text("취소 기간이 <i>지났습니다</i>.")
    assert page.evaluate("window.same") is True
    assert region.get_attribute("role") == "status"


def test_what_a_buyer_said_of_an_escrow_is_asked_in_such_a_dialog_and_passed_on_once(
    shop: Shop, bridge: StubBridge, desk: Desk
) -> None:
    order, made = shop.paid()
    steps = [{"step": step, "fields": []} for step in ("confirm", "deny")]
    bridge.add(str(order["ref"]), id=made["id"], escrow={"buyer": "kept", "steps": steps})
    bridge.scripted[f"POST /v1/payments/{made['id']}/escrow"] = (200, {"state": "deny"})
    page = desk(made)
    yes, no = [page.get_by_role("dialog", name=f"구매자의 구매 {word} 전하기") for word in ("확정", "거절")]
    page.get_by_role("link", name="구매 확정 전하기…").click()
    expect(yes).to_be_visible()
    yes.get_by_role("link", name="그만두기").click()
    expect(yes).to_be_hidden()
    page.get_by_role("link", name="구매 거절 전하기…").click()
    assert page.evaluate("document.querySelector('#pay-bridge-escrow-deny').matches(':modal')")
    no.get_by_role("button", name="네, 구매자가 거절했어요").dblclick()
    expect(page.locator("#pay-bridge-deed-result")).to_contain_text("구매를 거절했다고 결제사에 전했어요")
    assert [one.json["step"] for one in bridge.asked("POST", ".*/escrow")] == ["deny"]
