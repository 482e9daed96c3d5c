"""Virtual accounts: issued, paid into later, and every deposit that does not fit is a person's."""

import asyncio

import pytest

from bridge.gateways.mainpay import sandbox_notices


async def waiting(world):
    """An account was issued."""
    opened = await world.checkout(method="virtual_account")
    await world.come_back(opened)
    await world.quiet()
    return opened, await world.payment(opened.payment)


def deposit(world, payment, **changes):
    """Write the fields of the deposit notice that fits."""
    till = world.sandbox.desks["mainpay"]._till
    trade = next(one for one in till.trades.values() if one.session.merchant_ref == payment.merchant_ref)
    return sandbox_notices.deposit_fields(till, trade, "1120SA000099", payment.amount, "홍길동") | changes


async def test_an_account_is_issued_and_no_money_is_recorded(any_world):
    world = any_world
    opened, payment = await waiting(world)
    await world.beat()
    status = await world.status(opened)

    assert payment.state == "awaiting_deposit"
    assert payment.account["number"] == world.book(payment).account["accountNo"]
    assert payment.expires_at > world.clock.now()
    assert await world.entries(payment.id) == []
    assert (status["state"], "result_url" in status) == ("awaiting_deposit", True)
    assert payment.account["number"] not in str(status)
    assert world.shop.kinds() == ["payment.awaiting_deposit"]
    assert world.shop.news[0]["payment"]["account"]["number"] == payment.account["number"]
    assert world.shop.news[0]["order"] == {
        "ref": payment.order_ref,
        "version": 1,
        "state": "open",
        "held_by": payment.id,
    }


async def test_a_deposit_is_paid_once_however_often_it_is_told(any_world):
    world = any_world
    world.fault("notice", "notice_thrice")
    _, payment = await waiting(world)
    world.sandbox.desks["mainpay"].deposit({"merchant_ref": payment.merchant_ref})
    await world.quiet()
    (record,) = world.book(payment).notices
    answers = [await world.post_notice(deposit(world, payment)) for _ in range(10)]

    assert record.acked
    assert {(answer.status_code, answer.text) for answer in answers} == {(200, "OK")}
    assert await world.state(payment.id) == "paid"
    assert await world.entries(payment.id) == [("capture", 55_000, "E7")]
    assert await world.told(payment.id) == ["payment.awaiting_deposit", "payment.paid"]
    assert await world.cases(payment.id) == []
    await world.check_books()


async def test_an_account_whose_answer_was_lost_and_that_was_paid_into_is_a_persons(any_world):
    """The guide's cancel fails (3001) for an account that holds money as for one that never was: it proves nothing."""
    world = any_world
    world.fault("pay", "drop_after")
    world.fault("net_cancel", "5xx_before", times=2)
    world.fault("cancel", "5xx_before", times=2)
    opened = await world.checkout(method="virtual_account")
    await world.come_back(opened)
    await world.quiet()
    payment = await world.payment(opened.payment)
    world.sandbox.desks["mainpay"].deposit({"merchant_ref": payment.merchant_ref})
    await world.live(1_300, step=10)

    assert await world.state(payment.id) == "needs_human"
    assert set(await world.cases(payment.id)) == {"unexpected_deposit", "unknown_outcome"}
    assert world.book(payment).net == 55_000
    assert "payment.failed" not in await world.told(payment.id)


async def test_ten_copies_of_a_deposit_at_once_are_one_payment(world):
    _, payment = await waiting(world)
    fields = deposit(world, payment)
    answers = await asyncio.gather(*(world.post_notice(fields) for _ in range(10)))

    assert {answer.text for answer in answers} == {"OK"}
    assert await world.entries(payment.id) == [("capture", 55_000, "E7")]


@pytest.mark.parametrize(
    "changes",
    [{"AMT": "54999"}, {"AMT": "550000"}, {"ACCOUNTNO": "00000000000001"}, {"ACCOUNTNO": ""}],
    ids=["less", "more", "another account", "no account"],
)
async def test_a_deposit_that_does_not_fit_is_a_persons_and_pays_nothing(any_world, changes):
    world = any_world
    _, payment = await waiting(world)
    answer = await world.post_notice(deposit(world, payment, **changes))

    assert answer.status_code == 200, "it is about a payment of ours, and kept"
    assert await world.state(payment.id) == "awaiting_deposit"
    assert await world.entries(payment.id) == []
    assert await world.cases(payment.id) == ["unexpected_deposit"]

    right = await world.post_notice(deposit(world, payment))
    assert right.text == "OK"
    assert await world.state(payment.id) == "paid", "the right one at the same second still counts"


async def test_a_deposit_that_failed_pays_nothing_and_hides_none_that_follows(world):
    _, payment = await waiting(world)
    await world.post_notice(deposit(world, payment, REPLYCODE="9999"))
    assert await world.state(payment.id) == "awaiting_deposit"
    await world.post_notice(deposit(world, payment))

    assert await world.state(payment.id) == "paid"


async def test_a_deposit_told_from_another_address_is_kept_and_moves_nothing(world):
    _, payment = await waiting(world)
    world.notice_address = "192.0.2.66"
    answer = await world.post_notice(deposit(world, payment))
    assert answer.status_code == 404
    assert await world.state(payment.id) == "awaiting_deposit"
    assert [row["state"] for row in await world.all("SELECT state FROM notices")] == ["strange"]

    world.notice_address = "211.43.193.87"
    assert (await world.post_notice(deposit(world, payment))).text == "OK"
    assert await world.state(payment.id) == "paid", "the forgery did not use up the real one"


async def test_a_deposit_told_before_the_account_was_stored_counts_afterwards(world):
    """The notice overtakes the answer to pay."""
    world.sandbox.latency_seconds["mainpay", "pay"] = 5.0
    opened = await world.checkout(method="virtual_account")
    coming = await world.authenticate(opened)
    returning = asyncio.ensure_future(world.go(coming))
    while not world.net.calls("/pay"):
        await asyncio.sleep(0.001)
    payment = await world.payment(opened.payment)
    number = f"{0:014d}"
    early = {"TRGUBUN": "V2", "STOREID": "100011", "ORDNO": payment.merchant_ref, "REF_NO": "1120SA000001",
             "TRDATE": "20261120", "TRTIME": "113000", "ACCOUNTNO": number, "RCPTNAME": "홍길동", "AMT": "55000",
             "BANK_CODE": "04", "REPLYCODE": "0000"}  # fmt: skip
    world.sandbox.desks["mainpay"]._till.world.random.randrange = lambda *_: 0
    answer = await world.post_notice(early)
    assert answer.text == "OK"
    assert await world.state(payment.id) == "approving"
    await world.clock.forward(6)
    await returning
    await world.quiet()
    assert (await world.payment(payment.id)).account["number"] == number
    await world.beat(0)

    assert await world.state(payment.id) == "paid"
    assert await world.told(payment.id) == ["payment.awaiting_deposit", "payment.paid"]


async def test_a_deposit_after_the_account_ran_out_is_a_persons_case(any_world):
    world = any_world
    _, payment = await waiting(world)
    await world.live(6 * 86_400, step=43_200)
    assert await world.state(payment.id) == "expired"
    assert await world.told(payment.id) == ["payment.awaiting_deposit", "payment.failed"]
    world.sandbox.desks["mainpay"].deposit({"merchant_ref": payment.merchant_ref, "late": True})
    await world.quiet()

    assert await world.state(payment.id) == "expired", "what ended never changes"
    assert await world.cases(payment.id) == ["unexpected_deposit"]
    assert (await world.payment(payment.id)).captured == 0


async def test_an_account_does_not_run_out_before_its_last_day_is_over(any_world):
    world = any_world
    _, payment = await waiting(world)
    await world.live(3 * 86_400, step=21_600)
    assert await world.state(payment.id) == "awaiting_deposit"
    world.sandbox.desks["mainpay"].deposit({"merchant_ref": payment.merchant_ref})
    await world.quiet()

    assert await world.state(payment.id) == "paid"


async def test_an_order_that_waits_for_a_deposit_is_not_paid_twice(world):
    order = world.order()
    opened = await world.checkout(order, method="virtual_account")
    await world.come_back(opened)
    await world.quiet()
    answer = await world.post_checkout(world.token(order))

    assert (answer.status_code, answer.json()["state"]) == (200, "awaiting_deposit")


async def test_an_account_whose_answer_was_lost_is_closed_again(world):
    world.fault("pay", "drop_after")
    opened = await world.checkout(method="virtual_account")
    await world.come_back(opened)
    await world.quiet()
    await world.live(30)
    till = world.sandbox.desks["mainpay"]._till

    assert await world.state(opened.payment) == "voided"
    assert [trade.closed for trade in till.trades.values()] == [True]
    await world.check_books()


async def test_a_deposit_is_given_back_by_hand(world):
    _, payment = await waiting(world)
    await world.post_notice(deposit(world, payment))
    shown = (await world.call("GET", f"/v1/payments/{payment.id}")).json()
    answer = await world.refund(payment.id)

    assert shown["allowed"]["refund"] == "by_hand"
    assert (answer.status_code, answer.json()["code"]) == (422, "refund_refused")
    assert "계좌" in answer.json()["for_clerk"]
