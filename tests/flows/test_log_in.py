"""Operators log in: guessing is slow, sessions are short, ending one is final."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bridge.domain.failures import Conflict, LoginRefused, Malformed, TooMany
from bridge.flows import log_in as flow
from bridge.flows.log_in import Attempt, LoggedIn, add_operator, find_session, log_in, log_out
from tests.web.factory import Town, open_town

PASSWORD = "correct horse battery staple"
HOME = "203.0.113.9"


@pytest.fixture
async def town(tmp_path: Path, cheap_passwords: None) -> AsyncIterator[Town]:
    """A bridge with one operator, whose passwords cost little to check."""
    async with open_town(tmp_path) as made:
        await add_operator(made.context, "minji", PASSWORD)
        yield made


async def try_in(
    town: Town, password: str = PASSWORD, name: str = "minji", address: str = HOME, **more: str
) -> LoggedIn:
    return await log_in(town.context, Attempt(name, password, address, **more))


async def miss(town: Town, times: int, name: str = "minji", address: str = HOME, **more: str) -> None:
    for _ in range(times):
        with pytest.raises(LoginRefused):
            await try_in(town, "a wrong password", name, address, **more)


async def test_the_right_password_begins_a_session(town: Town) -> None:
    entered = await try_in(town)
    session = await find_session(town.context, entered.token)
    assert session is not None
    assert (session.operator.name, session.operator.role) == ("minji", "operator")


async def test_the_ledger_holds_neither_password_nor_token(town: Town, tmp_path: Path) -> None:
    entered = await try_in(town)
    await town.context.ledger.close()
    written = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"minji" in written
    assert PASSWORD.encode() not in written
    assert entered.token.encode() not in written


async def test_a_missing_name_costs_a_stranger_the_same_work_and_the_same_answer(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    worked: list[str] = []
    real = flow.password_fits

    def fits(kept: str, password: str) -> bool:
        worked.append(kept.rsplit("$", 2)[0])
        return real(kept, password)

    monkeypatch.setattr(flow, "password_fits", fits)
    said = []
    for name in ("minji", "nobody"):
        with pytest.raises(LoginRefused) as refusal:
            await try_in(town, "a wrong password", name)
        said.append(refusal.value.detail)
    assert said[0] == said[1]
    assert worked == ["scrypt$4$8$1"] * 2


async def test_the_sixth_miss_waits_and_its_password_is_not_looked_at(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    await miss(town, 5)
    monkeypatch.setattr(flow, "password_fits", lambda *_: pytest.fail("the password was looked at"))
    with pytest.raises(TooMany) as refusal:
        await try_in(town, PASSWORD)
    assert refusal.value.extra["retry_after_seconds"] == 60


def test_the_delay_doubles_with_every_five_misses_up_to_a_quarter_of_an_hour() -> None:
    waits = [flow.wait_seconds(many, last_at=0, allowed=5, at=0) for many in (4, 5, 9, 10, 15, 20, 25, 500)]
    assert waits == [0, 60, 60, 120, 240, 480, 900, 900]


async def test_a_miss_after_the_wait_begins_the_wait_again(town: Town) -> None:
    await miss(town, 5)
    town.clock.forward(60)
    await miss(town, 1)
    town.clock.forward(59)
    with pytest.raises(TooMany) as refusal:
        await try_in(town)
    assert refusal.value.extra["retry_after_seconds"] == 1


async def test_after_the_wait_the_right_password_opens_and_forgets_the_misses(town: Town) -> None:
    await miss(town, 5)
    town.clock.forward(61)
    await try_in(town)
    await miss(town, 5)


async def test_a_crowd_at_once_gets_no_more_guesses_than_one_by_one(town: Town) -> None:
    guesses = [try_in(town, f"guess number {number}") for number in range(40)]
    came = await asyncio.gather(*guesses, return_exceptions=True)
    assert [type(one) for one in came].count(LoginRefused) == 5
    assert [type(one) for one in came].count(TooMany) == 35


async def test_twenty_misses_over_many_names_stop_an_address_but_no_other(town: Town) -> None:
    for number in range(20):
        await miss(town, 1, name=f"guess{number}")
    with pytest.raises(TooMany):
        await try_in(town, "a wrong password", "one more")
    await miss(town, 1, name="one more", address="203.0.113.77")


async def test_an_ipv6_subscriber_is_one_address(town: Town) -> None:
    for number in range(20):
        await miss(town, 1, name=f"guess{number}", address=f"2001:db8::{number:x}")
    with pytest.raises(TooMany):
        await try_in(town, "a wrong password", "one more", "2001:db8::ffff")
    await miss(town, 1, name="one more", address="2001:db8:0:1::1")


async def test_strangers_who_guess_do_not_keep_the_owner_out_of_a_browser_used_before(town: Town) -> None:
    device = (await try_in(town)).device
    await miss(town, 5, address="198.51.100.66")
    with pytest.raises(TooMany):
        await try_in(town)
    assert (await try_in(town, device=device)).operator.name == "minji"


async def test_a_browser_used_before_has_five_guesses_of_its_own(town: Town) -> None:
    device = (await try_in(town)).device
    await miss(town, 5, device=device)
    with pytest.raises(TooMany):
        await try_in(town, device=device)


async def test_a_forged_or_foreign_device_gains_nothing(town: Town) -> None:
    await add_operator(town.context, "seoyeon", "another good password")
    foreign = (await try_in(town, "another good password", "seoyeon")).device
    await miss(town, 5)
    for device in (foreign, foreign[:-2] + "xx", "nonsense"):
        with pytest.raises(TooMany):
            await try_in(town, device=device)


async def test_every_log_in_has_a_new_session_and_ends_the_one_it_came_with(town: Town) -> None:
    first = await try_in(town)
    second = await try_in(town, earlier=first.token)
    assert first.token != second.token
    assert await find_session(town.context, first.token) is None
    assert await find_session(town.context, second.token) is not None


async def test_a_session_id_chosen_by_someone_else_never_becomes_a_session(town: Town) -> None:
    await try_in(town, earlier="chosen-by-someone-else")
    assert await find_session(town.context, "chosen-by-someone-else") is None


async def test_a_session_ends_after_thirty_minutes_of_silence(town: Town) -> None:
    entered = await try_in(town)
    for _ in range(3):
        town.clock.forward(29 * 60)
        assert await find_session(town.context, entered.token) is not None
    town.clock.forward(30 * 60)
    assert await find_session(town.context, entered.token) is None


async def test_a_page_that_refreshes_itself_does_not_keep_a_session(town: Town) -> None:
    entered = await try_in(town)
    for _ in range(3):
        town.clock.forward(10 * 60 - 1)
        assert await find_session(town.context, entered.token, present=False) is not None
    town.clock.forward(10)
    assert await find_session(town.context, entered.token, present=False) is None


async def test_a_session_ends_after_twelve_hours_however_busy(town: Town) -> None:
    entered = await try_in(town)
    for _ in range(12 * 3 - 1):
        town.clock.forward(20 * 60)
        assert await find_session(town.context, entered.token) is not None
    town.clock.forward(20 * 60)
    assert await find_session(town.context, entered.token) is None


async def test_logging_out_is_final(town: Town) -> None:
    entered = await try_in(town)
    await log_out(town.context, entered.token)
    assert await find_session(town.context, entered.token) is None


@pytest.mark.parametrize(
    ("name", "password", "role"),
    [
        ("", PASSWORD, "operator"),
        (" minji", PASSWORD, "operator"),
        ("a" * 65, PASSWORD, "operator"),
        ("tab\tbed", PASSWORD, "operator"),
        ("ji:woo", PASSWORD, "operator"),
        ("jiwoo", "too short", "operator"),
        ("jiwoo", "x" * 257, "operator"),
        ("jiwoo", PASSWORD, "root"),
    ],
)
async def test_a_name_password_or_role_that_will_not_do_is_refused(
    town: Town, name: str, password: str, role: str
) -> None:
    with pytest.raises(Malformed):
        await add_operator(town.context, name, password, role)


async def test_a_name_is_taken_once(town: Town) -> None:
    with pytest.raises(Conflict):
        await add_operator(town.context, "minji", PASSWORD)


async def test_a_very_long_password_is_refused_like_any_wrong_one(town: Town) -> None:
    await miss(town, 1)
    with pytest.raises(LoginRefused):
        await try_in(town, PASSWORD + "x" * 1_000_000)


def test_the_real_cost_of_a_guess_is_sixteen_mebibytes_five_times() -> None:
    kept = flow.hash_password(PASSWORD, b"s" * 16)
    assert kept.startswith("scrypt$14$8$5$")
    assert flow.password_fits(kept, PASSWORD)
    assert not flow.password_fits(kept, PASSWORD + " ")
