"""What is tried again until it is known: the requests left over of a payment, and transfers that are registered."""

import pytest

from bridge.domain.machine import Evidence, Kind, State, Step
from bridge.domain.services import TransferShown
from bridge.flows.transfer import _record as record_transfer
from bridge.flows.transfer import _record_search as record_search
from bridge.flows.transfer import ask_for_transfer
from bridge.flows.withdraw import MISSES, withdraw_once
from bridge.flows.withdraw import _record as record_withdrawal
from bridge.ledger import operations
from tests.flows.test_settling_by_step import LOST, asked_about
from tests.flows.test_tries import Talks

pytestmark = pytest.mark.sqlite  # the rules are the same whatever keeps the books

PAID = State.PAID
LEFT_OVER = {"refs": {"number": "T", "requests": "T T2"}}
HOUR = 3_600


# ---- requests left over


@pytest.mark.parametrize(
    ("misses", "seconds"),
    [(0, 2), (1, 5), (2, 15), (3, 60), (4, 300), (5, 900), (6, HOUR), (7, None)],
)
async def test_a_request_left_over_is_withdrawn_for_an_hour_and_a_half_and_then_left_alone(desk, misses, seconds):
    at = await desk("SelfTold")
    said = {"refs": {MISSES: str(misses)}}
    _, one = await asked_about(at, PAID, Kind.WITHDRAW, said=said, changes=LEFT_OVER)
    await at.write(lambda turn, pen: record_withdrawal(turn, pen, one.operation, LOST, "T2"))
    after, _ = await at.now(one.operation)
    assert (after.step, await at.seconds_until(after)) == ("unknown", seconds)
    assert (after.code, after.message) == (LOST.code, LOST.message)


async def test_a_further_call_to_withdraw_what_is_left_over_is_sent_while_the_try_is_still_its_own(desk):
    at = await desk("SelfTold")
    at.world.teller.always["probe"] = "strange"
    payment, one = await asked_about(at, PAID, Kind.WITHDRAW, changes=LEFT_OVER)
    wire, renewed = at.world.context.wire, []
    really = wire.converse

    async def converse(exchange, **how):
        renewed.append(await how["renew"]() is not None)
        return await really(exchange, **how)

    wire.converse = converse
    await withdraw_once(at.world.context, at.world.context.sites.get(payment.site), at.gateway, one.operation)
    assert renewed == [True]


# ---- transfers


async def transferring(at, ago=0, **said):
    """A refund by transfer that was asked for so many seconds ago."""
    return await asked_about(at, PAID, Kind.REFUND, ago=ago, said=said)


@pytest.mark.parametrize(("ago", "seconds"), [(0, 60), (HOUR - 1, 60), (HOUR + 1, 600)])
async def test_a_registered_transfer_is_asked_for_each_minute_for_an_hour_and_then_more_seldom(desk, ago, seconds):
    at = await desk("Accounts")
    _, one = await transferring(at, ago, refs={"transfer": "1"})
    await at.write(lambda turn, pen: record_transfer(turn, pen, one.operation, TransferShown("registered")))
    assert await at.seconds_until(one.operation) == seconds


async def test_a_transfer_that_is_found_registered_is_told_over_its_amount(desk):
    at = await desk("Accounts")
    payment, one = await transferring(at)
    shown = TransferShown("registered", refs={"transfer": "1"})
    await at.write(lambda turn, pen: record_search(turn, pen, at.gateway, one.operation, shown, pen.stamp))
    assert [detail for *_, detail in await at.audited(payment, "refund.accepted")] == [{"amount": 55_000}]


async def test_a_transfer_that_was_settled_while_it_was_asked_about_stays_as_it_ended(desk):
    at = await desk("Accounts")
    payment, one = await transferring(at, refs={"transfer": "1"})

    async def settled():
        end = {"evidence": Evidence.E8}
        await at.write(lambda turn, pen: operations.step(turn, one.operation, Step.FAIL, at=pen.at, **end))

    talks = Talks(at.world)
    talks.answers, talks.meanwhile = [TransferShown("done")], settled
    await ask_for_transfer(at.world.context, at.world.context.sites.get(payment.site), at.gateway, one.operation)
    after, payment = await at.now(one.operation)
    assert (after.step, after.evidence, payment.state, payment.refunded) == ("fail", "E8", "paid", 0)
