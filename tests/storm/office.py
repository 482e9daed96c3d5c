"""Two people decide the cases, each knowing what the gateway's console shows: one proposes, the other confirms."""

import asyncio
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bridge.domain.decisions import FOUND
from bridge.flows.decide_case import Wish, confirm, propose
from bridge.flows.show_cases import list_cases
from bridge.flows.two_people import operator_actor
from bridge.ledger import operators
from bridge.ledger.ledger import Turn
from bridge.sandbox.world import ControlRefused

if TYPE_CHECKING:
    from tests.storm.storm import Storm

MAKER, CHECKER = "kim", "lee"
LOOKS = 12
SETTLED_SECONDS = 240.0
"""Nobody decides while a request may still be on its way: the longest takes 100 s."""


@dataclass(frozen=True, slots=True)
class Truth:
    """What the console shows of a payment, and what our books say, in KRW."""

    taken: int
    given: int
    booked_taken: int
    booked_given: int
    amount: int
    refund_made: bool
    """Whether the refund without an outcome is among what the console shows as asked for by us."""
    word_taken: bool = False
    """Whether the console shows the buyer's word that has no outcome."""

    @property
    def net(self) -> int:
        return self.taken - self.given

    @property
    def passed(self) -> int:
        """How much came and went at the gateway without our books."""
        return max(0, min(self.taken - self.booked_taken, self.given - self.booked_given))

    @property
    def excess(self) -> int:
        """How much more is at the gateway than in our books."""
        return self.net - (self.booked_taken - self.booked_given)


def hire(turn: Turn) -> None:
    """Write the two operators; nobody logs in by a password here."""
    for name in (MAKER, CHECKER):
        operators.add(turn, operators.Operator(name, name, "operator", "no password opens this"), 0)


async def office(storm: "Storm", chance: random.Random) -> None:
    """Look at the open cases again and again, and decide what can be decided truly."""
    first_seen: dict[str, float] = {}
    for _ in range(LOOKS):
        await asyncio.sleep(chance.uniform(150.0, 500.0))
        cases = await storm.in_bridge(list_cases)
        for case in cases if isinstance(cases, list) else []:
            seen = first_seen.setdefault(case["id"], storm.loop.time())
            if storm.loop.time() - seen >= SETTLED_SECONDS:
                await _decide(storm, case, chance)


async def _decide(storm: "Storm", case: dict[str, Any], chance: random.Random) -> None:
    offered = {str(one["decision"]) for one in case["decisions"]}
    truth = storm.checks.truth(case["payment"])
    own = random.Random(f"{storm.seed}:{case['id']}:{len(case.get('history', ()))}")
    decision, amount = choose(offered, truth, case, adopts=chance.random() < 0.5, chance=own)
    if offered == {"voided"} and truth.net > 0:
        _give_the_rest_back(storm, case["payment"])
    if not decision:
        return
    storm.receipts.put_right(case)
    wish = Wish(case["id"], decision, "관리자 화면에서 금액과 시각을 확인했어요", operator_actor(MAKER), amount)
    proposal = await storm.in_bridge(lambda context: propose(context, wish))
    if getattr(proposal, "id", ""):
        ended = await storm.in_bridge(lambda context: confirm(context, case["id"], proposal.id, operator=CHECKER))
        storm.note(f"{case['reason']}: {decision} {amount or ''} {type(ended).__name__}")
        if getattr(ended, "state", "") == "confirmed":
            storm.checks.deeds[f"decided {decision}"] += 1


def _give_the_rest_back(storm: "Storm", payment: str) -> None:
    """Do by hand what the bridge could not: money that must go back goes back at the gateway's console."""
    site, merchant_ref = storm.checks.place(payment)
    storm.must_tell.add(merchant_ref)
    try:
        storm.gates[site].desk.refund({"merchant_ref": merchant_ref})
    except ControlRefused as refused:
        storm.note(f"the console refuses: {refused}")
    else:
        storm.note(f"the rest of {merchant_ref} is given back by hand")


def choose(
    offered: set[str], truth: Truth, case: dict[str, Any], *, adopts: bool, chance: random.Random
) -> tuple[str, int | None]:
    """Choose one of the decisions that are true, with its amount where it has one; nothing where none is."""
    booked, is_found = case.get("booked", 0), case["reason"] in FOUND
    gone = min(-truth.excess, booked) if booked else truth.passed if is_found else -truth.excess
    told = case.get("amount", 0) - booked
    waits = (
        is_found and case.get("payment_state") == "awaiting_deposit"
    )  # then the rest may be its own deposit, told late
    lies_there = min(truth.excess, told) if waits else truth.excess
    if waits and not booked:
        gone = min(gone, told)
    found: dict[str, bool] = {
        "refunded": truth.refund_made,
        "not_refunded": not truth.refund_made,
        "word_taken": truth.word_taken,
        "word_not_taken": not truth.word_taken,
        "voided": truth.taken > 0 and truth.net == 0,
        "declined": truth.taken == 0,
        "paid": truth.net == truth.amount and truth.given == 0,
        "adopted": adopts and truth.excess == 0,
        "given_back": gone > 0,
        "not_given_back": truth.excess == 0,
        "money_found": lies_there > 0 and not (waits and truth.passed),
        "no_money": truth.excess == 0,
        "seen": truth.excess == 0,
    }
    true = [decision for decision, is_true in found.items() if decision in offered and is_true]
    if not true:
        return "", None
    decision = chance.choice(true) if is_found and not booked else true[0]
    about = {"given_back": gone, "money_found": lies_there}
    return decision, about.get(decision)
