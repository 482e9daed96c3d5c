"""What the page that opens a gateway's window by its script says, by what the window is for."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WindowWords:
    """The window's `name`, what ends it well, what else the buyer may do, and that nothing has happened so far."""

    name: str
    done: str
    otherwise: str
    nothing: str


PAY = WindowWords(
    "결제 창", "결제를 마치면", "주문 페이지에서 다른 결제 수단을 골라 주세요", "아직 아무것도 결제하지 않았어요"
)
KEY = WindowWords("등록 창", "등록을 마치면", "다른 브라우저로 열어 주세요", "아직 아무것도 등록하지 않았어요")
PLAN = WindowWords(
    "정기결제 창", "정기결제에 동의하면", "다른 브라우저로 열어 주세요", "아직 아무것도 신청하거나 결제하지 않았어요"
)
