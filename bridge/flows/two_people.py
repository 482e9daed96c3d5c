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
    """Who confirms, saying what; `may_alone`: the settings let the only operator confirm what may be their own."""

    name: str
    remark: str
    may_alone: bool


def operator_actor(name: str) -> str:
    """Name an operator as the timeline and the proposals do."""
    return f"operator:{name}"


def check_checker(turn: Turn, made: Made, checker: Checker, at: int) -> None:
    """The maker is not the checker. Where one operator is all who could be asked, a day and typed evidence stand in.

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
    if not may_be_both(turn, made.maker, name):
        return
    others = [one for one in operators.all_operators(turn) if one.name != name]
    if any(one.may_act for one in others) or not checker.may_alone:
        raise NeedsAnother("Another operator must confirm what you proposed, or may have proposed by the shop's key.")
    _wait_a_day(
        "You are the only operator: confirm what you proposed, or may have proposed by the shop's key, a day after it"
        " was made, and after the others were disabled or made viewers, or add a second operator.",
        max(made.at, *(one.barred_at for one in others), 0),
        at,
    )
    if len(checker.remark) < EVIDENCE_CHARACTERS_MIN:
        raise Malformed("You confirm as the only operator: type what you saw when you looked again.")


def may_be_both(turn: Turn, maker: str, name: str) -> bool:
    """Tell whether this operator may have proposed too: by their account, or by a site's key where no other may act.

    Whom a site names is text under that key, and proves nobody.
    """
    if maker == operator_actor(name):
        return True
    everyone = operators.all_operators(turn)
    if any(maker == operator_actor(one.name) for one in everyone):
        return False
    return not any(one.may_act for one in everyone if one.name != name)


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
