"""A buyer does not pay: the card is declined, the window closed, the authentication failed. Then paying works."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Browse
from tests.browser.lane import Lane
from tests.browser.steps import (
    DETAIL,
    ORDER,
    go_back_to_shop,
    heading,
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
DECLINES = [(1, "결제 승인 실패"), (2, "카드 한도 초과")]


@pytest.mark.parametrize(("ending", "words"), DECLINES)
def test_a_declined_card_in_a_popup_is_told_in_the_gateways_words(
    each_lane: Lane, browse: Browse, ending: int, words: str
) -> None:
    page, ref = order_page(each_lane, browse, ending=ending)

    press_and_close(open_popup(page), "pay")

    expect(status(page)).to_contain_text("결제가 되지 않았어요.")
    expect(status(page)).to_contain_text(words)
    assert ORDER.search(page.url)
    expect(pay_button(page)).to_be_enabled()
    assert each_lane.money(ref).captures == 0
    assert [one["code"] for one in each_lane.payments(ref)] == [f"200{ending}"]


@pytest.mark.parametrize(("ending", "words"), DECLINES)
@pytest.mark.parametrize("javascript", [True, False])
def test_a_declined_card_in_the_same_tab_is_told_in_the_gateways_words(
    each_lane: Lane, browse: Browse, ending: int, words: str, javascript: bool
) -> None:
    page, ref = order_page(each_lane, browse, "phone", ending=ending, java_script_enabled=javascript)

    open_here(page)
    press(page, "pay")
    if not javascript:
        go_back_to_shop(page)

    page.wait_for_url(ORDER)
    notice = page.locator(".notice.bad")
    expect(notice).to_contain_text("결제가 되지 않았어요")
    expect(notice.locator(".verbatim")).to_have_text(words)
    expect(notice).to_contain_text("돈은 빠져나가지 않았어요")
    expect(pay_button(page)).to_be_enabled()
    assert each_lane.money(ref).captures == 0


def test_after_a_decline_the_buyer_pays_on_the_same_page(lane: Lane, browse: Browse) -> None:
    page, ref = order_page(lane, browse)
    popup = open_popup(page)
    lane.fault("pay", "decline", ref, code="2003", message="카드 정지")
    press_and_close(popup, "pay")
    expect(status(page)).to_contain_text("카드 정지")

    press_and_close(open_popup(page), "pay")

    page.wait_for_url(DETAIL)
    heading(page, "결제했어요 · 21,000원")
    assert [one["state"] for one in lane.payments(ref)] == ["declined", "paid"]
    settled(lane, ref, "paid")


def test_a_closed_popup_leaves_the_page_ready_and_paying_then_works(each_lane: Lane, browse: Browse) -> None:
    page, ref = order_page(each_lane, browse)

    press_and_close(open_popup(page), "취소(닫기)")

    expect(status(page)).to_contain_text("결제되지 않았어요")
    expect(pay_button(page)).to_be_enabled()
    assert each_lane.check_money(ref) == "unpaid"
    press_and_close(open_popup(page), "pay")
    page.wait_for_url(DETAIL)
    heading(page, "결제했어요 · 21,000원")
    settled(each_lane, ref, "paid")


def test_a_decline_after_a_closed_window_still_has_the_gateways_words(lane: Lane, browse: Browse) -> None:
    page, _ = order_page(lane, browse, "phone", ending=2)
    open_here(page)
    press(page, "취소(닫기)")
    page.wait_for_url(ORDER)

    open_here(page)
    press(page, "pay")

    page.wait_for_url(ORDER)
    expect(page.locator(".notice.bad .verbatim")).to_have_text("카드 한도 초과")


def test_what_the_script_says_is_seen_where_the_buyer_looks(lane: Lane, browse: Browse) -> None:
    for device in ({}, {"viewport": {"width": 390, "height": 844}}):
        page, _ = order_page(lane, browse, **device)
        open_popup(page)

        expect(status(page)).to_be_in_viewport(ratio=1)
        expect(pay_button(page)).to_be_in_viewport(ratio=1)


def test_a_popup_closed_by_its_own_cross_leaves_the_page_ready(lane: Lane, browse: Browse) -> None:
    page, ref = order_page(lane, browse)

    open_popup(page).close()

    expect(pay_button(page)).to_be_enabled()
    press_and_close(open_popup(page), "pay")
    page.wait_for_url(DETAIL)
    settled(lane, ref, "paid")


@pytest.mark.parametrize("javascript", [True, False])
def test_a_window_closed_in_the_same_tab_leads_back_and_paying_then_works(
    each_lane: Lane, browse: Browse, javascript: bool
) -> None:
    page, ref = order_page(each_lane, browse, "phone", java_script_enabled=javascript)

    open_here(page)
    press(page, "취소(닫기)")

    page.wait_for_url(ORDER)
    expect(page.locator(".notice")).to_contain_text("결제를 취소했어요")
    expect(page.locator(".notice")).to_contain_text("돈은 빠져나가지 않았어요")
    open_here(page)
    press(page, "pay")
    if not javascript:
        go_back_to_shop(page)
    page.wait_for_url(DETAIL)
    heading(page, "결제했어요 · 21,000원")
    settled(each_lane, ref, "paid")


def test_a_failed_authentication_charges_nothing_and_the_buyer_tries_again(each_lane: Lane, browse: Browse) -> None:
    page, ref = order_page(each_lane, browse, "phone")

    open_here(page)
    press(page, "인증 실패")
    if each_lane.name == "quick":  # This dialect keeps the buyer in its window; the other one sends the shop a code.
        page.get_by_role("link", name="다시 시도").click()
    else:
        page.wait_for_url(ORDER)
        expect(page.locator(".notice.bad")).to_contain_text("결제가 되지 않았어요")
        open_here(page)
    assert each_lane.money(ref).captures == 0
    press(page, "pay")

    page.wait_for_url(DETAIL)
    heading(page, "결제했어요 · 21,000원")
    settled(each_lane, ref, "paid")


def test_a_gateway_that_opens_no_window_is_told_plainly(lane: Lane, browse: Browse, troubles: list[str]) -> None:
    page, ref = order_page(lane, browse)
    lane.control("faults", {"op": "ready", "kind": "5xx_before"})

    with page.expect_popup() as opened:
        pay_button(page).click()
    if not opened.value.is_closed():
        opened.value.wait_for_event("close")

    expect(status(page)).to_contain_text("결제 창을 열지 못했어요")
    assert troubles == [f"503 {lane.bridge.url}/checkout"]
    troubles.clear()
    expect(status(page)).to_contain_text("돈은 빠져나가지 않았어요")
    press_and_close(open_popup(page), "pay")
    page.wait_for_url(DETAIL)
    settled(lane, ref, "paid")


def test_letting_the_seats_go_asks_first_and_ends_the_order(lane: Lane, browse: Browse) -> None:
    page, ref = order_page(lane, browse)

    page.get_by_role("button", name="취소하기").click()
    page.get_by_role("dialog").get_by_role("button", name="계속 예매하기").click()
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.get_by_role("button", name="취소하기").click()
    page.get_by_role("dialog").get_by_role("button", name="취소하기").click()

    heading(page, "예매를 그만뒀어요")
    assert lane.payments(ref) == []


def test_keeping_the_seats_longer_is_offered_only_when_half_of_the_time_is_gone(lane: Lane, browse: Browse) -> None:
    page, ref = order_page(lane, browse)
    longer = page.get_by_role("button", name="10분으로 늘리기")
    expect(longer).to_be_hidden()
    lane.hold(ref, 305)
    page.reload()
    expect(longer).to_be_hidden()
    expect(longer).to_be_visible(timeout=15_000)

    longer.click()
    expect(page.get_by_text("시간을 늘렸어요.")).to_be_visible()
    expect(longer).to_be_hidden()
    lane.hold(ref, 120)
    bare = browse(lane, java_script_enabled=False, storage_state=page.context.storage_state())
    bare.goto(page.url)
    expect(bare.get_by_role("button", name="10분으로 늘리기")).to_be_visible()
