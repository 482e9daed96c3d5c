"""PayApp's yes without its number: money counts once, by the notice that names it."""

from urllib.parse import parse_qsl, urlencode

import pytest

from bridge.gateways.payapp import sandbox_bills, sandbox_pay
from tests.gateways.house import House
from tests.gateways.paired import paired
from tests.gateways.test_payapp_stories import charge_with_lost_answer


@pytest.fixture
async def house(tmp_path):
    async with paired(House(tmp_path), "payapp") as world:
        yield world


def unnumbered(monkeypatch, desk):
    """Let a desk of the sandbox leave mul_no empty where it says yes."""
    really = desk.yes
    monkeypatch.setattr(desk, "yes", lambda **said: really(**said | {name: "" for name in ("mul_no",) if name in said}))


async def test_a_charge_is_taken_once_though_its_answer_names_no_number_and_its_notice_does(house, monkeypatch):
    unnumbered(monkeypatch, sandbox_bills)
    house.fault = lambda op, kind: None
    charged = await charge_with_lost_answer(house)
    await house.live(30)
    payment = await house.payment(charged)

    assert await house.entries(charged) == [("capture", 55_000, "E7")]
    assert (payment.state, payment.orphaned, await house.cases(charged)) == ("paid", 0, [])
    assert bool(payment.refs["mul_no"]), "a refund names it"
    await house.check_books()


async def test_no_window_is_shown_whose_request_has_no_number(house, monkeypatch):
    """Its notice would name a number that is not ours: who pays there has paid no order."""
    unnumbered(monkeypatch, sandbox_pay)
    answer = await house.post_checkout(house.token(house.order()))

    assert answer.status_code == 503


@pytest.mark.parametrize("left_out", [None, ""])
async def test_a_part_given_back_in_the_office_is_heard_of_though_it_names_itself_alone(house, left_out):
    """A part bears a number of its own: without the original's it is known by our mark, and is a person's."""
    payment, held = await house.buy(), house.hold_notices()
    house.sandbox.desks["payapp"].refund({"merchant_ref": payment.merchant_ref, "amount": 20_000})
    await house.quiet()
    told = dict(parse_qsl(held[-1][1].decode(), keep_blank_values=True))
    told = {name: value for name, value in told.items() if name != "orig_mul_no"}
    told |= {} if left_out is None else {"orig_mul_no": left_out}
    for _ in range(2):
        assert (await house.post_notice_of("feedback", urlencode(told).encode())).text == "SUCCESS"
    await house.beat()

    assert await house.cases(payment.id) == ["external_cancel"]


@pytest.mark.parametrize("ours", [True, False])
@pytest.mark.parametrize("price", [None, "", "0"])
async def test_a_whole_cancel_without_its_sum_is_one(house, price, ours):
    payment = await house.buy()
    if ours:
        house.fault("paycancel", "drop_after")
    held = house.hold_notices()
    if ours:
        await house.refund(payment.id, 55_000)
    else:
        house.sandbox.desks["payapp"].refund({"merchant_ref": payment.merchant_ref})
    await house.quiet()
    told = dict(parse_qsl(held[-1][1].decode(), keep_blank_values=True))
    told = {name: value for name, value in told.items() if name != "price"} | (
        {} if price is None else {"price": price}
    )
    assert (await house.post_notice_of("feedback", urlencode(told).encode())).text == "SUCCESS"
    await house.beat()

    assert (await house.payment(payment.id)).refunded == (55_000 if ours else 0)
    assert await house.cases(payment.id) == ([] if ours else ["external_cancel"])


@pytest.mark.parametrize(("amount", "states"), [(20_000, ("70", "71")), (20_000, ("71", "70")), (55_000, ("9", "64"))])
async def test_one_cancel_told_by_both_of_its_states_is_one(house, amount, states):
    """The manual prints two numbers for each kind of cancel, and not which comes when, or that only one comes."""
    house.site = await house.pair("http://told-shop.test", partial_price="cancelled")
    house.net.apps["http://told-shop.test:80"] = house.shop.app()
    payment, held = await house.buy(), house.hold_notices()
    house.sandbox.desks["payapp"].refund({"merchant_ref": payment.merchant_ref, "amount": amount})
    await house.quiet()
    told = dict(parse_qsl(held[-1][1].decode(), keep_blank_values=True))
    for state in states:
        body = urlencode(told | {"pay_state": state}).encode()
        assert (await house.post_notice_of("feedback", body)).text == "SUCCESS"
    await house.beat()

    assert house.book(payment).refunded == (await house.payment(payment.id)).refunded == amount
    assert await house.cases(payment.id) == []
