"""One shop as the browser tests use it: orders to pay, the gateway's books, the bridge's ledger, faults."""

import json
import re
import secrets
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.request import Request, urlopen

from playwright.sync_api import APIRequestContext

from tests.wordpress.bridge import Bridge
from tests.wordpress.stand import Stand

SHOW = 20
"""The season's last show has seats at amounts that choose the sandbox's faults; no screenshot shows it."""
BASE_PRICE = 21_000
ENDINGS = (0, 1, 2, 12, 16, 22, 24)
SEATS_EACH = 300
BUYER = {"buyer_name": "이보라", "buyer_tel": "010-2345-6789", "buyer_email": "bora@buyer.example"}
_FURNISH = """
$show = get_page_by_path( 'show-%d', OBJECT, 'ticketing_show' );
foreach ( %s as $ending ) {
    ticketing_add_seats( $show->ID, "자유석 {$ending}", %d + $ending, ticketing_labels( %d, 10 ) );
}
foreach ( array( 'stranger' => 'subscriber', 'editor' => 'editor' ) as $login => $role ) {
    wp_insert_user( array( 'user_login' => $login, 'user_pass' => '%s', 'user_email' => $login . '@shop.example',
        'role' => $role, 'locale' => 'ko_KR' ) );
}
echo $show->ID;
"""
_SHORTCODE = """
$id = wp_insert_post( array( 'post_type' => 'page', 'post_status' => 'publish', 'post_title' => '바로 결제',
    'post_content' => '[pay_bridge_checkout order="%s"]' ) );
$until = time() + %d;
ticketing_update_order( '%s', array( 'hold_expires_at' => $until ) );
echo get_permalink( $id ), ' ', $until;
"""
_UNSETTLED = ("approving", "unknown", "voiding")
T = TypeVar("T")


@dataclass(frozen=True)
class Money:
    """What moved for one order at the gateway, in KRW."""

    captured: int
    refunded: int
    captures: int

    @property
    def net(self) -> int:
        """What the shop holds."""
        return self.captured - self.refunded


class Lane:
    """WordPress, bridge and sandbox, each a process of its own, paired."""

    def __init__(self, name: str, stand: Stand, bridge: Bridge):
        self.name = name
        self.stand = stand
        self.bridge = bridge
        self.url = stand.url
        self.logins: dict[str, Any] = {}
        more = secrets.token_hex(12)
        self.passwords = stand.passwords | {"stranger": more, "editor": more}
        endings = f"array({','.join(map(str, ENDINGS))})"
        self.show_id = int(stand.run_php(_FURNISH % (SHOW, endings, BASE_PRICE, SEATS_EACH // 10, more)))

    def book_seats(self, visitor: APIRequestContext, ending: int = 0, count: int = 1) -> str:
        """Holds seats for the visitor, as the seat page's form does; gives the order's reference."""
        form = {"ticketing": "hold", "show_id": str(self.show_id), "category": f"자유석 {ending}", "count": str(count)}
        answer = visitor.post(f"{self.url}/order/?show_id={self.show_id}", form=form | BUYER, max_redirects=0)
        found = re.search(r"order_id=([0-9a-f]{32})", answer.headers.get("location", ""))
        assert found, f"no seats: {answer.status} {answer.url}"
        return found[1]

    def order_url(self, ref: str) -> str:
        """Where the buyer pays."""
        return f"{self.url}/order/?order_id={ref}"

    def detail_url(self, ref: str) -> str:
        """Where the buyer sees what was bought."""
        return f"{self.url}/payment-detail/?order_id={ref}"

    def admin_url(self, payment_id: str = "") -> str:
        """The clerk's list, or the page of one payment."""
        return f"{self.url}/wp-admin/admin.php?page=pay-bridge" + (f"&payment={payment_id}" if payment_id else "")

    def hold(self, ref: str, seconds: int) -> None:
        """Lets the order's hold end so many seconds from now."""
        self.stand.run_php(f"ticketing_update_order( '{ref}', array( 'hold_expires_at' => time() + {seconds} ) );")

    def shortcode_page(self, ref: str, hold_seconds: int) -> tuple[str, int]:
        """A page with nothing but the checkout's shortcode, and when the order's hold now ends (Unix time)."""
        address, expires = self.stand.run_php(_SHORTCODE % (ref, hold_seconds, ref)).split()
        return address, int(expires)

    def payments(self, ref: str) -> list[dict[str, Any]]:
        """The order's payments as the bridge's ledger has them, oldest first."""
        return self._ledger("SELECT * FROM payments WHERE order_ref = ? ORDER BY id", ref)

    def hear_news(self, payment_id: str) -> None:
        """Waits until WordPress has answered all news of a payment: none undoes what the test does next."""

        def is_heard() -> bool:
            news = self._ledger("SELECT state FROM news WHERE payment = ?", payment_id)
            return bool(news) and all(one["state"] == "heard" for one in news)

        until(is_heard, f"WordPress to hear all news of {payment_id}")

    def _ledger(self, select: str, value: str) -> list[dict[str, Any]]:
        path = self.bridge.directory / "bridge.db"
        ledger = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)
        ledger.row_factory = sqlite3.Row
        try:
            return [dict(row) for row in ledger.execute(select, (value,))]
        finally:
            ledger.close()

    def payment(self, ref: str, state: str = "") -> dict[str, Any]:
        """The order's newest payment, once it is in that state."""

        def newest() -> dict[str, Any] | None:
            found = self.payments(ref)
            return found[-1] if found and state in ("", found[-1]["state"]) else None

        return until(
            newest, f"a payment of {ref} in state {state or 'any'}, not {[one['state'] for one in self.payments(ref)]}"
        )

    def money(self, ref: str) -> Money:
        """What the sandbox's books say about all payments of an order."""
        total = Money(0, 0, 0)
        for payment in self.payments(ref):
            address = f"{self.bridge.sandbox_url}/books?merchant_ref={payment['merchant_ref']}"
            with urlopen(address, timeout=10) as answer:
                for book in json.load(answer)["payments"]:
                    total = Money(
                        total.captured + book["captured"],
                        total.refunded + book["refunded"],
                        total.captures + len(book["captures"]),
                    )
        return total

    def check_money(self, ref: str) -> str:
        """Whatever happened to an order, its buyer was charged once and has it, or was not charged: says which."""
        payments = self.payments(ref)
        unsettled = [one["state"] for one in payments if one["state"] in _UNSETTLED]
        assert not unsettled, f"not settled yet: {unsettled}"
        held = [one for one in payments if one["state"] in ("paid", "part_refunded")]
        money = self.money(ref)
        assert len(held) <= 1
        assert money.net == sum(one["captured"] - one["refunded"] for one in held), (money, payments)
        return held[0]["state"] if held else "unpaid"

    def fault(self, op: str, kind: str, ref: str, **more: Any) -> None:
        """Lets a call about the order's newest payment go wrong."""
        self.control("faults", {"op": op, "kind": kind, "merchant_ref": self.payment(ref)["merchant_ref"]} | more)

    def calm(self) -> None:
        """Disarms every fault but those of the amounts."""
        with urlopen(Request(f"{self.bridge.sandbox_url}/control/faults", method="DELETE"), timeout=10):
            pass

    def control(self, page: str, values: dict[str, Any]) -> Any:
        """Asks something of the sandbox's control pages."""
        body = json.dumps({"gateway": "mainpay"} | values).encode()
        with urlopen(Request(f"{self.bridge.sandbox_url}/control/{page}", body), timeout=10) as answer:
            return json.load(answer)

    def close(self) -> None:
        """Says what PHP complained of. Raises AssertionError."""
        assert self.stand.php_errors() == ""


def until(work: Callable[[], T | None], what: str, timeout_seconds: float = 15) -> T:
    """Calls `work` until it gives something. Raises AssertionError."""
    ends = time.monotonic() + timeout_seconds
    while True:
        found = work()
        if found:
            return found
        assert time.monotonic() < ends, f"waited {timeout_seconds} s in vain for {what}"
        time.sleep(0.05)
