"""PayApp over the real flows: money moves in its window, and of what we asked for we hear by notices."""

import asyncio
import json
from urllib.parse import parse_qsl, urlencode

import pytest

from bridge.flows.retain import retain
from bridge.sandbox.local import ask
from tests.gateways.house import hidden, refund_sent_twice
from tests.support.world import SANDBOX, SHOP_URL, Opened


async def test_a_buyer_pays_and_the_shop_hears_it_once(house):
    opened = await house.checkout()
    landed = await house.come_back(opened)
    await house.beat()
    payment = await house.payment(opened.payment)

    assert landed.headers["location"].startswith(f"{SHOP_URL}/result")
    assert (payment.state, payment.captured, house.book(payment).net) == ("paid", 55_000, 55_000)
    assert await house.entries(payment.id) == [("capture", 55_000, "E7")]
    assert house.shop.kinds() == ["payment.paid"]
    assert house.money_calls() == 0, "no call of ours took money"
    await house.check_books()


async def test_the_notice_alone_pays_where_the_browser_never_comes_back(house):
    opened = await house.checkout()
    await house.authenticate(opened)
    await house.quiet()
    await house.beat()

    assert await house.state(opened.payment) == "paid"
    assert house.shop.kinds() == ["payment.paid"]
    await house.check_books()


async def test_a_buyer_who_comes_back_before_the_notice_is_never_told_that_it_failed(house):
    held = house.hold_notices()
    opened = await house.checkout()
    coming = await house.authenticate(opened)
    page = await house.go(coming)

    assert page.status_code == 200
    assert "실패" not in page.text
    assert (await house.payment(opened.payment)).captured == 0
    await house.live(300.0, 30.0)
    await house.let_go(held)
    await house.beat()
    assert await house.state(opened.payment) == "paid"
    await house.check_books()


async def test_a_notice_by_both_routes_three_times_is_one_payment(house):
    house.set(common_feedback_url=house.notice_url("feedback"))
    house.fault("notice", "notice_thrice", times=2)
    payment = await house.buy()
    await house.beat()

    assert sum(notice.tries for notice in house.book(payment).notices) == 6
    assert all(notice.acked for notice in house.book(payment).notices)
    assert await house.told(payment.id) == ["payment.paid"]
    await house.check_books()


async def test_whoever_closes_the_window_has_paid_nothing_and_the_request_is_withdrawn_at_its_end(house):
    opened = await house.checkout()
    await house.authenticate(opened, action="close")
    await house.live(2_400.0, 60.0)
    payment = await house.payment(opened.payment)

    assert payment.state == "expired"
    assert house.book(payment).captured == 0
    assert house.sandbox.requests[-1]["op"] == "paycancel"
    await house.authenticate(opened)
    assert house.book(payment).captured == 0, "and nobody can pay it any more"
    await house.check_books()


async def test_a_request_whose_notice_never_came_is_not_given_up_when_it_may_be_paid(house):
    house.fault("notice", "notice_lost", times=None)
    opened = await house.checkout()
    coming = await house.authenticate(opened)
    await house.go(coming)
    await house.live(7_200.0, 60.0)
    payment = await house.payment(opened.payment)

    assert house.book(payment).net == 55_000, "the probe left it alone"
    assert payment.state not in ("expired", "declined", "voided"), payment.state
    assert await house.cases(payment.id), "a person must look"
    assert "payment.failed" not in await house.told(payment.id)


async def test_a_window_that_cannot_be_had_charges_nothing_and_may_be_asked_again(house):
    order = house.order()
    house.fault("payrequest", "decline", code="70020", message="파라메터 오류")
    refused = await house.post_checkout(house.token(order))
    assert refused.status_code >= 400
    house.fault("payrequest", "drop_before")
    lost = await house.post_checkout(house.token(order))
    assert lost.status_code >= 400
    payment = await house.buy(order)
    assert payment.state == "paid"
    await house.check_books()


# ---- who else may claim our order


@pytest.mark.parametrize("with_our_mark", [False, True])
async def test_a_genuine_payment_that_somebody_else_asked_for_does_not_count(house, with_our_mark):
    opened = await house.checkout()
    payment = await house.payment(opened.payment)
    mark = house.context.sites.get(house.site.id).gateway("payapp").seal("r", payment.merchant_ref)
    forged = {"var1": payment.merchant_ref, "feedbackurl": house.notice_url("feedback")}
    await house.pay_elsewhere(price="55000", **forged, **({"var2": mark} if with_our_mark else {}))
    await house.beat()

    assert (await house.payment(payment.id)).captured == 0
    assert await house.state(payment.id) == "open"
    assert "payment.paid" not in await house.told(payment.id)
    await house.come_back(opened)
    await house.quiet()
    assert await house.state(payment.id) == "paid", "and the buyer's own still counts"


async def test_payments_that_were_never_asked_for_here_are_acknowledged_and_kept(house):
    await house.pay_elsewhere(price="5000", feedbackurl=house.notice_url("feedback"))
    (row,) = await house.all("SELECT * FROM notices")
    assert row["payment"] is None
    book = house.sandbox.bank.as_json()["payments"][-1]
    assert (book["net"], book["notices"][0]["acked"]) == (5_000, True)


@pytest.mark.parametrize("name", ["linkval", "linkkey", "userid"])
async def test_a_forged_notice_moves_nothing(house, name):
    seen = house.heard()
    await house.buy()
    opened = await house.checkout()
    payment = await house.payment(opened.payment)
    told = dict(parse_qsl(seen[0].decode(), keep_blank_values=True))
    mark = house.context.sites.get(house.site.id).gateway("payapp").seal("r", payment.merchant_ref)
    forged = told | {"var1": payment.merchant_ref, "var2": mark, "mul_no": payment.refs["mul_no"], name: "forged"}
    answer = await house.post_notice_of("feedback", urlencode(forged).encode())
    await house.live(60.0)

    assert answer.status_code == 400
    assert answer.text != "SUCCESS"
    assert (await house.payment(payment.id)).captured == 0


async def test_a_notice_that_is_replayed_altered_oversized_or_in_no_charset(house):
    seen = house.heard()
    payment = await house.buy()
    told = dict(parse_qsl(seen[0].decode(), keep_blank_values=True))
    replays = [await house.post_notice_of("feedback", seen[0]) for _ in range(3)]
    dearer = await house.post_notice_of("feedback", urlencode(told | {"price": "99000"}).encode())
    crooked = urlencode(told | {"price": "1e3"}).encode()
    bad = [
        await house.post_notice_of("feedback", body)
        for body in (b"x" * 300_000, b"\xff=\xfe&\x00=1", seen[0] + b"&price=1", b"", crooked)
    ]
    await house.live(60.0)

    assert {answer.text for answer in replays} == {"SUCCESS"}
    assert dearer.status_code == 200
    assert all(400 <= answer.status_code < 500 for answer in bad), [one.status_code for one in bad]
    assert (await house.payment(payment.id)).captured == 55_000
    assert await house.told(payment.id) == ["payment.paid"]


async def test_dollars_pay_no_order_of_won(house):
    seen = house.heard()
    await house.buy()
    opened = await house.checkout()
    payment = await house.payment(opened.payment)
    told = dict(parse_qsl(seen[0].decode(), keep_blank_values=True))
    mark = house.context.sites.get(house.site.id).gateway("payapp").seal("r", payment.merchant_ref)
    dollars = told | {"var1": payment.merchant_ref, "var2": mark, "mul_no": payment.refs["mul_no"], "currency": "usd"}
    await house.post_notice_of("feedback", urlencode(dollars).encode())
    await house.beat()

    assert await house.state(payment.id) != "paid"
    assert "payment.paid" not in await house.told(payment.id)


async def test_another_amount_than_asked_pays_no_order(house):
    house.fault("pay", "wrong_amount")
    opened = await house.checkout()
    await house.come_back(opened)
    await house.live(900.0, 30.0)
    payment = await house.payment(opened.payment)

    assert payment.state != "paid"
    assert "payment.paid" not in await house.told(payment.id)
    assert await house.cases(payment.id) or house.book(payment).net == 0


async def test_a_return_of_another_window_is_refused(house):
    house.hold_notices()  # by them either is paid, and whoever comes back then is led to the shop
    opened = await house.checkout()
    other = await house.authenticate(await house.checkout(house.order()))
    coming = await house.authenticate(opened, action="close")
    async with house.client() as client:
        address = other.url
        mine = coming.url or (await house.authenticate(opened)).url
        foreign = await client.post(mine, data=other.fields)
        large = await client.post(address, data={"x": "y" * 200_000})
        twice = await client.post(address, content=b"a=1&a=2")
    codes = [answer.status_code for answer in (foreign, large, twice)]
    assert all(400 <= code < 500 for code in codes), codes


# ---- money back


async def test_a_part_and_then_the_rest_are_refunded(house):
    payment = await house.buy()
    first = await house.refund(payment.id, 5_000)
    await house.quiet()
    half = await house.payment(payment.id)
    second = await house.refund(payment.id)
    await house.quiet()
    await house.beat()
    whole = await house.payment(payment.id)

    assert (first.status_code, second.status_code) == (200, 200)
    assert (half.state, half.refunded, whole.state, whole.refunded) == ("part_refunded", 5_000, "refunded", 55_000)
    assert house.book(payment).net == 0
    assert await house.cases(payment.id) == []
    await house.check_books()


async def test_a_long_korean_title_and_reason_are_cut_at_a_characters_edge_and_taken(house):
    payment = await house.buy(house.order(title="가" * 70))
    answer = await house.refund(payment.id, reason="나" * 70)
    await house.quiet()

    assert (payment.state, answer.status_code) == ("paid", 200), answer.text
    assert (await house.payment(payment.id)).state == "refunded"
    asked = list(house.sandbox.desks["payapp"]._till.requests.values())
    assert asked[0].form["goodname"] == "가" * 66
    await house.check_books()


async def test_of_two_refunds_at_once_one_is_made(house):
    payment = await house.buy()
    answers = await asyncio.gather(*(house.refund(payment.id, 55_000) for _ in range(4)))
    await house.quiet()

    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    assert len(house.book(payment).refunds) == 1
    await house.check_books()


@pytest.mark.parametrize("amount", [None, 5_000])
async def test_a_refund_whose_answer_is_lost_is_settled_by_its_notice_and_made_once(house, amount):
    payment = await house.buy()
    house.fault("paycancel", "drop_after")
    await house.refund(payment.id, amount)
    await house.quiet()
    await house.live(600.0, 30.0)
    after = await house.payment(payment.id)

    assert after.refunded == house.book(payment).refunded == (amount or 55_000)
    assert len(house.book(payment).refunds) == 1
    await house.check_books()


@pytest.mark.parametrize("told", [True, False])
async def test_a_part_that_is_refused_by_its_amount_may_have_been_given_back_by_a_copy_of_its_request(house, told):
    """The second answer is 80030, check the amount."""
    payment = await house.buy()
    if not told:
        house.fault("notice", "notice_lost", times=None)

    await refund_sent_twice(house, payment, "paycancel", told=told)


async def test_a_part_given_back_in_the_office_is_not_taken_for_ours_of_the_same_amount(house):
    payment = await house.buy()
    for _ in range(2):
        await house.refund(payment.id, 5_000)
        await house.live(900.0, 30.0)
    assert (await house.payment(payment.id)).refunded == house.book(payment).refunded == 10_000
    assert await house.cases(payment.id) == []
    house.sandbox.desks["payapp"].refund({"merchant_ref": payment.merchant_ref, "amount": 5_000})
    await house.live(900.0, 30.0)

    assert house.book(payment).refunded == 15_000
    assert await house.cases(payment.id) == ["external_cancel"], "price may mean two amounts: a person looks"


@pytest.mark.parametrize("meaning", ["cancelled", "remaining"])
async def test_the_rest_given_back_in_the_office_after_a_part_is_never_overlooked(house, meaning):
    """Where `price` is what is left, the notice of the rest says 0: genuine all the same."""
    house.set(partial_price=meaning)
    payment = await house.buy()
    await house.refund(payment.id, 18_000)
    await house.live(900.0, 30.0)
    house.sandbox.desks["payapp"].refund({"merchant_ref": payment.merchant_ref})
    await house.live(900.0, 30.0)

    after = await house.payment(payment.id)
    assert house.book(payment).net == 0
    assert all(notice.acked for notice in house.book(payment).notices)
    assert after.left == 0 or await house.cases(payment.id) == ["external_cancel"]


async def test_the_rest_given_back_in_the_office_is_not_taken_for_our_next_part_that_got_lost(house):
    payment = await house.buy()
    await house.refund(payment.id, 16_500)
    await house.live(900.0, 30.0)
    house.fault("paycancel", "drop_before")
    await house.refund(payment.id, 16_500)
    await house.live(60.0, 30.0)
    assert await house.cases(payment.id) == ["refund_unknown"]
    house.sandbox.desks["payapp"].refund({"merchant_ref": payment.merchant_ref})
    await house.live(900.0, 30.0)

    assert house.book(payment).net == 0
    assert (await house.payment(payment.id)).refunded == 16_500
    assert await house.cases(payment.id) == ["refund_unknown", "external_cancel"]
    (case,) = await house.all("SELECT amount FROM cases WHERE reason = 'external_cancel'")
    assert case["amount"] == 38_500, "the case names the difference"


async def test_a_late_notice_of_our_part_is_not_taken_for_a_next_that_was_sent_after_the_rest_had_gone_back(house):
    """What our next part and the first make together is what the first left: only the moment tells them apart."""
    payment, held = await house.buy(), house.hold_notices()
    await house.refund(payment.id, 16_500)
    await house.live(30.0)
    house.sandbox.desks["payapp"].refund({"merchant_ref": payment.merchant_ref})
    await house.live(30.0)
    first, *rest = held
    await house.let_go(rest)
    await house.refund(payment.id, 22_000)
    await house.live(60.0, 30.0)
    assert await house.cases(payment.id) == ["refund_unknown"]
    await house.let_go([first])
    await house.live(60.0, 30.0)

    assert house.book(payment).net == 0
    assert (await house.payment(payment.id)).refunded == 16_500
    assert await house.cases(payment.id) == ["refund_unknown", "external_cancel"]


async def test_while_nobody_said_what_price_is_a_second_part_may_be_a_case_and_moves_nothing_more(house):
    """As the rest given back in the office would say just the same where `price` is the part."""
    house.set(partial_price="remaining")
    payment = await house.buy()
    for _ in range(2):
        await house.refund(payment.id, 16_500)
        await house.live(900.0, 30.0)

    assert (await house.payment(payment.id)).refunded == house.book(payment).refunded == 33_000
    assert await house.cases(payment.id) == ["external_cancel"]


async def test_where_price_is_what_is_left_our_parts_are_known_and_the_offices_a_persons(house):
    house.site = await house.pair("http://left-shop.test", partial_price="remaining")
    house.net.apps["http://left-shop.test:80"] = house.shop.app()
    house.set(partial_price="remaining")
    payment = await house.buy()
    for _ in range(2):
        await house.refund(payment.id, 5_000)
        await house.live(900.0, 30.0)
    assert await house.cases(payment.id) == []
    house.sandbox.desks["payapp"].refund({"merchant_ref": payment.merchant_ref, "amount": 3_000})
    await house.live(900.0, 30.0)

    after = await house.payment(payment.id)
    assert (after.refunded, house.book(payment).refunded) == (10_000, 13_000)
    assert await house.cases(payment.id) == ["external_cancel"]


@pytest.mark.parametrize("form", [{"price": "55000"}, {"orig_price": ""}, {"price": "0"}])
async def test_a_part_that_can_be_read_in_no_way_or_in_two_moves_nothing_and_is_a_persons(house, form):
    seen = house.heard()
    payment = await house.buy()
    house.sandbox.desks["payapp"].refund({"merchant_ref": payment.merchant_ref, "amount": 3_000})
    await house.quiet()
    told = dict(parse_qsl(seen[-1].decode(), keep_blank_values=True))
    second = await house.buy()
    mine = {"var1": second.merchant_ref, "mul_no": second.refs["mul_no"], "orig_mul_no": second.refs["mul_no"]}
    mark = house.context.sites.get(house.site.id).gateway("payapp").seal("r", second.merchant_ref)
    answer = await house.post_notice_of("feedback", urlencode(told | mine | {"var2": mark} | form).encode())

    assert answer.text == "SUCCESS"
    assert (await house.payment(second.id)).refunded == 0
    assert await house.cases(second.id) == ["external_cancel"]


async def test_a_part_of_which_nothing_is_heard_is_never_made_twice(house):
    payment = await house.buy()
    house.fault("paycancel", "drop_after")
    house.fault("notice", "notice_lost", times=None)
    await house.refund(payment.id, 5_000)
    await house.live(3_600.0, 60.0)

    assert len(house.book(payment).refunds) == 1
    assert await house.cases(payment.id), "a person must look"


async def test_five_days_later_a_refund_is_asked_for_and_done_when_a_notice_says_so(house):
    payment = await house.buy()
    await house.clock.forward(6 * 86_400)
    answer = await house.refund(payment.id)
    await house.quiet()
    assert answer.status_code in (200, 202), answer.text
    waiting = await house.payment(payment.id)
    assert (waiting.refunded, house.book(payment).refunded) == (0, 0), "no money is back yet"
    house.sandbox.desks["payapp"].refund({"merchant_ref": payment.merchant_ref})
    await house.quiet()
    await house.beat()
    after = await house.payment(payment.id)
    assert after.refunded == house.book(payment).refunded == 55_000
    await house.check_books()


async def test_an_account_whose_request_is_withdrawn_at_its_windows_end_ends_with_it(house):
    held = house.hold_notices()
    opened = await house.checkout(method="virtual_account")
    await house.authenticate(opened, method="vbank")
    house.fault("paycancel", "drop_after")
    await house.live(962.0, 1.0)
    assert [body for _, body, _ in held if b"pay_state=10" in body], "the account was issued in the window"
    await house.let_go([one for one in held if b"pay_state=10" in one[1]])
    await house.live(7_200.0, 60.0)
    payment = await house.payment(opened.payment)

    assert payment.state in ("expired", "unknown", "needs_human"), "never an account to wait for: PayApp closed it"
    assert house.book(payment).net == 0
    assert payment.account == {}


# ---- cards that are remembered, and plans


async def charge_with_lost_answer(house):
    """A registered card is charged at a site that takes typed cards, and the answer gets lost."""
    house.site = await house.pair("http://typed-shop.test", card_entry="on")
    house.net.apps["http://typed-shop.test:80"] = house.shop.app()
    wish = {
        "customer": "customer-1", "title": "월 회원권", "buyer": {"name": "홍길동", "phone": "010-1234-5678"},
        "result_url": f"{house.site.url}/club", "actor": "buyer",
        "card": {"number": "9410123412341234", "expires": "3012", "holder": "900101", "password": "12"},
    }  # fmt: skip
    key = (await house.call("POST", "/v1/billing-keys", wish)).json()
    house.fault("billPay", "drop_after")
    body = {"customer": "customer-1", "order": house.order(), "actor": "wp:7"}
    return (await house.call("POST", f"/v1/billing-keys/{key['id']}/charges", body)).json()["id"]


async def test_a_charge_whose_answer_is_lost_is_settled_by_the_notice_to_its_own_address(house):
    charged = await charge_with_lost_answer(house)
    await house.live(30)

    payment = await house.payment(charged)
    assert (payment.state, payment.captured, house.book(payment).net) == ("paid", 55_000, 55_000)
    assert [one["evidence"] for one in await house.all("SELECT * FROM entries")] == ["E7"]
    await house.check_books()


async def test_a_charge_nobody_heard_of_that_is_cancelled_in_the_office_leaves_nothing_to_be_done(house):
    house.fault("notice", "notice_lost")
    payment = await house.payment(await charge_with_lost_answer(house))
    await house.live(2_000, 20)
    assert (payment.state, await house.state(payment.id)) == ("unknown", "needs_human")
    house.sandbox.desks["payapp"].refund({"merchant_ref": payment.merchant_ref})
    await house.quiet()
    await house.live(4_000, 60)

    assert await house.state(payment.id) == "voided"
    assert [(one.kind, one.step, one.evidence) for one in await house.operations(payment.id)] == [
        ("approve", "fail", "E7")
    ]
    assert await house.cases(payment.id) == []
    await house.check_books()


async def test_of_a_charge_made_twice_the_one_cancelled_in_the_office_hides_no_money_of_the_other(house):
    """The request arrived twice, and the news of one's cancel before any other."""
    held = house.hold_notices()
    payment = await house.payment(await charge_with_lost_answer(house))
    await house.quiet()
    ((url, body, kind),) = held
    other = dict(parse_qsl(body.decode())) | {"mul_no": "9001"}
    gone = other | {"pay_state": "9", "canceldate": "2026-11-20 11:31:00"}
    told = [urlencode(gone).encode(), body, urlencode(other).encode()]
    for one in (*told, *told):
        await house.let_go([(url, one, kind)])
    await house.live(4_000, 60)
    after = await house.payment(payment.id)

    assert (after.state, after.captured, after.orphaned, house.book(after).net) == ("voided", 0, 55_000, 55_000)
    assert await house.entries(payment.id) == [("orphan_capture", 55_000, "E7")]
    assert await house.cases(payment.id) == ["money_on_ended_payment"]
    await house.check_books()


def club(house, ref):
    """A plan that a customer of the shop asks for: 33,000 KRW on the 25th of each month."""
    return {
        "customer": "customer-1", "order_ref": ref, "title": "월 회원권", "amount": 33_000,
        "buyer": {"name": "홍길동", "phone": "010-1234-5678"}, "cycle": "month", "day": 25, "ends": "2027-12-31",
        "result_url": f"{house.site.url}/club", "actor": "buyer",
    }  # fmt: skip


async def test_each_round_of_a_plan_is_a_payment_of_its_own_and_a_failed_one_is_told_and_shown(house):
    wish = club(house, "CLUB-1")
    answer = await house.call("POST", "/v1/plans", wish)
    assert answer.status_code == 201, answer.text
    await house.authenticate(Opened("", answer.json()["window_url"], "", ""))
    await house.quiet()
    (row,) = await house.all("SELECT refs, state FROM plans")
    number = int(json.loads(row["refs"])["rebill_no"])
    await house.clock.forward(10 * 86_400)
    house.sandbox.desks["payapp"].deposit({"rebill_no": number})
    await house.quiet()
    await house.clock.forward(31 * 86_400)
    house.sandbox.desks["payapp"].deposit({"rebill_no": number, "fail": True})
    await house.quiet()
    await house.beat()

    rounds = await house.all("SELECT id, order_ref, state, captured FROM payments ORDER BY order_ref")
    assert [(one["order_ref"], one["state"], one["captured"]) for one in rounds] == [
        ("CLUB-1-1", "paid", 33_000),
        ("CLUB-1-2", "paid", 33_000),
    ]
    told = [notice for book in house.sandbox.bank.as_json()["payments"] for notice in book["notices"]]
    assert all(notice["acked"] for notice in told), told
    (plan,) = (await house.call("GET", "/v1/plans?customer=customer-1")).json()["items"]
    assert (plan["state"], plan["last_failure"]["code"], plan["last_failure"]["message"]) == (
        "active",
        "99",
        "한도초과",
    )
    assert [told["type"] for told in house.shop.news][-1] == "plan.round_failed"
    refunded = await house.refund(rounds[0]["id"], 33_000)
    await house.quiet()
    await house.beat()
    assert refunded.status_code in (200, 202), refunded.text


@pytest.mark.parametrize(("chosen", "method"), [("card", "card"), ("phone", "phone")])
async def test_every_round_of_a_monthly_plan_is_booked_by_what_it_was_paid_with(house, chosen, method):
    wish = club(house, "CLUB-2")
    answer = await house.call("POST", "/v1/plans", wish)
    await house.authenticate(Opened("", answer.json()["window_url"], "", ""), method=chosen)
    await house.quiet()
    (row,) = await house.all("SELECT refs FROM plans")
    await house.clock.forward(40 * 86_400)
    house.sandbox.desks["payapp"].deposit({"rebill_no": int(json.loads(row["refs"])["rebill_no"])})
    await house.quiet()

    rounds = await house.all("SELECT method, state FROM payments")
    assert len(rounds) >= 2
    assert {(one["method"], one["state"]) for one in rounds} == {(method, "paid")}


@pytest.mark.parametrize("amount", [11_000, 33_000])
async def test_what_went_back_of_a_round_that_was_not_heard_of_yet_counts_when_it_is_told_again(house, amount):
    """PayApp tells an event of which nobody took notice ten times, and of two events in any order."""
    house.site = await house.pair("http://hold-shop.test", partial_price="cancelled")
    house.set(partial_price="cancelled", common_feedback_url=house.notice_url("feedback"))
    house.net.apps["http://hold-shop.test:80"] = house.shop.app()
    wish = club(house, "CLUB-4")
    plan, held = (await house.call("POST", "/v1/plans", wish)).json(), house.hold_notices()
    await house.authenticate(Opened("", plan["window_url"], "", ""))
    await house.quiet()
    (charged,) = [one for one in house.sandbox.bank.as_json()["payments"] if one["captured"]]
    paid = list(held)
    house.sandbox.desks["payapp"].refund({"merchant_ref": charged["merchant_ref"], "amount": amount})
    await house.quiet()
    back = held[len(paid) :]
    for news in (back, paid, back, back):
        await house.let_go(news)
    await house.beat()

    (round_,) = await house.all("SELECT id, captured, refunded FROM payments")
    assert (round_["captured"], round_["refunded"]) == (33_000, amount)
    assert await house.cases(round_["id"], only_open=False) == []
    await house.check_books()


async def plan_by_script(house, **changes):
    house.site = await house.pair("http://script-shop.test", window="js")
    house.set(common_feedback_url=house.notice_url("feedback"))
    house.net.apps["http://script-shop.test:80"] = house.shop.app()
    wish = club(house, "CLUB-3")
    plan = (await house.call("POST", "/v1/plans", wish)).json()
    async with house.client() as client:
        fields = hidden((await client.get(plan["window_url"])).text)
    return plan, fields | changes


async def agree(house, fields):
    sent = await ask(house.sandbox_app, "POST", f"{SANDBOX}/payapp/lite/rebill", urlencode(fields).encode())
    await house.authenticate(Opened("", f"{SANDBOX}{sent.headers['location']}", "", ""))
    await house.quiet()


async def test_a_plan_is_registered_from_the_buyers_browser_and_its_first_charge_brings_its_number(house):
    plan, fields = await plan_by_script(house)
    async with house.client() as client:
        page = await client.get(plan["window_url"])
        state = await client.get(plan["window_url"].replace("/window", "/state"))
    assert 'data-function="PayApp.rebill"' in page.text
    assert state.json() == {"state": "open", "result_url": f"{house.site.url}/club"}
    early = await house.call("POST", f"/v1/plans/{plan['id']}/stop", {"customer": "customer-1"})
    assert (early.status_code, early.json()["code"]) == (409, "not_now")

    await agree(house, fields)

    (row,) = await house.all("SELECT * FROM plans")
    assert (row["state"], row["rounds"], bool(row["number"])) == ("active", 1, True)
    assert [one["state"] for one in await house.all("SELECT state FROM payments")] == ["paid"]
    async with house.client() as client:
        again = await client.get(plan["window_url"])
        forged = await client.get("/p/not-a-token/window")
    assert (again.status_code, again.headers["location"]) == (303, f"{house.site.url}/club")
    assert "정기결제 창을 열지 못했어요" in forged.text
    ended = await house.call("DELETE", f"/v1/plans/{plan['id']}", {"customer": "customer-1"})
    assert ended.json()["state"] == "ended"
    await house.check_books()


async def test_a_plan_whose_buyer_was_erased_opens_no_window_any_more_and_can_be_ended(house):
    plan, _ = await plan_by_script(house)
    await house.call("POST", "/v1/privacy/erase", {"actor": "wp:7", "phone": "010-1234-5678"})
    async with house.client() as client:
        page = await client.get(plan["window_url"])

    assert (page.status_code, page.headers["location"]) == (303, f"{house.site.url}/club")
    ended = await house.call("DELETE", f"/v1/plans/{plan['id']}", {"customer": "customer-1"})
    assert (ended.status_code, ended.json()["state"]) == (200, "ended")


async def test_a_plan_that_nobody_agreed_to_is_ended_here_and_its_window_is_not_opened_again(house):
    plan, fields = await plan_by_script(house)
    assert plan["allowed"] == ["end"]
    ended = await house.call("DELETE", f"/v1/plans/{plan['id']}", {"customer": "customer-1"})
    async with house.client() as client:
        again = await client.get(plan["window_url"])

    assert (ended.status_code, ended.json()["state"]) == (200, "ended")
    assert again.status_code == 303
    await agree(house, fields)  # with what an open page still held
    (payment,) = await house.all("SELECT * FROM payments")
    assert await house.cases(payment["id"]) == ["foreign_number"], "the buyer is charged for a plan that had ended"
    await house.live(30.0, 5.0)
    (row,) = await house.all("SELECT state, number, end_owed FROM plans")
    assert (row["state"], row["end_owed"]) == ("ended", 0)
    ends = [dict(parse_qsl(one.body.decode())) for one in house.net.sent if b"rebillCancel" in one.body]
    assert [one["rebill_no"] for one in ends] == [row["number"]], "and is not charged for it again"
    await house.clock.forward(40 * 86_400)
    rounds = house.sandbox.desks["payapp"].deposit({"rebill_no": int(row["number"])})
    assert (rounds["state"], rounds["notices"]) == ("cancelled", 0)


async def test_a_plan_agreed_to_twice_is_a_persons(house):
    plan, fields = await plan_by_script(house)
    await agree(house, fields)
    await agree(house, fields)
    first, second = await house.all("SELECT * FROM payments ORDER BY order_ref")

    assert await house.cases(first["id"]) == []
    assert await house.cases(second["id"]) == ["foreign_number"]
    assert plan["state"] == "waiting"


async def test_a_plan_agreed_to_at_another_price_does_not_begin(house):
    _, fields = await plan_by_script(house, goodprice="1000", amount_taxable="910", amount_vat="90")
    await agree(house, fields)
    (plan,) = await house.all("SELECT * FROM plans")

    assert plan["state"] == "waiting"
    (payment,) = await house.all("SELECT * FROM payments")
    assert payment["state"] != "paid"


async def test_a_payment_belongs_to_the_staff_account_that_the_site_names_once_that_is_registered(house):
    house.site = await house.pair("http://staff-shop.test", sub_account="staff1")
    unknown = await house.post_checkout(house.token(house.order()))
    staff = {
        "cmd": "subidregist",
        "userid": "payapptest",
        "subuserid": "staff1",
        "subpwd": "abcd1234",
        "subname": "직원",
    }
    await ask(house.sandbox_app, "POST", f"{SANDBOX}/payapp/oapi/apiLoad.html", urlencode(staff).encode())
    payment = await house.buy()

    assert (unknown.status_code, unknown.json()["code"]) == (503, "gateway_unavailable")
    assert payment.state == "paid"
    assert [one.form["subuserid"] for one in house.sandbox.desks["payapp"]._till.requests.values()] == ["staff1"]
    await house.check_books()


async def test_an_amount_below_the_least_is_refused_before_anything_is_sent(house):
    answer = await house.post_checkout(house.token(house.order(amount=999)))

    assert answer.status_code == 422
    assert answer.json()["minimum"] == 1_000
    assert "1,000원부터" in answer.text
    assert house.net.sent == []
    assert not house.sandbox.requests


CARD = {"number": "9410123412341234", "expires": "3012", "holder": "900101", "password": "12"}
CLUB = {
    "customer": "customer-1",
    "title": "월 회원권",
    "buyer": {"name": "홍길동", "phone": "010-1234-5678"},
    "actor": "buyer",
}


@pytest.mark.parametrize(
    ("changes", "word", "korean"),
    [
        ({"buyer": {"name": "홍길동"}}, "buyer.phone", "휴대전화 번호"),
        ({"buyer": {"name": "홍길동", "phone": "1234"}}, "buyer.phone", "휴대전화 번호"),
        ({"buyer": {"name": " ", "phone": "010-1234-5678"}}, "buyer.name", "이름"),
        ({"card": CARD | {"holder": ""}}, "card.holder", "생년월일 6자리"),
        ({"card": CARD | {"holder": "19900101"}}, "card.holder", "생년월일 6자리"),
        ({"card": CARD | {"password": ""}}, "card.password", "비밀번호 앞 두 자리"),
        ({"card": CARD | {"password": "1"}}, "card.password", "비밀번호 앞 두 자리"),
    ],
)
async def test_a_card_is_refused_here_where_payapp_needs_more_than_was_typed(house, changes, word, korean):
    house.site = await house.pair("http://typed-shop.test", card_entry="on")
    wish = CLUB | {"card": CARD, "result_url": f"{house.site.url}/club"} | changes
    refused = await house.call("POST", "/v1/billing-keys", wish)

    said = refused.json()
    assert (refused.status_code, said["code"]) == (400, "malformed"), said
    assert word in said["detail"]
    assert korean in said["message_ko"]
    assert said["message_ko"].endswith("필요해요.")
    assert await house.all("SELECT * FROM billing_keys") == []
    assert not house.sandbox.requests, "nothing was sent"
    taken = await house.call("POST", "/v1/billing-keys", wish | CLUB | {"card": CARD | {"holder": "1234567890"}})
    assert taken.status_code == 201, taken.text


async def test_a_key_is_not_charged_and_no_plan_is_registered_without_a_phone(house):
    house.site = await house.pair("http://typed-shop.test", card_entry="on")
    house.net.apps["http://typed-shop.test:80"] = house.shop.app()
    key = (await house.call("POST", "/v1/billing-keys", CLUB | {"card": CARD, "result_url": house.site.url})).json()
    many = len(house.sandbox.requests)
    order = house.order(buyer={"name": "홍길동"})
    charged = await house.call(
        "POST", f"/v1/billing-keys/{key['id']}/charges", {"customer": "customer-1", "order": order, "actor": "wp:7"}
    )
    plan = CLUB | {"order_ref": "CLUB-9", "amount": 33_000, "cycle": "month", "day": 25, "ends": "2027-12-31"}
    planned = await house.call(
        "POST", "/v1/plans", plan | {"buyer": {"name": "홍길동"}, "result_url": f"{house.site.url}/club"}
    )

    for answer in (charged, planned):
        assert (answer.status_code, answer.json()["code"]) == (400, "malformed"), answer.text
        assert "휴대전화 번호" in answer.json()["message_ko"]
    assert len(house.sandbox.requests) == many
    assert await house.all("SELECT * FROM payments") == []
    assert await house.all("SELECT * FROM plans") == []


ADDRESS, MEMO = "서울시 중구 세종대로 110", "문 앞에 놓아 주세요"
TABLES = ("payments", "notices", "calls", "news", "audit")


async def post_shop(house):
    """A shop that has PayApp ask for addresses."""
    house.site = await house.pair("http://post-shop.test", ask_address="1")
    house.net.apps["http://post-shop.test:80"] = house.shop.app()


async def bought_with_an_address(house):
    opened = await house.checkout()
    await house.come_back(opened, pay_addr=ADDRESS, pay_memo=MEMO)
    await house.beat()
    return await house.payment(opened.payment)


async def typed_of(house, payment):
    answer = await house.call("POST", "/v1/privacy/export", {"actor": "wp:7", "order": payment.order_ref})
    (order,) = answer.json()["orders"]
    return order["payments"][0].get("typed")


async def test_an_address_typed_at_payapp_is_told_to_who_asks_for_it_and_kept_in_the_clear_nowhere(house):
    await post_shop(house)
    payment = await bought_with_an_address(house)
    shown = await house.call("GET", f"/v1/payments/{payment.id}")

    assert payment.state == "paid"
    assert await typed_of(house, payment) == {"address": ADDRESS, "memo": MEMO}
    kept = {name: await house.all(f"SELECT * FROM {name}") for name in TABLES}
    for text in (shown.text, json.dumps(kept, ensure_ascii=False, default=str)):
        assert ADDRESS not in text
        assert MEMO not in text


async def test_an_address_goes_with_the_notice_it_came_in_and_with_the_person(house):
    await post_shop(house)
    old = await bought_with_an_address(house)
    await house.clock.forward(91 * 86_400)
    await retain(house.context)
    assert await typed_of(house, old) is None, "payloads are kept for 90 days"
    left = await house.checkout()
    await house.authenticate(left, pay_addr=ADDRESS)
    await house.quiet()
    fresh = await house.payment(left.payment)
    assert await typed_of(house, fresh) == {"address": ADDRESS}
    await house.clock.forward(5 * 366 * 86_400 + 86_400)
    erased = await house.call("POST", "/v1/privacy/erase", {"actor": "wp:7", "email": "hong@example.com"})

    assert erased.json() == {"erased": 2, "kept": []}
    assert await typed_of(house, fresh) is None
    rows = await house.all("SELECT raw_sealed FROM notices")
    assert {row["raw_sealed"] for row in rows} == {"erased"}


async def test_a_notice_that_the_sellers_new_values_do_not_fit_is_left_out_of_what_is_told(house):
    await post_shop(house)
    payment = await bought_with_an_address(house)
    gateway = house.context.sites.get(house.site.id).gateway("payapp")
    object.__setattr__(gateway.settings, "linkval", "CHANGED")

    assert await typed_of(house, payment) is None
