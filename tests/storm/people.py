"""Buyers and clerks: they open, pay, come back, reload, close and refund as people do, and repeat themselves."""

import asyncio
import json
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from tests.storm.extras import months_of, part_to_give_back, sold
from tests.storm.gateways.window import Coming
from tests.storm.net import Heard
from tests.storm.shop import Shop
from tests.storm.stories import CLOSED, DECLINED, RACE
from tests.storm.tab import BUYER_ADDRESS, FORM, Tab

if TYPE_CHECKING:
    from tests.storm.storm import Storm

LIFE_SECONDS = 900.0
JSON = (b"accept", b"application/json")
TRIES = 3
AMOUNTS = (1_000, 30_000, 55_000, 99_900)
SHARES = (None, None, 1.0, 0.6, 0.4, 0.3)
"""How much of its amount a payment's clerk gives back; None is all that is left."""
PARTS = (0.6, 0.4, 0.3)


@dataclass(slots=True)
class Sale:
    """An order of the shop's and how its buyer pays."""

    shop: Shop
    ref: str
    amount: int
    method: str
    hold_seconds: float | None
    version: int = 1
    tax_free_share: float = 0.0
    months: int = 0
    by_key: bool = False
    key_pays_first: bool = False
    is_typed: bool = False
    by_typed_key: bool = False
    is_plan: bool = False

    def tax_free(self, amount: int) -> int:
        """How much of an order of that price is free of tax, in KRW."""
        return int(amount * self.tax_free_share)

    def order(self) -> dict[str, Any]:
        """The order as WordPress writes it now."""
        url, buyer = self.shop.site.url, {"name": "김하늘", "email": "buyer@shop.test", "phone": "010-1234-5678"}
        if self.shop.site.setup.scripted and self.ref.endswith("2"):
            del buyer["phone"]
        order: dict[str, Any] = {
            "ref": self.ref,
            "version": self.version,
            "title": "봄의 제전",
            "amount": self.amount,
            "buyer": buyer,
            "result_url": f"{url}/result?order={self.ref}",
            "retry_url": f"{url}/order?order={self.ref}",
            **sold(self.amount, self.tax_free(self.amount)),
        }
        if self.hold_seconds is not None:
            order["hold_expires_at"] = self.shop.hold(self.hold_seconds)
        return order


class Buyer:
    """Somebody who wants tickets, with one browser or two."""

    def __init__(self, storm: "Storm", sale: Sale, chance: random.Random) -> None:
        self._storm = storm
        self._sale = sale
        self._chance = chance

    async def buy(self) -> None:
        """Pay, in one tab or in two, again where it failed."""
        tabs = [self._tab()]
        if self._storm.weather.strikes("two_tabs"):
            tabs.append(self._tab(self._chance.uniform(0.0, 30.0)))
        await asyncio.gather(*tabs)

    async def _tab(self, waits: float = 0.0) -> None:
        await asyncio.sleep(waits)
        for _ in range(self._chance.choice((1, 1, 2))):
            opened = await self._open()
            if opened is None or "window_url" not in opened:
                await asyncio.sleep(self._chance.uniform(5.0, 60.0))
                continue
            await self._pay(opened)
            if await self._ended_well(opened):
                return
            await asyncio.sleep(self._chance.uniform(3.0, 120.0))

    async def _open(self) -> dict[str, Any] | None:
        sale = self._sale
        if self._storm.weather.strikes("price_changes"):
            sale.version += 1
            sale.amount += self._chance.choice((-100, 1_000))
        months = months_of(sale, sale.amount)
        token = sale.shop.token(sale.order(), sale.method, months)
        for _ in range(TRIES):
            body = urlencode({"token": token}).encode()
            heard = await self._post("/checkout", body, [JSON])
            if heard is not None and heard.status in (200, 201):
                opened: dict[str, Any] = json.loads(heard.body)
                return opened | {"months": months}
            await asyncio.sleep(self._chance.uniform(1.0, 20.0))
        return None

    async def _pay(self, opened: dict[str, Any]) -> None:
        """Go through the window, and come back as often as people do."""
        storm, weather = self._storm, self._storm.weather
        thinks = self._chance.uniform(2.0, 90.0)
        if weather.strikes("pays_late"):
            thinks = LIFE_SECONDS - self._chance.uniform(-15.0, 80.0)
        elif weather.strikes("end_of_life"):
            thinks = LIFE_SECONDS + self._chance.uniform(-0.5, 0.5)
        closes = weather.strikes("closes")
        await asyncio.sleep(thinks)
        action = self._chance.choice(("pay", "pay", "pay", "pay", "pay", "fail"))
        tab = Tab(storm, self._sale.shop.site, opened["window_url"], opened["months"])
        coming = await tab.press("close" if closes else action)
        if tab.was_in and (closes or action == "fail"):
            storm.stories[self._sale.shop.site.setup.name, CLOSED if closes else DECLINED] += 1
        if closes:
            if coming is not None:  # PayApp's window sends nobody back that closes it
                await self._follow(opened, coming)
            if self._chance.random() < 0.5:
                return
            coming = await tab.press("pay")
        if coming is None:
            return
        storm.returns.append((opened["payment"], coming))
        if storm.extras.crossed and storm.extras.first:  # whoever brings it elsewhere may come before
            await asyncio.sleep(self._chance.choice((0.0, 20.0, 60.0)))
        times = self._chance.choice((2, 3)) if weather.strikes("comes_back_twice") else 1
        await asyncio.gather(*(self._follow(opened, coming) for _ in range(times)))
        while weather.strikes("reloads"):
            await asyncio.sleep(self._chance.uniform(0.1, 200.0))
            await self._follow(opened, coming)

    async def _follow(self, opened: dict[str, Any], coming: Coming) -> None:
        """Let the browser go where it is sent; a browser that hears nothing tries again."""
        storm = self._storm
        parts = urlsplit(coming.url)
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        for _ in range(TRIES):
            asked = storm.checks.asks(opened["payment"])
            if coming.method == "GET":
                heard = await storm.to_bridge("GET", path, (), b"", client=BUYER_ADDRESS)
            else:
                heard = await self._post(path, coming.body, [])
            if heard is not None:
                storm.checks.told_buyer(asked, heard)
                if heard.status < 500:
                    return
            await asyncio.sleep(self._chance.uniform(0.5, 15.0))

    async def _ended_well(self, opened: dict[str, Any]) -> bool:
        """Ask how it stands until it is known, for a while."""
        storm = self._storm
        path = urlsplit(opened["status_url"]).path
        for _ in range(4):
            asked = storm.checks.asks(opened["payment"])
            heard = await storm.to_bridge("GET", path, (), b"", client=BUYER_ADDRESS)
            if heard is not None and heard.status == 200:
                storm.checks.told_buyer(asked, heard)
                state = json.loads(heard.body)["state"]
                if state in ("paid", "part_refunded", "refunded", "awaiting_deposit"):
                    return True
                if state in ("declined", "voided", "expired", "failed_ready", "superseded", "open"):
                    return False
            await asyncio.sleep(self._chance.uniform(3.0, 60.0))
        return False

    async def _post(self, path: str, body: bytes, more: list[tuple[bytes, bytes]]) -> Heard | None:
        headers = [FORM, (b"content-length", str(len(body)).encode()), *more]
        return await self._storm.to_bridge("POST", path, headers, body, client=BUYER_ADDRESS)


async def insist(shop: Shop, chance: random.Random, method: str, path: str, wish: dict[str, Any]) -> Heard | None:
    """Send a signed request, again with the same key where nobody answered; gives what was answered at last."""
    key = chance.randbytes(16).hex()
    for _ in range(TRIES):
        heard = await shop.send(shop.sign(method, path, wish, key=key))
        if heard is not None and heard.status < 500:
            return heard
        await asyncio.sleep(chance.uniform(1.0, 40.0))
    return None


class Clerk:
    """Somebody who gives money back, by the shop's dialog: its key is made once, whatever is clicked."""

    def __init__(self, storm: "Storm", sale: Sale, chance: random.Random) -> None:
        self._storm = storm
        self._sale = sale
        self._chance = chance
        self._tax = random.Random(f"{storm.seed}:{sale.ref}:tax")

    async def work(self) -> None:
        """Wait for the order's money, and give it back in parts or whole."""
        await asyncio.sleep(self._chance.uniform(30.0, 1_500.0))
        rounds = 2 if self._storm.extras.stories else self._chance.choice((1, 1, 2, 3))
        for _ in range(rounds):
            paid = self._find()
            if paid is not None:
                clicks = [self._refund(paid)]
                if self._storm.weather.strikes("two_clerks"):
                    self._storm.stories[self._sale.shop.site.setup.name, RACE] += 1
                    clicks.append(self._refund(paid, self._chance.choice((0.0, 0.01, 2.0))))
                await asyncio.gather(*clicks)
            await asyncio.sleep(self._chance.uniform(5.0, 900.0))

    def _shares(self, payment: dict[str, Any]) -> tuple[float | None, ...]:
        """Say what the clerk chooses from: where a seldom story is to be told, a part and then the rest."""
        if not self._storm.extras.stories:
            return SHARES
        return (None,) if payment["refunded"] else PARTS

    def _find(self) -> dict[str, Any] | None:
        for said in self._sale.shop.known.values():
            if said["payment"]["order_ref"] == self._sale.ref and said["payment"]["captured"]:
                payment: dict[str, Any] = said["payment"]
                return payment
        return None

    async def _refund(self, payment: dict[str, Any], waits: float = 0.0) -> None:
        await asyncio.sleep(waits)
        shop, key = self._sale.shop, self._storm.chance.randbytes(16).hex()
        wish: dict[str, Any] = {"reason": "고객 요청", "actor": "wp:7"}
        share = self._chance.choice(self._shares(payment))
        if share is not None:
            wish["amount"] = int(payment["amount"] * share)
        if self._sale.tax_free_share and share is not None:
            wish |= part_to_give_back(self._sale, wish["amount"], self._tax)
        path = f"/v1/payments/{payment['id']}/refunds"
        times = 2 if self._storm.weather.strikes("double_click") else 1
        for attempt in range(TRIES):
            signed = shop.sign("POST", path, wish, key=key)
            heard = (await asyncio.gather(*(shop.send(signed) for _ in range(1))))[0]
            if times == 2 and attempt == 0:
                await shop.send(shop.sign("POST", path, wish, key=key))
            if self._storm.weather.strikes("signed_replay"):
                await asyncio.sleep(self._chance.choice((0.0, 1.0, 20.0, 100.0)))
                await shop.send(signed)
            if heard is not None and heard.status < 500:
                return
            await asyncio.sleep(self._chance.uniform(1.0, 40.0))
