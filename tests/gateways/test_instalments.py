"""Months of a card's payment reach every gateway that has a field for them; the others, and small amounts, refuse."""

from urllib.parse import parse_qs

import pytest

from bridge.sandbox.local import ask
from tests.gateways import test_key_stories as keys
from tests.gateways.house import House
from tests.gateways.paired import paired
from tests.gateways.street import Street
from tests.gateways.test_mainpay_direct_stories import CARD as MAINPAY_CARD
from tests.gateways.test_mainpay_direct_stories import issue_key, typed

__all__ = ["typed"]
SHOP = "http://typed-shop.test"
PATHS = {"payapp": "/apiLoad.html", "welcome": "/billing/billpay", "paystory": "/payment.doBill"}
FIELDS = {"payapp": "cardinst", "welcome": "cardQuota", "paystory": "quotaMon"}


@pytest.fixture(params=["payapp", "welcome", "paystory"])
async def shop(request, tmp_path):
    """A site that takes typed cards at one gateway that charges keys."""
    made = (Street if request.param == "paystory" else House)(tmp_path)
    async with paired(made, request.param, url=SHOP, card_entry="on"):
        made.net.apps[f"{SHOP}:80"] = made.shop.app()
        yield made


@pytest.fixture
async def payple(tmp_path):
    """A site at Payple."""
    async with paired(Street(tmp_path), "payple") as made:
        yield made


async def charge(world, key, months, **order):
    body = {"customer": keys.CUSTOMER, "order": world.order(**order), "actor": "wp:7", "instalment_months": months}
    return await world.call("POST", f"/v1/billing-keys/{key}/charges", body)


def told(world, path, field):
    """Give a field of each call of a path, oldest first, where it has it."""
    forms = [parse_qs(one.body.decode(), keep_blank_values=True) for one in world.net.calls(path)]
    return [form[field][0] for form in forms if field in form]


async def test_a_keys_charge_is_paid_in_the_months_that_were_asked_for_and_in_a_lump_sum_without(shop):
    key = (await keys.ask(shop, card=keys.CARD)).json()["id"]
    first, second = await charge(shop, key, 3), await charge(shop, key, 0)

    assert [one.json()["state"] for one in (first, second)] == ["paid", "paid"], first.text
    assert [(await shop.payment(one.json()["id"])).instalment_months for one in (first, second)] == [3, 0]
    assert told(shop, PATHS[shop.gateway], FIELDS[shop.gateway]) == ["03", "00"]
    await shop.check_books()


@pytest.mark.parametrize("months", [2, 4, 10, 12])
async def test_a_key_is_charged_in_as_many_months_as_a_card_company_gives(shop, months):
    key = (await keys.ask(shop, card=keys.CARD)).json()["id"]
    answer = await charge(shop, key, months)
    assert answer.json()["state"] == "paid", answer.text
    assert told(shop, PATHS[shop.gateway], FIELDS[shop.gateway]) == [f"{months:02d}"]


@pytest.mark.parametrize("months", [4, 10])
async def test_welcomes_window_offers_the_months_that_the_order_names_and_no_others(tmp_path, months):
    async with paired(House(tmp_path), "welcome") as house:
        opened = await house.checkout(token=house.token(house.order(), instalment_months=months))
        await house.come_back(opened, installment=f"{months:02d}")
        await house.quiet()
        payment = await house.payment(opened.payment)
        assert (payment.state, house.book(payment).net) == ("paid", 55_000)
        other = await house.checkout(token=house.token(house.order(), instalment_months=months))
        page = await ask(house.sandbox_app, "POST", other.window_url, b"action=pay&card=04&installment=06")
        assert page.status == 422


@pytest.mark.parametrize(("amount", "months"), [(49_999, 3), (55_000, 1), (55_000, 37), (55_000, -2)])
async def test_what_no_card_company_gives_is_refused_before_anything_is_sent(shop, amount, months):
    key = (await keys.ask(shop, card=keys.CARD)).json()["id"]
    answer = await charge(shop, key, months, amount=amount)

    assert (answer.status_code, answer.json()["code"]) == (422, "amount_refused")
    assert "할부" in answer.json()["message_ko"]
    assert told(shop, PATHS[shop.gateway], FIELDS[shop.gateway]) == []


@pytest.mark.parametrize("gateway", ["payple", "paystory"])
async def test_a_window_without_a_field_refuses_months_and_says_where_they_are_chosen(gateway, tmp_path):
    async with paired(Street(tmp_path), gateway) as street:
        asked = {"order": street.order(), "instalment_months": 3}
        refused = await street.call("POST", "/v1/payments", asked)

        assert (refused.status_code, refused.json()["code"]) == (422, "amount_refused")
        assert refused.json()["message_ko"].endswith("할부는 결제창에서 골라 주세요.")
        assert (await street.call("POST", "/v1/payments", asked | {"instalment_months": 0})).status_code == 201


async def test_a_gateway_without_a_field_says_that_it_takes_lump_sums_alone(payple):
    asked = await keys.ask(payple)
    await keys.come_back(payple, asked)
    answer = await charge(payple, asked.json()["id"], 3)

    assert (answer.status_code, answer.json()["code"]) == (422, "amount_refused")
    assert answer.json()["message_ko"].endswith("등록한 카드를 일시불로만 결제할 수 있어요.")
    assert payple.sandbox.bank.as_json()["totals"]["captured"] == 0
    assert (await charge(payple, asked.json()["id"], 0)).json()["state"] == "paid"


async def test_more_months_than_a_gateway_names_are_refused_with_how_many_it_takes(typed):
    key = (await issue_key(typed)).json()["id"]
    answer = await charge(typed, key, 25)

    assert (answer.status_code, "24개월까지" in answer.json()["message_ko"]) == (422, True)
    assert (await charge(typed, key, 24)).json()["state"] == "paid"
    assert told(typed, "/card-auto/trans", "installment") == ["24"]


async def test_a_typed_card_pays_in_months_and_the_answer_says_in_how_many(typed):
    body = {"order": typed.order(), "card": MAINPAY_CARD, "actor": "wp:7", "instalment_months": 6}
    answer = await typed.call("POST", "/v1/card-payments", body)
    small = body | {"order": typed.order(amount=49_999)}

    assert answer.json()["state"] == "paid", answer.text
    assert (await typed.payment(answer.json()["id"])).card["installment"] == "06"
    assert (await typed.call("POST", "/v1/card-payments", small)).json()["code"] == "amount_refused"
    assert told(typed, "/card-keyin/trans", "installment") == ["06"]


async def test_the_window_offers_the_months_that_the_order_names_and_no_others(world):
    opened = await world.checkout(token=world.token(world.order(), instalment_months=4))
    other = await world.press(opened.window_url, installment="06")
    assert other.status == 422
    await world.come_back(opened, installment="04")

    payment = await world.payment(opened.payment)
    assert (payment.state, payment.card["installment"]) == ("paid", "04")
    await world.check_books()


@pytest.mark.parametrize("months", ["00", "04"])
async def test_a_lump_sum_stays_possible(world, months):
    opened = await world.checkout(token=world.token(world.order(), instalment_months=4))
    await world.come_back(opened, installment=months)
    assert (await world.payment(opened.payment)).card["installment"] == months


async def test_without_months_the_window_is_asked_for_none(world):
    await world.checkout(world.order())
    await world.checkout(token=world.token(world.order(), instalment_months=12))
    assert told(world, "/v1/payment/ready", "availableInstallment") == ["12"]
