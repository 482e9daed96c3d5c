"""What outcomes, notices and people's decisions leave in the books, to the last field: who, why, and about how much."""

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest

from bridge.domain.failures import GatewayOff, Reconciling
from bridge.domain.gateway import Absent, Accepted, Allowed, Done, NothingThere, NotSent, Refused, Seen, Undone, Unknown
from bridge.domain.machine import State, Step
from bridge.domain.reasons import Reason
from bridge.flows.charge_key import ChargeWish, charge_key
from bridge.flows.expire import _end
from bridge.flows.owe_check import owe_check
from bridge.flows.owe_withdrawal import begin_probe
from bridge.flows.pace import quiet_ms
from bridge.flows.refund import RefundWish, once_of_command, refund
from bridge.flows.undo import intend_undo
from bridge.flows.void_account import void_once
from bridge.flows.window_end import must_be_shown
from bridge.ledger import gap, payments
from tests.flows.test_accounts import deposited, transfer, void, waiting
from tests.flows.test_cases import case_of, decide, open_case
from tests.flows.test_findings import approve_directly, outcomes, write
from tests.flows.test_tries import Talks, detail_of, operation_of, pending, seconds_until, try_once


async def one_who(world, payment, event):
    """Say who stands in the audit beside the last event of that name."""
    rows = await world.all("SELECT actor FROM audit WHERE payment = ? AND event = ? ORDER BY seq", payment.id, event)
    return rows[-1]["actor"]


async def causes(world, payment):
    """Give the causes of a payment's entries, each the name of what counts once."""
    return [row["cause"] for row in await world.all("SELECT cause FROM entries WHERE payment = ?", payment.id)]


async def told_at_teller(world):
    """A payment made in the window of a gateway that captures by itself and tells."""
    await world.pair_teller("SelfTold")
    payment = await world.payment((await world.checkout()).payment)
    world.teller.capture(payment.merchant_ref)
    await world.tell("approved", payment)
    await world.quiet()
    return await world.payment(payment.id)


async def test_a_window_whose_order_another_payment_has_is_left_as_it_is(world, monkeypatch):
    opened = await world.checkout()
    waits = await world.payment(opened.payment)
    monkeypatch.setattr(payments, "holder", lambda everyone, but: "another payment")

    assert await approve_directly(world, opened) == []
    assert await world.payment(opened.payment) == waits
    assert await world.operations(opened.payment) == []


async def test_no_approval_is_begun_while_the_books_may_be_behind(world):
    opened = await world.checkout()
    await write(world, lambda turn, recorder: gap.begin(turn, recorder.at - 1_000, recorder.at))
    with pytest.raises(Reconciling):
        await approve_directly(world, opened)
    assert await world.operations(opened.payment) == []


async def test_less_left_at_the_gateway_than_in_the_books_is_a_case_over_the_difference(world):
    payment = await told_at_teller(world)
    world.teller.fail("refund", "lost_after")
    await world.refund(payment.id, 20_000)
    await world.quiet()
    await world.tell("part_cancelled", payment, amount=20_000, left=15_000)

    assert (await world.payment(payment.id)).refunded == 20_000
    assert (await case_of(world, payment.id, "external_cancel"))["amount"] == 20_000


@pytest.mark.parametrize("is_said", [False, True])
async def test_late_news_of_our_own_refund_is_known_though_another_sum_went_back_that_is_not_told_yet(world, is_said):
    """The console gave back 30,000 KRW first, and that notice is the later one: ours was written a second time."""
    payment = await told_at_teller(world)
    if is_said:
        world.teller.fail("refund", "lost_after")
    await world.refund(payment.id, 20_000)
    await world.quiet()
    if is_said:
        await world.live(1_800.0, 60.0)
        await decide(world, await case_of(world, payment.id), "refunded")
    await world.tell("part_cancelled", payment, amount=20_000, left=5_000, refund_number="ours")
    assert (await world.payment(payment.id)).refunded == 20_000
    assert (await case_of(world, payment.id, "external_cancel"))["amount"] == 30_000
    await world.tell("part_cancelled", payment, amount=30_000, left=25_000, refund_number="console")

    assert ((await world.payment(payment.id)).refunded, await world.cases(payment.id)) == (50_000, [])


async def test_what_leaves_just_as_much_less_as_it_says_is_another_refund_of_the_same_sum(world):
    payment = await told_at_teller(world)
    await world.refund(payment.id, 20_000)
    await world.quiet()
    await world.tell("part_cancelled", payment, amount=20_000, left=15_000, refund_number="console")

    assert ((await world.payment(payment.id)).refunded, await world.cases(payment.id)) == (40_000, [])


@pytest.mark.parametrize("amount", [20_000, 10_000])
async def test_news_of_no_less_left_than_the_books_have_is_known(world, amount):
    payment = await told_at_teller(world)
    world.teller.fail("refund", "lost_after")
    await world.refund(payment.id, 20_000)
    await world.quiet()
    await world.tell("part_cancelled", payment, amount=20_000, left=35_000)
    await world.tell("part_cancelled", payment, amount=amount, left=35_000, refund_number="again")

    assert (await world.payment(payment.id)).refunded == 20_000
    assert await world.cases(payment.id) == []


@pytest.mark.parametrize("amount", [40_000, 55_000])
async def test_a_cancel_of_more_than_a_refund_on_its_way_leaves_waits_for_that_refunds_answer(world, amount):
    payment = await told_at_teller(world)
    talks = Talks(world)

    async def console():
        await world.tell("part_cancelled", payment, amount=amount)
        assert await world.cases(payment.id) == []

    talks.meanwhile = console
    await world.refund(payment.id, 20_000)
    await world.quiet()
    assert await outcomes(world, payment) == ["", "paid"]
    await world.beat()
    assert await outcomes(world, payment) == ["a person must look", "paid"]
    assert await world.cases(payment.id) == ["external_cancel"]


async def test_a_cancel_in_the_console_is_entered_under_its_notices_own_name(world):
    payment = await told_at_teller(world)
    await world.tell("part_cancelled", payment, amount=20_000)
    (name,) = await world.all("SELECT dedupe FROM notices WHERE outcome = 'refunded past the bridge'")

    assert (await causes(world, payment))[-1] == f"notice:{payment.site}:teller:{name['dedupe']}"


@pytest.mark.parametrize(("amount", "kept"), [(5_000, 0), (56_000, 1_000)])
async def test_what_two_people_saw_given_back_is_entered_under_their_case_by_the_one_who_confirmed(world, amount, kept):
    payment = await world.buy()
    await open_case(world, payment, "external_cancel", "the gateway reports a cancel", amount)
    case = await case_of(world, payment.id)
    await decide(world, case, "given_back")

    external, *returned = (await causes(world, payment))[1:]
    assert external.startswith(f"case:{case['id']}:")
    assert [cause.removeprefix(f"orphan:{payment.id}:") for cause in returned] == [external] * bool(kept)
    assert await one_who(world, payment, "refund.external") == "operator:checker"
    if kept:
        assert await one_who(world, payment, "payment.orphan_returned") == "operator:checker"
    assert (await world.payment(payment.id)).orphaned == -kept


async def test_money_that_two_people_find_is_entered_by_the_one_who_confirmed(world):
    world.fault("pay", "decline", code="9001")
    opened = await world.checkout()
    await world.come_back(opened)
    await world.quiet()
    declined = await world.payment(opened.payment)
    await open_case(world, declined, "reported", "an operator saw money", 55_000)
    await decide(world, await case_of(world, declined.id), "money_found", amount=55_000)

    assert await one_who(world, declined, "payment.orphaned") == "operator:checker"


async def test_a_rumour_that_two_people_put_to_rest_changes_no_book(world):
    payment = await world.buy()
    await open_case(world, payment, "books_differ", "the gateway shows 5,000 KRW given back, the books 0", 5_000)
    case = await case_of(world, payment.id)
    assert "seen" in [one["decision"] for one in case["decisions"]]
    await decide(world, case, "seen")

    assert await world.payment(payment.id) == payment
    assert await world.cases(payment.id) == []


async def test_only_gateways_that_charge_keys_are_asked_to(world, monkeypatch):
    await world.pair_teller("Asked")
    monkeypatch.setattr("bridge.flows.charge_key.owned", lambda *_: SimpleNamespace(gateway="teller"))
    wish = ChargeWish("key", "c-1", None, "wp:7")
    with pytest.raises(GatewayOff, match="charges no billing keys"):
        await charge_key(world.context, world.context.sites.get(world.site.id), wish, None)


@pytest.mark.parametrize("shown", [20_000, 55_000])
async def test_what_an_inquiry_finds_taken_and_given_back_in_part_is_entered_net(world, shown):
    payment, _ = await pending(world, "inquire")
    await world.clock.forward(60)
    Talks(world).answers.append(Seen(55_000, shown))
    await try_once(world, "inquire", await operation_of(world, payment.id, "approve"))
    await world.quiet()

    given = {20_000: [("capture", 55_000, "E4"), ("external_refund", -20_000, "E4")], 55_000: []}
    assert await world.entries(payment.id) == given[shown]


async def test_an_inquiry_that_does_not_tell_of_refunds_raises_no_case_where_nothing_was_reported(world):
    payment, _ = await pending(world, "inquire")
    await world.clock.forward(60)
    Talks(world).answers.append(Seen(55_000, None))
    await try_once(world, "inquire", await operation_of(world, payment.id, "approve"))
    await world.quiet()

    assert (await world.state(payment.id), await world.cases(payment.id)) == ("paid", [])


async def test_a_refund_that_is_asked_about_in_vain_keeps_its_code_and_is_asked_about_less_and_less_often(world):
    await world.pair_teller("Asked")
    payment = await world.buy_at_teller()
    Talks(world).answers.append(Unknown("it proves nothing", "9001", "잠시 후에"))
    await world.refund(payment.id, 5_000)
    await world.quiet()
    pauses = []
    for tries in (0, 2, 4, 6, 8):
        sent = replace(await operation_of(world, payment.id, "refund"), tries=tries)
        await write(
            world, lambda turn, _, n=tries, i=sent.id: turn.run("UPDATE operations SET tries = ? WHERE id = ?", n, i)
        )
        Talks(world).answers.append(Unknown("nothing can be said"))
        await try_once(world, "inquire", sent)
        after = await operation_of(world, payment.id, "refund")
        assert (after.code, after.message) == ("9001", "잠시 후에")
        pauses.append(seconds_until(world, after))

    assert pauses == [2.0, 2.0, 3.0, 10.0, 45.0]


async def test_a_full_refund_whose_answer_came_at_last_is_the_gateways_word(world):
    payment, _ = await pending(world, "refund")
    Talks(world).answers.append(Done(already=True))
    await try_once(world, "refund", await operation_of(world, payment.id, "refund"))

    assert await one_who(world, payment, "refund.done") == "gateway"
    assert await world.entries(payment.id) == [("capture", 55_000, "E1"), ("refund", -55_000, "E9")]


async def test_a_refund_that_was_not_made_in_the_end_says_how_much_and_why_and_is_news(world):
    await world.pair_teller("Accounts")
    payment = await deposited(world)
    await transfer(world, payment, 10_000)
    world.teller.make_transfer("failed")
    await world.live(120, step=30)

    said = await detail_of(world, payment.id, "refund.refused")
    assert (said["amount"], said["code"], said["message"]) == (10_000, "failed", "은행 답")
    assert (await world.told(payment.id))[-1] == "payment.refund_refused"


async def test_a_refund_of_ours_owes_the_look_that_is_about_it_and_closes_only_its_own_case(world):
    await world.pair_teller("Asked")
    payment = await world.buy_at_teller()
    await open_case(world, payment, "reported", "an operator saw something")
    await open_case(world, payment, "refund_unknown", "a refund has no outcome")
    await world.refund(payment.id, 5_000)
    await world.quiet()
    refund, check = await operation_of(world, payment.id, "refund"), await operation_of(world, payment.id, "check")

    assert check.target == refund.id
    assert await world.cases(payment.id) == ["reported"]


async def test_an_unknown_approvals_code_is_kept_to_64_characters(world):
    await world.pair_teller("Asked")
    opened = await world.checkout()
    Talks(world).answers.append(Unknown("it proves nothing", "7" * 70, "잠시 후에"))
    await world.return_from_teller(opened)
    await world.quiet()

    assert (await world.payment(opened.payment)).code == "7" * 64


async def test_a_payment_is_told_as_paid_or_by_why_it_is_not_kept(world):
    payment = await world.buy()
    assert (await detail_of(world, payment.id, "payment.paid"))["evidence"] == "E1"
    await world.pair_teller("AskedAndUndone")
    world.teller.takes_instead = 5_500
    other = await world.buy_at_teller()
    assert (await detail_of(world, other.id, "payment.amount_mismatch"))["amount"] == 5_500


@pytest.mark.parametrize(
    ("answers", "step", "state"),
    [
        ([Unknown("no answer", "odd", "잠시 후에")], "unknown", "awaiting_deposit"),
        ([Unknown("no answer", "odd", "잠시 후에")] * 2, "unknown", "awaiting_deposit"),
        ([Refused(Reason.CANCEL_FAILED, "deposited", "입금된 계좌예요")], "fail", "awaiting_deposit"),
        ([Undone("2001")], "ok", "voided"),
        ([NotSent("no connection")], "not_sent", "awaiting_deposit"),
    ],
)
async def test_a_closing_keeps_the_gateways_words_whatever_came_of_it(world, answers, step, state):
    await world.pair_teller("Accounts")
    payment = await waiting(world)
    Talks(world).answers.extend(answers)
    await void(world, payment)
    site = world.context.sites.get(payment.site)
    for _ in answers[1:]:
        voiding = await operation_of(world, payment.id, "probe")
        await void_once(world.context, site, site.gateway("teller"), voiding)
    after = await operation_of(world, payment.id, "probe")

    said = getattr(answers[-1], "message", "") or getattr(answers[-1], "why", "")
    assert (after.step, after.code, after.message) == (step, getattr(answers[-1], "code", ""), said)
    assert await world.state(payment.id) == state
    assert (after.next_try_at is None) is (step != "unknown")


async def test_a_closing_that_nobody_answers_is_sent_again_at_an_inquirys_pauses(world):
    await world.pair_teller("Accounts")
    payment = await waiting(world)
    Talks(world).answers.extend([Unknown("no answer", "odd", "잠시 후에")] * 6)
    await void(world, payment)
    site, pauses = world.context.sites.get(payment.site), []
    for _ in range(5):
        voiding = await operation_of(world, payment.id, "probe")
        pauses.append((voiding.next_try_at - world.clock.now()).total_seconds())
        await void_once(world.context, site, site.gateway("teller"), voiding)
    assert pauses == [2, 2, 3, 10, 45]


async def test_a_closing_that_nobody_answers_is_given_up_at_the_accounts_end(world):
    await world.pair_teller("Accounts")
    payment = await waiting(world)
    talks = Talks(world)
    talks.answers.append(Unknown("no answer", "odd", "잠시 후에"))
    await void(world, payment)
    await world.clock.forward((payment.expires_at - world.clock.now() + timedelta(seconds=1)).total_seconds())
    talks.answers.append(Unknown("no answer", "odd", "잠시 후에"))
    site = world.context.sites.get(payment.site)
    await void_once(world.context, site, site.gateway("teller"), await operation_of(world, payment.id, "probe"))

    after = await operation_of(world, payment.id, "probe")
    assert (after.step, after.evidence, after.code) == (Step.FAIL, "E2", "odd")
    assert (await detail_of(world, payment.id, "account.not_voided"))["code"] == "odd"


async def test_a_talk_about_a_windows_withdrawal_is_in_the_journal(world):
    payment, _ = await pending(world, "probe")
    assert "probe" in await world.calls(payment.id)


async def test_a_refund_that_was_taken_in_is_kept_as_such(world):
    payment, _ = await pending(world, "refund")
    Talks(world).answers.append(Accepted({"refund_number": "R-1"}))
    await try_once(world, "refund", await operation_of(world, payment.id, "refund"))
    after = await operation_of(world, payment.id, "refund")

    assert (after.step, after.code, after.refs["refund_number"]) == (Step.UNKNOWN, "accepted", "R-1")


async def test_what_an_ended_window_took_is_found_less_what_went_back(world):
    await world.pair_teller("SelfAsked")
    opened = await world.checkout()
    world.teller.always["inquire"] = "absent"
    await world.live(1_500, step=20)
    payment = await world.payment(opened.payment)
    assert payment.state == "expired"
    await write(world, lambda turn, recorder: owe_check(turn, recorder, payment))
    Talks(world).answers.append(Seen(55_000, 20_000))
    await try_once(world, "inquire", await operation_of(world, payment.id, "check"))

    assert await world.entries(payment.id) == [("orphan_capture", 35_000, "E4")]


async def test_news_of_an_approval_that_was_taken_back_is_known(world):
    await world.pair_teller("AskedOnHint")
    world.teller.takes_instead = 5_500
    payment = await world.buy_at_teller()
    await world.live(60, step=5)
    assert (await world.payment(payment.id)).captured == 5_500
    assert await world.state(payment.id) == "voided"
    await world.tell("approved", payment, amount=5_500)
    await world.quiet()

    assert (await outcomes(world, payment))[-1] == "known already"


async def test_news_of_a_withdrawn_request_says_nothing_where_requests_take_no_money(world):
    await world.pair_teller("Accounts")
    payment = await world.payment((await world.checkout()).payment)
    await world.tell("request_cancelled", payment)

    assert await outcomes(world, payment) == ["nothing to do"]
    assert await world.state(payment.id) == "open"


async def test_an_operator_types_one_command_after_the_other(world):
    payment, site = await world.buy(), world.context.sites.get(world.site.id)
    for key in ("ab" * 16, "cd" * 16):
        wish = RefundWish(payment.id, 5_000, "고객 요청", "operator:maker")
        await refund(world.context, site, wish, once_of_command(world.context, key, key))
        await world.quiet()

    assert (await world.payment(payment.id)).refunded == 10_000


async def test_what_is_taken_back_whole_is_asked_for_as_such(world, monkeypatch):
    await world.pair_teller("Asked")
    gateway, asked = world.context.sites.get(world.site.id).gateway("teller"), []
    really = type(gateway).refund
    monkeypatch.setattr(type(gateway), "refund", lambda self, *of: asked.append(of[1]) or really(self, *of))
    world.teller.takes_instead = 5_500
    await world.buy_at_teller()
    await world.live(60, step=5)

    (order,) = asked
    assert (order.amount, order.full, order.left_after, order.refunded_before) == (5_500, True, 0, 0)
    assert (order.tax.total, order.reason) == (5_500, "자동 취소")


async def test_an_approval_is_taken_back_and_a_window_withdrawn_by_one_operation(world):
    payment, _ = await pending(world, "inquire")
    approve = replace(await operation_of(world, payment.id, "approve"), refusal=True)
    first = await write(world, lambda turn, recorder: intend_undo(turn, recorder, approve))
    approve = replace(await operation_of(world, payment.id, "approve"), refusal=True)
    again = await write(world, lambda turn, recorder: intend_undo(turn, recorder, approve))
    probe = await write(world, lambda turn, recorder: begin_probe(turn, recorder, payment))
    other = await write(world, lambda turn, recorder: begin_probe(turn, recorder, payment))

    assert (first.kind, again, probe.kind, other) == ("undo", None, "probe", None)


async def test_an_expired_window_is_left_alone_once_its_payment_went_on(world):
    payment = await world.buy()
    await world.clock.forward(7_200)
    assert not await write(world, lambda turn, recorder: _end(turn, recorder, payment.id, None))
    assert await world.state(payment.id) == "paid"


async def test_only_an_open_window_in_which_money_may_move_by_itself_must_be_shown_unpaid(world):
    await world.pair_teller("SelfTold")
    payment = await world.payment((await world.checkout()).payment)
    own = world.context.sites.get(world.site.id).gateway("teller")
    await world.pair_teller("Asked", url="http://other.test")
    asks_us = world.context.sites.get(world.site.id).gateway("teller")

    def shown(gateway, one):
        return world.context.ledger.read(lambda turn: must_be_shown(turn, gateway, one))

    assert await shown(own, payment)
    assert not await shown(None, payment)
    assert not await shown(asks_us, payment)
    assert not await shown(own, replace(payment, window_url=""))
    assert not await shown(own, replace(payment, state=State.PAID))


@pytest.mark.parametrize("refunded", [20_000, None])
async def test_money_said_to_have_gone_back_is_a_persons_only_where_the_inquiry_does_not_tell_of_it(world, refunded):
    await world.pair_teller("AskedOnHint")
    world.teller.always["inquire"] = "strange"
    world.teller.fail("approve", "odd")
    payment = await world.buy_at_teller()
    await world.tell("part_cancelled", payment, amount=20_000)
    await world.quiet()
    await world.clock.forward(60)
    Talks(world).answers.append(Seen(55_000, refunded))
    await try_once(world, "inquire", await operation_of(world, payment.id, "approve"))

    assert await world.cases(payment.id) == ([] if refunded else ["external_cancel"])
    assert (await world.payment(payment.id)).refunded == (refunded or 0)


async def test_a_look_that_waits_for_another_outcome_has_nothing_to_say(world):
    payment, _ = await pending(world, "inquire")
    await write(world, lambda turn, recorder: owe_check(turn, recorder, payment))
    Talks(world).answers.append(Seen(55_000, 0))
    await try_once(world, "inquire", await operation_of(world, payment.id, "check"))
    check = await operation_of(world, payment.id, "check")

    assert (check.step, check.message) == ("unknown", "")


async def test_a_full_refund_that_no_inquiry_tells_of_keeps_what_was_said_and_is_due_at_once(world):
    await world.pair_teller("Asked")
    payment = await world.buy_at_teller()
    Talks(world).answers.append(Unknown("it proves nothing", "9001", "잠시 후에"))
    await world.refund(payment.id)
    await world.quiet()
    Talks(world).answers.append(Seen(55_000, None))
    await try_once(world, "inquire", await operation_of(world, payment.id, "refund"))
    after = await operation_of(world, payment.id, "refund")

    assert (after.code, after.message, seconds_until(world, after)) == ("9001", "잠시 후에", 0)


async def test_a_part_is_refused_where_only_all_may_go_back(world, monkeypatch):
    await world.pair_teller("Asked")
    payment = await world.buy_at_teller()
    gateway = type(world.context.sites.get(world.site.id).gateway("teller"))
    monkeypatch.setattr(gateway, "refund_rule", lambda self, paid, stamp: Allowed(paid.left, partial=False))
    answer = await world.refund(payment.id, 5_000)

    assert answer.json()["code"] == "refund_refused"
    assert not [one for one in await world.operations(payment.id) if one.kind == "refund"]


async def test_what_is_asked_about_and_then_taken_back_is_a_persons_counted_from_the_approval(world):
    payment, _ = await pending(world, "undo")
    world.teller.always["inquire"] = "strange"
    approve = await operation_of(world, payment.id, "approve")
    patience = world.context.sites.get(world.site.id).gateway("teller").human_after_seconds
    gone = (world.clock.now() - approve.sent_at).total_seconds()
    await world.live(patience - gone + 50, step=5)

    assert await world.state(payment.id) == "needs_human"


@pytest.mark.parametrize("op", ["undo", "inquire"])
async def test_an_answer_that_takes_long_tells_what_was_there_when_it_was_asked_for(world, op):
    """Nothing there before the quiet period proves nothing, though the answer arrives when that period is over."""
    kind = {"undo": "undo", "inquire": "approve"}[op]
    await world.pair_teller({"undo": "Serving", "inquire": "Asked"}[op])
    world.teller.always[op] = "strange"
    world.teller.fail("approve", "lost_before")
    payment = await world.buy_at_teller()
    operation, talks = await operation_of(world, payment.id, kind), Talks(world)
    talks.answers.append(NothingThere("none") if op == "undo" else Absent("none"))
    quiet = quiet_ms(world.context, world.context.sites.get(world.site.id).gateway("teller"))

    async def drip():
        await world.clock.forward(quiet / 1000 + 60)

    talks.meanwhile = drip
    await try_once(world, op, operation)
    after = await operation_of(world, payment.id, kind)

    assert (after.step, after.refs.get("absent_at")) == ("unknown", None)
