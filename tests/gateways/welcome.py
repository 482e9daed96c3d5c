"""Welcome's adapter against Welcome's sandbox: a shop with the test keys, and a buyer at a payment link."""

import re
from typing import Any

from bridge.domain.gateway import Notice, Redirect
from tests.gateways.play import Bench
from tests.sandbox.inside import fields_of, path_of

SETTINGS = {"api_url": "http://sandbox/welcome/api", "approval_urls": "http://sandbox"}
CLOCK_MINUTES = 5
"""How far a request's own time may be from the sandbox's."""
PG, PC = "http://bridge.test/n/pg", "http://bridge.test/n/pc"


class WelcomeBench(Bench):
    """A bench whose receiver answers each notice as the adapter would."""

    def __init__(self, kind: type | None = None, **settings: str) -> None:
        super().__init__("welcome", SETTINGS | settings, kind)
        self.receiver.usual = (200, b"OK")
        self.world.desks["welcome"].set({"clock_minutes": CLOCK_MINUTES})

    async def open(self, ref: str = "PAY1", amount: int = 55_000, **more: Any) -> Any:
        """Have a link made."""
        payment, order = self.payment(ref, amount, **more), self.order(amount)
        return await self.talk(self.adapter.open_window(payment, order, self.urls, self.stamp()))

    async def press(self, opened: Redirect, action: str = "pay") -> dict[str, str]:
        """Press a button behind a link, with the first of each choice; gives what the browser brings back."""
        path = path_of(opened.url)
        page = await self.get(path)
        text = page.body.decode()
        chosen = dict(re.findall(r'<select[^>]*name="([^"]*)"[^>]*>\s*<option value="([^"]*)"', text))
        return fields_of(await self.form(path, {**fields_of(page), **chosen, "action": action}))

    async def paid(self, ref: str = "PAY1", amount: int = 55_000, **more: Any) -> Any:
        """Go the whole way; gives what came of the approval, the payment as it would be kept, and the return."""
        opened = await self.open(ref, amount, **more)
        assert isinstance(opened, Redirect), opened
        returned = self.adapter.read_return(await self.press(opened))
        payment = self.payment(ref, amount, **more)
        outcome = await self.talk(self.adapter.approve(payment, returned, self.stamp()))
        refs = dict(getattr(outcome, "refs", {}))
        kept = {"state": "paid", "captured": amount, "refs": refs, "paid_at": self.clock.now().isoformat()}
        return outcome, self.payment(ref, amount, **more | kept), returned

    def notices(self) -> list[Notice]:
        """Read all notices that came, as the adapter does, by the address they came to."""
        found = []
        for _, url, body, _ in self.receiver.got:
            kind = {PG: "pg", PC: "pc"}.get(url, "mobile")
            found.append(self.adapter.read_notice(body, kind))
        return found
