"""A bridge in a process of its own whose site takes typed cards at every gateway that can, and all that it leaves."""

import base64
import contextlib
import json
import os
import re
import secrets
import socket
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx2

from bridge.app import build_context
from bridge.clock import SystemClock
from bridge.domain.failures import LedgerBroken
from bridge.domain.payment import Mode
from bridge.flows.manage_sites import add_site
from bridge.ledger.archive import Keys, Reader
from bridge.ledger.root import open_root
from bridge.ledger.vault import Vault
from bridge.settings import from_environment
from bridge.signing import base64url
from bridge.signing.requests import sign
from tests.gateways.payapp import KEYS
from tests.kill.lab import Lab
from tests.kill.people import NO_TLS
from tests.kill.process import COMMAND
from tests.support.scanner import Hit, Scanner, TypedCard
from tests.web.visitor import PASSWORD, csrf_on

CARDS = {
    "mainpay": TypedCard("4000056655665556", "2208162517", "4711", "92"),
    "paystory": TypedCard("6011000990139424", "1208262518", "4611", "83"),
    "payapp": TypedCard("2223003122003222", "3108162519", "4511", "74"),
    "welcome": TypedCard("5200828282828210", "4108162510", "4411", "65"),
}
"""Numbers that card companies publish for tests, one a gateway, so that a leak names its gateway."""
KEYS_IN = {"mainpay": "keyin", "welcome": "keyin"}
REGISTERS = {"mainpay": "key_issue", "paystory": "regist", "payapp": "billRegist", "welcome": "billkey"}
CUSTOMER = "customer-1"
BUG, LATE_BUG = "98", "99"
"""A card with such an issuer meets a bug: in the request, or in the work behind it; on our own page, one that expires
so."""
EXPIRES_ODDLY = "4812"
_BUGS = f"""
import bridge.web.billing as billing
import bridge.web.card_pages as card_pages
from bridge.domain.billing import CardEntry
from bridge.gateways.payapp.billing import Billing

convert, issue = billing._card, Billing.issue_key_by_card

def _card(asked):
    if asked.issuer == {BUG!r}:
        raise ValueError(f"an odd card: {{asked.number}} {{asked}} {{asked.holder=}}")
    return convert(asked)

def issue_key_by_card(self, order, card, stamp):
    if card.issuer == {LATE_BUG!r}:
        raise ValueError(f"an odd card: {{card.number}} {{card}} {{card.holder=}}")
    return issue(self, order, card, stamp)

billing._card, Billing.issue_key_by_card = _card, issue_key_by_card
read = card_pages.read_card

def read_card(form, owner, today):
    card = read(form, owner, today)
    if isinstance(card, CardEntry) and card.expires == {EXPIRES_ODDLY!r}:
        raise ValueError(f"an odd card: {{card.number}} {{card}} {{card.holder=}} {{form}}")
    return card

card_pages.read_card = read_card
"""
_LINK = re.compile(r'href="([^"]*/(?:payments|cases)/[^"/?]+)"')
_SEALED = re.compile(r"(?<![\w-])g1\.[A-Za-z0-9+/=]{20,}")
"""What the vault sealed; not the end of an address whose token has these two letters before its last dot by chance."""


class CardLab(Lab):
    """The process, the gateways around it, and everything that was heard of it."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.heard: dict[str, bytes] = {}
        self.sent: list[bytes] = []
        self.backups = self.directory / "backups"
        self.backups.mkdir()
        bugs = self.directory.parent / "bugs"
        bugs.mkdir()
        (bugs / "sitecustomize.py").write_text(_BUGS)
        self.environment |= {
            "BRIDGE_LOG_LEVEL": "debug",
            "BRIDGE_BACKUP_PATH": str(self.backups),
            "BRIDGE_BACKUP_SECONDS": "1",
            "PYTHONPATH": str(bugs),
        }

    async def _add_site(self) -> dict[str, Any]:
        at = self.gateway.url
        settings = {
            "mainpay": {"api_url": f"{at}/mainpay/api", "relay_url": f"{at}/mainpay/relay"},
            "paystory": {"pg_url": f"{at}/paystory/pg", "office_url": f"{at}/paystory/mms"},
            "payapp": {"userid": "payapptest", **KEYS, "api_url": f"{at}/payapp/oapi/apiLoad.html"},
            "welcome": {"api_url": f"{at}/welcome/api", "approval_urls": at, "billing_key": "auth"},
        }
        self.gateway.control("settings", gateway="payapp", sellers={"payapptest": KEYS})
        context = build_context(from_environment(self.environment))
        try:
            typed = {name: values | {"card_entry": "on"} for name, values in settings.items()}
            return await add_site(
                context, url=self.wordpress.url, gateways=list(settings), settings=typed, mode=Mode.TEST
            )
        finally:
            await context.wire.close()
            await context.ledger.close()

    # ---- what the shop does

    def ask(
        self, method: str, path: str, body: Mapping[str, Any] | bytes | None = None, *, key: str = "", **more: str
    ) -> httpx2.Response | None:
        """Send a signed request and keep all of its answer; None when the server died over it."""
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        headers = sign(
            self.key,
            method=method,
            target_uri=self.url + path,
            created=self.now(),
            nonce=base64url.encode(secrets.token_bytes(16)),
            idempotency_key=key or ("" if method == "GET" else secrets.token_hex(16)),
            body=raw,
        )
        headers |= {"content-type": "application/json"} if raw else {}
        return self.browse(httpx2.Request(method, self.url + path, content=raw, headers=headers | more))

    def browse(self, request: httpx2.Request, client: httpx2.Client | None = None) -> httpx2.Response | None:
        """Send any request and keep all of its answer."""
        with contextlib.ExitStack() as stack:
            http = client or stack.enter_context(httpx2.Client(verify=NO_TLS, trust_env=False, timeout=20))
            self.sent.append(request.content)
            try:
                answer = http.send(request)
            except httpx2.TransportError:
                return None
        head = "\n".join(f"{name}: {value}" for name, value in answer.headers.multi_items())
        self.heard[f"answer {len(self.heard)}: {request.method} {request.url.path}"] = head.encode() + answer.content
        return answer

    def order(self, amount: int = 30_000) -> dict[str, Any]:
        """A new order."""
        back = f"{self.wordpress.url}/back"
        buyer = {"name": "김하늘", "email": "buyer@shop.example", "phone": "010-1234-5678"}
        return {
            "ref": secrets.token_hex(8), "version": 1, "title": "겨울 나그네", "amount": amount, "buyer": buyer,
            "result_url": back, "retry_url": back,
        }  # fmt: skip

    def key_in(self, gateway: str, card: Mapping[str, str] | None = None, key: str = "") -> httpx2.Response | None:
        """Charge a typed card."""
        typed = CARDS[gateway].json() if card is None else card
        body = {"order": self.order(), "card": typed, "actor": "wp:7", "gateway": gateway}
        return self.ask("POST", "/v1/card-payments", body, key=key)

    def register(self, gateway: str, **more: str) -> httpx2.Response | None:
        """Have a billing key issued for a typed card."""
        typed = CARDS[gateway].json(**({"issuer": "06"} if gateway == "paystory" else {}) | more)
        return self.ask("POST", "/v1/billing-keys", self._key_wish(gateway) | {"card": typed})

    def _key_wish(self, gateway: str) -> dict[str, Any]:
        return {
            "customer": CUSTOMER,
            "title": "정기 후원",
            "buyer": self.order()["buyer"],
            "result_url": f"{self.wordpress.url}/my-cards",
            "actor": "buyer",
            "gateway": gateway,
        }

    def open_page(self, gateway: str, *, pays: bool = False) -> str:
        """Ask for our own page on which a card is registered, or pays; gives its address."""
        wish = self._key_wish(gateway)
        body = {"order": self.order(), "card_entry": True, "actor": "wp:7", "gateway": gateway} if pays else wish
        answer = self.ask("POST", "/v1/payments" if pays else "/v1/billing-keys", body)
        assert answer is not None
        assert answer.status_code == 201, answer.text
        return str(answer.json()["window_url"])

    def type_card(self, url: str, gateway: str, tries: int = 0, **more: str) -> httpx2.Response | None:
        """Look at our page, type a card there, and look again, as a browser does."""
        card = CARDS[gateway]
        fields = {"number": card.number, "month": card.expires[2:], "year": card.expires[:2]}
        fields |= {"holder": card.holder, "password": card.password, "tries": str(tries)} | more
        self.browse(httpx2.Request("GET", url))
        sent = self.browse(httpx2.Request("POST", url, data=fields, headers={"sec-fetch-site": "same-origin"}))
        self.browse(httpx2.Request("GET", url))
        return sent

    def fault(self, gateway: str, op: str, kind: str, **more: Any) -> None:
        """Let a gateway's next such call go wrong."""
        self.gateway.control("faults", gateway=gateway, op=op, kind=kind, **more)

    def send_half(self, body: bytes) -> None:
        """Send the beginning of a request with a card in it, and hang up."""
        with socket.create_connection(("127.0.0.1", self.port), 5) as line:
            head = f"POST /v1/card-payments HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body) + 99}\r\n\r\n"
            line.sendall(head.encode() + body)

    def type(self, *words: str) -> int:
        """Type a command beside the server and keep what it prints; gives its exit code."""
        typed = subprocess.run(
            [COMMAND, *words], env={**os.environ, **self.environment}, capture_output=True, timeout=60, check=False
        )
        self.heard[f"pay-bridge {' '.join(words)}"] = typed.stdout + typed.stderr
        return typed.returncode

    def visit_dashboard(self) -> list[int]:
        """Log in and look at every page there is; gives their statuses."""
        with httpx2.Client(base_url=self.url, verify=NO_TLS, trust_env=False, timeout=20) as http:

            def go(method: str, path: str, fields: dict[str, str] | None = None) -> httpx2.Response:
                same = {"sec-fetch-site": "same-origin"} if fields else {}
                answer = self.browse(http.build_request(method, path, data=fields, headers=same), http)
                assert answer is not None, f"the server died over {path}"
                return answer

            page = go("GET", "/dashboard/login")
            go("POST", "/dashboard/login", {"csrf": csrf_on(page), "name": "minji", "password": PASSWORD})
            payments = go("GET", "/dashboard/payments")
            seen = [payments] + [go("GET", f"/dashboard{path}") for path in ("", "/cases", "/sites", "/records")]
            linked = {path for page in seen for path in _LINK.findall(page.text)}
            seen += [go("GET", path) for path in sorted(linked)]
            csrf = csrf_on(payments)
            seen.append(go("POST", "/dashboard/export", {"csrf": csrf, "reason": "settlement of November"}))
        return [page.status_code for page in seen]

    # ---- what remains

    def scanner(self) -> Scanner:
        """One that knows the cards, and the requests they were sent in."""
        return Scanner(CARDS.values(), {body for body in self.sent if any(_in(card, body) for card in CARDS.values())})

    def remains(self) -> Iterator[tuple[str, bytes]]:
        """Everything that can still be read: answers, files, rows, and what of these is sealed, opened."""
        yield from self.heard.items()
        for path in sorted(self.directory.rglob("*")):
            if path.is_file():
                yield str(path.relative_to(self.directory)), path.read_bytes()
        yield "the shop's news", b"\n".join(message.body for message in self.wordpress.heard)
        yield from self.rows_of_all_tables()
        for path in sorted(self.backups.glob("*.backup")):
            yield f"{path.name}, opened", self._opened(path)

    def rows_of_all_tables(self) -> Iterator[tuple[str, bytes]]:
        """The rows as text; what is sealed in them is opened and follows."""
        for table in self._tables():
            text = json.dumps([dict(row) for row in self.rows(f"SELECT * FROM {table}")], default=str)
            yield f"table {table}", text.encode()
            yield f"table {table}, what was sealed", self._unsealed(text)

    def find(self) -> list[Hit]:
        """Scan all of it."""
        scanner = self.scanner()
        return [hit for place, data in self.remains() for hit in scanner.look(place, data)]

    def seal(self, plain: str) -> str:
        """Seal something as the bridge would."""
        return self._vault().seal(plain.encode(), "operation")

    def _tables(self) -> list[str]:
        if self.postgres:
            found = self.rows("SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'")
        else:
            found = self.rows("SELECT name FROM sqlite_master WHERE type = 'table'")
        return [str(row["name"]) for row in found]

    def _master(self) -> bytes:
        return base64.b64decode(self.environment["BRIDGE_MASTER_KEY"])

    def _unsealed(self, text: str) -> bytes:
        vault, purposes = self._vault(), self._purposes()
        return b"\n".join(_open(vault, sealed, purposes) for sealed in set(_SEALED.findall(text)))

    def _vault(self) -> Vault:
        (row,) = self.rows("SELECT value FROM meta WHERE name = 'root'")
        return Vault(open_root(str(row["value"]), self._master()), SystemClock())

    def _purposes(self) -> list[str]:
        """All that anything is sealed for; one that is missing here is found, as nothing then opens its text."""
        sites = [f"gateway:{self.site}:{name}" for name in CARDS]
        keys = [f"site_key:{row['key_id']}" for row in self.rows("SELECT key_id FROM site_keys")]
        payments = [f"attestation:{self.site}:{row['id']}" for row in self.rows("SELECT id FROM payments")]
        plain = ("billing_key", "billing_key_order", "operation", "plan", "window", "receipt_identity", "notice")
        return [*plain, *sites, *keys, *payments]

    def _opened(self, path: Path) -> bytes:
        with path.open("rb") as file:
            found = Reader(file, Keys(self._master())).tables()
            return b"\n".join(json.dumps(row).encode() for _, rows in found for row in rows)


def _open(vault: Vault, sealed: str, purposes: list[str]) -> bytes:
    for purpose in purposes:
        with contextlib.suppress(LedgerBroken):
            return vault.open(sealed, purpose)
    raise AssertionError("something is sealed for a purpose that CardLab._purposes does not name")


def _in(card: TypedCard, body: bytes) -> bool:
    return card.number.encode() in body
