"""Buyers in an escrow and the clerk who sends the goods, and the rules about what a buyer says of them.

W1: a buyer's word leaves with its intent in the database, once, and none after one that the gateway has taken. W2: what
the books say of an escrow is so at its gateway, but for what a buyer has said there unheard; what nobody knows has a
case.
"""

import asyncio
import json
import random
from collections import Counter
from typing import TYPE_CHECKING, Any

from bridge.domain.decisions import WORD_UNKNOWN
from bridge.domain.payment import ESCROW
from bridge.domain.services import SAID
from bridge.ledger.sqlite import SqliteTurn
from bridge.wire.converse import INTENT_SECONDS_MAX
from tests.storm.net import Leaving
from tests.storm.people import Sale, insist
from tests.storm.stories import SAID_ELSEWHERE, WORD_TAKEN, WORD_UNHEARD

if TYPE_CHECKING:
    from tests.storm.storm import Storm

ROUNDS = 5
WORDS = ("confirm", "confirm", "deny")
NOTHING_CAME = ("fail", "not_sent")


class Recipient:
    """Somebody who waits for goods: the clerk reports their delivery, the buyer says yes or no, here or elsewhere."""

    def __init__(self, storm: "Storm", sale: Sale, chance: random.Random) -> None:
        self._storm = storm
        self._sale = sale
        self._chance = chance
        self._is_sent = False

    async def work(self) -> None:
        """Look at the order's payment now and then, and take the step that is next."""
        await asyncio.sleep(self._chance.uniform(60.0, 900.0))
        for _ in range(ROUNDS):
            payment = self._find()
            if payment is not None:
                await self._go_on(payment)
            await asyncio.sleep(self._chance.uniform(10.0, 300.0))

    async def speak_again(self) -> None:
        """Press yes or no once more, as after the books were restored."""
        payment = self._find()
        if payment is not None:
            await self._take(payment, self._chance.choice(WORDS))

    def _find(self) -> dict[str, Any] | None:
        found = [said["payment"] for said in self._sale.shop.known.values()]
        return next((one for one in found if one["order_ref"] == self._sale.ref and one["captured"]), None)

    async def _go_on(self, payment: dict[str, Any]) -> None:
        storm, chance, site = self._storm, self._chance, self._sale.shop.site
        kinds, desk = site.setup.escrow, storm.gates[site.id].desk
        assert kinds is not None, "only such orders have somebody who waits"
        if not self._is_sent:
            clerks = 2 if storm.weather.strikes("two_clerks") else 1
            await asyncio.gather(*(self._take(payment, "delivery") for _ in range(clerks)))
            self._is_sent = chance.random() < 0.9
            return
        what = chance.random()
        if what < 0.1:
            storm.escrow.elsewhere(site.id, payment["merchant_ref"], chance.choice(WORDS))
        elif what < 0.3:
            await self._take(payment, "status")
        elif what < 0.5 and kinds.stands(desk, payment["merchant_ref"]) == "denied":
            storm.must_tell.add(payment["merchant_ref"])
            storm.note(
                f"the denial of {payment['merchant_ref']} is accepted: {kinds.accepts(desk, payment['merchant_ref'])}"
            )
        else:
            tabs = 2 if storm.weather.strikes("two_tabs") else 1
            await asyncio.gather(*(self._take(payment, chance.choice(WORDS)) for _ in range(tabs)))

    async def _take(self, payment: dict[str, Any], step: str) -> None:
        kinds = self._sale.shop.site.setup.escrow
        assert kinds is not None, "only such orders have somebody who waits"
        actor = "buyer" if step in SAID else "wp:7"
        wish = {"step": step, "actor": actor, "fields": dict(kinds.fields.get(step, {}))}
        path = f"/v1/payments/{payment['id']}/escrow"
        heard = await insist(self._sale.shop, self._chance, "POST", path, wish)
        self._storm.checks.deeds[f"escrow {step} {heard.status if heard is not None else 'unanswered'}"] += 1


class Escrow:
    """Judges the escrows of one storm."""

    def __init__(self, storm: "Storm") -> None:
        self._storm = storm
        self._turn = SqliteTurn(storm.disk.connection)
        self._sent: Counter[str] = Counter()
        self._elsewhere: set[str] = set()

    def elsewhere(self, site: str, ref: str, word: str) -> None:
        """Let a buyer say it on the gateway's own page, of which nobody is told."""
        gate = self._storm.gates[site]
        kinds = gate.site.setup.escrow
        if kinds is not None and kinds.decides(gate.desk, ref, SAID[word]):  # type: ignore[index]
            self._elsewhere.add(ref)
            self._storm.stories[gate.site.setup.name, SAID_ELSEWHERE] += 1
            self._storm.note(f"the buyer of {ref} says {word} at the gateway")

    def leaves(self, request: Leaving) -> None:
        """Judge a buyer's word before its first byte."""
        gate = self._storm.checks.gate_of(request) if self._storm.extras.escrow else None
        kinds = gate.site.setup.escrow if gate is not None else None
        word = kinds.words.get(request.op) if kinds is not None else None
        if gate is None or kinds is None or word is None:
            return
        holds, text = self._storm.checks.holds, request.body.decode("utf-8", "replace")
        row = self._storm.checks.find(gate.site, text)
        if row is None:
            self._storm.checks.fail("W1", "a buyer's word leaves about no payment that is in the database")
            return
        name, stands = row["merchant_ref"], kinds.stands(gate.desk, row["merchant_ref"])
        is_first = stands not in SAID.values() or name in self._elsewhere
        holds("W1", is_first, f"{name}: {word} leaves, and the gateway has heard before: {stands}")
        if not self._storm.restoring.begun:
            self._judge_intent(row, word)

    def _judge_intent(self, row: Any, word: str) -> None:
        holds, name = self._storm.checks.holds, row["merchant_ref"]
        asked = "SELECT id, reason, state FROM operations WHERE payment = ? AND kind = 'word' ORDER BY id"
        words = self._turn.all(asked, row["id"])
        mine = next((one for one in words if one["reason"] == word and one["state"] == "sent"), None)
        if mine is None and self._storm.checks.settled_within(row["id"], INTENT_SECONDS_MAX):
            mine = next((one for one in reversed(words) if one["reason"] == word), None)
        holds("W1", mine is not None, f"{name}: {word} leaves without its intent")
        if mine is not None:
            self._sent[mine["id"]] += 1
            holds("W1", self._sent[mine["id"]] == 1, f"{name}: {word} is sent twice")
            others = [one["state"] for one in words if one["id"] != mine["id"]]
            holds("W1", set(others) <= set(NOTHING_CAME), f"{name}: {word} leaves, and before it there is {others}")

    def became(self, one: Any) -> None:
        """Judge what a word came to: what proves it must be true at the gateway, now."""
        name, setup = one["merchant_ref"], self._storm.checks.setup_of(one)
        kinds = setup.escrow
        row = self._turn.one("SELECT reason FROM operations WHERE id = ?", one["id"])
        assert kinds is not None and row is not None, "only such gateways are told a word"  # noqa: PT018
        stands, said = kinds.stands(self._storm.gates[one["site"]].desk, name), SAID[row["reason"]]
        text = f"{name}: {row['reason']} is {one['state']} by {one['evidence']}, and the gateway says {stands}"
        if one["state"] == "ok":
            self._storm.stories[setup.name, WORD_TAKEN] += 1
            self._storm.checks.holds("W2", stands in (said, "cancelled"), text)
        elif one["state"] in NOTHING_CAME:
            self._storm.checks.holds("W2", stands != said or name in self._elsewhere, text)
        elif one["state"] == "unknown":
            self._storm.stories[setup.name, WORD_UNHEARD] += 1

    def is_taken(self, row: Any) -> bool:
        """Tell whether the gateway has the word of a payment that has no outcome yet."""
        kinds = self._storm.checks.setup_of(row).escrow
        asked = (
            "SELECT reason FROM operations WHERE payment = ? AND kind = 'word' AND state IN ('unknown', 'needs_human')"
        )
        word = self._turn.one(asked, row["id"])
        if kinds is None or word is None:
            return False
        return kinds.stands(self._storm.gates[row["site"]].desk, row["merchant_ref"]) == SAID[word["reason"]]

    def at_the_end(self, row: Any, cases: list[str]) -> None:
        """Judge a payment's escrow."""
        kinds, here = self._storm.checks.setup_of(row).escrow, json.loads(row["refs"]).get(ESCROW, "")
        if kinds is None or not here:
            return
        name, stands = row["merchant_ref"], kinds.stands(self._storm.gates[row["site"]].desk, row["merchant_ref"])
        text = f"{name}: its escrow is {here} in the books and {stands} at the gateway"
        if here in ("confirming", "denying"):
            self._storm.checks.holds("W2", WORD_UNKNOWN in cases, f"{text}, and no case says so")
        elif here in SAID.values():
            self._storm.checks.holds("W2", stands in (here, "cancelled"), text)
        else:
            unheard = name in self._elsewhere or WORD_UNKNOWN in cases
            self._storm.checks.holds("W2", stands not in SAID.values() or unheard, text)
