"""Seals: for each site a chain over the heads of its payments' audit chains, so that even a missing last row is found.

A seal is made with a key that is not in the database: who can only write here can break the chain, and not mend it.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby

from bridge.ledger.audit import ENTRY, ENTRY_COLUMNS, first_break, hash_of
from bridge.ledger.ledger import Row, Turn
from bridge.ledger.questions import Question, ask

SEALED_AT_ONCE = 500
"""Rows a turn seals: more would hold up the turns that move money."""
PAGE_ROWS = 2000
Mac = Callable[[str], str]
"""Makes the hash of a text that only who holds the root secret can make."""


@dataclass(frozen=True, slots=True)
class Break:
    """Where the books are not what they were: the payment or the site, and what does not fit."""

    subject: str
    what: str


def seal(turn: Turn, mac: Mac, at: int) -> int:
    """Seal the audit rows that no seal covers yet, one seal a site; answers how many rows. `at` in milliseconds."""
    rows = turn.all(
        "SELECT w.site, w.payment, w.seq, a.hash FROM (SELECT * FROM unsealed ORDER BY payment, seq LIMIT ?) w"
        " LEFT JOIN audit a ON a.payment = w.payment AND a.seq = w.seq AND a.site = w.site"
        " ORDER BY w.site, w.payment, w.seq",
        SEALED_AT_ONCE,
    )
    for site, ours in groupby(rows, key=lambda row: str(row["site"])):
        mine = list(ours)
        heads = {row["payment"]: (row["seq"], row["hash"] or "") for row in mine}
        last = turn.one("SELECT seq, hash FROM seals WHERE site = ? ORDER BY seq DESC LIMIT 1", site)
        seq, previous = (last["seq"] + 1, last["hash"]) if last else (1, "")
        text = json.dumps([[payment, *head] for payment, head in heads.items()], separators=(",", ":"))
        values = (site, seq, at, len(mine), text, previous)
        hashed = mac(hash_of(values))
        turn.run(
            "INSERT INTO seals (site, seq, at, many, heads, previous, hash) VALUES (?, ?, ?, ?, ?, ?, ?)",
            *values,
            hashed,
        )
        _remember(turn, f"sealed:{site}", last_text(mac, site, seq, hashed))
        for payment, (upto, _) in heads.items():
            turn.run("DELETE FROM unsealed WHERE payment = ? AND seq <= ?", payment, upto)
    return len(rows)


def last_of(turn: Turn, site: str) -> tuple[int, str]:
    """Give a site's last seal: its number and hash, (0, "") before the first."""
    row = turn.one("SELECT seq, hash FROM seals WHERE site = ? ORDER BY seq DESC LIMIT 1", site)
    return (row["seq"], row["hash"]) if row else (0, "")


def any_owed() -> Question:
    """Ask whether rows wait for their seal."""
    return Question("SELECT 1 FROM unsealed")


def are_owed(turn: Turn) -> bool:
    """Answer that alone."""
    return ask(turn, [any_owed()])[0]


def sites(turn: Turn) -> list[str]:
    """List the sites that have seals or audit rows waiting for one."""
    rows = turn.all("SELECT site FROM unsealed UNION SELECT site FROM seals WHERE seq = 1")
    return sorted({str(row["site"]) for row in rows} | {row["id"] for row in turn.all("SELECT id FROM sites")})


def check_seals(turn: Turn, mac: Mac, site: str, after: int, limit: int) -> tuple[list[Break], list[str], int, int]:
    """Check a site's seals after that number, and that each head they name is in the audit.

    Answers the breaks, the payments that the seals name, the last number, and how many audit rows they cover.
    """
    found, names, many = [], set[str](), 0
    before = turn.one("SELECT hash FROM seals WHERE site = ? AND seq = ?", site, after)
    previous, place = (before["hash"] if before else ""), after
    if after and before is None:
        found.append(Break(site, f"seal {after} is gone"))
    rows = turn.all("SELECT * FROM seals WHERE site = ? AND seq > ? ORDER BY seq LIMIT ?", site, after, limit)
    for row in rows:
        place += 1
        values = tuple(row[name] for name in ("site", "seq", "at", "many", "heads", "previous"))
        if row["seq"] != place or row["previous"] != previous or row["hash"] != mac(hash_of(values)):
            found.append(Break(site, f"seal {place} does not fit"))
            return found, sorted(names), row["seq"], many
        previous, many = row["hash"], many + row["many"]
        for payment, seq, hashed in json.loads(row["heads"]):
            names.add(payment)
            head = turn.one("SELECT hash FROM audit WHERE payment = ? AND seq = ?", payment, seq)
            if head is None or head["hash"] != hashed:
                found.append(Break(payment, f"audit row {seq} is not the one that seal {place} covers"))
    return found, sorted(names), place, many


def check_last(turn: Turn, mac: Mac, site: str) -> list[Break]:
    """Check that a site's last seal is the last one made: what says so names it under the key, so no older seal can."""
    kept = turn.one("SELECT value FROM meta WHERE name = ?", f"sealed:{site}")
    seq, hashed = last_of(turn, site)
    if (kept["value"] if kept else "") == (last_text(mac, site, seq, hashed) if seq else ""):
        return []
    return [Break(site, f"the last seal is {seq}, and not the last that was made")]


def last_text(mac: Mac, site: str, seq: int, hashed: str) -> str:
    """Name a site's last seal so that only who holds the root secret can name another."""
    return f"{seq}:{mac(f'last|{site}|{seq}|{hashed}')}"


def check_cover(turn: Turn) -> list[Break]:
    """Check, in one moment, that each audit row is in a seal or waits for one, and each entry in the audit."""
    counted = turn.one(
        "SELECT (SELECT COUNT(*) FROM audit) AS made, (SELECT COUNT(*) FROM unsealed) AS waiting,"
        " (SELECT COALESCE(SUM(many), 0) FROM seals) AS sealed, (SELECT COUNT(*) FROM entries) AS entered,"
        " (SELECT COUNT(*) FROM audit WHERE event = ?) AS told",
        ENTRY,
    )
    assert counted is not None, "a count has a row"
    found, made, covered = list[Break](), counted["made"], counted["waiting"] + counted["sealed"]
    if made != covered:
        found.append(Break("", f"there are {made} audit rows, and {covered} were sealed or wait"))
    if counted["entered"] > counted["told"]:  # one that is gone is missed where its payment is checked
        found.append(Break("", f"there are {counted['entered']} entries, and the audit knows {counted['told']}"))
    return found


def check_payments(turn: Turn, after: str) -> tuple[list[Break], str, int]:
    """Check a page of payments in the order of their ids: chains, entries, and what waits for a seal.

    Answers the breaks, the last payment looked at ("" after the last page), and how many rows were read.
    """
    rows = turn.all(
        "SELECT * FROM audit WHERE payment > ? ORDER BY payment, seq LIMIT ?",
        *(after, PAGE_ROWS),
    )
    upto = rows[-1]["payment"] if len(rows) == PAGE_ROWS else ""
    if upto:  # the last payment of a page may go on on the next one
        last = turn.all("SELECT * FROM audit WHERE payment = ? ORDER BY seq", upto)
        rows = [row for row in rows if row["payment"] != upto] + last
    entries = turn.all(
        "SELECT * FROM entries WHERE payment > ? AND (? = '' OR payment <= ?) ORDER BY payment", after, upto, upto
    )
    waiting = turn.all("SELECT * FROM unsealed WHERE payment > ? AND (? = '' OR payment <= ?)", after, upto, upto)
    return _compare(rows, entries, waiting), upto, len(rows) + len(entries)


def check_some(turn: Turn, payments: Sequence[str]) -> list[Break]:
    """Check some payments' chains and entries."""
    found = list[Break]()
    for payment in payments:
        rows = turn.all("SELECT * FROM audit WHERE payment = ? ORDER BY seq", payment)
        entries = turn.all("SELECT * FROM entries WHERE payment = ?", payment)
        waiting = turn.all("SELECT * FROM unsealed WHERE payment = ?", payment)
        found += _compare(rows, entries, waiting)
    return found


def _compare(rows: Sequence[Row], entries: Sequence[Row], waiting: Sequence[Row]) -> list[Break]:
    found, told, known = [], dict[tuple[str, str], str](), set[tuple[str, int, str]]()
    for payment, ours in groupby(rows, key=lambda row: str(row["payment"])):
        mine = list(ours)
        place = first_break(mine)
        if place is not None:
            found.append(Break(payment, f"the audit is broken at row {place}"))
            continue
        for row in mine:
            known.add((payment, row["seq"], row["site"]))
            if row["event"] == ENTRY:
                detail = json.loads(row["detail"])
                told[payment, detail["cause"]] = detail["sha256"]
    broken = {one.subject for one in found}
    for entry in entries:
        key = (entry["payment"], entry["cause"])
        if told.pop(key, "") != hash_of([entry[name] for name in ENTRY_COLUMNS]) and entry["payment"] not in broken:
            found.append(Break(str(entry["payment"]), f"the entry {entry['cause']} is not the one the audit knows"))
    found += [Break(payment, f"the entry {cause} is gone") for payment, cause in told]
    for row in waiting:
        if row["payment"] not in broken and (row["payment"], row["seq"], row["site"]) not in known:
            found.append(Break(str(row["payment"]), f"audit row {row['seq']} is not the one that waits for its seal"))
    return found


def check_whole(turn: Turn, mac: Mac) -> list[Break]:
    """Check every seal, chain and entry in one turn: of books that nobody uses yet."""
    found = check_cover(turn)
    for site in sites(turn):
        after, upto = -1, 0
        while upto != after and not found:
            after = upto
            breaks, _, upto, _ = check_seals(turn, mac, site, after, PAGE_ROWS)
            found += breaks
        found += check_last(turn, mac, site)
    after_payment, many = "", 1
    while many:
        breaks, after_payment, many = check_payments(turn, after_payment)
        found += breaks
        many = many if after_payment else 0
    return found


def verified(turn: Turn, site: str) -> int:
    """Say up to which seal a site's books were checked already."""
    row = turn.one("SELECT value FROM meta WHERE name = ?", f"verified:{site}")
    return int(row["value"]) if row and row["value"].isdigit() else 0


def note_verified(turn: Turn, site: str, seq: int) -> None:
    """Note up to which seal a site's books were checked."""
    _remember(turn, f"verified:{site}", str(seq))


def _remember(turn: Turn, name: str, value: str) -> None:
    turn.run(
        "INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        *(name, value),
    )
