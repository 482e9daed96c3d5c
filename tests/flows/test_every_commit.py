"""The invariants hold after every single commit, not only where a history ends: a look in between is no alarm."""

import pytest

from bridge.domain import invariants
from bridge.ledger import facts
from tests.flows.test_cases import case_of, decide

LATE = ("I9", "I14")
"""Rules about time, which these histories let pass in leaps."""


@pytest.fixture
async def judged(world):
    """A world in which every commit is judged; gives what was found, and how many commits there were."""
    ledger, write = world.context.ledger, world.context.ledger.write
    world.broken, world.commits = [], 0

    def look(turn):
        changed = turn.all("SELECT DISTINCT payment FROM unsealed")
        seen = [facts.read(turn, row["payment"], at=0, patience=lambda *_: 600.0) for row in changed]
        return [one for each in seen if each for one in invariants.check(each) if one.invariant not in LATE]

    async def judging(work):
        try:
            return await write(work)
        finally:
            world.commits += 1
            world.broken += await ledger.read(look)

    ledger.write = judging
    yield world
    ledger.write = write


async def test_paying_and_refunding(judged):
    payment = await judged.buy()
    await judged.refund(payment.id, 5_000)
    await judged.quiet()
    await judged.refund(payment.id)
    await judged.quiet()
    await judged.beat()
    assert await judged.state(payment.id) == "refunded"
    assert judged.commits > 10
    assert judged.broken == []


@pytest.mark.parametrize("fault", ["drop_after", "drop_before", "decline", "wrong_amount", "5xx_after"])
async def test_an_approval_that_goes_wrong(judged, fault):
    judged.fault("pay", fault, code="2001")
    opened = await judged.checkout()
    await judged.come_back(opened)
    await judged.quiet()
    await judged.live(400, step=20)
    assert await judged.state(opened.payment) in ("voided", "declined")
    assert judged.broken == []


async def test_a_deposit(judged):
    opened = await judged.checkout(method="virtual_account")
    await judged.come_back(opened)
    await judged.quiet()
    await judged.live(60)
    assert judged.broken == []


@pytest.mark.parametrize("decision", ["paid", "declined", "voided"])
async def test_what_people_decide(judged, decision):
    judged.fault("pay", "drop_after")
    judged.fault("net_cancel", "5xx_before", times=None)
    opened = await judged.checkout()
    await judged.come_back(opened)
    await judged.quiet()
    await judged.live(720, step=20)
    await decide(judged, await case_of(judged, opened.payment), decision)
    assert await judged.state(opened.payment) == decision
    assert judged.broken == []


async def test_a_commit_that_breaks_a_rule_is_seen(judged):
    payment = await judged.buy()
    await judged.context.ledger.write(
        lambda turn: turn.run("UPDATE payments SET orphaned = 5, version = version + 1 WHERE id = ?", payment.id)
    )
    assert {one.invariant for one in judged.broken} >= {"I1"}
