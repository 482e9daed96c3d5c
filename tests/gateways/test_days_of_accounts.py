"""Until when an account is paid into: the day the gateway names, the one it was asked for, or one that cannot be."""

from datetime import datetime, timedelta

import pytest

from bridge.domain.exchange import KST
from bridge.gateways.mainpay import sandbox_live

DAY = 86_400


def closing(monkeypatch, day):
    """Let Mainpay's answers name this day as an account's last; None names none."""
    whole = sandbox_live.receipt

    def receipt(till, trade):
        told = {name: value for name, value in whole(till, trade).items() if name != "accountCloseDate"}
        return told if day is None else told | {"accountCloseDate": day}

    monkeypatch.setattr(sandbox_live, "receipt", receipt)


async def days_pass(world, days):
    for _ in range(days):
        await world.clock.forward(DAY)
        await world.beat()


async def deposit(world, payment):
    world.sandbox.desks[payment.gateway].deposit({"merchant_ref": payment.merchant_ref, "late": True})
    await world.quiet()
    await world.live(60.0)


async def by_window(world):
    opened = await world.checkout(method="virtual_account")
    await world.come_back(opened)
    await world.quiet()
    return await world.payment(opened.payment)


async def test_an_account_whose_answer_names_no_day_ends_with_the_day_it_was_asked_for(world, monkeypatch):
    closing(monkeypatch, None)
    world.sandbox_setting(deposit_notice_url=f"https://pay.test{world.notice_path('vacct')}")
    due = world.clock.now() + timedelta(days=20)
    body = {"order": world.order(), "bank": "04", "due": world.hold(20 * DAY), "actor": "buyer"}
    answer = await world.call("POST", "/v1/accounts", body)
    payment = await world.payment(answer.json()["id"])
    ends = datetime.fromisoformat(payment.account["due"])
    assert ends == payment.expires_at == due.astimezone(KST).replace(hour=23, minute=59, second=59, microsecond=0)
    await days_pass(world, 19)
    assert await world.state(payment.id) == "awaiting_deposit"
    await deposit(world, payment)

    assert await world.state(payment.id) == "paid"
    assert await world.cases(payment.id) == []


@pytest.mark.parametrize("day", ["991231", "20991231", "99991231"])
async def test_an_account_that_ends_never_waits_on(world, monkeypatch, day):
    closing(monkeypatch, day)
    payment = await by_window(world)
    await days_pass(world, 3)
    assert (await world.state(payment.id), payment.account["due"][2:10]) == ("awaiting_deposit", "99-12-31")
    await deposit(world, payment)

    assert await world.state(payment.id) == "paid"


@pytest.mark.parametrize("day", ["000000", "000101", "700101", "20000101", "0", "2026-12-31", "２６１２３１"])
async def test_an_account_that_ended_before_it_was_issued_or_on_no_day_waits_for_a_week(world, monkeypatch, day):
    closing(monkeypatch, day)
    payment = await by_window(world)
    await days_pass(world, 3)
    assert await world.state(payment.id) == "awaiting_deposit"
    await deposit(world, payment)

    assert await world.state(payment.id) == "paid"
