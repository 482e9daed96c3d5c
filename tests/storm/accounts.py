"""What happens to accounts besides deposits: a clerk closes one that waits, an operator gives a deposit back.

Where that is a transfer it is made a minute after it was registered; some the bank fails, some the operator takes back.

The rules are those of all money: a closed account holds none (I1, I9), no refund is sent twice (I3b), and the account
that an operator names is read nowhere (I13).
"""

import asyncio
import random
from typing import TYPE_CHECKING, Any

from bridge.domain.payment import Account
from bridge.flows.cancel_transfer import TakenBack, cancel_transfer
from bridge.flows.context import Context
from bridge.flows.refund import RefundWish, once_of_command, refund
from bridge.ledger.operations import Operation
from bridge.sandbox.world import ControlRefused
from tests.storm.people import TRIES, Sale, insist

if TYPE_CHECKING:
    from tests.storm.storm import Storm

ACCOUNT = Account("088", "110-123-456789", "홍길동")
COMMAND = "command-"
"""How the keys of commands begin, which need no nonce."""
SECRETS = ("110-123-456789", "110123456789")
TRANSFER_SECONDS_MAX = 70.0
"""Mainpay's sandbox makes a transfer 60 s after it was registered: the bank's word comes before that, or after."""


class Cashier:
    """Somebody who looks after an order that is paid into an account."""

    def __init__(self, storm: "Storm", sale: Sale, chance: random.Random) -> None:
        self._storm = storm
        self._sale = sale
        self._chance = chance
        self._bank = random.Random(f"{storm.seed}:{sale.ref}:transfers")

    async def work(self) -> None:
        """Close the account while it waits; where a deposit came, perhaps have it given back in parts or whole."""
        await asyncio.sleep(self._chance.uniform(30.0, 900.0))
        for _ in range(3):
            payment = self._find()
            if payment is not None and payment["state"] == "awaiting_deposit":
                await self._close(payment)
            elif payment is not None and payment["captured"] and self._sale.shop.site.setup.refunds_to_accounts:
                await self._give_back(payment)
            await asyncio.sleep(self._chance.uniform(30.0, 600.0))

    def _find(self) -> dict[str, Any] | None:
        found = [said["payment"] for said in self._sale.shop.known.values()]
        return next((one for one in reversed(found) if one["order_ref"] == self._sale.ref), None)

    async def _close(self, payment: dict[str, Any]) -> None:
        path = f"/v1/payments/{payment['id']}/void"
        await insist(self._sale.shop, self._chance, "POST", path, {"actor": "wp:7"})

    async def _give_back(self, payment: dict[str, Any]) -> None:
        """Type the command; again with the same key where the bridge died over it."""
        key = COMMAND + self._chance.randbytes(16).hex()
        amount = self._chance.choice((None, None, payment["amount"] // 3))
        wish = RefundWish(payment["id"], amount, "고객 요청", "cli:1", capped=False, account=ACCOUNT)

        async def typed(context: Context) -> Any:
            return await refund(context, context.sites.get(payment["site"]), wish, once_of_command(context, key, key))

        for _ in range(TRIES):
            said = await self._storm.in_bridge(typed)
            if isinstance(said, Operation) and self._sale.shop.site.setup.transfers:
                await self._transferred(payment, said)
            if said is not None:
                return
            await asyncio.sleep(self._chance.uniform(1.0, 40.0))

    async def _transferred(self, payment: dict[str, Any], refund: Operation) -> None:
        """Let the bank fail what was registered, or take it back, before it is made or just after; or neither."""
        storm, what = self._storm, self._bank.choice(("", "", "failed", "taken back"))
        storm.checks.deeds["transfer asked for"] += 1
        await asyncio.sleep(self._bank.uniform(0.0, TRANSFER_SECONDS_MAX))
        if what == "failed":
            try:
                storm.gates[payment["site"]].desk.transfer({"merchant_ref": refund.ref, "state": "failed"})
            except ControlRefused as refused:
                storm.note(f"the bank fails none: {refused}")
            else:
                storm.checks.deeds["transfer failed"] += 1
        elif what:

            async def typed(context: Context) -> Any:
                return await cancel_transfer(context, context.sites.get(payment["site"]), refund.id, "cli:1")

            said = await storm.in_bridge(typed)
            storm.checks.deeds[f"transfer {getattr(said, 'transfer', '')}"] += isinstance(said, TakenBack)
