"""Customers whose card is registered by its number, which the shop's own page takes or the bridge's; and their rules.

T1: a card leaves to be registered with its intent in the database, and once for each. T2: the keys that a gateway has
of typed cards are those that the books have, but for one whose answer was lost; a key that is active is there, and one
that is deleted is not.
"""

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from bridge.flows.billing_keys import KEY
from bridge.ledger.sqlite import SqliteTurn
from bridge.ledger.vault import Vault
from tests.storm.keys import TYPIST, Keyholder
from tests.storm.ledger import ROOT
from tests.storm.net import Leaving
from tests.storm.people import TRIES
from tests.storm.stand import PUBLIC_URL
from tests.storm.stories import KEY_LOST, KEY_TYPED
from tests.storm.tab import BUYER_ADDRESS, FORM
from tests.storm.typed import CARD

if TYPE_CHECKING:
    from tests.storm.storm import Storm

WHOLE_CARD = CARD | {"issuer": "06"}
ON_PAGE = {
    "number": CARD["number"],
    "month": CARD["expires"][2:],
    "year": CARD["expires"][:2],
    "holder": CARD["holder"],
    "password": CARD["password"],
}
TYPED = "SELECT * FROM billing_keys WHERE site = ? AND customer = ? ORDER BY id"


class KeyTypist(Keyholder):
    """Somebody who tells a card's number to have it charged again and again, and pays an order by it."""

    customer = TYPIST

    async def buy(self) -> None:
        """Register, on the shop's page or on the bridge's, and be charged; once more where it failed."""
        for _ in range(2):
            key = await (self._on_page() if self._may_use_page() else self._on_site())
            if key and await self._paid_by(key):
                return
            await asyncio.sleep(self._chance.uniform(5.0, 120.0))

    def _may_use_page(self) -> bool:
        has_window = any(method == "card" for method, _ in self._sale.shop.site.setup.keys)
        return not has_window and self._chance.random() < 0.5

    async def _on_site(self) -> str:
        said = await self._signed("POST", "/v1/billing-keys", self._wish() | {"card": WHOLE_CARD})
        return str(said["id"]) if said is not None else ""

    async def _on_page(self) -> str:
        """Type the card on the bridge's page, again where that says no, and send the form as often as people do."""
        said = await self._signed("POST", "/v1/billing-keys", self._wish())
        if said is None or not said.get("window_url"):
            return ""
        path = urlsplit(said["window_url"]).path
        for tries in range(2):
            await asyncio.sleep(self._chance.uniform(2.0, 60.0))
            many = 2 if self._storm.weather.strikes("two_tabs") else 1
            await asyncio.gather(*(self._send(path, tries) for _ in range(many)))
            if await self._state(said["id"]) != "open":
                break
        return str(said["id"])

    async def _send(self, path: str, tries: int) -> None:
        body = urlencode(ON_PAGE | {"tries": str(tries)}).encode()
        headers = [FORM, (b"content-length", str(len(body)).encode()), (b"origin", PUBLIC_URL.encode())]
        for _ in range(TRIES):
            heard = await self._storm.to_bridge("POST", path, headers, body, client=BUYER_ADDRESS)
            if heard is not None and heard.status < 500:
                return
            await asyncio.sleep(self._chance.uniform(1.0, 20.0))


class TypedKeys:
    """Judges the keys of typed cards of one storm."""

    def __init__(self, storm: "Storm") -> None:
        self._storm = storm
        self._turn = SqliteTurn(storm.disk.connection)
        self._sent: Counter[tuple[str, int]] = Counter()

    def leaves(self, request: Leaving) -> None:
        """Judge a call that registers a card, before its first byte."""
        storm = self._storm
        gate = storm.checks.gate_of(request) if storm.extras.typed_keys and not storm.restoring.begun else None
        if gate is None or not gate.site.setup.registers(request.target, request.body):
            return
        text = request.body.decode("utf-8", "replace")
        issuing = [row for row in self._rows(gate.site.id) if row["state"] == "issuing"]
        named = [row for row in issuing if row["ref"] in text] or issuing
        storm.checks.holds("T1", bool(named), "a typed card leaves without its intent")
        if named:
            tried = [(row["id"], row["tries"]) for row in named]
            mine = next((one for one in tried if not self._sent[one]), tried[0])
            self._sent[mine] += 1
            storm.checks.holds("T1", self._sent[mine] == 1, "a typed card is sent twice to be registered")

    def at_the_end(self) -> None:
        """Judge what the gateways keep of typed cards."""
        storm = self._storm
        if not storm.extras.typed_keys:
            return
        vault = Vault(ROOT, storm.clock)
        for gate in storm.gates.values():
            kept, name = gate.site.setup.typed_keys, gate.site.setup.name
            there = kept(gate.desk) if kept is not None else {}
            rows = self._rows(gate.site.id)
            known: set[str] = set()
            for row in rows:
                storm.stories[name, KEY_TYPED] += row["state"] in ("active", "deleting", "deleted")
                storm.stories[name, KEY_LOST] += row["state"] == "lost"
                if row["key_sealed"]:
                    key = vault.open(row["key_sealed"], KEY).decode()
                    known.add(key)
                    is_there = there.get(key, False) or row["state"] == "deleting"
                    storm.checks.holds("T2", is_there, f"{row['ref']} is {row['state']}, and {name} has no such key")
            strange = sum(is_live and key not in known for key, is_live in there.items())
            lost = sum(row["state"] == "lost" for row in rows)
            storm.checks.holds("T2", strange <= lost, f"{name} has {strange} keys that no book has, {lost} are lost")

    def _rows(self, site: str) -> list[Any]:
        return self._turn.all(TYPED, site, TYPIST)
