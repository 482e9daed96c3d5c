"""Rows that keep their own rules: compare-and-swap, once per cause, audit chains, nonces, keys, seals.

Among them those of `bridge.ledger.orders`, `bridge.ledger.news` and `bridge.ledger.replay`."""

import json
from dataclasses import replace

import pytest

from bridge.clock import new_id, to_ms
from bridge.domain.exchange import Stamp
from bridge.domain.failures import (
    ClockBehind,
    Conflict,
    KeyReused,
    KeyTooOld,
    LedgerBroken,
    NotFound,
    OrderChanged,
    Replayed,
)
from bridge.domain.machine import Evidence, Kind, State, Step
from bridge.domain.payment import Buyer, Device, Item, Method, Order, Payment
from bridge.ledger import audit, cases, gap, news, notices, operations, orders, payments, replay
from bridge.ledger.notices import StoredNotice
from bridge.ledger.operations import Operation
from bridge.ledger.questions import ask
from bridge.ledger.vault import Vault
from tests.support.books import RULE_BROKEN
from tests.support.clock import NOW, VirtualClock

AT = to_ms(NOW)
ORDER = Order("O-1", 1, "봄의 제전", 55_000, Buyer("홍길동"), "http://shop.test/r", "http://shop.test/o")
ROW = ("s", "http://shop.test", "test", "mainpay", AT)


def payment(clock=None, **changes):
    clock = clock or VirtualClock(seed=changes.pop("seed", 1))
    made = Payment(
        id=new_id(clock), site="s", order_ref="O-1", order_version=1, gateway="mainpay", method=Method.CARD,
        device=Device.PC, state="readying", amount=55_000, version=1, merchant_ref=new_id(clock)[:20].upper(),
        created_at=NOW, expires_at=NOW,
    )  # fmt: skip
    return replace(made, **changes)


def operation(of, kind=Kind.APPROVE, **changes):
    clock = VirtualClock(seed=changes.pop("seed", 5))
    made = Operation(
        id=new_id(clock), site="s", payment=of.id, kind=kind, amount=55_000, step=Step.SENT, ref=new_id(clock)[:20],
        actor="buyer", stamp=Stamp(NOW, "0" * 32), owner="me", sent_at=NOW,
    )  # fmt: skip
    return replace(made, **changes)


async def opened(books, **changes):
    made = payment(**changes)
    await books.write(lambda turn: payments.add(turn, made, token_id="t", actor="buyer"))
    return await books.write(
        lambda turn: payments.move(turn, made, State.OPEN, at=AT, actor="gateway", event="window.opened")
    )


async def test_of_two_who_read_the_same_row_one_moves_it(books):
    was = await opened(books)

    def move(turn):
        return payments.move(turn, was, State.APPROVING, at=AT, actor="buyer", event="approve.sent")

    assert (await books.write(move)).version == was.version + 1
    with pytest.raises(Conflict):
        await books.write(move)
    with pytest.raises(Conflict):
        await books.write(
            lambda turn: payments.move(turn, was, State.OPEN, at=AT, actor="buyer", event="x", close_seen_at=NOW)
        )


async def test_a_move_that_the_table_does_not_have_is_a_broken_invariant(books):
    was = await opened(books)
    with pytest.raises(AssertionError):
        await books.write(lambda turn: payments.move(turn, was, State.REFUNDED, at=AT, actor="x", event="x"))
    with pytest.raises(AssertionError):
        await books.write(
            lambda turn: payments.move(turn, was, State.EXPIRED, at=AT, actor="x", event="x", merchant_ref="Y")
        )


async def test_a_payment_of_another_site_is_not_there(books):
    was = await opened(books)
    with pytest.raises(NotFound):
        await books.read(lambda turn: payments.get(turn, "other", was.id))
    with pytest.raises(Conflict):
        await books.write(
            lambda turn: payments.move(turn, replace(was, site="x"), State.EXPIRED, at=AT, actor="x", event="x")
        )


async def test_a_second_pending_operation_is_refused_and_an_undo_may_stand_beside(books):
    was = await opened(books)
    await books.write(lambda turn: operations.add(turn, operation(was)))
    with pytest.raises(Conflict):
        await books.write(lambda turn: operations.add(turn, operation(was, Kind.REFUND, seed=6)))
    await books.write(lambda turn: operations.add(turn, operation(was, Kind.UNDO, seed=7)))
    with pytest.raises(Conflict):
        await books.write(lambda turn: operations.add(turn, operation(was, Kind.UNDO, seed=8)))


async def test_an_outcome_needs_evidence_and_is_written_once(books):
    sent = operation(await opened(books))
    await books.write(lambda turn: operations.add(turn, sent))
    with pytest.raises(AssertionError):
        await books.write(lambda turn: operations.step(turn, sent, Step.OK, at=AT))
    done = await books.write(lambda turn: operations.step(turn, sent, Step.OK, at=AT, evidence=Evidence.E1))
    assert (done.step, done.ended_at) == (Step.OK, NOW)
    with pytest.raises(Conflict):
        await books.write(lambda turn: operations.step(turn, sent, Step.FAIL, at=AT, evidence=Evidence.E2))
    with pytest.raises(AssertionError):
        await books.write(lambda turn: operations.step(turn, done, Step.FAIL, at=AT, evidence=Evidence.E2))
    with pytest.raises(Conflict):
        await books.write(lambda turn: operations.try_again(turn, sent, next_try_at=AT))


async def test_what_a_repetition_needed_is_dropped_when_it_is_settled(books):
    sent = operation(await opened(books), context_sealed="g1.xyz")
    await books.write(lambda turn: operations.add(turn, sent))
    unknown = await books.write(lambda turn: operations.step(turn, sent, Step.UNKNOWN, at=AT, next_try_at=AT))
    kept = await books.read(lambda turn: operations.get(turn, "s", sent.id))
    assert kept.context_sealed == "g1.xyz"
    await books.write(lambda turn: operations.step(turn, unknown, Step.FAIL, at=AT, evidence=Evidence.E6))
    gone = await books.read(lambda turn: operations.get(turn, "s", sent.id))
    assert gone.context_sealed == ""


async def test_an_entry_is_written_once_per_cause(books):
    was = await opened(books)
    entry = {"site": "s", "payment": was.id, "kind": "capture", "amount": 55_000, "evidence": Evidence.E1, "at": AT}
    await books.write(lambda turn: operations.enter(turn, cause="op1", **entry))
    with pytest.raises(RULE_BROKEN, match=r"(?i)unique"):
        await books.write(lambda turn: operations.enter(turn, cause="op1", **entry))
    assert await books.read(lambda turn: operations.balance(turn, was.id)) == 55_000
    assert await books.read(lambda turn: operations.balance(turn, "nobody")) == 0


async def test_a_daily_sum_leaves_out_what_failed(books):
    was = await opened(books)
    for seed, step in ((11, Step.OK), (12, Step.FAIL), (13, Step.NOT_SENT)):
        one = operation(was, Kind.REFUND, seed=seed, amount=1_000)
        await books.write(lambda turn, one=one: operations.add(turn, one))
        await books.write(
            lambda turn, one=one, step=step: operations.step(turn, one, step, at=AT, evidence=Evidence.E1)
        )
    await books.write(lambda turn: operations.add(turn, operation(was, Kind.REFUND, seed=14, amount=500)))

    assert await books.read(lambda turn: operations.refunded_since(turn, "s", AT)) == 1_500
    assert await books.read(lambda turn: operations.refunded_since(turn, "s", AT + 1)) == 0
    assert await books.read(lambda turn: operations.refunded_since(turn, "other", 0)) == 0


async def test_an_audit_chain_verifies_and_every_edited_bit_is_found(books):
    was = await opened(books)
    await books.write(
        lambda turn: payments.move(turn, was, State.EXPIRED, at=AT, actor="bridge", event="payment.expired")
    )
    rows = [dict(row) for row in await books.read(lambda turn: audit.chain(turn, was.id))]
    assert audit.first_break(rows) is None
    assert len(rows) == 3

    for place, row in enumerate(rows):
        for name, value in row.items():
            for bit in (0, 1, 5):
                if isinstance(value, int):
                    changed = value ^ (1 << bit)
                elif value:
                    changed = chr(ord(value[0]) ^ (1 << bit)) + value[1:]
                else:
                    changed = "x"
                bent = [*rows[:place], row | {name: changed}, *rows[place + 1 :]]
                assert audit.first_break(bent) in (place + 1, place + 2), (place, name)
    assert audit.first_break(rows[1:]) == 1
    assert audit.first_break([rows[0], rows[2]]) == 2
    assert audit.first_break([rows[1], rows[0], rows[2]]) == 1
    assert audit.first_break([]) is None


async def test_a_nonce_counts_once_and_for_its_key_alone(books):
    await books.write(lambda turn: replay.use_nonce(turn, "k1", "n", AT))
    await books.write(lambda turn: replay.use_nonce(turn, "k2", "n", AT))
    with pytest.raises(Replayed):
        await books.write(lambda turn: replay.use_nonce(turn, "k1", "n", AT))


async def test_nonces_are_forgotten_by_the_latest_time_ever_seen(books):
    end = AT + 120_000
    await books.write(lambda turn: replay.use_nonce(turn, "k1", "n", end))
    keep = replay.KEPT_AFTER_END_SECONDS * 1000
    assert await books.write(lambda turn: replay.forget_nonces(turn, end + keep)) == 0
    assert await books.write(lambda turn: replay.forget_nonces(turn, end + keep + 1)) == 1
    assert await books.read(replay.latest_time) == end + keep + 1
    await books.write(lambda turn: replay.forget_nonces(turn, AT))
    assert await books.read(replay.latest_time) == end + keep + 1
    with pytest.raises(ClockBehind):
        await books.write(lambda turn: replay.use_nonce(turn, "k1", "n", end))


async def test_a_turn_that_fails_uses_no_nonce_up(books):
    def work(turn):
        replay.use_nonce(turn, "k1", "n", AT)
        raise Conflict("no")

    with pytest.raises(Conflict):
        await books.write(work)
    await books.write(lambda turn: replay.use_nonce(turn, "k1", "n", AT))


async def test_an_idempotency_key_is_bound_for_ever_to_one_request(books):
    await books.write(lambda turn: replay.remember(turn, "s", "k", "digest", "p1", AT))
    answer = await books.read(lambda turn: replay.earlier(turn, "s", "k", "digest"))
    assert (answer.result, answer.status, answer.body) == ("p1", 0, "")
    with pytest.raises(KeyReused):
        await books.read(lambda turn: replay.earlier(turn, "s", "k", "other"))
    assert await books.read(lambda turn: replay.earlier(turn, "other", "k", "other")) is None
    await books.write(lambda turn: replay.keep_answer(turn, "s", "k", 201, "first"))
    await books.write(lambda turn: replay.keep_answer(turn, "s", "k", 201, "second"))
    assert (await books.read(lambda turn: replay.earlier(turn, "s", "k", "digest"))).body == "first"


async def test_after_a_restore_a_key_made_before_it_is_refused_and_a_later_one_is_new(books):
    await books.write(lambda turn: gap.begin(turn, since=0, restored_at=0x6A000000 * 1000))
    with pytest.raises(KeyTooOld):
        await books.read(lambda turn: replay.earlier(turn, "s", "6a000000-old", "digest"))
    assert await books.read(lambda turn: replay.earlier(turn, "s", "6a000001-new", "digest")) is None


async def test_what_of_an_item_is_free_of_tax_stays_under_one_version(books):
    sold = replace(ORDER, ref="O-2", items=(Item("A", "x", 33_000, 11_000), Item("B", "y", 22_000)), tax_free=11_000)
    await books.write(lambda turn: orders.store(turn, "s", sold, AT))
    moved = replace(sold, items=(Item("A", "x", 33_000), Item("B", "y", 22_000, 11_000)))
    with pytest.raises(OrderChanged):
        await books.write(lambda turn: orders.store(turn, "s", moved, AT))


async def test_the_last_of_some_events_is_named_and_none_by_an_empty_text(books):
    made = payment()
    for event in ("window.vouched", "window.not_vouched", "other"):
        await books.write(
            lambda turn, event=event: audit.note(turn, site="s", payment=made.id, at=AT, actor="us", event=event)
        )
    asked = ("window.vouched", "window.not_vouched")
    assert await books.read(lambda turn: audit.last_of(turn, made.id, asked)) == "window.not_vouched"
    assert await books.read(lambda turn: audit.last_of(turn, made.id, ("nothing",))) == ""


async def test_a_window_that_a_dead_process_was_opening_is_found_and_a_living_ones_is_not(books):
    orders_of = {"me": "O-1", "dead": "O-2", "other": "O-3"}
    made = {owner: payment(seed=seed, order_ref=ref) for seed, (owner, ref) in enumerate(orders_of.items(), 1)}

    def work(turn):
        turn.run("INSERT INTO owners (id, beat_at) VALUES ('other', ?)", AT)
        turn.run("INSERT INTO owners (id, beat_at) VALUES ('dead', ?)", AT - 1)
        for ref in orders_of.values():
            orders.store(turn, "s", replace(ORDER, ref=ref), AT)
        for owner, one in made.items():
            payments.add(turn, one, token_id=one.id, actor="buyer", owner=owner)

    await books.write(work)
    found = await books.read(lambda turn: payments.half_open(turn, "me", heard_since=AT, mine_before=0, limit=10))
    assert [one.id for one in found] == [made["dead"].id]


async def test_orders_keep_their_highest_version_and_its_price(books):
    newer = replace(ORDER, version=3, amount=77_000, title="봄의 제전 2")
    await books.write(lambda turn: orders.store(turn, "s", newer, AT))
    assert await books.read(lambda turn: orders.find(turn, "s", "O-1")) == newer
    for wrong in (ORDER, replace(ORDER, version=2), replace(newer, amount=1), replace(newer, tax_free=1),
                  replace(newer, items=(Item("A", "x", 77_000),))):  # fmt: skip
        with pytest.raises(OrderChanged):
            await books.write(lambda turn, wrong=wrong: orders.store(turn, "s", wrong, AT))
    renamed = replace(newer, title="봄", buyer=Buyer("김서연", "k@example.com", "010", "7"), show_at=NOW)
    await books.write(lambda turn: orders.store(turn, "s", renamed, AT))
    assert await books.read(lambda turn: orders.find(turn, "s", "O-1")) == renamed
    assert await books.read(lambda turn: orders.find(turn, "other", "O-1")) is None


async def test_a_case_is_open_once_for_one_reason(books):
    was = await opened(books)

    def case(case_id, reason):
        return lambda turn: cases.open_case(
            turn, case_id=case_id, site="s", payment=was.id, reason=reason, detail="d", at=AT
        )

    assert await books.write(case("c1", "a"))
    assert not await books.write(case("c2", "a"))
    assert await books.write(case("c3", "b"))
    await books.write(lambda turn: cases.close_case(turn, was.id, "a", "seen", AT))
    assert await books.write(case("c4", "a"))
    shown = await books.read(lambda turn: cases.open_cases(turn, "s"))
    assert {row["id"] for row in shown} == {"c3", "c4"}
    assert await books.read(lambda turn: cases.open_cases(turn, "other")) == []
    assert len(await books.read(lambda turn: cases.open_cases(turn))) == 2
    assert len(await books.read(lambda turn: cases.of_payment(turn, was.id))) == 3


async def test_a_notice_is_kept_once_and_counted(books):
    one = StoredNotice("n1", "s", "mainpay", "noti", "d", "1.1.1.1", "sealed", AT)
    assert await books.write(lambda turn: notices.store(turn, one))
    assert not await books.write(lambda turn: notices.store(turn, replace(one, id="n2")))
    assert await books.write(lambda turn: notices.store(turn, replace(one, id="n3", site="other")))
    waiting = await books.read(lambda turn: notices.pending(turn, 10))
    assert {row.id for row in waiting} == {"n1", "n3"}
    await books.write(lambda turn: notices.settle(turn, "n1", "done", "paid", AT))
    await books.write(lambda turn: notices.settle(turn, "n1", "strange", "late", AT))
    (row,) = await books.read(lambda turn: turn.all("SELECT * FROM notices WHERE id = 'n1'"))
    assert (row["state"], row["outcome"], row["seen"]) == ("done", "paid", 2)


async def test_news_has_a_sequence_of_its_own_per_payment(books):
    was = await opened(books)
    assert await books.read(lambda turn: news.next_seq(turn, was.id)) == 1

    def add(seq, news_id):
        one = news.News(news_id, "s", was.id, seq, "payment.paid", "{}", 0, AT)
        return lambda turn: news.add(turn, one)

    await books.write(add(1, "a"))
    assert await books.read(lambda turn: news.next_seq(turn, was.id)) == 2
    with pytest.raises(RULE_BROKEN, match=r"(?i)unique"):
        await books.write(add(1, "b"))
    await books.write(add(2, "c"))
    due = await books.read(lambda turn: news.due(turn, AT, 10))
    assert [one.id for one in due] == ["a"]
    await books.write(lambda turn: news.heard(turn, "a", AT))
    assert [one.id for one in await books.read(lambda turn: news.due(turn, AT, 10))] == ["c"]
    await books.write(lambda turn: news.not_heard(turn, "c", next_try_at=AT + 5, error="x" * 999))
    assert await books.read(lambda turn: news.due(turn, AT, 10)) == []
    (row,) = await books.read(lambda turn: turn.all("SELECT * FROM news WHERE id = 'c'"))
    assert len(row["last_error"]) == 300


async def test_news_in_the_hands_of_a_dead_process_is_found_and_freed_and_a_living_ones_is_not(books):
    was = await opened(books)
    one = news.News("a", "s", was.id, 1, "payment.paid", "{}", 0, AT)
    await books.write(lambda turn: news.add(turn, one))
    await books.write(lambda turn: turn.run("INSERT INTO owners (id, beat_at) VALUES ('living', ?)", AT))

    async def found(by, heard_since=AT):
        await books.write(lambda turn: turn.run("UPDATE news SET claimed_by = ?", by))
        is_found = await books.read(lambda turn: ask(turn, [news.any_in_dead_hands("me", heard_since)])[0])
        return is_found, await books.write(lambda turn: news.free(turn, "me", heard_since))

    assert [await found("dead"), await found("living", heard_since=AT + 1)] == [(True, 1), (True, 1)]
    assert [await found(by) for by in ("living", "me", "")] == [(False, 0)] * 3


def test_a_sealed_secret_opens_with_its_key_for_its_purpose_and_unaltered():
    vault = Vault(bytes(range(32)), VirtualClock())
    sealed = vault.seal(b"secret", "site_key:k1")
    assert vault.open(sealed, "site_key:k1") == b"secret"
    assert sealed != vault.seal(b"secret", "site_key:k1"), "no two seals are alike"
    other = Vault(bytes(32), VirtualClock())
    flipped = sealed[:-6] + ("A" if sealed[-6] != "A" else "B") + sealed[-5:]
    for opener, text, purpose in (
        (vault, sealed, "site_key:k2"),
        (other, sealed, "site_key:k1"),
        (vault, flipped, "site_key:k1"),
        (vault, "g2." + sealed[3:], "site_key:k1"),
        (vault, "g1.###", "site_key:k1"),
        (vault, "", "site_key:k1"),
    ):
        with pytest.raises(LedgerBroken) as refused:
            opener.open(text, purpose)
        assert "secret" not in json.dumps(refused.value.extra)


async def test_an_order_is_read_as_it_was_kept_item_by_item(books):
    items = (Item("R-1", "R석 1열", 44_000), Item("P-1", "프로그램북", 11_000, tax_free=11_000))
    sold = replace(ORDER, ref="O-9", items=items, tax_free=11_000)
    await books.write(lambda turn: orders.store(turn, "s", sold, AT))
    assert await books.read(lambda turn: orders.find(turn, "s", "O-9")) == sold
