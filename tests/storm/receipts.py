"""Clerks who issue and cancel cash receipts over what was paid into accounts, and the rules about receipts.

R1: a receipt's intent is in the database before its first byte leaves, and it is asked for once. R2: a payment has at
most one live receipt at its gateway, and what the ledger says of each is so there, or nobody knows and a case says so.
"""

import asyncio
import json
import random
import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from bridge.ledger.sqlite import SqliteTurn
from tests.storm.gateways.setup import Written
from tests.storm.people import Sale, insist
from tests.storm.stand import Paired

if TYPE_CHECKING:
    from tests.storm.storm import Storm

NUMBER = "01055557777"
"""Whose number the receipts bear; it may be read nowhere."""
CASE = "receipt_unknown"
ROUNDS = 3
NAMED = re.compile(r"\b(?:mbrRefNo|mul_no|orgRefNo|cashstno)=(\w+)")
"""By what a call names a receipt, or the payment that it is for."""


class Bookkeeper:
    """Somebody who is asked for a cash receipt of an order, and now and then has to take it back."""

    def __init__(self, storm: "Storm", sale: Sale, chance: random.Random) -> None:
        self._storm = storm
        self._sale = sale
        self._chance = chance

    async def work(self) -> None:
        """Look at the order's payment, and issue a receipt or cancel the one that is there."""
        await asyncio.sleep(self._chance.uniform(30.0, 900.0))
        for _ in range(ROUNDS):
            payment = self._find()
            if payment is not None:
                await self._press(payment["id"])
            await asyncio.sleep(self._chance.uniform(20.0, 600.0))

    def _find(self) -> dict[str, Any] | None:
        found = [said["payment"] for said in self._sale.shop.known.values()]
        return next((one for one in found if one["order_ref"] == self._sale.ref and one["captured"]), None)

    async def _press(self, payment: str) -> None:
        shop, chance = self._sale.shop, self._chance
        heard = await shop.send(shop.sign("GET", f"/v1/payments/{payment}"))
        shown = json.loads(heard.body).get("cash_receipts") if heard is not None and heard.status == 200 else None
        if shown is None:
            return
        live = [one["id"] for one in shown["items"] if one["state"] in ("issued", "cancelling")]
        if live and chance.random() < 0.7:
            deed, wish = "cancelled", {"actor": "wp:7"}
            heard = await insist(shop, chance, "DELETE", f"/v1/cash-receipts/{live[0]}", wish)
        else:
            deed, wish = "issued", {"payment": payment, "purpose": "income", "identity": NUMBER, "actor": "wp:7"}
            heard = await insist(shop, chance, "POST", "/v1/cash-receipts", wish)
        if heard is not None and 200 <= heard.status < 300 and json.loads(heard.body)["state"] == deed:
            self._storm.checks.deeds[f"receipt {deed}"] += 1


class Receipts:
    """Judges the receipts of one storm."""

    def __init__(self, storm: "Storm") -> None:
        self._storm = storm
        self._turn = SqliteTurn(storm.disk.connection)
        self._sent: Counter[str] = Counter()

    def leaves(self, site: Paired, text: str) -> bool:
        """Judge a call before its first byte; tells whether it is about a receipt."""
        kinds = site.setup.receipts
        if kinds is None or not (kinds.issues in text or kinds.cancels in text):
            return False
        issues = kinds.issues in text
        rows = self._turn.all("SELECT * FROM receipts WHERE site = ? ORDER BY id", site.id)
        found = [row for row in rows if self._is_meant(row, text, issues=issues)]
        self._storm.checks.holds("R1", len(found) == 1, f"{len(found)} receipts are meant by a call that leaves")
        if issues and found:
            self._sent[found[0]["id"]] += 1
            self._storm.checks.holds("R1", self._sent[found[0]["id"]] == 1, "a receipt was asked for twice")
        return True

    def _is_meant(self, row: Any, text: str, *, issues: bool) -> bool:
        if issues:
            names, states = {row["ref"], *self._numbers(row["payment"])}, ("issuing",)
        else:
            refs = json.loads(row["refs"])
            names, states = {refs.get("refNo"), refs.get("cashstno")}, ("cancelling", "cancelled", "unknown")
        return row["state"] in states and not names.isdisjoint(NAMED.findall(text))

    def put_right(self, case: dict[str, Any]) -> None:
        """Cancel at the gateway's console whatever receipt is live there and not in our books: a person has looked."""
        payment = case["payment"]
        if case["reason"] != CASE:
            return
        gate = self._storm.gates[self._row(payment)["site"]]
        kinds = gate.site.setup.receipts
        known = {row["id"]: row for row in self._rows(payment) if row["state"] in ("issued", "cancelling")}
        for one in self._at_gateway(payment):
            if kinds is not None and one.is_live and not any(_is(row, one) for row in known.values()):
                self._storm.must_tell.add(one.about)
                kinds.cancel(gate.desk, one.number)
                self._storm.note("a receipt is cancelled by hand")

    def at_the_end(self) -> None:
        """Judge what the ledger says of each payment's receipts."""
        for row in self._turn.all("SELECT DISTINCT payment FROM receipts ORDER BY payment"):
            self._judge(row["payment"])

    def _judge(self, payment: str) -> None:
        holds, name = self._storm.checks.holds, self._row(payment)["merchant_ref"]
        rows, there = self._rows(payment), self._at_gateway(payment)
        live = sum(one.is_live for one in there)
        holds("R2", live <= 1, f"{name}: {live} receipts live at the gateway")
        for row in rows:
            own = [one for one in there if _is(row, one)]
            text = f"{name}: a receipt is {row['state']}, and at the gateway {[one.is_live for one in own]}"
            if row["state"] == "issued":
                holds("R2", any(one.is_live for one in own), text)
            elif row["state"] in ("cancelled", "refused"):
                holds("R2", not any(one.is_live for one in own), text)
            elif row["state"] == "unknown":
                named = self._turn.one("SELECT 1 FROM cases WHERE payment = ? AND reason = ?", payment, CASE)
                holds("R2", named is not None, f"{text}, and no case")
        unknown = sum(row["state"] == "unknown" for row in rows)
        strange = sum(not any(_is(row, one) for row in rows) for one in there)
        holds("R2", strange <= unknown, f"{name}: {strange} receipts at the gateway are in no book, {unknown} unknown")

    def _at_gateway(self, payment: str) -> list[Written]:
        gate = self._storm.gates[self._row(payment)["site"]]
        kinds = gate.site.setup.receipts
        names = {row["ref"] for row in self._rows(payment)} | self._numbers(payment)
        return [one for one in kinds.written(gate.desk) if one.about in names] if kinds is not None else []

    def _rows(self, payment: str) -> list[Any]:
        return self._turn.all("SELECT * FROM receipts WHERE payment = ? ORDER BY id", payment)

    def _row(self, payment: str) -> Any:
        return self._turn.one("SELECT site, merchant_ref, refs FROM payments WHERE id = ?", payment)

    def _numbers(self, payment: str) -> set[str]:
        return {number for number in [json.loads(self._row(payment)["refs"]).get("mul_no")] if number}


def _is(row: Any, one: Written) -> bool:
    """Tell whether a receipt at the gateway is this one of the ledger's."""
    return one.about == row["ref"] or one.number in json.loads(row["refs"]).values()
