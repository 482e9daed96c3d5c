"""Everybody can pay: by keyboard alone, and without a fault that keeps people with a screen reader out."""

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.axe import faults_on_every_screen, grave_faults
from tests.browser.conftest import Browse
from tests.browser.lane import Lane
from tests.browser.steps import (
    DETAIL,
    ORDER,
    heading,
    open_here,
    open_popup,
    order_page,
    paid_order,
    pay_button,
    press,
    press_and_close,
)
from tests.browser.test_clerk import open_dialog, payment_page
from tests.browser.test_operator import dashboard

pytestmark = pytest.mark.browser
TABS_MAX = 60


def test_a_buyer_pays_by_keyboard_alone(lane: Lane, browse: Browse) -> None:
    page = browse(lane)
    page.goto(f"{lane.url}/order/?show_id={lane.show_id}")
    tab_to(page, page.get_by_role("radio").first)
    page.keyboard.press("Space")
    tab_to(page, page.get_by_label("이름"))
    page.keyboard.type("이보라")
    page.keyboard.press("Tab")
    page.keyboard.type("010-2345-6789")
    page.keyboard.press("Tab")
    page.keyboard.type("bora@buyer.example")
    page.keyboard.press("Enter")
    page.wait_for_url(ORDER)

    tab_to(page, page.get_by_role("radio", checked=True))
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("radio", name="계좌이체")).to_be_checked()
    tab_to(page, pay_button(page))
    with page.expect_popup() as opened:
        page.keyboard.press("Enter")
    popup = opened.value
    tab_to(popup, pay_button(popup))
    with popup.expect_event("close"):
        popup.keyboard.press("Enter")

    expect(page).to_have_url(DETAIL)  # it may be led there twice: by the popup, and by its being closed
    expect(page.get_by_role("heading", level=1)).to_contain_text("결제했어요")


@pytest.mark.parametrize("device", ["desktop", "phone"])
def test_the_check_for_grave_faults_finds_one_and_what_is_wider_than_a_phone(
    lane: Lane, browse: Browse, device: str
) -> None:
    page, _ = order_page(lane, browse, device)
    page.evaluate("document.querySelector('.steps').insertAdjacentHTML('afterend', '<button></button>')")
    page.evaluate("document.querySelector('.steps').style.minWidth = '500px'")

    found = faults_on_every_screen(page)

    assert [fault.partition(" at ")[0] for fault in found] == [
        "desktop: button-name",
        "phone: button-name",
        "phone: scrolled sideways",
    ]


def test_what_is_focused_is_not_hidden_behind_the_bar_of_a_phone(lane: Lane, browse: Browse) -> None:
    page, _ = order_page(lane, browse, "phone")
    bar = page.locator(".mobile-buttons")

    for _ in range(TABS_MAX):
        page.keyboard.press("Tab")
        seen = page.evaluate("""() => {
            const one = document.activeElement, bar = document.querySelector('.mobile-buttons');
            const above = one.getBoundingClientRect().top < bar.getBoundingClientRect().top;
            return one === document.body || bar.contains(one) || above;
        }""")
        assert seen, page.evaluate("document.activeElement.outerHTML")
    expect(bar).to_be_visible()


def test_the_refund_dialog_is_opened_and_left_by_keyboard(lane: Lane, browse: Browse) -> None:
    _, ref = paid_order(lane, browse)
    page = payment_page(lane, browse, ref)
    opener = page.get_by_role("link", name="환불하기…")

    opener.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    assert dialog.evaluate("dialog => dialog.contains(document.activeElement)")
    page.keyboard.press("Escape")

    expect(dialog).to_be_hidden()
    expect(opener).to_be_focused()
    assert lane.money(ref).refunded == 0


def test_a_mistake_on_the_seat_page_is_told_where_it_is(lane: Lane, browse: Browse) -> None:
    page = browse(lane)
    page.goto(f"{lane.url}/order/?show_id={lane.show_id}")
    page.get_by_label("휴대폰 번호").fill("123")
    page.get_by_role("button", name="좌석 잡고 결제하러 가기").click()

    summary = page.get_by_role("alert")
    expect(summary).to_contain_text("좌석을 골라 주세요.")
    expect(page.locator("#buyer_tel")).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#buyer_tel")).to_have_value("123")
    assert grave_faults(page) == []


@pytest.mark.parametrize("device", ["desktop", "phone"])
def test_no_grave_fault_stands_between_a_buyer_and_the_seat(lane: Lane, browse: Browse, device: str) -> None:
    page = browse(lane, device)
    faults: dict[str, list[str]] = {}
    for name in ("", "shows/show-3/", f"order/?show_id={lane.show_id}", "test-pay/", "wp-login.php"):
        page.goto(f"{lane.url}/{name}")
        faults[name] = grave_faults(page, "#main" if name == "test-pay/" else "")

    ref = lane.book_seats(page.context.request)
    page.goto(lane.order_url(ref))
    faults["order"] = grave_faults(page)
    if device == "phone":
        open_here(page)
        faults["window"] = grave_faults(page)
        press(page, "pay")
    else:
        popup = open_popup(page)
        faults["waiting"] = grave_faults(page)
        press_and_close(popup, "pay")
    page.wait_for_url(DETAIL)
    heading(page, "결제했어요 · 21,000원")
    faults["paid"] = grave_faults(page)
    page.get_by_role("link", name="환불 요청").click()
    faults["asking for a refund"] = grave_faults(page)

    assert {name: found for name, found in faults.items() if found} == {}


def test_no_grave_fault_in_what_a_buyer_sees_when_nothing_was_paid(lane: Lane, browse: Browse) -> None:
    page, ref = order_page(lane, browse, "phone", ending=1)
    faults: dict[str, list[str]] = {}
    open_here(page)
    press(page, "pay")
    page.wait_for_url(ORDER)
    faults["declined"] = grave_faults(page)
    page.goto(lane.detail_url(ref))
    faults["not paid"] = grave_faults(page)
    page.goto(lane.detail_url("0" * 32))
    faults["no order"] = grave_faults(page)
    page.goto(f"{lane.bridge.url}/checkout/nothing")
    faults["refused"] = grave_faults(page)

    page.goto(lane.order_url(ref))
    open_here(page)
    lane.fault("pay", "drop_after", ref)
    for op in ("net_cancel", "cancel"):
        lane.fault(op, "drop_before", ref, times=None)
    press(page, "pay")
    heading(page, "결제 결과를 확인하고 있어요")
    faults["checking"] = grave_faults(page)
    page.get_by_role("link", name="예매 내역 보기").click()
    page.wait_for_url(DETAIL)
    faults["checking in the shop"] = grave_faults(page)
    lane.calm()

    assert {name: found for name, found in faults.items() if found} == {}


def test_no_grave_fault_stands_in_a_clerks_way(lane: Lane, browse: Browse) -> None:
    _, ref = paid_order(lane, browse)
    page = payment_page(lane, browse, ref)
    faults = {"payment": grave_faults(page, ".pay-bridge")}
    open_dialog(page)
    faults["refund"] = grave_faults(page, "#pay-bridge-refund")
    page.goto(lane.admin_url())
    faults["list"] = grave_faults(page, ".pay-bridge")
    for name in ("health", "billing"):
        page.goto(f"{lane.url}/wp-admin/admin.php?page=pay-bridge-{name}")
        faults[name] = grave_faults(page, ".pay-bridge")

    assert {name: found for name, found in faults.items() if found} == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("device", ["desktop", "phone"])
def test_no_grave_fault_stands_in_an_operators_way(lane: Lane, browse: Browse, device: str, scheme: str) -> None:
    _, ref = paid_order(lane, browse)
    page = dashboard(lane, browse, device, color_scheme=scheme)
    faults: dict[str, list[str]] = {}
    for name in ("", "/payments", f"/payments/{lane.payment(ref)['id']}", "/cases", "/recurring", "/sites"):
        page.goto(f"{lane.bridge.url}/dashboard{name}")
        faults[name] = grave_faults(page)

    assert {name: found for name, found in faults.items() if found} == {}


def tab_to(page: Page, target: Locator) -> None:
    """Presses Tab until the target has the focus."""
    expect(target).to_be_visible()
    for _ in range(TABS_MAX):
        page.keyboard.press("Tab")
        if target.evaluate("one => one === document.activeElement"):
            return
    pytest.fail(f"Tab never came to {target}")
