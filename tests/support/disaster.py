"""A disaster: the books are gone, an older backup takes their place, and the shop hands over what it knows."""

import contextlib
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from bridge.cli.books import back_up
from bridge.cli.restored import restore_books
from bridge.clock import now_ms
from bridge.ledger.archive import Keys
from tests.support.world import World

BACKUP = "pay-bridge.backup"


@contextlib.contextmanager
def no_bar(words: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """Nobody looks."""
    yield lambda _: None


def keep(world: World) -> Path:
    """Back the books up while the bridge runs."""
    path = world.folder / BACKUP
    path.unlink(missing_ok=True)
    at = now_ms(world.clock)
    return back_up(world.settings, path, encrypt=True, passphrase=b"", bar=no_bar, at=at).path


async def lose(world: World, *, ahead: float = 0.0, reboots: bool = False) -> None:
    """Lose the books and put the backup in their place; the bridge starts on it.

    `ahead`: so many seconds the wall clock is ahead meanwhile, or behind; `reboots`: then the machine starts anew.
    """
    await world.crash()
    await world.clock.forward(30)
    world.clock.at += timedelta(seconds=ahead)
    keys = Keys(world.settings.master_key.reveal())
    source = world.folder / BACKUP
    if world.settings.on_postgres:
        forget_earlier(world.settings.database_url)
    restore_books(world.settings, source, keys, no_bar, replace=True, clock=world.clock)
    world.clock.at -= timedelta(seconds=ahead)
    await world.clock.forward(5)
    if reboots:
        world.clock.start_machine()
    await world.start()


def forget_earlier(url: str) -> None:
    """Drop what earlier tests put aside: their clocks stood at the same time."""
    with psycopg.connect(url) as connection:
        for (name,) in connection.execute("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'before_%'").fetchall():
            connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(name)))


def known(world: World) -> list[dict[str, Any]]:
    """Say what the shop knows, by the news it has heard: the newest snapshot of each payment."""
    newest: dict[str, dict[str, Any]] = {}
    for message in sorted(world.shop.news, key=lambda one: int(one["seq"])):
        newest[message["payment"]["id"]] = message
    names = ("id", "state", "version", "amount", "refunded", "attestation")
    return [{name: one["payment"][name] for name in names} | {"seq": one["seq"]} for one in newest.values()]


async def hand_over(
    world: World, items: list[dict[str, Any]] | None = None, *, complete: bool = True
) -> dict[str, Any]:
    """Hand over what the shop knows, as the plugin does."""
    told = known(world) if items is None else items
    answer = await world.call("POST", "/v1/reconciliation", {"payments": told, "complete": complete})
    assert answer.status_code == 200, answer.text
    said: dict[str, Any] = answer.json()
    return said


def key_of(world: World, number: int) -> str:
    """Make an idempotency key of this moment."""
    return f"{int(world.clock.now().timestamp()):08x}{number:024x}"


async def refunded_twice(world: World) -> list[str]:
    """Name the payments of which the bank gave back more than the books say."""
    found = []
    for row in await world.all("SELECT id FROM payments"):
        payment = await world.payment(row["id"])
        books = world.sandbox.bank.of(payment.merchant_ref)
        if books and books[0].refunded > payment.refunded and payment.state in ("paid", "part_refunded", "refunded"):
            found.append(payment.id)
    return found
