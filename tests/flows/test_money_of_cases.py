"""A case speaks of its own money: what people say of it truly leaves the ledger what the bank holds."""

import pytest

from bridge.clock import now_ms
from bridge.domain.failures import AmountRefused, DepositAwaited, NotNow, OwnNumber
from bridge.domain.gateway import Paid, Seen, Unknown
from bridge.domain.machine import Evidence, Kind, Step
from bridge.flows.check_invariants import check_everything
from bridge.flows.decide_case import Wish, confirm, propose, reject, report
from bridge.flows.orphans import close_own
from bridge.flows.owe_check import owe_check
from bridge.flows.record import Recorder
from bridge.gateways.mainpay import sandbox_notices
from bridge.ledger import payments
from tests.flows.test_cases import SEEN, case_of, decide, hire, offered, open_case
from tests.flows.test_deposits import deposit, waiting
from tests.flows.test_notices import card
from tests.flows.test_orphans import find_money
from tests.flows.test_tries import Talks, try_once

PASSED = [("orphan_capture", 55_000, "E8"), ("orphan_refund", -55_000, "E8")]


async def pay_in(world, payment):
    """Let the bank take the deposit that was asked for."""
    world.sandbox.desks["mainpay"].deposit({"merchant_ref": payment.merchant_ref})
    await world.quiet()


async def pay_in_again(world, payment, amount=55_000, number="1120SA000102"):
    """Let another deposit be told of."""
    await world.post_notice(deposit(world, payment, TRNO=number, TRTIME="110000", AMT=str(amount)))


@pytest.fixture
async def twice(world):
    """A payment by account that is paid, and whose buyer has paid in once more."""
    _, payment = await waiting(world)
    await pay_in(world, payment)
    await pay_in_again(world, payment)
    assert (await world.state(payment.id), await world.cases(payment.id)) == ("paid", ["unexpected_deposit"])
    return payment


async def test_a_second_deposit_that_was_wired_back_leaves_the_first_alone(world, twice):
    case = await case_of(world, twice.id)
    assert offered(case) == ["seen", "no_money", "given_back", "money_found"]
    await decide(world, case, "given_back")

    after = await world.payment(twice.id)
    assert (after.state, after.captured, after.refunded, after.orphaned) == ("paid", 55_000, 0, 0)
    assert await world.entries(twice.id) == [("capture", 55_000, "E7"), *PASSED]
    assert (await world.told(twice.id))[1:] == ["payment.paid", "payment.orphaned", "payment.orphan_returned"]
    assert await world.cases(twice.id) == []
    assert after.left == world.book(twice).net
    assert (await check_everything(world.context, 0)).found == ()


async def test_a_cancel_told_after_people_had_spoken_of_other_money_is_a_persons(world, twice):
    """Whether it is that money's cancel or the payment's own, the notice does not tell."""
    await decide(world, await case_of(world, twice.id), "given_back")
    await world.post_notice(card(world, twice, sandbox_notices.CANCELLED))
    assert (await world.state(twice.id), await world.cases(twice.id)) == ("paid", ["external_cancel"])
    await decide(world, await case_of(world, twice.id), "not_given_back")
    assert await world.entries(twice.id) == [("capture", 55_000, "E7"), *PASSED]


async def test_a_second_deposit_that_is_found_is_beside_the_first_until_it_is_given_back(world, twice):
    await decide(world, await case_of(world, twice.id), "money_found")
    found = await case_of(world, twice.id)
    assert (found["reason"], found["booked"], offered(found)) == ("money_on_ended_payment", 55_000, ["given_back"])
    await decide(world, found, "given_back")

    assert (await world.payment(twice.id)).state == "paid"
    assert await world.entries(twice.id) == [("capture", 55_000, "E7"), *PASSED]


@pytest.mark.parametrize("decision", ["seen", "no_money"])
async def test_a_second_report_of_the_first_deposit_moves_nothing(world, twice, decision):
    await decide(world, await case_of(world, twice.id), decision)
    assert await world.entries(twice.id) == [("capture", 55_000, "E7")]
    assert await world.cases(twice.id) == []


async def test_what_a_decision_leaves_of_a_case_stays_to_be_decided(world, twice):
    await pay_in_again(world, twice, 10_000, "1120SA000103")
    await decide(world, await case_of(world, twice.id), "given_back", amount=55_000)
    rest = await case_of(world, twice.id)
    assert (rest["reason"], rest["amount"]) == ("unexpected_deposit", 10_000)
    await decide(world, rest, "money_found", amount=4_000)
    assert (await case_of(world, twice.id, "unexpected_deposit"))["amount"] == 6_000
    await decide(world, await case_of(world, twice.id, "unexpected_deposit"), "no_money")
    assert await world.cases(twice.id) == ["money_on_ended_payment"]
    assert (await world.payment(twice.id)).orphaned == 4_000


@pytest.mark.parametrize("decision", ["given_back", "money_found", "no_money"])
async def test_a_case_takes_no_other_cases_money(world, declined, decision):
    _, payment = declined
    await find_money(world, payment.id)
    await open_case(world, payment, "unexpected_deposit", "another deposit of 55000 KRW", 55_000)
    other = await case_of(world, payment.id, "unexpected_deposit")
    assert offered(other) == ["no_money", "given_back", "money_found"]
    assert "booked" not in other
    await decide(world, other, decision)

    kept = await case_of(world, payment.id, "money_on_ended_payment")
    many = 110_000 if decision == "money_found" else 55_000
    assert (kept["booked"], kept["amount"], (await world.payment(payment.id)).orphaned) == (many, many, many)
    first = ("orphan_capture", 55_000, "E7")
    entries = {"given_back": PASSED, "money_found": PASSED[:1], "no_money": []}
    assert sorted(await world.entries(payment.id)) == sorted([first, *entries[decision]])
    assert "adopted" in offered(kept) or decision == "money_found"


async def test_a_cancel_at_the_gateway_is_of_the_payments_own_money_beside_money_found(world):
    payment = await world.buy()
    await find_money(world, payment.id, cause="second")
    await open_case(world, await world.payment(payment.id), "external_cancel", "a cancel of 55000 KRW", 55_000)
    case = await case_of(world, payment.id, "external_cancel")
    assert offered(case) == ["given_back", "not_given_back"]
    assert "in its own case" in case["advice"]["en"]
    await decide(world, case, "given_back")

    after = await world.payment(payment.id)
    assert (after.state, after.orphaned) == ("refunded", 55_000)
    assert (await world.entries(payment.id))[-1] == ("external_refund", -55_000, "E8")
    assert await world.cases(payment.id) == ["money_on_ended_payment"]


async def test_a_late_yes_is_closed_by_what_shows_it_to_be_the_payments_own_money(world):
    payment = await world.buy()
    number = payment.refs["refNo"]
    await report_late(world, payment, refNo="another")
    await close(world, payment, Evidence.E7)
    assert await world.cases(payment.id) == ["money_on_ended_payment"], "another number is other money"
    await decide(world, await case_of(world, payment.id), "seen")
    await report_late(world, payment)
    await close(world, payment, Evidence.E7)
    assert await world.cases(payment.id) == ["money_on_ended_payment"], "without a number a notice proves nothing of it"
    await close(world, payment, Evidence.E4)
    assert await world.cases(payment.id) == [], "an inquiry tells of all that was taken"
    await report_late(world, payment, refNo=number)
    await close(world, payment, Evidence.E8)
    assert await world.cases(payment.id) == ["money_on_ended_payment"], "people say so themselves"
    await close(world, payment, Evidence.E7)
    assert await world.cases(payment.id) == []
    assert await world.entries(payment.id) == [("capture", 55_000, "E1")]


async def report_late(world, payment, **refs):
    """Let a yes come after its approval was taken for unknown, as `approve` writes it."""
    recorder = Recorder.now(world.context, world.context.sites.get(world.site.id))
    said = ("money_on_ended_payment", "pay answered late that 55000 KRW were taken", 55_000)
    await world.context.ledger.write(lambda turn: recorder.case(turn, payment, *said, refs=refs))


async def close(world, payment, evidence):
    paid = Paid(55_000, dict(payment.refs))
    await world.context.ledger.write(lambda turn: close_own(turn, payment, paid, evidence, now_ms(world.context.clock)))


async def test_a_late_yes_that_an_inquiry_then_settles_leaves_nothing_to_decide(world):
    await world.pair_teller("Asked")
    opened = await world.checkout()
    talks, steps = Talks(world), []

    async def give_up():
        approving = next(one for one in await world.operations(opened.payment) if one.kind is Kind.APPROVE)
        recorder = Recorder.now(world.context, world.context.sites.get(world.site.id))

        def work(turn):
            current = payments.get(turn, world.site.id, opened.payment)
            return recorder.unknown(turn, current, approving, Unknown("its sender is gone"), "bridge").state

        steps.append(await world.context.ledger.write(work))

    talks.meanwhile = give_up
    await world.return_from_teller(opened)
    await world.quiet()
    await world.live(60, step=10)

    assert (steps, await world.state(opened.payment)) == (["unknown"], "paid")
    assert await world.entries(opened.payment) == [("capture", 55_000, "E4")]
    (late,) = await world.all("SELECT reason, state, amount, resolution FROM cases")
    closed = ("money_on_ended_payment", "closed", 55_000, "it is the payment's own money, by E4")
    assert tuple(late.values()) == closed


async def test_money_that_is_booked_is_not_found_a_second_time(world):
    payment = await world.buy()
    await report_late(world, payment)
    case = await case_of(world, payment.id)
    assert offered(case) == ["seen", "no_money", "given_back", "money_found"]
    assert "the very money that this payment was paid with" in case["advice"]["en"]
    with pytest.raises(OwnNumber):
        await decide(world, case, "money_found", evidence=f"콘솔: {payment.refs['refNo']}, 55,000원")
    assert await world.entries(payment.id) == [("capture", 55_000, "E1")]


async def test_a_deposit_of_another_sum_does_not_pay_and_the_case_says_why(world):
    _, payment = await waiting(world)
    await world.post_notice(deposit(world, payment, AMT="50000"))
    case = await case_of(world, payment.id)
    assert offered(case) == ["no_money", "given_back", "money_found"]
    assert "not the order's price" in case["advice"]["en"]
    with pytest.raises(NotNow):
        await decide(world, case, "paid")
    assert await world.entries(payment.id) == []


async def test_two_deposits_that_are_the_price_together_pay(world):
    _, payment = await waiting(world)
    await world.post_notice(deposit(world, payment, AMT="30000"))
    await pay_in_again(world, payment, 25_000)
    case = await case_of(world, payment.id)
    assert (case["amount"], offered(case)[0]) == (55_000, "paid")
    await decide(world, case, "paid")
    assert (await world.state(payment.id), await world.entries(payment.id)) == ("paid", [("capture", 55_000, "E8")])


@pytest.mark.parametrize("said", ["money_found", "given_back"])
async def test_what_an_account_waits_for_is_not_found_beside_it_while_its_notice_is_only_late(any_world, said):
    """A second deposit opens the case; the first one is in the console too, and its notice comes after people spoke."""
    world = any_world
    _, payment = await waiting(world)
    await pay_in_again(world, payment, 54_000)
    case = await case_of(world, payment.id)
    for more in (54_001, 55_000, 109_000):
        with pytest.raises(DepositAwaited, match="54000 KRW"):
            await decide(world, case, said, amount=more)
    await decide(world, case, said)
    assert (await world.post_notice(deposit(world, payment))).text == "OK"

    went = [("orphan_refund", -54_000, "E8")] if said == "given_back" else []
    expected = [("capture", 55_000, "E7"), ("orphan_capture", 54_000, "E8"), *went]
    assert sorted(await world.entries(payment.id)) == sorted(expected)
    assert await world.state(payment.id) == "paid"
    assert await world.cases(payment.id) == ([] if went else ["money_on_ended_payment"])


async def test_of_two_equal_deposits_the_one_told_pays_and_the_late_one_is_other_money(world):
    _, payment = await waiting(world)
    await pay_in_again(world, payment)
    assert await world.state(payment.id) == "paid"
    await world.post_notice(deposit(world, payment))
    await decide(world, await case_of(world, payment.id), "money_found")
    assert await world.entries(payment.id) == [("capture", 55_000, "E7"), ("orphan_capture", 55_000, "E8")]


async def test_when_an_account_has_ended_all_that_lies_there_can_be_found(world):
    _, payment = await waiting(world)
    await pay_in_again(world, payment, 54_000)
    await world.live(6 * 86_400, step=43_200)
    assert await world.state(payment.id) == "expired"
    await decide(world, await case_of(world, payment.id), "money_found", amount=109_000)
    assert (await world.payment(payment.id)).orphaned == 109_000


async def test_of_what_was_reported_a_part_is_found_and_the_rest_goes_on_being_asked_about(world, declined):
    _, payment = declined
    await open_case(world, payment, "money_on_ended_payment", "the gateway reports 10000 KRW", 10_000)
    await decide(world, await case_of(world, payment.id), "money_found", amount=4_000)
    case = await case_of(world, payment.id)
    assert (case["amount"], case["booked"]) == (10_000, 4_000)
    await decide(world, case, "given_back")
    rest = await case_of(world, payment.id)
    assert (rest["amount"], rest.get("booked", 0)) == (6_000, 0)


async def test_what_was_only_reported_is_asked_about_when_the_money_found_is_settled(world, declined):
    _, payment = declined
    await find_money(world, payment.id)
    await open_case(world, payment, "money_on_ended_payment", "and 5000 KRW more, it is said", 5_000)
    case = await case_of(world, payment.id)
    assert [(one["decision"], one["amount"]) for one in case["decisions"]] == [
        ("given_back", 55_000),
        ("adopted", 0),
        ("money_found", 5_000),
    ]
    await decide(world, case, "adopted")
    rest = await case_of(world, payment.id)
    assert (rest["amount"], offered(rest)) == (5_000, ["no_money", "given_back", "money_found"])
    await decide(world, rest, "money_found")
    more = await case_of(world, payment.id)
    assert (more["booked"], offered(more)) == (5_000, ["given_back"]), "the adopted money is not in it"
    await decide(world, more, "given_back")
    assert (await world.payment(payment.id)).orphaned == 55_000


async def test_a_report_that_is_found_true_is_not_counted_twice(world, declined):
    _, payment = declined
    await open_case(world, payment, "money_on_ended_payment", "a report of 55000 KRW", 55_000)
    await find_money(world, payment.id)
    case = await case_of(world, payment.id)
    assert (case["amount"], case["booked"], offered(case)) == (55_000, 55_000, ["given_back", "adopted"])


@pytest.mark.parametrize("shown", [(55_000, 0), (110_000, 55_000)], ids=["its own money alone", "both"])
async def test_an_inquiry_finds_what_people_booked_already_and_books_it_no_second_time(world, shown):
    await world.pair_teller("Asked")
    payment = await world.buy_at_teller()
    await open_case(world, payment, "money_on_ended_payment", "the buyer was charged twice", 55_000)
    await decide(world, await case_of(world, payment.id), "given_back")
    await compare(world, payment, *shown)

    assert sorted(await world.entries(payment.id)) == sorted([("capture", 55_000, "E1"), *PASSED])
    assert (await world.state(payment.id), await world.cases(payment.id)) == ("paid", [])


async def test_an_inquiry_finds_what_a_notice_told_of_and_books_only_what_is_more(world):
    await world.pair_teller("Asked")
    payment = await world.buy_at_teller()
    await find_money(world, payment.id, cause="second")
    await compare(world, payment, 110_000, 0)
    assert (await world.payment(payment.id)).orphaned == 55_000
    await compare(world, payment, 110_001, 0)
    assert (await world.payment(payment.id)).orphaned == 55_001
    await compare(world, payment, 110_001, 1)
    assert (await world.payment(payment.id)).refunded == 1


async def test_an_inquiry_closes_a_late_yes_whose_money_people_had_booked(world):
    await world.pair_teller("Asked")
    payment = await world.buy_at_teller()
    await report_late(world, payment)
    await compare(world, payment, 54_999, 0)
    assert await world.cases(payment.id) == ["money_on_ended_payment"]
    await compare(world, payment, 55_000, 0)
    assert await world.cases(payment.id) == []


async def compare(world, payment, captured, refunded):
    """Let the gateway be asked what it has."""
    recorder = Recorder.now(world.context, world.context.sites.get(world.site.id))
    await world.context.ledger.write(lambda turn: owe_check(turn, recorder, payment))
    Talks(world).answers.append(Seen(captured, refunded))
    await try_once(world, "inquire", (await pending_checks(world, payment))[-1])


@pytest.mark.parametrize("shown_back", [0, 20_000, 50_000])
async def test_money_on_an_ended_payment_that_was_given_back_is_not_found_again(world, shown_back):
    """An inquiry need not show what people wired back by hand."""
    await world.pair_teller("Asked")
    world.teller.fail("approve", "declined")
    opened = await world.checkout()
    await world.return_from_teller(opened)
    await world.quiet()
    payment = await world.payment(opened.payment)
    assert payment.state == "declined"
    await compare(world, payment, 50_000, 0)
    await decide(world, await case_of(world, payment.id), "given_back")
    await compare(world, payment, 50_000, shown_back)

    gone = [("orphan_capture", 50_000, "E4"), ("orphan_refund", -50_000, "E8")]
    assert (await world.entries(payment.id), await world.cases(payment.id)) == (gone, [])
    await compare(world, payment, 105_000, shown_back)
    assert ("orphan_capture", 55_000, "E4") in await world.entries(payment.id), "what comes later is"


async def pending_checks(world, payment):
    return [one for one in await world.operations(payment.id) if one.kind is Kind.CHECK and one.step is Step.UNKNOWN]


async def test_money_given_back_before_it_was_found_is_asked_about_only_as_far_as_it_is_more(world, declined):
    _, payment = declined
    await open_case(world, payment, "external_cancel", "a cancel of 55000 KRW", 55_000)
    await decide(world, await case_of(world, payment.id), "given_back")
    assert (await world.payment(payment.id)).orphaned == -55_000
    await find_money(world, payment.id)
    assert (await world.payment(payment.id)).orphaned == 0
    assert await world.cases(payment.id) == []
    await find_money(world, payment.id, 60_000, cause="more")
    assert (await case_of(world, payment.id))["booked"] == 60_000


@pytest.mark.parametrize("by_hand", [False, True])
@pytest.mark.parametrize(("arrives", "decision"), [("lost_before", "not_refunded"), ("lost_after", "refunded")])
async def test_money_given_back_beside_the_payments_own_is_no_refund_that_got_lost(world, by_hand, arrives, decision):
    """Whether it went back in the console or was wired past the gateway, the inquiry's sum does not tell."""
    await world.pair_teller("Asked")
    payment = await world.buy_at_teller()
    trade = world.trade(payment)
    world.teller.capture(trade.ref)
    await world.refund(payment.id, 1_000)
    await world.live(10, step=5)
    assert await world.cases(payment.id) == ["money_on_ended_payment"]
    if not by_hand:
        trade.refunds.append(55_000)
    await decide(world, await case_of(world, payment.id), "given_back")
    world.teller.fail("refund", arrives)
    await world.refund(payment.id, 10_000)
    await world.live(600, step=10)
    if "refund_unknown" in await world.cases(payment.id):
        await decide(world, await case_of(world, payment.id), decision)

    after, own = await world.payment(payment.id), 11_000 if decision == "refunded" else 1_000
    assert (after.state, after.refunded, after.orphaned) == ("part_refunded", own, 0)
    assert trade.refunded == own + (0 if by_hand else 55_000)
    assert "external_refund" not in await world.cases(payment.id)


async def test_one_cancel_that_two_cases_tell_of_is_in_the_books_once_though_each_operator_had_proposed_it(world):
    """A notice told of it, somebody reported it from the console, and each confirmed what the other had proposed."""
    payment = await world.buy()
    await open_case(world, payment, "external_cancel", "the gateway reports a cancel of 5000 KRW", 5_000)
    await report(world.context, payment.id, "the console shows 5,000 KRW given back at 14:02", "operator:kim")
    await hire(world, "kim", "lee")
    told, seen = [await case_of(world, payment.id, reason) for reason in ("external_cancel", "reported")]
    by_kim = await propose(world.context, Wish(told["id"], "given_back", SEEN, "operator:kim"))
    by_lee = await propose(world.context, Wish(seen["id"], "given_back", SEEN, "operator:lee", 5_000))
    await confirm(world.context, told["id"], by_kim.id, operator="lee")
    with pytest.raises(NotNow, match="may be the same"):
        await confirm(world.context, seen["id"], by_lee.id, operator="kim")
    await reject(world.context, seen["id"], by_lee.id, who="operator:kim", remark="it is the one in the books")
    await decide(world, seen, "not_given_back")

    assert (await world.payment(payment.id)).refunded == 5_000
    assert await world.cases(payment.id) == []


async def test_a_cancel_that_people_speak_of_and_a_refund_finds_made_already_is_in_the_books_once(world):
    """Somebody cancelled it in the console and nobody heard; while two people write that down, a clerk refunds it."""
    payment = await world.buy()
    world.fault("notice", "notice_lost", times=None)
    world.sandbox.desks["mainpay"].refund({"merchant_ref": payment.merchant_ref})
    case = await report(world.context, payment.id, SEEN, "operator:maker")
    await hire(world, "maker", "checker")
    made = await propose(world.context, Wish(case, "given_back", SEEN, "operator:maker", 55_000))
    assert (await world.refund(payment.id)).json()["state"] == "done"
    with pytest.raises(NotNow, match="overtaken"):
        await confirm(world.context, case, made.id, operator="checker")

    assert await world.entries(payment.id) == [("capture", 55_000, "E1"), ("refund", -55_000, "E9")]
    assert (await world.payment(payment.id)).orphaned == 0
    shown = await case_of(world, payment.id)
    assert ("the books have these 55000 KRW as given back" in shown["detail"], offered(shown)[0]) == (True, "seen")
    with pytest.raises(AmountRefused, match="At most 0 KRW"):
        await decide(world, shown, "given_back", amount=55_000)
    await decide(world, shown, "seen")
    await world.check_books()


async def test_a_cancel_that_a_case_tells_of_and_a_refund_finds_made_already_is_asked_about_no_more(world):
    """Who then said truly that it was given back at the gateway had it in the books a second time."""
    payment = await world.buy()
    world.sandbox.desks["mainpay"].refund({"merchant_ref": payment.merchant_ref})
    await world.quiet()
    assert await world.cases(payment.id) == ["external_cancel"]
    assert (await world.refund(payment.id)).json()["state"] == "done"

    assert (await world.state(payment.id), await world.cases(payment.id)) == ("refunded", [])
    assert await world.entries(payment.id) == [("capture", 55_000, "E1"), ("refund", -55_000, "E9")]
    await world.check_books()


async def test_more_than_a_refund_finds_made_already_is_asked_about_still(world):
    payment = await world.buy()
    await open_case(world, payment, "external_cancel", "cancels of 60000 KRW", 60_000)
    await hire(world, "maker", "checker")
    case = await case_of(world, payment.id)
    made = await propose(world.context, Wish(case["id"], "given_back", SEEN, "operator:maker", 55_000))
    world.fault("notice", "notice_lost", times=None)
    world.sandbox.desks["mainpay"].refund({"merchant_ref": payment.merchant_ref})
    assert (await world.refund(payment.id)).json()["state"] == "done"
    assert await world.cases(payment.id) == ["external_cancel"]
    with pytest.raises(NotNow, match="may be the same"):
        await confirm(world.context, case["id"], made.id, operator="checker")


async def test_money_that_only_the_console_shows_beside_a_paid_payment_is_written_down(world):
    """A second charge of which nothing was ever told: no notice, and nobody can be asked."""
    await world.pair_teller("Mute")
    payment = await world.buy_at_teller()
    world.teller.capture(payment.merchant_ref)
    await report(world.context, payment.id, SEEN, "operator:maker")
    await decide(world, await case_of(world, payment.id), "money_found", amount=55_000)

    assert (await world.payment(payment.id)).orphaned == 55_000
    assert await world.entries(payment.id) == [("capture", 55_000, "E1"), ("orphan_capture", 55_000, "E8")]
    assert await world.cases(payment.id) == ["money_on_ended_payment"]
    await world.check_books()
    world.trade(payment).refunds.append(55_000)
    await decide(world, await case_of(world, payment.id), "given_back")
    assert (await world.state(payment.id), await world.cases(payment.id)) == ("paid", [])
    await world.check_books()


@pytest.mark.parametrize(("told", "most"), [(0, 55_000), (60_000, 60_000)])
async def test_no_more_is_called_given_back_than_there_is_or_the_case_tells_of(world, told, most):
    """A zero too many would be in the books as money that went back."""
    payment = await world.buy()
    await open_case(world, payment, "external_cancel", "a cancel", told)
    case = await case_of(world, payment.id)
    with pytest.raises(AmountRefused, match=f"At most {most} KRW"):
        await decide(world, case, "given_back", amount=most + 1)
    await decide(world, case, "given_back", amount=most)
    assert (await world.payment(payment.id)).refunded == 55_000


async def test_what_was_proposed_as_given_back_is_not_confirmed_once_less_is_left(world):
    """The gateway gave back by our own refund what it could not have had any more, had the proposal been true."""
    payment = await world.buy()
    await hire(world, "maker", "checker")
    case = await report(world.context, payment.id, SEEN, "operator:maker")
    made = await propose(world.context, Wish(case, "given_back", SEEN, "operator:maker", 50_000))
    assert (await world.refund(payment.id, 20_000)).json()["state"] == "done"
    with pytest.raises(NotNow, match="less is left"):
        await confirm(world.context, case, made.id, operator="checker")
    assert (await world.payment(payment.id)).orphaned == 0
    await world.check_books()
