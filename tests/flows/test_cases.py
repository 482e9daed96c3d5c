"""Cases are decided by two people, with evidence; the books follow in the same turn, and evidence of machines wins."""

import asyncio
import hashlib
import json
from datetime import UTC, datetime

import pytest

from bridge.clock import to_ms
from bridge.domain.decisions import Decision, Matter, choices
from bridge.domain.failures import Conflict, Malformed, NeedsAnother, NotFound, NotNow, TooEarly
from bridge.domain.machine import PAID_STATES, Kind, State, may_move
from bridge.domain.payment import Device, Method, Payment
from bridge.flows import decide_case
from bridge.flows.case_words import ADVICE, DECISIONS
from bridge.flows.decide_case import Wish, confirm, propose, reject, report
from bridge.flows.heartbeat import beat
from bridge.flows.record import Recorder
from bridge.flows.show_cases import list_cases, read_case
from bridge.gateways.mainpay import sandbox_notices
from bridge.ledger import operators
from bridge.ledger.operators import Operator
from tests.flows.test_notices import card
from tests.flows.test_orphans import find_money

SEEN = "관리자 화면: 승인번호 30001234, 55,000원"
SEEN_SHA256 = hashlib.sha256(SEEN.encode()).hexdigest()


async def hire(world, *names, role="operator"):
    """Give people accounts."""
    for name in names:
        person = Operator(f"op-{name}", name, role, "never checked here")
        await world.context.ledger.write(lambda turn, person=person: operators.add(turn, person, 1))


async def case_of(world, payment_id, reason=""):
    """Read a payment's open case."""
    found = [one for one in await list_cases(world.context) if one["payment"] == payment_id]
    return next(one for one in found if reason in ("", one["reason"]))


def offered(case):
    return [one["decision"] for one in case["decisions"]]


async def decide(world, case, decision, *, amount=None, evidence=SEEN):
    """Let one person propose, as soon as the quiet period is over if the bridge says so, and another confirm."""
    if not await world.all("SELECT 1 FROM operators WHERE name = 'maker'"):
        await hire(world, "maker", "checker")
    wish = Wish(case["id"], decision, evidence, "operator:maker", amount)
    try:
        made = await propose(world.context, wish)
    except TooEarly as early:
        not_before = datetime.fromisoformat(str(early.extra["not_before"]))
        world.clock.skip((not_before - world.clock.now()).total_seconds() + 0.001)
        made = await propose(world.context, wish)
    return await confirm(world.context, case["id"], made.id, operator="checker")


async def lost_approval(world):
    """A payment whose approval was lost, and which net-cancel cannot settle: a person's case."""
    world.fault("pay", "drop_after")
    world.fault("net_cancel", "5xx_before", times=None)
    opened = await world.checkout()
    await world.come_back(opened)
    await world.quiet()
    await world.live(860, step=20)  # its last try, too, can arrive no more
    payment = await world.payment(opened.payment)
    assert payment.state == "needs_human"
    return payment


@pytest.fixture
async def unknown(world):
    return await lost_approval(world)


async def test_a_part_that_goes_back_of_what_people_called_declined_is_a_persons(world):
    world.fault("notice", "notice_lost")
    payment = await lost_approval(world)
    await decide(world, await case_of(world, payment.id), "declined")
    assert (await world.state(payment.id), await world.cases(payment.id)) == ("declined", [])
    world.sandbox.desks["mainpay"].refund({"merchant_ref": payment.merchant_ref, "amount": 18_000})
    await world.quiet()

    assert (world.book(payment).net, await world.cases(payment.id)) == (37_000, ["money_on_ended_payment"])
    for decision in ("money_found", "given_back"):
        await decide(world, await case_of(world, payment.id), decision, amount=55_000)
    world.sandbox.desks["mainpay"].refund({"merchant_ref": payment.merchant_ref, "amount": 37_000})
    await world.quiet()

    assert (world.book(payment).net, await world.cases(payment.id)) == (0, [])


@pytest.fixture
async def lost_part(world):
    """A paid payment with a partial refund whose outcome nobody knows: a person's case."""
    payment = await world.buy()
    world.fault("part_cancel", "drop_after")
    world.fault("notice", "notice_lost", times=None)
    await world.refund(payment.id, 5_000)
    await world.quiet()
    assert await world.cases(payment.id) == ["refund_unknown"]
    return await world.payment(payment.id)


async def test_what_was_captured_is_paid_when_two_people_say_so(world, unknown):
    case = await case_of(world, unknown.id)
    assert offered(case) == ["paid", "declined", "voided"]
    await decide(world, case, "paid")

    after = await world.payment(unknown.id)
    assert (after.state, after.captured) == ("paid", 55_000)
    assert await world.entries(unknown.id) == [("capture", 55_000, "E8")]
    assert await world.told(unknown.id) == ["payment.confirming", "payment.paid"]
    assert await world.cases(unknown.id) == []
    steps = {one.kind: (one.step, one.evidence) for one in await world.operations(unknown.id)}
    assert steps == {"approve": ("ok", "E8"), "undo": ("fail", "E8")}
    await world.live(1300, step=60)
    await world.check_books()


@pytest.mark.parametrize(("decision", "state", "undo"), [("declined", "declined", "fail"), ("voided", "voided", "ok")])
async def test_what_is_not_there_ends_when_two_people_say_so(world, unknown, decision, state, undo):
    case = await case_of(world, unknown.id)
    await decide(world, case, decision)

    assert await world.state(unknown.id) == state
    assert await world.entries(unknown.id) == []
    assert (await world.told(unknown.id))[-1] == "payment.failed"
    steps = {one.kind: (one.step, one.evidence) for one in await world.operations(unknown.id)}
    assert steps == {"approve": ("fail", "E8"), "undo": (undo, "E8")}
    chain = await world.all("SELECT event FROM audit WHERE payment = ? ORDER BY seq", unknown.id)
    assert [row["event"] for row in chain][-4:] == [
        "case.opened",
        "case.proposed",
        "case.confirmed",
        f"payment.{state}",
    ]


@pytest.mark.parametrize(
    ("decision", "entries", "state", "step", "told"),
    [
        ("refunded", [("capture", 55_000, "E1"), ("refund", -5_000, "E8")], "part_refunded", "ok", "payment.refunded"),
        ("not_refunded", [("capture", 55_000, "E1")], "paid", "fail", "payment.refund_refused"),
    ],
)
async def test_a_refund_nobody_knew_is_decided(world, lost_part, decision, entries, state, step, told):
    case = await case_of(world, lost_part.id)
    assert offered(case) == ["refunded", "not_refunded"]
    await decide(world, case, decision)

    assert await world.entries(lost_part.id) == entries
    assert await world.state(lost_part.id) == state
    assert [one.step for one in await world.operations(lost_part.id) if one.kind is Kind.REFUND] == [step]
    assert (await world.told(lost_part.id))[-1] == told
    assert await world.cases(lost_part.id) == []
    shown = (await world.call("GET", f"/v1/payments/{lost_part.id}")).json()
    assert shown["allowed"]["refundable"] == 55_000 + sum(amount for _, amount, _ in entries[1:])


async def test_evidence_that_arrives_closes_the_case_and_what_was_proposed(world, unknown):
    await hire(world, "maker", "checker")
    case = await case_of(world, unknown.id)
    made = await propose(world.context, Wish(case["id"], "paid", SEEN, "operator:maker"))
    world.sandbox.faults.armed.clear()
    await world.live(700, step=20)

    assert await world.state(unknown.id) == "voided"
    shown = await read_case(world.context, case["id"])
    assert (shown["state"], shown["history"][0]["state"]) == ("closed", "overtaken")
    with pytest.raises(NotNow, match="overtaken"):
        await confirm(world.context, case["id"], made.id, operator="checker")
    await world.check_books()


async def test_nothing_is_decided_by_time_alone(world, unknown):
    await hire(world, "maker", "checker")
    case = await case_of(world, unknown.id)
    await propose(world.context, Wish(case["id"], "paid", SEEN, "operator:maker"))
    await world.live(8 * 86_400, step=3_600)

    assert await world.state(unknown.id) == "needs_human"
    assert (await case_of(world, unknown.id))["proposal"]["decision"] == "paid"


async def test_money_found_is_given_back_by_hand(world, declined):
    _, payment = declined
    await find_money(world, payment.id)
    case = await case_of(world, payment.id)
    assert offered(case) == ["given_back", "adopted"]
    await decide(world, case, "given_back", amount=15_000)
    assert (await world.payment(payment.id)).orphaned == 40_000
    await decide(world, await case_of(world, payment.id), "given_back")

    after = await world.payment(payment.id)
    assert (after.state, after.orphaned) == ("declined", 0)
    assert sum(amount for _, amount, _ in await world.entries(payment.id)) == 0
    assert await world.cases(payment.id) == []
    assert (await world.told(payment.id))[1:] == ["payment.orphaned", *["payment.orphan_returned"] * 2]
    assert (await world.post_checkout(world.token(declined[0]))).status_code == 201, "the order is free again"


async def test_money_found_may_pay_for_the_order(world, declined):
    order, payment = declined
    await find_money(world, payment.id)
    await decide(world, await case_of(world, payment.id), "adopted")

    after = await world.payment(payment.id)
    assert (after.state, after.orphaned, after.adopted) == ("declined", 55_000, True)
    shown = (await world.call("GET", f"/v1/payments/{payment.id}")).json()
    assert (shown["order"], shown["adopted"]) == (
        {"ref": order["ref"], "version": 1, "state": "paid", "paid_by": payment.id},
        True,
    )
    assert shown["allowed"]["refund"] == "by_hand"
    assert (await world.told(payment.id))[-1] == "payment.adopted"
    assert await world.all("SELECT state FROM cases") == [{"state": "adopted"}]
    assert "window_url" not in (await world.post_checkout(world.token(order))).json()


async def test_money_found_cannot_pay_twice_or_too_little(world, declined):
    order, payment = declined
    other = await world.checkout(order)
    await world.come_back(other)
    await world.quiet()
    assert await world.state(other.payment) == "paid"
    await find_money(world, payment.id)
    assert offered(await case_of(world, payment.id)) == ["given_back"]


async def test_money_that_people_find_is_written_and_stays_a_case(world, declined):
    _, payment = declined
    recorder_case = "the gateway reports an approval of a payment that is declined"
    await open_case(world, payment, "unexpected_deposit", recorder_case)
    case = await case_of(world, payment.id)
    assert offered(case) == ["no_money", "given_back", "money_found"]
    await decide(world, case, "money_found", amount=55_000)

    assert await world.entries(payment.id) == [("orphan_capture", 55_000, "E8")]
    assert await world.cases(payment.id) == ["money_on_ended_payment"]


@pytest.mark.parametrize("decision", ["no_money", "given_back"])
async def test_a_rumour_of_money_is_put_to_rest(world, declined, decision):
    _, payment = declined
    await open_case(world, payment, "money_on_ended_payment", "a rumour", 55_000)
    await decide(world, await case_of(world, payment.id), decision)

    passed = [("orphan_capture", 55_000, "E8"), ("orphan_refund", -55_000, "E8")]
    assert await world.entries(payment.id) == (passed if decision == "given_back" else [])
    assert (await world.payment(payment.id)).orphaned == 0
    assert await world.cases(payment.id) == []
    assert await world.state(payment.id) == "declined"


async def test_a_cancel_past_the_bridge_is_written_when_two_people_saw_it(world):
    payment = await world.buy()
    await open_case(world, payment, "external_cancel", "the gateway reports a cancel of 5000 KRW", 5_000)
    case = await case_of(world, payment.id)
    assert offered(case) == ["given_back", "not_given_back"]
    await decide(world, case, "given_back")

    after = await world.payment(payment.id)
    assert (after.state, after.refunded) == ("part_refunded", 5_000)
    assert await world.entries(payment.id) == [("capture", 55_000, "E1"), ("external_refund", -5_000, "E8")]
    assert (await world.told(payment.id))[-1] == "payment.refunded"

    await open_case(world, after, "external_cancel", "and one of 60000 KRW", 60_000)
    await decide(world, await case_of(world, payment.id), "given_back")
    after = await world.payment(payment.id)
    assert (after.state, after.refunded, after.orphaned) == ("refunded", 55_000, -10_000)
    assert (await world.entries(payment.id))[-1] == ("orphan_refund", -10_000, "E8")


async def test_what_is_only_to_be_looked_at_changes_nothing(world):
    payment = await world.buy()
    await open_case(world, payment, "external_cancel", "a cancel of 5000 KRW", 5_000)
    await decide(world, await case_of(world, payment.id), "not_given_back")

    assert await world.payment(payment.id) == payment
    assert await world.cases(payment.id) == []


async def test_a_deposit_of_another_kind_may_be_taken_for_the_payment(world):
    opened = await world.checkout(method="virtual_account")
    await world.come_back(opened)
    await world.quiet()
    payment = await world.payment(opened.payment)
    await open_case(world, payment, "unexpected_deposit", "a deposit of 30,000 KRW", 30_000)
    assert "paid" not in offered(await case_of(world, payment.id)), "it is not the price yet"
    await open_case(world, payment, "unexpected_deposit", "and one of 25,000 KRW", 25_000)
    await decide(world, await case_of(world, payment.id), "paid")

    assert await world.state(payment.id) == "paid"
    assert await world.entries(payment.id) == [("capture", 55_000, "E8")]


async def test_a_deposit_on_a_payment_that_is_being_taken_back_waits_for_its_outcome(world):
    """Written down before, it would be counted a second time when people find out that the approval was paid."""
    world.fault("pay", "drop_after")
    world.fault("net_cancel", "5xx_before", times=None)
    opened = await world.checkout(method="virtual_account")
    await world.come_back(opened)
    await world.quiet()
    payment = await world.payment(opened.payment)
    world.sandbox.desks["mainpay"].deposit({"merchant_ref": payment.merchant_ref})
    await world.quiet()
    case = await case_of(world, payment.id, "unexpected_deposit")

    assert await world.state(payment.id) == "voiding"
    assert offered(case) == []
    await world.live(720, step=20)
    await decide(world, await case_of(world, payment.id, "unknown_outcome"), "paid")
    assert (await world.payment(payment.id)).left == world.book(payment).net == 55_000
    assert await world.state(payment.id) == "paid"


async def test_the_maker_is_not_the_checker(world, unknown):
    await hire(world, "maker", "checker")
    await hire(world, "viewer", role="viewer")
    case = await case_of(world, unknown.id)
    made = await propose(world.context, Wish(case["id"], "paid", SEEN, "operator:maker"))
    for name in ("maker", "viewer", "nobody"):
        with pytest.raises(NeedsAnother):
            await confirm(world.context, case["id"], made.id, operator=name)
    await world.clock.forward(3 * 86_400)
    with pytest.raises(NeedsAnother):
        await confirm(world.context, case["id"], made.id, operator="maker", remark=SEEN)
    assert await world.state(unknown.id) == "needs_human"


async def test_the_only_operator_waits_a_day_and_types_evidence_again(world, unknown):
    await hire(world, "maker")
    await hire(world, "viewer", role="viewer")
    case = await case_of(world, unknown.id)
    made = await propose(world.context, Wish(case["id"], "voided", SEEN, "operator:maker"))
    with pytest.raises(NeedsAnother) as early:
        await confirm(world.context, case["id"], made.id, operator="maker", remark=SEEN)
    assert early.value.extra["not_before"]
    await world.clock.forward(24 * 3600)
    with pytest.raises(Malformed):
        await confirm(world.context, case["id"], made.id, operator="maker", remark="ok")
    await confirm(world.context, case["id"], made.id, operator="maker", remark=SEEN)
    assert await world.state(unknown.id) == "voided"


async def test_a_proposal_needs_evidence_and_a_decision_that_is_offered(world, unknown):
    case = await case_of(world, unknown.id)
    for wish, failure in (
        (Wish(case["id"], "paid", "확인함", "operator:maker"), Malformed),
        (Wish(case["id"], "paid", "x" * 2001, "operator:maker"), Malformed),
        (Wish(case["id"], "paid", SEEN + "\x00", "operator:maker"), Malformed),
        (Wish(case["id"], "paid", SEEN, "operator:maker", 55_000), Malformed),
        (Wish(case["id"], "refunded", SEEN, "operator:maker"), NotNow),
        (Wish(case["id"], "nonsense", SEEN, "operator:maker"), NotNow),
        (Wish("01nothere", "paid", SEEN, "operator:maker"), NotFound),
    ):
        with pytest.raises(failure):
            await propose(world.context, wish)
    assert await world.all("SELECT * FROM proposals") == []


async def test_one_proposal_at_a_time_and_a_rejected_one_moves_nothing(world, unknown):
    await hire(world, "maker", "checker")
    case = await case_of(world, unknown.id)
    made = await propose(world.context, Wish(case["id"], "paid", SEEN, "operator:maker"))
    with pytest.raises(Conflict):
        await propose(world.context, Wish(case["id"], "voided", SEEN, "operator:checker"))
    ended = await reject(world.context, case["id"], made.id, who="operator:checker", remark="다른 승인번호예요")
    assert (ended.state, ended.remark) == ("rejected", "다른 승인번호예요")
    with pytest.raises(NotNow):
        await confirm(world.context, case["id"], made.id, operator="checker")
    assert await world.state(unknown.id) == "needs_human"
    assert offered(await case_of(world, unknown.id)) == ["paid", "declined", "voided"]


async def test_more_evidence_ends_a_proposal_made_without_it(world, declined):
    _, payment = declined
    await find_money(world, payment.id)
    await hire(world, "maker", "checker")
    case = await case_of(world, payment.id)
    await propose(world.context, Wish(case["id"], "given_back", SEEN, "operator:maker"))
    await find_money(world, payment.id, 5_000, cause="second", detail="and 5,000 KRW more")

    shown = await case_of(world, payment.id)
    assert "proposal" not in shown
    assert shown["history"][0]["state"] == "overtaken"


async def test_the_audit_names_the_case_who_proposed_what_and_by_which_evidence(world, declined):
    _, payment = declined
    await report(world.context, payment.id, "콘솔에 승인 55,000원이 있어요.", "kim")
    case = await case_of(world, payment.id, "reported")
    await decide(world, case, "no_money")
    events = "SELECT * FROM audit WHERE payment = ? AND event IN ('case.proposed', 'case.confirmed')"
    rows = await world.all(f"{events} ORDER BY seq", payment.id)
    said = {"case": case["id"], "reason": "reported", "decision": "no_money", "maker": "operator:maker"}
    stands = {(row["was"], row["became"]) for row in rows}
    assert [row["actor"] for row in rows] == ["operator:maker", "operator:checker"]
    assert stands == {("declined", "declined")}
    assert [json.loads(row["detail"]) for row in rows] == [said | {"evidence_sha256": SEEN_SHA256}] * 2


async def test_a_proposal_is_confirmed_and_rejected_under_its_own_case_alone(world, unknown):
    """Under another case it is not there, before it has ended and after."""
    await hire(world, "maker", "checker")
    case = await case_of(world, unknown.id)
    other = await report(world.context, unknown.id, SEEN, "operator:maker")
    made = await propose(world.context, Wish(case["id"], "voided", SEEN, "operator:maker"))
    for case_id, proposal_id in ((other, made.id), (case["id"], "01nothere")):
        with pytest.raises(NotFound):
            await confirm(world.context, case_id, proposal_id, operator="checker")
        with pytest.raises(NotFound):
            await reject(world.context, case_id, proposal_id, who="operator:checker", remark="")
    assert await world.state(unknown.id) == "needs_human"

    for _ in range(2):  # once more is answered the same
        assert (await confirm(world.context, case["id"], made.id, operator="checker")).id == made.id
    with pytest.raises(NotFound):
        await confirm(world.context, other, made.id, operator="checker")


@pytest.mark.parametrize("remark", ["x" * 501, "\u200b보이지 않음"])
async def test_a_remark_is_short_and_can_be_seen(world, unknown, remark):
    await hire(world, "maker", "checker")
    case = await case_of(world, unknown.id)
    made = await propose(world.context, Wish(case["id"], "paid", SEEN, "operator:maker"))
    with pytest.raises(Malformed, match="The remark has at most 500 printable characters"):
        await confirm(world.context, case["id"], made.id, operator="checker", remark=remark)
    assert await world.state(unknown.id) == "needs_human"


async def test_what_an_operator_saw_becomes_a_case(world):
    payment = await world.buy()
    case_id = await report(world.context, payment.id, "콘솔에서 55,000원 전액 취소된 것을 봤어요", "operator:maker")
    case = await read_case(world.context, case_id)
    assert (case["reason"], offered(case)) == ("reported", ["given_back", "not_given_back", "money_found"])
    await decide(world, case, "given_back")
    assert await world.state(payment.id) == "refunded"
    with pytest.raises(NotFound):
        await report(world.context, "01nothere", SEEN, "operator:maker")


async def test_a_site_reads_and_proposes_and_never_confirms(world, unknown):
    await hire(world, "checker", "another")
    (case,) = (await world.call("GET", "/v1/cases")).json()["items"]
    assert case["advice"]["ko"] == ADVICE["unknown_outcome"].ko
    assert [one["decision"] for one in case["decisions"]] == ["paid", "declined", "voided"]
    wish = {"action": "propose", "decision": "paid", "evidence": SEEN, "actor": "wp:7"}
    made = await world.call("POST", f"/v1/cases/{case['id']}", wish, key="a" * 32)
    again = await world.call("POST", f"/v1/cases/{case['id']}", wish, key="a" * 32)
    assert (made.status_code, again.status_code, again.json()["id"]) == (201, 201, made.json()["id"])
    refused = await world.call("POST", f"/v1/cases/{case['id']}", wish | {"action": "confirm"})
    assert refused.status_code == 400
    assert (await world.call("GET", f"/v1/cases/{case['id']}")).json()["proposal"]["maker"].endswith(":wp:7")
    await confirm(world.context, case["id"], made.json()["id"], operator="checker")
    assert await world.state(unknown.id) == "paid"


async def test_a_site_withdraws_its_own_proposal_and_no_other(world, unknown):
    await hire(world, "maker")
    case = await case_of(world, unknown.id)
    made = await propose(world.context, Wish(case["id"], "paid", SEEN, "operator:maker"))
    wish = {"action": "withdraw", "proposal": made.id, "actor": "wp:7"}
    refused = await world.call("POST", f"/v1/cases/{case['id']}", wish)
    assert (refused.status_code, refused.json()["code"]) == (403, "needs_another")
    await reject(world.context, case["id"], made.id, who="operator:maker", remark="")
    own = {"action": "propose", "decision": "paid", "evidence": SEEN, "actor": "wp:7"}
    mine = (await world.call("POST", f"/v1/cases/{case['id']}", own)).json()
    assert (await world.call("POST", f"/v1/cases/{case['id']}", wish | {"proposal": ""})).status_code == 400
    gone = await world.call("POST", f"/v1/cases/{case['id']}", wish | {"proposal": mine["id"]})
    assert (gone.status_code, gone.json()["state"]) == (200, "rejected")


async def test_a_site_sees_nothing_of_another(world, unknown):
    case = await case_of(world, unknown.id)
    other = await world.pair("http://other.test")
    assert (await world.call("GET", "/v1/cases", site=other)).json()["items"] == []
    assert (await world.call("GET", f"/v1/cases/{case['id']}", site=other)).status_code == 404
    wish = {"action": "propose", "decision": "paid", "evidence": SEEN, "actor": "wp:7"}
    assert (await world.call("POST", f"/v1/cases/{case['id']}", wish, site=other)).status_code == 404


async def test_a_net_cancel_that_answers_after_people_said_paid_is_a_case_again(world, unknown, monkeypatch):
    """People said that the money is kept; the gateway then says that a net-cancel has given it back."""
    world.sandbox.faults.armed.clear()
    world.fault("net_cancel", "delay", delay_seconds=30.0)
    await world.clock.forward(700)
    at = to_ms(world.clock.now())
    undo = next(one for one in await world.operations(unknown.id) if one.kind is Kind.UNDO)
    assert undo.next_try_at
    assert to_ms(undo.next_try_at) <= at
    await decide_while_asking(world, unknown, monkeypatch)

    assert await world.state(unknown.id) == "paid"
    assert await world.cases(unknown.id) == ["external_cancel"]
    await decide(world, await case_of(world, unknown.id), "given_back")
    assert await world.state(unknown.id) == "refunded"
    await world.check_books()


async def test_a_net_cancel_and_its_notice_after_people_said_paid_are_one_fact_to_the_won(world, unknown, monkeypatch):
    world.sandbox.faults.armed.clear()
    world.fault("net_cancel", "delay", delay_seconds=30.0)
    world.fault("notice", "notice_lost")
    await world.clock.forward(700)
    await decide_while_asking(world, unknown, monkeypatch)
    await world.post_notice(card(world, unknown, sandbox_notices.CANCELLED))
    await world.quiet()

    case = await case_of(world, unknown.id)
    assert (case["reason"], case["amount"]) == ("external_cancel", 55_000)
    await decide(world, case, "given_back")
    assert await world.state(unknown.id) == "refunded"
    await world.check_books()


async def decide_while_asking(world, payment, monkeypatch):
    """Let people decide while the bridge's own net-cancel is on its way: some gateway may answer later than any
    period in which that is refused."""
    monkeypatch.setattr(decide_case, "arrival_left_ms", lambda *_: 0)
    case = await case_of(world, payment.id)
    await hire(world, "maker", "checker")
    made = await propose(world.context, Wish(case["id"], "paid", SEEN, "operator:maker"))
    sent = world.book(payment).calls.get("net_cancel", 0)
    await beat(world.context, 1)
    async with asyncio.timeout(10):
        while world.book(payment).calls.get("net_cancel", 0) == sent:
            await asyncio.sleep(0.01)
    await confirm(world.context, case["id"], made.id, operator="checker")
    await world.clock.forward(60)
    await world.quiet()


async def open_case(world, payment, reason, detail, amount=0):
    """Open a case as a flow does."""
    recorder = Recorder.now(world.context, world.context.sites.get(world.site.id))
    await world.context.ledger.write(lambda turn: recorder.case(turn, payment, reason, detail, amount))


def made_payment(state):
    """A payment in a state, as far as the rules look."""
    at = datetime(2026, 11, 27, tzinfo=UTC)
    captured = 55_000 if state in PAID_STATES else 0
    refunded = {State.PART_REFUNDED: 5_000, State.REFUNDED: 55_000}.get(state, 0)
    return Payment(
        "p", "s", "o", 1, "mainpay", Method.CARD, Device.PC, state, 55_000, 1, "r", at, at, captured, refunded
    )


@pytest.mark.parametrize("state", list(State))
def test_every_case_offers_only_what_the_state_machine_can_take(state):
    becomes = {"paid": State.PAID, "declined": State.DECLINED, "voided": State.VOIDED}
    for reason in (*ADVICE, "something new"):
        for pending in ([], [Kind.REFUND], [Kind.APPROVE, Kind.UNDO]):
            for one in choices(Matter(reason), made_payment(state), pending, order_free=True):
                assert one in DECISIONS
                assert one not in becomes or may_move(state, becomes[one]), (reason, state, one)
                assert one is not Decision.ADOPTED
