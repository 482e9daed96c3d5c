"""A bridge with its ledger in a folder, the sandbox, a shop and a buyer, all in one process on one virtual clock."""

import asyncio
import dataclasses
import html
import json
import re
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx2
import psycopg
from starlette.applications import Starlette

from bridge import gateways
from bridge.app import build_app, build_context
from bridge.domain.gateway import Gateway
from bridge.domain.machine import UNSETTLED, State
from bridge.domain.payment import Mode, Payment
from bridge.flows.check_invariants import check_everything
from bridge.flows.choose_gateway import FAILURES_MAX
from bridge.flows.context import Context
from bridge.flows.deliver_news import deliver_news
from bridge.flows.heartbeat import beat
from bridge.flows.manage_sites import add_site
from bridge.flows.recover import recover_at_boot
from bridge.flows.sites import Sites
from bridge.flows.snapshots import rfc3339
from bridge.flows.urls import notice_url
from bridge.ledger import audit, calls, cases, news, operations, payments
from bridge.ledger.operations import Operation
from bridge.sandbox.app import build as build_sandbox
from bridge.sandbox.bank import Book
from bridge.sandbox.faults import Armed, Fault
from bridge.sandbox.local import Heard, ask
from bridge.sandbox.world import World as SandboxWorld
from bridge.settings import Secret, Settings
from bridge.signing import requests as signed_requests
from bridge.signing.keys import SiteKey, decode_secret
from bridge.signing.tokens import seal_order
from tests.support import tellers
from tests.support.books import lay_empty_books
from tests.support.clock import VirtualClock
from tests.support.postgres import end_for_good
from tests.support.shop import Shop
from tests.support.teller import SECRET, TELLER, Teller, Trade
from tests.support.wire import LocalWire, Net

PUBLIC_URL = "https://pay.test"
SANDBOX = "http://sandbox.test"
SHOP_URL = "http://shop.test"
BUYER_ADDRESS = "203.0.113.9"
TURNS_IN_A_ROW = 6
GATEWAY_ADDRESS = "211.43.193.87"
JSON = {"accept": "application/json"}


def build_gateway(name: str, values: Mapping[str, str], mode: Mode) -> Gateway:
    """Build a site's gateway: a real one, or the teller of tests/support/tellers.py."""
    if name.startswith("teller"):
        return tellers.build(name, values, mode)
    return gateways.build(name, values, mode)


@dataclass(frozen=True)
class Paired:
    """A site as its WordPress knows it."""

    id: str
    url: str
    key: SiteKey
    secret: str


@dataclass(frozen=True)
class Opened:
    """A checkout as the buyer's browser knows it."""

    payment: str
    window_url: str
    status_url: str
    token: str


class GaveUp(AssertionError):
    """The bridge would have ended itself, because its books contradict themselves."""


class World:
    """Everything a history needs. Nothing moves but by its methods."""

    def __init__(self, folder: Path, *, dialect: str = "live", database: str = "", **settings: Any) -> None:
        self.folder = folder
        self.dialect = dialect
        self.clock = VirtualClock()
        self.net = Net()
        self.settings = Settings(
            PUBLIC_URL,
            database or f"sqlite:///{folder / 'bridge.db'}",
            Secret(bytes(range(32))),
            **({"return_wait_seconds": 2.0, "refund_wait_seconds": 2.0} | settings),
        )
        if not self.settings.on_postgres:
            lay_empty_books(self.settings.database_path)
        self.sandbox_app = build_sandbox(clock=self.clock, public_url=SANDBOX, seed=3, post=self._post_notice)
        self.sandbox: SandboxWorld = self.sandbox_app.state.world
        self.sandbox.faults.amounts_choose = False
        self.sandbox.notices.retry_seconds = ()
        self.notice_address = GATEWAY_ADDRESS
        self.shop = Shop(self.clock, self._news_keys)
        self.teller = Teller()
        self.net.apps = {
            f"{SANDBOX}:80": self.sandbox_app,
            f"{SHOP_URL}:80": self.shop.app(),
            f"{TELLER}:80": self.teller.app(),
        }
        self.context: Context
        self.app: Starlette
        self.site: Paired
        self.gave_up: list[str] = []
        self._many = 0

    async def start(self) -> None:
        """Boot the bridge on what the folder holds, as the server's lifespan does."""
        wire = LocalWire(self.clock, self.net)
        self.context = build_context(self.settings, clock=self.clock, wire=wire)
        self.context.sites = Sites(self.context.ledger, self.context.vault, build_gateway)
        self.context.ledger.give_up = self._give_up  # type: ignore[method-assign]  # the process is pytest's
        self.app = build_app(self.context)
        await self.context.sites.refresh()
        await recover_at_boot(self.context)

    def _give_up(self, why: str) -> NoReturn:
        self.gave_up.append(why)
        raise GaveUp(why)

    async def stop(self) -> None:
        """End the bridge, letting what runs end first."""
        await self.context.tasks.finish(5)
        await self.context.wire.close()
        await self.context.ledger.close()

    async def crash(self) -> None:
        """End the bridge as kill -9 does: nothing that runs has another turn, and connections end."""
        end_for_good(getattr(self.context.ledger, "_connections", ()))
        await self._stop()

    async def _stop(self) -> None:
        running = list(self.context.tasks._running.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await self.context.wire.close()
        await self.context.ledger.close()

    async def restart(self) -> None:
        """Crash and boot again."""
        await self.crash()
        await self.start()

    async def close(self) -> None:
        """End everything."""
        await self._stop()
        await self.sandbox.close()

    async def pair(self, url: str = SHOP_URL, mode: Mode = Mode.TEST, **more: str) -> Paired:
        """Add a site whose gateway is the sandbox."""
        base = f"{SANDBOX}/mainpay-guide" if self.dialect == "guide" else f"{SANDBOX}/mainpay"
        values = {"api_url": f"{base}/api", "relay_url": f"{base}/relay", "notice_sources": GATEWAY_ADDRESS} | more
        made = await add_site(self.context, url=url, gateways=["mainpay"], settings={"mainpay": values}, mode=mode)
        key = SiteKey.from_secret(decode_secret(made["secret"]), key_id=made["key_id"], site=made["site"])
        return Paired(made["site"], url, key, made["secret"])

    async def pair_teller(self, kind: str, url: str = "http://teller-shop.test", **more: str) -> Paired:
        """Add a site whose gateway is the teller of that kind, and act for it from now on."""
        return await self.pair_tellers(url, teller={"kind": kind} | more)

    async def pair_tellers(self, url: str = "http://teller-shop.test", **values: dict[str, str]) -> Paired:
        """Add a site whose gateways are tellers, the first its default, and act for it from now on."""
        self.net.apps[f"{url}:80"] = self.shop.app()
        made = await add_site(self.context, url=url, gateways=list(values), settings=values, mode=Mode.TEST)
        key = SiteKey.from_secret(decode_secret(made["secret"]), key_id=made["key_id"], site=made["site"])
        self.site = Paired(made["site"], url, key, made["secret"])
        return self.site

    def client(self, address: str = BUYER_ADDRESS, *, raise_app_exceptions: bool = True) -> httpx2.AsyncClient:
        """Make a browser, or whoever calls from that address. Every name leads to the bridge."""
        transport = httpx2.ASGITransport(self.app, raise_app_exceptions=raise_app_exceptions, client=(address, 40000))
        return httpx2.AsyncClient(transport=transport, base_url=PUBLIC_URL)

    # ---- what WordPress does

    def order(self, **changes: Any) -> dict[str, Any]:
        """Write an order; the reference is new unless given. A change to None leaves the field out."""
        self._many += 1
        order = {
            "ref": f"ORDER-{self._many}",
            "version": 1,
            "title": "봄의 제전 R석",
            "amount": 55_000,
            "buyer": {"name": "홍길동", "email": "hong@example.com", "phone": "010-1234-5678"},
            "result_url": f"{self.site.url}/result?order={self._many}",
            "retry_url": f"{self.site.url}/order?order={self._many}",
        } | changes
        return {name: value for name, value in order.items() if value is not None}

    def hold(self, seconds: float) -> str:
        """Write the time so many seconds from now."""
        return rfc3339(self.clock.now() + timedelta(seconds=seconds))

    def token(self, order: Mapping[str, Any], /, *, site: Paired | None = None, **changes: Any) -> str:
        """Seal an order as the plugin does."""
        now = int(self.clock.now().timestamp())
        jti = self.clock.random_bytes(16).hex()
        payload = {"order": dict(order), "iat": now, "exp": now + 900, "jti": jti} | changes
        return seal_order((site or self.site).key, payload, self.clock.random_bytes(12))

    def headers(
        self, method: str, path: str, body: bytes = b"", *, site: Paired | None = None, key: str = "", **changes: Any
    ) -> dict[str, str]:
        """Sign a request as the plugin does; `key` is its Idempotency-Key."""
        asked = {
            "created": int(self.clock.now().timestamp()),
            "nonce": self.clock.random_bytes(11).hex(),
            "idempotency_key": key or self.clock.random_bytes(16).hex(),
        } | changes
        if method == "GET":
            del asked["idempotency_key"]
        target = f"{PUBLIC_URL}{path}"
        made = signed_requests.sign((site or self.site).key, method=method, target_uri=target, body=body, **asked)
        return made | ({"content-type": "application/json"} if method != "GET" else {})

    async def call(
        self, method: str, path: str, value: Any = None, *, site: Paired | None = None, key: str = "", **changes: Any
    ) -> httpx2.Response:
        """Send a signed request."""
        body = b"" if method == "GET" else json.dumps(value if value is not None else {}).encode()
        headers = self.headers(method, path, body, site=site, key=key, **changes)
        async with self.client("198.51.100.20") as client:
            return await client.request(method, path, content=body or None, headers=headers)

    async def refund(self, payment: str, amount: int | None = None, **more: Any) -> httpx2.Response:
        """Ask for a refund; without an amount, of all that is left."""
        key = more.pop("key", "")
        wish = {"reason": "고객 요청", "actor": "wp:7"} | ({} if amount is None else {"amount": amount})
        return await self.call("POST", f"/v1/payments/{payment}/refunds", wish | more, key=key)

    # ---- what the buyer does

    async def checkout(self, order: Mapping[str, Any] | None = None, *, token: str = "", **fields: str) -> Opened:
        """Open the window; raises AssertionError for any answer but a window."""
        token = token or self.token(order or self.order())
        answer = await self.post_checkout(token, **fields)
        assert answer.status_code == 201, answer.text
        said = answer.json()
        return Opened(said["payment"], said["window_url"], said["status_url"], token)

    async def post_checkout(self, token: str, **fields: str) -> httpx2.Response:
        """Post a token to the checkout as the plugin's script does."""
        async with self.client() as client:
            return await client.post("/checkout", data={"token": token, **fields}, headers=JSON)

    async def press(self, window_url: str, action: str = "pay", **choice: str) -> Heard:
        """Press a button in the gateway's window."""
        address, _, query = window_url.partition("?")
        values = dict(parse_qsl(query)) | {"card": "04", "installment": "00", "bank": "04", "action": action} | choice
        return await ask(self.sandbox_app, "POST", address, urlencode(values).encode())

    async def authenticate(self, opened: Opened, **choice: str) -> "Coming":
        """Go through the window; gives what the browser is about to do at the bridge."""
        heard = await self.press(opened.window_url, **choice)
        if heard.status == 303:
            return Coming("GET", heard.headers["location"], {})
        page = heard.body.decode()
        fields = {
            html.unescape(name): html.unescape(value)
            for name, value in re.findall(r'<input[^>]*name="([^"]*)"[^>]*value="([^"]*)"', page)
        }
        action = re.search(r'<form[^>]*action="([^"]*)"', page)
        assert action, page
        return Coming("POST", html.unescape(action[1]), fields)

    async def go(self, coming: "Coming") -> httpx2.Response:
        """Let the browser come back to the bridge."""
        async with self.client() as client:
            if coming.method == "GET":
                return await client.get(coming.url)
            return await client.post(coming.url, data=coming.fields)

    async def come_back(self, opened: Opened, **choice: str) -> httpx2.Response:
        """Go through the window and back."""
        return await self.go(await self.authenticate(opened, **choice))

    async def buy(self, order: Mapping[str, Any] | None = None, **fields: str) -> Payment:
        """Open, pay, come back, and let everything settle that settles by itself."""
        opened = await self.checkout(order, **fields)
        await self.come_back(opened)
        await self.quiet()
        return await self.payment(opened.payment)

    async def status(self, opened: Opened) -> dict[str, Any]:
        """Ask how a payment stands, as the shop's script does."""
        async with self.client() as client:
            answer = await client.get(opened.status_url, headers={"origin": SHOP_URL})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def let_rest(self, *gateways: str) -> None:
        """Let gateways have failed so often that they are left in peace for a while."""
        for gateway in gateways * FAILURES_MAX:
            self.context.breakers.failed(self.site.id, gateway, self.clock.boot_seconds())

    # ---- time

    async def quiet(self) -> None:
        """Wait until nothing runs any more, in the bridge or beside the sandbox's calls."""
        while True:
            running = {task for task in self.context.tasks._running.values() if not task.done()}
            running |= {task for task in self.sandbox._tasks if not task.done()}
            if not running:
                return
            _, pending = await asyncio.wait(running, timeout=10)
            assert not pending, f"still running: {pending}"

    async def until(self, holds: Callable[[], object]) -> None:
        """Let what runs go on until something holds; the ledger's threads are real, so it takes real time."""
        while not holds():
            await asyncio.sleep(0.001)

    async def beat(self, beats: int = 0) -> None:
        """One heartbeat and one delivery, and what they began."""
        await beat(self.context, beats)
        await self.quiet()
        while await deliver_news(self.context):
            pass

    async def live(self, seconds: float, step: float = 5.0) -> None:
        """Let time pass with a heartbeat every so often."""
        passed = 0.0
        while passed < seconds:
            await self.let_turns_end()
            await self.clock.forward(min(step, seconds - passed))
            passed += step
            await self.beat()

    async def let_turns_end(self) -> None:
        """Let what runs finish the turns it waits for: they are real threads, and the clock must not overtake them."""
        for _ in range(TURNS_IN_A_ROW):
            if all(task.done() for task in self.context.tasks._running.values()):
                return
            await self.context.ledger.write(lambda turn: None)
            await self.context.ledger.read(lambda turn: None)
            for _ in range(5):
                await asyncio.sleep(0)

    # ---- what a test looks at

    async def payment(self, payment_id: str) -> Payment:
        """Read a payment whatever its site."""

        def work(turn: Any) -> Payment:
            return payments.read(turn.one("SELECT * FROM payments WHERE id = ?", payment_id))

        return await self.context.ledger.read(work)

    async def state(self, payment_id: str) -> str:
        """Read a payment's state."""
        return (await self.payment(payment_id)).state

    async def all(self, sql: str, *values: object) -> list[dict[str, Any]]:
        """Read rows."""
        return await self.context.ledger.read(lambda turn: [dict(row) for row in turn.all(sql, *values)])

    def look_from_outside(self, sql: str) -> list[Any]:
        """Read what is committed, by another connection."""
        if self.settings.on_postgres:
            with psycopg.connect(self.settings.database_url) as other:
                return other.execute(sql.encode()).fetchall()
        with closing(sqlite3.connect(f"file:{self.settings.database_path}?mode=ro", uri=True)) as other:
            return other.execute(sql).fetchall()

    async def operations(self, payment_id: str) -> list[Operation]:
        """Read a payment's operations."""
        return await self.context.ledger.read(lambda turn: operations.of_payment(turn, payment_id))

    async def return_from_teller(self, opened: Opened, **fields: str) -> httpx2.Response:
        """Come back from the teller's window, which names the payment's number."""
        payment = await self.payment(opened.payment)
        token = self.context.tokens.make("return", payment.site, payment.id)
        async with self.client() as client:
            return await client.get(f"/r/{token}", params={"number": payment.refs["number"]} | fields)

    async def buy_at_teller(self, order: Mapping[str, Any] | None = None) -> Payment:
        """Open the teller's window, come back, and let everything settle that settles at once."""
        opened = await self.checkout(order)
        await self.return_from_teller(opened)
        await self.quiet()
        return await self.payment(opened.payment)

    def trade(self, payment: Payment) -> Trade:
        """Give what the teller has of a payment."""
        return self.teller.of(payment.merchant_ref)

    async def entries(self, payment_id: str) -> list[tuple[str, int, str]]:
        """Read a payment's ledger entries: kind, KRW, evidence."""
        rows = await self.all("SELECT * FROM entries WHERE payment = ? ORDER BY at, amount < 0, cause", payment_id)
        return [(row["kind"], row["amount"], row["evidence"]) for row in rows]

    async def told(self, payment_id: str) -> list[str]:
        """Name what WordPress was told, or is owed, of a payment."""
        rows = await self.context.ledger.read(lambda turn: news.of_payment(turn, payment_id))
        return [row["type"] for row in rows]

    async def cases(self, payment_id: str, *, only_open: bool = True) -> list[str]:
        """Name the cases of a payment."""
        rows = await self.context.ledger.read(lambda turn: cases.of_payment(turn, payment_id))
        return [row["reason"] for row in rows if row["state"] == "open" or not only_open]

    async def calls(self, payment_id: str) -> list[str]:
        """Name the calls the journal holds of a payment."""
        rows = await self.context.ledger.read(lambda turn: calls.of_payment(turn, payment_id))
        return [row["op"] for row in rows]

    def book(self, payment: Payment) -> Book:
        """Read what really happened to a payment's money."""
        (book,) = self.sandbox.bank.of(payment.merchant_ref)
        return book

    async def check_books(self) -> None:
        """The ledger says what the bank's books say, money is told once, and every audit chain is whole."""
        for row in await self.all("SELECT id FROM payments"):
            payment = await self.payment(row["id"])
            held = sum(amount for _, amount, _ in await self.entries(payment.id))
            kept = payment.left + payment.orphaned
            assert held == kept, f"{payment.state}: entries {held}, payment {kept}"
            trade = self.teller.trades.get(payment.merchant_ref)
            if trade is not None and State(payment.state) not in UNSETTLED:
                assert held == trade.net, f"{payment.state}: {held} here, {trade.net} at the teller"
            if State(payment.state) not in UNSETTLED and self.sandbox.bank.of(payment.merchant_ref):
                assert held == self.book(payment).net, f"{payment.state}: {held} here, {self.book(payment).net} there"
            chain = await self.context.ledger.read(lambda turn, one=payment.id: audit.chain(turn, one))
            assert audit.first_break(chain) is None
            assert chain[-1]["became"] == payment.state
            assert (await self.told(payment.id)).count("payment.paid") <= 1
        checked = await check_everything(self.context, rest_seconds=0)
        assert [one for one in checked.found if one[0] not in ("I9", "I10", "I14")] == []

    async def check_nobody_hears_failed(self, opened: Opened, coming: "Coming") -> None:
        """While an outcome is unknown, neither status, page nor news may say that it failed or invite to pay again."""
        status = await self.status(opened)
        assert status["state"] in UNSETTLED, status
        assert "다시 결제하지 마세요" in status["message_ko"]
        page = await self.go(coming)
        assert page.status_code == 200
        assert "다시 결제하지 마세요" in page.text
        for words in (page.text, str(page.headers), json.dumps(status, ensure_ascii=False)):
            assert "실패" not in words
            assert "pay_bridge_result=" not in words
            assert "/order?" not in words, "nobody is led to pay again"
        assert "payment.failed" not in await self.told(opened.payment)
        token = self.token(await self._order_of(opened))
        again = await self.post_checkout(token)
        assert again.status_code == 200, again.text
        assert "window_url" not in again.json()

    async def _order_of(self, opened: Opened) -> dict[str, Any]:
        payment = await self.payment(opened.payment)
        return self.order(ref=payment.order_ref, amount=payment.amount, version=payment.order_version)

    # ---- faults

    def fault(self, op: str, kind: str, times: int | None = 1, **more: Any) -> None:
        """Let the sandbox's next call of that kind go wrong."""
        known = {field.name for field in dataclasses.fields(Fault)}
        fault = Fault(kind, **{name: value for name, value in more.items() if name in known})
        self.sandbox.faults.arm(Armed("mainpay", op, fault, times, more.get("merchant_ref", "")))

    def sandbox_setting(self, **values: Any) -> None:
        """Change a setting of the sandbox."""
        self.sandbox.desks["mainpay"].set(values)

    def notice_path(self, kind: str = "noti", *, site: Paired | None = None) -> str:
        """Give the address the site's first gateway posts its notices to."""
        found = self.context.sites.get((site or self.site).id)
        return urlsplit(notice_url(self.context, found, found.default_gateway, kind)).path

    async def post_notice(self, fields: Mapping[str, str] | bytes, *, site: Paired | None = None) -> httpx2.Response:
        """Post a notice of these fields, or these very bytes, from the gateway's address."""
        body = fields if isinstance(fields, bytes) else urlencode(fields).encode()
        async with self.client(self.notice_address) as client:
            path = self.notice_path(site=site)
            return await client.post(path, content=body, headers={"content-type": "application/x-www-form-urlencoded"})

    async def tell(self, event: str, payment: Payment, **fields: str | int) -> httpx2.Response:
        """Let the teller post a notice about a payment."""
        told = {"event": event, "ref": payment.merchant_ref, "secret": SECRET, **payment.refs} | fields
        told.setdefault("amount", payment.amount)
        async with self.client(self.notice_address) as client:
            return await client.post(self.notice_path("feedback"), data={k: str(v) for k, v in told.items()})

    async def _post_notice(self, method: str, url: str, body: bytes, kind: str) -> tuple[int, bytes]:
        async with self.client(self.notice_address) as client:
            answer = await client.request(method, url, content=body, headers={"content-type": kind} if kind else {})
        return answer.status_code, answer.content

    def _news_keys(self) -> list[bytes]:
        return [key for site in self.context.sites.all() for key in site.news_keys()]


@dataclass(frozen=True)
class Coming:
    """What the buyer's browser does when the window sends it back."""

    method: str
    url: str
    fields: dict[str, str]

    @property
    def path(self) -> str:
        """The path at the bridge."""
        return urlsplit(self.url).path
