"""PayApp's plans: what its notices leave out or say again, and what the shop hears of it."""

import json
from urllib.parse import parse_qsl, urlencode

import pytest

from tests.gateways.house import House
from tests.gateways.paired import paired
from tests.gateways.payapp import KEYS
from tests.gateways.test_payapp_stories import club, plan_by_script
from tests.support.world import Opened


@pytest.fixture
async def house(tmp_path):
    async with paired(House(tmp_path), "payapp") as world:
        yield world


async def running(house):
    """A plan whose first round was charged; gives its id, its number, and the notice of that round."""
    seen = house.heard()
    answer = await house.call("POST", "/v1/plans", club(house, "CLUB-1"))
    await house.authenticate(Opened("", answer.json()["window_url"], "", ""))
    await house.quiet()
    (row,) = await house.all("SELECT refs, state FROM plans")
    assert row["state"] == "active"
    return answer.json()["id"], int(json.loads(row["refs"])["rebill_no"]), dict(parse_qsl(seen[-1].decode()))


@pytest.mark.parametrize("number", [None, "", "the first round's"])
async def test_a_round_that_failed_is_told_whatever_number_its_notice_bears(house, number):
    """failurl's fields are printed nowhere: what was never charged may have no number, or the plan's first."""
    plan, rebill_no, told = await running(house)
    failed = told | {"pay_state": "99", "ResultMsg": "한도초과", "rebill_no": str(rebill_no)}
    if number is None:
        del failed["mul_no"]
    elif not number:
        failed["mul_no"] = ""
    answer = await house.post_notice_of("feedback", urlencode(failed).encode())
    await house.beat()

    assert answer.text == "SUCCESS"
    shown = (await house.call("GET", f"/v1/plans/{plan}?customer=customer-1")).json()
    assert shown["last_failure"]["message"] == "한도초과"
    assert [one["type"] for one in house.shop.news][-1] == "plan.round_failed"
    assert len(await house.all("SELECT id FROM payments")) == 1


@pytest.mark.parametrize("kind", ["feedback", "script"])
async def test_nobody_is_let_on_to_pay_for_a_plan_that_has_ended(house, kind):
    """PayApp.rebill() asks by pay_state 1 first, and goes on to take money only where that is acknowledged."""
    plan, fields = await plan_by_script(house)
    asked = {"var1": fields["var1"], "var2": fields["var2"], "price": "33000", "pay_state": "1", "userid": "payapptest"}
    asked |= KEYS

    async def answer(number):
        body = urlencode(asked | {"mul_no": number}).encode()
        return [(await house.post_notice_of(kind, body)).text for _ in range(2)]

    assert await answer("7001") == ["SUCCESS"] * 2
    await house.call("DELETE", f"/v1/plans/{plan['id']}", {"customer": "customer-1"})
    assert "SUCCESS" not in await answer("7002")
    assert await house.all("SELECT id FROM payments") == []
