"""What the sandbox of Payple remembers: shops, passes, windows, payers, trades, settings; and what happens to money."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bridge.gateways.payple.sandbox_words import CARDS, DIALECT, GATEWAY, most_vat
from bridge.sandbox.bank import Book
from bridge.sandbox.refusals import Refusal
from bridge.sandbox.world import World

WRONG_BY_WON = 1_000
ROUNDING_WON = 1
"""By which the VAT of a part may be more than its own, so that the parts' adds up to the payment's."""
TEST_SHOP = {
    "key": "abcd1234567890",
    "refund_key": "a41ce010ede9fcbfb3be86b24858806596a9db68b79d138b147c3e563e1829a0",
    "client_key": "test_DF55F29DA654A8CBC0F0A9DD4B556486",
    "parts": "refused",
}
"""The account of Payple's manual, whose card payments are not given back in parts (주의사항)."""
CONTRACT_SHOP_IDS = ("sandboxshop", "sandboxpay")
CONTRACT_SHOPS = {
    name: {"key": TEST_SHOP["key"], "refund_key": TEST_SHOP["refund_key"], "client_key": name}
    for name in CONTRACT_SHOP_IDS
}
"""Shops as those with a contract are: of this sandbox alone, with the test account's keys."""


@dataclass(slots=True)
class Settings:
    """Everything about Payple that no document settles or a shop chooses, and what testers want to change."""

    merchants: dict[str, dict[str, str]] = field(
        default_factory=lambda: {name: dict(shop) for name, shop in ({"test": TEST_SHOP} | CONTRACT_SHOPS).items()}
    )
    referers: list[str] = field(default_factory=list)
    webhook_url: str = ""
    cancel_webhook_url: str = ""
    webhook_json: bool = False
    cancel_webhook_defines: bool = False
    addresses_change: bool = True
    old_names: bool = False
    pass_minutes: int = 30
    pass_once: bool = False
    window_minutes: int = 30
    credentials_anywhere: bool = False
    smallest_won: int = 1_000
    late_result_seconds: float = 20.0
    lookup_shows_refunds: bool = False
    parts_refused: bool = False
    cancel_period_days: int = 365


@dataclass(slots=True)
class Pass:
    """What auth.php gave: tokens for one kind of act at one address."""

    merchant: str
    purpose: str
    cst_id: str
    cust_key: str
    auth_key: str
    way: str
    ends: datetime
    used: bool = False


@dataclass(slots=True)
class Session:
    """One window. `req_key` lets the shop confirm it, once."""

    id: str
    form: dict[str, str]
    granted: Pass
    key: str
    ends: datetime
    choice: dict[str, str] = field(default_factory=dict)
    payer: str = ""
    req_key: str = ""
    done: bool = False

    @property
    def amount(self) -> int:
        """KRW asked for; 0 where a card is only registered."""
        return int(self.form.get("PCD_PAY_TOTAL") or 0)


@dataclass(slots=True)
class Trade:
    """One approval. `amount` in KRW; `seen_from` is when an inquiry begins to show it."""

    merchant: str
    order: str
    amount: int
    at: datetime
    seen_from: datetime
    form: dict[str, str]
    choice: dict[str, str]
    payer: str
    number: str
    book: Book
    refunded: int = 0
    vat_refunded: int = 0
    vat_guessed: bool = False

    @property
    def vat(self) -> int | None:
        """The VAT in it (KRW) where only part of it is taxed (복합과세), which the shop alone knows."""
        told = self.form.get("PCD_PAY_TAXTOTAL", "")
        return int(told) if told else None

    @property
    def day(self) -> str:
        """The day in Korea on which it was made."""
        return f"{self.at:%Y%m%d}"

    def is_month_of(self, form: Mapping[str, str]) -> bool:
        """Tell whether a regular payment is named by its own flag, year and month, and any other by none."""
        names = ("PCD_REGULER_FLAG", "PCD_PAY_YEAR", "PCD_PAY_MONTH")
        monthly = self.form.get("PCD_REGULER_FLAG") == "Y"
        return all(form.get(name, "") == (self.form.get(name, "") if monthly else "") for name in names)


class Till:
    """The sandbox's memory, and the movements of money."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.settings = Settings()
        self.passes: dict[str, Pass] = {}
        self.sessions: dict[str, Session] = {}
        self.payers: dict[str, dict[str, str]] = {}
        self.trades: dict[tuple[str, str], Trade] = {}
        self.months: set[tuple[str, str, str]] = set()

    def grant(self, merchant: str, purpose: str) -> Pass:
        """Give tokens for one kind of act, and an address that may be another each time."""
        world, settings = self.world, self.settings
        way = world.hex(6) if settings.addresses_change else ""
        ends = world.now() + timedelta(minutes=settings.pass_minutes)
        made = Pass(merchant, purpose, world.hex(32), world.hex(32), world.hex(64), way, ends)
        self.passes[made.auth_key] = made
        return made

    def check_pass(self, fields: Mapping[str, str], purpose: str, way: str) -> Pass:
        """Check an act's tokens, its address and their age. A confirmation is made with its window's key and the
        shop's own credentials. Raises Refusal."""
        granted = self.passes.get(fields["PCD_AUTH_KEY"])
        confirms = purpose == "confirm"
        if granted is None or granted.purpose != ("window" if confirms else purpose) or granted.way != way:
            raise Refusal("CPAY0002")
        if self.world.now() > granted.ends or (granted.used and self.settings.pass_once and not confirms):
            raise Refusal("CPAY0002", "인증 정보 만료")
        own = (granted.merchant, self.settings.merchants[granted.merchant]["key"])
        wanted = [own] if confirms else [(granted.cst_id, granted.cust_key)]
        if self.settings.credentials_anywhere:
            wanted = [own, (granted.cst_id, granted.cust_key)]
        said = (fields["PCD_CST_ID"].encode(), fields["PCD_CUST_KEY"].encode())
        if not any(all(map(hmac.compare_digest, said, (a.encode(), b.encode()))) for a, b in wanted):
            raise Refusal("CPAY0002", "인증 정보 불일치")
        granted.used = True
        return granted

    def check_order(self, merchant: str, order: str) -> None:
        """Refuse an order number that was paid. Raises Refusal."""
        if (merchant, order) in self.trades:
            raise Refusal("CPAY0003")

    def check_least(self, amount: int) -> None:
        """Refuse an amount that is too small. Raises Refusal."""
        if amount < self.settings.smallest_won:
            raise Refusal("CPAY0006")

    def keep_payer(self, merchant: str, form: Mapping[str, str], card: str) -> str:
        """Register a card; gives its key."""
        payer = self.world.hex(32)
        self.payers[payer] = {
            "merchant": merchant,
            "card": card,
            "name": form.get("PCD_PAYER_NAME", ""),
            "phone": form.get("PCD_PAYER_HP", ""),
            "no": form.get("PCD_PAYER_NO", ""),
        }
        return payer

    def book(self, merchant: str, order: str, amount: int) -> Book:
        """Find or begin the book of an order."""
        return self.world.bank.open(GATEWAY, DIALECT, merchant, order, amount)

    def take(
        self,
        merchant: str,
        form: Mapping[str, str],
        choice: Mapping[str, str],
        payer: str,
        *,
        by: str,
        wrong: bool = False,
        late: bool = False,
    ) -> Trade:
        """Take the money that `form` asks for. `late`: an inquiry shows it only after a while."""
        now, order = self.world.now(), form["PCD_PAY_OID"]
        amount = int(form["PCD_PAY_TOTAL"]) + (WRONG_BY_WON if wrong else 0)
        seen_from = now + timedelta(seconds=self.settings.late_result_seconds if late else 0)
        book = self.book(merchant, order, amount)
        number = f"{now:%Y%m%d%H%M%S}{self.world.random.randrange(10**10):010d}"
        book.ref_no = number
        trade = Trade(merchant, order, amount, now, seen_from, dict(form), dict(choice), payer, number, book)
        self.trades[merchant, order] = trade
        self.world.bank.capture(book, amount, number, now.isoformat(), by)
        return trade

    def refund(self, trade: Trade, amount: int, by: str, vat: int | None = None) -> None:
        """Give KRW back; a part once more with every call. `vat` is what the shop says is in it. Raises Refusal."""
        if not trade.book.net:
            raise Refusal("PAYC0003")
        if amount > trade.book.net:
            raise Refusal("PAYC0002")
        if amount != trade.amount and (self.settings.parts_refused or self._is_whole_only(trade.merchant)):
            raise Refusal("PAYC0004")
        if self.world.now() - trade.at > timedelta(days=self.settings.cancel_period_days):
            raise Refusal("PAYC0005", "취소 기한 초과")
        if by != "console":
            self._check_vat(trade, amount, vat)
        trade.vat_guessed = trade.vat_guessed or by == "console"
        trade.vat_refunded += vat or 0
        number = self.world.hex(24)
        trade.refunded += amount
        self.world.bank.refund(trade.book, amount, number, self.world.now().isoformat(), by)

    def _is_whole_only(self, merchant: str) -> bool:
        return self.settings.merchants.get(merchant, {}).get("parts") == "refused"

    def _check_vat(self, trade: Trade, amount: int, vat: int | None) -> None:
        """Refuse VAT that is not the payment's: missing, more than is left or than the refund, or less than the rest
        in the last part. A refund in the console tells none, and leaves only the limits. Raises Refusal. (4.)"""
        problem = (vat or 0) > most_vat(amount) + ROUNDING_WON
        if trade.vat is None:
            problem = problem or bool(vat)
        else:
            left, last = trade.vat - trade.vat_refunded, amount == trade.book.net and not trade.vat_guessed
            problem = problem or vat is None or vat > left or (last and vat != left)
        if problem:
            raise Refusal("CPAY0001", "파라미터 오류 (PCD_REFUND_TAXTOTAL)")

    def card_fields(self, card: str, number: str = "") -> dict[str, str]:
        """Write a card's fields, in the names of today or of the manual's first edition."""
        old = self.settings.old_names
        names = ("PCD_CARDNAME", "PCD_CARDNUM", "PCD_CARDTRADENUM") if old else (
            "PCD_PAY_CARDNAME", "PCD_PAY_CARDNUM", "PCD_PAY_CARDTRADENUM",
        )  # fmt: skip
        return dict(zip(names, (CARDS.get(card, ""), masked_card(card), number), strict=True))

    def clear(self) -> None:
        """Forget everything."""
        self.settings = Settings()
        self.passes.clear()
        self.sessions.clear()
        self.payers.clear()
        self.trades.clear()
        self.months.clear()


def masked_card(card: str) -> str:
    """Make up a masked card number of an issuer: its eight middle digits hidden."""
    return f"9{card}0********{card}34" if card else ""
