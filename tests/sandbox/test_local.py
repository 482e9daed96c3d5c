"""The sandbox inside the same process, as simulations use it: any clock, any way of sending notices, repeatable."""

from datetime import datetime, timedelta
from urllib.parse import parse_qs, urlencode, urlsplit

from bridge.sandbox.app import build
from bridge.sandbox.clock import KST
from bridge.sandbox.faults import Armed, Fault
from bridge.sandbox.local import ask
from tests.sandbox.conftest import Running, Shop

REF = "ORDER00001"


class VirtualClock:
    """Time passes only where somebody sleeps."""

    def __init__(self):
        self.at = datetime(2026, 1, 15, 12, 0, tzinfo=KST)

    def now(self):
        return self.at

    async def sleep(self, seconds):
        self.at += timedelta(seconds=seconds)


async def story(seed, kind=""):
    """Pay once; gives everything that was said and the books."""
    told = []

    async def post(method, url, body, content_type):
        told.append((url, body, content_type))
        return 503, b""

    app = build(clock=VirtualClock(), seed=seed, post=post, public_url="http://sandbox")
    world = app.state.world
    if kind:
        world.faults.arm(Armed("mainpay", "pay", Fault(kind)))
    shop = Shop(Running("", app, None), None)
    said = []

    async def send(path, form):
        said.append(await ask(app, "POST", path, urlencode(form).encode()))
        return said[-1]

    opened = await send("/mainpay/api/v1/payment/ready", shop.ready_form(REF, notiUrl="http://shop.test/n"))
    url = opened.body.decode().split('"nextPcUrl":"')[1].split('"')[0]
    query = {name: value[0] for name, value in parse_qs(urlsplit(url).query).items()}
    pressed = await send(urlsplit(url).path, {**query, "action": "pay", "card": "04"})
    values = parse_qs(urlsplit(pressed.headers["location"]).query, keep_blank_values=True)
    back = {name: value[0] for name, value in values.items()}
    await send("/mainpay/api/v1/payment/pay", shop.pay_form(REF, 55_000, back))
    await world.settle()
    return said, told, world.bank.as_json(), world.clock.at


async def test_the_same_seed_and_clock_give_the_same_story():
    assert await story(7) == await story(7)
    assert (await story(7))[0] != (await story(8))[0]


async def test_repeats_of_a_notice_take_virtual_time_only():
    _, told, books, ended = await story(7)
    assert len(told) == 5
    assert len(set(told)) == 1
    assert books["payments"][0]["notices"][0]["acked"] is False
    assert ended - datetime(2026, 1, 15, 12, 0, tzinfo=KST) == timedelta(seconds=5 + 30 + 120 + 600)


async def test_a_cut_connection_is_told_apart_from_an_answer():
    for kind, cut in (("drop_after", "fin"), ("rst_after", "rst"), ("half_after", "fin"), ("5xx_after", "")):
        said, _, books, _ = await story(7, kind)
        assert said[-1].cut == cut
        assert (said[-1].status == 502) is (kind == "5xx_after")
        assert books["totals"]["captured"] == 55_000


async def test_a_dripping_answer_takes_a_virtual_second_a_byte():
    said, _, _, ended = await story(7, "drip_after")
    assert b'"resultCode":"200"' in said[-1].body
    assert ended - datetime(2026, 1, 15, 12, 0, tzinfo=KST) > timedelta(seconds=120)
