"""Welcome over the real flows: a link, our approval, and what is lost of it taken back."""

import asyncio
import json
from urllib.parse import parse_qsl, urlencode

import pytest

from bridge.flows.manage_sites import change_settings
from bridge.gateways.welcome import sandbox_api
from bridge.gateways.welcome.escrow import DELIVERY
from tests.gateways.house import House, refund_sent_twice
from tests.gateways.paired import paired
from tests.support.world import SHOP_URL, Coming, Opened

LOST_BEFORE = ("drop_before", "5xx_before")
LOST_AFTER = ("drop_after", "5xx_after", "garbage_after", "half_after")


@pytest.fixture
async def house(tmp_path):
    """A bridge, a shop, Welcome."""
    async with paired(House(tmp_path), "welcome") as made:
        yield made


async def test_a_buyer_pays_and_the_shop_hears_it_once(house):
    opened = await house.checkout()
    landed = await house.come_back(opened)
    await house.beat()
    payment = await house.payment(opened.payment)

    assert landed.headers["location"].startswith(f"{SHOP_URL}/result")
    assert (payment.state, payment.captured, house.book(payment).net) == ("paid", 55_000, 55_000)
    assert await house.entries(payment.id) == [("capture", 55_000, "E1")]
    assert house.shop.kinds() == ["payment.paid"]
    assert house.money_calls() == 1
    await house.check_books()


async def test_coming_back_again_and_again_pays_no_more(house):
    opened = await house.checkout()
    coming = await house.authenticate(opened)
    pages = await asyncio.gather(*(house.go(coming) for _ in range(4)))
    pages += [await house.go(coming) for _ in range(2)]
    await house.quiet()

    assert {page.status_code for page in pages} == {303}
    assert house.money_calls() == 1
    assert house.book(await house.payment(opened.payment)).captured == 55_000


async def test_a_declined_buyer_may_pay_again(house):
    house.fault("approve", "decline", code="01", message="한도초과")
    order = house.order()
    opened = await house.checkout(order)
    await house.come_back(opened)
    await house.quiet()
    await house.beat()
    payment = await house.payment(opened.payment)

    assert (payment.state, payment.captured, payment.message) == ("declined", 0, "한도초과")
    assert house.shop.kinds() == ["payment.failed"]
    again = await house.buy(order)
    assert again.state == "paid"
    await house.check_books()


async def test_whoever_fails_to_authenticate_may_try_again_and_has_paid_nothing(house):
    opened = await house.checkout()
    coming = await house.authenticate(opened, action="fail")
    landed = await house.go(coming)

    assert landed.headers["location"].startswith(f"{SHOP_URL}/order")
    assert house.book(await house.payment(opened.payment)).captured == 0
    assert house.money_calls() == 0


@pytest.mark.parametrize("kind", [*LOST_BEFORE, *LOST_AFTER])
async def test_an_approval_whose_answer_is_lost_is_taken_back_and_never_asked_again(house, kind):
    house.fault("approve", kind)
    opened = await house.checkout()
    coming = await house.authenticate(opened)
    await house.go(coming)
    held = house.book(await house.payment(opened.payment)).net
    assert not (held and "payment.failed" in await house.told(opened.payment)), "nobody hears that it failed"
    await house.live(1_800.0, 10.0)
    payment = await house.payment(opened.payment)

    assert payment.state in ("declined", "voided"), payment.state
    assert house.book(payment).net == 0
    approvals = [sent for sent in house.net.sent if "/mobile/approve/" in sent.url]
    assert len(approvals) == 1
    await house.check_books()


async def test_the_undoings_own_answer_may_be_lost_too(house):
    house.fault("approve", "drop_after")
    house.fault("cancel", "drop_after", times=2)
    opened = await house.checkout()
    await house.come_back(opened)
    await house.live(1_800.0, 10.0)
    payment = await house.payment(opened.payment)

    assert payment.state == "voided"
    assert [entry.amount for entry in house.book(payment).refunds] == [55_000]
    await house.check_books()


async def test_an_account_of_which_nothing_can_be_cancelled_goes_on_waiting_for_its_deposit(house):
    opened = await house.checkout(method="virtual_account")
    await house.come_back(opened)
    await house.quiet()
    house.fault("cancel", "decline", times=None, code="01", message="원거래가 없습니다.")
    answer = await house.call("POST", f"/v1/payments/{opened.payment}/void", {"actor": "wp:7"})
    await house.live(30.0, 5.0)
    payment = await house.payment(opened.payment)
    assert (answer.status_code < 300, payment.state) == (True, "awaiting_deposit"), answer.text
    house.sandbox.desks["welcome"].deposit({"merchant_ref": payment.merchant_ref})
    await house.live(300.0, 5.0)

    payment = await house.payment(opened.payment)
    assert (payment.state, await house.cases(payment.id)) == ("paid", [])
    await house.check_books()


async def lost(house):
    """A charge whose answer and notice never came, as it is half an hour later."""
    house.fault("approve", "drop_after")
    house.fault("notice", "notice_lost", times=None)
    opened = await house.checkout()
    await house.come_back(opened)
    await house.live(1_800.0, 15.0)
    return await house.payment(opened.payment)


@pytest.mark.parametrize("then", ["이미 취소된 거래입니다.", "원거래가 없습니다."])
async def test_a_net_cancel_of_a_part_leaves_the_rest_to_people_whatever_is_said_next(house, monkeypatch, then):
    said = sandbox_api.said

    def part(till, deal, by):
        if deal.parts:
            raise sandbox_api.Refusal("01", then)
        till.cancel_part(deal, 20_000, "console")

    def told(*words, **fields):
        return said(*words, **fields | ({"RmainPrice": "35000"} if "Price" in fields else {}))

    monkeypatch.setattr(sandbox_api.Till, "cancel_all", part)
    monkeypatch.setattr(sandbox_api, "said", told)
    payment = await lost(house)

    assert house.book(payment).net == 35_000
    assert (payment.state, await house.cases(payment.id)) == ("needs_human", ["unknown_outcome"])


@pytest.mark.parametrize(
    "first", ["부분취소된 거래입니다.", "취소 가능 금액을 초과했습니다.", "이미 취소 요청된 거래입니다."]
)
async def test_a_no_that_speaks_of_the_payment_is_believed_over_a_later_one_that_there_is_none(house, first):
    house.fault("cancel", "decline", times=1, code="01", message=first)
    house.fault("cancel", "decline", times=None, code="01", message="원거래가 없습니다.")
    payment = await lost(house)

    assert house.book(payment).net == 55_000
    assert (payment.state, await house.cases(payment.id)) == ("needs_human", ["unknown_outcome"])


async def test_that_nothing_can_be_cancelled_does_not_say_that_nothing_was_taken(house):
    house.fault("cancel", "decline", times=None, code="01", message="취소 가능한 거래가 없습니다.")
    payment = await lost(house)

    assert house.book(payment).net == 55_000
    assert (payment.state, await house.cases(payment.id)) == ("needs_human", ["unknown_outcome"])
    assert "payment.failed" not in house.shop.kinds()


async def test_another_amount_than_asked_pays_no_order(house):
    house.fault("approve", "wrong_amount")
    opened = await house.checkout()
    await house.come_back(opened)
    await house.live(1_800.0, 30.0)
    payment = await house.payment(opened.payment)

    assert payment.state != "paid"
    assert "payment.paid" not in await house.told(payment.id)
    assert house.book(payment).net == 0 or await house.cases(payment.id)


async def test_notices_in_two_formats_three_times_and_late_change_nothing(house):
    house.set(pg_notice_url=house.notice_url("pg"))
    house.fault("notice", "notice_thrice", times=2)
    payment = await house.buy()
    held = house.hold_notices()
    other = await house.buy()
    await house.live(300.0, 30.0)
    await house.let_go(held)
    await house.beat()

    for one in (payment, other):
        assert await house.state(one.id) == "paid"
        assert await house.told(one.id) == ["payment.paid"]
        assert await house.cases(one.id) == []
    assert all(notice.acked for notice in house.book(payment).notices)
    await house.check_books()


async def test_a_part_and_then_the_rest_are_refunded(house):
    payment = await house.buy()
    first = await house.refund(payment.id, 5_000)
    await house.quiet()
    second = await house.refund(payment.id)
    await house.quiet()
    whole = await house.payment(payment.id)

    assert (first.status_code, second.status_code) == (200, 200)
    assert (whole.state, whole.refunded, house.book(payment).net) == ("refunded", 55_000, 0)
    await house.check_books()


async def test_of_two_refunds_at_once_one_is_made(house):
    payment = await house.buy()
    answers = await asyncio.gather(*(house.refund(payment.id, 55_000) for _ in range(4)))
    await house.quiet()

    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    assert len(house.book(payment).refunds) == 1
    await house.check_books()


async def test_a_whole_refund_whose_answer_is_lost_is_made_once(house):
    payment = await house.buy()
    house.fault("cancel", "drop_after")
    await house.refund(payment.id)
    await house.live(900.0, 10.0)
    after = await house.payment(payment.id)

    assert (after.state, after.refunded) == ("refunded", 55_000)
    assert len(house.book(payment).refunds) == 1
    await house.check_books()


@pytest.mark.parametrize("code", ["01", "500627"])
async def test_a_refund_refused_as_too_late_or_asked_for_before_is_not_taken_for_made(house, code):
    payment = await house.buy()
    for message in ("이미 취소 가능 기간이 지난 거래입니다.", "이미 취소 요청된 거래입니다."):
        house.fault("cancel", "decline", code=code, message=message)
    refund = (await house.refund(payment.id, 55_000)).json()
    await house.quiet()
    after = await house.payment(payment.id)

    assert (after.left, house.book(after).net) == (55_000, 55_000)
    assert refund["state"] not in ("done", "refused"), "it may be made yet"
    await house.live(300.0, 5.0)
    assert ((await house.payment(payment.id)).left, house.book(payment).net) == (0, 0), "asked for again, it was made"
    await house.check_books()


@pytest.mark.parametrize(
    "message", ["이미 취소된 금액이 있어 전체취소 불가", "기취소 금액 초과", "일부 이미 취소된 거래입니다."]
)
async def test_words_about_a_part_that_was_cancelled_before_do_not_say_that_all_went_back(house, message):
    """A part went back in the console, and Welcome tells the shop nothing: the rest is still to be given back."""
    payment = await house.buy()
    house.sandbox.desks["welcome"].refund({"merchant_ref": payment.merchant_ref, "amount": 20_000})
    house.fault("cancel", "decline", times=None, code="500627", message=message)
    await house.refund(payment.id, 55_000)
    await house.live(1_800.0, 15.0)

    assert house.book(payment).refunded == 20_000
    assert (await house.payment(payment.id)).refunded == 0
    assert await house.cases(payment.id) == ["refund_unknown"]


async def test_a_whole_refund_refused_over_a_part_that_nobody_told_of_is_a_persons(house):
    payment = await house.buy()
    house.sandbox.desks["welcome"].refund({"merchant_ref": payment.merchant_ref, "amount": 20_000})
    await house.refund(payment.id, 55_000)
    await house.live(1_800.0, 15.0)

    assert house.book(payment).refunded == 20_000
    assert await house.cases(payment.id) == ["refund_unknown"]


async def test_a_part_whose_answer_is_lost_is_settled_by_the_unified_notice_and_made_once(house):
    house.set(pg_notice_url=house.notice_url("pg"))
    payment = await house.buy()
    house.fault("repay", "drop_after")
    await house.refund(payment.id, 5_000)
    await house.quiet()
    await house.live(900.0, 30.0)
    after = await house.payment(payment.id)

    assert after.refunded == house.book(payment).refunded == 5_000
    assert len(house.book(payment).refunds) == 1
    await house.check_books()


async def test_a_part_is_counted_once_though_the_unified_notice_tells_it_again(house):
    house.set(pg_notice_url=house.notice_url("pg"))
    payment = await house.buy()
    for amount in (5_000, 5_000, 11_000):
        await house.refund(payment.id, amount)
        await house.quiet()
        await house.live(1_800.0, 60.0)
    after = await house.payment(payment.id)
    assert (after.refunded, house.book(payment).refunded) == (21_000, 21_000)
    await house.refund(payment.id)
    await house.quiet()
    assert (await house.payment(payment.id)).state == "refunded"
    assert await house.cases(payment.id) == []
    await house.check_books()


async def test_a_part_given_back_in_the_console_is_not_taken_for_ours_of_the_same_amount(house):
    house.set(pg_notice_url=house.notice_url("pg"))
    payment = await house.buy()
    await house.refund(payment.id, 5_000)
    await house.quiet()
    house.sandbox.desks["welcome"].refund({"merchant_ref": payment.merchant_ref, "amount": 5_000})
    await house.quiet()
    assert (await house.payment(payment.id)).refunded == house.book(payment).refunded == 10_000
    await house.check_books()


async def test_two_equal_parts_of_which_one_was_ours_are_never_taken_for_one(house):
    """Told in the wrong order, the later notice says that less is left than the books have: a person is asked."""
    house.set(pg_notice_url=house.notice_url("pg"))
    payment = await house.buy()
    house.fault("repay", "drop_after")
    held = house.hold_notices()
    await house.refund(payment.id, 5_000)
    house.sandbox.desks["welcome"].refund({"merchant_ref": payment.merchant_ref, "amount": 5_000})
    await house.quiet()
    assert len(held) == 2
    await house.let_go(held[::-1])
    await house.live(900.0, 30.0)

    assert house.book(payment).refunded == 10_000
    assert (await house.payment(payment.id)).refunded == 5_000
    assert await house.cases(payment.id) == ["external_cancel"]


async def test_a_part_of_which_nothing_is_heard_waits_for_a_person(house):
    payment = await house.buy()
    house.fault("repay", "drop_after")
    await house.refund(payment.id, 5_000)
    await house.live(3_600.0, 60.0)

    assert len(house.book(payment).refunds) == 1
    assert await house.cases(payment.id)


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("locks", [True, False])
async def test_a_part_whose_rest_does_not_fit_may_have_been_given_back_by_a_copy_of_its_request(house, locks, told):
    """The second answer speaks of confirmPrice, or of what is left."""
    house.set(confirm_price_locks=locks, **({"pg_notice_url": house.notice_url("pg")} if told else {}))
    payment = await house.buy()

    await refund_sent_twice(house, payment, "repay", told=told)


async def test_an_account_is_issued_and_paid_into_once_though_three_notices_tell_it(house):
    house.set(pg_notice_url=house.notice_url("pg"), pc_notice_url=house.notice_url("pc"))
    opened = await house.checkout(method="virtual_account")
    await house.come_back(opened)
    await house.quiet()
    waiting = await house.payment(opened.payment)
    assert waiting.state == "awaiting_deposit"
    house.sandbox.desks["welcome"].deposit({"merchant_ref": waiting.merchant_ref})
    await house.quiet()
    await house.beat()
    payment = await house.payment(opened.payment)

    assert (payment.state, payment.captured) == ("paid", 55_000)
    assert await house.cases(payment.id) == []
    assert await house.told(payment.id) == ["payment.awaiting_deposit", "payment.paid"]
    await house.check_books()


async def test_a_payment_in_escrow_has_its_delivery_reported_and_its_state_told(house):
    house.site = await house.pair("http://parcels.test", escrow="yes")
    payment = await house.buy()
    shown = (await house.call("GET", f"/v1/payments/{payment.id}")).json()["escrow"]["steps"]
    fields = {one["name"]: next(iter(one["choices"]), "02-123-4567") for one in shown[1]["fields"]}
    path = f"/v1/payments/{payment.id}/escrow"
    before = await house.call("POST", path, {"step": "status", "actor": "wp:7"})
    sent = await house.call("POST", path, {"step": "delivery", "actor": "wp:7", "fields": fields})
    again = await house.call("POST", path, {"step": "delivery", "actor": "wp:7", "fields": fields})
    changed = await house.call("POST", path, {"step": "delivery", "actor": "wp:7", "fields": fields | {"report": "U"}})

    assert [one["step"] for one in shown] == ["status", "delivery", "confirm", "deny"]
    assert (before.json()["state"], sent.status_code, changed.status_code) == ("승인", 200, 200)
    assert again.json()["gateway_message"] == "배송등록 정보를 확인하세요."
    assert house.book(payment).net == 55_000
    assert "02-123-4567" not in json.dumps(await house.all("SELECT * FROM calls"), default=str)


async def test_that_a_denial_was_seen_is_refused_here_and_no_money_goes_back_unseen(house):
    house.site = await house.pair("http://parcels.test", escrow="yes")
    payment = await house.buy()
    path, deny = f"/v1/payments/{payment.id}/escrow", {"buyName": "홍길동", "refundName": "홍길동"}
    parcel = {one.name: next(iter(one.choices), "1") for one in DELIVERY}
    for step, fields in (("delivery", parcel), ("deny", deny)):
        taken = await house.call("POST", path, {"step": step, "actor": "wp:7", "fields": fields})
        assert taken.status_code == 200, taken.text
    seen = await house.call("POST", path, {"step": "deny", "actor": "wp:7", "fields": {"dcnfName": "김직원"}})
    state = await house.call("POST", path, {"step": "status", "actor": "wp:7"})

    assert (seen.status_code, seen.json()["code"], "console" in seen.json()["detail"]) == (400, "malformed", True)
    assert (state.json()["state"], house.book(payment).net) == ("구매거절", 55_000)
    assert not [sent.url for sent in house.net.sent if sent.url.endswith("/denyconfirm")]
    await house.check_books()


async def escrow(house, payment, step, **fields):
    return await house.call(
        "POST", f"/v1/payments/{payment.id}/escrow", {"step": step, "actor": "wp:7", "fields": fields}
    )


async def shown(house, payment):
    return (await house.call("GET", f"/v1/payments/{payment.id}")).json()


async def set_escrow(house, on):
    await change_settings(house.context, url=house.site.url, settings={"welcome": {"escrow": on}})


async def test_a_payment_is_in_escrow_by_its_own_window_and_not_by_the_setting_of_today(house):
    before = await house.buy()
    await set_escrow(house, "yes")
    kept, phone, account = [await house.buy(method=method) for method in ("card", "phone", "virtual_account")]
    await set_escrow(house, "no")

    for payment in (before, phone):
        assert "escrow" not in await shown(house, payment)
        asked = await escrow(house, payment, "status")
        assert (asked.status_code, asked.json()["code"]) == (409, "not_now")
    assert (account.state, account.escrow) == ("awaiting_deposit", "kept")
    assert (kept.state, kept.escrow, (await shown(house, kept))["escrow"]["buyer"]) == ("paid", "kept", "kept")
    assert (await escrow(house, kept, "status")).json()["state"] == "승인"
    await house.check_books()


@pytest.mark.parametrize(("step", "fields"), [("confirm", {}), ("deny", {"refundName": "홍길동"})])
async def test_no_refund_is_promised_that_welcome_refuses_once_the_buyer_has_decided(house, step, fields):
    await set_escrow(house, "yes")
    payment = await house.buy()
    first = (await shown(house, payment))["allowed"]
    await escrow(house, payment, "delivery", **{one.name: next(iter(one.choices), "1") for one in DELIVERY})
    await escrow(house, payment, step, buyName="홍길동", **fields)
    then = (await shown(house, payment))["allowed"]
    asked = await house.call("POST", f"/v1/payments/{payment.id}/refunds", {"reason": "취소", "actor": "wp:7"})

    assert (first["refund"], then["refund"]) == ("full_or_part", "by_hand")
    assert "가맹점 관리자" in then["for_clerk"]
    assert "가맹점 관리자" not in then["why"], "that is nothing for a buyer"
    assert (asked.status_code, asked.json()["code"], house.book(payment).net) == (422, "refund_refused", 55_000)
    assert (await escrow(house, payment, "status")).status_code == 200, "and its state can be asked for"


@pytest.mark.parametrize(("lost", "stands"), [("drop_after", "confirmed"), ("drop_before", "kept")])
async def test_a_buyers_word_without_an_answer_is_settled_by_the_state_and_not_sent_again_before(house, lost, stands):
    await set_escrow(house, "yes")
    payment = await house.buy()
    await escrow(house, payment, "delivery", **{one.name: next(iter(one.choices), "1") for one in DELIVERY})
    house.fault("buyconfirm", lost)
    first = await escrow(house, payment, "confirm", buyName="홍길동")
    more = await escrow(house, payment, "deny", buyName="홍길동", refundName="홍길동")
    asked = await house.call("POST", f"/v1/payments/{payment.id}/refunds", {"reason": "취소", "actor": "wp:7"})
    before = (await house.payment(payment.id)).escrow
    await house.live(131)
    state = await escrow(house, payment, "status")

    assert (first.status_code, more.json()["code"], before) == (503, "pending_outcome", "confirming")
    assert (asked.json()["code"], house.book(payment).net) == ("refund_refused", 55_000)
    assert (state.status_code, (await house.payment(payment.id)).escrow) == (200, stands)
    assert not [sent.url for sent in house.net.sent if sent.url.endswith("/buydeny")]


async def test_an_escrow_that_was_cancelled_in_the_console_unheard_is_a_case_once_its_state_is_asked_for(house):
    await set_escrow(house, "yes")
    payment = await house.buy()
    house.sandbox.desks["welcome"].refund({"merchant_ref": payment.merchant_ref})
    before = (await escrow(house, payment, "status")).json()["state"]

    assert (before, await house.state(payment.id), house.book(payment).net) == ("당일취소", "paid", 0)
    assert await house.cases(payment.id) == ["external_cancel"]


async def test_a_payment_in_escrow_goes_back_while_the_buyer_has_not_decided(house):
    await set_escrow(house, "yes")
    payment = await house.buy()
    await house.call("POST", f"/v1/payments/{payment.id}/refunds", {"reason": "취소", "actor": "wp:7"})
    await house.quiet()
    assert (await house.state(payment.id), house.book(payment).net) == ("refunded", 0)


async def test_a_lost_approval_that_a_notice_tells_of_leaves_the_payment_in_escrow(house):
    await set_escrow(house, "yes")
    house.set(pg_notice_url=house.notice_url("pg"))
    house.fault("approve", "drop_after")
    house.fault("cancel", "drop_before", times=None)
    payment = await house.buy()
    for _ in range(20):
        await house.beat()
    payment = await house.payment(payment.id)
    assert (payment.state, payment.captured, payment.escrow) == ("paid", 55_000, "kept")


# ---- a phone's key, which comes with its first round


@pytest.mark.parametrize(("gives", "state", "net"), [(True, "active", 9_900), (False, "lost", 0)])
async def test_a_first_round_that_brings_no_key_is_taken_back_and_leaves_none(house, gives, state, net):
    house.set(link_gives_phone_key=gives)
    wish = {
        **{"customer": "customer-1", "title": "정기 후원", "actor": "buyer", "method": "phone"},
        "buyer": {"name": "홍길동", "phone": "010-1234-5678", "email": "hong@shop.test"},
        "result_url": f"{house.site.url}/my-cards",
        "order": house.order(amount=9_900),
    }
    asked = await house.call("POST", "/v1/billing-keys", wish)
    assert asked.status_code == 201, asked.text
    await house.go(await house.authenticate(Opened("", asked.json()["window_url"], "", "")))
    for _ in range(5):
        await house.beat()
    key = (await house.call("GET", f"/v1/billing-keys/{asked.json()['id']}?customer=customer-1")).json()
    (row,) = await house.all("SELECT id FROM payments")
    payment = await house.payment(row["id"])

    assert (key["state"], payment.left, house.book(payment).net) == (state, net, net)
    assert payment.state == ("paid" if gives else "voided")
    await house.check_books()


# ---- what comes from outside and is not what it should be


@pytest.mark.parametrize(
    "bend",
    [
        {"P_REQ_URL": "http://evil.test/approve"},
        {"P_REQ_URL": "http://sandbox.test@evil.test/"},
        {"authUrl": "http://evil.test/"},
        {"netCancelUrl": "http://evil.test/"},
        {"P_TID": ""},
        {"P_STATUS": ""},
    ],
)
async def test_a_return_that_is_bent_is_refused_and_no_request_leaves(house, bend):
    opened = await house.checkout()
    coming = await house.authenticate(opened)
    before = len(house.net.sent)
    answer = await house.go(Coming(coming.method, coming.url, coming.fields | bend))

    assert 400 <= answer.status_code < 500
    assert len(house.net.sent) == before
    assert await house.state(opened.payment) == "open"
    await house.go(coming)
    await house.quiet()
    assert await house.state(opened.payment) == "paid", "and the right return still pays"


async def test_the_return_of_a_cheaper_order_does_not_pay_a_dearer_one(house):
    cheap = await house.authenticate(await house.checkout(house.order(amount=1_000)))
    opened = await house.checkout()
    coming = await house.authenticate(opened, action="fail")
    await house.go(Coming("POST", coming.url, cheap.fields))
    await house.live(1_800.0, 30.0)
    payment = await house.payment(opened.payment)

    assert payment.state != "paid"
    assert "payment.paid" not in await house.told(payment.id)
    assert sum(book.net for book in house.sandbox.bank.of(payment.merchant_ref)) == 0


@pytest.mark.parametrize("kind", ["mobile", "pc", "pg"])
async def test_a_forged_notice_moves_nothing(house, kind):
    opened = await house.checkout(method="virtual_account")
    await house.come_back(opened)
    await house.quiet()
    payment = await house.payment(opened.payment)
    forged = {
        "mobile": urlencode(
            {"P_STATUS": "02", "P_OID": payment.merchant_ref, "P_AMT": "55000", "P_TID": "T", "P_VACT_NUM": "1"}
        ),
        "pc": urlencode({"no_oid": payment.merchant_ref, "type_msg": "0200", "amt_input": "55000", "no_vacct": "1"}),
        "pg": json.dumps(
            {"mid": "wpaybill01", "order_no": payment.merchant_ref, "amount": "55000", "millis": "1", "hash_value": "0"}
        ),
    }[kind]
    answers = [await house.post_notice_of(kind, forged.encode())]
    answers += [await house.post_notice_of(kind, body) for body in (b"x" * 300_000, b"\xff=\xfe&\x00=1", b"")]
    await house.live(60.0)

    assert (await house.payment(payment.id)).captured == 0
    assert await house.state(payment.id) == "awaiting_deposit"
    assert all(400 <= answer.status_code < 500 for answer in answers[1:])
    assert answers[0].status_code == (400 if kind == "pg" else 200)


async def test_a_replayed_notice_and_one_of_another_order_have_no_effect(house):
    seen = house.heard()
    payment = await house.buy()
    await house.beat()
    told = dict(parse_qsl(seen[0].decode(), keep_blank_values=True))
    replays = [await house.post_notice_of("mobile", seen[0]) for _ in range(3)]
    stranger = await house.post_notice_of("mobile", urlencode(told | {"P_OID": "SOMEBODYELSES"}).encode())
    await house.live(60.0)

    assert {answer.text for answer in replays} == {"OK"}
    assert stranger.text != "OK", "what is not ours is not acknowledged"
    assert await house.told(payment.id) == ["payment.paid"]
    await house.check_books()


@pytest.mark.parametrize("kind", ["pc", "pg"])
async def test_a_deposits_notice_of_the_other_formats_counts_once_and_a_foreign_one_never(house, kind):
    house.set(pg_notice_url=house.notice_url("pg"), pc_notice_url=house.notice_url("pc"))
    opened = await house.checkout(method="virtual_account")
    await house.come_back(opened)
    await house.quiet()
    payment, held = await house.payment(opened.payment), house.hold_notices()
    house.sandbox.desks["welcome"].deposit({"merchant_ref": payment.merchant_ref})
    await house.quiet()
    (told,) = [one for one in held if one[0].endswith(house.notice_path(kind))]
    _, body, form = told
    bent = [body.replace(payment.merchant_ref.encode(), b"SOMEBODYELSES")]
    if kind == "pg":  # the other names no shop
        bent.append(body.replace(b"wpaybill01", b"otherbill1"))
    strangers = [await house.post_notice_of(kind, other, form) for other in bent]

    assert body not in bent, "each bends something"
    assert not any(answer.text in ("OK", "SUCCESS") for answer in strangers), "what is not ours is not acknowledged"
    assert (await house.payment(payment.id)).captured == 0
    await house.let_go([told] * 3)
    await house.beat()
    assert (await house.payment(payment.id)).captured == 55_000
    assert await house.told(payment.id) == ["payment.awaiting_deposit", "payment.paid"]
    await house.check_books()


async def test_news_of_a_payment_that_failed_is_kept_and_acknowledged_without_an_amount(house):
    opened = await house.checkout()
    payment = await house.payment(opened.payment)
    failed = {"P_STATUS": "01", "P_OID": payment.merchant_ref, "P_AMT": "", "P_MID": "wpaybill01", "P_TYPE": "CARD"}
    answers = [await house.post_notice_of("mobile", urlencode(failed | {"P_AMT": won}).encode()) for won in ("", "0")]
    stranger = await house.post_notice_of("mobile", urlencode(failed | {"P_OID": "SOMEBODYELSES"}).encode())
    await house.beat()
    kept = await house.all("SELECT payment, outcome FROM notices WHERE payment IS NOT NULL")

    assert [answer.text for answer in answers] == ["OK", "OK"]
    assert stranger.text != "OK"
    assert kept == [{"payment": payment.id, "outcome": "nothing to do"}]
    assert (await house.state(payment.id), await house.entries(payment.id)) == ("open", [])
    await house.check_books()


async def test_an_amount_below_the_least_is_refused_before_anything_is_sent(house):
    answer = await house.post_checkout(house.token(house.order(amount=999)))

    assert answer.status_code == 422
    assert answer.json()["minimum"] == 1_000
    assert "1,000원부터" in answer.text
    assert house.net.sent == []
    assert not house.sandbox.requests
