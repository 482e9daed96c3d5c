"""Charts as numbers for an SVG: bars of a day, hour by hour, and the spread of waiting times."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log10

BAR_WIDTH, BAR_GAP, HEIGHT = 9, 3, 44
TRACK_WIDTH = 280
MS_MIN, MS_MAX = 10, 100_000


@dataclass(frozen=True, slots=True)
class Bar:
    """One hour: where its bar stands, and how high its parts are (paid at the foot, lost above, the rest on top)."""

    x: int
    paid: float
    lost: float
    rest: float
    opened: int
    paid_count: int
    hours_ago: int

    @property
    def top(self) -> float:
        """Where the bar begins, from above."""
        return HEIGHT - self.paid - self.lost - self.rest


@dataclass(frozen=True, slots=True)
class Spread:
    """Places of p50, p95 and p99 on a track whose left is 10 ms and whose right is 100 s, by the logarithm."""

    p50: float
    p95: float
    p99: float


def bars(hours: Sequence[tuple[int, int, int]]) -> list[Bar]:
    """Draw the hours (opened, paid, lost), oldest first; the tallest fills the height."""
    most = max((opened for opened, _, _ in hours), default=0) or 1
    scale = (HEIGHT - 2) / most
    return [
        Bar(
            x=place * (BAR_WIDTH + BAR_GAP),
            paid=round(paid * scale, 1),
            lost=round(lost * scale, 1),
            rest=round(max(0, opened - paid - lost) * scale, 1),
            opened=opened,
            paid_count=paid,
            hours_ago=len(hours) - place,
        )
        for place, (opened, paid, lost) in enumerate(hours)
    ]


def spread(p50: int | None, p95: int | None, p99: int | None) -> Spread | None:
    """Place three waiting times (milliseconds) on the track."""
    if p50 is None or p95 is None or p99 is None:
        return None
    return Spread(*(_place(ms) for ms in (p50, p95, p99)))


def _place(ms: int) -> float:
    share = (log10(max(ms, MS_MIN)) - log10(MS_MIN)) / (log10(MS_MAX) - log10(MS_MIN))
    return round(min(share, 1.0) * TRACK_WIDTH, 1)
