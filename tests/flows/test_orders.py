"""Orders and their tokens: the same token is the same payment, and only the newest version is paid."""

import asyncio

import pytest

from bridge.flows.manage_sites import revoke_key, rotate_key
from bridge.flows.open_checkout import LOOK_SECONDS


async def test_the_same_token_twice_is_the_same_payment_and_one_ready(any_world):
    world = any_world
    token = world.token(world.order())
    first, second = await world.checkout(token=token), await world.checkout(token=token)

    assert first == second
    assert len(world.net.calls("/ready")) == 1


async def test_the_same_token_ten_times_at_once_is_one_payment(world):
    token = world.token(world.order())
    asking = asyncio.gather(*(world.checkout(token=token) for _ in range(10)))
    while not asking.done():
        await asyncio.wait([asking], timeout=0.05)
        if world.clock.sleeping:  # one whose turn was heard of first looks again a moment later
            await world.clock.forward(LOOK_SECONDS)
    opened = asking.result()

    assert len({one.payment for one in opened}) == 1
    assert len(world.net.calls("/ready")) == 1


@pytest.mark.postgres
async def test_a_click_that_is_heard_before_the_one_that_opens_waits_for_its_window(world, monkeypatch):
    """The ledger commits the first click's turn, and its process goes on with the second's."""
    token, write, read = world.token(world.order()), world.context.ledger.write, world.context.ledger.read
    committed, looked = asyncio.Event(), asyncio.Event()

    async def heard_late(work):
        monkeypatch.setattr(world.context.ledger, "write", write)
        result = await write(work)
        committed.set()
        await looked.wait()
        return result

    async def look(work):
        result = await read(work)
        looked.set()
        for _ in range(10):
            await asyncio.sleep(0)
        return result

    monkeypatch.setattr(world.context.ledger, "write", heard_late)
    monkeypatch.setattr(world.context.ledger, "read", look)
    first = asyncio.create_task(world.checkout(token=token))
    await committed.wait()
    second = await asyncio.wait_for(world.checkout(token=token), 10)

    assert second == await first
    assert len(world.net.calls("/ready")) == 1


@pytest.mark.parametrize("changes", [{"method": "phone"}, {"device": "mobile"}])
async def test_another_method_or_device_is_another_payment(world, changes):
    token = world.token(world.order())
    first, second = await world.checkout(token=token), await world.checkout(token=token, **changes)
    await world.come_back(second)
    await world.quiet()

    assert first.payment != second.payment
    assert await world.state(second.payment) == "paid"
    assert await world.state(first.payment) == "open"


async def test_a_method_that_the_token_names_is_not_the_buyers_to_change(world):
    token = world.token(world.order(), method="phone")
    opened = await world.checkout(token=token, method="card")

    assert (await world.payment(opened.payment)).method == "phone"


async def test_a_token_whose_time_is_over_leads_back_to_the_shop(world):
    order = world.order()
    token = world.token(order)
    await world.clock.forward(900)
    answer = await world.post_checkout(token)
    async with world.client() as client:
        page = await client.post("/checkout", data={"token": token})

    assert (answer.status_code, answer.json()["code"]) == (410, "token_expired")
    assert page.status_code == 410
    assert order["retry_url"].replace("&", "&amp;") in page.text
    assert await world.all("SELECT id FROM payments") == []


@pytest.mark.parametrize("place", [0, 3, 5, 40, 60, 120, -1, -20])
async def test_a_token_that_was_altered_is_refused(world, place):
    token = world.token(world.order())
    changed = "A" if token[place] != "A" else "B"
    bent = token[:place] + changed + (token[place + 1 :] if place != -1 else "")
    answer = await world.post_checkout(bent)

    assert (answer.status_code, answer.json()["code"]) == (400, "token_refused")
    assert await world.all("SELECT id FROM payments") == []


@pytest.mark.parametrize(
    "changes",
    [{"iat": 10**10, "exp": 10**10 + 900}, {"exp": 2 * 10**9 + 900, "iat": 2 * 10**9}, {"jti": "x"}, {"jti": 7},
     {"iat": "1"}, {"order": []}, {"exp": True}],
)  # fmt: skip
async def test_a_token_of_another_shape_is_refused(world, changes):
    answer = await world.post_checkout(world.token(world.order(), **changes))

    assert (answer.status_code, answer.json()["code"]) == (400, "token_refused")


async def test_a_token_of_one_site_cannot_name_another_sites_pages(world):
    other = await world.pair("http://other.test")
    answer = await world.post_checkout(world.token(world.order(), site=other))

    assert (answer.status_code, answer.json()["code"]) == (400, "token_refused")


async def test_a_token_sealed_with_a_revoked_key_is_refused(world):
    token = world.token(world.order())
    await rotate_key(world.context, url=world.site.url)
    assert (await world.post_checkout(token)).status_code == 201, "a key that retires still opens"
    await revoke_key(world.context, url=world.site.url, key_id=world.site.key.key_id)
    answer = await world.post_checkout(world.token(world.order()))

    assert (answer.status_code, answer.json()["code"]) == (400, "token_refused")


async def test_an_older_version_of_an_order_is_refused(world):
    await world.checkout(world.order(ref="O-1", version=2))
    answer = await world.post_checkout(world.token(world.order(ref="O-1", version=1)))

    assert (answer.status_code, answer.json()["code"]) == (409, "order_changed")
    assert len(await world.all("SELECT id FROM payments")) == 1


@pytest.mark.parametrize(
    "changes",
    [{"amount": 1_000}, {"tax_free": 5_000},
     {"items": [{"ref": "A-1", "title": "R석", "amount": 30_000}, {"ref": "A-2", "title": "R석", "amount": 25_000}]}],
)  # fmt: skip
async def test_another_price_under_the_same_version_is_refused(world, changes):
    await world.checkout(world.order(ref="O-1"))
    answer = await world.post_checkout(world.token(world.order(ref="O-1", **changes)))

    assert (answer.status_code, answer.json()["code"]) == (409, "order_changed")
    (order,) = await world.all("SELECT amount FROM orders")
    assert order["amount"] == 55_000


async def test_a_newer_version_bars_the_approval_of_the_older(any_world):
    world = any_world
    old = await world.checkout(world.order(ref="O-1", amount=55_000))
    coming = await world.authenticate(old)
    new = await world.checkout(world.order(ref="O-1", version=2, amount=77_000))
    page = await world.go(coming)
    await world.quiet()
    payment = await world.payment(old.payment)

    assert not world.net.calls("/pay")
    assert (payment.state, payment.reason) == ("declined", "order_changed")
    assert "pay_bridge_result=declined" in page.headers["location"]
    await world.come_back(new)
    await world.quiet()
    assert (await world.payment(new.payment)).captured == 77_000
    await world.check_books()


async def test_a_version_that_came_to_nothing_does_not_spoil_the_payment_under_way(world):
    """While one payment is being approved, a newer version is refused whole: it leaves no trace in the order."""
    order = world.order(ref="O-1")
    world.fault("pay", "drop_after")
    world.fault("net_cancel", "5xx_before", times=None)
    opened = await world.checkout(order)
    await world.come_back(opened)
    await world.quiet()
    answer = await world.post_checkout(world.token(world.order(ref="O-1", version=2, amount=77_000)))

    assert answer.status_code == 200
    assert answer.json()["payment"] == opened.payment
    (row,) = await world.all("SELECT version, amount FROM orders")
    assert row == {"version": 1, "amount": 55_000}


async def test_orders_of_two_sites_with_one_reference_are_two_orders(world):
    other = await world.pair("http://other.test")
    mine = await world.buy(world.order(ref="O-1"))
    urls = {"result_url": "http://other.test/r", "retry_url": "http://other.test/o"}
    token = world.token(world.order(ref="O-1", amount=1_000, **urls), site=other)
    theirs = await world.checkout(token=token)

    assert (await world.payment(theirs.payment)).amount == 1_000
    assert mine.state == "paid"
    assert await world.state(theirs.payment) == "open"
