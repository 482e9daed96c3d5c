"""What this process has counted since it began, for /metrics: calls, checks, violations. No label names a person."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from bridge.ledger.checks import Checked
from bridge.wire.journal import Line

BUCKETS_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


@dataclass(slots=True)
class Monitor:
    """Counts by (gateway, op, verdict); spans of calls by (gateway, op), in buckets of seconds; the last has no end."""

    calls: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    spans: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    span_seconds: dict[tuple[str, str], float] = field(default_factory=dict)
    checks: Counter[str] = field(default_factory=Counter)
    violations: Counter[str] = field(default_factory=Counter)
    checked_at: float = 0.0
    sealed_rows: int = 0

    def count_calls(self, gateway: str, lines: Iterable[Line]) -> None:
        """Count the calls of one conversation."""
        for line in lines:
            self.calls[gateway, line.op, line.verdict] += 1
            spans = self.spans.setdefault((gateway, line.op), [0] * (len(BUCKETS_SECONDS) + 1))
            spans[sum(line.seconds > limit for limit in BUCKETS_SECONDS)] += 1
            self.span_seconds[gateway, line.op] = self.span_seconds.get((gateway, line.op), 0.0) + line.seconds

    def count_check(self, checked: Checked) -> None:
        """Count a check of the books and what it found."""
        self.checks["full" if checked.full else "changed"] += 1
        self.violations.update(name for name, _, _ in checked.found)
        self.checked_at = checked.at / 1000
