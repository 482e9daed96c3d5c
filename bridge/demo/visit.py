"""What every journey of the check can do: buy, pay, come back, refund, and wait for the bridge to know."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urljoin

import httpx2

from bridge.demo.browser import Browser, Lost, Page
from bridge.demo.doors import DOORS, Door
from bridge.demo.office import Answer, Office
from bridge.demo.stand import CLERK, Stand

WAIT_SECONDS = 12.0
POLL_SECONDS = 0.05


@dataclass(slots=True)
class Visit:
    """One journey of one buyer at one shop; `order_ref` is known once the ticket is picked."""

    stand: Stand
    dialect: str
    http: httpx2.AsyncClient
    order_ref: str = ""
    price: int = 0
    notes: dict[str, Any] = field(default_factory=dict)

    @property
    def office(self) -> Office:
        """The shop's back office."""
        return self.stand.offices[self.dialect]

    @property
    def door(self) -> Door:
        """What is special about the gateway."""
        return DOORS[self.dialect]

    @property
    def buyer(self) -> Browser:
        """A browser without any memory: nothing here needs a cookie."""
        return Browser(self.http)

    async def pick(self, ticket: str) -> Page:
        """Pick a ticket at the shop; gives the order's page."""
        page = await self.buyer.submit(await self.buyer.get(f"{self.office.shop_url}/"), "order", ticket=ticket)
        self.order_ref = page.url.rpartition("/")[2]
        order = self.office.notebook.order(self.order_ref)
        if order is None:
            raise Lost(f"the shop took no order: {page.url}")
        self.price = order.amount
        return page

    async def open_window(self, ticket: str, method: str = "card") -> Page:
        """Pick a ticket and press the pay button; gives the gateway's window."""
        return await self.enter(await self.press_pay(ticket, method))

    async def press_pay(self, ticket: str, method: str = "card") -> Page:
        """Pick a ticket and press the pay button; gives the window, or the bridge's page whose script opens it."""
        return await self.buyer.submit(await self.pick(ticket), "pay", method=method)

    def script_fields(self, page: Page) -> dict[str, str]:
        """Read what the bridge's page has for the gateway's script. Raises Lost."""
        found = [form for form in page.forms() if form.action.startswith(f"{self.stand.bridge_url}/r/")]
        if len(found) != 1:
            raise Lost(f"the bridge's page has {len(found)} forms for the gateway's script")
        return found[0].values

    async def enter(self, page: Page) -> Page:
        """Do what the gateway's script does with the bridge's page, where a script opens the window. Raises Lost."""
        door = self.door
        if page.status != 200 or not (door.window or door.auth):
            return page
        fields = self.script_fields(page)
        if door.window:
            return await self.buyer.post(f"{self.stand.sandbox_url}{door.window}", fields)
        answer = await self.http.post(urljoin(page.url, fields[door.auth]), data=fields)
        said = answer.json()
        tokens = {"PCD_CST_ID": said["cst_id"], "PCD_CUST_KEY": said["custKey"], "PCD_AUTH_KEY": said["AuthKey"]}
        kept = {name: value for name, value in fields.items() if name.startswith("PCD_")}
        return await self.buyer.post(said["return_url"], kept | tokens)

    async def authenticate(self, window: Page, action: str = "pay") -> "Return":
        """Press a button in the window, without coming back yet."""
        form = window.form()
        answer = await self.http.post(window.target(form), data=form.values | {"action": action})
        if answer.status_code == 303:
            return Return(answer.headers["location"], {})
        back = Page(answer.status_code, window.url, answer.text, ()).form("back")
        return Return(back.action, back.values)

    async def come_back(self, returned: "Return") -> Page:
        """Come back from the window with what it gave the browser."""
        if returned.posted:
            return await self.buyer.post(returned.url, returned.posted)
        return await self.buyer.get(returned.url)

    async def buy(self, ticket: str, method: str = "card") -> Page:
        """Pick, pay and come back; gives the page the buyer ends at."""
        return await self.come_back(await self.authenticate(await self.open_window(ticket, method)))

    async def watch(self, page: Page, state: str = "paid") -> Page:
        """Do as the buyer who is told to wait: see how it ended. Money taken in a window is known by a notice."""
        if "확인하고 있어요" not in page.text:
            return page
        await self.until(state)
        return await self.buyer.get(f"{self.office.shop_url}/orders/{self.order_ref}/result")

    async def payment(self) -> dict[str, Any]:
        """Read the order's newest payment from the bridge. Raises Lost."""
        answer = await self.office.call("GET", f"/v1/payments?order={quote(self.order_ref)}")
        if answer.status != 200 or not answer.body["items"]:
            raise Lost(f"the bridge knows no payment of the order (status {answer.status})")
        found = await self.office.call("GET", f"/v1/payments/{quote(answer.body['items'][0]['id'])}")
        return found.body

    async def until(self, *states: str) -> dict[str, Any]:
        """Wait until the payment is in one of these states. Raises Lost after a while, naming the one it is in."""
        return await self.wait(self.payment, lambda one: one["state"] in states, f"state {' or '.join(states)}")

    async def until_refunds(self, *states: str) -> dict[str, Any]:
        """Wait until every refund of the payment is in one of these states; gives the payment. Raises Lost."""

        def settled(payment: dict[str, Any]) -> bool:
            return bool(payment["refunds"]) and all(one["state"] in states for one in payment["refunds"])

        return await self.wait(self.payment, settled, f"refunds {' or '.join(states)}")

    async def wait(
        self, look: Callable[[], Awaitable[dict[str, Any]]], fits: Callable[[dict[str, Any]], bool], what: str
    ) -> dict[str, Any]:
        """Look again and again until it fits. Raises Lost after a while."""
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            found = await look()
            if fits(found):
                return found
            if time.monotonic() >= deadline:
                raise Lost(f"waited {WAIT_SECONDS:.0f} s for {what}; the payment is {found.get('state')}")
            await asyncio.sleep(POLL_SECONDS)

    async def book(self) -> dict[str, Any]:
        """Read the sandbox's book of the payment. Raises Lost."""
        found = await self._books()
        if len(found) != 1:
            raise Lost(f"the sandbox has {len(found)} books of the payment")
        return found[0]

    async def captured(self) -> tuple[int, int]:
        """Say what was taken in KRW, by the bridge and by the books, which begin with the gateway's window."""
        return (await self.payment())["captured"], sum(book["captured"] for book in await self._books())

    async def _books(self) -> list[dict[str, Any]]:
        ref = (await self.payment())["merchant_ref"]
        answer = await self.http.get(f"{self.stand.sandbox_url}/books", params={"merchant_ref": ref})
        found: list[dict[str, Any]] = answer.json()["payments"]
        return found

    async def arm(
        self, op: str, kind: str, *, times: int | None = 1, everybody: bool = False, **more: str | float
    ) -> None:
        """Let calls or notices go wrong at the sandbox, so often or (None) always: about this payment, or about any
        where they name none. `more`: delay_seconds, code, message. Raises Lost."""
        ref = "" if everybody else (await self.payment())["merchant_ref"]
        wish = {"gateway": self.door.gateway, "op": op, "kind": kind, "merchant_ref": ref, "times": times}
        answer = await self.http.post(f"{self.stand.sandbox_url}/control/faults", json=wish | more)
        expect(answer.status_code == 200, f"the sandbox arms no {kind}: {answer.text}")

    async def calm(self) -> None:
        """Let nothing go wrong at the sandbox any more but what amounts choose, for anybody."""
        await self.http.delete(f"{self.stand.sandbox_url}/control/faults")

    async def refund(self, amount: int | None = None) -> Page:
        """Press a refund button on the clerk's page: all that is left, or a part in KRW."""
        clerk = Browser(self.http, (CLERK, self.stand.password))
        page = await clerk.get(f"{self.office.shop_url}/clerk/{self.order_ref}")
        if amount is None:
            return await clerk.submit(page, "full")
        return await clerk.submit(page, "part", amount=str(amount))

    async def forge_notice(self, url: str, kind: str, fields: dict[str, str]) -> dict[str, Any]:
        """Let the sandbox send a notice about something that never happened; gives the bridge's answer."""
        wish = {"gateway": self.door.gateway, "kind": kind, "url": url, "fields": fields}
        answer = await self.http.post(f"{self.stand.sandbox_url}/control/forge", json=wish)
        found: dict[str, Any] = answer.json()["answers"][-1]
        return found


@dataclass(frozen=True, slots=True)
class Return:
    """How a browser comes back from the window: to this address, posting these fields if there are any."""

    url: str
    posted: dict[str, str]


def expect(fact: bool, what: str) -> None:
    """Insist that something is so. Raises Lost."""
    if not fact:
        raise Lost(what)


def never_said_failed(page: Page) -> None:
    """Insist that a buyer whose payment nobody knows yet is told to wait, not that it failed. Raises Lost."""
    expect("다시 결제하지 마세요" in page.text, "the buyer is not told to wait")
    expect("거절" not in page.text and "실패" not in page.text, "the buyer is told that it failed while nobody knows")


__all__ = ["Answer", "Lost", "Return", "Visit", "expect", "never_said_failed"]
