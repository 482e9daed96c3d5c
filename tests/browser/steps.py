"""What buyers do, step by step, and what they see."""

import re
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.browser.lane import Lane, until

Browse = Callable[..., Page]
WINDOW = re.compile(r"/mainpay(-guide)?/ui/")
DETAIL = re.compile(r"/payment-detail/\?order_id=")
ORDER = re.compile(r"/order/\?order_id=")


def pay_button(page: Page) -> Locator:
    """The one button that pays, of the order page or of the window, that is to be seen now."""
    return page.get_by_role("button", name=re.compile(r"원 결제하기$|가상계좌 발급받기"))


def heading(page: Page, text: str) -> None:
    """Waits for the page's first heading."""
    expect(page.get_by_role("heading", level=1)).to_have_text(text)


def stays(page: Page) -> None:
    """Waits for a page of a paid order that goes on no more: WordPress knew of the payment before it made it."""
    expect(page.locator("#pay-bridge-result")).to_have_attribute("data-pay-bridge", re.compile('"known":"paid"'))


def status(page: Page) -> Locator:
    """The sentence under the form, which the script speaks in."""
    return page.locator(".pay-bridge-form .pay-bridge-status")


def open_popup(page: Page, method: str = "") -> Page:
    """Presses the button on a desktop and gives the window at the gateway."""
    page.wait_for_load_state()
    if method:
        page.check(f"input[name=method][value={method}]")
    with page.expect_popup() as opened:
        pay_button(page).click()
    opened.value.wait_for_url(WINDOW)
    return opened.value


def open_here(page: Page, method: str = "") -> None:
    """Presses the button where the window opens in the same tab."""
    page.wait_for_load_state()  # Until the stylesheet is there, the buttons of both widths can be seen.
    if method:
        page.check(f"input[name=method][value={method}]")
    pay_button(page).click()
    page.wait_for_url(WINDOW)


def press(window: Page, name: str) -> None:
    """Presses a button of the gateway's window: its main one with "pay"."""
    button = pay_button(window) if name == "pay" else window.get_by_role("button", name=name)
    button.click(no_wait_after=True)


def press_and_close(popup: Page, name: str) -> None:
    """The same in a popup, which closes by itself when it has told the page that waits."""
    with popup.expect_event("close"):
        press(popup, name)


def go_back_to_shop(page: Page) -> None:
    """Without scripts the second dialect's window needs one more press to send the buyer back."""
    back = page.get_by_role("button", name="상점으로 돌아가기")
    until(lambda: not WINDOW.search(page.url) or back.is_visible(), "the way back to the shop")
    if WINDOW.search(page.url):
        back.click()


def settled(lane: Lane, ref: str, wanted: str) -> None:
    """Waits until the ledger says `paid` or `unpaid` and the gateway's books agree."""

    def agrees() -> bool:
        try:
            return lane.check_money(ref) == wanted
        except AssertionError:
            return False

    until(agrees, f"{wanted}, not {[one['state'] for one in lane.payments(ref)]} {lane.money(ref)}")


def order_page(
    lane: Lane, browse: Browse, device: str = "desktop", ending: int = 0, **settings: Any
) -> tuple[Page, str]:
    """An order page with seats held, and the order's reference."""
    page = browse(lane, device, **settings)
    ref = lane.book_seats(page.context.request, ending)
    page.goto(lane.order_url(ref))
    return page, ref


def paid_order(lane: Lane, browse: Browse, ending: int = 0, **settings: Any) -> tuple[Page, str]:
    """A buyer's page of a paid order, and the order's reference."""
    page, ref = order_page(lane, browse, "phone", ending, **settings)
    open_here(page)
    press(page, "pay")
    page.wait_for_url(DETAIL)
    heading(page, f"결제했어요 · {21_000 + ending:,}원")
    stays(page)
    return page, ref


def no_word_of_failure(page: Page) -> None:
    """While nobody knows, nothing on the page speaks of failure."""
    text: Any = page.inner_text("body")
    assert "실패" not in text
    assert "되지 않았" not in text


def hear(page: Page) -> None:
    """Keeps every sentence a buyer could see under the form, even those of a page that is about to leave."""
    page.add_init_script("""new MutationObserver(() => {
        const said = document.querySelector('.pay-bridge-form .pay-bridge-status');
        if (said && said.textContent && said.getClientRects().length) {
            const known = JSON.parse(sessionStorage.getItem('said') || '[]');
            sessionStorage.setItem('said', JSON.stringify([...known, said.textContent]));
        }
    }).observe(document, { subtree: true, childList: true, characterData: true })""")


def heard(page: Page) -> list[str]:
    """The sentences kept since `hear`, read on any page of the shop."""
    sentences: list[str] = page.evaluate("JSON.parse(sessionStorage.getItem('said') || '[]')")
    return sentences
