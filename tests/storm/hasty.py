"""Clerks who decide a case within seconds: told that it is too early, they come back at the moment they were told.

The rules are those of every decision: nothing that happens at the gateway later may contradict the books (I1, I9).
"""

import asyncio
import json
import random
from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING, Any

from bridge.domain.failures import TooEarly
from bridge.flows.decide_case import confirm, reject
from bridge.flows.show_cases import read_case
from bridge.ledger.ledger import Row
from bridge.ledger.sqlite import SqliteTurn
from bridge.sandbox.faults import Fault
from tests.storm.gateways import adapter
from tests.storm.net import Leaving
from tests.storm.office import CHECKER, choose
from tests.storm.people import insist
from tests.storm.shop import Shop
from tests.storm.stand import Paired
from tests.storm.stories import TOO_EARLY
from tests.storm.weather import SECONDS

if TYPE_CHECKING:
    from tests.storm.gate import Gate
    from tests.storm.storm import Storm

SHARE, LATE_MANY = 0.5, 2
PATIENCE_SECONDS_MAX = 900.0
BACK_SECONDS, RAGES_SECONDS = 60.0, 900.0
SILENT, RESTARTED = "killed_after_send", "machine started anew"
LOOKS = 60
BUSY_SECONDS, IDLE_SECONDS = (2.0, 40.0), (20.0, 80.0)
TRIES_OF_A_CASE = 8
LATE_SECONDS = (0.0, 0.0, 0.5, 20.0)
OPEN = """SELECT id, (SELECT COALESCE(SUM(tries), 0) FROM operations WHERE payment = cases.payment) AS tries
 FROM cases WHERE state = 'open' AND site = ? ORDER BY opened_at, id"""


class Silence:
    """Once in a storm with hasty clerks, a gateway is sent something, nobody hears its answer, and it is down for long.

    It comes back when a person was told, while the storm still rages, and carries out late what is sent to it again.
    """

    def __init__(self, storm: "Storm") -> None:
        self._storm = storm
        self._chance = random.Random(f"{storm.seed}:silence")
        self._is_over = not storm.extras.hasty
        self._silent: Gate | None = None
        self._until = 0.0
        self._late = LATE_MANY

    def falls(self, request: Leaving) -> bool:
        """Tell whether it falls with this request, which ends the bridge as well."""
        storm = self._storm
        if self._is_over or storm.weather.calm or not request.moves_money or self._chance.random() >= SHARE:
            return False
        gate = storm.checks.gate_of(request)
        assert gate is not None, "money moves at gateways alone"
        patience_seconds = adapter(gate.site.setup.name).human_after_seconds
        if patience_seconds > PATIENCE_SECONDS_MAX:
            return False
        self._is_over, self._silent = True, gate
        self._until = storm.down[request.origin] = storm.loop.time() + patience_seconds + BACK_SECONDS
        storm.kill(SILENT)
        return True

    def seconds_left(self) -> float:
        """How much longer it rages, so that the case is somebody's before all is calm."""
        return max(0.0, self._until + RAGES_SECONDS - self._storm.loop.time()) if self._silent is not None else 0.0

    def holds(self, gate: "Gate") -> bool:
        """Tell whether this gateway sends nothing either, for now."""
        return gate is self._silent and not self._storm.weather.calm and self._storm.loop.time() < self._until

    def late(self, site: Paired, op: str) -> Fault | None:
        """Let what is to take money back arrive late."""
        is_here = self._silent is not None and self._silent.site is site and not self._storm.weather.calm
        if not is_here or not self._late or not (op in site.setup.refunds or op == "net_cancel"):
            return None
        self._late -= 1
        return self._storm.weather.lets_be_late(self._chance.uniform(*SECONDS["late"]))


class Hasty:
    """A shop's clerk who watches its open cases and proposes at once, and an operator who confirms at once."""

    def __init__(self, storm: "Storm", shop: Shop, chance: random.Random) -> None:
        self._storm = storm
        self._shop = shop
        self._chance = chance
        self._turn = SqliteTurn(storm.disk.connection)
        self._seen: dict[str, int] = {}
        self._tries: Counter[str] = Counter()

    async def work(self) -> None:
        """Look every few seconds, at some cases only once the bridge has tried again."""
        rows: list[Row] = []
        for _ in range(LOOKS):
            await asyncio.sleep(self._chance.uniform(*(BUSY_SECONDS if rows else IDLE_SECONDS)))
            rows = [row for row in self._turn.all(OPEN, self._shop.site.id) if self._tries[row["id"]] < TRIES_OF_A_CASE]
            for row in rows:
                if self._turns_to(row["id"], row["tries"]):
                    self._tries[row["id"]] += 1
                    await self._restart(first=self._tries[row["id"]] == 1)
                    await self._settle(row["id"])

    def _turns_to(self, case: str, tries: int) -> bool:
        if case not in self._seen:
            self._seen[case] = tries if self._chance.random() < 0.5 else -1
        return self._seen[case] != tries

    async def _restart(self, *, first: bool) -> None:
        """Start the machine anew over a new case, as people do: nobody knows any more how long ago anything left."""
        if first and self._chance.random() < 0.8 and self._storm.may_die(RESTARTED):
            self._storm.kill(RESTARTED, 1.0)
            self._storm.clock.start_machine()
            await asyncio.sleep(self._chance.uniform(2.0, 5.0))

    async def _settle(self, case: str) -> None:
        """Decide it, at last when that is not too early any more."""
        not_before = await self._decide(case)
        was_early = bool(not_before)
        while not_before:
            self._storm.checks.deeds["told to come back later"] += 1
            left = datetime.fromisoformat(not_before) - self._storm.clock.now()
            await asyncio.sleep(max(0.0, left.total_seconds()) + self._chance.choice(LATE_SECONDS))
            not_before = await self._decide(case)
        if was_early and self._turn.one("SELECT 1 FROM cases WHERE id = ? AND state <> 'open'", case):
            self._storm.stories[self._shop.site.setup.name, TOO_EARLY] += 1

    async def _decide(self, case: str) -> str:
        """Propose what the console shows now, and have it confirmed; gives from when on that may be said, if later."""
        storm = self._storm
        shown = await storm.in_bridge(lambda context: read_case(context, case))
        if not isinstance(shown, dict):
            return ""
        offered, truth = {str(one["decision"]) for one in shown["decisions"]}, storm.checks.truth(shown["payment"])
        decision, amount = choose(offered, truth, shown, adopts=True, chance=self._chance)
        storm.receipts.put_right(shown)
        proposal = shown.get("proposal")
        if proposal and (proposal["decision"] != decision or proposal["amount"] != (amount or proposal["amount"])):
            await storm.in_bridge(lambda context: reject(context, case, proposal["id"], who=CHECKER, remark="달라요"))
            return ""
        if not decision:
            return ""
        if not proposal:
            proposal, not_before = await self._propose(case, decision, amount)
            if proposal is None:
                return not_before
        ended = await storm.in_bridge(lambda context: confirm(context, case, proposal["id"], operator=CHECKER))
        storm.note(f"{shown['reason']}, hastily: {decision} {amount or ''} {type(ended).__name__}")
        if getattr(ended, "state", "") == "confirmed":
            storm.checks.deeds[f"decided {decision}"] += 1
        return str(ended.extra["not_before"]) if isinstance(ended, TooEarly) else ""

    async def _propose(self, case: str, decision: str, amount: int | None) -> tuple[dict[str, Any] | None, str]:
        """Give the proposal; where it is too early for it, none, and from when on it may be made."""
        evidence = "가맹점 관리자 화면에서 바로 확인했어요"
        wish = {"action": "propose", "actor": "wp:7", "decision": decision, "evidence": evidence, "amount": amount}
        heard = await insist(self._shop, self._chance, "POST", f"/v1/cases/{case}", wish)
        said: dict[str, Any] = json.loads(heard.body) if heard is not None else {}
        if heard is not None and heard.status == 201:
            return said, ""
        return None, str(said["not_before"]) if said.get("code") == TooEarly.code else ""
