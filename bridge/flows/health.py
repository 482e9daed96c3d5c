"""What a check of the bridge's health says: a verdict in words, and the figures behind it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple

from bridge.ledger.figures import GatewayFigures
from bridge.ledger.ledger import Row

Verdict = Literal["pass", "warn", "fail"]
WORST = ("fail", "warn", "pass")


class Words(NamedTuple):
    """A text in both languages."""

    ko: str
    en: str


NOTHING = Words("", "")


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at: `value` is what was found; `advice`, unless it passed, what is wrong and what to do."""

    name: str
    verdict: Verdict
    label: Words
    value: Words
    advice: Words = NOTHING


@dataclass(frozen=True, slots=True)
class GatewayHealth:
    """One gateway in the last 24 hours, with its unsettled payments (milliseconds, seconds)."""

    name: str
    title: str
    figures: GatewayFigures
    unknown: int = 0
    unknown_oldest_seconds: int = 0

    def to_json(self) -> dict[str, Any]:
        """Give the figures under the names of the contract."""
        return {
            "name": self.name,
            "title": self.title,
            "attempts": self.figures.opened,
            "success_rate": None if self.figures.success_rate is None else round(self.figures.success_rate, 4),
            "p50_ms": self.figures.percentile_ms(50),
            "p95_ms": self.figures.percentile_ms(95),
            "p99_ms": self.figures.percentile_ms(99),
            "declines": [{"reason": one.reason, "code": one.code, "count": one.count} for one in self.figures.declines],
            "unknown": {"count": self.unknown, "oldest_seconds": self.unknown_oldest_seconds},
            "notices": self.figures.notices,
            "clock_skew_ms": self.figures.skew_ms,
        }


@dataclass(frozen=True, slots=True)
class Health:
    """The bridge's health, for one site or for all of them. Rows are for the dashboard, which may show them."""

    checks: tuple[Check, ...]
    at: datetime
    mode: str
    version: str
    dashboard_url: str
    gateways: tuple[GatewayHealth, ...] = ()
    unsettled: tuple[Row, ...] = field(default=(), repr=False)
    unheard: tuple[Row, ...] = field(default=(), repr=False)
    cases: tuple[Row, ...] = field(default=(), repr=False)
    """The oldest of the open cases; `cases_open` counts all."""
    cases_open: int = 0
    unknown_oldest_seconds: int = 0
    news_oldest_seconds: int = 0
    seal: tuple[int, str] = (0, "")
    """The site's last seal: kept elsewhere too, it proves what the audit was."""

    @property
    def verdict(self) -> Verdict:
        """The worst of the checks."""
        return min((check.verdict for check in self.checks), key=WORST.index, default="pass")

    @property
    def headline(self) -> Words:
        """One sentence: what is wrong and what to do next, or that all is well."""
        worst = next((check for check in self.checks if check.verdict == self.verdict), None)
        if worst is None or worst.verdict == "pass":
            return Words("모두 잘 되고 있어요. 지금 할 일은 없어요.", "All is well. Nothing needs you right now.")
        return worst.advice

    def to_json(self) -> Mapping[str, Any]:
        """Give what GET /v1/health answers: no personal data, no secret, both languages."""
        return {
            "verdict": self.verdict,
            "headline": self.headline._asdict(),
            "checks": [
                {
                    "name": check.name,
                    "verdict": check.verdict,
                    "value": check.value._asdict(),
                    "advice": check.advice._asdict(),
                }
                for check in self.checks
            ],
            "server_time": self.at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "version": self.version,
            "mode": self.mode,
            "gateways": [gateway.to_json() for gateway in self.gateways],
            "unknown": {"count": len(self.unsettled), "oldest_seconds": self.unknown_oldest_seconds},
            "news": {"waiting": len(self.unheard), "oldest_seconds": self.news_oldest_seconds},
            "cases": {"open": self.cases_open},
            "seal": {"number": self.seal[0], "hash": self.seal[1]},
            "dashboard_url": self.dashboard_url,
        }
