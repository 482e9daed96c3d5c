"""The clerk's refund form: full, in part, refused, unknown, without a script, clicked twice, from an old page."""

import html
import re

import httpx2
import pytest

from tests.plugin.conftest import Shop
from tests.plugin.stub_bridge import StubBridge

PAGE = "/wp-admin/admin.php?page=pay-bridge&payment={}&refund=new"


def form(shop: Shop, payment_: dict[str, object], **changes: str | None) -> dict[str, str]:
    """The fields of the form as it stands on the page, and what the clerk typed."""
    page = shop.as_("clerk").get(PAGE.format(payment_["id"])).text
    inside = page[page.index("<dialog") : page.index("</dialog>")]
    fields = {
        name: html.unescape(value)
        for name, value in re.findall(r'<input type="hidden"[^>]*name="([^"]+)" value="([^"]*)"', inside)
    }
    fields |= {"kind": "full", "reason": "공연 취소"}
    return {name: value for name, value in {**fields, **changes}.items() if value is not None}


def submit(shop: Shop, fields: dict[str, str], who: str = "clerk") -> httpx2.Response:
    return shop.as_(who).post("/wp-admin/admin-post.php", data=fields)


def result(shop: Shop, answer: httpx2.Response) -> tuple[str, str]:
    """State and words of the result on the page the clerk is sent to."""
    assert answer.status_code == 302, answer.text[-600:]
    page = shop.as_("clerk").get(answer.headers["location"]).text
    match = re.search(
        r'id="pay-bridge-refund-result"[^>]*role="status" data-state="([a-z_]+)"[^>]*>(.*?)</p>', page, re.S
    )
    assert match, page[:400]
    return match[1], html.unescape(re.sub("<[^>]+>", "", match[2]))


def test_all_that_is_left_is_refunded_and_said_so(shop: Shop, bridge: StubBridge) -> None:
    order, payment = shop.paid()
    state, words = result(shop, submit(shop, form(shop, payment)))
    assert state == "done"
    assert "30,000" in words
    asked = bridge.asked("POST", ".*/refunds")
    assert asked[0].json == {"reason": "공연 취소", "actor": f"wp:{shop.ids['clerk']}"}
    assert shop.told(order)[-1] == ["refunded", payment["id"], 30000]


def test_a_part_is_refunded_in_whole_won(shop: Shop, bridge: StubBridge) -> None:
    _, payment = shop.paid()
    assert result(shop, submit(shop, form(shop, payment, kind="part", amount="12000")))[0] == "done"
    assert bridge.asked("POST", ".*/refunds")[0].json["amount"] == 12000
    page = shop.as_("clerk").get(PAGE.format(payment["id"])).text
    assert 'data-max="18000"' in page


@pytest.mark.parametrize("amount", ["0", "-1", "30001", "1e3", "１０００", "12000.5", "", "12,000"])
def test_an_impossible_part_is_refused_and_nothing_is_asked(shop: Shop, bridge: StubBridge, amount: str) -> None:
    _, payment = shop.paid()
    assert submit(shop, form(shop, payment, kind="part", amount=amount)).status_code == 400
    assert bridge.asked("POST", ".*/refunds") == []


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"_wpnonce": None}, 403),
        ({"_wpnonce": "0123456789"}, 403),
        ({"key": None}, 400),
        ({"key": "short"}, 400),
        ({"reason": ""}, 400),
        ({"payment": "../health"}, 403),
        ({"left": "1"}, 409),
        ({"left": None}, 409),
    ],
)
def test_a_form_that_was_tampered_with_is_refused(
    shop: Shop, bridge: StubBridge, changes: dict[str, str | None], status: int
) -> None:
    _, payment = shop.paid()
    assert submit(shop, form(shop, payment, **changes)).status_code == status
    assert bridge.asked("POST", ".*/refunds") == []


def test_the_nonce_of_one_payment_refunds_no_other(shop: Shop, bridge: StubBridge) -> None:
    (_, first), (_, second) = shop.paid(), shop.paid()
    assert submit(shop, form(shop, first, payment=str(second["id"]))).status_code == 403
    assert bridge.asked("POST", ".*/refunds") == []


def test_two_clicks_are_one_refund(shop: Shop, bridge: StubBridge) -> None:
    _, payment = shop.paid()
    fields = form(shop, payment, kind="part", amount="10000")
    answers = [submit(shop, fields), submit(shop, fields)]
    assert {result(shop, answer)[0] for answer in answers} == {"done"}
    assert bridge.payments[str(payment["id"])]["refunded"] == 10000
    assert len({one.headers["Idempotency-Key"] for one in bridge.asked("POST", ".*/refunds")}) == 1


def test_the_gateways_refusal_is_shown_word_for_word_and_harmless(shop: Shop, bridge: StubBridge) -> None:
    _, payment = shop.paid()
    words = "취소 불가 <script>alert(1)</script> \"따옴표\" & 'x'"
    bridge.refund_states.append({"state": "refused", "code": "3003", "message": words})
    answer = submit(shop, form(shop, payment))
    page = shop.as_("clerk").get(answer.headers["location"]).text
    assert "<script>alert(1)</script>" not in page
    region = page[page.index('id="pay-bridge-refund-result"') :]
    told = html.unescape(region[: region.index("</div>")])
    assert words in told
    assert "돈은 돌려주지 않았어요." in told


def test_an_unknown_outcome_refreshes_itself_until_it_is_known(shop: Shop, bridge: StubBridge) -> None:
    _, payment = shop.paid()
    bridge.refund_states.append({"state": "unknown"})
    answer = submit(shop, form(shop, payment))
    state, words = result(shop, answer)
    page = shop.as_("clerk").get(answer.headers["location"]).text
    assert state == "unknown"
    assert "data-refresh" in page
    assert "다시 환불하지 마세요" in words
    refund = next(one for one in bridge.refunds.values() if one["payment"] == payment["id"])
    refund["state"] = "done"
    page = shop.as_("clerk").get(answer.headers["location"]).text
    assert 'data-state="done"' in page
    assert "data-refresh" not in page


def test_what_is_only_a_request_is_called_one_before_and_says_afterwards_what_must_be_wired(
    shop: Shop, bridge: StubBridge
) -> None:
    order, plain = shop.paid()
    assert "취소 요청만 받아요" not in shop.as_("clerk").get(PAGE.format(plain["id"])).text
    payment = bridge.add(
        order["ref"], "paid", allowed={"refund": "full_or_part", "refundable": 30000, "by_request": True}
    )
    page = shop.as_("clerk").get(PAGE.format(payment["id"])).text
    assert "취소 요청만 받아요" in page[page.index("<dialog") : page.index("</dialog>")]
    owed = {"amount": 30000, "account": "국민은행 <b>1</b>"}
    bridge.refund_states.append({"state": "accepted", "pay_back": owed})
    answer = submit(shop, form(shop, payment))
    state, words = result(shop, answer)
    assert (state, "아직 돌려준 돈은 없고" in words) == ("accepted", True)
    bridge.payments[payment["id"]] |= {
        "refunds": [{"state": "accepted", "amount": 30000, "pay_back": owed}],
        "timeline": [{"event": "refund.accepted", "amount": 30000, "actor": "gateway", "pay_back": owed}],
    }
    page = shop.as_("clerk").get(answer.headers["location"]).text
    assert page.count("결제사에 30,000원을 직접 보내야 구매자에게 환불돼요. 보낼 계좌: 국민은행 &lt;b&gt;1") == 3


def test_a_lost_answer_is_asked_again_with_the_same_key(shop: Shop, bridge: StubBridge) -> None:
    _, payment = shop.paid()
    bridge.refund_states.append({"state": "done", "lost": True})
    answer = submit(shop, form(shop, payment))
    assert result(shop, answer)[0] == "no_answer"
    page = shop.as_("clerk").get(answer.headers["location"]).text
    region = page[page.index('id="pay-bridge-refund-result"') : page.index("</form>")]
    again = {
        name: html.unescape(value)
        for name, value in re.findall(r'<input type="hidden"[^>]*name="([^"]+)" value="([^"]*)"', region)
    }
    assert result(shop, submit(shop, again))[0] == "done"
    asked = bridge.asked("POST", ".*/refunds")
    assert len(asked) == 2
    assert len({one.headers["Idempotency-Key"] for one in asked}) == 1
    assert bridge.payments[str(payment["id"])]["refunded"] == 30000


def test_what_is_left_is_read_from_the_bridge_not_from_the_page(shop: Shop, bridge: StubBridge) -> None:
    order, payment = shop.paid()
    fields = form(shop, payment, kind="part", amount="20000")
    bridge.add(order["ref"], "part_refunded", id=payment["id"], refunded=25000)
    assert submit(shop, fields).status_code == 409
    assert bridge.asked("POST", ".*/refunds") == []


def test_a_part_from_an_old_page_is_refused(shop: Shop, bridge: StubBridge) -> None:
    """Two clerks have the form open for the same seat: what the first gave back the second does not give again."""
    _, payment = shop.paid()
    first, second = [form(shop, payment, kind="part", amount="10000") for _ in range(2)]
    assert result(shop, submit(shop, first))[0] == "done"
    answer = submit(shop, second)
    assert (answer.status_code, "바뀌었어요" in answer.text) == (409, True)
    assert bridge.payments[str(payment["id"])]["refunded"] == 10000


@pytest.mark.parametrize("answer", ["<html>", {"ok": True}, {}])
def test_an_answer_that_cannot_be_read_is_no_refusal(shop: Shop, bridge: StubBridge, answer: object) -> None:
    """A proxy's page or half an answer in place of the bridge's: the refund may have been made."""
    _, payment = shop.paid()
    bridge.scripted[f"POST /v1/payments/{payment['id']}/refunds"] = (200, answer)
    assert result(shop, submit(shop, form(shop, payment)))[0] == "no_answer"


def test_the_amount_that_was_given_back_is_shown_not_the_one_that_was_on_the_page(
    shop: Shop, bridge: StubBridge
) -> None:
    """All that was left had become less before the request was sent again."""
    order, payment = shop.paid()
    path = f"POST /v1/payments/{payment['id']}/refunds"
    bridge.scripted[path] = (503, {"code": "busy"})
    fields = form(shop, payment)
    assert result(shop, submit(shop, fields))[0] == "no_answer"
    del bridge.scripted[path]
    bridge.add(order["ref"], "part_refunded", id=payment["id"], refunded=10000)
    state, words = result(shop, submit(shop, fields))
    assert state == "done"
    assert "20,000" in words
    assert "30,000" not in words


def test_an_amount_that_was_typed_without_choosing_a_part_refunds_nothing(shop: Shop, bridge: StubBridge) -> None:
    """Without a script the part is not chosen by typing it: all of it would be given back."""
    _, payment = shop.paid()
    answer = submit(shop, form(shop, payment, kind="full", amount="10000"))
    assert (answer.status_code, "하나만 골라" in answer.text) == (400, True)
    assert bridge.asked("POST", ".*/refunds") == []


def test_the_form_works_without_a_script(shop: Shop) -> None:
    _, payment = shop.paid()
    closed = shop.as_("clerk").get(f"/wp-admin/admin.php?page=pay-bridge&payment={payment['id']}").text
    link = re.search(r'id="pay-bridge-refund-open" href="([^"]+)"', closed)
    assert link
    page = shop.as_("clerk").get(html.unescape(link[1]).split("#")[0]).text
    assert re.search(r'<dialog id="pay-bridge-refund"[^>]* open>', page)
    assert 'method="post"' in page[page.index("<dialog") :]


def test_of_a_refund_by_hand_the_clerk_reads_what_to_do_and_the_buyer_whom_to_ask(
    shop: Shop, bridge: StubBridge
) -> None:
    order, payment = shop.paid(cancel=True)
    told = {
        "message_ko": "환불할 수 없어요.",
        "why": "판매자에게 문의해 주세요.",
        "for_clerk": "결제사에 요청해 주세요.",
    }
    bridge.scripted[f"POST /v1/payments/{payment['id']}/refunds"] = (422, {"code": "refund_refused"} | told)
    clerk = result(shop, submit(shop, form(shop, payment)))
    fields = {"mbr_ref_no": order["ref"]}
    buyer = shop.ajax("owner", "mainpay_payment_cancel", fields, sec_fetch_site="same-origin").json()["data"]

    assert clerk[0] == "problem"
    assert "결제사에 요청해 주세요." in clerk[1]
    assert buyer == {"message": "환불할 수 없어요. 판매자에게 문의해 주세요.", "code": "refund_refused"}


def test_where_nothing_may_be_refunded_there_is_a_reason_and_no_form(shop: Shop, bridge: StubBridge) -> None:
    order = shop.order()
    payment = bridge.add(
        order["ref"], "paid", allowed={"refund": "never", "refundable": 0, "why": "취소 기간이 지났어요."}
    )
    page = shop.as_("clerk").get(PAGE.format(payment["id"])).text
    assert "취소 기간이 지났어요." in page
    assert "<dialog" not in page
