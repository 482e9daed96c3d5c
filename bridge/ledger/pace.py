"""How long commits take, counted in buckets for whoever watches."""

from dataclasses import dataclass, field

BUCKETS_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)


@dataclass(slots=True)
class Pace:
    """Counts of commits by how long they took, the last bucket without end, and the seconds of all."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS_SECONDS) + 1))
    seconds: float = 0.0

    def note(self, seconds: float) -> None:
        """Count a commit."""
        self.counts[sum(seconds > limit for limit in BUCKETS_SECONDS)] += 1
        self.seconds += seconds
