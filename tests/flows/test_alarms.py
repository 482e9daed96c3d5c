"""Alarms reach the operator's receiver: signed, repeated until heard, and told again when they are over."""

import asyncio
import json

import pytest
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from bridge.flows.alarms import tell, watch
from bridge.flows.check_invariants import check_forever
from bridge.flows.decide_case import report
from bridge.ledger import backups, checks
from bridge.ledger.backups import Backup
from bridge.settings import Secret
from bridge.signing import news as webhooks
from bridge.wire.converse import _Silence
from bridge.wire.pool import CERTIFICATE_REFUSED
from tests.flows.test_orphans import find_money
from tests.support.wire import LocalWire
from tests.support.world import World

KEY = bytes(range(24))
URL = "http://alarms.test/hook"


class Receiver:
    """An operator's receiver, which proves what it takes."""

    def __init__(self, clock):
        self.clock = clock
        self.status = 204
        self.hangs = False
        self.heard = []

    def app(self):
        async def take(request):
            if self.hangs:
                await self.clock.sleep(3_600)
            raw = await request.body()
            now = int(self.clock.now().timestamp())
            message_id = webhooks.verify([KEY], request.headers.raw, raw, now)
            self.heard.append((message_id, json.loads(raw)))
            return Response(status_code=self.status)

        return Starlette(routes=[Route("/hook", take, methods=["POST"])])


@pytest.fixture
async def watched(folder, database):
    """A world whose operator has a receiver, with a case about money found."""
    world = World(folder, database=database, alarm_url=URL, alarm_secret=Secret(KEY))
    world.receiver = Receiver(world.clock)
    world.net.apps["http://alarms.test:80"] = world.receiver.app()
    await world.start()
    world.site = await world.pair()
    opened = await world.checkout()
    world.fault("pay", "decline", code="2001", message="한도 초과")
    await world.come_back(opened)
    await world.quiet()
    await find_money(world, opened.payment)
    world.opened = opened
    yield world
    await world.close()


async def test_a_new_case_is_told_signed_and_once(watched):
    for _ in range(3):
        await watch(watched.context)
        await tell(watched.context)

    ((message_id, body),) = watched.receiver.heard
    assert body["type"] == "alarm.raised"
    assert body["name"] == "case"
    assert f"payment {watched.opened.payment}" in body["detail"]
    rows = await watched.all("SELECT id, heard_at, next_try_at FROM alarms")
    assert rows == [{"id": message_id, "heard_at": rows[0]["heard_at"], "next_try_at": None}]
    assert "홍길동" not in json.dumps(body, ensure_ascii=False)


async def test_an_alarm_is_repeated_until_it_is_heard_and_its_end_is_told(watched):
    watched.receiver.status = 500
    await watch(watched.context)
    assert await tell(watched.context) == 0
    assert await tell(watched.context) == 0, "not again at once"
    await watched.clock.forward(6)
    watched.receiver.status = 200
    assert await tell(watched.context) == 1
    assert len({message_id for message_id, _ in watched.receiver.heard}) == 1, "it counts once"

    await watched.context.ledger.write(lambda turn: turn.run("UPDATE cases SET state = 'closed', closed_at = 2"))
    await watch(watched.context)
    await tell(watched.context)
    message_id, body = watched.receiver.heard[-1]
    assert (body["type"], message_id) == ("alarm.ended", f"{watched.receiver.heard[0][0]}-ended")
    assert await tell(watched.context) == 0


async def test_a_receiver_that_is_away_is_asked_again(watched):
    watched.net.down.add("http://alarms.test:80")
    await watch(watched.context)
    for _ in range(8):
        await tell(watched.context)
        await watched.clock.forward(3600)
    assert watched.receiver.heard == []
    watched.net.down.clear()
    assert await tell(watched.context) == 1
    await watched.context.ledger.write(lambda turn: turn.run("UPDATE alarms SET next_try_at = raised_at"))
    watched.net.down.add("http://alarms.test:80")
    await watched.clock.forward(32 * 86_400)
    await tell(watched.context)
    assert (await watched.all("SELECT next_try_at FROM alarms"))[0]["next_try_at"] is None, "not for ever"


async def test_an_unknown_outcome_and_news_that_wait_are_alarms_too(watched):
    watched.net.down.add("http://shop.test:80")
    watched.fault("pay", "drop_after")
    watched.fault("net_cancel", "drop_before", times=None)
    opened = await watched.checkout()
    await watched.come_back(opened)
    await watched.quiet()
    watched.net.down.add("http://sandbox.test:80")
    await watched.clock.forward(700)
    for _ in range(3):
        await watched.clock.forward(120)
        await watched.beat()
    await watch(watched.context)
    names = {row["name"] for row in await watched.all("SELECT name FROM alarms WHERE ended_at IS NULL")}
    assert {"case", "unknown", "news"} <= names


async def test_a_gateway_whose_certificate_is_refused_is_an_alarm_until_it_is_spoken_to_again(watched, monkeypatch):
    async def refused(self, address, request, terms, *, moves_money):
        return _Silence(f"No connection to {address.origin}: {CERTIFICATE_REFUSED} (expired).", written=False)

    async def names():
        await watch(watched.context)
        return {row["name"] for row in await watched.all("SELECT name FROM alarms WHERE ended_at IS NULL")}

    await watched.clock.forward(1)
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(LocalWire, "_ask_in_time", refused)
        await watched.post_checkout(watched.token(watched.order()))
    assert "certificate" in await names()
    await tell(watched.context)
    (body,) = [body for _, body in watched.receiver.heard if body["name"] == "certificate"]
    assert body["subject"] == f"{watched.site.id} mainpay"
    assert "its certificate was not accepted (expired)" in body["detail"]
    watched.net.down.add("http://sandbox.test:80")
    await watched.clock.forward(1)
    await watched.post_checkout(watched.token(watched.order()))
    assert "certificate" not in await names(), "that nobody is there is another matter"


async def test_a_case_is_told_within_a_minute(watched):
    task = watched.context.tasks.begin("checks", check_forever(watched.context))
    for _ in range(12):
        await watched.clock.forward(5)
        await let_run(watched)
    assert [body["name"] for _, body in watched.receiver.heard] == ["case"]
    task.cancel()


async def test_a_receiver_that_hangs_holds_no_check_up_and_no_other_alarm(watched):
    """Twenty cases at once: told one after the other, each would wait its ten seconds for it."""
    watched.receiver.hangs = True
    bought = [await watched.buy() for _ in range(24)]
    for payment in bought[:20]:
        await report(watched.context, payment.id, "a case of a bad night", "operator:minji")
    running = watched.context.tasks.begin("checks", check_forever(watched.context))
    looks, began = set(), watched.clock.boot
    for many, payment in enumerate(bought[20:], start=22):
        await report(watched.context, payment.id, "one more of them", "operator:minji")
        for _ in range(2):
            await watched.clock.forward(5)
            await let_run(watched)
        async with asyncio.timeout(5):  # seen within ten seconds of its clock, however slow the machine is
            while len(await watched.all("SELECT 1 FROM alarms")) != many:
                await let_run(watched)
    while watched.clock.boot - began < 185:
        await watched.clock.forward(5)
        await let_run(watched)
        last = await watched.context.ledger.read(checks.last)
        looks |= {last.at} if last is not None else set()
    running.cancel()

    assert len(looks) >= 3, "each minute, as ever"
    tried = await watched.all("SELECT tries FROM alarms")
    assert len(tried) == 25
    assert all(row["tries"] >= 2 for row in tried)


async def test_without_a_receiver_alarms_wait_in_the_ledger(world, declined):
    await find_money(world, declined[1].id)
    await watch(world.context)
    assert await tell(world.context) == 0
    assert [row["name"] for row in await world.all("SELECT name FROM alarms")] == ["case"]


async def let_run(world):
    """Give what runs some turns of the loop, and the ledger's threads some time."""
    for _ in range(40):
        await asyncio.sleep(0.002)


@pytest.mark.parametrize("ever", [False, True])
async def test_backups_that_fail_for_half_an_hour_are_an_alarm_until_one_is_good(watched, ever):
    """Nobody looks at the dashboard for weeks, and a folder is full one day."""
    object.__setattr__(watched.context.settings, "backup_path", "/backup")
    if ever:
        await make_backup(watched)
        await watched.clock.forward(86_400)  # the bridge was not running meanwhile, or not for its backups
    await watch(watched.context)
    assert await backups_told(watched) == []
    await watched.clock.forward(1_799)
    await watch(watched.context)
    assert await backups_told(watched) == []
    await watched.clock.forward(2)
    await watch(watched.context)

    (told,) = await backups_told(watched)
    assert ("none yet" in told) is not ever
    await make_backup(watched)
    await watch(watched.context)
    assert await backups_told(watched) == []


async def make_backup(world):
    at = int(world.clock.now().timestamp() * 1000)
    made = Backup(at, "/backup/one", 5, 900, 12)
    await world.context.ledger.write(lambda turn: backups.note(turn, made, at))


async def backups_told(world):
    """Of backups, the alarms that are not over."""
    rows = await world.all("SELECT detail FROM alarms WHERE name = 'backup' AND ended_at IS NULL")
    return [row["detail"] for row in rows]
