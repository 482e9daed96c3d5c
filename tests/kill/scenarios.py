"""The scenarios by name: each prepares, acts, repeats what its client would, and says how it must have ended."""

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

SCENARIOS: dict[str, type[Scenario]] = {
    "ready": Ready,
    "signed_ready": SignedReady,
    "approve": Approve,
    "approve_told": ApproveTold,
    "full_refund": FullRefund,
    "part_refund": PartRefund,
    "untold_part_refund": UntoldPartRefund,
    "deposit_notice": Deposit,
    "console_cancel_notice": ConsoleCancel,
    "cancel_notice": CancelNotice,
    "news": News,
}
