"""What Payple's inquiry may say beside their yes: that nothing was heard yet, or that all went back."""

import pytest

from bridge.gateways.payple import sandbox_api, sandbox_notices
from tests.gateways.paired import paired
from tests.gateways.street import Street


@pytest.fixture
async def street(tmp_path):
    """A shop at a Payple that tells nothing by webhook, and whose inquiry shows no refunds."""
    async with paired(Street(tmp_path), "payple") as made:
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
