"""The whole bridge with PayApp or Welcome and its sandbox: checkout, the gateway's page, the way back, notices."""

from html import unescape
from re import findall, search
from typing import Any
from urllib.parse import parse_qsl, urlencode

from bridge.domain.payment import Mode, Payment
from bridge.flows.manage_sites import add_site
from bridge.sandbox.faults import Armed, Fault
from bridge.sandbox.local import FORM, ask
from bridge.signing.keys import SiteKey, decode_secret
from tests.gateways.payapp import KEYS
from tests.support.world import PUBLIC_URL, SANDBOX, SHOP_URL, Coming, Opened, Paired, World

SETTINGS = {
    "payapp": {
        "userid": "payapptest",
        **KEYS,
        "api_url": f"{SANDBOX}/payapp/oapi/apiLoad.html",
        "script_url": f"{SANDBOX}/payapp/lite/public/api/v2/payapp-lite.js",
    },
    "welcome": {"api_url": f"{SANDBOX}/welcome/api", "approval_urls": SANDBOX},
}


class House(World):
    """A site that pays by one gateway alone. Nothing moves but by its methods."""

    gateway = ""

    async def pair(self, url: str = SHOP_URL, mode: Mode = Mode.TEST, **more: str) -> Paired:
        """Add a site whose gateway is the sandbox's."""
        if self.gateway == "payapp":
            self.set(sellers={"payapptest": KEYS})
        values = SETTINGS[self.gateway] | more
        made = await add_site(
            self.context, url=url, gateways=[self.gateway], settings={self.gateway: values}, mode=mode
        )
        key = SiteKey.from_secret(decode_secret(made["secret"]), key_id=made["key_id"], site=made["site"])
        return Paired(made["site"], url, key, made["secret"])

    def fault(self, op: str, kind: str, times: int | None = 1, **more: Any) -> None:
        """Let the gateway's next call of that kind go wrong."""
        self.sandbox.faults.arm(Armed(self.gateway, op, Fault(kind, **more), times))

    def set(self, **values: Any) -> None:
        """Change the sandbox's settings."""
        self.sandbox.desks[self.gateway].set(values)

    def notice_url(self, kind: str) -> str:
        """Give the address a shop registers for notices of a kind."""
        return f"{PUBLIC_URL}{self.notice_path(kind)}"

    async def authenticate(self, opened: Opened, action: str = "pay", **choice: str) -> Coming:
        """Press a button on the gateway's page; gives what the browser is about to do at the bridge."""
        page = (await ask(self.sandbox_app, "GET", opened.window_url)).body.decode()
        values = hidden(page) | dict(findall(r'<select[^>]*name="([^"]*)"[^>]*>\s*<option value="([^"]*)"', page))
        body = urlencode(values | {"action": action} | choice).encode()
        pressed = await ask(self.sandbox_app, "POST", opened.window_url, body)
        if pressed.status in (302, 303):
            return Coming("GET", pressed.headers["location"], {})
        back = pressed.body.decode()
        address = search(r'<form[^>]*action="([^"]*)"', back)
        return Coming("POST", unescape(address[1]) if address else "", hidden(back))

    async def pay_elsewhere(self, **fields: str) -> dict[str, str]:
        """Ask PayApp for a payment as a stranger who knows the seller's id, and pay it; gives PayApp's answer."""
        form = {"cmd": "payrequest", "userid": "payapptest", "goodname": "x", "recvphone": "01000000000"} | fields
        body = urlencode(form).encode()
        heard = await ask(self.sandbox_app, "POST", f"{SANDBOX}/payapp/oapi/apiLoad.html", body)
        answer = dict(parse_qsl(heard.body.decode()))
        await self.authenticate(Opened("", answer["payurl"], "", ""))
        await self.quiet()
        return answer

    async def post_notice_of(self, kind: str, raw: bytes, content_type: str = FORM) -> Any:
        """Post these very bytes to the site's address for a kind of notice."""
        async with self.client("203.0.113.77") as client:
            return await client.post(self.notice_path(kind), content=raw, headers={"content-type": content_type})

    def hold_notices(self) -> list[tuple[str, bytes, str]]:
        """Keep from now on what the sandbox posts from arriving; gives the growing list of it."""
        held: list[tuple[str, bytes, str]] = []

        async def hold(_method: str, url: str, body: bytes, kind: str) -> tuple[int, bytes]:
            held.append((url, body, kind))
            return 200, b"SUCCESS"

        self.sandbox.notices._post = hold
        return held

    async def let_go(self, held: list[tuple[str, bytes, str]]) -> None:
        """Let what was held arrive."""
        for url, body, kind in held:
            async with self.client("203.0.113.77") as client:
                await client.post(url, content=body, headers={"content-type": kind})
        await self.quiet()

    def heard(self) -> list[bytes]:
        """Remember from now on what the sandbox posts; gives the growing list of bodies."""
        seen: list[bytes] = []
        post = self.sandbox.notices._post

        async def remember(method: str, url: str, body: bytes, kind: str) -> tuple[int, bytes]:
            if method == "POST":
                seen.append(body)
            return await post(method, url, body, kind)

        self.sandbox.notices._post = remember
        return seen

    def money_calls(self) -> int:
        """Count the requests that moved money."""
        return sum(1 for sent in self.net.sent if sent.moves_money)

    async def buy(self, order: Any = None, **fields: str) -> Payment:
        """Open, pay, come back, and let everything settle that settles by itself."""
        opened = await self.checkout(order, **fields)
        await self.come_back(opened)
        await self.quiet()
        return await self.payment(opened.payment)


async def refund_sent_twice(house: House, payment: Payment, op: str, *, told: bool) -> None:
    """Ask for a part that the network sends twice, whose caller sees the second answer, a no over the sum: the first
    was made. Nobody but a notice can say so, where one is told, else a person."""
    house.fault(op, "duplicate")
    answer = await house.refund(payment.id, 30_000)
    await house.live(3_600.0, 60.0)

    assert answer.json()["state"] != "refused"
    assert house.book(payment).refunded == 30_000
    assert (await house.payment(payment.id)).refunded == (30_000 if told else 0)
    assert await house.cases(payment.id) == ([] if told else ["refund_unknown"])


def hidden(text: str) -> dict[str, str]:
    """Read a page's hidden fields."""
    return {
        unescape(name): unescape(value)
        for name, value in findall(r'<input[^>]*type="hidden"[^>]*name="([^"]*)"[^>]*value="([^"]*)"', text)
    }
