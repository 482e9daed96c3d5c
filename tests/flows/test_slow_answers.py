"""A gateway that takes its time: whatever has sent waits for its answer, and nobody takes it over meanwhile."""

import ast
import asyncio
from pathlib import Path

import pytest

from bridge import flows
from bridge.clock import now_ms
from bridge.domain.machine import Step
from bridge.flows.heartbeat import beat
from bridge.flows.recover import recover
from bridge.ledger import operations
from tests.flows.test_accounts import deposited, issue, transfer, void, waiting
from tests.flows.test_billing import CARD, ask, charge, come_back, issued
from tests.flows.test_cases import case_of, decide
from tests.support.postgres import until_the_dead_are_seen
from tests.support.teller import TELLER

ANSWER_SECONDS = 20.0
NO_OPERATION = {"cancel_receipt", "cancel_transfer", "change_plan", "issue_key", "issue_receipt"}
"""What is sent at once and has no operation of its own: a receipt, a key, a plan's stop; or that of a transfer, which
is unknown already."""


async def by_a_window(world):
    opened = await world.checkout()
    return world.return_from_teller(opened)


async def by_the_window_of_a_key(world):
    return come_back(world, await ask(world, order=world.order()))


async def by_the_window_of_a_phone(world):
    return come_back(world, await ask(world, method="phone", order=world.order()))


async def by_a_key(world):
    return charge(world, await issued(world))


async def by_a_typed_card(world):
    body = {"order": world.order(), "card": CARD, "actor": "wp:7"}
    return world.call("POST", "/v1/card-payments", body)


async def by_an_account(world):
    return issue(world)


async def of_a_refund(world):
    return world.refund((await world.buy_at_teller()).id)


async def of_a_transfer(world):
    return transfer(world, await deposited(world))


async def of_an_account_that_is_closed(world):
    return void(world, await waiting(world))


async def of_what_is_taken_back(world):
    world.teller.fail("approve", "odd")
    opened = await world.checkout()
    return world.return_from_teller(opened)


WALKS = [
    ("AskedAndUndone", "approve", by_a_window, "ok"),
    ("BillingFirst", "key_issue", by_the_window_of_a_key, "ok"),
    ("BillingUndone", "key_issue", by_the_window_of_a_phone, "ok"),
    ("BillingUndone", "charge", by_a_key, "ok"),
    ("TypedCardsUndone", "key_in", by_a_typed_card, "ok"),
    ("Accounts", "account", by_an_account, "ok"),
    ("Asked", "refund", of_a_refund, "ok"),
    ("Accounts", "transfer", of_a_transfer, "unknown"),  # taken in; made later
    ("Accounts", "account_void", of_an_account_that_is_closed, "ok"),
    ("AskedAndUndone", "undo", of_what_is_taken_back, "ok"),
]


class Slow:
    """The teller, with one operation that takes its time before it does anything."""

    def __init__(self, world, op, seconds=ANSWER_SECONDS):
        self._world, self._op, self._seconds, self._app = world, op, seconds, world.teller.app()
        self.asked = 0
        world.net.apps[f"{TELLER}:80"] = self

    async def __call__(self, scope, receive, send):
        if scope["path"] == f"/{self._op}":
            self.asked += 1
            await self._world.clock.sleep(self._seconds)
        await self._app(scope, receive, send)


async def send_slowly(world, kind, op, begin):
    """Begin a walk, and let it be where its call has left; gives the walk and the slow teller."""
    await world.pair_teller(kind, **({"card_entry": "on"} if kind == "TypedCardsUndone" else {}))
    walk = await begin(world)
    slow = Slow(world, op)
    walking = asyncio.ensure_future(walk)
    await world.until(lambda: slow.asked)
    return walking, slow


@pytest.mark.sqlite
@pytest.mark.parametrize(("kind", "op", "begin", "ends"), WALKS, ids=[walk[2].__name__ for walk in WALKS])
@pytest.mark.parametrize("says", ["yes", "no"])
async def test_nobody_takes_over_what_waits_for_its_answer(world, kind, op, begin, ends, says):
    no = says == "no"
    walking, slow = await send_slowly(world, kind, op, begin)
    if no:
        world.teller.fail(op, "declined")
    for _ in range(9):
        await world.clock.forward(2)
        assert await recover(world.context) == 0
        await beat(world.context)
    (sent,) = await world.all("SELECT id, owner FROM operations WHERE state = 'sent'")
    assert sent["owner"] == world.context.owner
    told = [row["type"] for row in await world.all("SELECT type FROM news")]
    assert ("payment.confirming" in told) is (op == "undo"), "nobody is told that it is being looked into"

    await world.clock.forward(ANSWER_SECONDS - 18)
    await walking
    await world.quiet()
    (after,) = await world.all("SELECT state, message FROM operations WHERE id = ?", sent["id"])
    if not no:
        assert after["state"] == ends
    elif begin in (by_a_window, by_the_window_of_a_key, by_the_window_of_a_phone, by_a_key, by_a_typed_card):
        assert (after["state"], after["message"]) == ("fail", "그렇게 안 돼요"), "the no is the buyer's answer"
    assert slow.asked == 1, "and nothing was sent twice"
    assert await world.all("SELECT reason FROM cases") == []
    await world.check_books()


@pytest.mark.parametrize(
    ("decision", "refunded", "reasons"),
    [("", 10_000, []), ("not_refunded", 0, ["external_cancel"]), ("refunded", 10_000, [])],
)
async def test_an_answer_to_a_refund_that_another_took_over_still_counts(world, decision, refunded, reasons):
    await world.pair_teller("Mute")
    payment = await world.buy_at_teller()
    slow = Slow(world, "refund")
    walking = asyncio.ensure_future(world.refund(payment.id, 10_000))
    await world.until(lambda: slow.asked)
    (sent,) = [one for one in await world.operations(payment.id) if one.step is Step.SENT]
    at = now_ms(world.clock)
    await world.context.ledger.write(lambda turn: operations.step(turn, sent, Step.UNKNOWN, at=at, next_try_at=at))
    await world.clock.forward(2)
    await beat(world.context)
    while await world.cases(payment.id) != ["refund_unknown"]:
        await asyncio.sleep(0.001)
    if decision:
        await decide(world, await case_of(world, payment.id), decision)
    await world.clock.forward(ANSWER_SECONDS)
    await walking
    await world.quiet()

    assert world.trade(payment).refunded == 10_000
    assert (await world.payment(payment.id)).refunded == refunded
    assert await world.cases(payment.id) == reasons
    assert "refund" in await world.calls(payment.id), "and what was said is kept"


async def test_what_was_sent_in_the_window_of_a_key_and_dropped_is_taken_up_after_ten_seconds(world):
    walking, _ = await send_slowly(world, "BillingUndone", "key_issue", by_the_window_of_a_phone)
    (name,) = [name for name in world.context.tasks._running if name.startswith("issue_key:")]
    world.context.tasks.end(name)
    await asyncio.gather(walking, return_exceptions=True)
    await world.until(lambda: world.context.tasks.find(name) is None)
    (sent,) = await world.all("SELECT id FROM operations WHERE state = 'sent'")

    assert not world.context.tasks.is_sending(sent["id"])
    assert await recover(world.context) == 0, "it might just have been sent"
    await world.clock.forward(11)
    assert await recover(world.context) == 1
    (payment,) = await world.all("SELECT state FROM payments")
    assert payment["state"] == "unknown"


async def test_what_a_dead_process_sent_in_the_window_of_a_key_is_taken_up_at_once(world):
    walking, _ = await send_slowly(world, "BillingUndone", "key_issue", by_the_window_of_a_phone)
    await world.crash()
    await asyncio.gather(walking, return_exceptions=True)
    await world.start()
    if not world.context.ledger.alone:
        await until_the_dead_are_seen(world.settings.database_url)
        await world.live(10, step=1)

    assert await world.all("SELECT id FROM operations WHERE state = 'sent'") == []


async def test_an_operation_belongs_to_whoever_sent_it_last(world):
    ready = asyncio.Event()

    async def send() -> None:
        world.context.tasks.send("one")
        await ready.wait()

    first, second = world.context.tasks.begin("first", send()), world.context.tasks.begin("second", send())
    await asyncio.sleep(0)  # each has its turn, and sends
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    assert world.context.tasks.is_sending("one")
    ready.set()
    await second
    assert not world.context.tasks.is_sending("one")


def test_whoever_moves_money_says_whose_operation_it_is():
    """The types want it said; here it is seen that "none" is said only where there is none."""
    without = set()
    for path in Path(next(iter(flows.__path__))).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "talk":
                said = {one.arg: one.value for one in node.keywords}
                none = isinstance(said.get("operation"), ast.Constant)
                assert ("intended_at" in said) is ("operation" in said), path.name
                without |= {path.stem} if none else set()
    assert without == NO_OPERATION
