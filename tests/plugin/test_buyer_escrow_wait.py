"""A decision on an escrow that has no answer: the order's page finds it by itself, and tells nothing old for ever."""

import html
import re
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.plugin.test_buyer_escrow import Case, case
from tests.plugin.test_checkout_script import browser

__all__ = ["browser", "case"]
CONFIRMED = "구매를 확정했고, 결제한 돈은 판매자에게 정산돼요."
REFRESH = re.compile(r'<noscript><meta http-equiv="refresh" content="10;url=([^"]+)"></noscript>')


@pytest.fixture
def context(browser: Browser, case: Case) -> Iterator[BrowserContext]:
    """A browser of the owner's."""
    made = browser.new_context(locale="ko-KR")
    yield made
    made.close()


def opened(context: BrowserContext, case: Case, address: str = "") -> Page:
    """The order's page in the owner's browser."""
    url = case.shop.stand.url
    cookies = case.shop.as_("owner").cookies.jar
    context.add_cookies([{"name": one.name, "value": one.value or "", "url": url} for one in cookies])
    page = context.new_page()
    page.set_default_timeout(8000)
    page.goto(address or f"{url}/?escrow_of={case.ref}")
    return page


def refused(case: Case, words: str = "구매확정할 수 없는 상태입니다.") -> str:
    """The gateway says no to the owner's yes; gives the address that tells so."""
    fields = case.form("confirm")
    case.answers(503, code="gateway_unavailable", gateway_message=words)
    return case.send(fields).headers["location"]


@pytest.mark.browser
def test_a_page_whose_decision_has_no_answer_finds_it_without_being_loaded_again(
    case: Case, context: BrowserContext
) -> None:
    case.stands("confirming")
    page = opened(context, case)
    stand = page.locator(".pay-bridge-escrow [data-escrow]")
    expect(stand).to_contain_text("이 화면이 저절로 바뀌어요")
    page.evaluate("window.same = true")
    case.stands("confirmed")

    expect(stand).to_have_text(re.compile(CONFIRMED))
    expect(page.get_by_role("button", name="결과 확인하기")).to_have_count(0)
    assert (page.evaluate("window.same"), stand.get_attribute("aria-live")) == (True, "polite")
    assert case.sent() == [], "the gateway is asked by the bridge alone"


@pytest.mark.browser
def test_a_decision_that_did_not_arrive_may_be_made_again_on_the_page_that_found_it_out(
    case: Case, context: BrowserContext
) -> None:
    case.stands("confirming")
    page = opened(context, case)
    case.stands("kept")
    page.get_by_text("구매 확정하기…").click()
    case.answers(200, state="confirm")
    page.get_by_role("button", name="구매 확정하기").click()
    page.wait_for_url("**deed=**")

    assert [one["step"] for one in case.sent()] == ["confirm"]


@pytest.mark.browser
def test_a_page_looks_so_often_at_most(case: Case, context: BrowserContext) -> None:
    case.stands("confirming")
    page = opened(context, case)
    part = page.locator(".pay-bridge-escrow")
    assert part.get_attribute("data-looks") == "20"
    part.evaluate("part => { part.dataset.looks = 1; }")
    with page.expect_response(lambda one: "escrow_of" in one.url):
        pass
    seen = len(case.bridge.asked("GET", f"/v1/payments/{case.id}"))
    page.wait_for_timeout(4_000)

    assert len(case.bridge.asked("GET", f"/v1/payments/{case.id}")) == seen


@pytest.mark.browser
def test_without_scripts_the_page_is_loaded_again_until_there_is_an_answer(browser: Browser, case: Case) -> None:
    case.stands("denying")
    context = browser.new_context(locale="ko-KR", java_script_enabled=False)
    page = opened(context, case)
    case.stands("denied")

    expect(page.locator("[data-escrow=denied]")).to_be_visible(timeout=20_000)
    context.close()


def test_without_scripts_it_is_loaded_again_so_often_at_most_and_only_while_there_is_no_answer(case: Case) -> None:
    kept = case.part()
    case.stands("confirming")
    address, looks = f"/?escrow_of={case.ref}&deed={'0' * 32}", 0
    while (found := REFRESH.search(case.page(address=address))) is not None:
        address, looks = html.unescape(found[1]), looks + 1
        assert urlsplit(address).fragment == "pay-bridge-escrow"
        assert parse_qs(urlsplit(address).query) == {"escrow_of": [case.ref], "pay_bridge_escrow_looks": [str(looks)]}

    assert (REFRESH.search(kept), 'data-looks="0"' in kept, looks) == (None, True, 20)


def test_after_a_refusal_the_form_to_try_again_is_open(case: Case) -> None:
    part = case.part(address=refused(case))

    assert re.findall(r'<details data-step="(\w+)"( open)?><summary>([^<]+)', part) == [
        ("confirm", " open", "다시 시도하기: 구매 확정하기…"),
        ("deny", "", "구매 거절하기…"),
    ]
    assert "받은 뒤에 다시 시도해 주세요" in part
    assert " open" not in case.part(), "only where it is told"


def test_what_is_told_of_a_press_is_gone_once_the_purchase_stands_otherwise(case: Case) -> None:
    address = refused(case)
    case.stands("confirmed")
    part = case.part(address=address)

    assert ("pay-bridge-notice" in part, CONFIRMED in part) == (False, True)


def test_what_is_told_of_a_press_is_told_for_some_minutes_and_not_for_ever(case: Case) -> None:
    address = refused(case)
    name = "pay_bridge_deed_" + parse_qs(urlsplit(address).query)["deed"][0]

    def told_after(seconds: int) -> bool:
        case.shop.stand.run_php(
            f"$kept = get_transient( '{name}' ); $kept[5] = time() - {seconds}; set_transient( '{name}', $kept, 600 );"
        )
        return "pay-bridge-notice" in case.part(address=address)

    assert (told_after(500), told_after(700)) == (True, False)
