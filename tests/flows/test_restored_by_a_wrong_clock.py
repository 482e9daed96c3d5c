"""Books restored by a machine whose clock is wrong: no refund is made twice for it, and nobody waits for that clock.

What `bridge.flows.clock_steps`, `bridge.flows.reconcile` and `bridge.flows.compare_first` make of it."""

from datetime import datetime, timedelta

import pytest

from bridge.clock import now_ms
from bridge.ledger import clock_kept, replay
from tests.flows.test_cases import case_of, decide
from tests.flows.test_gap_asked import gap_of
from tests.flows.test_gap_orders import a_second_payment_was_kept
from tests.support.disaster import hand_over, keep, key_of, known, lose

pytestmark = (
    pytest.mark.sqlite
)  # several bridges on one database have several clocks, and none is believed over another
HOUR = 3_600


@pytest.fixture
async def paid(world):
    """A paid order in a backup that is a minute old."""
    await world.pair_teller("Asked")
    payment = await world.buy_at_teller()
    await world.beat()
    keep(world)
    await world.clock.forward(60)
    return payment


async def until_the_gap_ends(world):
    for _ in range(30):
        await world.live(10, step=5)
        if (await gap_of(world))["state"] == "ended":
            return
    raise AssertionError(await gap_of(world))


@pytest.mark.parametrize("reboots", [False, True])
async def test_by_one_that_ran_behind_a_refund_nobody_heard_of_is_found_all_the_same(world, paid, reboots):
    """By that clock the payment began after the restore, which would have nothing to ask the gateway about."""
    world.shop.status = 500
    assert (await world.refund(paid.id, 10_000, key=key_of(world, 3))).json()["state"] == "done"
    await world.quiet()
    await lose(world, ahead=-HOUR, reboots=reboots)
    world.shop.status = 200
    await world.live(5)
    await hand_over(world)
    await world.live(120, step=5)

    assert (await world.payment(paid.id)).refunded == world.trade(paid).refunded == 10_000
    assert await world.cases(paid.id) == ["external_refund"]


@pytest.mark.parametrize("running", [False, True])
async def test_by_one_that_ran_ahead_the_shop_is_heard_as_soon_as_it_is_right(world, paid, running):
    old = key_of(world, 3)
    if running:
        world.clock.at += timedelta(seconds=HOUR)
        await lose(world)
        await world.live(60, step=5)
        world.clock.set_back(HOUR)
    else:
        await lose(world, ahead=HOUR)
    await world.live(5)
    await hand_over(world)
    await until_the_gap_ends(world)

    (gap,) = await world.all("SELECT * FROM gap_sites WHERE told_at IS NOT NULL")
    assert gap["restored_at"] < now_ms(world.clock)
    assert {"restored_at": gap["restored_at"]} in await world.all("SELECT restored_at FROM restores")
    await world.restart()
    await world.live(5)
    assert await world.all("SELECT * FROM gap_sites WHERE told_at IS NOT NULL") == [gap], "it is moved once"
    refused = await world.refund(paid.id, 5_000, key=old)
    assert (refused.status_code, refused.json()["code"]) == (409, "key_too_old")
    assert (await world.refund(paid.id, 10_000, key=key_of(world, 4))).json()["state"] == "done"
    assert world.trade(paid).refunded == 10_000


async def test_what_was_signed_before_the_restore_stays_refused_however_the_clock_is_set_afterwards(world, paid):
    path, body = f"/v1/payments/{paid.id}/refunds", b'{"reason":"x","actor":"wp:7","amount":1000}'
    captured = world.headers("POST", path, body)
    await lose(world, ahead=HOUR)
    await world.live(5)
    async with world.client("198.51.100.20") as client:
        again = await client.request("POST", path, content=body, headers=captured)

    assert (again.status_code, again.json()["code"]) == (503, "reconciling")
    await hand_over(world)
    await until_the_gap_ends(world)
    async with world.client("198.51.100.20") as client:
        again = await client.request("POST", path, content=body, headers=captured)
    assert again.status_code in (401, 409), again.text
    assert world.trade(paid).refunded == 0


async def test_a_later_time_that_was_seen_since_shuts_as_it_does_without_a_restore(world, paid):
    """Nonces were dropped by it: what was signed before may be a replay."""
    world.clock.at += timedelta(seconds=HOUR)
    await lose(world)
    await world.live(1_200, step=30)
    seen = await world.context.ledger.read(replay.latest_time)
    world.clock.set_back(HOUR)
    await world.live(30, step=5)

    assert await world.context.ledger.read(replay.latest_time) == seen
    refused = await world.refund(paid.id, 5_000, key=key_of(world, 4))
    assert refused.json()["code"] in ("clock_behind", "reconciling")


async def test_a_clock_that_was_right_at_the_restore_moves_nothing(world, paid):
    await lose(world)
    before = await world.all("SELECT * FROM gap_sites"), await world.context.ledger.read(clock_kept.at_restore)
    await world.live(60, step=5)
    await world.restart()
    await world.live(60, step=5)

    assert before == (
        await world.all("SELECT * FROM gap_sites"),
        await world.context.ledger.read(clock_kept.at_restore),
    )


async def opened_and_kept_ahead(world):
    """Open a window, back the books up while the clock runs an hour ahead, and set it right."""
    opened = await world.checkout()
    await world.live(10, step=5)
    world.clock.at += timedelta(seconds=HOUR)
    await world.live(10, step=5)
    keep(world)
    world.clock.set_back(HOUR)
    return opened


async def test_a_window_of_a_backup_that_ran_ahead_is_not_moved_before_its_shop_has_told_how_it_ended(world):
    """The shop's proof of the end goes on from the backup's rows: behind another row it would not fit, for ever."""
    await world.pair_teller("Asked")
    opened = await opened_and_kept_ahead(world)
    await world.live(1_000, step=20)
    assert await world.state(opened.payment) == "expired"
    told = known(world)

    await world.clock.forward(2_300)
    await lose(world)
    await world.live(5)
    await hand_over(world, told)
    await until_the_gap_ends(world)
    assert await world.state(opened.payment) == "expired"


async def test_a_window_that_nobody_tells_of_ends_in_its_time_although_the_backup_ran_ahead(world):
    await world.pair_teller("SelfTold")
    opened = await opened_and_kept_ahead(world)
    await world.clock.forward(100)
    await lose(world)
    await world.live(5)
    await hand_over(world, [])
    left = (await world.payment(opened.payment)).expires_at - world.clock.now()
    life = timedelta(seconds=world.settings.payment_life_seconds)
    assert life - timedelta(seconds=10) <= left <= life


async def test_a_case_that_is_opened_while_the_clock_runs_behind_holds_the_gap_when_it_is_set_right(world):
    """The order whose window may have been paid in the lost time would be sold again, and paid twice."""
    await world.pair_teller("Mute")
    opened = await world.checkout()
    await world.beat()
    keep(world)
    await world.clock.forward(60)
    world.clock.at -= timedelta(seconds=HOUR)
    await lose(world)
    await world.live(5)
    await hand_over(world, [])
    assert await world.cases(opened.payment) == ["unknown_outcome"]
    world.clock.at += timedelta(seconds=HOUR)
    await world.live(60, step=5)
    held = await gap_of(world)
    await decide(world, await case_of(world, opened.payment), "declined")
    await until_the_gap_ends(world)

    assert (held["state"], len(held["cases"])) == ("waiting", 1)


@pytest.mark.parametrize("ran_ahead", [0, HOUR])
async def test_what_is_held_up_fits_however_the_clock_is_set_meanwhile(world, ran_ahead):
    """A window's end that is moved is a row in its audit, behind which what our own attestation proves does not fit."""
    world.clock.at += timedelta(seconds=ran_ahead)
    _, second, doubt, told = await a_second_payment_was_kept(world, two_windows=True)
    world.clock.set_back(ran_ahead)
    await lose(world)
    await hand_over(world, [doubt, told])
    world.clock.at += timedelta(seconds=10)
    await until_the_gap_ends(world)

    assert (await world.state(second.payment), await world.cases(second.payment)) == ("paid", [])


@pytest.mark.parametrize(("reboots", "age"), [(False, 600), (False, 6 * HOUR), (True, 600)])
async def test_of_a_backup_that_ran_hours_ahead_the_shop_hands_over_all_that_the_books_have_lost(world, reboots, age):
    """It hands over what changed since then, by the bridge's word, or an hour before: all of it was before that.

    How wrong the clock was is known to the machine's start in which it was set, however old the backup is.
    """
    await world.buy()
    true = world.clock.now()
    world.clock.at += timedelta(hours=5)
    await world.live(10, step=5)
    keep(world)
    world.clock.set_back(5 * HOUR)
    await world.live(age, step=age / 20)
    await lose(world, reboots=reboots)
    await world.live(20, step=5)
    told = (await world.call("GET", "/v1/reconciliation")).json()

    since = datetime.fromisoformat(told["since"])
    assert since <= true + timedelta(seconds=30)
    assert since >= true - (timedelta(days=8) if reboots else timedelta(seconds=30))
    assert [one["since"] for one in world.shop.asked][-1] == told["since"]
    (gap,) = await world.all("SELECT since FROM gap_sites")
    assert gap["since"] > now_ms(world.clock) - age * 1000, "what the books themselves bear of that time is as it was"


@pytest.mark.parametrize("reboots", [False, True])
@pytest.mark.parametrize("is_new", [False, True])
async def test_after_a_backup_that_ran_hours_ahead_a_payment_is_refunded_once_its_gateway_has_told(
    world, reboots, is_new
):
    """By the backup's clock no answer was heard since the restore, for as long as it ran ahead."""
    await world.pair_teller("Asked")
    payment = await world.buy_at_teller()
    world.clock.at += timedelta(hours=5)
    await world.live(10, step=5)
    keep(world)
    world.clock.set_back(5 * HOUR)
    await world.live(600, step=30)
    await lose(world, reboots=reboots)
    await world.live(20, step=5)
    await hand_over(world)
    await until_the_gap_ends(world)
    if is_new:
        payment = await world.buy_at_teller()
    await world.refund(payment.id, 5_000, key=key_of(world, 4))
    await world.live(60, step=10)
    before = world.trade(payment).refunded

    assert (await world.refund(payment.id, 5_000, key=key_of(world, 5))).json()["state"] == "done"
    assert world.trade(payment).refunded == before + 5_000
