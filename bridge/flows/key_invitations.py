"""Invitations to register a card or phone: of all windows that were opened by one, one registers something."""

from bridge.domain.billing import KeyState
from bridge.domain.failures import NotNow
from bridge.ledger import billing_keys as rows
from bridge.ledger.ledger import Turn
from bridge.ledger.queues import line_up

USED = (KeyState.ACTIVE, KeyState.DELETING, KeyState.DELETED)
REGISTERED = "이 초대로는 이미 등록했어요. 하나 더 등록하려면 쇼핑몰에 새로 요청해 주세요."
UNDER_WAY = "이 초대로 등록하고 있는 것이 있어서 이번에는 등록하지 않았어요. 그 결과를 먼저 확인해 주세요."


def why_used(turn: Turn, site: str, invitation: str) -> str:
    """Say in Korean why nothing is registered by an invitation now; empty where something may be, or for none.

    A refusal, a window that is over and an answer that was lost leave it as it was: its customer goes on.
    """
    if not invitation:
        return ""
    line_up(turn, f"invitation:{site}:{invitation}")  # no window may overlook that another one registers
    states = {one.state for one in rows.of_invitation(turn, site, invitation)}
    if states.intersection(USED):
        return REGISTERED
    return UNDER_WAY if KeyState.ISSUING in states else ""


def refuse_used(turn: Turn, site: str, invitation: str) -> None:
    """Let no window open by an invitation that was used. Raises NotNow."""
    korean = why_used(turn, site, invitation)
    if korean:
        raise NotNow("Something was registered by this invitation, or may be about to be.", message_ko=korean)
