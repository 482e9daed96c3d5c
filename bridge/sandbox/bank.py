"""The books: what money really moved. The oracle a ledger is compared with; nothing of a gateway's answers counts."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Entry:
    """Money that moved: KRW, the gateway's number for it, when (ISO 8601), and by which operation."""

    amount: int
    ref_no: str
    at: str
    by: str

    def as_json(self) -> dict[str, Any]:
        """Give the entry as JSON."""
        return {"amount": self.amount, "ref_no": self.ref_no, "at": self.at, "by": self.by}


@dataclass(slots=True)
class NoticeRecord:
    """One notice and what the receiver said to each try."""

    kind: str
    tries: int = 0
    acked: bool = False
    lost: bool = False
    answers: list[dict[str, Any]] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Give the record as JSON."""
        return {
            "kind": self.kind,
            "tries": self.tries,
            "acked": self.acked,
            "lost": self.lost,
            "answers": list(self.answers),
        }


@dataclass(slots=True)
class Book:
    """One payment at one gateway: what was authorised, captured and given back, and every call made about it."""

    gateway: str
    dialect: str
    merchant: str
    merchant_ref: str
    amount: int
    ref_no: str = ""
    authorised: bool = False
    blocked: bool = False
    account: dict[str, str] = field(default_factory=dict)
    captures: list[Entry] = field(default_factory=list)
    refunds: list[Entry] = field(default_factory=list)
    calls: Counter[str] = field(default_factory=Counter)
    notices: list[NoticeRecord] = field(default_factory=list)

    @property
    def captured(self) -> int:
        """KRW taken from the buyer."""
        return sum(entry.amount for entry in self.captures)

    @property
    def refunded(self) -> int:
        """KRW given back to the buyer."""
        return sum(entry.amount for entry in self.refunds)

    @property
    def net(self) -> int:
        """KRW the shop holds."""
        return self.captured - self.refunded

    def as_json(self) -> dict[str, Any]:
        """Give the book as JSON."""
        return {
            "gateway": self.gateway,
            "dialect": self.dialect,
            "merchant": self.merchant,
            "merchant_ref": self.merchant_ref,
            "amount": self.amount,
            "ref_no": self.ref_no,
            "captured": self.captured,
            "refunded": self.refunded,
            "net": self.net,
            "authorised": self.authorised,
            "blocked": self.blocked,
            "account": dict(self.account),
            "captures": [entry.as_json() for entry in self.captures],
            "refunds": [entry.as_json() for entry in self.refunds],
            "calls": dict(self.calls),
            "notices": [notice.as_json() for notice in self.notices],
        }


class Bank:
    """All the books of all gateways."""

    def __init__(self) -> None:
        self._books: dict[tuple[str, str, str, str], Book] = {}
        self._by_ref: defaultdict[str, list[Book]] = defaultdict(list)

    def open(self, gateway: str, dialect: str, merchant: str, merchant_ref: str, amount: int) -> Book:
        """Find the book of a payment, or begin it. `amount` in KRW, as last asked for while nothing has moved."""
        key = (gateway, dialect, merchant, merchant_ref)
        book = self._books.get(key)
        if book is None:
            book = Book(gateway, dialect, merchant, merchant_ref, amount)
            self._books[key] = book
            self._by_ref[merchant_ref].append(book)
        elif not book.captures:
            book.amount = amount
        return book

    def find(self, gateway: str, dialect: str, merchant: str, merchant_ref: str) -> Book | None:
        """Find the book of a payment."""
        return self._books.get((gateway, dialect, merchant, merchant_ref))

    def of(self, merchant_ref: str) -> list[Book]:
        """Find the books of all payments with this order number, at whatever gateway."""
        return list(self._by_ref.get(merchant_ref, ()))

    def capture(self, book: Book, amount: int, ref_no: str, at: str, by: str) -> None:
        """Take `amount` KRW from the buyer. Unlike a refund it is not limited: a double charge must show."""
        assert amount > 0, "a capture takes money"
        book.captures.append(Entry(amount, ref_no, at, by))

    def refund(self, book: Book, amount: int, ref_no: str, at: str, by: str) -> None:
        """Give `amount` KRW back. The gateway has checked the balance; giving more than was taken is its own fault."""
        assert 0 < amount <= book.net, "a gateway never gives back more than it holds"
        book.refunds.append(Entry(amount, ref_no, at, by))

    def as_json(self, merchant_ref: str | None = None) -> dict[str, Any]:
        """Give all books, or those of one order number, with their totals in KRW."""
        books = list(self._books.values()) if merchant_ref is None else self.of(merchant_ref)
        payments = [book.as_json() for book in books]
        totals = {name: sum(payment[name] for payment in payments) for name in ("captured", "refunded", "net")}
        return {"payments": payments, "totals": {"payments": len(payments), **totals}}

    def clear(self) -> None:
        """Forget everything."""
        self._books.clear()
        self._by_ref.clear()
