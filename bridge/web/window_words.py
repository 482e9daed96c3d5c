"""What the page that opens a gateway's window by its script says, and the one on which a card is typed, by what for."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WindowWords:
    """The window's `name`, what ends it well, what else the buyer may do without a script, that nothing has happened so
    far, and what the way out is called where the window does not open."""

    name: str
    done: str
    otherwise: str
    nothing: str
    leave: str


PAY = WindowWords(
    "결제 창",
    "결제를 마치면",
    "주문 페이지에서 다른 결제 수단을 골라 주세요",
    "아직 아무것도 결제하지 않았어요",
    "다른 결제 수단 고르기",
)
BACK = "쇼핑몰로 돌아가기"
KEY = WindowWords("등록 창", "등록을 마치면", "다른 브라우저로 열어 주세요", "아직 아무것도 등록하지 않았어요", BACK)
PLAN = WindowWords(
    "정기결제 창",
    "정기결제에 동의하면",
    "다른 브라우저로 열어 주세요",
    "아직 아무것도 신청하거나 결제하지 않았어요",
    BACK,
)


@dataclass(frozen=True, slots=True)
class CardWords:
    """The page's `title`, its `button`, what was not done so far, and what is said where the gateway said nothing."""

    title: str
    button: str
    nothing: str
    failed: str


CARD_KEY = CardWords(
    "카드 등록",
    "카드 등록하기",
    "등록해도 지금은 결제하지 않아요",
    "카드를 등록하지 못했어요. 카드를 확인하고 다시 시도해 주세요.",
)
CARD_PAYMENT = CardWords(
    "카드로 결제", "결제하기", "아직 아무것도 결제하지 않았어요", "결제하지 못했어요. 돈은 빠져나가지 않았어요."
)
