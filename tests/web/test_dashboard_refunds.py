"""An operator gives money back on the payment's page: with the password, once per page, and never more than is left."""

import re
from types import SimpleNamespace

import pytest

from bridge.domain.outcomes import Allowed, ByHand, Never
from bridge.flows.log_in import add_operator
from bridge.gateways.mainpay.adapter import Mainpay
from tests.web.visitor import PASSWORD, Browser, csrf_on


@pytest.fixture
async def desk(world, cheap_passwords):
    """A paid payment, and an operator who looks at it."""
    payment = await world.buy()
    await add_operator(world.context, "minji", PASSWORD)
    browser = Browser(SimpleNamespace(context=world.context))
    assert (await browser.log_in()).status_code == 303
    yield SimpleNamespace(world=world, payment=payment, browser=browser, path=f"/dashboard/payments/{payment.id}")
    await browser.client.aclose()


async def key_on(desk):
    found = re.search(r'name="key" value="([0-9a-f]{32})"', (await desk.browser.get(desk.path)).text)
    assert found
    return found[1]


async def post(desk, **fields):
    given = {"amount": "5000", "reason": "고객 요청", "password": PASSWORD, "key": await key_on(desk), "left": "55000"}
    given |= fields
    return await desk.browser.post(f"{desk.path}/refund", given, csrf=csrf_on(await desk.browser.get(desk.path)))


async def test_a_refund_is_made_once_however_often_the_page_is_sent(desk):
    key = await key_on(desk)
    for _ in range(2):
        answer = await post(desk, key=key)
        assert (answer.status_code, answer.headers["location"]) == (303, desk.path)
        await desk.world.quiet()
    after = await desk.world.payment(desk.payment.id)
    assert (after.state, after.refunded) == ("part_refunded", 5_000)
    assert desk.world.book(after).refunded == 5_000
    (done,) = [one for one in await desk.world.operations(after.id) if one.kind == "refund"]
    assert done.actor == "operator:minji"
    assert 'value="50000"' in (await desk.browser.get(desk.path)).text
    await desk.world.check_books()


async def test_a_part_from_an_old_page_is_refused(desk):
    """Two operators have the page open for the same seat: what the first gave back the second does not give again."""
    first, second = await key_on(desk), await key_on(desk)
    assert (await post(desk, key=first)).status_code == 303
    answer = await post(desk, key=second)
    assert (answer.status_code, "남은 금액이 바뀌었어요" in answer.text) == (422, True)
    after = await desk.world.payment(desk.payment.id)
    assert (after.refunded, desk.world.book(after).refunded) == (5_000, 5_000)

    assert 'name="left" value="50000"' in answer.text
    assert (await post(desk, key=second, left="50000")).status_code == 303, "it was looked at, and is meant"
    assert (await desk.world.payment(desk.payment.id)).refunded == 10_000


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"left": ""}, 422),
        ({"password": "not the password"}, 401),
        ({"amount": "55001"}, 422),
        ({"amount": "1e3"}, 422),
        ({"amount": ""}, 422),
        ({"reason": " "}, 400),
        ({"key": "short"}, 400),
    ],
)
async def test_what_does_not_do_moves_nothing_and_is_said(desk, fields, status):
    answer = await post(desk, **fields)
    assert answer.status_code == status
    assert 'role="alert"' in answer.text
    assert (await desk.world.payment(desk.payment.id)).refunded == 0
    assert [one for one in await desk.world.operations(desk.payment.id) if one.kind == "refund"] == []


async def test_a_viewer_and_a_stranger_give_nothing_back(desk):
    await add_operator(desk.world.context, "bora", PASSWORD, "viewer")
    viewer = Browser(SimpleNamespace(context=desk.world.context))
    await viewer.log_in("bora")
    page = await viewer.get(desk.path)
    assert 'name="amount"' not in page.text
    fields = {"amount": "5000", "reason": "x", "password": PASSWORD, "key": "0" * 32}
    assert (await viewer.post(f"{desk.path}/refund", fields, csrf=csrf_on(page))).status_code == 403
    foreign = await desk.browser.post(f"{desk.path}/refund", fields, csrf="0" * 64)
    assert foreign.status_code == 400
    await viewer.client.aclose()
    assert (await desk.world.payment(desk.payment.id)).refunded == 0


async def test_nothing_is_offered_where_nothing_is_left(desk):
    await post(desk, amount="55000")
    await desk.world.quiet()
    assert 'name="amount"' not in (await desk.browser.get(desk.path)).text
    missing = "/dashboard/payments/0123456789abcdefghjkmnpqrs/refund"
    assert (await desk.browser.post(missing, {}, csrf=csrf_on(await desk.browser.get(desk.path)))).status_code == 404


@pytest.mark.parametrize(
    ("rule", "words", "why"),
    [
        (
            Allowed(55_000, partial=True),
            {"ko": "전액 또는 일부 · 최대 55,000원", "en": "In full or in part · at most ₩55,000"},
            "",
        ),
        (Allowed(55_000, partial=False), {"ko": "전액만 · 최대 55,000원", "en": "In full only · at most ₩55,000"}, ""),
        (
            Allowed(55_000, partial=True, by_request=True),
            {"ko": "요청한 뒤에 나오는 계좌로 직접 보내야", "en": "The gateway only takes a request now."},
            "",
        ),
        (ByHand("직접 보내 주세요."), {"ko": "결제사에서 직접", "en": "By hand only"}, "직접 보내 주세요."),
        (Never("받은 돈이 없어요."), {"ko": "할 수 없음", "en": "Not possible"}, "받은 돈이 없어요."),
    ],
)
async def test_the_page_says_in_both_languages_what_may_be_done_and_why(desk, monkeypatch, rule, words, why):
    monkeypatch.setattr(Mainpay, "refund_rule", lambda *_: rule)
    for lang, said in words.items():
        page = (await desk.browser.get(f"{desk.path}?lang={lang}")).text
        assert said in page
        asks = "취소 요청만 받아요" in page or "only takes a request" in page
        assert asks == getattr(rule, "by_request", False)
        assert why in page
        assert ('name="amount"' in page) == isinstance(rule, Allowed)
        assert (" readonly" in page.partition('name="amount"')[2].partition(">")[0]) == (
            said.startswith(("전액만", "In full only"))
        )
