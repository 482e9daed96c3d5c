"""A site with several gateways: the method, the amount and who is up decide, before the buyer authenticates."""

import pytest

from bridge.flows.choose_gateway import Breakers
from tests.support.teller import Teller

OTHER = "http://other.test"


@pytest.fixture
async def two(world):
    """A site with two gateways, each on a host of its own: the first takes cards and phones, the second cards."""
    world.other = Teller()
    world.net.apps[f"{OTHER}:80"] = world.other.app()
    await world.pair_tellers(
        teller={"kind": "Asked", "methods": "card phone"},
        teller_b={"kind": "Asked", "at": OTHER, "methods": "card gift", "least": "500"},
    )
    return world


def down(world, origin="http://teller.test"):
    """Let nobody reach a gateway."""
    world.net.down.add(f"{origin}:80")


async def gateway_of(world, opened):
    return (await world.payment(opened.payment)).gateway


async def test_the_default_gateway_comes_first_and_the_method_decides(two):
    world = two
    assert await gateway_of(world, await world.checkout()) == "teller"
    assert await gateway_of(world, await world.checkout(method="phone")) == "teller"
    assert await gateway_of(world, await world.checkout(method="gift")) == "teller_b"
    refused = await world.post_checkout(world.token(world.order()), method="wechat")

    assert (refused.status_code, refused.json()["code"]) == (503, "gateway_unavailable")


async def test_a_gateway_that_cannot_be_reached_is_followed_by_the_next(two):
    world = two
    down(world)
    opened = await world.checkout()
    payments = await world.all("SELECT gateway, state FROM payments ORDER BY id")

    assert await gateway_of(world, opened) == "teller_b"
    assert sorted((row["gateway"], row["state"]) for row in payments) == [
        ("teller", "failed_ready"),
        ("teller_b", "open"),
    ]


async def test_a_gateway_that_does_not_answer_is_followed_by_the_next(two):
    world = two
    world.teller.fail("open", "lost_before")
    opened = await world.checkout()

    assert await gateway_of(world, opened) == "teller_b"


async def test_a_gateway_that_says_no_has_decided(two):
    world = two
    world.teller.fail("open", "bad_merchant")
    refused = await world.post_checkout(world.token(world.order()))

    assert refused.status_code == 503
    assert refused.json()["gateway_message"] == "그렇게 안 돼요"
    assert world.other.calls["open"] == 0


async def test_a_named_gateway_is_never_changed_for_another(two):
    world = two
    down(world)
    token = world.token(world.order(), gateway="teller")
    refused = await world.post_checkout(token)

    assert refused.status_code == 503
    assert world.other.calls["open"] == 0


async def test_after_five_failures_a_gateway_is_left_in_peace_for_thirty_seconds(two):
    world = two
    down(world)
    for _ in range(5):
        await world.checkout()
    before = len(await world.all("SELECT id FROM payments WHERE gateway = 'teller'"))
    await world.checkout()
    assert len(await world.all("SELECT id FROM payments WHERE gateway = 'teller'")) == before == 5
    world.net.down.clear()
    await world.clock.forward(30)
    opened = await world.checkout()

    assert await gateway_of(world, opened) == "teller"


async def test_when_all_are_down_the_buyer_is_told_at_once_and_nothing_is_sent(world):
    await world.pair_teller("Asked")
    world.teller.always["open"] = "lost_before"
    for _ in range(5):
        await world.post_checkout(world.token(world.order()))
    refused = await world.post_checkout(world.token(world.order()))

    assert world.teller.calls["open"] == 5
    assert (refused.status_code, refused.json()["code"]) == (503, "gateway_unavailable")
    assert "돈은 빠져나가지 않았어요" in refused.json()["message_ko"]
    assert len(await world.all("SELECT id FROM payments")) == 5


async def test_a_gateway_that_is_down_is_never_left_after_its_window_was_opened(two):
    world = two
    token = world.token(world.order())
    first = await world.checkout(token=token)
    world.context.breakers._failed[world.site.id, "teller"] = (5, world.clock.boot_seconds())
    again = await world.checkout(token=token)
    await world.return_from_teller(again)
    await world.quiet()

    assert again.payment == first.payment
    assert await world.state(first.payment) == "paid"


async def test_two_clicks_while_a_gateway_fails_share_the_next_ones_window(two):
    world = two
    down(world)
    token = world.token(world.order())
    answers = [await world.checkout(token=token) for _ in range(2)]

    assert len({one.payment for one in answers}) == 1
    assert await gateway_of(world, answers[0]) == "teller_b"


async def test_the_same_key_finds_the_payment_at_the_gateway_that_opened(two):
    world = two
    down(world)
    order = world.order()
    first = await world.call("POST", "/v1/payments", {"order": order}, key="ab" * 16)
    again = await world.call("POST", "/v1/payments", {"order": order}, key="ab" * 16)

    assert (first.status_code, first.json()["gateway"]) == (201, "teller_b")
    assert again.json()["id"] == first.json()["id"]


# ---- amounts


async def test_less_than_a_gateway_takes_goes_to_one_that_takes_it(two):
    world = two
    opened = await world.checkout(world.order(amount=700))

    assert await gateway_of(world, opened) == "teller_b"
    assert world.teller.calls["open"] == 0


async def test_less_than_any_gateway_takes_is_refused_in_words_before_anything_is_sent(two):
    world = two
    refused = await world.post_checkout(world.token(world.order(amount=499)))
    async with world.client() as client:
        page = await client.post("/checkout", data={"token": world.token(world.order(amount=499))})

    assert (refused.status_code, refused.json()["code"]) == (422, "amount_too_small")
    assert refused.json()["minimum"] == 500
    assert refused.json()["message_ko"] == "텔러 teller_b에서는 500원부터 결제할 수 있어요."
    assert (page.status_code, "500원부터 결제할 수 있어요" in page.text) == (422, True)
    assert (world.teller.calls["open"], world.other.calls["open"]) == (0, 0)
    assert await world.all("SELECT id FROM payments") == []


@pytest.mark.parametrize(
    ("amount", "months", "status"), [(50_000, 3, 201), (49_999, 3, 422), (49_999, 0, 201), (50_000, 1, 422),
                                     (50_000, 37, 422), (50_000, -2, 422)]
)  # fmt: skip
async def test_instalments_begin_at_fifty_thousand(two, amount, months, status):
    world = two
    wish = {"order": world.order(amount=amount), "instalment_months": months}
    answer = await world.call("POST", "/v1/payments", wish)

    assert answer.status_code == status
    if status == 201:
        assert answer.json().get("instalment_months", 0) == months
    else:
        assert "할부" in answer.json()["message_ko"]


async def test_instalments_are_for_cards_and_may_stand_in_the_token(two):
    world = two
    phone = await world.post_checkout(world.token(world.order(), instalment_months=3), method="phone")
    card = await world.checkout(token=world.token(world.order(), instalment_months=3))
    odd = await world.post_checkout(world.token(world.order(), instalment_months="3"))

    assert (phone.status_code, odd.status_code) == (422, 400)
    assert (await world.payment(card.payment)).instalment_months == 3


async def test_months_go_to_a_gateway_whose_window_can_be_told_so_many(world):
    world.other = Teller()
    world.net.apps[f"{OTHER}:80"] = world.other.app()
    await world.pair_tellers(
        teller={"kind": "Asked", "months": "2"}, teller_b={"kind": "Asked", "at": OTHER, "months": "12"}
    )

    async def post(months, **more):
        return await world.call("POST", "/v1/payments", {"order": world.order(), "instalment_months": months} | more)

    chosen = [(await post(months)).json()["gateway"] for months in (0, 2, 12)]
    refused = [await post(13), await post(3, gateway="teller")]

    assert chosen == ["teller", "teller", "teller_b"]
    assert [one.json()["message_ko"] for one in refused] == [
        "텔러 teller_b에서는 12개월까지 나눠 낼 수 있어요.",
        "텔러 teller에서는 2개월까지 나눠 낼 수 있어요.",
    ]
    assert len(await world.all("SELECT id FROM payments")) == 3, "and nothing was begun for what was refused"


async def test_a_keys_window_is_opened_by_the_first_gateway_that_issues_keys_of_the_method(world):
    world.other = Teller()
    world.net.apps[f"{OTHER}:80"] = world.other.app()
    await world.pair_tellers(
        teller={"kind": "BillingUndone", "keys": "phone"},
        teller_b={"kind": "BillingUndone", "at": OTHER, "keys": "card"},
    )
    wish = {"customer": "customer-1", "title": "정기 후원", "buyer": {"name": "홍길동", "phone": "010-1234-5678"},
            "result_url": f"{world.site.url}/my-cards", "actor": "buyer"}  # fmt: skip
    card = await world.call("POST", "/v1/billing-keys", wish)
    phone = await world.call("POST", "/v1/billing-keys", wish | {"method": "phone", "order": world.order()})
    account = await world.call("POST", "/v1/billing-keys", wish | {"method": "account"})
    named = await world.call("POST", "/v1/billing-keys", wish | {"gateway": "teller"})

    assert [(one.status_code, one.json()["gateway"]) for one in (card, phone)] == [(201, "teller_b"), (201, "teller")]
    assert [(one.status_code, one.json()["code"]) for one in (account, named)] == [(503, "gateway_unavailable")] * 2


# ---- what can be chosen


async def test_the_methods_say_who_takes_them_how_much_and_whether_they_work(two):
    world = two
    world.let_rest("teller")
    said = (await world.call("GET", "/v1/codes/methods")).json()
    methods = {one["code"]: one for one in said["items"]}

    assert list(methods) == ["card", "phone", "gift"]
    assert methods["card"] == {
        "code": "card",
        "name": "신용카드",
        "healthy": True,
        "minimum": 500,
        "instalments_from": 50_000,
        "gateways": [
            {"gateway": "teller", "title": "텔러 teller", "healthy": False, "minimum": 1_000},
            {"gateway": "teller_b", "title": "텔러 teller_b", "healthy": True, "minimum": 500},
        ],
    }
    assert (methods["phone"]["healthy"], methods["gift"]["healthy"]) == (False, True)
    one = (await world.call("GET", "/v1/codes/methods?gateway=teller_b")).json()
    assert [method["code"] for method in one["items"]] == ["card", "gift"]


async def test_a_gateway_that_opens_no_window_is_told_to_the_operator(two):
    world = two
    before = (await world.call("GET", "/v1/health")).json()
    world.let_rest("teller")
    told = (await world.call("GET", "/v1/health")).json()
    checks = {check["name"]: check for check in told["checks"]}

    assert checks["teller.window"]["verdict"] == "warn"
    assert checks["teller.window"]["value"]["ko"] == "5번 연달아 응답 없음"
    assert "teller.window" not in {check["name"] for check in before["checks"]}


async def test_a_gateway_stays_silent_for_the_operator_until_it_answers_or_a_day_is_over(two):
    world = two

    async def told():
        return {check["name"] for check in (await world.call("GET", "/v1/health")).json()["checks"]}

    for _ in range(2):
        world.context.breakers.failed(world.site.id, "teller", world.clock.boot_seconds())
    assert "teller.window" not in await told(), "two may be chance"
    world.context.breakers.failed(world.site.id, "teller", world.clock.boot_seconds())
    await world.clock.forward(3_600)
    assert "teller.window" in await told(), "its rest is over, and nobody has heard of it"
    world.context.breakers.answered(world.site.id, "teller")
    assert "teller.window" not in await told()
    for _ in range(3):
        world.context.breakers.failed(world.site.id, "teller", world.clock.boot_seconds())
    await world.clock.forward(86_400)
    assert "teller.window" not in await told()


def test_a_breaker_needs_five_failures_on_end_and_forgets_them_at_an_answer():
    breakers = Breakers()
    for at in range(4):
        breakers.failed("s", "g", at)
    assert not breakers.is_down("s", "g", 4)
    breakers.answered("s", "g")
    for at in range(5):
        breakers.failed("s", "g", at)
    assert breakers.is_down("s", "g", 33.9)
    assert not breakers.is_down("s", "g", 34)
    breakers.failed("s", "g", 35)
    assert breakers.is_down("s", "g", 36), "after the rest one failure is enough"
    assert not breakers.is_down("s", "other", 36)
    assert not breakers.is_down("another", "g", 36)


# ---- the shop's own app


async def test_from_an_app_goes_to_a_gateway_whose_window_an_app_can_open(world):
    world.other = Teller()
    world.net.apps[f"{OTHER}:80"] = world.other.app()
    await world.pair_tellers(teller={"kind": "AskedFromApps"}, teller_b={"kind": "Asked", "at": OTHER})
    nobody = {"name": "홍길동", "email": "hong@shop.test", "phone": "", "id": "u1"}

    async def post(device, **more):
        wish = {"order": world.order(**more.pop("changes", {})), "device": device}
        return await world.call("POST", "/v1/payments", wish | more)

    chosen = [
        (await post(device, changes=changes)).json()["gateway"]
        for device, changes in (("app", {}), ("mobile", {"buyer": nobody}), ("app", {"buyer": nobody}))
    ]
    refused = await post("app", changes={"buyer": nobody}, gateway="teller")

    assert chosen == ["teller", "teller", "teller_b"]
    assert (refused.status_code, refused.json()["code"]) == (503, "gateway_unavailable")
    assert refused.json()["message_ko"] == "앱에서는 전화번호가 필요해요."
    assert "Set teller.phone." in refused.text
    assert len(await world.all("SELECT id FROM payments")) == 3, "and nothing was begun for what was refused"


async def test_from_an_app_nobody_is_sent_on_to_a_gateway_that_no_app_can_open(world):
    world.other = Teller()
    world.net.apps[f"{OTHER}:80"] = world.other.app()
    await world.pair_tellers(teller={"kind": "Asked"}, teller_b={"kind": "AskedFromApps", "at": OTHER})
    down(world)
    nobody = {"name": "홍길동", "email": "hong@shop.test", "phone": "", "id": "u1"}
    answers = [
        await world.call("POST", "/v1/payments", {"order": world.order(buyer=nobody), "device": device})
        for device in ("app", "mobile")
    ]

    assert [one.status_code for one in answers] == [503, 201]
    assert world.other.calls["open"] == 1


@pytest.fixture
async def taxed_whole_first(world):
    """A site with two gateways, of which the first cannot be told what is free of tax."""
    world.other = Teller()
    world.net.apps[f"{OTHER}:80"] = world.other.app()
    await world.pair_tellers(teller={"kind": "AskedTaxedWhole"}, teller_b={"kind": "Asked", "at": OTHER})
    return world


async def test_an_order_partly_free_of_tax_goes_first_to_a_gateway_that_can_be_told_so(taxed_whole_first):
    world = taxed_whole_first
    assert await gateway_of(world, await world.checkout(world.order())) == "teller"
    assert await gateway_of(world, await world.checkout(world.order(tax_free=11_000))) == "teller_b"


async def test_where_no_other_answers_it_goes_to_the_gateway_that_cannot_be_told(taxed_whole_first):
    world = taxed_whole_first
    down(world, OTHER)

    assert await gateway_of(world, await world.checkout(world.order(tax_free=11_000))) == "teller"
