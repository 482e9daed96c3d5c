"""Everything that can go wrong, by name. A decline is not here: it is an outcome, not a failure."""

from typing import ClassVar


class BridgeError(Exception):
    """Root of the bridge's own errors; `detail` is an English sentence that says what to do."""

    code: ClassVar[str] = "internal"

    def __init__(self, detail: str, **extra: str | int | bool | None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.extra = extra


class CallerError(BridgeError):
    """The caller asked for something that cannot be done; nothing was changed."""


class Malformed(CallerError):
    """The request's body, field or parameter has not the form it must have."""

    code = "malformed"


class OwnNumber(CallerError):
    """What is said to be other money has the number of the payment's own."""

    code = "own_number"


class DepositAwaited(CallerError):
    """More is said to lie on an account than its case tells of, and the deposit that it waits for may be among that."""

    code = "deposit_awaited"


class TooEarly(CallerError):
    """What was sent may still arrive; `not_before` (RFC 3339) says from when on it may be said that it did not."""

    code = "too_early"


class TooLarge(CallerError):
    """A body, header or field is larger than its limit."""

    code = "too_large"


class UnsupportedBody(CallerError):
    """The content type or content encoding is not accepted here."""

    code = "unsupported_body"


class BadSignature(CallerError):
    """The request's signature is missing, malformed or does not fit."""

    code = "bad_signature"


class UnknownKey(CallerError):
    """The key id is not known, or its key was revoked."""

    code = "unknown_key"


class ClockSkew(CallerError):
    """The request's time is outside the window; `server_time` (RFC 3339) lets the caller correct itself."""

    code = "clock_skew"


class Replayed(CallerError):
    """A nonce or a message was used before."""

    code = "replay"


class ClockBehind(CallerError):
    """A request was signed before what the books remember of nonces: a clock was set back, or they were restored."""

    code = "clock_behind"


class KeyReused(CallerError):
    """An idempotency key came again with another body."""

    code = "key_reused"


class InProgress(CallerError):
    """The same request is being worked on right now."""

    code = "in_progress"


class PendingOutcome(CallerError):
    """The outcome of an earlier operation on this payment is not known yet."""

    code = "pending_outcome"


class OrderChanged(CallerError):
    """The order's version is lower than one seen before, or its facts changed under the same version."""

    code = "order_changed"


class OrderTaken(CallerError):
    """The order is already paid, or a payment of it may hold money."""

    code = "order_taken"


class NotFound(CallerError):
    """Nothing of this site has that id. The same answer for missing and foreign."""

    code = "not_found"


class AmountRefused(CallerError):
    """The amount is not an integer of KRW within the limits."""

    code = "amount_refused"


class AmountTooSmall(AmountRefused):
    """The amount is less than the gateway takes; `minimum` says how much it takes at least (KRW)."""

    code = "amount_too_small"


class NotNow(CallerError):
    """The payment's state does not allow this."""

    code = "not_now"


class RefundRefused(CallerError):
    """The refund is not allowed: too much, by hand only, over the daily cap, or an account of the caller's choosing."""

    code = "refund_refused"


class NeedsAnother(CallerError):
    """Another person must confirm this, or the one there is must wait; `not_before` (RFC 3339) says until when."""

    code = "needs_another"


class TokenExpired(CallerError):
    """The token was good once; its time is over."""

    code = "token_expired"


class TokenRefused(CallerError):
    """The token is not ours, was altered, or is for another site or purpose."""

    code = "token_refused"


class TooMany(CallerError):
    """A rate limit was reached; `retry_after_seconds` says when to come back."""

    code = "too_many"


class LoginRefused(CallerError):
    """The name or password is wrong, or the session is over."""

    code = "login_refused"


class GatewayOff(CallerError):
    """The gateway is not set up for this site, or cannot be reached; nothing was sent or no money can have moved."""

    code = "gateway_unavailable"


class Conflict(CallerError):
    """Another turn changed the row first; the caller may read it again."""

    code = "conflict"


class KeyTooOld(CallerError):
    """The Idempotency-Key was made before the books were restored: what it asked for may have been done already."""

    code = "key_too_old"


class Reconciling(BridgeError):
    """The books were restored from a backup and are being compared with the shop's; no money moves meanwhile."""

    code = "reconciling"


class Unreadable(BridgeError):
    """A gateway's answer has not the shape its document gives. Its meaning is unknown, never 'no'."""

    code = "unreadable"


class NotGenuine(BridgeError):
    """A notice or return does not carry what only the gateway could know."""

    code = "not_genuine"


class Misconfigured(BridgeError):
    """A setting is missing or wrong; the detail names it."""

    code = "misconfigured"


class LedgerBroken(BridgeError):
    """The database cannot be trusted or written; the process must end."""

    code = "ledger_broken"


class LedgerHeld(LedgerBroken):
    """Another program holds the database; it may let go of it soon."""

    code = "ledger_held"


class OutcomeUnread(BridgeError):
    """What was asked for is written down and may have been sent; the books cannot be read now for what came of it."""

    code = "outcome_unread"


class Busy(BridgeError):
    """The ledger cannot take the turn right now; nothing was written and nothing was sent."""

    code = "busy"
