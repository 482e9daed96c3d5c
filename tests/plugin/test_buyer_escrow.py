"""The buyer's own word on an escrow, on an order's page: by the signed-in owner alone, once, and told how it stands."""

import html
import re
from typing import Any

import httpx2
import pytest

from tests.plugin.conftest import Shop
from tests.plugin.stub_bridge import StubBridge

NAME = {"name": "buyName", "label_ko": "처리하는 사람", "label": "Decided by", "choices": {}, "is_buyer": True}
HOLDER = {"name": "refundName", "label_ko": "예금주", "label": "Holder", "choices": {}, "needed": True}
KEPT = [{"step": "status", "fields": []}, {"step": "delivery", "fields": []}]
OPEN = [*KEPT, {"step": "confirm", "fields": [NAME]}, {"step": "deny", "fields": [NAME, HOLDER]}]


class Case:
    """An order of the owner's, paid into an escrow."""

    def __init__(self, shop: Shop, bridge: StubBridge, **more: Any):
        self.shop, self.bridge = shop, bridge
        self.order = shop.order(**more)
        self.ref = str(self.order["ref"])
        self.id = str(bridge.add(self.ref, in_escrow=True, escrow={"buyer": "kept", "steps": OPEN})["id"])
        assert shop.news(bridge.payments[self.id], 1).status_code == 200

    def stands(self, buyer: str) -> None:
        steps = OPEN if buyer == "kept" else KEPT
        self.bridge.add(self.ref, id=self.id, in_escrow=True, escrow={"buyer": buyer, "steps": steps})

    def answers(self, status: int, **body: str) -> None:
        self.bridge.scripted[f"POST /v1/payments/{self.id}/escrow"] = (status, body or None)

    def page(self, who: str = "owner", address: str = "") -> str:
        return self.shop.as_(who).get(address or f"/?escrow_of={self.ref}").text

    def part(self, who: str = "owner", address: str = "") -> str:
        found = re.search(
            r'<section class="pay-bridge-keys pay-bridge-escrow".*?</section>', self.page(who, address), re.S
        )
        return html.unescape(found[0]) if found else ""

    def form(self, step: str) -> dict[str, str]:
        found = re.findall(r"<form.*?</form>", self.part(), re.S)
        all_fields = [dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', one)) for one in found]
        return next(fields for fields in all_fields if fields["step"] == step)

    def send(self, fields: dict[str, str], who: str = "owner") -> httpx2.Response:
        return self.shop.as_(who).post("/wp-admin/admin-post.php", data=fields)

    def told(self, answer: httpx2.Response) -> tuple[str, str]:
        """Kind and words of what the page says came of it."""
        assert answer.status_code == 302, answer.text[-600:]
        found = re.search(
            r'data-kind="(\w+)" role="status"><p class="pay-bridge-status">(.*?)</p>',
            self.part(address=answer.headers["location"]),
            re.S,
        )
        assert found
        return found[1], found[2]

    def sent(self) -> list[Any]:
        return [one.json for one in self.bridge.asked("POST", ".*/escrow")]


@pytest.fixture
def case(shop: Shop, bridge: StubBridge) -> Case:
    return Case(shop, bridge)


def test_the_owner_reads_how_it_stands_and_what_each_button_comes_to(case: Case) -> None:
    part = case.part()

    assert "결제사가 돈을 맡아 두고 있어요" in part
    assert re.findall(r'<details data-step="(\w+)"><summary>([^<]+)', part) == [
        ("confirm", "구매 확정하기…"),
        ("deny", "구매 거절하기…"),
    ]
    assert "확정한 뒤에는 되돌릴 수 없어요. 결제사가 판매자에게 돈을 정산하고" in part
    assert "돈이 바로 돌아오지는 않고" in part
    assert re.findall(r'name="field_(\w+)"', part) == ["refundName"], "who decides is known"


@pytest.mark.parametrize(("step", "decided", "words"), [
    ("confirm", "confirmed", "구매를 확정했고, 결제한 돈은 판매자에게 정산돼요."),
    ("deny", "denied", "구매를 거절했어요. 판매자가 결제사에서 거절을 확인하면"),
])  # fmt: skip
def test_a_word_is_passed_on_in_the_buyers_name_and_two_presses_are_one(
    case: Case, step: str, decided: str, words: str
) -> None:
    fields = case.form(step) | {"field_refundName": "김하늘", "field_buyName": "남의 이름", "field_tid": "x"}
    case.answers(200, state=step)
    first = case.send(fields)
    sent = case.sent()
    case.stands(decided)
    again = case.told(case.send(fields))
    part = case.part(address=first.headers["location"])

    typed = {"buyName": "김하늘"} | ({"refundName": "김하늘"} if step == "deny" else {})
    assert sent == [{"step": step, "actor": "buyer", "fields": typed}]
    assert case.sent() == sent, "the second press sent nothing"
    assert again == ("info", "새로 보낸 것은 없어요. 지금 상태는 아래와 같아요.")
    assert (f'data-escrow="{decided}"' in part, words in part, "<form" in part) == (True, True, False)


def test_two_presses_at_once_say_the_same_under_one_key(case: Case) -> None:
    fields = case.form("confirm")
    case.answers(200, state="confirm")
    for _ in range(2):
        case.send(fields)
    asked = case.bridge.asked("POST", ".*/escrow")

    assert len({(one.headers["Idempotency-Key"], one.body) for one in asked}) == 1


def test_a_word_that_arrived_is_told_so(case: Case) -> None:
    fields = case.form("confirm")
    case.stands("confirmed")
    case.bridge.payments[case.id]["escrow"]["steps"] = OPEN  # as it was when the form was sent
    case.answers(200, state="confirm")

    assert case.told(case.send(fields)) == ("success", "결정이 결제사에 전해졌어요.")


def test_a_lost_answer_is_looked_for_and_never_sent_again(case: Case) -> None:
    fields = case.form("confirm")
    case.answers(0)
    case.stands("kept")
    lost = case.told(case.send(fields))
    case.stands("confirming")
    part = case.part()
    look = case.form("status")
    case.answers(200, state="승인")
    still = case.told(case.send(look))

    assert lost == ("info", "결제사가 아직 답하지 않아서 결정이 전해졌는지 알 수 없어요.")
    assert ("1분쯤 뒤에 결과를 확인해 주세요" in part, re.findall(r"<button[^>]*>([^<]+)", part)) == (
        True,
        ["결과 확인하기"],
    )
    assert still[0] == "info"
    assert [one["step"] for one in case.sent()] == ["confirm", "status"]
    case.bridge.payments[case.id]["escrow"] = {"buyer": "kept", "steps": OPEN}
    assert [re.findall(r'data-step="(\w+)"', case.part())] == [["confirm", "deny"]]


def test_a_refusal_is_told_in_the_gateways_words_with_what_to_do(case: Case) -> None:
    fields = case.form("confirm")
    words = "구매확정할 수 없는 <상태>입니다."
    case.answers(
        503, code="gateway_unavailable", gateway_message=words, message_ko="결제사 관리자 화면에서 확인해 주세요."
    )
    kind, told = case.told(case.send(fields))

    assert (kind, words in told, "받은 뒤에 다시 시도해 주세요" in told) == ("error", True, True)
    assert "관리자 화면" not in told, "that is nothing for a buyer"


@pytest.mark.parametrize(
    ("step", "unheard", "stands"), [("confirm", "confirming", "denied"), ("deny", "denying", "confirmed")]
)
def test_a_word_that_was_not_taken_as_the_purchase_stands_otherwise_is_not_said_to_have_arrived(
    case: Case, step: str, unheard: str, stands: str
) -> None:
    fields = case.form(step) | ({"field_refundName": "김하늘"} if step == "deny" else {})
    case.stands(stands)
    case.bridge.payments[case.id]["escrow"]["steps"] = OPEN  # as it was when the form was sent
    case.answers(503, code="gateway_unavailable", gateway_message="이미 결정된 거래입니다.")
    refused = case.told(case.send(fields))
    case.stands(unheard)
    look = case.form("status")

    def settled() -> tuple[int, Any]:
        case.stands(stands)
        return 200, {"state": stands}

    case.bridge.scripted[f"POST /v1/payments/{case.id}/escrow"] = settled
    looked = case.told(case.send(look))

    words = "이미 다르게 정해져 있어서 이번 결정은 받아들여지지 않았어요. 지금 상태는 아래와 같아요."
    assert (refused, looked) == (("info", words), ("info", words))


def test_the_bridges_own_no_says_that_nothing_was_sent_and_why(case: Case) -> None:
    fields = case.form("confirm")
    why = "앞선 환불의 결과를 아직 확인하고 있어요."
    case.answers(409, code="pending_outcome", message_ko=why)
    kind, told = case.told(case.send(fields))

    assert (kind, "아무것도 보내지 않았어요" in told, why in told) == ("error", True, True)


@pytest.mark.parametrize(
    "answer", [(502, "the page of a proxy"), (503, {"code": "outcome_unread"}), (500, {"code": "internal"})]
)
def test_an_answer_that_is_not_the_bridges_own_no_does_not_say_that_nothing_was_sent(
    case: Case, answer: tuple[int, Any]
) -> None:
    fields = case.form("confirm")
    case.bridge.scripted[f"POST /v1/payments/{case.id}/escrow"] = answer
    kind, told = case.told(case.send(fields))

    assert (kind, "아무것도 보내지 않았어요" in told) == ("info", False)


@pytest.mark.parametrize("who", ["stranger", "clerk", "visitor"])
def test_nobody_but_the_owner_sees_it_or_decides(case: Case, who: str) -> None:
    fields = case.form("confirm")
    nonce = (
        case.shop.as_(who)
        .get(
            "/wp-admin/admin-ajax.php",
            params={
                "action": "test_shop_nonce",
                "for": "|".join(("pay_bridge_buyer_escrow", case.ref, case.id, "confirm", fields["back"])),
            },
        )
        .text
    )
    answer = case.send(fields | {"_wpnonce": nonce}, who)

    assert case.part(who) == ""
    assert answer.status_code == (302 if who == "visitor" else 403)
    assert case.sent() == []


def test_an_order_of_a_guest_is_decided_by_nobody_who_merely_knows_its_reference(
    shop: Shop, bridge: StubBridge
) -> None:
    case = Case(shop, bridge, owner=0)

    assert [case.part(who) for who in ("owner", "visitor")] == ["", ""]


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"_wpnonce": "0123456789"}, 403),
        ({"step": "delivery"}, 403),
        ({"step": "deny"}, 403),
        ({"subject": "p_of_somebody_else"}, 403),
        ({"key": "short"}, 403),
        ({"back": "https://elsewhere.example/"}, 403),
    ],
)
def test_a_form_that_was_tampered_with_sends_nothing(case: Case, changes: dict[str, str], status: int) -> None:
    assert case.send(case.form("confirm") | changes).status_code == status
    assert case.sent() == []


def test_what_is_needed_and_was_left_out_is_asked_for(case: Case) -> None:
    answer = case.send(case.form("deny") | {"field_refundName": ""})

    assert (answer.status_code, "예금주" in answer.text, case.sent()) == (400, True, [])


def test_a_payment_without_escrow_shows_nothing_and_asks_nobody(shop: Shop, bridge: StubBridge) -> None:
    order, _ = shop.paid()
    bridge.seen.clear()
    page = shop.as_("owner").get(f"/?escrow_of={order['ref']}").text

    assert ("pay-bridge-escrow" in page, bridge.seen) == (False, [])


def test_why_the_buyers_word_must_wait_is_told(case: Case) -> None:
    why = "앞선 환불의 결과를 아직 확인하고 있어요."
    case.bridge.add(case.ref, id=case.id, in_escrow=True, escrow={"buyer": "kept", "steps": KEPT, "why": why})
    part = case.part()

    assert (f"<strong>{why}</strong>" in part, "<form" in part) == (True, False)


def test_a_field_that_may_stay_empty_says_so(case: Case) -> None:
    reason = {"name": "denyMsg", "label_ko": "이유", "label": "Why", "choices": {}, "needed": False}
    case.bridge.payments[case.id]["escrow"]["steps"] = [*KEPT, {"step": "deny", "fields": [NAME, HOLDER, reason]}]

    assert re.findall(r"<label>([^<]+)<br>", case.part()) == ["예금주", "이유 (선택)"]


def test_a_silent_bridge_is_told_so_and_no_button_is_shown(case: Case) -> None:
    fields = case.form("confirm")
    case.bridge.scripted[f"GET /v1/payments/{case.id}"] = (0, None)
    part = case.part()
    answer = case.send(fields)

    assert ("몇 분 뒤에 이 페이지를 다시 열어 주세요" in part, "<form" in part) == (True, False)
    assert case.told(answer) == (
        "error",
        "결제 서비스가 답하지 않아 아무것도 보내지 않았어요. 몇 분 뒤에 다시 시도해 주세요.",
    )
    assert case.sent() == []
