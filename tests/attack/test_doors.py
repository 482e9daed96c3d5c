"""Doors that strangers, tenants and proxies may try."""

import dataclasses

import pytest

from bridge.app import build_app
from bridge.flows.log_in import add_operator
from tests.support.world import JSON

PASSWORD = "correct horse battery"


@pytest.mark.parametrize(
    "actor", ["operator:3", "gateway", "bridge", "operator", "wp:7\n", "wp:7\r\nx", "wp:", " ", ""]
)
async def test_a_site_may_not_act_as_somebody_else(world, actor):
    """The audit names who asked: a shop's key must not write an operator's or the gateway's name there."""
    payment = await world.buy()
    answer = await world.refund(payment.id, 1_000, actor=actor)

    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")
    assert await world.state(payment.id) == "paid"


@pytest.mark.parametrize(
    "query", ["to=9999-12-31T23:59:59-14:00", "from=9999-12-31T23:59:59-00:01", "to=9999-12-31T23:59:59.9996Z"]
)
async def test_a_time_at_the_end_of_time_is_refused(world, query):
    answer = await world.call("GET", f"/v1/payments?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")

    name, _, at = query.partition("=")
    answer = await world.call("POST", "/v1/payments/search", {name: at})
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")


@pytest.mark.parametrize("path", ["/checkout/", "/dashboard/", "/v1/payments/", "/livez/"])
async def test_nothing_redirects_to_the_host_a_request_names(world, path):
    async with world.client() as client:
        answer = await client.get(path, headers={"host": "evil.test"})

    assert "evil.test" not in answer.headers.get("location", "")


async def test_one_who_has_a_whole_ipv6_network_is_one_caller(world):
    world.context.settings = dataclasses.replace(world.settings, checkout_per_address_per_minute=5)
    world.app = build_app(world.context)
    token = world.token(world.order())
    statuses = []
    for number in range(8):
        async with world.client(f"2001:db8:1:2::{number:x}") as client:
            statuses.append((await client.post("/checkout", data={"token": token}, headers=JSON)).status_code)
    async with world.client("2001:db8:1:3::1") as client:
        neighbour = await client.post("/checkout", data={"token": token}, headers=JSON)

    assert statuses == [201] * 5 + [429] * 3
    assert neighbour.status_code == 201


async def test_a_stranger_who_guesses_behind_the_proxy_does_not_lock_everybody_out(world, cheap_passwords):
    """All requests come from the proxy's address; misses are counted for the one behind it."""
    world.context.settings = dataclasses.replace(world.settings, trusted_proxies=("10.0.0.1",))
    await add_operator(world.context, "jimin", PASSWORD)
    headers = {"sec-fetch-site": "same-origin"}

    async def log_in(name, password, address):
        async with world.client("10.0.0.1") as client:
            page = await client.get("/dashboard/login", headers={"x-forwarded-for": address})
            proof = page.text.partition('name="csrf" value="')[2].partition('"')[0]
            cookies = {"cookie": page.headers["set-cookie"].partition(";")[0]}
            form = {"name": name, "password": password, "csrf": proof, "next": ""}
            return await client.post(
                "/dashboard/login", data=form, headers=headers | cookies | {"x-forwarded-for": address}
            )

    guesses = [(await log_in(f"nobody{number}", "x" * 12, "203.0.113.66")).status_code for number in range(22)]
    right = await log_in("jimin", PASSWORD, "198.51.100.7")

    assert guesses == [401] * 20 + [429] * 2
    assert right.status_code == 303


@pytest.mark.parametrize("at", ["9999-12-31T23:59:59.9996Z", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00"])
async def test_an_order_at_the_end_of_time_is_refused_before_it_is_stored(world, at):
    answer = await world.post_checkout(world.token(world.order(hold_expires_at=at)))

    assert answer.status_code == 400
    assert await world.all("SELECT ref FROM orders") == []


async def test_one_token_does_not_make_windows_without_end(world):
    """A method the gateway refuses makes a new payment with every click, and a call to the gateway."""
    world.fault("ready", "decline", times=None, code="1001")
    token = world.token(world.order())
    answers = [(await world.post_checkout(token)).status_code for _ in range(63)]

    assert answers == [503] * 60 + [429] * 3
    assert len(world.net.calls("/ready")) == 60
    world.sandbox.faults.clear()
    world.sandbox.faults.amounts_choose = False
    assert (await world.post_checkout(world.token(world.order()))).status_code == 201, "other orders are not held up"
    await world.clock.forward(901)
    order = await world.all("SELECT ref FROM orders WHERE ref = 'ORDER-1'")
    again = await world.post_checkout(world.token(world.order(ref=order[0]["ref"])))
    assert again.status_code == 201, "and this one only for a while"
