"""Customers whose card is typed on the shop's own page: the number is at the gateway, and kept nowhere else (I13)."""

import asyncio
import json
import random
from typing import TYPE_CHECKING, Any

from tests.storm.people import Sale, insist

if TYPE_CHECKING:
    from tests.storm.storm import Storm

NUMBER = "4111111111111111"
CARD = {"number": NUMBER, "expires": "3012", "holder": "900101", "password": "12"}
NOT_PAID = ("declined", "expired", "voided")


class Typist:
    """Somebody who tells a card's number, and whose clerk or page sends it, perhaps twice."""

    def __init__(self, storm: "Storm", sale: Sale, chance: random.Random) -> None:
        self._storm = storm
        self._sale = sale
        self._chance = chance

    async def buy(self) -> None:
        """Pay, once more where it failed."""
        for _ in range(2):
            many = 2 if self._storm.weather.strikes("two_tabs") else 1
            states = await asyncio.gather(*(self._pay() for _ in range(many)))
            if any(state and state not in NOT_PAID for state in states):
                return
            await asyncio.sleep(self._chance.uniform(5.0, 120.0))

    async def _pay(self) -> str:
        """Send the card, and again with the same key where nobody answered; gives the payment's state."""
        wish: dict[str, Any] = {"order": self._sale.order(), "card": CARD, "actor": "wp:7"}
        heard = await insist(self._sale.shop, self._chance, "POST", "/v1/card-payments", wish)
        if heard is None or heard.status >= 300:
            return ""
        state = str(json.loads(heard.body)["state"])
        self._storm.checks.deeds[f"typed card {state}"] += 1
        return state
