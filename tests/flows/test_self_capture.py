"""A gateway that captures in its own window: its notice pays, and its request is withdrawn at the end."""

import asyncio

import pytest
from structlog.testing import capture_logs

from tests.flows.test_cases import case_of, decide, offered
from tests.flows.test_notices import replayed

LIFE = 900


@pytest.fixture
async def told(world):
    """A site whose gateway captures by itself and tells with a shared secret (as PayApp)."""
    await world.pair_teller("SelfTold")
    return world


async def opened(world, **order):
    """An open window."""
    checkout = await world.checkout(world.order(**order))
    return checkout, await world.payment(checkout.payment)


async def paid(world, **order):
    """A payment that the buyer made in the window, and the notice of it."""
    checkout, payment = await opened(world, **order)
    world.teller.capture(payment.merchant_ref)
    answer = await world.tell("approved", payment)
    await world.quiet()
    return checkout, payment, answer


async def test_a_notice_with_the_secret_pays(told):
    world = told
    checkout, payment, answer = await paid(world)
    after = await world.payment(payment.id)

    assert (answer.status_code, answer.text) == (200, "SUCCESS")
    assert (after.state, after.captured) == ("paid", 55_000)
    assert await world.entries(payment.id) == [("capture", 55_000, "E7")]
    assert await world.told(payment.id) == ["payment.paid"]
    assert (await world.status(checkout))["state"] == "paid"
    assert world.shop.questions == [], "no seats are held, so nobody is asked"
    kinds = [one.kind for one in await world.operations(payment.id)]
    assert kinds == ["approve"], "it has no other request, so none is withdrawn"
    await world.check_books()


async def test_the_buyer_who_comes_back_first_waits_for_the_notice_and_is_told_nothing_else(told):
    world = told
    checkout, payment = await opened(world)
    page = await world.return_from_teller(checkout)
    assert page.status_code == 200
    assert "다시 결제하지 마세요" in page.text
    assert "/order?" not in page.text
    assert await world.state(payment.id) == "open"
    world.teller.capture(payment.merchant_ref)
    await world.tell("approved", payment)
    await world.quiet()
    again = await world.return_from_teller(checkout)

    assert again.status_code == 303
    assert again.headers["location"].startswith(f"{world.site.url}/result")


async def test_the_same_notice_by_two_routes_is_one_payment(told):
    world = told
    _, payment, _ = await paid(world)
    answers = [await world.tell("approved", payment, route=route) for route in ("", "common", "common", "third")]
    await world.quiet()

    assert [answer.text for answer in answers] == ["SUCCESS"] * 4
    assert await world.entries(payment.id) == [("capture", 55_000, "E7")]
    assert await world.told(payment.id) == ["payment.paid"]


async def test_a_hundred_copies_at_once_are_one_payment(told):
    world = told
    _, payment = await opened(world)
    world.teller.capture(payment.merchant_ref)
    answers = await asyncio.gather(*(world.tell("approved", payment, copy=str(n % 10)) for n in range(100)))
    await world.quiet()

    assert {answer.text for answer in answers} == {"SUCCESS"}
    assert await world.entries(payment.id) == [("capture", 55_000, "E7")]
    assert await world.told(payment.id) == ["payment.paid"]


async def test_without_the_secret_nothing_moves_and_nothing_is_acknowledged(told):
    world = told
    _, payment = await opened(world)
    answer = await world.tell("approved", payment, secret="guessed")

    assert answer.status_code == 400
    assert await world.state(payment.id) == "open"
    assert await world.all("SELECT * FROM notices") == []


async def test_a_genuine_payment_of_somebody_elses_request_never_pays_our_order(told):
    """Whoever knows the merchant's name can ask for 1,000 KRW under our reference, and pay it."""
    world = told
    _, payment = await opened(world)
    answer = await world.tell("approved", payment, number="T999999", amount=1_000)
    same_amount = await world.tell("approved", payment, number="T999998")
    twice = await world.tell("approved", payment, number="T999997", amount=1_000)
    await world.tell("approved", payment, number="T999997", amount=1_000)
    await world.quiet()

    assert (answer.status_code, same_amount.status_code, twice.status_code) == (404, 404, 404)
    assert await world.state(payment.id) == "open"
    assert await world.entries(payment.id) == []
    assert await world.cases(payment.id) == ["foreign_number"]
    assert [row["amount"] for row in await world.all("SELECT amount FROM cases")] == [57_000], "each is other money"


async def test_a_genuine_payment_of_somebody_elses_request_is_a_persons_when_its_notice_is_read_again(told):
    world = told
    _, payment = await opened(world)
    with capture_logs() as lines:
        await world.tell("approved", payment, number="T999999")
        await world.tell("approved", payment, number="T999999")
    assert await replayed(world, "state = 'strange'") == []
    (row,) = await world.all("SELECT state, outcome, payment FROM notices")
    assert row == {"state": "done", "outcome": "another payment under our reference", "payment": payment.id}
    assert await world.cases(payment.id) == ["foreign_number"]
    assert await world.state(payment.id) == "open"
    said = [line["outcome"] for line in lines if line["event"] == "a notice fits no payment"]
    assert said == ["another payment under our reference", "seen before"]


async def test_a_foreign_payment_that_is_reported_by_design_is_acknowledged_and_moves_nothing(told):
    world = told
    _, payment = await opened(world)
    foreign = await world.tell("approved", payment, ref="NOT-OURS", number="T777777", route="common")
    unknown = await world.tell("approved", payment, ref="NOT-OURS-EITHER", number="T777778")

    assert (foreign.status_code, foreign.text) == (200, "SUCCESS")
    assert unknown.status_code == 404
    rows = await world.all("SELECT state FROM notices")
    assert [row["state"] for row in rows] == ["strange", "strange"]
    assert await world.cases(payment.id) == []


@pytest.mark.parametrize("change", [{"amount": 5_500}, {"currency": "usd"}])
async def test_another_amount_or_currency_is_given_back_by_itself_and_told(told, change):
    world = told
    _, payment = await opened(world)
    world.teller.capture(payment.merchant_ref, change.get("amount"))
    await world.tell("approved", payment, **change)
    await world.quiet()
    await world.live(5, step=1)
    after = await world.payment(payment.id)

    assert (after.state, after.reason) == ("voided", "amount_mismatch")
    assert world.trade(payment).net == 0
    assert await world.cases(payment.id) == ["amount_mismatch"]
    assert await world.told(payment.id) == ["payment.failed"]
    await world.check_books()


async def test_the_second_window_of_a_paid_order_is_given_back_and_told(told):
    world = told
    order = world.order()
    first = await world.checkout(order)
    second = await world.checkout(order, device="mobile")
    one, two = await world.payment(first.payment), await world.payment(second.payment)
    for payment in (one, two):
        world.teller.capture(payment.merchant_ref)
        await world.tell("approved", payment)
        await world.quiet()
    await world.live(5, step=1)
    after = await world.payment(two.id)

    assert await world.state(one.id) == "paid"
    assert (after.state, after.reason) == ("voided", "order_paid")
    assert await world.cases(two.id) == ["order_paid_twice"]
    assert (world.trade(one).net, world.trade(two).net) == (55_000, 0)
    assert await world.told(two.id) == ["payment.failed"]
    await world.check_books()


async def test_a_cancel_that_was_only_taken_in_is_not_sent_again_and_ends_by_its_notice(told):
    world = told
    order = world.order()
    one, two = await world.checkout(order), await world.checkout(order, device="mobile")
    world.teller.fail("refund", "taken_in")
    for checkout in (one, two):
        payment = await world.payment(checkout.payment)
        world.teller.capture(payment.merchant_ref)
        await world.tell("approved", payment)
        await world.quiet()
    await world.live(3_600, step=60)
    payment = await world.payment(two.payment)
    assert payment.state == "voiding"
    assert sorted(await world.cases(payment.id)) == ["order_paid_twice", "unknown_outcome"]
    assert await world.state(one.payment) == "paid", "the order stays with the payment that has it"
    assert world.teller.calls["refund"] == 1
    world.trade(payment).refunds.append(55_000)
    await world.tell("cancelled", payment)
    await world.quiet()

    assert await world.state(payment.id) == "voided"
    assert await world.entries(payment.id) == [("capture", 55_000, "E7"), ("undo", -55_000, "E7")]
    await world.check_books()


# ---- the seats


async def test_the_seats_are_asked_about_after_the_money_and_a_yes_pays(told):
    world = told
    _, payment = await opened(world, hold_expires_at=world.hold(600))
    await world.clock.forward(601)
    world.teller.capture(payment.merchant_ref)
    answer = await world.tell("approved", payment)
    await world.quiet()

    assert answer.text == "SUCCESS"
    assert await world.state(payment.id) == "paid"
    assert [question["payment"] for question in world.shop.questions] == [payment.id]


async def test_a_buyer_who_comes_back_while_the_seats_are_asked_about_waits_for_that_and_is_told_that_it_is_paid(told):
    world = told
    checkout, payment = await opened(world, hold_expires_at=world.hold(600))
    asked, answers, really = asyncio.Event(), asyncio.Event(), world.context.wire.post

    async def post(*told, **how):
        asked.set()
        await answers.wait()
        return await really(*told, **how)

    world.context.wire.post = post
    await world.clock.forward(601)
    world.teller.capture(payment.merchant_ref)
    await world.tell("approved", payment)
    await asked.wait()
    coming = asyncio.ensure_future(world.return_from_teller(checkout))
    await world.let_turns_end()
    answers.set()
    page = await coming
    assert (page.status_code, "/result?" in page.headers.get("location", "")) == (303, True)


async def test_seats_that_are_gone_give_the_money_back_by_itself(told):
    world = told
    checkout, payment = await opened(world, hold_expires_at=world.hold(600))
    world.shop.fence = lambda question: {"hold": False, "reason": "hold_ends"}
    await world.clock.forward(601)
    world.teller.capture(payment.merchant_ref)
    await world.tell("approved", payment)
    await world.quiet()
    await world.live(5, step=1)
    after = await world.payment(payment.id)

    assert (after.state, after.reason) == ("voided", "seat_lost")
    assert await world.entries(payment.id) == [("capture", 55_000, "E7"), ("undo", -55_000, "E6")]
    assert await world.told(payment.id) == ["payment.failed"]
    assert await world.cases(payment.id) == []
    assert "취소됐어요" in (await world.status(checkout))["message_ko"]
    await world.check_books()


async def test_a_site_that_does_not_answer_keeps_the_money_and_asks_a_person(told):
    world = told
    _, payment = await opened(world, hold_expires_at=world.hold(600))
    world.net.down.add(f"{world.site.url}:80")
    await world.clock.forward(601)
    world.teller.capture(payment.merchant_ref)
    await world.tell("approved", payment)
    await world.quiet()

    assert await world.state(payment.id) == "paid"
    assert await world.cases(payment.id) == ["seats_unconfirmed"]


async def test_a_hold_that_lasts_is_not_asked_about(told):
    world = told
    await paid(world, hold_expires_at=world.hold(60))

    assert world.shop.questions == []


async def test_an_order_that_changed_meanwhile_is_given_back(told):
    world = told
    order = world.order()
    checkout = await world.checkout(order)
    payment = await world.payment(checkout.payment)
    await world.checkout(order | {"version": 2, "amount": 66_000})
    world.teller.capture(payment.merchant_ref)
    await world.tell("approved", payment)
    await world.quiet()
    await world.live(5, step=1)

    assert (await world.payment(payment.id)).reason == "order_changed"
    assert await world.state(payment.id) == "voided"
    await world.check_books()


async def test_a_crash_while_the_seats_are_asked_about_forgets_nothing(told):
    world = told
    _, payment = await opened(world, hold_expires_at=world.hold(600))
    world.net.down.add(f"{world.site.url}:80")
    never = asyncio.Event()

    async def hang(*_, **__):
        await never.wait()

    world.context.wire.post = hang
    await world.clock.forward(601)
    world.teller.capture(payment.merchant_ref)
    answer = await world.tell("approved", payment)
    assert answer.text == "SUCCESS", "it is acknowledged once it is in the books"
    assert await world.state(payment.id) == "open"
    world.net.down.clear()
    await world.restart()

    assert await world.state(payment.id) == "paid"
    await world.check_books()


# ---- the end of the window


async def test_a_window_that_nobody_paid_is_withdrawn_and_ends(told):
    world = told
    checkout, payment = await opened(world)
    await world.live(LIFE + 90, step=10)
    probe = next(one for one in await world.operations(payment.id) if one.kind == "probe")

    assert await world.state(payment.id) == "expired"
    assert (probe.step, probe.evidence) == ("ok", "E6")
    assert world.trade(payment).withdrawn
    assert await world.told(payment.id) == ["payment.failed"]
    assert (await world.status(checkout))["state"] == "expired"


async def test_a_paid_window_whose_notice_got_lost_holds_its_order_until_a_person_knows(told):
    world = told
    order = world.order()
    checkout = await world.checkout(order)
    payment = await world.payment(checkout.payment)
    world.teller.capture(payment.merchant_ref)
    await world.live(LIFE + 90, step=10)
    assert await world.state(payment.id) == "unknown"
    again = await world.post_checkout(world.token(order))
    assert "window_url" not in again.json(), "nobody is asked to pay again"
    await world.live(400, step=10)
    assert await world.state(payment.id) == "needs_human"
    assert await world.cases(payment.id) == ["unknown_outcome"]
    assert await world.told(payment.id) == ["payment.confirming"]
    await world.tell("approved", payment)
    await world.quiet()

    assert await world.state(payment.id) == "paid"
    assert await world.cases(payment.id) == []
    assert [one.step for one in await world.operations(payment.id) if one.kind == "probe"] == ["fail"]
    await world.check_books()


async def test_a_withdrawal_whose_answer_got_lost_is_repeated(told):
    world = told
    _, payment = await opened(world)
    world.teller.fail("probe", "lost_after", "lost_before")
    await world.live(LIFE + 100, step=5)

    assert await world.state(payment.id) == "expired"
    assert world.teller.calls["probe"] == 3


async def test_a_withdrawal_nobody_answers_is_a_persons_at_last(told):
    world = told
    _, payment = await opened(world)
    world.teller.always["probe"] = "lost_before"
    await world.live(LIFE + 61 + 355, step=10)
    assert await world.state(payment.id) == "open"
    await world.live(60, step=10)
    assert await world.state(payment.id) == "needs_human"
    world.teller.always.clear()
    await world.live(620, step=20)

    assert await world.state(payment.id) == "declined"
    assert await world.cases(payment.id) == []
    await world.check_books()


async def test_a_perhaps_paid_window_never_takes_an_order_from_the_payment_that_has_it(told):
    world = told
    order = world.order()
    first, second = await world.checkout(order), await world.checkout(order, device="mobile")
    one, two = await world.payment(first.payment), await world.payment(second.payment)
    world.teller.capture(one.merchant_ref)
    await world.tell("approved", one)
    world.teller.capture(two.merchant_ref)
    await world.live(LIFE + 500, step=10)
    assert (await world.state(one.id), await world.state(two.id)) == ("paid", "open")
    assert await world.cases(two.id) == ["unknown_outcome"]
    await world.tell("approved", two)
    await world.quiet()
    await world.live(5, step=1)

    assert await world.state(two.id) == "voided"
    assert world.trade(two).net == 0
    await world.check_books()


@pytest.fixture
async def beside(told):
    """A window that may have taken money for an order that another payment has."""
    world = told
    order = world.order()
    first, second = await world.checkout(order), await world.checkout(order, device="mobile")
    one, two = await world.payment(first.payment), await world.payment(second.payment)
    world.teller.capture(one.merchant_ref)
    await world.tell("approved", one)
    world.teller.capture(two.merchant_ref)
    await world.live(LIFE + 500, step=10)
    assert (await world.state(one.id), await world.state(two.id)) == ("paid", "open")
    return world, one, two


@pytest.mark.parametrize(("decision", "state"), [("declined", "declined"), ("voided", "voided")])
async def test_people_decide_about_a_window_that_may_have_taken_money_beside_the_orders_payment(
    beside, decision, state
):
    world, one, two = beside
    case = await case_of(world, two.id)
    assert offered(case) == ["declined", "voided"]
    world.trade(two).refunds.append(55_000)
    await decide(world, case, decision)
    await world.live(3_700, step=60)

    assert (await world.state(one.id), await world.state(two.id)) == ("paid", state)
    assert await world.cases(two.id) == []
    assert {one.step for one in await world.operations(two.id)} == {"ok"}


async def test_a_window_whose_order_became_free_waits_for_people_as_any_other(beside):
    world, one, two = beside
    await world.refund(one.id)
    await world.quiet()
    await world.live(3_700, step=60)

    assert await world.state(two.id) == "needs_human"
    assert offered(await case_of(world, two.id)) == ["paid", "declined", "voided"]


async def test_the_gateways_word_that_the_request_was_cancelled_ends_it(told):
    world = told
    _, payment = await opened(world)
    world.trade(payment).withdrawn = True
    answer = await world.tell("request_cancelled", payment)

    assert answer.text == "SUCCESS"
    assert await world.state(payment.id) == "expired"


async def test_an_account_that_was_closed_at_the_gateway_ends_its_payment(told):
    world = told
    _, payment = await opened(world)
    await world.tell("issued", payment)
    await world.tell("request_cancelled", payment)

    assert await world.state(payment.id) == "voided"
    assert await world.told(payment.id) == ["payment.awaiting_deposit", "payment.failed"]
    assert await world.entries(payment.id) == []


async def test_a_cancelled_request_says_nothing_of_a_gateway_that_approves(world):
    await world.pair_teller("AskedOnHint")
    payment = await world.payment((await world.checkout()).payment)
    await world.tell("request_cancelled", payment)

    assert await world.state(payment.id) == "open"


async def test_a_cancelled_request_is_never_taken_for_a_refund_of_a_paid_one(told):
    world = told
    _, payment, _ = await paid(world)
    await world.tell("request_cancelled", payment)

    assert await world.state(payment.id) == "paid"
    assert await world.entries(payment.id) == [("capture", 55_000, "E7")]


async def test_money_told_of_an_ended_payment_is_written_down_and_a_persons(told):
    world = told
    _, payment = await opened(world)
    await world.live(LIFE + 90, step=10)
    assert await world.state(payment.id) == "expired"
    world.trade(payment).captured = 55_000
    for _ in range(3):
        await world.tell("approved", payment)
    await world.tell("approved", payment, route="common")
    await world.quiet()
    after = await world.payment(payment.id)

    assert (after.state, after.orphaned) == ("expired", 55_000)
    assert await world.entries(payment.id) == [("orphan_capture", 55_000, "E7")]
    assert await world.cases(payment.id) == ["money_on_ended_payment"]
    await world.check_books()


async def test_what_is_given_back_of_it_in_the_console_is_written_down_too(told):
    world = told
    _, payment = await opened(world)
    await world.live(LIFE + 90, step=10)
    world.trade(payment).captured = 55_000
    await world.tell("approved", payment)
    world.trade(payment).refunds.append(55_000)
    await world.tell("cancelled", payment)
    await world.quiet()

    assert (await world.payment(payment.id)).orphaned == 0
    assert await world.cases(payment.id) == []
    await world.check_books()


# ---- requests, accounts, other news


async def test_a_request_that_waits_for_its_acknowledgement_gets_it_and_moves_nothing(told):
    world = told
    _, payment = await opened(world)
    answer = await world.tell("requested", payment)

    assert answer.text == "SUCCESS"
    assert await world.state(payment.id) == "open"


async def test_an_account_that_was_issued_waits_and_its_deposit_pays(told):
    world = told
    checkout, payment = await opened(world)
    await world.tell("issued", payment)
    waiting = await world.payment(payment.id)
    assert (waiting.state, waiting.account["number"]) == ("awaiting_deposit", "110-1")
    assert (await world.status(checkout))["state"] == "awaiting_deposit"
    world.teller.capture(payment.merchant_ref)
    await world.tell("approved", payment)
    await world.quiet()

    assert await world.state(payment.id) == "paid"
    assert await world.told(payment.id) == ["payment.awaiting_deposit", "payment.paid"]
    await world.check_books()


async def test_an_account_told_of_while_its_request_is_being_withdrawn_waits_for_what_comes_of_that(told):
    world = told
    _, payment = await opened(world)
    world.teller.fail("probe", "lost_before", "lost_before", "lost_before")
    await world.live(LIFE, step=60)
    await world.live(62, step=1)
    assert world.teller.calls["probe"], "the withdrawal has begun, and has no answer"
    answer = await world.tell("issued", payment)
    await world.quiet()
    assert answer.text == "SUCCESS"
    assert (await world.payment(payment.id)).account == {}
    await world.live(120, step=5)

    assert await world.state(payment.id) == "expired"
    assert [(one.kind, one.step, one.evidence) for one in await world.operations(payment.id)] == [("probe", "ok", "E6")]
    assert [row["state"] for row in await world.all("SELECT state FROM notices")] == ["done"]
    assert await world.told(payment.id) == ["payment.failed"]


async def test_a_deposit_into_an_account_nobody_had_told_of_pays_though_its_request_was_being_withdrawn(told):
    world = told
    _, payment = await opened(world)
    world.teller.fail("probe", *["lost_before"] * 3)
    await world.live(LIFE, step=60)
    await world.live(62, step=1)
    await world.tell("issued", payment)
    world.teller.capture(payment.merchant_ref)
    await world.tell("deposited", payment)
    await world.live(120, step=5)

    assert await world.state(payment.id) == "paid"
    assert [row["state"] for row in await world.all("SELECT state FROM notices")] == ["done", "done"]
    await world.check_books()


async def test_a_deposit_for_seats_that_are_gone_is_paid_and_a_persons(told):
    world = told
    _, payment = await opened(world, hold_expires_at=world.hold(600))
    await world.tell("issued", payment)
    world.shop.fence = lambda question: {"hold": False, "reason": "hold_ends"}
    await world.clock.forward(3_600)
    world.teller.capture(payment.merchant_ref)
    await world.tell("deposited", payment)
    await world.quiet()

    assert await world.state(payment.id) == "paid"
    assert await world.cases(payment.id) == ["seat_lost"]


async def test_an_account_is_not_waited_for_when_another_payment_has_the_order(told):
    world = told
    order = world.order()
    first, second = await world.checkout(order), await world.checkout(order, device="mobile")
    one, two = await world.payment(first.payment), await world.payment(second.payment)
    world.teller.capture(one.merchant_ref)
    await world.tell("approved", one)
    answer = await world.tell("issued", two)

    assert answer.text == "SUCCESS"
    assert await world.state(two.id) == "open"


async def test_other_news_is_kept_and_acknowledged(told):
    world = told
    _, payment = await opened(world)
    answer = await world.tell("other", payment)

    assert answer.text == "SUCCESS"
    (row,) = await world.all("SELECT outcome FROM notices")
    assert row["outcome"] == "nothing to do"


async def test_a_probe_of_the_address_is_answered(told):
    async with told.client() as client:
        answer = await client.head(told.notice_path("feedback"))

    assert answer.status_code == 200
