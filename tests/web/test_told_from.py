"""What a shop was told since some moment: asked by one whose database is older than that, as after a restore."""

import pytest

from bridge.clock import from_ms, now_ms
from bridge.flows.snapshots import rfc3339

PAGE = "/v1/payments?limit=2&told_from="


async def told_since(world, at):
    """Read all pages: what there is, newest first."""
    found, cursor = [], ""
    while True:
        answer = await world.call("GET", f"{PAGE}{at}{cursor}")
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert len(page["items"]) <= 2
        found += [(one["id"], one["state"], one["refunded"]) for one in page["items"]]
        if page["next_cursor"] is None:
            return found
        cursor = f"&cursor={page['next_cursor']}"


def moment(world):
    return rfc3339(from_ms(now_ms(world.clock)))


async def test_whatever_was_told_since_then_is_listed_in_any_state_and_once(any_world):
    """A refund of an old payment too, which no list by when it was begun shows."""
    world = any_world
    older = await world.buy()
    await world.clock.forward(1)
    old = await world.buy()
    await world.beat()
    await world.clock.forward(36_000)
    since = moment(world)
    await world.clock.forward(1)
    for amount in (1_000, 2_000):
        assert (await world.refund(old.id, amount)).json()["state"] == "done"
    bought = await world.buy()
    await world.clock.forward(1)
    world.fault("pay", "decline")
    declined = await world.checkout()
    await world.come_back(declined)
    await world.checkout()
    await world.quiet()

    assert await told_since(world, since) == [
        (declined.payment, "declined", 0),
        (bought.id, "paid", 0),
        (old.id, "part_refunded", 3_000),
    ]
    assert [one[0] for one in await told_since(world, "2026-01-01T00:00:00Z")][-2:] == [old.id, older.id]


async def test_each_is_listed_with_its_refunds_as_it_is_shown_alone(world):
    """A theme frees the seats that a refund names, and notes one that was refused, however it hears of them."""
    seats = [{"ref": f"seat-{one}", "title": "R석", "amount": 27_500} for one in (1, 2)]
    payment = await world.buy(world.order(items=seats))
    assert (await world.refund(payment.id, 27_500, items=["seat-1"])).json()["state"] == "done"
    world.fault("part_cancel", "decline")
    assert (await world.refund(payment.id, 2_000)).json()["state"] == "refused"
    page = (await world.call("GET", f"{PAGE}2026-01-01T00:00:00Z")).json()
    alone = (await world.call("GET", f"/v1/payments/{payment.id}")).json()

    assert [one["refunds"] for one in page["items"]] == [alone["refunds"]]
    assert [(one["state"], one.get("items")) for one in alone["refunds"]] == [("done", ["seat-1"]), ("refused", None)]


async def test_another_sites_are_not_among_them(world):
    await world.buy()
    await world.pair_teller("Asked")
    mine = await world.buy_at_teller()

    assert [one[0] for one in await told_since(world, "2026-01-01T00:00:00Z")] == [mine.id]


@pytest.mark.parametrize("more", ["order=X", "state=paid", "from=2026-01-01T00:00:00Z", "to=2026-01-01T00:00:00Z"])
async def test_nothing_else_narrows_it(world, more):
    refused = await world.call("GET", f"{PAGE}2026-01-01T00:00:00Z&{more}")
    assert (refused.status_code, refused.json()["code"]) == (400, "malformed")
