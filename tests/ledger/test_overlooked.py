"""What two turns that run at once could overlook: each reads what the other is about to write."""

import asyncio
import threading
from dataclasses import replace

import pytest

from bridge.domain.failures import OrderChanged, OrderTaken
from bridge.domain.machine import State
from bridge.ledger import notices, operators, orders, payments
from bridge.ledger.notices import StoredNotice
from bridge.ledger.postgres import PostgresLedger
from tests.ledger.test_rows import AT, ORDER, ROW, opened
from tests.support.postgres import empty


@pytest.fixture
async def books(postgres_database):
    empty(postgres_database)
    ledger = PostgresLedger(postgres_database)
    await ledger.write(lambda turn: turn.run("INSERT INTO sites VALUES (?, ?, ?, ?, ?)", *ROW))
    await ledger.write(lambda turn: orders.store(turn, "s", ORDER, AT))
    yield ledger
    await ledger.close()


class Side:
    """One of two turns that both read before either writes, the first time; counts how often it ran."""

    def __init__(self, both, work):
        self._both = both
        self._work = work
        self.runs = 0

    def __call__(self, turn):
        self.runs += 1
        return self._work(turn, self._both.wait if self.runs == 1 else lambda: None)


async def race(books, *works):
    both = threading.Barrier(len(works), timeout=10)
    sides = [Side(both, work) for work in works]
    results = await asyncio.gather(*(books.write(side) for side in sides), return_exceptions=True)
    assert sum(side.runs for side in sides) > len(sides), "they collided, and one ran again"
    return results


async def test_an_approval_and_a_new_version_of_its_order_do_not_pass_each_other(books):
    paying = await opened(books)

    def approve(turn, wait):
        order = orders.find(turn, "s", "O-1")
        wait()
        if order.version > paying.order_version:
            raise OrderChanged("changed")
        return payments.move(turn, paying, State.APPROVING, at=AT, actor="buyer", event="approve.sent")

    def change(turn, wait):
        holder = payments.holder(payments.of_order(turn, "s", "O-1"))
        wait()
        if holder:
            raise OrderTaken("taken")
        orders.store(turn, "s", replace(ORDER, version=2, amount=60_000), AT)

    approved, changed = await race(books, approve, change)

    assert isinstance(approved, OrderChanged) != isinstance(changed, OrderTaken), (approved, changed)


async def test_news_of_one_payment_does_not_overlook_that_another_paid_the_order(books):
    """Every message says how the order stands: what is told last must be right."""
    one, two = await opened(books), await opened(books, seed=2)

    def becomes(payment, state):
        def work(turn, wait):
            everyone = payments.of_order(turn, "s", "O-1")
            wait()
            payments.move(turn, payment, state, at=AT, actor="gateway", event="x")
            return {each.id: each.state for each in everyone} | {payment.id: str(state)}

        return work

    seen = await race(books, becomes(one, State.APPROVING), becomes(two, State.EXPIRED))

    assert {one.id: "approving", two.id: "expired"} in seen


async def test_two_payments_of_an_order_never_hold_it_together(books):
    one, two = await opened(books), await opened(books, seed=2)

    def approve(payment):
        def work(turn, wait):
            holder = payments.holder(payments.of_order(turn, "s", "O-1"), but=payment.id)
            wait()
            if holder:
                raise OrderTaken("taken")
            return payments.move(turn, payment, State.APPROVING, at=AT, actor="buyer", event="approve.sent")

        return work

    results = await race(books, approve(one), approve(two))

    assert sum(isinstance(result, OrderTaken) for result in results) == 1
    assert [one.state for one in results if not isinstance(one, OrderTaken)] == ["approving"]


async def test_a_lower_version_that_comes_late_does_not_replace_a_higher_one(books):
    def store(version):
        def work(turn, wait):
            orders.find(turn, "s", "O-1")
            wait()
            orders.store(turn, "s", replace(ORDER, version=version), AT)

        return work

    await race(books, store(2), store(3))

    found = await books.read(lambda turn: orders.find(turn, "s", "O-1"))
    assert found.version == 3


async def test_of_two_who_take_a_kept_notice_in_hand_one_does(books):
    was = await opened(books)
    kept = StoredNotice("n", "s", "mainpay", "noti", "d", "", "", AT, was.id)
    await books.write(lambda turn: notices.store(turn, kept))

    def replay(turn, wait):
        notices.pending(turn, 10)
        wait()
        if not notices.take(turn, "n"):
            return False
        notices.settle(turn, "n", "done", "known", AT)
        return True

    assert sorted(await race(books, replay, replay)) == [False, True]


async def test_log_ins_at_once_are_counted_one_after_the_other(books):
    """Who guesses at two bridges at the same moment gets no more guesses."""

    def guess(turn, wait):
        many, _ = operators.misses(turn, "name", 0)
        wait()
        operators.note_miss(turn, "name", AT)
        return many

    assert sorted(await race(books, guess, guess)) == [0, 1]
