"""Several sites on one bridge: nothing of one is visible to, or moved by, another."""

import pytest

from bridge.web.openapi import DESCRIBED
from tests.flows.test_billing import issued
from tests.flows.test_plans import registered
from tests.flows.test_receipts import issue
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


ADDRESSES = sorted(
    (one.method.upper(), one.path)
    for one in DESCRIBED
    if one.proof == "signature" and "{" in one.path and "{kind}" not in one.path
)
"""Every signed address that names something by its id: what is served is described (tests/web/test_openapi.py)."""
WHO = {"actor": "wp:1"}
OWNER = {"customer": "customer-1"}
BODIES = {
    "/v1/payments/{payment}/refunds": WHO | {"reason": "x", "amount": 1_000},
    "/v1/payments/{payment}/void": WHO,
    "/v1/payments/{payment}/escrow": WHO | {"step": "status", "fields": {}},
    "/v1/cases/{case}": WHO | {"action": "propose", "decision": "given_back", "evidence": "the console shows 1,000"},
    "/v1/cash-receipts/{receipt}": WHO,
    "/v1/billing-keys/{key}/charges": WHO | OWNER,
}
TOUCHED = ("payments", "operations", "entries", "cases", "proposals", "receipts", "billing_keys", "plans", "calls")


async def one_of_each(world):
    """One of each thing that has an address of its own, each at a site that has a gateway for it."""
    payment, refund = await history(world)
    (case,) = await world.all("SELECT id FROM cases")
    await world.pair_teller("Receipting", "http://receipts.test")
    opened = await world.checkout(method="account")
    await world.return_from_teller(opened)
    await world.quiet()
    receipt = (await issue(world, opened.payment)).json()
    await world.pair_teller("BillingUndone", "http://keys.test")
    key = await issued(world)
    await world.pair_teller("Planning", "http://plans.test")
    plan = await registered(world)
    return {
        "payment": payment.id,
        "refund": refund["id"],
        "case": case["id"],
        "receipt": receipt["id"],
        "key": key,
        "plan": plan,
    }


async def test_every_address_with_a_foreign_id_answers_as_if_it_were_not_there(world, other):
    ids = await one_of_each(world)
    order = world.order(result_url=f"{OTHER}/r", retry_url=f"{OTHER}/o")
    before = [await world.all(f"SELECT * FROM {table}") for table in TOUCHED]
    for method, path in ADDRESSES:
        body = None if method == "GET" else BODIES.get(path, OWNER)
        if path.endswith("/charges"):
            body |= {"order": order}
        query = "?customer=customer-1" if method == "GET" and ("{key}" in path or "{plan}" in path) else ""
        there = path.format(**ids) + query
        foreign = await world.call(method, there, body, site=other)
        missing = await world.call(method, path.format(**dict.fromkeys(ids, NOBODY)) + query, body, site=other)

        assert foreign.status_code == missing.status_code == 404, (method, path, foreign.text)
        assert foreign.json() == missing.json(), (method, path)
        assert all(one not in foreign.text for one in ids.values())
    assert len(ADDRESSES) >= 16
    assert [await world.all(f"SELECT * FROM {table}") for table in TOUCHED] == before


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
