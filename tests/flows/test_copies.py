"""What the health check says of backups and gaps; and what of an attestation is not believed."""

import json
import zlib

import pytest

from bridge.flows.attest import read_attestation
from bridge.flows.check_health import check_health
from bridge.flows.reconcile import end_gap, show_gaps
from bridge.ledger import backups
from bridge.ledger.backups import Backup
from tests.support.disaster import hand_over, keep, key_of, known, lose

MINUTE = 60_000


async def found(world, name):
    checks = (await check_health(world.context, None)).checks
    return next((check for check in checks if check.name == name), None)


async def note(world, age_ms):
    at = int(world.clock.now().timestamp() * 1000)
    made = Backup(at - age_ms, "/backup/one", 5, 900, 12)
    await world.context.ledger.write(lambda turn: backups.note(turn, made, at))


async def test_without_any_backup_nothing_is_said_unless_they_are_to_be_made(world):
    assert await found(world, "backup") is None
    await note(world, MINUTE)
    assert (await found(world, "backup")).verdict == "pass"


@pytest.mark.parametrize(
    ("automatic", "age_minutes", "verdict"),
    [(True, 1, "pass"), (True, 11, "warn"), (False, 60, "pass"), (False, 1500, "warn")],
)
async def test_an_old_backup_is_a_warning(world, automatic, age_minutes, verdict):
    object.__setattr__(world.context.settings, "backup_path", "/backup" if automatic else "")
    if automatic:
        assert (await found(world, "backup")).verdict == "warn", "none yet"
    await note(world, age_minutes * MINUTE)
    await note(world, (age_minutes + 5) * MINUTE)

    assert (await found(world, "backup")).verdict == verdict, "an older one does not take its place"


async def test_a_backup_of_a_clock_that_ran_ahead_does_not_hide_that_later_ones_fail(world):
    object.__setattr__(world.context.settings, "backup_path", "/backup")
    await note(world, -86_400_000)
    await note(world, 0)
    await world.clock.forward(660)

    assert (await found(world, "backup")).verdict == "warn"


@pytest.mark.parametrize(
    ("seconds", "took_ms", "minutes"),
    [(60, 12, 10), (60, 120_000, 48), (3_600, 12, 120)],
    ids=["soon", "slow", "seldom"],
)
async def test_a_backup_is_old_when_the_next_should_have_come(world, seconds, took_ms, minutes):
    object.__setattr__(world.context.settings, "backup_path", "/backup")
    object.__setattr__(world.context.settings, "backup_seconds", seconds)
    at = int(world.clock.now().timestamp() * 1000)
    made = Backup(at, "/backup/one", 5, 900, took_ms)
    await world.context.ledger.write(lambda turn: backups.note(turn, made, at))
    await world.clock.forward(60 * minutes - 1)
    assert (await found(world, "backup")).verdict == "pass"
    await world.clock.forward(2)

    assert (await found(world, "backup")).verdict == "warn"


async def test_a_gap_is_a_failure_and_what_is_lost_a_warning(world):
    await world.buy()
    keep(world)
    assert await found(world, "reconciliation") is None
    await lose(world)
    assert (await found(world, "reconciliation")).verdict == "fail"
    lost = {"id": "01nobody", "state": "paid", "version": 3, "seq": 1, "amount": 5_000}
    await hand_over(world, [lost])
    await world.live(30)
    assert (await found(world, "reconciliation")).verdict == "fail"
    url = world.site.url
    await end_gap(world.context, url=url, reason="seen in the console", who="operator:kim", unheard=False)
    assert await found(world, "reconciliation") is None


def altered(world, item, change):
    """Seal what the books never wrote: only who has the master key could."""
    rows = read_attestation(world.context.vault, world.site.id, item["id"], item["attestation"])
    change(rows)
    text = json.dumps(rows).encode()
    sealed = world.context.vault.seal_alike(zlib.compress(text), f"attestation:{world.site.id}:{item['id']}")
    return item | {"attestation": sealed, "version": rows["payment"]["version"]}


def other_amount(rows):
    rows["payment"]["amount"] += 1


def other_audit(rows):
    for row in rows["audit"]:
        row[-1] = "0" * 64


def other_outcome(rows):
    (approve,) = [one for one in rows["operations"] if one["kind"] == "approve"]
    approve["state"] = "fail"


@pytest.mark.parametrize("change", [other_amount, other_audit, other_outcome])
async def test_rows_that_cannot_follow_those_that_stand_are_a_persons(world, change):
    paid = await world.buy()
    await world.beat()
    keep(world)
    await world.refund(paid.id, 1_000, key=key_of(world, 1))
    await world.beat()
    await lose(world)
    (item,) = known(world)
    said = await hand_over(world, [altered(world, item, change)])

    assert said["outcomes"] == {"unproven": 1}
    assert (await world.payment(paid.id)).refunded == 0
    assert await world.cases(paid.id) != []


async def test_a_payment_that_had_ended_stays_ended(world):
    opened = await world.checkout()
    await world.live(2000, step=100)
    assert await world.state(opened.payment) == "expired"
    keep(world)
    await lose(world)
    (item,) = known(world)

    def paid(rows):
        rows["payment"] |= {"state": "paid", "captured": 55_000, "version": rows["payment"]["version"] + 1}

    said = await hand_over(world, [altered(world, item, paid)])
    assert said["outcomes"] == {"unproven": 1}
    assert await world.state(opened.payment) == "expired"


async def test_a_second_payment_of_an_order_is_not_brought_back_beside_the_first(world):
    order = world.order()
    keep(world)
    first = await world.checkout(order)
    await world.come_back(first)
    await world.quiet()
    await world.beat()
    (item,) = known(world)
    await lose(world)

    def another(rows):
        rows["payment"] |= {"id": "01another", "merchant_ref": "ANOTHER"}
        rows["operations"], rows["entries"], rows["audit"], rows["news"] = [], [], [], []

    rows = read_attestation(world.context.vault, world.site.id, item["id"], item["attestation"])
    another(rows)
    text = zlib.compress(json.dumps(rows).encode())
    sealed = world.context.vault.seal_alike(text, f"attestation:{world.site.id}:01another")
    said = await hand_over(world, [item, item | {"id": "01another", "attestation": sealed}])

    assert said["outcomes"] == {"lost": 1, "revived": 1}


async def test_cases_of_the_lost_time_come_back_open_and_closed(any_world):
    world = any_world
    part = await world.buy()
    await world.beat()
    keep(world)
    world.fault("cancel" if world.dialect == "guide" else "part_cancel", "drop_after")
    world.fault("notice", "notice_lost")
    await world.refund(part.id, 1_000, key=key_of(world, 1))
    await world.live(700, step=50)
    assert await world.cases(part.id) == ["refund_unknown"]
    shown = (await world.call("GET", f"/v1/payments/{part.id}")).json()
    item = {name: shown[name] for name in ("id", "state", "version", "amount", "refunded", "attestation")} | {"seq": 1}
    await lose(world)
    await hand_over(world, [item])
    await world.live(60)

    assert await world.cases(part.id) == ["refund_unknown"]
    again = await world.refund(part.id, 1_000, key=key_of(world, 2))
    assert again.status_code in (409, 503), "nothing is refunded while nobody knows"
    (gap,) = await show_gaps(world.context)
    assert gap["outcomes"] == {"revived": 1}


@pytest.mark.parametrize(("parts", "believed"), [(1, True), (600, True), (6_000, False)])
async def test_a_payment_given_back_in_hundreds_of_parts_is_attested_like_any(world, parts, believed):
    """A school's order is cancelled ticket by ticket: each is an operation, an entry and rows of the audit."""
    story = [["refund.done", "x" * 900]] * parts
    said = zlib.compress(json.dumps({"payment": {"version": 1}, "audit": story}).encode())
    text = world.context.vault.seal_alike(said, f"attestation:{world.site.id}:01party")
    rows = read_attestation(world.context.vault, world.site.id, "01party", text)

    assert (rows is not None) is believed
    assert rows is None or rows["audit"] == story
