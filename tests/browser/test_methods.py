"""The order page offers the methods that the site's gateways take; one that cannot be used is seen, and says why."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.axe import grave_faults
from tests.browser.conftest import Browse
from tests.browser.lane import Lane, until
from tests.browser.steps import DETAIL, heading, open_here, order_page, pay_button, press, settled

pytestmark = pytest.mark.browser
NOT_NOW = "지금은 쓸 수 없어요. 다른 결제 수단을 골라 주세요."


def told(lane: Lane, **changes: Any) -> None:
    """Let the shop hold what its bridge said, with changes by method (None: not taken); nobody asks for a minute."""
    lane.stand.run_php("update_option( 'pay_bridge_methods_asked', 0 ); pay_bridge_methods();")
    until(lambda: lane.stand.run_php("echo wp_json_encode( pay_bridge_methods() );") != "null", "the bridge's methods")
    changed = json.dumps(changes)
    lane.stand.run_php(
        f"$kept = get_option( 'pay_bridge_methods' ); $kept['told_at'] = time();"
        f" $kept['items'] = array_replace_recursive( $kept['items'], json_decode( '{changed}', true ) );"
        " $kept['items'] = array_filter( $kept['items'] );"
        " update_option( 'pay_bridge_methods', $kept ); update_option( 'pay_bridge_methods_asked', time() );"
    )


@pytest.fixture(autouse=True)
def forget(lane: Lane) -> Iterator[None]:
    """Leave no other test what this one made the shop believe."""
    yield
    lane.stand.run_php("PayBridge\\Methods::forget();")


def method(page: Page, name: str) -> Locator:
    """A method's radio button by its name on the page, its reason included."""
    return page.get_by_role("radio", name=name)


def test_what_is_down_or_too_large_cannot_be_chosen_and_says_why(lane: Lane, browse: Browse) -> None:
    told(lane, card={"healthy": False}, virtual_account={"minimum": 30_000}, payco=None)
    page, ref = order_page(lane, browse, "phone")

    expect(method(page, f"신용카드 {NOT_NOW}")).to_be_disabled()
    expect(method(page, "가상계좌 30,000원부터 쓸 수 있어요.")).to_be_disabled()
    expect(method(page, "페이코")).to_have_count(0)
    expect(page.get_by_text(NOT_NOW)).to_be_visible()
    expect(page.locator("input[name=method]:checked")).to_have_value("kakaopay")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing is wider than a phone"
    assert grave_faults(page) == []
    open_here(page)
    press(page, "pay")
    page.wait_for_url(DETAIL)
    heading(page, "결제했어요 · 21,000원")
    settled(lane, ref, "paid")
    assert lane.payment(ref)["method"] == "card", "its window is the card's, and what is paid there is shown as that"


def test_when_none_can_be_used_the_page_says_so_and_has_no_pay_button(lane: Lane, browse: Browse) -> None:
    every = ("card", "kakaopay", "naverpay", "payco", "account", "virtual_account", "phone", "gift")
    told(lane, **{code: {"healthy": False} for code in every})
    page, ref = order_page(lane, browse)

    expect(page.get_by_text("지금은 쓸 수 있는 결제 수단이 없어요")).to_be_visible()
    expect(pay_button(page)).to_have_count(0)
    assert grave_faults(page) == []
    lane.stand.run_php("PayBridge\\Methods::forget();")
    page.goto(lane.order_url(ref))
    expect(pay_button(page)).to_be_enabled()
