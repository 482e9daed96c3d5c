"""The whole bridge with one gateway and its sandbox: checkout, the page of ours, the window, the way back, notices."""

from html import unescape
from re import findall, search
from typing import Any
from urllib.parse import urlencode, urlsplit

from bridge.domain.payment import Mode
from bridge.flows.manage_sites import add_site
from bridge.sandbox.faults import Armed, Fault
from bridge.sandbox.local import Heard, ask
from bridge.signing.keys import SiteKey, decode_secret
from tests.gateways.lane import SETTINGS
from tests.support.world import PUBLIC_URL, SANDBOX, SHOP_URL, Coming, Opened, Paired, World

OPS = {
    "paystory": {"approve": "approve", "refund": "cancel", "inquire": "query", "charge": "bill"},
    "payple": {"approve": "confirm", "refund": "refund", "inquire": "lookup", "charge": "simple"},
}
"""What the sandboxes call what every gateway does."""

DECLINES = {"paystory": ("3030", "카드 한도초과"), "payple": ("CPAY0004", "한도초과")}


class Street(World):
    """A site that pays by one gateway alone. Nothing moves but by its methods."""

    gateway = ""

    async def pair(self, url: str = SHOP_URL, mode: Mode = Mode.TEST, **more: str) -> Paired:
        """Add a site whose gateway is the sandbox's."""
        values = SETTINGS[self.gateway] | ({"referer": f"{PUBLIC_URL}/"} if self.gateway == "payple" else {}) | more
        made = await add_site(
            self.context, url=url, gateways=[self.gateway], settings={self.gateway: values}, mode=mode
        )
        key = SiteKey.from_secret(decode_secret(made["secret"]), key_id=made["key_id"], site=made["site"])
        return Paired(made["site"], url, key, made["secret"])

    def fault(self, op: str, kind: str, times: int | None = 1, **more: Any) -> None:
        """Let the gateway's next call of that kind go wrong: approve, refund, inquire or notice."""
        known = OPS[self.gateway].get(op, op)
        self.sandbox.faults.arm(Armed(self.gateway, known, Fault(kind, **more), times))

    def set(self, **values: Any) -> None:
        """Change the sandbox's settings."""
        self.sandbox.desks[self.gateway].set(values)

    def register_notices(self) -> None:
        """Type the notice address into the gateway's console, where that is how it is told."""
        address = f"{PUBLIC_URL}{self.notice_path(self.kind)}"
        names = {"paystory": ("admin_notice_url",), "payple": ("webhook_url", "cancel_webhook_url")}[self.gateway]
        self.set(**dict.fromkeys(names, address))

    @property
    def kind(self) -> str:
        """The kind of notice the gateway sends."""
        return self.context.sites.get(self.site.id).gateway(self.gateway).notice_kinds[0]

    async def authenticate(self, opened: Opened, action: str = "pay", **choice: str) -> Coming:
        """Go through our page and the gateway's window; gives what the browser is about to do at the bridge."""
        page = await self._window_page(opened)
        text = page.body.decode()
        values = _hidden(text) | dict(findall(r'<select[^>]*name="([^"]*)"[^>]*>\s*<option value="([^"]*)"', text))
        target = search(r'<form[^>]*action="([^"]*)"', text)
        assert target, text
        url = unescape(target[1])
        if url.startswith("?"):
            url = self._at.partition("?")[0]
        elif url.startswith("/"):
            url = f"{SANDBOX}{url}"
        pressed = await ask(self.sandbox_app, "POST", url, urlencode(values | {"action": action} | choice).encode())
        if pressed.status in (302, 303):
            return Coming("GET", pressed.headers["location"], {})
        back = pressed.body.decode()
        action_url = search(r'<form[^>]*action="([^"]*)"', back)
        assert action_url, back
        return Coming("POST", unescape(action_url[1]), _hidden(back))

    async def _window_page(self, opened: Opened) -> Heard:
        """Do what our page's script and the gateway's do with the data of the page."""
        async with self.client() as client:
            ours = await client.get(opened.window_url)
            assert ours.status_code == 200, ours.text
            fields = _hidden(ours.text)
            if self.gateway == "paystory":
                self._at = f"{SANDBOX}/paystory/pg/order"
                return await ask(self.sandbox_app, "POST", self._at, urlencode(fields).encode())
            passed = await client.post(fields["payple_auth_file"], data=fields)
        assert passed.status_code == 200, passed.text
        said = passed.json()
        self._at = said["return_url"]
        tokens = {"PCD_CST_ID": said["cst_id"], "PCD_CUST_KEY": said["custKey"], "PCD_AUTH_KEY": said["AuthKey"]}
        posted = {name: value for name, value in fields.items() if name.startswith("PCD_")} | tokens
        return await ask(self.sandbox_app, "POST", self._at, urlencode(posted).encode())

    async def post_news(self, raw: bytes, kind: str = "application/x-www-form-urlencoded") -> Any:
        """Post these very bytes to the site's notice address."""
        async with self.client("203.0.113.77") as client:
            return await client.post(self.notice_path(self.kind), content=raw, headers={"content-type": kind})

    def money_calls(self) -> list[str]:
        """Name the paths of all requests that moved money."""
        return [urlsplit(sent.url).path for sent in self.net.sent if sent.moves_money]


def _hidden(text: str) -> dict[str, str]:
    return {
        unescape(name): unescape(value)
        for name, value in findall(r'<input[^>]*type="hidden"[^>]*name="([^"]*)"[^>]*value="([^"]*)"', text)
    }
