"""Pictures of every page that a buyer, a clerk or an operator meets, in build/screenshots, to be looked at."""

from typing import Any

import pytest
from playwright.sync_api import Error, Page, expect

from tests.browser.conftest import Browse
from tests.browser.lane import Lane
from tests.browser.steps import DETAIL, ORDER, heading, open_here, order_page, paid_order, pay_button, press, status
from tests.browser.test_clerk import open_dialog, payment_page, refund, result
from tests.browser.test_operator import dashboard
from tests.wordpress.downloads import PROJECT

pytestmark = pytest.mark.browser
FOLDER = PROJECT / "build" / "screenshots"
PHONE = {"viewport": {"width": 390, "height": 844}}
WIDE = {"viewport": {"width": 1280, "height": 900}, "device_scale_factor": 1, "is_mobile": False}
BYTES_MIN = 4_000
"""An empty page is smaller than this."""
TRIES = 3


class Album:
    """One folder of pictures."""

    def __init__(self, name: str):
        self.folder = FOLDER / name
        self.folder.mkdir(parents=True, exist_ok=True)

    def take(self, page: Page, name: str, *, whole: bool = True) -> None:
        """Takes a picture of the whole page or of what is seen of it."""
        page.wait_for_load_state()
        path = self.folder / f"{name}.png"
        for tries_left in reversed(range(TRIES)):
            try:
                page.screenshot(path=path, full_page=whole, animations="disabled", scale="css")
                break
            except Error:  # on a busy machine Chromium is now and then "unable to capture" a page that is there
                if not tries_left:
                    raise
        assert path.stat().st_size > BYTES_MIN, f"{path} is empty"


@pytest.mark.parametrize("device", ["desktop", "phone"])
def test_pictures_of_what_a_buyer_meets(lane: Lane, browse: Browse, device: str) -> None:
    album, shape = Album(f"buyer-{device}"), PHONE if device == "phone" else WIDE
    page = browse(lane, **shape)
    plain = {"home": "", "show": "shows/show-2/", "old-address": "payment-approval/", "log-in": "wp-login.php"}
    for name, address in plain.items():
        page.goto(f"{lane.url}/{address}")
        album.take(page, name)
    page.goto(f"{lane.url}/order/?show_id={show_id(lane, 2)}")
    album.take(page, "seats")
    page.get_by_role("button", name="좌석 잡고 결제하러 가기").click()
    album.take(page, "seats-mistakes")
    choose(page)
    page.wait_for_url(ORDER)
    ref = page.url.partition("order_id=")[2]
    album.take(page, "order")
    album.take(page, "order-first-view", whole=False)
    page.get_by_role("button", name="취소하기").click()
    album.take(page, "order-let-go-dialog", whole=False)
    page.get_by_role("button", name="계속 예매하기").click()
    pictures_of_the_window(lane, album, page, ref)
    pictures_of_results(lane, browse, album, shape)
    page.goto(f"{lane.url}/test-pay/")
    page.get_by_role("button", name="주문 만들기").click()
    page.wait_for_url("**order_id=**")
    album.take(page, "test-pay")


def pictures_of_the_window(lane: Lane, album: Album, page: Page, ref: str) -> None:
    """In a popup: waiting, closed, checking; then the detail page of the same order while nobody knows."""
    with page.expect_popup() as opened:
        pay_button(page).click()
    popup = opened.value
    popup.wait_for_url("**/mainpay/ui/**")
    expect(status(page)).to_contain_text("새 창에서")
    album.take(popup, "window")
    album.take(page, "order-waiting")
    for op, kind in (("pay", "drop_after"), ("net_cancel", "drop_before"), ("cancel", "drop_before")):
        lane.fault(op, kind, ref, times=None)
    press(popup, "pay")
    heading(popup, "결제 결과를 확인하고 있어요")
    album.take(popup, "window-checking")
    expect(status(page)).to_contain_text("다시 결제하지 마세요")
    album.take(page, "order-checking")
    page.goto(lane.detail_url(ref))
    album.take(page, "detail-checking")
    lane.calm()
    with popup.expect_event("close"):
        popup.reload()
    expect(page.get_by_text("결제가 되지 않았어요")).to_be_visible()
    album.take(page, "taken-back")
    page.goto(lane.order_url(ref))
    with page.expect_popup() as again:
        pay_button(page).click()
    again.value.wait_for_url("**/mainpay/ui/**")
    press(again.value, "pay")
    heading(page, "결제했어요 · 154,000원")
    album.take(page, "detail-paid")


def pictures_of_results(lane: Lane, browse: Browse, album: Album, shape: dict[str, Any]) -> None:
    """Declined, closed, paid, waiting for a deposit, given back; and what leads nowhere."""
    declined, ref = order_page(lane, browse, "phone", ending=2, **shape)
    open_here(declined)
    press(declined, "취소(닫기)")
    declined.wait_for_url(ORDER)
    album.take(declined, "order-closed", whole=False)
    open_here(declined)
    press(declined, "pay")
    declined.wait_for_url(ORDER)
    album.take(declined, "order-declined", whole=False)
    declined.goto(lane.detail_url(ref))
    album.take(declined, "detail-not-paid")
    declined.goto(lane.detail_url("0" * 32))
    album.take(declined, "detail-unknown-order")
    declined.goto(f"{lane.bridge.url}/checkout/nothing")
    album.take(declined, "bridge-refused")
    paid, ref = paid_order(lane, browse, user="buyer", **shape)
    album.take(paid, "detail-paid-member")
    paid.get_by_role("button", name="결제 취소").click()
    album.take(paid, "detail-cancel-dialog", whole=False)
    paid.get_by_role("button", name="그대로 두기").click()
    paid.get_by_role("link", name="환불 요청").click()
    album.take(paid, "detail-refund-dialog", whole=False)
    paid.get_by_role("link", name="닫기").click()
    paid.get_by_role("button", name="결제 취소").click()
    paid.get_by_role("dialog").get_by_role("button", name="취소하기").click()
    heading(paid, "환불했어요")
    album.take(paid, "detail-refunded")
    deposit, ref = order_page(lane, browse, "phone", **shape)
    open_here(deposit, "virtual_account")
    album.take(deposit, "window-account")
    press(deposit, "pay")
    deposit.wait_for_url(DETAIL)
    album.take(deposit, "detail-awaiting-deposit")
    gone, ref = order_page(lane, browse, **shape)
    gone.get_by_role("button", name="취소하기").click()
    gone.get_by_role("dialog").get_by_role("button", name="취소하기").click()
    heading(gone, "예매를 그만뒀어요")
    album.take(gone, "order-let-go")
    short, ref = order_page(lane, browse, **shape)
    short.goto(lane.shortcode_page(ref, hold_seconds=600)[0])
    album.take(short, "shortcode")


@pytest.mark.parametrize("device", ["desktop", "phone"])
def test_pictures_of_what_a_clerk_meets(lane: Lane, browse: Browse, device: str) -> None:
    album, shape = Album(f"clerk-{device}"), PHONE if device == "phone" else {}
    _, ref = paid_order(lane, browse)
    _, refused = paid_order(lane, browse, ending=24)
    page = browse(lane, user="clerk", **shape)
    page.goto(f"{lane.url}/wp-admin/")
    album.take(page, "dashboard")
    page.goto(lane.admin_url())
    album.take(page, "payments")
    page = payment_page(lane, browse, ref, **shape)
    album.take(page, "payment")
    open_dialog(page)
    album.take(page, "refund-dialog", whole=False)
    page.get_by_role("link", name="환불하지 않기").click()
    refund(page, "공연이 취소됐어요")
    expect(result(page)).to_contain_text("환불했어요")
    album.take(page, "refund-done")
    page = payment_page(lane, browse, refused, **shape)
    refund(page, "고객 요청")
    expect(result(page)).to_contain_text("취소 실패")
    album.take(page, "refund-refused")
    plain = payment_page(lane, browse, refused, java_script_enabled=False, **shape)
    plain.get_by_role("link", name="환불하기…").click()
    album.take(plain, "refund-without-javascript")
    admin = browse(lane, user="admin", **shape)
    slugs = {"health": "pay-bridge-health", "settings": "pay-bridge-settings", "requests": "ticketing-requests"}
    for name, slug in slugs.items():
        admin.goto(f"{lane.url}/wp-admin/admin.php?page={slug}")
        album.take(admin, name)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("device", ["desktop", "phone"])
def test_pictures_of_what_an_operator_meets(lane: Lane, browse: Browse, device: str, scheme: str) -> None:
    album, shape = Album(f"operator-{device}-{scheme}"), PHONE if device == "phone" else {}
    _, ref = paid_order(lane, browse)
    outside = browse(lane, color_scheme=scheme, **shape)
    outside.goto(f"{lane.bridge.url}/dashboard")
    album.take(outside, "log-in")
    page = dashboard(lane, browse, color_scheme=scheme, **shape)
    album.take(page, "health")
    album.take(page, "health-first-view", whole=False)
    payment = lane.payment(ref)["id"]
    paths = {"payments": "payments", "payment": f"payments/{payment}", "cases": "cases", "sites": "sites"}
    for name, path in paths.items():
        page.goto(f"{lane.bridge.url}/dashboard/{path}")
        album.take(page, name)


def show_id(lane: Lane, number: int) -> int:
    """The WordPress id of a show of the season."""
    return int(lane.stand.wp("post", "list", "--post_type=ticketing_show", f"--name=show-{number}", "--field=ID"))


def choose(page: Page) -> None:
    """Fills in the seat page."""
    page.get_by_role("radio", name="R석").check()
    page.select_option("#count", "2")
    page.get_by_label("이름").fill("이보라")
    page.get_by_label("휴대폰 번호").fill("010-2345-6789")
    page.get_by_label("이메일").fill("bora@buyer.example")
    page.get_by_role("button", name="좌석 잡고 결제하러 가기").click()
