"""PayApp tells its shared values to whatever address a request names, and anybody may make one: they alone prove no
money, where a browser was shown the address too."""

from urllib.parse import parse_qsl, urlencode

import pytest

from bridge.flows.check_health import check_health
from bridge.flows.urls import notice_urls
from bridge.sandbox.local import ask
from tests.gateways.house import hidden
from tests.gateways.presses import opened, page_of, press, withdrawals
from tests.gateways.test_payapp_stories import agree, plan_by_script
from tests.support.disaster import hand_over, keep, lose
from tests.support.world import SANDBOX

LISTENER = "http://listener.test/x"
PAID = {"pay_state": "4", "pay_type": "1", "mul_no": "77"}


async def overheard(house):
    """Ask PayApp for a payment as a stranger, with an address of one's own, and pay nothing; gives the news of it."""
    told, post = [], house.sandbox.notices._post

    async def listen(method, url, body, kind):
        if not url.startswith(LISTENER):
            return await post(method, url, body, kind)
        told.append(dict(parse_qsl(body.decode(), keep_blank_values=True)))
        return 200, b"SUCCESS"

    house.sandbox.notices._post = listen
    form = {"userid": "payapptest", "shopname": "x", "goodname": "x", "price": "1000", "feedbackurl": LISTENER}
    await ask(house.sandbox_app, "POST", f"{SANDBOX}/payapp/lite/payrequest", urlencode(form).encode())
    assert told, "and PayApp tells it"
    return told[0]


async def tell(house, address, fields):
    """Post a notice where the page of a window says that notices go."""
    async with house.client("203.0.113.77") as client:
        return await client.post(address, data=fields)


async def page_fields(house, url):
    """Read what a window's page gives to PayApp's script, as its buyer may."""
    async with house.client() as client:
        return hidden((await client.get(url)).text)


async def warnings(house):
    """Read what the health says of the address of notices."""
    checks = (await check_health(house.context, None)).checks
    return [one.value.en for one in checks if one.name == "payapp.address"]


@pytest.mark.parametrize("pressed", [True, False])
async def test_whoever_overheard_the_shared_values_pays_no_order_with_them(house, pressed):
    checkout, payment = await opened(house)
    shown, values = await page_fields(house, checkout.window_url), await overheard(house)
    forged = values | {name: shown[name] for name in ("var1", "var2", "price")}
    if pressed:
        await press(house, checkout)
    else:
        await tell(house, shown["feedbackurl"], forged | PAID | {"pay_state": "1"})
    number = (await house.payment(payment.id)).requests[0]
    await tell(house, shown["feedbackurl"], forged | PAID | {"mul_no": number})
    await house.live(60.0, 5.0)

    after = await house.payment(payment.id)
    assert (after.state, after.captured) == ("open", 0)
    assert "payment.paid" not in await house.told(payment.id)


async def test_nor_one_that_a_call_opened_nor_a_round_of_a_plan(house):
    checkout, _ = await opened(house)
    called = await house.payment((await house.checkout()).payment)
    shown, values = await page_fields(house, checkout.window_url), await overheard(house)
    mark = house.context.sites.get(house.site.id).gateway("payapp").seal("r", called.merchant_ref)
    forged = values | PAID | {"var1": called.merchant_ref, "var2": mark, "price": "55000"}
    await tell(house, shown["feedbackurl"], forged | {"mul_no": called.refs["mul_no"]})
    _, fields = await plan_by_script(house)
    await tell(
        house,
        fields["feedbackurl"],
        values
        | PAID
        | {name: fields[name] for name in ("var1", "var2")}
        | {"price": fields["goodprice"], "rebill_no": "7"},
    )
    await house.live(60.0, 5.0)

    assert {one["state"] for one in await house.all("SELECT state FROM payments")} == {"open"}


@pytest.mark.parametrize("first", ["shown", "kept from browsers"])
async def test_the_address_of_the_sellers_office_tells_of_the_money_whichever_comes_first(house, first):
    checkout, payment = await opened(house)
    page = await page_of(house, checkout)
    held = house.hold_notices()
    await house.authenticate(page)
    await house.quiet()
    by_address = sorted(held, key=lambda one: ("/feedback/" in one[0]) is (first == "shown"))
    await house.let_go(by_address[:1])
    assert await house.state(payment.id) == ("open" if first == "shown" else "paid")
    await house.let_go(by_address[1:])

    after = await house.payment(payment.id)
    assert (after.state, after.captured, house.book(after).net) == ("paid", 55_000, 55_000)
    assert await house.cases(payment.id, only_open=False) == []


@pytest.mark.parametrize("first", ["paid", "forged"])
async def test_a_request_that_another_payment_was_paid_by_is_withdrawn_for_none_and_makes_nobody_look(house, first):
    """Its number may be guessed, as PayApp counts: people would find it paid, for an order that nobody has paid."""
    theirs, _ = await opened(house)
    page = await page_of(house, theirs)
    (number,) = (await house.payment(theirs.payment)).requests
    mine, payment = await opened(house)
    shown = await page_fields(house, mine.window_url)
    forged = await overheard(house) | {name: shown[name] for name in ("var1", "var2")}
    forged |= {"pay_state": "1", "mul_no": number, "price": "54000"}  # of its own price it is a repetition
    if first == "forged":
        await tell(house, shown["feedbackurl"], forged)
    await house.authenticate(page)
    await house.quiet()
    if first == "paid":
        await tell(house, shown["feedbackurl"], forged)
    await house.live(7_500.0, 60.0)

    after = await house.payment(theirs.payment)
    assert (after.state, after.refs["mul_no"], house.book(after).net) == ("paid", number, 55_000)
    assert (await house.state(payment.id), await house.cases(payment.id, only_open=False)) == ("expired", [])
    assert withdrawals(house) == []


async def test_where_the_office_names_no_address_a_paid_window_is_a_persons_at_its_end(house):
    checkout, payment = await opened(house)
    house.set(common_feedback_url="")
    await house.authenticate(await page_of(house, checkout))
    await house.live(100.0, 20.0)
    before = await warnings(house)
    await house.live(100.0, 20.0)
    warned = await warnings(house)
    await house.live(7_000.0, 60.0)

    assert (before, warned) == ([], ["1 payments not told at the address to trust"])
    assert (await house.state(payment.id), await house.cases(payment.id)) == ("needs_human", ["unknown_outcome"])


async def test_nothing_is_warned_of_where_the_office_names_it(house):
    checkout, payment = await opened(house)
    await house.authenticate(await page_of(house, checkout))
    await house.live(300.0, 20.0)

    assert (await house.state(payment.id), await warnings(house)) == ("paid", [])


async def test_nobody_is_told_to_type_the_address_that_browsers_see(house):
    checkout, _ = await opened(house)
    shown = (await page_fields(house, checkout.window_url))["feedbackurl"]
    listed = notice_urls(house.context, house.context.sites.get(house.site.id))

    assert [kind for _, kind, _ in listed] == ["feedback"]
    assert shown not in {address for _, _, address in listed}


async def test_money_that_both_addresses_tell_while_restored_books_are_deaf_counts_once_they_hear(house):
    """Both were acknowledged, and the one that proves it was taken for a repetition of the other."""
    checkout, payment = await opened(house)
    page = await page_of(house, checkout)
    held = house.hold_notices()
    await house.authenticate(page)
    await house.quiet()
    keep(house)
    await house.live(10.0, 5.0)
    await lose(house)
    await house.let_go(sorted(held, key=lambda one: "/feedback/" in one[0]))
    await hand_over(house, [])
    await house.live(300.0, 10.0)

    after = await house.payment(payment.id)
    assert (after.state, after.captured, await warnings(house)) == ("paid", 55_000, [])


@pytest.mark.parametrize("named", [True, False])
async def test_a_plans_round_that_is_told_where_none_is_believed_alone_is_warned_of(house, named):
    """No payment is of it before the other address tells, so nothing else would say that somebody was charged."""
    _, fields = await plan_by_script(house)
    if not named:
        house.set(common_feedback_url="")
    await agree(house, fields)
    await house.live(300.0, 20.0)

    assert [one["state"] for one in await house.all("SELECT state FROM payments")] == ["paid"] * named
    assert await warnings(house) == ([] if named else ["1 payments not told at the address to trust"])
    told = [notice for book in house.sandbox.bank.as_json()["payments"] for notice in book["notices"]]
    assert all(notice["acked"] for notice in told), told


async def test_nor_does_a_failed_round_that_is_told_there_say_by_which_number_a_plan_ends(house):
    """It is anybody's word: another customer's plan would be ended at PayApp in place of this one."""
    plan, fields = await plan_by_script(house)
    forged = await overheard(house) | {name: fields[name] for name in ("var1", "var2")}
    failed = {"pay_state": "99", "mul_no": "77", "rebill_no": "7"}
    assert (await tell(house, fields["failurl"], forged | failed)).text == "SUCCESS"
    await house.call("DELETE", f"/v1/plans/{plan['id']}", {"customer": "customer-1"})
    await house.live(120.0, 5.0)

    assert [one.body for one in house.net.sent if b"rebillCancel" in one.body] == []
