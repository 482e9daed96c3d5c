"""The theme's own old script still pays: it asks admin-ajax and opens what it is given."""

import re

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Browse
from tests.browser.lane import Lane
from tests.browser.steps import DETAIL, WINDOW, heading, pay_button, press, press_and_close, settled

pytestmark = pytest.mark.browser


def test_the_old_script_pays_with_nothing_added_but_the_orders_field(each_lane: Lane, browse: Browse) -> None:
    page, ref = story(each_lane, browse, "paid")

    popup = open_old(page)
    press_and_close(popup, "pay")

    page.wait_for_url(DETAIL)
    heading(page, "결제했어요 · 1,000원")
    assert each_lane.money(ref).captures == 1
    settled(each_lane, ref, "paid")


def test_an_amount_changed_in_the_page_changes_nothing(lane: Lane, browse: Browse) -> None:
    page, ref = story(lane, browse, "paid")
    page.locator("#test-pay").evaluate("form => { form.dataset.amount = '10'; }")
    said: list[str] = []
    page.on("dialog", lambda dialog: (said.append(dialog.message), dialog.accept()))

    with page.expect_event("dialog"):
        pay_button(page).click()

    assert said == ["결제를 준비하지 못했어요: 주문 금액이 바뀌었어요. 페이지를 새로고침해 주세요."]
    assert lane.payments(ref) == []
    page.reload()
    press_and_close(open_old(page), "pay")
    page.wait_for_url(DETAIL)
    assert (lane.money(ref).captured, lane.payment(ref)["amount"]) == (1000, 1000)


def test_the_old_scripts_buyer_closes_the_window_and_pays_again(lane: Lane, browse: Browse) -> None:
    page, ref = story(lane, browse, "paid")
    popup = open_old(page)
    press(popup, "취소(닫기)")
    popup.wait_for_url(re.compile(r"/test-pay/"))
    if not popup.is_closed():
        popup.wait_for_event("close")

    press_and_close(open_old(page), "pay")

    page.wait_for_url(DETAIL)
    heading(page, "결제했어요 · 1,000원")
    settled(lane, ref, "paid")


@pytest.mark.parametrize("slug", ["payment-approval", "payment-close"])
def test_the_old_addresses_say_that_they_are_gone(lane: Lane, browse: Browse, slug: str) -> None:
    page = browse(lane)

    answer = page.goto(f"{lane.url}/{slug}/?refNo=1&amount=1000")

    assert answer
    assert answer.status == 410
    heading(page, "이 주소는 더 이상 쓰지 않아요")


def story(lane: Lane, browse: Browse, name: str) -> tuple[Page, str]:
    """The test-payment page with one of its stories chosen, and the order's reference."""
    page = browse(lane)
    page.goto(f"{lane.url}/test-pay/")
    page.select_option("#story", name)
    page.get_by_role("button", name="주문 만들기").click()
    page.wait_for_url(re.compile("order_id="))
    return page, page.url.partition("order_id=")[2]


def open_old(page: Page) -> Page:
    """Presses the old button and gives the window it opens."""
    with page.expect_popup() as opened:
        pay_button(page).click()
    opened.value.wait_for_url(WINDOW)
    return opened.value
