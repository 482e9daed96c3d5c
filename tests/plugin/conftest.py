"""One WordPress with the plugin, a double of the bridge, a shop out of a file, and people logged in."""

import json
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.plugin.stub_bridge import StubBridge
from tests.wordpress.fixtures import StandMaker, make_stand
from tests.wordpress.stand import Stand

__all__ = ["make_stand"]
HERE = Path(__file__).resolve().parent
SHOP = HERE.parents[1] / "wp-plugin" / "tests" / "php" / "test-shop.php"
LANE = os.environ.get("PAY_BRIDGE_TEST_LANE", "quick")
PEOPLE = {
    "owner": "subscriber",
    "stranger": "subscriber",
    "clerk": "pay_bridge_clerk",
    "editor": "editor",
    "admin": "administrator",
}


class Shop:
    """The site as tests use it."""

    def __init__(self, stand: Stand, bridge: StubBridge):
        self.stand = stand
        self.bridge = bridge
        self.ids: dict[str, int] = {}
        self._browsers: dict[str, httpx2.Client] = {}

    def people(self) -> None:
        """Make the accounts; each one's password is its name twice."""
        for name, role in PEOPLE.items():
            code = (
                f"$id = username_exists('t-{name}') ?: wp_insert_user(array("
                f"'user_login' => 't-{name}', 'user_pass' => '{name}{name}',"
                f" 'user_email' => 't-{name}@shop.example', 'role' => '{role}', 'locale' => 'ko_KR')); echo $id;"
            )
            self.ids[name] = int(self.stand.run_php(code))

    def as_(self, name: str) -> httpx2.Client:
        """A browser: of a visitor, or of somebody logged in."""
        if name not in self._browsers:
            browser = httpx2.Client(base_url=self.stand.url, follow_redirects=False, timeout=30, trust_env=False)
            if name != "visitor":
                browser.get("/wp-login.php")
                login = {"log": f"t-{name}", "pwd": name * 2, "testcookie": "1"}
                assert browser.post("/wp-login.php", data=login).status_code == 302, f"{name} could not log in"
            self._browsers[name] = browser
        return self._browsers[name]

    def order(self, **more: Any) -> dict[str, Any]:
        """Put an order into the shop; by default the owner's, open, of 30,000 KRW, held for ten minutes."""
        ref = more.pop("ref", secrets.token_hex(16))
        order = {
            "ref": ref,
            "version": 1,
            "title": "겨울 나그네",
            "amount": 30000,
            "owner": self.ids["owner"],
            "items": [{"ref": "seat-1", "title": "R석 1열 1번", "amount": 30000}],
            "buyer": {"id": "wp:9", "name": "김하늘", "email": "buyer@shop.example", "phone": "01000000000"},
            "result_url": f"{self.stand.url}/payment-detail/?order_id={ref}",
            "retry_url": f"{self.stand.url}/order/?order_id={ref}",
            "hold_expires_at": int(time.time()) + 600,
            "show_at": int(time.time()) + 864000,
            "state": "open",
        } | more
        path = self.stand.directory / "orders.json"
        orders = json.loads(path.read_text()) if path.exists() else {}
        part = path.with_suffix(".part")
        part.write_text(json.dumps(orders | {ref: order}))
        part.replace(path)
        return order

    def told(self, order: dict[str, Any]) -> list[list[Any]]:
        """What the plugin told the shop about an order: [event, payment, refunded so far]."""
        path = self.stand.directory / "told.jsonl"
        lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        return [[event, payment, refunded] for event, ref, payment, refunded, _ in lines if ref == order["ref"]]

    def ajax(self, who: str, action: str, fields: dict[str, str], **headers: str) -> httpx2.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.as_(who).post("/wp-admin/admin-ajax.php", data={"action": action} | fields, headers=named)

    def news(self, payment: dict[str, Any], seq: int, **more: Any) -> httpx2.Response:
        headers, body = self.bridge.message(payment, seq, **more)
        return self.post_news(headers, body)

    def post_news(self, headers: dict[str, str], body: bytes, route: str = "news") -> httpx2.Response:
        return httpx2.post(
            f"{self.stand.url}/?rest_route=/pay-bridge/v1/{route}",
            content=body,
            headers=headers,
            timeout=30,
            trust_env=False,
        )

    def paid(self, amount: int = 30000, **more: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """An order that was paid, and its payment."""
        order = self.order(amount=amount, **more)
        payment = self.bridge.add(order["ref"], "paid", amount)
        assert self.news(payment, 1).status_code == 200
        return order, payment

    def close(self) -> None:
        for browser in self._browsers.values():
            browser.close()


@pytest.fixture(scope="session")
def bridge_of_session() -> Iterator[StubBridge]:
    with StubBridge() as bridge:
        yield bridge


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever uses the shop needs a real WordPress."""
    for item in items:
        if item.path.is_relative_to(HERE) and {"shop", "office"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.wordpress)


def furnished(stand: Stand, bridge: StubBridge) -> Shop:
    """Starts a stand, paired, with the test shop and its people."""
    stand.pair(bridge.pairing_code)
    stand.up()
    shutil.copyfile(SHOP, stand.root / "wp-content" / "mu-plugins" / "test-shop.php")
    shop = Shop(stand, bridge)
    shop.people()
    return shop


def complaints(shop: Shop) -> list[str]:
    """What PHP said against the plugin."""
    return [line for line in shop.stand.php_errors().splitlines() if "pay-bridge" in line or "Fatal" in line]


@pytest.fixture(scope="session")
def shop_of_session(make_stand: StandMaker, bridge_of_session: StubBridge) -> Iterator[Shop]:
    shop = furnished(make_stand(LANE, up=False), bridge_of_session)
    yield shop
    shop.close()
    assert complaints(shop) == []


@pytest.fixture
def shop(shop_of_session: Shop) -> Shop:
    """The shop, with a bridge that has forgotten what earlier tests asked."""
    bridge = shop_of_session.bridge
    bridge.seen.clear()
    bridge.refund_states.clear()
    bridge.gap = {"gap": False}
    bridge.handed.clear()
    bridge.methods.clear()
    bridge.anchor = None
    bridge.outcomes.clear()
    bridge.scripted.clear()
    bridge.checkout.clear()
    bridge.clock_ahead_seconds = 0
    bridge.answer_delay_seconds = 0.0
    return shop_of_session


@pytest.fixture
def bridge(shop: Shop) -> StubBridge:
    return shop.bridge
