"""What stands around the bridge: the gateway (the sandbox, in a thread) and WordPress (a receiver of news)."""

import asyncio
import http.server
import json
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx2
import uvicorn

from bridge.domain.failures import BridgeError, ClockSkew
from bridge.sandbox import server
from bridge.sandbox.app import build
from bridge.sandbox.clock import WallClock
from bridge.sandbox.faults import HANG_MAX_SECONDS
from bridge.signing import news

UNTIL_TOLD = HANG_MAX_SECONDS
"""Who sleeps so long waits for `let_go`, so that no test depends on how fast the machine is."""


class HeldClock(WallClock):
    """The machine's clock, but what sleeps UNTIL_TOLD sleeps until the test says."""

    def __init__(self) -> None:
        self.told = False

    async def sleep(self, seconds: float) -> None:
        """Wait so many seconds, or until told."""
        if seconds != UNTIL_TOLD:
            await super().sleep(seconds)
            return
        while not self.told:
            await asyncio.sleep(0.005)


class Barrier:
    """Stands before the sandbox: calls whose path ends so are let in together, when the test says."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self.shut = ""
        self.waiting = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and self.shut and scope["path"].endswith(self.shut):
            self.waiting += 1
            while self.shut:
                await asyncio.sleep(0.005)
            self.waiting -= 1
        await self._app(scope, receive, send)


class Gateway:
    """The sandbox on a free port, asked over HTTP like the real one."""

    def __init__(self) -> None:
        self.clock = HeldClock()
        self.app: Any = build(seed=1, clock=self.clock)
        self.barrier = Barrier(self.app)
        self.kept_notices: list[Any] = []
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self.app.state.world.public_url = self.url
        self._server = uvicorn.Server(server.config(self.barrier, "127.0.0.1", 0))
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True)
        self.http = httpx2.Client(trust_env=False, follow_redirects=False, timeout=20)

    def start(self) -> None:
        self._thread.start()
        until = time.monotonic() + 20
        while not self._server.started:
            assert time.monotonic() < until, "the sandbox did not start"
            time.sleep(0.01)
        self.set(notice_retry_seconds=[0.3, 0.3, 0.5, 0.5, 1, 1, 2, 2, 4, 4])

    def stop(self) -> None:
        self.let_go()
        self.http.close()
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join(20)
        self._socket.close()

    def control(self, path: str, **values: Any) -> Any:
        """Ask something of the control pages."""
        answer = self.http.post(f"{self.url}/control/{path}", json=values)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def set(self, **values: Any) -> None:
        """Change settings of the sandbox, or of its Mainpay."""
        self.control("settings", gateway="mainpay", **values)

    def fault(self, op: str, kind: str, **more: Any) -> None:
        """Let the next such call go wrong."""
        self.control("faults", gateway="mainpay", op=op, kind=kind, **more)

    def hold(self, op: str, kind: str, **more: Any) -> None:
        """Let the next such call go wrong by waiting, until `let_go`."""
        self.clock.told = False
        self.fault(op, kind, delay_seconds=UNTIL_TOLD, **more)

    def let_go(self) -> None:
        """Let what is held go on."""
        self.clock.told = True

    def clear_faults(self) -> None:
        """Let nothing more go wrong."""
        self.http.delete(f"{self.url}/control/faults").raise_for_status()

    def keep_notices(self) -> None:
        """Send no notice from now on; each is kept for the test to send."""

        async def keep(notice: Any, _fault: object) -> None:
            self.kept_notices.append(notice)

        self.app.state.world.notices.deliver = keep

    def books(self) -> dict[str, dict[str, Any]]:
        """Every payment's book by its order number."""
        answer = self.http.get(f"{self.url}/books").json()
        found = {book["merchant_ref"]: book for book in answer["payments"]}
        assert len(found) == answer["totals"]["payments"], "an order number was used twice"
        return found

    def requests(self, op: str, merchant_ref: str = "") -> list[dict[str, Any]]:
        """The calls of one operation, secrets hidden."""
        wanted = {"op": op} | ({"merchant_ref": merchant_ref} if merchant_ref else {})
        found: list[dict[str, Any]] = self.http.get(f"{self.url}/control/requests", params=wanted).json()["requests"]
        return found

    def windows(self, merchant_ref: str) -> list[str]:
        """The addresses of the windows opened for an order number, which a buyer may still have before them."""
        return [url for url, ref in self._windows().items() if ref == merchant_ref]

    def merchant_ref(self, window_url: str) -> str:
        """The order number a window was opened for."""
        return self._windows()[window_url]

    def _windows(self) -> dict[str, str]:
        # No control page tells the address of a window; only its opener was given it, and may have lost it.
        sessions = list(self.app.state.world.desks["mainpay"]._till.sessions.values())
        return {f"{self.url}/mainpay/ui/pc?aid={one.id}&key={one.key}": str(one.merchant_ref) for one in sessions}

    def buyer_pays(self, window_url: str) -> str:
        """Press the window's button; gives the address the buyer's browser is sent back to."""
        address = httpx2.URL(window_url)
        values = {**dict(address.params), "card": "04", "installment": "00", "bank": "04", "action": "pay"}
        answer = self.http.post(address.copy_with(query=None), data=values)
        assert answer.status_code == 303, answer.text
        return str(answer.headers["location"])


@dataclass(frozen=True)
class Message:
    """One message as WordPress heard it."""

    id: str
    payment: str
    seq: int
    type: str
    state: str
    body: bytes


class WordPress:
    """Takes news as the plugin does: verified, remembered, answered; `down` answers 503 instead."""

    def __init__(self, now: Callable[[], int]) -> None:
        self.heard: list[Message] = []
        self.refused: list[str] = []
        self.out_of_time = 0
        """How many were signed before, and came after, a test had set the clock: they are heard when repeated."""
        self.news_key = b""
        self.down = False
        self._now = now
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                status = receiver._take(self.path, list(self.headers.items()), body)
                said = b'{"ok":true}' if status == 200 else b""
                self.send_response(status)
                self.send_header("content-length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, format: str, *args: object) -> None:
                pass

        class Listener(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, request: object, client_address: object) -> None:
                pass  # the bridge at the other end was killed

        self._server = Listener(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    def of(self, payment: str) -> list[Message]:
        """What was heard of a payment, in the order it came, repeats too."""
        return [message for message in self.heard if message.payment == payment]

    def _take(self, path: str, headers: list[tuple[str, str]], body: bytes) -> int:
        if self.down:
            return 503
        if path != "/?rest_route=/pay-bridge/v1/news":
            self.refused.append(path)
            return 404
        raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        try:
            message_id = news.verify([self.news_key], raw, body, self._now())
        except ClockSkew:
            self.out_of_time += 1
            return 401
        except BridgeError as error:
            self.refused.append(error.detail)
            return 401
        said = json.loads(body)
        payment = said["payment"]
        self.heard.append(Message(message_id, payment["id"], said["seq"], said["type"], payment["state"], body))
        return 200
