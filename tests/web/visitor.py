"""Someone who visits the dashboard, and how to read what it answers."""

import re
from html.parser import HTMLParser

import httpx2
from starlette.applications import Starlette

from bridge.domain.payment import Buyer
from bridge.web import dashboard, static
from tests.web.factory import Town

PASSWORD = "correct horse battery staple"
PAGES = (
    "/dashboard",
    "/dashboard/payments",
    "/dashboard/cases",
    "/dashboard/recurring",
    "/dashboard/sites",
    "/dashboard/records",
)
HONG = Buyer("홍길동", "gildong@example.com", "010-1234-5678")


class Browser:
    """A browser's manners: cookies, its language, and where a request comes from."""

    def __init__(self, town: Town, address: str = "198.51.100.1") -> None:
        app = Starlette(routes=[*static.routes(), *dashboard.routes(town.context)])
        self.client = httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app=app, client=(address, 50000)),
            base_url=town.context.settings.public_url,
            headers={"Accept-Language": "ko-KR,ko;q=0.9,en;q=0.8"},
        )

    async def get(self, path: str, **headers: str) -> httpx2.Response:
        return await self.client.get(path, headers={name.replace("_", "-"): text for name, text in headers.items()})

    async def post(
        self, path: str, fields: dict[str, str], *, csrf: str | None = None, site: str = "same-origin"
    ) -> httpx2.Response:
        given = {"csrf": csrf if csrf is not None else csrf_on(await self.get("/dashboard/login?lang=ko"))} | fields
        return await self.client.post(path, data=given, headers={"Sec-Fetch-Site": site})

    async def log_in(self, name: str = "minji", password: str = PASSWORD, **more: str) -> httpx2.Response:
        return await self.post("/dashboard/login", {"name": name, "password": password, **more})

    async def search(self, text: str, **filters: str) -> httpx2.Response:
        csrf = csrf_on(await self.get("/dashboard/payments"))
        return await self.post("/dashboard/payments", {"q": text, **filters}, csrf=csrf)


def csrf_on(page: httpx2.Response) -> str:
    found = re.search(r'name="csrf" value="([0-9a-f]{64})"', page.text)
    return found[1] if found else ""


def refs_on(page: httpx2.Response) -> list[str]:
    """The orders a list shows, in its order."""
    return re.findall(r'class="what"><a href="[^"]*">([^<]*)</a>', page.text)


class Outline(HTMLParser):
    """What a screen reader and a content policy look at."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def all(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.tags if tag == name]


async def lively(town: Town) -> str:
    """A town where everything has happened; gives the id of a payment with a case."""
    site = await town.add_site("https://tickets.example.kr", "live", "mainpay", "payapp")
    await town.add_site("https://test.example.kr", "test")
    for ending in (
        "paid",
        "declined",
        "expired",
        "open",
        "awaiting_deposit",
        "refunded",
        "part_refunded",
        "voided",
        "failed_ready",
        "unknown",
    ):
        await town.pay(site, ending, seconds_ago=900, buyer=HONG)
    payment = await town.pay(site, "paid", seconds_ago=600, gateway="payapp", buyer=HONG)
    await town.context.ledger.write(lambda turn: town.tell_wordpress(turn, payment, "payment.paid", heard=False))
    town.clock.forward(90)
    town.context.beat_at = town.clock.boot_seconds()
    return (await town.pay(site, "needs_human", seconds_ago=1500, buyer=HONG)).id
