"""What a shop keeps of the audit finds books that were cut, written anew with all the keys, or put back by hand."""

import json
import sqlite3
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from bridge.clock import to_ms
from bridge.domain.failures import Malformed, NeedsAnother, NotNow
from bridge.flows.acknowledge_anchors import confirm_acknowledgement, list_breaks, propose_acknowledgement
from bridge.flows.check_health import check_health
from bridge.flows.check_invariants import check_everything, check_invariants
from bridge.flows.compare_anchors import log_anchors
from bridge.flows.log_in import add_operator
from bridge.flows.reconcile import end_gap
from bridge.flows.seal_audit import check_all, mac_of
from bridge.ledger import anchors, audit, seals
from tests.flows.test_gap import until_the_gap_ends
from tests.support.disaster import hand_over, keep, lose
from tests.support.world import SHOP_URL

DAY_SECONDS = 86_400
WHY = "The machine was changed on the twentieth; the copy was compared with the gateway's console, nothing is missing."


async def ask(world, kept=(), **changes):
    return await world.call("POST", "/v1/anchors", {"anchors": list(kept)}, **changes)


async def compare(world, *kept):
    answer = await ask(world, kept)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def anchored(world):
    """Money moves, a day passes, and the shop is told an anchor."""
    paid = await world.buy()
    await world.refund(paid.id, 5_000)
    await world.quiet()
    await world.live(60, step=30)
    await world.clock.forward(DAY_SECONDS)
    await world.beat()
    return (await compare(world))["anchor"]


async def alarms(world):
    rows = await world.all("SELECT * FROM alarms WHERE ended_at IS NULL AND name = 'invariant I15'")
    return [row["detail"] for row in rows if row["subject"].startswith("anchors of ")]


def write(world, *statements):
    """Write past every trigger, as somebody with the file does."""
    with closing(sqlite3.connect(world.settings.database_path)) as books, books:
        for (name,) in books.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            books.execute(f"DROP TRIGGER {name}")
        for sql in statements:
            books.execute(sql)


def last_text(world, seq, hashed):
    """What names the last seal, made with the books' own key."""
    return seals.last_text(mac_of(world.context), world.site.id, seq, hashed)


def cut_tail(world, before, payment):
    """Take away every trace of a payment, and every seal since an anchor; what is left fits."""
    write(
        world,
        *(
            f"DELETE FROM {table} WHERE payment = '{payment}'"
            for table in ("audit", "unsealed", "operations", "calls", "news")
        ),
        f"DELETE FROM payments WHERE id = '{payment}'",
        f"DELETE FROM seals WHERE seq > {before['seal']}",
        f"UPDATE meta SET value = '{last_text(world, before['seal'], before['hash'])}' WHERE name LIKE 'sealed:%'",
        "DELETE FROM meta WHERE name LIKE 'verified:%'",
    )


async def sealed_anew(world, change):
    """Change an audit row, then make its chain and every seal anew with the books' own key; the checks find nothing."""
    mac = mac_of(world.context)
    with closing(sqlite3.connect(world.settings.database_path)) as books, books:
        books.row_factory = sqlite3.Row
        for (name,) in books.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            books.execute(f"DROP TRIGGER {name}")
        books.execute(change)
        heads = {}
        for (payment,) in books.execute("SELECT DISTINCT payment FROM audit").fetchall():
            previous = ""
            for row in books.execute("SELECT * FROM audit WHERE payment = ? ORDER BY seq", [payment]).fetchall():
                values = [previous if name == "previous" else row[name] for name in audit.COLUMNS]
                previous = heads[payment, row["seq"]] = audit.hash_of(values)
                books.execute(
                    "UPDATE audit SET previous = ?, hash = ? WHERE payment = ? AND seq = ?",
                    [values[-1], previous, payment, row["seq"]],
                )
        previous = ""
        for row in books.execute("SELECT * FROM seals ORDER BY seq").fetchall():
            covers = [[payment, seq, heads[payment, seq]] for payment, seq, _ in json.loads(row["heads"])]
            text = json.dumps(covers, separators=(",", ":"))
            values = [row["site"], row["seq"], row["at"], row["many"], text, previous]
            previous = mac(audit.hash_of(values))
            books.execute(
                "UPDATE seals SET heads = ?, previous = ?, hash = ? WHERE seq = ?",
                [text, values[-1], previous, row["seq"]],
            )
        last = books.execute("SELECT MAX(seq) FROM seals").fetchone()[0]
        books.execute("UPDATE meta SET value = ? WHERE name LIKE 'sealed:%'", [last_text(world, last, previous)])
    found, _ = await check_all(world.context)
    assert found == [], "to the books themselves all of it fits"


async def test_a_shop_is_told_an_anchor_and_it_agrees_when_it_comes_back(any_world):
    world = any_world
    assert (await compare(world)) == {"anchor": None, "outcomes": []}, "no seal yet, nothing to keep"
    first = await anchored(world)
    await world.buy()
    await world.beat()
    said = await compare(world, first)

    assert said["outcomes"] == ["agrees"]
    assert said["anchor"]["seal"] > first["seal"]
    rows = await world.all("SELECT seq, hash FROM seals ORDER BY seq")
    assert (first["hash"], first["seal"]) in [(row["hash"], row["seq"]) for row in rows]
    assert (await check_everything(world.context, rest_seconds=0)).found == ()


async def test_an_anchor_holds_what_a_whole_day_took_and_gave_back(any_world):
    world = any_world
    first = await anchored(world)
    day = (world.clock.now() + timedelta(hours=9) - timedelta(days=1)).date().isoformat()
    assert (first["day"], first["taken"], first["given_back"]) == (day, 55_000, 5_000)
    ends = to_ms(world.clock.now()) % (DAY_SECONDS * 1000)
    await world.clock.forward((15 * 3600 * 1000 - ends) / 1000 + 3 * 3600)  # three hours after midnight in Korea
    assert (await compare(world))["anchor"]["day"] == day, "the day that ended now may still be added to"
    await world.clock.forward(2 * 3600)
    later = (await compare(world))["anchor"]
    assert (later["day"] > day, later["taken"], later["given_back"]) == (True, 0, 0)


@pytest.mark.sqlite
async def test_one_bit_of_a_sealed_row_changed_with_all_keys_is_found(world):
    kept = await anchored(world)
    await sealed_anew(world, "UPDATE audit SET at = at + 1 WHERE seq = 1")
    said = await compare(world, kept)

    assert said["outcomes"] == ["broken"]
    checked = await check_invariants(world.context)
    ((rule, subject, what),) = checked.found
    assert (rule, subject) == ("I15", f"anchors of {world.site.id}")
    assert f"seal {kept['seal']}," in what
    assert kept["day"] in what
    assert "another" in what
    assert await alarms(world) == [what]
    assert world.gave_up == [], "payments go on"
    assert (await world.buy()).state == "paid"
    assert world.context.monitor.violations["I15"] == 1


@pytest.mark.sqlite
async def test_a_tail_that_was_cut_is_found_also_when_the_rest_fits(world):
    before = await anchored(world)
    lost = await world.checkout()
    await world.beat()
    kept = (await compare(world, before))["anchor"]
    cut_tail(world, before, lost.payment)
    assert (await check_everything(world.context, rest_seconds=0)).found == ()

    assert (await compare(world, before, kept))["outcomes"] == ["agrees", "broken"]
    ((_, _, what),) = (await check_everything(world.context, rest_seconds=0)).found
    assert f"seal {kept['seal']}," in what
    assert "is gone" in what
    assert await alarms(world) == [what]


@pytest.mark.sqlite
async def test_an_old_copy_put_back_by_hand_is_found_until_it_is_restored_rightly(world):
    """A copied file has no gap; a restore has one, and what was anchored in it is accounted to it."""
    before = await anchored(world)
    keep(world)
    database = world.settings.database_path
    await world.crash()
    copy = database.read_bytes()
    await world.start()
    await world.buy()
    await world.beat()
    kept = (await compare(world))["anchor"]
    await world.crash()
    for path in database.parent.glob(f"{database.name}-*"):
        path.unlink()
    database.write_bytes(copy)
    await world.start()

    assert (await compare(world, before, kept))["outcomes"] == ["agrees", "broken"]
    await check_invariants(world.context)
    assert len(await alarms(world)) == 1
    assert (await compare(world, before))["outcomes"] == ["agrees"]
    await check_everything(world.context, rest_seconds=0)
    assert len(await alarms(world)) == 1, "the other one is still broken, whatever the nightly check finds"

    await lose(world)
    await hand_over(world)
    await until_the_gap_ends(world)
    said = await compare(world, before, kept)
    assert said["outcomes"] == ["agrees", "of_gap"]
    assert said["anchor"] is not None
    await check_invariants(world.context)
    assert await alarms(world) == []


async def test_a_restore_is_no_alarm_and_no_anchor_is_made_before_the_gap_ends(any_world):
    world = any_world
    before = await anchored(world)
    keep(world)
    await world.clock.forward(60)
    await world.buy()
    await world.beat()
    kept = (await compare(world))["anchor"]
    await lose(world)
    said = await compare(world, before, kept)
    assert said == {"anchor": None, "outcomes": ["agrees", "of_gap"]}, "the day's sums may still change"
    await hand_over(world)
    await until_the_gap_ends(world)
    after = (await compare(world))["anchor"]
    assert after["taken"] == 55_000

    keep(world)
    await lose(world)
    await hand_over(world)
    await end_gap(world.context, url=SHOP_URL, reason="nothing happened since", who="operator:kim", unheard=True)
    assert (await compare(world, before, kept, after))["outcomes"] == ["agrees", "of_gap", "agrees"], (
        "a second restore does not make the first one's loss a break"
    )
    assert (await check_everything(world.context, rest_seconds=0)).found == ()


@pytest.mark.sqlite
async def test_a_day_whose_sum_is_another_is_found(world):
    kept = await anchored(world)
    write(world, "UPDATE entries SET amount = amount - 1 WHERE kind = 'refund'")
    assert (await compare(world, kept))["outcomes"] == ["broken"]
    (one,) = await world.context.ledger.read(anchors.breaks)
    assert "55000 KRW taken and 5000 given back, and sums to 55000 and 5001 now" in one.what
    assert one.day == kept["day"]


@pytest.mark.sqlite
async def test_an_alarm_ends_when_the_anchor_agrees_again(world):
    object.__setattr__(world.context.settings, "stop_on_broken_books", False)
    kept = await anchored(world)
    write(world, "UPDATE entries SET amount = amount - 1 WHERE kind = 'refund'")
    await compare(world, kept)
    await check_invariants(world.context)
    assert len(await alarms(world)) == 1
    write(world, "UPDATE entries SET amount = amount + 1 WHERE kind = 'refund'")
    await compare(world, kept)
    await check_invariants(world.context)
    assert await alarms(world) == []


async def test_what_was_altered_or_is_another_sites_is_refused_and_notes_nothing(world):
    kept = await anchored(world)
    other = await world.pair("http://other.test")
    for name, value in (
        ("seal", kept["seal"] + 1),
        ("hash", "0" * 64),
        ("day", "2026-01-01"),
        ("taken", 1),
        ("given_back", 0),
        ("at", "2026-11-20T00:00:00.000Z"),
        ("proof", "0" * 64),
    ):
        refused = await ask(world, [kept, kept | {name: value}])
        assert (refused.status_code, refused.json()["code"]) == (400, "malformed"), name
        assert "not made by these books" in refused.json()["detail"]
    assert (await ask(world, [kept], site=other)).status_code == 400
    assert (await check_invariants(world.context)).found == ()
    assert (await world.context.ledger.read(lambda turn: anchors.compared_at(turn, other.id))) is None


async def test_a_page_is_bounded_and_strict(world):
    kept = await anchored(world)
    assert (await ask(world, [kept] * 32)).status_code == 200
    for strange in (
        [kept] * 33,
        [kept | {"seal": 0}],
        [kept | {"seal": "1"}],
        [kept | {"taken": -1}],
        [kept | {"taken": 1 << 53}],
        [kept | {"hash": "A" * 64}],
        [kept | {"proof": kept["proof"] + "\n"}],
        [kept | {"day": "2026-11-20x"}],
        [kept | {"at": "2026-11-20T00:00:00"}],
        [kept | {"more": 1}],
        [{name: kept[name] for name in kept if name != "proof"}],
        [7],
    ):
        refused = await ask(world, strange)
        assert (refused.status_code, refused.json()["code"]) == (400, "malformed"), strange
    large = await world.call("POST", "/v1/anchors", {"anchors": [], "x": "y" * 20_000})
    assert (large.status_code, large.json()["code"]) == (413, "too_large")
    async with world.client() as client:
        unsigned = await client.post("/v1/anchors", json={"anchors": []})
    assert unsigned.status_code == 401


@pytest.mark.sqlite
async def test_health_says_when_anchors_were_compared_and_whether_they_agreed(world):
    async def line(site=None):
        health = await check_health(world.context, site)
        return next((one for one in health.checks if one.name == "anchors"), None)

    kept = await anchored(world)
    await compare(world, kept)
    await world.clock.forward(360)
    said = await line()
    assert (said.verdict, said.value.en) == ("pass", "agreed 6 min ago")
    other = await world.pair("http://other.test")
    assert await line(other.id) is None, "a shop that never handed any back is no finding"
    await world.clock.forward(3 * DAY_SECONDS)
    late = await line()
    assert late.verdict == "warn"
    assert "WP-Cron" in late.advice.en
    lost = await world.checkout()
    await world.beat()
    newer = (await compare(world, kept))["anchor"]
    cut_tail(world, kept, lost.payment)
    await compare(world, newer)
    broken = await line(world.site.id)
    assert broken.verdict == "fail"
    assert newer["day"] in broken.advice.ko
    assert f"seal {newer['seal']}" in broken.advice.en
    assert await line(other.id) is None
    await check_invariants(world.context)
    books = next(one for one in (await check_health(world.context, None)).checks if one.name == "books")
    assert books.verdict == "pass", "the books' own line speaks of what they find in themselves"


async def test_the_log_has_an_anchor_of_each_site_every_night(world):
    kept = await anchored(world)
    await world.pair("http://other.test")
    with capture_logs() as lines:
        await log_anchors(world.context)
    told: list[dict[str, Any]] = [line for line in lines if line["event"] == "anchor"]
    assert told == [
        {
            "event": "anchor",
            "log_level": "info",
            "site": world.site.id,
            **{name: kept[name] for name in ("seal", "hash", "day", "taken", "given_back")},
        }
    ]


async def broken(world):
    """Books whose day sums to something else than the shop keeps, and two operators."""
    object.__setattr__(world.context.settings, "stop_on_broken_books", False)
    for name in ("haneul", "minji"):
        await add_operator(world.context, name, "correct horse battery")
    kept = await anchored(world)
    write(world, "UPDATE entries SET amount = amount - 1 WHERE kind = 'refund'")
    await compare(world, kept)
    await check_invariants(world.context)
    assert len(await alarms(world)) == 1
    return kept


async def acknowledged(world):
    made = await propose_acknowledgement(world.context, world.site, WHY, "haneul")
    return await confirm_acknowledgement(world.context, made, "minji")


@pytest.mark.sqlite
async def test_what_two_people_acknowledge_is_no_alarm_and_the_shops_proof_stays(world, cheap_passwords):
    kept = await broken(world)
    made = await propose_acknowledgement(world.context, world.site, WHY, "haneul")
    await check_invariants(world.context)
    assert len(await alarms(world)) == 1, "one person's word silences nothing"
    assert await confirm_acknowledgement(world.context, made, "minji", "the same in the copy of the twentieth") == 1

    await check_invariants(world.context)
    assert await alarms(world) == []
    assert (await compare(world, kept))["outcomes"] == ["broken"], "the shop hears the truth as before"
    await check_everything(world.context, rest_seconds=0)
    assert await alarms(world) == [], "the same difference again is nothing new"
    (said,) = [one for one in (await check_health(world.context, None)).checks if one.name == "anchors"]
    assert said.verdict == "pass"
    assert "but for 1 acknowledged" in said.value.en
    (shown,) = await list_breaks(world.context)
    assert (shown["site"], shown["state"], shown["day"], shown["reason"]) == (
        SHOP_URL,
        "acknowledged",
        kept["day"],
        WHY,
    )
    assert (shown["maker"], shown["checker"]) == ("operator:haneul", "operator:minji")
    rows = await world.context.ledger.read(lambda turn: audit.chain(turn, "anchors"))
    assert [(row["event"], row["actor"]) for row in rows] == [
        ("anchors.proposed", "operator:haneul"),
        ("anchors.acknowledged", "operator:minji"),
    ]
    told = [json.loads(row["detail"]) for row in rows]
    assert [one["why"] for one in told] == [WHY, "the same in the copy of the twentieth"]
    assert json.loads(told[1]["anchors"])[0][:2] == [kept["day"], kept["seal"]]
    assert audit.first_break(rows) is None


@pytest.mark.sqlite
async def test_a_new_difference_is_an_alarm_whatever_was_acknowledged(world, cheap_passwords):
    kept = await broken(world)
    await acknowledged(world)
    await check_invariants(world.context)
    assert await alarms(world) == []
    lost = await world.checkout()
    await world.beat()
    newer = (await compare(world, kept))["anchor"]
    cut_tail(world, kept, lost.payment)
    await compare(world, kept, newer)
    await check_invariants(world.context)
    (what,) = await alarms(world)
    assert f"seal {newer['seal']}," in what, "another anchor"

    await acknowledged(world)
    await check_invariants(world.context)
    assert await alarms(world) == []
    write(world, "UPDATE entries SET amount = amount - 1 WHERE kind = 'refund'")
    await compare(world, kept, newer)
    await check_invariants(world.context)
    (what,) = await alarms(world)
    assert "and 5002 now" in what, "the same anchor, and the books differ otherwise"


@pytest.mark.sqlite
async def test_a_seal_that_is_another_one_again_is_a_new_difference(world, cheap_passwords):
    kept = await broken(world)
    write(world, f"UPDATE seals SET hash = 'a' WHERE seq = {kept['seal']}")
    await compare(world, kept)
    await acknowledged(world)
    write(world, f"UPDATE seals SET hash = 'b' WHERE seq = {kept['seal']}")
    await compare(world, kept)

    assert [one["state"] for one in await list_breaks(world.context)] == ["broken"]
    assert len(await world.context.ledger.read(anchors.breaks)) == 1


@pytest.mark.sqlite
async def test_what_ended_and_comes_back_was_not_acknowledged(world, cheap_passwords):
    kept = await broken(world)
    await acknowledged(world)
    write(world, "UPDATE entries SET amount = amount + 1 WHERE kind = 'refund'")
    await compare(world, kept)
    assert await list_breaks(world.context) == []
    write(world, "UPDATE entries SET amount = amount - 1 WHERE kind = 'refund'")
    await compare(world, kept)

    assert [one["state"] for one in await list_breaks(world.context)] == ["broken"]


@pytest.mark.sqlite
async def test_nobody_acknowledges_alone_or_what_was_not_looked_at(world, cheap_passwords):
    kept = await broken(world)
    made = await propose_acknowledgement(world.context, world.site, WHY, "haneul")
    for who in ("haneul", "nobody"):
        with pytest.raises(NeedsAnother):
            await confirm_acknowledgement(world.context, made, who, WHY)
    for nothing in ("", "0123456789abcdefghjkmnpqrs"):
        with pytest.raises(NotNow, match="propose it anew"):
            await confirm_acknowledgement(world.context, nothing, "minji")
    with pytest.raises(Malformed):
        await propose_acknowledgement(world.context, world.site, "harmless", "haneul")

    write(world, "UPDATE entries SET amount = amount - 1 WHERE kind = 'refund'")
    await compare(world, kept)
    with pytest.raises(NotNow):
        await confirm_acknowledgement(world.context, made, "minji")
    anew = await propose_acknowledgement(world.context, world.site, WHY, "haneul")
    with pytest.raises(NotNow):
        await confirm_acknowledgement(world.context, made, "minji")
    assert len(await world.context.ledger.read(anchors.breaks)) == 1
    assert await confirm_acknowledgement(world.context, anew, "minji") == 1
    with pytest.raises(NotNow):
        await confirm_acknowledgement(world.context, anew, "minji")
    with pytest.raises(NotNow, match="all of it is acknowledged"):
        await propose_acknowledgement(world.context, world.site, WHY, "haneul")


async def test_only_a_sites_own_breaks_are_acknowledged_in_any_database(any_world, cheap_passwords):
    world = any_world
    for name in ("haneul", "minji"):
        await add_operator(world.context, name, "correct horse battery")
    other = await world.pair("http://other.test")
    one = anchors.Anchor("2026-11-20", 1, "0" * 64, 1, 0, 1)
    both = (world.site.id, other.id)
    for found in ("x", "y"):
        gone = [anchors.Compared(one, anchors.BROKEN, "it is gone", found)]
        await world.context.ledger.write(lambda turn, gone=gone: [anchors.note(turn, site, 2, gone) for site in both])
        assert len(await world.context.ledger.read(anchors.breaks)) == 2
        await acknowledged(world)
        (left,) = await world.context.ledger.read(anchors.breaks)
        assert left.site == other.id
