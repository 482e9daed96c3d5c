"""The stories every gateway must tell alike, over the real flows: paid, declined, closed, lost, repeated, refunded."""

import asyncio
from dataclasses import replace
from urllib.parse import parse_qsl, urlencode

import pytest

from tests.gateways.paired import paired
from tests.gateways.street import DECLINES, Street
from tests.support.world import SHOP_URL

GATEWAYS = ["paystory", "payple"]
FOREIGN = (
    "http://evil.test/pay",
    "http://sandbox.test.evil.test/",
    "http://sandbox.test@evil.test",
    "//evil.test",
)


@pytest.fixture(params=GATEWAYS)
async def street(request, tmp_path):
    """A bridge, a shop, one gateway."""
    async with paired(Street(tmp_path), request.param) as made:
        yield made


async def settled(street, payment_id, seconds=900.0):
    """Let time pass until nothing of a payment is unknown."""
    await street.live(seconds, 5.0)
    return await street.payment(payment_id)


async def test_a_buyer_pays_and_the_shop_hears_it_once(street):
    opened = await street.checkout()
    landed = await street.come_back(opened)
    await street.beat()
    payment = await street.payment(opened.payment)

    assert landed.status_code == 303
    assert landed.headers["location"].startswith(f"{SHOP_URL}/result")
    assert (payment.state, payment.captured, street.book(payment).net) == ("paid", 55_000, 55_000)
    assert street.shop.kinds() == ["payment.paid"]
    assert len(street.money_calls()) == 1
    await street.check_books()


async def test_coming_back_again_pays_no_more(street):
    opened = await street.checkout()
    coming = await street.authenticate(opened)
    pages = await asyncio.gather(*(street.go(coming) for _ in range(4)))
    pages += [await street.go(coming) for _ in range(2)]
    await street.quiet()

    assert {page.status_code for page in pages} == {303}
    assert len(street.money_calls()) == 1
    assert street.book(await street.payment(opened.payment)).captured == 55_000


async def test_a_declined_buyer_may_pay_again(street):
    code, message = DECLINES[street.gateway]
    street.fault("approve", "decline", code=code, message=message)
    order = street.order()
    opened = await street.checkout(order)
    await street.come_back(opened)
    payment = await settled(street, opened.payment)

    assert (payment.state, payment.captured) == ("declined", 0)
    assert payment.message == message, "the gateway's own words"
    assert street.book(payment).captured == 0
    assert street.shop.kinds() in (["payment.failed"], ["payment.confirming", "payment.failed"])
    again = await street.checkout(order)
    await street.come_back(again)
    await street.quiet()
    assert await street.state(again.payment) == "paid"
    await street.check_books()


@pytest.mark.parametrize("action", ["close", "fail"])
async def test_whoever_closes_the_window_may_try_again_and_has_paid_nothing(street, action):
    opened = await street.checkout()
    landed = await street.come_back(opened, action=action)

    assert landed.status_code == 303
    assert landed.headers["location"].startswith(f"{SHOP_URL}/order")
    assert street.book(await street.payment(opened.payment)).captured == 0
    assert not street.money_calls()


@pytest.mark.parametrize("kind", ["drop_before", "5xx_before"])
async def test_an_answer_lost_before_anything_happened_ends_unpaid(street, kind):
    street.fault("approve", kind)
    opened = await street.checkout()
    coming = await street.authenticate(opened)
    await street.go(coming)
    await street.check_nobody_hears_failed(opened, coming)
    payment = await settled(street, opened.payment, 1_800.0)

    assert payment.state in ("declined", "voided"), payment.state
    assert street.book(payment).net == 0
    await street.check_books()


@pytest.mark.parametrize("kind", ["drop_after", "5xx_after", "garbage_after", "half_after"])
async def test_an_answer_lost_after_the_money_moved_is_settled_by_evidence(street, kind):
    street.fault("approve", kind)
    opened = await street.checkout()
    coming = await street.authenticate(opened)
    await street.go(coming)
    assert "payment.failed" not in await street.told(opened.payment)
    payment = await settled(street, opened.payment)

    assert payment.state == "paid"
    assert street.book(payment).net == payment.left == 55_000
    assert len([path for path in street.money_calls() if "ancel" not in path]) == 1, "asked once, never again"
    assert street.shop.kinds() in (["payment.paid"], ["payment.confirming", "payment.paid"])
    await street.check_books()


async def test_a_notice_that_comes_three_times_and_late_changes_nothing(street):
    street.register_notices()
    street.fault("notice", "notice_thrice")
    payment = await street.buy()
    street.fault("notice", "notice_late", delay_seconds=300.0)
    opened = await street.checkout(street.order())
    await street.go(await street.authenticate(opened))
    await asyncio.sleep(0)
    await street.clock.forward(301.0)
    await street.live(60.0, 30.0)
    other = await street.payment(opened.payment)

    for one in (payment, other):
        assert one.state == "paid"
        assert street.book(one).notices[0].acked
        assert await street.told(one.id) == ["payment.paid"]
    await street.check_books()


async def test_a_notice_before_the_answer_loses_nothing(street):
    street.register_notices()
    street.fault("notice", "notice_first")
    payment = await street.buy()
    await street.beat()

    assert payment.state == "paid"
    assert street.shop.kinds() == ["payment.paid"]
    await street.check_books()


async def test_a_notice_settles_what_the_lost_answer_left_open(street):
    street.register_notices()
    street.fault("approve", "drop_after")
    opened = await street.checkout()
    await street.come_back(opened)
    await street.live(60.0)

    assert await street.state(opened.payment) == "paid"
    await street.check_books()


async def test_a_part_and_then_the_rest_are_refunded(street):
    payment = await street.buy()
    first = await street.refund(payment.id, 5_000)
    await street.quiet()
    half = await street.payment(payment.id)
    second = await street.refund(payment.id)
    await street.beat()
    whole = await street.payment(payment.id)

    assert (first.status_code, second.status_code) == (200, 200), (first.text, second.text)
    assert (half.state, half.refunded) == ("part_refunded", 5_000)
    assert (whole.state, whole.refunded) == ("refunded", 55_000)
    assert street.book(payment).net == 0
    await street.check_books()


async def test_of_two_refunds_at_once_one_is_made(street):
    payment = await street.buy()
    answers = await asyncio.gather(*(street.refund(payment.id, 55_000) for _ in range(4)))
    await street.quiet()

    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    assert (street.book(payment).refunded, len(street.book(payment).refunds)) == (55_000, 1)
    await street.check_books()


async def test_a_whole_refund_whose_answer_is_lost_is_made_once(street):
    payment = await street.buy()
    street.fault("refund", "drop_after")
    await street.refund(payment.id)
    after = await settled(street, payment.id)

    assert (after.state, after.refunded) == ("refunded", 55_000)
    assert len(street.book(payment).refunds) == 1
    await street.check_books()


async def test_a_part_whose_answer_is_lost_is_not_made_twice(street):
    street.register_notices()
    payment = await street.buy()
    street.fault("refund", "drop_after")
    await street.refund(payment.id, 5_000)
    await street.live(900.0)

    assert len(street.book(payment).refunds) == 1
    assert street.book(payment).refunded == 5_000


async def test_more_than_is_left_is_refused_before_anything_is_sent(street):
    payment = await street.buy()
    before = len(street.net.sent)
    answer = await street.refund(payment.id, 55_001)

    assert answer.status_code == 409 or answer.status_code == 422
    assert len(street.net.sent) == before


async def test_too_little_is_refused_before_anything_is_sent(street):
    answer = await street.post_checkout(street.token(street.order(amount=999)))

    assert answer.status_code == 422, answer.text
    assert not street.net.sent


# ---- what comes from outside and is not what it should be


async def test_a_return_that_is_foreign_bent_or_too_large_is_refused_and_nothing_leaves(street):
    opened = await street.checkout()
    coming = await street.authenticate(opened)
    other = await street.authenticate(await street.checkout(street.order()))
    before = len(street.net.sent)
    async with street.client() as client:
        bent = [
            (await client.post(coming.url, data=other.fields)).status_code,
            (await client.post(coming.url, content=b"a=1&a=2")).status_code,
            (await client.post(coming.url, data={})).status_code,
            (await client.post(coming.url, data={"x": "y" * 200_000})).status_code,
            (await client.post(coming.url, content=b"\x00\xff" * 50)).status_code,
        ]
    await street.quiet()

    assert all(400 <= status < 500 for status in bent), bent
    assert len(street.net.sent) == before
    assert await street.state(opened.payment) == "open"
    await street.go(coming)
    await street.quiet()
    assert await street.state(opened.payment) == "paid", "and the right return still pays"


async def test_a_forged_notice_moves_nothing(street):
    street.register_notices()
    opened = await street.checkout()
    payment = await street.payment(opened.payment)
    told = {
        "paystory": {
            "mid": "test00001m", "ordNo": payment.merchant_ref, "goodsAmt": "55000", "ediDate": "20261120113000",
            "hashStr": "0" * 64, "resultCd": "3001", "payMethod": "CARD", "tid": "T1", "cancelYN": "N",
        },
        "payple": {"PCD_PAY_RST": "success", "PCD_PAY_OID": payment.merchant_ref, "PCD_PAY_TOTAL": "55000"},
    }[street.gateway]  # fmt: skip
    answers = [await street.post_news(urlencode(told).encode())]
    answers.append(await street.post_news(b"x" * 300_000))
    answers.append(await street.post_news(b"\xff=\xfe&\x00=1"))
    await street.live(120.0)

    assert (await street.payment(payment.id)).captured == 0
    assert not street.money_calls()
    assert answers[0].status_code == (200 if street.gateway == "payple" else 400), "one proves itself, one makes us ask"
    assert all(400 <= answer.status_code < 500 for answer in answers[1:])


async def test_a_notice_of_another_order_or_replayed_has_no_effect(street):
    street.register_notices()
    seen = []
    post = street.sandbox.notices._post

    async def remember(method, url, body, kind):
        if method == "POST":
            seen.append(body)
        return await post(method, url, body, kind)

    street.sandbox.notices._post = remember
    payment = await street.buy()
    await street.beat()
    told = dict(parse_qsl(seen[0].decode(), keep_blank_values=True))
    replays = [await street.post_news(seen[0]) for _ in range(3)]
    name = {"paystory": "ordNo", "payple": "PCD_PAY_OID"}[street.gateway]
    stranger = await street.post_news(urlencode(told | {name: "SOMEBODYELSES"}).encode())
    await street.live(60.0)

    assert {answer.status_code for answer in replays} == {200}
    assert stranger.status_code == 404, "what is not ours is not acknowledged"
    assert await street.told(payment.id) == ["payment.paid"]
    await street.check_books()


@pytest.mark.parametrize("name", ["PCD_PAY_COFURL", "PCD_PAY_HOST"])
@pytest.mark.parametrize("host", FOREIGN)
async def test_a_host_that_the_browser_names_is_never_called(tmp_path, name, host):
    street = Street(tmp_path)
    street.gateway = "payple"
    await street.start()
    street.site = await street.pair()
    opened = await street.checkout()
    coming = await street.authenticate(opened)
    before = len(street.net.sent)
    refused = await street.go(replace(coming, fields={**coming.fields, name: host}))
    await street.quiet()

    assert refused.status_code == 400
    assert len(street.net.sent) == before, "no request leaves"
    assert await street.state(opened.payment) == "open"
    await street.go(coming)
    await street.quiet()
    assert await street.state(opened.payment) == "paid"
    await street.close()


async def test_a_payment_that_is_taxed_in_part_gives_its_vat_back_over_its_refunds_to_the_won(street):
    opened = await street.checkout(street.order(tax_free=22_000))
    await street.come_back(opened)
    await street.quiet()
    assert (await street.refund(opened.payment, 10_001)).status_code == 200
    assert (await street.refund(opened.payment, 7, tax_free=7)).status_code == 200
    assert (await street.refund(opened.payment)).status_code == 200
    payment = await street.payment(opened.payment)

    assert (payment.state, street.book(payment).net) == ("refunded", 0)
    op, name = {"paystory": ("cancel", "goodsVat"), "payple": ("refund", "PCD_REFUND_TAXTOTAL")}[street.gateway]
    told = [int(one["fields"][name]) for one in street.sandbox.requests if one["op"] == op]
    assert (len(told), sum(told)) == (3, 3_000)
    await street.check_books()


async def test_a_lost_approval_of_a_payment_taxed_in_part_is_settled_and_its_money_given_back(street):
    opened = await street.checkout(street.order(tax_free=22_000))
    street.fault("approve", "drop_after")
    await street.come_back(opened)
    await street.live(900.0, 10.0)
    assert await street.state(opened.payment) == "paid"
    await street.refund(opened.payment)

    assert street.book(await street.payment(opened.payment)).net == 0
    await street.check_books()
