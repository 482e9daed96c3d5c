"""Why a payment or refund did not happen: a closed list, so that pages and statistics agree in every gateway."""

from enum import StrEnum


class Reason(StrEnum):
    """One word for each kind of refusal; the gateway's own code and message travel beside it."""

    DECLINED = "declined"
    LIMIT = "limit"
    CARD_STOPPED = "card_stopped"
    AMOUNT = "amount"
    MERCHANT = "merchant"
    DUPLICATE = "duplicate"
    SIGNATURE = "signature"
    CLOCK = "clock"
    ALREADY_CANCELLED = "already_cancelled"
    CANCEL_PERIOD = "cancel_period"
    CANCEL_FAILED = "cancel_failed"
    BAD_REQUEST = "bad_request"
    GATEWAY = "gateway"
    SEAT_LOST = "seat_lost"
    ORDER_PAID = "order_paid"
    ORDER_CHANGED = "order_changed"
    AMOUNT_MISMATCH = "amount_mismatch"
    NEVER_HAPPENED = "never_happened"
    EXPIRED = "expired"
