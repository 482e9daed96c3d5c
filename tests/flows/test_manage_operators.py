"""Operators' accounts are changed: who is shut out is out at once, and nobody becomes two people by it."""

import asyncio
import json

import pytest

from bridge.domain.failures import Conflict, LoginRefused, Malformed, NeedsAnother, NotFound
from bridge.flows import log_in
from bridge.flows.decide_case import Wish, confirm, propose, report
from bridge.flows.log_in import Attempt, add_operator, find_session, prove
from bridge.flows.manage_operators import (
    disable_operator,
    enable_operator,
    list_operators,
    set_password,
    set_role,
)
from bridge.flows.show_cases import read_case
from bridge.ledger import operators
from bridge.ledger.audit import chain, first_break

pytestmark = pytest.mark.usefixtures("cheap_passwords")
SEEN = "콘솔에서 5,000원 부분 취소, 승인번호 30001234"
PASSWORD = "correct horse battery"
ME = {"actor": "operator:root"}
HOUR, DAY = 3600, 24 * 3600


@pytest.fixture
async def case(world):
    """A case about a paid payment, and two operators and a viewer: haneul, minji, bora."""
    for name in ("haneul", "minji"):
        await add_operator(world.context, name, PASSWORD)
    await add_operator(world.context, "bora", PASSWORD, "viewer")
    payment = await world.buy()
    return await read_case(world.context, await report(world.context, payment.id, SEEN, "operator:haneul"))


async def proposed(world, case, maker="haneul"):
    return (await propose(world.context, Wish(case["id"], "given_back", SEEN, f"operator:{maker}", 5_000))).id


async def confirmed(world, case, proposal, who):
    return await confirm(world.context, case["id"], proposal, operator=who, remark=SEEN)


async def enter(world, name="minji", password=PASSWORD):
    return await log_in.log_in(world.context, Attempt(name, password, "198.51.100.9"))


async def states(world):
    return {one["name"]: (one["role"], one["state"]) for one in await list_operators(world.context)}


async def test_a_disabled_operator_is_out_at_once_at_every_door_and_what_they_proposed_stays(world, case):
    proposal, entered = await proposed(world, case, "minji"), await enter(world)
    assert await find_session(world.context, entered.token)
    await disable_operator(world.context, "minji", **ME)

    assert await find_session(world.context, entered.token) is None
    with pytest.raises(LoginRefused):
        await enter(world)
    with pytest.raises(LoginRefused):
        await prove(world.context, Attempt("minji", PASSWORD, "198.51.100.9"))
    with pytest.raises(NeedsAnother):
        await confirmed(world, case, proposal, "minji")
    assert (await confirmed(world, case, proposal, "haneul")).state == "confirmed"
    assert (await states(world))["minji"] == ("operator", "disabled")


async def test_who_is_disabled_confirms_nothing_of_others_either(world, case):
    proposal = await proposed(world, case)
    await disable_operator(world.context, "minji", **ME)

    with pytest.raises(NeedsAnother, match="Only an operator"):
        await confirmed(world, case, proposal, "minji")


async def test_a_new_password_ends_every_session_and_the_old_one_opens_nothing(world, case):
    entered = await enter(world)
    await set_password(world.context, "minji", "another horse battery", **ME)

    assert await find_session(world.context, entered.token) is None
    with pytest.raises(LoginRefused):
        await enter(world)
    assert (await enter(world, password="another horse battery")).operator.name == "minji"


@pytest.mark.parametrize("door", ["log_in", "prove"])
async def test_who_is_shut_out_while_their_password_is_looked_at_is_not_let_in(world, case, monkeypatch, door):
    looking, go_on, fits = asyncio.Event(), asyncio.Event(), log_in._in_thread

    async def slow(work, *arguments):
        looking.set()
        await go_on.wait()
        return await fits(work, *arguments)

    monkeypatch.setattr(log_in, "_in_thread", slow)
    entering = asyncio.create_task(getattr(log_in, door)(world.context, Attempt("minji", PASSWORD, "198.51.100.9")))
    await looking.wait()
    await disable_operator(world.context, "minji", **ME)
    go_on.set()

    with pytest.raises(LoginRefused):
        await entering
    assert await world.all("SELECT * FROM sessions") == []


@pytest.mark.parametrize("change", ["password", "enabled", "operator"])
async def test_an_account_that_was_just_changed_confirms_from_a_day_later(world, case, change):
    """Whoever has the command line could otherwise be the second person at once."""
    proposal, name = await proposed(world, case), "bora" if change == "operator" else "minji"
    if change == "password":
        await set_password(world.context, name, "another horse battery", **ME)
    elif change == "enabled":
        await disable_operator(world.context, name, **ME)
        await enable_operator(world.context, name, **ME)
    else:
        await set_role(world.context, name, "operator", **ME)

    await world.clock.forward(DAY - HOUR)
    with pytest.raises(NeedsAnother, match="a day later") as early:
        await confirmed(world, case, proposal, name)
    assert early.value.extra["not_before"]
    await world.clock.forward(HOUR + 1)  # fractions of a second round down
    assert (await confirmed(world, case, proposal, name)).checker == f"operator:{name}"


@pytest.mark.parametrize("way", ["disabled", "made a viewer"])
async def test_who_shuts_the_other_out_is_not_alone_at_once(world, case, way):
    proposal = await proposed(world, case)
    await world.clock.forward(3 * DAY)
    if way == "disabled":
        await disable_operator(world.context, "minji", **ME)
    else:
        await set_role(world.context, "minji", "viewer", **ME)

    await world.clock.forward(DAY - HOUR)
    with pytest.raises(NeedsAnother, match="after the others were disabled") as early:
        await confirmed(world, case, proposal, "haneul")
    assert early.value.extra["not_before"]
    await world.clock.forward(HOUR + 1)  # fractions of a second round down
    assert (await confirmed(world, case, proposal, "haneul")).state == "confirmed"


async def test_a_viewer_who_is_changed_makes_nobody_wait(world, case):
    await set_role(world.context, "minji", "viewer", **ME)
    await world.clock.forward(2 * DAY)
    proposal = await proposed(world, case)
    await world.clock.forward(DAY + 1)
    for name in ("bora", "minji"):
        await disable_operator(world.context, name, **ME)
    await enable_operator(world.context, "bora", **ME)
    await set_password(world.context, "bora", "another horse battery", **ME)

    assert (await confirmed(world, case, proposal, "haneul")).state == "confirmed"


async def test_where_the_settings_say_so_nobody_alone_confirms_their_own(world, case):
    object.__setattr__(world.context.settings, "lone_operator_confirms", False)
    await disable_operator(world.context, "minji", **ME)
    proposal = await proposed(world, case)
    await world.clock.forward(30 * DAY)
    with pytest.raises(NeedsAnother, match="Another operator must confirm") as refused:
        await confirmed(world, case, proposal, "haneul")
    assert "not_before" not in refused.value.extra

    await add_operator(world.context, "seoyeon", PASSWORD)
    assert (await confirmed(world, case, proposal, "seoyeon")).state == "confirmed"


async def test_the_last_who_may_act_is_shut_out_only_with_a_word_for_it(world, case):
    await disable_operator(world.context, "minji", **ME)
    with pytest.raises(Conflict, match=r"cases wait.*--last"):
        await disable_operator(world.context, "haneul", **ME)
    with pytest.raises(Conflict, match="--last"):
        await set_role(world.context, "haneul", "viewer", **ME)
    assert (await states(world))["haneul"] == ("operator", "enabled")
    await disable_operator(world.context, "bora", **ME)  # a viewer is nobody's last

    await disable_operator(world.context, "haneul", last=True, **ME)
    assert {state for _, state in (await states(world)).values()} == {"disabled"}


async def test_two_who_are_shut_out_at_once_are_not_each_the_others_last(world, case):
    both = [disable_operator(world.context, name, **ME) for name in ("haneul", "minji")]
    ends = await asyncio.gather(*both, return_exceptions=True)

    assert [type(one) for one in ends if isinstance(one, Exception)] == [Conflict]


async def test_every_change_is_in_the_audit_and_a_change_to_the_same_is_none(world, case):
    for _ in range(2):
        await disable_operator(world.context, "minji", **ME)
    for _ in range(2):
        await enable_operator(world.context, "minji", **ME)
    for _ in range(2):
        await set_role(world.context, "minji", "viewer", **ME)
    await set_role(world.context, "minji", "operator", **ME)
    await set_password(world.context, "minji", "another horse battery", **ME)
    rows = await world.context.ledger.read(lambda turn: chain(turn, operators.CHAIN))

    assert first_break(rows) is None
    assert "horse" not in str([dict(row) for row in rows])
    assert [(row["event"], row["was"], row["became"]) for row in rows] == [
        ("operator.added", "", "operator"),
        ("operator.added", "", "operator"),
        ("operator.added", "", "viewer"),
        ("operator.disabled", "enabled", "disabled"),
        ("operator.enabled", "disabled", "enabled"),
        ("operator.role", "operator", "viewer"),
        ("operator.role", "viewer", "operator"),
        ("operator.password", "", ""),
    ]
    assert [json.loads(row["detail"])["operator"] for row in rows] == ["haneul", "minji", "bora"] + 5 * ["minji"]
    assert [row["actor"] for row in rows] == 3 * ["bridge"] + 5 * ["operator:root"]


async def test_what_will_not_do_changes_nothing(world, case):
    before = await world.all("SELECT * FROM operators ORDER BY name")
    for asked in (
        set_password(world.context, "nobody", "another horse battery", **ME),
        disable_operator(world.context, "nobody", **ME),
        enable_operator(world.context, "nobody", **ME),
        set_role(world.context, "nobody", "viewer", **ME),
    ):
        with pytest.raises(NotFound, match="operator list"):
            await asked
    for asked in (set_password(world.context, "minji", "short", **ME), set_role(world.context, "minji", "king", **ME)):
        with pytest.raises(Malformed):
            await asked

    assert await world.all("SELECT * FROM operators ORDER BY name") == before
