"""The books are lost after the calm, and an old copy takes their place: the gap, judged by the gateways' books.

The copy is taken at a time of the seed's, as a backup is; the shops hand over what they know, as the plugin does. What
only a case of the lost books told of a payment is lost with it, and not judged: shops hear of states, not of cases.
"""

import asyncio
import random
from contextvars import Context as Room
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bridge.clock import now_ms
from bridge.ledger import gap, replay
from bridge.ledger.sqlite import SqliteTurn
from tests.storm.ledger import EVERYTHING
from tests.storm.shop import Shop

if TYPE_CHECKING:
    from tests.storm.storm import Storm

KEPT_SECONDS = (30.0, 1_500.0)
DEAD_SECONDS = 30.0
STEP_SECONDS = 120.0
GAP_HOURS_MAX = 12
TRIES = 12
REFUND_SECONDS = 7_200.0
DONE = (200, 201, 202)
REFUSED = 422
"""How a clerk's refund is answered of which the gateway takes none, or not this one: they hear whose it is."""
AGAIN_SECONDS = 600.0
AHEAD_SECONDS = (900.0, 1_800.0, 3_600.0)
SET_RIGHT_SECONDS = 45.0
"""By how much a right clock is set ahead when the copy is taken: what is restored remembers it for as long, and a shop
tries to hand over what it knows for two hours."""
SAYS = ("id", "state", "version", "amount", "refunded", "attestation")


@dataclass(frozen=True, slots=True)
class Copy:
    """Every row of every table at a moment (milliseconds of the bridge's clock), and how many keys each shop had."""

    at: int
    keys: list[int]
    rows: dict[str, list[tuple[Any, ...]]]


class Restoring:
    """One schedule's copy, and what comes of it."""

    def __init__(self, storm: "Storm") -> None:
        self._storm = storm
        self._copy: Copy | None = None
        self.begun = False
        self._right = 0.0
        self._agreed: set[str] = set()
        chance = random.Random(f"{storm.seed}:restoring")
        if storm.extras.restored:
            storm.loop.call_later(chance.uniform(*KEPT_SECONDS), self._keep)

    def _keep(self) -> None:
        is_ahead = self._storm.extras.ahead and self._storm.clock.skew_seconds <= 0
        if is_ahead:
            ahead = random.Random(f"{self._storm.seed}:ahead").choice(AHEAD_SECONDS)
            self._right = self._storm.clock.skew_seconds
            self._storm.jump(ahead)
            self._storm.later(SET_RIGHT_SECONDS, self._set_right)
        connection = self._storm.disk.connection
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
        rows = {
            name: [tuple(row) for row in connection.execute(f"SELECT * FROM {name}")] for (name,) in names.fetchall()
        }
        keys = [len(shop.keys) for shop in self._storm.shops.values()]
        self._copy = Copy(now_ms(self._storm.clock), keys, rows)
        self._storm.note(f"a copy of the books is kept{' by a clock that runs ahead' if is_ahead else ''}")

    def _set_right(self) -> None:
        """Set the clock back to what it was, unless that was done meanwhile, as the calm does."""
        if self._storm.clock.skew_seconds > 0:
            self._storm.jump(self._right - self._storm.clock.skew_seconds)

    def after_the_calm(self) -> None:
        """Lose the books, let the gap pass, and judge."""
        storm = self._storm
        if self._copy is None or [len(shop.keys) for shop in storm.shops.values()] != self._copy.keys:
            return  # a copy from before a key was changed needs its site paired again, by a person
        turn = SqliteTurn(storm.disk.connection)
        self._agreed = {ref for ref, there, here in self._compared(turn) if there == here}
        self.begun = True
        storm.weather.struck["restored"] += 1
        given = self._given_back()
        storm.note("the books are lost")
        if storm.server is not None:
            storm.server.die()
        storm.server = None
        storm.clock.forget_naps()
        storm.loop.call_later(DEAD_SECONDS, storm.boot, context=Room())
        self._put_back(self._copy)
        storm.loop.run(DEAD_SECONDS + 5.0)
        tasks = [storm.begin(self._hand_over(shop)) for shop in storm.shops.values()]
        ends_at = storm.loop.time() + GAP_HOURS_MAX * 3_600
        while storm.loop.time() < ends_at:
            storm.loop.run(STEP_SECONDS)
            done = all(task.done() for task in tasks)
            if done and self._has_passed(turn) and storm.agenda.is_quiet():
                break
        self._judge(turn, given)
        again = [storm.begin(one.speak_again()) for one in storm.recipients]
        storm.loop.run(STEP_SECONDS if again else 0.0)  # W1 judges that
        self._give_back_after(turn)

    def _give_back_after(self, turn: SqliteTurn) -> None:
        """Let clerks give back, once the gap has passed, what nobody looks at: it is made, or they hear why not."""
        storm, chance = self._storm, random.Random(f"{self._storm.seed}:after the gap")
        asked = (
            "SELECT id, site, merchant_ref, captured - refunded AS net FROM payments WHERE captured > refunded"
            " AND state IN ('paid', 'part_refunded')"
            " AND NOT EXISTS (SELECT 1 FROM cases WHERE state = 'open' AND payment = payments.id) ORDER BY id"
        )
        waiting = {one.site for one in gap.open_gaps(turn)}
        owed = [row for row in turn.all(asked) if row["merchant_ref"] in self._agreed and row["site"] not in waiting]
        for row in owed:
            part = {"amount": row["net"] // 3} if chance.random() < 0.5 else {}
            wish = {"reason": "고객 요청", "actor": "wp:7"} | part
            storm.begin(self._refund(storm.shops[row["site"]], row["id"], wish, chance.randbytes(12).hex()))
        storm.loop.run(REFUND_SECONDS if owed else 0.0)
        self._judge_agreement(turn)
        pending = (  # what a gateway has taken in it may make days later, and says so
            "SELECT state FROM operations WHERE kind = 'refund' AND state IN ('sent', 'unknown')"
            " AND code <> 'accepted' AND payment = ?"
        )
        left = [row["merchant_ref"] for row in owed if turn.one(pending, row["id"]) is not None]
        self._storm.checks.holds("R4", not left, f"what was given back after the gap is not known: {left}")

    async def _refund(self, shop: Shop, payment: str, wish: dict[str, Any], key: str) -> None:
        path, key = f"/v1/payments/{payment}/refunds", f"{int(self._storm.true.now().timestamp()):08x}{key}"
        heard = await shop.send(shop.sign("POST", path, wish, key=key))
        status = heard.status if heard is not None else 0
        self._storm.note(f"{shop.site.setup.name} refunds after the gap: {status}")
        self._storm.checks.deeds["given back after a gap"] += status in DONE
        self._storm.checks.holds("R4", status in (*DONE, REFUSED), f"a refund after the gap was answered {status}")

    def _given_back(self) -> dict[str, int]:
        books = [book for gate in self._storm.gates.values() for book in gate.books()]
        found: dict[str, int] = {}
        for book in books:
            found[book.merchant_ref] = found.get(book.merchant_ref, 0) + book.refunded
        return found

    def _put_back(self, copy: Copy) -> None:
        connection = self._storm.disk.connection
        connection.execute("PRAGMA defer_foreign_keys = ON")
        asked = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' ORDER BY name")
        triggers = asked.fetchall()
        for name, _ in triggers:
            connection.execute(f"DROP TRIGGER {name}")
        for name in copy.rows:
            connection.execute(f"DELETE FROM {name}")
        for name, rows in copy.rows.items():
            for row in rows:
                connection.execute(f"INSERT INTO {name} VALUES ({', '.join('?' * len(row))})", row)
        for _, sql in triggers:
            connection.execute(sql)
        connection.execute("PRAGMA defer_foreign_keys = OFF")
        turn, at = SqliteTurn(connection), now_ms(self._storm.clock)
        gap.begin(turn, copy.at, at)
        replay.refuse_signed_before(turn, at)
        self._storm.disk.note_write(EVERYTHING)
        self._storm.agenda.forget()

    async def _hand_over(self, shop: Shop) -> None:
        told = [{name: one["payment"][name] for name in SAYS} | {"seq": one["seq"]} for one in shop.known.values()]
        said = {"payments": told, "complete": True}
        for _ in range(TRIES):
            heard = await shop.send(shop.sign("POST", "/v1/reconciliation", said))
            status = heard.status if heard is not None else 0
            self._storm.note(f"{shop.site.setup.name} hands over {len(told)}: {status}")
            if status == 200:
                return
            await asyncio.sleep(AGAIN_SECONDS)  # a copy of while the clock ran ahead remembers that for as long
        self._storm.checks.holds("R3", False, f"what a shop handed over was answered {status}")

    def _compared(self, turn: SqliteTurn) -> list[tuple[str, int, int]]:
        """Each payment that a gateway knows, by our number, with what it holds there and here."""
        found = []
        for gate in self._storm.gates.values():
            for ref in dict.fromkeys(book.merchant_ref for book in gate.books()):
                there = sum(book.captured - book.refunded for book in gate.world.bank.of(ref))
                row = turn.one("SELECT * FROM payments WHERE site = ? AND merchant_ref = ?", gate.site.id, ref)
                found.append((ref, there, row["captured"] - row["refunded"] + row["orphaned"] if row else 0))
        return found

    def _has_passed(self, turn: SqliteTurn) -> bool:
        """Tell whether every gap has ended, or waits for the person of a case."""
        asked = "SELECT 1 FROM cases WHERE site = ? AND state = 'open'"
        return all(turn.one(asked, one.site) is not None for one in gap.open_gaps(turn))

    def _held_open(self, turn: SqliteTurn) -> int:
        """Count the windows of sites whose gap waits for a case's person: they end with it."""
        asked = (
            "SELECT COUNT(*) AS many FROM payments WHERE site = ? AND state = 'open' AND NOT EXISTS (SELECT 1"
            " FROM operations WHERE payment = payments.id AND kind = 'probe' AND state = 'needs_human')"
        )
        return sum(row["many"] for one in gap.open_gaps(turn) if (row := turn.one(asked, one.site)) is not None)

    def _judge(self, turn: SqliteTurn, given: dict[str, int]) -> None:
        checks = self._storm.checks
        checks.holds("R3", self._has_passed(turn), "a gap does not end, and no case says why")
        for name, many in self._storm.agenda.unfinished().items():
            left = many - (self._held_open(turn) if name == "states" else 0)
            checks.holds("R3", left == 0, f"after the gap {left} {name} are still open")
        # What a lost window took, and nobody had given back, may be: its order is another's by then, or its seats are.
        undone = "SELECT merchant_ref FROM payments WHERE state = 'voided' AND id IN (SELECT payment FROM operations"
        undone = f"{undone} WHERE kind = 'undo' AND state = 'ok')"
        fresh = {row["merchant_ref"] for row in turn.all(undone) if not given.get(row["merchant_ref"])}
        self._judge_agreement(turn)
        again = [ref for ref, many in self._given_back().items() if many != given.get(ref, 0) and ref not in fresh]
        checks.holds("R2", not again, f"after the gap money is given back again: {again}")

    def _judge_agreement(self, turn: SqliteTurn) -> None:
        for ref, there, here in self._compared(turn):
            of_it = "(SELECT id FROM payments WHERE merchant_ref = ?)"
            named = turn.one(f"SELECT 1 FROM cases WHERE state = 'open' AND payment IN {of_it}", ref) is not None
            known = there == here or named or ref not in self._agreed
            text = f"after the gap {ref} has {there} at the gateway and {here} here, and no case"
            self._storm.checks.holds("R1", known, text)
