"""Says where money is told at the address that browsers see alone: nobody typed the other one into the console."""

from collections import Counter
from collections.abc import Sequence

from bridge.flows.health import Check, Words
from bridge.flows.sites import Site
from bridge.flows.told import TOLD_IN_SIGHT
from bridge.flows.urls import shown_kind
from bridge.ledger import notices
from bridge.ledger.ledger import Turn

COUNTS_MS = 86_400_000
LATE_MS = 120_000
"""So long the other address may be told later, before somebody is asked to look."""


def check_unbelieved(turn: Turn, sites: Sequence[Site], at: int) -> list[Check]:
    """Warn of each gateway that told of money in the last day at an address where none is believed, and at no other;
    `at` in milliseconds. What comes there may be anybody's word, so it only informs."""
    titles = {name: gateway.title for site in sites for name, gateway in site.gateways.items()}
    many, span = Counter[str](), (at - COUNTS_MS, at - LATE_MS)
    for site in sites:
        for name, gateway in site.gateways.items():
            if shown_kind(gateway):
                many[name] += notices.many_only_told_as(turn, site.id, name, TOLD_IN_SIGHT, *span)
    return [
        Check(
            f"{name}.address",
            "warn",
            Words(f"{titles[name]} 통보 주소", f"{name} notice address"),
            Words(
                f"결제 {count}건을 믿을 수 있는 주소로 듣지 못함", f"{count} payments not told at the address to trust"
            ),
            Words(
                f"{titles[name]} 관리자의 공통 통보 URL에 `pay-bridge site`가 보여 주는 주소를 넣어 주세요."
                " 그때까지 스크립트 결제창에서 낸 돈은 사람이 확인해야 해요.",
                f"Type the address that `pay-bridge site` lists into {name}'s console, for all notices. Until then what"
                " is paid in its script's window is a person's.",
            ),
        )
        for name, count in sorted(many.items())
        if count
    ]
