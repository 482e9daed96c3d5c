"""What Payple's inquiry and webhook may say beside their yes: that nothing was heard yet, or that all went back."""

import pytest

from bridge.gateways.payple import sandbox_api, sandbox_notices
from tests.gateways.paired import paired
from tests.gateways.street import Street


@pytest.fixture
async def street(tmp_path):
    """A shop at a Payple that tells nothing by webhook, and whose inquiry shows no refunds."""
    async with paired(Street(tmp_path), "payple") as made:
        yield made


@pytest.fixture
async def told(tmp_path):
    """A shop whose webhooks are registered, at such a Payple."""
    async with paired(Street(tmp_path), "payple") as made:
        made.register_notices()
        yield made


@pytest.mark.parametrize("code", ["CPAY0018", "SPAY0011"])
async def test_a_success_whose_code_says_that_nothing_was_heard_is_no_money(street, monkeypatch, code):
    """As in the answer to a charge: what comes of it is shown later."""
    approved = sandbox_api.notices.approved
    monkeypatch.setattr(sandbox_notices, "approved", lambda *trade: approved(*trade) | {"PCD_PAY_CODE": code})
    answer = sandbox_api.Answer
    monkeypatch.setattr(
        sandbox_api,
        "Answer",
        lambda said, *more: answer(said | ({"PCD_PAY_CODE": code} if said["PCD_PAY_MSG"] == "조회완료" else {}), *more),
    )
    opened = await street.checkout()
    await street.come_back(opened)
    await street.live(60.0, 5.0)
    assert await street.state(opened.payment) == "unknown"
    monkeypatch.undo()
    await street.live(120.0, 5.0)
    assert await street.state(opened.payment) == "paid"


async def test_an_inquiry_that_answers_with_the_refund_is_no_money_that_is_there(street, monkeypatch):
    street.fault("approve", "drop_after")
    street.fault("inquire", "5xx_before", times=2)
    opened = await street.checkout()
    await street.come_back(opened)
    payment = await street.payment(opened.payment)
    street.sandbox.desks["payple"].refund({"merchant_ref": payment.merchant_ref})
    answer = sandbox_api.Answer
    monkeypatch.setattr(
        sandbox_api,
        "Answer",
        lambda said, *more: answer(
            said | ({"PCD_PAY_CODE": "PAYC0000"} if said["PCD_PAY_MSG"] == "조회완료" else {}), *more
        ),
    )
    await street.live(1_200.0, 10.0)

    assert street.book(payment).net == 0
    assert await street.state(opened.payment) == "needs_human"


def name_no_sum(monkeypatch):
    """Let the webhook of a cancel leave out how much it was."""
    bare = sandbox_notices.bare

    def told(till, url, fields, record):
        return bare(till, url, {name: one for name, one in fields.items() if name != "PCD_REFUND_TOTAL"}, record)

    monkeypatch.setattr(sandbox_notices, "bare", told)


@pytest.mark.parametrize("as_json", [False, True])
async def test_a_cancel_that_names_no_sum_is_asked_about_all_the_same(told, monkeypatch, as_json):
    told.set(webhook_json=as_json)
    opened = await told.checkout()
    await told.come_back(opened)
    await told.quiet()
    name_no_sum(monkeypatch)
    payment = await told.payment(opened.payment)
    told.sandbox.desks["payple"].refund({"merchant_ref": payment.merchant_ref})
    await told.live(120.0, 5.0)

    assert await told.cases(payment.id) == ["external_cancel"]


@pytest.mark.parametrize("fault", [None, "notice_first", "drop_after"])
async def test_our_own_whole_cancel_that_names_no_sum_is_nobodys_case(told, monkeypatch, fault):
    opened = await told.checkout()
    await told.come_back(opened)
    await told.quiet()
    name_no_sum(monkeypatch)
    if fault:
        told.fault("refund", fault)
    await told.refund(opened.payment)
    await told.live(900.0, 10.0)

    payment = await told.payment(opened.payment)
    assert (payment.state, told.book(payment).net) == ("refunded", 0)
    assert await told.cases(payment.id) == []
    await told.check_books()


async def test_an_inquiry_that_shows_less_than_the_books_have_left_is_a_persons(street, monkeypatch):
    """Where it shows what is left of a payment instead of what was paid."""
    opened = await street.checkout()
    await street.come_back(opened)
    await street.quiet()
    approved = sandbox_api.notices.approved
    monkeypatch.setattr(
        sandbox_notices,
        "approved",
        lambda till, trade: approved(till, trade) | {"PCD_PAY_TOTAL": trade.amount - trade.refunded},
    )
    await street.refund(opened.payment, 5_000)
    await street.live(1_200.0, 20.0)
    assert await street.cases(opened.payment) == [], "just that is left"
    merchant_ref = (await street.payment(opened.payment)).merchant_ref
    street.sandbox.desks["payple"].refund({"merchant_ref": merchant_ref, "amount": 20_000})
    await street.refund(opened.payment, 1_000)
    await street.live(1_200.0, 20.0)

    assert (await street.payment(opened.payment)).left == 49_000
    assert await street.cases(opened.payment) == ["books_differ"]


async def test_a_payment_found_after_midnight_keeps_the_day_on_which_it_was_found_and_is_given_back(
    street, monkeypatch
):
    """PCD_PAY_TIME is optional: where the inquiry's answer has none, the day that was asked about is the payment's."""
    answer = sandbox_api.Answer

    def timeless(said, *more):
        return answer({name: value for name, value in said.items() if name != "PCD_PAY_TIME"}, *more)

    monkeypatch.setattr(sandbox_api, "Answer", timeless)
    await street.clock.forward(12.5 * 3_600 - 30)
    street.fault("approve", "drop_after")
    street.fault("inquire", "5xx_before", times=6)
    opened = await street.checkout()
    await street.come_back(opened)
    await street.live(300.0, 5.0)
    payment = await street.payment(opened.payment)
    assert (payment.state, f"{payment.paid_at:%Y%m%d%H}") == ("paid", "2026112015"), "midnight in Korea is over"
    assert (await street.refund(payment.id)).json()["state"] == "done"

    assert street.book(payment).net == 0
    await street.check_books()
