"""A window opened by the gateway's script on a page of ours: data only, and what the script asks us for."""

import html
import json
import re

import pytest

from tests.support.teller import TELLER
from tests.support.world import PUBLIC_URL, World


@pytest.fixture
async def scripted(world):
    """A site whose gateway opens its window by a script."""
    await world.pair_teller("AskedByScript")
    return world


async def fetch(world, url, method="GET", **more):
    async with world.client() as client:
        return await client.request(method, url, **more)


def fields_of(page):
    return {
        html.unescape(name): html.unescape(value)
        for name, value in re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', page.text)
    }


async def test_the_buyer_is_led_to_a_page_of_ours_that_loads_the_script(scripted):
    world = scripted
    opened = await world.checkout()
    page = await fetch(world, opened.window_url)
    payment = await world.payment(opened.payment)

    assert opened.window_url.startswith(f"{PUBLIC_URL}/checkout/")
    assert page.status_code == 200
    assert f'<script src="{TELLER}/pay.js"></script>' in page.text
    assert 'data-function="Teller.open"' in page.text
    assert 'data-functions="teller_closed=close "' in page.text
    assert fields_of(page)["ordNo"] == payment.merchant_ref
    assert fields_of(page)["buyer"] == "홍길동"
    assert "자바스크립트" in page.text.partition("<noscript>")[2].partition("</noscript>")[0]
    policy = page.headers["content-security-policy"]
    assert f"script-src 'self' {TELLER};" in policy
    assert f"frame-src 'self' {TELLER}" in policy, "its window may come back in the frame it opened"
    assert f"form-action 'self' {TELLER} {world.site.url};" in policy
    assert "unsafe-eval" not in policy
    assert policy.count("unsafe-inline") == 1, "the gateway may style what it draws, and run nothing inline"
    assert page.headers["referrer-policy"] == "origin"
    assert page.headers["cache-control"] == "no-store"


async def test_a_browser_without_a_script_of_the_shop_is_sent_there_too(scripted):
    world = scripted
    answer = await fetch(world, "/checkout", "POST", data={"token": world.token(world.order())})

    assert answer.status_code == 303
    assert (await fetch(world, answer.headers["location"])).status_code == 200


async def test_what_a_buyer_calls_himself_is_never_code(scripted):
    world = scripted
    name = '"><script>alert(1)</script>'
    order = world.order(title=name, buyer={"name": name})
    page = await fetch(world, (await world.checkout(order)).window_url)

    assert fields_of(page)["buyer"] == name
    assert "<script>alert" not in page.text


async def test_the_page_opens_only_while_the_payment_waits(scripted):
    world = scripted
    opened = await world.checkout()
    number = (await world.payment(opened.payment)).refs["number"]
    back = fields_of(await fetch(world, opened.window_url))["back"]
    paid = await fetch(world, back, "POST", data={"number": number})
    await world.quiet()
    again = await fetch(world, opened.window_url)

    assert await world.state(opened.payment) == "paid"
    assert (paid.status_code, again.status_code) == (303, 303)
    assert again.headers["location"].startswith(f"{world.site.url}/result")
    assert await world.all("SELECT window_sealed FROM payments WHERE id = ?", opened.payment) == [
        {"window_sealed": ""}
    ], "the buyer's data goes when it is of no more use"


async def test_a_window_whose_time_is_over_is_not_opened(scripted):
    world = scripted
    opened = await world.checkout()
    await world.clock.forward(901)
    late = await fetch(world, opened.window_url)

    assert late.status_code == 303
    assert late.headers["location"].startswith(f"{world.site.url}/order")


async def test_the_buyers_data_is_sealed_at_rest(scripted):
    world = scripted
    await world.checkout()
    (row,) = await world.all("SELECT window_sealed FROM payments")

    assert row["window_sealed"]
    assert "홍길동" not in row["window_sealed"]


async def test_the_script_is_vouched_for_with_tokens_of_this_window(scripted):
    world = scripted
    opened = await world.checkout()
    address = fields_of(await fetch(world, opened.window_url))["auth"]
    payment = await world.payment(opened.payment)
    by_form = await fetch(world, address, "POST", data={"PCD_PAY_OID": "someone-else"})
    by_json = await fetch(world, address, "POST", json={"PCD_PAY_OID": "someone-else", "n": 1, "deep": {}})

    assert by_form.json() == by_json.json() == {"result": "success", "AuthKey": f"token-of-{payment.merchant_ref}"}
    assert (await world.payment(opened.payment)).refs["auth_key"] == f"token-of-{payment.merchant_ref}"
    assert [said["ref"] for op, said in world.teller.asked if op == "vouch"] == [payment.merchant_ref] * 2


@pytest.mark.parametrize(
    ("request_of", "status"),
    [
        ({"content": b"[1]", "headers": {"content-type": "application/json"}}, 400),
        ({"content": b"{", "headers": {"content-type": "application/json"}}, 400),
        ({"content": b"x", "headers": {"content-type": "text/plain"}}, 415),
    ],
)
async def test_nothing_is_fetched_for_what_is_no_form(scripted, request_of, status):
    world = scripted
    opened = await world.checkout()
    address = fields_of(await fetch(world, opened.window_url))["auth"]
    answer = await fetch(world, address, "POST", **request_of)

    assert answer.status_code == status
    assert world.teller.calls["vouch"] == 0


async def test_a_gateway_that_does_not_vouch_is_told_and_nothing_is_charged(scripted):
    world = scripted
    opened = await world.checkout()
    address = fields_of(await fetch(world, opened.window_url))["auth"]
    world.teller.fail("vouch", "AUTH0004", "lost_before")
    refused = await fetch(world, address, "POST", data={"x": "1"})
    lost = await fetch(world, address, "POST", data={"x": "1"})

    assert (refused.status_code, refused.json()["gateway_message"]) == (503, "그렇게 안 돼요")
    assert lost.status_code == 503
    assert (await world.payment(opened.payment)).state == "open"
    events = await world.all("SELECT event, detail FROM audit WHERE event LIKE 'window%vouched'")
    assert [json.loads(one["detail"]) for one in events] == [{"code": "AUTH0004", "message": "그렇게 안 돼요"}], "once"
    assert (await fetch(world, opened.status_url)).json()["window"] == "refused"
    assert (await fetch(world, address, "POST", data={"x": "1"})).status_code == 200
    assert "window" not in (await fetch(world, opened.status_url)).json(), "it was tried again, and opens"


async def test_nobody_whose_order_was_paid_in_another_window_is_told_that_nothing_was_paid(scripted):
    world, order = scripted, scripted.order()
    first, second = await world.checkout(order), await world.checkout(order)
    address = fields_of(await fetch(world, first.window_url))["auth"]
    world.teller.fail("vouch", "AUTH0004")
    await fetch(world, address, "POST", data={"x": "1"})
    before = (await fetch(world, first.status_url)).json()
    back = fields_of(await fetch(world, second.window_url))["back"]
    await fetch(world, back, "POST", data={"number": (await world.payment(second.payment)).refs["number"]})
    await world.quiet()
    after = (await fetch(world, first.status_url)).json()

    assert [await world.state(one.payment) for one in (first, second)] == ["open", "paid"]
    assert (before["window"], "아직 아무것도 결제하지 않았어요" in before["message_ko"]) == ("refused", True)
    assert (after["window"], "아직 아무것도 결제하지 않았어요" in after["message_ko"]) == ("refused", False)
    assert "다시 결제하지 마세요" in after["message_ko"]


async def test_after_the_payment_nobody_vouches_any_more(scripted):
    world = scripted
    opened = await world.checkout()
    page = fields_of(await fetch(world, opened.window_url))
    await fetch(world, page["back"], "POST", data={"number": (await world.payment(opened.payment)).refs["number"]})
    await world.quiet()
    late = await fetch(world, page["auth"], "POST", data={"x": "1"})

    assert (late.status_code, late.json()["code"]) == (409, "not_now")
    assert world.teller.calls["vouch"] == 0


async def test_the_auth_address_of_another_kind_of_gateway_is_not_there(world):
    opened = await world.checkout()
    found = world.context.sites.get(world.site.id)
    token = world.context.tokens.make("window", found.id, opened.payment)
    auth = await fetch(world, f"/checkout/{token}/auth", "POST", data={"x": "1"})
    page = await fetch(world, f"/checkout/{token}/window")

    assert auth.status_code == 404
    assert page.status_code == 303


async def test_a_forged_window_address_shows_no_order(scripted):
    world = scripted
    opened = await world.checkout()
    forged = await fetch(world, opened.window_url.replace("/window", "x/window"))
    posted = await fetch(world, opened.window_url.replace("/window", "x/auth"), "POST", data={"x": "1"})

    assert (forged.status_code, posted.status_code) == (400, 400)
    assert "봄의 제전" not in forged.text


async def test_vouching_is_limited_for_each_address(folder, database):
    world = World(folder, database=database, checkout_per_address_per_minute=3)
    await world.start()
    await world.pair_teller("AskedByScript")
    opened = await world.checkout()
    address = fields_of(await fetch(world, opened.window_url))["auth"]
    statuses = [(await fetch(world, address, "POST", data={"x": "1"})).status_code for _ in range(4)]
    await world.close()

    assert statuses == [200, 200, 200, 429]


@pytest.mark.parametrize("place", ["iframe", "frame"])
async def test_a_return_inside_a_frame_leads_the_whole_page_on(scripted, place):
    world = scripted
    opened = await world.checkout()
    payment = await world.payment(opened.payment)
    back = fields_of(await fetch(world, opened.window_url))["back"]
    headers = {"sec-fetch-dest": place}
    page = await fetch(world, back, "POST", data={"number": payment.refs["number"]}, headers=headers)
    await world.quiet()

    assert page.status_code == 200
    assert f'href="{world.site.url}/result?order=1&amp;pay_bridge={payment.id}' in page.text
    assert 'target="_top"' in page.text
    assert "frame-ancestors *" in page.headers["content-security-policy"]
    assert await world.state(payment.id) == "paid"


async def test_a_return_that_fits_nothing_leaves_its_frame_for_the_order(scripted):
    world = scripted
    opened = await world.checkout()
    back = fields_of(await fetch(world, opened.window_url))["back"]
    page = await fetch(world, back, "POST", data={"x": "1"}, headers={"sec-fetch-dest": "iframe"})

    assert f'href="{world.site.url}/order' in page.text
    assert await world.state(opened.payment) == "open"


async def test_an_outcome_nobody_knows_leaves_its_frame_for_the_page_that_waits(scripted):
    world = scripted
    world.teller.fail("approve", "lost_before")
    opened = await world.checkout()
    payment = await world.payment(opened.payment)
    back = fields_of(await fetch(world, opened.window_url))["back"]
    page = await fetch(
        world, back, "POST", data={"number": payment.refs["number"]}, headers={"sec-fetch-dest": "iframe"}
    )

    assert f'href="{back.removeprefix(PUBLIC_URL)}"' in page.text
    waiting = await fetch(world, back)
    assert "다시 결제하지 마세요" in waiting.text
