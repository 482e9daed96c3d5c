"""A ledger with a life behind it: payments that went every way, for the pages and figures to show."""

import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from bridge.app import build_context
from bridge.clock import new_id, new_reference, stamp, to_ms
from bridge.domain.machine import Evidence, Kind, State, Step
from bridge.domain.payment import Buyer, Device, Item, Method, Order, Payment
from bridge.flows.context import Context
from bridge.flows.sites import Sites
from bridge.ledger import calls, cases, news, notices, operations, orders, payments, sites
from bridge.ledger.calls import CallRecord
from bridge.ledger.ledger import Turn
from bridge.ledger.news import News
from bridge.ledger.notices import StoredNotice
from bridge.ledger.operations import Operation
from bridge.settings import Secret, Settings
from bridge.signing import base64url
from tests.support.books import lay_empty_books
from tests.web.still import KRW, NAMES, SHOWS, TITLES, ShownGateway, StillClock


@dataclass
class Town:
    """A bridge with its books open for writing history."""

    context: Context
    clock: StillClock
    chance: random.Random = field(default_factory=lambda: random.Random(11))
    many: int = 0

    async def add_site(self, url: str = "https://tickets.example.kr", mode: str = "test", *names: str) -> str:
        """Add a site with gateways (mainpay alone, if none is named)."""
        site = new_id(self.clock)
        chosen = names or ("mainpay",)
        at = to_ms(self.clock.at)
        key_id = f"key{site[-6:]}"
        secret = base64url.encode(self.clock.random_bytes(32)).encode()

        def write(turn: Turn) -> None:
            sites.add(turn, site=site, url=url, mode=mode, default_gateway=chosen[0], at=at)
            sealed = self.context.vault.seal(secret, f"site_key:{key_id}")
            sites.add_key(turn, key_id=key_id, site=site, secret_sealed=sealed, state="active", at=at)
            for name in chosen:
                settings = self.context.vault.seal(b"{}", f"gateway:{site}:{name}")
                sites.set_gateway(turn, site=site, gateway=name, settings_sealed=settings, at=at)
            sites.touch(turn, at + self.many)

        self.many += 1
        await self.context.ledger.write(write)
        await self.context.sites.refresh()
        return site

    async def pay(
        self,
        site: str,
        ending: str = "paid",
        *,
        seconds_ago: float = 60,
        gateway: str = "mainpay",
        buyer: Buyer | None = None,
        amount: int = 0,
        order_ref: str = "",
        code: tuple[str, str, str] = ("limit", "2002", "카드 한도를 초과했습니다"),
        took_ms: int = 0,
    ) -> Payment:
        """Write one payment's whole history, ending in that state, begun so long ago."""
        now, boot = self.clock.at, self.clock.boot
        self.clock.at, self.clock.boot = now - timedelta(seconds=seconds_ago), boot - seconds_ago
        try:
            return await self.context.ledger.write(
                lambda turn: self._tell(turn, site, ending, gateway, buyer, amount, order_ref, code, took_ms)
            )
        finally:
            self.clock.at, self.clock.boot = now, boot

    def _tell(
        self,
        turn: Turn,
        site: str,
        ending: str,
        gateway: str,
        buyer: Buyer | None,
        amount: int,
        order_ref: str,
        code: tuple[str, str, str],
        took_ms: int,
    ) -> Payment:
        payment = self._open(turn, site, gateway, buyer, amount or self.chance.choice(KRW), order_ref, ending)
        self._call(turn, payment, "ready", took_ms or self._took())
        if ending == "failed_ready":
            return self._move(
                turn, payment, State.FAILED_READY, "window.refused", reason=code[0], code=code[1], message=code[2]
            )
        if ending == "superseded":
            return self._move(turn, payment, State.SUPERSEDED, "window.not_opened")
        refs = {"aid": new_reference(self.clock), "dialect": "live"}
        payment = self._move(
            turn, payment, State.OPEN, "window.opened", refs=refs, window_url="https://pay.example.kr/w/1"
        )
        self.clock.forward(25)
        if ending == "open":
            return payment
        if ending == "expired":
            payment = self._move(turn, payment, State.OPEN, "window.closed", close_seen_at=self.clock.at)
            return self._move(turn, payment, State.EXPIRED, "payment.expired")
        if ending == "awaiting_deposit":
            account = {"bank": "국민은행", "number": "12345678901234", "holder": "페이브리지"}
            return self._move(turn, payment, State.AWAITING_DEPOSIT, "account.issued", account=account)
        return self._approve(turn, payment, ending, code, took_ms or self._took())

    def _approve(self, turn: Turn, payment: Payment, ending: str, code: tuple[str, str, str], took: int) -> Payment:
        operation = self._ask(turn, payment, Kind.APPROVE, payment.amount)
        payment = self._move(turn, payment, State.APPROVING, "approve.sent")
        lost = ending in ("unknown", "needs_human", "voided")
        self._call(turn, payment, "pay", 65_000 if lost else took, "unknown" if lost else "answered")
        self.clock.forward(65 if lost else took / 1000)
        at = to_ms(self.clock.at)
        if ending == "declined":
            operations.step(turn, operation, Step.FAIL, at=at, evidence=Evidence.E2, code=code[1], message=code[2])
            payment = self._move(
                turn, payment, State.DECLINED, "payment.declined", reason=code[0], code=code[1], message=code[2]
            )
            self.tell_wordpress(turn, payment, "payment.failed")
            return payment
        if lost:
            return self._lose(turn, payment, operation, ending)
        operations.step(turn, operation, Step.OK, at=at, evidence=Evidence.E1)
        card = {"name": "신한카드", "number": "123456******7890", "approval_no": "30012345"}
        refs = {**payment.refs, "refNo": f"{self.chance.randrange(10**11):012d}", "applNo": "30012345"}
        payment = self._move(
            turn,
            payment,
            State.PAID,
            "payment.paid",
            captured=payment.amount,
            paid_at=self.clock.at,
            card=card,
            refs=refs,
        )
        self._enter(turn, payment, operation.id, "capture", payment.amount)
        orders.mark_paid_by(turn, payment.site, payment.order_ref, payment.id)
        self.tell_wordpress(turn, payment, "payment.paid")
        self.notice(turn, payment)
        if ending in ("refunded", "part_refunded"):
            payment = self._refund(turn, payment, payment.amount if ending == "refunded" else payment.amount // 2)
        return payment

    def _lose(self, turn: Turn, payment: Payment, operation: Operation, ending: str) -> Payment:
        at = to_ms(self.clock.at)
        operation = operations.step(turn, operation, Step.UNKNOWN, at=at, next_try_at=at + 1000)
        payment = self._move(turn, payment, State.UNKNOWN, "approve.unknown")
        if ending == "unknown":
            operations.try_again(turn, operation, next_try_at=at + 2000)
            return payment
        if ending == "voided":
            undo = self._ask(turn, payment, Kind.UNDO, payment.amount)
            payment = self._move(turn, payment, State.VOIDING, "undo.sent")
            self._call(turn, payment, "net-cancel", 412)
            operations.step(turn, undo, Step.OK, at=at, evidence=Evidence.E6)
            operations.step(turn, operation, Step.FAIL, at=at, evidence=Evidence.E6)
            return self._move(turn, payment, State.VOIDED, "payment.voided")
        operations.step(turn, operation, Step.NEEDS_HUMAN, at=at, next_try_at=at + 600_000)
        payment = self._move(turn, payment, State.NEEDS_HUMAN, "payment.needs_human")
        cases.open_case(
            turn,
            case_id=new_id(self.clock),
            site=payment.site,
            payment=payment.id,
            reason="unknown_outcome",
            detail="net-cancel settled nothing: 3001 거래 조회 불가",
            at=at,
        )
        return payment

    def _refund(self, turn: Turn, payment: Payment, amount: int) -> Payment:
        self.clock.forward(15)
        operation = self._ask(turn, payment, Kind.REFUND, amount, actor="wp:7")
        self._call(turn, payment, "cancel", self._took())
        operations.step(turn, operation, Step.OK, at=to_ms(self.clock.at), evidence=Evidence.E1)
        state = State.REFUNDED if amount == payment.amount else State.PART_REFUNDED
        payment = self._move(turn, payment, state, "refund.done", refunded=amount)
        self._enter(turn, payment, operation.id, "refund", -amount)
        self.tell_wordpress(turn, payment, "payment.refunded")
        return payment

    async def open_cases(self, site: str, many: int) -> None:
        """Open so many cases about one paid payment, a second apart."""
        payment = await self.pay(site, "paid", seconds_ago=3000)
        about = {"site": site, "payment": payment.id, "detail": "seen in the console"}

        def begin(turn: Turn) -> None:
            for number in range(many):
                at = to_ms(self.clock.at) + 1000 * number
                cases.open_case(turn, case_id=new_id(self.clock), reason=f"seen_{number:03}", at=at, **about)

        await self.context.ledger.write(begin)

    async def begin_undo(self, payment: Payment) -> None:
        """Ask for a net-cancel of a payment, whose answer is lost too."""

        def begin(turn: Turn) -> None:
            undo = self._ask(turn, payment, Kind.UNDO, payment.amount)
            at = to_ms(self.clock.at)
            operations.step(turn, undo, Step.UNKNOWN, at=at, next_try_at=at + 1000)

        await self.context.ledger.write(begin)

    def tell_wordpress(self, turn: Turn, payment: Payment, kind: str, *, heard: bool = True, error: str = "") -> None:
        """Owe WordPress a message, heard at once or refused."""
        at = to_ms(self.clock.at)
        one = News(new_id(self.clock), payment.site, payment.id, news.next_seq(turn, payment.id), kind, "{}", 0, at)
        news.add(turn, one)
        if heard:
            news.heard(turn, one.id, at + 180)
        else:
            news.not_heard(turn, one.id, next_try_at=at + 60_000, error=error or "HTTP 503")

    def notice(self, turn: Turn, payment: Payment, state: str = "done") -> None:
        """Receive a notice of the gateway about a payment."""
        at = to_ms(self.clock.at) + 900
        one = StoredNotice(
            new_id(self.clock),
            payment.site,
            payment.gateway,
            "noti",
            new_reference(self.clock),
            "198.51.100.7",
            self.context.vault.seal(b"x", "notice"),
            at,
            payment.id,
        )
        notices.store(turn, one)
        if state != "pending":
            notices.settle(turn, one.id, state, "이미 결제된 것으로 확인" if state == "done" else "", at + 4)

    def _open(
        self, turn: Turn, site: str, gateway: str, buyer: Buyer | None, amount: int, ref: str, ending: str
    ) -> Payment:
        self.many += 1
        ref = ref or f"T{self.clock.at:%y%m%d}-{self.many:05d}"
        title = self.chance.choice(SHOWS)
        who = buyer or Buyer(
            self.chance.choice(NAMES),
            f"buyer{self.many}@example.com",
            f"010-{self.chance.randrange(1000, 9999)}-{self.chance.randrange(1000, 9999)}",
        )
        order = Order(
            ref,
            1,
            title,
            amount,
            who,
            "https://tickets.example.kr/r",
            items=(Item("A-12", title, amount),),
            hold_expires_at=self.clock.at + timedelta(minutes=10),
            show_at=self.clock.at + timedelta(days=20),
        )
        orders.store(turn, site, order, to_ms(self.clock.at))
        method = (
            Method.VIRTUAL_ACCOUNT
            if ending == "awaiting_deposit"
            else self.chance.choice((Method.CARD, Method.CARD, Method.CARD, Method.KAKAOPAY, Method.NAVERPAY))
        )
        payment = Payment(
            new_id(self.clock),
            site,
            ref,
            1,
            gateway,
            method,
            Device.MOBILE,
            str(State.READYING),
            amount,
            1,
            new_reference(self.clock),
            self.clock.at,
            self.clock.at + timedelta(minutes=15),
        )
        payments.add(turn, payment, token_id=self.clock.random_bytes(16).hex(), actor="buyer")
        return payment

    def _ask(self, turn: Turn, payment: Payment, kind: Kind, amount: int, actor: str = "buyer") -> Operation:
        operation = Operation(
            new_id(self.clock),
            payment.site,
            payment.id,
            kind,
            amount,
            Step.SENT,
            new_reference(self.clock),
            actor,
            stamp(self.clock),
            "town",
            self.clock.at,
        )
        operations.add(turn, operation)
        return operation

    def _move(self, turn: Turn, payment: Payment, state: State, event: str, **changes: Any) -> Payment:
        return payments.move(turn, payment, state, at=to_ms(self.clock.at), actor="bridge", event=event, **changes)

    def _enter(self, turn: Turn, payment: Payment, cause: str, kind: str, amount: int) -> None:
        operations.enter(
            turn,
            cause=cause,
            site=payment.site,
            payment=payment.id,
            kind=kind,
            amount=amount,
            evidence=Evidence.E1,
            at=to_ms(self.clock.at),
        )

    def _call(self, turn: Turn, payment: Payment, op: str, took_ms: int, verdict: str = "answered") -> None:
        request = json.dumps(
            {"mbrRefNo": payment.merchant_ref, "amount": payment.amount, "signature": "•••"}, ensure_ascii=False
        )
        answered = verdict == "answered"
        response = json.dumps({"resultCode": "200", "resultMessage": "정상"}, ensure_ascii=False) if answered else ""
        why = "" if answered else "No whole answer within the deadline."
        calls.add(
            turn,
            CallRecord(
                new_id(self.clock),
                payment.site,
                payment.id,
                payment.gateway,
                op,
                verdict,
                200 if answered else 0,
                took_ms,
                420 if answered else None,
                request,
                response,
                why,
                to_ms(self.clock.at) + (took_ms if answered else 65_000),
            ),
        )

    def _took(self) -> int:
        return int(min(20_000, 180 + self.chance.expovariate(1 / 220)))


@asynccontextmanager
async def open_town(folder: Path, public_url: str = "http://127.0.0.1:8080") -> AsyncIterator[Town]:
    """Make a bridge in a folder, with a still clock, a beat of just now, and no site yet."""
    clock = StillClock()
    settings = Settings(public_url, f"sqlite:///{folder / 'bridge.db'}", Secret(bytes(range(32))))
    lay_empty_books(settings.database_path)
    context = build_context(settings, clock=clock)
    context.sites = Sites(context.ledger, context.vault, lambda name, _given, _mode: ShownGateway(name, TITLES[name]))
    context.beat_at = clock.boot_seconds() - 0.4
    try:
        yield Town(context, clock)
    finally:
        await context.wire.close()
        await context.ledger.close()
