"""The outbox: what WordPress is owed, in sequence per payment, kept until heard."""

from dataclasses import dataclass

from bridge.ledger.ledger import Row, Turn
from bridge.ledger.questions import Question

_FIRST_DUE = (
    "FROM news AS this WHERE state = 'waiting' AND next_try_at <= ? AND claimed_until <= ? AND NOT EXISTS ("
    " SELECT 1 FROM news AS earlier WHERE earlier.payment = this.payment AND earlier.seq < this.seq"
    " AND earlier.state = 'waiting')"
)
_DUE = f"{_FIRST_DUE} AND (? = '' OR site = ?) ORDER BY next_try_at LIMIT ?"
_IN_DEAD_HANDS = "claimed_by <> '' AND claimed_by <> ? AND claimed_by NOT IN (SELECT id FROM owners WHERE beat_at >= ?)"


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
    """Take the next number of a payment's sequence, above all that WordPress has seen of it."""
    row = turn.one("SELECT COALESCE(MAX(seq), 0) AS seq FROM news WHERE payment = ?", payment)
    seen = turn.one("SELECT news_seq FROM payments WHERE id = ?", payment)
    return max(int(row["seq"]) if row else 0, int(seen["news_seq"]) if seen else 0) + 1


def add(turn: Turn, news: News) -> None:
    """Owe a message, from now on."""
    turn.run(
        "INSERT INTO news (id, site, payment, seq, type, body, state, created_at, next_try_at)"
        " VALUES (?, ?, ?, ?, ?, ?, 'waiting', ?, ?)",
        *(news.id, news.site, news.payment, news.seq, news.type, news.body, news.created_at, news.created_at),
    )


def just_written(turn: Turn, payment: str, at: int) -> News | None:
    """Find the newest message about a payment, if it was written at this moment (milliseconds) and nobody has it.

    One of before may have been sent by a process that died over the answer: it says the same whenever it is sent.
    """
    row = turn.one("SELECT * FROM news WHERE payment = ? ORDER BY seq DESC LIMIT 1", payment)
    if row is None or (row["state"], row["tries"], row["claimed_by"], row["created_at"]) != ("waiting", 0, "", at):
        return None
    return _read(row)


def reword(turn: Turn, news_id: str, body: str) -> None:
    """Let a message that nobody was sent yet say this."""
    turn.run("UPDATE news SET body = ? WHERE id = ? AND tries = 0 AND claimed_by = ''", body, news_id)


def due(turn: Turn, at: int, limit: int) -> list[News]:
    """Read the messages to be sent now: only the first waiting one of each payment, and none that is being sent."""
    return [_read(row) for row in turn.all(f"SELECT * {_DUE}", at, at, "", "", limit)]


def sites_due(turn: Turn, at: int) -> list[str]:
    """Name the sites that a message can be sent to now."""
    rows = turn.all(f"SELECT DISTINCT site {_FIRST_DUE}", at, at)
    return [row["site"] for row in rows]


def claim(turn: Turn, owner: str, at: int, until: int, limit: int, site: str = "") -> list[News]:
    """Take the messages to be sent now, for this process alone until then (milliseconds), or until it is dead.

    Without a site: of every site.
    """
    rows = turn.all(
        f"UPDATE news SET claimed_by = ?, claimed_until = ? WHERE id IN (SELECT id {_DUE}) RETURNING *",  # noqa: S608 - the condition is ours
        *(owner, until, at, at, site, site, limit),
    )
    return [_read(row) for row in rows]


def any_in_dead_hands(owner: str, heard_since: int) -> Question:
    """Ask whether there is anything to free."""
    return Question(f"SELECT 1 FROM news WHERE {_IN_DEAD_HANDS}", (owner, heard_since))  # noqa: S608 - the condition is ours


def free(turn: Turn, owner: str, heard_since: int) -> int:
    """Take the messages out of the hands of the dead: of every other process not heard of since then."""
    return turn.run(
        f"UPDATE news SET claimed_by = '', claimed_until = 0 WHERE {_IN_DEAD_HANDS}",  # noqa: S608 - the condition is ours
        *(owner, heard_since),
    )


def heard(turn: Turn, news_id: str, at: int) -> None:
    """Note that WordPress has it."""
    turn.run(
        "UPDATE news SET state = 'heard', heard_at = ?, tries = tries + 1, claimed_by = '', claimed_until = 0"
        " WHERE id = ?",
        *(at, news_id),
    )


def not_heard(turn: Turn, news_id: str, *, next_try_at: int | None, error: str, owner: str = "") -> None:
    """Note a try that failed, unless another process has it by now; without a next try it is kept for a person."""
    turn.run(
        "UPDATE news SET state = ?, next_try_at = ?, tries = tries + 1, last_error = ?, claimed_by = '',"
        " claimed_until = 0 WHERE id = ? AND state = 'waiting' AND claimed_by = ?",
        *("kept" if next_try_at is None else "waiting", next_try_at or 0, error[:300], news_id, owner),
    )


def any_postponed(at: int) -> Question:
    """Ask whether a message waits beyond then (milliseconds)."""
    return Question("SELECT 1 FROM news WHERE state = 'waiting' AND next_try_at > ?", (at,))


def pull_in(turn: Turn, at: int, longest: int) -> int:
    """Owe from now on what waits longer than any pause lasts (milliseconds): a clock that ran ahead postponed it.

    Answers how many messages.
    """
    return turn.run("UPDATE news SET next_try_at = ? WHERE state = 'waiting' AND next_try_at > ?", at, at + longest)


def bring_forward(turn: Turn, by: int) -> None:
    """Let what waits for its next try wait that much less (milliseconds); what is being sent stays its sender's."""
    turn.run("UPDATE news SET next_try_at = next_try_at - ? WHERE state = 'waiting' AND claimed_by = ''", by)


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
