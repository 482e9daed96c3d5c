"""A virtual account: the buyer sees where to pay in, pays, and the order is paid."""

import json

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Browse
from tests.browser.lane import Lane
from tests.browser.steps import DETAIL, heading, open_popup, order_page, press_and_close, settled

pytestmark = pytest.mark.browser


def test_a_deposit_into_the_shown_account_pays_the_order(each_lane: Lane, browse: Browse) -> None:
    page, ref = order_page(each_lane, browse)
    popup = open_popup(page, "virtual_account")
    popup.select_option("#bank", label="우리은행")
    press_and_close(popup, "pay")

    page.wait_for_url(DETAIL)
    heading(page, "입금을 기다리고 있어요")
    payment = each_lane.payment(ref, "awaiting_deposit")
    account = json.loads(payment["account"])
    facts = page.get_by_role("region", name="입금할 계좌")
    expect(facts).to_contain_text(account["number"])
    expect(facts).to_contain_text("우리은행")
    expect(facts).to_contain_text("21,000원")
    assert each_lane.money(ref).captured == 0

    each_lane.control("deposit", {"merchant_ref": payment["merchant_ref"]})
    each_lane.payment(ref, "paid")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # The buyer comes back from the bank's app.

    heading(page, "결제했어요 · 21,000원")
    settled(each_lane, ref, "paid")
    assert each_lane.money(ref).captures == 1


def test_an_order_that_waits_for_a_deposit_cannot_be_paid_by_card_too(lane: Lane, browse: Browse) -> None:
    page, ref = order_page(lane, browse)
    press_and_close(open_popup(page, "virtual_account"), "pay")
    page.wait_for_url(DETAIL)

    page.goto(lane.order_url(ref))

    heading(page, "입금을 기다리고 있어요")
    assert DETAIL.search(page.url)
