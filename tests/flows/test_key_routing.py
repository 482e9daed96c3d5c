"""Which gateway issues a billing key: one that issues such keys and has lately answered, as for a payment."""

import pytest

from bridge.flows.choose_gateway import FAILURES_MAX, REST_SECONDS
from tests.flows.test_billing import CARD, ask, come_back, show
from tests.support.teller import Teller

OTHER = "http://other.test"
FIRST, SECOND = "teller", "teller_b"


@pytest.fixture
async def two(world):
    """A site with two gateways that issue keys, each on a host of its own."""
    world.other = Teller()
    world.net.apps[f"{OTHER}:80"] = world.other.app()
    await world.pair_tellers(
        teller={"kind": "BillingUndone"}, teller_b={"kind": "BillingUndone", "at": OTHER, "least": "5000"}
    )
    return world


def cut_off(world, origin="http://teller.test"):
    """Let nobody reach a gateway."""
    world.net.down.add(f"{origin}:80")


async def opened(world, **wish):
    """Ask for a key: the gateway that opened its window, or the problem."""
    answer = await ask(world, **wish)
    return answer.json()["gateway"] if answer.status_code == 201 else answer.json()


async def test_a_gateway_that_is_down_is_passed_over_for_a_keys_window_until_its_rest_is_over(two):
    world = two
    world.let_rest(FIRST)
    assert await opened(world) == SECOND
    assert world.teller.calls["key_open"] == 0

    await world.clock.forward(REST_SECONDS)
    assert await opened(world) == FIRST
    assert world.context.breakers._failed == {}, "and its answer is heard"


async def test_a_named_gateway_that_is_down_is_said_to_be_and_left_in_peace(two):
    world = two
    world.let_rest(FIRST)
    no = await opened(world, gateway=FIRST)

    assert (no["code"], no["retry"], no["retry_after_seconds"]) == ("gateway_unavailable", True, REST_SECONDS)
    assert "Try again in 30 s" in no["detail"]
    assert "30초 뒤에 다시 시도해 주세요" in no["message_ko"]
    assert world.teller.calls["key_open"] == world.other.calls["key_open"] == 0
    assert await world.all("SELECT * FROM billing_keys") == []


@pytest.mark.parametrize("why", ["unreachable", "silent"])
async def test_a_gateway_that_opens_no_window_is_followed_by_the_next_and_rests_in_the_end(two, why):
    world = two
    if why == "unreachable":
        cut_off(world)
    world.teller.always["key_open"] = "lost_before"
    for _ in range(FAILURES_MAX):
        assert await opened(world) == SECOND
    asked, rows = world.teller.calls["key_open"], len(await world.all("SELECT * FROM billing_keys"))
    assert rows == 2 * FAILURES_MAX, "each was tried first"
    assert await opened(world) == SECOND

    assert world.teller.calls["key_open"] == asked, "now it rests"
    assert len(await world.all("SELECT * FROM billing_keys")) == rows + 1
    methods = (await world.call("GET", "/v1/codes/methods")).json()["items"]
    (card,) = [one for one in methods if one["code"] == "card"]
    assert [one["gateway"] for one in card["gateways"] if one["healthy"]] == [SECOND], "for payments too"


async def test_a_gateway_that_says_no_to_a_key_has_decided(two):
    world = two
    world.teller.always["key_open"] = "bad_merchant"
    for _ in range(FAILURES_MAX + 1):
        no = await opened(world)
        assert (no["code"], no["gateway_message"]) == ("gateway_unavailable", "그렇게 안 돼요")

    assert world.other.calls["key_open"] == 0


async def test_a_named_gateway_that_opens_no_window_is_not_changed_for_another(two):
    world = two
    cut_off(world)
    no = await opened(world, gateway=FIRST)

    assert (no["code"], no["retry"], "gateway_message" in no) == ("gateway_unavailable", True, False)
    assert world.other.calls["key_open"] == 0


async def test_a_request_repeated_after_an_outage_gets_its_window_and_once_it_has_one_keeps_it(two, world):
    cut_off(world)
    cut_off(world, OTHER)
    once = "ab" * 16
    wish = {"customer": "customer-1", "title": "정기 후원", "buyer": {"name": "홍길동"}}
    wish |= {"result_url": f"{world.site.url}/my-cards", "actor": "buyer"}
    no = await world.call("POST", "/v1/billing-keys", wish, key=once)
    assert (no.status_code, no.json()["retry"]) == (503, True)

    world.net.down.clear()
    first = await world.call("POST", "/v1/billing-keys", wish, key=once)
    again = await world.call("POST", "/v1/billing-keys", wish, key=once)
    assert (first.status_code, first.json()["state"]) == (201, "open")
    assert again.json() == first.json()


async def test_what_a_first_payment_needs_holds_for_the_next_gateway_too(two):
    world = two
    cut_off(world)
    small = await opened(world, method="phone", order=world.order(amount=2_000))
    assert small["code"] == "gateway_unavailable", "the other takes no less than 5,000 KRW"
    assert world.other.calls["key_open"] == 0
    assert await opened(world, method="phone", order=world.order(amount=5_000)) == SECOND


async def test_the_issuing_of_a_key_says_nothing_of_a_gateway_whose_window_was_asked_for(two):
    world = two
    kept, lost = await ask(world), await ask(world)
    world.context.breakers.failed(world.site.id, FIRST, world.clock.boot_seconds())
    failed = dict(world.context.breakers._failed)
    await come_back(world, kept)
    world.teller.fail("key_issue", "lost_before")
    await come_back(world, lost)
    await world.quiet()

    assert [(await show(world, one.json()["id"])).json()["state"] for one in (kept, lost)] == ["active", "lost"]
    assert world.context.breakers._failed == failed, "neither an answer nor a failure: the opening tells"


# ---- keys for a card typed on the site: no window


@pytest.fixture
async def typed(world):
    """A site with two gateways that issue keys for typed cards, each on a host of its own; the first needs phones."""
    world.other = Teller()
    world.net.apps[f"{OTHER}:80"] = world.other.app()
    switch = {"card_entry": "on"}
    await world.pair_tellers(
        teller={"kind": "TypedCardsOfKnown"} | switch, teller_b={"kind": "TypedCardsUndone", "at": OTHER} | switch
    )
    return world


async def by_card(world, once="", **more):
    """Ask for a key of a typed card."""
    wish = {"customer": "customer-1", "title": "정기 후원", "actor": "wp:7", "card": CARD}
    wish |= {"buyer": {"name": "홍길동", "phone": "010-1234-5678"}, "result_url": f"{world.site.url}/my-cards"}
    return await world.call("POST", "/v1/billing-keys", wish | more, key=once)


async def test_a_typed_cards_key_passes_over_a_gateway_that_is_down_and_a_repeated_request_keeps_its_own(typed):
    world = typed
    kept = await by_card(world, once="ab" * 16)
    world.let_rest(FIRST)
    meanwhile, again = await by_card(world), await by_card(world, once="ab" * 16)
    world.let_rest(SECOND)
    no = await by_card(world)

    assert [(one.json()["gateway"], one.json()["state"]) for one in (kept, meanwhile)] == [
        (FIRST, "active"),
        (SECOND, "active"),
    ]
    assert again.json() == kept.json()
    assert (no.status_code, no.json()["code"], no.headers["retry-after"]) == (503, "gateway_unavailable", "30")
    assert (world.teller.calls["key_issue"], world.other.calls["key_issue"]) == (1, 1)
    assert (await by_card(world, gateway=FIRST)).status_code == 503, "one that was named is not changed for another"
    assert len(await world.all("SELECT id FROM billing_keys")) == 2, "and nothing was begun for what was refused"


async def test_typed_cards_keys_that_nobody_answers_let_the_gateway_rest_and_one_that_is_refused_is_an_answer(typed):
    world = typed
    world.teller.always["key_issue"] = "lost_before"
    for _ in range(FAILURES_MAX):
        assert (await by_card(world)).json()["gateway"] == FIRST
    assert (await by_card(world)).json()["gateway"] == SECOND
    world.teller.always["key_issue"] = "bad_card"
    await world.clock.forward(REST_SECONDS)
    refused = await by_card(world)

    assert (refused.json()["gateway"], refused.json()["state"]) == (FIRST, "refused")
    assert world.context.breakers._failed == {}


async def test_a_typed_cards_key_passes_over_a_gateway_that_needs_more_of_the_buyer(typed):
    world, nobody = typed, {"name": "홍길동"}
    taken = await by_card(world, buyer=nobody)
    no = await by_card(world, buyer=nobody, gateway=FIRST)
    world.let_rest(SECOND)
    down = await by_card(world, buyer=nobody)

    assert (taken.json()["gateway"], taken.json()["state"]) == (SECOND, "active")
    assert (no.status_code, no.json()["message_ko"]) == (400, "전화번호가 필요해요.")
    assert (down.status_code, down.json()["retry_after_seconds"]) == (503, 30)
    assert world.teller.calls["key_issue"] == 0
