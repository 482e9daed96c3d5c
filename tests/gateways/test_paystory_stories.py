"""Pay-Story's other ways over the real flows: money given back in its console while a refund of ours is under way."""

from dataclasses import replace
from urllib.parse import urlencode

import pytest

from bridge.clock import stamp
from bridge.domain.failures import NotNow
from bridge.domain.gateway import Allowed
from bridge.domain.payment import Mode
from bridge.flows.check_invariants import check_everything
from bridge.flows.decide_case import Wish, confirm, propose, reject, report
from bridge.gateways import build
from bridge.gateways.paystory import sandbox_query
from bridge.gateways.paystory.sandbox_notices import signed
from bridge.sandbox.local import ask
from tests.flows.test_cases import SEEN, case_of, decide, hire
from tests.gateways.paired import paired
from tests.gateways.street import Street
from tests.sandbox.test_paystory import KEY, MID


@pytest.fixture
async def street(tmp_path):
    """A shop whose Pay-Story tells it nothing by notice."""
    async with paired(Street(tmp_path), "paystory") as made:
        yield made


async def test_a_refund_refused_as_more_than_is_left_is_asked_about_and_ends_no_process(street):
    opened = await street.checkout()
    await street.come_back(opened)
    await street.quiet()
    payment = await street.payment(opened.payment)
    street.sandbox.desks["paystory"].refund({"merchant_ref": payment.merchant_ref, "amount": 20_000})
    await street.refund(opened.payment, 40_000)
    await street.live(30.0, 5.0)
    (refund,) = [one for one in await street.operations(opened.payment) if one.kind == "refund"]
    checked = await check_everything(street.context, rest_seconds=0)

    assert (refund.step, (await street.payment(opened.payment)).refunded) == ("unknown", 20_000)
    assert (checked.found, street.gave_up) == ((), [])
    await street.live(600.0, 10.0)
    (refund,) = [one for one in await street.operations(opened.payment) if one.kind == "refund"]
    assert (refund.step, refund.evidence) == ("fail", "E5")
    assert await street.cases(opened.payment) == ["external_refund"]
    assert street.book(payment).net == 35_000


@pytest.mark.parametrize("fault", [None, "drop_after"])
async def test_a_payment_whose_row_says_cancelled_beside_a_part_is_not_taken_for_given_back_whole(
    street, monkeypatch, fault
):
    """The guide's one word for a row, 결제 취소 여부, may be said as soon as a part was cancelled."""
    rows_of = sandbox_query._rows

    def flagged(trade, until):
        first, *parts = rows_of(trade, until)
        return [first | ({"cancelYN": "Y"} if parts else {}), *parts]

    monkeypatch.setattr(sandbox_query, "_rows", flagged)
    opened = await street.checkout()
    await street.come_back(opened)
    await street.quiet()
    if fault:
        street.fault("cancel", fault)
    await street.refund(opened.payment, 5_000)
    await street.live(900.0, 10.0)
    payment = await street.payment(opened.payment)

    assert street.book(payment).refunded == 5_000
    assert (payment.state, payment.refunded) == ("part_refunded", 5_000), "by the answer, or by the refund's notice"
    assert await street.cases(opened.payment) == []


async def test_an_approval_whose_answer_is_lost_is_known_well_within_a_minute_though_the_inquiry_lags_half_of_it(
    street,
):
    street.set(query_lag_seconds=30.0)
    street.fault("approve", "drop_after")
    opened = await street.checkout()
    await street.come_back(opened)
    await street.live(44.0, 1.0)
    assert await street.state(opened.payment) == "unknown"
    await street.live(6.0, 1.0)

    assert await street.state(opened.payment) == "paid"
    await street.check_books()


async def paid_and_told(street, lag_seconds):
    """A ticket was paid an hour ago; the shop is told of a cancel that its clerk makes in Pay-Story's own office."""
    street.register_notices()
    opened = await street.checkout()
    await street.come_back(opened)
    await street.quiet()
    await street.live(3_600.0, 600.0)
    street.set(query_lag_seconds=lag_seconds)
    payment = await street.payment(opened.payment)
    street.sandbox.desks["paystory"].refund({"merchant_ref": payment.merchant_ref, "amount": 20_000})
    await street.quiet()
    return payment.id


async def test_a_cancel_that_is_told_before_the_inquiry_shows_it_is_not_forgotten(street):
    payment = await paid_and_told(street, 30.0)
    await street.live(20.0, 5.0)
    assert (await street.payment(payment)).refunded == 0
    await street.live(120.0, 5.0)

    assert (await street.payment(payment)).refunded == 20_000
    assert await street.entries(payment) == [("capture", 55_000, "E1"), ("external_refund", -20_000, "E4")]
    await street.check_books()


async def test_a_cancel_that_is_told_and_never_shown_is_a_persons(street):
    payment = await paid_and_told(street, 3_000.0)
    await street.live(100.0, 5.0)
    assert await street.cases(payment) == []
    await street.live(200.0, 10.0)

    assert await street.cases(payment) == ["external_cancel"]
    assert (await street.payment(payment)).refunded == 0


async def test_a_refund_in_escrow_says_on_what_it_hangs_and_is_made_when_the_buyer_has_spoken(street):
    street.site = await street.pair("http://escrow-shop.test", escrow="1")
    opened = await street.checkout()
    await street.come_back(opened)
    await street.quiet()
    told = (await street.call("GET", f"/v1/payments/{opened.payment}")).json()["allowed"]
    assert (told["refund"], told["refundable"]) == ("full_or_part", 55_000)
    assert "구매를 확정하거나 거절하기 전" in told["for_clerk"]
    early = await street.refund(opened.payment)
    payment = await street.payment(opened.payment)
    assert (early.json()["state"], early.json()["code"], street.book(payment).net) == ("refused", "2027", 55_000)
    street.set(escrow_confirmed=True)
    await street.refund(opened.payment)

    assert (await street.state(opened.payment), street.book(payment).net) == ("refunded", 0)
    await street.check_books()


async def test_the_setting_of_today_puts_no_older_payment_in_escrow(street):
    opened = await street.checkout()
    await street.come_back(opened)
    await street.quiet()
    payment = await street.payment(opened.payment)
    rule = build("paystory", {"escrow": "1"}, Mode.TEST).refund_rule(payment, stamp(street.context.clock))

    assert "for_clerk" not in (await street.call("GET", f"/v1/payments/{opened.payment}")).json()["allowed"]
    assert rule == Allowed(55_000, partial=True)


async def test_a_refund_whose_answer_is_lost_is_told_at_our_own_address_where_the_office_has_none(street):
    opened = await street.checkout()
    await street.come_back(opened)
    await street.quiet()
    street.fault("refund", "drop_after")
    street.fault("inquire", "5xx_before", times=None)
    await street.refund(opened.payment, 5_000)
    await street.live(120.0, 5.0)
    (refund,) = [one for one in await street.operations(opened.payment) if one.kind == "refund"]

    assert (refund.step, refund.evidence) == ("ok", "E7"), "by the cancel's notice alone"
    sent = [one["fields"] for one in street.sandbox.requests if one["op"] == "cancel"]
    assert [one["notiUrl"].startswith("http") for one in sent] == [True]
    assert (await street.payment(opened.payment)).refunded == 5_000
    for table in ("calls", "audit", "news"):
        assert sent[0]["notiUrl"] not in str(await street.all(f"SELECT * FROM {table}")), table
    await street.check_books()


@pytest.mark.parametrize(("wish", "kind"), [("1", "cash"), ("0", "general")])
@pytest.mark.parametrize("method", ["account", "virtual_account", "gift"])
async def test_the_slip_of_money_paid_in_cash_is_its_cash_receipt_where_one_was_issued(street, method, wish, kind):
    street.register_notices()
    opened = await street.checkout(method=method)
    await street.go(await street.authenticate(opened, cash_receipt=wish))
    await street.quiet()
    payment = await street.payment(opened.payment)
    if method == "virtual_account":
        street.sandbox.desks["paystory"].deposit({"merchant_ref": payment.merchant_ref})
        await street.live(30.0, 5.0)
    told = (await street.call("GET", f"/v1/payments/{payment.id}")).json()
    slip = await ask(street.sandbox_app, "GET", told["receipt_url"])

    assert f"receiptType={kind}" in told["receipt_url"]
    assert (slip.status, ("현금영수증" if kind == "cash" else "거래명세서") in slip.body.decode()) == (200, True)


async def link_of(street, payment):
    return (await street.call("GET", f"/v1/payments/{payment}")).json()["receipt_url"]


@pytest.mark.parametrize(
    ("change", "kind"),
    [({}, "cash"), ({"goodsAmt": "54000"}, "general"), ({"cashCrctFlg": "0"}, "general"),
     ({"currencyType": "USD"}, "general"), ({"cancelYN": "Y", "resultCd": "4200"}, "general")],
)  # fmt: skip
async def test_a_notice_brings_the_cash_receipt_of_all_that_was_paid_alone(street, change, kind):
    street.fault("notice", "notice_lost")
    opened = await street.checkout(method="account")
    await street.go(await street.authenticate(opened, cash_receipt="1"))
    await street.quiet()
    payment, news = await street.payment(opened.payment), await street.all("SELECT * FROM news")
    assert (payment.state, "cashCrctFlg" in payment.refs) == ("paid", False), "no answer has it"
    assert "receiptType=general" in await link_of(street, payment.id)
    told = {"resultCd": "4000", "payMethod": "BANK", "tid": payment.refs["tid"], "oTid": "", "mid": MID,
            "ordNo": payment.merchant_ref, "goodsAmt": "55000", "currencyType": "KRW", "cancelYN": "N",
            "ediDate": "20260330163604", "cashCrctFlg": "1"} | change  # fmt: skip
    for _ in range(2):
        assert (await street.post_news(urlencode(signed(told, KEY)).encode())).status_code == 200

    after = await street.payment(opened.payment)
    assert f"receiptType={kind}" in await link_of(street, payment.id)
    assert after.version == payment.version + (kind == "cash"), "once, however often it is told"
    assert replace(after, refs=payment.refs, version=payment.version) == payment, "and nothing else is changed by it"
    assert len(await street.all("SELECT * FROM news")) == len(news)
    await street.check_books()


async def test_the_cards_points_in_a_payment_are_shown_though_its_answer_does_not_tell_them(street):
    street.fault("notice", "notice_lost")
    opened = await street.checkout()
    await street.go(await street.authenticate(opened))
    await street.quiet()
    payment = await street.payment(opened.payment)
    told = {"resultCd": "3001", "payMethod": "CARD", "tid": payment.refs["tid"], "oTid": "", "mid": MID,
            "ordNo": payment.merchant_ref, "goodsAmt": "55000", "currencyType": "KRW", "cancelYN": "N",
            "ediDate": "20260330163604", "usePointAmt": "1500"}  # fmt: skip
    before = (await street.call("GET", f"/v1/payments/{payment.id}")).json()
    assert (await street.post_news(urlencode(signed(told, KEY)).encode())).status_code == 200
    after = (await street.call("GET", f"/v1/payments/{payment.id}")).json()

    assert "usePointAmt" not in before["gateway_details"]
    assert after["gateway_details"] == before["gateway_details"] | {"usePointAmt": "1500"}
    assert (after["captured"], after["allowed"]) == (55_000, before["allowed"]), "they are money like the rest of it"
    await street.check_books()


async def test_a_second_cancel_that_is_never_shown_is_a_persons_though_the_first_one_was(street):
    payment = await paid_and_told(street, 0.0)
    await street.live(200.0, 10.0)
    assert (await street.payment(payment)).refunded == 20_000
    cases = await street.cases(payment)
    street.set(query_lag_seconds=3_000.0)
    ref = (await street.payment(payment)).merchant_ref
    street.sandbox.desks["paystory"].refund({"merchant_ref": ref, "amount": 5_000})
    await street.quiet()
    await street.live(300.0, 10.0)

    assert (await street.payment(payment)).refunded == 20_000
    assert sorted([*cases, "external_cancel"]) == sorted(await street.cases(payment))


async def test_a_cancel_that_is_told_where_the_inquiry_answers_nothing_is_a_persons_in_the_end(street):
    street.fault("query", "5xx_before", times=None)
    payment = await paid_and_told(street, 0.0)
    await street.live(7_200.0, 60.0)

    assert await street.cases(payment) == ["external_cancel"]
    street.sandbox.faults.clear()
    await street.live(3_600.0, 60.0)
    assert (await street.payment(payment)).refunded == 20_000


async def test_a_cancel_told_before_its_payments_outcome_is_looked_for_once_that_is_known_by_other_means(street):
    street.register_notices()
    street.fault("approve", "drop_after")
    street.fault("notice", "notice_lost")
    street.fault("query", "5xx_before", times=None)
    opened = await street.checkout()
    await street.come_back(opened)
    await street.quiet()
    payment = await street.payment(opened.payment)
    assert payment.state == "unknown"
    street.sandbox.desks["paystory"].refund({"merchant_ref": payment.merchant_ref, "amount": 20_000})
    await street.quiet()
    assert sorted(one.kind for one in await street.operations(payment.id)) == ["approve", "check"]


async def test_late_news_of_money_that_the_inquiry_showed_taken_and_given_back_is_known(street):
    street.fault("approve", "drop_after")
    street.fault("notice", "notice_lost", times=None)
    street.fault("query", "5xx_before", times=2)
    opened = await street.checkout()
    await street.come_back(opened)
    await street.quiet()
    payment = await street.payment(opened.payment)
    street.sandbox.desks["paystory"].refund({"merchant_ref": payment.merchant_ref})
    await street.live(300.0, 5.0)
    assert (await street.state(payment.id), await street.entries(payment.id)) == ("voided", [])
    told = {"resultCd": "3001", "mid": MID, "payMethod": "CARD", "tid": street.book(payment).ref_no,
            "ordNo": payment.merchant_ref, "goodsAmt": "55000", "currencyType": "KRW", "cancelYN": "N",
            "ediDate": "20260330163604"}  # fmt: skip
    assert (await street.post_news(urlencode(signed(told, KEY)).encode())).status_code == 200
    await street.live(60.0, 5.0)

    after = await street.payment(payment.id)
    assert (after.state, after.orphaned, await street.cases(payment.id)) == ("voided", 0, [])
    assert (await street.all("SELECT outcome FROM notices"))[0]["outcome"] == "the books are compared"
    await street.check_books()


async def test_news_of_a_registered_card_is_kept_and_acknowledged_and_moves_nothing(street):
    told = {"resultCd": "3001", "mid": MID, "payMethod": "CARD", "tid": "T1", "ordNo": "KEY1", "goodsAmt": "0",
            "currencyType": "KRW", "cancelYN": "N", "ediDate": "20260330163604"}  # fmt: skip
    answer = await street.post_news(urlencode(signed(told, KEY)).encode())
    forged = await street.post_news(urlencode(signed(told, KEY) | {"goodsAmt": "00"}).encode())
    unknown = await street.post_news(urlencode(signed(told | {"goodsAmt": "55000"}, KEY)).encode())

    assert (answer.status_code, answer.json()) == (200, {"resultCd": "0000"})
    assert (forged.status_code, unknown.status_code) == (400, 404)
    assert len(await street.all("SELECT id FROM notices")) == 2
    assert await street.all("SELECT id FROM payments") == []
    await street.check_books()


async def test_a_deposit_counts_that_is_shown_while_the_closing_of_its_account_has_no_answer(street):
    street.register_notices()
    opened = await street.checkout(method="virtual_account")
    await street.come_back(opened)
    await street.quiet()
    payment = await street.payment(opened.payment)
    street.fault("cancel", "5xx_before", times=None)
    await street.call("POST", f"/v1/payments/{payment.id}/void", {"actor": "wp:7"})
    street.sandbox.desks["paystory"].deposit({"merchant_ref": payment.merchant_ref})
    await street.live(60.0, 5.0)

    assert (await street.payment(payment.id)).state == "paid"
    assert await street.entries(payment.id) == [("capture", 55_000, "E4")]
    await street.live(700.0, 10.0)
    assert [one.step for one in await street.operations(payment.id) if one.kind == "probe"] == ["fail"]
    await street.check_books()


async def cancelled_unseen(street, *amounts):
    """Pay, and give these sums (KRW) back in the console: notices tell it, and no inquiry has an answer for an hour."""
    street.register_notices()
    opened = await street.checkout()
    await street.come_back(opened)
    await street.quiet()
    payment = await street.payment(opened.payment)
    street.fault("inquire", "5xx_before", times=None)
    for amount in amounts:
        street.sandbox.desks["paystory"].refund({"merchant_ref": payment.merchant_ref, "amount": amount})
    await street.live(3_600.0, 20.0)
    assert await street.cases(payment.id) == ["external_cancel"]
    return payment


async def test_what_an_inquiry_showed_given_back_after_people_proposed_just_that_is_in_the_books_once(street):
    """The inquiry had no answer for so long that people looked into the console; then it came, and they confirmed."""
    payment = await cancelled_unseen(street, 5_000)
    await report(street.context, payment.id, "the console shows a cancel of 5,000 KRW", "operator:maker")
    case = await case_of(street, payment.id, "reported")
    await hire(street, "maker", "checker")
    made = await propose(street.context, Wish(case["id"], "given_back", SEEN, "operator:maker", 5_000))
    street.sandbox.faults.clear()
    await street.live(3_600.0, 20.0)
    assert await street.cases(payment.id) == ["reported", "external_refund"], "what notices told is shown by now"
    with pytest.raises(NotNow, match="may be the same"):
        await confirm(street.context, case["id"], made.id, operator="checker")

    assert (await street.payment(payment.id)).refunded == street.book(payment).refunded == 5_000
    await reject(street.context, case["id"], made.id, who="operator:checker", remark="the inquiry showed it")
    await decide(street, case, "not_given_back")
    assert (await street.cases(payment.id), street.book(payment).refunded) == (["external_refund"], 5_000)
    await street.check_books()


async def test_what_an_inquiry_about_a_lost_refund_shows_given_back_beside_it_is_asked_about_no_more(street):
    """People who call it given back would have it in the books twice."""
    payment = await cancelled_unseen(street, 5_000)
    street.fault("refund", "drop_after")
    await street.refund(payment.id, 10_000)
    street.sandbox.faults.clear()
    await street.live(300.0, 5.0)

    assert (await street.payment(payment.id)).refunded == street.book(payment).refunded == 15_000
    assert await street.cases(payment.id) == ["external_refund"]
    await street.check_books()


async def test_an_inquiry_that_shows_two_cancels_together_says_so_in_their_case(street):
    payment = await cancelled_unseen(street, 5_000, 3_000)
    street.sandbox.faults.clear()
    await street.live(3_600.0, 20.0)

    assert (await street.payment(payment.id)).refunded == street.book(payment).refunded == 8_000
    assert "8000 KRW given back by now, and the books have them" in (await case_of(street, payment.id))["detail"]
