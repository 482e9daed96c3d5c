"""Payple's keys over the real flows, as its regular payments want them: one a month, and known by its month."""

from datetime import UTC, datetime

import pytest

from bridge.cli.work import perform
from bridge.domain.exchange import KST
from bridge.flows.ask_key import KEYS_ASKED_MAX, NOT_ASKED
from bridge.gateways.payple.adapter import payer_no
from tests.gateways.street import Street
from tests.gateways.test_key_stories import CUSTOMER, ask, charge, come_back, key_of


@pytest.fixture
async def monthly(tmp_path):
    """A shop whose contract lets a key be charged once a month (PCD_REGULER_FLAG), a minute before a new one."""
    made = Street(tmp_path)
    made.gateway = "payple"
    await made.start()
    made.site = await made.pair(charges="regular")
    made.clock.at = datetime(2026, 11, 30, 14, 59, 0, tzinfo=UTC)
    yield made
    await made.quiet()
    await made.close()


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
