"""The books cannot be written: nothing begins, and an answer that is known is written as soon as they can."""

import asyncio

import pytest

from bridge.domain.failures import Busy, Conflict, LedgerBroken
from bridge.flows import write_down as module
from bridge.flows.check_health import check_health
from bridge.flows.heartbeat import RECOVER_EVERY_BEATS
from bridge.flows.recover import DROPPED_SECONDS
from bridge.flows.write_down import write_down
from tests.flows.test_recovery import until

FULL = "The disk has 3 MiB left, less than 512 MiB; make room on it."


@pytest.fixture
def full(world, monkeypatch):
    """Begin nothing from now on."""

    def begin_nothing(why=FULL):
        monkeypatch.setattr(type(world.context.ledger), "refusal", lambda _: why)

    return begin_nothing


async def test_without_room_no_window_opens_and_nothing_is_sent(world, full):
    full()
    before = len(world.net.sent)
    answer = await world.post_checkout(world.token(world.order()))

    assert (answer.status_code, answer.json()["code"]) == (503, "busy")
    assert FULL in answer.json()["detail"]
    assert "아무것도 진행되지 않았으니" in answer.json()["message_ko"]
    assert len(world.net.sent) == before
    assert await world.all("SELECT id FROM payments") == []


async def test_without_room_nothing_is_approved_and_the_buyer_may_come_back(world, full):
    opened = await world.checkout()
    coming = await world.authenticate(opened)
    full()
    answer = await world.go(coming)

    assert answer.status_code == 503
    assert "다시 결제하지 마세요" in answer.text
    assert answer.headers["refresh"].startswith("5;"), "the page comes back by itself"
    assert world.net.calls("/pay") == []
    assert (await world.payment(opened.payment)).state == "open"
    full("")
    assert (await world.go(coming)).status_code == 303
    assert await world.state(opened.payment) == "paid"
    await world.check_books()


async def test_without_room_no_refund_begins_but_an_earlier_one_is_told(world, full):
    payment = await world.buy()
    earlier = await world.refund(payment.id, 1_000, key="cd" * 16)
    full()
    again = await world.refund(payment.id, 1_000, key="cd" * 16)
    new = await world.refund(payment.id, 2_000)

    assert again.json()["id"] == earlier.json()["id"]
    assert (new.status_code, new.json()["code"]) == (503, "busy")
    assert world.book(payment).refunded == 1_000
    await world.check_books()


async def test_without_room_what_is_unknown_is_still_settled(world, full):
    world.fault("pay", "drop_after")
    opened = await world.checkout()
    coming = await world.authenticate(opened)
    returning = asyncio.ensure_future(world.go(coming))
    await until(lambda: world.net.calls("/pay"))
    full()
    await returning
    await world.quiet()
    await world.live(10)

    assert await world.state(opened.payment) == "voided"
    await world.check_books()


async def test_the_verdict_says_that_room_is_missing(world, full):
    full()
    health = await check_health(world.context, None)
    writer = next(check for check in health.checks if check.name == "writer")

    assert (writer.verdict, writer.value.en) == ("fail", "disk nearly full")
    assert FULL in writer.advice.en
    async with world.client() as client:
        answer = await client.get("/readyz")
    assert answer.status_code == 503
    assert FULL in answer.json()["detail"]


async def test_the_verdict_of_a_bridge_that_only_reads_says_why(world):
    world.context.ledger.read_only = "disk I/O error"
    async with world.client() as client:
        answer = await client.get("/readyz")

    assert (answer.status_code, answer.json()["checks"]["Ledger"]) == (503, "fail")
    assert "only reads: disk I/O error" in answer.json()["detail"]


class Refusing:
    """Writes as the real one, except so many times."""

    def __init__(self, ledger, errors):
        self.write_really, self.errors, self.tries = ledger.write, list(errors), 0

    async def write(self, work):
        self.tries += 1
        if self.errors:
            error = self.errors.pop(0)
            if isinstance(error, LedgerBroken):  # committed, and nobody heard of it
                await self.write_really(work)
            raise error
        return await self.write_really(work)


async def while_answer_is_awaited(world, monkeypatch, errors):
    """Begin an approval, let the books refuse its answer, and let time pass; gives the checkout."""
    opened = await world.checkout()
    coming = await world.authenticate(opened)
    refusing = Refusing(world.context.ledger, errors)
    world.net.on_send = lambda _: monkeypatch.setattr(world.context.ledger, "write", refusing.write)
    returning = asyncio.ensure_future(world.go(coming))
    while not refusing.tries:
        await asyncio.sleep(0.01)
    world.net.on_send = None
    await world.clock.forward(module.AGAIN_SECONDS * (len(errors) + 1))
    await returning
    await world.quiet()
    return opened


async def test_an_answer_that_finds_no_room_is_written_when_there_is(world, monkeypatch):
    opened = await while_answer_is_awaited(world, monkeypatch, [Busy("full"), Busy("full"), Busy("full")])

    assert await world.state(opened.payment) == "paid"
    assert len(world.net.calls("/pay")) == 1
    assert world.net.calls("net-cancel") == []
    await world.check_books()


async def test_an_answer_whose_commit_was_not_heard_of_is_written_once(world, monkeypatch):
    opened = await while_answer_is_awaited(world, monkeypatch, [LedgerBroken("the database went away")])

    assert await world.state(opened.payment) == "paid"
    assert await world.entries(opened.payment) == [("capture", 55_000, "E1")]
    assert await world.told(opened.payment) == ["payment.paid"]
    assert await world.cases(opened.payment, only_open=False) == []
    await world.check_books()


async def test_a_window_whose_beginning_was_committed_unheard_does_not_keep_its_order_from_being_paid(
    any_world, monkeypatch
):
    """The database went away during the commit, and no task opens the window: else each press waited for it in vain
    until the payment's end."""
    world = any_world
    token, write = world.token(world.order()), world.context.ledger.write
    unheard = Refusing(world.context.ledger, [LedgerBroken("the database went away")])
    monkeypatch.setattr(world.context.ledger, "write", unheard.write)
    assert (await world.post_checkout(token)).status_code == 503
    monkeypatch.setattr(world.context.ledger, "write", write)
    await world.live(DROPPED_SECONDS + RECOVER_EVERY_BEATS + 1)
    await world.come_back(await asyncio.wait_for(world.checkout(token=token), 10))
    await world.quiet()

    assert [row["state"] for row in await world.all("SELECT state FROM payments ORDER BY id")] == ["superseded", "paid"]


async def test_a_second_passes_between_two_tries_to_write_an_answer_down(world, monkeypatch):
    refusing = Refusing(world.context.ledger, [Busy("full"), Busy("full")])
    monkeypatch.setattr(world.context.ledger, "write", refusing.write)
    writing = asyncio.ensure_future(write_down(world.context, lambda turn: 1))
    for tries in (1, 2):
        await asyncio.sleep(0.01)
        assert refusing.tries == tries
        await world.clock.forward(1)
    assert await writing == 1


async def test_nothing_is_tried_for_ever_where_nothing_can_be_written_any_more(world):
    await world.context.ledger.close()
    with pytest.raises(Busy):
        await write_down(world.context, lambda turn: 1)


async def test_what_a_turn_itself_refuses_is_not_tried_again(world):
    tries = []

    def work(_):
        tries.append(1)
        raise Conflict("settled meanwhile")

    with pytest.raises(Conflict):
        await write_down(world.context, work)
    assert tries == [1]
