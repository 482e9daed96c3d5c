"""What was asked before: nonces used once, and the answers kept for repeated requests. Written with the effect."""

import hashlib
from dataclasses import dataclass

from bridge.domain.failures import ClockBehind, KeyReused, Replayed
from bridge.ledger import gap
from bridge.ledger.ledger import Turn

WINDOW_SECONDS = 120
KEPT_AFTER_END_SECONDS = 2 * WINDOW_SECONDS + 300
CLAIM = "return:"
"""What such a key begins with that no request bore, but a gateway's number in a buyer's return."""
EVERYWHERE = ""
"""The site of such a key: two shops may have one contract, and the gateway tells its numbers alone apart."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to an earlier request with the same key: `result` is the id of what it made."""

    result: str
    status: int
    body: str


def use_nonce(turn: Turn, key_id: str, nonce: str, ends_at: int) -> None:
    """Consume a nonce (ends_at in milliseconds).

    Raises Replayed when it was used before; ClockBehind when it ended so long before the latest time ever seen that it
    may have been and been dropped since: a clock set back reopens nothing.
    """
    if ends_at < refused_until(turn):
        raise ClockBehind(
            "This request was signed before what the bridge remembers: nothing was done. Was its clock set back, or"
            " were its books restored since? Sign it anew; if it is refused again, check the server's clock."
        )
    if turn.one("SELECT 1 FROM nonces WHERE key_id = ? AND nonce = ?", key_id, nonce):
        raise Replayed("This request was sent before; sign a new one.")
    turn.run("INSERT INTO nonces (key_id, nonce, ends_at) VALUES (?, ?, ?)", key_id, nonce, ends_at)


def earlier(turn: Turn, site: str, idempotency_key: str, digest: str) -> Answer | None:
    """Find what an idempotency key made before.

    Raises KeyReused when it came with another body, KeyTooOld for one that books restored since cannot know.
    """
    row = turn.one("SELECT * FROM answers WHERE site = ? AND idempotency_key = ?", site, idempotency_key)
    if row is None:
        gap.refuse_old_key(turn, site, idempotency_key)
        return None
    if row["digest"] != digest:
        raise KeyReused("This Idempotency-Key was used with another request; make a new key.")
    return Answer(row["result"], row["status"], row["body"])


def remember(turn: Turn, site: str, idempotency_key: str, digest: str, result: str, at: int) -> None:
    """Bind an idempotency key to what it made, for ever."""
    turn.run(
        "INSERT INTO answers (site, idempotency_key, digest, result, created_at) VALUES (?, ?, ?, ?, ?)",
        *(site, idempotency_key, digest, result, at),
    )


def rebind(turn: Turn, site: str, idempotency_key: str, result: str) -> None:
    """Bind a key to what replaces the thing it made, as long as no answer was kept."""
    turn.run(
        "UPDATE answers SET result = ? WHERE site = ? AND idempotency_key = ? AND status = 0",
        *(result, site, idempotency_key),
    )


def keep_answer(turn: Turn, site: str, idempotency_key: str, status: int, body: str) -> None:
    """Keep the answer given, so that a repeat gets the same bytes."""
    turn.run(
        "UPDATE answers SET status = ?, body = ? WHERE site = ? AND idempotency_key = ? AND status = 0",
        *(status, body, site, idempotency_key),
    )


def claim_key(gateway: str, claims: str) -> str:
    """Name a gateway's number as what one payment is bound to; however it was spelt in the buyer's browser."""
    plain = "".join(claims.split()).casefold()
    return f"{CLAIM}{gateway}:{hashlib.sha256(plain.encode()).hexdigest()}"


def claimant(turn: Turn, gateway: str, claims: str) -> str:
    """Give the payment, of whatever site, that was approved with a gateway's number, or nothing."""
    key = claim_key(gateway, claims)
    row = turn.one("SELECT result FROM answers WHERE site = ? AND idempotency_key = ?", EVERYWHERE, key)
    return str(row["result"]) if row else ""


def claims_of(turn: Turn, payment: str) -> list[str]:
    """Name the keys of the numbers that are bound to a payment, whoever they are of."""
    asked = (
        "SELECT idempotency_key FROM answers WHERE site = '' AND result = ? ORDER BY idempotency_key"  # by its index
    )
    return [row["idempotency_key"] for row in turn.all(asked, payment)]


def claim(turn: Turn, gateway: str, claims: str, payment: str, at: int) -> bool:
    """Bind a gateway's number to a payment, for ever; tells whether it is bound to that one."""
    known = claimant(turn, gateway, claims)
    if not known:
        remember(turn, EVERYWHERE, claim_key(gateway, claims), "", payment, at)
    return known in ("", payment)


def refuse_signed_before(turn: Turn, at: int) -> None:
    """Refuse every request signed before then (milliseconds): its nonce may be among what restored books have lost."""
    _see(turn, max(latest_time(turn), _seen_by_restore(at)))


def follow_clock(turn: Turn, restored_at: int, moved: int) -> None:
    """Refuse what was signed before a restore by the clock as it was set since then, by so much (milliseconds).

    Set back, it refuses that long only where nothing later was seen since: a nonce may have been dropped by that.
    """
    if moved > 0:
        refuse_signed_before(turn, restored_at + moved)
    elif latest_time(turn) == _seen_by_restore(restored_at):
        _see(turn, _seen_by_restore(restored_at + moved))


def forget_nonces(turn: Turn, at: int) -> int:
    """Drop nonces long past their end, by the latest time ever seen, so that a clock set back reopens nothing."""
    latest = max(at, latest_time(turn))
    _see(turn, latest)
    return turn.run("DELETE FROM nonces WHERE ends_at < ?", latest - KEPT_AFTER_END_SECONDS * 1000)


def refused_until(turn: Turn) -> int:
    """Say until when a request must have ended to be refused, whatever its nonce, in milliseconds."""
    return latest_time(turn) - KEPT_AFTER_END_SECONDS * 1000


def latest_time(turn: Turn) -> int:
    """Say the latest time the ledger has seen, in milliseconds; a clock set back is measured against it."""
    row = turn.one("SELECT value FROM meta WHERE name = 'latest_time'")
    return int(row["value"]) if row else 0


def _see(turn: Turn, latest: int) -> None:
    turn.run(
        "INSERT INTO meta (name, value) VALUES ('latest_time', ?)"
        " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        str(latest),
    )


def _seen_by_restore(at: int) -> int:
    """Say as how late a time a restore at that moment counts, in milliseconds."""
    return at + (WINDOW_SECONDS + KEPT_AFTER_END_SECONDS) * 1000
