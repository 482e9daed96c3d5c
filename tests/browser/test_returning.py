"""Reloads, the back button, second tabs, a browser that dies: the order is paid once, or not paid and not charged."""

import pytest
from playwright.sync_api import APIResponse, Page, Request, Route, expect

from tests.browser.conftest import Browse
from tests.browser.lane import Lane
from tests.browser.steps import (
    DETAIL,
    WINDOW,
    heading,
    open_here,
    open_popup,
    order_page,
    paid_order,
    pay_button,
    press,
    press_and_close,
    settled,
    status,
    stays,
)

pytestmark = pytest.mark.browser


def test_reloading_the_way_back_pays_once(each_lane: Lane, browse: Browse) -> None:
    page, ref = order_page(each_lane, browse, "phone")
    returns: list[Request] = []
    page.on("request", lambda request: returns.append(request) if f"{each_lane.bridge.url}/r/" in request.url else None)
    open_here(page)
    press(page, "pay")
    page.wait_for_url(DETAIL)
    heading(page, "결제했어요 · 21,000원")
    stays(page)

    for _ in range(3):
        page.reload()
        heading(page, "결제했어요 · 21,000원")
        again = returns[0]
        answer = page.context.request.fetch(
            again.url,
            method=again.method,
            data=again.post_data_buffer,
            headers={"content-type": "application/x-www-form-urlencoded"},
        )
        assert DETAIL.search(answer.url)

    assert each_lane.money(ref).captures == 1
    assert each_lane.check_money(ref) == "paid"


def test_going_back_after_paying_leads_to_the_paid_order_and_pays_nothing_more(each_lane: Lane, browse: Browse) -> None:
    page, ref = paid_order(each_lane, browse)

    page.go_back()
    heading(page, "이미 끝난 결제창이에요")
    page.go_back()
    if WINDOW.search(page.url):  # The guide's window has a page of its own that posts the buyer back.
        heading(page, "이미 끝난 결제창이에요")
        page.go_back()
    page.wait_for_url(DETAIL)

    heading(page, "결제했어요 · 21,000원")
    assert each_lane.money(ref).captures == 1


def test_going_back_from_the_window_leaves_the_button_ready_and_pays_once(each_lane: Lane, browse: Browse) -> None:
    page, ref = order_page(each_lane, browse, "phone")
    open_here(page)

    page.go_back()
    expect(pay_button(page)).to_be_enabled()
    open_here(page)
    press(page, "pay")

    page.wait_for_url(DETAIL)
    heading(page, "결제했어요 · 21,000원")
    assert each_lane.money(ref).captures == 1


def test_a_page_that_comes_back_as_it_was_left_has_its_button_again(lane: Lane, browse: Browse) -> None:
    page = browse(lane, "phone")
    ref = lane.book_seats(page.context.request)
    page.goto(lane.shortcode_page(ref, hold_seconds=600)[0])
    page.route(f"{lane.bridge.url}/checkout", lambda route: route.fulfill(status=204))  # The page stays.
    pay_button(page).click(no_wait_after=True)
    expect(pay_button(page)).to_be_disabled()

    page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")

    expect(pay_button(page)).to_be_enabled()
    page.unroute_all()
    open_here(page)
    press(page, "pay")
    page.wait_for_url(DETAIL)


def test_a_stale_tab_cannot_pay_a_paid_order_again(lane: Lane, browse: Browse) -> None:
    page, ref = order_page(lane, browse)
    stale = page.context.new_page()
    stale.goto(lane.order_url(ref))
    press_and_close(open_popup(page), "pay")
    page.wait_for_url(DETAIL)

    with stale.expect_popup() as opened:
        pay_button(stale).click()
    if not opened.value.is_closed():
        opened.value.wait_for_event("close")

    stale.wait_for_url(DETAIL)
    heading(stale, "결제했어요 · 21,000원")
    assert (len(lane.payments(ref)), lane.money(ref).captures) == (1, 1)


def test_two_tabs_with_two_windows_pay_once(each_lane: Lane, browse: Browse) -> None:
    page, ref = order_page(each_lane, browse)
    other = page.context.new_page()
    other.goto(each_lane.order_url(ref))
    first, second = open_popup(page), open_popup(other)

    press_and_close(first, "pay")
    page.wait_for_url(DETAIL)
    press(second, "pay")

    until_paid(second if not second.is_closed() else other)
    assert each_lane.money(ref).captures == 1
    settled(each_lane, ref, "paid")


def test_a_browser_that_dies_while_the_approval_is_on_its_way_has_paid(each_lane: Lane, browse: Browse) -> None:
    page, ref = order_page(each_lane, browse, "phone")
    open_here(page)
    each_lane.fault("pay", "delay", ref, delay_seconds=1.5)
    press(page, "pay")
    each_lane.payment(ref, "approving")

    page.context.close()

    settled(each_lane, ref, "paid")
    assert each_lane.money(ref).captures == 1
    later = browse(each_lane)
    later.goto(each_lane.detail_url(ref))
    heading(later, "결제했어요 · 21,000원")


def test_a_browser_that_dies_before_it_came_back_has_not_paid_and_another_can(lane: Lane, browse: Browse) -> None:
    page, ref = order_page(lane, browse, "phone")
    open_here(page)
    authenticated: list[APIResponse] = []

    def die(route: Route) -> None:
        authenticated.append(route.fetch(max_redirects=0))
        route.abort()

    page.route(WINDOW, die)
    press(page, "pay")
    page.wait_for_event("requestfailed")
    page.context.close()
    assert f"{lane.bridge.url}/r/" in authenticated[0].headers["location"]
    assert lane.money(ref).captures == 0

    later = browse(lane)
    later.goto(lane.order_url(ref))
    press_and_close(open_popup(later), "pay")

    later.wait_for_url(DETAIL)
    heading(later, "결제했어요 · 21,000원")
    assert lane.money(ref).captures == 1
    settled(lane, ref, "paid")


def test_another_browser_sees_the_result_by_its_address_alone(lane: Lane, browse: Browse) -> None:
    page, _ = paid_order(lane, browse)

    other = browse(lane)
    other.goto(page.url)

    heading(other, "결제했어요 · 21,000원")


def test_a_waiting_page_that_slept_learns_of_the_payment_when_it_wakes(lane: Lane, browse: Browse) -> None:
    page, _ = order_page(lane, browse)
    popup = open_popup(page)
    page.route(f"{lane.bridge.url}/s/**", lambda route: route.abort())
    expect(status(page)).to_contain_text("새 창에서 결제를 마쳐 주세요")
    mute = "delete window.BroadcastChannel; Storage.prototype.setItem = () => {}; window.opener = null;"
    popup.context.add_init_script(mute)
    press(popup, "pay")
    popup.wait_for_url(DETAIL)

    page.unroute_all()
    page.evaluate("dispatchEvent(new Event('focus'))")

    page.wait_for_url(DETAIL)
    heading(page, "결제했어요 · 21,000원")


def until_paid(page: Page) -> None:
    """Waits for the paid order, wherever the page is on its way."""
    page.wait_for_url(DETAIL)
    heading(page, "결제했어요 · 21,000원")
