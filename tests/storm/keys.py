"""Customers who register a card or a phone in a gateway's window and are charged by it; and the rules about their keys.

K1: no key is active, and none is charged, that nobody gave in its window; none is charged once it is being deleted.
"""

import asyncio
import json
import random
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from bridge.ledger.ledger import Row
from bridge.ledger.sqlite import SqliteTurn
from tests.storm.extras import months_of
from tests.storm.gateways.window import Coming
from tests.storm.net import Heard
from tests.storm.people import TRIES, Sale, insist
from tests.storm.stand import Paired
from tests.storm.tab import BUYER_ADDRESS, FORM, Tab

if TYPE_CHECKING:
    from tests.storm.storm import Storm

CUSTOMER = "wp:7"
TYPIST = "wp:8"
"""Whose keys are of typed cards: who asks for one gives it."""
UNDER_WAY = ("opening", "open", "issuing")
GIVEN = ("issuing", "active")
"""States of a key in which what charges it may be written."""


class Keyholder:
    """Somebody who has a key registered, pays an order by it, and perhaps has it deleted."""

    customer = CUSTOMER

    def __init__(self, storm: "Storm", sale: Sale, chance: random.Random) -> None:
        self._storm = storm
        self._sale = sale
        self._chance = chance

    async def buy(self) -> None:
        """Register, in a window that may take the order's money as well, and be charged; once more where it failed."""
        for _ in range(2):
            key = await self._ask()
            if key is not None and key.get("window_url"):
                await self._give(key)
                if await self._paid_by(key["id"]):
                    return
            await asyncio.sleep(self._chance.uniform(5.0, 120.0))

    async def _paid_by(self, key: str) -> bool:
        for _ in range(3):
            state = await self._state(key)
            if state == "active":
                return self._sale.key_pays_first or await self._charge(key)
            if state in ("refused", "expired", "lost") and self._chance.random() < 0.5:
                await self._charge(key)  # in vain: K1 judges that
                return False
            await asyncio.sleep(self._chance.uniform(1.0, 60.0))
        return False

    def _wish(self) -> dict[str, Any]:
        sale, order = self._sale, self._sale.order()
        return {
            "customer": self.customer,
            "title": "정기 후원",
            "buyer": order["buyer"],
            "result_url": order["result_url"],
            "actor": "buyer",
            "method": sale.method,
        } | ({"order": order} if sale.key_pays_first else {})

    async def _ask(self) -> dict[str, Any] | None:
        sale, wish = self._sale, self._wish()
        key = await self._signed("POST", "/v1/billing-keys", wish)
        if key is not None:
            self._storm.keys.asked[key["id"]] = sale
        return key

    async def _give(self, key: dict[str, Any]) -> None:
        """Go through the window, or close it."""
        storm, chance = self._storm, self._chance
        await asyncio.sleep(chance.uniform(2.0, 90.0))
        tab = Tab(storm, self._sale.shop.site, key["window_url"])
        action = chance.choice(("pay", "pay", "pay", "pay", "close", "fail"))
        if action == "pay":
            storm.keys.given.add(key["id"])
        coming = await tab.press(action)
        if coming is None:
            return
        storm.keys.returns.append((key["id"], coming))
        times = chance.choice((2, 3)) if storm.weather.strikes("comes_back_twice") else 1
        await asyncio.gather(*(self._follow(coming) for _ in range(times)))

    async def _follow(self, coming: Coming) -> None:
        parts = urlsplit(coming.url)
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        headers = [FORM, (b"content-length", str(len(coming.body)).encode())] if coming.method == "POST" else []
        for _ in range(TRIES):
            heard = await self._storm.to_bridge(coming.method, path, headers, coming.body, client=BUYER_ADDRESS)
            if heard is not None and heard.status < 500:
                return
            await asyncio.sleep(self._chance.uniform(0.5, 15.0))

    async def _charge(self, key: str) -> bool:
        """Charge it, perhaps twice at once, as two pages of a shop would; tells whether it may be paid."""
        sale = self._sale
        wish = {"customer": self.customer, "order": sale.order(), "actor": "buyer"}
        wish |= {"instalment_months": months_of(sale, sale.amount)} if sale.months else {}
        many = 2 if self._storm.weather.strikes("two_tabs") else 1
        path = f"/v1/billing-keys/{key}/charges"
        said = await asyncio.gather(*(self._signed("POST", path, wish) for _ in range(many)))
        if self._chance.random() < 0.3:
            await self._signed("DELETE", f"/v1/billing-keys/{key}", {"customer": self.customer})
            await self._signed("POST", path, wish)
        return any(one is not None and one.get("state") not in ("declined", "expired") for one in said)

    async def _state(self, key: str) -> str:
        shop = self._sale.shop
        heard = await shop.send(shop.sign("GET", f"/v1/billing-keys/{key}?customer={self.customer}"))
        return str(_read(heard).get("state", "")) if heard is not None and heard.status == 200 else ""

    async def _signed(self, method: str, path: str, wish: dict[str, Any]) -> dict[str, Any] | None:
        heard = await insist(self._sale.shop, self._chance, method, path, wish)
        return _read(heard) if heard is not None and heard.status < 300 else None


class Keys:
    """What happened to keys in one storm, and the rules about them."""

    def __init__(self, storm: "Storm") -> None:
        self.given: set[str] = set()
        """Keys whose customer has pressed the window's button."""
        self.returns: list[tuple[str, Coming]] = []
        self.asked: dict[str, Sale] = {}
        """The sale for which each key was asked for."""
        self._storm = storm
        self._turn = SqliteTurn(storm.disk.connection)
        self._issued: set[str] = set()

    def returned(self, site: Paired, rows: dict[str, Row]) -> dict[str, str]:
        """Give what browsers brought back of windows whose key is paid for by a payment: value by value, its id."""
        found: dict[str, str] = {}
        for key, coming in self.returns:
            asked = self._turn.one("SELECT ref FROM billing_keys WHERE id = ? AND site = ?", key, site.id)
            payment = next((row["id"] for row in rows.values() if asked and row["merchant_ref"] == asked["ref"]), "")
            found |= dict.fromkeys(_values(coming), payment) if payment else {}
        return found

    def paying(self, site: Paired, text: str) -> dict[str, Any] | None:
        """Give the payment that a window's form is about whose key takes an order's money, before it is written."""
        unwritten = "amount > 0 AND NOT EXISTS (SELECT 1 FROM payments WHERE merchant_ref = billing_keys.ref)"
        for row in self._turn.all(f"SELECT * FROM billing_keys WHERE site = ? AND {unwritten} ORDER BY id", site.id):
            if row["ref"] in text and row["id"] in self.asked:
                tax_free = self.asked[row["id"]].tax_free(row["amount"])
                known = {name: row[name] for name in ("id", "amount")}
                return known | {"merchant_ref": row["ref"], "tax_free": tax_free, "instalment_months": 0}
        return None

    def issues(self, site: Paired, text: str) -> bool:
        """Judge a call that moves no order's money: it issues a key, whose intent is in the database, and once."""
        for key, coming in self.returns:
            row = self._turn.one("SELECT state, amount FROM billing_keys WHERE id = ? AND site = ?", key, site.id)
            if row is None or row["amount"] or max(_values(coming), key=len) not in text:
                continue
            holds = self._storm.checks.holds
            holds("I4", row["state"] == "issuing", f"a key that is {row['state']} is issued")
            holds("I3b", key not in self._issued, "a key is issued twice")
            self._issued.add(key)
            return True
        return False

    def charged(self, payment: Row) -> None:
        """Judge a payment that was just written."""
        name, _, key = payment["token_id"].partition(":")
        if name != "billing_key":
            return
        row = self._turn.one("SELECT state, customer FROM billing_keys WHERE id = ?", key)
        assert row is not None, "keys are never removed in a storm"
        holds = self._storm.checks.holds
        holds("K1", row["state"] in GIVEN, f"{payment['merchant_ref']}: a key that is {row['state']} is charged")
        holds(
            "K1",
            key in self.given or row["customer"] == TYPIST,
            f"{payment['merchant_ref']}: a key that nobody gave is charged",
        )

    def under_way(self) -> int:
        """Count the keys that have yet to come to an end."""
        if not self._has_keys():
            return 0
        row = self._turn.one(f"SELECT COUNT(*) AS many FROM billing_keys WHERE state IN {UNDER_WAY}")
        assert row is not None
        return int(row["many"])

    def _has_keys(self) -> bool:
        return self._storm.extras.keys or self._storm.extras.typed_keys

    def at_the_end(self) -> None:
        """Judge what came of them."""
        if not self._has_keys():
            return
        checks = self._storm.checks
        checks.holds("I14", not self.under_way(), f"after the calm {self.under_way()} keys are still under way")
        asked = "SELECT id, site, ref, state, key_sealed FROM billing_keys WHERE customer = ? ORDER BY id"
        for row in self._turn.all(asked, CUSTOMER):
            bank = self._storm.gates[row["site"]].world.bank
            kept = bool(row["key_sealed"]) or any(book.captures for book in bank.of(row["ref"]))
            given = not kept or row["id"] in self.given
            checks.holds("K1", given, f"{row['ref']} is {row['state']}, and nobody gave it")


def _values(coming: Coming) -> list[str]:
    return [value for _, value in parse_qsl(coming.body.decode() or urlsplit(coming.url).query)]


def _read(heard: Heard) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(heard.body)
    return said
