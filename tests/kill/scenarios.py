"""The scenarios by name: each prepares, acts, repeats what its client would, and says how it must have ended."""

from .moments import EVERYTHING
from .of_buyers_and_clerks import (
    Approve,
    ApproveTold,
    FullRefund,
    PartRefund,
    Ready,
    Scenario,
    SignedReady,
    UntoldPartRefund,
)
from .of_gateway_and_shop import CancelNotice, ConsoleCancel, Deposit, News
from .of_unknowns import Undo, UnheardUndo

SCENARIOS: dict[str, type[Scenario]] = {
    "ready": Ready,
    "signed_ready": SignedReady,
    "approve": Approve,
    "approve_told": ApproveTold,
    "undo": Undo,
    "unheard_undo": UnheardUndo,
    "full_refund": FullRefund,
    "part_refund": PartRefund,
    "untold_part_refund": UntoldPartRefund,
    "deposit_notice": Deposit,
    "console_cancel_notice": ConsoleCancel,
    "cancel_notice": CancelNotice,
    "news": News,
}
RECOVERY = "recovery"
"""Not one request but what a start does about an approval under way."""

ON_POSTGRES: tuple[str, ...] = ("approve", "undo", "part_refund", "news", RECOVERY)
IN_POWER_CUTS: tuple[str, ...] = ("approve", "deposit_notice", "news")
if EVERYTHING:
    ON_POSTGRES = IN_POWER_CUTS = (*SCENARIOS, RECOVERY)
CHAINS = [
    *SCENARIOS,
    RECOVERY,
    *(f"{name}+postgres" for name in ON_POSTGRES),
    *(f"{name}+power" for name in IN_POWER_CUTS),
]
"""+postgres: the same on PostgreSQL; +power: each death is a power cut, which loses any part of what was not synced."""
