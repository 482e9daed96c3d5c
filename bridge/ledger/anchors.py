"""Anchors: what a shop keeps of a site's audit; books that were cut, rewritten or put back do not bear it out."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache, partial
from itertools import groupby

from bridge.clock import from_ms, to_ms
from bridge.domain.exchange import KST
from bridge.ledger import seals
from bridge.ledger.ledger import Row, Turn
from bridge.ledger.seals import Mac

DAY_RESTS_HOURS = 4
"""How long a day must be over before it is anchored: a clock set back by less cannot add to it."""
AGREES, OF_GAP, BROKEN = "agrees", "of_gap", "broken"


@dataclass(frozen=True, slots=True)
class Anchor:
    """A site's last seal as of `at` (milliseconds), and what `day` (Korea) before it took and gave back, in KRW.

    `proof` is a hash over it and its site that only the books' root secret makes.
    """

    day: str
    seal: int
    hash: str
    taken: int
    given_back: int
    at: int
    proof: str = ""


@dataclass(frozen=True, slots=True)
class Compared:
    """One anchor against the books: agrees, of_gap (of the time that a restored backup lost), or broken, and how.

    `found` is what the books have in the anchor's place: its seal's hash, and what the day took and gave back.
    """

    anchor: Anchor
    outcome: str
    what: str = ""
    found: str = ""


@dataclass(frozen=True, slots=True)
class Broken:
    """The oldest anchor of a site that its books do not bear out and nobody acknowledged, and how many there are."""

    site: str
    day: str
    seal: int
    what: str
    many: int


def make(turn: Turn, mac: Mac, site: str, at: int) -> Anchor | None:
    """Make a site's anchor of this moment; None before its first seal."""
    seal, hashed = seals.last_of(turn, site)
    if not seal:
        return None
    day = (from_ms(at).astimezone(KST) - timedelta(hours=DAY_RESTS_HOURS, days=1)).date().isoformat()
    anchor = Anchor(day, seal, hashed, *sums_of(turn, site, day), at)
    return replace(anchor, proof=prove(mac, site, anchor))


def prove(mac: Mac, site: str, anchor: Anchor) -> str:
    """Give the proof that an anchor of these books has."""
    said = [site, anchor.day, anchor.seal, anchor.hash, anchor.taken, anchor.given_back, anchor.at]
    return mac(json.dumps(said, separators=(",", ":")))


def sums_of(turn: Turn, site: str, day: str) -> tuple[int, int]:
    """Sum what a site's entries of a day of Korea took and gave back, both without sign, in KRW."""
    begins = datetime.fromisoformat(day).replace(tzinfo=KST)
    row = turn.one(
        "SELECT COALESCE(SUM(CASE WHEN amount > 0 THEN amount ELSE 0 END), 0) AS taken,"
        " COALESCE(SUM(CASE WHEN amount < 0 THEN -amount ELSE 0 END), 0) AS given_back"
        " FROM entries WHERE site = ? AND at >= ? AND at < ?",
        *(site, to_ms(begins), to_ms(begins + timedelta(days=1))),
    )
    assert row is not None, "a sum has a row"
    return int(row["taken"]), int(row["given_back"])


def compare(turn: Turn, site: str, anchors: Sequence[Anchor]) -> list[Compared]:
    """Compare anchors of a site with its seals and entries; what a restore has lost need not be there."""
    lost = [(row["since"], row["restored_at"]) for row in turn.all("SELECT * FROM restores WHERE site = ?", site)]
    sums, found = cache(partial(sums_of, turn, site)), []
    for anchor in anchors:
        what, has = _difference(turn, site, anchor, sums)
        in_gap = any(since <= anchor.at <= until for since, until in lost)
        found.append(Compared(anchor, AGREES if not what else OF_GAP if in_gap else BROKEN, what, has))
    return found


def _difference(turn: Turn, site: str, anchor: Anchor, sums: Callable[[str], tuple[int, int]]) -> tuple[str, str]:
    """Say what is not as it was anchored (nothing where all is), and what the books have in its place."""
    row = turn.one("SELECT hash FROM seals WHERE site = ? AND seq = ?", site, anchor.seal)
    (taken, given_back), hashed = sums(anchor.day), str(row["hash"]) if row else ""
    has = f"{hashed} {taken} {given_back}"
    name = f"seal {anchor.seal}, anchored at {from_ms(anchor.at).isoformat(timespec='seconds')} with {anchor.day},"
    if not hashed:
        return f"{name} is gone: the audit's tail was cut, or an old copy of the books put back", has
    if hashed != anchor.hash:
        return f"{name} is another one now: the audit was rewritten, or goes on from an old copy of the books", has
    if (taken, given_back) == (anchor.taken, anchor.given_back):
        return "", has
    told = f"{anchor.taken} KRW taken and {anchor.given_back} given back"
    now = f"sums to {taken} and {given_back} now"
    return f"{anchor.day} was anchored (with seal {anchor.seal}) with {told}, and {now}", has


def note(turn: Turn, site: str, at: int, compared: Sequence[Compared]) -> None:
    """Note that a shop handed anchors back, which ones are broken, and which no longer are; `at` in milliseconds.

    What was acknowledged stays so only while the books have the very same in the anchor's place.
    """
    for one in compared:
        key = (site, one.anchor.at, one.anchor.seal)
        if one.outcome == BROKEN:
            turn.run(
                "INSERT INTO anchor_breaks (site, at, seal, day, what, found) VALUES (?, ?, ?, ?, ?, ?)"
                " ON CONFLICT (site, at, seal) DO UPDATE SET what = excluded.what, found = excluded.found,"
                " proposal = '', reason = '', maker = '', made_at = 0, checker = '', acknowledged_at = 0"
                " WHERE anchor_breaks.found <> excluded.found",
                *(*key, one.anchor.day, one.what, one.found),
            )
        else:
            turn.run("DELETE FROM anchor_breaks WHERE site = ? AND at = ? AND seal = ?", *key)
    turn.run(
        "INSERT INTO anchor_checks (site, at) VALUES (?, ?) ON CONFLICT (site) DO UPDATE SET at = excluded.at", site, at
    )


def breaks(turn: Turn) -> list[Broken]:
    """Read the oldest broken anchor of each site that nobody acknowledged, and how many there are."""
    rows = [row for row in all_breaks(turn) if not row["acknowledged_at"]]
    found = []
    for site, some in groupby(rows, key=lambda row: str(row["site"])):
        mine = list(some)
        found.append(Broken(site, mine[0]["day"], mine[0]["seal"], mine[0]["what"], len(mine)))
    return found


def all_breaks(turn: Turn) -> list[Row]:
    """Read every broken anchor with who acknowledged it and why, oldest of each site first."""
    return turn.all("SELECT * FROM anchor_breaks ORDER BY site, at, seal")


def propose(turn: Turn, row: Row, *, proposal: str, reason: str, maker: str, at: int) -> None:
    """Write that somebody would acknowledge a broken anchor, in place of what was proposed before; `at` in ms."""
    _write(turn, row, proposal=proposal, reason=reason, maker=maker, made_at=at)


def acknowledge(turn: Turn, row: Row, *, checker: str, at: int) -> None:
    """Write that another agrees: the break is no alarm from now on, while it stays the same; `at` in milliseconds."""
    _write(turn, row, checker=checker, acknowledged_at=at)


def _write(turn: Turn, row: Row, **values: str | int) -> None:
    named = ", ".join(f"{name} = ?" for name in values)
    turn.run(
        f"UPDATE anchor_breaks SET {named} WHERE site = ? AND at = ? AND seal = ?",  # noqa: S608 - names are ours
        *(*values.values(), row["site"], row["at"], row["seal"]),
    )


def compared_at(turn: Turn, site: str) -> int | None:
    """Say when a site's shop handed anchors back last, in milliseconds; None if never."""
    row = turn.one("SELECT at FROM anchor_checks WHERE site = ?", site)
    return row["at"] if row else None
