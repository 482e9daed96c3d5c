"""The two people who decide: who proposed does not confirm, and how long an account waits that could be both."""

from dataclasses import dataclass

from bridge.clock import from_ms
from bridge.domain.decisions import ALONE_SECONDS, EVIDENCE_CHARACTERS_MIN
from bridge.domain.failures import Malformed, NeedsAnother
from bridge.flows.snapshots import rfc3339
from bridge.ledger import operators
from bridge.ledger.ledger import Turn

REMARK_CHARACTERS_MAX = 500


@dataclass(frozen=True, slots=True)
class Made:
    """Who proposed, and when, in milliseconds."""

    maker: str
    at: int


@dataclass(frozen=True, slots=True)
class Checker:
    """Who confirms, saying what; `may_alone`: the settings let an operator who is alone confirm their own proposal."""

    name: str
    remark: str
    may_alone: bool


def operator_actor(name: str) -> str:
    """Name an operator as the timeline and the proposals do."""
    return f"operator:{name}"


def check_checker(turn: Turn, made: Made, checker: Checker, at: int) -> None:
    """The maker is not the checker. Where one operator is all there is, a day and typed evidence stand in.

    `at` in milliseconds. Raises NeedsAnother (with not_before, where a day is missing), Malformed.
    """
    who, name = operators.by_name(turn, checker.name), checker.name
    if who is None or not who.may_act:
        raise NeedsAnother("Only an operator may confirm; a viewer may look, and a disabled account nothing.")
    if who.renewed_at:
        _wait_a_day(
            "Your account was enabled, made an operator or given a new password: it confirms from a day later on.",
            who.renewed_at,
            at,
        )
    if made.maker != operator_actor(name):
        return
    others = [one for one in operators.all_operators(turn) if one.name != name]
    if any(one.may_act for one in others) or not checker.may_alone:
        raise NeedsAnother("Another operator must confirm what you proposed.")
    _wait_a_day(
        "You are the only operator: confirm your own proposal a day after it was made, and after the others were"
        " disabled or made viewers, or add a second operator.",
        max(made.at, *(one.barred_at for one in others), 0),
        at,
    )
    if len(checker.remark) < EVIDENCE_CHARACTERS_MIN:
        raise Malformed("You confirm your own proposal: type what you saw when you looked again.")


def _wait_a_day(why: str, since: int, at: int) -> None:
    not_before = since + ALONE_SECONDS * 1000
    if at < not_before:
        raise NeedsAnother(why, not_before=rfc3339(from_ms(not_before)))


def read_remark(text: str) -> str:
    """Take a remark as it is kept, in one line. Raises Malformed."""
    text = " ".join(text.split())
    if len(text) > REMARK_CHARACTERS_MAX or not text.isprintable():
        raise Malformed(f"The remark has at most {REMARK_CHARACTERS_MAX} printable characters.")
    return text
