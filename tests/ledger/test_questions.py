"""Questions whether there are such rows: each is answered as the rows themselves are read, and all at once."""

from bridge.clock import to_ms
from bridge.domain.machine import Step
from bridge.ledger import operations, owners, payments
from bridge.ledger.questions import Question, ask
from tests.ledger.test_money_rows import added
from tests.ledger.test_rows import AT, opened, payment
from tests.support.postgres import until_the_dead_are_seen


async def answers(books, *questions):
    return await books.read(lambda turn: ask(turn, questions))


async def test_each_question_is_answered_at_its_place_with_its_own_values(books):
    named = "SELECT 1 FROM orders WHERE site = ? AND ref = ?"
    questions = {
        Question(named, ("s", "O-2")): False,
        Question(named, ("s", "O-1")): True,
        Question("SELECT id FROM sites"): True,
        Question(named, ("t", "O-1")): False,
        Question("SELECT 1 FROM cases"): False,
    }

    assert await answers(books, *questions) == [*questions.values()]


async def test_an_operation_left_behind_is_asked_for_as_it_is_read(books):
    made = await added(books, await opened(books))
    sent = to_ms(made.sent_at)
    await books.write(lambda turn: turn.run("UPDATE operations SET owner = 'other'"))
    await books.write(lambda turn: turn.run("INSERT INTO owners (id, beat_at) VALUES ('other', ?)", AT))

    async def found(owner="me", heard_since=AT, sent_before=0, mine_before=0):
        times = {"heard_since": heard_since, "sent_before": sent_before, "mine_before": mine_before}
        rows = await books.read(lambda turn: operations.orphaned(turn, owner, **times))
        assert await answers(books, operations.any_orphaned(owner, **times)) == [bool(rows)]
        return bool(rows)

    assert not await found()
    assert await found(heard_since=AT + 1)
    assert [await found(sent_before=sent), await found(sent_before=sent + 1)] == [False, True]
    assert [await found("other", AT + 1, 0, sent), await found("other", AT + 1, 0, sent + 1)] == [False, True]
    await books.write(lambda turn: operations.step(turn, made, Step.UNKNOWN, at=AT, next_try_at=AT))
    assert not await found(heard_since=AT + 1, sent_before=sent + 1)


async def test_a_try_that_is_due_is_asked_for_as_it_is_read(books):
    made = await added(books, await opened(books))

    async def due(at):
        rows = await books.read(lambda turn: operations.due(turn, at, 10))
        assert await answers(books, operations.any_due(at)) == [bool(rows)]
        return bool(rows)

    assert not await due(AT)
    await books.write(lambda turn: operations.step(turn, made, Step.UNKNOWN, at=AT, next_try_at=AT))
    assert [await due(AT - 1), await due(AT)] == [False, True]


async def test_a_window_that_a_dead_process_was_opening_is_asked_for_as_it_is_read(books):
    await books.write(lambda turn: payments.add(turn, payment(), token_id="t", actor="buyer", owner="dead"))

    (row,) = await books.read(lambda turn: turn.all("SELECT created_at FROM payments"))

    async def found(owner, mine_before=0):
        times = {"heard_since": AT, "mine_before": mine_before}
        rows = await books.read(lambda turn: payments.half_open(turn, owner, **times, limit=10))
        assert await answers(books, payments.any_half_open(owner, **times)) == [bool(rows)]
        return bool(rows)

    assert [await found("me"), await found("dead")] == [True, False]
    began = row["created_at"]
    assert [await found("dead", began), await found("dead", began + 1)] == [False, True], "its own, and left behind"


async def test_a_process_whose_connection_ended_is_asked_for_as_it_is_read(books, database):
    cut_off_ms = round(owners.CUT_OFF_SECONDS * 1000)
    await books.write(lambda turn: owners.beat(turn, "me", AT))

    async def found(at):
        names = await books.read(lambda turn: owners.cut_off(turn, at))
        assert await answers(books, owners.any_cut_off(at)) == [bool(names)]
        return names

    assert await found(AT + cut_off_ms) == []
    if not books.alone:  # only the server sees connections end
        await until_the_dead_are_seen(database)
        await books.write(lambda turn: turn.run("UPDATE owners SET session = 0"))
        assert [await found(AT + cut_off_ms), await found(AT + cut_off_ms + 1)] == [[], ["me"]]
