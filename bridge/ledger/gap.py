"""The gap: what happened between a backup and the restore, and is known to the shop and the gateway alone.

A site is deaf from the restore until its shop has handed over all it knows; then its payments are settled by evidence;
then the gap ends. Until it has ended nothing of the site moves money but what settles an unknown outcome.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from bridge.clock import to_ms
from bridge.domain.decisions import WORD_UNKNOWN
from bridge.domain.failures import KeyTooOld, Reconciling
from bridge.domain.payment import Payment
from bridge.ledger.ledger import Row, Turn

DEAF = "SELECT site FROM gap_sites WHERE told_at IS NULL AND ended_at IS NULL"
RESTORED = "SELECT site FROM gap_sites WHERE ended_at IS NULL"
"""For the queues of all sites: those whose shop has still to hand over, and those whose gap has not ended."""
HELD_UP = "SELECT payment FROM gap_payments WHERE held <> ''"
"""The payments whose later rows the shop has handed over, and which only do not fit yet: behind the rows that stand."""
READ_MS = 30_000
_MOVING = "('readying', 'approving', 'unknown', 'voiding')"
_PEOPLES = (  # the first condition is the index's own, word for word
    "(SELECT h.payment FROM operations AS h WHERE h.state IN ('sent', 'unknown', 'needs_human')"
    " AND h.state = 'needs_human' AND h.kind NOT IN ('withdraw', 'check', 'word'))"
)
"""The payments of which a case asks people about a deed that moves money: it bars what is theirs."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A site's gap; times in milliseconds. `since` is the backup's moment, `cases_from` when its first case may have
    been opened."""

    site: str
    since: int
    restored_at: int
    heard_at: int | None
    told_at: int | None
    ended_at: int | None
    ended_by: str
    reason: str
    cases_from: int = 0

    @property
    def lost_until(self) -> int:
        """Until when what was begun may lack something, by the books' own times: a clock that ran behind at the restore
        may have put that before the backup, which has all that was begun until it was read."""
        return max(self.restored_at, self.since + READ_MS)


def begin(turn: Turn, since: int, restored_at: int) -> None:
    """Begin the gap of every site, in the turn that restores the books.

    What was compared until now is marked, as no clock tells it from what is compared afterwards: either may be wrong.
    """
    turn.run("UPDATE operations SET before_restore = 1 WHERE kind = 'check' AND ended_at IS NOT NULL")
    for row in turn.all("SELECT id FROM sites"):
        turn.run("DELETE FROM gap_sites WHERE site = ?", row["id"])
        turn.run("DELETE FROM gap_payments WHERE site = ?", row["id"])
        turn.run(
            "INSERT INTO gap_sites (site, since, restored_at, cases_from) VALUES (?, ?, ?, ?)",
            *(row["id"], since, restored_at, restored_at),
        )
        turn.run("INSERT INTO restores (site, since, restored_at) VALUES (?, ?, ?)", row["id"], since, restored_at)
        turn.run("DELETE FROM anchor_breaks WHERE site = ?", row["id"])  # of the books that these replace


def of_site(turn: Turn, site: str) -> Gap | None:
    """Read a site's gap, ended or not."""
    row = turn.one("SELECT * FROM gap_sites WHERE site = ?", site)
    return _read(row) if row else None


def open_gaps(turn: Turn) -> list[Gap]:
    """Read the gaps that have not ended."""
    return [_read(row) for row in turn.all("SELECT * FROM gap_sites WHERE ended_at IS NULL ORDER BY site")]


def refuse(turn: Turn, site: str) -> None:
    """Raise Reconciling while a site's gap lasts."""
    if is_open(turn, site):
        raise Reconciling(
            "The payment records were restored from a backup and are being reconciled; no payment and no refund can"
            " begin until that is done. Nothing was changed; wait, and do not pay again."
        )


def refuse_old_key(turn: Turn, site: str, key: str) -> None:
    """Raise KeyTooOld where the books were restored and a key that they do not know is older than that.

    A key's first eight hex digits are the time at which it was made, in unix seconds.
    """
    gap = of_site(turn, site)
    if gap is not None and not key_seconds(key) * 1000 > gap.restored_at:
        raise KeyTooOld(
            "The payment records were restored after this Idempotency-Key was made (its first eight hex digits say"
            " when), so what it asks for may have been done. Look at the payment, then ask again with a new key."
        )


def of_payment(turn: Turn, payment: Payment) -> Gap | None:
    """Read the restore after which the books may lack something of a payment; None where it began since.

    By a backup's clock that ran ahead what begins now was there before: its mark tells that it was not.
    """
    gap = of_site(turn, payment.site)
    if gap is None or to_ms(payment.created_at) >= gap.lost_until:
        return None
    began_since = turn.one(
        "SELECT 1 FROM payments WHERE id = ? AND restores > 0"
        " AND restores = (SELECT COUNT(*) FROM restores AS r WHERE r.site = ?)",
        *(payment.id, payment.site),
    )
    return gap if began_since is None else None


def follow_clock(turn: Turn, moved: int) -> None:
    """Let the last restore have been so much later, or earlier below 0 (milliseconds): the clock that told it was set
    since then. What was opened meanwhile has the times of the clock as it was."""
    turn.run(
        "UPDATE restores SET restored_at = restored_at + ? WHERE EXISTS (SELECT 1 FROM gap_sites AS g"
        " WHERE g.site = restores.site AND g.restored_at = restores.restored_at)",
        moved,
    )
    turn.run("UPDATE gap_sites SET restored_at = restored_at + ?, cases_from = cases_from + ?", moved, min(moved, 0))


def key_seconds(key: str) -> int:
    """Read when a key was made, in unix seconds; 0 for one that is no number."""
    try:
        return int(key[:8], 16)
    except ValueError:
        return 0


def is_open(turn: Turn, site: str) -> bool:
    """Tell whether the site's gap has not ended."""
    gap = of_site(turn, site)
    return gap is not None and gap.ended_at is None


def is_deaf(turn: Turn, site: str) -> bool:
    """Tell whether the shop has still to hand over what it knows."""
    gap = of_site(turn, site)
    return gap is not None and gap.ended_at is None and gap.told_at is None


def heard(turn: Turn, site: str, at: int) -> None:
    """Note that the shop is handing over."""
    turn.run("UPDATE gap_sites SET heard_at = ? WHERE site = ?", at, site)


def told(turn: Turn, site: str, at: int) -> None:
    """Note that the shop has handed over everything."""
    turn.run("UPDATE gap_sites SET told_at = ? WHERE site = ? AND told_at IS NULL", at, site)


def end(turn: Turn, site: str, at: int, who: str, reason: str) -> None:
    """End a site's gap."""
    turn.run(
        "UPDATE gap_sites SET ended_at = ?, ended_by = ?, reason = ? WHERE site = ? AND ended_at IS NULL",
        *(at, who, reason, site),
    )


def note(turn: Turn, site: str, payment: str, outcome: str, at: int, detail: str = "") -> bool:
    """Note what came of a payment that somebody named; the first time counts, and answers True."""
    if turn.one("SELECT 1 FROM gap_payments WHERE site = ? AND payment = ?", site, payment):
        return False
    turn.run(
        "INSERT INTO gap_payments (site, payment, outcome, detail, at) VALUES (?, ?, ?, ?, ?)",
        *(site, payment, outcome, detail[:500], at),
    )
    return True


def assume(turn: Turn, site: str, payment: str, at: int) -> bool:
    """Note that a payment is taken for approved, whatever its shop said of it; answers False where it was before, or
    what the shop has handed over of it is held up."""
    known = turn.one("SELECT outcome FROM gap_payments WHERE site = ? AND payment = ?", site, payment)
    if known is not None and known["outcome"] in ("assumed", "lost"):
        return False
    turn.run("DELETE FROM gap_payments WHERE site = ? AND payment = ?", site, payment)
    return note(turn, site, payment, "assumed", at)


def hold(turn: Turn, site: str, payment: str, known: str) -> None:
    """Keep what was handed over of a payment and only does not fit yet, to take it in when it does."""
    turn.run("UPDATE gap_payments SET held = ? WHERE site = ? AND payment = ?", known, site, payment)


def held(turn: Turn, site: str) -> list[str]:
    """Read what was handed over and is held up, oldest first."""
    rows = turn.all("SELECT held FROM gap_payments WHERE site = ? AND held <> '' ORDER BY at, payment", site)
    return [row["held"] for row in rows]


def fitted(turn: Turn, site: str, payment: str, at: int) -> None:
    """Note that what was held up is in the books."""
    turn.run("DELETE FROM gap_payments WHERE site = ? AND payment = ?", site, payment)
    note(turn, site, payment, "revived", at)


def found(turn: Turn, site: str, payment: str) -> None:
    """A payment that seemed lost has been handed over after all."""
    turn.run("DELETE FROM gap_payments WHERE site = ? AND payment = ? AND outcome = 'lost'", site, payment)


def outcomes(turn: Turn, site: str) -> dict[str, int]:
    """Count what came of the payments that were named."""
    rows = turn.all("SELECT outcome, COUNT(*) AS many FROM gap_payments WHERE site = ? GROUP BY outcome", site)
    return {row["outcome"]: int(row["many"]) for row in rows}


def lost(turn: Turn, site: str) -> list[Row]:
    """Read what was named, is in no books, and no person has acknowledged."""
    return turn.all(
        "SELECT * FROM gap_payments WHERE site = ? AND outcome = 'lost' AND seen_at IS NULL ORDER BY at", site
    )


def acknowledge(turn: Turn, site: str, at: int) -> int:
    """Note that a person has seen what is lost; answers how many."""
    return turn.run(
        "UPDATE gap_payments SET seen_at = ? WHERE site = ? AND outcome = 'lost' AND seen_at IS NULL", at, site
    )


def unsettled(turn: Turn, site: str) -> list[str]:
    """Name the payments of a site that machines have still to settle: not what is people's, nor what waits for them."""
    rows = turn.all(
        f"SELECT id FROM payments WHERE site = ? AND state IN {_MOVING} AND id NOT IN {_PEOPLES}"  # noqa: S608 - constants
        " UNION SELECT o.payment FROM operations AS o JOIN payments AS p ON p.id = o.payment"
        " WHERE o.site = ? AND o.state IN ('sent', 'unknown')"
        " AND o.kind NOT IN ('withdraw', 'check', 'word')"  # what awaits them is a deed of the same payment at most
        " AND NOT (o.kind = 'refund' AND o.code = 'accepted')"  # awaited for days, it bars its own payment alone
        " AND NOT (o.kind = 'probe' AND p.state = 'awaiting_deposit')"  # an account that is being closed holds no money
        " UNION SELECT payment FROM notices WHERE site = ? AND state = 'pending' AND payment IS NOT NULL"
        f" AND payment NOT IN {_PEOPLES}",
        *(site, site, site),
    )
    return sorted(row["id"] for row in rows)


def cases_since(turn: Turn, gap: Gap) -> list[str]:
    """Name the site's open cases that were opened since the restore; not those about a buyer's word, which moves no
    money."""
    rows = turn.all(
        "SELECT id FROM cases WHERE site = ? AND state = 'open' AND opened_at >= ? AND reason <> ? ORDER BY id",
        *(gap.site, gap.cases_from, WORD_UNKNOWN),
    )
    return [row["id"] for row in rows]


def windows(turn: Turn, site: str, states: Iterable[str]) -> list[str]:
    """Name the payments of a site that are in these states."""
    wanted = list(states)
    marks = ", ".join("?" * len(wanted))
    return [
        row["id"]
        for row in turn.all(f"SELECT id FROM payments WHERE site = ? AND state IN ({marks})", site, *wanted)  # noqa: S608 - marks are ours
    ]


def _read(row: Row) -> Gap:
    return Gap(
        site=row["site"],
        since=row["since"],
        restored_at=row["restored_at"],
        heard_at=row["heard_at"],
        told_at=row["told_at"],
        ended_at=row["ended_at"],
        ended_by=row["ended_by"],
        reason=row["reason"],
        cases_from=row["cases_from"],
    )
