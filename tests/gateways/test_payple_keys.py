"""Payple's keys over the real flows, as its regular payments want them: one a month, and known by its month.

Of bridge.gateways.payple.answers, through bridge.gateways.payple.adapter.
"""

import json
from datetime import UTC, datetime

import pytest

from bridge.cli.work import perform
from bridge.domain.billing import Issued, KeyOrder
from bridge.domain.exchange import KST, Reply, Stamp
from bridge.domain.gateway import Declined, Paid, Return, Unknown, Urls
from bridge.domain.payment import Buyer, Mode
from bridge.domain.reasons import Reason
from bridge.flows.ask_key import KEYS_ASKED_MAX, NOT_ASKED
from bridge.gateways.payple.adapter import build
from bridge.gateways.payple.fields import payer_no
from tests.gateways.paired import paired
from tests.gateways.street import SETTINGS, Street
from tests.gateways.test_key_stories import CUSTOMER, ask, charge, come_back, key_of


@pytest.fixture
async def monthly(tmp_path):
    """A shop whose contract lets a key be charged once a month (PCD_REGULER_FLAG), a minute before a new one."""
    async with paired(Street(tmp_path), "payple", charges="regular") as made:
        made.clock.at = datetime(2026, 11, 30, 14, 59, 0, tzinfo=UTC)
        yield made


@pytest.fixture
async def simple(tmp_path):
    """A shop whose keys are charged at will."""
    async with paired(Street(tmp_path), "payple") as made:
        yield made


async def remembered(street):
    asked = await ask(street)
    await come_back(street, asked)
    return (await key_of(street, asked))["id"]


async def ask_about(street, key, customer=CUSTOMER):
    return await street.call("POST", f"/v1/billing-keys/{key}/ask", {"customer": customer})


async def typed(street, customer=CUSTOMER):
    return await perform(street.context, "site.keys", {"url": street.site.url, "customer": customer})


def asked_of_the_gateway(street, op):
    return [one["fields"] for one in street.sandbox.requests if one["op"] == op]


async def test_a_regular_charge_is_refunded_in_part_and_then_in_full_by_its_month(monthly):
    paid = await charge(monthly, await remembered(monthly))
    payment = await monthly.payment(paid.json()["id"])
    assert (paid.json()["state"], payment.refs["regularMonth"]) == ("paid", "202611")
    await monthly.clock.forward(5 * 86_400.0)
    assert (await monthly.refund(payment.id, 5_000)).status_code == 200
    assert (await monthly.refund(payment.id)).status_code == 200

    assert (await monthly.state(payment.id), monthly.book(payment).net) == ("refunded", 0)
    named = [(one["PCD_PAY_YEAR"], one["PCD_PAY_MONTH"]) for one in asked_of_the_gateway(monthly, "refund")]
    assert named == [("2026", "11")] * 2
    await monthly.check_books()


async def test_a_regular_charge_whose_answer_is_lost_is_found_in_the_month_it_was_for(monthly):
    key = await remembered(monthly)
    monthly.fault("regular", "drop_after")
    monthly.fault("lookup", "5xx_before", times=2)
    lost = await charge(monthly, key)
    assert lost.json()["state"] == "unknown"
    await monthly.live(900.0)
    assert not monthly.sandbox.faults.armed, "an answer was lost, and two inquiries failed"

    payment = await monthly.payment(lost.json()["id"])
    assert monthly.clock.now().astimezone(KST).month == 12, "asked about in another month than it was charged in"
    assert (payment.state, monthly.book(payment).net) == ("paid", 55_000)
    assert {one["PCD_PAY_MONTH"] for one in asked_of_the_gateway(monthly, "lookup")} == {"11"}
    assert (await monthly.refund(payment.id)).status_code == 200
    assert monthly.book(payment).net == 0
    await monthly.check_books()


async def test_a_lost_refund_of_a_regular_charge_is_made_once(monthly):
    paid = await charge(monthly, await remembered(monthly))
    payment = await monthly.payment(paid.json()["id"])
    monthly.fault("refund", "drop_after")
    await monthly.refund(payment.id)
    await monthly.live(900.0)

    assert await monthly.state(payment.id) == "refunded"
    assert len(monthly.book(payment).refunds) == 1
    await monthly.check_books()


async def test_a_second_charge_in_one_month_is_refused_and_takes_nothing(monthly):
    key = await remembered(monthly)
    first = await charge(monthly, key)
    second = await charge(monthly, key, ref="O-NEXT")
    await monthly.live(1_800.0, 15.0)

    states = [await monthly.state(one.json()["id"]) for one in (first, second)]
    assert states == ["paid", "declined"]
    assert monthly.book(await monthly.payment(first.json()["id"])).net == 55_000
    await monthly.check_books()


# ---- what a key stands for


async def test_payple_is_asked_what_a_key_stands_for(monthly):
    key = await remembered(monthly)
    shown = await ask_about(monthly, key)
    assert (shown.status_code, shown.json()["known"], shown.json()["usable"]) == (200, True, True)
    assert "*" in shown.json()["card"]["number"]
    assert asked_of_the_gateway(monthly, "user_info")[-1]["PCD_PAYER_NO"] == payer_no(CUSTOMER)
    (line,) = await typed(monthly)
    assert line["gateway_says"].startswith("it can be charged, ")

    monthly.sandbox.desks["payple"]._till.payers.clear()
    assert (await ask_about(monthly, key)).json() == {"id": key, "known": False, "usable": False, "card": {}}
    assert [one["gateway_says"] for one in await typed(monthly)] == ["there is no such key"]
    assert "user_info" in [row["op"] for row in await monthly.all("SELECT op FROM calls")]


async def test_a_key_is_asked_about_by_its_own_customer_and_an_answer_that_is_lost_says_nothing(monthly):
    key = await remembered(monthly)
    assert (await ask_about(monthly, key, "customer-2")).status_code == 404
    assert await typed(monthly, "customer-2") == []
    monthly.fault("user_info", "drop_after")
    lost = await ask_about(monthly, key)
    assert (lost.status_code, lost.json()["code"]) == (503, "gateway_unavailable")
    monthly.fault("user_info", "drop_after")
    (line,) = await typed(monthly)
    assert "ask again later" in line["gateway_says"]
    await monthly.call("DELETE", f"/v1/billing-keys/{key}", {"customer": CUSTOMER})
    assert (await ask_about(monthly, key)).status_code == 409
    assert "gateway_says" not in (await typed(monthly))[0]


async def test_all_keys_of_a_customer_are_shown_and_of_those_not_asked_about_it_is_said(monthly):
    key = await remembered(monthly)
    await monthly.call("DELETE", f"/v1/billing-keys/{await remembered(monthly)}", {"customer": CUSTOMER})
    (row,) = await monthly.all("SELECT * FROM billing_keys WHERE id = ?", key)

    def copy(turn):
        for number in range(KEYS_ASKED_MAX + 2):
            made = dict(row) | {"id": f"{row['id'][:-2]}{number:02d}", "ref": f"COPY{number:016d}"}
            marks = ", ".join("?" * len(made))
            turn.run(f"INSERT INTO billing_keys ({', '.join(made)}) VALUES ({marks})", *made.values())

    await monthly.context.ledger.write(copy)
    before = len(asked_of_the_gateway(monthly, "user_info"))
    shown = await typed(monthly)
    said = [one.get("gateway_says", "") for one in shown]

    assert len(shown) == KEYS_ASKED_MAX + 4
    assert said.count(NOT_ASKED) == 3
    assert sum(one.startswith("it can be charged") for one in said) == KEYS_ASKED_MAX
    assert len(asked_of_the_gateway(monthly, "user_info")) == before + KEYS_ASKED_MAX
    assert [one["state"] for one in shown if not one.get("gateway_says")] == ["deleted"]
    assert said.index(NOT_ASKED) > KEYS_ASKED_MAX - 1, "the oldest are those that are not asked about"


# ---- the first payment, in the window in which the card is registered


async def first_payment(street, **changes):
    """Ask for a key with an order that it pays; gives what was answered and the order."""
    order = street.order(**{"amount": 55_000} | changes)
    asked = await ask(street, order=order)
    assert asked.status_code == 201, asked.text
    return asked, order


async def payment_of(street, order):
    (row,) = await street.all("SELECT id FROM payments WHERE order_ref = ?", order["ref"])
    return await street.payment(row["id"])


async def test_a_card_is_registered_and_charged_in_one_window_and_charged_again_after(simple):
    asked, order = await first_payment(simple, tax_free=11_000)
    landed = await come_back(simple, asked)
    key, payment = await key_of(simple, asked), await payment_of(simple, order)

    assert "pay_bridge_result=active" in landed.headers["location"]
    assert (key["state"], payment.state, simple.book(payment).net) == ("active", "paid", 55_000)
    assert key["card"] == payment.card
    (window,) = asked_of_the_gateway(simple, "window")
    told = {name: window.get(f"PCD_{name}") for name in ("PAY_WORK", "CARD_VER", "PAY_TOTAL", "PAY_TAXTOTAL")}
    assert told == {"PAY_WORK": "CERT", "CARD_VER": "01", "PAY_TOTAL": "55000", "PAY_TAXTOTAL": "4000"}
    assert "PCD_REGULER_FLAG" not in window
    assert len(asked_of_the_gateway(simple, "confirm")) == 1
    again = await charge(simple, key["id"], amount=12_000)
    assert (again.status_code, again.json()["state"]) == (201, "paid")
    assert (await ask_about(simple, key["id"])).json()["usable"] is True, "the card is its customer's"
    assert (await simple.refund(payment.id)).status_code == 200
    assert simple.book(payment).net == 0
    await simple.check_books()


@pytest.mark.parametrize("kind", ["drop_before", "drop_after"])
async def test_what_a_lost_first_payment_charged_is_settled_though_no_key_is_left(simple, kind):
    asked, order = await first_payment(simple)
    simple.fault("confirm", kind)
    await come_back(simple, asked)
    await simple.live(3_600.0, 10.0)
    payment = await payment_of(simple, order)

    made = kind == "drop_after"
    assert (await key_of(simple, asked))["state"] == "lost"
    assert (payment.state, payment.captured) == (("paid", 55_000) if made else ("declined", 0))
    assert simple.book(payment).net == (55_000 if made else 0)
    assert await simple.cases(payment.id) == []
    await simple.check_books()


@pytest.mark.parametrize("action", ["close", "fail"])
async def test_whoever_leaves_the_first_payments_window_has_no_key_and_paid_nothing(simple, action):
    asked, order = await first_payment(simple)
    await come_back(simple, asked, action)

    assert (await key_of(simple, asked))["state"] == "refused"
    assert await simple.all("SELECT id FROM payments WHERE order_ref = ?", order["ref"]) == []
    assert asked_of_the_gateway(simple, "confirm") == []
    assert [book["net"] for book in simple.sandbox.bank.as_json()["payments"]] in ([], [0])
    await simple.check_books()


async def test_a_declined_first_payment_leaves_no_key(simple):
    asked, order = await first_payment(simple)
    simple.fault("confirm", "decline", code="SPCD0001")
    await come_back(simple, asked)

    assert (await key_of(simple, asked))["state"] == "refused"
    assert (await payment_of(simple, order)).state == "declined"
    await simple.check_books()


async def test_where_keys_are_charged_by_the_month_the_first_payment_is_the_months(monthly):
    asked, order = await first_payment(monthly)
    await come_back(monthly, asked)
    key, payment = await key_of(monthly, asked), await payment_of(monthly, order)
    assert (key["state"], payment.state, payment.refs["regularMonth"]) == ("active", "paid", "202611")
    (window,) = asked_of_the_gateway(monthly, "window")
    assert [window[f"PCD_{name}"] for name in ("REGULER_FLAG", "PAY_YEAR", "PAY_MONTH")] == ["Y", "2026", "11"]

    await monthly.clock.forward(5 * 86_400.0)
    assert (await charge(monthly, key["id"])).json()["state"] == "paid", "another month"
    assert (await monthly.refund(payment.id)).status_code == 200
    assert asked_of_the_gateway(monthly, "refund")[-1]["PCD_PAY_MONTH"] == "11"
    assert monthly.book(payment).net == 0
    await monthly.check_books()


async def test_in_mode_pay_a_key_takes_no_order_because_its_money_would_move_before_the_books_know(tmp_path):
    street = Street(tmp_path)
    street.gateway = "payple"
    await street.start()
    street.site = await street.pair(pay_work="PAY")
    refused = await ask(street, order=street.order())
    plain = await ask(street)
    await street.quiet()
    await street.close()

    assert (refused.status_code, refused.json()["code"]) == (400, "malformed")
    assert "charge the key after" in refused.text
    assert plain.status_code == 201


@pytest.mark.parametrize(("kind", "more"), [("decline", {"code": "AUTH0004"}), ("5xx_before", {}), ("drop_before", {})])
async def test_a_customer_whose_window_payple_does_not_let_open_is_told_so_until_it_does(tmp_path, kind, more):
    async with paired(Street(tmp_path), "payple") as street:
        asked = await ask(street)
        address = asked.json()["window_url"].removesuffix("/window")
        street.fault("auth", kind, **more)
        async with street.client() as client:
            page = await client.get(asked.json()["window_url"])
            before = (await client.get(f"{address}/state")).json()
            refused = await client.post(f"{address}/auth", data={"a": "b"})
            told = (await client.get(f"{address}/state")).json()
            kept = await key_of(street, asked)
            passed = await client.post(f"{address}/auth", data={"a": "b"})
            after = (await client.get(f"{address}/state")).json()
        await come_back(street, asked)
        key = await key_of(street, asked)

        assert 'data-other="쇼핑몰로 돌아가기"' in page.text, "there is no other method to be chosen here"
        assert (refused.status_code, passed.status_code) == (503, 200)
        assert (told["state"], told["window"]) == ("open", "refused")
        assert "window" not in before
        assert "window" not in after
        assert "아무것도 등록하지 않았어요" in told["message_ko"]
        assert (kept["state"], kept.get("code", "")) == ("open", more.get("code", "")), "a clerk reads why"
        assert kept["message"]
        assert (key["state"], key.get("message")) == ("active", None), "and it is registered by the next try"


def first(returned, amount=55_000):
    order = KeyOrder("KEY1", "u1", "회비", Buyer("홍길동"), datetime.now(UTC), amount=amount, refs={"oid": "KEY1"})
    return build(SETTINGS["payple"] | {"referer": "https://pay.test/"}, Mode.TEST).issue_key(
        order, Return(returned), Stamp(datetime.now(UTC), "0" * 32)
    )


def test_the_first_payments_window_says_whose_card_it_is_and_what_is_sold():
    order = KeyOrder("KEY1", "u1", "회비", Buyer("홍길동"), datetime.now(UTC), amount=55_000)
    urls = Urls("https://pay.test/a", "https://pay.test/c", "https://pay.test/n", "https://pay.test/x")
    talk = build(SETTINGS["payple"] | {"referer": "https://pay.test/"}, Mode.TEST).open_key_window(
        order, urls, Stamp(datetime.now(UTC), "0" * 32)
    )
    with pytest.raises(StopIteration) as stopped:
        next(talk)
    fields = stopped.value.value.fields
    assert (fields["PCD_PAYER_NO"], fields["PCD_PAY_GOODS"]) == (payer_no("u1"), "회비")
    assert fields["PCD_PAY_TOTAL"] == "55000"


def ended(exchange, **told):
    """Give what came of a confirmation that is answered so."""
    assert next(exchange).op == "confirm"
    done = {"PCD_PAY_RST": "success", "PCD_PAY_CODE": "SPCD0000", "PCD_PAY_OID": "KEY1", "PCD_PAY_TOTAL": 55_000}
    with pytest.raises(StopIteration) as stopped:
        exchange.send(Reply(200, json.dumps(done | told).encode()))
    return stopped.value.value


def test_a_key_that_the_answer_does_not_bear_out_is_not_believed_and_its_money_is():
    mine = {"PCD_PAYER_ID": "P1", "PCD_PAY_REQKEY": "R", "PCD_AUTH_KEY": "A"}
    for told in ({}, {"PCD_PAYER_ID": "P1"}):
        issued = ended(first(mine), **told)
        assert isinstance(issued, Issued)
        assert (issued.key, issued.charged.amount) == ("P1", 55_000)
    other = ended(first(mine), PCD_PAYER_ID="P2")
    assert isinstance(other, Paid)
    assert other.amount == 55_000
    assert isinstance(ended(first(mine), PCD_PAY_OID="KEY2"), Unknown)


@pytest.mark.parametrize(
    ("returned", "reason"),
    [
        ({}, Reason.BAD_REQUEST),
        ({"PCD_PAYER_ID": "P1", "PCD_PAY_TOTAL": "1000"}, Reason.AMOUNT_MISMATCH),
        ({"PCD_PAYER_ID": "P1", "PCD_PAY_COFURL": "https://elsewhere.test/php/PayCardConfirmAct.php?ACT_=PAYM"},
         Reason.BAD_REQUEST),
    ],
)  # fmt: skip
def test_a_first_payment_that_came_back_otherwise_is_not_confirmed(returned, reason):
    with pytest.raises(StopIteration) as stopped:
        next(first(returned))
    assert (type(stopped.value.value), stopped.value.value.reason) == (Declined, reason)
