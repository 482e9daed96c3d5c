"""A buyer cancels the own payment where the shop allows it; nobody else can."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Browse
from tests.browser.lane import Lane
from tests.browser.steps import heading, paid_order

pytestmark = pytest.mark.browser


def test_a_buyer_cancels_the_own_payment(each_lane: Lane, browse: Browse) -> None:
    page, ref = paid_order(each_lane, browse, user="buyer")

    page.get_by_role("button", name="결제 취소").click()
    dialog = page.get_by_role("dialog", name="결제를 취소할까요?")
    expect(dialog).to_contain_text("21,000원을 돌려드리고 좌석을 놓아요")
    dialog.get_by_role("button", name="21,000원 취소하기").click()

    expect(page.locator("[data-cancel-said]")).to_contain_text("환불했어요")
    heading(page, "환불했어요")
    each_lane.payment(ref, "refunded")
    assert (each_lane.money(ref).captures, each_lane.money(ref).net) == (1, 0)


def test_a_refused_cancel_shows_the_gateways_message(lane: Lane, browse: Browse) -> None:
    page, ref = paid_order(lane, browse, ending=24, user="buyer")

    page.get_by_role("button", name="결제 취소").click()
    page.get_by_role("dialog").get_by_role("button", name="취소하기").click()

    expect(page.locator("[data-cancel-said]")).to_have_text("취소 실패")
    assert lane.money(ref).net == 21_024


def test_somebody_elses_order_cannot_be_cancelled(lane: Lane, browse: Browse) -> None:
    _, ref = paid_order(lane, browse, user="buyer")

    for user, status in (("stranger", 403), ("", 401)):
        page = browse(lane, user=user)
        page.goto(lane.detail_url(ref))
        expect(page.get_by_role("button", name="결제 취소")).to_have_count(0)
        expect(page.get_by_text("이보라")).to_have_count(0)
        answer = ask_to_cancel(page, lane, ref)
        assert answer["status"] == status
        assert answer["body"]["success"] is False

    assert lane.money(ref).net == 21_000


def test_nothing_is_cancelled_by_the_buyer_after_the_show_began(lane: Lane, browse: Browse) -> None:
    page, ref = paid_order(lane, browse, user="buyer")
    lane.stand.run_php(f"ticketing_update_order( '{ref}', array( 'show_at' => time() - 60 ) );")

    page.reload()
    expect(page.get_by_role("button", name="결제 취소")).to_have_count(0)
    answer = ask_to_cancel(page, lane, ref)

    assert (answer["status"], answer["body"]["success"]) == (403, False)
    assert lane.money(ref).net == 21_000


def test_a_buyer_asks_the_box_office_for_a_refund_without_javascript(lane: Lane, browse: Browse) -> None:
    _, ref = paid_order(lane, browse, user="buyer")
    plain = browse(lane, user="buyer", java_script_enabled=False)
    plain.goto(lane.detail_url(ref))

    plain.get_by_role("link", name="환불 요청").click()
    plain.get_by_label("사유").fill("일정이 바뀌었어요")
    plain.get_by_role("button", name="환불 요청하기").click()

    expect(plain.get_by_text("환불을 요청했어요")).to_be_visible()
    clerk = browse(lane, user="clerk")
    clerk.goto(f"{lane.url}/wp-admin/admin.php?page=ticketing-requests")
    expect(clerk.get_by_role("row", name=ref)).to_contain_text("일정이 바뀌었어요")
    assert lane.money(ref).net == 21_000


def ask_to_cancel(page: Page, lane: Lane, ref: str) -> Any:
    """What admin-ajax answers to a script in the page that asks for it anyway."""
    payment = lane.payment(ref)["id"]
    return page.evaluate(
        """async ([ref, payment]) => {
            const body = new URLSearchParams({ action: 'mainpay_payment_cancel', ref_no: payment, mbr_ref_no: ref });
            const answer = await fetch('/wp-admin/admin-ajax.php', { method: 'POST', body });
            return { status: answer.status, body: await answer.json() };
        }""",
        [ref, payment],
    )
