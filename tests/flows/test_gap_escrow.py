"""A buyer's word on an escrow after a restore: the gateway is asked before another is sent that the books may lack."""

import asyncio

import pytest

from bridge.flows.decide_case import report
from tests.flows.test_cases import case_of, decide
from tests.flows.test_gap_receipts import back_up, ended, known, restore
from tests.flows.test_services import escrow, paid, words_of
from tests.flows.test_slow_answers import Slow
from tests.support.disaster import hand_over, key_of, lose
from tests.support.teller import TELLER

__all__ = ["paid"]
BUYER = {"actor": "buyer", "fields": {}}


@pytest.fixture
async def restored(world, paid):
    """The books as they were a minute ago; nobody has handed over what was said since."""
    told = await known(world, paid)
    await back_up(world)
    await restore(world, told)
    await world.live(150)
    world.teller.escrow = "kept"
    return paid


async def say(world, payment, step, number):
    """A new press after the restore."""
    return await escrow(world, payment, step, once=key_of(world, number))


@pytest.mark.parametrize(
    ("said", "then", "stands", "why"),
    [
        ("confirm", "deny", "confirmed", "구매를 이미 확정했어요."),
        ("deny", "confirm", "denied", "구매를 이미 거절했어요."),
        ("confirm", "confirm", "confirmed", "구매를 이미 확정했어요."),
    ],
)
async def test_a_word_that_the_books_have_lost_is_found_out_and_no_other_is_sent(world, paid, said, then, stands, why):
    told = await known(world, paid)
    await back_up(world)
    assert (await escrow(world, paid, said)).status_code == 200
    await restore(world, told)
    before = (await world.payment(paid)).escrow
    again = await say(world, paid, then, 1)

    assert (before, (await world.payment(paid)).escrow) == ("", stands)
    assert (again.status_code, again.json()["message_ko"]) == (409, why)
    assert words_of(world) == [said, "status"]
    await world.check_books()


async def test_where_nothing_was_decided_the_word_is_sent_and_the_gateway_was_asked_once(world, restored):
    world.teller.fail("escrow", "", "no")
    refused = await say(world, restored, "confirm", 1)
    again = await say(world, restored, "confirm", 2)

    assert (refused.json()["gateway_message"], again.status_code) == ("그렇게 안 돼요", 200)
    assert words_of(world) == ["status", "confirm", "confirm"]
    assert (await world.payment(restored)).escrow == "confirmed"


async def test_that_somebody_asked_for_the_state_since_is_as_good(world, restored):
    await say(world, restored, "status", 1)

    assert (await say(world, restored, "deny", 2)).status_code == 200
    assert words_of(world) == ["status", "deny"]


async def test_while_the_gateway_does_not_say_how_it_stands_nothing_is_sent_and_the_reason_is_told(world, restored):
    world.teller.fail("escrow", "lost_before")
    silent = await say(world, restored, "confirm", 1)
    world.teller.escrow = "odd"
    strange = await say(world, restored, "confirm", 2)
    world.teller.escrow = "kept"
    at_last = await say(world, restored, "confirm", 3)

    for one in (silent, strange):
        assert (one.status_code, one.json()["code"]) == (409, "pending_outcome")
        assert "백업으로 되돌린 기록이라" in one.json()["message_ko"]
    assert at_last.status_code == 200
    assert words_of(world) == ["status", "status", "status", "confirm"]


async def test_just_after_the_restore_a_lost_word_may_be_under_way_still(world, paid):
    told = await known(world, paid)
    await back_up(world)
    await restore(world, told)
    world.teller.escrow = "kept"
    (site,) = [one for one in await world.all("SELECT restored_at, told_at FROM gap_sites") if one["told_at"]]
    assert world.clock.now().timestamp() * 1000 - site["restored_at"] < 120_000
    early = await say(world, paid, "confirm", 1)
    await world.live(136)

    assert (early.status_code, (await say(world, paid, "confirm", 2)).status_code) == (409, 200)
    assert words_of(world) == ["status", "status", "confirm"]


async def test_a_payment_that_began_after_the_restore_is_not_asked_about(world, restored):
    payment = await world.buy_at_teller()

    assert (await say(world, payment.id, "confirm", 1)).status_code == 200
    assert words_of(world) == ["confirm"]


async def test_a_slow_gateway_holds_no_press_up_and_its_late_answer_lets_the_next_one_through(world, restored):
    slow = Slow(world, "escrow", 10)
    pressing = asyncio.ensure_future(say(world, restored, "confirm", 1))
    await world.until(lambda: slow.asked)
    pressed = await asyncio.wait_for(pressing, 10)
    await world.clock.forward(10)
    await world.quiet()
    world.net.apps[f"{TELLER}:80"] = world.teller.app()

    assert (pressed.status_code, pressed.json()["code"]) == (409, "pending_outcome")
    assert (await say(world, restored, "confirm", 2)).status_code == 200
    assert words_of(world) == ["status", "confirm"]


async def test_what_two_people_found_out_since_the_restore_is_asked_about_no_more(world, paid):
    world.teller.escrow = "odd"
    world.teller.fail("escrow", "lost_before")
    await escrow(world, paid, "deny")
    told = await known(world, paid)
    await back_up(world)
    await lose(world)
    await hand_over(world, [told])
    await world.live(1_200, 5)
    await decide(world, await case_of(world, paid, "word_unknown"), "word_not_taken")
    await world.live(60)
    assert await ended(world)
    asked = len(words_of(world))

    assert (await say(world, paid, "confirm", 1)).status_code == 200
    assert words_of(world)[asked:] == ["confirm"]


async def test_where_the_gateway_never_says_how_it_stands_two_people_look_and_the_buyer_may_speak(world, restored):
    world.teller.escrow = "odd"
    early = await say(world, restored, "confirm", 1)
    cases_then = await world.all("SELECT id FROM cases WHERE payment = ?", restored)
    await world.live(900, 30)
    late = await say(world, restored, "confirm", 2)
    again = await say(world, restored, "confirm", 3)
    timeline = (await world.call("GET", f"/v1/payments/{restored}")).json()["timeline"]
    await decide(world, await case_of(world, restored, "word_unknown"), "seen")

    assert (early.status_code, late.status_code, again.status_code, cases_then) == (409, 409, 409, [])
    assert [row["event"] for row in timeline].count("escrow.not_shown") == 3
    assert len(await world.all("SELECT id FROM cases WHERE payment = ?", restored)) == 1
    assert (await say(world, restored, "confirm", 4)).status_code == 200
    assert words_of(world)[-1] == "confirm"
    await world.check_books()


async def test_a_clock_that_ran_ahead_at_the_restore_bars_no_word_once_it_is_set_right(world, restored):
    await world.context.ledger.write(lambda turn: turn.run("UPDATE gap_sites SET restored_at = restored_at + 3600000"))

    since_then = f"{int(world.clock.now().timestamp()) + 7200:08x}" + "c1" * 12

    assert (await escrow(world, restored, "confirm", once=since_then)).status_code == 200
    assert words_of(world) == ["status", "confirm"]


async def test_a_word_without_an_answer_keeps_no_shop_from_selling(world, paid):
    """It was under way at the backup. Nothing settles it, and it becomes two people's beside a gap that has ended."""
    world.teller.escrow = "odd"
    world.teller.fail("escrow", "lost_before")
    assert (await escrow(world, paid, "confirm")).status_code == 503
    told = await known(world, paid)
    await back_up(world)
    await lose(world)
    await hand_over(world, [told])
    await world.live(120, step=5)

    assert await ended(world)
    bought = await world.buy_at_teller()
    assert (await world.refund(bought.id, 1_000, key=key_of(world, 4))).json()["state"] == "done"
    assert (await say(world, paid, "deny", 5)).json()["code"] == "pending_outcome", "that word alone waits"
    await world.live(1_200, step=10)
    assert await world.cases(paid) == ["word_unknown"]
    assert await ended(world)


async def test_a_word_that_became_a_persons_before_the_gap_ended_holds_it_no_longer(world, paid):
    world.teller.escrow = "odd"
    world.teller.fail("escrow", "lost_before")
    await escrow(world, paid, "confirm")
    told = await known(world, paid)
    await back_up(world)
    await lose(world)
    await report(world.context, paid, "two amounts differ in the console", "operator:haneul")
    await hand_over(world, [told])
    await world.live(1_500, step=10)
    assert sorted(await world.cases(paid)) == ["reported", "word_unknown"]
    assert not await ended(world), "the other case is about money"
    await decide(world, await case_of(world, paid, "reported"), "not_given_back")
    await world.live(30, step=5)

    assert await ended(world)
    assert await world.cases(paid) == ["word_unknown"]
