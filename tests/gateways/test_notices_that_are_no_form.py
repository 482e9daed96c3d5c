"""What is posted to a notice address as no notice can be, alike at all five gateways, and across two of one shop."""

import json
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from tests.gateways.house import House
from tests.gateways.paired import paired
from tests.gateways.street import Street
from tests.gateways.test_returns_that_are_no_form import FORM, bent
from tests.gateways.test_skipped import closed, opened
from tests.support.world import World

ANYWHERE = "203.0.113.77"
KINDS = ["mainpay/noti", "payapp/feedback", "paystory/noti", "welcome/mobile", "welcome/pc", "welcome/pg"]
OF_STREET = ("paystory", "payple")


class Told:
    """A bridge and a shop at one gateway; the notices of one kind are held back."""

    def __init__(self, world, kind):
        self.world, self.kind = world, kind
        self.held = []
        self.address = world.notice_address if kind == "noti" and type(world) is World else ANYWHERE

    def hold(self):
        """Keep from now on what the sandbox posts from arriving."""

        async def hold(method, url, body, content_type):
            if method == "POST":
                self.held.append((urlsplit(url).path, body, content_type))
            return 200, b"OK"

        self.world.sandbox.notices._post = hold

    @property
    def true(self):
        """The last notice of the kind that was held."""
        return next(one for one in reversed(self.held) if f"/{self.kind}/" in one[0])

    async def post(self, body):
        path, _, content_type = self.true
        async with self.world.client(self.address) as client:
            return await client.post(path, content=body, headers={"content-type": content_type})


def place(gateway, folder):
    return Street(folder) if gateway in OF_STREET else House(folder)


@pytest.fixture(params=KINDS)
async def deposit(request, tmp_path, world):
    """A virtual account that was paid into, of which the bridge has not heard."""
    gateway, kind = request.param.split("/")
    if gateway == "mainpay":
        yield Told(world, kind)
        return
    async with paired(place(gateway, tmp_path), gateway) as made:
        if gateway == "paystory":
            made.register_notices()
        if gateway == "welcome":
            made.set(pc_notice_url=made.notice_url("pc"), pg_notice_url=made.notice_url("pg"))
        yield Told(made, kind)


def spoilt(raw):
    """Give bodies, each the right notice but for one thing that no notice has."""
    if raw[:1] != b"{":
        others = {"too large": raw + b"&x=" + b"y" * 300_000, "nothing": b"", "another shape": b'{"a": "1"}'}
        return bent(fields_of(raw)) | others
    name, value = next(iter(json.loads(raw).items()))
    return {
        "too large": raw + b" " * 300_000,
        "a field twice": json.dumps({name: f"{value}0"}).encode()[:-1] + b", " + raw[1:],
        "no charset": raw.replace(b'": "', b'": "\xff\xfe', 1),
        "nothing but bytes": b"\x00\xff" * 50,
        "cut off": raw[:-1],
        "a list": b"[" + raw + b"]",
        "nothing": b"",
        "another shape": b"a=1&b=2",
    }


def fields_of(raw):
    """Read a form in the charset that it was written in."""
    for charset in ("utf-8", "cp949"):
        try:
            return dict(parse_qsl(raw.decode("ascii"), keep_blank_values=True, encoding=charset, errors="strict"))
        except UnicodeDecodeError:
            continue
    raise AssertionError("the sandbox writes one of the two")


async def test_a_notice_that_is_none_is_refused_and_the_right_one_still_counts(deposit):
    world = deposit.world
    opened = await world.checkout(method="virtual_account")
    await world.come_back(opened)
    await world.quiet()
    payment = await world.payment(opened.payment)
    gateway = payment.gateway
    deposit.hold()
    world.sandbox.desks[gateway].deposit({"merchant_ref": payment.merchant_ref})
    await world.quiet()
    kept = await world.all("SELECT id FROM notices ORDER BY id")
    heard = {what: await deposit.post(raw) for what, raw in spoilt(deposit.true[1]).items()}
    await world.beat()

    assert all(400 <= answer.status_code < 500 for answer in heard.values()), {
        what: answer.status_code for what, answer in heard.items()
    }
    assert await world.all("SELECT id FROM notices ORDER BY id") == kept, "and none is kept"
    assert (await world.state(payment.id), await world.entries(payment.id)) == ("awaiting_deposit", [])
    assert (await deposit.post(deposit.true[1])).status_code == 200
    await world.live(60.0)
    assert await world.state(payment.id) == "paid"
    assert (await world.told(payment.id)).count("payment.paid") == 1
    await world.check_books()


@pytest.mark.parametrize("as_json", [True, False])
async def test_a_webhook_that_is_none_is_refused_and_the_right_one_is_still_answered(tmp_path, as_json):
    async with paired(Street(tmp_path), "payple") as street:
        street.register_notices()
        street.set(webhook_json=as_json)
        told = Told(street, "webhook")
        told.hold()
        payment = await street.buy()
        heard = {what: await told.post(raw) for what, raw in spoilt(told.true[1]).items()}
        await street.beat()

        assert all(400 <= answer.status_code < 500 for answer in heard.values()), {
            what: answer.status_code for what, answer in heard.items()
        }
        assert await street.all("SELECT id FROM notices") == []
        assert (await told.post(told.true[1])).status_code == 200
        await street.beat()
        assert await street.told(payment.id) == ["payment.paid"]


def genuine(world, gateway, reference):
    """Give a deposit's or an approval's notice, as good as the gateway's own but for whose payment it is about."""
    made = world.context.sites.get(world.site.id).gateway(gateway)
    if gateway == "payapp":
        own = made.settings
        marks = {"userid": own.userid, "linkkey": own.linkkey, "linkval": own.linkval}
        told = {"pay_state": "4", "mul_no": "1", "price": "55000", "var1": reference, "var2": made.seal("r", reference)}
        return "feedback", urlencode(marks | told | {"currency": "krw"}).encode()
    if gateway == "payple":
        return "webhook", urlencode(
            {"PCD_PAY_RST": "success", "PCD_PAY_OID": reference, "PCD_PAY_TOTAL": "55000"}
        ).encode()
    if gateway == "paystory":
        told = {"mid": made.settings.mid, "ordNo": reference, "goodsAmt": "55000", "ediDate": "20261120113000"}
        told |= {"hashStr": made.sign(told["ediDate"], told["goodsAmt"]), "resultCd": "4110", "payMethod": "VACNT"}
        return "noti", urlencode(told | {"tid": "T1", "cancelYN": "N", "vacntNo": "1"}).encode()
    told = {"P_STATUS": "02", "P_OID": reference, "P_AMT": "55000", "P_TID": "T", "P_MID": made.settings.mid}
    return "mobile", urlencode(told).encode()


@pytest.mark.parametrize("gateway", ["payapp", "payple", "paystory", "welcome"])
async def test_a_notice_at_one_gateways_address_reaches_no_payment_at_another(tmp_path, gateway):
    world = await opened(place(gateway, tmp_path), gateway)
    order = world.order()
    waits = await world.checkout(token=world.token(order, gateway="mainpay", method="virtual_account"))
    await world.go(await World.authenticate(world, waits))
    await world.quiet()
    payment = await world.payment(waits.payment)
    assert (payment.gateway, payment.state) == ("mainpay", "awaiting_deposit")
    asked = len(world.sandbox.requests)
    kind, raw = genuine(world, gateway, payment.merchant_ref)
    token = world.context.tokens.make("notice", world.site.id, gateway, kind).rpartition(".")[2]
    async with world.client(ANYWHERE) as client:
        answer = await client.post(f"/n/{world.site.id}/{gateway}/{kind}/{token}", content=raw, headers=FORM)
    await world.live(60.0)

    assert answer.status_code == 404, answer.text
    assert len(world.sandbox.requests) == asked
    assert (await world.state(payment.id), await world.cases(payment.id)) == ("awaiting_deposit", [])
    rows = await world.all("SELECT payment, outcome FROM notices")
    assert rows == [{"payment": None, "outcome": "no payment of ours has this reference"}]
    await closed(world)
