"""A window of PayApp's in which the buyer names the price is put on a page and paid: on a desktop and on a phone."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Frame, expect

from tests.browser.axe import grave_faults
from tests.browser.booth import PAYAPP_KEYS, Booth
from tests.browser.conftest import Browse
from tests.browser.lane import until
from tests.browser.test_gateways import gateway_window
from tests.browser.test_screenshots import Album

pytestmark = pytest.mark.browser
KEPT = "SELECT outcome, seen FROM notices WHERE site = ? AND gateway = 'payapp' AND state = 'strange'"


@pytest.fixture(scope="module")
def shops_page(booth: Booth) -> Iterator[str]:
    """A shop's page with the lines that the operator is handed; the seller's office tells the bridge what becomes of
    it, and no address of ours is in the page."""
    booth.open("payapp")
    lines = json.loads(
        booth.bridge.command(
            "site", "ask", booth.shop_url("payapp"), "payapp", "priceWindow", "--field", "goodname=극장 후원", "--json"
        )
    )
    name_in_office(booth, {"common_feedbackurl": booth.notice_url("payapp", "feedback")})
    yield (
        f'<!doctype html><html lang="ko"><title>후원</title><script src="{lines["script"]}"></script>'
        f"<script>function give() {{ {lines['call']} }}</script><button onclick='give()'>후원하기</button>"
    )
    name_in_office(booth, {})


def name_in_office(booth: Booth, address: dict[str, str]) -> None:
    """Type an address into the seller's office, or none of its own."""
    booth.control("settings", {"gateway": "payapp", "sellers": {"payapptest": PAYAPP_KEYS | address}})


def named_prices(booth: Booth) -> list[dict[str, Any]]:
    """The sandbox's books of what no shop gave a number of its own (var1), as only these windows do."""
    return [book for book in booth.books() if book["merchant_ref"].startswith("mul_no ")]


def press(window: Frame, **typed: str) -> None:
    for name, value in typed.items():
        window.fill(f"input[name={name}]", value)
    window.locator("button[name=action][value=pay]").click()


def looks_right(window: Frame, album: Album, name: str) -> None:
    assert window.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing sticks out sideways"
    assert grave_faults(window.page) == []
    album.take(window.page, name)


def test_a_buyer_names_the_price_and_pays_it(booth: Booth, shops_page: str, browse: Browse, device: str) -> None:
    page, album = browse(booth, device), Album(f"windows-{device}")
    price = 12_000 if device == "phone" else 13_000
    site, before = booth.site("payapp"), len(named_prices(booth))
    notices, payments = len(booth.read(KEPT, site)), booth.read("SELECT COUNT(*) FROM payments")
    page.goto(booth.shop_url("payapp"))
    page.set_content(shops_page)
    page.get_by_role("button", name="후원하기").click()
    window = gateway_window(page)
    expect(window.locator("h1")).to_have_text("극장 후원")
    looks_right(window, album, "payapp-typed-price")
    for typed, said in (("500", "1,000원부터 결제할 수 있어요."), ("12345678901", "10자리까지 적어 주세요.")):
        press(window, price=typed, recvphone="010-1234-5678")
        expect(window.locator("[role=alert]")).to_contain_text(said)
        assert len(named_prices(booth)) == before, "nothing was asked for"
    looks_right(window, album, "payapp-typed-price-refused")

    press(window, price=f"{price:,}")
    expect(window.locator("h1")).to_have_text("결제를 요청했어요")
    window.get_by_role("link", name="문자로 받은 결제 주소 열기").click()
    expect(window.locator(".amount")).to_contain_text(f"{price:,}원")
    looks_right(window, album, "payapp-typed-price-pay")
    press(window)
    expect(window.locator("h1")).to_have_text("결제했어요")
    expect(window.locator("body")).to_contain_text(f"극장 후원 {price:,}원")

    def told() -> bool:
        (book,) = named_prices(booth)[before:]
        return [one["acked"] for one in book["notices"]] == [True]

    until(told, "the bridge's SUCCESS to what was paid")
    (book,) = named_prices(booth)[before:]
    assert (book["captured"], book["net"]) == (price, price)
    kept = booth.read(KEPT, site)[notices:]
    assert kept == [("no payment of ours has this reference", 1)], "it is kept"
    assert booth.read("SELECT COUNT(*) FROM payments") == payments, "and pay no order"
