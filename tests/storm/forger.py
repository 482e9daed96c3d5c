"""Somebody edits the books past the bridge, or the disk flips a bit of them: the bridge's own look must find it.

The look is the nightly one, at that very moment, by a bridge of its own that nothing else happens to; the moment before
it must have found the books whole. Then the row is put back, and the schedule goes on as if nobody had been there.
"""

import random
import sqlite3
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from bridge.app import build_context
from bridge.flows.check_invariants import INVARIANT, check_everything
from bridge.ledger.sqlite import SqliteTurn
from bridge.wire.converse import Wire
from tests.storm.clock import BridgeClock
from tests.storm.ledger import DiskFailed, StormLedger
from tests.storm.stand import SETTINGS, Quietly
from tests.support.wire import NO_TLS

if TYPE_CHECKING:
    from tests.storm.storm import Storm

T = TypeVar("T")
SPAN_SECONDS = (120.0, 2_400.0)
GONE_SHARE = 0.25
COLUMNS = {
    "entries": ("cause", "site", "payment", "kind", "amount", "evidence", "at"),
    "audit": ("payment", "seq", "site", "at", "actor", "event", "was", "became", "detail", "previous", "hash"),
    "seals": ("site", "seq", "at", "many", "heads", "previous", "hash"),
    "payments": ("captured", "refunded", "orphaned"),
}
"""What may be altered: every column of what is only ever added to, and the sums of a payment. No payment is made gone:
what refers to it keeps it there."""


def plan(storm: "Storm") -> None:
    """Let somebody come at a time of the seed's, where the schedule has one."""
    chance = random.Random(f"{storm.seed}:forger")
    if storm.extras.altered:
        storm.later(chance.uniform(*SPAN_SECONDS), lambda: forge(storm, chance))


def forge(storm: "Storm", chance: random.Random) -> None:
    """Alter a row, have the books looked through, and put it back."""
    connection = storm.disk.connection
    connection.execute("SAVEPOINT forged")
    try:
        why = _looked_through(storm, chance)
        storm.checks.holds("I15", not why, f"books that nobody altered are said to be broken: {why}")
        done = _altered(storm, chance)
        if done:
            storm.weather.struck["row_altered"] += 1
            why = _looked_through(storm, chance)
            alarm = SqliteTurn(connection).one("SELECT 1 FROM alarms WHERE name LIKE ?", f"{INVARIANT} %")
            storm.note(f"{done}: {why or 'not found'}")
            storm.checks.holds("I15", bool(why), f"nobody finds that {done}")
            storm.checks.holds("I15", alarm is not None, f"nobody is told that {done}")
    finally:
        connection.execute("ROLLBACK TO forged")
        connection.execute("RELEASE forged")


def _looked_through(storm: "Storm", chance: random.Random) -> str:
    """Look through the books as every night; gives why the bridge would stop there, or nothing."""
    clock = BridgeClock(storm.loop, storm.true.now(), chance)
    clock.skew_seconds = storm.clock.skew_seconds
    ledger = AtOnce(storm.disk, _Looking(), alone=True)
    context = build_context(SETTINGS, clock=clock, ledger=ledger, wire=Wire(storm.loop.time, tls=NO_TLS))
    try:
        _finish(context.sites.refresh())
        _finish(check_everything(context, 0.0))
    except DiskFailed as end:
        return str(end)
    return ""


def _finish(work: Coroutine[Any, Any, T]) -> T:
    """Do work that waits for nothing."""
    try:
        work.send(None)
    except StopIteration as done:
        value: T = done.value
        return value
    raise AssertionError("the look waits for something")


def _altered(storm: "Storm", chance: random.Random) -> str:
    """Flip one bit of a row, or take the row away; says what was done, nothing where there is no row yet."""
    connection = storm.disk.connection
    table = chance.choice([*COLUMNS])
    rows = [row[0] for row in connection.execute(f"SELECT rowid FROM {table} ORDER BY rowid")]
    if not rows:
        return ""
    row, column = chance.choice(rows), chance.choice(COLUMNS[table])
    triggers = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ?", [table])
    for trigger in triggers.fetchall():
        connection.execute(f"DROP TRIGGER {trigger[0]}")
    connection.execute("PRAGMA ignore_check_constraints = ON")
    connection.execute("PRAGMA defer_foreign_keys = ON")
    try:
        if table != "payments" and chance.random() < GONE_SHARE:
            connection.execute(f"DELETE FROM {table} WHERE rowid = ?", [row])
            return f"a row of {table} is gone"
        [value] = connection.execute(f"SELECT {column} FROM {table} WHERE rowid = ?", [row]).fetchone()
        connection.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", [_flipped(value, chance), row])
        return f"a bit of {table}.{column} is another"
    except sqlite3.IntegrityError:  # another row is so already
        return ""
    finally:
        connection.execute("PRAGMA defer_foreign_keys = OFF")
        connection.execute("PRAGMA ignore_check_constraints = OFF")


def _flipped(value: int | str, chance: random.Random) -> int | str:
    """Give a value with one bit of it changed; an empty text gets its first character."""
    if isinstance(value, int):
        return value ^ (1 << chance.randrange(40))
    if not value:
        return "x"
    place = chance.randrange(len(value))
    return value[:place] + chr(ord(value[place]) ^ (1 << chance.randrange(5))) + value[place + 1 :]


class _Looking(Quietly):
    """Nothing goes wrong while the books are looked through; they may end the bridge that looks."""

    def gave_up(self, why: str) -> None:
        """Leave it to whoever had the bridge look."""


class AtOnce(StormLedger):
    """A ledger whose turns take no time."""

    async def write(self, work: Any) -> Any:
        self._batches.execute("BEGIN IMMEDIATE")
        said = work(SqliteTurn(self._connection))
        self._batches.execute("COMMIT")
        return said

    async def read(self, work: Any) -> Any:
        return work(SqliteTurn(self._connection))
