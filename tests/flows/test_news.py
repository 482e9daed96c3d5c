"""News to WordPress: owed in the turn that changed something, sent until heard, each message once in effect."""

import pytest

from bridge.clock import from_ms, now_ms
from bridge.flows.deliver_news import deliver_news, pull_in_deliveries
from bridge.flows.heartbeat import beat
from bridge.flows.manage_sites import revoke_key, rotate_key
from bridge.flows.pen import Pen
from bridge.flows.snapshots import rfc3339
from bridge.ledger import news as outbox
from bridge.signing.keys import Purpose, decode_secret, derive


async def test_news_that_was_not_heard_comes_again_with_the_same_id_and_ever_later(world):
    world.shop.status = 503
    payment = await world.buy()
    gaps, last = [], world.clock.now()
    seen = 0
    for _ in range(4_000):
        await deliver_news(world.context)
        if world.shop.tries > seen:
            seen = world.shop.tries
            gaps.append(round((world.clock.now() - last).total_seconds()))
            last = world.clock.now()
        await world.clock.forward(1)
        if seen == 8:
            break
    world.shop.status = 200
    await world.clock.forward(700)
    await world.beat()
    (row,) = await world.all("SELECT * FROM news WHERE payment = ?", payment.id)

    assert gaps == [0, 2, 4, 8, 15, 30, 60, 120]
    assert world.shop.ids == [row["id"]]
    assert (row["state"], row["tries"]) == ("heard", 9)


async def test_while_a_payments_first_message_waits_for_its_next_try_nothing_is_written(world):
    """Later messages are due at once and may not be sent before it: that is no reason to ask the ledger's writer."""
    world.shop.status = 500
    payment = await world.buy()
    await deliver_news(world.context)
    await world.refund(payment.id, 5_000)
    at = now_ms(world.clock)

    assert await world.context.ledger.read(lambda turn: outbox.sites_due(turn, at)) == []
    assert await world.context.ledger.read(lambda turn: outbox.sites_due(turn, at + 5_000)) == [world.site.id]


async def test_a_message_whose_answer_was_lost_comes_again_under_its_id(world):
    """At least once: WordPress hears it twice, and knows it by its id."""
    payment = await world.buy()
    await deliver_news(world.context)
    await world.context.ledger.write(lambda turn: turn.run("UPDATE news SET state = 'waiting', next_try_at = 0"))
    await deliver_news(world.context)

    assert len(world.shop.ids) == 2
    assert len(set(world.shop.ids)) == 1
    assert world.shop.kinds() == ["payment.paid"]
    assert payment.state == "paid"


async def test_later_news_of_a_payment_waits_for_the_earlier(world):
    world.shop.status = 500
    payment = await world.buy()
    await deliver_news(world.context)
    await world.refund(payment.id, 5_000)
    await world.refund(payment.id)
    await deliver_news(world.context)
    assert world.shop.tries == 1, "the first is not due again yet, and the others wait for it"
    world.shop.status = 200
    await world.clock.forward(3)
    while await deliver_news(world.context):
        pass

    assert [message["seq"] for message in world.shop.news] == [1, 2, 3]
    assert world.shop.kinds() == ["payment.paid", "payment.refunded", "payment.refunded"]
    assert [message["payment"]["refunded"] for message in world.shop.news] == [0, 5_000, 55_000]


async def test_one_payments_trouble_does_not_hold_up_another(world):
    world.shop.status = 500
    first = await world.buy()
    await deliver_news(world.context)
    world.shop.status = 200
    second = await world.buy()
    await deliver_news(world.context)

    assert [message["payment"]["id"] for message in world.shop.news] == [second.id]
    assert first.id != second.id


async def test_a_shop_that_is_down_for_weeks_hears_everything_when_it_is_back(world):
    world.net.down.add("http://shop.test:80")
    payment = await world.buy()
    await world.refund(payment.id)
    for _ in range(30 * 24):
        await world.clock.forward(3600)
        await deliver_news(world.context)
    world.net.down.clear()
    await world.clock.forward(3600)
    await world.beat()

    assert world.shop.kinds() == ["payment.paid", "payment.refunded"]


async def test_what_a_clock_that_ran_ahead_postponed_is_told_as_soon_as_the_clock_is_right(world):
    world.shop.status = 401
    late, soon = await world.buy(), await world.buy()
    await deliver_news(world.context)
    ahead = "UPDATE news SET next_try_at = next_try_at + 14400000 WHERE payment = ?"
    await world.context.ledger.write(lambda turn: turn.run(ahead, late.id))
    world.shop.status = 200

    await beat(world.context)
    assert await deliver_news(world.context) == 1  # the other waits as long as its pause lasts
    assert await pull_in_deliveries(world.context) == 0
    await world.clock.forward(2)
    assert await deliver_news(world.context) == 1
    assert {asked["payment"]["id"] for asked in world.shop.news} == {late.id, soon.id}


async def test_after_a_month_a_message_is_kept_for_a_person(world):
    world.net.down.add("http://shop.test:80")
    payment = await world.buy()
    for _ in range(32 * 12):
        await world.clock.forward(7200)
        await deliver_news(world.context)
    (row,) = await world.all("SELECT * FROM news WHERE payment = ?", payment.id)
    assert row["state"] == "kept"
    assert row["last_error"]

    world.net.down.clear()
    again = await world.context.ledger.write(lambda turn: outbox.hasten(turn, payment.id, 0))
    await world.beat()
    assert again == 1
    assert world.shop.kinds() == ["payment.paid"]


@pytest.mark.parametrize("status", [301, 302, 400, 401, 404, 500])
async def test_only_a_two_hundred_is_heard(world, status):
    world.shop.status = status
    await world.buy()
    assert await deliver_news(world.context) == 0
    (row,) = await world.all("SELECT * FROM news")

    assert (row["state"], row["tries"]) == ("waiting", 1)
    assert str(status) in row["last_error"]


async def test_a_hosts_own_page_is_not_heard_though_its_status_is_two_hundred(world):
    """A parked domain, a check for robots, a page that says that the shop is being mended: the plugin never ran."""
    world.shop.page = "<!doctype html><title>One moment, please...</title>"
    await world.buy()
    assert await deliver_news(world.context) == 0
    (row,) = await world.all("SELECT * FROM news")
    assert (row["state"], row["last_error"]) == ("waiting", "not the plugin answered, with status 200")
    world.shop.page = ""
    await world.clock.forward(2)
    assert await deliver_news(world.context) == 1


async def test_a_rotated_key_loses_no_message(world):
    """While two keys are alive, news carries both signatures: a shop with either one hears it."""
    old = [derive(decode_secret(world.site.secret), Purpose.NEWS)]
    made = await rotate_key(world.context, url=world.site.url)
    new = [derive(decode_secret(made["secret"]), Purpose.NEWS)]
    world.shop.keys = lambda: old
    await world.buy()
    await world.beat()
    world.shop.keys = lambda: new
    await world.buy()
    await world.beat()
    assert len(world.shop.news) == 2

    await revoke_key(world.context, url=world.site.url, key_id=world.site.key.key_id)
    refused = await world.call("GET", "/v1/payments")
    assert (refused.status_code, refused.json()["code"]) == (401, "unknown_key")


async def test_news_holds_the_whole_snapshot_and_nothing_personal(world):
    await world.buy(world.order(buyer={"name": "홍길동", "email": "hong@example.com", "phone": "010-1234-5678"}))
    await world.beat()
    text = str(world.shop.news)

    for personal in ("홍길동", "hong@example.com", "1234-5678"):
        assert personal not in text
    assert world.shop.news[0]["payment"].keys() >= {"id", "state", "amount", "refunded", "gateway_refs", "allowed"}


async def test_news_tell_what_happened_when_and_in_which_place_with_the_whole_snapshot(world):
    payment = await world.buy()
    await world.beat()
    (row,) = await world.all("SELECT * FROM news WHERE payment = ?", payment.id)
    (told,) = world.shop.news

    assert told.keys() == {"type", "seq", "occurred_at", "order", "payment"}
    assert (told["type"], told["seq"], told["payment"]["id"]) == ("payment.paid", 1, payment.id)
    assert told["occurred_at"] == rfc3339(from_ms(row["created_at"]))
    assert told["payment"]["attestation"]


async def test_what_the_bridge_notes_by_itself_stands_under_its_name_and_moves_nothing(world):
    payment = await world.buy()
    pen = Pen.now(world.context, world.context.sites.get(world.site.id))
    noted = await world.context.ledger.write(lambda turn: pen.note(turn, payment, "looked", {"rows": 3}))
    row = (await world.all("SELECT * FROM audit WHERE payment = ? ORDER BY seq", payment.id))[-1]

    assert (row["actor"], row["event"], row["was"], row["became"]) == ("bridge", "looked", "paid", "paid")
    assert '"rows":3' in row["detail"].replace(" ", "")
    assert (noted.state, noted.version) == (payment.state, payment.version + 1)
