"""Counts at each set-up the stories that every gateway must tell alike, so that none is only said to be among them."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from bridge.ledger.ledger import Turn

PAID = "paid"
DECLINED = "declined"
CLOSED = "window closed"
LOST_BEFORE = "answer lost, nothing done"
LOST_AFTER = "answer lost, all done"
TOLD_THRICE = "notice told thrice"
TOLD_LATE = "notice late"
IN_PARTS = "a part, then the rest"
RACE = "two clerks at once"
TOO_EARLY = "decided too early, then again"
STORIES = (PAID, DECLINED, CLOSED, LOST_BEFORE, LOST_AFTER, TOLD_THRICE, TOLD_LATE, IN_PARTS, RACE, TOO_EARLY)
ANYWHERE = (TOO_EARLY,)
"""Told at any set-up they are told: it is the same code everywhere, and some set-ups hand people few outcomes."""
KEY_TYPED = "typed card registered"
KEY_LOST = "typed card's key lost with its answer"
WORD_TAKEN = "buyer's word on an escrow taken"
WORD_UNHEARD = "buyer's word without an answer"
SAID_ELSEWHERE = "buyer decided at the gateway"
ROUND = "plan's round charged"
ROUND_FAILED = "plan's round refused"
PLAN_ENDED = "plan ended"
PLAN_UNHEARD = "plan's change without an answer"
OF_SOME: Mapping[str, int] = {
    KEY_TYPED: 100,
    KEY_LOST: 20,
    WORD_TAKEN: 30,
    WORD_UNHEARD: 5,
    SAID_ELSEWHERE: 3,
    ROUND: 300,
    ROUND_FAILED: 50,
    PLAN_ENDED: 30,
    PLAN_UNHEARD: 5,
}
"""What only some gateways have, and how often a run that is long enough must have told it."""
OF_FAULTS = {"decline": DECLINED, "notice_thrice": TOLD_THRICE, "notice_late": TOLD_LATE}
ENOUGH_SCHEDULES = 15_000
"""A run of fewer may miss a story by chance; in so many the most seldom is told dozens of times."""


class Stories(Counter[tuple[str, str]]):
    """How often each story was told, by set-up and story."""

    def met(self, setup: str, fault: str) -> None:
        """A gateway's call or notice went wrong."""
        lost = LOST_BEFORE if fault.endswith("_before") else LOST_AFTER if fault.endswith("_after") else ""
        story = OF_FAULTS.get(fault, lost)
        if story:
            self[setup, story] += 1

    def ended(self, turn: Turn, setup: str, payment: Any) -> None:
        """A payment stands as it will stay."""
        if not payment["captured"]:
            return
        self[setup, PAID] += 1
        if payment["refunded"] == payment["captured"]:
            counted = "SELECT COUNT(*) AS many FROM operations WHERE payment = ? AND kind = 'refund' AND state = 'ok'"
            row = turn.one(counted, payment["id"])
            self[setup, IN_PARTS] += int(row is not None and row["many"] > 1)


def unmet(faults: Mapping[str, int], kinds: Iterable[str], schedules: int) -> list[str]:
    """Name the kinds of faults that struck nothing in a run that is long enough to meet all."""
    return [kind for kind in kinds if not faults.get(kind)] if schedules >= ENOUGH_SCHEDULES else []


def untold(told: dict[str, dict[str, int]], schedules: int, of_some: Mapping[str, int] | None = None) -> list[str]:
    """Name the stories that no schedule told at a set-up, or anywhere, in a run that is long enough to tell all; and
    those of some gateways that were told too seldom."""
    if schedules < ENOUGH_SCHEDULES:
        return []
    everywhere = [story for story in STORIES if story not in ANYWHERE]
    missing = [f"{setup}: {story}" for setup, many in told.items() for story in everywhere if not many.get(story)]
    missing += [f"anywhere: {story}" for story in ANYWHERE if not any(many.get(story) for many in told.values())]
    seldom = [(story, of_some.get(story, 0), least) for story, least in OF_SOME.items()] if of_some is not None else []
    return missing + [f"{story}: {many} of {least}" for story, many, least in seldom if many < least]
