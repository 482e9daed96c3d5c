"""Typed cards and accounts without a window: who is down or cannot say what an order asks is passed over, unasked."""

from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from bridge.clock import now_ms
from bridge.domain.payment import Method
from bridge.flows.choose_gateway import FAILURES_MAX, REST_SECONDS
from bridge.flows.direct_payment import DirectWish, begin_payment, pay_directly
from bridge.flows.manage_sites import change_settings
from bridge.flows.open_checkout import Once
from tests.flows.test_billing import charge, issued
from tests.ledger.test_rows import ORDER
from tests.support.disaster import keep, key_of, lose
from tests.support.teller import Teller

OTHER = "http://other.test"
CARD = {"number": "4111111111111111", "expires": "3012", "holder": "901231", "password": "12"}
BOOK = {"amount": 60_000, "tax_free": 10_000}


async def pair(world, first, second, **more):
    """A site with two gateways, each on a host of its own."""
    world.other = Teller()
    world.net.apps[f"{OTHER}:80"] = world.other.app()
    switch = {"card_entry": "on"}
    await world.pair_tellers(teller={"kind": first} | switch, teller_b={"kind": second, "at": OTHER} | switch | more)


@pytest.fixture
async def two(world):
    """The first gateway takes months and no tax-free part, the second a tax-free part and no months."""
    await pair(world, "TypedCardsInMonths", "TypedCardsUndone")
    return world


def calls(world):
    return world.teller.calls["key_in"], world.other.calls["key_in"]


async def key_in(world, order, key="", **more):
    body = {"order": world.order(**order), "card": CARD, "actor": "wp:7"} | more
    return await world.call("POST", "/v1/card-payments", body, key=key)


@pytest.mark.parametrize(
    ("order", "more", "gateway"),
    [
        ({"amount": 60_000}, {}, "teller"),
        ({"amount": 60_000}, {"instalment_months": 3}, "teller"),
        (BOOK, {}, "teller_b"),
    ],
)
async def test_a_typed_card_goes_to_the_first_gateway_that_can_say_what_the_order_asks(two, order, more, gateway):
    paid = await key_in(two, order, **more)

    assert (paid.status_code, paid.json()["state"], paid.json()["gateway"]) == (201, "paid", gateway)
    assert calls(two) == (int(gateway == "teller"), int(gateway == "teller_b"))
    assert await two.all("SELECT owner FROM payments") == [{"owner": two.context.owner}]
    assert len(await two.all("SELECT id FROM payments")) == 1, "nothing was begun where it could not be said"
    await two.check_books()


async def test_instalments_pass_over_a_gateway_that_has_no_field_for_them(world):
    await pair(world, "TypedCardsUndone", "TypedCardsInMonths")
    paid = await key_in(world, {"amount": 60_000}, instalment_months=6)

    assert (paid.json()["gateway"], paid.json()["instalment_months"], calls(world)) == ("teller_b", 6, (0, 1))


async def test_an_amount_below_one_gateways_least_goes_to_the_next(world):
    await pair(world, "TypedCardsUndone", "TypedCardsUndone", least="500")
    paid = await key_in(world, {"amount": 700})

    assert (paid.status_code, paid.json()["gateway"], calls(world)) == (201, "teller_b", (0, 1))


@pytest.mark.parametrize(
    ("order", "more", "words"),
    [
        (BOOK, {"instalment_months": 3}, "teller has no field for what is free of tax"),
        (BOOK, {"gateway": "teller"}, "teller has no field for what is free of tax"),
        ({"amount": 60_000}, {"instalment_months": 13}, "teller takes at most 12 months"),
    ],
)
async def test_where_none_can_say_it_the_first_says_why_and_nothing_is_sent(two, order, more, words):
    no = await key_in(two, order, **more)

    assert (no.status_code, no.json()["code"]) == (422, "amount_refused")
    assert words in no.json()["detail"]
    assert calls(two) == (0, 0)
    assert await two.all("SELECT id FROM payments") == []


async def test_what_a_gateway_declined_or_never_answered_goes_to_no_other(two):
    two.teller.fail("key_in", "declined")
    no = await key_in(two, {"amount": 60_000})
    two.teller.fail("key_in", "lost_after")
    lost = await key_in(two, {"ref": "ORDER-2", "amount": 60_000})

    assert no.json()["state"] == "declined"
    assert lost.json()["state"] != "paid"
    assert calls(two) == (2, 0)
    await two.check_books()


async def test_a_repeated_key_is_never_sent_to_another_gateway_than_its_payments(two):
    body = {"order": two.order(amount=60_000), "card": CARD, "actor": "wp:7"}
    two.net.down.add("http://teller.test:80")
    unsent = await two.call("POST", "/v1/card-payments", body, key="ab" * 16)
    two.net.down.clear()
    await change_settings(two.context, url=two.site.url, settings={"teller": {"card_entry": "off"}})
    again = await two.call("POST", "/v1/card-payments", body, key="ab" * 16)

    assert (unsent.json()["gateway"], unsent.json()["state"]) == ("teller", "open")
    assert (again.json()["id"], again.json()["state"]) == (unsent.json()["id"], "open")
    assert calls(two) == (0, 0), "who types it anew, with a new key, pays at the other gateway"
    anew = await two.call("POST", "/v1/card-payments", body, key="cd" * 16)
    assert (anew.json()["gateway"], anew.json()["state"]) == ("teller_b", "paid")


async def test_an_account_is_issued_by_the_first_gateway_that_can_say_what_is_free_of_tax(world):
    await pair(world, "AccountsTaxedWhole", "Accounts")
    due = world.hold(86_400.0)
    asked = {"bank": "04", "due": due, "actor": "wp:7"}
    book = await world.call("POST", "/v1/accounts", {"order": world.order(**BOOK)} | asked)
    seat = await world.call("POST", "/v1/accounts", {"order": world.order(ref="ORDER-2")} | asked)

    assert (book.status_code, book.json()["gateway"]) == (201, "teller_b")
    assert (seat.status_code, seat.json()["gateway"]) == (201, "teller")


# ---- restored books


async def test_nothing_is_charged_without_a_window_before_restored_books_are_reconciled(two):
    key = await issued(two)
    await two.beat()
    keep(two)
    await lose(two)
    typed = await key_in(two, {}, key_of(two, 1))
    charged = await charge(two, key, once=key_of(two, 2))

    assert [(no.status_code, no.json()["code"]) for no in (typed, charged)] == [(503, "reconciling")] * 2
    assert (calls(two), two.teller.calls["charge"] + two.other.calls["charge"]) == ((0, 0), 0)
    assert await two.all("SELECT id FROM payments") == [], "not even begun"


# ---- a gateway that is down


def is_down(world, gateway="teller"):
    return world.context.breakers.is_down(world.site.id, gateway, world.clock.boot_seconds())


async def test_a_typed_card_passes_over_a_gateway_that_is_down_until_its_rest_is_over(two):
    two.let_rest("teller")
    meanwhile = await key_in(two, {"amount": 60_000})
    await two.clock.forward(REST_SECONDS)
    after = await key_in(two, {"ref": "ORDER-2", "amount": 60_000})

    assert [(one.json()["gateway"], one.json()["state"]) for one in (meanwhile, after)] == [
        ("teller_b", "paid"),
        ("teller", "paid"),
    ]
    assert two.context.breakers._failed == {}, "its answer is heard"
    await two.check_books()


@pytest.mark.parametrize(
    ("down", "more"),
    [
        (["teller", "teller_b"], {}),
        (["teller"], {"gateway": "teller"}),
        (["teller"], {"instalment_months": 3}),
    ],
)
async def test_where_all_that_could_take_it_are_down_it_is_said_when_to_try_again_and_nothing_is_sent(two, down, more):
    two.let_rest(*down)
    await two.clock.forward(9.5)
    no = await key_in(two, {"ref": "ORDER-1", "amount": 60_000}, key="ab" * 16, **more)

    assert (no.status_code, no.json()["code"], no.json()["retry"]) == (503, "gateway_unavailable", True)
    assert (no.headers["retry-after"], no.json()["retry_after_seconds"]) == ("21", 21)
    assert "nothing was sent. Try again in 21 s" in no.json()["detail"]
    assert "21초 뒤에 다시 시도해 주세요" in no.json()["message_ko"]
    assert (calls(two), await two.all("SELECT id FROM payments")) == ((0, 0), [])
    await two.clock.forward(21)
    then = await key_in(two, {"ref": "ORDER-1", "amount": 60_000}, key="ab" * 16, **more)
    assert (then.json()["gateway"], then.json()["state"]) == ("teller", "paid"), "the same key may be sent then"


async def test_what_a_gateway_that_is_down_holds_already_is_shown_and_sent_to_no_other(two):
    body = {"order": two.order(amount=60_000), "card": CARD, "actor": "wp:7"}
    unsent = two.order(amount=60_000)
    paid = await two.call("POST", "/v1/card-payments", body, key="ab" * 16)
    two.net.down.add("http://teller.test:80")
    await two.call("POST", "/v1/card-payments", body | {"order": unsent}, key="cd" * 16)
    two.let_rest("teller")
    shown = await two.call("POST", "/v1/card-payments", body, key="ab" * 16)
    still = await two.call("POST", "/v1/card-payments", body | {"order": unsent}, key="cd" * 16)
    two.net.down.clear()
    again = await two.call("POST", "/v1/card-payments", body | {"order": unsent}, key="cd" * 16)

    assert (shown.json()["id"], shown.json()["state"]) == (paid.json()["id"], "paid")
    assert (still.json()["gateway"], still.json()["state"]) == ("teller", "open")
    assert (again.json()["gateway"], again.json()["state"], calls(two)) == ("teller", "paid", (2, 0))
    await two.check_books()


@pytest.mark.parametrize("why", ["unreachable", "silent"])
async def test_typed_cards_that_nobody_answers_let_the_gateway_rest(two, why):
    if why == "unreachable":
        two.net.down.add("http://teller.test:80")
    two.teller.always["key_in"] = "lost_before"
    for _ in range(FAILURES_MAX):
        assert not is_down(two)
        assert (await key_in(two, {"amount": 60_000})).json()["gateway"] == "teller"

    assert is_down(two)
    assert (await key_in(two, {"amount": 60_000})).json()["gateway"] == "teller_b"
    methods = (await two.call("GET", "/v1/codes/methods")).json()["items"]
    (card,) = [one for one in methods if one["code"] == "card"]
    assert [one["gateway"] for one in card["gateways"] if one["healthy"]] == ["teller_b"], "for windows too"


async def test_a_declined_card_is_an_answer(two):
    two.teller.always["key_in"] = "declined"
    for _ in range(FAILURES_MAX - 1):
        two.context.breakers.failed(two.site.id, "teller", two.clock.boot_seconds())
    for _ in range(FAILURES_MAX):
        assert (await key_in(two, {"amount": 60_000})).json()["state"] == "declined"

    assert two.context.breakers._failed == {}
    assert calls(two) == (FAILURES_MAX, 0)


async def test_an_account_is_issued_by_a_gateway_that_is_up(world):
    await pair(world, "Accounts", "Accounts")
    world.let_rest("teller")
    asked = {"bank": "04", "due": world.hold(86_400.0), "actor": "wp:7"}
    issued = await world.call("POST", "/v1/accounts", {"order": world.order()} | asked)
    world.let_rest("teller_b")
    no = await world.call("POST", "/v1/accounts", {"order": world.order()} | asked)

    assert (issued.status_code, issued.json()["gateway"]) == (201, "teller_b")
    assert (no.status_code, no.json()["code"], no.headers["retry-after"]) == (503, "gateway_unavailable", "30")
    assert (world.teller.calls["account"], world.other.calls["account"]) == (0, 1)


async def test_a_charge_of_a_key_whose_gateway_is_down_is_refused_with_the_time_and_sent_after_it(two):
    key = await issued(two)
    for _ in range(FAILURES_MAX):
        two.teller.fail("charge", "lost_before")
        assert (await charge(two, key)).status_code in (201, 202)
    asked, order = two.teller.calls["charge"], two.order()
    no = await charge(two, key, order=order, once="ab" * 16)

    assert (no.status_code, no.json()["code"], no.headers["retry-after"]) == (503, "gateway_unavailable", "30")
    assert (two.teller.calls["charge"], two.other.calls["charge"]) == (asked, 0)
    await two.clock.forward(REST_SECONDS)
    then = await charge(two, key, order=order, once="ab" * 16)
    assert (then.json()["gateway"], then.json()["state"]) == ("teller", "paid")
    assert not is_down(two)


async def test_a_repeat_whose_gateway_is_there_no_more_shows_the_payment_and_sends_nothing(two):
    site, order = two.context.sites.get(two.site.id), replace(ORDER, ref="DIRECT-1")
    wish = DirectWish("key_in", order, Method.CARD, "wp:7")
    first, again = (Once("k", nonce * 32, now_ms(two.clock) + 60_000, key_of(two, 1), "d") for nonce in "ab")
    able = [site.gateway("teller")]
    begun = await two.context.ledger.write(lambda turn: begin_payment(turn, two.context, site, able, wish, first))
    with capture_logs() as lines:
        visit = await pay_directly(two.context, site, [], wish, again, lambda *_: pytest.fail("nothing is to be sent"))

    assert (visit.payment.id, visit.payment.state, lines) == (begun.id, "open", [])
    assert calls(two) == (0, 0)
