"""The gateway's answer is lost: the buyer is told to wait, never that it failed, and the end is honest."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Browse
from tests.browser.lane import Lane
from tests.browser.steps import (
    DETAIL,
    ORDER,
    heading,
    no_word_of_failure,
    open_here,
    open_popup,
    order_page,
    pay_button,
    press,
    press_and_close,
    settled,
    status,
)

pytestmark = pytest.mark.browser
CHECKING = "결제 결과를 확인하고 있어요"
WAIT = "다시 결제하지 마세요"


@pytest.mark.parametrize("ending", [12, 16])
@pytest.mark.parametrize("device", ["desktop", "phone"])
def test_a_lost_answer_is_taken_back_and_the_buyer_is_told_so(
    each_lane: Lane, browse: Browse, ending: int, device: str
) -> None:
    page, ref = order_page(each_lane, browse, device, ending=ending)

    if device == "desktop":
        press_and_close(open_popup(page), "pay")
        expect(status(page)).to_contain_text("결제되지 않았어요. 승인은 취소됐어요.")
    else:
        open_here(page)
        press(page, "pay")
        page.wait_for_url(ORDER)
        notice = page.locator(".notice.bad")
        expect(notice).to_contain_text("결제가 되지 않았어요")
        expect(notice).to_contain_text("돈은 빠져나가지 않았어요")

    expect(pay_button(page)).to_be_enabled()
    settled(each_lane, ref, "unpaid")
    money = each_lane.money(ref)
    assert (money.captures, money.captured, money.refunded) == (1, 21_000 + ending, 21_000 + ending)


def test_while_nobody_knows_a_phone_buyer_is_told_to_wait_and_then_the_end(each_lane: Lane, browse: Browse) -> None:
    page, ref = order_page(each_lane, browse, "phone", ending=12)
    open_here(page)
    let_nobody_know(each_lane, ref)

    press(page, "pay")
    heading(page, CHECKING)
    expect(page.get_by_text(WAIT)).to_be_visible()
    no_word_of_failure(page)
    page.get_by_role("link", name="예매 내역 보기").click()
    page.wait_for_url(DETAIL)
    heading(page, CHECKING)
    expect(page.get_by_text(WAIT).first).to_be_visible()
    no_word_of_failure(page)
    assert page.locator(".pay-bridge-form").count() == 0

    each_lane.calm()
    expect(page.get_by_text("결제가 되지 않았어요")).to_be_visible()
    expect(page.get_by_text("돈은 빠져나가지 않았어요")).to_be_visible()
    settled(each_lane, ref, "unpaid")
    page.wait_for_load_state()
    if not ORDER.search(page.url):  # Whichever script saw the end first decides on which page it is told.
        page.get_by_role("link", name="결제하러 가기").click()
        page.wait_for_url(ORDER)
    open_here(page)


def test_while_nobody_knows_the_waiting_desktop_page_cannot_pay_again(lane: Lane, browse: Browse) -> None:
    page, ref = order_page(lane, browse, ending=16)
    popup = open_popup(page)
    let_nobody_know(lane, ref)

    press(popup, "pay")
    heading(popup, CHECKING)
    expect(status(page)).to_contain_text(CHECKING)
    expect(status(page)).to_contain_text(WAIT)
    expect(pay_button(page)).to_be_disabled()
    no_word_of_failure(page)
    no_word_of_failure(popup)

    second = page.context.new_page()
    second.goto(lane.order_url(ref))
    heading(second, CHECKING)
    assert DETAIL.search(second.url)
    second.close()

    with popup.expect_event("close"):
        lane.calm()
    expect(status(page)).to_contain_text("결제되지 않았어요. 승인은 취소됐어요.")
    expect(pay_button(page)).to_be_enabled()
    settled(lane, ref, "unpaid")
    press_and_close(open_popup(page), "pay")
    settled(lane, ref, "unpaid")  # The same amount loses its answer again: still nobody is charged.


def test_a_gateway_that_never_answers_keeps_the_buyer_informed_without_javascript(lane: Lane, browse: Browse) -> None:
    page, ref = order_page(lane, browse, "phone", java_script_enabled=False)
    open_here(page)
    lane.fault("pay", "hang", ref, delay_seconds=11)

    press(page, "pay")
    heading(page, CHECKING)
    expect(page.get_by_text(WAIT)).to_be_visible()
    no_word_of_failure(page)

    page.wait_for_url(ORDER, timeout=25_000)
    expect(page.locator(".notice.bad")).to_contain_text("돈은 빠져나가지 않았어요")
    settled(lane, ref, "unpaid")


def test_seats_lost_before_the_approval_are_not_charged(lane: Lane, browse: Browse) -> None:
    page = browse(lane, "phone")
    ref = lane.book_seats(page.context.request)
    lane.hold(ref, 40)  # Too short to approve without asking the shop.
    page.goto(lane.order_url(ref))
    open_here(page)
    lane.stand.run_php(f"ticketing_release_seats( '{ref}' );")

    press(page, "pay")

    page.wait_for_url(ORDER)
    expect(page.locator(".notice.bad")).to_contain_text("돈은 빠져나가지 않았어요")
    assert lane.money(ref).captures == 0
    assert lane.check_money(ref) == "unpaid"


def let_nobody_know(lane: Lane, ref: str) -> None:
    """Takes from the bridge every way to find out, until the faults are disarmed."""
    for op in ("net_cancel", "cancel"):
        lane.fault(op, "drop_before", ref, times=None)
