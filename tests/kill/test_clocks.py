"""The wall clock is wrong: it steps while money is on its way, and the host is in another time zone."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from bridge.domain.machine import State
from tests.support.postgres import PostgresServer

from .lab import Lab
from .moments import EVERYTHING, compiler
from .people import AMOUNT, Order, Refund
from .verdict import Verdict

KST = timezone(timedelta(hours=9))
ZONES = ("America/New_York", "UTC", "Asia/Kolkata", "Pacific/Kiritimati", ":/etc/localtime")
STEPS = (-26 * 3600, 26 * 3600, -3600, 3600, 200)
NEEDS_COMPILER = pytest.mark.skipif(compiler() is None, reason="the clock is set by a library that needs a C compiler")
pytestmark = [pytest.mark.kill, pytest.mark.usefixtures("chains")]


def on_both(name: str, cases: Sequence[int | str], few: int) -> pytest.MarkDecorator:
    """Try all cases on SQLite, and on PostgreSQL all in a whole run, otherwise a few."""
    postgres = cases if EVERYTHING else cases[:few]
    rows = [*(("sqlite", case) for case in cases), *(("postgres", case) for case in postgres)]
    return pytest.mark.parametrize(("kept", name), rows, indirect=["kept"])


@pytest.fixture(scope="module")
def labs(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, library: Path | None
) -> Iterator[Callable[[str], Lab]]:
    """Gives the lab of a database, which is one for all tests of this file."""
    made: dict[str, Lab] = {}

    def lab_on(database: str) -> Lab:
        if database not in made:
            postgres: PostgresServer | None = request.getfixturevalue("postgres") if database == "postgres" else None
            url = postgres.create("clocks") if postgres else ""
            lab = made[database] = Lab(tmp_path_factory.mktemp(f"clocks_{database}") / "lab", library, url)
            lab.open()
            lab.gateway.set(card_notices=False)
        return made[database]

    try:
        yield lab_on
    finally:
        for lab in made.values():
            lab.close()


@pytest.fixture
def kept(request: pytest.FixtureRequest, labs: Callable[[str], Lab]) -> Lab:
    """The lab on the database that the test names."""
    return labs(request.param)


def _judge(lab: Lab) -> None:
    lab.settle()
    Verdict(lab).judge()


@NEEDS_COMPILER
@on_both("seconds", STEPS, few=1)
def test_a_clock_that_steps_during_an_approval_changes_nothing_about_it(kept: Lab, seconds: int) -> None:
    order, ahead = Order(kept), kept.moments.ahead_seconds
    order.check_out()
    order.pay_in_window()
    ref = order.payment["merchant_ref"]
    kept.gateway.hold("pay", "delay")
    with ThreadPoolExecutor(1) as browser:
        returning = browser.submit(order.come_back)
        kept.wait_for(lambda: kept.gateway.books()[ref]["captured"] > 0, "the gateway carried it out")
        kept.moments.set_ahead(ahead + seconds)
        kept.gateway.let_go()
        assert returning.result(20) is not None
    book = kept.gateway.books()[ref]
    assert (order.payment["state"], book["net"], book["calls"].get("net_cancel", 0)) == (State.PAID, AMOUNT, 0)
    kept.moments.set_ahead(ahead)
    _judge(kept)


@NEEDS_COMPILER
@on_both("seconds", STEPS, few=1)
def test_a_clock_that_steps_before_a_net_cancel_is_answered_takes_the_money_back_once(kept: Lab, seconds: int) -> None:
    order, ahead = Order(kept), kept.moments.ahead_seconds
    order.check_out()
    order.pay_in_window()
    ref = order.payment["merchant_ref"]
    kept.gateway.fault("pay", "garbage_after", merchant_ref=ref)
    kept.gateway.hold("net_cancel", "delay", merchant_ref=ref)
    with ThreadPoolExecutor(1) as browser:
        returning = browser.submit(order.come_back)
        kept.wait_for(lambda: kept.gateway.books()[ref]["net"] == 0 < kept.gateway.books()[ref]["captured"], "undone")
        kept.moments.set_ahead(ahead + seconds)
        kept.gateway.let_go()
        assert returning.result(20) is not None
    kept.moments.set_ahead(ahead)
    _judge(kept)
    book = kept.gateway.books()[ref]
    assert (order.payment["state"], book["captured"], book["refunded"]) == (State.VOIDED, AMOUNT, AMOUNT)


@NEEDS_COMPILER
@pytest.mark.parametrize("kept", ["sqlite", "postgres"], indirect=True)
def test_a_clock_set_back_lets_no_signed_request_count_twice(kept: Lab) -> None:
    order, ahead = Order(kept), kept.moments.ahead_seconds
    order.buy()
    refund = Refund(order, 1_000)
    answer, before = refund.click(), kept.gateway.books()[order.payment["merchant_ref"]]["net"]
    assert answer is not None
    assert answer.json()["state"] == "done"
    kept.moments.set_ahead(ahead - 3600)
    for _ in range(3):
        answer = refund.click()
        assert answer is not None
        assert answer.status_code in (200, 409), answer.text
    assert kept.gateway.books()[order.payment["merchant_ref"]]["net"] == before
    kept.moments.set_ahead(ahead)
    _judge(kept)


@on_both("zone", ZONES, few=1)
def test_the_gateway_gets_korean_time_wherever_the_host_is(kept: Lab, zone: str) -> None:
    kept.kill()
    kept.start(TZ=zone)
    order = Order(kept)
    order.buy()
    answer = Refund(order, 1_000).click()
    assert answer is not None
    assert answer.json()["state"] == "done", answer.text
    now = (datetime.now(UTC) + timedelta(seconds=kept.moments.ahead_seconds)).astimezone(KST)
    ref = order.payment["merchant_ref"]
    for op in ("ready", "pay"):
        [asked] = kept.gateway.requests(op, ref)
        said = datetime.strptime(asked["fields"]["timestamp"][:14], "%Y%m%d%H%M%S").replace(tzinfo=KST)
        assert abs(now - said) < timedelta(seconds=20), f"{op} says {said}"
    asked = kept.gateway.requests("part_cancel")[-1]
    said_by_gateway = datetime.now(KST)
    assert asked["fields"]["orgTranDate"] in {f"{said_by_gateway - timedelta(seconds=ago):%y%m%d}" for ago in (0, 20)}
    kept.settle()
    Verdict(kept).judge()
