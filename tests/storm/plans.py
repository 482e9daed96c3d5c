"""Customers of plans that a gateway charges by itself, on days that come quickly here, and the rules about rounds.

P1: of each round whose notice was acknowledged there is one payment, in an order of its own, however often it is told;
what it took is judged as every payment's. P2: whether a plan rests, goes on or has ended is the same in the books and
at its gateway, unless the books say that they do not know.
"""

import asyncio
import json
import random
from typing import TYPE_CHECKING, Any

from bridge.domain.gateway import Event, Notice
from bridge.ledger.sqlite import SqliteTurn
from tests.storm.net import Heard
from tests.storm.people import Sale, insist
from tests.storm.stand import Paired
from tests.storm.stories import PLAN_ENDED, PLAN_UNHEARD, ROUND, ROUND_FAILED
from tests.storm.tab import Tab

if TYPE_CHECKING:
    from tests.storm.storm import Storm

CUSTOMER = "wp:9"
ENDS = "2029-12-31"
NIGHTS = 30
DEEDS = ("stop", "stop", "start", "start", "end")
THERE = {
    "waiting": ("waiting", "active"),  # the first round's notice may not have come
    "active": ("active",),
    "resting": ("resting",),
    "ended": ("ended",),
    "refused": ("", "waiting"),
    "lost": ("", "waiting"),
}
"""How a plan may stand at its gateway, by how it stands in the books."""


class Subscriber:
    """Somebody who has a plan registered, agrees to it, and lets it rest, go on and end."""

    def __init__(self, storm: "Storm", sale: Sale, chance: random.Random) -> None:
        self._storm = storm
        self._sale = sale
        self._chance = chance

    async def buy(self) -> None:
        """Register, once more where that failed, and agree on the gateway's page."""
        for _ in range(2):
            plan = await self._register()
            if plan is not None and plan.get("window_url"):
                await self._agree(plan["window_url"])
                await self._live_with(plan["id"])
                return
            await asyncio.sleep(self._chance.uniform(5.0, 120.0))

    async def _register(self) -> dict[str, Any] | None:
        order = self._sale.order()
        wish = {
            "customer": CUSTOMER,
            "order_ref": self._sale.ref,
            "title": "월 회원권",
            "amount": self._sale.amount,
            "buyer": order["buyer"] | {"phone": "010-1234-5678"},
            "cycle": "day",
            "ends": ENDS,
            "result_url": order["result_url"],
            "actor": "buyer",
        }
        heard = await insist(self._sale.shop, self._chance, "POST", "/v1/plans", wish)
        return _read(heard) if heard is not None and heard.status < 300 else None

    async def _agree(self, window_url: str) -> None:
        """Pay the first round, perhaps at the second press; or close the page."""
        tab = Tab(self._storm, self._sale.shop.site, window_url)
        for _ in range(2):
            await asyncio.sleep(self._chance.uniform(2.0, 90.0))
            action = self._chance.choice(("pay", "pay", "pay", "pay", "close", "fail"))
            await tab.press(action)
            if action == "pay":
                return

    async def _live_with(self, plan: str) -> None:
        for _ in range(self._chance.choice((2, 4, 6))):
            await asyncio.sleep(self._chance.uniform(20.0, 300.0))
            clerks = 2 if self._storm.weather.strikes("two_clerks") else 1
            await asyncio.gather(*(self._tell(plan, self._chance.choice(DEEDS)) for _ in range(clerks)))

    async def _tell(self, plan: str, deed: str) -> None:
        method, path = ("DELETE", f"/v1/plans/{plan}") if deed == "end" else ("POST", f"/v1/plans/{plan}/{deed}")
        heard = await insist(self._sale.shop, self._chance, method, path, {"customer": CUSTOMER})
        self._storm.checks.deeds[f"plan {deed} {heard.status if heard is not None else 'unanswered'}"] += 1


async def nights(storm: "Storm", chance: random.Random) -> None:
    """Let the day of a round come for each plan that goes on, as if it were one day after the other."""
    for _ in range(NIGHTS):
        await asyncio.sleep(chance.uniform(20.0, 120.0))
        for gate in storm.gates.values():
            kinds = gate.site.setup.plans
            for number in kinds.going_on(gate.desk) if kinds is not None else ():
                if chance.random() < 0.5:
                    fails = chance.random() < 0.2
                    storm.note(f"a round of plan {number} is due{', and fails' if fails else ''}")
                    storm.stories[gate.site.setup.name, ROUND_FAILED] += fails
                    kinds.day_comes(gate.desk, number, fails)


class Plans:
    """Judges the plans of one storm."""

    def __init__(self, storm: "Storm") -> None:
        self._storm = storm
        self._turn = SqliteTurn(storm.disk.connection)
        self._told: dict[tuple[str, str], int] = {}

    def acknowledged(self, site: Paired, notice: Notice) -> None:
        """The gateway heard yes to its news of a round."""
        if notice.round and notice.event == Event.APPROVED:
            self._told[site.id, f"{notice.merchant_ref}.{notice.round}"] = notice.amount

    def book(self, merchant_ref: str, site: str) -> tuple[int, int] | None:
        """Say what a gateway took and gave back of a plan's round; nothing of any other payment."""
        gate = self._storm.gates[site]
        if "." not in merchant_ref or gate.site.setup.plans is None:
            return None
        return gate.site.setup.plans.round_of(gate.desk, merchant_ref)

    def under_way(self) -> int:
        """Count the plans whose registration has no answer yet."""
        if not self._storm.extras.plans:
            return 0
        row = self._turn.one("SELECT COUNT(*) AS many FROM plans WHERE state = 'registering'")
        assert row is not None, "a count is a row"
        return int(row["many"])

    def at_the_end(self) -> None:
        """Judge what came of them."""
        if not self._storm.extras.plans:
            return
        holds = self._storm.checks.holds
        holds("I14", not self.under_way(), f"after the calm {self.under_way()} plans are still registering")
        asked = "SELECT COUNT(*) AS many, MAX(captured) AS captured FROM payments WHERE site = ? AND merchant_ref = ?"
        for (site, name), amount in self._told.items():
            row = self._turn.one(asked, site, name)
            assert row is not None, "a count is a row"
            holds(
                "P1", row["many"] == 1, f"{name}: {amount} KRW were acknowledged, and {row['many']} payments have them"
            )
            self._storm.stories[self._storm.gates[site].site.setup.name, ROUND] += bool(row["captured"])
        for row in self._turn.all("SELECT * FROM plans ORDER BY id"):
            self._judge(row)

    def _judge(self, row: Any) -> None:
        gate, holds = self._storm.gates[row["site"]], self._storm.checks.holds
        kinds, name = gate.site.setup.plans, gate.site.setup.name
        assert kinds is not None, "only such a gateway has plans"
        made = "SELECT COUNT(*) AS many, COUNT(DISTINCT order_ref) AS orders FROM payments WHERE token_id LIKE ?"
        count = self._turn.one(made, f"plan:{row['id']}:%")
        assert count is not None, "a count is a row"
        holds(
            "P1", count["many"] == count["orders"], f"{row['ref']}: {count['many']} rounds in {count['orders']} orders"
        )
        self._storm.stories[name, PLAN_ENDED] += row["state"] == "ended"
        self._storm.stories[name, PLAN_UNHEARD] += row["state"] == "changing"
        there = kinds.stands(gate.desk, row["number"], row["ref"])
        if row["state"] in THERE:
            holds("P2", there in THERE[row["state"]], f"plan {row['ref']} is {row['state']} here and {there} there")


def _read(heard: Heard) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(heard.body)
    return said
