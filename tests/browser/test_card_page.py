"""A card is typed on our own page, to register it and, without scripts, to pay by telephone: desktop and phone."""

from secrets import token_hex
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import grave_faults
from tests.browser.booth import PRICE, Booth
from tests.browser.conftest import Browse
from tests.browser.lane import until
from tests.browser.test_key_windows import ask_for_key, key_state, takes_no_room_sideways
from tests.browser.test_screenshots import Album

pytestmark = pytest.mark.browser
LANE = "mainpay-typed"
CARD = "4000 0566 5566 5556"
REFUSED = "카드사에서 거절했어요 (한도초과)"


def type_card(page: Page, number: str = CARD, **more: str) -> None:
    """Fill in the form and send it."""
    typed = {"카드번호": number, "유효기간 월": "12", "유효기간 연도": "47"} | more
    for label, text in typed.items():
        page.get_by_label(label).fill(text)
    page.get_by_role("button").click()


def is_sound(page: Page, album: Album, name: str) -> None:
    """Everybody can use it, nothing is wider than the screen, and a picture is kept."""
    assert takes_no_room_sideways(page)
    assert grave_faults(page) == []
    album.take(page, name)


def test_a_card_is_registered_on_our_page_after_a_no(booth: Booth, browse: Browse, device: str) -> None:
    page, album = browse(booth, device), Album(f"windows-{device}")
    asked = ask_for_key(booth, LANE, device)
    page.goto(asked["window_url"])
    is_sound(page, album, "mainpay-card")
    page.get_by_label("카드번호").fill("4000")
    page.get_by_role("button", name="카드 등록하기").click()
    assert page.get_by_label("카드번호").evaluate("field => field.validity.patternMismatch"), "it is not sent"
    type_card(page, **{"유효기간 연도": "20"})
    expect(page.get_by_label("유효기간 연도")).to_be_focused()
    expect(page.get_by_text("유효기간이 지난 카드예요.")).to_be_visible()
    expect(page.get_by_label("카드번호")).to_have_value("")
    is_sound(page, album, "mainpay-card-wrong")
    booth.control("faults", {"gateway": "mainpay", "op": "key_issue", "kind": "decline", "message": REFUSED})
    type_card(page)
    expect(page.get_by_role("alert")).to_contain_text(REFUSED)
    is_sound(page, album, "mainpay-card-refused")
    page.reload()
    expect(page.get_by_role("alert")).to_contain_text("4번 더 시도할 수 있어요.")
    type_card(page)

    page.wait_for_url(f"{booth.shop_url(LANE)}/result*")
    assert key_state(booth, LANE, asked["id"]) == "active"
    page.go_back()
    page.wait_for_url(f"{booth.shop_url(LANE)}/result*")


def test_a_clerk_types_a_card_that_pays_without_scripts(booth: Booth, browse: Browse, device: str) -> None:
    booth.open(LANE)
    page, ref, shop = browse(booth, device, java_script_enabled=False), token_hex(6), booth.shop_url(LANE)
    order: dict[str, Any] = {"ref": ref, "version": 1, "title": "봄의 제전 R석", "amount": PRICE}
    order |= {"buyer": {"name": "홍길동"}, "result_url": f"{shop}/result", "retry_url": f"{shop}/order"}
    payment = booth.ask(LANE, "POST", "/v1/payments", {"order": order, "card_entry": True, "actor": "wp:7"})
    page.goto(payment["window_url"])
    assert takes_no_room_sideways(page)
    Album(f"windows-{device}").take(page, "mainpay-key-in")
    page.get_by_label("생년월일").fill("2208162517")
    page.get_by_label("카드 비밀번호 앞 두 자리").fill("92")
    type_card(page)

    page.wait_for_url(f"{shop}/result*")
    until(lambda: booth.payments_of(ref) == [("paid", PRICE, [PRICE])], "the payment, in both books")
