"""A buyer pays: once, whatever the browser does.

Of bridge.flows.approve.
"""

import asyncio

import pytest
from httpx2 import URL

from bridge.sandbox.local import ask
from tests.support.world import SHOP_URL, Coming


async def test_a_buyer_pays_and_the_shop_hears_it_once(any_world):
    world = any_world
    opened = await world.checkout()
    landed = await world.come_back(opened)
    await world.beat()
    payment = await world.payment(opened.payment)

    assert landed.status_code == 303
    assert URL(landed.headers["location"]).copy_with(query=None) == URL(f"{SHOP_URL}/result")
    assert payment.state == "paid"
    assert world.book(payment).net == 55_000
    assert await world.entries(payment.id) == [("capture", 55_000, "E1")]
    (paid,) = await world.all("SELECT actor FROM audit WHERE payment = ? AND event = 'payment.paid'", payment.id)
    assert paid["actor"] == "gateway", "the buyer asked for it, and the gateway took it"
    assert world.shop.kinds() == ["payment.paid"]
    news = world.shop.news[0]
    assert news["order"] == {"ref": payment.order_ref, "version": 1, "state": "paid", "paid_by": payment.id}
    assert (news["payment"]["state"], news["payment"]["amount"], news["seq"]) == ("paid", 55_000, 1)
    await world.check_books()


async def test_an_intent_is_on_disk_before_the_first_byte_leaves(any_world):
    world = any_world
    seen = []

    def on_send(sent):
        if sent.moves_money:
            seen.append(world.look_from_outside("SELECT kind FROM operations WHERE state = 'sent'"))

    world.net.on_send = on_send
    payment = await world.buy()
    await world.refund(payment.id, 5_000)
    await world.quiet()

    assert seen == [[("approve",)], [("refund",)]]


async def test_reloading_the_return_three_times_calls_the_gateway_no_more(any_world):
    world = any_world
    opened = await world.checkout()
    coming = await world.authenticate(opened)
    first = await world.go(coming)
    await world.quiet()
    sent = len(world.net.calls("/pay"))
    pages = [await world.go(coming) for _ in range(3)]
    await world.quiet()

    assert sent == 1
    assert len(world.net.calls("/pay")) == 1
    assert {page.headers["location"] for page in pages} == {first.headers["location"]}
    assert "pay_bridge_result" not in first.headers["location"]
    assert await world.told(opened.payment) == ["payment.paid"]


async def test_two_returns_at_once_are_one_approval(any_world):
    world = any_world
    opened = await world.checkout()
    coming = await world.authenticate(opened)
    pages = await asyncio.gather(*(world.go(coming) for _ in range(8)))
    await world.quiet()

    assert {page.status_code for page in pages} == {303}
    assert len({page.headers["location"] for page in pages}) == 1
    assert world.book(await world.payment(opened.payment)).calls["pay"] == 1
    assert await world.told(opened.payment) == ["payment.paid"]


@pytest.mark.parametrize("code", ["2001", "2002", "2003"])
async def test_a_listed_decline_ends_the_payment_with_the_gateways_own_words(any_world, code):
    world = any_world
    world.fault("pay", "decline", code=code, message="카드 한도를 초과했습니다")
    opened = await world.checkout()
    landed = await world.come_back(opened)
    await world.beat()
    status = await world.status(opened)

    assert landed.headers["location"].startswith(f"{SHOP_URL}/order?")
    assert "pay_bridge_result=declined" in landed.headers["location"]
    assert status["state"] == "declined"
    assert status["gateway_message"] == "카드 한도를 초과했습니다"
    assert world.shop.kinds() == ["payment.failed"]
    assert world.shop.news[0]["order"]["state"] == "failed"
    assert [str(one.evidence) for one in await world.operations(opened.payment)] == ["E2"]
    assert not world.net.calls("net-cancel")
    await world.check_books()


async def test_a_declined_buyer_pays_with_another_card_by_the_same_token(any_world):
    world = any_world
    world.fault("pay", "decline", code="2002")
    order = world.order()
    token = world.token(order)
    first = await world.checkout(token=token)
    await world.come_back(first)
    second = await world.checkout(token=token)
    await world.come_back(second)
    await world.quiet()

    assert second.payment != first.payment
    assert await world.state(first.payment) == "declined"
    assert await world.state(second.payment) == "paid"
    await world.check_books()


async def test_an_unlisted_refusal_ends_at_once_once_net_cancel_finds_nothing(world):
    world.fault("pay", "decline", code="51", message="잔액 부족")
    opened = await world.checkout()
    landed = await world.come_back(opened)
    await world.quiet()
    done = await world.operations(opened.payment)
    (approve,) = [one for one in done if one.kind == "approve"]
    undo = min((one for one in done if one.kind == "undo"), key=lambda one: one.step == "unknown")

    assert "pay_bridge_result=declined" in landed.headers["location"]
    assert await world.state(opened.payment) == "declined"
    assert (approve.step, approve.evidence, approve.code) == ("fail", "E10", "51")
    assert (undo.kind, undo.step) == ("undo", "ok")
    assert (await world.status(opened))["gateway_message"] == "잔액 부족"
    await world.check_books()

    await world.live(240, step=20)
    undos = [one for one in await world.operations(opened.payment) if one.kind == "undo"]
    assert [one.step for one in undos] == ["ok", "ok"], "net-cancel is asked once more after the quiet period"
    assert await world.cases(opened.payment) == []
    assert await world.told(opened.payment) == ["payment.confirming", "payment.failed"]


@pytest.mark.parametrize("notices", [True, False])
async def test_money_found_after_a_decline_by_refusal_is_a_persons_case(world, notices):
    """A pay that lay in the network is done after net-cancel said there was nothing."""
    world.sandbox_setting(net_cancel_blocks=False, card_notices=notices)
    world.fault("pay", "decline", code="51", message="잔액 부족")
    opened = await world.checkout()
    await world.come_back(opened)
    await world.quiet()
    assert await world.state(opened.payment) == "declined"
    (pay,) = world.net.calls("/pay")
    late = await ask(world.sandbox_app, "POST", pay.url, pay.body)
    assert b'"resultCode":"200"' in late.body
    await world.live(240, step=20)

    payment = await world.payment(opened.payment)
    assert payment.state == "declined"
    assert world.book(payment).net == 0
    assert await world.cases(payment.id) == ["money_on_ended_payment"]


async def test_a_buyer_who_closes_the_window_is_not_charged_and_may_still_pay(any_world):
    world = any_world
    opened = await world.checkout()
    closed = await world.press(opened.window_url, action="close")
    page = await world.go(Coming("GET", closed.headers["location"], {}))
    status = await world.status(opened)

    assert "pay_bridge_result=closed" in page.headers["location"]
    assert (status["state"], status["closed"]) == ("open", "true")
    assert await world.told(opened.payment) == []

    await world.come_back(opened)
    await world.quiet()
    assert await world.state(opened.payment) == "paid"
    await world.check_books()


async def test_closing_the_window_while_the_approval_runs_loses_no_payment(world):
    """The popup's closing reaches the bridge while the gateway is still answering."""
    world.sandbox.latency_seconds["mainpay", "pay"] = 3.0
    opened = await world.checkout()
    closed = await world.press(opened.window_url, action="nothing")
    assert closed.status == 200
    coming = await world.authenticate(opened)
    returning = asyncio.ensure_future(world.go(coming))
    while not world.net.calls("/pay"):
        await asyncio.sleep(0.001)
    close_url = coming.url.partition("?")[0]
    token = world.context.tokens.make("close", world.site.id, opened.payment)
    page = await world.go(Coming("GET", f"{close_url.rpartition('/')[0]}/{token}/close", {}))
    await world.clock.forward(4)
    await returning
    await world.quiet()

    assert "pay_bridge_result" not in page.headers["location"]
    assert await world.state(opened.payment) == "paid"
    assert world.book(await world.payment(opened.payment)).calls["pay"] == 1
    await world.check_books()


async def test_a_return_after_the_time_is_over_approves_nothing(any_world):
    world = any_world
    opened = await world.checkout()
    coming = await world.authenticate(opened)
    await world.clock.forward(901)
    page = await world.go(coming)
    await world.beat()

    assert "pay_bridge_result=expired" in page.headers["location"]
    assert await world.state(opened.payment) == "expired"
    assert not world.net.calls("/pay")
    assert world.shop.kinds() == ["payment.failed"]
    await world.check_books()


async def test_an_authentication_that_failed_leads_back_and_leaves_the_window_open(guide_world):
    world = guide_world
    opened = await world.checkout()
    page = await world.come_back(opened, action="fail")

    assert "pay_bridge_result=declined" in page.headers["location"]
    assert await world.state(opened.payment) == "open"
    assert not world.net.calls("/pay")


async def test_a_second_tab_is_led_to_the_payment_that_holds_the_money(any_world):
    """Both tabs went through their windows; the first is approved, the second must not be, nor be told it failed."""
    world = any_world
    order = world.order()
    first = await world.checkout(order)
    second = await world.checkout(order)
    coming = await world.authenticate(second)
    await world.come_back(first)
    await world.quiet()
    page = await world.go(coming)
    await world.quiet()

    assert first.payment != second.payment
    assert len(world.net.calls("/pay")) == 1
    assert page.headers["location"].startswith(f"{SHOP_URL}/result?")
    assert f"pay_bridge={first.payment}" in page.headers["location"]
    assert "pay_bridge_result" not in page.headers["location"]
    assert await world.state(second.payment) == "open"
    await world.check_books()


async def test_a_second_tab_hears_no_failure_while_the_first_is_unknown(world):
    order = world.order()
    first = await world.checkout(order)
    second = await world.checkout(order)
    coming = await world.authenticate(second)
    world.fault("pay", "drop_after")
    world.fault("net_cancel", "drop_before", times=None)
    await world.come_back(first)
    await world.quiet()
    page = await world.go(coming)

    assert await world.state(first.payment) == "voiding"
    assert len(world.net.calls("/pay")) == 1
    assert page.headers["location"].startswith(f"{SHOP_URL}/result?")
    assert f"pay_bridge={first.payment}" in page.headers["location"]
    assert "pay_bridge_result" not in page.headers["location"]
    assert (await world.status(first))["state"] == "voiding"


async def test_a_paid_order_leads_to_its_result_and_to_no_second_payment(any_world):
    world = any_world
    order = world.order()
    payment = await world.buy(order)
    answer = await world.post_checkout(world.token(order))

    assert answer.status_code == 200
    assert (answer.json()["payment"], answer.json()["state"]) == (payment.id, "paid")
    assert answer.json()["result_url"].startswith(order["result_url"])
    assert len(await world.all("SELECT id FROM payments")) == 1


async def test_a_refunded_order_is_not_paid_again(any_world):
    world = any_world
    order = world.order()
    payment = await world.buy(order)
    await world.refund(payment.id)
    answer = await world.post_checkout(world.token(order))

    assert answer.json()["state"] == "refunded"
    assert len(await world.all("SELECT id FROM payments")) == 1


async def test_an_amount_other_than_asked_is_taken_back_and_a_person_told(any_world):
    world = any_world
    world.fault("pay", "wrong_amount")
    opened = await world.checkout()
    await world.come_back(opened)
    await world.quiet()
    await world.live(60)
    payment = await world.payment(opened.payment)

    assert payment.state == "voided"
    assert world.book(payment).captured == 56_000
    assert world.book(payment).net == 0
    assert sorted(await world.entries(payment.id)) == [("capture", 56_000, "E1"), ("undo", -56_000, "E6")]
    assert await world.cases(payment.id) == ["amount_mismatch"]
    assert "payment.paid" not in await world.told(payment.id)
    assert await world.told(payment.id) == ["payment.failed"]
    await world.check_books()


async def test_a_gateway_that_cannot_be_reached_leaves_the_window_open(world):
    opened = await world.checkout()
    coming = await world.authenticate(opened)
    world.net.down.add("http://sandbox.test:80")
    page = await world.go(coming)
    await world.quiet()

    assert page.status_code == 303
    assert await world.state(opened.payment) == "open"
    (operation,) = await world.operations(opened.payment)
    assert (operation.step, operation.evidence) == ("not_sent", "E3")

    world.net.down.clear()
    await world.go(coming)
    await world.quiet()
    assert await world.state(opened.payment) == "paid"
    await world.check_books()


@pytest.mark.parametrize("base64", [True, False])
async def test_a_phones_return_is_paid_however_its_merchant_data_comes_back(world, base64):
    world.sandbox_setting(mobile_merchant_data_base64=base64)
    payment = await world.buy(device="mobile")
    sent = world.net.calls("/v1/payment/pay")

    assert (payment.state, world.book(payment).net, len(sent)) == ("paid", 55_000, 1)
    assert f"merchantData={payment.merchant_ref}".encode() in sent[0].body
    await world.check_books()


async def test_a_phones_lost_approval_is_taken_back_with_the_same_merchant_data(world):
    world.sandbox_setting(mobile_merchant_data_base64=True)
    world.fault("pay", "drop_after")
    opened = await world.checkout(world.order(), device="mobile")
    await world.come_back(opened)
    await world.live(60)

    assert await world.state(opened.payment) == "voided"
    assert world.book(await world.payment(opened.payment)).refunds[0].by == "net_cancel"
