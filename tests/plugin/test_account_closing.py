"""A virtual account that nobody paid into: closed by a clerk, once, and what came of it said as it is."""

import html
from typing import Any

import pytest

from tests.plugin.conftest import Shop
from tests.plugin.office import forms_on, outcome, submit
from tests.plugin.stub_bridge import StubBridge

MAY = {"may": True}


def waiting(shop: Shop, bridge: StubBridge, **void: Any) -> str:
    """A payment that waits for its deposit; gives its id."""
    order = shop.order()
    payment = bridge.add(order["ref"], "awaiting_deposit", method="virtual_account", void=MAY | void)
    return str(payment["id"])


def page_of(shop: Shop, payment: str) -> str:
    return html.unescape(shop.as_("clerk").get(f"/wp-admin/admin.php?page=pay-bridge&payment={payment}").text)


def form(shop: Shop, payment: str) -> dict[str, str]:
    (fields,) = forms_on(page_of(shop, payment))
    return fields


def test_an_account_is_closed_once_behind_a_sentence_that_says_what_it_means(shop: Shop, bridge: StubBridge) -> None:
    payment = waiting(shop, bridge)
    page = page_of(shop, payment)
    assert "가상계좌 닫기…" in page
    assert "이 계좌에 30,000원을 입금할 수 없고" in page
    closed = bridge.payments[payment] | {"state": "voided", "void": {"may": False, "state": "closed"}}
    bridge.scripted[f"POST /v1/payments/{payment}/void"] = (200, closed)
    fields = form(shop, payment)
    answers = [submit(shop, fields), submit(shop, fields)]

    told = {outcome(shop, answer) for answer in answers}
    assert told == {("success", "입금할 가상계좌: 닫았어요. 이제 이 계좌에는 입금할 수 없어요")}
    sent = bridge.asked("POST", ".*/void")
    assert [one.json for one in sent] == [{"actor": f"wp:{shop.ids['clerk']}"}] * 2
    assert len({one.headers["Idempotency-Key"] for one in sent}) == 1, "two clicks are one closing"


@pytest.mark.parametrize(
    ("status", "state", "void", "kind", "words"),
    [
        (202, "awaiting_deposit", {"state": "asking"}, "info", "아직 답하지 않았어요"),
        (202, "awaiting_deposit", {"state": "not_sent"}, "error", "다시 시도해 주세요"),
        (
            202,
            "awaiting_deposit",
            {"state": "refused", "message": "입금된 <b>계좌</b>예요"},
            "error",
            "아직 입금할 수 있어요 – 입금된 <b>계좌</b>예요",
        ),
        (200, "paid", {"state": "refused", "message": "입금된 계좌예요"}, "warning", "그 전에 입금되어서"),
    ],
)
def test_what_came_of_it_is_said_as_it_is(
    shop: Shop, bridge: StubBridge, status: int, state: str, void: dict[str, str], kind: str, words: str
) -> None:
    payment = waiting(shop, bridge)
    fields = form(shop, payment)
    body = bridge.payments[payment] | {"state": state, "void": {"may": False} | void}
    bridge.scripted[f"POST /v1/payments/{payment}/void"] = (status, body)
    told = outcome(shop, submit(shop, fields))

    assert told[0] == kind
    assert words in told[1]


def test_a_problem_is_told_in_the_bridges_words_and_silence_is_no_failure(shop: Shop, bridge: StubBridge) -> None:
    payment = waiting(shop, bridge)
    address = f"POST /v1/payments/{payment}/void"
    bridge.scripted[address] = (409, {"code": "not_now", "message_ko": "입금을 기다리는 결제가 아니에요."})
    refused = outcome(shop, submit(shop, form(shop, payment)))
    bridge.scripted[address] = (0, None)
    silent = outcome(shop, submit(shop, form(shop, payment)))
    bridge.scripted[address] = (503, {"code": "outcome_unread", "detail": "It may have been sent."})
    unread = outcome(shop, submit(shop, form(shop, payment)))

    assert refused == ("error", "입금을 기다리는 결제가 아니에요.")
    assert silent[0] == "info"
    assert unread == silent


def test_the_last_try_and_why_there_is_no_button_are_said(shop: Shop, bridge: StubBridge) -> None:
    why = "앞선 처리의 결과를 아직 확인하고 있어요."
    page = page_of(shop, waiting(shop, bridge, may=False, why=why, state="asking", message=""))
    assert why in page
    assert "지난번에 닫으려고 했을 때: 결제사가 아직 답하지 않았어요." in page
    assert forms_on(page) == []
    _, paid = shop.paid()
    assert "가상계좌 닫기" not in page_of(shop, str(paid["id"]))


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"_wpnonce": "0123456789"}, 403),
        ({"subject": "p_of_somebody_else"}, 403),
        ({"subject": ""}, 403),
        ({"key": "short"}, 400),
    ],
)
def test_a_form_that_was_tampered_with_closes_nothing(
    shop: Shop, bridge: StubBridge, changes: dict[str, str], status: int
) -> None:
    payment = waiting(shop, bridge)

    assert submit(shop, form(shop, payment) | changes).status_code == status
    assert bridge.asked("POST", ".*/void") == []


def test_who_may_not_serve_sees_no_button_and_may_press_none(shop: Shop, bridge: StubBridge) -> None:
    payment = waiting(shop, bridge)
    fields = form(shop, payment)
    assert submit(shop, fields, who="editor").status_code == 403
    shop.stand.run_php(f"get_user_by('id', {shop.ids['clerk']})->add_cap('pay_bridge_serve', false);")
    try:
        page = page_of(shop, payment)
        assert submit(shop, fields).status_code == 403
    finally:
        shop.stand.run_php(f"get_user_by('id', {shop.ids['clerk']})->remove_cap('pay_bridge_serve');")

    assert forms_on(page) == []
    assert "가상계좌를 닫을 권한은 없어요" in page
    assert bridge.asked("POST", ".*/void") == []
