"""A clock that stands still, a gateway that is only looked at, and what people buy."""

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bridge.domain.gateway import Ack, ByHand, Circumstantial, Notice
from bridge.domain.payment import Method, Payment

TITLES = {"mainpay": "메인페이", "payapp": "페이앱", "payple": "페이플"}
NAMES = ("홍길동", "김서연", "이도윤", "박하준", "최지우", "남궁민수", "정하은", "Ada Lovelace")
SHOWS = ("봄의 제전 R석", "겨울 나그네 S석 2매", "어린이 국악 한마당 전석", "실내악의 밤 A석")
KRW = (12_000, 33_000, 55_000, 88_000, 110_000)
NOW = datetime(2026, 11, 20, 11, 30, tzinfo=UTC)


class StillClock:
    """A clock that a test moves, and chance that repeats."""

    def __init__(self, at: datetime = NOW) -> None:
        self.at = at
        self.boot = 10_000.0
        self._random = random.Random(7)

    def now(self) -> datetime:
        return self.at

    def boot_seconds(self) -> float:
        return self.boot

    def boot_id(self) -> str:
        return "machine"

    def random_bytes(self, count: int) -> bytes:
        return self._random.randbytes(count)

    async def sleep(self, seconds: float) -> None:
        self.forward(seconds)

    def forward(self, seconds: float) -> None:
        """Let time pass."""
        self.at += timedelta(seconds=seconds)
        self.boot += seconds


@dataclass
class ShownGateway:
    """As much of a gateway as pages look at."""

    name: str
    title: str
    notice_kinds: tuple[str, ...] = ("noti",)
    methods: tuple[Method, ...] = tuple(Method)
    hosts: frozenset[str] = frozenset()
    deadline_seconds: float = 40.0
    human_after_seconds: float = 600.0

    def read_notice(self, raw: bytes, kind: str) -> Notice:
        return Notice("other", kind, "", 0, Circumstantial("a test"))

    def acknowledge(self, raw: bytes, kind: str) -> Ack:
        return Ack("OK", "text/plain")

    def allows_source(self, address: str) -> bool:
        return True

    def refund_rule(self, payment: object, stamp: object) -> ByHand:
        return ByHand("a test")

    def receipt_link(self, payment: Payment) -> str:
        return payment.refs.get("slip", "")
