"""Mainpay's direct API over the real flows: typed cards, keys, accounts without a window, transfers, receipts."""

import asyncio
import json
from datetime import timedelta
from urllib.parse import parse_qs

import pytest

from bridge.domain.payment import Account
from bridge.flows.refund import RefundWish, once_of_command, refund
from bridge.gateways.mainpay import sandbox_accounts, sandbox_direct
from bridge.sandbox.local import ask
from tests.support.world import GATEWAY_ADDRESS, SANDBOX

CARD = {"number": "4111111111111111", "expires": "3012", "holder": "900101", "password": "12"}
CUSTOMER = "customer-1"
PHONE = "01012345678"
TO = Account("088", "110-123-456789", "김예매")


@pytest.fixture
async def typed(world):
    """A site that switched typed cards on, at a Mainpay whose transfers are made by the control page alone."""
    world.site = await world.pair("http://typed-shop.test", card_entry="on")
    world.net.apps["http://typed-shop.test:80"] = world.shop.app()
    world.sandbox_setting(transfer_seconds=0)
    return world


async def pay_typed(world, once="", **card):
    body = {"order": world.order(), "card": CARD | card, "actor": "wp:7"}
    return await world.call("POST", "/v1/card-payments", body, key=once)


async def issue_key(world, **card):
    wish = {
        "customer": CUSTOMER,
        "title": "정기 후원",
        "buyer": {"name": "홍길동", "phone": "010-1234-5678"},
        "result_url": f"{world.site.url}/my-cards",
        "actor": "buyer",
        "card": CARD | card,
    }
    return await world.call("POST", "/v1/billing-keys", wish)


async def charge(world, key, order=None, **more):
    body = {"customer": CUSTOMER, "order": order or world.order(), "actor": "wp:7"} | more
    return await world.call("POST", f"/v1/billing-keys/{key}/charges", body)


async def issue_account(world):
    body = {"order": world.order(), "bank": "04", "due": world.hold(3 * 86_400), "actor": "buyer"}
    answer = await world.call("POST", "/v1/accounts", body)
    assert (answer.status_code, answer.json()["state"]) == (201, "awaiting_deposit"), answer.text
    return await world.payment(answer.json()["id"])


async def deposited(world):
    world.sandbox_setting(deposit_notice_url=f"https://pay.test{world.notice_path('vacct')}")
    payment = await issue_account(world)
    await control(world, "deposit", merchant_ref=payment.merchant_ref, payer="홍길동")
    await world.quiet()
    assert await world.state(payment.id) == "paid"
    return await world.payment(payment.id)


async def control(world, path, **values):
    heard = await ask(
        world.sandbox_app, "POST", f"{SANDBOX}/control/{path}", json.dumps(values).encode(), "application/json"
    )
    assert heard.status == 200, heard.body
    return json.loads(heard.body)


async def transfer(world, payment, amount=None, key="ab"):
    site = world.context.sites.get(payment.site)
    wish = RefundWish(payment.id, amount, "공연 취소", "operator:haneul", capped=False, account=TO)
    return await refund(world.context, site, wish, once_of_command(world.context, key * 16, "digest"))


async def test_a_typed_card_is_charged_once_and_refunded_in_parts(typed):
    world = typed
    paid = await pay_typed(world, once="ab" * 16)
    again = await pay_typed(world, once="ab" * 16)
    payment = await world.payment(paid.json()["id"])

    assert (paid.status_code, paid.json()["state"], payment.card["number"]) == (201, "paid", "4111-11**-****-1111")
    assert again.json().get("id", payment.id) == payment.id
    assert world.book(payment).net == 55_000
    assert (await world.refund(payment.id, 5_000)).status_code == 200
    assert (await world.refund(payment.id)).status_code == 200
    assert world.book(payment).net == 0
    await world.check_books()


async def test_a_wrong_number_and_a_card_that_ran_out_are_declined_in_the_gateways_words(typed):
    wrong = await pay_typed(typed, number="4111111111111112")
    old = await pay_typed(typed, expires="2610")

    assert [answer.json()["state"] for answer in (wrong, old)] == ["declined", "declined"]
    assert "카드번호 오류" in (await typed.payment(wrong.json()["id"])).message
    assert "유효기간 경과" in (await typed.payment(old.json()["id"])).message
    assert typed.sandbox.bank.as_json()["totals"]["captured"] == 0


@pytest.mark.parametrize("kind", ["drop_after", "5xx_after", "garbage_after", "cross_wired"])
async def test_a_typed_card_whose_answer_is_lost_is_taken_back_by_its_order_number(typed, kind):
    world = typed
    world.fault("keyin", kind)
    lost = await pay_typed(world)
    await world.live(60)
    payment = await world.payment(lost.json()["id"])

    assert payment.state == "voided"
    assert (world.book(payment).captured, world.book(payment).net) == (55_000, 0)
    assert world.book(payment).refunds[0].by == "cancel_by_order"
    await world.check_books()


@pytest.mark.parametrize("seconds_before", [-1, 1])
async def test_a_lost_charge_at_midnight_is_taken_back_on_the_day_the_gateway_booked_it(typed, seconds_before):
    """It was two seconds on its way: the day on which it was sent need not be the day on which it was made."""
    world = typed
    world.clock.at = world.clock.at.replace(hour=15, minute=0, second=0, microsecond=0)  # midnight in Korea
    world.clock.at -= timedelta(seconds=seconds_before)
    world.sandbox.latency_seconds["mainpay", "keyin"] = 2.0
    world.fault("keyin", "drop_after")
    paying = asyncio.ensure_future(pay_typed(world))
    await world.until(lambda: world.net.calls("/card-keyin/trans"))
    await world.clock.forward(3)
    lost = await paying
    await world.live(60)
    payment = await world.payment(lost.json()["id"])

    assert payment.state == "voided"
    assert (world.book(payment).captured, world.book(payment).net) == (55_000, 0)
    days = {parse_qs(one.body.decode())["orgTranDate"][0] for one in world.net.calls("/cancel")}
    assert days <= {"261120", "261121"}
    await world.check_books()


async def test_a_slow_no_of_the_first_day_does_not_keep_the_second_from_being_asked(typed):
    world = typed
    world.clock.at = world.clock.at.replace(hour=14, minute=59, second=58, microsecond=0)
    world.sandbox.latency_seconds["mainpay", "keyin"] = 4.0
    world.fault("keyin", "drop_after")
    world.net.on_send = lambda sent: world.clock.skip(8) if sent.url.endswith("/cancel") else None
    paying = asyncio.ensure_future(pay_typed(world))
    await world.until(lambda: world.net.calls("/card-keyin/trans"))
    await world.clock.forward(4)
    lost = await paying
    await world.live(120)
    payment = await world.payment(lost.json()["id"])

    assert payment.state == "voided"
    days = [parse_qs(one.body.decode())["orgTranDate"][0] for one in world.net.calls("/cancel")]
    assert days == ["261120", "261121"]
    await world.check_books()


async def test_a_typed_card_that_never_arrived_is_stopped_by_its_order_number(typed):
    world = typed
    world.fault("keyin", "drop_before")
    lost = await pay_typed(world)
    await world.live(300, step=30)
    payment = await world.payment(lost.json()["id"])

    assert payment.state == "voided"
    assert world.book(payment).blocked
    assert world.book(payment).captured == 0
    await world.check_books()


async def test_a_key_of_a_typed_card_is_charged_refunded_and_deleted(typed):
    world = typed
    issued = await issue_key(world)
    assert (issued.status_code, issued.json()["state"]) == (201, "active"), issued.text
    key = issued.json()["id"]
    paid = await charge(world, key)
    payment = await world.payment(paid.json()["id"])

    assert (paid.json()["state"], world.book(payment).captures[0].by) == ("paid", "card_auto")
    assert (await world.refund(payment.id)).status_code == 200
    assert world.book(payment).net == 0
    assert [one["op"] for one in world.sandbox.requests] == ["key_issue", "key_charge", "key_cancel"]
    gone = await world.call("DELETE", f"/v1/billing-keys/{key}", {"customer": CUSTOMER})
    assert (gone.status_code, gone.json()["state"]) == (200, "deleted")
    assert (await charge(world, key)).status_code == 409
    await world.check_books()


async def test_a_charge_of_a_key_is_refunded_in_part(typed):
    world = typed
    payment = await world.payment((await charge(world, (await issue_key(world)).json()["id"])).json()["id"])
    first = await world.refund(payment.id, 5_000)
    rest = await world.refund(payment.id)

    assert (first.status_code, rest.status_code) == (200, 200)
    assert [entry.amount for entry in world.book(payment).refunds] == [5_000, 50_000]
    await world.check_books()


async def test_a_charge_whose_answer_is_lost_nets_nothing(typed):
    world = typed
    key = (await issue_key(world)).json()["id"]
    world.fault("key_charge", "drop_after")
    lost = await charge(world, key)
    await world.live(60)
    payment = await world.payment(lost.json()["id"])

    assert (payment.state, world.book(payment).captured, world.book(payment).net) == ("voided", 55_000, 0)
    await world.check_books()


async def test_a_stopped_card_gets_no_key_and_a_key_that_is_gone_is_deleted_too(typed):
    world = typed
    world.fault("key_issue", "decline", code="2003", message="카드 정지")
    assert (await issue_key(world)).json()["state"] == "refused"
    key = (await issue_key(world)).json()["id"]
    world.fault("key_delete", "drop_after")
    await world.call("DELETE", f"/v1/billing-keys/{key}", {"customer": CUSTOMER})
    again = await world.call("DELETE", f"/v1/billing-keys/{key}", {"customer": CUSTOMER})
    assert again.json()["state"] == "deleted"


async def test_an_account_is_issued_and_closed_before_its_deposit(typed):
    world = typed
    payment = await issue_account(world)
    closed = await world.call("POST", f"/v1/payments/{payment.id}/void", {"actor": "wp:7"})

    assert (closed.status_code, closed.json()["state"]) == (200, "voided")
    assert world.book(payment).account["accountNo"] == payment.account["number"]
    heard = await ask(
        world.sandbox_app,
        "POST",
        f"{SANDBOX}/control/deposit",
        json.dumps({"merchant_ref": payment.merchant_ref}).encode(),
        "application/json",
    )
    assert heard.status == 400, "a bank refuses money for a closed account"
    await world.check_books()


@pytest.mark.parametrize("crossed", [{"mbrRefNo": "OTHER"}, {"accountNo": "99912345678901"}])
async def test_an_account_is_not_closed_by_an_answer_about_another(typed, monkeypatch, crossed):
    world = typed
    payment = await issue_account(world)
    monkeypatch.setattr(sandbox_accounts.live, "cancel_data", lambda *_: crossed)
    closing = await world.call("POST", f"/v1/payments/{payment.id}/void", {"actor": "wp:7"})
    assert closing.json()["state"] == "awaiting_deposit"
    monkeypatch.undo()
    await world.live(120, step=5)
    assert await world.state(payment.id) == "voided", "it was closed already, it says when it is asked again"


async def test_a_deposit_is_given_back_by_a_transfer_that_counts_when_it_was_made(typed):
    world = typed
    payment = await deposited(world)
    operation = await transfer(world, payment)

    assert (operation.step, operation.code) == ("unknown", "accepted")
    await world.live(180, step=30)
    assert (await world.state(payment.id), world.book(payment).net) == ("paid", 55_000), "registered is not made"
    made = await control(world, "transfer", merchant_ref=payment.merchant_ref, state="done")
    assert (made["state"], made["net"]) == ("S", 0)
    await world.live(180, step=30)
    assert await world.state(payment.id) == "refunded"
    assert ("refund", -55_000, "E4") in await world.entries(payment.id)
    await world.check_books()


async def test_a_transfer_that_failed_leaves_the_money_and_frees_it(typed):
    world = typed
    payment = await deposited(world)
    await transfer(world, payment, 10_000)
    await control(world, "transfer", merchant_ref=payment.merchant_ref, state="failed")
    await world.live(180, step=30)

    assert (await world.state(payment.id), world.book(payment).net) == ("paid", 55_000)
    await world.check_books()


async def test_by_itself_a_transfer_is_made_after_a_while(typed):
    world = typed
    world.sandbox_setting(transfer_seconds=60)
    payment = await deposited(world)
    await transfer(world, payment, 10_000)
    await world.live(300, step=30)

    assert (await world.state(payment.id), world.book(payment).net) == ("part_refunded", 45_000)
    await world.check_books()


async def test_a_cash_receipt_is_issued_over_a_deposit_and_cancelled(typed):
    world = typed
    payment = await deposited(world)
    body = {"payment": payment.id, "purpose": "income", "identity": PHONE, "actor": "wp:7"}
    issued = await world.call("POST", "/v1/cash-receipts", body)
    assert (issued.status_code, issued.json()["state"]) == (201, "issued"), issued.text
    assert len(issued.json()["number"]) == 9
    gone = await world.call("DELETE", f"/v1/cash-receipts/{issued.json()['id']}")

    assert (gone.status_code, gone.json()["state"]) == (200, "cancelled")
    assert world.book(payment).net == 55_000, "a receipt moves no money"
    assert [one["op"] for one in world.sandbox.requests][-2:] == ["receipt", "receipt_cancel"]


async def test_a_receipt_that_is_answered_over_another_sum_is_a_persons(typed, monkeypatch):
    world = typed
    payment = await deposited(world)
    yes = sandbox_direct._yes
    monkeypatch.setattr(sandbox_direct, "_yes", lambda data, *code: yes(data | {"amount": 5_500}, *code))
    world.fault("notice", "notice_lost", times=None)
    issued = await world.call("POST", "/v1/cash-receipts", ASKED | {"payment": payment.id})

    assert issued.json()["state"] == "unknown", "the buyer would be told that it is over 55,000 KRW"
    assert await world.cases(payment.id) == ["receipt_unknown"]


@pytest.mark.parametrize(("path", "op"), [("void", "vacct_cancel"), ("receipt", "receipt_cancel")])
async def test_already_cancelled_said_of_a_cancel_under_way_ends_no_account_and_no_receipt(typed, path, op):
    world = typed
    world.fault(op, "decline", code="3002", message="이미 취소 접수된 거래")
    if path == "void":
        payment = await issue_account(world)
        closing = await world.call("POST", f"/v1/payments/{payment.id}/void", {"actor": "wp:7"})
        assert closing.json()["state"] == "awaiting_deposit", "it may be paid into yet"
        return
    payment = await deposited(world)
    issued = (await world.call("POST", "/v1/cash-receipts", ASKED | {"payment": payment.id})).json()
    gone = await world.call("DELETE", f"/v1/cash-receipts/{issued['id']}")
    assert gone.json()["state"] == "cancelling", "it is asked again"


ASKED = {"purpose": "income", "identity": PHONE, "actor": "wp:7"}


def told(row, cmd, amount=55_000):
    """Fields of a notice about a receipt."""
    return {"cmd": cmd, "mbrNo": "100011", "mbrRefNo": row["ref"], "refNo": "1128SA000099", "amount": str(amount)}


async def receipted(world, **settings):
    """A deposit, and a receipt asked for over it; Mainpay tells of receipts by notice."""
    payment = await deposited(world)
    world.sandbox_setting(**{"receipt_notice_url": f"https://pay.test{world.notice_path()}"} | settings)
    answer = await world.call("POST", "/v1/cash-receipts", ASKED | {"payment": payment.id})
    return payment, answer.json()


async def receipt_of(world, receipt):
    return (await world.call("GET", f"/v1/cash-receipts/{receipt['id']}")).json()


async def test_the_notice_of_a_receipt_whose_answer_was_heard_changes_nothing(typed):
    world = typed
    payment, receipt = await receipted(world)
    await world.live(30)

    assert (await receipt_of(world, receipt)) == receipt
    assert await world.cases(payment.id) == []
    assert [one["outcome"] for one in await world.all("SELECT * FROM notices ORDER BY id")][-1] == "known already"


async def test_a_notice_ends_the_doubt_about_a_receipt_whose_answer_was_lost(typed):
    world = typed
    world.fault("receipt", "drop_after")
    payment, receipt = await receipted(world)
    await world.live(30)

    known = await receipt_of(world, receipt)
    assert (known["state"], len(known["number"])) == ("issued", 9)
    assert await world.cases(payment.id) == []
    gone = await world.call("DELETE", f"/v1/cash-receipts/{receipt['id']}")
    assert gone.json()["state"] == "cancelled", "the notice brought what a cancel needs"


async def test_a_receipt_cancelled_in_the_gateways_console_is_cancelled_here(typed):
    world = typed
    payment, receipt = await receipted(world)
    (row,) = await world.all("SELECT * FROM receipts")
    heard = await world.post_notice(told(row, "1"))

    assert heard.json()["resultCode"] == "0000"
    assert (await receipt_of(world, receipt))["state"] == "cancelled"
    assert world.book(payment).net == 55_000


async def test_a_notice_of_a_receipt_from_another_address_changes_nothing(typed):
    world = typed
    payment, receipt = await receipted(world)
    await world.live(30)
    (row,) = await world.all("SELECT * FROM receipts")
    world.notice_address = "192.0.2.66"
    forged = [await world.post_notice(told(row, cmd)) for cmd in ("0", "1", "2")]
    await world.live(30)

    assert [answer.status_code for answer in forged] == [404, 404, 404]
    assert await receipt_of(world, receipt) == receipt
    assert await world.cases(payment.id) == []
    world.notice_address = GATEWAY_ADDRESS
    assert (await world.post_notice(told(row, "1"))).status_code == 200
    assert (await receipt_of(world, receipt))["state"] == "cancelled", "and the true one still counts"


async def test_a_notice_ends_the_doubt_about_a_receipts_cancel_and_one_of_its_issuing_does_not(typed):
    world = typed
    payment, receipt = await receipted(world)
    await world.live(30)
    (row,) = await world.all("SELECT * FROM receipts")
    world.fault("receipt_cancel", "drop_before")
    lost = await world.call("DELETE", f"/v1/cash-receipts/{receipt['id']}")
    world.fault("receipt_cancel", "decline", code="3001")
    no = await world.call("DELETE", f"/v1/cash-receipts/{receipt['id']}")
    assert (lost.json()["state"], no.json()["state"]) == ("cancelling", "unknown")
    assert await world.cases(payment.id) == ["receipt_unknown"]
    await world.post_notice(told(row, "0"))
    assert (await receipt_of(world, receipt))["state"] == "unknown"
    await world.post_notice(told(row, "1"))

    assert (await receipt_of(world, receipt))["state"] == "cancelled"
    assert await world.cases(payment.id) == []


async def test_a_notice_of_a_receipt_over_another_sum_is_a_persons(typed):
    world = typed
    payment, receipt = await receipted(world)
    (row,) = await world.all("SELECT * FROM receipts")
    await world.post_notice(told(row, "1", 54_999))

    assert (await receipt_of(world, receipt))["state"] == "issued"
    assert await world.cases(payment.id) == ["receipt_unknown"]


async def test_a_receipt_that_was_issued_after_all_beside_another_is_a_persons(typed):
    world = typed
    world.fault("receipt", "drop_after")
    payment, lost = await receipted(world, receipt_notice_url="")
    await world.context.ledger.write(lambda turn: turn.run("UPDATE cases SET state = 'closed'"))
    second = await world.call("POST", "/v1/cash-receipts", ASKED | {"payment": payment.id})
    row = (await world.all("SELECT * FROM receipts ORDER BY id"))[0]
    await world.post_notice(told(row, "0"))

    assert second.json()["state"] == "issued"
    assert (await receipt_of(world, lost))["state"] == "unknown"
    assert await world.cases(payment.id) == ["receipt_unknown"]


async def test_a_receipt_whose_cancel_is_told_before_its_issuing_stays_cancelled(typed):
    world = typed
    world.fault("receipt", "drop_after")
    payment, receipt = await receipted(world, receipt_notice_url="")
    (row,) = await world.all("SELECT * FROM receipts")
    assert row["state"] == "unknown"
    for cmd in ("1", "0"):
        heard = await world.post_notice(told(row, cmd))
        assert heard.json()["resultCode"] == "0000"
        assert (await receipt_of(world, receipt))["state"] == "cancelled"

    assert await world.cases(payment.id) == []


async def test_a_notice_of_one_receipt_leaves_the_doubt_about_another_open(typed):
    world = typed
    world.fault("receipt", "drop_after")
    payment, first = await receipted(world, receipt_notice_url="")
    await world.context.ledger.write(lambda turn: turn.run("UPDATE cases SET state = 'closed'"))
    world.fault("receipt", "drop_after")
    second = await world.call("POST", "/v1/cash-receipts", ASKED | {"payment": payment.id})
    assert second.json()["state"] == "unknown"
    row = (await world.all("SELECT * FROM receipts ORDER BY id"))[0]
    await world.post_notice(told(row, "1"))

    assert (await receipt_of(world, first))["state"] == "cancelled"
    assert await world.cases(payment.id) == ["receipt_unknown"]


async def test_a_word_about_a_receipt_that_is_neither_its_issuing_nor_its_cancel_changes_nothing(typed):
    world = typed
    world.fault("receipt", "drop_before")
    _, receipt = await receipted(world)
    (row,) = await world.all("SELECT * FROM receipts")
    heard = await world.post_notice(told(row, "2"))

    assert heard.json()["resultCode"] == "0000"
    assert (await receipt_of(world, receipt))["state"] == "unknown"


async def test_every_further_deposit_into_a_fixed_account_is_counted_in_a_case(typed):
    world = typed
    payment = await deposited(world)
    world.sandbox_setting(fixed_accounts=True)
    for _ in range(2):
        await world.live(61)
        await control(world, "deposit", merchant_ref=payment.merchant_ref, payer="홍길동")
        await world.quiet()

    assert await world.entries(payment.id) == [("capture", 55_000, "E7")]
    assert world.book(payment).net == 165_000
    (case,) = await world.all("SELECT * FROM cases")
    assert (case["reason"], case["amount"]) == ("unexpected_deposit", 110_000), "what the ledger lacks is named"
    assert await world.state(payment.id) == "paid"


async def test_neither_card_nor_key_nor_person_is_in_what_the_sandbox_recorded(typed):
    world = typed
    await pay_typed(world)
    await charge(world, (await issue_key(world)).json()["id"])
    payment = await deposited(world)
    await transfer(world, payment)
    body = {"payment": payment.id, "purpose": "income", "identity": PHONE, "actor": "wp:7"}
    await world.call("POST", "/v1/cash-receipts", body)
    heard = await ask(world.sandbox_app, "GET", f"{SANDBOX}/control/requests")
    text = heard.body.decode()

    assert heard.status == 200
    assert {one["op"] for one in json.loads(text)["requests"]} >= {"keyin", "key_charge", "transfer", "receipt"}
    for secret in (CARD["number"], CARD["holder"], PHONE, "110123456789", "김예매", "BILL"):
        assert secret not in text, secret
