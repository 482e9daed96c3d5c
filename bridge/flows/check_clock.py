"""Says when the wall clock is so far behind what the books have seen that signed requests are refused."""

from bridge.domain.spans import span
from bridge.flows.health import Check, Words
from bridge.ledger import replay
from bridge.ledger.ledger import Turn


def check_clock(turn: Turn, at: int) -> list[Check]:
    """Fail while what a shop signs now (milliseconds) is refused: its nonce may have been forgotten."""
    behind = (replay.refused_until(turn) - replay.WINDOW_SECONDS * 1000 - at) / 1000
    if behind <= 0:
        return []
    advice = Words(
        f"서버 시계가 뒤로 가서 환불 같은 요청을 {span(behind)} 동안 받지 못해요. 시각 동기화(NTP)를 확인해 주세요.",
        f"The clock was set back: signed requests are refused for {span(behind, 'en')}. Check its time (NTP).",
    )
    value = Words(f"{span(behind)} 늦음", f"{span(behind, 'en')} behind")
    return [Check("clock", "fail", Words("서버 시계", "Clock"), value, advice)]
