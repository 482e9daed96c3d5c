"""Members of a shop register a card or a phone on its pages, see it there and delete it, on desktop and phone."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.axe import grave_faults
from tests.browser.conftest import Browse
from tests.browser.lane import Lane, until
from tests.browser.steps import DETAIL
from tests.browser.test_card_page import type_card
from tests.browser.test_gateways import gateway_window
from tests.browser.test_key_windows import takes_no_room_sideways
from tests.browser.test_screenshots import Album
from tests.wordpress.bridge import Bridge
from tests.wordpress.stand import Stand

pytestmark = pytest.mark.browser
GATEWAYS = ("payple", "paystory", "welcome", "mainpay")
CHOICES = {"desktop": "card:payple", "phone": "card:paystory"}
_PAGE = """
echo get_permalink( wp_insert_post( array( 'post_type' => 'page', 'post_status' => 'publish',
    'post_title' => '내 결제 수단', 'post_name' => 'cards', 'post_content' => '[pay_bridge_billing_keys%s]' ) ) );
"""


@pytest.fixture(scope="module")
def club(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lane]:
    """A shop of its own, whose gateways' windows register: they would change what other tests' pages offer."""
    directory = tmp_path_factory.mktemp("club")
    bridge, stand = Bridge(directory / "bridge"), Stand("quick", directory=directory / "shop")
    stand.pair(bridge.site(stand.url, gateways=GATEWAYS, **{"mainpay.card_entry": "on"})["pairing_code"])
    with bridge, stand:
        lane = Lane("club", stand, bridge)
        yield lane
        lane.close()


@pytest.fixture(scope="module")
def cards(club: Lane) -> str:
    """The address of the members' page."""
    return club.stand.run_php(_PAGE % "")


def key_states(club: Lane) -> list[str]:
    """The states of all billing keys in the books, oldest first."""
    path = club.bridge.directory / "bridge.db"
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as ledger:
        return [state for (state,) in ledger.execute("SELECT state FROM billing_keys ORDER BY id")]


def told(page: Page) -> Locator:
    """What came of the last window or button."""
    return page.locator(".pay-bridge-keys .pay-bridge-notice")


def is_sound(page: Page, within: str = ".pay-bridge-keys") -> None:
    """Everybody can use it, and nothing is wider than the screen."""
    assert takes_no_room_sideways(page)
    assert grave_faults(page, within) == []


def choose(page: Page, choice: str) -> None:
    """Press a gateway's button: the first is in sight, the others are folded beneath it."""
    button = page.locator(f"button[value='{choice}']")
    if not button.is_visible():
        page.locator("details", has=button).locator("summary").click()
    button.click(no_wait_after=True)


def press(page: Page, choice: str, action: str, back: str) -> None:
    """Open a window by its button on the page, press the window's own, and come back."""
    choose(page, choice)
    gateway_window(page).locator(f"button[name=action][value={action}]").click(no_wait_after=True)
    page.wait_for_url(f"{back}*")


def test_a_member_registers_a_card_sees_it_and_deletes_it(club: Lane, cards: str, browse: Browse, device: str) -> None:
    page, album, choice = browse(club, device, user="buyer"), Album(f"cards-{device}"), CHOICES[device]
    page.goto(cards)
    expect(page.get_by_text("등록한 카드나 휴대폰이 없어요.")).to_be_visible()
    expect(page.get_by_text("여기에서 카드를 한 번 등록하면")).to_be_visible()
    expect(page.locator(".pay-bridge-keys button:visible")).to_have_text(["카드 등록"])
    is_sound(page)
    album.take(page, "none")
    press(page, choice, "close", cards)
    expect(told(page)).to_contain_text("등록")
    expect(page.locator(".pay-bridge-list")).to_have_count(0)
    album.take(page, "closed")
    press(page, choice, "pay", cards)
    expect(told(page)).to_have_text("등록됐어요.")
    expect(page.get_by_role("listitem").filter(has_text="******")).to_contain_text("부터")
    album.take(page, "registered")
    page.get_by_text("삭제하기…").click()
    is_sound(page)
    album.take(page, "delete")
    page.get_by_role("button", name="삭제", exact=True).click()

    expect(told(page)).to_have_text("등록된 결제 수단: 삭제됨")
    expect(page.get_by_text("등록한 카드나 휴대폰이 없어요.")).to_be_visible()
    album.take(page, "deleted")
    assert key_states(club)[-1] == "deleted"


def test_without_scripts_a_phone_is_registered_and_its_order_paid(club: Lane, browse: Browse) -> None:
    page = browse(club, "phone", user="buyer", java_script_enabled=False)
    ref = club.book_seats(page.context.request)
    address = club.stand.run_php(_PAGE % f' order="{ref}"')
    page.goto(address)
    choose(page, "phone:welcome")
    page.locator("button[name=action][value=pay]").click()
    page.get_by_role("button", name="상점으로 돌아가기").click()

    page.wait_for_url(f"{address}*")
    expect(told(page)).to_have_text("등록됐어요.")
    expect(page.get_by_role("listitem").filter(has_text="휴대폰")).to_be_visible()
    assert club.payment(ref, "paid")["method"] == "phone"

    def offers_nothing() -> bool:
        page.reload()  # WordPress may hear of the payment after the buyer is back, and without scripts a page stays
        return page.get_by_text("휴대폰 등록하고").count() == 0

    until(offers_nothing, "the order's buttons are gone")
    visitor = browse(club)
    visitor.goto(address)
    visitor.locator(".pay-bridge-keys").get_by_role("link", name="로그인").click()
    visitor.wait_for_url("**/wp-login.php*")


def test_a_customer_registers_by_the_address_that_a_clerk_made(club: Lane, browse: Browse) -> None:
    clerk = browse(club, user="clerk")
    clerk.goto(f"{club.url}/wp-admin/admin.php?page=pay-bridge-billing")
    clerk.get_by_label("고객", exact=True).fill("CLUB-7")
    clerk.get_by_role("button", name="보기").click()
    clerk.get_by_text("카드 등록 부탁하기…").click()
    is_sound(clerk, ".pay-bridge")
    Album("clerk-desktop").take(clerk, "invitation")
    clerk.locator("details[open]").get_by_role("button", name="주소 만들기").click()
    address = clerk.get_by_label("고객이 등록하는 화면의 주소").input_value()
    is_sound(clerk, ".pay-bridge")
    Album("clerk-desktop").take(clerk, "invitation-made")
    page, album = browse(club, "phone"), Album("cards-phone")
    page.goto(address)
    is_sound(page, "body")
    album.take(page, "invitation")
    late = browse(club, "phone")
    late.goto(address)
    choose(late, "card:paystory")
    window = gateway_window(late)
    expect(window.locator("button[name=action][value=pay]")).to_be_visible()
    press(page, "card:paystory", "pay", address)
    expect(page.get_by_role("status")).to_contain_text("등록됐어요. 이 주소는 이제 다 썼어요.")
    album.take(page, "invitation-used")
    window.locator("button[name=action][value=pay]").click()
    expect(late.get_by_role("status")).to_contain_text("이 주소는 이제 다 썼어요.")

    assert key_states(club)[-2:] == ["refused", "active"], "a window that was open meanwhile registers no second card"
    clerk.reload()
    expect(clerk.locator("[data-key=active]")).to_contain_text("******")


def test_a_member_types_a_card_on_our_own_page_where_the_gateway_has_no_window(
    club: Lane, cards: str, browse: Browse, device: str
) -> None:
    page = browse(club, device, user="buyer")
    page.goto(cards)
    choose(page, "card:mainpay")
    page.wait_for_url(f"{club.bridge.url}/k/*/card")
    type_card(page)

    page.wait_for_url(f"{cards}*")
    expect(told(page)).to_have_text("등록됐어요.")
    expect(page.get_by_role("listitem").filter(has_text="메인페이").first).to_contain_text("5556")
    assert key_states(club)[-1] == "active"


def test_a_clerk_takes_a_card_by_telephone_for_an_order_of_the_shop(club: Lane, browse: Browse) -> None:
    ref = club.book_seats(browse(club, user="buyer").context.request)
    clerk = browse(club, user="clerk")
    clerk.goto(f"{club.url}/wp-admin/admin.php?page=pay-bridge")
    clerk.get_by_text("전화 주문의 카드 받기…").click()
    clerk.get_by_label("아직 결제하지 않은 쇼핑몰 주문의 번호").fill(ref)
    is_sound(clerk, ".pay-bridge")
    clerk.get_by_role("button", name="화면 만들기").click()
    is_sound(clerk, ".pay-bridge")
    Album("clerk-desktop").take(clerk, "telephone-order")
    with clerk.expect_popup() as opened:
        clerk.get_by_role("link", name="카드 입력하기 (새 탭)").click()
    type_card(opened.value)

    expect(opened.value).to_have_url(DETAIL)
    assert club.payment(ref, "paid")["gateway"] == "mainpay"
    clerk.reload()
    expect(clerk.locator("#pay-bridge-deed-result")).to_contain_text("결제 완료")
