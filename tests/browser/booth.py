"""A bridge and the sandbox as processes of their own, and one shop a gateway that is nothing but its orders."""

import json
import secrets
import sqlite3
import threading
import time
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from bridge.signing import requests as signed_requests
from bridge.signing.keys import SiteKey, decode_secret
from bridge.signing.tokens import seal_order
from tests.wordpress.bridge import Bridge

PAYAPP_KEYS = {"linkkey": "KEY0123456789", "linkval": "VAL0123456789"}
PRICE = 55_000
DEVICES = {"desktop": "pc", "phone": "mobile", "app": "app"}


class Booth:
    """Shops that are one empty page each."""

    def __init__(self, directory: Path) -> None:
        self.bridge = Bridge(directory)
        self.url = self.bridge.url
        self._shops: dict[str, ThreadingHTTPServer] = {}
        self._keys: dict[str, SiteKey] = {}
        self._notice_urls: dict[tuple[str, str], str] = {}

    def open(self, lane: str) -> None:
        """Add a lane's shop, if it is not there yet: a gateway's name, or `payple-callback` and the like."""
        gateway = lane.partition("-")[0]
        if lane in self._shops:
            return
        self._shops[lane] = shop = ThreadingHTTPServer(("127.0.0.1", 0), _Shop)
        threading.Thread(target=shop.serve_forever, daemon=True).start()
        if gateway == "payapp":
            self.control("settings", {"gateway": "payapp", "sellers": {"payapptest": PAYAPP_KEYS}})
        words = [
            word for name, value in self._settings(lane).items() for word in ("--set", f"{gateway}.{name}={value}")
        ]
        added = self.bridge.command(
            "site", "add", self.shop_url(lane), "--gateway", gateway, *words, "--mode", "test", "--json"
        )
        said = json.loads(added)
        self._notice_urls |= {(lane, one["kind"]): one["url"] for one in said["notice_urls"]}
        if lane == "payapp-js":
            self.control("settings", {"gateway": "payapp", "common_feedback_url": self.notice_url(lane, "feedback")})
        self._keys[lane] = SiteKey.from_secret(decode_secret(said["secret"]), key_id=said["key_id"], site=said["site"])

    def _settings(self, lane: str) -> dict[str, str]:
        sandbox = self.bridge.sandbox_url
        payapp = {
            "userid": "payapptest",
            **PAYAPP_KEYS,
            "api_url": f"{sandbox}/payapp/oapi/apiLoad.html",
            "script_url": f"{sandbox}/payapp/lite/public/api/v2/payapp-lite.js",
        }
        payple = {"host_url": f"{sandbox}/payple", "referer": f"{self.bridge.url}/"}
        paystory = {"pg_url": f"{sandbox}/paystory/pg", "office_url": f"{sandbox}/paystory/mms"}
        mainpay = {"api_url": f"{sandbox}/mainpay/api", "relay_url": f"{sandbox}/mainpay/relay"}
        return {
            "mainpay": mainpay,
            "mainpay-typed": mainpay | {"card_entry": "on"},
            "paystory": paystory,
            "paystory-euc-kr": paystory | {"charset": "EUC-KR"},
            "payple": payple,
            "payple-callback": payple | {"result": "callback"},
            "payple-at-once": payple | {"pay_work": "PAY"},
            "payapp": payapp,
            "payapp-js": payapp | {"window": "js"},
            "payapp-app": payapp | {"app_scheme": "theatre://pay"},
            "welcome": {"api_url": f"{sandbox}/welcome/api", "approval_urls": sandbox},
        }[lane]

    def shop_url(self, lane: str) -> str:
        """Where a lane's shop is."""
        return f"http://127.0.0.1:{self._shops[lane].server_port}"

    def site(self, lane: str) -> str:
        """Give the id of a lane's site."""
        return self._keys[lane].site

    def notice_url(self, lane: str, kind: str) -> str:
        """Say where a lane's gateway tells the bridge of something, as the operator types it into its console."""
        return self._notice_urls[lane, kind]

    def checkout(self, lane: str, device: str, phone: str = "010-1234-5678") -> dict[str, Any]:
        """Open a payment as the shop's script does; gives its id and where its window is."""
        ref, now = secrets.token_hex(6), int(time.time())
        order = {
            "ref": ref,
            "version": 1,
            "title": "봄의 제전 R석",
            "amount": PRICE,
            "buyer": {"name": "홍길동", "email": "hong@buyer.example", "phone": phone},
            "result_url": f"{self.shop_url(lane)}/result?order={ref}",
            "retry_url": f"{self.shop_url(lane)}/order?order={ref}",
        }
        payload = {"order": order, "iat": now, "exp": now + 900, "jti": secrets.token_hex(16)}
        token = seal_order(self._keys[lane], payload, secrets.token_bytes(12))
        form = urlencode({"token": token, "device": DEVICES[device]}).encode()
        asked = Request(f"{self.bridge.url}/checkout", form, {"accept": "application/json"})
        with urlopen(asked, timeout=20) as answer:
            said: dict[str, Any] = json.load(answer)
        return said

    def ask(self, lane: str, method: str, path: str, value: dict[str, Any] | None = None) -> dict[str, Any]:
        """Send a signed request of a lane's site; gives the answer's JSON. Raises HTTPError where it is refused."""
        body = b"" if value is None else json.dumps(value).encode()
        address, once = (
            f"{self.bridge.url}{path}",
            {} if method == "GET" else {"idempotency_key": secrets.token_hex(16)},
        )
        signed = signed_requests.sign(
            self._keys[lane],
            method=method,
            target_uri=address,
            body=body,
            created=int(time.time()),
            nonce=secrets.token_hex(11),
            **once,
        )
        headers = signed | {"content-type": "application/json"} if body else signed
        with urlopen(Request(address, body or None, headers, method=method), timeout=20) as answer:
            said: dict[str, Any] = json.load(answer)
        return said

    def status(self, opened: dict[str, Any]) -> str:
        """Ask for the state of a payment, as the shop's script does."""
        with urlopen(opened["status_url"], timeout=10) as answer:
            return str(json.load(answer)["state"])

    def captured(self, payment: str) -> list[int]:
        """Say what the sandbox's books hold for a payment: captures in KRW."""
        ((ref,),) = self.read("SELECT merchant_ref FROM payments WHERE id = ?", payment)
        return [book["captured"] for book in self.books(f"?merchant_ref={ref}")]

    def payments_of(self, order: str) -> list[tuple[str, int, list[int]]]:
        """Say of an order's payments their state, and what was captured by our books and by the sandbox's, in KRW."""
        rows = self.read("SELECT state, captured, id FROM payments WHERE order_ref = ?", order)
        return [(state, captured, self.captured(payment)) for state, captured, payment in rows]

    def read(self, query: str, *values: str) -> list[Any]:
        """Read the bridge's books."""
        path = self.bridge.directory / "bridge.db"
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as ledger:
            return ledger.execute(query, values).fetchall()

    def books(self, query: str = "") -> list[dict[str, Any]]:
        """Read the sandbox's books."""
        with urlopen(f"{self.bridge.sandbox_url}/books{query}", timeout=10) as answer:
            found: list[dict[str, Any]] = json.load(answer)["payments"]
        return found

    def control(self, page: str, values: dict[str, Any]) -> Any:
        """Ask something of the sandbox's control pages."""
        asked = Request(f"{self.bridge.sandbox_url}/control/{page}", json.dumps(values).encode())
        with urlopen(asked, timeout=10) as answer:
            return json.load(answer)

    def close(self) -> None:
        """End the shops."""
        for shop in self._shops.values():
            shop.shutdown()
            shop.server_close()


class _Shop(BaseHTTPRequestHandler):
    """A page for every address; news are taken as the plugin takes them, and forgotten."""

    def do_GET(self) -> None:
        self._say("<!doctype html><title>가게</title><h1>가게</h1>".encode())

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", "0")))
        if self.path.endswith("/pay-bridge/v1/news"):
            self._say(b'{"ok":true}')
        else:
            self.do_GET()

    def _say(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/html; charset=utf-8")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is to be seen of it."""
