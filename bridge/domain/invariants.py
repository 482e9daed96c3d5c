"""What must hold of a payment's books, as rules over the facts of one moment. Pure; each answers what does not hold."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from bridge.domain.machine import (
    AWAITED_BY_NOBODY,
    HOLDING,
    PAID_STATES,
    PENDING_STEPS,
    TERMINAL,
    Evidence,
    Kind,
    State,
    Step,
    may_move,
)
from bridge.domain.payment import Payment

KEEPS_MONEY = HOLDING - {State.VOIDING}
"""Of an order one payment at most may be in these; beside it another may be on its way back (voiding)."""
BEGINNINGS = (State.READYING, State.OPEN)
"""How a payment begins: with a window that is being opened, or without one (a charge)."""
ENTERED_AS_TAKEN = frozenset({Evidence.E1, Evidence.E4, Evidence.E7, Evidence.E8})
PENDING_OR_DONE = frozenset({Step.SENT, Step.UNKNOWN, Step.NEEDS_HUMAN, Step.OK})
STUCK_SECONDS = {State.NEW: 600, State.READYING: 600, State.APPROVING: 600}
SENT_SECONDS_MAX = 300
ACCEPTED = "accepted"
# What cards begin with (ISO/IEC 7812), and how long: 16 digits, American Express 15, UnionPay up to 19, Visa 19 too;
# people write them in groups. Of 15 digits, and in Mastercard's 2-series, times are left out: yyMMddHHmmss and a count,
# as Mainpay wants its requests stamped. Bare numbers of 13 and 14 digits (an old Visa, Diners) are left out as well:
# milliseconds are as long, and so are accounts that buyers pay into, one in ten of which has a fitting last digit.
_MASTERCARD_2 = r"2(?:22[1-9]|2[3-9][0-9]|[3-6][0-9]{2}|7[01][0-9]|720)"
_TIME = r"[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])(?:[01][0-9]|2[0-3])(?:[0-5][0-9]){2}"
_CARD = re.compile(
    r"(?=[2-69])(?<![0-9A-Za-z])(?:"
    rf"[3-69][0-9]{{15}}|(?!{_TIME})(?:[3-69][0-9]{{14}}|{_MASTERCARD_2}[0-9]{{12}})|62[0-9]{{15,17}}|4[0-9]{{18}}"
    rf"|(?P<sixteen>(?:[3-69][0-9]{{3}}|{_MASTERCARD_2})([ -])[0-9]{{4}}\2[0-9]{{4}}\2[0-9]{{4}})(?:\2[0-9]{{3}})?"
    r"|3[47][0-9]{2}([ -])[0-9]{6}\3[0-9]{5}|3(?:0[0-5]|[689][0-9])[0-9]([ -])[0-9]{6}\4[0-9]{4}"
    r")(?![0-9A-Za-z])",
    re.ASCII,
)


class Deed(NamedTuple):
    """An operation: its age in seconds since it was sent; `sent` what came of its calls that move money."""

    id: str
    kind: Kind
    step: Step
    amount: int
    evidence: str
    code: str
    idempotency_key: str
    age_seconds: float
    sent: tuple[str, ...] = ()


class Entry(NamedTuple):
    """A ledger entry: signed KRW."""

    cause: str
    kind: str
    amount: int
    evidence: str


class News(NamedTuple):
    """A message to WordPress."""

    seq: int
    type: str


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything the rules look at, of one payment, as one read saw it."""

    payment: Payment
    began_with: int
    everyone: Sequence[Payment]
    deeds: Sequence[Deed]
    entries: Sequence[Entry]
    moves: Sequence[tuple[str, str]]
    news: Sequence[News]
    cases: Sequence[tuple[str, str]]
    """(reason, state)"""
    keys: Mapping[str, str]
    """idempotency key -> what it made"""
    sites: frozenset[str]
    texts: Sequence[str] = field(repr=False)
    seen_before: int = 0
    """the number of the last news that WordPress had seen and a restored copy has not"""
    seconds_in_state: float = 0.0
    human_after_seconds: float = 600.0
    notices_kept: int = 0

    def sum_of(self, *kinds: str) -> int:
        """Sum the entries of some kinds, in KRW."""
        return sum(one.amount for one in self.entries if one.kind in kinds)

    def has_open_case(self) -> bool:
        """Whether a person is asked about this payment."""
        return any(state == "open" for _, state in self.cases)


@dataclass(frozen=True, slots=True)
class Violation:
    """An invariant that does not hold. `grave`: our own books contradict themselves, so no money may move by them."""

    invariant: str
    payment: str
    what: str
    grave: bool


def check(facts: Facts) -> list[Violation]:
    """Check every rule against a payment's facts."""
    found = []
    for name, (rule, grave) in RULES.items():
        found += [Violation(name, facts.payment.id, what, grave) for what in rule(facts)]
    return found


def _balance(facts: Facts) -> Iterator[str]:
    """I1, as far as our own books can tell: what the payment says is what its entries sum up to."""
    payment = facts.payment
    held = facts.sum_of("capture", "refund", "undo", "external_refund")
    if held != payment.left or facts.sum_of("capture") != payment.captured:
        yield f"entries hold {held} KRW, the payment says {payment.left} of {payment.captured}"
    if facts.sum_of("orphan_capture", "orphan_refund") != payment.orphaned:
        yield f"orphan entries do not sum up to {payment.orphaned} KRW"


def _proof(facts: Facts) -> Iterator[str]:
    """I2: money is recorded only with evidence that it was taken, and by an operation that says so too."""
    done = {one.id: one for one in facts.deeds}
    for entry in facts.entries:
        if entry.amount > 0 and entry.evidence not in ENTERED_AS_TAKEN:
            yield f"the entry {entry.cause} of {entry.amount} KRW stands on {entry.evidence or 'nothing'}"
        deed = done.get(entry.cause)
        if entry.kind == "capture" and deed is not None and (deed.kind, deed.step) != (Kind.APPROVE, Step.OK):
            yield f"the entry {entry.cause} records an approval that is {deed.step}"


def _refunds(facts: Facts) -> Iterator[str]:
    """I3: what was asked to be given back and is not proven refused is no more than what was taken, and neither is what
    was given back in all. Past the bridge money may go back while a refund has no outcome: then that was not made."""
    refunds = [one for one in facts.deeds if one.kind is Kind.REFUND and one.step in PENDING_OR_DONE]
    asked = sum(one.amount for one in refunds)
    given = sum(one.amount for one in refunds if one.step is Step.OK) - facts.sum_of("external_refund", "undo")
    if max(asked, given) > facts.payment.captured:
        yield f"{max(asked, given)} KRW given back, or on their way, of {facts.payment.captured}"


def _once(facts: Facts) -> Iterator[str]:
    """I3b: each operation has its effect once, and never two are without outcome at a time."""
    entered = {one.cause: one for one in facts.entries if one.kind == "refund"}
    for deed in facts.deeds:
        entry = entered.pop(deed.id, None)
        if deed.kind is Kind.REFUND and (deed.step is Step.OK) != (entry is not None):
            yield f"refund {deed.id} is {deed.step} and has {'an' if entry else 'no'} entry"
        elif entry is not None and entry.amount != -deed.amount:
            yield f"refund {deed.id} is of {deed.amount} KRW, its entry of {entry.amount}"
    yield from (f"the entry {cause} has no refund" for cause in entered)
    together = {Kind.REFUND: Kind.APPROVE}
    waiting = [one for one in facts.deeds if one.step in PENDING_OR_DONE and one.step is not Step.OK]
    pending = Counter(together.get(one.kind, one.kind) for one in waiting)
    yield from (f"{many} operations are without outcome at once" for many in pending.values() if many > 1)


def _sent_once(facts: Facts) -> Iterator[str]:
    """I3b: an approval is sent once, a refund in part again only after answers; what takes all back may be repeated."""
    for deed in facts.deeds:
        in_part = deed.kind is Kind.REFUND and deed.amount != facts.payment.captured
        if deed.kind is Kind.APPROVE and len(deed.sent) > 1:
            yield f"the approval {deed.id} was sent {len(deed.sent)} times"
        elif in_part and any(verdict != "answered" for verdict in deed.sent[:-1]):
            yield f"the refund {deed.id} was sent again, and nobody knew what came of the call before"


def _intent(facts: Facts) -> Iterator[str]:
    """I4: money moves only by an operation that was written down."""
    known = {one.id for one in facts.deeds}
    approvals = [one for one in facts.deeds if one.kind is Kind.APPROVE]
    if facts.payment.state == State.APPROVING and not any(one.step is Step.SENT for one in approvals):
        yield "the payment is being approved and no approval was sent"
    for entry in facts.entries:
        if entry.kind == "capture" and entry.evidence == Evidence.E1 and entry.cause not in known:
            yield f"the entry {entry.cause} records an answer to an operation that nobody wrote down"


def _one_holder(facts: Facts) -> Iterator[str]:
    """I5: of an order at most one payment holds money or may."""
    holders = [one.id for one in facts.everyone if State(one.state) in KEEPS_MONEY or one.adopted]
    if len(holders) > 1:
        yield f"{len(holders)} payments of the order hold money or may: {', '.join(sorted(holders))}"


def _kept(facts: Facts) -> Iterator[str]:
    """I5: what is kept beside the order's price is given back or adopted, and a person is asked until it is."""
    payment = facts.payment
    if payment.orphaned > 0 and not payment.adopted and not facts.has_open_case():
        yield f"{payment.orphaned} KRW were found, and nobody is asked about them"


def _path(facts: Facts) -> Iterator[str]:
    """I6: the audit tells a way through the state machine that ends where the payment is."""
    was = ""
    for before, after in facts.moves:
        if not after:
            continue
        if was and before != was:
            yield f"the audit goes on from {before}, after {was}"
        begins = before == State.NEW and after in BEGINNINGS
        if before != after and not begins and not (before in set(State) and may_move(State(before), State(after))):
            yield f"the audit goes from {before or 'nothing'} to {after}"
        was = after
    if was != facts.payment.state:
        yield f"the audit ends at {was or 'nothing'}, the payment is {facts.payment.state}"
    if len(facts.moves) < facts.payment.version:
        yield f"version {facts.payment.version} has {len(facts.moves)} audit rows"


def _amount(facts: Facts) -> Iterator[str]:
    """I7: the order's amount is captured and no other, or it is on its way back and a person is told."""
    payment = facts.payment
    if facts.began_with != payment.amount:
        yield f"the audit has it begin with {facts.began_with} KRW, and it is over {payment.amount}"
    if payment.captured in (0, payment.amount):
        return
    if State(payment.state) not in (State.VOIDING, State.VOIDED, State.NEEDS_HUMAN):
        yield f"{payment.captured} KRW were taken for {payment.amount}, and the payment is {payment.state}"
    elif not any(reason == "amount_mismatch" for reason, _ in facts.cases):
        yield f"{payment.captured} KRW were taken for {payment.amount}, and nobody is asked"


def _told(facts: Facts) -> Iterator[str]:
    """I8: "paid" is told once, exactly when money was taken; "failed" only of what has ended and can take none."""
    types = Counter(one.type for one in facts.news)
    paid = State(facts.payment.state) in PAID_STATES
    if types["payment.paid"] != int(paid):
        yield f"WordPress was told {types['payment.paid']} times that it is paid, and it is {facts.payment.state}"
    if types["payment.failed"] and (paid or State(facts.payment.state) not in TERMINAL):
        yield f"WordPress was told that it failed, and the payment is {facts.payment.state}"
    if types["payment.failed"] and any(one.kind is Kind.APPROVE and one.step in PENDING_STEPS for one in facts.deeds):
        yield "WordPress was told that it failed, and an approval has no outcome"
    numbers = {one.seq for one in facts.news}
    if any(number not in numbers for number in range(facts.seen_before + 1, max(numbers, default=0))):
        yield "the news have gaps in their numbers"


def _unknown(facts: Facts) -> Iterator[str]:
    """I9: what nobody knows is settled in time, or a person is asked."""
    limit = facts.human_after_seconds + 900
    for deed in facts.deeds:
        waited_for = deed.kind not in AWAITED_BY_NOBODY and deed.code != ACCEPTED
        if deed.step is Step.UNKNOWN and waited_for and deed.age_seconds > limit:
            yield f"{deed.kind} {deed.id} has been unknown for {deed.age_seconds:.0f} s"
        if deed.step is Step.NEEDS_HUMAN and not facts.has_open_case():
            yield f"{deed.kind} {deed.id} needs a person, and nobody is asked"
    if facts.payment.state == State.NEEDS_HUMAN and not facts.has_open_case():
        yield "the payment needs a person, and nobody is asked"


def _told_by(facts: Facts) -> Iterator[str]:
    """I10: what stands on a notice has one that is kept. A notice that is gone is missed in flows/check_invariants."""
    told = [one.cause for one in facts.entries if one.evidence == Evidence.E7]
    yield from (f"the entry {cause} stands on a notice, and none is kept" for cause in told if not facts.notices_kept)


def _keys(facts: Facts) -> Iterator[str]:
    """I11: one idempotency key made one thing."""
    made = [(one.idempotency_key, one.id) for one in facts.deeds if one.idempotency_key]
    for key, many in Counter(key for key, _ in made).items():
        if many > 1:
            yield f"the key {key} made {many} operations"
    for key, name in made:
        if facts.keys.get(key, "") not in (name, facts.payment.id):
            yield f"the key of operation {name} names another"


def _tenant(facts: Facts) -> Iterator[str]:
    """I12: every row of a payment is its site's."""
    strange = facts.sites - {facts.payment.site}
    if strange:
        yield f"rows of this payment belong to {', '.join(sorted(strange))}"


def _secrets(facts: Facts) -> Iterator[str]:
    """I13: no card number stands anywhere."""
    many = sum(count_card_numbers(text) for text in facts.texts)
    if many:
        yield f"{many} texts hold what looks like a card number"


def _alive(facts: Facts) -> Iterator[str]:
    """I14: nothing stays on its way for ever."""
    state, seconds = State(facts.payment.state), facts.seconds_in_state
    if seconds > STUCK_SECONDS.get(state, seconds):
        yield f"the payment has been {state} for {seconds:.0f} s"
    if state in (State.UNKNOWN, State.VOIDING) and seconds > facts.human_after_seconds + 900:
        yield f"the payment has been {state} for {seconds:.0f} s"
    for deed in facts.deeds:
        if deed.step is Step.SENT and deed.age_seconds > SENT_SECONDS_MAX:
            yield f"{deed.kind} {deed.id} was sent {deed.age_seconds:.0f} s ago and nobody took it over"


def count_card_numbers(text: str) -> int:
    """Count what looks like a card number in a text: digits in a row, or in groups parted by blanks or hyphens."""
    return sum(1 for found in _CARD.finditer(text) if _is_card(found[0]) or _is_card(found["sixteen"] or ""))


def _is_card(number: str) -> bool:
    """Tell whether the check digit fits; behind sixteen digits may stand a card's last three, or its security code."""
    return bool(number) and passes_luhn(number.replace("-", "").replace(" ", ""))


def passes_luhn(digits: str) -> bool:
    """Tell whether a number's last digit is the check digit that card numbers have (ISO/IEC 7812)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


RULES: Mapping[str, tuple[Callable[[Facts], Iterator[str]], bool]] = {
    "I1": (_balance, True),
    "I2": (_proof, True),
    "I3": (_refunds, True),
    "I3b": (_once, True),
    "I3b sent": (_sent_once, False),
    "I4": (_intent, True),
    "I5": (_one_holder, True),
    "I5 kept": (_kept, False),
    "I6": (_path, True),
    "I7": (_amount, True),
    "I8": (_told, False),
    "I9": (_unknown, False),
    "I10 kept": (_told_by, False),
    "I11": (_keys, False),
    "I12": (_tenant, False),
    "I13": (_secrets, False),
    "I14": (_alive, False),
}
"""Each rule, and whether breaking it is grave. Of I10 and I15 the rest is in flows/check_invariants."""
