"""Sequences of events that would end with money at the gateway and nobody knowing."""

import asyncio
import json
from datetime import timedelta

import pytest
from starlette.responses import Response

from bridge.flows.heartbeat import beat
from bridge.flows.record import Recorder
from bridge.flows.recover import _take_over
from bridge.gateways.mainpay import sandbox_notices
from tests.support.world import SANDBOX


def gateway_says(world, path_end, *answers):
    """Let the gateway answer calls to that path itself with these codes (None: let it through), the last for ever."""
    inner, left = world.net.apps[f"{SANDBOX}:80"], list(answers)

    async def app(scope, receive, send):
        if scope["type"] != "http" or not scope["path"].endswith(path_end):
            await inner(scope, receive, send)
            return
        answer = left.pop(0) if len(left) > 1 else left[0]
        if answer is None:
            await inner(scope, receive, send)
            return
        body = answer if isinstance(answer, str) else json.dumps({"resultCode": answer[0], "resultMessage": answer[1]})
        await Response(body, media_type="application/json")(scope, receive, send)

    world.net.apps[f"{SANDBOX}:80"] = app


def card_notice(payment, cmd, ref_no, amount, **changes):
    return {
        "cmd": cmd, "mbrNo": "100011", "mbrRefNo": payment.merchant_ref, "refNo": ref_no, "amount": str(amount),
        "tranDate": "261120", "tranTime": "113000",
    } | changes  # fmt: skip


async def test_a_clock_that_jumps_while_an_approval_is_under_way_does_not_lose_its_answer(world):
    """The wall clock is corrected while pay is in the network; net-cancel finds nothing; then money moves."""
    world.sandbox_setting(net_cancel_blocks=False)
    world.fault("pay", "late", delay_seconds=30.0)
    opened = await world.checkout()
    coming = await world.authenticate(opened)
    returning = asyncio.ensure_future(world.go(coming))
    while not world.net.calls("/pay"):
        await asyncio.sleep(0.001)
    world.clock.at += timedelta(seconds=200)
    for _ in range(2):
        await beat(world.context, 0)
        await asyncio.sleep(0.1)
    assert not world.net.calls("/net-cancel"), "our own approval is alive; nobody may take it over"
    await world.clock.forward(40)
    await returning
    await world.quiet()
    await world.live(20)
    payment = await world.payment(opened.payment)

    assert payment.state == "paid"
    assert world.book(payment).net == 55_000
    await world.check_books()


async def test_nothing_there_is_no_proof_for_money_the_gateway_said_it_took(world):
    """pay answers "200" with another amount; net-cancel, signed with the amount asked, finds nothing."""
    world.fault("pay", "wrong_amount")
    gateway_says(world, "/net-cancel", ("404", "없음"))
    payment = await world.buy()
    await world.live(300, step=10)
    payment = await world.payment(payment.id)

    assert world.book(payment).net != 0
    assert payment.state == "needs_human"
    assert "payment.failed" not in await world.told(payment.id)
    assert set(await world.cases(payment.id)) == {"amount_mismatch", "unknown_outcome"}


async def test_nothing_there_is_no_proof_once_the_gateway_said_too_late(world):
    """Too late says that there is a payment. That the gateway forgets its window later proves nothing."""
    world.fault("pay", "drop_after")
    gateway_says(world, "/net-cancel", ("3003", "취소 가능 기간 초과"), ("404", "없음"))
    payment = await world.buy()
    await world.live(1_500, step=20)
    payment = await world.payment(payment.id)

    assert world.book(payment).net == 55_000
    assert payment.state == "needs_human"
    assert await world.cases(payment.id) == ["unknown_outcome"]
    assert "payment.failed" not in await world.told(payment.id)


async def test_a_second_deposit_into_an_account_is_a_persons_case(any_world):
    world = any_world
    opened = await world.checkout(method="virtual_account")
    await world.come_back(opened)
    await world.quiet()
    payment = await world.payment(opened.payment)
    till = world.sandbox.desks["mainpay"]._till
    trade = next(one for one in till.trades.values() if one.session.merchant_ref == payment.merchant_ref)
    first = sandbox_notices.deposit_fields(till, trade, "1120SA000098", payment.amount, "홍길동")
    await world.post_notice(first)
    assert await world.state(payment.id) == "paid"
    await world.clock.forward(60)
    second = sandbox_notices.deposit_fields(till, trade, "1120SA000099", payment.amount, "홍길동")
    answer = await world.post_notice(second)

    assert answer.text == "OK"
    assert await world.entries(payment.id) == [("capture", 55_000, "E7")]
    assert await world.cases(payment.id) == ["unexpected_deposit"]


async def test_an_approval_told_before_a_decline_is_a_persons_case_as_after_it(world):
    """The same contradiction, in the other order: the notice overtakes the answer "declined"."""
    world.sandbox.latency_seconds["mainpay", "pay"] = 5.0
    world.fault("pay", "decline", code="2002")
    opened = await world.checkout()
    coming = await world.authenticate(opened)
    returning = asyncio.ensure_future(world.go(coming))
    while not world.net.calls("/pay"):
        await asyncio.sleep(0.001)
    payment = await world.payment(opened.payment)
    assert payment.state == "approving"
    answer = await world.post_notice(card_notice(payment, "0", "1120SA000001", 55_000))
    assert answer.status_code == 200
    await world.clock.forward(6)
    await returning
    await world.quiet()
    await world.live(40)

    assert await world.state(payment.id) == "declined"
    assert await world.cases(payment.id) == ["money_on_ended_payment"]


async def test_an_approval_told_before_our_answer_is_no_case_when_it_was_paid(world):
    world.sandbox.latency_seconds["mainpay", "pay"] = 5.0
    opened = await world.checkout()
    coming = await world.authenticate(opened)
    returning = asyncio.ensure_future(world.go(coming))
    while not world.net.calls("/pay"):
        await asyncio.sleep(0.001)
    payment = await world.payment(opened.payment)
    await world.post_notice(card_notice(payment, "0", "1120SA000001", 55_000))
    await world.clock.forward(6)
    await returning
    await world.quiet()
    await world.live(40)

    assert await world.state(payment.id) == "paid"
    assert await world.cases(payment.id) == []
    assert {row["state"] for row in await world.all("SELECT state FROM notices")} == {"done"}


async def test_an_approval_told_of_a_window_we_never_approved_is_a_persons_case(world):
    opened = await world.checkout()
    payment = await world.payment(opened.payment)
    await world.post_notice(card_notice(payment, "0", "1120SA000001", 55_000))

    assert await world.state(payment.id) == "open"
    assert await world.entries(payment.id) == []
    assert await world.cases(payment.id) == ["money_on_ended_payment"]


async def test_a_cancel_told_of_one_refund_does_not_settle_another(world):
    """Refund A was refused, B of the same amount has no answer: A's late notice says nothing about B."""
    payment = await world.buy()
    world.fault("part_cancel", "decline", code="3001")
    first = await world.refund(payment.id, 10_000)
    assert first.json()["state"] == "refused"
    world.fault("part_cancel", "drop_before")
    second = await world.refund(payment.id, 10_000)
    await world.quiet()
    await world.live(10)
    refunds = {one.id: one for one in await world.operations(payment.id)}
    mine, other = refunds[first.json()["id"]], refunds[second.json()["id"]]
    assert (mine.step, other.step) == ("fail", "needs_human")
    await world.post_notice(card_notice(payment, "2", "1120SA000077", 10_000, mbrRefNo=mine.ref))

    steps = {one.ref: one.step for one in await world.operations(payment.id)}
    assert steps[other.ref] == "needs_human"
    assert "external_cancel" in await world.cases(payment.id)


@pytest.mark.parametrize("message", ["\\ud800", "\\u0000"], ids=["half a surrogate", "nul"])
async def test_an_answer_with_broken_characters_is_not_lost(world, message):
    """A gateway cuts its message in the middle of a character: the decline is still a decline."""
    gateway_says(world, "/pay", '{"resultCode":"2001","resultMessage":"잔액 부족' + message + '"}')
    opened = await world.checkout()
    await world.come_back(opened)
    await world.quiet()

    assert await world.state(opened.payment) == "declined"


async def test_a_refund_answered_with_broken_characters_is_not_lost(world):
    payment = await world.buy()
    gateway_says(world, "/part-cancel", '{"resultCode":"3001","resultMessage":"취소 실패\\ud83d"}')
    answer = await world.refund(payment.id, 1_000)

    assert answer.json()["state"] == "refused"


@pytest.mark.parametrize(
    "amount", ["0", "-1", "1e3", "10000000000000000000000", '"１０００"', "null", "true", "55000.0"]
)
async def test_an_approval_with_an_amount_that_is_none_is_unknown_at_once_and_taken_back(world, amount):
    opened = await world.checkout()
    payment = await world.payment(opened.payment)
    gateway_says(
        world, "/pay",
        '{"resultCode":"200","resultMessage":"","data":{"refNo":"1120SA000001","tranDate":"261120",'
        f'"mbrRefNo":"{payment.merchant_ref}","amount":{amount}}}}}',
    )  # fmt: skip
    coming = await world.authenticate(opened)
    await world.go(coming)
    await world.quiet()
    assert await world.state(opened.payment) in ("unknown", "voiding")
    assert world.net.calls("/net-cancel"), "taken back at once, not after a minute and a half"
    await world.check_nobody_hears_failed(opened, coming)


async def test_a_date_header_from_nowhere_does_not_cost_the_answer(world):
    inner = world.net.apps[f"{SANDBOX}:80"]

    async def app(scope, receive, send):
        async def spoiled(message):
            if message["type"] == "http.response.start" and scope["path"].endswith("/pay"):
                kept = [(name, value) for name, value in message["headers"] if name != b"date"]
                message = {**message, "headers": [*kept, (b"date", b"Mon, 01 Jan 2024 00:00:00 +99999999999999999999")]}
            await send(message)

        await inner(scope, receive, spoiled)

    world.net.apps[f"{SANDBOX}:80"] = app
    payment = await world.buy()

    assert payment.state == "paid"


async def test_nothing_there_is_no_proof_once_a_notice_told_of_the_approval(world):
    """The answer is lost, the notice says approved, net-cancel says 404: somebody must look."""
    world.fault("pay", "drop_after")
    gateway_says(world, "/net-cancel", ("404", "없음"))
    payment = await world.buy()
    await world.post_notice(card_notice(payment, "0", "1120SA000001", 55_000))
    await world.live(400, step=10)
    payment = await world.payment(payment.id)

    assert world.book(payment).net == 55_000
    assert payment.state == "needs_human"
    assert await world.cases(payment.id) == ["unknown_outcome"]


async def test_an_answer_that_comes_after_its_approval_was_taken_over_is_not_thrown_away(world):
    """Should another process ever take the approval over while its call is under way."""
    world.sandbox.latency_seconds["mainpay", "pay"] = 5.0
    opened = await world.checkout()
    coming = await world.authenticate(opened)
    returning = asyncio.ensure_future(world.go(coming))
    while not world.net.calls("/pay"):
        await asyncio.sleep(0.001)
    operation = (await world.operations(opened.payment))[0]
    recorder = Recorder.now(world.context, world.context.sites.get(world.site.id))
    await world.context.ledger.write(lambda turn: _take_over(turn, recorder, operation))
    await world.clock.forward(6)
    await returning
    await world.quiet()

    assert await world.cases(opened.payment) == ["money_on_ended_payment"]
    assert "pay" in await world.calls(opened.payment)
    await world.live(20)
    assert world.book(await world.payment(opened.payment)).net == 0
    await world.check_books()
