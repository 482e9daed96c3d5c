"""An account that was closed, and a deposit that came and went: what the notices of it do, in whatever order."""

import json
from urllib.parse import parse_qsl, urlencode

import pytest

from tests.flows.test_cases import case_of, decide
from tests.gateways.house import House
from tests.gateways.paired import paired
from tests.gateways.presses import opened, page_of


async def waiting(house):
    """Have an account issued."""
    opened = await house.checkout(method="virtual_account")
    await house.come_back(opened)
    await house.quiet()
    payment = await house.payment(opened.payment)
    assert payment.state == "awaiting_deposit"
    return payment


async def backwards(house, held):
    """Let the notices that were held arrive twice, the last first."""
    for one in (*reversed(held), *reversed(held)):
        await house.let_go([one])
    await house.live(60.0, 5.0)


@pytest.mark.parametrize("lost", [False, True])
async def test_the_news_of_our_own_closing_is_no_case_over_money_that_never_came(tmp_path, lost):
    async with paired(House(tmp_path), "welcome") as house:
        house.set(pg_notice_url=house.notice_url("pg"))
        payment = await waiting(house)
        if lost:
            house.fault("cancel", "drop_after")
        await house.call("POST", f"/v1/payments/{payment.id}/void", {"actor": "wp:7"})
        await house.live(120.0, 5.0)
        after = await house.payment(payment.id)

        assert await house.cases(payment.id, only_open=False) == []
        assert (after.state, after.orphaned, await house.entries(payment.id)) == ("voided", 0, [])
        (closing,) = [one for one in await house.operations(payment.id) if one.kind == "probe"]
        assert (closing.step, closing.evidence) == ("ok", "E7")
        assert house.shop.kinds() == ["payment.awaiting_deposit", "payment.failed"]
        await house.check_books()


async def test_a_deposit_that_went_back_before_it_was_told_pays_for_no_order(house):
    payment, held = await waiting(house), house.hold_notices()
    for deed in ("deposit", "refund"):
        getattr(house.sandbox.desks["payapp"], deed)({"merchant_ref": payment.merchant_ref})
        await house.quiet()
    await backwards(house, held)
    after = await house.payment(payment.id)

    assert (after.state, after.captured, house.book(after).net) == ("voided", 0, 0)
    assert "payment.paid" not in house.shop.kinds()
    assert await house.cases(payment.id) == ["money_on_ended_payment"], "it may have come behind the closing"
    await decide(house, await case_of(house, payment.id), "given_back")
    assert (await house.payment(payment.id)).orphaned == 0
    await house.check_books()


async def told_in_two_formats(house):
    """Pay into an account at Welcome; gives the payment, and the fields of its PC and of its unified notice."""
    house.set(pg_notice_url=house.notice_url("pg"), pc_notice_url=house.notice_url("pc"))
    payment, seen = await waiting(house), house.heard()
    house.sandbox.desks["welcome"].deposit({"merchant_ref": payment.merchant_ref})
    await house.quiet()
    pc = next(dict(parse_qsl(one.decode())) for one in seen if b"no_oid" in one)
    return payment, pc, next(json.loads(one) for one in seen if one.startswith(b"{"))


@pytest.mark.parametrize("order", [("pg", "pc"), ("pc", "pg")])
async def test_a_deposits_reversal_that_is_told_in_two_formats_is_written_once_and_no_case(tmp_path, order):
    async with paired(House(tmp_path), "welcome") as house:
        payment, pc, pg = await told_in_two_formats(house)
        gone = {"transaction_flag": "-", "cancel_ymdhms": "20261120120000", "remain_amount": "0"}
        told = {"pc": urlencode(pc | {"type_msg": "0400"}).encode(), "pg": json.dumps(pg | gone).encode()}
        for kind in (*order, *order):
            await house.post_notice_of(kind, told[kind])
        after = await house.payment(payment.id)

        assert (after.state, after.left, after.orphaned) == ("refunded", 0, 0)
        assert await house.entries(payment.id) == [("capture", 55_000, "E7"), ("external_refund", -55_000, "E7")]
        assert await house.cases(payment.id) == [], "whoever called it given back would write it once more"


@pytest.mark.parametrize("order", ["pg pc", "pc pg"])
async def test_of_two_equal_parts_that_went_back_the_second_is_a_case_though_it_is_told_without_proof_alone(
    tmp_path, order
):
    """What proved the first was taken for the proof of the second."""
    async with paired(House(tmp_path), "welcome") as house:
        payment, pc, pg = await told_in_two_formats(house)
        pg["transaction_flag"] = "-"
        gone = [
            {
                "pc": urlencode(pc | {"type_msg": "0400", "amt_input": "20000", "tm_trans": f"{at}0000"}).encode(),
                "pg": json.dumps(
                    pg | {"amount": "20000", "cancel_ymdhms": f"20261120{at}0000", "remain_amount": left}
                ).encode(),
            }
            for at, left in (("13", "35000"), ("14", "15000"))
        ]
        for kind in order.split():
            await house.post_notice_of(kind, gone[0][kind])
        assert ((await house.payment(payment.id)).left, await house.cases(payment.id)) == (35_000, [])
        await house.post_notice_of("pc", gone[1]["pc"])
        assert (await case_of(house, payment.id))["amount"] == 20_000
        await house.post_notice_of("pg", gone[1]["pg"])

        assert ((await house.payment(payment.id)).left, await house.cases(payment.id)) == (15_000, [])


async def test_money_of_another_request_that_came_and_went_neither_pays_nor_closes_the_account(house):
    """The buyer's browser made two requests: an account by the first, a card's payment by the second, cancelled."""
    checkout, payment = await opened(house, method="virtual_account")
    account, card = await page_of(house, checkout), await page_of(house, checkout, openpaytype="card")
    await house.come_back(account)
    await house.quiet()
    assert await house.state(payment.id) == "awaiting_deposit"
    held = house.hold_notices()
    await house.authenticate(card)
    await house.quiet()
    told = [(url, body, kind) for url, body, kind in held if "/script/" not in url]
    for url, body, kind in told[:1]:
        gone = dict(parse_qsl(body.decode())) | {"pay_state": "64", "canceldate": "2026-11-20 11:31:00"}
        told.append((url, urlencode(gone).encode(), kind))
    await backwards(house, told)
    after = await house.payment(payment.id)

    assert (after.state, after.captured, after.orphaned) == ("awaiting_deposit", 0, 0)
    assert len(after.requests) == 1
    assert await house.cases(payment.id, only_open=False) == []


@pytest.mark.parametrize("order", ["pg pc", "pc pg"])
async def test_found_money_that_goes_back_is_no_case_either_in_whatever_format_it_is_told_first(tmp_path, order):
    """What was told without proof stayed a case: called given back there, the order's own money left the books."""
    async with paired(House(tmp_path), "welcome") as house:
        payment, pc, pg = await told_in_two_formats(house)
        pg |= {"amount": "20000", "deposit_amount": "20000"}
        await house.post_notice_of("pg", json.dumps(pg | {"deposit_ymdhms": "20261120110000"}).encode())
        await decide(house, await case_of(house, payment.id), "money_found")
        assert (await house.payment(payment.id)).orphaned == 20_000
        gone = {"transaction_flag": "-", "cancel_ymdhms": "20261120120000", "remain_amount": "35000"}
        told = {
            "pc": urlencode(pc | {"type_msg": "0400", "amt_input": "20000"}).encode(),
            "pg": json.dumps(pg | gone).encode(),
        }
        for kind in order.split():
            await house.post_notice_of(kind, told[kind])
        after = await house.payment(payment.id)

        assert (after.left, after.orphaned, await house.cases(payment.id)) == (55_000, 0, [])
