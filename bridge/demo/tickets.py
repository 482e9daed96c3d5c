"""What the demo shop sells. The last two digits of a test ticket's price choose what goes wrong at the sandbox."""

from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Ticket:
    """One seat. `price` in KRW; `story` tells what its purchase is for; `held`: what the fence is answered."""

    id: str
    title: str
    price: int
    story: str = ""
    held: bool = True


_SHOW = "봄밤 콘서트"
_ALL = (
    Ticket("r", f"{_SHOW} R석", 55_000),
    Ticket("s", f"{_SHOW} S석", 33_000),
    Ticket("child", f"{_SHOW} 어린이석", 12_000),
    Ticket("limit", f"{_SHOW} 시험석 1", 55_002, "카드 한도 초과로 거절돼요"),
    Ticket("lost-before", f"{_SHOW} 시험석 2", 55_011, "승인 요청이 중간에 끊겨요 (돈은 움직이지 않아요)"),
    Ticket("lost-after", f"{_SHOW} 시험석 3", 55_012, "돈이 움직인 뒤에 승인 응답이 사라져요"),
    Ticket("slow", f"{_SHOW} 시험석 4", 55_013, "승인 응답이 10초 걸려요"),
    Ticket("refund-lost", f"{_SHOW} 시험석 5", 55_022, "환불된 뒤에 환불 응답이 사라져요"),
    Ticket("refund-refused", f"{_SHOW} 시험석 6", 55_025, "환불이 거절돼요"),
    Ticket("no-window", f"{_SHOW} 시험석 7", 55_033, "결제창이 열리지 않아요"),
    Ticket("seat-gone", f"{_SHOW} 시험석 8", 44_000, "결제하는 사이에 좌석을 놓쳐요", held=False),
)
TICKETS = MappingProxyType({ticket.id: ticket for ticket in _ALL})
