"""A window script that does not load where a billing key or a plan is registered: told as that of a payment is."""

import pytest

from tests.flows.test_billing import ask
from tests.flows.test_plans import register, tell
from tests.flows.test_script_window import fetch, fields_of
from tests.flows.test_unloaded import told


async def new_key(world, number):
    answer = await ask(world, customer=f"customer-{number}")
    assert answer.status_code == 201, answer.text
    return answer.json()


async def new_plan(world, number):
    answer = await register(world, customer=f"customer-{number}", order_ref=f"CLUB-{number}")
    assert answer.status_code == 201, answer.text
    return answer.json()


async def come_through_key(world, key):
    fields = fields_of(await fetch(world, key["window_url"]))
    await fetch(world, fields["back"], "POST", data={"number": fields["number"]})
    await world.quiet()
    (row,) = await world.all("SELECT state FROM billing_keys WHERE id = ?", key["id"])
    assert row["state"] == "active"


async def come_through_plan(world, plan):
    await tell(world, plan["id"], f"M{plan['id']}", plan="teller-9")
    (row,) = await world.all("SELECT state FROM plans WHERE id = ?", plan["id"])
    assert row["state"] == "active"


WAYS = pytest.mark.parametrize(
    ("kind", "begin", "come_through"),
    [("KeysByScript", new_key, come_through_key), ("PlanningByScript", new_plan, come_through_plan)],
    ids=["key", "plan"],
)


async def report(world, registered, times=1):
    for _ in range(times):
        answer = await fetch(world, registered["window_url"].removesuffix("/window") + "/not-loaded", "POST")
    return answer.status_code


@WAYS
async def test_the_page_names_where_to_say_it_and_three_customers_are_told_to_the_operator(
    world, kind, begin, come_through
):
    await world.pair_teller(kind)
    first = await begin(world, 1)
    page = await fetch(world, first["window_url"])
    assert f'data-not-loaded="{first["window_url"].removesuffix("/window")}/not-loaded"' in page.text

    assert await report(world, first, times=3) == 204
    await report(world, await begin(world, 2))
    await report(world, await begin(world, 2))
    assert (await told(world))[0] is None, "one customer is one, however often they begin"
    await report(world, await begin(world, 3))
    check, raised = await told(world)
    assert (check["verdict"], check["value"]["ko"]) == ("warn", "주문·등록 3건에서 불러오지 못함")
    assert raised == [{"name": "window", "subject": "teller"}]


@WAYS
async def test_it_is_over_when_a_customer_got_through_after_ten_quiet_minutes(world, kind, begin, come_through):
    await world.pair_teller(kind)
    for number in range(3):
        await report(world, await begin(world, number))
    await world.clock.forward(601)
    assert (await told(world))[0] is not None, "nobody got through since"
    await come_through(world, await begin(world, 9))
    await world.clock.forward(601)
    assert (await told(world))[0] is None


@WAYS
async def test_a_report_needs_the_windows_own_token_and_a_window_that_waits(world, kind, begin, come_through):
    await world.pair_teller(kind)
    for number in range(4):
        registered = await begin(world, number)
        await come_through(world, registered)
        assert await report(world, registered) == 204
    forged = await fetch(world, f"/{registered['window_url'].split('/')[3]}/forged/not-loaded", "POST")

    assert forged.status_code in (400, 404)
    marks = [await world.all(f"SELECT not_loaded_at FROM {table}") for table in ("billing_keys", "plans")]
    assert {row["not_loaded_at"] for rows in marks for row in rows} == {0}
    assert (await told(world))[0] is None


@WAYS
async def test_only_the_first_report_takes_a_turn_to_write(world, kind, begin, come_through):
    await world.pair_teller(kind)
    registered = await begin(world, 1)
    await report(world, registered)
    written = []
    write = world.context.ledger.write
    world.context.ledger.write = lambda work: written.append(work) or write(work)
    assert await report(world, registered, times=5) == 204
    world.context.ledger.write = write

    assert written == [], "whoever has the page's address cannot make the bridge write"


async def test_a_plan_that_waits_for_days_counts_again_on_another_day(world):
    await world.pair_teller("PlanningByScript")
    plans = [await new_plan(world, number) for number in range(3)]
    for registered in plans:
        await report(world, registered)
    assert (await told(world))[0] is not None
    await world.clock.forward(86_401)
    assert (await told(world))[0] is None, "a day later the first ones count no more"
    for registered in plans:
        await report(world, registered)
    assert (await told(world))[0] is not None


async def test_what_orders_and_customers_report_of_one_gateways_script_counts_together(world):
    await world.pair_teller("KeysByScript")
    for number in range(2):
        await report(world, await new_key(world, number))
    assert (await told(world))[0] is None
    opened = await world.checkout()
    await report(world, {"window_url": opened.window_url})
    assert (await told(world))[0] is not None
