"""Cash receipts: issued once over what was paid in cash, cancelled whole; a lost answer is a person's.

Of bridge.flows.issue_receipt.
"""

import json

import pytest

from bridge.clock import new_id
from bridge.domain.gateway import Event, Notice, SharedValue
from bridge.domain.services import ReceiptIssued
from bridge.domain.tax import split
from bridge.flows import issue_receipt
from bridge.flows.receive_notice import _take
from bridge.flows.record import Recorder
from bridge.flows.snapshots import rfc3339
from bridge.ledger.notices import StoredNotice
from tests.flows.test_tries import Talks
from tests.support.teller import TELLER

PHONE = "01012345678"


@pytest.fixture
async def paid(world):
    """A payment by bank transfer at a gateway that issues receipts."""
    await world.pair_teller("Receipting")
    return await buy_by_transfer(world, world.order(tax_free=11_000))


async def buy_by_transfer(world, order):
    """Pay an order by bank transfer."""
    opened = await world.checkout(order, method="account")
    payment = await world.payment(opened.payment)
    world.teller.of(payment.merchant_ref)
    coming = f"/r/{world.context.tokens.make('return', payment.site, payment.id)}"
    async with world.client() as client:
        await client.post(coming, data={"number": payment.refs["number"]})
    await world.quiet()
    assert await world.state(payment.id) == "paid"
    return payment.id


async def issue(world, payment, *, once="", **changes):
    body = {"payment": payment, "purpose": "income", "identity": PHONE, "actor": "wp:7"} | changes
    return await world.call("POST", "/v1/cash-receipts", body, key=once)


async def cancel(world, receipt, body=None):
    return await world.call("DELETE", f"/v1/cash-receipts/{receipt}", body)


async def test_a_receipt_splits_the_tax_to_the_won_and_keeps_the_buyers_number_sealed(world, paid):
    answer = await issue(world, paid)
    (asked,) = world.teller.receipts.values()

    assert (answer.status_code, answer.json()["state"], answer.json()["number"]) == (201, "issued", "C00000001")
    assert (asked["amount"], asked["vat"], asked["tax_free"]) == (55_000, 4_000, 11_000)
    assert asked["card"] == PHONE
    for table in ("receipts", "calls", "answers"):
        assert PHONE not in json.dumps(await world.all(f"SELECT * FROM {table}"), default=str), table
    shown = await world.call("GET", f"/v1/cash-receipts/{answer.json()['id']}")
    assert shown.json() == answer.json()


async def test_a_receipt_is_told_whole_but_for_whose_number_it_bears(world, paid):
    told = (await issue(world, paid)).json()
    names = {"id", "payment", "gateway", "state", "purpose", "amount", "tax_free", "number", "url", "created_at"}
    assert told.keys() == names
    assert (told["payment"], told["gateway"], told["purpose"]) == (paid, "teller", "income")
    assert told["url"] == f"{TELLER}/receipt", "where the gateway shows it"
    assert told["created_at"] == rfc3339(world.clock.now()), "which the shop's page shows"


async def story(world, payment):
    """The receipt's own part of a payment's timeline, as both the operator and the clerk are told it."""
    rows = (await world.call("GET", f"/v1/payments/{payment}")).json()["timeline"]
    return [row for row in rows if row["event"].startswith("receipt.")]


async def test_what_becomes_of_a_receipt_stands_in_its_payments_timeline_without_the_number(world, paid):
    world.teller.fail("receipt", "no")
    await issue(world, paid)
    receipt = (await issue(world, paid)).json()["id"]
    world.teller.fail("receipt_cancel", "no")
    await cancel(world, receipt)
    await cancel(world, receipt, {"actor": "wp:9"})
    world.teller.fail("receipt", "lost_after")
    await issue(world, paid)
    told = await story(world, paid)

    names = [row["event"].removeprefix("receipt.") for row in told]
    asked = ["sent", "refused", "sent", "issued", "cancel_sent", "not_cancelled", "cancel_sent", "cancelled"]
    assert names == [*asked, "sent", "unknown"]
    assert {row["actor"] for row in told if row["event"] == "receipt.sent"} == {"wp:7"}
    assert [row["actor"] for row in told if row["event"] == "receipt.cancel_sent"] == ["bridge", "wp:9"]
    assert {row["amount"] for row in told} == {55_000}
    assert "번호가 맞지 않아요" in told[1]["message"]
    assert PHONE not in json.dumps(told)


async def test_the_journal_shows_the_calls_by_which_a_receipt_was_issued_and_cancelled(world, paid):
    receipt = (await issue(world, paid)).json()["id"]
    await cancel(world, receipt)
    assert sorted(await world.calls(paid))[-2:] == ["receipt", "receipt_cancel"]


async def test_a_signed_request_that_is_overheard_issues_and_cancels_no_receipt_when_sent_again(world, paid):
    body = {"payment": paid, "purpose": "income", "identity": PHONE, "actor": "wp:7"}
    receipt = (await issue(world, paid)).json()["id"]
    for method, path, value in (
        ("DELETE", f"/v1/cash-receipts/{receipt}", {"actor": "wp:9"}),
        ("POST", "/v1/cash-receipts", body),
    ):
        content = json.dumps(value).encode()
        headers = world.headers(method, path, content) | {"content-type": "application/json"}
        async with world.client() as client:
            first, again = [await client.request(method, path, content=content, headers=headers) for _ in range(2)]
        assert (first.status_code // 100, again.json()["code"]) == (2, "replay")


async def test_a_repeated_request_issues_once_and_a_second_receipt_is_refused(world, paid):
    first = await issue(world, paid, once="ab" * 16)
    again = await issue(world, paid, once="ab" * 16)
    second = await issue(world, paid)

    assert again.json()["id"] == first.json()["id"]
    assert (second.status_code, second.json()["code"]) == (409, "not_now")
    assert world.teller.calls["receipt"] == 1


async def test_a_cancelled_receipt_makes_room_for_another(world, paid):
    first = (await issue(world, paid)).json()["id"]
    gone = await cancel(world, first)
    again = await cancel(world, first)

    assert [(one.status_code, one.json()["state"]) for one in (gone, again)] == [(200, "cancelled")] * 2
    assert (await issue(world, paid, purpose="self")).json()["state"] == "issued"
    assert [asked["card"] for asked in world.teller.receipts.values()] == ["0100001234"]


async def test_a_lost_answer_is_a_persons_and_nothing_is_issued_before_somebody_looked(world, paid):
    world.teller.fail("receipt", "lost_after")
    lost = await issue(world, paid)

    assert (lost.status_code, lost.json()["state"]) == (202, "unknown")
    assert await world.cases(paid) == ["receipt_unknown"]
    (case,) = await world.all("SELECT detail FROM cases")
    assert "has no outcome: Unreadable: The gateway answered with HTTP status 500." in case["detail"]
    assert (await issue(world, paid)).json()["code"] == "pending_outcome"
    no = await cancel(world, lost.json()["id"])
    assert (no.status_code, no.json()["code"], no.json()["state"]) == (409, "not_now", "unknown")
    assert world.teller.calls["receipt"] == 1
    await world.context.ledger.write(lambda turn: turn.run("UPDATE cases SET state = 'closed'"))
    assert (await issue(world, paid)).json()["state"] == "issued"


async def test_a_refusal_is_told_in_the_gateways_words_and_an_unsent_call_may_be_repeated(world, paid):
    world.teller.fail("receipt", "no")
    refused = await issue(world, paid)
    world.net.down.add(f"{TELLER}:80")
    unsent = await issue(world, paid)
    world.net.down.clear()

    assert (refused.json()["state"], refused.json()["message"]) == ("refused", "번호가 맞지 않아요: •••")
    assert unsent.json()["state"] == "refused"
    assert (await issue(world, paid)).json()["state"] == "issued"


async def test_a_cancel_that_is_refused_unsent_or_lost_is_said_so(world, paid):
    receipt = (await issue(world, paid)).json()["id"]
    world.teller.fail("receipt_cancel", "no")
    refused = await cancel(world, receipt)
    world.net.down.add(f"{TELLER}:80")
    unsent = await cancel(world, receipt)
    world.net.down.clear()
    world.teller.fail("receipt_cancel", "lost_after")
    lost = await cancel(world, receipt)

    assert (refused.json()["state"], refused.json()["message"]) == ("issued", "취소 기간이 지났어요: •••")
    assert unsent.json()["state"] == "issued"
    assert (lost.status_code, lost.json()["state"]) == (202, "cancelling")
    world.net.down.add(f"{TELLER}:80")
    assert (await cancel(world, receipt)).json()["state"] == "cancelling", "unsent, it says nothing of the first"
    world.net.down.clear()
    again = (await cancel(world, receipt)).json()
    assert (again["state"], again["message"]) == ("unknown", "취소 기간이 지났어요: •••"), (
        "it was done, and is refused now"
    )
    assert await world.cases(paid) == ["receipt_unknown"]
    assert (await issue(world, paid)).json()["code"] == "pending_outcome", "before somebody has looked"


async def test_a_cancel_that_was_lost_before_it_was_done_is_done_by_the_repeat(world, paid):
    receipt = (await issue(world, paid)).json()["id"]
    world.teller.fail("receipt_cancel", "lost_before")
    lost, again = await cancel(world, receipt), await cancel(world, receipt)
    assert [one.json()["state"] for one in (lost, again)] == ["cancelling", "cancelled"]


async def test_a_second_press_while_a_cancel_is_under_way_waits_for_that_one_and_sends_none(world, paid):
    receipt = (await issue(world, paid)).json()["id"]
    world.teller.fail("receipt_cancel", "hangs")
    object.__setattr__(world.context.settings, "refund_wait_seconds", 0.1)
    pressed = [(await cancel(world, receipt)).json()["state"] for _ in range(2)]
    await world.until(lambda: world.teller.calls["receipt_cancel"])
    await world.clock.forward(60)
    await world.quiet()

    assert (pressed, world.teller.calls["receipt_cancel"]) == (["cancelling"] * 2, 1)
    assert [row["event"] for row in await story(world, paid)].count("receipt.cancel_sent") == 1


@pytest.mark.parametrize("state", ["issuing", "issued"])
async def test_the_notice_of_a_receipt_is_acknowledged_each_time_as_one_of_its_payments(world, paid, state):
    await issue(world, paid)
    await world.context.ledger.write(lambda turn: turn.run("UPDATE receipts SET state = ?", state))
    (row,) = await world.all("SELECT * FROM receipts")
    site = world.context.sites.get(row["site"])
    said = Notice(Event.APPROVED, "d", row["ref"], row["amount"], SharedValue())

    def take(turn):
        recorder = Recorder.now(world.context, site)
        kept = StoredNotice(new_id(world.clock), site.id, row["gateway"], "feedback", "d", "", "", recorder.at)
        return _take(turn, recorder, site.gateway(row["gateway"]), kept, said, True)

    heard = [await world.context.ledger.write(take) for _ in range(2)]
    assert [(one.known, one.acknowledged, one.payment) for one in heard] == [(True, True, paid)] * 2
    assert heard[1].outcome == "seen before"
    (kept,) = await world.all("SELECT state FROM notices")
    assert kept["state"] == ("pending" if state == "issuing" else "done"), "only what waits is replayed"


async def test_a_receipt_after_a_refund_of_what_is_free_of_tax_is_all_taxed(world, paid):
    free = {"amount": 11_000, "tax_free": 11_000, "reason": "면세 상품", "actor": "wp:7"}
    refund = await world.call("POST", f"/v1/payments/{paid}/refunds", free)
    assert refund.json()["state"] == "done", refund.text
    receipt = (await issue(world, paid)).json()
    (asked,) = world.teller.receipts.values()

    assert (receipt["amount"], receipt["tax_free"]) == (44_000, 0)
    assert (asked["amount"], asked["vat"], asked["tax_free"]) == (44_000, 4_000, 0)


async def test_a_receipt_stands_over_what_the_gateway_says_it_issued_it_over(world, paid):
    Talks(world).answers.append(ReceiptIssued("C1", {}, split=split(44_000, 4_400)))
    issued = (await issue(world, paid)).json()
    assert (issued["state"], issued["amount"], issued["tax_free"]) == ("issued", 44_000, 4_400)


@pytest.mark.parametrize("left", [1, 0])
async def test_the_last_won_that_is_left_may_have_a_receipt_and_nothing_has_none(world, paid, left):
    await world.refund(paid, 55_000 - left)
    await world.quiet()
    answer = await issue(world, paid)
    assert (answer.status_code, answer.json().get("amount")) == ((201, 1) if left else (409, None))


async def test_a_crash_before_the_answer_hands_the_receipt_to_a_person(world, paid):
    receipt = (await issue(world, paid)).json()["id"]
    await world.context.ledger.write(
        lambda turn: turn.run("UPDATE receipts SET state = 'issuing', number = '' WHERE id = ?", receipt)
    )
    await world.restart()
    await world.live(120, step=30)

    assert (await world.call("GET", f"/v1/cash-receipts/{receipt}")).json()["state"] == "unknown"
    assert await world.cases(paid) == ["receipt_unknown"]


async def test_a_repeat_after_a_crash_sends_nothing_for_the_first_may_have_been_issued(world, paid):
    receipt = (await issue(world, paid, once="cd" * 16)).json()["id"]
    await world.context.ledger.write(
        lambda turn: turn.run("UPDATE receipts SET state = 'issuing', number = '' WHERE id = ?", receipt)
    )
    await world.restart()
    again = await issue(world, paid, once="cd" * 16)

    assert (again.status_code, again.json()["id"], again.json()["state"]) == (202, receipt, "issuing")
    assert world.teller.calls["receipt"] == 1


async def test_a_bridge_that_slept_before_it_asked_asks_for_no_receipt_that_another_has_given_to_people(
    world, paid, monkeypatch
):
    """They find none in the console, close the case, and a receipt is issued anew: the first would be a second one."""
    order = issue_receipt.receipt_order

    async def order_after_a_sleep(*asked):
        world.clock.skip(200)
        return await order(*asked)

    monkeypatch.setattr(issue_receipt, "receipt_order", order_after_a_sleep)
    told = (await issue(world, paid)).json()

    assert (world.teller.calls["receipt"], told["state"]) == (0, "refused")


async def test_no_receipt_for_cards_unpaid_orders_other_sites_or_nonsense(world, paid):
    card = await world.checkout(world.order())
    await world.pair("http://other.test")
    assert (await issue(world, card.payment)).json()["code"] == "not_now"
    for identity in ("", "010-1234-5678", "12345"):
        assert (await issue(world, paid, identity=identity)).json()["code"] == "malformed"
    assert (await issue(world, "01nosuchpayment")).status_code == 404
    other = await world.pair_teller("Asked", url="http://third.test")
    assert other.url
    assert (await issue(world, paid)).status_code == 404
    assert world.teller.calls["receipt"] == 0


async def test_a_gateway_without_receipts_says_where_to_issue_them(world):
    await world.pair_teller("Asked")
    opened = await world.checkout(world.order(), method="account")
    answer = await issue(world, opened.payment)

    assert (answer.status_code, answer.json()["code"]) == (503, "gateway_unavailable")
    assert "홈택스" in answer.json()["detail"]


async def test_a_payment_shows_its_receipts_and_whether_one_may_be_issued(world, paid):
    async def shown():
        return (await world.call("GET", f"/v1/payments/{paid}")).json()["cash_receipts"]

    assert await shown() == {"may_issue": True, "amount": 55_000, "items": []}
    issued = (await issue(world, paid)).json()
    after = await shown()
    assert (after["may_issue"], after["items"]) == (False, [issued])
    assert "먼저 취소" in after["why"]
    await cancel(world, issued["id"])
    assert (await shown())["may_issue"]
    await world.refund(paid)
    await world.quiet()
    assert "발급할 것이 없어요" in (await shown())["why"]


async def test_a_receipt_that_a_refund_left_over_too_much_is_said_until_it_is_cancelled(world, paid):
    async def shown():
        return (await world.call("GET", f"/v1/payments/{paid}")).json()["cash_receipts"]

    issued = (await issue(world, paid)).json()
    assert "over" not in await shown()
    await world.call("POST", f"/v1/payments/{paid}/refunds", {"amount": 20_000, "reason": "공연 취소", "actor": "wp:7"})
    await world.quiet()
    part = await shown()
    assert (part["over"], "남은 금액으로 다시 발급" in part["over_why"]) == (20_000, True)
    await world.call("POST", f"/v1/payments/{paid}/refunds", {"amount": 35_000, "reason": "공연 취소", "actor": "wp:7"})
    await world.quiet()
    whole = await shown()
    assert (whole["over"], whole["over_why"]) == (55_000, "모두 환불했으니 이 현금영수증을 취소해 주세요.")
    await cancel(world, issued["id"])
    assert "over" not in await shown()


@pytest.mark.parametrize("method", ["account", "card"])
async def test_a_gateway_without_receipts_is_named_and_a_card_has_none(world, method):
    await world.pair_teller("Asked")
    opened = await world.checkout(method=method)
    payment = await world.payment(opened.payment)
    coming = f"/r/{world.context.tokens.make('return', payment.site, payment.id)}"
    async with world.client() as client:
        await client.post(coming, data={"number": payment.refs["number"]})
    await world.quiet()
    assert await world.state(payment.id) == "paid"
    shown = (await world.call("GET", f"/v1/payments/{payment.id}")).json()

    if method == "card":
        assert "cash_receipts" not in shown
    else:
        assert shown["cash_receipts"] | {"why": ""} == {"may_issue": False, "amount": 0, "why": "", "items": []}
        assert "홈택스" in shown["cash_receipts"]["why"]
