"""What was measured, against what was to be reached."""

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. `hit` is None where there is no goal; a miss is a miss."""

    what: str
    goal: str
    measured: str
    hit: bool | None = None

    @property
    def verdict(self) -> str:
        """One word."""
        return {True: "hit", False: "**miss**", None: ""}[self.hit]


@dataclass(slots=True)
class Part:
    """One part of the run: rows for the table, figures for the file, remarks for whoever wonders."""

    name: str
    title: str
    rows: list[Row] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)

    def add(self, what: str, goal: str, measured: str, hit: bool | None = None) -> None:
        """Add a line to the table."""
        self.rows.append(Row(what, goal, measured, hit))

    def as_json(self) -> dict[str, Any]:
        """Everything, for build/bench.json."""
        return asdict(self)


def ms(value: float) -> str:
    """Milliseconds, as short as they can be read."""
    return f"{value:,.0f} ms" if value >= 100 else f"{value:.1f} ms"
