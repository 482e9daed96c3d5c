"""What a server told its peers, read from its trace: each word of it rests on something that must be on the disk."""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from .books import Row
from .disk import Record

Rows = Callable[..., "list[Row]"]
ASKED = re.compile(
    rb"^POST \S*/(ready|pay|net-cancel|cancel|part-cancel) HTTP/1\.1\r\n.*mbrRefNo=([A-Z0-9]+)", re.DOTALL
)
NEWS = re.compile(rb"^POST \S*/pay-bridge/v1/news HTTP/1\.1\r\n.*\r\nwebhook-id: (\w+)\r\n", re.DOTALL)
LED = re.compile(rb"^HTTP/1\.1 303 .*\r\nlocation: (\S+)\r\n", re.DOTALL)
RESTS_ON = {
    "ready": "SELECT id FROM payments WHERE merchant_ref = ?",
    "pay": "SELECT o.id FROM operations o JOIN payments p ON p.id = o.payment WHERE o.kind = 'approve'"
    " AND p.merchant_ref = ?",
    "net-cancel": "SELECT o.id FROM operations o JOIN payments p ON p.id = o.payment WHERE o.kind = 'undo'"
    " AND p.merchant_ref = ?",
    "cancel": "SELECT id FROM operations WHERE kind = 'refund' AND ref = ?",
    "part-cancel": "SELECT id FROM operations WHERE kind = 'refund' AND ref = ?",
    "news": "SELECT id FROM news WHERE id = ?",
    "window": "SELECT id FROM payments WHERE id = ? AND window_url <> ''",
    "paid": "SELECT id FROM payments WHERE id = ? AND (captured > 0 OR state = 'awaiting_deposit')",
    "refunded": "SELECT id FROM operations WHERE id = ? AND state = 'ok'",
    "notice": "SELECT n.id FROM notices n JOIN payments p ON p.id = n.payment LEFT JOIN operations o"
    " ON o.payment = p.id AND o.ref = ?1 WHERE p.merchant_ref = ?1 OR o.ref = ?1",
}
"""What was told or asked, and the row without which it should not have been."""


@dataclass
class Told:
    """Everything told so far; an answer of an acknowledged notice is counted, as each must have a row of its own."""

    words: set[tuple[str, str]] = field(default_factory=set)
    notices: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def hear(self, record: Record) -> None:
        """Take what was said to a peer."""
        if record.kind != "n":
            return
        data = record.data
        for pattern in (ASKED, NEWS, LED):
            found = pattern.match(data)
            if found and pattern is ASKED:
                self.words.add((found[1].decode(), found[2].decode()))
            elif found and pattern is NEWS:
                self.words.add(("news", found[1].decode()))
            elif found:
                self._led(found[1].decode())
        if data.startswith(b"{"):
            self._answered(data)

    def missing(self, rows: Rows) -> list[tuple[str, str]]:
        """Find what was told and rests on nothing."""
        lost = [(kind, key) for kind, key in sorted(self.words) if not rows(RESTS_ON[kind], key)]
        for ref, answers in self.notices.items():
            if len(rows(RESTS_ON["notice"], ref)) < len(answers):
                lost.append(("notice", ref))
        return lost

    def kinds(self) -> Counter[str]:
        """How many words of each kind there were."""
        counted = Counter(kind for kind, _ in self.words)
        counted["notice"] = sum(len(answers) for answers in self.notices.values())
        return counted

    def _led(self, location: str) -> None:
        asked = parse_qs(urlsplit(location).query)
        if "pay_bridge_result" not in asked and "pay_bridge" in asked:
            self.words.add(("paid", asked["pay_bridge"][0]))

    def _answered(self, data: bytes) -> None:
        try:
            said = json.loads(data)
        except ValueError:
            return
        if said.get("window_url") and "payment" in said:
            self.words.add(("window", said["payment"]))
        elif said.get("state") == "done" and "amount" in said:
            self.words.add(("refunded", said["id"]))
        elif said.get("resultCode") == "0000" and "mbrRefNo" in said:
            self.notices[said["mbrRefNo"]].add(data.decode())
