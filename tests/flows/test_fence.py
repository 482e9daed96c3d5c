"""The seat fence: no capture without seats; nothing asked while the hold is long enough."""

import asyncio
import re
from pathlib import Path

import pytest
from starlette.responses import PlainTextResponse, Response

from bridge.flows.ask_fence import SAYINGS


async def returned(world, seconds, **changes):
    """A buyer goes through the window with a hold of so many seconds left."""
    opened = await world.checkout(world.order(hold_expires_at=world.hold(seconds), **changes))
    page = await world.come_back(opened)
    await world.quiet()
    return opened, page


@pytest.mark.parametrize("seconds", [75, 76, 600])
async def test_a_hold_that_outlives_the_approval_is_not_asked_about(world, seconds):
    opened, _ = await returned(world, seconds)

    assert world.shop.questions == []
    assert await world.state(opened.payment) == "paid"


async def test_without_a_hold_nothing_is_asked(world):
    payment = await world.buy()

    assert payment.state == "paid"
    assert world.shop.questions == []


async def test_a_hold_that_is_too_short_is_asked_about_and_a_yes_is_kept(world):
    opened, _ = await returned(world, 74)
    (question,) = world.shop.questions
    payment = await world.payment(opened.payment)
    (order,) = await world.all("SELECT hold_expires_at FROM orders")

    assert payment.state == "paid"
    assert question == {
        "order_ref": payment.order_ref,
        "payment": payment.id,
        "amount": 55_000,
        "until": world.hold(75),
    }
    assert order["hold_expires_at"] == int(world.clock.now().timestamp() * 1000) + 75_000


async def test_a_no_means_no_capture_and_the_buyer_is_told_so(world):
    world.shop.fence = lambda question: {"hold": False, "reason": "좌석이 다른 분께 갔어요"}
    opened, page = await returned(world, 30)
    status = await world.status(opened)
    payment = await world.payment(opened.payment)

    assert not world.net.calls("/pay")
    assert (payment.state, payment.reason) == ("declined", "seat_lost")
    assert "pay_bridge_result=declined" in page.headers["location"]
    assert status["gateway_message"] == "좌석이 다른 분께 갔어요"
    assert await world.told(opened.payment) == ["payment.failed"]
    await world.check_books()


@pytest.mark.parametrize("code", [*SAYINGS, "not_known_here", ""])
async def test_a_no_in_the_plugins_own_code_is_told_in_words(world, code):
    world.shop.fence = lambda question: {"hold": False, "reason": code}
    opened, _ = await returned(world, 30)
    status = await world.status(opened)

    assert status["gateway_message"] == SAYINGS.get(code, SAYINGS["hold_ends"])
    assert (await world.payment(opened.payment)).code == code


def test_every_no_of_the_plugin_has_its_words():
    fence = Path(__file__).parents[2] / "wp-plugin/pay-bridge/includes/class-fence.php"
    codes = set(re.findall(r"self::no\([^;]*'([a-z_]+)'(?: \))? \)", fence.read_text("utf-8")))

    assert codes == set(SAYINGS)


@pytest.mark.parametrize(
    "answer",
    [
        {"hold": True, "hold_until": "2026-11-20T02:30:10Z"},
        {"hold": True, "hold_until": "2030-01-01T00:00:00"},
        {"hold": True, "hold_until": "tomorrow"},
        {"hold": "yes"},
        {"hold": 1},
        {"hold": None},
        {},
        [],
        Response(status_code=503),
        Response(status_code=301, headers={"location": "http://evil.test"}),
        PlainTextResponse("<b>Fatal error</b>"),
        PlainTextResponse(b"\xff\xfe"),
        PlainTextResponse('{"hold": true}', status_code=500),
    ],
    ids=lambda answer: str(getattr(answer, "body", answer))[:40],
)
async def test_anything_but_a_clear_yes_is_a_no(world, answer):
    world.shop.fence = lambda question: answer
    opened, _ = await returned(world, 30)

    assert not world.net.calls("/pay")
    assert await world.state(opened.payment) == "declined"
    status = await world.status(opened)
    words = status.get("gateway_message", "")
    assert not any("a" <= sign <= "z" for sign in words), f"a buyer reads Korean, not {words!r}"


async def test_no_answer_at_all_is_a_no(world):
    world.net.down.add("http://shop.test:80")
    opened, _ = await returned(world, 30)

    assert not world.net.calls("/pay")
    assert await world.state(opened.payment) == "declined"
    assert (await world.payment(opened.payment)).reason == "seat_lost"


async def test_an_answer_that_comes_late_is_a_no(world):
    async def slow(scope, receive, send):
        await world.clock.sleep(30)

    world.net.apps["http://shop.test:80"] = slow
    opened = await world.checkout(world.order(hold_expires_at=world.hold(30)))
    coming = await world.authenticate(opened)
    returning = asyncio.ensure_future(world.go(coming))
    while not world.net.calls("/"):
        await asyncio.sleep(0.001)
    await world.clock.forward(5)
    await returning
    await world.quiet()

    assert not world.net.calls("/pay")
    assert await world.state(opened.payment) == "declined"


async def test_a_yes_without_a_time_holds_as_long_as_was_asked(world):
    world.shop.fence = lambda question: {"hold": True}
    opened, _ = await returned(world, 10)

    assert await world.state(opened.payment) == "paid"
