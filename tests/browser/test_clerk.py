"""The box-office clerk in wp-admin: finds a payment, reads its story, gives money back."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Browse
from tests.browser.lane import Lane
from tests.browser.steps import heading, order_page, paid_order

pytestmark = pytest.mark.browser


def test_a_clerk_finds_a_payment_by_order_name_and_state(each_lane: Lane, browse: Browse) -> None:
    _, paid = paid_order(each_lane, browse)
    _, unpaid = order_page(each_lane, browse)
    page = browse(each_lane, user="clerk")
    page.goto(each_lane.admin_url())

    search(page, paid)
    expect(rows(page)).to_have_count(1)
    expect(rows(page)).to_contain_text("결제 완료")
    expect(rows(page)).to_contain_text("21,000원")
    assert paid not in page.url
    search(page, unpaid)
    expect(page.get_by_text("결제가 없어요.")).to_be_visible()
    search(page, "이보라")
    expect(page.get_by_role("link", name=paid).first).to_be_visible()
    assert "%EC%9D%B4" not in page.url  # No name in an address.
    page.get_by_label("상태", exact=True).first.select_option(label="거절됨")
    page.get_by_role("button", name="적용").click()
    expect(page.get_by_role("link", name=paid)).to_have_count(0)


def test_a_clerk_reads_a_payments_story(each_lane: Lane, browse: Browse) -> None:
    _, ref = paid_order(each_lane, browse)
    page = browse(each_lane, user="clerk")
    page.goto(each_lane.admin_url())
    search(page, ref)
    page.get_by_role("link", name=ref).click()

    expect(page.get_by_role("heading", level=1)).to_contain_text(ref)
    facts = page.locator(".pay-bridge-facts")
    for words in ("결제 완료", "21,000원", "비씨카드", each_lane.payment(ref)["id"]):
        expect(facts).to_contain_text(words)
    steps = page.locator(".pay-bridge-timeline li")
    assert steps.count() >= 4
    expect(steps.last).to_contain_text("결제 완료")


def test_a_full_refund_gives_everything_back_and_the_order_says_so(each_lane: Lane, browse: Browse) -> None:
    buyer, ref = paid_order(each_lane, browse)
    page = payment_page(each_lane, browse, ref)
    # This once with all the scripts that wp-admin has of its own.
    page.context.add_cookies([{"name": "stand_palette", "value": "1", "url": each_lane.url}])
    page.reload()
    assert page.evaluate("'coreCommands' in (window.wp || {})") is (each_lane.name == "quick")

    refund(page, "공연 취소")

    expect(result(page)).to_contain_text("21,000원 환불: 결제를 취소하고 환불했어요.")
    assert (each_lane.money(ref).captures, each_lane.money(ref).net) == (1, 0)
    expect(page.get_by_role("link", name="환불하기…")).to_have_count(0)
    buyer.reload()
    heading(buyer, "환불했어요")


def test_a_part_is_refunded_and_more_than_is_left_is_refused(each_lane: Lane, browse: Browse) -> None:
    buyer, ref = paid_order(each_lane, browse)
    page = payment_page(each_lane, browse, ref)

    dialog = open_dialog(page)
    dialog.get_by_label("금액(원)").fill("21001")
    dialog.get_by_label("사유").fill("한 좌석")
    dialog.get_by_role("button", name="환불", exact=True).click()
    assert dialog.get_by_label("금액(원)").evaluate("field => field.validity.valid") is False
    expect(dialog).to_be_visible()
    assert each_lane.money(ref).refunded == 0
    dialog.get_by_label("금액(원)").fill("5000")
    dialog.get_by_role("button", name="환불", exact=True).click()

    expect(result(page)).to_contain_text("5,000원 환불: 결제를 취소하고 환불했어요.")
    expect(page.get_by_text("16,000원까지 환불할 수 있어요.")).to_be_visible()
    assert (each_lane.money(ref).captures, each_lane.money(ref).net) == (1, 16_000)
    buyer.reload()
    heading(buyer, "일부를 환불했어요")
    expect(buyer.get_by_role("region", name="결제 정보")).to_contain_text("5,000원")


def test_two_clicks_are_one_refund(each_lane: Lane, browse: Browse) -> None:
    _, ref = paid_order(each_lane, browse)
    page = payment_page(each_lane, browse, ref)
    dialog = open_dialog(page)
    dialog.get_by_label("일부:").check()
    dialog.get_by_label("금액(원)").fill("3000")
    dialog.get_by_label("사유").fill("두 번 눌러요")

    dialog.get_by_role("button", name="환불", exact=True).dblclick(no_wait_after=True)

    expect(result(page)).to_contain_text("3,000원 환불: 결제를 취소하고 환불했어요.")
    assert each_lane.money(ref).refunded == 3000


def test_going_back_to_the_form_and_sending_it_again_is_the_same_refund(lane: Lane, browse: Browse) -> None:
    _, ref = paid_order(lane, browse)
    page = payment_page(lane, browse, ref, java_script_enabled=False)
    page.get_by_role("link", name="환불하기…").click()
    part(page, "3000")
    key = page.locator("#pay-bridge-refund input[name=key]").input_value()
    page.get_by_role("button", name="환불", exact=True).click()
    expect(result(page)).to_contain_text("3,000원 환불")

    page.go_back()
    page.locator("#pay-bridge-refund input[name=key]").evaluate("(field, key) => { field.value = key; }", key)
    part(page, "3000")
    page.get_by_role("button", name="환불", exact=True).click()

    expect(result(page)).to_contain_text("3,000원 환불")
    assert lane.money(ref).refunded == 3000


def test_a_refused_refund_shows_the_gateways_message(each_lane: Lane, browse: Browse) -> None:
    _, ref = paid_order(each_lane, browse, ending=24)
    page = payment_page(each_lane, browse, ref)

    refund(page, "고객 요청")

    expect(result(page)).to_contain_text("취소 실패")
    expect(result(page)).to_have_class(re.compile("notice-error"))
    assert each_lane.money(ref).net == 21_024


def test_a_refund_whose_answer_is_lost_is_being_checked_and_then_done(lane: Lane, browse: Browse) -> None:
    buyer, ref = paid_order(lane, browse, ending=22)
    page = payment_page(lane, browse, ref)
    lane.fault("cancel", "drop_after", ref)  # The first answer; the next ones never come either.
    for op in ("cancel", "net_cancel"):
        lane.fault(op, "drop_before", ref, times=None)
    lane.fault("notice", "notice_lost", ref, times=None)  # It would tell of the first before the page has asked.

    refund(page, "고객 요청")

    expect(result(page)).to_contain_text("결과를 확인하고 있어요")
    expect(result(page)).to_contain_text("다시 환불하지 마세요")
    assert page.get_by_role("button", name="환불", exact=True).count() == 0
    lane.calm()
    expect(result(page)).to_contain_text("결제를 취소하고 환불했어요.", timeout=25_000)
    assert (lane.money(ref).captures, lane.money(ref).net) == (1, 0)
    buyer.reload()
    heading(buyer, "환불했어요")


def test_a_refund_works_without_javascript(each_lane: Lane, browse: Browse) -> None:
    _, ref = paid_order(each_lane, browse)
    page = payment_page(each_lane, browse, ref, java_script_enabled=False)

    page.get_by_role("link", name="환불하기…").click()
    part(page, "99999")
    page.get_by_role("button", name="환불", exact=True).click()
    expect(page.get_by_text("1원부터 21,000원까지 정수 금액을 입력해 주세요.")).to_be_visible()
    page.goto(each_lane.admin_url(each_lane.payment(ref)["id"]) + "&refund=new")
    page.get_by_label("사유").fill("자바스크립트 없이")
    page.get_by_role("button", name="환불", exact=True).click()

    expect(result(page)).to_contain_text("결제를 취소하고 환불했어요.")
    assert (each_lane.money(ref).captures, each_lane.money(ref).net) == (1, 0)


@pytest.mark.parametrize("user", ["editor", "buyer"])
def test_a_user_without_the_capability_sees_nothing(lane: Lane, browse: Browse, user: str) -> None:
    _, ref = paid_order(lane, browse)
    page = browse(lane, user=user)
    page.goto(f"{lane.url}/wp-admin/")

    expect(page.locator("#adminmenu")).not_to_contain_text("환불 요청")
    assert page.locator("#toplevel_page_pay-bridge").count() == 0
    answer = page.goto(lane.admin_url(lane.payment(ref)["id"]))
    assert answer
    assert answer.status == 403
    assert ref not in page.content()
    form = {"action": "pay_bridge_refund", "payment": lane.payment(ref)["id"], "key": "0" * 32, "left": "21000"}
    refused = page.context.request.post(f"{lane.url}/wp-admin/admin-post.php", form=form | {"reason": "x"})
    assert refused.status == 403
    assert lane.money(ref).net == 21_000


def search(page: Page, words: str) -> None:
    """Looks for words in the clerk's list."""
    page.get_by_role("searchbox").fill(words)
    page.get_by_role("button", name="찾기").click()
    page.wait_for_load_state()


def rows(page: Page) -> Locator:
    """The rows of the clerk's list."""
    return page.locator("table.wp-list-table tbody tr")


def payment_page(lane: Lane, browse: Browse, ref: str, **settings: bool) -> Page:
    """The clerk's page of an order's payment."""
    page = browse(lane, user="clerk", **settings)
    page.goto(lane.admin_url(lane.payment(ref)["id"]))
    return page


def open_dialog(page: Page) -> Locator:
    """Opens the refund dialog."""
    page.get_by_role("link", name="환불하기…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    return dialog


def refund(page: Page, reason: str) -> None:
    """Refunds all that is left."""
    dialog = open_dialog(page)
    dialog.get_by_label("사유").fill(reason)
    dialog.get_by_role("button", name="환불", exact=True).click()


def part(page: Page, amount: str) -> None:
    """Fills in a partial refund on the form that is on the page."""
    page.get_by_label("일부:").check()
    page.get_by_label("금액(원)").fill(amount)
    page.get_by_label("사유").fill("한 좌석")


def result(page: Page) -> Locator:
    """What came of the refund."""
    return page.locator("#pay-bridge-refund-result")
