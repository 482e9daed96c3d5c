"""A payment in escrow: its state asked for, its delivery reported with the fields that the gateway names."""

import html
import re

import pytest

from tests.plugin.conftest import Shop
from tests.plugin.office import forms_on, outcome, submit
from tests.plugin.stub_bridge import StubBridge

TEL = "010-9876-5432"
STEPS = [
    {"step": "status", "fields": []},
    {
        "step": "delivery",
        "fields": [
            {"name": "exCode", "label_ko": "택배사", "label": "Courier", "choices": {"EPOST": "우체국택배"}},
            {"name": "recvTel", "label_ko": "받는 사람 전화", "label": "Recipient's telephone", "choices": {}},
            {"name": "note", "label_ko": "메모", "label": "Note", "choices": {}, "needed": False},
        ],
    },
    {"step": "confirm", "fields": []},
]
GOOD = {"field_exCode": "EPOST", "field_recvTel": TEL}


@pytest.fixture
def payment(shop: Shop, bridge: StubBridge) -> str:
    """A payment in escrow; gives its id."""
    order, made = shop.paid()
    bridge.add(str(order["ref"]), id=made["id"], escrow={"steps": STEPS})
    return str(made["id"])


def page_of(shop: Shop, payment: str) -> str:
    return shop.as_("clerk").get(f"/wp-admin/admin.php?page=pay-bridge&payment={payment}").text


def form(shop: Shop, payment: str, step: str) -> dict[str, str]:
    return next(fields for fields in forms_on(page_of(shop, payment)) if fields["step"] == step)


def answered(bridge: StubBridge, payment: str, status: int, **body: str) -> None:
    bridge.scripted[f"POST /v1/payments/{payment}/escrow"] = (status, body or None)


def test_the_state_is_asked_for_and_told_in_the_gateways_word(shop: Shop, bridge: StubBridge, payment: str) -> None:
    answered(bridge, payment, 200, state="구매확정")
    told = outcome(shop, submit(shop, form(shop, payment, "status")))

    assert told == ("success", "에스크로: 구매확정")
    (asked,) = bridge.asked("POST", ".*/escrow")
    assert asked.json == {"step": "status", "actor": f"wp:{shop.ids['clerk']}", "fields": {}}


def test_a_delivery_is_reported_with_the_fields_the_gateway_names_and_no_others(
    shop: Shop, bridge: StubBridge, payment: str
) -> None:
    answered(bridge, payment, 200, state="delivery")
    fields = form(shop, payment, "delivery") | GOOD | {"field_made_up": "x"}
    answers = [submit(shop, fields), submit(shop, fields)]

    assert {outcome(shop, answer) for answer in answers} == {("success", "에스크로: 배송을 등록했어요")}
    sent = bridge.asked("POST", ".*/escrow")
    assert sent[0].json["fields"] == {"exCode": "EPOST", "recvTel": TEL}
    assert len({one.headers["Idempotency-Key"] for one in sent}) == 1, "two clicks are one report"
    assert TEL not in answers[0].headers["location"]


def test_a_field_that_is_not_needed_may_stay_empty_and_is_told_where_it_is_filled(
    shop: Shop, bridge: StubBridge, payment: str
) -> None:
    page = page_of(shop, payment)
    must = {
        name: " required" in rest
        for name, rest in re.findall(r'<(?:input|select)[^>]* name="(field_\w+)"([^>]*)>', page)
    }
    answered(bridge, payment, 200, state="delivery")
    for note in ("", "문 앞"):
        assert submit(shop, form(shop, payment, "delivery") | GOOD | {"field_note": note}).status_code == 302

    assert must == {"field_exCode": True, "field_recvTel": True, "field_note": False}
    assert [one.json["fields"].get("note") for one in bridge.asked("POST", ".*/escrow")] == [None, "문 앞"]


def test_only_the_shops_own_steps_are_offered(shop: Shop, payment: str) -> None:
    page = html.unescape(page_of(shop, payment))

    assert [fields["step"] for fields in forms_on(page)] == ["status", "delivery"], "the buyer's yes is the buyer's"
    assert "우체국택배" in page
    assert "받는 사람 전화" in page


@pytest.mark.parametrize(
    ("step", "changes", "status"),
    [
        ("delivery", {"field_recvTel": ""}, 400),
        ("delivery", {"field_exCode": "pigeon"}, 400),
        ("status", {"step": "confirm"}, 409),
        ("status", {"step": "refund"}, 409),
        ("status", {"_wpnonce": "0123456789"}, 403),
        ("status", {"subject": "p_of_somebody_else"}, 403),
    ],
)
def test_a_form_that_was_tampered_with_reports_nothing(
    shop: Shop, bridge: StubBridge, payment: str, step: str, changes: dict[str, str], status: int
) -> None:
    fields = form(shop, payment, step) | GOOD | changes

    assert submit(shop, fields).status_code == status
    assert bridge.asked("POST", ".*/escrow") == []


def test_a_refusal_is_word_for_word_and_silence_no_failure(shop: Shop, bridge: StubBridge, payment: str) -> None:
    words = "배송등록 정보를 <확인>하세요."
    answered(bridge, payment, 503, code="gateway_unavailable", gateway_message=words, message_ko="결제사가 거절했어요.")
    refused = outcome(shop, submit(shop, form(shop, payment, "status")))
    answered(bridge, payment, 0)
    silent = outcome(shop, submit(shop, form(shop, payment, "status")))

    assert refused == ("error", words)
    assert silent[0] == "info"


def test_a_payment_that_is_in_no_escrow_says_nothing_of_it(shop: Shop) -> None:
    _, payment = shop.paid()

    assert "에스크로" not in page_of(shop, str(payment["id"]))
