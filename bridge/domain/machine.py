"""The state machine as tables: which state a payment or an operation may go to, and from where."""

from enum import StrEnum


class State(StrEnum):
    """States of a payment, named as on the wire."""

    NEW = "new"
    READYING = "readying"
    OPEN = "open"
    APPROVING = "approving"
    UNKNOWN = "unknown"
    VOIDING = "voiding"
    AWAITING_DEPOSIT = "awaiting_deposit"
    PAID = "paid"
    PART_REFUNDED = "part_refunded"
    NEEDS_HUMAN = "needs_human"
    REFUNDED = "refunded"
    DECLINED = "declined"
    VOIDED = "voided"
    EXPIRED = "expired"
    FAILED_READY = "failed_ready"
    SUPERSEDED = "superseded"


class Step(StrEnum):
    """States of an operation."""

    SENT = "sent"
    OK = "ok"
    FAIL = "fail"
    NOT_SENT = "not_sent"
    UNKNOWN = "unknown"
    NEEDS_HUMAN = "needs_human"


class Kind(StrEnum):
    """What an operation does."""

    APPROVE = "approve"  # money moves by our call, or was moved by the gateway in its own window
    UNDO = "undo"  # an approval is taken back
    REFUND = "refund"
    PROBE = "probe"  # the request of a gateway that captures by itself is withdrawn, or found unpaid, at its end
    CHECK = "check"  # the gateway's books are compared with ours; nothing waits for it
    WITHDRAW = "withdraw"  # what else could be paid of a payment that is paid is withdrawn; nothing waits for it
    WORD = "word"  # a buyer's yes or no of an escrow is passed on; the gateway's state settles it


class Evidence(StrEnum):
    """The closed list of facts that may settle an outcome; everything else proves nothing."""

    E1 = "E1"  # a parsed answer to this very call with the exact success code
    E2 = "E2"  # a code on the gateway's decline list
    E3 = "E3"  # no byte of the request was written, known from the transport
    E4 = "E4"  # an inquiry shows it
    E5 = "E5"  # an inquiry shows nothing, twice, after the quiet period
    E6 = "E6"  # net-cancel done, or "no such payment" from it after the quiet period
    E7 = "E7"  # an authenticated notice bound to our reference, amount and currency
    E8 = "E8"  # two people with proof
    E9 = "E9"  # "already cancelled" on a full cancel
    E10 = "E10"  # a well-formed refusal, and net-cancel answering done or nothing there


MOVES: dict[State, frozenset[State]] = {
    State.NEW: frozenset({State.READYING}),
    State.READYING: frozenset({State.OPEN, State.FAILED_READY, State.SUPERSEDED, State.EXPIRED}),
    State.OPEN: frozenset(
        {
            State.APPROVING,
            State.AWAITING_DEPOSIT,
            State.PAID,
            State.DECLINED,
            State.VOIDING,
            State.UNKNOWN,  # at its end, where the gateway captures by itself and will not say that it did not
            State.EXPIRED,
        }
    ),
    State.APPROVING: frozenset(
        {State.PAID, State.DECLINED, State.UNKNOWN, State.OPEN, State.AWAITING_DEPOSIT, State.VOIDING}
    ),
    State.UNKNOWN: frozenset({State.PAID, State.DECLINED, State.AWAITING_DEPOSIT, State.VOIDING, State.NEEDS_HUMAN}),
    State.VOIDING: frozenset({State.VOIDED, State.NEEDS_HUMAN}),
    State.AWAITING_DEPOSIT: frozenset({State.PAID, State.VOIDED, State.EXPIRED}),
    State.PAID: frozenset({State.PART_REFUNDED, State.REFUNDED}),
    State.PART_REFUNDED: frozenset({State.PART_REFUNDED, State.REFUNDED}),
    State.NEEDS_HUMAN: frozenset({State.PAID, State.PART_REFUNDED, State.REFUNDED, State.VOIDED, State.DECLINED}),
    State.REFUNDED: frozenset(),
    State.DECLINED: frozenset(),
    State.VOIDED: frozenset(),
    State.EXPIRED: frozenset(),
    State.FAILED_READY: frozenset(),
    State.SUPERSEDED: frozenset(),
}

STEPS: dict[Step, frozenset[Step]] = {
    Step.SENT: frozenset({Step.OK, Step.FAIL, Step.NOT_SENT, Step.UNKNOWN}),
    Step.UNKNOWN: frozenset({Step.OK, Step.FAIL, Step.NEEDS_HUMAN}),
    Step.NEEDS_HUMAN: frozenset({Step.OK, Step.FAIL}),
    Step.OK: frozenset(),
    Step.FAIL: frozenset(),
    Step.NOT_SENT: frozenset(),
}

TERMINAL = frozenset(state for state, exits in MOVES.items() if not exits)
HOLDING = frozenset(
    {
        State.APPROVING,
        State.UNKNOWN,
        State.VOIDING,
        State.AWAITING_DEPOSIT,
        State.PAID,
        State.PART_REFUNDED,
        State.NEEDS_HUMAN,
    }
)
"""States in which a payment holds money or may: at most one payment of an order may be in them."""

UNSETTLED = frozenset({State.APPROVING, State.UNKNOWN, State.VOIDING, State.NEEDS_HUMAN})
"""States in which nobody may be told that the payment failed."""

PAID_STATES = frozenset({State.PAID, State.PART_REFUNDED, State.REFUNDED})
"""States in which money was captured, exactly the order's amount."""

PENDING_STEPS = frozenset({Step.SENT, Step.UNKNOWN, Step.NEEDS_HUMAN})
"""Operations without outcome; most block every other money operation of their payment (`blocks`)."""


AWAITED_BY_NOBODY = frozenset({Kind.CHECK, Kind.WITHDRAW})
"""Operations that bar nothing, and of whose end nobody is told."""


def may_move(was: State, becomes: State) -> bool:
    """Tell whether a payment may go from one state to the other."""
    return becomes in MOVES[was]


def may_step(was: Step, becomes: Step) -> bool:
    """Tell whether an operation may go from one state to the other."""
    return becomes in STEPS[was]


def blocks(kind: Kind, step: Step) -> bool:
    """Tell whether an operation without outcome keeps others of its payment from being begun.

    A buyer's word keeps back what its escrow does (Payment.escrow), and nothing else.
    """
    return step in PENDING_STEPS and kind not in AWAITED_BY_NOBODY and kind is not Kind.WORD


def order_state(states: set[State]) -> str:
    """Say an order's state from its payments': open | paid | part_refunded | refunded | failed."""
    for state, word in (
        (State.PAID, "paid"),
        (State.PART_REFUNDED, "part_refunded"),
        (State.REFUNDED, "refunded"),
    ):
        if state in states:
            return word
    if states & (HOLDING | {State.NEW, State.READYING, State.OPEN}):
        return "open"
    return "failed"
