"""PayApp requests that are left over when one is paid: withdrawn, so that nobody pays twice. Nothing waits for it."""

import asyncio

from bridge.flows.heartbeat import beat
from bridge.flows.reconcile import end_gap
from bridge.flows.withdraw import PAUSES_SECONDS
from bridge.ledger import facts, gap
from tests.gateways.presses import opened, page_of, press, withdraw, withdrawals

HOURS_SECONDS = 10_800.0


async def paid_and_left(house):
    """A buyer presses twice and pays by the second request; gives the payment and the page that is left."""
    checkout, payment = await opened(house)
    left, page = await page_of(house, checkout), await page_of(house, checkout)
    await house.come_back(page)
    await house.quiet()
    return await house.payment(payment.id), left


async def withdrawal_of(house, payment):
    (made,) = [one for one in await house.operations(payment.id) if one.kind == "withdraw"]
    return made


async def events_of(house, payment):
    rows = await house.all("SELECT event FROM audit WHERE payment = ? ORDER BY seq", payment.id)
    return [row["event"] for row in rows]


async def test_once_one_request_is_paid_nobody_can_pay_the_other(house):
    payment, left = await paid_and_left(house)
    assert (payment.state, len(payment.requests)) == ("paid", 2)
    await house.beat()
    after = await house.payment(payment.id)
    made = await withdrawal_of(house, payment)
    await house.authenticate(left)
    await house.quiet()

    assert after.requests == (after.refs["mul_no"],)
    assert (made.step, made.evidence) == ("ok", "E6")
    assert (await events_of(house, payment)).count("window.withdrawn") == 1
    assert house.book(after).net == 55_000
    assert await house.told(payment.id) == ["payment.paid"]
    assert await house.cases(payment.id, only_open=False) == []
    await house.check_books()


async def test_all_that_are_left_are_withdrawn_one_after_the_other(house):
    checkout, payment = await opened(house)
    pages = [await page_of(house, checkout) for _ in range(5)]
    await house.come_back(pages[2])
    await house.live(10.0, 1.0)
    after = await house.payment(payment.id)
    for page in pages:
        await house.authenticate(page)
    await house.quiet()

    assert after.requests == (after.refs["mul_no"],)
    assert len(withdrawals(house)) == 4
    assert house.book(after).net == 55_000
    await house.check_books()


async def test_where_only_one_request_was_made_there_is_nothing_to_withdraw(house):
    checkout, payment = await opened(house)
    await house.come_back(await page_of(house, checkout))
    await house.live(60.0, 5.0)

    assert await house.state(payment.id) == "paid"
    assert withdrawals(house) == []
    assert [one.kind for one in await house.operations(payment.id)] == ["approve"]


async def test_a_withdrawal_that_did_not_arrive_is_repeated(house):
    house.fault("paycancel", "drop_before", times=3)
    payment, left = await paid_and_left(house)
    await house.live(60.0, 1.0)
    await house.authenticate(left)
    await house.quiet()

    assert (await withdrawal_of(house, payment)).step == "ok"
    assert len(withdrawals(house)) == 4
    assert house.book(payment).net == 55_000
    await house.check_books()


async def test_a_withdrawal_whose_answer_is_lost_is_settled_by_its_notice(house):
    house.fault("paycancel", "drop_after")
    payment, _ = await paid_and_left(house)
    await house.live(60.0, 1.0)
    made = await withdrawal_of(house, payment)

    assert (made.step, made.evidence) == ("ok", "E7")
    assert len((await house.payment(payment.id)).requests) == 1
    assert len(withdrawals(house)) == 1
    await house.check_books()


async def test_a_gateway_that_never_answers_is_asked_a_bounded_number_of_times_and_bars_nothing(house):
    house.fault("paycancel", "drop_before", times=None)
    payment, _ = await paid_and_left(house)
    await house.live(HOURS_SECONDS, 30.0)
    made = await withdrawal_of(house, payment)
    tried = len(withdrawals(house))
    await house.live(HOURS_SECONDS, 600.0)
    told = (await house.call("GET", f"/v1/payments/{payment.id}")).json()

    assert (made.step, made.next_try_at) == ("unknown", None)
    assert tried == len(withdrawals(house)) == len(PAUSES_SECONDS) + 1
    assert (await events_of(house, payment))[-1] == "window.not_withdrawn"
    assert (told["state"], told["allowed"]["refund"]) == ("paid", "full_or_part")
    assert await house.cases(payment.id, only_open=False) == []
    await house.check_books()


async def test_a_request_left_alone_for_good_neither_keeps_restored_books_shut_nor_is_looked_at_for_ever(house):
    house.fault("paycancel", "drop_before", times=None)
    payment, _ = await paid_and_left(house)
    assert await house.context.ledger.read(lambda turn: facts.under_way(turn, 10)) == [payment.id]
    await house.live(HOURS_SECONDS, 30.0)
    assert await house.context.ledger.read(lambda turn: facts.under_way(turn, 10)) == []

    restored_at = int(house.clock.now().timestamp() * 1000)
    await house.context.ledger.write(lambda turn: gap.begin(turn, restored_at, restored_at))
    shown = await end_gap(
        house.context, url=house.site.url, who="operator:kim", reason="the shop was closed for good", unheard=True
    )

    assert (shown["state"], shown["unsettled"]) == ("ended", [])


async def test_of_two_the_gateway_is_silent_about_each_is_tried_as_often(house):
    house.fault("paycancel", "drop_before", times=None)
    checkout, payment = await opened(house)
    for _ in range(2):
        await page_of(house, checkout)
    await house.come_back(await page_of(house, checkout))
    await house.live(HOURS_SECONDS, 30.0)
    asked = [one["fields"]["mul_no"] for one in withdrawals(house)]

    assert sorted(asked.count(number) for number in set(asked)) == [len(PAUSES_SECONDS) + 1] * 2
    assert payment.refs.get("mul_no") not in asked


async def test_what_was_paid_too_is_left_alone_and_its_money_found(house):
    checkout, payment = await opened(house)
    first, second = await page_of(house, checkout), await page_of(house, checkout)
    await house.come_back(first)
    await house.quiet()
    held = house.hold_notices()
    await house.authenticate(second)
    await house.beat()
    made = await withdrawal_of(house, payment)
    assert (made.step, made.evidence, made.code in ("80010", "80020")) == ("fail", "E2", True)
    assert (await events_of(house, payment))[-1] == "window.not_withdrawn"
    await house.let_go(held)

    after = await house.payment(payment.id)
    assert (after.state, after.orphaned, house.book(after).net) == ("paid", 55_000, 110_000)
    await house.check_books()


async def test_a_request_that_was_withdrawn_by_hand_is_not_asked_about(house):
    payment, _ = await paid_and_left(house)
    (number,) = payment.spare_requests
    await withdraw(house, number)
    await house.beat()

    assert (await house.payment(payment.id)).requests == (payment.refs["mul_no"],)
    assert (await withdrawal_of(house, payment)).evidence == "E7"
    assert len(withdrawals(house)) == 1, "the one by hand"


async def test_a_refund_does_not_wait_for_a_withdrawal_that_hangs(house):
    payment, _ = await paid_and_left(house)
    house.fault("paycancel", "hang_before")
    await beat(house.context)
    while not withdrawals(house):
        await house.let_turns_end()
    answer = await house.refund(payment.id)

    assert (answer.status_code, answer.json()["state"]) == (200, "done")
    assert (await withdrawal_of(house, payment)).step == "unknown"
    while house.context.tasks.find(f"withdraw:{payment.id}") is not None:
        await house.let_turns_end()
        await house.clock.forward(5.0)
    await house.beat()
    await house.live(30.0, 1.0)
    assert (await withdrawal_of(house, payment)).step == "ok"
    await house.check_books()


async def test_the_orders_other_window_ends_when_it_is_paid(house):
    house.set(common_feedback_url=house.notice_url("feedback"))
    order = house.order(buyer={"name": "홍길동"})
    token = house.token(order)
    other = await house.checkout(token=token, method="phone")
    left = await page_of(house, other)
    checkout = await house.checkout(token=token, method="card")
    assert other.payment != checkout.payment
    await house.come_back(await page_of(house, checkout))
    await house.beat()
    await house.authenticate(left)
    await house.quiet()

    assert await house.state(checkout.payment) == "paid"
    assert await house.state(other.payment) == "expired"
    assert house.book(await house.payment(other.payment)).captured == 0
    assert await house.cases(other.payment, only_open=False) == []
    await house.check_books()


async def test_where_the_order_is_paid_another_window_takes_no_request(house):
    house.set(common_feedback_url=house.notice_url("feedback"))
    token = house.token(house.order(buyer={"name": "홍길동"}))
    other = await house.checkout(token=token, method="phone")
    checkout = await house.checkout(token=token, method="card")
    await house.come_back(await page_of(house, checkout))
    await house.quiet()
    late = await press(house, other)

    assert (late.status, "70080" in late.body.decode()) == (400, True)
    assert (await house.payment(other.payment)).requests == ()
    assert await house.state(other.payment) == "open", "nothing was asked for in it, and it ends by itself"


async def test_a_window_that_a_call_opened_ends_too(house):
    token = house.token(house.order())
    other = await house.checkout(token=token, method="phone")
    checkout = await house.checkout(token=token, method="card")
    await house.come_back(checkout)
    await house.beat()
    await house.authenticate(other)
    await house.quiet()

    assert (await house.state(checkout.payment), await house.state(other.payment)) == ("paid", "expired")
    assert house.book(await house.payment(other.payment)).captured == 0
    await house.check_books()


async def test_a_window_that_opened_after_the_order_was_paid_ends_at_once(house):
    token = house.token(house.order())
    checkout = await house.checkout(token=token, method="card")
    house.sandbox.latency_seconds["payapp", "payrequest"] = 3.0
    opening = asyncio.ensure_future(house.checkout(token=token, method="phone"))
    while len(requests := house.net.calls("/apiLoad.html")) < 2:
        await house.let_turns_end()
        await asyncio.sleep(0)
    await house.authenticate(checkout)
    await house.let_turns_end()
    await house.clock.forward(4.0)
    late = await opening
    await house.beat()
    await house.authenticate(late)
    await house.quiet()

    assert (await house.state(checkout.payment), await house.state(late.payment)) == ("paid", "expired")
    assert (len(requests), house.book(await house.payment(late.payment)).captured) == (2, 0)
    await house.check_books()
