"""Several sites on one bridge: nothing of one is visible to, or moved by, another."""

import pytest

from tests.support.shop import Shop
from tests.support.world import Paired

OTHER = "http://other.test"
NOBODY = "0" * 26


@pytest.fixture
async def other(world) -> Paired:
    return await world.pair(OTHER)


async def history(world):
    """One site's payment, refund and case."""
    payment = await world.buy()
    refund = (await world.refund(payment.id, 5_000)).json()
    world.sandbox.desks["mainpay"].refund({"merchant_ref": payment.merchant_ref, "amount": 1_000})
    await world.quiet()
    assert await world.cases(payment.id) == ["external_cancel"]
    return payment, refund


async def test_every_address_with_a_foreign_id_answers_as_if_it_were_not_there(world, other):
    payment, refund = await history(world)
    wish = {"reason": "x", "actor": "wp:1", "amount": 1_000}
    before = await world.all("SELECT * FROM payments")
    for method, path, body in (
        ("GET", "/v1/payments/{payment}", None),
        ("POST", "/v1/payments/{payment}/refunds", wish),
        ("GET", "/v1/refunds/{refund}", None),
    ):
        foreign = await world.call(method, path.format(payment=payment.id, refund=refund["id"]), body, site=other)
        missing = await world.call(method, path.format(payment=NOBODY, refund=NOBODY), body, site=other)

        assert foreign.status_code == missing.status_code == 404
        assert foreign.json() == missing.json()
    assert await world.all("SELECT * FROM payments") == before


async def test_lists_cases_and_health_show_a_site_its_own(world, other):
    payment, _ = await history(world)
    for path in ("/v1/payments", f"/v1/payments?order={payment.order_ref}", "/v1/cases"):
        theirs = await world.call("GET", path, site=other)
        mine = await world.call("GET", path)

        assert theirs.json() == {"items": [], "next_cursor": None}, path
        assert len(mine.json()["items"]) == 1, path
    for words in (payment.id, payment.order_ref, payment.merchant_ref, "홍길동", "hong@example.com"):
        theirs = await world.call("POST", "/v1/payments/search", {"q": words}, site=other)
        mine = await world.call("POST", "/v1/payments/search", {"q": words})

        assert theirs.json()["items"] == [], words
        assert [one["id"] for one in mine.json()["items"]] == [payment.id], words
    health = (await world.call("GET", "/v1/health", site=other)).text
    assert payment.id not in health
    assert payment.order_ref not in health


async def test_a_key_of_one_site_is_never_another_sites_idempotency_key(world, other):
    key = "ab" * 16
    urls = {"result_url": f"{OTHER}/r", "retry_url": f"{OTHER}/o"}
    mine = await world.call("POST", "/v1/payments", {"order": world.order()}, key=key)
    theirs = await world.call("POST", "/v1/payments", {"order": world.order(**urls)}, key=key, site=other)

    assert mine.status_code == theirs.status_code == 201
    assert mine.json()["site"] == world.site.id
    assert theirs.json()["site"] == other.id


async def test_a_cursor_of_another_site_shows_nothing_of_it(world, other):
    payment, _ = await history(world)
    answer = await world.call("GET", f"/v1/payments?cursor={payment.id}", site=other)

    assert answer.json()["items"] == []


async def test_news_goes_to_the_site_it_is_about(world, other):
    theirs = Shop(world.clock, world.shop.keys)
    world.net.apps[f"{OTHER}:80"] = theirs.app()
    await world.buy()
    await world.beat()

    assert world.shop.kinds() == ["payment.paid"]
    assert theirs.news == []


async def test_a_buyers_token_of_one_site_opens_no_payment_of_another(world, other):
    """Tokens carry their site; one that names another site's payment finds nothing there."""
    payment = await world.buy()
    make = world.context.tokens.make
    async with world.client() as client:
        for purpose, path in (("return", "/r/{}"), ("close", "/r/{}/close"), ("status", "/s/{}")):
            answer = await client.get(path.format(make(purpose, other.id, payment.id)))
            assert answer.status_code == 404, path
            assert payment.order_ref not in answer.text
