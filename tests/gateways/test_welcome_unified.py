"""Welcome's unified notice in the words that its receivers in production list: money counts as what it is."""

import json

import pytest

from tests.gateways.house import House
from tests.gateways.paired import paired

ACCOUNT = pytest.mark.parametrize(
    "named",
    [
        {"pay_type": "AUTH", "bank_code": "VACCNT"},
        {"pay_type": "VACCNT"},
        {"pay_type": "VBANK"},
        {"pay_type": "AUTH", "bank_code": "88"},
    ],
)


@pytest.fixture
async def house(tmp_path):
    async with paired(House(tmp_path), "welcome") as world:
        world.set(pg_notice_url=world.notice_url("pg"), pc_notice_url=world.notice_url("pc"))
        yield world


async def account(house):
    """Sell by an account; gives its payment, and the notices of its deposit, which are held."""
    opened = await house.checkout(method="virtual_account")
    await house.come_back(opened)
    await house.quiet()
    payment, held = await house.payment(opened.payment), house.hold_notices()
    house.sandbox.desks["welcome"].deposit({"merchant_ref": payment.merchant_ref})
    await house.quiet()
    return payment, held


def unified(held, **changes):
    """Give the unified notice among those held, with other words in what no hash covers."""
    (body,) = (body for _, body, _ in held if body.startswith(b"{"))
    return json.dumps(json.loads(body) | changes, ensure_ascii=False)


@ACCOUNT
async def test_an_account_that_is_issued_pays_nothing(house, named):
    payment, held = await account(house)
    issued = unified(held, **named, deposit_ymdhms="", deposit_amount="", deposit_name="")
    assert (await house.post_notice_of("pg", issued.encode())).text == "0000 SUCCESS"
    await house.beat()

    assert await house.state(payment.id) == "awaiting_deposit"
    assert await house.told(payment.id) == ["payment.awaiting_deposit"]


@ACCOUNT
async def test_a_deposit_counts_once_in_whatever_format_it_is_told(house, named):
    payment, held = await account(house)
    assert (await house.post_notice_of("pg", unified(held, **named).encode())).text == "0000 SUCCESS"
    await house.let_go([one for one in held if not one[1].startswith(b"{")])
    await house.beat()

    assert await house.entries(payment.id) == [("capture", 55_000, "E7")]
    assert await house.cases(payment.id) == []
    await house.check_books()


@ACCOUNT
async def test_a_deposit_of_another_sum_than_was_asked_for_does_not_pay(house, named):
    payment, held = await account(house)
    short = unified(held, **named, amount="55000", deposit_amount="5000")
    assert (await house.post_notice_of("pg", short.encode())).text == "0000 SUCCESS"
    await house.beat()

    assert await house.state(payment.id) == "awaiting_deposit"
    assert await house.entries(payment.id) == [("orphan_capture", 5_000, "E7")]
    assert await house.cases(payment.id) == ["money_on_ended_payment"]


@pytest.mark.parametrize(
    "named", [{"pay_type": "CANCEL", "transaction_flag": ""}, {"transaction_flag": ""}, {"pay_type": "CANCEL"}]
)
async def test_a_cancel_in_welcomes_office_is_one_by_whatever_field_says_so(house, named):
    payment = await house.buy()
    await house.beat()
    held = house.hold_notices()
    house.sandbox.desks["welcome"].refund({"merchant_ref": payment.merchant_ref})
    await house.quiet()
    assert (await house.post_notice_of("pg", unified(held, **named).encode())).text == "0000 SUCCESS"
    await house.beat()

    assert await house.state(payment.id) == "refunded"
    assert await house.entries(payment.id) == [("capture", 55_000, "E1"), ("external_refund", -55_000, "E7")]


@pytest.mark.parametrize("charset", ["utf-8", "utf-8-sig", "euc-kr"])
async def test_a_deposit_is_heard_in_any_charset_that_welcome_writes(house, charset):
    payment, held = await account(house)
    assert (await house.post_notice_of("pg", unified(held, deposit_name="홍길동").encode(charset))).status_code == 200
    await house.beat()

    assert await house.state(payment.id) == "paid"
