"""What must hold once everything is settled, whatever the server died of: the ledger against the gateway's books."""

from collections import defaultdict
from typing import Any

from bridge.domain.machine import TERMINAL, State
from bridge.ledger import audit

from .lab import Lab

TOLD = TERMINAL - {State.SUPERSEDED, State.FAILED_READY} | {State.PAID, State.PART_REFUNDED, State.AWAITING_DEPOSIT}
"""States that WordPress must have heard of."""


class Verdict:
    """Judges a lab again and again; remembers the terminal states it has seen, and the differences a case names."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._ended: dict[str, str] = {}
        self.payments_judged = 0
        self.named: set[str] = set()
        self.unexplained_krw = 0

    def judge(self) -> None:
        """Assert everything that must hold of every payment so far."""
        lab = self._lab
        self._books = lab.gateway.books()
        self._cases: defaultdict[str, list[str]] = defaultdict(list)
        for row in lab.rows("SELECT payment, reason FROM cases WHERE state = 'open'"):
            self._cases[row["payment"]].append(row["reason"])
        payments = lab.rows("SELECT * FROM payments ORDER BY id")
        assert payments, "nothing was judged"
        for payment in payments:
            self._money(payment)
            self._calls(payment)
            self._audit(payment)
            self._news(payment)
            self._notices(payment)
            self._terminal(payment)
        self._orders(payments)
        assert lab.wordpress.refused == []
        assert not lab.wordpress.out_of_time or lab.moments.was_set, "nobody set the clock"
        self.payments_judged = len(payments)

    def _money(self, payment: Any) -> None:
        entries = self._lab.rows("SELECT * FROM entries WHERE payment = ?", payment["id"])
        ledger = sum(row["amount"] for row in entries)
        assert ledger == payment["captured"] - payment["refunded"], "the payment's own sums are not its entries'"
        book = self._books.get(payment["merchant_ref"])
        gateway = book["net"] if book else 0
        if ledger != gateway:
            people = self._lab.rows(
                "SELECT id FROM operations WHERE payment = ? AND state = 'needs_human'", payment["id"]
            )
            self.named.add(payment["id"])
            self.unexplained_krw += 0 if self._cases[payment["id"]] else abs(gateway - ledger)
            assert self._cases[payment["id"]], f"the gateway holds {gateway}, the ledger says {ledger}, and no case"
            assert people or "external_cancel" in self._cases[payment["id"]]

    def _calls(self, payment: Any) -> None:
        book = self._books.get(payment["merchant_ref"])
        if book is None:
            return
        assert book["calls"].get("pay", 0) <= 1, "an approval was sent twice"
        assert len(book["captures"]) <= 1, "money was taken twice"
        operations = self._lab.rows(
            "SELECT kind, amount FROM operations WHERE payment = ? AND kind IN ('refund', 'undo')", payment["id"]
        )
        returned = [entry for entry in book["refunds"] if entry["by"] != "console"]
        assert len(returned) <= len(operations), "money was given back more often than was asked"
        wanted = sorted(row["amount"] for row in operations)
        for entry in returned:
            assert entry["amount"] in wanted, "money was given back that nobody asked for"
            wanted.remove(entry["amount"])

    def _audit(self, payment: Any) -> None:
        rows = self._lab.rows("SELECT * FROM audit WHERE payment = ? ORDER BY seq", payment["id"])
        assert rows
        assert audit.first_break(rows) is None  # type: ignore[arg-type]
        assert rows[-1]["became"] == payment["state"], "the audit ends in another state"

    def _news(self, payment: Any) -> None:
        owed = self._lab.rows("SELECT * FROM news WHERE payment = ? ORDER BY seq", payment["id"])
        assert [row["seq"] for row in owed] == list(range(1, len(owed) + 1)), "the sequence has a gap"
        assert all(row["state"] == "heard" for row in owed)
        heard = self._lab.wordpress.of(payment["id"])
        first_heard = {message.id: message for message in reversed(heard)}
        new = [message.seq for place, message in enumerate(heard) if first_heard[message.id] is heard[place]]
        assert new == list(range(1, len(owed) + 1)), "news was not heard in its sequence"
        for message in heard:
            assert message.body == first_heard[message.id].body, "a repetition said something else"
        for row in owed:
            assert first_heard[row["id"]].seq == row["seq"]
        if payment["state"] in TOLD:
            assert heard, f"WordPress never heard of a payment that is {payment['state']}"
            assert max(heard, key=lambda message: message.seq).state == payment["state"]

    def _notices(self, payment: Any) -> None:
        book = self._books.get(payment["merchant_ref"])
        acknowledged = [notice for notice in book["notices"] if notice["acked"]] if book else []
        kept = self._lab.rows("SELECT * FROM notices WHERE payment = ?", payment["id"])
        assert len(kept) >= len(acknowledged), "an acknowledged notice was not kept"
        assert all(row["state"] != "pending" for row in kept)

    def _terminal(self, payment: Any) -> None:
        before = self._ended.get(payment["id"])
        assert before in (None, payment["state"]), f"a terminal state changed from {before} to {payment['state']}"
        if payment["state"] in TERMINAL:
            self._ended[payment["id"]] = payment["state"]

    def _orders(self, payments: list[Any]) -> None:
        """No order is paid twice, at the gateway either."""
        held: defaultdict[str, int] = defaultdict(int)
        for payment in payments:
            book = self._books.get(payment["merchant_ref"])
            held[payment["order_ref"]] += bool(book and book["net"] > 0)
        assert max(held.values()) <= 1, "an order holds money twice"
