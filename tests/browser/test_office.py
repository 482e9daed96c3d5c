"""What a clerk does besides refunding, in wp-admin: cash receipts, and what the operator sees of them."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import faults_on_every_screen
from tests.browser.conftest import Browse
from tests.browser.lane import Lane
from tests.browser.steps import DETAIL, open_popup, order_page, press_and_close
from tests.browser.test_operator import dashboard

pytestmark = pytest.mark.browser


def result(page: Page, words: str) -> None:
    """What came of the last deed is said on the page it was asked on."""
    expect(page.locator("#pay-bridge-deed-result")).to_contain_text(words)


def test_a_receipt_is_issued_over_a_deposit_and_cancelled_on_a_phone(lane: Lane, browse: Browse) -> None:
    buyer, ref = order_page(lane, browse)
    press_and_close(open_popup(buyer, "virtual_account"), "pay")
    buyer.wait_for_url(DETAIL)
    payment = lane.payment(ref, "awaiting_deposit")
    page = browse(lane, user="clerk")
    page.goto(lane.admin_url(payment["id"]))
    page.get_by_text("가상계좌 닫기…").click()
    assert faults_on_every_screen(page, ".pay-bridge") == []
    lane.control("deposit", {"merchant_ref": payment["merchant_ref"]})
    lane.payment(ref, "paid")

    page.goto(lane.admin_url(payment["id"]))
    expect(page.get_by_text("아직 발급한 현금영수증이 없어요.")).to_be_visible()
    page.get_by_text("현금영수증 발급하기…").click()
    assert faults_on_every_screen(page, ".pay-bridge") == []
    page.get_by_label("개인 소득공제용").check()
    page.get_by_label("구매자의 휴대폰·카드 번호 또는 사업자등록번호").fill("010-2345-6789")
    page.get_by_role("button", name="발급", exact=True).click()
    result(page, "현금영수증: 발급됨")
    expect(page.locator("[data-receipt=issued]")).to_contain_text("21,000원 · 개인 소득공제용 · 승인번호")
    expect(page.get_by_text("그것을 먼저 취소해 주세요.")).to_be_visible()

    phone = browse(lane, "phone", user="clerk")
    phone.goto(lane.admin_url(payment["id"]))
    phone.get_by_text("현금영수증 취소하기…").click()
    assert faults_on_every_screen(phone, ".pay-bridge") == []
    phone.get_by_role("button", name="발급 취소").click()
    result(phone, "현금영수증: 취소됨")
    expect(phone.locator("[data-receipt=cancelled]")).to_be_visible()
    expect(phone.get_by_text("현금영수증 발급하기…")).to_be_visible()
    assert lane.money(ref).net == 21_000, "a receipt moves no money"

    desk = dashboard(lane, browse)
    desk.goto(f"{lane.bridge.url}/dashboard/payments/{payment['id']}")
    expect(desk.locator("dd", has_text="21,000원 · 취소됨")).to_be_visible()
    for said in desk.get_by_text("주고받은 내용").all():
        said.click()
    assert faults_on_every_screen(desk) == []
