"""Commands for a merchant's account, in the audit: who asked for which, and what became of it. No field of any."""

from bridge.ledger import audit
from bridge.ledger.ledger import Row, Turn

CHAIN, AFTER_CHAINS = "command-", "command."
"""How a command's chain begins, and what comes after all that begin so: it is a chain of its own, of no payment."""
ASKED, ANSWERED = "command.asked", "command.answered"


def note_asked(turn: Turn, site: str, command_id: str, *, gateway: str, command: str, actor: str, at: int) -> None:
    """Write down that somebody asks for a command; `at` in milliseconds."""
    detail: dict[str, str | int] = {"gateway": gateway, "command": command}
    audit.note(turn, site=site, payment=CHAIN + command_id, at=at, actor=actor, event=ASKED, detail=detail)


def note_answered(turn: Turn, site: str, command_id: str, *, became: str, code: str, at: int) -> None:
    """Write down what became of it: done, refused, unknown or not_sent, with the gateway's code."""
    audit.note(
        turn,
        site=site,
        payment=CHAIN + command_id,
        at=at,
        actor="gateway",
        event=ANSWERED,
        became=became,
        detail={"code": code},
    )


def newest(turn: Turn, limit: int) -> list[Row]:
    """Read the newest commands of all sites: site, at, actor, detail, what became of each ("" before its answer)."""
    return turn.all(
        "SELECT a.site, a.at, a.actor, a.detail, COALESCE(b.became, '') AS became FROM audit a"
        " LEFT JOIN audit b ON b.payment = a.payment AND b.seq = 2"
        " WHERE a.payment >= ? AND a.payment < ? AND a.seq = 1 ORDER BY a.payment DESC LIMIT ?",
        *(CHAIN, AFTER_CHAINS, limit),
    )
