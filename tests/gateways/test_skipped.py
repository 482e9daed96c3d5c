"""A gateway that is down is skipped before its window, also where that window is opened by data and makes no call."""

import pytest

from bridge.domain.payment import Mode
from bridge.flows.choose_gateway import FAILURES_MAX, REST_SECONDS
from bridge.flows.manage_sites import add_site
from bridge.signing.keys import SiteKey, decode_secret
from tests.gateways import house, lane
from tests.gateways.payapp import KEYS
from tests.gateways.presses import press
from tests.gateways.street import Street
from tests.support.world import PUBLIC_URL, SANDBOX, Opened, Paired

MAINPAY = {"api_url": f"{SANDBOX}/mainpay/api", "relay_url": f"{SANDBOX}/mainpay/relay"}
NO_PHONE = {"name": "홍길동"}
PHONE = NO_PHONE | {"phone": "010-1234-5678", "email": "hong@shop.test"}
SHOP = "http://two-shop.test"
KEY_WISH = {"customer": "customer-1", "title": "정기 후원", "result_url": f"{SHOP}/my-cards", "actor": "buyer"}


async def opened(world, gateway, **more):
    """Start a bridge, and a site whose default is a gateway, with Mainpay behind it."""
    world.gateway = gateway
    await world.start()
    if gateway == "payapp":
        world.set(sellers={"payapptest": KEYS})
    settings = {gateway: (lane.SETTINGS | house.SETTINGS)[gateway] | more, "mainpay": MAINPAY}
    world.net.apps[f"{SHOP}:80"] = world.shop.app()
    made = await add_site(world.context, url=SHOP, gateways=list(settings), settings=settings, mode=Mode.TEST)
    key = SiteKey.from_secret(decode_secret(made["secret"]), key_id=made["key_id"], site=made["site"])
    world.site = Paired(made["site"], SHOP, key, made["secret"])
    return world


async def closed(world):
    await world.quiet()
    await world.close()


@pytest.fixture
async def paystory(tmp_path):
    """A shop at Pay-Story, whose window its script opens with data of ours: no call."""
    yield (world := await opened(Street(tmp_path), "paystory"))
    await closed(world)


@pytest.fixture
async def payple(tmp_path):
    """A shop at Payple, whose script asks us to vouch for its window: a call after the opening."""
    yield (world := await opened(Street(tmp_path), "payple", referer=f"{PUBLIC_URL}/"))
    await closed(world)


@pytest.fixture
async def payapp(tmp_path):
    """A shop at PayApp: a call for a buyer whose phone is known, its script for others."""
    yield (world := await opened(house.House(tmp_path), "payapp", window="auto"))
    await closed(world)


async def chosen(world, **changes):
    """Open a window for a new order, and name the gateway it is at."""
    checkout = await world.checkout(world.order(**changes))
    return (await world.payment(checkout.payment)).gateway


async def healthy(world):
    """Name the gateways of cards that the order page is told are healthy."""
    methods = (await world.call("GET", "/v1/codes/methods")).json()["items"]
    (card,) = [one for one in methods if one["code"] == "card"]
    return [one["gateway"] for one in card["gateways"] if one["healthy"]]


async def vouched(world, checkout):
    """Ask for the pass of a window as Payple's script does; gives the status."""
    async with world.client() as client:
        return (await client.post(checkout.window_url.replace("/window", "/auth"), data={"a": "b"})).status_code


# ---- a script without a call: Pay-Story


async def test_a_gateway_asked_nothing_before_its_window_is_skipped_once_approvals_and_inquiries_fail(paystory):
    world = paystory
    waits, lost = await world.checkout(), await world.checkout()
    coming, later = await world.authenticate(lost), await world.authenticate(waits)
    world.fault("approve", "drop_before", times=None)
    world.fault("inquire", "5xx_before", times=None)
    await world.go(coming)
    assert await healthy(world) == ["paystory", "mainpay"], "one failure is no outage"
    for _ in range(60):
        if await chosen(world) == "mainpay":  # an opening that calls nobody is neither a failure nor an answer
            break
        await world.live(5.0)

    assert len([one for one in world.sandbox.requests if one["op"] == "query"]) == FAILURES_MAX - 1
    assert await healthy(world) == ["mainpay"]
    assert await chosen(world) == "mainpay"
    world.sandbox.faults.clear()
    await world.go(later)
    await world.quiet()
    paid = await world.payment(waits.payment)
    assert (paid.gateway, paid.state) == ("paystory", "paid"), "a window that was opened is never left"
    assert await healthy(world) == ["paystory", "mainpay"], "and its answer is heard"
    assert await chosen(world) == "paystory"
    await world.live(600.0)
    await world.check_books()


async def test_such_a_gateway_is_tried_again_after_its_rest_and_rests_again_at_one_failure(paystory):
    world = paystory
    checkout = await world.checkout()
    coming = await world.authenticate(checkout)
    world.let_rest("paystory")
    assert await chosen(world) == "mainpay"
    await world.clock.forward(REST_SECONDS)
    assert await chosen(world) == "paystory"
    world.fault("approve", "drop_before", times=None)
    world.fault("inquire", "5xx_before", times=None)
    await world.go(coming)

    assert await healthy(world) == ["mainpay"]


async def test_a_refusal_is_an_answer(paystory):
    world = paystory
    checkout = await world.checkout()
    coming = await world.authenticate(checkout)
    world.let_rest("paystory")
    world.fault("approve", "decline", code="3030")
    await world.go(coming)

    assert await world.state(checkout.payment) == "declined"
    assert await healthy(world) == ["paystory", "mainpay"]


@pytest.mark.parametrize("method", ["phone", "card"])
async def test_a_key_issued_after_a_window_without_a_call_tells_whether_its_gateway_is_up(paystory, method):
    world = paystory

    async def asked():
        order = {"order": world.order()} if method == "phone" else {}
        return await world.call("POST", "/v1/billing-keys", KEY_WISH | {"method": method, "buyer": PHONE} | order)

    windows = [Opened("", (await asked()).json()["window_url"], "", "") for _ in range(FAILURES_MAX + 1)]
    coming = [await world.authenticate(one) for one in windows]
    world.fault("approve", "drop_before", times=FAILURES_MAX)
    world.fault("inquire", "5xx_before", times=None)
    for one in coming[:-1]:
        assert await healthy(world) == ["paystory", "mainpay"]
        await world.go(one)

    assert await healthy(world) == ["mainpay"]
    no = await asked()
    assert (no.status_code, no.json()["code"], no.json()["retry"]) == (503, "gateway_unavailable", True)
    await world.go(coming[-1])
    assert await healthy(world) == ["paystory", "mainpay"], (
        "a window that was opened is never left, and its answer heard"
    )
    assert (await asked()).status_code == 201


# ---- a script with a call: Payple


@pytest.mark.parametrize("kind", ["drop_before", "5xx_before", "garbage_after"])
async def test_a_gateway_that_does_not_vouch_for_its_windows_is_skipped_until_its_rest_is_over(payple, kind):
    world = payple
    checkout, spare = await world.checkout(), await world.checkout()
    world.fault("auth", kind, times=None)
    for _ in range(FAILURES_MAX):
        assert await chosen(world) == "payple", "an opening that calls nobody is no answer"
        assert await vouched(world, checkout) == 503

    assert await healthy(world) == ["mainpay"]
    assert await chosen(world) == "mainpay"
    world.sandbox.faults.clear()
    await world.clock.forward(REST_SECONDS)
    assert await chosen(world) == "payple"
    assert await vouched(world, spare) == 200
    assert world.context.breakers._failed == {}, "its answer is heard"
    await world.come_back(checkout)
    await world.quiet()
    assert await world.state(checkout.payment) == "paid", "a window that was opened is never left"
    await world.check_books()


async def test_what_is_answered_after_the_window_does_not_hide_that_nothing_vouches_before_it(payple):
    world = payple
    checkout, other = await world.checkout(), await world.checkout()
    coming = await world.authenticate(other)
    world.fault("auth", "drop_before", times=None)
    for _ in range(FAILURES_MAX - 1):
        await vouched(world, checkout)
    await world.go(coming)
    await world.quiet()
    assert await world.state(other.payment) == "paid"
    await vouched(world, checkout)

    assert await healthy(world) == ["mainpay"]


async def test_a_gateway_that_refuses_to_vouch_has_answered(payple):
    world = payple
    checkout = await world.checkout()
    world.fault("auth", "decline", times=None, code="AUTH0004")
    for _ in range(FAILURES_MAX):
        assert await vouched(world, checkout) == 503

    assert await healthy(world) == ["payple", "mainpay"]


async def test_the_pass_of_a_billing_keys_window_counts_likewise(payple):
    world = payple
    asked = await world.call("POST", "/v1/billing-keys", KEY_WISH | {"gateway": "payple", "buyer": NO_PHONE})
    world.fault("auth", "5xx_before", times=FAILURES_MAX)
    url = asked.json()["window_url"].replace("/window", "/auth")
    async with world.client() as client:
        refused = [(await client.post(url, data={"a": "b"})).status_code for _ in range(FAILURES_MAX)]

        assert refused == [503] * FAILURES_MAX
        assert await healthy(world) == ["mainpay"]
        assert (await client.post(url, data={"a": "b"})).status_code == 200
    assert await healthy(world) == ["payple", "mainpay"]


# ---- a call or a script, as the buyer is known: PayApp


async def test_buyers_whose_window_makes_no_call_do_not_hide_that_the_calls_of_others_fail(payapp):
    world = payapp
    world.fault("payrequest", "drop_before", times=FAILURES_MAX)
    for _ in range(FAILURES_MAX):
        assert await healthy(world) == ["payapp", "mainpay"]
        assert await chosen(world) == "mainpay", "the buyer is led on at once"
        if await healthy(world) == ["payapp", "mainpay"]:
            assert await chosen(world, buyer=NO_PHONE) == "payapp"

    assert await healthy(world) == ["mainpay"]
    assert [await chosen(world), await chosen(world, buyer=NO_PHONE)] == ["mainpay", "mainpay"]
    assert len([one for one in world.sandbox.requests if one["op"] == "payrequest"]) == FAILURES_MAX
    await world.clock.forward(REST_SECONDS)
    assert await chosen(world, buyer=NO_PHONE) == "payapp"
    assert await chosen(world) == "payapp"
    assert world.context.breakers._failed == {}, "its answer is heard"


async def test_a_shop_that_only_has_the_script_hears_it_when_requests_are_withdrawn(tmp_path):
    world = await opened(house.House(tmp_path), "payapp", window="js")
    checkout = await world.checkout(world.order(buyer=NO_PHONE))
    await press(world, checkout)
    world.fault("paycancel", "drop_before", times=FAILURES_MAX)
    down = False
    for _ in range(120):
        await world.live(30.0, 30.0)
        down = down or await healthy(world) == ["mainpay"]

    assert down
    assert not world.sandbox.faults.armed
    assert await healthy(world) == ["payapp", "mainpay"], "the withdrawal that was answered is heard"
    assert world.context.breakers._failed == {}
    await closed(world)


async def test_a_buyer_whose_phone_is_not_known_is_led_past_a_page_that_needs_it(tmp_path):
    world = await opened(house.House(tmp_path), "payapp", window="rest")
    assert [await chosen(world), await chosen(world, buyer=NO_PHONE)] == ["payapp", "mainpay"]
    world.let_rest("mainpay")
    asked = {"order": world.order(buyer=NO_PHONE)}
    refused = [await world.call("POST", "/v1/payments", asked | more) for more in ({"gateway": "payapp"}, {})]

    assert [one.status_code for one in refused] == [503, 503]
    assert [("buyer.phone" in one.json()["detail"], one.json().get("retry")) for one in refused] == [
        (True, None),
        (False, True),
    ], "where the other gateway is down it is worth waiting for"
    assert "휴대전화 번호가 필요해요" in refused[0].json()["message_ko"]
    rows = await world.all("SELECT gateway, state FROM payments")
    assert sorted((row["gateway"], row["state"]) for row in rows) == [("mainpay", "open"), ("payapp", "open")]
    assert len([one for one in world.sandbox.requests if one["op"] == "payrequest"]) == 1
    await closed(world)


@pytest.mark.parametrize(("window", "needs"), [("rest", True), ("auto", None)])
async def test_the_order_page_is_told_where_every_gateway_that_is_up_needs_the_phone(tmp_path, window, needs):
    world = await opened(house.House(tmp_path), "payapp", window=window)

    async def told(query=""):
        methods = (await world.call("GET", f"/v1/codes/methods{query}")).json()["items"]
        (card,) = [one for one in methods if one["code"] == "card"]
        return card.get("needs_phone")

    assert [await told(), await told("?gateway=payapp")] == [None, needs], "Mainpay takes whoever has none"
    world.let_rest("mainpay")
    assert await told() == needs
    await closed(world)
