"""What a notice does to a payment, by the state it finds it in and by what stands behind it: proof, or a hint.

The tables are of bridge.flows.notice_effects.
"""

import json

import pytest

from bridge.clock import now_ms
from bridge.domain.gateway import Event
from bridge.domain.machine import Kind, State, Step
from bridge.flows.ask_fence import Fence
from bridge.flows.told import ASK_FENCE, COMPARED, DEPOSIT_ASKED, KNOWN, KNOWN_DEPOSIT, LATER, NOTHING_TO_DO, PERSON
from bridge.flows.undo import APPROVAL_TOLD, NOTHING
from bridge.ledger import notices
from bridge.ledger.notices import StoredNotice
from tests.support.desk import APPROVING, ENDED, HINT, HUMAN, OPEN, PAID, UNKNOWN, VOIDING, WAITS, WAYS

pytestmark = pytest.mark.sqlite  # the rules are the same whatever keeps the books


@pytest.mark.parametrize(("kind", "comes_to"), [("AskedOnHint", COMPARED), ("Serving", PERSON)])
async def test_a_hint_of_an_approval_is_asked_about_where_it_can_be_and_else_a_persons(desk, kind, comes_to):
    """An approval of ours without outcome hears of it; where none of ours can have moved money, it is compared."""
    expected = (
        {State.READYING: LATER, APPROVING: LATER, WAITS: KNOWN, OPEN: comes_to}
        | dict.fromkeys((UNKNOWN, VOIDING, HUMAN), APPROVAL_TOLD)
        | dict.fromkeys(ENDED, comes_to)
        | PAID
    )
    assert await (await desk(kind)).effects(Event.APPROVED, WAYS, HINT) == expected


async def test_a_proven_approval_pays_wherever_nothing_has_ended_and_is_orphaned_where_it_has(desk):
    expected = (
        {State.READYING: LATER, APPROVING: LATER, VOIDING: APPROVAL_TOLD}
        | dict.fromkeys((OPEN, UNKNOWN, HUMAN, WAITS), "paid")
        | ENDED
        | PAID
    )
    assert await (await desk("Accounts")).effects(Event.APPROVED, WAYS) == expected


async def test_a_deposit_counts_by_its_proof_alone_and_nowhere_twice(desk):
    expected = (
        {State.READYING: LATER, APPROVING: LATER, VOIDING: KNOWN}
        | dict.fromkeys((OPEN, UNKNOWN, HUMAN, WAITS), "paid")
        | ENDED
        | dict.fromkeys(PAID, KNOWN_DEPOSIT)
    )
    assert await (await desk("Accounts")).effects(Event.DEPOSITED, WAYS) == expected


@pytest.mark.parametrize(("kind", "waiting", "comes_to"), [("AskedOnHint", COMPARED, COMPARED),
                                                           ("Serving", "paid", PERSON)])  # fmt: skip
async def test_a_deposit_without_proof_pays_only_the_account_that_waits_for_it(desk, kind, waiting, comes_to):
    """Every field must fit, and where the gateway can be asked, it is."""
    expected = (
        dict.fromkeys(WAYS, comes_to) | dict.fromkeys((State.READYING, APPROVING, UNKNOWN), LATER) | {WAITS: waiting}
    )
    words = await (await desk(kind)).effects(Event.DEPOSITED, WAYS, HINT, refs={"account_number": "110-1"})
    assert words == expected


@pytest.mark.parametrize(("amount", "number"), [(54_999, "110-1"), (55_001, "110-1"), (55_000, "110-2"), (55_000, "")])
async def test_a_deposit_without_proof_that_differs_in_one_field_is_a_persons_who_hears_which_it_was(
    desk, amount, number
):
    at = await desk("Serving")
    payment = await at.payment_in(WAITS)
    refs = {"account_number": number} if number else {}
    assert await at.tell(payment, Event.DEPOSITED, HINT, amount=amount, refs=refs) == PERSON
    (case,) = await at.world.all("SELECT * FROM cases")

    assert (case["reason"], case["amount"]) == ("unexpected_deposit", amount)
    said = f"a deposit of {amount} KRW on a payment that is awaiting_deposit over 55000 KRW (of-deposited)"
    assert case["detail"] == f"the gateway reports {said}"


@pytest.mark.parametrize("event", [Event.APPROVED, Event.DEPOSITED])
@pytest.mark.parametrize("seconds", [9, 10, None])
async def test_the_seats_are_asked_about_before_money_is_kept_unless_they_are_held_for_ten_seconds_more(
    desk, event, seconds
):
    at = await desk("Accounts")
    for state in (OPEN, UNKNOWN, HUMAN, WAITS, VOIDING):
        payment = await at.payment_in(state)
        until = None if seconds is None else now_ms(at.world.clock) + seconds * 1_000
        await at.write(lambda turn, _, ref=payment.order_ref, until=until: turn.run(
            "UPDATE orders SET hold_expires_at = ? WHERE ref = ?", until, ref))  # fmt: skip
        asks = seconds == 9 and state is not VOIDING
        assert (await at.tell(payment, event) == ASK_FENCE) is asks, state
        if asks:
            assert await at.tell(payment, event, fence=Fence(True)) == "paid"


async def test_what_hears_of_its_approval_is_asked_about_now_and_another_amount_is_a_persons_too(desk):
    at = await desk("AskedOnHint")
    clock = at.world.clock
    for state, kind, amount in (
        (UNKNOWN, Kind.APPROVE, 55_000),
        (HUMAN, Kind.APPROVE, 55_000),
        (VOIDING, Kind.UNDO, 5_500),
    ):
        payment = await at.payment_in(state)
        step = Step.NEEDS_HUMAN if state is HUMAN else Step.UNKNOWN
        operation = await at.operation(payment, kind, step, seconds=300)
        sleeping = await at.operation(payment, Kind.CHECK, Step.UNKNOWN, seconds=None)
        assert await at.tell(payment, Event.APPROVED, HINT, amount=amount) == APPROVAL_TOLD
        after = {one.id: one.next_try_at for one in await at.world.operations(payment.id)}

        assert after == {operation.id: clock.now(), sleeping.id: None}
        mismatch = [] if amount == 55_000 else ["amount_mismatch"]
        assert await at.world.cases(payment.id) == mismatch
    (case,) = await at.world.all("SELECT amount, detail FROM cases")
    detail = "asked 55000 KRW, the gateway reports an approval of 5500 KRW (of-approved)"
    assert (case["amount"], case["detail"]) == (5_500, detail)


@pytest.mark.parametrize(
    ("event", "amount", "comes_to", "asked"),
    [
        (Event.APPROVED, 55_000, APPROVAL_TOLD, []),
        (Event.APPROVED, 56_000, APPROVAL_TOLD, ["amount_mismatch"]),
        (Event.DEPOSITED, 55_000, PERSON, ["unexpected_deposit"]),
    ],
)
@pytest.mark.parametrize(
    ("state", "step"), [(HUMAN, Step.NEEDS_HUMAN), (UNKNOWN, Step.UNKNOWN), (VOIDING, Step.UNKNOWN)]
)
async def test_money_proven_while_its_approval_may_still_be_taken_back_is_no_payment_and_hastens_that(
    desk, state, step, event, amount, comes_to, asked
):
    at = await desk("Accounts")
    payment = await at.payment_in(state)
    approve = await at.operation(payment, Kind.APPROVE, step, seconds=300)
    undo = await at.operation(payment, Kind.UNDO, step, seconds=300, target=approve.id)

    assert await at.tell(payment, event, fence=Fence(True), amount=amount) == comes_to
    now, after = await at.now(undo)
    assert (now.step, after.state, after.captured) == (step, state, 0)
    assert await at.seconds_until(undo) == (0 if comes_to == APPROVAL_TOLD else 300)
    assert await at.world.cases(payment.id) == asked


@pytest.mark.parametrize(
    ("step", "message", "amount", "comes_to"),
    [
        (Step.OK, "", 55_000, KNOWN),
        (Step.OK, "", 5_500, PERSON),
        (Step.OK, NOTHING, 55_000, PERSON),
        (Step.FAIL, "", 55_000, PERSON),
    ],
)
async def test_late_news_of_an_approval_is_known_only_where_that_very_money_was_taken_back(
    desk, step, message, amount, comes_to
):
    at = await desk("Serving")
    payment = await at.payment_in(State.VOIDED)
    await at.operation(payment, Kind.UNDO, step, message=message)
    assert await at.tell(payment, Event.APPROVED, HINT, amount=amount) == comes_to
    cases = await at.world.all("SELECT reason, amount, detail FROM cases")

    detail = "the gateway reports an approval of a payment that is voided (of-approved)"
    expected = {"reason": "money_on_ended_payment", "amount": amount, "detail": detail}
    assert cases == ([expected] if comes_to == PERSON else [])


async def test_proven_late_news_of_an_approval_that_was_taken_back_asks_nobody(desk):
    at = await desk("Accounts")
    payment = await at.payment_in(State.VOIDED)
    await at.operation(payment, Kind.UNDO, Step.OK)
    assert await at.tell(payment, Event.APPROVED) == KNOWN
    assert (await at.world.entries(payment.id), await at.world.cases(payment.id)) == ([], [])


@pytest.mark.parametrize("word", ["paid", "taken back", KNOWN_DEPOSIT, DEPOSIT_ASKED])
@pytest.mark.parametrize(("dedupe", "comes_to"), [("of-deposited", KNOWN_DEPOSIT), ("another", PERSON)])
async def test_a_deposit_into_an_account_whose_own_was_told_is_a_persons_unless_it_is_that_one(
    desk, word, dedupe, comes_to
):
    at = await desk("Accounts")
    payment = await at.payment_in(State.PAID)
    own = StoredNotice("n", payment.site, "teller", "feedback", dedupe, "", "", 1, payment=payment.id)
    await at.write(lambda turn, _: (notices.store(turn, own), notices.settle(turn, "n", "done", word, 1)))
    assert await at.tell(payment, Event.DEPOSITED) == comes_to
    assert await at.world.cases(payment.id) == ["unexpected_deposit"] * (comes_to == PERSON)
    assert await at.world.entries(payment.id) == []


async def test_what_was_refunded_in_full_was_no_net_cancel_and_its_approval_is_still_a_persons(desk):
    at = await desk("Serving")
    payment = await at.payment_in(State.DECLINED)
    await at.operation(payment, Kind.REFUND, Step.OK)
    assert await at.tell(payment, Event.APPROVED, HINT) == PERSON


async def test_an_account_is_noted_only_for_a_window_that_is_open_and_by_proof(desk):
    at = await desk("Accounts")
    account = {"number": "110-9", "bank": "04"}
    words = await at.effects(Event.ISSUED, WAYS, account=account, refs={"tid": "1"})
    assert words == dict.fromkeys(WAYS, NOTHING_TO_DO) | {State.READYING: LATER, OPEN: "waits for a deposit"}
    (row,) = await at.world.all("SELECT * FROM payments WHERE account LIKE '%110-9%'")
    assert (row["state"], json.loads(row["refs"])["tid"]) == ("awaiting_deposit", "1")
    assert json.loads(row["refs"])["number"], "what was known of the window stays"
    (event,) = await at.world.all("SELECT * FROM audit WHERE event = 'account.issued'")
    assert (event["actor"], json.loads(event["detail"])) == ("gateway", {"evidence": "E7"})
    assert await at.tell(await at.payment_in(OPEN), Event.ISSUED, HINT, account=account) == NOTHING_TO_DO


@pytest.mark.parametrize(
    ("step", "comes_to"),
    [(Step.SENT, LATER), (Step.UNKNOWN, LATER), (Step.NEEDS_HUMAN, PERSON), (Step.FAIL, "waits for a deposit")],
)
async def test_an_account_issued_while_its_window_is_withdrawn_waits_for_that_unless_a_person_has_it(
    desk, step, comes_to
):
    at = await desk("SelfTold")
    payment = await at.payment_in(OPEN)
    await at.operation(payment, Kind.PROBE, step)
    assert await at.tell(payment, Event.ISSUED) == comes_to
    assert await at.world.state(payment.id) == ("awaiting_deposit" if step is Step.FAIL else "open")
    assert await at.world.cases(payment.id) == (["unknown_outcome"] if comes_to == PERSON else [])


async def test_an_account_is_not_noted_where_another_payment_has_the_order(desk):
    at = await desk("SelfTold")
    first = await at.payment_in(WAITS)
    second = await at.payment_in(OPEN, like=first)
    assert await at.tell(second, Event.ISSUED) == KNOWN
    assert await at.world.state(second.id) == "open"


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("SelfTold", dict.fromkeys((OPEN, WAITS), "ended unpaid")),
        (
            "Accounts",
            {OPEN: NOTHING_TO_DO, WAITS: "ended unpaid"}
            | dict.fromkeys((APPROVING, UNKNOWN, VOIDING, HUMAN), NOTHING_TO_DO),
        ),
    ],
)
async def test_the_gateways_word_that_a_request_ended_unpaid_ends_it_and_no_payment_that_was_made(desk, kind, expected):
    at = await desk(kind)
    others = KNOWN if kind == "SelfTold" else NOTHING_TO_DO
    words = await at.effects(Event.REQUEST_CANCELLED, WAYS)
    assert words == dict.fromkeys(WAYS, others) | {State.READYING: LATER} | expected
    assert await at.tell(await at.payment_in(OPEN), Event.REQUEST_CANCELLED, HINT) == NOTHING_TO_DO
    (ended,) = await at.world.all("SELECT * FROM payments WHERE state = 'voided' AND reason <> ''")
    assert (await at.world.told(ended["id"]), await at.world.entries(ended["id"])) == (["payment.failed"], [])
    (event,) = await at.world.all("SELECT * FROM audit WHERE event = 'payment.voided'")
    assert (event["actor"], json.loads(event["detail"])) == ("gateway", {"evidence": "E7"})


@pytest.mark.parametrize("step", [Step.SENT, Step.UNKNOWN, Step.NEEDS_HUMAN, Step.FAIL])
async def test_an_account_that_is_being_closed_is_ended_by_that_answer_and_not_by_the_news(desk, step):
    at = await desk("Accounts")
    payment = await at.payment_in(WAITS)
    await at.operation(payment, Kind.PROBE, step)
    comes_to = "ended unpaid" if step is Step.FAIL else KNOWN
    assert await at.tell(payment, Event.REQUEST_CANCELLED) == comes_to


async def test_an_account_ends_by_no_word_about_another_request(desk):
    at = await desk("SelfTold")
    payment = await at.payment_in(WAITS, refs={"mul_no": "1"})
    assert await at.tell(payment, Event.REQUEST_CANCELLED, paid_binding={"mul_no": "2"}) == KNOWN
    assert await at.world.state(payment.id) == "awaiting_deposit"
    assert await at.tell(payment, Event.REQUEST_CANCELLED, paid_binding={"mul_no": "1"}) == "ended unpaid"


@pytest.mark.parametrize(
    ("state", "step", "ends_as"),
    [(UNKNOWN, Step.UNKNOWN, "declined"), (HUMAN, Step.NEEDS_HUMAN, "declined"), (OPEN, Step.UNKNOWN, "expired")],
)
async def test_a_window_that_is_being_withdrawn_ends_by_the_gateways_own_word(desk, state, step, ends_as):
    at = await desk("SelfTold")
    payment = await at.payment_in(state)
    await at.operation(payment, Kind.PROBE, step)
    assert await at.tell(payment, Event.REQUEST_CANCELLED) == "ended unpaid"
    (probe,) = await at.world.operations(payment.id)
    assert (await at.world.state(payment.id), probe.step, probe.evidence, probe.code) == (ends_as, "ok", "E7", "")


async def test_of_several_requests_one_that_ended_leaves_the_others_payable(desk):
    at = await desk("SelfTold")
    payment = await at.payment_in(OPEN, refs={"requests": "1 2"})
    assert await at.tell(payment, Event.REQUEST_CANCELLED, request="1") == KNOWN
    assert (await at.world.payment(payment.id)).requests == ("2",)
    assert await at.tell(payment, Event.REQUEST_CANCELLED, request="2") == "ended unpaid"
    assert await at.world.state(payment.id) == "expired"


@pytest.mark.parametrize(
    ("state", "changes", "late"),
    [
        (State.PAID, {}, {"receipt": "1"}),
        (State.REFUNDED, {}, {"receipt": "1"}),
        (State.PAID, {"amount": 54_999}, {}),
        (State.PAID, {"currency": "USD"}, {}),
        (VOIDING, {}, {}),
    ],
)
async def test_what_only_the_notice_tells_is_kept_of_a_payment_that_is_known_to_the_won(desk, state, changes, late):
    at = await desk("Accounts")
    payment = await at.payment_in(state, refs={"tid": "T"})
    for _ in range(2):
        await at.tell(payment, Event.APPROVED, late_refs={"receipt": "1"}, **changes)
    after = await at.world.payment(payment.id)
    told = await at.world.all("SELECT actor, was, became FROM audit WHERE event = 'payment.told'")

    assert after.refs == {"tid": "T"} | late
    assert told == [{"actor": "gateway", "was": state, "became": state}] * len(late), "once, however often it is told"


@pytest.mark.parametrize(("number", "asks"), [("T", []), ("other", ["money_on_ended_payment"])])
async def test_nobody_looks_for_reported_money_that_its_proven_news_shows_to_be_the_payments_own(desk, number, asks):
    at = await desk("Accounts")
    payment = await at.payment_in(State.PAID, refs={"tid": "T"})
    said = ("money_on_ended_payment", "an answer came late", payment.amount)
    await at.write(lambda turn, pen: pen.case(turn, payment, *said, refs={"tid": number}))
    assert await at.tell(payment, Event.APPROVED, refs={"tid": "T"}) == KNOWN
    assert await at.world.cases(payment.id) == asks


@pytest.mark.parametrize(
    ("event", "request_number", "cause"),
    [
        (Event.APPROVED, "", "captured"),
        (Event.APPROVED, "7", "captured:7"),
        (Event.DEPOSITED, "", "notice:of-deposited"),
        (Event.DEPOSITED, "7", "notice:of-deposited:7"),
    ],
)
async def test_a_payment_is_captured_once_but_each_deposit_and_each_request_may_bring_money(
    desk, event, request_number, cause
):
    at = await desk("SelfTold")
    payment = await at.payment_in(State.EXPIRED)
    assert await at.tell(payment, event, request=request_number) == PERSON
    assert await at.tell(payment, event, request=request_number) == PERSON
    entries = await at.world.all("SELECT cause, amount FROM entries")
    assert entries == [{"cause": f"orphan:{payment.id}:{cause}", "amount": 55_000}]


@pytest.mark.parametrize(("told", "known"), [("", True), (": 7", False)])
async def test_late_news_of_money_that_came_and_went_is_known_and_of_another_request_it_is_not(desk, told, known):
    at = await desk("SelfTold")
    payment = await at.payment_in(State.VOIDED)
    kept = StoredNotice("n", payment.site, "teller", "feedback", "d", "", "", 1, payment=payment.id)
    gone = f"taken and given back before it was told{told}"
    await at.write(lambda turn, _: (notices.store(turn, kept), notices.settle(turn, "n", "done", gone, 1)))
    assert await at.tell(payment, Event.APPROVED) == (KNOWN if known else PERSON)
    assert await at.tell(payment, Event.APPROVED, request="7") == (PERSON if known else KNOWN)


@pytest.mark.parametrize(
    ("fence", "comes_to", "state", "asked"),
    [
        (Fence(True), "paid", "paid", []),
        (Fence(False, "자리가 없어요", "gone"), "taken back", "voiding", []),
        (Fence(False, answered=False), "paid", "paid", ["seats_unconfirmed"]),
    ],
)
async def test_what_wordpress_says_of_the_seats_decides_over_money_that_came_by_itself(
    desk, fence, comes_to, state, asked
):
    at = await desk("Accounts")
    payment = await at.payment_in(UNKNOWN)
    assert await at.tell(payment, Event.APPROVED, fence=fence) == comes_to
    assert (await at.world.state(payment.id), await at.world.cases(payment.id)) == (state, asked)
