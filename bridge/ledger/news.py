"""The outbox: what WordPress is owed, in sequence per payment, kept until heard."""

from dataclasses import dataclass

from bridge.ledger.ledger import Row, Turn


@dataclass(frozen=True, slots=True)
class News:
    """One message owed; `body` is the exact text that is signed and sent."""

    id: str
    site: str
    payment: str
    seq: int
    type: str
    body: str
    tries: int
    created_at: int


def next_seq(turn: Turn, payment: str) -> int:
    """Take the next number of a payment's sequence."""
    row = turn.one("SELECT COALESCE(MAX(seq), 0) + 1 AS seq FROM news WHERE payment = ?", payment)
    assert row is not None
    return int(row["seq"])


def add(turn: Turn, news: News) -> None:
    """Owe a message, from now on."""
    turn.run(
        "INSERT INTO news (id, site, payment, seq, type, body, state, created_at, next_try_at)"
        " VALUES (?, ?, ?, ?, ?, ?, 'waiting', ?, ?)",
        *(news.id, news.site, news.payment, news.seq, news.type, news.body, news.created_at, news.created_at),
    )


def due(turn: Turn, at: int, limit: int) -> list[News]:
    """Read the messages to be sent now: only the first waiting one of each payment."""
    rows = turn.all(
        "SELECT * FROM news AS this WHERE state = 'waiting' AND next_try_at <= ? AND NOT EXISTS ("
        " SELECT 1 FROM news AS earlier WHERE earlier.payment = this.payment AND earlier.seq < this.seq"
        " AND earlier.state = 'waiting') ORDER BY next_try_at LIMIT ?",
        at,
        limit,
    )
    return [_read(row) for row in rows]


def heard(turn: Turn, news_id: str, at: int) -> None:
    """Note that WordPress has it."""
    turn.run("UPDATE news SET state = 'heard', heard_at = ?, tries = tries + 1 WHERE id = ?", at, news_id)


def not_heard(turn: Turn, news_id: str, *, next_try_at: int | None, error: str) -> None:
    """Note a try that failed; without a next try the message is kept for a person."""
    turn.run(
        "UPDATE news SET state = ?, next_try_at = ?, tries = tries + 1, last_error = ?"
        " WHERE id = ? AND state = 'waiting'",
        *("kept" if next_try_at is None else "waiting", next_try_at or 0, error[:300], news_id),
    )


def send_again(turn: Turn, site: str, since: int, at: int) -> int:
    """Owe again everything told to a site since then (milliseconds); answers how many."""
    return turn.run(
        "UPDATE news SET state = 'waiting', next_try_at = ? WHERE site = ? AND created_at >= ? AND state <> 'waiting'",
        *(at, site, since),
    )


def of_payment(turn: Turn, payment: str) -> list[Row]:
    """Read what WordPress was told, or is owed, of a payment."""
    return turn.all("SELECT * FROM news WHERE payment = ? ORDER BY seq", payment)


def unheard(turn: Turn, limit: int) -> list[Row]:
    """Read what no WordPress has heard yet, given up or not, of every site, oldest first."""
    return turn.all("SELECT * FROM news WHERE state IN ('waiting', 'kept') ORDER BY created_at, id LIMIT ?", limit)


def hasten(turn: Turn, payment: str, at: int) -> int:
    """Owe what is unheard from now on: of one payment, or of all for an empty id; answers how many messages."""
    return turn.run(
        "UPDATE news SET state = 'waiting', next_try_at = ? WHERE state IN ('waiting', 'kept')"
        " AND (? = '' OR payment = ?)",
        *(at, payment, payment),
    )


def _read(row: Row) -> News:
    return News(
        id=row["id"],
        site=row["site"],
        payment=row["payment"],
        seq=row["seq"],
        type=row["type"],
        body=row["body"],
        tries=row["tries"],
        created_at=row["created_at"],
    )
