"""The main stories once more over real sockets: the real wire, the served sandbox, the machine's own clock."""

import asyncio
import html
import json
import re
import socket
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx2
import pytest
import uvicorn

from bridge.app import build_app, build_context
from bridge.domain.payment import Mode
from bridge.flows.context import Context
from bridge.flows.manage_sites import add_site
from bridge.sandbox import server
from bridge.sandbox.app import build as build_sandbox
from bridge.sandbox.faults import Armed, Fault
from bridge.sandbox.world import World
from bridge.settings import Secret, Settings
from bridge.signing.keys import SiteKey, decode_secret
from bridge.signing.tokens import seal_order
from tests.support.ports import free_port
from tests.support.shop import Shop


@asynccontextmanager
async def served(app):
    """Serve an application on a free port of this machine, in this loop; gives its address."""
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    config = server.config(app, "127.0.0.1", 0)
    config.loop = "none"
    config.lifespan = "off"
    running = uvicorn.Server(config)
    running.install_signal_handlers = lambda: None
    task = asyncio.create_task(running.serve(sockets=[sock]))
    while not running.started:
        await asyncio.sleep(0.005)
    try:
        yield f"http://127.0.0.1:{sock.getsockname()[1]}"
    finally:
        running.should_exit = True
        await task
        sock.close()


@dataclass
class Town:
    """A bridge with its lifespan, a sandbox and a shop, each on a port."""

    context: Context
    sandbox: World
    shop: Shop
    key: SiteKey
    http: httpx2.AsyncClient
    address: str

    async def until(self, condition, seconds=10.0):
        """Wait until something holds."""
        async with asyncio.timeout(seconds):
            while not await condition():
                await asyncio.sleep(0.02)

    async def state(self, payment):
        row = await self.context.ledger.read(lambda turn: turn.one("SELECT state FROM payments WHERE id = ?", payment))
        return row["state"]


@pytest.fixture(params=["mainpay", "mainpay-guide"])
async def town(folder, request):
    sandbox = build_sandbox(seed=1)
    world = sandbox.state.world
    async with served(sandbox) as sandbox_url, httpx2.AsyncClient(trust_env=False, timeout=20) as http:
        world.public_url = sandbox_url
        world.faults.amounts_choose = False
        address = f"http://127.0.0.1:{free_port()}"
        settings = Settings(address, f"sqlite:///{folder / 'bridge.db'}", Secret(bytes(range(32))))
        context = build_context(settings)
        shop = Shop(context.clock, lambda: [key for site in context.sites.all() for key in site.news_keys()])
        app = build_app(context)
        async with served(shop.app()) as shop_url, app.router.lifespan_context(app):
            values = {
                "api_url": f"{sandbox_url}/{request.param}/api",
                "relay_url": f"{sandbox_url}/{request.param}/relay",
            }
            made = await add_site(
                context, url=shop_url, gateways=["mainpay"], settings={"mainpay": values}, mode=Mode.TEST
            )
            key = SiteKey.from_secret(decode_secret(made["secret"]), key_id=made["key_id"], site=made["site"])
            config = uvicorn.Config(
                app, host="127.0.0.1", port=int(address.rpartition(":")[2]), lifespan="off", loop="none",
                access_log=False, log_level="warning",
            )  # fmt: skip
            running = uvicorn.Server(config)
            running.install_signal_handlers = lambda: None
            task = asyncio.create_task(running.serve())
            while not running.started:
                await asyncio.sleep(0.005)
            yield Town(context, world, shop, key, http, address)
            running.should_exit = True
            await task
        await world.close()


async def walk(town, amount=55_000):
    """Open the window, press pay, come back."""
    shop_url = town.context.sites.all()[0].url
    now = int(town.context.clock.now().timestamp())
    order = {"ref": "O-1", "version": 1, "title": "봄의 제전", "amount": amount, "buyer": {"name": "홍길동"},
             "result_url": f"{shop_url}/?done=1", "retry_url": f"{shop_url}/?again=1"}  # fmt: skip
    payload = {"order": order, "iat": now, "exp": now + 900, "jti": town.context.clock.random_bytes(16).hex()}
    token = seal_order(town.key, payload, town.context.clock.random_bytes(12))
    opened = await town.http.post(
        f"{town.address}/checkout", data={"token": token}, headers={"accept": "application/json"}
    )
    assert opened.status_code == 201, opened.text
    window = httpx2.URL(opened.json()["window_url"])
    fields = {**dict(window.params), "action": "pay", "card": "04", "installment": "00"}
    pressed = await town.http.post(window.copy_with(query=None), data=fields)
    if pressed.status_code == 303:
        back = await town.http.get(pressed.headers["location"])
    else:
        found = re.findall(r'<input[^>]*name="([^"]*)"[^>]*value="([^"]*)"', pressed.text)
        form = {html.unescape(name): html.unescape(value) for name, value in found}
        action = html.unescape(re.search(r'<form[^>]*action="([^"]*)"', pressed.text)[1])
        back = await town.http.post(action, data=form)
    return opened.json()["payment"], back


async def test_a_buyer_pays_over_real_sockets_and_the_shop_hears_it(town):
    payment, back = await walk(town)

    assert back.status_code == 303
    assert "done=1" in back.headers["location"]

    async def heard():
        return town.shop.kinds() == ["payment.paid"]

    await town.until(heard)
    books = town.sandbox.bank.as_json()
    assert (books["totals"]["captured"], books["totals"]["net"]) == (55_000, 55_000)
    assert await town.state(payment) == "paid"

    async def acknowledged():
        notices = books_now()["payments"][0]["notices"]
        return bool(notices) and all(notice["acked"] for notice in notices)

    def books_now():
        return town.sandbox.bank.as_json()

    await town.until(acknowledged)


@pytest.mark.parametrize("kind", ["drop_after", "rst_after", "half_after"])
async def test_a_connection_that_breaks_is_settled_over_real_sockets(town, kind):
    town.sandbox.faults.arm(Armed("mainpay", "pay", Fault(kind)))
    payment, back = await walk(town)
    assert "실패" not in back.text

    async def voided():
        return await town.state(payment) == "voided"

    await town.until(voided)
    books = town.sandbox.bank.as_json()["totals"]
    assert (books["captured"], books["net"]) == (55_000, 0)

    async def heard():
        return town.shop.kinds() == ["payment.confirming", "payment.failed"]

    await town.until(heard)


async def test_what_supervisors_ask_is_answered(town):
    alive = await town.http.get(f"{town.address}/livez")
    metrics = await town.http.get(f"{town.address}/metrics")

    async def ready():
        return (await town.http.get(f"{town.address}/readyz")).status_code == 200

    await town.until(ready)
    assert alive.text == "alive"
    assert "pay_bridge_unknown_payments 0.0" in metrics.text
    assert json.loads((await town.http.get(f"{town.address}/readyz")).text)["status"] == "pass"
