"""A key's charge at Mainpay is known as one before its answer: whoever ends it, its full cancel goes the key's way."""

from dataclasses import replace

from bridge.clock import stamp
from bridge.domain.payment import RefundOrder
from tests.flows.test_cases import case_of, decide
from tests.gateways.test_mainpay_direct_stories import charge, issue_key, pay_typed, typed

__all__ = ["typed"]


def cancel_of(world, payment):
    """Write the full cancel of a payment as the books have it, its number being read in Mainpay's console."""
    refund = RefundOrder("REFUND1", payment.amount, "공연 취소", full=True, left_after=0, refunded_before=0)
    known = replace(payment, refs={**payment.refs, "refNo": "REF1", "tranDate": "261120"})
    gateway = world.context.sites.get(payment.site).gateway("mainpay")
    return next(gateway.refund(known, refund, stamp(world.clock)))


async def lose(world, paid):
    """Let every try to take a payment back be lost as well: a person's case, without a number."""
    world.fault("cancel", "5xx_before", times=None)
    lost = (await paid()).json()["id"]
    await world.live(720, step=20)
    assert await world.state(lost) == "needs_human"
    return lost


async def test_a_keys_charge_that_people_said_was_paid_is_still_one_and_given_back_by_hand_without_its_number(typed):
    key = (await issue_key(typed)).json()["id"]
    typed.fault("key_charge", "drop_after")
    lost = await lose(typed, lambda: charge(typed, key))
    await decide(typed, await case_of(typed, lost), "paid")
    payment = await typed.payment(lost)
    asked = len(typed.sandbox.requests)

    assert (payment.state, payment.refs) == ("paid", {"api": "auto"})
    assert cancel_of(typed, payment).url.endswith("/card-auto/cancel")
    refused = await typed.refund(lost)
    assert refused.status_code == 422
    assert "관리자 화면에서 취소해야 해요" in refused.text
    assert len(typed.sandbox.requests) == asked, "no cancel is sent that could go the wrong way"


async def test_a_typed_cards_charge_that_people_said_was_paid_is_none_of_a_key(typed):
    typed.fault("keyin", "drop_after")
    lost = await lose(typed, lambda: pay_typed(typed))
    await decide(typed, await case_of(typed, lost), "paid")

    assert cancel_of(typed, await typed.payment(lost)).url.endswith("/payment/cancel")
