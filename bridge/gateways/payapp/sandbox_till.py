"""What the sandbox of PayApp remembers: sellers, requests, registered cards, plans; and what becomes of the money."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from bridge.gateways.payapp.sandbox_words import (
    ASKED,
    CANCELLED,
    DIALECT,
    GATEWAY,
    PAID,
    PART_CANCELLED,
    REQUEST_CANCELLED,
    WAITING,
    Refusal,
)
from bridge.sandbox import rules
from bridge.sandbox.bank import Book
from bridge.sandbox.world import ControlRefused, World

TEST_SELLER = "payapptest"
FIRST_NUMBER = 2_000
WRONG_BY_WON = 1_000


@dataclass(slots=True)
class Settings:
    """Everything about PayApp that its manual does not settle, and what testers want to change."""

    sellers: dict[str, dict[str, str]] = field(
        default_factory=lambda: {TEST_SELLER: {"linkkey": "SANDBOXLINKKEY", "linkval": "SANDBOXLINKVAL"}}
    )
    resellers: list[str] = field(default_factory=lambda: ["payappreseller"])
    common_feedback_url: str = ""
    tls_required: bool = False
    in_apps: bool = False
    usd_allowed: bool = False
    linkkey_for_bills: bool = False
    price_min: int = 1_000
    cancel_days: int = 5
    settled_days: int = 7
    full_after_part_refused: bool = True
    partial_price: str = "cancelled"
    retry_seconds: float = 60.0


@dataclass(slots=True)
class Request:
    """One request for payment (결제요청), and all that became of it. In KRW; a `price` of 0 is the buyer's to say."""

    mul_no: int
    key: str
    userid: str
    form: dict[str, str]
    book: Book
    at: datetime
    price: int
    by_script: bool = False
    acked: bool = True
    state: int = ASKED
    method: str = ""
    choice: dict[str, str] = field(default_factory=dict)
    paid_at: datetime | None = None
    refunded: int = 0
    asked_back: int = 0
    rebill_no: int = 0

    @property
    def left(self) -> int:
        """KRW that the seller still holds."""
        return self.price - self.refunded if self.paid_at else 0


@dataclass(slots=True)
class Bill:
    """A registered card (등록결제): its key alone charges it. Of the card only the mask is kept."""

    key: str
    auth_no: str
    userid: str
    card: str
    issuer: str
    deleted: bool = False


@dataclass(slots=True)
class Plan:
    """A plan of repeated payments (정기결제): waiting, running, stopped or cancelled."""

    no: int
    request: Request
    form: dict[str, str]
    expires: date
    state: str = "waiting"
    next_at: date | None = None
    fails: int = 0


class Till:
    """The sandbox's memory, and the movements of money."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.settings = Settings()
        self.requests: dict[int, Request] = {}
        self.by_key: dict[str, Request] = {}
        self.bills: dict[str, Bill] = {}
        self.plans: dict[int, Plan] = {}
        self.receipts: dict[int, dict[str, str]] = {}
        self.sub_accounts: dict[str, dict[str, str]] = {}
        self._numbered = 0

    def number(self) -> int:
        """Give the next number; all kinds of things are numbered in one row."""
        self._numbered += 1
        return FIRST_NUMBER + self._numbered

    def ask(self, userid: str, form: Mapping[str, str], price: int, *, by_script: bool = False) -> Request:
        """Take in a request for payment. Nothing tells one asked twice from two."""
        mul_no = self.number()
        # PayApp knows no order number of the merchant's; var1 is where merchants keep theirs.
        book = self.world.bank.open(GATEWAY, DIALECT, userid, form.get("var1") or f"mul_no {mul_no}", price)
        book.ref_no = book.ref_no or str(mul_no)
        key = f"{self.world.random.randrange(10**12):012d}"
        made = Request(mul_no, key, userid, dict(form), book, self.world.now(), price, by_script)
        self.requests[mul_no] = self.by_key[key] = made
        return made

    def pay(self, request: Request, method: str, choice: Mapping[str, str], price: int, *, by: str = "pay") -> None:
        """Take the buyer's money, or issue an account to wait for it. `price` in KRW."""
        request.method, request.choice, request.price = method, dict(choice), price
        request.book.authorised = True
        if method == "vbank":
            request.state = WAITING
            number = f"{self.world.random.randrange(10**13):014d}"
            request.choice |= {"vbankno": number}
            request.book.account = {"bank": choice.get("vbank", ""), "number": number}
            return
        self.capture(request, price, by)

    def capture(self, request: Request, amount: int, by: str) -> None:
        """Let KRW arrive."""
        now = self.world.now()
        request.price, request.paid_at, request.state = amount, now, PAID
        self.world.bank.capture(request.book, amount, str(request.mul_no), now.isoformat(), by)

    def check_cancellable(self, request: Request) -> None:
        """Refuse a cancellation after D+5, after the settlement, or of what holds nothing. Raises Refusal."""
        if request.paid_at is None or not request.left:
            raise Refusal("80020")
        if self.is_settled(request) or self._days(request.paid_at) > self.settings.cancel_days:
            raise Refusal("80010")

    def check_askable(self, request: Request) -> None:
        """Refuse a request for a cancellation (결제 취소 요청) of what can be cancelled without one. Raises Refusal."""
        if request.paid_at is None or not request.left:
            raise Refusal("80020")
        if not self.is_settled(request) and self._days(request.paid_at) <= self.settings.cancel_days:
            raise Refusal("80020")

    def is_settled(self, request: Request) -> bool:
        """Tell whether the seller has been paid out, so that only the seller can give the money back."""
        return request.paid_at is not None and self._days(request.paid_at) > self.settings.settled_days

    def _days(self, paid_at: datetime) -> int:
        return (self.world.now().date() - paid_at.date()).days

    def give_back(self, request: Request, amount: int, *, part: bool, by: str) -> int:
        """Give KRW back; gives the number of the cancellation, which a part has of its own. Raises Refusal."""
        if amount > request.left:
            raise Refusal("80030")
        if not part and request.refunded and self.settings.full_after_part_refused:
            raise Refusal("80020")
        whose = 0 if by != "console" else 1
        number = self.number() if part else request.mul_no
        request.refunded += amount
        request.state = PART_CANCELLED[whose] if part else CANCELLED[whose]
        self.world.bank.refund(request.book, amount, str(number), self.world.now().isoformat(), by)
        return number

    def drop(self, request: Request, *, by: str) -> None:
        """Cancel a request that nobody has paid. Raises Refusal."""
        if request.state not in (ASKED, WAITING):
            raise Refusal("80020")
        request.state = REQUEST_CANCELLED[0 if by == "paycancel" else 1]
        request.book.blocked = True

    def deposit(self, request: Request, amount: int) -> None:
        """Put KRW into a request's account. Raises ControlRefused."""
        if request.state != WAITING:
            raise ControlRefused("Nobody waits for a deposit there; a bank would refuse the transfer.")
        self.capture(request, amount, "deposit")

    def bill_of(self, userid: str, key: str) -> Bill:
        """Find a registered card. Raises Refusal."""
        bill = self.bills.get(key)
        if bill is None or bill.deleted or bill.userid != userid:
            raise Refusal("70020", "등록결제 연동키를 확인하세요.")
        return bill

    def due(self, plan: Plan) -> bool:
        """Tell whether a plan's next round has come; a plan whose last day is over ends."""
        if plan.state != "running" or plan.next_at is None:
            return False
        if plan.next_at > plan.expires:
            plan.state = "expired"
            return False
        return plan.next_at <= self.world.now().date()

    def set(self, values: Mapping[str, Any]) -> None:
        """Change settings. Raises ControlRefused."""
        if values.get("partial_price", "cancelled") not in ("cancelled", "remaining"):
            raise ControlRefused('partial_price is "cancelled" or "remaining".')
        rules.change(self.settings, values, "PayApp")

    def shown(self) -> dict[str, Any]:
        """Give the settings, without the sellers' keys."""
        return asdict(self.settings) | {"sellers": sorted(self.settings.sellers)}

    def clear(self) -> None:
        """Forget everything."""
        self.settings = Settings()
        for memory in (self.requests, self.by_key, self.bills, self.plans, self.receipts, self.sub_accounts):
            memory.clear()


def next_round(form: Mapping[str, str], after: date) -> date:
    """Find the day of a plan's next payment (정기결제 주기): 90 is the month's last day, 1 is Monday."""
    match form["rebillCycleType"]:
        case "Day":
            return after + timedelta(days=1)
        case "Week":
            wanted = int(form.get("rebillCycleWeek") or after.isoweekday())
            return after + timedelta(days=(wanted - after.isoweekday() - 1) % 7 + 1)
    wanted = int(form.get("rebillCycleMonth") or after.day)
    for year, month in ((after.year, after.month), (after.year + after.month // 12, after.month % 12 + 1)):
        last = (date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)).day
        if date(year, month, min(wanted, last)) > after:
            break
    return date(year, month, min(wanted, last))
