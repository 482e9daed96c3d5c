"""A window script that buyers' browsers do not load: their pages say so, and the operator hears it until it is over."""

import pytest

from bridge.flows.alarms import watch
from tests.flows.test_script_window import fetch, fields_of


@pytest.fixture
async def scripted(world):
    """A site whose gateway opens its window by a script."""
    await world.pair_teller("AskedByScript")
    return world


async def report(world, opened, times=1):
    for _ in range(times):
        address = opened.window_url.removesuffix("/window") + "/not-loaded"
        answer = await fetch(world, address, "POST", content=b"whatever else")
    return answer.status_code


async def open_order(world, ref):
    return await world.checkout(world.order(ref=ref))


async def told(world):
    """Give what health says of the window's script, and the alarms that are not over."""
    checks = {check["name"]: check for check in (await world.call("GET", "/v1/health")).json()["checks"]}
    await watch(world.context)
    raised = await world.all("SELECT name, subject FROM alarms WHERE ended_at IS NULL")
    assert bool(raised) == ("teller.script" in checks)
    return checks.get("teller.script"), raised


async def test_a_script_that_three_orders_could_not_load_is_told_on_the_dashboard_and_by_alarm(scripted):
    world = scripted
    assert await report(world, await open_order(world, "A-1"), times=3) == 204
    assert await report(world, await open_order(world, "A-2")) == 204
    assert (await told(world))[0] is None, "one order is one, however often it says so"

    await report(world, await open_order(world, "A-3"))
    check, raised = await told(world)
    assert (check["verdict"], check["value"]["ko"]) == ("warn", "주문·등록 3건에서 불러오지 못함")
    assert raised == [{"name": "window", "subject": "teller"}]
    await world.clock.forward(3_600)
    assert (await told(world))[0] is not None, "nobody got through since"


async def test_reports_only_inform_and_the_gateway_goes_on_opening_windows(scripted):
    world = scripted
    for number in range(6):
        await report(world, await open_order(world, f"A-{number}"))

    assert not world.context.breakers.is_down(world.site.id, "teller", world.clock.boot_seconds())
    assert (await fetch(world, (await open_order(world, "A-7")).window_url)).status_code == 200


async def test_the_operator_hears_it_is_over_when_a_buyer_got_through_after_ten_quiet_minutes(scripted):
    world = scripted
    for number in range(3):
        await report(world, await open_order(world, f"A-{number}"))
    await world.clock.forward(1)
    await pay_in_window(world, await open_order(world, "B-1"))
    assert (await told(world))[0] is not None, "some browsers load it, and others do not"
    await world.clock.forward(601)
    assert (await told(world))[0] is None
    await report(world, await open_order(world, "C-1"))
    assert (await told(world))[0] is None, "what is over does not come back by one more"


async def test_three_reports_of_a_whole_day_are_no_alarm(scripted):
    world = scripted
    for number in range(4):
        await report(world, await open_order(world, f"A-{number}"))
        await world.clock.forward(400)
    assert (await told(world))[0] is None


async def test_a_day_later_nothing_is_said_of_it_any_more(scripted):
    world = scripted
    for number in range(3):
        await report(world, await open_order(world, f"A-{number}"))
    await world.clock.forward(86_401)
    assert (await told(world))[0] is None


async def test_a_report_needs_the_windows_own_token_and_a_window_that_waits(scripted):
    world = scripted
    opened = await open_order(world, "A-1")
    await pay_in_window(world, opened)
    assert await report(world, opened) == 204
    forged = await fetch(world, "/checkout/forged/not-loaded", "POST")

    assert forged.status_code in (400, 404)
    assert await world.all("SELECT 1 FROM audit WHERE event = 'window.not_loaded'") == []


async def test_who_reports_too_much_is_slowed_down_and_still_pays(scripted):
    world = scripted
    opened = await open_order(world, "A-1")
    assert await report(world, opened, times=world.settings.checkout_per_address_per_minute + 1) == 429

    await pay_in_window(world, opened)
    assert await world.state(opened.payment) == "paid"


async def pay_in_window(world, opened):
    number = (await world.payment(opened.payment)).refs["number"]
    back = fields_of(await fetch(world, opened.window_url))["back"]
    await fetch(world, back, "POST", data={"number": number})
    await world.quiet()
