"""What the sandbox of Mainpay remembers: windows, trades, settings; and what happens to the money of a trade."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any

from bridge.gateways.mainpay.sandbox_words import BANKS, GATEWAY, GUIDE, LIVE, PAY_TYPES, TEST_KEYS, TEST_SHOP, Refusal
from bridge.sandbox.bank import Book
from bridge.sandbox.world import ControlRefused, World

SESSIONS_SWEPT_AT_ONCE = 2
SESSION_KEPT = timedelta(hours=2)
WRONG_BY_WON = 1_000


@dataclass(slots=True)
class Settings:
    """Everything about Mainpay that no document settles, and what testers want to change."""

    merchants: dict[str, list[str]] = field(default_factory=lambda: {TEST_SHOP: list(TEST_KEYS)})
    window_minutes: int = 15
    card_notices: bool = True
    card_notice_url: str = ""
    deposit_notice_url: str = ""
    receipt_notice_url: str = ""
    fixed_accounts: bool = False
    notice_charset: str = "utf-8"
    net_cancel_nothing_code: str = "404"
    net_cancel_too_late_code: str = "3003"
    net_cancel_seconds: float = 0.0
    net_cancel_must_match: bool = True
    net_cancel_blocks: bool = True
    cancel_period_days: int = 365
    empty_card_fields: bool = False
    mobile_merchant_data_base64: bool = False
    transfer_seconds: float = 60.0
    transfer_ok_code: str = "200"
    clock_minutes: float = 0.0


@dataclass(slots=True)
class Session:
    """One window: opened by ready, authenticated by the buyer, used by pay. `id` is its aid, or its refNo.

    A payment without a window has one too, which no browser ever sees; `direct` is then its payType. `vat` is in KRW,
    `told_vat` what the shop stated of it, if anything."""

    id: str
    dialect: str
    merchant: str
    merchant_ref: str
    amount: int
    method: str
    goods: str
    approval_url: str
    close_url: str
    notice_url: str
    merchant_data: str
    customer: dict[str, str]
    vat: int
    created: datetime
    expires: datetime
    key: str
    device: str = "pc"
    token: str = ""
    choice: dict[str, str] = field(default_factory=dict)
    pay_form: dict[str, str] = field(default_factory=dict)
    direct: str = ""
    told_vat: int | None = None
    months: tuple[str, ...] = ()

    @property
    def pay_type(self) -> str:
        """The payType that return, pay and cancel carry."""
        return self.direct or PAY_TYPES.get(self.method, "E")


@dataclass(slots=True)
class Trade:
    """One approval, or one issued account. `amount` is what was captured or is awaited, in KRW."""

    session: Session
    book: Book
    ref_no: str
    at: datetime
    amount: int
    account: dict[str, str] = field(default_factory=dict)
    deposited: bool = False
    closed: bool = False
    undone: bool = False
    cancelled: bool = False
    parts: int = 0
    vat_back: int = 0
    vat_reckoned: bool = False

    @property
    def vat_left(self) -> int:
        """The VAT in KRW that was not given back; `vat_reckoned` where the console gave back and nobody said."""
        return self.session.vat - self.vat_back

    @property
    def tran_date(self) -> str:
        """The day of the approval: YYMMDD live, YYYYMMDD in the guide's dialect, whose guide does not say."""
        return f"{self.at:%y%m%d}" if self.session.dialect == LIVE else f"{self.at:%Y%m%d}"

    @property
    def tran_time(self) -> str:
        """The time of the approval, HHMMSS."""
        return f"{self.at:%H%M%S}"


@dataclass(slots=True)
class BillKey:
    """A card that is remembered: whose it is, what it looks like in answers."""

    merchant: str
    card: str
    masked: str
    deleted: bool = False


@dataclass(slots=True)
class Transfer:
    """A refund to an account. `amount` in KRW; `state` R registered, S made, F failed, C cancelled."""

    trade: Trade
    merchant_ref: str
    ref_no: str
    at: datetime
    amount: int
    state: str = "R"


@dataclass(slots=True)
class Receipt:
    """A cash receipt; `amount` in KRW."""

    merchant: str
    merchant_ref: str
    number: str
    amount: int
    at: datetime
    cancelled: bool = False


class Till:
    """The sandbox's memory of both dialects, and the movements of money."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.settings = Settings()
        self.sessions: dict[str, Session] = {}
        self.trades: dict[tuple[str, str, str], Trade] = {}
        self.trades_by_ref: dict[tuple[str, str], Trade] = {}
        self.bill_keys: dict[str, BillKey] = {}
        self.transfers: dict[str, Transfer] = {}
        self.receipts: dict[str, Receipt] = {}
        self.other_refs: set[tuple[str, str]] = set()
        self._numbered = 0

    def next_ref_no(self) -> str:
        """Make up a transaction number: month, day, two letters, six digits, as seen live."""
        self._numbered += 1
        letters = self._numbered // 1_000_000
        return f"{self.world.now():%m%d}S{chr(65 + letters % 26)}{self._numbered % 1_000_000:06d}"

    def keep(self, session: Session) -> None:
        """Remember a window, and forget old ones that were never paid."""
        for old in list(self.sessions)[:SESSIONS_SWEPT_AT_ONCE] if len(self.sessions) > 1_000 else ():
            if self.world.now() - self.sessions[old].created > SESSION_KEPT:
                del self.sessions[old]
        self.sessions[session.id] = session
        self.world.bank.open(GATEWAY, session.dialect, session.merchant, session.merchant_ref, session.amount)

    def trade_of(self, dialect: str, merchant: str, merchant_ref: str) -> Trade | None:
        """Find the trade of an order number."""
        return self.trades.get((dialect, merchant, merchant_ref))

    def is_used(self, session_dialect: str, merchant: str, merchant_ref: str) -> bool:
        """Tell whether an order number may not be paid any more."""
        book = self.world.bank.find(GATEWAY, session_dialect, merchant, merchant_ref)
        known = (session_dialect, merchant, merchant_ref) in self.trades or (merchant, merchant_ref) in self.other_refs
        return known or (book is not None and book.blocked)

    def approve(self, session: Session, form: Mapping[str, str], wrong: bool, by: str = "pay") -> Trade:
        """Take the money, or issue the account. `wrong` captures another amount than asked."""
        now = self.world.now()
        book = self.world.bank.open(GATEWAY, session.dialect, session.merchant, session.merchant_ref, session.amount)
        amount = session.amount + WRONG_BY_WON if wrong else session.amount
        ref_no = session.id if session.dialect == GUIDE else self.next_ref_no()
        trade = Trade(session, book, ref_no, now, amount)
        session.pay_form = dict(form)
        book.ref_no = ref_no
        self.trades[session.dialect, session.merchant, session.merchant_ref] = trade
        self.trades_by_ref[session.dialect, ref_no] = trade
        if session.method == "VACCT":
            bank = session.choice.get("bank", next(iter(BANKS[session.dialect])))
            self.issue_account(trade, bank, now + timedelta(days=3))
        else:
            self.world.bank.capture(book, amount, ref_no, now.isoformat(), by)
        return trade

    def issue_account(self, trade: Trade, bank: str, closes: datetime) -> None:
        """Give a trade an account to be paid into until the end of a day."""
        number = f"{self.world.random.randrange(10**13):014d}"
        trade.account = {"bankCode": bank, "accountNo": number, "accountCloseDate": f"{closes:%y%m%d}"}
        trade.book.account = dict(trade.account)

    def cancel_all(self, trade: Trade, by: str) -> str:
        """Give back everything, once. Gives the number of the cancellation. Raises Refusal."""
        self._check_cancellable(trade)
        if trade.parts:
            raise Refusal("3001", "취소 실패 (부분취소된 거래)")
        ref_no = self.next_ref_no()
        trade.cancelled = True
        self._give_back(trade, trade.amount, ref_no, by)
        return ref_no

    def cancel_part(self, trade: Trade, amount: int, by: str) -> str:
        """Give back a part, in KRW, again with every call. Gives the number of the cancellation. Raises Refusal."""
        self._check_cancellable(trade)
        if amount > trade.book.net:
            raise Refusal("3001", "취소 실패 (취소 가능 금액 초과)")
        ref_no = self.next_ref_no()
        trade.parts += 1
        trade.cancelled = amount == trade.book.net
        self._give_back(trade, amount, ref_no, by)
        return ref_no

    def _check_cancellable(self, trade: Trade) -> None:
        if trade.cancelled or trade.undone or trade.closed:
            raise Refusal("3002")
        if trade.account:
            raise Refusal("3001", "취소 실패 (가상계좌는 환불 등록 또는 채번 취소)")
        if self.world.now() - trade.at > timedelta(days=self.settings.cancel_period_days):
            raise Refusal("3003")

    def _give_back(self, trade: Trade, amount: int, ref_no: str, by: str) -> None:
        self.world.bank.refund(trade.book, amount, ref_no, self.world.now().isoformat(), by)

    def move_transfer(self, transfer: Transfer, state: str) -> None:
        """Bring a registered transfer to its end; the money moves when it is made, and only then."""
        transfer.state = state
        if state == "S":
            self._give_back(transfer.trade, transfer.amount, transfer.ref_no, "transfer")

    def transfer_of(self, ref_no: str) -> Transfer | None:
        """Find a transfer as it stands now: one that was registered long enough ago has been made."""
        transfer = self.transfers.get(ref_no)
        limit = self.settings.transfer_seconds
        if transfer is None or transfer.state != "R" or not limit:
            return transfer
        if (self.world.now() - transfer.at).total_seconds() >= limit:
            self.move_transfer(transfer, "S")
        return transfer

    def transferable(self, trade: Trade) -> int:
        """Tell how many KRW of a trade may still be transferred: what is held, less what is registered."""
        waiting = (one for one in self.transfers.values() if one.trade is trade and one.state == "R")
        return trade.book.net - sum(one.amount for one in waiting)

    def undo(self, trade: Trade, by: str) -> bool:
        """Reverse an approval, or close an account before its deposit; tells whether anything was left to do.
        Raises Refusal."""
        if trade.undone:
            return False
        limit = self.settings.net_cancel_seconds
        if limit and (self.world.now() - trade.at).total_seconds() > limit:
            raise Refusal(self.settings.net_cancel_too_late_code)
        if trade.cancelled or trade.closed:
            raise Refusal("3002")
        if trade.parts or trade.deposited:
            raise Refusal("3001")
        trade.undone = True
        trade.book.blocked = True
        if trade.account:
            trade.closed = True
        else:
            self._give_back(trade, trade.amount, self.next_ref_no(), by)
        return True

    def deposit(self, trade: Trade, amount: int, late: bool) -> str:
        """Put KRW into a trade's account; `late` even after its last day. Gives the deposit's number.
        Raises ControlRefused."""
        if not trade.account:
            raise ControlRefused("This payment has no virtual account.")
        if trade.closed:
            raise ControlRefused("The account is closed; a bank would refuse the transfer.")
        if trade.deposited and not self.settings.fixed_accounts:
            raise ControlRefused("The account has been paid into already; a bank would refuse the transfer.")
        if f"{self.world.now():%y%m%d}" > trade.account["accountCloseDate"] and not late:
            raise ControlRefused('The account\'s last day is over; send {"late": true} to pay all the same.')
        ref_no = self.next_ref_no()
        trade.deposited = True
        self.world.bank.capture(trade.book, amount, ref_no, self.world.now().isoformat(), "deposit")
        return ref_no

    def change(self, values: Mapping[str, Any]) -> None:
        """Change settings. Raises ControlRefused."""
        kinds: dict[str, Callable[[Any], bool]] = {
            one.name: _kind_check(getattr(self.settings, one.name)) for one in fields(Settings)
        }
        for name, value in values.items():
            if name not in kinds:
                raise ControlRefused(f"Mainpay's sandbox has no setting {name!r}; it has {', '.join(kinds)}.")
            if not kinds[name](value):
                raise ControlRefused(f"The setting {name!r} cannot be {value!r}.")
        for name, value in values.items():
            setattr(self.settings, name, value)

    def shown(self) -> dict[str, Any]:
        """Give the settings, without the shops' keys."""
        return asdict(self.settings) | {
            "merchants": {name: len(keys) for name, keys in self.settings.merchants.items()}
        }

    def clear(self) -> None:
        """Forget everything."""
        self.settings = Settings()
        self.sessions.clear()
        self.trades.clear()
        self.trades_by_ref.clear()
        self.bill_keys.clear()
        self.transfers.clear()
        self.receipts.clear()
        self.other_refs.clear()


def _kind_check(example: Any) -> Callable[[Any], bool]:
    if isinstance(example, bool):
        return lambda value: isinstance(value, bool)
    if isinstance(example, dict):
        return lambda value: (
            isinstance(value, dict)
            and all(isinstance(keys, list) and all(isinstance(key, str) for key in keys) for keys in value.values())
        )
    if isinstance(example, str):
        return lambda value: isinstance(value, str)
    return lambda value: isinstance(value, int | float) and not isinstance(value, bool) and value >= 0
