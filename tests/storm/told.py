"""Judges what gateways are told of an order beside its price, in schedules whose orders have such things.

I7b: parts of tax sum to the won in each call, are the payment's own or the refund's, and over all refunds give back the
payment's; the months that a window or a charge is told of are those the shop asked for.
"""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from bridge.ledger.sqlite import SqliteTurn
from tests.storm.extras import months_of
from tests.storm.gateways.setup import Parts, Setup
from tests.storm.net import Heard, Leaving
from tests.storm.stand import Paired

if TYPE_CHECKING:
    from tests.storm.gate import Gate
    from tests.storm.storm import Storm

ELEVENTHS = 5
"""Of VAT rounded to the nearest won."""
ENDED_BEFORE_A_WINDOW = ("new", "readying", "failed_ready", "superseded", "expired")


class Told:
    """Reads every call and every form that a browser posts to a gateway."""

    def __init__(self, storm: "Storm") -> None:
        self._storm = storm
        self._turn = SqliteTurn(storm.disk.connection)
        self._months: set[str] = set()

    def leaves(self, request: Leaving) -> None:
        """Judge a call of the bridge's, before its first byte."""
        gate = self._storm.checks.gate_of(request) if self._storm.extras.told else None
        if gate is not None:
            self._judge(gate.site, request.body, request.target)

    def posted(self, site: Paired, body: bytes) -> None:
        """Judge what a buyer's browser posts."""
        if self._storm.extras.told:
            self._judge(site, body, "")

    def answered(self, request: Leaving, heard: Heard) -> None:
        """Nothing was wrong with the parts, unless money went back that the books do not know of: past the bridge, or
        by the first of two copies of a call. Nobody tells of the parts of that."""
        gate = self._storm.checks.gate_of(request) if self._storm.extras.told else None
        if gate is not None:
            setup = gate.site.setup
            found = next((mark for mark in setup.parts_refused if mark in heard.text), "")
            wrong = found and not self._went_back_elsewhere(gate, request)
            self._holds(not wrong, f"{setup.name} refuses the parts of {request.op}: {heard.text[:120]}")

    def _went_back_elsewhere(self, gate: "Gate", request: Leaving) -> bool:
        row = self._storm.checks.find(gate.site, request.body.decode("utf-8", "replace") + request.target)
        if row is None:
            return False
        past = "SELECT 1 FROM entries WHERE payment = ? AND kind = 'external_refund'"
        there = sum(book.refunded for book in gate.world.bank.of(row["merchant_ref"]))
        return there > row["refunded"] or self._turn.one(past, row["id"]) is not None

    def at_the_end(self) -> None:
        """Judge what was given back, and whether each window heard of its months."""
        if not self._storm.extras.told:
            return
        refunded = self._turn.all(
            "SELECT payment, SUM(amount) AS amount, SUM(vat) AS vat, SUM(tax_free) AS tax_free FROM operations"
            " WHERE kind = 'refund' AND state = 'ok' GROUP BY payment ORDER BY payment"
        )
        by_payment = {row["payment"]: row for row in refunded}
        for row in self._turn.all("SELECT * FROM payments ORDER BY id"):
            self._judge_order(row)
            given = by_payment.get(row["id"])
            if given is not None and given["amount"] == row["refunded"]:
                self._judge_given(row, given)

    def _left(self, row: Any) -> bool:
        """Whether a window was opened or money taken: a charge may be in the books, and its call never have left."""
        has_window = row["window_url"] or row["window_sealed"]
        was_begun = has_window or self._storm.checks.truth(row["id"]).taken
        return row["state"] not in ENDED_BEFORE_A_WINDOW and bool(was_begun)

    def _judge_order(self, row: Any) -> None:
        sale = next((one for one in self._storm.sales if one.ref == row["order_ref"]), None)
        if sale is None:  # a plan's round
            return
        name, amount, months = row["merchant_ref"], row["amount"], row["instalment_months"]
        self._holds(row["tax_free"] == sale.tax_free(amount), f"{name}: {row['tax_free']} of {amount} are free of tax")
        self._holds(months == months_of(sale, amount), f"{name}: {months} months, and {sale.months} were asked for")
        unheard = months and row["id"] not in self._months and self._left(row)
        self._holds(not unheard, f"{name}: nobody was told of {months} months")

    def _judge_given(self, row: Any, given: Any) -> None:
        name, taxed, free = row["merchant_ref"], given["amount"] - given["tax_free"], given["tax_free"]
        self._holds(_is_vat(given["vat"], taxed), f"{name}: refunds of {taxed} taxed KRW had {given['vat']} KRW of VAT")
        whole = given["amount"] == row["captured"]
        fits = free == row["tax_free"] if whole else free <= row["tax_free"]
        self._holds(fits, f"{name}: {free} KRW went back free of tax of {row['tax_free']}")

    def _judge(self, site: Paired, body: bytes, target: str) -> None:
        setup, fields = site.setup, _fields(body)
        parts = next((one for one in setup.parts if one.amount in fields), None)
        months = [fields[name] for name in setup.months if fields.get(name)]
        if parts is None and not months:
            return
        text = body.decode("utf-8", "replace") + target
        row = self._storm.keys.paying(site, text) or self._storm.checks.find(site, text)
        if row is None:
            return
        for told in months:
            self._months.add(row["id"])
            text = f"{row['merchant_ref']}: told of {told} months, of {row['instalment_months']}"
            self._holds(int(told[-2:]) == row["instalment_months"], text)
        # A transfer has no field for it, and a key's window asks for nothing.
        if parts is not None and row["tax_free"] and "/cms/" not in target and int(fields[parts.amount]):
            self._judge_parts(setup, row, parts, fields)

    def _judge_parts(self, setup: Setup, row: Any, parts: Parts, fields: Mapping[str, str]) -> None:
        name, amount = row["merchant_ref"], int(fields[parts.amount])
        refund = self._turn.one(
            "SELECT amount, vat, tax_free FROM operations WHERE payment = ? AND kind = 'refund'"
            " AND state IN ('sent', 'unknown', 'needs_human') ORDER BY id DESC LIMIT 1",
            row["id"],
        )
        if not fields.get(parts.vat):
            part = refund is not None and refund["amount"] < row["captured"]
            self._holds(not part, f"{name}: {amount} KRW are asked back of a mixed order without their VAT")
            return
        vat, others = int(fields[parts.vat]), sum(int(fields.get(one) or 0) for one in parts.others)
        self._holds(vat + others <= amount, f"{name}: {vat} KRW of VAT and {others} KRW in {amount}")
        if parts.whole:
            self._holds(vat + others == amount, f"{name}: {vat} and {others} are not {amount} KRW")
        if refund is not None:
            self._holds((amount, vat) == (refund["amount"], refund["vat"]), f"{name}: a refund was told of {vat} VAT")
        else:
            taxed = row["amount"] - row["tax_free"]  # also where another amount was taken: it was told of this one
            is_all = vat == amount < taxed  # less than its VAT was taken
            truth = _is_vat(vat, taxed) or is_all or self._is_rest(row, amount, vat)
            self._holds(truth, f"{name}: {vat} KRW of VAT in {taxed} taxed KRW")

    def _is_rest(self, row: Any, amount: int, vat: int) -> bool:
        """Tell whether it is the VAT of what is left where a part went back past the bridge, which was taxed as far as
        that may be."""
        there = self._storm.checks.truth(row["id"])
        gone = min(there.given, there.taken - row["tax_free"])
        rest = row["amount"] - row["tax_free"] - gone
        return amount == there.net and abs(11 * vat - rest) <= 2 * ELEVENTHS

    def _holds(self, truth: bool, text: str) -> None:
        self._storm.checks.holds("I7b", truth, text)


def _is_vat(vat: int, taxed: int) -> bool:
    return abs(11 * vat - taxed) <= ELEVENTHS


def _fields(body: bytes) -> dict[str, str]:
    text = body.decode("utf-8", "replace")
    if text.startswith("{"):
        return {name: str(value) for name, value in json.loads(text).items()}
    return dict(parse_qsl(text))
