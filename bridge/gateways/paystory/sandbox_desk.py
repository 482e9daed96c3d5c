"""What the sandbox of Pay-Story remembers: windows, billing keys, trades, settings; and what happens to the money."""

from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from bridge.gateways.paystory.sandbox_tax import check_cancelled_vat, vat_of
from bridge.gateways.paystory.sandbox_words import (
    BANKS,
    DIALECT,
    GATEWAY,
    NO_PARTS,
    OTHER,
    PAID,
    SERVICE,
    TEST_KEYS,
    TEST_SHOP,
)
from bridge.sandbox.bank import Book
from bridge.sandbox.refusals import Refusal
from bridge.sandbox.world import ControlRefused, World

WRONG_BY_WON = 1_000
PHONE_BILL_DAYS = 5
ACCOUNT_DAYS = 3


@dataclass(slots=True)
class Settings:
    """Everything about Pay-Story that no document settles or a shop chooses, and what testers want to change."""

    merchants: dict[str, list[str]] = field(default_factory=lambda: {TEST_SHOP: list(TEST_KEYS)})
    admin_notice_url: str = ""
    notice_ack: str = "json"
    notice_tries: int = 5
    notice_interval_seconds: float = 60.0
    orders_may_repeat: bool = False
    query_lag_seconds: float = 3.0
    net_cancel_seconds: float = 3_600.0
    order_cancel_blocks: bool = True
    cancel_period_days: int = 365
    escrow_confirmed: bool = False
    window_minutes: int = 30
    close_code: str = OTHER
    clock_minutes: float = 0.0


@dataclass(slots=True)
class Session:
    """One window, named by the tid it will have: opened by the script, authenticated by the buyer, used once."""

    id: str
    form: dict[str, str]
    expires: datetime
    key: str
    choice: dict[str, str] = field(default_factory=dict)
    sign_data: str = ""
    used: bool = False

    @property
    def amount(self) -> int:
        """KRW asked for; 0 registers a card."""
        return int(self.form["goodsAmt"])

    @property
    def method(self) -> str:
        """The payMethod."""
        return self.form["payMethod"]


@dataclass(slots=True)
class Bill:
    """One billing key. `amount` KRW is what a phone's must be charged with; `card` masked."""

    bid: str
    merchant: str
    method: str
    amount: int
    at: datetime
    form: dict[str, str]
    choice: dict[str, str]
    secret: str = ""
    deleted: bool = False


@dataclass(slots=True)
class Cancelled:
    """One cancellation: its own tid, KRW, when, and the VAT in it (KRW) where it was told."""

    tid: str
    amount: int
    at: datetime
    vat: int | None = None


@dataclass(slots=True)
class Trade:
    """One approval, one issued account, or one refusal (`code` says which). `amount` in KRW."""

    tid: str
    merchant: str
    order: str
    method: str
    amount: int
    at: datetime
    code: str
    form: dict[str, str]
    choice: dict[str, str]
    book: Book
    notice_url: str = ""
    account: dict[str, str] = field(default_factory=dict)
    deposited: datetime | None = None
    voided: bool = False
    cancels: list[Cancelled] = field(default_factory=list)

    @property
    def approved(self) -> bool:
        """Whether the gateway said yes."""
        return self.code == PAID[self.method]

    @property
    def vat(self) -> int | None:
        """The VAT in it (KRW), where the shop split the amount and no other was taken."""
        asked = int(self.form["goodsAmt"])
        return vat_of(self.form, asked, OTHER) if asked == self.amount else None

    @property
    def left(self) -> int:
        """KRW not cancelled."""
        return self.amount - sum(one.amount for one in self.cancels)


class Till:
    """The sandbox's memory, and the movements of money."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.settings = Settings()
        self.sessions: dict[str, Session] = {}
        self.bills: dict[str, Bill] = {}
        self.trades: dict[str, Trade] = {}
        self._numbered = 0

    def next_tid(self, merchant: str, method: str) -> str:
        """Make up a transaction number of 30 characters: shop, method, time, a running number."""
        self._numbered += 1
        return f"{merchant}{SERVICE[method]}01{self.world.now():%y%m%d%H%M%S}{self._numbered % 10_000:04d}"

    def next_bid(self, merchant: str) -> str:
        """Make up a billing key of 30 characters, in the form the guide's sample has."""
        self._numbered += 1
        return f"{merchant}cb00{self.world.now():%y%m%d%H%M%S}{self._numbered % 10_000:04d}"

    def book(self, merchant: str, order: str, amount: int) -> Book:
        """Find or begin the book of an order."""
        return self.world.bank.open(GATEWAY, DIALECT, merchant, order, amount)

    def of_order(self, merchant: str, order: str) -> list[Trade]:
        """Find the approvals of an order number."""
        return [one for one in self.trades.values() if one.approved and (one.merchant, one.order) == (merchant, order)]

    def check_order(self, merchant: str, order: str) -> None:
        """Refuse an order number that was paid, where the shop does not repeat them, or was cancelled before it came.
        Raises Refusal."""
        book = self.world.bank.find(GATEWAY, DIALECT, merchant, order)
        if book is not None and book.blocked:
            raise Refusal(OTHER, "기타오류 (취소된 주문번호)")
        if not self.settings.orders_may_repeat and self.of_order(merchant, order):
            raise Refusal(OTHER, "기타오류 (중복 주문번호)")

    def refused(self, form: Mapping[str, str], method: str, amount: int, code: str, tid: str = "") -> None:
        """Remember a refusal; an inquiry shows it as well."""
        merchant, order = form["mid"], form["ordNo"]
        tid = tid or self.next_tid(merchant, method)
        book = self.book(merchant, order, amount)
        self.trades[tid] = Trade(tid, merchant, order, method, amount, self.world.now(), code, dict(form), {}, book)

    def take(
        self, tid: str, form: Mapping[str, str], method: str, amount: int, choice: Mapping[str, str], by: str
    ) -> Trade:
        """Take the money, or issue the account. `form` holds shop, order and buyer; `amount` in KRW."""
        now = self.world.now()
        merchant, order = form["mid"], form["ordNo"]
        book = self.book(merchant, order, amount)
        book.ref_no = tid
        trade = Trade(
            tid, merchant, order, method, amount, now, PAID[method], dict(form), dict(choice), book,
            form.get("notiUrl", ""),
        )  # fmt: skip
        self.trades[tid] = trade
        if method == "VACNT":
            bank = choice.get("bank", next(iter(BANKS)))
            number = f"{self.world.random.randrange(10**14):014d}"
            closes = now + timedelta(days=ACCOUNT_DAYS)
            trade.account = {"cpCd": bank, "fnNm": BANKS[bank], "vacntNo": number, "lmtDay": f"{closes:%Y%m%d}"}
            book.account = dict(trade.account)
        else:
            self.world.bank.capture(book, amount, tid, now.isoformat(), by)
        return trade

    def check_phone_bill(self, bill: Bill, amount: int) -> None:
        """Refuse a phone's charge of another amount, more than five days from the day of the month on which its key was
        issued, or a second one for that month's day. Raises Refusal. (guide 3.3.4: 매월 동일한 금액, 오차 5일 이내)"""
        today = self.world.now().date()
        if amount != bill.amount:
            raise Refusal(OTHER, "기타오류 (휴대폰 빌링은 발급 금액과 같아야 합니다)")
        due = _day_near(bill.at.date(), today)
        if due is None:
            raise Refusal(OTHER, "기타오류 (휴대폰 빌링은 발급일과 같은 날짜, 오차 5일 이내)")
        before = [one for one in self.trades.values() if one.approved and one.form.get("bid") == bill.bid and one.left]
        if any(_day_near(bill.at.date(), one.at.date()) == due for one in before):
            raise Refusal(OTHER, "기타오류 (휴대폰 빌링은 매월 한 번)")

    def cancel(self, trade: Trade, amount: int, part: bool, by: str, vat: int | None = None) -> Cancelled:
        """Give KRW back; each part once more with every call. Only in the office is no VAT told. Raises Refusal."""
        self._check_cancel(trade, amount, part)
        if by != "console":
            check_cancelled_vat(trade.vat, [one.vat for one in trade.cancels], vat, last=amount == trade.left)
        done = Cancelled(self.next_tid(trade.merchant, trade.method), amount, self.world.now(), vat)
        trade.cancels.append(done)
        self.world.bank.refund(trade.book, amount, done.tid, done.at.isoformat(), by)
        return done

    def _check_cancel(self, trade: Trade, amount: int, part: bool) -> None:
        now, settings = self.world.now(), self.settings
        if not trade.left or trade.voided:
            raise Refusal("2013")
        if trade.form.get("trxCd") == "1" and not settings.escrow_confirmed:
            raise Refusal("2027")
        if part and trade.method in NO_PARTS:
            raise Refusal("2029")
        if part and amount > trade.left:
            raise Refusal("2032")
        if part and amount == trade.amount:
            raise Refusal("2033")
        if not part and trade.cancels:
            raise Refusal("2031")
        if not part and amount != trade.amount:
            raise Refusal("2011")
        if trade.method == "PHONE" and f"{now:%Y%m}" != f"{trade.at:%Y%m}":
            raise Refusal("2041")
        if now - trade.at > timedelta(days=settings.cancel_period_days):
            raise Refusal("2016")

    def deposit(self, trade: Trade, amount: int, late: bool) -> None:
        """Put KRW into a trade's account; `late` even after its last day. Raises ControlRefused."""
        if not trade.account:
            raise ControlRefused("This payment has no virtual account.")
        if trade.voided or trade.deposited:
            raise ControlRefused("The account is closed or was paid into; a bank would refuse the transfer.")
        now = self.world.now()
        if f"{now:%Y%m%d}" > trade.account["lmtDay"] and not late:
            raise ControlRefused('The account\'s last day is over; send {"late": true} to pay all the same.')
        trade.deposited = now
        trade.amount = amount
        self.world.bank.capture(trade.book, amount, trade.tid, now.isoformat(), "deposit")

    def clear(self) -> None:
        """Forget everything."""
        self.settings = Settings()
        self.sessions.clear()
        self.bills.clear()
        self.trades.clear()


def _day_near(issued: date, today: date) -> date | None:
    """Find the day, some months after the issue, from which today is at most five days away."""
    months = (today.year - issued.year) * 12 + today.month - issued.month
    near = [_months_later(issued, count) for count in (months - 1, months, months + 1) if count >= 1]
    return next((day for day in near if abs((today - day).days) <= PHONE_BILL_DAYS), None)


def _months_later(day: date, count: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + count, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
