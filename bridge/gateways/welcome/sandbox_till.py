"""What the sandbox of Welcome remembers: shops, deals, keys, links; and what becomes of the money."""

from calendar import monthrange
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from bridge.gateways.welcome.sandbox_tax import Taxes, check_cancelled, take
from bridge.gateways.welcome.sandbox_words import (
    ALREADY,
    BAD_SIGNATURE,
    CANNOT,
    DIALECT,
    GATEWAY,
    USED_ORDER,
    Refusal,
)
from bridge.sandbox import rules
from bridge.sandbox.bank import Book
from bridge.sandbox.world import ControlRefused, World

TEST_SHOPS = ("wpaybill01", "welcometst", "welcome221")
# The only signKey that any public sample shows, and the key and IV under which the manual's own example comes out.
SIGN_KEY = "b3VGY2R5ZzI5M2xCZzhrT0paQ1oxQT09"
API_KEY, API_IV = "1" * 32, "1" * 16
WRONG_BY_WON = 1_000
LINK_HOURS = 72
PHONE_KEY_DAYS = 5


def _shops() -> dict[str, dict[str, str]]:
    return {mid: {"sign_key": SIGN_KEY, "api_key": API_KEY, "api_iv": API_IV} for mid in TEST_SHOPS}


@dataclass(slots=True)
class Settings:
    """Everything about Welcome that its manual does not settle, and what testers want to change."""

    shops: dict[str, dict[str, str]] = field(default_factory=_shops)
    pc_notice_url: str = ""
    pg_notice_url: str = ""
    pg_ack: str = "0000 SUCCESS"
    already_code: str = ALREADY
    already_message: str = "이미 취소된 거래입니다."
    confirm_price_locks: bool = True
    link_gives_phone_key: bool = True
    approve_seconds: float = 300.0
    cancel_period_days: int = 365
    clock_minutes: float = 0.0


@dataclass(slots=True)
class Deal:
    """One payment: approved, or waiting for a deposit, or only authenticated. `amount` in KRW."""

    tid: str
    mid: str
    oid: str
    kind: str
    amount: int
    book: Book
    at: datetime
    goods: str = ""
    buyer: str = ""
    card: dict[str, str] = field(default_factory=dict)
    account: dict[str, str] = field(default_factory=dict)
    paid: bool = False
    cancelled: bool = False
    parts: int = 0
    escrow: str = ""
    deny: str = ""
    delivered: bool = False
    taxes: Taxes | None = None

    @property
    def approval(self) -> str:
        """The approval number."""
        return self.tid[-8:]


@dataclass(slots=True)
class Billkey:
    """A key that charges a card, or a phone on its day. Of the card only the mask is kept; `amount` in KRW."""

    key: str
    mid: str
    kind: str
    shown: str
    code: str
    at: datetime
    amount: int = 0
    deleted: bool = False


@dataclass(slots=True)
class Link:
    """One window: a payment link, its buyer's authentication, and what came of it."""

    code: str
    mid: str
    form: dict[str, str]
    expires: datetime
    tid: str = ""
    authenticated_at: datetime | None = None
    choice: dict[str, str] = field(default_factory=dict)
    deal: Deal | None = None
    billkey: str = ""
    undone: bool = False

    @property
    def amount(self) -> int:
        """KRW to be paid."""
        return int(self.form["P_AMT"])

    @property
    def charset(self) -> str:
        """How the mobile service writes: EUC-KR, unless utf8 was asked for (P_CHARSET)."""
        return "utf-8" if self.form.get("P_CHARSET") == "utf8" else "euc-kr"


def _days_like(number: int, *, around: date) -> list[date]:
    """Give the days of that number in the months before, of and after a day; a short month's last day stands in."""
    found = []
    for step in (-1, 0, 1):
        year, month = around.year + (around.month - 1 + step) // 12, (around.month - 1 + step) % 12 + 1
        found.append(date(year, month, min(number, monthrange(year, month)[1])))
    return found


class Till:
    """The sandbox's memory, and the movements of money."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.settings = Settings()
        self.deals: dict[str, Deal] = {}
        self.by_order: dict[tuple[str, str], Deal] = {}
        self.billkeys: dict[str, Billkey] = {}
        self.links: dict[str, Link] = {}
        self._numbered = 0

    def shop(self, mid: str) -> Mapping[str, str]:
        """Find a shop's keys. Raises Refusal."""
        found = self.settings.shops.get(mid)
        if found is None:
            raise Refusal(BAD_SIGNATURE, "존재하지 않는 상점아이디입니다.")
        return found

    def tid(self, mid: str, kind: str) -> str:
        """Make up a transaction number."""
        self._numbered += 1
        return f"WP{kind[:1].upper()}_{mid}{self.world.now():%Y%m%d%H%M%S}{self._numbered:06d}"[:40]

    def book(self, mid: str, oid: str, amount: int) -> Book:
        """Find or begin the book of an order."""
        return self.world.bank.open(GATEWAY, DIALECT, mid, oid, amount)

    def check_new(self, mid: str, oid: str) -> None:
        """Refuse an order number that was used. Raises Refusal."""
        if (mid, oid) in self.by_order or self.book(mid, oid, 0).blocked:
            raise Refusal(USED_ORDER)

    def charge(self, deal: Deal, amount: int, by: str) -> None:
        """Take KRW, or wait for them where the deal is an account."""
        deal.amount = amount
        self.deals[deal.tid] = self.by_order[deal.mid, deal.oid] = deal
        deal.book.ref_no = deal.tid
        deal.book.authorised = True
        if deal.kind == "vbank" and by != "deposit":
            deal.book.account = dict(deal.account)
            return
        deal.paid = True
        self.world.bank.capture(deal.book, amount, deal.tid, self.world.now().isoformat(), by)

    def make(self, mid: str, oid: str, kind: str, amount: int, **more: Any) -> Deal:
        """Prepare a deal; nothing is moved or remembered yet."""
        return Deal(self.tid(mid, kind), mid, oid, kind, amount, self.book(mid, oid, amount), self.world.now(), **more)

    def found(self, mid: str, tid: str) -> Deal:
        """Find a shop's deal. Raises Refusal."""
        deal = self.deals.get(tid)
        if deal is None or deal.mid != mid:
            raise Refusal(CANNOT, "원거래가 없습니다.")
        return deal

    def check_cancellable(self, deal: Deal) -> None:
        """Refuse to cancel what is cancelled, too old, or a deposit that needs an account. Raises Refusal."""
        if deal.cancelled:
            raise Refusal(self.settings.already_code, self.settings.already_message)
        if self.world.now() - deal.at > timedelta(days=self.settings.cancel_period_days):
            raise Refusal(CANNOT, "취소 가능 기간이 지났습니다.")
        if deal.kind == "vbank" and deal.paid:
            raise Refusal(CANNOT, "입금된 가상계좌는 환불계좌가 필요합니다.")

    def cancel_all(self, deal: Deal, by: str) -> None:
        """Give everything back, or close an account. Raises Refusal."""
        self.check_cancellable(deal)
        if deal.parts:
            raise Refusal(CANNOT, "부분취소된 거래입니다.")
        deal.cancelled = True
        deal.escrow = deal.escrow and "1"
        if deal.paid:
            self.world.bank.refund(deal.book, deal.amount, deal.tid, self.world.now().isoformat(), by)

    def cancel_part(self, deal: Deal, amount: int, by: str, taxes: Taxes | None = None) -> str:
        """Give KRW back; gives the cancellation's own number. In the console nobody splits taxes. Raises Refusal."""
        self.check_cancellable(deal)
        if not deal.paid or amount > deal.book.net:
            raise Refusal(CANNOT, "취소 가능 금액을 초과했습니다.")
        if by != "console":
            check_cancelled(deal.taxes, taxes, last=amount == deal.book.net)
        take(deal.taxes, taxes)
        number = self.tid(deal.mid, "x")
        deal.parts += 1
        deal.cancelled = amount == deal.book.net
        self.world.bank.refund(deal.book, amount, number, self.world.now().isoformat(), by)
        return number

    def deposit(self, deal: Deal, amount: int) -> None:
        """Put KRW into a deal's account. Raises ControlRefused."""
        if deal.kind != "vbank" or deal.paid or deal.cancelled:
            raise ControlRefused("Nobody waits for a deposit there; a bank would refuse the transfer.")
        self.charge(deal, amount, "deposit")

    def billkey_of(self, mid: str, key: str, kind: str) -> Billkey:
        """Find a key. Raises Refusal."""
        found = self.billkeys.get(key)
        if found is None or found.deleted or (found.mid, found.kind) != (mid, kind):
            raise Refusal(CANNOT, "존재하지 않는 빌키입니다.")
        return found

    def check_phone_day(self, key: Billkey, amount: int) -> None:
        """Refuse a phone's charge of another amount, or outside five days around its day. Raises Refusal."""
        today, issued = self.world.now().date(), key.at.date()
        near = any(
            abs((today - day).days) <= PHONE_KEY_DAYS and day > issued for day in _days_like(issued.day, around=today)
        )
        if not near or amount != key.amount:
            raise Refusal(CANNOT, "휴대폰 빌링은 발급일 전후 5일, 같은 금액으로만 승인됩니다.")

    def set(self, values: Mapping[str, Any]) -> None:
        """Change settings. Raises ControlRefused."""
        rules.change(self.settings, values, "Welcome")

    def shown(self) -> dict[str, Any]:
        """Give the settings, without the shops' keys."""
        return asdict(self.settings) | {"shops": sorted(self.settings.shops)}

    def clear(self) -> None:
        """Forget everything."""
        self.settings = Settings()
        for memory in (self.deals, self.by_order, self.billkeys, self.links):
            memory.clear()
