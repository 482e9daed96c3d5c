"""A buyer pays: on a desktop in a popup, on a phone in the same tab, with the popup blocked, without scripts."""

import time

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Browse
from tests.browser.lane import Lane, until
from tests.browser.steps import (
    DETAIL,
    ORDER,
    WINDOW,
    go_back_to_shop,
    heading,
    hear,
    heard,
    open_here,
    open_popup,
    pay_button,
    press,
    press_and_close,
    settled,
    status,
)

pytestmark = pytest.mark.browser


def test_a_desktop_buyer_chooses_seats_pays_in_a_popup_and_sees_the_order_paid(each_lane: Lane, browse: Browse) -> None:
    page = browse(each_lane)
    page.goto(f"{each_lane.url}/")
    page.get_by_role("link", name="종이 고양이").click()
    page.get_by_role("link", name="예매하기", exact=True).click()
    page.get_by_role("radio", name="R석").check()
    page.select_option("#count", "2")
    expect(page.locator("[data-total]")).to_have_text("합계 154,000원")
    page.fill("#buyer_name", "이보라")
    page.fill("#buyer_tel", "01023456789")
    page.fill("#buyer_email", "bora@buyer.example")
    page.get_by_role("button", name="좌석 잡고 결제하러 가기").click()
    page.wait_for_url(ORDER)
    ref = page.url.partition("order_id=")[2]

    popup = open_popup(page)
    expect(status(page)).to_contain_text("새 창에서 결제를 마쳐 주세요")
    expect(popup.locator("h1")).to_have_text("종이 고양이")
    press_and_close(popup, "pay")

    page.wait_for_url(DETAIL)
    heading(page, "결제했어요 · 154,000원")
    assert each_lane.check_money(ref) == "paid"
    assert (each_lane.money(ref).captures, each_lane.money(ref).net) == (1, 154_000)
    mails = [mail for mail in each_lane.stand.mails() if "bora@buyer.example" in str(mail["to"])]
    assert any("종이 고양이" in str(mail["subject"]) for mail in mails)


def test_a_phone_buyer_pays_in_the_same_tab(each_lane: Lane, browse: Browse) -> None:
    page = browse(each_lane, "phone")
    ref = each_lane.book_seats(page.context.request)
    page.goto(each_lane.order_url(ref))

    pay_button(page).tap()
    page.wait_for_url(WINDOW)
    pay_button(page).tap()

    page.wait_for_url(DETAIL)
    heading(page, "결제했어요 · 21,000원")
    assert len(page.context.pages) == 1
    assert (each_lane.check_money(ref), each_lane.money(ref).captures) == ("paid", 1)


def test_an_in_app_browser_pays_in_the_same_tab(lane: Lane, browse: Browse) -> None:
    page = browse(lane, user_agent="Mozilla/5.0 (Linux; Android 14; wv) Chrome/120.0 Mobile KAKAOTALK 10.5.0")
    ref = lane.book_seats(page.context.request)
    page.goto(lane.order_url(ref))

    open_here(page)
    press(page, "pay")

    page.wait_for_url(DETAIL)
    heading(page, "결제했어요 · 21,000원")


def test_a_blocked_popup_falls_back_to_the_same_tab_and_says_so(each_lane: Lane, browse: Browse) -> None:
    page = browse(each_lane)
    ref = each_lane.book_seats(page.context.request)
    page.add_init_script("window.open = () => null")
    hear(page)
    page.goto(each_lane.order_url(ref))

    open_here(page)
    press(page, "pay")

    page.wait_for_url(DETAIL)
    heading(page, "결제했어요 · 21,000원")
    assert "결제 창이 막혀 있어 이 화면에서 이어서 결제해요." in heard(page)
    assert len(page.context.pages) == 1
    assert each_lane.money(ref).captures == 1


def test_a_popup_that_chromium_itself_blocks_falls_back_to_the_same_tab(lane: Lane, blocking_browser: Browser) -> None:
    page = blocking_browser.new_context(locale="ko-KR").new_page()
    ref = lane.book_seats(page.context.request)
    # No click, so the browser has no reason to allow a window.
    page.add_init_script("""addEventListener('load', () => setTimeout(() => {
        const open = window.open;
        window.open = (...words) => { const found = open(...words); window.opened = String(found); return found; };
        const form = document.querySelector('.pay-bridge-form');
        if (form) { form.requestSubmit(); }
    }, 50))""")
    page.goto(lane.order_url(ref))
    page.wait_for_function("window.opened !== undefined || /mainpay/.test(location.href)")
    assert len(page.context.pages) == 1
    page.wait_for_url(WINDOW)
    press(page, "pay")

    page.wait_for_url(DETAIL)
    heading(page, "결제했어요 · 21,000원")


@pytest.mark.parametrize("device", ["desktop", "phone"])
def test_without_javascript_a_plain_form_pays(each_lane: Lane, browse: Browse, device: str) -> None:
    page = browse(each_lane, device, java_script_enabled=False)
    ref = each_lane.book_seats(page.context.request)
    page.goto(each_lane.order_url(ref))

    open_here(page, "kakaopay")
    press(page, "pay")
    go_back_to_shop(page)

    page.wait_for_url(DETAIL)
    heading(page, "결제했어요 · 21,000원")
    expect(page.get_by_text("신용카드", exact=True)).to_be_visible()
    assert (each_lane.check_money(ref), each_lane.money(ref).captures) == ("paid", 1)


def test_two_presses_of_the_button_are_one_payment(lane: Lane, browse: Browse) -> None:
    page = browse(lane)
    ref = lane.book_seats(page.context.request)
    page.goto(lane.order_url(ref))

    with page.expect_popup() as opened:
        pay_button(page).dblclick()
    opened.value.wait_for_url(WINDOW)
    press_and_close(opened.value, "pay")

    page.wait_for_url(DETAIL)
    assert len(lane.payments(ref)) == 1
    settled(lane, ref, "paid")


def test_a_page_left_open_longer_than_its_token_lives_still_pays(lane: Lane, browse: Browse) -> None:
    page, _ = _page_with_an_old_token(lane, browse)

    popup = open_popup(page)
    press_and_close(popup, "pay")

    page.wait_for_url(DETAIL)
    heading(page, "결제했어요 · 21,000원")


def test_without_javascript_an_old_page_says_so_and_leads_to_a_fresh_one(lane: Lane, browse: Browse) -> None:
    page, ref = _page_with_an_old_token(lane, browse, java_script_enabled=False)

    pay_button(page).click()
    heading(page, "결제 시간이 지났어요")
    assert lane.payments(ref) == []
    page.get_by_role("link", name="주문 페이지로 가기").click()
    page.wait_for_url(ORDER)
    open_here(page)
    press(page, "pay")

    page.wait_for_url(DETAIL)
    heading(page, "결제했어요 · 21,000원")


def _page_with_an_old_token(lane: Lane, browse: Browse, **settings: bool) -> tuple[Page, str]:
    """A page with the checkout's shortcode, and a token that died with a hold which was then lengthened."""
    page = browse(lane, **settings)
    ref = lane.book_seats(page.context.request)
    address, expires = lane.shortcode_page(ref, hold_seconds=6)
    page.goto(address)
    until(lambda: time.time() > expires + 0.2, "the token's end")
    lane.hold(ref, 600)
    return page, ref
