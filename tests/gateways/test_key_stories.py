"""Cards and phones that are remembered, and accounts that are paid into, over the real flows."""

import json

import pytest

from bridge.domain.failures import RefundRefused
from bridge.domain.payment import Account
from bridge.flows.owe_check import owe_check
from bridge.flows.record import Recorder
from bridge.flows.refund import RefundWish, once_of_command, refund
from tests.gateways.paired import paired
from tests.gateways.street import Street
from tests.support.world import Opened

CUSTOMER = "customer-1"
CARD = {"number": "4518123412341111", "expires": "3010", "holder": "900101", "password": "12", "issuer": "06"}


@pytest.fixture(params=["paystory", "payple"])
async def street(request, tmp_path):
    """A bridge, a shop, one gateway that remembers cards."""
    async with paired(Street(tmp_path), request.param) as made:
        yield made


@pytest.fixture
async def paystory(tmp_path):
    """The same with Pay-Story alone, whose phones and accounts work in ways of their own."""
    async with paired(Street(tmp_path), "paystory") as made:
        yield made


async def ask(street, **changes):
    wish = {
        "customer": CUSTOMER,
        "title": "정기 후원",
        "buyer": {"name": "홍길동", "phone": "010-1234-5678", "email": "hong@shop.test"},
        "result_url": f"{street.site.url}/my-cards",
        "actor": "buyer",
    }
    return await street.call("POST", "/v1/billing-keys", wish | changes)


async def come_back(street, asked, action="pay"):
    opened = Opened("", asked.json()["window_url"], "", "")
    landed = await street.go(await street.authenticate(opened, action=action))
    await street.quiet()
    return landed


async def key_of(street, asked):
    answer = await street.call("GET", f"/v1/billing-keys/{asked.json()['id']}?customer={CUSTOMER}")
    return answer.json()


async def charge(street, key, **changes):
    body = {"customer": CUSTOMER, "order": street.order(**changes), "actor": "wp:7"}
    return await street.call("POST", f"/v1/billing-keys/{key}/charges", body)


async def test_a_card_is_remembered_charged_refunded_and_forgotten(street):
    asked = await ask(street)
    assert asked.status_code == 201, asked.text
    landed = await come_back(street, asked)
    key = await key_of(street, asked)

    assert "pay_bridge_result=active" in landed.headers["location"]
    assert (key["state"], key["method"]) == ("active", "card")
    assert not any(book["captured"] for book in street.sandbox.bank.as_json()["payments"]), "and nothing was charged"
    paid = await charge(street, key["id"])
    payment = await street.payment(paid.json()["id"])
    assert (paid.status_code, paid.json()["state"], street.book(payment).net) == (201, "paid", 55_000)

    assert (await street.refund(payment.id, 5_000)).status_code == 200
    assert (await street.refund(payment.id)).status_code == 200
    assert street.book(payment).net == 0
    gone = await street.call("DELETE", f"/v1/billing-keys/{key['id']}", {"customer": CUSTOMER})
    assert (gone.status_code, gone.json()["state"]) == (200, "deleted"), gone.text
    refused = await charge(street, key["id"])
    assert refused.status_code == 409
    await street.check_books()


async def test_the_key_itself_is_nowhere_to_be_read(street):
    asked = await ask(street)
    await come_back(street, asked)
    await charge(street, asked.json()["id"])
    await street.beat()
    (row,) = await street.all("SELECT * FROM billing_keys")
    secret = street.context.vault.open(row["key_sealed"], "billing_key").decode()

    for table in ("billing_keys", "payments", "operations", "calls", "audit", "news", "answers", "notices"):
        assert secret not in json.dumps(await street.all(f"SELECT * FROM {table}"), default=str), table
    assert secret not in json.dumps(street.shop.news)


@pytest.mark.parametrize("action", ["close", "fail"])
async def test_whoever_leaves_the_window_has_no_key(street, action):
    asked = await ask(street)
    await come_back(street, asked, action=action)
    key = await key_of(street, asked)

    assert key["state"] in ("refused", "open")
    assert (await charge(street, key["id"])).status_code == 409


async def test_a_charge_whose_answer_is_lost_is_settled_by_evidence_and_made_once(street):
    asked = await ask(street)
    await come_back(street, asked)
    street.fault("charge", "drop_after")
    lost = await charge(street, asked.json()["id"])

    assert not street.sandbox.faults.armed, "an answer was lost"
    assert lost.json()["state"] in ("unknown", "paid"), "where asking tells at once it is paid at once"
    await street.live(900.0)
    payment = await street.payment(lost.json()["id"])
    assert (payment.state, street.book(payment).net) == ("paid", 55_000)
    assert len(street.book(payment).captures) == 1
    await street.check_books()


async def test_a_window_of_a_key_that_is_issued_gets_no_pass_any_more(street):
    asked = await ask(street)
    window = asked.json()["window_url"]
    token = window.removesuffix("/window").rpartition("/")[2]
    async with street.client() as client:
        before = await client.post(f"/k/{token}/auth", data={"PCD_PAY_WORK": "PAY"})
        await come_back(street, asked)
        after = await client.post(f"/k/{token}/auth", data={"a": "b"})
        foreign = await client.post(f"/k/{token[:-3]}AAA/auth", data={"a": "b"})

    if street.gateway == "payple":
        assert before.status_code == 200
        assert {"AuthKey", "custKey", "return_url"} <= set(before.json())
        assert after.status_code == 409
    else:
        assert before.status_code == after.status_code == 404
    assert foreign.status_code == 400


async def test_a_gateway_that_does_not_vouch_opens_no_window_for_a_key(tmp_path):
    async with paired(Street(tmp_path), "payple") as street:
        asked = await ask(street)
        street.fault("auth", "decline", code="AUTH0004")
        auth_url = asked.json()["window_url"].replace("/window", "/auth")
        async with street.client() as client:
            refused = await client.post(auth_url, data={"a": "b"})

        assert (refused.status_code, refused.json()["gateway_message"]) == (
            503,
            "AUTH0004 등록되지 않은 도메인 또는 IP",
        )
        assert (await key_of(street, asked))["state"] == "open"


# ---- Pay-Story alone


async def test_a_phone_is_charged_by_its_registration_and_once_a_month_after(paystory):
    street = paystory
    order = street.order(amount=9_900)
    asked = await ask(street, method="phone", order=order)
    assert asked.status_code == 201, asked.text
    await come_back(street, asked)
    key = await key_of(street, asked)

    assert (key["state"], key["amount"]) == ("active", 9_900)
    (row,) = await street.all("SELECT id, state, captured FROM payments WHERE order_ref = ?", order["ref"])
    assert (row["state"], row["captured"]) == ("paid", 9_900)
    events = [one["event"] for one in await street.all("SELECT event FROM audit WHERE payment = ?", row["id"])]
    assert "key.window" in events, "the timeline says where the payment began"
    assert street.book(await street.payment(row["id"])).net == 9_900
    other = await charge(street, key["id"], amount=9_901)
    assert other.status_code == 409, "another amount than the first"
    sent = len(street.net.sent)
    await street.clock.forward(86_400.0)
    early = await charge(street, key["id"], amount=9_900)
    assert (early.status_code, early.json()["code"]) == (409, "not_now"), "the month of its issue was charged by that"
    await street.clock.forward(29 * 86_400.0)
    again = await charge(street, key["id"], amount=9_900)
    assert (again.status_code, again.json()["state"]) == (201, "paid")
    charges = len(street.net.sent)
    await street.clock.forward(86_400.0)
    twice = await charge(street, key["id"], amount=9_900)
    assert (twice.status_code, twice.json()["code"]) == (409, "not_now"), "once a month"
    assert (charges - sent, len(street.net.sent)) == (1, charges), "refused here, and nothing was sent"
    queue = await street.all("SELECT turns FROM queues WHERE name = ?", f"billing_key:{key['id']}")
    assert queue[0]["turns"] >= 1, "charges of a phone follow each other, where turns run at once too"
    await street.check_books()


async def test_a_phones_registration_tells_the_vat_of_an_order_that_is_partly_free_of_tax(paystory):
    order = paystory.order(amount=9_900, tax_free=3_300)
    await come_back(paystory, await ask(paystory, method="phone", order=order))
    (row,) = await paystory.all("SELECT state, merchant_ref FROM payments WHERE order_ref = ?", order["ref"])
    assert row["state"] == "paid"
    trades = paystory.sandbox.desks["paystory"]._till.trades.values()
    assert [one.vat for one in trades if one.order == row["merchant_ref"]] == [600]


async def test_a_phone_whose_registration_comes_too_late_was_never_charged(paystory):
    street, order = paystory, paystory.order(amount=9_900)
    asked = await ask(street, method="phone", order=order)
    coming = await street.authenticate(Opened("", asked.json()["window_url"], "", ""))
    await street.clock.forward(901.0)
    landed = await street.go(coming)
    await street.quiet()

    assert (await key_of(street, asked))["state"] == "expired"
    assert "pay_bridge_result=expired" in landed.headers["location"]
    assert street.money_calls() == [], "payment.do issues and charges (A000), and was never called"
    assert [book["net"] for book in street.sandbox.bank.as_json()["payments"]] in ([], [0])
    await street.check_books()


@pytest.mark.parametrize("kind", ["drop_before", "drop_after"])
@pytest.mark.parametrize("told", [True, False])
async def test_what_a_phones_lost_registration_charged_is_settled_though_no_key_is_left(paystory, kind, told):
    street, order = paystory, paystory.order(amount=9_900)
    asked = await ask(street, method="phone", order=order)
    street.fault("approve", kind)
    if not told:
        street.fault("notice", "notice_lost", times=None)
    await come_back(street, asked)
    await street.live(3_600.0, 10.0)
    (row,) = await street.all("SELECT id FROM payments WHERE order_ref = ?", order["ref"])
    payment = await street.payment(row["id"])

    assert (await key_of(street, asked))["state"] == "lost"
    made = kind != "drop_before"
    assert (payment.state, payment.captured) == (("paid", 9_900) if made else ("voided", 0))
    assert street.book(payment).net == (9_900 if made else 0)
    assert await street.cases(payment.id) == []
    await street.check_books()


async def test_a_phones_charge_that_is_repeated_is_the_same_and_one_given_back_frees_its_month(paystory):
    street = paystory
    asked = await ask(street, method="phone", order=street.order(amount=9_900))
    await come_back(street, asked)
    await street.clock.forward(30 * 86_400.0)
    path = f"/v1/billing-keys/{asked.json()['id']}/charges"
    body = {"customer": CUSTOMER, "order": street.order(amount=9_900), "actor": "wp:7"}
    first = await street.call("POST", path, body, key="ab" * 16)
    again = await street.call("POST", path, body, key="ab" * 16)
    assert (first.json()["state"], again.json()["id"]) == ("paid", first.json()["id"])
    assert (await street.refund(first.json()["id"])).status_code == 200
    other = await charge(street, asked.json()["id"], amount=9_900)

    assert (other.status_code, other.json()["state"]) == (201, "paid")
    await street.check_books()


async def test_paystory_is_not_asked_what_a_key_stands_for(paystory):
    asked = await ask(paystory)
    await come_back(paystory, asked)
    sent = len(paystory.net.sent)
    answer = await paystory.call("POST", f"/v1/billing-keys/{asked.json()['id']}/ask", {"customer": CUSTOMER})

    assert (answer.status_code, answer.json()["code"], len(paystory.net.sent)) == (503, "gateway_unavailable", sent)


async def test_a_typed_card_is_refused_unless_the_site_switched_that_on(paystory):
    street = paystory
    no = await ask(street, card=CARD)
    assert no.status_code == 503
    assert not street.net.sent
    street.site = await street.pair("http://typed-shop.test", card_entry="on")
    asked = await ask(street, card=CARD)

    assert (asked.status_code, asked.json()["state"]) == (201, "active"), asked.text
    assert asked.json()["card"]["number"].endswith("*1111") or "1111" in json.dumps(asked.json()["card"])
    for table in ("billing_keys", "calls", "answers", "audit"):
        assert CARD["number"] not in json.dumps(await street.all(f"SELECT * FROM {table}"), default=str), table


@pytest.mark.parametrize(
    ("lacks", "word", "korean"),
    [
        ({"issuer": ""}, "card.issuer", "카드사 코드"),
        ({"issuer": "6"}, "card.issuer", "카드사 코드"),
        ({"issuer": "99"}, "card.issuer", "카드사 코드"),
        ({"issuer": "0006"}, "card.issuer", "카드사 코드"),
        ({"holder": ""}, "card.holder", "생년월일 6자리"),
        ({"holder": "19900101"}, "card.holder", "생년월일 6자리"),
        ({"password": ""}, "card.password", "비밀번호 앞 두 자리"),
        ({"password": "1"}, "card.password", "비밀번호 앞 두 자리"),
    ],
)
async def test_a_typed_card_is_refused_here_where_paystory_needs_more_of_it(paystory, lacks, word, korean):
    street = paystory
    street.site = await street.pair("http://typed-shop.test", card_entry="on")
    refused = await ask(street, card=CARD | lacks)

    said = refused.json()
    assert (refused.status_code, said["code"]) == (400, "malformed"), said
    assert word in said["detail"]
    assert korean in said["message_ko"]
    assert not street.net.sent
    company = await ask(street, card=CARD | {"holder": "1234567890"})
    assert (company.status_code, company.json()["state"]) == (201, "active"), company.text


async def test_an_account_is_issued_and_paid_into_once_however_often_it_is_told(paystory):
    street = paystory
    street.register_notices()
    opened = await street.checkout(method="virtual_account")
    await street.come_back(opened)
    await street.quiet()
    payment = await street.payment(opened.payment)

    assert payment.state == "awaiting_deposit"
    assert payment.account["number"]
    assert await street.entries(payment.id) == []
    street.fault("notice", "notice_thrice")
    street.sandbox.desks["paystory"].deposit({"merchant_ref": payment.merchant_ref})
    await street.live(30.0, 5.0)
    assert await street.state(payment.id) == "paid"
    assert await street.told(payment.id) == ["payment.awaiting_deposit", "payment.paid"]
    assert street.book(payment).net == 55_000
    await street.check_books()


async def account_at_its_end(street):
    """An account was issued, and its time is over just now."""
    opened = await street.checkout(method="virtual_account")
    await street.come_back(opened)
    await street.quiet()
    payment = await street.payment(opened.payment)
    await street.live((payment.expires_at - street.clock.now()).total_seconds(), step=86_400)
    return payment


async def a_day_and_some_minutes(street):
    await street.live(86_400, step=7_200)
    await street.live(3_600, step=20)


async def test_an_account_whose_deposit_was_never_told_is_found_paid_before_it_ends(paystory):
    street = paystory
    payment = await account_at_its_end(street)
    street.fault("notice", "notice_lost", times=None)
    street.sandbox.desks["paystory"].deposit({"merchant_ref": payment.merchant_ref, "late": True})
    await a_day_and_some_minutes(street)

    assert await street.state(payment.id) == "paid"
    assert await street.entries(payment.id) == [("capture", 55_000, "E4")]
    assert await street.told(payment.id) == ["payment.awaiting_deposit", "payment.paid"]
    assert await street.cases(payment.id) == []
    await street.check_books()


async def test_an_account_nobody_paid_into_ends_once_the_gateway_has_shown_it(paystory):
    street = paystory
    payment = await account_at_its_end(street)
    await a_day_and_some_minutes(street)

    assert await street.state(payment.id) == "expired"
    assert (await street.calls(payment.id)).count("query") == 1
    assert await street.cases(payment.id) == []


async def test_an_account_that_is_being_looked_at_can_be_closed_meanwhile(paystory):
    street = paystory
    payment = await account_at_its_end(street)
    pen = Recorder.now(street.context, street.context.sites.get(payment.site))
    await street.context.ledger.write(lambda turn: owe_check(turn, pen, payment, after_seconds=600))
    closed = await street.call("POST", f"/v1/payments/{payment.id}/void", {"actor": "wp:7"})

    assert (closed.status_code, closed.json()["state"]) == (200, "voided")


async def test_an_account_ends_though_the_gateway_does_not_say_for_hours_and_its_money_is_found_later(paystory):
    street = paystory
    payment = await account_at_its_end(street)
    street.fault("notice", "notice_lost", times=None)
    street.fault("query", "5xx_before", times=None)
    street.sandbox.desks["paystory"].deposit({"merchant_ref": payment.merchant_ref, "late": True})
    await a_day_and_some_minutes(street)
    assert await street.state(payment.id) == "expired"
    street.sandbox.faults.clear()
    await street.live(86_400, step=3_600)

    assert await street.cases(payment.id) == ["money_on_ended_payment"]
    assert await street.entries(payment.id) == [("orphan_capture", 55_000, "E4")]
    await street.check_books()


@pytest.mark.parametrize("method", ["account", "phone", "gift"])
async def test_other_ways_to_pay_are_paid(paystory, method):
    payment = await paystory.buy(method=method)

    assert (payment.state, payment.captured, paystory.book(payment).net) == ("paid", 55_000, 55_000)
    assert str(payment.method) == method
    await paystory.check_books()


@pytest.mark.parametrize("method", ["account", "phone", "gift"])
async def test_other_ways_to_pay_are_refunded(paystory, method):
    payment = await paystory.buy(method=method)
    back = await paystory.refund(payment.id)

    assert back.status_code == 200, back.text
    assert paystory.book(payment).net == 0
    await paystory.check_books()


ACCOUNT = Account("088", "110-123-456789", "홍길동")


async def deposited(street):
    street.register_notices()
    opened = await street.checkout(method="virtual_account")
    await street.come_back(opened)
    await street.quiet()
    payment = await street.payment(opened.payment)
    street.sandbox.desks["paystory"].deposit({"merchant_ref": payment.merchant_ref})
    await street.live(30.0, 5.0)
    return await street.payment(opened.payment)


async def give_back(street, payment, amount=None):
    site = street.context.sites.get(street.site.id)
    wish = RefundWish(payment.id, amount, "고객 요청", "cli:1", capped=False, account=ACCOUNT)
    key = street.clock.random_bytes(16).hex()
    made = await refund(street.context, site, wish, once_of_command(street.context, key, "d"))
    await street.quiet()
    return made


@pytest.mark.parametrize("parts", [(None,), (5_000, None)])
async def test_a_deposit_goes_back_to_the_account_that_an_operator_names(paystory, parts):
    payment = await deposited(paystory)
    assert (await paystory.refund(payment.id)).status_code == 422, "the shop has no account to name"
    for amount in parts:
        await give_back(paystory, payment, amount)

    assert await paystory.state(payment.id) == "refunded"
    assert paystory.book(payment).net == 0
    asked = [one["fields"] for one in paystory.sandbox.requests if one["op"] == "cancel"]
    assert {(one["refundBankCd"], one["refundAccnt"]) for one in asked} == {("088", "***")}
    for table in ("operations", "calls", "audit", "news"):
        assert "110123456789" not in json.dumps(await paystory.all(f"SELECT * FROM {table}"), default=str), table
    await paystory.check_books()


async def test_a_deposits_refund_whose_answer_is_lost_is_asked_for_and_made_once(paystory):
    payment = await deposited(paystory)
    paystory.fault("refund", "drop_after")
    await give_back(paystory, payment)
    await paystory.live(300.0)

    assert await paystory.state(payment.id) == "refunded"
    assert len(paystory.book(payment).refunds) == 1
    await paystory.check_books()


async def test_a_card_payment_goes_back_to_no_account(paystory):
    payment = await paystory.buy()
    with pytest.raises(RefundRefused, match="makes no transfers"):
        await give_back(paystory, payment)
    assert paystory.book(payment).net == 55_000
