"""What people said is written once, though the gateway tells of it days later; what is more than that is more money.

The tables are of bridge.flows.said_before: at a gateway that tells by itself and cannot be asked.
"""

import json
from dataclasses import replace
from functools import partial

import pytest

from bridge.clock import new_id
from bridge.domain.failures import NotNow
from bridge.domain.gateway import Done, Event, Notice
from bridge.domain.machine import Evidence, Kind, State, Step
from bridge.flows.carry_out import contradict
from bridge.flows.decide_case import Wish, confirm, propose, reject, report
from bridge.flows.notice_effects import effect
from bridge.flows.refund_again import refund_again
from bridge.flows.told import COMPARED, KNOWN, PERSON, Told
from bridge.ledger import notices, payments
from bridge.ledger.notices import StoredNotice
from tests.flows.test_cases import SEEN, case_of, decide, hire
from tests.flows.test_money_of_cases import open_case
from tests.flows.test_tries import Talks
from tests.support.desk import HINT, HUMAN, PROOF, UNKNOWN

pytestmark = pytest.mark.sqlite  # the rules are the same whatever keeps the books

FOUND = "known already: 55000 KRW were found before it was told"
TAKEN_AND_BACK = "known already: people said that it was taken and given back"
BACK = "known already: people said that 5000 KRW had gone back"
BY_HAND = ("external_refund", -5_000, "E8")
TOLD_BACK = ("external_refund", -5_000, "E7")


async def tell(at, payment, event, name, **fields):
    """Let a notice of that name be kept and have its effect, as one that comes does; answers its word."""
    said = Notice(event, name, payment.merchant_ref, fields.pop("amount", 55_000), fields.pop("proof", PROOF), **fields)

    def work(turn, recorder):
        now = payments.get(turn, payment.site, payment.id)
        kept = StoredNotice(new_id(at.world.clock), now.site, now.gateway, "feedback", name, "", "sealed", recorder.at)
        notices.store(turn, replace(kept, payment=now.id))
        outcome = effect(Told(turn, recorder, recorder.site.gateway(now.gateway), said, now, None))
        notices.settle(turn, kept.id, "done", outcome, recorder.at)
        return outcome

    return await at.write(work)


async def approved(at, payment, number="", **fields):
    return await tell(
        at, payment, Event.APPROVED, f"approved {number}", refs={"tid": number} if number else {}, **fields
    )


async def money_is_found(at, payment, reason="money_on_ended_payment", decision="money_found"):
    """Let two people find 55,000 KRW in the gateway's console, or find that they went back there."""
    await open_case(at.world, payment, reason, f"the console shows 55000 KRW ({reason})", 55_000)
    await decide(at.world, await case_of(at.world, payment.id, reason), decision)


async def ended_by_people(at, decision, kind=Kind.APPROVE):
    """Have people say what came of a payment that nobody knew of."""
    payment = await at.payment_in(HUMAN)
    await at.operation(payment, kind, Step.NEEDS_HUMAN)
    await open_case(at.world, payment, "unknown_outcome", "no notice came", 0)
    await decide(at.world, await case_of(at.world, payment.id), decision)
    return payment


@pytest.mark.parametrize("state", [State.EXPIRED, State.DECLINED, State.VOIDED])
async def test_money_that_people_found_on_an_ended_payment_is_not_booked_again_by_its_notice(desk, state):
    at = await desk("Accounts")
    payment = await at.payment_in(state)
    await money_is_found(at, payment)
    assert await approved(at, payment, "A") == FOUND
    after = await at.world.payment(payment.id)

    assert (after.orphaned, after.refs["tid"]) == (55_000, "A")
    assert await at.world.entries(payment.id) == [("orphan_capture", 55_000, "E8")]
    assert (await case_of(at.world, payment.id))["booked"] == 55_000
    assert await at.audited(payment, "payment.told") == [("gateway", state, state, {})]


async def test_each_more_of_it_under_another_number_is_more_money(desk):
    at = await desk("Accounts")
    payment = await at.payment_in(State.DECLINED)
    await money_is_found(at, payment)
    assert [await approved(at, payment, number) for number in "ABC"] == [FOUND, PERSON, PERSON]

    assert (await at.world.payment(payment.id)).orphaned == 165_000
    assert sorted(await at.world.entries(payment.id)) == [
        *[("orphan_capture", 55_000, "E7")] * 2, ("orphan_capture", 55_000, "E8")]  # fmt: skip
    assert (await case_of(at.world, payment.id))["booked"] == 165_000


async def test_the_first_notice_of_an_ended_payment_leaves_its_number_so_that_the_second_is_known_for_another(desk):
    at = await desk("Accounts")
    payment = await at.payment_in(State.DECLINED)
    assert [await approved(at, payment, number) for number in ("A", "B")] == [PERSON, PERSON]
    after = await at.world.payment(payment.id)
    assert (after.orphaned, after.refs["tid"]) == (110_000, "A")


@pytest.mark.parametrize("changes", [{"amount": 54_999}, {"amount": 55_001}])
async def test_another_sum_than_people_found_is_other_money(desk, changes):
    at = await desk("Accounts")
    payment = await at.payment_in(State.EXPIRED)
    await money_is_found(at, payment)
    assert await approved(at, payment, "A", **changes) == PERSON
    assert (await at.world.payment(payment.id)).orphaned == 55_000 + changes["amount"]
    assert await approved(at, payment, "B") == FOUND, "of what they found no notice had come yet"


async def test_a_deposit_that_people_found_is_not_booked_again_and_two_that_they_found_are_two(desk):
    at = await desk("Accounts")
    payment = await at.payment_in(State.EXPIRED)
    await money_is_found(at, payment)
    await money_is_found(at, payment, "unexpected_deposit")
    words = [await tell(at, payment, Event.DEPOSITED, f"deposit {one}") for one in range(3)]
    assert words == [FOUND, FOUND, PERSON]
    assert (await at.world.payment(payment.id)).orphaned == 165_000


async def test_what_people_found_and_gave_back_is_not_booked_again_by_the_news_of_its_coming(desk):
    at = await desk("Accounts")
    payment = await at.payment_in(State.EXPIRED)
    await money_is_found(at, payment, decision="given_back")
    assert await approved(at, payment, "A") == FOUND
    assert await tell(at, payment, Event.CANCELLED, "back") == BACK.replace("5000", "55000")
    assert (await at.world.payment(payment.id)).orphaned == 0
    assert await at.world.cases(payment.id) == []
    assert await tell(at, payment, Event.CANCELLED, "back again") == PERSON, "people spoke of one alone"


@pytest.mark.parametrize("turned", [1.0, -3_600.0])
@pytest.mark.parametrize("decision", ["money_found", "given_back"])
async def test_money_whose_notice_comes_before_the_second_person_confirms_is_not_booked_by_both(desk, decision, turned):
    """Whatever the clock does meanwhile: the audit tells what came first."""
    at = await desk("Accounts")
    payment = await at.payment_in(State.EXPIRED)
    await open_case(at.world, payment, "unexpected_deposit", "the console shows 55000 KRW", 55_000)
    case = await case_of(at.world, payment.id)
    await hire(at.world, "maker", "checker")
    made = await propose(at.world.context, Wish(case["id"], decision, SEEN, "operator:maker"))
    at.world.clock.set_back(-turned)
    assert await tell(at, payment, Event.DEPOSITED, "late") == PERSON
    with pytest.raises(NotNow, match="it may be the same"):
        await confirm(at.world.context, case["id"], made.id, operator="checker")
    assert await at.world.entries(payment.id) == [("orphan_capture", 55_000, "E7")]

    await reject(at.world.context, case["id"], made.id, who="operator:maker", remark="its notice came")
    await decide(at.world, await case_of(at.world, payment.id, "unexpected_deposit"), "no_money")
    assert await at.world.cases(payment.id) == ["money_on_ended_payment"]


async def test_nobody_is_kept_from_deciding_because_the_clock_had_run_ahead_when_other_money_came_or_went(desk):
    """It would be refused for as long as the clock had run ahead, however often they looked again."""
    at = await desk("Accounts")
    payment = await at.payment_in(State.PAID)
    at.world.clock.set_back(-5 * 3_600)
    assert await tell(at, payment, Event.PART_CANCELLED, "5000", amount=5_000) == "refunded past the bridge"
    at.world.clock.set_back(5 * 3_600)
    await report(at.world.context, payment.id, "the console shows 7000 KRW given back besides", "operator:kim")
    await decide(at.world, await case_of(at.world, payment.id, "reported"), "given_back", amount=7_000)

    assert (await at.world.payment(payment.id)).refunded == 12_000


async def test_what_people_found_under_a_foreign_number_is_not_the_payments_own_news(desk):
    """That money's notice had come: it opened the case."""
    at = await desk("Accounts")
    payment = await at.payment_in(State.EXPIRED)
    await money_is_found(at, payment, "foreign_number")
    assert await approved(at, payment, "A") == PERSON
    assert (await at.world.payment(payment.id)).orphaned == 110_000


async def test_money_in_another_currency_is_none_that_people_found(desk):
    at = await desk("Accounts")
    payment = await at.payment_in(State.PAID)
    await money_is_found(at, payment)
    assert await approved(at, payment, "A", currency="USD", paid_binding={"tid": "A"}) == KNOWN
    paid = await at.payment_in(State.PAID, refs={"tid": "A"})
    await money_is_found(at, paid)
    assert await approved(at, paid, "B", currency="USD", paid_binding={"tid": "B"}) == PERSON
    assert (await at.world.payment(paid.id)).orphaned == 55_000


async def test_money_beside_a_payments_own_that_people_found_is_not_booked_again_by_its_notice(desk):
    at = await desk("Accounts")
    payment = await at.payment_in(State.PAID, refs={"tid": "A"})
    await money_is_found(at, payment)
    told = [await approved(at, payment, number, paid_binding={"tid": number}) for number in "ABC"]

    assert told == [KNOWN, FOUND, PERSON]
    after = await at.world.payment(payment.id)
    assert (after.state, after.orphaned, after.refs["tid"]) == ("paid", 110_000, "A")


async def test_a_payment_that_people_said_is_paid_gets_its_number_and_a_second_number_is_more_money(desk):
    at = await desk("Accounts")
    payment = await ended_by_people(at, "paid")
    assert [await approved(at, payment, number) for number in "ABC"] == [KNOWN, PERSON, PERSON]
    after = await at.world.payment(payment.id)

    assert (after.state, after.captured, after.orphaned, after.refs["tid"]) == ("paid", 55_000, 110_000, "A")
    assert (await at.world.entries(payment.id))[0] == ("capture", 55_000, "E8")
    assert await at.world.told(payment.id) == ["payment.paid", "payment.orphaned", "payment.orphaned"]


async def test_a_payment_that_its_notice_paid_is_paid_twice_by_another_number_though_nobody_was_asked(desk):
    at = await desk("Accounts")
    payment = await at.payment_in(UNKNOWN)
    await at.operation(payment, Kind.APPROVE, Step.UNKNOWN)
    assert [await approved(at, payment, number) for number in "AB"] == ["paid", PERSON]
    assert (await at.world.payment(payment.id)).orphaned == 55_000


async def test_an_answers_number_is_not_held_against_a_notices(desk):
    """No document says that both are always written alike; a payment's news would be money found."""
    at = await desk("Accounts")
    payment = await at.payment_in(State.PAID, refs={"tid": "as the answer writes it"})
    assert await approved(at, payment, "A") == KNOWN


async def test_a_gateway_that_can_be_asked_is_asked_about_another_number(desk):
    at = await desk("AskedAndUndone")
    payment = await ended_by_people(at, "paid")
    assert [await approved(at, payment, number) for number in "AB"] == [KNOWN, COMPARED]
    assert await at.world.entries(payment.id) == [("capture", 55_000, "E8")]


@pytest.mark.parametrize(
    ("changes", "reason", "differs"),
    [
        ({"amount": 5_500}, "people_contradicted", 49_500),
        ({"currency": "USD"}, "people_contradicted", 55_000),
        ({"amount": 55_001}, "money_on_ended_payment", 1),
    ],
)
async def test_people_look_again_where_the_gateway_took_otherwise_than_they_said(desk, changes, reason, differs):
    at = await desk("Accounts")
    payment = await ended_by_people(at, "paid")
    assert await approved(at, payment, "A", **changes) == PERSON
    (case,) = await at.world.all("SELECT reason, amount, detail FROM cases WHERE state = 'open'")
    told = f"{changes.get('amount', 55_000)} {changes.get('currency', 'KRW')}"
    detail = f"people said that 55000 KRW were taken; the gateway tells of {told}"
    assert case == {"reason": reason, "amount": differs, "detail": detail}
    assert "tid" not in (await at.world.payment(payment.id)).refs
    refs = [json.loads(row["refs"]) for row in await at.world.all("SELECT refs FROM cases WHERE state = 'open'")]
    assert refs == [{"tid": "A"} if reason == "money_on_ended_payment" else {}], "by these more money is given back"


async def test_what_was_never_taken_leaves_the_books_by_peoples_word_and_waits_for_no_notice(desk):
    at = await desk("Accounts")
    payment = await ended_by_people(at, "paid")
    assert await approved(at, payment, "A", amount=50_000) == PERSON
    case = await case_of(at.world, payment.id)
    assert [(one["decision"], one["amount"]) for one in case["decisions"]] == [
        ("given_back", 5_000),
        ("not_given_back", 0),
    ]
    assert "did not take as much as two people said" in case["advice"]["en"]
    await decide(at.world, case, "given_back")
    assert await at.world.entries(payment.id) == [("capture", 55_000, "E8"), BY_HAND]
    assert await tell(at, payment, Event.PART_CANCELLED, "later", amount=5_000) == "refunded past the bridge"


async def test_people_look_again_where_the_request_that_they_said_was_paid_ended_unpaid(desk):
    at = await desk("SelfTold")
    payment = await ended_by_people(at, "paid")
    unpaid = Event.REQUEST_CANCELLED
    assert await tell(at, payment, unpaid, "one of several", request="1", binding={"tid": "1"}) == KNOWN
    assert await tell(at, payment, unpaid, "of no number") == KNOWN
    assert await tell(at, payment, unpaid, "its own", binding={"tid": "A"}) == PERSON
    assert await at.world.cases(payment.id) == ["people_contradicted"]
    by_notice = await at.payment_in(State.PAID)
    assert await tell(at, by_notice, unpaid, "of money that is there", binding={"tid": "A"}) == KNOWN


@pytest.mark.parametrize("kind", [Kind.APPROVE, Kind.PROBE])
async def test_what_people_said_was_taken_and_given_back_is_not_found_by_the_news_of_its_coming(desk, kind):
    at = await desk("Accounts")
    payment = await ended_by_people(at, "voided", kind)
    assert await approved(at, payment, "A") == TAKEN_AND_BACK
    assert await tell(at, payment, Event.CANCELLED, "back") == KNOWN
    assert await at.world.entries(payment.id) == []
    assert await at.world.cases(payment.id) == []
    assert await approved(at, payment, "B") == PERSON, "that is other money"
    assert (await at.world.payment(payment.id)).orphaned == 55_000


@pytest.mark.parametrize("decision", ["declined", "voided"])
async def test_what_people_said_of_one_sum_hides_no_other(desk, decision):
    at = await desk("Accounts")
    payment = await ended_by_people(at, decision)
    assert await approved(at, payment, "A", amount=5_500) == PERSON
    assert await at.world.entries(payment.id) == [("orphan_capture", 5_500, "E7")]


# ---- money that went back


async def refunded_by_hand(at, amount=5_000):
    """Have people say that a part of a paid payment was given back in the console, before anybody told of it."""
    payment = await at.payment_in(State.PAID)
    await report(at.world.context, payment.id, "the buyer says that 5000 KRW came back", "operator:minji")
    await decide(at.world, await case_of(at.world, payment.id, "reported"), "given_back", amount=amount)
    return payment


@pytest.mark.parametrize("event", [Event.PART_CANCELLED, Event.CANCELLED])
async def test_what_people_said_was_given_back_by_hand_is_not_given_back_again_by_its_notice(desk, event):
    at = await desk("Accounts")
    payment = await refunded_by_hand(at)
    assert await tell(at, payment, event, "late", amount=5_000) == BACK
    assert await at.world.entries(payment.id) == [BY_HAND]
    assert await tell(at, payment, event, "another", amount=5_000) == "refunded past the bridge"
    assert await at.world.entries(payment.id) == [BY_HAND, TOLD_BACK]
    assert await at.world.cases(payment.id) == []


async def test_all_that_people_said_was_given_back_by_hand_asks_nobody_again(desk):
    at = await desk("Accounts")
    payment = await refunded_by_hand(at, 55_000)
    assert await at.world.state(payment.id) == "refunded"
    assert await tell(at, payment, Event.CANCELLED, "late") == BACK.replace("5000", "55000")
    assert await at.world.cases(payment.id) == []
    assert await tell(at, payment, Event.CANCELLED, "another") == PERSON


@pytest.mark.parametrize("changes", [{"amount": 5_001}, {"amount": 4_999}])
async def test_a_cancel_of_another_sum_than_people_said_is_another(desk, changes):
    at = await desk("Accounts")
    payment = await refunded_by_hand(at)
    assert await tell(at, payment, Event.PART_CANCELLED, "late", **changes) == "refunded past the bridge"
    assert (await at.world.payment(payment.id)).refunded == 5_000 + changes["amount"]


async def test_a_cancel_that_people_decided_about_was_told_already_so_the_next_is_another(desk):
    at = await desk("Accounts")
    payment = await at.payment_in(State.PAID)
    unclear = {"amount": 5_000, "readings": (5_000, 50_000)}
    assert await tell(at, payment, Event.PART_CANCELLED, "unclear", **unclear) == PERSON
    await decide(at.world, await case_of(at.world, payment.id), "given_back")
    assert await at.world.entries(payment.id) == [BY_HAND]
    assert await tell(at, payment, Event.PART_CANCELLED, "another", amount=5_000) == "refunded past the bridge"
    assert await at.world.entries(payment.id) == [BY_HAND, TOLD_BACK]


async def denied(at):
    """Have a refund of 5,000 KRW of which people said that it was not made."""
    payment = await at.payment_in(State.PAID)
    refund = await at.operation(payment, Kind.REFUND, Step.NEEDS_HUMAN, amount=5_000)
    await open_case(at.world, payment, "refund_unknown", "no answer came", 5_000)
    await decide(at.world, await case_of(at.world, payment.id), "not_refunded")
    return payment, (await at.now(refund))[0]


async def answer_late(at, refund):
    """Let the gateway answer that it gave it back after all."""
    await at.write(lambda turn, recorder: contradict(turn, recorder, refund.payment, refund))


async def test_a_refund_that_people_said_was_not_made_is_in_the_books_by_its_notice_once(desk):
    at = await desk("Accounts")
    payment, refund = await denied(at)
    assert (refund.step, refund.evidence) == ("fail", "E8")
    assert await tell(at, payment, Event.PART_CANCELLED, "late", amount=5_000) == "refunded past the bridge"
    await answer_late(at, refund)
    assert await at.world.entries(payment.id) == [TOLD_BACK]
    assert await at.world.cases(payment.id) == [], "the books have what the late answer tells"
    assert (await at.world.told(payment.id))[-1] == "payment.refunded"


async def test_people_look_again_where_a_refund_that_is_sent_again_is_made_though_they_said_no(desk):
    at = await desk("Mute")
    payment = await at.payment_in(State.PAID)
    refund = await at.operation(payment, Kind.REFUND, Step.NEEDS_HUMAN)
    await open_case(at.world, payment, "refund_unknown", "no answer came", 55_000)
    case = await case_of(at.world, payment.id)
    talks = Talks(at.world)
    talks.answers.append(Done())
    talks.meanwhile = partial(decide, at.world, case, "not_refunded")
    context = at.world.context
    await refund_again(context, context.sites.get(payment.site), at.gateway, refund)
    after, payment = await at.now(refund)
    assert (after.step, after.evidence, payment.state) == ("fail", "E8", "paid")
    assert await at.world.cases(payment.id) == ["external_cancel"]


async def test_its_notice_settles_what_a_late_answer_asked_about(desk):
    at = await desk("Accounts")
    payment, refund = await denied(at)
    await answer_late(at, refund)
    assert await at.world.cases(payment.id) == ["external_cancel"]
    assert await tell(at, payment, Event.PART_CANCELLED, "late", amount=5_000) == "refunded past the bridge"
    assert await at.world.entries(payment.id) == [TOLD_BACK]
    assert await at.world.cases(payment.id) == []


async def test_what_people_said_of_a_late_answer_is_known_when_its_notice_comes(desk):
    at = await desk("Accounts")
    payment, refund = await denied(at)
    await answer_late(at, refund)
    await decide(at.world, await case_of(at.world, payment.id), "given_back")
    assert await tell(at, payment, Event.PART_CANCELLED, "late", amount=5_000) == BACK
    assert await at.world.entries(payment.id) == [BY_HAND]
    assert (await at.world.payment(payment.id)).refunded == 5_000


async def test_a_cancel_in_the_console_before_a_refund_of_ours_is_not_the_one_people_denied(desk):
    at = await desk("Accounts")
    payment = await at.payment_in(State.PAID)
    assert await tell(at, payment, Event.PART_CANCELLED, "by hand", amount=5_000) == "refunded past the bridge"
    await at.world.clock.forward(1)
    refund = await at.operation(payment, Kind.REFUND, Step.FAIL, amount=5_000, evidence=Evidence.E8)
    await answer_late(at, refund)
    assert await at.world.cases(payment.id) == ["external_cancel"]


async def test_the_notice_of_a_refund_that_people_said_was_made_is_known(desk):
    at = await desk("Accounts")
    payment = await at.payment_in(State.PAID)
    await at.operation(payment, Kind.REFUND, Step.NEEDS_HUMAN, amount=5_000)
    await open_case(at.world, payment, "refund_unknown", "no answer came", 5_000)
    await decide(at.world, await case_of(at.world, payment.id), "refunded")
    assert await tell(at, payment, Event.PART_CANCELLED, "late", amount=5_000, refs={"cancel": "1"}) == KNOWN
    assert await at.world.entries(payment.id) == [("refund", -5_000, "E8")]
    assert await tell(at, payment, Event.PART_CANCELLED, "other", amount=5_000, refs={"cancel": "2"}) != KNOWN
    assert await at.world.entries(payment.id) == [("refund", -5_000, "E8"), TOLD_BACK]


async def test_what_a_hint_told_first_is_found_under_its_number_and_another_number_is_more_money(desk):
    """The hint's own proven news has the same name, and has no effect a second time."""
    at = await desk("Accounts")
    payment = await at.payment_in(State.EXPIRED)
    assert await tell(at, payment, Event.APPROVED, "hint", proof=HINT, refs={"tid": "A"}) == PERSON
    await decide(at.world, await case_of(at.world, payment.id), "money_found")
    assert await approved(at, payment, "B") == PERSON
    assert await approved(at, payment, "A") == FOUND
    assert (await at.world.payment(payment.id)).orphaned == 110_000


async def test_a_deposit_that_a_hint_told_first_is_found_under_its_number(desk):
    at = await desk("Accounts")
    payment = await at.payment_in(State.EXPIRED)
    assert await tell(at, payment, Event.DEPOSITED, "hint", proof=HINT, refs={"tid": "A"}) == PERSON
    await decide(at.world, await case_of(at.world, payment.id), "money_found")
    words = [await tell(at, payment, Event.DEPOSITED, f"of {one}", refs={"tid": one}) for one in "BA"]
    assert words == [PERSON, FOUND]


async def test_a_cancel_on_an_ended_payment_that_people_decided_about_was_told_already(desk):
    at = await desk("Accounts")
    payment = await at.payment_in(State.EXPIRED)
    assert await tell(at, payment, Event.CANCELLED, "first") == PERSON
    await decide(at.world, await case_of(at.world, payment.id), "given_back")
    assert (await at.world.payment(payment.id)).orphaned == -55_000
    assert await tell(at, payment, Event.CANCELLED, "second") == PERSON


@pytest.mark.parametrize(("shown", "state"), [(0, "refunded"), (50_000, "part_refunded")])
async def test_an_inquiry_that_shows_less_than_people_said_was_taken_makes_them_look_again(world, shown, state):
    """Nobody could be asked for so long that two people said paid; then the gateway answers, and knows otherwise."""
    await world.pair_teller("Asked")
    world.teller.fail("approve", "lost_before")
    world.teller.always["inquire"] = "odd"
    payment = await world.buy_at_teller()
    await world.live(1_500, step=20)
    await decide(world, await case_of(world, payment.id), "paid")
    world.teller.always.clear()
    world.trade(payment).captured = shown
    await world.live(3_600, step=60)

    case = await case_of(world, payment.id)
    assert (case["reason"], case["amount"]) == ("people_contradicted", 55_000 - shown)
    await decide(world, case, "given_back")
    assert (await world.state(payment.id), await world.cases(payment.id)) == (state, [])
    await world.live(3_600, step=60)
    assert await world.cases(payment.id) == [], "what they say now stands"
    await world.check_books()
