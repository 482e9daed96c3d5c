"""A new master key: open windows, attestations, seals and older backups stay what they are."""

import dataclasses
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from bridge.cli.books import alone
from bridge.clock import now_ms
from bridge.domain.failures import LedgerBroken, Misconfigured
from bridge.flows.check_invariants import check_everything
from bridge.ledger import root
from bridge.settings import Secret
from tests.flows.test_gap import until_the_gap_ends
from tests.support.books import open_books
from tests.support.disaster import hand_over, keep, key_of, lose
from tests.support.world import GaveUp

NEW = bytes(range(1, 33))


def change_key(world, new=NEW):
    """Rotate while the bridge is stopped; it is started with the new key from then on."""
    old = world.settings.master_key.reveal()
    with alone(world.settings) as turn:
        root.rotate(turn, old, new, world.clock.random_bytes, at=now_ms(world.clock), actor="operator:kim")
    world.settings = dataclasses.replace(world.settings, master_key=Secret(new))


async def test_a_window_opened_before_is_paid_after_and_the_books_hold(world):
    paid, opened = await world.buy(), await world.checkout()
    coming = await world.authenticate(opened)
    await world.beat()
    await world.stop()
    change_key(world)
    await world.start()

    await world.go(coming)
    await world.quiet()
    assert await world.state(opened.payment) == "paid"
    assert (await world.refund(paid.id)).json()["state"] == "done"
    assert (await world.status(opened))["state"] == "paid"
    await world.beat()
    (row,) = await world.all("SELECT site, seq, was, became FROM audit WHERE payment = ?", root.CHAIN)
    assert row == {"site": "", "seq": 1, "was": root.fingerprint(bytes(range(32))), "became": root.fingerprint(NEW)}
    assert await world.all("SELECT 1 FROM unsealed") == [], "the change is sealed like every row of the audit"
    await world.check_books()
    keep(world)
    await lose(world)
    (row,) = await world.all("SELECT became FROM audit WHERE payment = ?", root.CHAIN)
    assert row == {"became": root.fingerprint(NEW)}, "a backup holds it, with its seal"


async def test_what_was_told_before_and_after_is_believed_when_a_backup_of_the_old_key_is_restored(world):
    part = await world.buy()
    await world.beat()
    keep(world)
    await world.clock.forward(60)
    before = await world.buy()
    assert (await world.refund(part.id, 10_000, key=key_of(world, 1))).json()["state"] == "done"
    await world.beat()
    old = world.settings
    await world.stop()
    change_key(world)
    await world.start()
    after = await world.buy()
    await world.beat()

    world.settings = old
    await lose(world)
    assert (await hand_over(world))["outcomes"] == {"revived": 3}
    await until_the_gap_ends(world)
    await world.stop()
    change_key(world)
    await world.start()
    assert [await world.state(one.id) for one in (part, before, after)] == ["part_refunded", "paid", "paid"]
    await world.check_books()


@pytest.mark.sqlite
async def test_who_alters_what_the_audit_says_of_the_key_is_found(world):
    await world.stop()
    change_key(world)
    await world.start()
    await world.beat()
    with closing(sqlite3.connect(world.settings.database_path)) as books:
        books.execute("DROP TRIGGER audit_fixed")
        books.execute("UPDATE audit SET actor = 'nobody' WHERE payment = ?", [root.CHAIN])
        books.commit()
    with pytest.raises(GaveUp, match="audit"):
        await check_everything(world.context, rest_seconds=0)


async def test_books_that_are_opened_by_two_at_once_have_one_root_secret(database):
    with ThreadPoolExecutor(4) as together:
        opened = list(together.map(lambda _: open_books(database, NEW), range(4))) if "postgres" in database else []
    opened = opened or [open_books(database, NEW)]
    for one in opened:
        await one.close()
    again = open_books(database, NEW)
    await again.close()
    assert {one.root for one in opened} == {again.root}
    assert len(again.root) == 32
    with pytest.raises(Misconfigured, match="it needs"):
        open_books(database)
    last = open_books(database, NEW)  # whoever was refused holds nothing
    await last.close()


@pytest.mark.parametrize("altered", ["", "r2", "text", "byte"])
def test_an_altered_root_secret_is_not_taken_for_another_key(altered):
    sealed = root._seal(bytes(32), NEW, lambda count: bytes(count))
    version, key, text = sealed.split(".")
    broken = {"": "", "r2": f"r2.{key}.{text}", "text": f"{version}.{key}.#", "byte": f"{version}.{key}.B{text[1:]}"}
    assert root.open_root(sealed, NEW) == bytes(32)
    with pytest.raises(LedgerBroken, match="altered"):
        root.open_root(broken[altered], NEW)


async def test_books_in_use_that_lost_their_root_secret_get_no_new_one(world):
    await world.stop()
    with alone(world.settings) as turn:
        turn.run("DELETE FROM meta WHERE name = 'root'")
        with pytest.raises(LedgerBroken, match=r"root secret is gone.*restore the latest backup"):
            root.unlock(turn, world.settings.master_key.reveal(), world.clock.random_bytes)
        assert root.kept(turn) == ""
