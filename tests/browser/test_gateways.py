"""Every gateway's window is paid in a browser, on a desktop and on a phone, and may be left."""

import pytest
from playwright.sync_api import Error, Frame, Page, expect

from tests.browser.axe import grave_faults
from tests.browser.booth import PRICE, Booth
from tests.browser.conftest import Browse
from tests.browser.lane import until
from tests.browser.test_screenshots import Album

pytestmark = pytest.mark.browser
PAYPLE, PAYAPP = ("payple", "payple-callback", "payple-at-once"), ("payapp", "payapp-js")
GATEWAYS = ["paystory", "paystory-euc-kr", *PAYPLE, *PAYAPP, "welcome"]


def gateway_window(page: Page) -> Frame:
    """The gateway's window, wherever its script opened it: here, in a popup or in a frame."""

    def found() -> Frame | None:
        frames = [frame for one in page.context.pages for frame in one.frames]
        return next((frame for frame in frames if _is_window(frame)), None)

    return until(found, f"a window, not {[one.url for one in page.context.pages]}")


def _is_window(frame: Frame) -> bool:
    try:
        return frame.locator("button[name=action][value=pay]").count() == 1
    except Error:  # It is on its way to another page, or gone.
        return False


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_a_buyer_pays_in_the_gateways_window(booth: Booth, browse: Browse, gateway: str, device: str) -> None:
    booth.open(gateway)
    page = browse(booth, device)
    opened = booth.checkout(gateway, device)
    page.goto(opened["window_url"])
    window = gateway_window(page)

    expect(window.locator("body")).to_contain_text("봄의 제전 R석")
    expect(window.locator("body")).to_contain_text("55,000")
    wide = window.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert wide <= 0, "nothing sticks out sideways"
    assert grave_faults(window.page) == []
    Album(f"windows-{device}").take(window.page, gateway)
    window.locator("button[name=action][value=pay]").click(no_wait_after=True)

    page.wait_for_url(f"{booth.shop_url(gateway)}/result*")
    assert booth.status(opened) == "paid"
    assert booth.captured(opened["payment"]) == [PRICE]


def test_a_buyer_without_a_phone_pays_at_the_address_that_payapp_sends(
    booth: Booth, browse: Browse, device: str
) -> None:
    booth.open("payapp-js")
    page = browse(booth, device)
    opened = booth.checkout("payapp-js", device, phone="")
    with page.context.expect_page() as made:
        page.goto(opened["window_url"])
    made.value.get_by_role("link", name="문자로 받은 결제 주소 열기").click()
    gateway_window(page).locator("button[name=action][value=pay]").click(no_wait_after=True)

    page.wait_for_url(f"{booth.shop_url('payapp-js')}/result*")
    assert booth.status(opened) == "paid"
    assert booth.captured(opened["payment"]) == [PRICE]


@pytest.mark.parametrize(("lane", "window_path"), [("mainpay", "/mainpay/ui/app"), ("payapp-app", "/payapp/p/")])
def test_a_buyer_in_the_shops_own_app_pays_in_the_window_for_apps(
    booth: Booth, browse: Browse, lane: str, window_path: str
) -> None:
    booth.open(lane)
    page = browse(booth, "phone")
    opened = booth.checkout(lane, "app")
    page.goto(opened["window_url"])
    window = gateway_window(page)
    assert window_path in window.url
    assert grave_faults(page) == []
    Album("windows-phone").take(page, f"{lane}-from-app")
    window.locator("button[name=action][value=pay]").click(no_wait_after=True)

    page.wait_for_url(f"{booth.shop_url(lane)}/result*")
    assert booth.status(opened) == "paid"
    assert booth.captured(opened["payment"]) == [PRICE]


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_a_buyer_leaves_the_gateways_window_unpaid(booth: Booth, browse: Browse, gateway: str, device: str) -> None:
    booth.open(gateway)
    page = browse(booth, device)
    opened = booth.checkout(gateway, device)
    page.goto(opened["window_url"])
    window = gateway_window(page)
    window.locator("button[name=action][value=close]").click(no_wait_after=True)

    if gateway.startswith("payapp"):  # its page stays, and where its link leads tells nobody what the buyer did there
        theirs = window.page
        expect(theirs.get_by_role("heading", level=1)).to_have_text("결제하지 않았어요")
        theirs.get_by_role("link", name="닫고 상점으로 가기").click(no_wait_after=True)
        expect(theirs.get_by_role("heading", level=1)).to_have_text("결제 결과를 확인하고 있어요")
    else:
        page.wait_for_url(f"{booth.shop_url(gateway)}/order*")
    assert booth.status(opened) != "paid"
    assert booth.captured(opened["payment"]) in ([], [0])
