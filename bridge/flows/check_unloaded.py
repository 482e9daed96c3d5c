"""Says where a gateway's window script does not load in buyers' browsers. It informs; no gateway is left for it."""

from collections.abc import Sequence

from bridge.flows.health import Check, Words
from bridge.flows.sites import Site
from bridge.ledger.ledger import Turn
from bridge.ledger.unloaded import COUNTS_MS, Report, got_through, reports

PAGES_MIN = 3
"""So many different orders or customers within ten minutes: one blocker, or somebody's forged report, is no news."""
WITHIN_MS = 600_000


def count_unloaded(turn: Turn, sites: Sequence[Site], at: int) -> dict[str, int]:
    """Count, by gateway, the orders and customers whose page had no script, where they are many; `at` in milliseconds.

    They count for a day, or until ten minutes passed without a report and a buyer who began in them got through.
    """
    found: dict[str, int] = {}
    for site in sites:
        for gateway in site.gateways:
            episode = _episode(turn, site.id, gateway, at)
            if _most(episode) >= PAGES_MIN:
                found[gateway] = found.get(gateway, 0) + len({report.about for report in episode})
    return found


def check_unloaded(turn: Turn, sites: Sequence[Site], at: int) -> list[Check]:
    """Warn of each gateway whose script several buyers could not load."""
    titles = {name: gateway.title for site in sites for name, gateway in site.gateways.items()}
    return [
        Check(
            f"{name}.script",
            "warn",
            Words(f"{titles[name]} 결제창 스크립트", f"{name} window script"),
            Words(f"주문·등록 {many}건에서 불러오지 못함", f"not loaded for {many} orders or registrations"),
            Words(
                f"{titles[name]} 결제창이 여러 구매자에게 열리지 않아요. 직접 열어 보고 결제사 공지를 확인해 주세요.",
                f"Buyers' browsers do not load {name}'s window script. Open one yourself; see if it announced a fault.",
            ),
        )
        for name, many in sorted(count_unloaded(turn, sites, at).items())
    ]


def _episode(turn: Turn, site: str, gateway: str, at: int) -> list[Report]:
    """Keep the reports, newest first, back to where it was quiet and a buyer got through."""
    kept: list[Report] = []
    later = at
    for report in reports(turn, site, gateway, at - COUNTS_MS):
        if later - report.at > WITHIN_MS and got_through(turn, site, gateway, report.at, later):
            break
        kept.append(report)
        later = report.at
    return kept


def _most(episode: Sequence[Report]) -> int:
    """Count the most different ones within ten minutes."""
    return max(
        (len({one.about for one in episode if 0 <= last.at - one.at <= WITHIN_MS}) for last in episode), default=0
    )
