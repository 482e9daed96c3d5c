"""Each invariant is checked in production: a violation planted past every trigger is found, and final if grave."""

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import replace
from functools import partial

import pytest
from structlog.testing import capture_logs

from bridge import __version__
from bridge.domain.invariants import RULES, count_card_numbers
from bridge.flows import alarms as alarms_module
from bridge.flows import check_invariants as check_invariants_module
from bridge.flows.check_health import check_health
from bridge.flows.check_invariants import check_at_boot, check_everything, check_forever, check_invariants
from bridge.flows.decide_case import report
from bridge.flows.retain import retain
from bridge.flows.seal_audit import seal
from bridge.ledger import checks
from tests.flows.test_notices import card
from tests.flows.test_orphans import find_money
from tests.support.world import GaveUp

pytestmark = pytest.mark.sqlite

GRAVE = {
    "I1": "UPDATE payments SET refunded = 6000, version = version + 1 WHERE state = 'part_refunded'",
    "I1 orphan": "UPDATE payments SET orphaned = 1000, version = version + 1 WHERE state = 'part_refunded'",
    "I2": "UPDATE operations SET state = 'unknown', evidence = '' WHERE kind = 'approve' AND state = 'ok'",
    "I3": "UPDATE operations SET amount = 60000 WHERE kind = 'refund'",
    "I3b": "UPDATE operations SET state = 'fail', evidence = 'E2' WHERE kind = 'refund'",
    "I4": "UPDATE operations SET id = 'gone' WHERE kind = 'approve' AND state = 'ok'",
    "I5": "UPDATE payments SET state = 'unknown', version = version + 1, order_ref ="
    " (SELECT order_ref FROM payments WHERE state = 'part_refunded') WHERE state = 'declined'",
    "I6": "UPDATE payments SET state = 'expired', version = version + 1 WHERE state = 'declined'",
    "I6 version": "UPDATE payments SET version = version + 50",
    "I7": "UPDATE payments SET captured = 54000, version = version + 1 WHERE state = 'part_refunded'",
    "I2 evidence": "UPDATE entries SET evidence = '' WHERE kind = 'capture'",
    "I3b amount": "UPDATE entries SET amount = -4000 WHERE kind = 'refund'",
    "I3b cause": "UPDATE entries SET cause = 'nobody' WHERE kind = 'refund'",
    "I3b at once": "INSERT INTO operations (id, site, payment, kind, amount, state, ref, actor, stamp_at, stamp_nonce,"
    " owner, sent_at, created_at) SELECT kind || state, site, payment, kind, 100, 'unknown', kind || state, 'a', 1,"
    " 'n', 'me', 1, 1 FROM operations WHERE state = 'ok'",
    "I4 approving": "UPDATE payments SET state = 'approving', version = version + 1 WHERE state = 'declined'",
    "I6 path": "UPDATE audit SET became = 'paid' WHERE event = 'payment.declined'",
    "I6 jump": "UPDATE audit SET was = 'unknown' WHERE event = 'payment.declined'",
    "I7 nobody asked": "UPDATE payments SET state = 'voided', captured = 54000, refunded = 54000,"
    " version = version + 1 WHERE state = 'declined'",
    "I9 nobody asked": "UPDATE payments SET state = 'needs_human', version = version + 1 WHERE state = 'part_refunded'",
    "I14 begun": "UPDATE payments SET state = 'readying', changed_at = 1, version = version + 1"
    " WHERE state = 'declined'",
    "I14 unknown": "UPDATE payments SET state = 'unknown', changed_at = 1, version = version + 1"
    " WHERE state = 'declined'",
    "I15": "UPDATE audit SET actor = 'nobody' WHERE seq = 1",
    "I15 entry": "UPDATE entries SET at = at + 1",
}
ALARMING = {
    "I3b sent": "UPDATE calls SET operation = (SELECT id FROM operations WHERE kind = 'approve' AND state = 'ok')"
    " WHERE op LIKE '%cancel'",
    "I8 pending": "INSERT INTO operations (id, site, payment, kind, amount, state, ref, actor, stamp_at, stamp_nonce,"
    " owner, sent_at, created_at) SELECT 'lost', site, id, 'approve', 55000, 'sent', 'x', 'buyer', 1, 'n', 'me',"
    " changed_at, 1 FROM payments WHERE state = 'declined'",
    "I10 kept": "DELETE FROM notices",
    "I5 kept": "UPDATE cases SET state = 'closed' WHERE reason = 'money_on_ended_payment'",
    "I8": "UPDATE news SET type = 'payment.confirming' WHERE type = 'payment.paid'",
    "I8 failed": "UPDATE news SET type = 'payment.failed' WHERE type = 'payment.refunded'",
    "I8 gap": "UPDATE news SET seq = seq + 1 WHERE type = 'payment.refunded'",
    "I9": "INSERT INTO operations (id, site, payment, kind, amount, state, ref, actor, stamp_at, stamp_nonce, owner,"
    " sent_at, created_at) SELECT 'lost', site, id, 'undo', 55000, 'needs_human', 'x', 'bridge', 1, 'n', 'me', 1, 1"
    " FROM payments WHERE state = 'part_refunded'",
    "I9 for ever": "INSERT INTO operations (id, site, payment, kind, amount, state, ref, actor, stamp_at, stamp_nonce,"
    " owner, sent_at, created_at) SELECT 'lost', site, id, 'undo', 55000, 'unknown', 'x', 'bridge', 1, 'n', 'me', 1, 1"
    " FROM payments WHERE state = 'part_refunded'",
    "I11 twice": "UPDATE operations SET idempotency_key = 'one'",
    "I10": "UPDATE notices SET state = 'pending', received_at = 1",
    "I11": "DELETE FROM answers",
    "I12": "UPDATE news SET site = 'another'",
    "I13": "UPDATE calls SET response = 'card 4000001234567899' WHERE op = 'pay'",
    "I14": "INSERT INTO operations (id, site, payment, kind, amount, state, ref, actor, stamp_at, stamp_nonce, owner,"
    " sent_at, created_at) SELECT 'lost', site, id, 'undo', 55000, 'sent', 'x', 'bridge', 1, 'n', 'me', 1, 1"
    " FROM payments WHERE state = 'part_refunded'",
}


@pytest.fixture
async def busy(world, declined):
    """Money that moved, was given back in part, and was found where nobody asked for it."""
    await find_money(world, declined[1].id)
    payment = await world.buy()
    await world.refund(payment.id, 5_000)
    await world.quiet()
    await world.live(200, step=50)
    assert (await check_invariants(world.context)).found == ()
    return world


def plant(world, sql):
    """Write past every trigger, check and index, as a bug in SQL or somebody with the file would."""
    with closing(sqlite3.connect(world.settings.database_path)) as books, books:
        books.execute("PRAGMA ignore_check_constraints = ON")
        for (name,) in books.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            books.execute(f"DROP TRIGGER {name}")
        for index in ("one_holder_per_order", "one_pending_operation", "one_pending_undo"):
            books.execute(f"DROP INDEX {index}")
        assert books.execute(sql).rowcount > 0, sql


async def alarms(world):
    rows = await world.all("SELECT name, subject FROM alarms WHERE ended_at IS NULL ORDER BY name")
    return [row["name"] for row in rows if row["name"].startswith("invariant")]


@pytest.mark.parametrize("name", GRAVE)
async def test_books_that_contradict_themselves_end_the_process(busy, name):
    plant(busy, GRAVE[name])
    with pytest.raises(GaveUp):
        await check_everything(busy.context, rest_seconds=0)

    checked = await busy.context.ledger.read(lambda turn: checks.last(turn, full=True))
    assert name.split()[0] in {rule for rule, _, _ in checked.found}, checked.found
    assert f"invariant {name.split()[0]}" in await alarms(busy)


@pytest.mark.parametrize("name", ALARMING)
async def test_what_else_does_not_hold_is_an_alarm(busy, name):
    plant(busy, ALARMING[name])
    rule = name if name in RULES else name.split()[0]
    checked = await check_everything(busy.context, rest_seconds=0)

    assert {one for one, _, _ in checked.found} == {rule}, checked.found
    assert f"invariant {rule}" in await alarms(busy)
    assert busy.gave_up == []


def damage_an_index(path):
    """Change one letter in an index that no turn reads, as a failing disk does; a table's pages stay as they are."""
    with closing(sqlite3.connect(path, isolation_level=None)) as books:
        books.execute("CREATE TABLE beside (word TEXT)")
        books.execute("CREATE INDEX beside_word ON beside (word)")
        books.execute("INSERT INTO beside VALUES ('well-written')")
        (page,) = books.execute("SELECT rootpage FROM sqlite_master WHERE name = 'beside_word'").fetchone()
        (size,) = books.execute("PRAGMA page_size").fetchone()
        assert books.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        held = file.read(size)
        assert held.count(b"well-written") == 1
        file.seek((page - 1) * size)
        file.write(held.replace(b"well-written", b"ill--written"))


async def told_and_lost(world):
    """Lose the row of a notice that had its effect and on which nothing stands; answers its id, and its payment's."""
    payment = await world.buy()
    await world.post_notice(card(world, payment))
    await seal(world.context)
    (told,) = await world.all("SELECT id FROM notices WHERE payment = ? AND state = 'done'", payment.id)
    assert (await check_everything(world.context, 0)).found == ()
    plant(world, f"DELETE FROM notices WHERE id = '{told['id']}'")
    return told["id"], payment.id


async def test_a_notice_that_is_gone_and_on_which_nothing_stands_is_an_alarm_until_it_is_there_again(busy):
    await check_invariants(busy.context)
    lost, payment = await told_and_lost(busy)
    for check in (check_invariants, partial(check_everything, rest_seconds=0)):
        ((rule, subject, what),) = (await check(busy.context)).found
        assert (rule, subject) == ("I10 kept", lost)
        assert f"notice {lost} of mainpay about payment {payment} was kept at 20" in what
    assert (await check_invariants(busy.context)).found == (), "the minute looks at what is new"
    assert await alarms(busy) == ["invariant I10 kept"], "and ends no alarm about what it did not look at"
    assert busy.gave_up == []


async def test_a_bridge_that_starts_misses_a_notice_that_went_while_it_was_down(busy):
    await told_and_lost(busy)
    await check_at_boot(busy.context)
    assert await alarms(busy) == ["invariant I10 kept"]


async def test_what_takes_a_notices_text_takes_no_notice(busy):
    """After 90 days its text goes, and whoever is erased takes it along: neither is a notice that was lost."""
    payment = await busy.buy()
    await busy.post_notice(card(busy, payment))
    await busy.clock.forward(5 * 366 * 86_400)
    gone = await retain(busy.context)
    assert (gone.notices > 0, gone.orders > 0) == (True, True)
    assert (await check_everything(busy.context, 0)).found == ()


async def test_a_file_that_was_damaged_under_a_running_bridge_ends_it_at_night(busy):
    damage_an_index(busy.settings.database_path)
    assert (await check_invariants(busy.context)).found == ()
    with pytest.raises(GaveUp, match=r"I15: The database is damaged: .*beside_word"):
        await check_everything(busy.context, rest_seconds=0)
    assert await alarms(busy) == ["invariant I15"]


async def test_a_damaged_file_hides_nothing_else_that_does_not_hold(busy):
    object.__setattr__(busy.context.settings, "stop_on_broken_books", False)
    damage_an_index(busy.settings.database_path)
    plant(busy, ALARMING["I8"])
    await check_everything(busy.context, rest_seconds=0)
    assert await alarms(busy) == ["invariant I15", "invariant I8"]


@pytest.mark.parametrize("state", ["open", "paid"])
async def test_another_amount_than_a_payment_began_with_ends_the_process(world, state):
    """A window that was opened for 55,000 KRW would be approved over 1,000, and its order paid by them."""
    payment = await world.buy() if state == "paid" else await world.payment((await world.checkout()).payment)
    assert payment.state == state
    held = ", captured = 1000" if state == "paid" else ""
    plant(world, f"UPDATE payments SET amount = 1000{held} WHERE id = '{payment.id}'")
    with pytest.raises(GaveUp):
        await check_everything(world.context, rest_seconds=0)
    found = (await world.context.ledger.read(partial(checks.last, full=True))).found
    assert "I7" in {rule for rule, _, _ in found}


async def test_what_only_the_night_looks_at_is_not_over_because_a_minute_later_nothing_new_was_found(busy):
    object.__setattr__(busy.context.settings, "stop_on_broken_books", False)
    damage_an_index(busy.settings.database_path)
    await check_everything(busy.context, rest_seconds=0)
    await check_invariants(busy.context)
    assert await alarms(busy) == ["invariant I15"]
    (books,) = [one for one in (await check_health(busy.context, None)).checks if one.name == "books"]
    assert (books.verdict, "I15: The database is damaged" in books.advice.en) == ("fail", True)


async def test_the_verdict_tells_what_the_night_found_of_a_payment_until_that_is_looked_at_again(busy):
    plant(busy, ALARMING["I8"])
    await check_everything(busy.context, rest_seconds=0)
    await check_invariants(busy.context)
    assert await alarms(busy) == ["invariant I8"]
    (books,) = [one for one in (await check_health(busy.context, None)).checks if one.name == "books"]
    assert (books.verdict, books.value.en) == ("warn", "1 do not hold")


async def test_the_check_of_every_minute_sees_what_changed(busy):
    payment = await busy.buy()
    plant(busy, f"UPDATE payments SET refunded = 1, version = version + 1 WHERE id = '{payment.id}'")
    await seal(busy.context)
    with pytest.raises(GaveUp, match="I1"):
        await check_invariants(busy.context)
    checked = await busy.context.ledger.read(checks.last)
    assert {subject for _, subject, _ in checked.found} == {payment.id}


async def test_a_running_bridge_looks_by_itself_every_minute(busy):
    payment = await busy.buy()
    running = busy.context.tasks.begin("checks", check_forever(busy.context))

    async def pass_seconds(seconds):
        await busy.clock.forward(seconds)
        async with asyncio.timeout(10):
            await busy.until(lambda: busy.clock.sleeping or running.done())

    await pass_seconds(0)
    while busy.context.tasks.find("night"):
        await pass_seconds(5)
    await report(busy.context, payment.id, "the console shows what the books do not", "operator:minji")
    plant(busy, f"UPDATE payments SET refunded = 1, version = version + 1 WHERE id = '{payment.id}'")
    await seal(busy.context)
    began_at = busy.clock.boot
    while not running.done():
        assert busy.clock.boot < began_at + 65
        await pass_seconds(5)

    assert [why.partition(":")[0] for why in busy.gave_up] == ["I1"]


async def test_an_alarm_ends_when_the_next_look_finds_the_books_whole(busy):
    plant(busy, "UPDATE news SET type = 'payment.confirming' WHERE type = 'payment.paid'")
    await check_everything(busy.context, rest_seconds=0)
    assert await alarms(busy) == ["invariant I8"]
    plant_back = "UPDATE news SET type = 'payment.paid' WHERE type = 'payment.confirming'"
    with closing(sqlite3.connect(busy.settings.database_path)) as books, books:
        books.execute(plant_back)
    await check_everything(busy.context, rest_seconds=0)
    assert await alarms(busy) == []


async def test_an_operator_may_let_the_bridge_go_on(busy):
    object.__setattr__(busy.context.settings, "stop_on_broken_books", False)
    plant(busy, GRAVE["I6"])
    checked = await check_everything(busy.context, rest_seconds=0)
    assert {one for one, _, _ in checked.found} == {"I6"}
    assert busy.gave_up == []
    assert await alarms(busy) == ["invariant I6"]


async def test_a_row_that_no_bridge_wrote_ends_the_process_too(busy):
    plant(busy, "UPDATE audit SET actor = CAST(X'FF' AS TEXT) WHERE seq = 1")
    with pytest.raises(GaveUp, match="I15"):
        await check_everything(busy.context, rest_seconds=0)


async def test_the_start_looks_before_it_takes_a_payment(busy):
    plant(busy, GRAVE["I15"])
    await busy.context.ledger.write(lambda turn: turn.run("DELETE FROM meta WHERE name LIKE 'verified:%'"))
    with pytest.raises(GaveUp):
        async with busy.app.router.lifespan_context(busy.app):
            pytest.fail("it started")
    await busy.start()


async def test_the_start_says_in_the_log_which_program_and_database_run(busy):
    with capture_logs() as said:
        async with busy.app.router.lifespan_context(busy.app):
            pass
    (up,) = [line for line in said if line["event"] == "the bridge is up"]
    assert (up["version"], up["database"]) == (__version__, f"SQLite {sqlite3.sqlite_version}")
    await busy.start()


@pytest.mark.parametrize(
    "text",
    [
        "4000001234567899",
        "371449635398431",  # American Express
        "2223003122003222",  # Mastercard's 2-series
        "2221000000000009",
        "2720990000000007",
        "9410123412341237",  # of a Korean issuer
        "6200000000000000000",  # UnionPay's longest
        "62000000000000000",
        "4000000000000000006",
        "4000-0012-3456-7899",
        "card 4000 0012 3456 7899, thank you",
        "4000 0012 3456 7899 123",  # and the code on its back
        "6200-0000-0000-0000-000",
        "2223 0031 2200 3222",
        "3714 496353 98431",
        "3056-930902-5904",  # Diners, as it stands on the card
        "3614 000000 0002",
        "3852 000002 3237",
        '{"card":"4000001234567899"}',
    ],
)
def test_card_numbers_are_found_however_they_are_written(text):
    assert count_card_numbers(text) == 1


@pytest.mark.parametrize(
    "text",
    [
        "x 5500-0000",
        "4000001234567898",  # no check digit
        "4000-0012-3456-7898",
        "4000-0012 3456-7899",  # groups that nobody writes so
        "4000-0012-3456-78990",
        "A4000001234567899",  # part of a reference
        "4000001234567899A",
        "2220000000000000",  # below and above the 2-series
        "2721000000000004",
        "20261120113000127",  # times: with milliseconds, two digits of a year, and a count behind them
        "20261128142308",
        "2611281423000010",
        "261128142300006",
        "301128142300008",
        "202611281423000008",
        "2019041413203326925",
        "1795142400005",
        "1567735260000",
        "36140000000002",  # accounts that buyers pay into are as long as a bare Diners number
        "39100000000011",
        "48650095651897",
        "4222222222222",
        "010-1234-5678",
        "01012345678",
        "010 1234 5678 9012 3450",
        "550e8400-4000-0012-3456-789900000000",  # an identifier
        "12345678-4000-0012-3456-789900000000",
        "55,000 KRW of 165,000",
        "4000 5000 6000",
    ],
)
def test_numbers_that_the_bridge_and_gateways_make_are_no_card_numbers(text):
    assert count_card_numbers(text) == 0


def test_a_number_of_the_2_series_is_a_time_only_where_its_month_day_hour_minute_and_second_can_be():
    assert count_card_numbers("2611281423000010") == 0
    assert count_card_numbers("2613281423000018") == 1  # there is no thirteenth month
    assert count_card_numbers("2611281463000011") == 1


async def test_the_check_of_every_minute_looks_at_whatever_is_under_way_however_much_it_is(busy, monkeypatch):
    """Nothing of these changes any more, so only their being under way leads the check to them."""
    monkeypatch.setattr(check_invariants_module, "UNDER_WAY_AT_ONCE", 2)
    world = busy
    world.context.settings = replace(world.context.settings, stop_on_broken_books=False)
    for _ in range(5):
        await world.checkout()
    plant(world, "UPDATE payments SET state = 'readying', version = version + 1 WHERE state = 'open'")
    await check_invariants(world.context)
    await world.clock.forward(700)
    checked = await check_invariants(world.context)

    late = [subject for rule, subject, _ in checked.found if rule == "I14"]
    assert len(late) == len(set(late)) == 5


async def test_each_open_case_has_its_alarm_however_many_there_are(busy, monkeypatch):
    monkeypatch.setattr(alarms_module, "OPEN_AT_ONCE", 2)
    world = busy
    for number in range(4):
        payment = await world.buy()
        await find_money(world, payment.id, 1_000, cause=f"more-{number}")
    await alarms_module.watch(world.context)
    many = len(await world.all("SELECT id FROM cases WHERE state = 'open'"))
    raised = await world.all("SELECT subject FROM alarms WHERE name = 'case' AND ended_at IS NULL")

    assert many == 5
    assert len({row["subject"] for row in raised}) == many
    await alarms_module.watch(world.context)
    assert len(await world.all("SELECT id FROM alarms WHERE name = 'case'")) == many, "and none has ended since"
