"""Money that people wrote down because no notice came, and the notice that comes days later: PayApp and Welcome."""

from urllib.parse import parse_qsl, urlencode

import pytest

from tests.flows.test_cases import case_of, decide
from tests.flows.test_money_of_cases import open_case
from tests.gateways import test_key_stories as keys
from tests.gateways.house import House
from tests.gateways.paired import paired
from tests.gateways.presses import opened, page_of
from tests.gateways.test_instalments import SHOP

DAYS_SECONDS = 3 * 86_400


@pytest.fixture
async def payapp(tmp_path):
    """A bridge, a shop, PayApp."""
    async with paired(House(tmp_path), "payapp") as made:
        yield made


@pytest.fixture
async def welcome(tmp_path):
    """A bridge, a shop, Welcome, which tells of every payment in its unified notice."""
    made = House(tmp_path)
    async with paired(made, "welcome", url=SHOP, card_entry="on"):
        made.net.apps[f"{SHOP}:80"] = made.shop.app()
        made.set(pg_notice_url=made.notice_url("pg"))
        yield made


async def unheard(house):
    """Have a payment paid in PayApp's window, and no notice come: a person's. Gives what PayApp posted meanwhile."""
    checkout, payment = await opened(house)
    page = await page_of(house, checkout)
    held = house.hold_notices()
    await house.authenticate(page)
    await house.live(5_400, 60.0)
    assert (await house.state(payment.id), await house.cases(payment.id)) == ("needs_human", ["unknown_outcome"])
    return payment, held


async def late(house, held):
    """Let the notices come days later."""
    await house.clock.forward(DAYS_SECONDS)
    await house.let_go(held)


async def told_under(house, held, number):
    """Let PayApp tell of a payment under another number, of which it told here in the same words."""
    told = dict(parse_qsl(held[-1][1].decode(), keep_blank_values=True)) | {"mul_no": number, "orig_mul_no": ""}
    answer = await house.post_notice_of("feedback", urlencode(told).encode())
    assert answer.text == "SUCCESS"
    await house.quiet()


async def test_money_that_people_found_at_payapp_is_known_when_its_notice_comes_and_a_second_number_is_more(payapp):
    payment, held = await unheard(payapp)
    await decide(payapp, await case_of(payapp, payment.id), "declined")
    await open_case(payapp, payment, "money_on_ended_payment", "the console shows 55000 KRW after all", 55_000)
    await decide(payapp, await case_of(payapp, payment.id), "money_found")
    await late(payapp, held)
    after = await payapp.payment(payment.id)

    assert await payapp.entries(payment.id) == [("orphan_capture", 55_000, "E8")]
    assert (after.state, after.orphaned, payapp.book(payment).net) == ("declined", 55_000, 55_000)
    assert after.refs["mul_no"] == dict(parse_qsl(held[-1][1].decode()))["mul_no"]
    await payapp.check_books()
    await told_under(payapp, held, "900")
    assert (await payapp.payment(payment.id)).orphaned == 110_000


async def test_a_payment_that_people_said_is_paid_is_refunded_under_the_number_that_its_late_notice_brings(payapp):
    payment, held = await unheard(payapp)
    await decide(payapp, await case_of(payapp, payment.id), "paid")
    assert "mul_no" not in (await payapp.payment(payment.id)).refs
    await late(payapp, held)
    assert await payapp.entries(payment.id) == [("capture", 55_000, "E8")]
    await told_under(payapp, held, "900")
    assert (await payapp.payment(payment.id)).orphaned == 55_000, "another number is more money"

    await payapp.refund(payment.id)
    await payapp.quiet()
    after = await payapp.payment(payment.id)
    assert (after.state, after.left, payapp.book(payment).net) == ("refunded", 0, 0)


async def charged_unheard(house):
    """Have a registered card charged at Welcome, and neither answer nor notice come: a person's."""
    key = (await keys.ask(house, card=keys.CARD)).json()["id"]
    held = house.hold_notices()
    house.fault("billpay", "drop_after")
    body = {"customer": keys.CUSTOMER, "order": house.order(), "actor": "wp:7"}
    made = await house.call("POST", f"/v1/billing-keys/{key}/charges", body)
    await house.live(1_800, 20.0)
    payment = await house.payment(made.json()["id"])
    assert (payment.state, await house.cases(payment.id)) == ("needs_human", ["unknown_outcome"])
    return payment, held


async def test_a_charge_at_welcome_that_people_wrote_down_is_known_when_its_notice_comes(welcome):
    payment, held = await charged_unheard(welcome)
    await decide(welcome, await case_of(welcome, payment.id), "paid")
    await late(welcome, held)
    after = await welcome.payment(payment.id)

    assert await welcome.entries(payment.id) == [("capture", 55_000, "E8")]
    assert (after.state, bool(after.refs["tid"]), await welcome.cases(payment.id)) == ("paid", True, [])
    await welcome.check_books()


async def test_a_charge_at_welcome_that_people_found_on_an_ended_payment_is_known_too(welcome):
    payment, held = await charged_unheard(welcome)
    await decide(welcome, await case_of(welcome, payment.id), "declined")
    await open_case(welcome, payment, "money_on_ended_payment", "the console shows 55000 KRW after all", 55_000)
    await decide(welcome, await case_of(welcome, payment.id), "money_found")
    await late(welcome, held)

    assert await welcome.entries(payment.id) == [("orphan_capture", 55_000, "E8")]
    assert (await welcome.payment(payment.id)).refs["tid"]
    await welcome.check_books()


async def underpaid(house):
    """Sell by an account at Welcome, and let 1,000 KRW too little be paid into it; gives the notices of that, held."""
    held = house.hold_notices()
    opened = await house.checkout(method="virtual_account")
    await house.come_back(opened)
    await house.quiet()
    payment = await house.payment(opened.payment)
    assert payment.state == "awaiting_deposit"
    told = len(held)
    house.sandbox.desks["welcome"].deposit({"merchant_ref": payment.merchant_ref, "amount": 54_000})
    await house.quiet()
    unproven, proven = ([one for one in held[told:] if one[1].startswith(b"{") is is_json] for is_json in (False, True))
    assert unproven
    assert proven
    return payment, unproven, proven


@pytest.mark.parametrize("said", ["money_found", "given_back"])
async def test_another_sum_in_an_account_that_people_found_is_known_when_it_is_told_with_proof(welcome, said):
    payment, unproven, proven = await underpaid(welcome)
    await welcome.let_go(unproven)
    await decide(welcome, await case_of(welcome, payment.id), said)
    spoken = await welcome.entries(payment.id)
    await welcome.let_go(proven)
    await welcome.let_go(proven)

    went = [("orphan_refund", -54_000, "E8")] if said == "given_back" else []
    assert await welcome.entries(payment.id) == spoken == [("orphan_capture", 54_000, "E8"), *went]
    assert await welcome.cases(payment.id) == ([] if went else ["money_on_ended_payment"])
    assert (await welcome.payment(payment.id)).state == "awaiting_deposit"


async def test_another_sum_in_an_account_is_one_case_when_it_is_told_without_proof_and_then_with_it(welcome):
    payment, unproven, proven = await underpaid(welcome)
    await welcome.let_go(unproven)
    assert await welcome.cases(payment.id) == ["unexpected_deposit"]
    await welcome.let_go(proven)

    assert await welcome.entries(payment.id) == [("orphan_capture", 54_000, "E7")]
    assert await welcome.cases(payment.id) == ["money_on_ended_payment"]


async def test_what_proof_says_of_one_deposit_leaves_the_case_of_another(welcome):
    payment, unproven, proven = await underpaid(welcome)
    await welcome.let_go(unproven)
    await decide(welcome, await case_of(welcome, payment.id), "no_money")
    other = [(url, body.replace(b"54000", b"54001"), kind) for url, body, kind in unproven]
    await welcome.let_go(other)
    await welcome.let_go(proven)

    assert await welcome.entries(payment.id) == [("orphan_capture", 54_000, "E7")]
    amounts = {one["reason"]: one["amount"] for one in (await welcome.call("GET", "/v1/cases")).json()["items"]}
    assert amounts == {"unexpected_deposit": 54_001, "money_on_ended_payment": 54_000}
