"""What Payple's words say of a refund: its codes are on no list, and not every "already" says that all went back."""

import pytest

from bridge.gateways.payple import codes
from tests.gateways.paired import paired
from tests.gateways.street import Street

ONLY_SPEAK_OF_ONE = [
    "이미 취소 가능 기간이 지난 거래입니다.",
    "이미 취소 요청된 거래입니다.",
    "이미 환불 접수되어 처리중입니다.",
    "이미 취소 처리 중인 거래입니다.",
    "이미 취소된 금액이 있어 전체취소 불가",
    "기취소 금액 초과",
    "일부 이미 취소된 거래",
    "이미 부분취소된 거래",
    "조기 취소 불가",
]


@pytest.fixture(params=[True, False], ids=["shown", "not shown"])
async def street(request, tmp_path):
    """A shop at a Payple that tells nothing by webhook, and whose inquiry shows refunds, or does not."""
    async with paired(Street(tmp_path), "payple") as made:
        made.set(lookup_shows_refunds=request.param)
        yield made


async def refunded(street, amount, kind, **more):
    """Pay, ask for a refund that goes wrong so, and wait; the payment as the books have it, and the gateway's book."""
    opened = await street.checkout()
    await street.come_back(opened)
    await street.quiet()
    street.fault("refund", kind, **more)
    await street.refund(opened.payment, amount)
    await street.live(1_800.0, 20.0)
    payment = await street.payment(opened.payment)
    return payment, street.book(payment)


@pytest.mark.parametrize("words", ONLY_SPEAK_OF_ONE)
async def test_words_that_only_speak_of_an_earlier_cancel_give_nothing_back(street, words):
    payment, book = await refunded(street, 55_000, "decline", times=None, code="PAYC0099", message=words)
    assert (payment.refunded, book.refunded) == (0, 0)


async def test_words_that_speak_of_one_under_way_are_no_refusal_of_the_refund(street):
    payment, book = await refunded(street, 30_000, "decline", code="PAYC0099", message="환불 금액 처리중")
    (refund,) = [one for one in await street.operations(payment.id) if one.kind == "refund"]
    assert (refund.evidence, payment.refunded, book.refunded) != ("E2", 0, 0)


async def test_more_than_is_left_is_no_refusal_of_a_part_that_arrived_twice(street):
    payment, book = await refunded(street, 30_000, "duplicate")
    (refund,) = [one for one in await street.operations(payment.id) if one.kind == "refund"]
    known = (refund.step, payment.refunded, await street.cases(payment.id))

    assert book.refunded == 30_000
    assert known in (("ok", 30_000, []), ("needs_human", 0, ["refund_unknown"]))


@pytest.mark.parametrize(
    "words", ["이미 취소된 거래", "이미 취소된 거래입니다. 재취소 불가", "기취소 거래", "취소 완료된 거래"]
)
def test_a_message_that_says_so_was_cancelled_before(words):
    assert codes.says_already(words)
    assert not codes.says_refused(words)


@pytest.mark.parametrize("words", ["취소 기간 초과", "취소 기한 초과", "부분취소 불가", "원거래 없음", "권한 불일치"])
def test_a_message_that_gives_another_reason_is_a_refusal(words):
    assert codes.says_refused(words)
    assert not codes.says_already(words)


@pytest.mark.parametrize(
    "words", ["취소 금액 불일치", "잔액과 금액이 일치하지 않습니다", "환불 금액이 다릅니다", "취소 가능 금액 초과"]
)
def test_a_sum_that_does_not_fit_is_no_refusal_of_one_that_fits_the_books(words):
    assert not codes.says_refused(words)
    assert not codes.says_already(words)
