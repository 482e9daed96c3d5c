"""Sets up sandbox, bridge and shops in one process and one event loop, and ends them together."""

import asyncio
import base64
import contextlib
import json
import os
import secrets
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
from starlette.applications import Starlette

from bridge.app import build_context
from bridge.cli.server import bind, build_served, door_of, open_secrets, web_config
from bridge.clock import SystemClock, now_ms
from bridge.demo.doors import DOORS
from bridge.demo.notebook import Notebook
from bridge.demo.office import Office
from bridge.demo.shop import Shop
from bridge.domain.failures import LedgerBroken
from bridge.domain.payment import Mode
from bridge.flows.context import Context
from bridge.flows.log_in import add_operator
from bridge.flows.manage_sites import add_site, change_settings, rotate_key
from bridge.ledger import operators
from bridge.sandbox import app as sandbox
from bridge.sandbox import server as sandbox_server
from bridge.settings import Secret, Settings
from bridge.signing.keys import SiteKey, decode_secret
from bridge.web.listener import Server

CLERK = "operator"
START_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What to set up. Ports may be 0 (any free one); `shops` are port and dialect of each (a path of the sandbox)."""

    folder: Path
    host: str = "127.0.0.1"
    public_host: str = "127.0.0.1"
    bridge_port: int = 0
    sandbox_port: int = 0
    shops: tuple[tuple[int, str], ...] = ((0, "mainpay"),)
    clock: SystemClock = field(default_factory=SystemClock)
    hold_seconds: int = 600
    log_level: str = "warning"


@dataclass(frozen=True, slots=True)
class Stand:
    """What runs: `offices` by dialect, in the plan's order, and their `notice_urls` by kind."""

    bridge_url: str
    sandbox_url: str
    password: str = field(repr=False)
    offices: dict[str, Office]
    notice_urls: dict[str, dict[str, str]] = field(repr=False)


class _Server(Server):
    """A server among others: it leaves the signals to whoever runs them all."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


@contextlib.asynccontextmanager
async def open_stand(plan: Plan) -> AsyncIterator[Stand]:
    """Run sandbox, bridge and shops until the block ends. Raises Misconfigured, LedgerBroken."""
    plan.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    async with contextlib.AsyncExitStack() as stack:
        sockets = {name: stack.enter_context(bind(plan.host, port, option)) for name, port, option in _ports(plan)}
        public = f"[{plan.public_host}]" if ":" in plan.public_host else plan.public_host
        urls = {name: f"http://{public}:{sock.getsockname()[1]}" for name, sock in sockets.items()}
        context = build_context(_settings(plan, urls["bridge"]), clock=plan.clock)
        await open_secrets(context)
        http = await stack.enter_async_context(httpx2.AsyncClient(trust_env=False, follow_redirects=False))
        stand = Stand(urls["bridge"], urls["sandbox"], await _password(plan, context), {}, {})
        apps: dict[str, Starlette] = {
            "sandbox": sandbox.build(clock=plan.clock, public_url=urls["sandbox"]),
            "bridge": build_served(context),
        }
        for index, (_, dialect) in enumerate(plan.shops):
            office = await _open_office(plan, context, stand, dialect, urls[f"shop {index}"], http)
            stack.callback(office.notebook.close)
            apps[f"shop {index}"] = _shop(office, stand)
        await stack.enter_async_context(_serving(plan, apps, sockets))
        for dialect in stand.offices:
            await _register_notices(stand, dialect, http)
        yield stand


async def _register_notices(stand: Stand, dialect: str, http: httpx2.AsyncClient) -> None:
    """Type a site's notice addresses into its gateway's console, where the gateway is told them there."""
    door = DOORS[dialect]
    if door.registered:
        urls = {name: stand.notice_urls[dialect][kind] for name, kind in door.registered.items()}
        whose = {"gateway": door.gateway} | ({"merchant": door.merchant} if door.merchant else {})
        answer = await http.post(f"{stand.sandbox_url}/control/settings", json=whose | urls)
        answer.raise_for_status()


def _ports(plan: Plan) -> list[tuple[str, int, str]]:
    shops = [(f"shop {index}", port, "--shop-port") for index, (port, _) in enumerate(plan.shops)]
    return [("sandbox", plan.sandbox_port, "--sandbox-port"), ("bridge", plan.bridge_port, "--port"), *shops]


def _settings(plan: Plan, bridge_url: str) -> Settings:
    key = _kept(plan.folder / "master.key", lambda: base64.b64encode(secrets.token_bytes(32)).decode())
    return Settings(
        public_url=bridge_url,
        database_url=f"sqlite:///{plan.folder / 'bridge.db'}",
        master_key=Secret(base64.b64decode(key)),
        log_level=plan.log_level,
    )


async def _password(plan: Plan, context: Context) -> str:
    """Give the operator's password, made at the first start. Raises LedgerBroken if it was lost."""
    path = plan.folder / "operator.password"
    known = await context.ledger.read(lambda turn: operators.by_name(turn, CLERK))
    if known is not None and not path.exists():
        raise LedgerBroken(f"{path} is gone, and with it the operator's password; begin anew in another --dir.")
    password = _kept(path, lambda: secrets.token_urlsafe(12))
    if known is None:
        await add_operator(context, CLERK, password)
    return password


async def _open_office(
    plan: Plan, context: Context, stand: Stand, dialect: str, shop_url: str, http: httpx2.AsyncClient
) -> Office:
    """Pair a shop with the bridge, once; the sandbox's address may be another at every start."""
    door = DOORS[dialect]
    settings = {door.gateway: dict(door.settings(stand.sandbox_url, stand.bridge_url))}
    name = shop_url.rpartition(":")[2]
    path = plan.folder / f"shop-{name}.json"
    if shop_url in {site.url for site in context.sites.all()}:
        await change_settings(context, url=shop_url, settings=settings)
        paired = json.loads(path.read_text("utf-8")) if path.exists() else {}
        if paired.get("url") != shop_url:
            paired = _pair(path, shop_url, await rotate_key(context, url=shop_url))
    else:
        added = await add_site(context, url=shop_url, gateways=[door.gateway], settings=settings, mode=Mode.TEST)
        paired = _pair(path, shop_url, added)
    office = Office(
        key=SiteKey.from_secret(decode_secret(paired["secret"]), key_id=paired["key_id"], site=paired["site"]),
        bridge_url=stand.bridge_url,
        shop_url=shop_url,
        notebook=Notebook(plan.folder / f"shop-{name}.db"),
        clock=plan.clock,
        http=http,
        hold_seconds=plan.hold_seconds,
    )
    stand.offices[dialect] = office
    stand.notice_urls[dialect] = {one["kind"]: one["url"] for one in paired["notice_urls"]}
    return office


def _pair(path: Path, shop_url: str, made: dict[str, Any]) -> dict[str, Any]:
    paired = {"url": shop_url} | {name: made[name] for name in ("site", "key_id", "secret", "notice_urls")}
    path.unlink(missing_ok=True)
    _kept(path, lambda: json.dumps(paired))
    return paired


def _shop(office: Office, stand: Stand) -> Starlette:
    shop = Shop(
        office=office,
        clerk=CLERK,
        password=stand.password,
        sandbox_url=stand.sandbox_url,
        window_origins=(stand.bridge_url, stand.sandbox_url),
        started_at=now_ms(office.clock),
    )
    return shop.build()


@contextlib.asynccontextmanager
async def _serving(plan: Plan, apps: dict[str, Starlette], sockets: dict[str, socket.socket]) -> AsyncIterator[None]:
    """Serve every application; they start and end together."""
    servers = {}
    for name, app in apps.items():
        own = sandbox_server.config(app, plan.host, 0) if name == "sandbox" else None
        servers[name] = _Server(own or web_config(app, plan.host, 0, plan.log_level, door=door_of()))
    tasks = [asyncio.create_task(server.serve([sockets[name]]), name=name) for name, server in servers.items()]
    try:
        async with asyncio.timeout(START_SECONDS):
            while not all(server.started for server in servers.values()):
                ended = [task for task in tasks if task.done()]
                if ended:
                    raise LedgerBroken(f"The {ended[0].get_name()} ended while it was starting.")
                await asyncio.sleep(0.01)
        yield
    finally:
        for server in servers.values():
            server.should_exit = True
        await asyncio.gather(*tasks, return_exceptions=True)


def _kept(path: Path, make: Callable[[], str]) -> str:
    """Read a small secret file, or make it (mode 0600)."""
    if not path.exists():
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(make())
    return path.read_text("utf-8").strip()
