"""Payments and operations in the books: what is written is read again as it was, and each step leaves its trace.

The rows of `bridge.ledger.payments` and `bridge.ledger.operations`."""

import json
from dataclasses import fields, replace
from datetime import timedelta

import pytest

import bridge.ledger.operations as operations
import bridge.ledger.payments as payments
from bridge.clock import from_ms, to_ms
from bridge.domain.failures import Conflict, NotFound
from bridge.domain.machine import Evidence, Kind, State, Step
from bridge.domain.payment import Device, Method
from bridge.ledger import audit, beside
from bridge.ledger.questions import ask
from tests.ledger.test_rows import AT, opened, operation, payment
from tests.support.clock import NOW

LATER = AT + 60_000
MOVE = {"at": LATER, "actor": "gateway", "event": "tested"}


async def row_of(books, table, row_id):
    return await books.read(lambda turn: turn.one(f"SELECT * FROM {table} WHERE id = ?", row_id))


async def kept(books, made):
    return await books.read(lambda turn: payments.get(turn, "s", made.id))


async def moved(books, was, becomes, **changes):
    return await books.write(lambda turn: payments.move(turn, was, becomes, **(MOVE | changes)))


async def last_said(books, made):
    rows = await books.read(lambda turn: audit.chain(turn, made.id))
    return {name: rows[-1][name] for name in ("site", "at", "actor", "event", "was", "became", "detail")}


async def test_a_payment_is_read_as_it_was_written(books):
    made = payment(
        method=Method.KAKAOPAY, device=Device.APP, tax_free=11_000, instalment_months=3, order_version=1, version=4,
        expires_at=NOW + timedelta(minutes=15), created_at=NOW - timedelta(seconds=5),
    )  # fmt: skip
    await books.write(lambda turn: payments.add(turn, made, token_id="t1", actor="buyer", owner="me"))

    assert await kept(books, made) == made
    row = await row_of(books, "payments", made.id)
    assert (row["token_id"], row["owner"], row["changed_at"]) == ("t1", "me", to_ms(made.created_at))
    assert await last_said(books, made) == {
        **{"site": "s", "at": to_ms(made.created_at), "actor": "buyer", "event": "payment.created"},
        **{"was": "new", "became": "readying"},
        "detail": json.dumps({"amount": 55_000, "gateway": "mainpay", "order_version": 1}),
    }


@pytest.mark.parametrize(
    "changes",
    [
        *({"refs": {"refNo": "가"}}, {"card": {"name": "현대"}}, {"account": {"bank": "국민"}}, {"adopted": True}),
        *({"paid_at": NOW}, {"close_seen_at": NOW}, {"expires_at": NOW + timedelta(days=1)}, {"orphaned": 7}),
        *(
            {"captured": 55_000},
            {"captured": 55_000, "refunded": 5_000},
            {"captured": 55_000, "method": Method.CARD},
            {"window_url": "https://w"},
        ),
        *({"window_sealed": "sealed"}, {"reason": "r"}, {"code": "c"}, {"message": "말씀"}),
    ],
    ids=lambda one: "-".join(one),
)
async def test_what_a_move_changes_is_read_again_and_nothing_else_is_changed(books, changes):
    was = await opened(books)
    after = await moved(books, was, State.OPEN, **changes)

    assert after == replace(was, version=was.version + 1, **changes)
    assert await kept(books, was) == after
    row = await row_of(books, "payments", was.id)
    assert row["changed_at"] == LATER
    for name in changes.keys() & {"refs", "card", "account"}:
        assert next(iter(changes[name].values())) in row[name], "in books, Korean is Korean"


async def test_a_time_may_be_taken_away_again(books):
    seen = await moved(books, await opened(books), State.OPEN, close_seen_at=NOW)
    assert (await moved(books, seen, State.OPEN, close_seen_at=None)).close_seen_at is None
    assert (await kept(books, seen)).close_seen_at is None


async def test_adopted_is_a_yes_or_a_no(books):
    adopted = await moved(books, await opened(books), State.OPEN, adopted=True)
    assert (await row_of(books, "payments", adopted.id))["adopted"] == 1
    assert (await kept(books, await moved(books, adopted, State.OPEN, adopted=False))).adopted is False


async def test_what_no_move_may_change_is_refused(books):
    was = await opened(books)
    for name, value in (("amount", 1), ("tax_free", 1), ("order_ref", "O-2"), ("method", Method.PHONE)):
        with pytest.raises(AssertionError):
            await moved(books, was, State.OPEN, **{name: value})
    assert await kept(books, was) == was


async def test_a_window_is_wiped_when_nobody_can_open_it_any_more_and_not_before(books):
    was = await moved(books, await opened(books), State.OPEN, window_sealed="sealed")
    approving = await moved(books, was, State.APPROVING)
    assert (await kept(books, was)).window_sealed == approving.window_sealed == "sealed"
    again = await moved(books, approving, State.OPEN)
    assert (await kept(books, was)).window_sealed == "sealed"
    ended = await moved(books, again, State.EXPIRED)
    assert (await kept(books, was)).window_sealed == ended.window_sealed == ""


async def test_a_payment_that_opens_keeps_the_window_it_has_just_got(books):
    made = payment()
    await books.write(lambda turn: payments.add(turn, made, token_id="t", actor="buyer"))
    was = await moved(books, made, State.OPEN, window_sealed="sealed")
    assert (await kept(books, was)).window_sealed == "sealed"
    paid = await moved(books, was, State.APPROVING)
    unknown = await moved(books, paid, State.UNKNOWN)
    assert (await kept(books, unknown)).window_sealed == ""
    resealed = await moved(books, unknown, State.UNKNOWN, window_sealed="late")
    assert (await moved(books, resealed, State.NEEDS_HUMAN)).window_sealed == "late", "no window is left here"


async def test_an_order_is_touched_when_a_payment_of_it_changes_its_state_alone(books):
    async def touched():
        return (await books.read(lambda turn: turn.one("SELECT changed_at FROM orders WHERE ref = 'O-1'")))[
            "changed_at"
        ]

    was = await opened(books)
    before = await touched()
    was = await moved(books, was, State.OPEN, reason="r")
    assert await touched() == before
    await moved(books, was, State.APPROVING)
    assert await touched() == LATER


async def test_a_move_is_in_the_audit_as_it_was_made(books):
    was = await opened(books)
    await moved(books, was, State.APPROVING, detail={"op": "가", "a": 1})
    assert await last_said(books, was) == {
        **{"site": "s", "at": LATER, "actor": "gateway", "event": "tested", "was": "open", "became": "approving"},
        "detail": '{"a": 1, "op": "가"}',
    }


async def test_news_go_on_above_what_wordpress_has_seen(books):
    was = await opened(books)
    await books.write(lambda turn: payments.skip_news(turn, was, 41, LATER))

    row = await row_of(books, "payments", was.id)
    assert (row["news_seq"], row["version"], row["state"]) == (41, was.version + 1, "open")
    assert await last_said(books, was) == {
        **{"site": "s", "at": LATER, "actor": "bridge", "event": "gap.sequence", "was": "open", "became": "open"},
        "detail": '{"seq": 41}',
    }


async def test_payments_are_found_by_what_is_ours_and_by_nothing_of_anybody_else(books):
    one, two = await opened(books), await opened(books, seed=2)

    def find(work):
        return books.read(work)

    assert await find(lambda turn: payments.exists(turn, "s", one.id)) is True
    assert await find(lambda turn: payments.exists(turn, "other", one.id)) is False
    by_ref = payments.by_merchant_ref
    assert await find(lambda turn: by_ref(turn, "s", "mainpay", one.merchant_ref)) == one
    for site, gateway, ref in (
        ("x", "mainpay", one.merchant_ref),
        ("s", "payapp", one.merchant_ref),
        ("s", "mainpay", ""),
    ):
        assert await find(lambda turn, known=(site, gateway, ref): by_ref(turn, *known)) is None
    order = sorted([one, two], key=lambda each: each.id)
    assert await find(lambda turn: payments.of_order(turn, "s", "O-1")) == order
    assert await find(lambda turn: payments.by_token(turn, "s", "t")) == order[::-1]
    assert await find(lambda turn: payments.of_order(turn, "s", "O-2")) == []
    assert await find(lambda turn: payments.by_token(turn, "other", "t")) == []
    with pytest.raises(NotFound):
        await find(lambda turn: payments.get(turn, "s", "nobody"))


@pytest.mark.parametrize(
    ("changes", "holds"),
    [
        *(({"state": state}, True) for state in ("approving", "unknown", "paid", "part_refunded", "needs_human")),
        *(({"state": state}, False) for state in ("open", "expired", "declined", "voided", "refunded", "superseded")),
        *(({"state": "expired", **more}, True) for more in ({"orphaned": 1}, {"adopted": True})),
    ],
)
def test_an_orders_money_is_held_by_a_state_or_by_money_found_since(changes, holds):
    one = payment(seed=3, **changes)

    assert payments.holder([payment(state="expired"), one]) == (one if holds else None)
    assert payments.holder([one], but=one.id) is None


async def added(books, of, **changes):
    made = operation(of, **changes)
    await books.write(lambda turn: operations.add(turn, made))
    return made


async def operation_of(books, made):
    return await books.read(lambda turn: operations.get(turn, "s", made.id))


FULL = {
    **{"kind": Kind.REFUND, "target": "op0", "reason": "취소", "items": ("가", "나"), "tax_free": 11_000, "vat": 4_000},
    **{"idempotency_key": "key-1", "context_sealed": "sealed", "next_try_at": NOW + timedelta(minutes=1)},
}


async def test_an_operation_is_read_as_it_was_written(books):
    made = await added(books, await opened(books), **FULL)

    assert await operation_of(books, made) == replace(made, created_at=made.sent_at)
    assert "가" in (await row_of(books, "operations", made.id))["items"], "in books, Korean is Korean"
    assert (made.parts.taxable, made.parts.vat, made.parts.tax_free) == (40_000, 4_000, 11_000)
    assert await books.read(lambda turn: operations.get(turn, "other", made.id)) is None
    assert await books.read(lambda turn: operations.by_ref(turn, "s", made.ref)) == await operation_of(books, made)
    assert await books.read(lambda turn: operations.by_ref(turn, "other", made.ref)) is None


async def test_a_bare_operation_is_read_with_nothing_in_it(books):
    made = await added(books, await opened(books), kind=Kind.PROBE)
    assert await operation_of(books, made) == replace(made, created_at=made.sent_at)
    assert (await row_of(books, "operations", made.id))["target"] is None
    assert await books.read(lambda turn: operations.by_ref(turn, "s", made.ref)) is None, "only refunds are named so"


async def test_refunds_of_a_site_line_up_for_the_sum_of_a_day(books):
    async def queues():
        rows = await books.read(lambda turn: turn.all("SELECT name, turns FROM queues"))
        return {row["name"]: row["turns"] for row in rows}

    was = await opened(books)
    await added(books, was, kind=Kind.UNDO)
    await added(books, was, kind=Kind.PROBE, seed=8)
    assert "refunds:s" not in await queues()
    await added(books, was, kind=Kind.REFUND, seed=9)
    assert (await queues())["refunds:s"] == 1


@pytest.mark.parametrize(
    ("first", "second", "beside"),
    [
        *((Kind.APPROVE, Kind.APPROVE, False), (Kind.APPROVE, Kind.REFUND, False), (Kind.REFUND, Kind.REFUND, False)),
        *((Kind.REFUND, Kind.APPROVE, False), (Kind.UNDO, Kind.UNDO, False), (Kind.PROBE, Kind.PROBE, False)),
        *((Kind.APPROVE, Kind.UNDO, True), (Kind.UNDO, Kind.APPROVE, True), (Kind.REFUND, Kind.PROBE, True)),
    ],
)
async def test_what_moves_money_waits_for_what_moves_it_already(books, first, second, beside):
    was = await opened(books)
    await added(books, was, kind=first)
    if beside:
        await added(books, was, kind=second, seed=6)
    else:
        with pytest.raises(Conflict, match="no outcome yet"):
            await added(books, was, kind=second, seed=6)


TOLD = {"code": "c" * 65, "message": "m" * 501, "refs": {"refNo": "가"}}


def same(read, given):
    """Compare but for what only the row knows: since when it is there, and what a repetition needs."""
    own = {"created_at", "context_sealed"}
    return {one.name for one in fields(read) if getattr(read, one.name) != getattr(given, one.name)} <= own


@pytest.mark.parametrize("becomes", [Step.OK, Step.FAIL, Step.NOT_SENT])
async def test_an_outcome_is_written_once_with_its_evidence_and_waits_for_nothing(books, becomes):
    made = await added(books, await opened(books), **FULL)
    given = await books.write(
        lambda turn: operations.step(
            turn, made, becomes, at=LATER, evidence=Evidence.E2, refusal=True, next_try_at=LATER, **TOLD
        )
    )

    assert (given.step, given.evidence, given.refusal, given.next_try_at) == (becomes, "E2", True, None)
    assert (given.code, given.message, given.refs) == ("c" * 64, "m" * 500, {"refNo": "가"})
    assert given.ended_at == from_ms(LATER)
    read = await operation_of(books, made)
    assert same(read, given)
    assert read.context_sealed == ""
    assert "가" in (await row_of(books, "operations", made.id))["refs"]


async def test_what_is_still_unknown_keeps_what_a_repetition_needs_and_its_next_try(books):
    made = await added(books, await opened(books), **FULL)
    given = await books.write(
        lambda turn: operations.step(turn, made, Step.UNKNOWN, at=AT, next_try_at=LATER, refusal=True, **TOLD)
    )
    assert (given.step, given.evidence, given.next_try_at, given.ended_at) == (Step.UNKNOWN, "", from_ms(LATER), None)
    read = await operation_of(books, made)
    assert same(read, given)
    assert read.context_sealed == "sealed"

    human = await books.write(lambda turn: operations.step(turn, given, Step.NEEDS_HUMAN, at=LATER))
    assert (human.refs, human.refusal) == ({"refNo": "가"}, True), "once refused is refused, and once named is named"
    assert (human.code, human.message, human.next_try_at) == ("", "", None)
    assert same(await operation_of(books, made), human)


async def test_a_try_that_settled_nothing_is_counted_and_noted(books):
    made = await added(books, await opened(books))
    was = await books.write(
        lambda turn: operations.step(turn, made, Step.UNKNOWN, at=AT, refs={"refNo": "가"}, next_try_at=AT)
    )
    await books.write(lambda turn: operations.try_again(turn, was, next_try_at=LATER))
    once = await operation_of(books, made)
    assert (once.tries, once.next_try_at, once.refs) == (2, from_ms(LATER), {"refNo": "가"})
    assert (once.code, once.message, once.refusal) == ("", "", False)
    with pytest.raises(Conflict):
        await books.write(lambda turn: operations.try_again(turn, was, next_try_at=LATER))
    told = TOLD | {"refs": {}}
    await books.write(lambda turn: operations.try_again(turn, once, next_try_at=None, refusal=True, **told))
    twice = await operation_of(books, made)
    assert (twice.tries, twice.next_try_at, twice.refs, twice.refusal) == (3, None, {}, True)
    assert (twice.code, twice.message) == ("c" * 64, "m" * 500)
    await books.write(lambda turn: operations.try_again(turn, twice, next_try_at=AT, refs={"refNo": "나"}))
    thrice = await operation_of(books, made)
    assert (thrice.refusal, thrice.refs) == (True, {"refNo": "나"})
    assert "나" in (await row_of(books, "operations", made.id))["refs"]
    await books.write(lambda turn: operations.name(turn, thrice, {"refNo": "다"}))
    assert (await operation_of(books, made)).refs == {"refNo": "다"}
    assert "다" in (await row_of(books, "operations", made.id))["refs"]


async def test_the_next_try_is_due_when_its_time_has_come_and_can_only_be_brought_forward(books):
    made = await added(books, await opened(books))
    was = await books.write(lambda turn: operations.step(turn, made, Step.UNKNOWN, at=AT, next_try_at=LATER))

    async def due(at):
        return [one.id for one in await books.read(lambda turn: operations.due(turn, at, 10))]

    assert (await due(LATER - 1), await due(LATER)) == ([], [made.id])
    await books.write(lambda turn: operations.hasten(turn, was, LATER + 1))
    assert await due(LATER) == [made.id]
    await books.write(lambda turn: operations.hasten(turn, was, AT))
    assert (await due(AT - 1), await due(AT)) == ([], [made.id])
    assert await books.read(lambda turn: operations.due(turn, AT, 0)) == []


async def test_what_a_dead_process_had_claimed_is_found_and_is_due_at_once_and_a_living_ones_is_not(books):
    made = await added(books, await opened(books))
    await books.write(lambda turn: operations.step(turn, made, Step.UNKNOWN, at=AT, next_try_at=LATER))
    await books.write(lambda turn: turn.run("INSERT INTO owners (id, beat_at) VALUES ('living', ?)", AT))

    async def found(by, heard_since=AT):
        await books.write(lambda turn: turn.run("UPDATE operations SET claimed_by = ?, next_try_at = ?", by, LATER))
        is_found = await books.read(lambda turn: ask(turn, [operations.any_in_dead_hands("me", heard_since)])[0])
        many = await books.write(lambda turn: operations.free(turn, "me", heard_since, AT))
        return is_found, many, (await row_of(books, "operations", made.id))["next_try_at"]

    assert await found("dead") == (True, 1, AT)
    assert await found("living", heard_since=AT + 1) == (True, 1, AT)
    for by in ("living", "me", ""):
        assert await found(by) == (False, 0, LATER)


async def test_what_was_given_back_past_the_bridge_is_counted_by_its_amount(books):
    was = await opened(books)
    entries = [("a", "external_refund", -1_000), ("b", "external_refund", -1_000), ("c", "external_refund", -2_000)]
    for cause, kind, amount in [*entries, ("d", "refund", -1_000), ("e", "capture", 55_000)]:
        entry = {"cause": cause, "site": "s", "payment": was.id, "kind": kind, "amount": amount, "at": LATER}
        await books.write(lambda turn, entry=entry: operations.enter(turn, evidence=Evidence.E7, **entry))

    async def many(payment, amount):
        return await books.read(lambda turn: beside.many_external(turn, payment, amount))

    assert [await many(was.id, amount) for amount in (1_000, 2_000, 3_000, 55_000)] == [2, 1, 0, 0]
    assert await many("another", 1_000) == 0


async def test_an_entry_is_in_the_audit_by_the_hash_of_its_row(books):
    was = await opened(books)
    entry = {"site": "s", "payment": was.id, "kind": "capture", "amount": 55_000, "evidence": Evidence.E1, "at": LATER}
    assert await books.read(lambda turn: operations.is_entered(turn, "cause-1")) is False
    await books.write(lambda turn: operations.enter(turn, cause="cause-1", **entry))

    assert await books.read(lambda turn: operations.is_entered(turn, "cause-1")) is True
    (row,) = await books.read(lambda turn: turn.all("SELECT * FROM entries"))
    assert dict(row) == entry | {"cause": "cause-1", "evidence": "E1"}
    said = await last_said(books, was)
    hashed = audit.hash_of([row[name] for name in audit.ENTRY_COLUMNS])
    assert json.loads(said.pop("detail")) == {"cause": "cause-1", "kind": "capture", "amount": 55_000, "sha256": hashed}
    assert said == {"site": "s", "at": LATER, "actor": "bridge", "event": "ledger.entry", "was": "", "became": ""}
