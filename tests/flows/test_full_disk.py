"""A disk that is full while something is owed: it is put off, nothing is lost, and it is done once there is room."""

import asyncio
import contextlib

import pytest
from structlog.testing import capture_logs

from bridge.clock import new_id, now_ms, to_ms
from bridge.domain.failures import Busy
from bridge.flows.heartbeat import beat
from bridge.flows.settle_unknown import PUT_OFF_SECONDS
from bridge.ledger import notices
from bridge.ledger.notices import StoredNotice
from tests.flows.test_storage import Refusing
from tests.support.teller import SECRET

MANY, BREATHS = 10_000, 10
"""So many commits find no room where nothing else is said; so often a beat's tasks get a turn."""


@pytest.fixture
def fill(world, monkeypatch):
    """Fill the disk: so many commits find no room. Gives what counts them, and makes room again when it is emptied."""

    def filled(commits=MANY):
        refusing = Refusing(world.context.ledger, [Busy("database or disk is full")] * commits)
        monkeypatch.setattr(world.context.ledger, "write", refusing.write)
        return refusing

    return filled


async def live_without_room(world, seconds, step):
    """Let time pass with a beat every so often, whatever cannot be written."""
    for _ in range(0, seconds, step):
        await world.clock.forward(step)
        with contextlib.suppress(Busy), capture_logs():  # each failure's traceback takes a second to print
            await beat(world.context)
        with capture_logs():
            for _ in range(BREATHS):
                await asyncio.sleep(0.001)


async def unknown(world, kind):
    """A payment whose approval was made and not heard of, with nothing else owed."""
    await world.pair_teller(kind)
    world.teller.fail("approve", "lost_after")
    world.teller.fail("inquire", "strange")
    opened = await world.checkout()
    await world.return_from_teller(opened)
    await world.quiet()
    await world.beat()
    assert await world.state(opened.payment) == "unknown"
    return opened


@pytest.mark.parametrize("kind", ["Asked", "AskedAndUndone"])
async def test_a_try_that_finds_no_room_sends_nothing_and_is_put_off_no_longer_than_one_without_an_answer(
    world, fill, kind
):
    opened = await unknown(world, kind)
    await world.clock.forward(2)
    refusing, asked = fill(1), world.teller.calls["inquire"]
    await beat(world.context)
    await world.quiet()
    assert refusing.errors == []
    at = now_ms(world.clock)
    (approve,) = await world.operations(opened.payment)
    assert world.teller.calls["inquire"] == asked, "its claim could not be written"
    assert to_ms(approve.next_try_at) - at == PUT_OFF_SECONDS * 1000
    await world.live(PUT_OFF_SECONDS, step=5)

    assert world.teller.calls["inquire"] == asked + 1
    assert await world.state(opened.payment) == "paid"
    assert await world.told(opened.payment) == ["payment.confirming", "payment.paid"]
    await world.check_books()


@pytest.mark.parametrize("kind", ["Asked", "AskedAndUndone"])
async def test_while_there_is_no_room_nothing_is_asked_and_at_the_first_room_all_of_it_is(world, fill, kind):
    opened = await unknown(world, kind)
    refusing, asked = fill(), world.teller.calls["inquire"]
    await live_without_room(world, 200, step=25)
    assert refusing.tries >= 8, "each beat tries"
    assert world.teller.calls["inquire"] == asked
    assert (await world.state(opened.payment), await world.cases(opened.payment)) == ("unknown", [])
    refusing.errors.clear()
    await world.live(PUT_OFF_SECONDS + 5, step=5)

    assert await world.state(opened.payment) == "paid"
    assert await world.entries(opened.payment) == [("capture", 55_000, "E4")]
    await world.check_books()


async def test_a_refund_whose_answer_finds_no_room_is_written_as_it_was_answered(world, fill):
    await world.pair_teller("Asked")
    payment = await world.buy_at_teller()
    full = []
    world.net.on_send = lambda _: full or full.append(fill())
    asked = asyncio.ensure_future(world.refund(payment.id, 10_000))
    while not full or not full[0].tries:
        await asyncio.sleep(0.001)
    world.net.on_send = None
    await live_without_room(world, 60, step=20)
    (refund,) = [one for one in await world.operations(payment.id) if one.kind == "refund"]
    assert (refund.step, world.trade(payment).refunds) == ("sent", [10_000])
    full[0].errors.clear()
    await world.live(120, step=5)

    assert (await asked).status_code < 300
    assert (await world.payment(payment.id)).refunded == 10_000
    assert world.trade(payment).refunds == [10_000], "it is asked for once"
    await world.check_books()


async def test_a_notice_that_finds_no_room_is_not_acknowledged_and_counts_when_it_comes_again(world, fill):
    await world.pair_teller("SelfTold")
    opened = await world.checkout()
    payment = await world.payment(opened.payment)
    world.teller.capture(payment.merchant_ref)
    refusing = fill()
    answer = await world.tell("approved", payment)
    assert (answer.status_code, "SUCCESS" in answer.text) == (503, False)
    assert await world.all("SELECT id FROM notices") == []
    refusing.errors.clear()

    assert (await world.tell("approved", payment)).text == "SUCCESS"
    await world.quiet()
    assert await world.entries(payment.id) == [("capture", 55_000, "E7")]
    await world.check_books()


async def test_a_kept_notice_whose_effect_finds_no_room_has_it_once_there_is(world, fill):
    await world.pair_teller("SelfTold")
    opened = await world.checkout()
    payment = await world.payment(opened.payment)
    world.teller.capture(payment.merchant_ref)
    told = f"event=approved&ref={payment.merchant_ref}&secret={SECRET}&amount=55000&number={payment.refs['number']}"
    sealed = world.context.vault.seal(told.encode(), "notice")
    kept = StoredNotice(
        new_id(world.clock), payment.site, "teller", "feedback", "d", "", sealed, now_ms(world.clock), payment.id
    )
    await world.context.ledger.write(lambda turn: notices.store(turn, kept))
    refusing = fill()
    await live_without_room(world, 90, step=30)
    assert refusing.tries >= 3
    assert [row["state"] for row in await world.all("SELECT state FROM notices")] == ["pending"]
    refusing.errors.clear()
    await live_without_room(world, 30, step=30)
    await world.quiet()

    assert [row["state"] for row in await world.all("SELECT state FROM notices")] == ["done"]
    assert await world.entries(payment.id) == [("capture", 55_000, "E7")]
    await world.check_books()
