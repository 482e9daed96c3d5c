"""The journal of conversations: every call to a gateway, scrubbed, with what it took."""

from dataclasses import dataclass

from bridge.ledger.ledger import Row, Turn


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One call as it may be shown: `took_ms` and `skew_ms` in milliseconds, texts scrubbed; `operation` is the one
    whose money it moved, if it moved any."""

    id: str
    site: str
    payment: str
    gateway: str
    op: str
    verdict: str
    status: int
    took_ms: int
    skew_ms: int | None
    request: str
    response: str
    why: str
    at: int
    operation: str = ""


def add(turn: Turn, record: CallRecord) -> None:
    """Write a call down."""
    turn.run(
        "INSERT INTO calls (id, site, payment, gateway, op, verdict, status, took_ms, skew_ms, request, response,"
        " why, at, operation)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        *(record.id, record.site, record.payment, record.gateway, record.op, record.verdict, record.status),
        *(record.took_ms, record.skew_ms, record.request, record.response, record.why, record.at, record.operation),
    )


def newest(turn: Turn, site: str, gateway: str, since: int) -> Row | None:
    """Read the newest call to a site's gateway since then (milliseconds)."""
    return turn.one(
        "SELECT verdict, why FROM calls WHERE site = ? AND gateway = ? AND at > ? ORDER BY at DESC, id DESC LIMIT 1",
        *(site, gateway, since),
    )


def of_payment(turn: Turn, payment: str) -> list[Row]:
    """Read a payment's calls, oldest first."""
    return turn.all("SELECT * FROM calls WHERE payment = ? ORDER BY at, id", payment)
