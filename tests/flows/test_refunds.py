"""Refunds: never more than was paid, never twice, never a guess."""

import asyncio
import json

import pytest

from bridge.gateways.mainpay import sandbox_notices
from tests.flows.test_notices import card

KEY = "0123456789abcdef" * 2
LOST_AFTER = ["drop_after", "rst_after", "5xx_after", "garbage_after", "half_after", "empty_after"]


async def test_a_full_refund_is_done_and_told_once(any_world):
    world = any_world
    payment = await world.buy()
    answer = await world.refund(payment.id)
    await world.beat()
    refund = answer.json()
    shown = (await world.call("GET", f"/v1/payments/{payment.id}")).json()

    assert answer.status_code == 200
    assert (refund["state"], refund["amount"], refund["actor"]) == ("done", 55_000, "wp:7")
    assert (shown["state"], shown["refunded"]) == ("refunded", 55_000)
    assert shown["allowed"]["refund"] == "never"
    assert await world.entries(payment.id) == [("capture", 55_000, "E1"), ("refund", -55_000, "E1")]
    assert world.shop.kinds() == ["payment.paid", "payment.refunded"]
    assert world.shop.news[-1]["order"]["state"] == "refunded"
    assert world.book(payment).net == 0
    await world.check_books()


async def test_parts_and_then_the_rest(any_world):
    world = any_world
    payment = await world.buy()
    for amount, left in ((10_000, 45_000), (15_000, 30_000)):
        answer = await world.refund(payment.id, amount)
        assert answer.json()["state"] == "done", answer.text
        shown = (await world.call("GET", f"/v1/payments/{payment.id}")).json()
        assert (shown["state"], shown["allowed"]["refundable"]) == ("part_refunded", left)
        assert world.book(payment).net == left
    rest = await world.refund(payment.id)

    assert (rest.json()["state"], rest.json()["amount"]) == ("done", 30_000)
    assert await world.state(payment.id) == "refunded"
    assert world.book(payment).net == 0
    await world.check_books()


@pytest.mark.parametrize(("first", "second"), [(0, 55_001), (10_000, 45_001), (10_000, 55_000)])
async def test_more_than_is_left_is_refused(any_world, first, second):
    world = any_world
    payment = await world.buy()
    if first:
        await world.refund(payment.id, first)
    answer = await world.refund(payment.id, second)

    assert (answer.status_code, answer.json()["code"]) == (422, "refund_refused")
    assert answer.json()["refundable"] == 55_000 - first
    assert world.book(payment).refunded == first
    await world.check_books()


@pytest.mark.parametrize("many", [2, 12])
async def test_of_refunds_at_once_one_is_done_and_the_others_are_told_to_wait(any_world, many):
    world = any_world
    payment = await world.buy()
    world.sandbox.latency_seconds["mainpay", ""] = 1.0
    asked = [asyncio.ensure_future(world.refund(payment.id, 33_000)) for _ in range(many)]
    async with asyncio.timeout(10):
        while not world.net.calls("cancel") or sum(one.done() for one in asked) < many - 1:
            await asyncio.sleep(0.001)
    await world.clock.forward(2)
    answers = await asyncio.gather(*asked)

    codes = sorted(answer.status_code for answer in answers)
    assert codes == [200] + [409] * (many - 1)
    assert {one.json()["code"] for one in answers if one.status_code == 409} == {"pending_outcome"}
    assert world.book(payment).refunded == 33_000
    await world.check_books()


async def test_the_same_key_twice_is_one_refund(any_world):
    world = any_world
    payment = await world.buy()
    first = await world.refund(payment.id, 5_000, key=KEY)
    second = await world.refund(payment.id, 5_000, key=KEY)

    assert first.json() == second.json()
    assert world.book(payment).refunded == 5_000


async def test_the_same_key_at_once_is_one_refund(world):
    payment = await world.buy()
    answers = await asyncio.gather(*(world.refund(payment.id, 5_000, key=KEY) for _ in range(10)))
    await world.quiet()

    assert {answer.status_code for answer in answers} <= {200, 202}, "202 is said where nobody wants to wait longer"
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert world.book(payment).refunded == 5_000


async def test_a_key_that_comes_again_with_another_amount_is_refused(any_world):
    world = any_world
    payment = await world.buy()
    other = await world.buy()
    await world.refund(payment.id, 5_000, key=KEY)
    again = await world.refund(payment.id, 6_000, key=KEY)
    elsewhere = await world.refund(other.id, 5_000, key=KEY)
    opening = await world.call("POST", "/v1/payments", {"order": world.order()}, key=KEY)

    for answer in (again, elsewhere, opening):
        assert (answer.status_code, answer.json()["code"]) == (422, "key_reused")
    assert (world.book(payment).refunded, world.book(other).refunded) == (5_000, 0)


async def test_a_signed_refund_sent_again_is_a_replay(world):
    payment = await world.buy()
    path = f"/v1/payments/{payment.id}/refunds"
    body = json.dumps({"amount": 5_000, "reason": "고객 요청", "actor": "wp:7"}).encode()
    headers = world.headers("POST", path, body)
    async with world.client() as client:
        first = await client.post(path, content=body, headers=headers)
        second = await client.post(path, content=body, headers=headers)
    await world.restart()
    async with world.client() as client:
        third = await client.post(path, content=body, headers=headers)

    assert first.status_code == 200
    for answer in (second, third):
        assert (answer.status_code, answer.json()["code"]) == (409, "replay")
    assert world.book(payment).refunded == 5_000


@pytest.mark.parametrize("kind", LOST_AFTER)
async def test_a_full_refund_whose_answer_is_lost_is_asked_again_and_done(any_world, kind):
    world = any_world
    payment = await world.buy()
    world.fault("cancel", kind)
    world.fault("notice", "notice_lost")  # it would settle it too, as E7
    answer = await world.refund(payment.id)
    await world.quiet()
    await world.live(30)
    refund = (await world.call("GET", f"/v1/refunds/{answer.json()['id']}")).json()

    assert answer.status_code in (200, 202)
    assert refund["state"] == "done"
    capture, (*given_back, evidence) = await world.entries(payment.id)
    assert (capture, given_back) == (("capture", 55_000, "E1"), ["refund", -55_000])
    assert evidence in ("E7", "E9"), "the gateway's notice and our asking again run side by side"
    assert world.book(payment).refunded == 55_000
    assert await world.told(payment.id) == ["payment.paid", "payment.refunded"]
    assert await world.cases(payment.id) == []
    await world.check_books()


@pytest.mark.parametrize("kind", ["drop_before", "5xx_before", "throttled"])
async def test_a_full_refund_that_never_arrived_is_asked_again_and_done(any_world, kind):
    world = any_world
    payment = await world.buy()
    world.fault("cancel", kind)
    await world.refund(payment.id)
    await world.quiet()
    await world.live(30)

    assert await world.state(payment.id) == "refunded"
    assert world.book(payment).refunded == 55_000
    await world.check_books()


@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "5xx_after", "garbage_after"])
async def test_a_part_whose_answer_is_lost_is_a_persons_and_blocks_further_refunds(any_world, kind):
    world = any_world
    payment = await world.buy()
    world.fault("cancel" if world.dialect == "guide" else "part_cancel", kind)
    world.fault("notice", "notice_lost")
    answer = await world.refund(payment.id, 10_000)
    await world.quiet()
    calls = len(world.net.calls("cancel"))
    refund = (await world.call("GET", f"/v1/refunds/{answer.json()['id']}")).json()
    again = await world.refund(payment.id, 1_000)
    await world.live(3600, step=120)

    assert answer.status_code == 202
    assert refund["state"] == "needs_human"
    assert await world.cases(payment.id) == ["refund_unknown"]
    assert (again.status_code, again.json()["code"]) == (409, "pending_outcome")
    shown = (await world.call("GET", f"/v1/payments/{payment.id}")).json()
    assert shown["allowed"] == {"refund": "never", "refundable": 0, "why": shown["allowed"]["why"]}
    assert len(world.net.calls("cancel")) == calls, "a part is never asked twice"
    assert (await world.payment(payment.id)).refunded == 0


async def test_a_notice_settles_a_part_that_a_person_was_given(world):
    payment = await world.buy()
    world.fault("part_cancel", "drop_after")
    answer = await world.refund(payment.id, 10_000)
    await world.quiet()
    await world.beat()
    refund = (await world.call("GET", f"/v1/refunds/{answer.json()['id']}")).json()

    assert refund["state"] == "done"
    assert await world.entries(payment.id) == [("capture", 55_000, "E1"), ("refund", -10_000, "E7")]
    assert await world.cases(payment.id) == []
    assert world.shop.kinds()[-1] == "payment.refunded"
    more = await world.refund(payment.id, 5_000)
    assert more.json()["state"] == "done"
    await world.check_books()


async def test_the_late_notice_of_one_part_settles_no_equal_one(any_world):
    world = any_world
    payment = await world.buy()
    world.fault("notice", "notice_lost", times=None)
    await world.refund(payment.id, 5_000)
    await world.quiet()
    (first,) = [one for one in await world.operations(payment.id) if one.kind == "refund"]
    for op in ("part_cancel", "cancel"):
        world.fault(op, "drop_before")
    answer = await world.refund(payment.id, 5_000)
    await world.quiet()
    changes = {"refNo": first.refs["refNo"], "amount": "5000", "orgRefNo": payment.refs["refNo"]}
    told = await world.post_notice(card(world, payment, sandbox_notices.PART_CANCELLED, **changes))
    await world.quiet()
    refund = (await world.call("GET", f"/v1/refunds/{answer.json()['id']}")).json()

    assert told.status_code == 200
    assert (first.step, refund["state"]) == ("ok", "needs_human")
    assert (await world.payment(payment.id)).refunded == 5_000


async def test_a_notice_from_elsewhere_settles_no_part(world):
    payment = await world.buy()
    world.notice_address = "192.0.2.66"
    world.fault("part_cancel", "drop_after")
    answer = await world.refund(payment.id, 10_000)
    await world.quiet()
    refund = (await world.call("GET", f"/v1/refunds/{answer.json()['id']}")).json()

    assert refund["state"] == "needs_human"


@pytest.mark.parametrize("code", ["3001", "3003"])
async def test_a_refused_refund_says_why_and_may_be_asked_again(any_world, code):
    world = any_world
    payment = await world.buy()
    world.fault("cancel", "decline", code=code, message="취소할 수 없습니다")
    answer = await world.refund(payment.id)
    again = await world.refund(payment.id)

    assert answer.status_code == 200
    assert (answer.json()["state"], answer.json()["code"]) == ("refused", code)
    assert answer.json()["message"] == "취소할 수 없습니다"
    assert again.json()["state"] == "done"
    await world.check_books()


async def test_a_refund_that_could_not_be_sent_is_not_sent(world):
    payment = await world.buy()
    world.net.down.add("http://sandbox.test:80")
    answer = await world.refund(payment.id)
    world.net.down.clear()

    assert (answer.status_code, answer.json()["state"]) == (200, "not_sent")
    assert (await world.refund(payment.id)).json()["state"] == "done"
    await world.check_books()


async def test_an_unlisted_code_to_a_full_refund_goes_to_a_person_and_is_settled_when_it_can_be(world):
    payment = await world.buy()
    world.fault("cancel", "decline", times=None, code="9999", message="알 수 없는 오류")
    answer = await world.refund(payment.id)
    await world.quiet()
    assert answer.json()["state"] == "unknown"
    await world.live(700, step=20)
    refund = (await world.call("GET", f"/v1/refunds/{answer.json()['id']}")).json()
    assert refund["state"] == "needs_human"
    assert await world.cases(payment.id) == ["refund_unknown"]

    world.sandbox.faults.armed.clear()
    await world.live(700, step=20)
    assert await world.state(payment.id) == "refunded"
    assert await world.cases(payment.id) == []
    await world.check_books()


@pytest.mark.parametrize(("first", "left"), [("drop_before", 55_000), ("drop_after", 0)])
@pytest.mark.parametrize("code", ["3003", "1004"])
async def test_what_says_no_to_a_repeated_refund_says_nothing_of_the_first(world, first, left, code):
    payment = await world.buy()
    world.fault("notice", "notice_lost", times=None)
    world.fault("cancel", first)
    world.fault("cancel", "decline", times=None, code=code, message="취소 가능 기간 초과")
    answer = await world.refund(payment.id)
    path = f"/v1/refunds/{answer.json()['id']}"
    await world.live(500, step=20)
    refund = (await world.call("GET", path)).json()
    assert (refund["state"], refund["code"], refund["message"]) == ("unknown", code, "취소 가능 기간 초과")
    assert (await world.refund(payment.id)).status_code == 409, "it may be on its way: nothing more is given back"
    await world.live(200, step=20)

    assert (await world.call("GET", path)).json()["state"] == "needs_human"
    assert await world.cases(payment.id) == ["refund_unknown"]
    assert (await world.state(payment.id), world.book(payment).net) == ("paid", left)
    world.sandbox.faults.clear()
    await world.live(700, step=50)
    assert (await world.state(payment.id), await world.cases(payment.id)) == ("refunded", []), "asked for still"
    await world.check_books()


@pytest.mark.parametrize("code", ["1002", "1004", "1005"])
async def test_a_repeat_that_is_refused_for_the_callers_sake_says_nothing_of_the_refund_that_was_made(world, code):
    payment = await world.buy()
    world.fault("cancel", "drop_after")
    world.fault("notice", "notice_lost", times=None)
    world.fault("cancel", "decline", times=None, code=code, message="가맹점을 확인해 주세요")
    answer = await world.refund(payment.id)
    await world.live(300, step=10)
    refund = (await world.call("GET", f"/v1/refunds/{answer.json()['id']}")).json()

    assert refund["state"] == "unknown", "the money is back already; refused, it might be given back once more"
    assert world.book(payment).net == 0
    await world.live(3_600, step=60)
    assert await world.cases(payment.id) == ["refund_unknown"]


@pytest.mark.parametrize(("kind", "state"), [("decline", "refused"), ("down", "not_sent")])
async def test_a_refund_that_was_not_made_is_news_so_that_the_shop_keeps_no_old_word_of_it(world, kind, state):
    payment = await world.buy()
    if kind == "down":
        world.net.down.add("http://sandbox.test:80")
    else:
        world.fault("cancel", "decline", code="3001", message="취소 실패")
    answer = await world.refund(payment.id)
    await world.live(10, step=5)

    assert answer.json()["state"] == state
    assert await world.told(payment.id) == ["payment.paid", "payment.refund_refused"]
    told = world.shop.news[-1]
    assert told["type"] == "payment.refund_refused"
    assert (told["payment"]["state"], told["payment"]["allowed"]["refundable"]) == ("paid", 55_000)


async def test_a_long_korean_reason_is_no_obstacle_in_either_dialect(any_world):
    world = any_world
    payment = await world.buy()
    answer = await world.refund(payment.id, reason="가" * 70)

    assert (answer.status_code, answer.json()["state"]) == (200, "done")
    assert answer.json()["reason"] == "가" * 70, "ours is kept whole"
    assert world.book(payment).net == 0
