"""Right passwords that come at once are all let in; wrong ones are counted, and learn nothing from those."""

import asyncio
from collections import Counter

import pytest

from bridge.domain.failures import LoginRefused, TooMany
from bridge.flows import log_in, proofs
from bridge.flows.log_in import Attempt, add_operator, prove_each
from bridge.flows.manage_operators import disable_operator, set_password, set_role
from bridge.flows.proofs import KEPT_SECONDS, Proofs
from bridge.ledger.operators import Operator
from tests.flows.test_operator_cases import CASES, PASSWORDS, ask, basic

pytestmark = pytest.mark.usefixtures("cheap_passwords")
BY_ROOT = {"actor": "operator:root"}
HOME, ELSEWHERE = "198.51.100.30", "203.0.113.66"


@pytest.fixture
async def staffed(world):
    """A bridge with two operators and a viewer."""
    for name, password in PASSWORDS.items():
        await add_operator(world.context, name, password, "viewer" if name == "bora" else "operator")
    return world


@pytest.fixture
def looked_at(monkeypatch):
    """The passwords that were looked at, in their order."""
    seen, real = list[str](), log_in.password_fits

    def fits(kept, password):
        seen.append(password)
        return real(kept, password)

    monkeypatch.setattr(log_in, "password_fits", fits)
    return seen


def attempt(name="haneul", password=None, address=HOME):
    return Attempt(name, PASSWORDS[name] if password is None else password, address)


async def tried(world, *attempts):
    """Try all at once; gives what became of each."""
    came = await asyncio.gather(*[prove_each(world.context, one) for one in attempts], return_exceptions=True)
    return Counter(type(one) for one in came)


async def test_forty_right_requests_at_once_are_all_answered_and_looked_at_once(staffed, looked_at):
    answers = await asyncio.gather(*[ask(staffed, "GET", CASES) for _ in range(40)])

    assert {answer.status_code for answer in answers} == {200}
    assert looked_at == [PASSWORDS["haneul"]]


async def test_right_ones_of_several_people_at_one_address_are_all_let_in(staffed, looked_at):
    crowd = [attempt(name) for _ in range(15) for name in PASSWORDS]
    assert await tried(staffed, *crowd) == {Operator: 45}
    assert sorted(looked_at) == sorted(PASSWORDS.values())


async def test_right_ones_are_let_in_while_others_guess_at_another_name(staffed):
    guesses = [attempt("minji", f"guess number {number}", ELSEWHERE) for number in range(40)]
    mixed = [one for pair in zip(guesses, [attempt()] * 40, strict=True) for one in pair]
    assert await tried(staffed, *mixed) == {Operator: 40, LoginRefused: 5, TooMany: 35}


async def test_a_crowd_of_guesses_gets_five_and_then_nobody_by_that_name(staffed, looked_at):
    guesses = [attempt(password=f"guess number {number}") for number in range(40)]
    assert await tried(staffed, *guesses) == {LoginRefused: 5, TooMany: 35}
    assert len(looked_at) == 5
    assert (await ask(staffed, "GET", CASES)).status_code == 429
    await staffed.clock.forward(61)
    assert (await ask(staffed, "GET", CASES)).status_code == 200


async def test_the_same_guess_over_and_over_is_counted_each_time(staffed):
    assert await tried(staffed, *[attempt(password="a guess")] * 12) == {LoginRefused: 5, TooMany: 7}


async def test_who_must_wait_learns_nothing_from_a_password_proven_a_moment_ago(staffed):
    """Else guesses that cost nothing could be tried until one is let in."""
    assert (await ask(staffed, "GET", CASES)).status_code == 200
    for number in range(5):
        guess = basic("haneul", f"guess number {number}")
        assert (await ask(staffed, "GET", CASES, address=ELSEWHERE, **guess)).status_code == 401
    for password in (PASSWORDS["haneul"], "a sixth guess"):
        held = await ask(staffed, "GET", CASES, address=ELSEWHERE, **basic("haneul", password))
        assert (held.status_code, held.json()["code"]) == (429, "too_many")


async def test_a_right_one_between_wrong_ones_forgives_none_while_it_is_kept(staffed):
    await prove_each(staffed.context, attempt())
    for number in range(5):
        with pytest.raises(LoginRefused):
            await prove_each(staffed.context, attempt(password=f"guess number {number}"))
        if number < 4:
            await prove_each(staffed.context, attempt())
    with pytest.raises(TooMany):
        await prove_each(staffed.context, attempt())


async def test_after_a_minute_it_is_looked_at_again(staffed, looked_at):
    for seconds in (0, KEPT_SECONDS - 2, 3, 0):
        await staffed.clock.forward(seconds)
        await prove_each(staffed.context, attempt())
    assert len(looked_at) == 2


async def test_a_proof_ends_with_the_password_and_with_the_account(staffed):
    for name in ("haneul", "minji"):
        await prove_each(staffed.context, attempt(name))
    await set_password(staffed.context, "haneul", "another password", **BY_ROOT)
    await disable_operator(staffed.context, "minji", **BY_ROOT)
    for name in ("haneul", "minji"):
        with pytest.raises(LoginRefused):
            await prove_each(staffed.context, attempt(name))
    assert (await prove_each(staffed.context, attempt(password="another password"))).name == "haneul"


async def test_a_role_that_was_taken_away_counts_at_once(staffed):
    await prove_each(staffed.context, attempt())
    await set_role(staffed.context, "haneul", "viewer", **BY_ROOT)
    assert (await prove_each(staffed.context, attempt())).role == "viewer"


async def test_the_line_is_not_endless_and_who_was_proven_need_not_stand_in_it(staffed, monkeypatch):
    monkeypatch.setattr(proofs, "WAITING_MAX", 1)
    await prove_each(staffed.context, attempt())
    async with staffed.context.proofs.line():
        with pytest.raises(TooMany) as refused:
            await prove_each(staffed.context, attempt("bora"))
        assert refused.value.extra["retry_after_seconds"] == 1
        assert (await prove_each(staffed.context, attempt())).name == "haneul"
    assert (await prove_each(staffed.context, attempt("bora"))).name == "bora", "whoever left stands in it no more"


def test_so_many_are_kept_and_none_can_be_read(monkeypatch):
    monkeypatch.setattr(proofs, "KEPT_MAX", 3)
    kept = Proofs(b"k" * 32)
    people = [Operator(str(number), f"n{number}", "operator", "scrypt$...") for number in range(5)]
    for one in people:
        kept.keep(one, "correct horse battery", 0.0)
    assert [kept.holds(one, "correct horse battery", 1.0) for one in people] == [False, False, True, True, True]
    assert not kept.holds(people[4], "correct horse batterx", 1.0)
    assert not kept.holds(people[4], "correct horse battery", KEPT_SECONDS)
    assert "correct" not in str(vars(kept))
    assert "scrypt" not in str(vars(kept))
