"""PayApp's adapter against PayApp's sandbox: a seller with made-up keys, and a buyer at the payment page."""

from typing import Any

from bridge.domain.gateway import Notice, Redirect
from tests.gateways.play import Bench
from tests.sandbox.inside import fields_of, path_of

KEYS = {"linkkey": "KEY0123456789", "linkval": "VAL0123456789"}
SETTINGS = {
    "userid": "payapptest",
    **KEYS,
    "api_url": "http://sandbox/payapp/oapi/apiLoad.html",
    "script_url": "http://sandbox/payapp/lite/public/api/v2/payapp-lite.js",
}


class PayAppBench(Bench):
    """A bench whose sandbox knows the seller, and whose receiver answers as the adapter would."""

    def __init__(self, kind: type | None = None, **settings: str) -> None:
        super().__init__("payapp", SETTINGS | settings, kind)
        self.receiver.usual = (200, b"SUCCESS")

    async def ready(self) -> "PayAppBench":
        """Make the seller known."""
        await self.control("settings", sellers={"payapptest": KEYS})
        return self

    async def open(self, ref: str = "PAY1", amount: int = 55_000, **more: Any) -> Any:
        """Ask for a payment."""
        payment, order = self.payment(ref, amount, **more), self.order(amount)
        return await self.talk(self.adapter.open_window(payment, order, self.urls, self.stamp()))

    async def press(self, opened: Redirect, action: str = "pay", **choice: str) -> dict[str, str]:
        """Press a button on the payment page; gives what the browser brings back."""
        path = path_of(opened.url)
        hidden = fields_of(await self.get(path))
        pressed = await self.form(path, {**hidden, "action": action, **choice})
        await self.settled()
        return fields_of(pressed)

    async def paid(self, ref: str = "PAY1", amount: int = 55_000, **more: Any) -> Any:
        """Pay; gives the payment as the bridge would keep it."""
        opened = await self.open(ref, amount, **more)
        assert isinstance(opened, Redirect), opened
        await self.press(opened)
        return self.payment(
            ref, amount, state="paid", captured=amount, refs=dict(opened.refs), paid_at=self.clock.now().isoformat()
        )

    def notices(self) -> list[Notice]:
        """Read all notices that came, as the adapter does."""
        return [self.adapter.read_notice(body, "feedback") for body in self.receiver.bodies()]
