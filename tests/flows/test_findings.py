"""What is found after the fact: by an answer that came late, a notice, an inquiry or two people; each is written once,
to the won, and what stays open stays a person's."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bridge.domain.decisions import Decision
from bridge.domain.failures import Busy, Reconciling
from bridge.domain.gateway import Accepted, NotSent, Paid, Refused, Unknown
from bridge.domain.machine import Evidence, Kind, Step
from bridge.domain.payment import Order
from bridge.domain.reasons import Reason
from bridge.flows.approve import approve
from bridge.flows.ask_fence import Fence
from bridge.flows.capture import fence_for
from bridge.flows.carry_out import contradict
from bridge.flows.check_invariants import check_invariants
from bridge.flows.orphans import write_adoption, write_return
from bridge.flows.record import Recorder
from bridge.flows.refund import RefundWish, once_of_command, refund
from bridge.ledger import gap, orders, payments
from tests.flows.test_accounts import void, waiting
from tests.flows.test_cases import case_of, decide
from tests.flows.test_notices import card
from tests.flows.test_orphans import find_money
from tests.flows.test_tries import Talks, case_detail, detail_of, operation_of, pending

ODD = "그렇게 안 돼요"


async def write(world, work):
    """Write into the books as a flow does, at this moment: `work` gets the turn and the recorder."""
    recorder = Recorder.now(world.context, world.context.sites.get(world.site.id))
    return await world.context.ledger.write(lambda turn: work(turn, recorder))


async def outcomes(world, payment):
    """Say what became of the notices of a payment, in no order: those of one millisecond have none."""
    rows = await world.all("SELECT outcome FROM notices WHERE payment = ?", payment.id)
    return sorted(row["outcome"] for row in rows)


async def change_order(world, payment):
    """Let WordPress have a newer version of the order than the one that is being paid."""
    ref = payment.order_ref
    await write(world, lambda turn, _: turn.run("UPDATE orders SET version = version + 1 WHERE ref = ?", ref))


async def approve_directly(world, opened):
    """Send the approval of an open window, as the buyer's return does."""
    payment = await world.payment(opened.payment)
    site = world.context.sites.get(world.site.id)
    order = await world.context.ledger.read(lambda turn: orders.find(turn, site.id, payment.order_ref))
    assert isinstance(order, Order)
    said = []

    def speak(approving, operation):
        said.append(operation.id)
        return Paid(approving.amount, {}, {})
        yield

    await approve(world.context, site, site.gateway(payment.gateway), order, payment, speak)
    await world.quiet()
    return said


async def test_an_approval_is_not_begun_where_its_outcome_might_find_no_room(world, monkeypatch):
    opened = await world.checkout()
    monkeypatch.setattr(type(world.context.ledger), "refusal", lambda _: "The disk is full.")
    with pytest.raises(Busy):
        await approve_directly(world, opened)

    assert await world.operations(opened.payment) == []
    assert await world.state(opened.payment) == "open"


async def test_a_return_after_the_windows_time_ends_the_payment_and_says_why(world):
    opened = await world.checkout()
    payment = await world.payment(opened.payment)
    await world.clock.forward((payment.expires_at - world.clock.now()).total_seconds() + 1)
    assert await approve_directly(world, opened) == []
    payment = await world.payment(opened.payment)

    assert (payment.state, payment.reason) == ("expired", "expired")
    assert await world.told(opened.payment) == ["payment.failed"]


async def test_an_order_that_changed_bars_the_approval_in_our_words_and_under_no_code(world):
    opened = await world.checkout()
    await change_order(world, await world.payment(opened.payment))
    assert await approve_directly(world, opened) == []
    payment = await world.payment(opened.payment)

    assert (payment.state, payment.reason, payment.code) == ("declined", "order_changed", "")
    assert payment.message == "주문 내용이 바뀌었어요."


async def test_an_answer_that_comes_after_its_approval_was_given_up_lets_what_overtook_it_through(world):
    await world.pair_teller("Accounts")
    opened = await world.checkout()
    payment = await world.payment(opened.payment)
    talks = Talks(world)

    async def give_up():
        await world.tell("approved", payment)
        approving = await operation_of(world, payment.id, Kind.APPROVE)

        def work(turn, recorder):
            current = payments.get(turn, world.site.id, payment.id)
            recorder.unknown(turn, current, approving, Unknown("its sender is gone"), "bridge")

        await write(world, work)

    talks.meanwhile = give_up
    await world.return_from_teller(opened)
    await world.quiet()

    assert await outcomes(world, payment) == ["paid"]
    assert (await operation_of(world, payment.id, Kind.APPROVE)).evidence == "E7"
    assert await world.entries(payment.id) == [("capture", 55_000, "E7")]
    assert "55000 KRW were taken" in await case_detail(world, payment.id, "money_on_ended_payment")


@pytest.mark.parametrize(
    ("answer", "event", "detail", "step", "code", "message"),
    [
        (
            Refused(Reason.AMOUNT, "7001", "한도"),
            *("refund.refused", {"code": "7001", "message": "한도"}),
            *("fail", "7001", "한도"),
        ),
        (NotSent("no connection"), "refund.not_sent", {"reason": "no connection"}, "not_sent", "", "no connection"),
        (Accepted({"number": "R1"}), "refund.accepted", {}, "unknown", "accepted", ""),
        (
            Unknown("proves nothing", "9001"),
            *("refund.unknown", {"reason": "proves nothing", "code": "9001"}),
            *("needs_human", "9001", "proves nothing"),
        ),
        (
            Unknown("proves nothing", "9001", "잠시 후에"),
            *("refund.unknown", {"reason": "proves nothing", "code": "9001"}),
            *("needs_human", "9001", "잠시 후에"),
        ),
    ],
)
async def test_what_a_refund_came_to_is_in_the_audit_and_the_gateways_words_stay_with_it(
    world, answer, event, detail, step, code, message
):
    await world.pair_teller("Mute")
    payment = await world.buy_at_teller()
    Talks(world).answers.append(answer)
    await world.refund(payment.id, 20_000)
    await world.quiet()
    made = await operation_of(world, payment.id, Kind.REFUND)

    assert (made.step, made.code, made.message) == (step, code, message)
    assert await detail_of(world, payment.id, event) == {"amount": 20_000} | detail
    assert (await world.payment(payment.id)).refunded == 0


@pytest.mark.parametrize("why", ["gap", "room"])
async def test_no_refund_is_begun_while_the_books_may_be_behind_or_have_no_room(world, monkeypatch, why):
    payment = await world.buy()
    if why == "gap":
        await write(world, lambda turn, recorder: gap.begin(turn, recorder.at - 1_000, recorder.at))
    else:
        monkeypatch.setattr(type(world.context.ledger), "refusal", lambda _: "The disk is full.")
    site = world.context.sites.get(world.site.id)
    wish = RefundWish(payment.id, 5_000, "고객 요청", "operator:maker")
    with pytest.raises(Reconciling if why == "gap" else Busy):
        await refund(world.context, site, wish, once_of_command(world.context, "k" * 32, "d"))

    assert [one.kind for one in await world.operations(payment.id)] == ["approve"]
    assert world.book(payment).net == payment.amount


async def test_one_won_that_is_not_given_back_keeps_the_case_open(world, declined):
    _, payment = declined
    await find_money(world, payment.id)

    def give_back(amount, cause):
        def work(turn, recorder):
            current = payments.get(turn, world.site.id, payment.id)
            return write_return(recorder, turn, current, amount=amount, evidence=Evidence.E7, cause=cause)

        return work

    after = await write(world, give_back(54_999, "first"))
    assert after.orphaned == 1
    assert await world.cases(payment.id) == ["money_on_ended_payment"]
    again = await write(world, give_back(54_999, "first"))
    assert again.orphaned == 1, "the same fact counts once"
    after = await write(world, give_back(1, "second"))

    assert after.orphaned == 0
    assert await world.cases(payment.id) == []
    assert await world.entries(payment.id) == [
        ("orphan_capture", 55_000, "E7"),
        ("orphan_refund", -54_999, "E7"),
        ("orphan_refund", -1, "E7"),
    ]
    assert await detail_of(world, payment.id, "payment.orphan_returned") == {"amount": 1, "evidence": "E7"}
    assert (await world.told(payment.id))[-2:] == ["payment.orphan_returned"] * 2


async def test_money_that_is_adopted_pays_for_the_order_and_leaves_the_payments_own_state(world, declined):
    order, payment = declined
    await find_money(world, payment.id)

    def adopt(turn, recorder):
        current = payments.get(turn, world.site.id, payment.id)
        return write_adoption(recorder, turn, current, actor="operator:checker")

    after = await write(world, adopt)
    assert await world.payment(payment.id) == after
    (row,) = await world.all("SELECT paid_by FROM orders WHERE ref = ?", order["ref"])

    assert (after.state, after.adopted, after.orphaned) == ("declined", True, 55_000)
    assert row["paid_by"] == payment.id
    assert await detail_of(world, payment.id, "payment.adopted") == {"amount": 55_000, "evidence": "E8"}
    assert (await world.told(payment.id))[-1] == "payment.adopted"


@pytest.mark.parametrize("amount", [1, 54_999])
async def test_a_part_given_back_by_two_people_leaves_the_case_of_the_rest_open(world, declined, amount):
    _, payment = declined
    await find_money(world, payment.id)
    await decide(world, await case_of(world, payment.id), Decision.GIVEN_BACK, amount=amount)

    assert (await world.payment(payment.id)).orphaned == 55_000 - amount
    assert await world.cases(payment.id) == ["money_on_ended_payment"]


@pytest.mark.parametrize("refused", [True, False])
async def test_people_who_say_that_nothing_was_taken_show_the_buyer_the_gateways_no_only_where_it_said_one(
    world, refused
):
    await world.pair_teller("Mute")
    world.teller.fail("approve", "odd" if refused else "strange")
    payment = await world.buy_at_teller()
    await world.live(400, step=20)
    await decide(world, await case_of(world, payment.id), "declined")
    after, made = await world.payment(payment.id), await operation_of(world, payment.id, Kind.APPROVE)

    assert (after.state, after.reason) == ("declined", "never_happened")
    assert (after.code, after.message) == (("odd", ODD) if refused else ("", ""))
    assert (made.step, made.evidence) == (Step.FAIL, "E8")
    assert (made.code, made.message) == ("odd" if refused else "strange", ODD), "what it said is kept in either case"


async def test_people_who_say_that_a_withdrawal_found_nobody_paid_end_it(world):
    payment, _ = await pending(world, "probe")
    await world.live(420, step=20)
    await decide(world, await case_of(world, payment.id), "declined")
    probe = await operation_of(world, payment.id, Kind.PROBE)

    assert (probe.step, probe.evidence, probe.code) == (Step.OK, "E8", "strange")
    assert (await world.payment(payment.id)).code == ""
    assert await world.state(payment.id) == "declined"


async def test_people_who_say_that_a_refund_was_not_made_leave_its_amount_and_their_evidence_in_the_audit(world):
    await world.pair_teller("Mute")
    world.teller.fail("refund", "strange")
    payment = await world.buy_at_teller()
    await world.refund(payment.id, 20_000)
    await world.quiet()
    await decide(world, await case_of(world, payment.id), "not_refunded")
    made = await operation_of(world, payment.id, Kind.REFUND)

    assert await detail_of(world, payment.id, "refund.refused") == {"amount": 20_000, "evidence": "E8"}
    assert (made.step, made.code, made.message) == (Step.FAIL, "strange", ODD)
    assert (await world.told(payment.id))[-1] == "payment.refund_refused"


@pytest.mark.parametrize("known", ["by people", "by asking"])
async def test_a_refund_not_made_whose_answer_was_lost_is_no_refusal_in_our_words(world, known):
    await world.pair_teller("Mute" if known == "by people" else "AskedAndUndone")
    payment = await world.buy_at_teller()
    world.teller.fail("refund", "lost_before")
    await world.refund(payment.id, 20_000)
    await world.live(900.0)
    if known == "by people":
        await decide(world, await case_of(world, payment.id), "not_refunded")
    made = await operation_of(world, payment.id, Kind.REFUND)

    assert (made.step, made.code, made.message) == (Step.FAIL, "", "")
    assert (await world.told(payment.id))[-1] == "payment.refund_refused"


@pytest.mark.parametrize("amount", [1, 20_000])
async def test_a_cancel_in_the_console_counts_to_the_last_won(world, amount):
    payment = await paid_in_its_window(world)
    await world.tell("part_cancelled", payment, amount=amount)

    assert (await world.payment(payment.id)).refunded == amount
    assert await outcomes(world, payment) == ["paid", "refunded past the bridge"]
    assert await world.cases(payment.id) == []


@pytest.mark.parametrize("amount", [1, 55_000])
async def test_a_cancel_of_money_that_was_found_counts_to_the_last_won(world, amount):
    await world.pair_teller("SelfTold")
    payment = await world.payment((await world.checkout()).payment)
    await world.live(1_000, step=20)
    assert await world.state(payment.id) == "expired"
    await find_money(world, payment.id)
    await world.tell("part_cancelled", payment, amount=amount)

    assert (await world.payment(payment.id)).orphaned == 55_000 - amount
    assert (await outcomes(world, payment))[1:] == ["given back"]


async def paid_in_its_window(world, **order):
    await world.pair_teller("SelfTold")
    payment = await world.payment((await world.checkout(world.order(**order))).payment)
    world.teller.capture(payment.merchant_ref)
    await world.tell("approved", payment)
    await world.quiet()
    return await world.payment(payment.id)


async def test_the_notice_of_a_cancel_settles_a_refund_that_is_still_tried(world):
    payment = await paid_in_its_window(world)
    world.teller.always["refund"] = "strange"
    await world.refund(payment.id)
    await world.quiet()
    assert (await operation_of(world, payment.id, Kind.REFUND)).step is Step.UNKNOWN
    await world.tell("cancelled", payment)

    assert (await operation_of(world, payment.id, Kind.REFUND)).evidence == "E7"
    assert await outcomes(world, payment) == ["paid", "refunded"]
    assert await world.entries(payment.id) == [("capture", 55_000, "E7"), ("refund", -55_000, "E7")]


async def test_the_notice_of_a_cancel_ends_a_net_cancel_that_is_still_tried(world):
    await world.pair_teller("SelfTold")
    payment = await world.payment((await world.checkout()).payment)
    world.teller.always["refund"] = "strange"
    world.teller.capture(payment.merchant_ref, 5_500)
    await world.tell("approved", payment, amount=5_500)
    await world.live(3, step=1)
    assert await world.state(payment.id) == "voiding"
    await world.tell("cancelled", payment, amount=5_500)

    undo = await operation_of(world, payment.id, Kind.UNDO)
    assert (undo.step, undo.evidence) == (Step.OK, "E7")
    assert await outcomes(world, payment) == ["taken back", "taken back"]
    assert await world.state(payment.id) == "voided"


async def test_an_order_that_changed_while_its_payment_was_made_is_not_paid_by_it_and_a_person_is_told(world):
    await world.pair_teller("SelfTold")
    payment = await world.payment((await world.checkout()).payment)
    await change_order(world, payment)
    world.teller.capture(payment.merchant_ref)
    await world.tell("approved", payment)
    await world.live(10, step=1)
    after = await world.payment(payment.id)

    assert (after.state, after.reason) == ("voided", "order_changed")
    assert await world.cases(payment.id) == ["order_changed"]
    assert world.trade(payment).net == 0


async def test_seats_are_not_asked_about_for_money_that_could_not_be_kept_anyway(world):
    payment = await world.buy()
    site = world.context.sites.get(world.site.id)

    assert await fence_for(world.context, site, payment.id) == Fence(True)
    assert world.shop.questions == []


async def test_a_hint_makes_us_ask_at_once_even_where_a_person_has_it(world):
    await world.pair_teller("AskedOnHint")
    world.teller.fail("approve", "lost_after")
    world.teller.always["inquire"] = "strange"
    payment = await world.buy_at_teller()
    await world.live(400, step=20)
    assert await world.state(payment.id) == "needs_human"
    world.teller.always.clear()
    await world.tell("approved", payment)
    await world.quiet()

    assert await world.state(payment.id) == "paid"
    assert await outcomes(world, payment) == ["asked"]
    assert await world.cases(payment.id) == []


async def test_a_request_that_is_told_ended_after_it_ended_is_known(world):
    await world.pair_teller("SelfTold")
    payment = await world.payment((await world.checkout()).payment)
    await world.tell("request_cancelled", payment)
    await world.tell("request_cancelled", payment, copy="2")

    assert await outcomes(world, payment) == ["ended unpaid", "known already"]
    assert await world.told(payment.id) == ["payment.failed"]


async def test_an_account_of_a_request_that_a_person_looks_into_is_told_in_its_case_and_raises_no_alarm(world):
    await world.pair_teller("SelfTold")
    order = world.order()
    mine, other = [await world.payment((await world.checkout(order)).payment) for _ in range(2)]
    world.teller.always["probe"] = "odd"
    await world.tell("issued", other)
    await world.live(2_500, step=20)
    assert await world.cases(mine.id) == ["unknown_outcome"]
    assert await world.state(mine.id) == "open", "the other has the order"
    await world.tell("request_cancelled", other)
    await world.tell("issued", mine)
    await world.tell("issued", mine)
    await world.live(700, step=20)

    assert (await check_invariants(world.context)).found == ()
    assert await outcomes(world, mine) == ["a person must look"]
    (case,) = await world.all("SELECT detail FROM cases WHERE payment = ?", mine.id)
    assert len(case["detail"].split("\n")) == 2, "said once"
    world.teller.always.clear()
    world.teller.capture(mine.merchant_ref)
    await world.tell("deposited", mine)
    await world.quiet()
    assert await world.state(mine.id) == "paid", "and what is paid into it counts"
    await world.check_books()


async def test_an_account_that_names_no_end_waits_a_week(world):
    await world.pair_teller("SelfTold")
    payment = await world.payment((await world.checkout()).payment)
    await world.tell("issued", payment)
    after = await world.payment(payment.id)

    assert after.state == "awaiting_deposit"
    assert after.expires_at == world.clock.now() + timedelta(days=7)


async def test_a_deposit_that_two_people_saw_pays_from_that_moment(world):
    await world.pair_teller("SelfTold")
    payment = await world.payment((await world.checkout()).payment)
    await world.tell("issued", payment)
    await world.clock.forward(3_600)

    def deposit(turn, recorder):
        current = payments.get(turn, world.site.id, payment.id)
        return recorder.deposit(turn, current, Paid(55_000, {}, {}), "seen", evidence=Evidence.E8, actor="operator:b")

    after = await write(world, deposit)
    assert (after.state, after.captured, after.paid_at) == ("paid", 55_000, world.clock.now())
    assert await world.payment(payment.id) == after
    assert await world.entries(payment.id) == [("capture", 55_000, "E8")]
    (entry,) = await world.all("SELECT cause FROM entries WHERE payment = ?", payment.id)
    assert entry["cause"] == f"notice:{payment.site}:teller:seen", "named as in earlier books: it counts once"
    assert (await world.told(payment.id))[-1] == "payment.paid"


async def test_the_late_news_of_an_approval_that_was_taken_back_is_known(world):
    world.fault("pay", "drop_after")
    world.fault("notice", "notice_lost", times=None)
    payment = await world.buy()
    assert await world.state(payment.id) == "voided"
    await world.post_notice(card(world, payment))
    await world.quiet()

    assert await outcomes(world, payment) == ["known already"]
    assert await world.cases(payment.id) == []


async def test_an_account_that_we_are_closing_is_ended_by_our_own_answer_and_not_by_the_news_of_it(world):
    await world.pair_teller("Accounts")
    payment = await waiting(world)
    world.teller.always["account_void"] = "odd"
    await void(world, payment)
    await world.tell("request_cancelled", payment)

    assert await outcomes(world, payment) == ["known already"]
    assert await world.state(payment.id) == "awaiting_deposit"
    assert await world.told(payment.id) == ["payment.awaiting_deposit"]


async def test_the_gateways_word_that_nobody_paid_ends_a_withdrawal_that_is_still_tried(world):
    payment, _ = await pending(world, "probe")
    await world.tell("request_cancelled", payment)
    probe = await operation_of(world, payment.id, Kind.PROBE)

    assert await outcomes(world, payment) == ["ended unpaid"]
    assert (probe.step, probe.evidence) == (Step.OK, "E7")
    assert await world.state(payment.id) == "expired"


@pytest.mark.parametrize(("step", "reasons"), [(Step.FAIL, ["external_cancel"]), (Step.OK, [])])
async def test_a_gateway_that_gave_back_what_people_said_it_kept_makes_them_look_again(world, step, reasons):
    payment = await world.buy()
    made = await operation_of(world, payment.id, Kind.APPROVE)
    refunding = replace(made, kind=Kind.REFUND, step=step, amount=20_000)
    await write(world, lambda turn, recorder: contradict(turn, recorder, payment.id, refunding))

    assert await world.cases(payment.id) == reasons
    if reasons:
        said = "refund of 20000 KRW was done at the gateway after people said it was not"
        assert await case_detail(world, payment.id, "external_cancel") == said


@pytest.mark.parametrize("held", [True, False])
async def test_seats_whose_hold_is_over_are_asked_about_before_money_that_an_inquiry_shows_is_kept(world, held):
    await world.pair_teller("Asked")
    world.teller.fail("approve", "lost_after")
    world.teller.fail("inquire", *["strange"] * 5)
    payment = await world.buy_at_teller(world.order(hold_expires_at=world.hold(100)))
    world.shop.fence = lambda asked: {"hold": held, "hold_until": asked["until"], "reason": "좌석이 다른 분께 갔어요"}
    await world.live(300, step=10)

    assert world.shop.questions != []
    assert await world.state(payment.id) == ("paid" if held else "voided")
    assert (await world.payment(payment.id)).reason == ("" if held else "seat_lost")
    assert world.trade(payment).net == (55_000 if held else 0)


@pytest.mark.parametrize("notice_first", [True, False])
async def test_what_people_said_was_kept_is_no_case_once_the_gateways_notice_has_it_in_the_books(world, notice_first):
    payment = await paid_in_its_window(world)
    made = await operation_of(world, payment.id, Kind.APPROVE)
    undo = replace(made, kind=Kind.UNDO, step=Step.FAIL)
    if notice_first:
        await world.tell("cancelled", payment)
    await write(world, lambda turn, recorder: contradict(turn, recorder, payment.id, undo))
    if not notice_first:
        assert await world.cases(payment.id) == ["external_cancel"]
        await world.tell("cancelled", payment)

    assert await world.state(payment.id) == "refunded"
    assert await world.cases(payment.id) == []
    assert await world.entries(payment.id) == [("capture", 55_000, "E7"), ("external_refund", -55_000, "E7")]
