"""A payment's day is the gateway's, however late we hear of it: receipts, refunds and the slip go by it."""

from datetime import timedelta
from urllib.parse import parse_qsl, urlencode

import pytest

from bridge.clock import to_ms
from bridge.domain.exchange import KST
from tests.gateways.house import House
from tests.gateways.paired import paired
from tests.gateways.street import Street
from tests.gateways.test_payapp_stories import club
from tests.support.world import Opened


@pytest.fixture(params=["paystory", "payple"])
async def street(request, tmp_path):
    """A bridge, a shop, a gateway that can be asked."""
    async with paired(Street(tmp_path), request.param) as made:
        yield made


@pytest.fixture
async def links(tmp_path):
    """A bridge, a shop, Welcome."""
    async with paired(House(tmp_path), "welcome") as made:
        yield made


def second(moment):
    """Gateways tell whole seconds."""
    return moment.astimezone(KST).replace(microsecond=0)


async def paid_and_heard_after(house, days):
    held = house.hold_notices()
    opened = await house.checkout()
    paid_at = second(house.clock.now())
    await house.authenticate(opened)
    await house.clock.forward(days * 86_400)
    return opened, paid_at, held


async def test_the_days_in_which_payapp_cancels_begin_when_it_was_paid_there(house):
    opened, paid_at, held = await paid_and_heard_after(house, 6)
    await house.let_go(held)
    payment = await house.payment(opened.payment)

    assert (payment.state, payment.paid_at) == ("paid", paid_at)
    shown = (await house.call("GET", f"/v1/payments/{payment.id}")).json()
    assert shown["allowed"]["by_request"] is True, "by the day it was heard on it would be cancelled at once"
    await house.refund(payment.id, 55_000)
    await house.quiet()
    asked = [dict(parse_qsl(one.body.decode()))["cmd"] for one in house.net.sent if b"paycancel" in one.body]
    assert asked == ["paycancelreq"], "PayApp is not asked for what it does no more"


@pytest.mark.parametrize(
    "told",
    ["", "20261", "2026-13-01 10:00:00", "2020-01-01 10:00:00", "2099-01-01 10:00:00"],
    ids=["none", "half", "no day", "before it was asked for", "in the future"],
)
async def test_a_moment_that_cannot_be_is_the_moment_it_was_heard(house, told):
    opened, _, held = await paid_and_heard_after(house, 6)
    bodies = [dict(parse_qsl(body.decode(), keep_blank_values=True)) for _, body, _ in held]
    changed = [urlencode(body | {"pay_date": told}).encode() for body in bodies]
    await house.let_go([(url, body, kind) for (url, _, kind), body in zip(held, changed, strict=True)])
    payment = await house.payment(opened.payment)

    assert (payment.state, payment.captured, payment.paid_at) == ("paid", 55_000, house.clock.now())


async def test_a_plans_round_that_is_heard_of_late_was_paid_when_payapp_charged_it(house):
    wish = club(house, "CLUB-1")
    held = house.hold_notices()
    plan = (await house.call("POST", "/v1/plans", wish)).json()
    paid_at = second(house.clock.now())
    await house.authenticate(Opened("", plan["window_url"], "", ""))
    await house.clock.forward(2 * 86_400)
    await house.let_go(held)

    (row,) = await house.all("SELECT id FROM payments")
    assert (await house.payment(row["id"])).paid_at == paid_at


async def test_an_approval_that_is_found_by_asking_was_made_when_the_gateway_says(street):
    opened = await street.checkout()
    street.fault("approve", "drop_after")
    street.fault("notice", "notice_lost")
    street.fault("inquire", "drop_before", times=3)
    coming = await street.authenticate(opened)
    begun = second(street.clock.now())
    await street.go(coming)
    await street.live(900.0, 5.0)
    payment = await street.payment(opened.payment)

    assert (payment.state, payment.captured) == ("paid", 55_000)
    assert await street.entries(payment.id) == [("capture", 55_000, "E4")]
    (entry,) = await street.all("SELECT at FROM entries")
    assert entry["at"] > to_ms(begun) + 15_000, "it was found later"
    assert begun <= payment.paid_at <= begun + timedelta(seconds=5)


async def test_a_deposit_that_welcome_tells_of_late_came_when_it_says(links):
    links.set(pc_notice_url=links.notice_url("pc"))
    opened = await links.checkout(method="virtual_account")
    await links.come_back(opened)
    await links.quiet()
    held = links.hold_notices()
    paid_at = second(links.clock.now())
    payment = await links.payment(opened.payment)
    links.sandbox.desks["welcome"].deposit({"merchant_ref": payment.merchant_ref})
    await links.quiet()
    await links.clock.forward(86_400)
    await links.let_go([one for one in held if "type_msg" in one[1].decode()])

    after = await links.payment(opened.payment)
    assert (after.state, after.paid_at) == ("paid", paid_at)
