"""Returns that somebody brings to another payment before their own payment has begun: whose money moves by them then.

Judged at Welcome, where the number in a return is all that moves money: whoever brings it first has begun with it.
"""

import json
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from bridge.ledger.sqlite import SqliteTurn
from tests.storm.gateways.window import Coming

if TYPE_CHECKING:
    from tests.storm.storm import Storm


class Crossing:
    """What one schedule's strangers have brought, and to which payment."""

    def __init__(self, storm: "Storm") -> None:
        self._storm = storm
        self._brought: list[tuple[str, str, Coming]] = []
        self._took: set[tuple[str, str]] = set()

    def has_begun(self, payment: str) -> bool:
        """Tell whether an approval of a payment was begun, with whatever return."""
        turn = SqliteTurn(self._storm.disk.connection)
        return turn.one("SELECT 1 FROM operations WHERE payment = ? AND kind = 'approve'", payment) is not None

    def is_swap(self, payment: str, theirs: str) -> bool:
        """Tell whether one of the two took part in another such deed: whose money is whose could not be judged."""
        pair = (payment, theirs)
        return any({one, other} & set(pair) and (one, other) != pair for one, other, _ in self._brought)

    def bring(self, payment: str, theirs: str, coming: Coming) -> None:
        """Note that a payment is told what belongs to another."""
        if not self.has_begun(theirs):
            self._brought.append((payment, theirs, coming))

    def values(self) -> dict[str, str]:
        """Each value that a payment began with although another's window gave it, with that payment."""
        found: dict[str, str] = {}
        for payment, theirs, coming in self._brought:
            if (payment, theirs) not in self._took and self._began_with(payment, coming):
                self._took.add((payment, theirs))
            if (payment, theirs) in self._took:
                found |= dict.fromkeys(values_of(coming), payment)
        return found

    def _began_with(self, payment: str, coming: Coming) -> bool:
        """Tell whether this is what an approval of a payment was begun with: who names the order refuses others'."""
        asked = "SELECT context_sealed FROM operations WHERE payment = ? AND kind = 'approve' AND context_sealed <> ''"
        rows = SqliteTurn(self._storm.disk.connection).all(asked, payment)
        server = self._storm.server
        if server is None or server.context is None:
            return False
        kept = [json.loads(server.context.vault.open(row["context_sealed"], "operation")) for row in rows]
        return any(set(one["returned"].values()) <= {*values_of(coming), ""} for one in kept if one["returned"])


def values_of(coming: Coming) -> list[str]:
    """List what a browser brings."""
    return [value for _, value in parse_qsl(coming.body.decode() or urlsplit(coming.url).query)]
