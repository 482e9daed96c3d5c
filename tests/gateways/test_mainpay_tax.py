"""What of an order is free of tax, as Mainpay is told it: in each field its documents have, else not sold."""

from dataclasses import replace
from urllib.parse import parse_qs

import pytest

from bridge.domain.billing import BillingKey
from bridge.domain.gateway import Declined, Return
from bridge.domain.payment import Method
from bridge.domain.reasons import Reason
from bridge.domain.tax import Split, split
from tests.gateways.test_mainpay import (
    LIVE,
    PAGE,
    STAMP,
    URLS,
    answered,
    asked,
    code,
    gateway,
    order,
    payment,
    refund,
)
from tests.gateways.test_mainpay_direct_stories import CARD, charge, control, issue_key, typed

__all__ = ["typed"]
MIXED = {"amount": 55_000, "tax_free": 11_000}
RETURNED = Return({"authToken": "T"})


def sent_tax(world, path: str) -> list[str]:
    """Give the VAT that each call of a path stated, oldest first; nothing for one that stated none."""
    return [parse_qs(one.body.decode()).get("taxAmt", [""])[0] for one in world.net.calls(path)]


@pytest.mark.parametrize(("tax_free", "vat"), [(0, None), (11_000, "4000"), (54_999, "0"), (55_000, "0")])
def test_a_mixed_order_states_its_vat_at_ready_and_at_pay_and_a_taxed_one_none(tax_free, vat):
    mixed = payment(LIVE, tax_free=tax_free)
    ready = asked(gateway().open_window(mixed, order(), URLS, STAMP))
    pay = asked(gateway().approve(mixed, RETURNED, STAMP))
    undo = asked(gateway().undo(mixed, RETURNED, STAMP, STAMP))

    assert [call.form.get("taxAmt") for call in (ready, pay, undo)] == [vat, vat, vat]
    assert undo.form == pay.form


def test_a_charge_of_a_key_and_every_cancel_state_their_vat():
    mixed = payment(LIVE | {"refNo": "REF1"}, tax_free=11_000)
    key = BillingKey("k", "c", Method.CARD, "BILL", STAMP.at)
    part = replace(refund(11_000, full=False), tax=Split(8_000, 800, 2_200))
    whole = replace(refund(), tax=Split(40_000, 4_000, 11_000))

    assert asked(gateway().charge(mixed, order(), key, URLS, STAMP)).form["taxAmt"] == "4000"
    assert asked(gateway().refund(mixed, part, STAMP)).form["taxAmt"] == "800"
    assert asked(gateway().refund(mixed, whole, STAMP)).form["taxAmt"] == "4000"
    for call in (
        asked(gateway().charge(payment(), order(), key, URLS, STAMP)),
        asked(gateway().refund(payment(LIVE), refund(), STAMP)),
    ):
        assert "taxAmt" not in call.form


def test_the_guides_dialect_has_no_field_for_it_so_that_its_window_is_not_opened():
    guide = code("200", refNo="REF1", tranDate="20261120", payUrl=PAGE)
    mixed = gateway().open_window(payment(tax_free=1), order(), URLS, STAMP)
    outcome = answered(mixed, guide)

    assert isinstance(outcome, Declined)
    assert (outcome.reason, outcome.code) == (Reason.BAD_REQUEST, "")
    assert "면세" in outcome.message


@pytest.mark.parametrize("parts", [[55_000], [10_001, 33_333], [1, 2, 3], [44_000], [11_000, 11_000]])
async def test_refunds_of_a_mixed_order_add_up_to_its_vat_at_the_gateway_to_the_won(world, parts):
    paid = await world.buy(world.order(**MIXED))
    trade = next(iter(world.sandbox.desks["mainpay"]._till.trades.values()))
    for part in parts:
        assert (await world.refund(paid.id, part)).status_code == 200
    if sum(parts) < 55_000:
        assert (await world.refund(paid.id)).status_code == 200

    assert await world.state(paid.id) == "refunded"
    assert (trade.session.vat, trade.vat_back, world.book(paid).net) == (4_000, 4_000, 0)
    assert sent_tax(world, "/v1/payment/ready") == sent_tax(world, "/v1/payment/pay") == ["4000"]
    assert sum(int(vat) for vat in sent_tax(world, "/cancel") + sent_tax(world, "/part-cancel")) == 4_000
    await world.check_books()


async def test_a_repeated_cancel_of_a_mixed_order_whose_answer_was_lost_is_done_once(world):
    paid = await world.buy(world.order(**MIXED))
    world.fault("cancel", "drop_after")
    await world.refund(paid.id)
    await world.live(120)

    assert (await world.state(paid.id), world.book(paid).refunded) == ("refunded", 55_000)
    await world.check_books()


async def test_what_the_console_gave_back_of_a_mixed_order_leaves_the_rest_to_be_refunded(world):
    paid = await world.buy(world.order(**MIXED))
    await control(world, "refund", merchant_ref=paid.merchant_ref, amount=5_005)
    for part in (20_000, 29_995):
        answer = await world.refund(paid.id, part)
        assert (answer.status_code, answer.json()["state"]) == (200, "done")

    assert world.book(paid).net == 0


async def test_a_lost_approval_of_a_mixed_order_nets_nothing(world):
    world.fault("pay", "drop_after")
    opened = await world.checkout(world.order(**MIXED))
    await world.come_back(opened)
    await world.live(60)

    assert await world.state(opened.payment) == "voided"
    assert world.book(await world.payment(opened.payment)).net == 0
    await world.check_books()


async def test_a_guide_shop_is_told_before_anything_can_be_paid(guide_world):
    world = guide_world
    answer = await world.post_checkout(world.token(world.order(**MIXED)))

    assert (answer.status_code, "면세" in answer.json()["gateway_message"]) == (503, True), answer.text
    assert not world.net.calls("/v1/payment/pay")
    assert (await world.buy(world.order())).state == "paid", "an order that is taxed whole is sold"


@pytest.mark.parametrize("path", ["/v1/card-payments", "/v1/accounts"])
async def test_calls_without_a_field_for_it_refuse_a_mixed_order_before_anything_is_sent(typed, path):
    world = typed
    more = {"card": CARD} if "card" in path else {"bank": "04", "due": world.hold(86_400)}
    answer = await world.call("POST", path, {"order": world.order(**MIXED), "actor": "wp:7"} | more)

    assert (answer.status_code, answer.json()["code"]) == (422, "amount_refused")
    assert "면세 금액을 알릴 수 없어요" in answer.json()["message_ko"]
    assert not world.sandbox.requests


async def test_a_charge_of_a_key_for_a_mixed_order_is_paid_and_refunded(typed):
    world = typed
    key = (await issue_key(world)).json()["id"]
    answer = await charge(world, key, world.order(**MIXED))
    assert answer.json()["state"] == "paid", answer.text
    await world.refund(answer.json()["id"], 30_000)
    await world.refund(answer.json()["id"])

    assert await world.state(answer.json()["id"]) == "refunded"
    assert sent_tax(world, "/card-auto/trans") == [str(split(55_000, 11_000).vat)]
    await world.check_books()
