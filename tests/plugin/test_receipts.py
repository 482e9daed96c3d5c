"""The clerk's cash receipts: shown, issued, cancelled, refused in the gateway's words, and nobody's number kept."""

import html
from typing import Any

import pytest

from tests.plugin.conftest import Shop
from tests.plugin.office import forms_on, outcome, submit
from tests.plugin.stub_bridge import StubBridge

PHONE = "01012345678"
ISSUED = {"id": "c_1", "state": "issued", "amount": 30000, "purpose": "income", "number": "C00000001"}
ISSUE = "POST /v1/cash-receipts"
CANCEL = "DELETE /v1/cash-receipts/c_1"


def in_cash(shop: Shop, bridge: StubBridge, *items: dict[str, Any], why: str = "") -> str:
    """A payment in cash with its receipts; gives its id."""
    order, payment = shop.paid()
    told = {"may_issue": not (items or why), "amount": 30000, "why": why, "items": list(items)}
    bridge.add(str(order["ref"]), id=payment["id"], method="account", cash_receipts=told)
    return str(payment["id"])


def page_of(shop: Shop, payment: str, who: str = "clerk") -> str:
    return shop.as_(who).get(f"/wp-admin/admin.php?page=pay-bridge&payment={payment}").text


def form(shop: Shop, payment: str, **more: str) -> dict[str, str]:
    (fields,) = forms_on(page_of(shop, payment))
    return fields | more


def test_a_receipt_is_issued_once_with_the_number_as_people_write_it(shop: Shop, bridge: StubBridge) -> None:
    payment = in_cash(shop, bridge)
    bridge.scripted[ISSUE] = (201, ISSUED)
    fields = form(shop, payment, purpose="income", identity="010-1234-5678")
    answers = [submit(shop, fields), submit(shop, fields)]

    assert {outcome(shop, answer) for answer in answers} == {("success", "현금영수증: 발급됨")}
    asked = bridge.asked("POST", "/v1/cash-receipts")
    assert asked[0].json == {
        "payment": payment,
        "purpose": "income",
        "identity": PHONE,
        "actor": f"wp:{shop.ids['clerk']}",
    }
    assert len({one.headers["Idempotency-Key"] for one in asked}) == 1, "two clicks are one receipt"
    assert PHONE not in answers[0].headers["location"]
    holding = f"SELECT COUNT(*) FROM $wpdb->options WHERE option_value LIKE '%{PHONE}%'"
    kept = shop.stand.run_php(f'global $wpdb; echo $wpdb->get_var("{holding}");')
    assert kept == "0", "the buyer's number is kept nowhere"


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"_wpnonce": "0123456789"}, 403),
        ({"subject": "p_of_somebody_else"}, 403),
        ({"key": "short"}, 400),
        ({"purpose": "gift"}, 400),
        ({"identity": "12345"}, 400),
        ({"identity": ""}, 400),
        ({"purpose": "business", "identity": "010123456789"}, 400),
        ({"purpose": "self"}, 400),
        ({"receipt": "c_of_another_payment"}, 404),
    ],
)
def test_a_form_that_was_tampered_with_issues_and_cancels_nothing(
    shop: Shop, bridge: StubBridge, changes: dict[str, str], status: int
) -> None:
    payment = in_cash(shop, bridge)
    answer = submit(shop, form(shop, payment, purpose="income", identity=PHONE) | changes)

    assert answer.status_code == status
    assert [one for one in bridge.seen if "cash-receipts" in one.path] == []


def test_where_the_gateway_knows_how_much_was_cash_the_form_says_at_most(shop: Shop, bridge: StubBridge) -> None:
    payment = in_cash(shop, bridge)
    assert "최대 30,000원" not in page_of(shop, payment)
    bridge.payments[payment]["cash_receipts"]["at_most"] = True
    assert "현금성 금액은 결제사가 알려 줘요. 그 금액으로 발급하고, 최대 30,000원이에요." in page_of(shop, payment)


def test_the_gateways_refusal_is_shown_word_for_word(shop: Shop, bridge: StubBridge) -> None:
    words = "번호가 <b>맞지</b> 않아요"
    payment = in_cash(shop, bridge)
    bridge.scripted[ISSUE] = (201, ISSUED | {"state": "refused", "message": words})
    kind, said = outcome(shop, submit(shop, form(shop, payment, purpose="self", identity="")))

    assert (kind, said) == ("error", f"현금영수증: 거절됨 – {words}")


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        (202, ISSUED | {"state": "unknown", "number": ""}, "warning", "다시 발급하지 말고, 결제사 관리자 화면에서"),
        (202, ISSUED | {"state": "issuing"}, "info", "결제사의 답을 기다려요"),
        (
            409,
            {"code": "not_now", "detail": "x", "message_ko": "이미 발급한 현금영수증이 있어요."},
            "error",
            "이미 발급한",
        ),
        (0, None, "info", "달라진 것이 없을 때만"),
        (503, {"code": "outcome_unread", "detail": "It may be."}, "info", "달라진 것이 없을 때만"),
    ],
)
def test_what_is_not_known_is_never_said_to_have_failed(
    shop: Shop, bridge: StubBridge, status: int, body: Any, kind: str, words: str
) -> None:
    payment = in_cash(shop, bridge)
    bridge.scripted[ISSUE] = (status, body)
    told = outcome(shop, submit(shop, form(shop, payment, purpose="self", identity="")))

    assert told[0] == kind
    assert words in told[1]


def test_an_issued_receipt_is_shown_and_cancelled(shop: Shop, bridge: StubBridge) -> None:
    payment = in_cash(shop, bridge, ISSUED, why="그것을 먼저 취소해 주세요.")
    page = html.unescape(page_of(shop, payment))
    assert "30,000원 · 개인 소득공제용 · 승인번호 C00000001 · 발급됨" in page
    assert "그것을 먼저 취소해 주세요." in page
    bridge.scripted[CANCEL] = (200, ISSUED | {"state": "cancelled"})

    assert outcome(shop, submit(shop, form(shop, payment))) == ("success", "현금영수증: 취소됨")
    (asked,) = bridge.asked("DELETE", "/v1/cash-receipts/c_1")
    assert asked.json["actor"].startswith("wp:")


def test_a_refused_cancel_says_that_the_receipt_still_counts(shop: Shop, bridge: StubBridge) -> None:
    payment = in_cash(shop, bridge, ISSUED)
    bridge.scripted[CANCEL] = (200, ISSUED | {"message": "취소 기간이 지났어요"})
    kind, words = outcome(shop, submit(shop, form(shop, payment)))

    assert kind == "error"
    assert words == "현금영수증: 취소되지 않아서 아직 유효해요. – 취소 기간이 지났어요"


def test_a_card_payment_says_nothing_of_receipts_and_who_may_not_issue_sees_no_form(
    shop: Shop, bridge: StubBridge
) -> None:
    _, card = shop.paid()
    assert "현금영수증" not in page_of(shop, str(card["id"]))
    payment = in_cash(shop, bridge)
    fields = form(shop, payment, purpose="self", identity="")
    assert submit(shop, fields, who="editor").status_code == 403
    shop.stand.run_php(f"get_user_by('id', {shop.ids['clerk']})->add_cap('pay_bridge_serve', false);")
    try:
        page = page_of(shop, payment)
        assert submit(shop, fields).status_code == 403
    finally:
        shop.stand.run_php(f"get_user_by('id', {shop.ids['clerk']})->remove_cap('pay_bridge_serve');")

    assert "발급할 권한은 없어요" in page
    assert forms_on(page) == []
    assert bridge.asked("POST", "/v1/cash-receipts") == []


def test_a_payment_without_receipts_offers_the_next_step(shop: Shop, bridge: StubBridge) -> None:
    page = page_of(shop, in_cash(shop, bridge))

    assert "아직 발급한 현금영수증이 없어요." in page
    assert "현금영수증 발급하기…" in page


LOST = "결제사의 답을 받지 못해서 발급됐는지 알 수 없어요. 다시 발급하지 말고, 결제사 관리자 화면에서"
GONE = "취소됐는지 알 수 없어요. 결제사 관리자 화면에서 승인번호 C00000001이 남아 있는지 확인해서"
UNKNOWN: dict[str, Any] = ISSUED | {"state": "unknown", "message": "the answer was cut off"}


@pytest.mark.parametrize(
    ("receipt", "words"),
    [(UNKNOWN, GONE), ({name: value for name, value in UNKNOWN.items() if name != "number"}, LOST)],
)
def test_of_a_receipt_nobody_knows_about_a_clerk_reads_what_to_do(
    shop: Shop, bridge: StubBridge, receipt: dict[str, Any], words: str
) -> None:
    payment = in_cash(shop, bridge, receipt, why="앞선 현금영수증이 발급됐는지 아직 몰라요.")
    page = html.unescape(page_of(shop, payment))

    assert "결과를 알 수 없어요" in page
    assert words in page
    assert "운영자에게 알려 주세요" in page
    assert "cut off" not in page, "the bridge's own words about the wire are no clerk's"
    assert "현금영수증 취소" not in page, "there is nothing to press"


def test_the_gateways_words_about_a_receipt_nobody_knows_about_are_shown_as_its_own(
    shop: Shop, bridge: StubBridge
) -> None:
    said = {"code": "70020", "message": "이미 <b>취소</b>된 건입니다."}
    payment = in_cash(shop, bridge, ISSUED)
    bridge.scripted[CANCEL] = (202, UNKNOWN | said)
    kind, words = outcome(shop, submit(shop, form(shop, payment)))
    page = html.unescape(page_of(shop, in_cash(shop, bridge, UNKNOWN | said)))

    assert kind == "warning"
    assert GONE in words
    assert words.endswith("결제사의 답: 이미 <b>취소</b>된 건입니다.")
    assert "결제사의 답: 이미 <b>취소</b>된 건입니다." in page


def test_a_receipt_that_a_refund_left_over_too_much_is_said_beside_it(shop: Shop, bridge: StubBridge) -> None:
    payment = in_cash(shop, bridge, ISSUED, why="이미 발급했어요.")
    words = "이 현금영수증을 취소하고 남은 금액으로 다시 발급해 주세요."
    assert words not in page_of(shop, payment)
    bridge.payments[payment]["cash_receipts"] |= {"over": 10000, "over_why": words}

    assert words in page_of(shop, payment)
