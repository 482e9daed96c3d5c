"""A payment in escrow: its state asked for, its delivery reported, the buyer's yes or no passed on."""

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
    {
        "step": "deny",
        "fields": [{"name": "refundName", "label_ko": "예금주", "label": "Holder", "choices": {}, "needed": True}],
    },
    {"step": "denyconfirm", "fields": []},
]
GOOD = {"field_exCode": "EPOST", "field_recvTel": TEL}


@pytest.fixture
def payment(shop: Shop, bridge: StubBridge) -> str:
    """A payment in escrow; gives its id."""
    order, made = shop.paid()
    bridge.add(str(order["ref"]), id=made["id"], escrow={"buyer": "kept", "steps": STEPS})
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

    assert must == {"field_exCode": True, "field_recvTel": True, "field_note": False, "field_refundName": True}
    assert [one.json["fields"].get("note") for one in bridge.asked("POST", ".*/escrow")] == [None, "문 앞"]


def test_the_steps_that_are_known_here_are_offered_and_no_other(shop: Shop, payment: str) -> None:
    page = html.unescape(page_of(shop, payment))

    assert [fields["step"] for fields in forms_on(page)] == ["status", "delivery", "confirm", "deny"]
    assert "우체국택배" in page
    assert "받는 사람 전화" in page


@pytest.mark.parametrize(
    ("step", "title", "warning", "told"),
    [
        (
            "confirm",
            "구매자의 구매 확정 전하기",
            "되돌릴 수 없어요. 에스크로가 끝나고",
            "구매자가 구매를 확정했다고 결제사에 전했어요",
        ),
        (
            "deny",
            "구매자의 구매 거절 전하기",
            "이것만으로 환불되지는 않아요",
            "구매자가 구매를 거절했다고 결제사에 전했어요",
        ),
    ],
)
def test_what_the_buyer_said_is_asked_in_a_dialog_that_says_what_cannot_be_undone_and_passed_on_once(
    shop: Shop, bridge: StubBridge, payment: str, step: str, title: str, warning: str, told: str
) -> None:
    page = page_of(shop, payment)
    dialog = re.search(rf'<dialog id="pay-bridge-escrow-{step}"[^>]*>.*?</dialog>', page, re.S)
    assert dialog
    assert f">{title}</h2>" in dialog[0]
    assert warning in dialog[0]
    assert "구매자가 직접 알려 준 대로만" in dialog[0]
    answered(bridge, payment, 200, state=step)
    fields = form(shop, payment, step) | ({"field_refundName": "홍길동"} if step == "deny" else {})
    answers = [submit(shop, fields), submit(shop, fields)]

    assert {outcome(shop, answer) for answer in answers} == {("success", f"에스크로: {told}")}
    sent = bridge.asked("POST", ".*/escrow")
    assert (sent[0].json["step"], sent[0].json["actor"]) == (step, f"wp:{shop.ids['clerk']}")
    assert len({one.headers["Idempotency-Key"] for one in sent}) == 1, "two clicks are one step"


def test_without_a_script_the_address_opens_one_dialog_on_the_page(shop: Shop, payment: str) -> None:
    address = f"/wp-admin/admin.php?page=pay-bridge&payment={payment}"
    page = shop.as_("clerk").get(f"{address}&escrow=deny").text
    (link,) = re.findall(r'data-opens="pay-bridge-escrow-deny" href="([^"]+)"', page)

    assert html.unescape(link).endswith(f"{address}&escrow=deny#pay-bridge-escrow-deny")
    assert re.findall(r'<dialog id="pay-bridge-escrow-(\w+)"[^>]* open>', page) == ["deny"]
    assert " open>" not in page_of(shop, payment)


@pytest.mark.parametrize(
    ("decided", "words"), [("confirmed", "구매자가 구매를 확정했어요."), ("denied", "구매자가 구매를 거절했어요.")]
)
def test_what_the_buyer_has_said_is_told_and_not_asked_again(
    shop: Shop, bridge: StubBridge, payment: str, decided: str, words: str
) -> None:
    old = form(shop, payment, "confirm")
    held = next(one for one in bridge.payments.values() if one["id"] == payment)
    held["escrow"] = {"buyer": decided, "steps": STEPS[:2]}
    page = page_of(shop, payment)

    assert words in page
    assert "맡아 두는 결제예요" not in page
    assert [fields["step"] for fields in forms_on(page)] == ["status", "delivery"]
    assert submit(shop, old).status_code == 409
    assert bridge.asked("POST", ".*/escrow") == []


@pytest.mark.parametrize(
    ("step", "changes", "status"),
    [
        ("delivery", {"field_recvTel": ""}, 400),
        ("delivery", {"field_exCode": "pigeon"}, 400),
        ("status", {"step": "denyconfirm"}, 409),
        ("deny", {"field_refundName": ""}, 400),
        ("confirm", {"_wpnonce": "0123456789"}, 403),
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


def test_who_may_not_serve_passes_nothing_on(shop: Shop, bridge: StubBridge, payment: str) -> None:
    fields = form(shop, payment, "confirm")

    assert submit(shop, fields, who="editor").status_code == 403
    assert bridge.asked("POST", ".*/escrow") == []


def test_a_payment_that_is_in_no_escrow_says_nothing_of_it(shop: Shop) -> None:
    _, payment = shop.paid()

    assert "에스크로" not in page_of(shop, str(payment["id"]))
