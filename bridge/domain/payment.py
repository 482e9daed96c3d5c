"""What is sold and what is paid: orders, payments, refunds. Amounts are integers of KRW."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from bridge.domain.failures import AmountRefused, Malformed
from bridge.domain.tax import Split, split

AMOUNT_MIN = 1
AMOUNT_MAX = 9_999_999_999
REQUESTS = "requests"
"""The ref that holds the numbers of requests which a buyer's browser made, with spaces between."""
INSTALMENT_AMOUNT_MIN = 50_000
"""Card companies let nobody pay less than this in instalments (KRW)."""
INSTALMENT_MONTHS_MAX = 36
ESCROW = "escrow"
"""What of a payment's refs is ours: that its window was in escrow, and what the buyer has decided since."""
_AMOUNT_TEXT = re.compile(r"[1-9][0-9]{0,9}\Z", re.ASCII)
_BANK = re.compile(r"[0-9]{2,4}", re.ASCII)
_BORN = re.compile(r"[0-9]{6}|[0-9]{10}", re.ASCII)
ACCOUNT_DIGITS_MIN = 6
ACCOUNT_DIGITS_MAX = 20
"""No gateway's field holds more digits, and an account cut short may be somebody else's."""
ACCOUNT_CHARACTERS_MAX = 24
HOLDER_CHARACTERS_MAX = 40


def parse_amount(value: object) -> int:
    """Read an amount in KRW: an int, or ASCII digits without sign, point or leading zero.

    Raises AmountRefused for everything else (floats, booleans, `1e3`, full-width digits, zero, over the limit).
    """
    if isinstance(value, str) and _AMOUNT_TEXT.match(value):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise AmountRefused("The amount must be an integer of KRW, such as 55000.")
    if not AMOUNT_MIN <= value <= AMOUNT_MAX:
        raise AmountRefused(f"The amount must be between {AMOUNT_MIN} and {AMOUNT_MAX} KRW.")
    return value


class Method(StrEnum):
    """Payment methods; which of them a gateway can, it says itself."""

    CARD = "card"
    ACCOUNT = "account"
    VIRTUAL_ACCOUNT = "virtual_account"
    PHONE = "phone"
    GIFT = "gift"
    KAKAOPAY = "kakaopay"
    NAVERPAY = "naverpay"
    PAYCO = "payco"
    SMILEPAY = "smilepay"
    APPLEPAY = "applepay"
    WECHAT = "wechat"


class Device(StrEnum):
    """Where the window opens."""

    PC = "pc"
    MOBILE = "mobile"
    APP = "app"


class Mode(StrEnum):
    """A site is for tests or for real money, never both."""

    TEST = "test"
    LIVE = "live"


@dataclass(frozen=True, slots=True)
class Buyer:
    """Who buys; personal data."""

    name: str
    email: str = ""
    phone: str = ""
    id: str = ""


@dataclass(frozen=True, slots=True)
class Item:
    """One seat or ticket of an order."""

    ref: str
    title: str
    amount: int
    tax_free: int = 0


@dataclass(frozen=True, slots=True)
class Order:
    """What WordPress sells. Always from the server side of WordPress."""

    ref: str
    version: int
    title: str
    amount: int
    buyer: Buyer
    result_url: str
    retry_url: str = ""
    tax_free: int = 0
    items: tuple[Item, ...] = ()
    hold_expires_at: datetime | None = None
    show_at: datetime | None = None
    locale: str = "ko_KR"


@dataclass(frozen=True, slots=True)
class Payment:
    """One attempt to pay an order, as the ledger knows it. `refs` are what the gateway calls it.

    `orphaned`: KRW found beside its states, after it had ended or more than it asked, and not given back; `adopted`
    says that two people let that money pay for the order.
    `instalment_months` is what the order asks for, 0 for nothing in particular; what a window's buyer chose may differ.
    `window_sealed`: the data of a window that a page of ours opens, sealed, for as long as it may be opened.
    """

    id: str
    site: str
    order_ref: str
    order_version: int
    gateway: str
    method: Method
    device: Device
    state: str
    amount: int
    version: int
    merchant_ref: str
    created_at: datetime
    expires_at: datetime
    captured: int = 0
    refunded: int = 0
    orphaned: int = 0
    adopted: bool = False
    tax_free: int = 0
    instalment_months: int = 0
    refs: Mapping[str, str] = field(default_factory=dict)
    card: Mapping[str, str] = field(default_factory=dict)
    account: Mapping[str, str] = field(default_factory=dict)
    window_url: str = ""
    window_sealed: str = field(default="", repr=False)
    paid_at: datetime | None = None
    close_seen_at: datetime | None = None
    reason: str = ""
    code: str = ""
    message: str = ""

    @property
    def left(self) -> int:
        """KRW captured and not refunded."""
        return self.captured - self.refunded

    @property
    def parts(self) -> Split:
        """The amount's taxable, VAT and tax-free parts in KRW."""
        return split(self.amount, self.tax_free)

    @property
    def escrow(self) -> str:
        """Empty for a payment in no escrow; else `kept`, or what the buyer is known to have said of the goods:
        `confirmed` or `denied`; `confirming` or `denying` while the gateway was told so and its answer is missing."""
        return self.refs.get(ESCROW, "")

    @property
    def requests(self) -> tuple[str, ...]:
        """The gateway's numbers of requests that the buyer's browser made and nobody has withdrawn, oldest first."""
        return tuple(self.refs.get(REQUESTS, "").split())

    @property
    def spare_requests(self) -> tuple[str, ...]:
        """Those of `requests` by which the money that is there did not come: by each of them it could come again.

        The one it came by is among the other refs; where a person's word stands for it, the last that is left is it."""
        if len(self.requests) < 2:
            return ()
        named = {value for name, value in self.refs.items() if name != REQUESTS}
        return tuple(one for one in self.requests if one not in named)


@dataclass(frozen=True, slots=True)
class Account:
    """Where a refund by bank transfer goes; personal data. `born` is the holder's birth date (YYMMDD) or a company's
    number, for a gateway that wants it; empty where it does not."""

    bank: str
    number: str
    holder: str
    born: str = ""


def parse_account(bank: str, number: str, holder: str, born: str = "") -> Account:
    """Read an account as a person typed it: hyphens may part its digits. Raises Malformed, which shows none of it."""
    bank, number, holder, born = bank.strip(), number.strip(), holder.strip(), born.strip()
    digits = number.replace("-", "")
    counts = ACCOUNT_DIGITS_MIN <= len(digits) <= ACCOUNT_DIGITS_MAX and len(number) <= ACCOUNT_CHARACTERS_MAX
    if not _BANK.fullmatch(bank):
        raise Malformed(
            "The bank is its code of 2 to 4 digits, such as 088.",
            message_ko="은행은 088처럼 2~4자리 숫자 코드로 적어 주세요.",
        )
    if not (digits.isascii() and digits.isdigit() and counts):
        raise Malformed(
            f"The account number is {ACCOUNT_DIGITS_MIN} to {ACCOUNT_DIGITS_MAX} digits, with or without hyphens.",
            message_ko=f"계좌번호는 숫자 {ACCOUNT_DIGITS_MIN}~{ACCOUNT_DIGITS_MAX}자리예요. 붙임표는 써도 돼요.",
        )
    if not 1 <= len(holder) <= HOLDER_CHARACTERS_MAX or not holder.isprintable():
        raise Malformed(
            f"The holder is the name on the account, in 1 to {HOLDER_CHARACTERS_MAX} characters.",
            message_ko=f"예금주 이름을 {HOLDER_CHARACTERS_MAX}자 안으로 적어 주세요.",
        )
    if born and not _BORN.fullmatch(born):
        raise Malformed(
            "The holder's birth date is 6 digits (YYMMDD), or a company's number of 10; leave it out if not asked for.",
            message_ko="생년월일은 숫자 6자리, 사업자등록번호는 10자리예요. 필요하지 않으면 비워 주세요.",
        )
    return Account(bank, number, holder, born)


@dataclass(frozen=True, slots=True)
class RefundOrder:
    """One refund to be asked of a gateway: `ref` is new for each, `left_after` is what stays captured in KRW.

    `tax` are its parts where the payment has a tax-free one; without, the VAT is within the amount as usual.
    `notice_url` is where a gateway that takes such an address tells of it.
    """

    ref: str
    amount: int
    reason: str
    full: bool
    left_after: int
    refunded_before: int
    account: Account | None = None
    tax: Split | None = None
    notice_url: str = field(default="", repr=False)

    @property
    def parts(self) -> Split:
        """The amount's taxable, VAT and tax-free parts in KRW."""
        return self.tax or split(self.amount)
