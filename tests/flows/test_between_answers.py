"""Steps between a question and its answer: what is asked again, what is kept of it, and who waits for whom.

Of bridge.flows.transfer, bridge.flows.withdraw, bridge.flows.inquire, bridge.flows.settle_unknown,
bridge.flows.finish_checkout, bridge.flows.write_down, bridge.flows.refund_again, bridge.flows.receive_notice,
bridge.flows.decide_case and bridge.ledger.beside.
"""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from bridge.clock import new_id, stamp
from bridge.domain.failures import Busy, LedgerBroken, TooEarly
from bridge.domain.gateway import Event, Notice, NotSent, Seen, SharedValue, Unknown
from bridge.domain.machine import Evidence, Kind, State, Step
from bridge.domain.services import TransferShown
from bridge.flows.ask_fence import Fence
from bridge.flows.decide_case import Wish, propose
from bridge.flows.finish_checkout import look, see_approved, wait_for
from bridge.flows.inquire import _record as record_inquiry
from bridge.flows.receive_notice import _proves_more, _take_in_sight
from bridge.flows.script_window import REFUSED
from bridge.flows.settle_unknown import PUT_OFF_SECONDS
from bridge.flows.transfer import _hold_against, _record, _record_search
from bridge.flows.withdraw import _record as record_withdrawal
from bridge.flows.write_down import write_down
from bridge.ledger import beside, notices
from bridge.ledger.notices import StoredNotice
from tests.flows.test_cases import SEEN, case_of
from tests.flows.test_settling_by_step import settle
from tests.support.desk import HUMAN, OPEN
from tests.support.tellers import Counter

pytestmark = pytest.mark.sqlite  # the rules are the same whatever keeps the books

REGISTERED = TransferShown("registered")
PAID = State.PAID


def site_of(at):
    return at.world.context.sites.get(at.world.site.id)


@pytest.mark.parametrize(
    ("step", "shown", "asked"),
    [
        (Step.FAIL, REGISTERED, ["external_cancel"]),
        (Step.OK, REGISTERED, []),
        (Step.FAIL, Unknown("no answer"), []),
    ],
)
async def test_people_look_again_only_where_the_gateway_shows_a_transfer_that_they_said_was_not_made(
    desk, step, shown, asked
):
    at = await desk("Accounts")
    payment = await at.payment_in(PAID)
    refund = await at.operation(payment, Kind.REFUND, step, evidence=Evidence.E8)
    await at.write(lambda turn, pen: _hold_against(turn, pen, refund, shown))
    assert await at.world.cases(payment.id) == asked


async def test_a_transfer_that_became_a_persons_is_still_asked_about(desk):
    at = await desk("Accounts")
    payment = await at.payment_in(PAID)
    long_ago = at.world.clock.now() - timedelta(days=15)
    more = {"amount": 10_000, "sent_at": long_ago, "said": {"code": "accepted"}}
    refund = await at.operation(payment, Kind.REFUND, Step.UNKNOWN, **more)
    await at.write(lambda turn, pen: _record(turn, pen, refund, REGISTERED))
    assert (await at.now(refund))[0].step == Step.NEEDS_HUMAN
    assert await at.seconds_until(refund) is not None


async def test_while_a_lost_registration_is_looked_for_its_own_words_are_kept(desk):
    at = await desk("Accounts")
    payment = await at.payment_in(PAID)
    said = {"code": "9001", "message": "잠시 후에"}
    refund = await at.operation(payment, Kind.REFUND, Step.UNKNOWN, said=said)
    asked = stamp(at.world.clock)
    await at.write(lambda turn, pen: _record_search(turn, pen, at.gateway, refund, Unknown("x", "77"), asked))
    after = (await at.now(refund))[0]
    assert (after.step, after.code, after.message) == (Step.UNKNOWN, "9001", "잠시 후에")


async def test_a_request_that_nobody_answers_about_is_given_up_after_its_pauses(desk):
    at = await desk("SelfTold")
    payment = await at.payment_in(PAID, refs={"number": "1", "requests": "1 2"})
    withdrawal = await at.operation(payment, Kind.WITHDRAW, Step.UNKNOWN)
    pauses = []
    for _ in range(20):
        now = (await at.now(withdrawal))[0]
        await at.write(lambda turn, pen, now=now: record_withdrawal(turn, pen, now, NotSent("busy"), "2"))
        pauses.append(await at.seconds_until(withdrawal))
        if pauses[-1] is None:
            break
    assert pauses[-1] is None
    assert pauses[:-1] == sorted(pauses[:-1])


async def test_an_open_windows_money_that_came_and_went_again_voids_its_payment(desk):
    at = await desk("SelfAsked")
    payment = await at.payment_in(OPEN)
    probe = await at.operation(payment, Kind.PROBE, Step.UNKNOWN)
    shown, asked = Seen(55_000, refunded=55_000), stamp(at.world.clock)
    await at.write(lambda turn, pen: record_inquiry(turn, pen, at.gateway, probe, shown, Fence(True), asked))
    assert (await at.world.state(payment.id), await at.world.entries(payment.id)) == ("voided", [])
    assert len(await at.audited(payment, "undo.seen")) == 1


async def test_a_comparison_that_nobody_can_be_asked_for_asks_no_gateway_for_an_escrows_state(desk):
    at = await desk("Serving")
    payment = await at.payment_in(PAID)
    check = await at.operation(payment, Kind.CHECK, Step.UNKNOWN)
    assert await settle(at, payment) == []
    assert await at.seconds_until(check) == PUT_OFF_SECONDS


async def test_a_buyer_who_comes_back_while_the_books_take_nothing_hears_to_try_again(desk):
    at = await desk("Asked")
    payment = await at.payment_in(OPEN)

    async def approving():
        raise Busy("The books take nothing now.")

    with pytest.raises(Busy):
        await see_approved(at.world.context, site_of(at), payment, approving())


async def test_a_buyer_who_comes_back_waits_for_money_that_a_notice_is_writing_down(desk):
    at = await desk("Accounts")
    payment = await at.payment_in(OPEN)

    async def writing():
        for _ in range(5):  # the buyer looks and waits by then
            await asyncio.sleep(0)
        assert await at.tell(payment, Event.APPROVED) == "paid"

    at.world.context.tasks.begin(f"capture:{payment.id}", writing())
    visit = await wait_for(at.world.context, site_of(at), payment)
    assert visit.payment.state == "paid"


async def test_a_window_that_never_opened_is_not_taken_for_one_in_which_the_buyer_may_be_paying(desk):
    at = await desk("SelfTold")
    payment = await at.payment_in(OPEN)
    await at.write(lambda turn, pen: pen.note(turn, payment, REFUSED, {}))
    visit = await look(at.world.context, site_of(at), payment.id)
    assert (visit.window_refused, visit.may_be_paying) == (True, False)


async def test_an_answer_is_written_down_after_the_database_has_failed_for_a_moment(desk):
    at = await desk("Asked")
    context, ledger = at.world.context, at.world.context.ledger
    really, fails = ledger.write, [LedgerBroken("disk I/O error")]

    async def write(work):
        if fails:
            raise fails.pop()
        return await really(work)

    ledger.write = write
    writing = asyncio.ensure_future(write_down(context, lambda turn: "written"))
    await at.world.clock.forward(2)
    assert await writing == "written"


async def test_a_full_cancel_that_is_sent_again_names_the_address_of_its_notices_too(desk, monkeypatch):
    at = await desk("Mute")
    told, really = [], Counter.refund

    def refund(self, payment, order, at):
        told.append(order.notice_url)
        return really(self, payment, order, at)

    monkeypatch.setattr(Counter, "refund", refund)
    payment = await at.world.buy_at_teller()
    at.world.teller.fail("refund", "lost_before")
    await at.world.refund(payment.id)
    await at.world.live(30, step=5)
    assert (len(told), len(set(told)), bool(told[0])) == (2, 1, True)


async def test_that_nothing_was_paid_is_said_once_no_withdrawal_of_its_window_is_on_its_way(desk):
    at = await desk("SelfTold")
    payment = await at.payment_in(HUMAN)
    await at.operation(payment, Kind.PROBE, Step.NEEDS_HUMAN)
    await at.write(lambda turn, pen: pen.case(turn, payment, "unknown_outcome", "nobody knows"))
    wish = Wish((await case_of(at.world, payment.id))["id"], "declined", SEEN, "operator:maker")
    with pytest.raises(TooEarly):
        await propose(at.world.context, wish)


async def test_whoever_confirms_sees_that_the_payments_own_money_came_after_the_proposal(desk):
    at = await desk("Accounts")
    payment = await at.payment_in(HUMAN)
    await at.write(lambda turn, pen: pen.case(turn, payment, "unknown_outcome", "nobody knows"))
    case = await case_of(at.world, payment.id)
    await propose(at.world.context, Wish(case["id"], "paid", SEEN, "operator:maker"))
    assert len(await at.audited(payment, "case.proposed")) == 1

    async def came():
        return await at.write(lambda turn, _: beside.came_since(turn, payment.id, case["id"]))

    assert not await came()
    assert await at.tell(payment, Event.APPROVED) == "paid"
    assert await came()


async def test_a_notice_whose_first_telling_the_new_secret_does_not_open_is_no_proof_and_no_error(desk):
    at = await desk("Accounts")
    payment = await at.payment_in(PAID)
    vault = at.world.context.vault
    raw = vault.seal(b"event=approved&secret=old", "notice")
    first = StoredNotice("n", payment.site, "teller", "other", "d", "", raw, 1, payment=payment.id)
    said = Notice(Event.APPROVED, "d", payment.merchant_ref, 55_000, SharedValue())

    def work(turn, pen):
        notices.store(turn, first)
        return _proves_more(turn, pen, at.gateway, replace(first, id="m", kind="feedback"), said)

    assert await at.write(work) is False


async def test_a_failed_round_that_is_told_again_where_browsers_see_it_is_acknowledged_again(desk):
    at = await desk("SelfTold")

    def take(turn, pen):
        kept = StoredNotice(new_id(at.world.clock), pen.site.id, "teller", "feedback", "d", "", "", pen.at)
        return _take_in_sight(turn, pen, kept)

    heard = [await at.write(take) for _ in range(2)]
    assert [(one.known, one.acknowledged) for one in heard] == [(True, True)] * 2
    assert heard[1].outcome == "seen before"
