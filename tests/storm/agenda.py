"""What the ledger still has to do: when a poller of the bridge must wake, and whether everything has come to rest."""

import re
from typing import TYPE_CHECKING

from bridge.ledger.ledger import Row
from bridge.ledger.sqlite import SqliteTurn

if TYPE_CHECKING:
    from tests.storm.storm import Storm

EXPIRY_GRACE_MS = 61_000
DROPPED_MS = 11_000
DAY_MS = 86_400_000
OWED_MS = 10_000
CLOSINGS = 4
NEW_STATES = ("new", "readying", "open", "approving", "unknown", "voiding")


class Agenda:
    """Reads it from the database, once after each commit."""

    def __init__(self, storm: "Storm") -> None:
        self._storm = storm
        self._turn = SqliteTurn(storm.disk.connection)
        self._due: dict[str, float | None] = {}
        self._read_at = 0.0
        self._row: Row | None = None
        self._writes = -1

    def forget(self) -> None:
        """Something was committed."""
        self._due = {}

    def next_due(self, poller: str) -> float | None:
        """Tell how many seconds from now a poller has something to do, as far as the ledger shows; None: nothing."""
        if not self._due:
            self._read_at = self._storm.loop.time()
            now = int(self._storm.clock.now().timestamp() * 1000)
            writes = self._storm.disk.writes(_LOOKED_AT)
            if writes != self._writes:
                self._writes, self._row = writes, self._turn.one(_DUE, EXPIRY_GRACE_MS, DAY_MS, DROPPED_MS)
            row = self._row
            assert row is not None
            beats = [at - now for at in (row["step"], row["end"], row["dropped"], row["receipt"]) if at is not None]
            if row["owed"]:
                beats.append(OWED_MS)
            self._due = {
                "heartbeat": min(beats) / 1000 if beats else None,
                "checks": None,
                "news": None if row["news"] is None else (row["news"] - now) / 1000,
            }
        due = self._due[poller]
        return None if due is None else max(0.0, due - (self._storm.loop.time() - self._read_at))

    def unfinished(self) -> dict[str, int]:
        """Count what may not be left when everything is over."""
        row = self._turn.one(_UNFINISHED)
        assert row is not None
        return {name: row[name] for name in ("states", "steps", "news", "notices")}

    def is_quiet(self) -> bool:
        """Tell whether nothing is owed or open any more."""
        waiting = self._turn.one("SELECT COUNT(*) AS many FROM payments WHERE state = 'awaiting_deposit'")
        assert waiting is not None
        return not any(self.unfinished().values()) and not (self._storm.long_wait and waiting["many"])


_DUE = """SELECT
 (SELECT MIN(next_try_at) FROM operations WHERE state IN ('unknown', 'needs_human')) AS step,
 (SELECT MIN(sent_at) + ?3 FROM operations WHERE state = 'sent') AS dropped,
 (SELECT MIN(next_try_at) FROM receipts WHERE state IN ('issuing', 'cancelling')) AS receipt,
 (SELECT MIN(expires_at + CASE state WHEN 'awaiting_deposit' THEN ?2 ELSE ?1 END) FROM payments
  WHERE state IN ('open', 'readying', 'awaiting_deposit') AND NOT EXISTS (
   SELECT 1 FROM operations AS o WHERE o.payment = payments.id AND o.kind = 'check' AND o.state = 'unknown')) AS end,
 (SELECT COUNT(*) FROM notices WHERE state = 'pending') AS owed,
 (SELECT MIN(MAX(next_try_at, claimed_until)) FROM news AS this WHERE state = 'waiting' AND NOT EXISTS (
  SELECT 1 FROM news AS earlier WHERE earlier.payment = this.payment AND earlier.seq < this.seq
  AND earlier.state = 'waiting')) AS news"""
_LOOKED_AT = sorted(set(re.findall(r"FROM (\w+)", _DUE)))

# A comparison of the books waits for the person who decides about what is under way; so does a window that may have
# taken money for an order that another payment has, or whose money cannot be taken back without people, and the news
# of a part given back of what it took, or of what a charge took that nobody can be asked about, and all news of a
# payment whose return was brought to another that people decide about first. A withdrawal that had no answer for long
# is left alone, and bars nothing. An account is asked to be closed until it ends.
_UNFINISHED = f"""SELECT
 (SELECT COUNT(*) FROM payments WHERE state IN {NEW_STATES} AND NOT (state IN ('open', 'voiding') AND EXISTS (
  SELECT 1 FROM operations AS deed JOIN cases ON cases.payment = deed.payment AND cases.state = 'open'
  WHERE deed.payment = payments.id AND deed.kind IN ('probe', 'undo') AND deed.state = 'needs_human')))
 + (SELECT COUNT(*) FROM receipts WHERE state IN ('issuing', 'cancelling')) AS states,
 (SELECT COUNT(*) FROM operations AS step WHERE state IN ('sent', 'unknown') AND NOT (kind = 'check' AND EXISTS (
  SELECT 1 FROM operations AS other WHERE other.payment = step.payment AND other.state = 'needs_human'))
  AND NOT (kind = 'withdraw' AND next_try_at IS NULL) AND NOT (kind = 'probe' AND tries > {CLOSINGS} AND EXISTS (
  SELECT 1 FROM payments WHERE id = step.payment AND state = 'awaiting_deposit'))) AS steps,
 (SELECT COUNT(*) FROM news WHERE state <> 'heard') AS news,
 (SELECT COUNT(*) FROM notices WHERE state = 'pending' AND NOT EXISTS (SELECT 1 FROM operations
  WHERE payment = notices.payment AND kind IN ('probe', 'approve') AND state = 'needs_human') AND NOT EXISTS (
  SELECT 1 FROM cases WHERE payment = notices.payment AND reason = 'unknown_outcome' AND state = 'open')) AS notices"""
