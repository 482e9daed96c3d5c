"""Time runs out: only for windows without money, and never over an approval."""

import asyncio

from bridge.flows.expire import expire


async def test_a_window_nobody_came_back_from_expires_and_the_shop_is_told(any_world):
    world = any_world
    opened = await world.checkout()
    await world.live(950, step=30)
    assert await world.state(opened.payment) == "open", "a minute's grace after its time"
    await world.live(30)

    assert await world.state(opened.payment) == "expired"
    assert world.shop.kinds() == ["payment.failed"]
    assert "돈은 빠져나가지 않았어요" in (await world.status(opened))["message_ko"]


async def test_expiry_never_touches_a_payment_whose_approval_runs(world):
    opened = await world.checkout()
    coming = await world.authenticate(opened)
    await world.clock.forward(890)
    world.sandbox.latency_seconds["mainpay", "pay"] = 50.0
    world.sandbox_setting(window_minutes=60)
    session = next(iter(world.sandbox.desks["mainpay"]._till.sessions.values()))
    returning = asyncio.ensure_future(world.go(coming))
    while not world.net.calls("/pay"):
        await asyncio.sleep(0.001)
    await world.clock.forward(45)
    assert await expire(world.context) == 0
    session.expires = world.clock.now() + (session.expires - session.created)
    await world.clock.forward(10)
    await returning
    await world.quiet()

    assert await world.state(opened.payment) == "paid"
    await world.check_books()


async def test_expiry_never_touches_what_is_unknown_paid_or_refunded(world):
    paid = await world.buy()
    refunded = await world.buy()
    await world.refund(refunded.id)
    world.fault("pay", "drop_after")
    world.fault("net_cancel", "5xx_before", times=None)
    unknown = await world.checkout()
    await world.come_back(unknown)
    await world.quiet()
    await world.live(500, step=50)

    await world.clock.forward(600)
    assert await expire(world.context) == 0
    assert await world.state(paid.id) == "paid"
    assert await world.state(refunded.id) == "refunded"
    assert await world.state(unknown.payment) == "voiding"


async def test_an_expired_tab_does_not_touch_the_order_another_tab_paid(world):
    order = world.order()
    left_open = await world.checkout(order)
    paid = await world.buy(order)
    await world.live(1200, step=60)

    assert await world.state(left_open.payment) == "expired"
    assert await world.state(paid.id) == "paid"
    last = world.shop.news[-1]
    assert last["payment"]["id"] == left_open.payment
    assert (last["order"]["state"], last["order"]["paid_by"]) == ("paid", paid.id)
    await world.check_books()


async def test_a_return_within_the_grace_after_the_time_is_refused(world):
    opened = await world.checkout()
    coming = await world.authenticate(opened)
    await world.clock.forward(900)
    await world.go(coming)

    assert await world.state(opened.payment) == "expired"
    assert not world.net.calls("/pay")
