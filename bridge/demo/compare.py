"""Compares three accounts of every payment: the bridge's ledger, what the shop was told, the gateway's books."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import httpx2

from bridge.demo.office import Office
from bridge.demo.stand import Stand
from bridge.domain.machine import PAID_STATES, State

NEVER_TOLD = frozenset({State.FAILED_READY, State.SUPERSEDED, State.OPEN})
"""States about which a shop is not told: no window of theirs was ever paid in."""

MONEY = ("captured", "refunded")


@dataclass(frozen=True, slots=True)
class Compared:
    """One payment as each of the three has it, in KRW, and where they differ."""

    order_ref: str
    bridge: dict[str, Any]
    shop: dict[str, Any]
    books: dict[str, Any]
    differences: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Give it as JSON."""
        return {
            "bridge": self.bridge,
            "shop_was_told": self.shop,
            "books": self.books,
            "agree": not self.differences,
        } | ({"differences": self.differences} if self.differences else {})


async def compare(stand: Stand, http: httpx2.AsyncClient) -> list[Compared]:
    """Compare every payment of every shop; a book that no payment owns is a difference too."""
    books = (await http.get(f"{stand.sandbox_url}/books")).json()["payments"]
    by_ref: dict[str, list[dict[str, Any]]] = {}
    for book in books:
        by_ref.setdefault(book["merchant_ref"], []).append(book)
    found = []
    for office in stand.offices.values():
        for payment in await _all_payments(office):
            found.append(_compared(office, payment, by_ref.pop(payment["merchant_ref"], [])))
    for stray in by_ref.values():
        nobody = {"state": "unknown to the bridge"} | dict.fromkeys(MONEY, 0)
        found.append(
            Compared("", nobody, {}, _sums(stray), ["the gateway has a payment that the bridge does not know"])
        )
    return found


async def _all_payments(office: Office) -> list[dict[str, Any]]:
    found, cursor = [], ""
    while True:
        page = (await office.call("GET", f"/v1/payments?limit=100{cursor}")).body
        for item in page["items"]:
            found.append((await office.call("GET", f"/v1/payments/{quote(item['id'])}")).body)
        if not page["next_cursor"]:
            return found
        cursor = f"&cursor={quote(page['next_cursor'])}"


def _compared(office: Office, payment: dict[str, Any], books: list[dict[str, Any]]) -> Compared:
    told = office.notebook.told(payment["id"])
    bridge = {name: payment[name] for name in ("id", "state", *MONEY)}
    last = told[-1]["payment"] if told else {}
    shop = {"news": [one["type"] for one in told]} | {name: last[name] for name in ("state", *MONEY) if last}
    summed = _sums(books)
    return Compared(
        payment["order_ref"],
        bridge,
        shop,
        summed,
        [
            f"payment {payment['id']} of order {payment['order_ref']}: {difference}"
            for difference in [*_bridge_and_books(payment, summed), *_bridge_and_shop(payment, told)]
        ],
    )


def _sums(books: list[dict[str, Any]]) -> dict[str, Any]:
    sums: dict[str, Any] = {name: sum(book[name] for book in books) for name in (*MONEY, "net")}
    return sums | {"captures": sum(len(book["captures"]) for book in books)}


def _bridge_and_books(payment: dict[str, Any], books: dict[str, Any]) -> list[str]:
    """The money held must be the same; for a paid payment also what was taken and what was given back, once."""
    differences = []
    if payment["captured"] - payment["refunded"] != books["net"]:
        differences.append(
            f"the bridge holds {payment['captured'] - payment['refunded']} KRW, the books {books['net']}"
        )
    if books["captures"] > 1:
        differences.append(f"the buyer was charged {books['captures']} times")
    if payment["state"] in PAID_STATES:
        differences += [
            f"{name}: the bridge says {payment[name]} KRW, the books {books[name]}"
            for name in MONEY
            if payment[name] != books[name]
        ]
    return differences


def _bridge_and_shop(payment: dict[str, Any], told: list[dict[str, Any]]) -> list[str]:
    """The last news must say what the ledger says, and the numbers of the news must rise without a gap."""
    if not told:
        return [] if payment["state"] in NEVER_TOLD else ["the shop was never told"]
    differences = []
    if [one["seq"] for one in told] != list(range(1, len(told) + 1)):
        differences.append(f"the shop heard the news numbered {[one['seq'] for one in told]}")
    last = told[-1]["payment"]
    differences += [
        f"{name}: the bridge says {payment[name]}, the shop was told {last[name]}"
        for name in ("state", *MONEY)
        if payment[name] != last[name]
    ]
    return differences
