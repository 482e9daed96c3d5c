"""What some gateways answer besides payments: cards' kinds, escrow, slips."""

import asyncio

import pytest

from tests.flows.test_cases import case_of, decide
from tests.flows.test_slow_answers import Slow
from tests.support.disaster import keep, key_of, lose
from tests.support.teller import TELLER


@pytest.fixture
async def paid(world):
    """A paid order at a gateway that answers much."""
    await world.pair_teller("Serving")
    payment = await world.buy_at_teller()
    assert await world.state(payment.id) == "paid"
    return payment.id


async def escrow(world, payment, step, once="", **fields):
    body = {"step": step, "actor": "wp:7", "fields": fields}
    return await world.call("POST", f"/v1/payments/{payment}/escrow", body, key=once)


async def test_a_card_is_known_by_its_first_digits_and_more_are_not_taken(world, paid):
    kind = await world.call("POST", "/v1/card-kinds", {"prefix": "411111"})
    none = await world.call("POST", "/v1/card-kinds", {"prefix": "911111"})
    whole = await world.call("POST", "/v1/card-kinds", {"prefix": "4111111111111111"})
    world.teller.fail("card_kind", "odd")
    odd = await world.call("POST", "/v1/card-kinds", {"prefix": "411111"})

    assert kind.json() == {"issuer": "04", "issuer_name": "현대카드", "kind": "credit"}
    assert (none.status_code, whole.json()["code"], odd.json()["code"]) == (404, "malformed", "gateway_unavailable")
    assert "4111111111111111" not in whole.text


async def test_only_the_services_that_a_gateway_of_the_site_has_are_listed(world, paid):
    one = {"gateway": "teller", "title": "텔러 teller", "minimum": 1_000}
    listed = (await world.call("GET", "/v1/codes/services")).json()["items"]
    await world.pair_teller("Planning", url="http://plans.test")
    plans = (await world.call("GET", "/v1/codes/services")).json()["items"]
    await world.pair_teller("Asked", url="http://none.test")

    assert listed == [{"code": "card_kinds", "gateways": [one]}]
    assert [item["code"] for item in plans] == ["plans"]
    assert (await world.call("GET", "/v1/codes/services?gateway=teller")).json()["items"] == []


async def test_whose_window_registers_a_card_or_a_phone_is_a_service_of_its_own(world):
    await world.pair_teller("BillingUndone", keys="phone")
    phones = (await world.call("GET", "/v1/codes/services")).json()["items"]
    await world.pair_teller("BillingUndone", url="http://both.test")
    both = (await world.call("GET", "/v1/codes/services")).json()["items"]

    assert [item["code"] for item in phones] == ["phone_keys"]
    assert [item["code"] for item in both] == ["card_keys", "phone_keys"]
    assert both[0]["gateways"] == [{"gateway": "teller", "title": "텔러 teller", "minimum": 1_000}]


async def test_an_escrows_steps_stand_in_the_timeline_and_a_repeat_is_answered_as_the_first(world, paid):
    sent = await escrow(world, paid, "delivery", once="ab" * 16, courier="EPOST")
    again = await escrow(world, paid, "delivery", once="ab" * 16, courier="EPOST")
    state = await escrow(world, paid, "status")

    assert (sent.json()["state"], sent.json()["message"]) == ("delivery", "EPOST")
    assert (again.json(), state.json()["state"]) == (sent.json(), "delivery")
    assert [said["step"] for op, said in world.teller.asked if op == "escrow"] == ["delivery", "status"]
    timeline = (await world.call("GET", f"/v1/payments/{paid}")).json()["timeline"]
    assert [row["event"] for row in timeline].count("escrow.shown") == 2
    assert {row["actor"] for row in timeline if row["event"] == "escrow.asked"} == {"wp:7"}


async def test_a_step_that_was_refused_or_not_answered_is_no_success_when_it_is_sent_again(world, paid):
    world.teller.fail("escrow", "no", "lost_after")
    refused = await escrow(world, paid, "delivery", once="ab" * 16, courier="EPOST")
    again = await escrow(world, paid, "delivery", once="ab" * 16, courier="EPOST")
    lost = await escrow(world, paid, "delivery", once="cd" * 16, courier="EPOST")
    lost_again = await escrow(world, paid, "delivery", once="cd" * 16, courier="EPOST")
    await world.context.ledger.write(lambda turn: turn.run("UPDATE answers SET status = 0, body = ''"))
    unheard = await escrow(world, paid, "delivery", once="cd" * 16, courier="EPOST")

    assert (again.status_code, again.json()["gateway_message"]) == (503, refused.json()["gateway_message"])
    assert (lost_again.status_code, lost_again.json()["detail"]) == (503, lost.json()["detail"])
    assert (unheard.json()["code"], "상태를 먼저" in unheard.json()["message_ko"]) == ("pending_outcome", True)
    assert len([said for op, said in world.teller.asked if op == "escrow"]) <= 2


async def test_a_refused_or_unheard_escrow_step_says_so(world, paid):
    world.teller.fail("escrow", "no", "lost_after")
    refused, lost = await escrow(world, paid, "confirm"), await escrow(world, paid, "deny")

    assert (refused.status_code, refused.json()["gateway_message"]) == (503, "그렇게 안 돼요")
    assert (lost.status_code, "did not answer" in lost.json()["detail"]) == (503, True)
    assert "답하지 않았어요" in lost.json()["message_ko"]
    assert await world.state(paid) == "paid"


async def test_a_payment_in_escrow_names_its_steps_and_what_each_needs(world, paid):
    choices = {"EPOST": "우체국"}
    courier = {"name": "courier", "label_ko": "택배사", "label": "Courier", "choices": choices, "needed": True}
    reason = {"name": "reason", "label_ko": "이유", "label": "Why", "choices": {}, "needed": False}
    shown = (await world.call("GET", f"/v1/payments/{paid}")).json()["escrow"]
    open_yet = await world.checkout(world.order())

    assert [one["step"] for one in shown["steps"]] == ["status", "delivery", "confirm", "deny"]
    assert [one["fields"] for one in shown["steps"]] == [[], [courier], [], [reason]]
    assert "escrow" not in (await world.call("GET", f"/v1/payments/{open_yet.payment}")).json()
    await world.call("POST", f"/v1/payments/{paid}/refunds", {"reason": "공연 취소", "actor": "wp:7"})
    await world.quiet()
    assert "escrow" not in (await world.call("GET", f"/v1/payments/{paid}")).json(), "all of it went back"


async def test_a_state_that_says_the_money_went_back_is_a_case_and_moves_nothing_by_itself(world, paid):
    await escrow(world, paid, "status")
    assert await world.cases(paid) == []
    world.teller.escrow = "cancelled"
    for _ in range(2):
        assert (await escrow(world, paid, "status")).json()["state"] == "cancelled"
    (case,) = (await world.call("GET", "/v1/cases")).json()["items"]
    payment = await world.payment(paid)

    assert (case["payment"], case["reason"], "cancelled" in case["detail"]) == (paid, "external_cancel", True)
    assert [one["decision"] for one in case["decisions"]] == ["given_back", "not_given_back"]
    assert (payment.state, payment.left) == ("paid", 55_000)


async def test_while_a_refund_of_ours_has_no_outcome_such_a_state_may_be_its_own_and_is_no_second_case(world, paid):
    world.teller.escrow = "cancelled"
    world.teller.fail("refund", "lost_before", "lost_before")
    await world.call("POST", f"/v1/payments/{paid}/refunds", {"reason": "공연 취소", "actor": "wp:7", "amount": 1_000})
    pending = (await world.call("GET", f"/v1/payments/{paid}")).json()["allowed"]["refund"]
    await escrow(world, paid, "status")

    assert (pending, "external_cancel" in await world.cases(paid)) == ("never", False)


async def test_no_step_is_taken_once_all_went_back_and_a_repeat_is_answered_as_before(world, paid):
    first = await escrow(world, paid, "status", once="ab" * 16)
    await world.call("POST", f"/v1/payments/{paid}/refunds", {"reason": "공연 취소", "actor": "wp:7"})
    await world.quiet()
    steps = [("status", {}), ("delivery", {"courier": "EPOST"}), ("confirm", {}), ("deny", {})]
    refused = [await escrow(world, paid, step, **fields) for step, fields in steps]
    again = await escrow(world, paid, "status", once="ab" * 16)

    assert await world.state(paid) == "refunded"
    assert [(one.status_code, one.json()["code"]) for one in refused] == [(409, "not_now")] * 4
    assert (again.status_code, again.json()) == (200, first.json())
    assert len([op for op, _ in world.teller.asked if op == "escrow"]) == 1


@pytest.mark.parametrize(
    ("step", "fields", "said"),
    [
        ("delivery", {}, "needs the field courier"),
        ("delivery", {"courier": "EPOST", "tid": "OTHER"}, "no field tid; it has: courier."),
        ("delivery", {"courier": "우체국"}, "must be one of: EPOST."),
        ("status", {"mid": "othershop"}, "no field mid; it has: none."),
    ],
)
async def test_a_field_too_many_or_too_few_is_refused_before_anything_is_kept_or_sent(world, paid, step, fields, said):
    answer = await escrow(world, paid, step, **fields)
    timeline = (await world.call("GET", f"/v1/payments/{paid}")).json()["timeline"]

    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")
    assert said in answer.json()["detail"]
    assert not [op for op, _ in world.teller.asked if op == "escrow"]
    assert not [row for row in timeline if row["event"].startswith("escrow.")]
    assert (await escrow(world, paid, "deny")).status_code == 200, "what is not needed may be left out"


async def test_what_the_buyer_decided_is_kept_on_the_payment_and_a_mere_state_is_not(world, paid):
    await escrow(world, paid, "status")
    before = (await world.payment(paid)).escrow
    await escrow(world, paid, "confirm")
    await escrow(world, paid, "status")
    payment = await world.payment(paid)

    assert (before, payment.escrow, await world.state(paid)) == ("", "confirmed", "paid")
    shown = (await world.call("GET", f"/v1/payments/{paid}")).json()["escrow"]
    assert (shown["buyer"], [one["step"] for one in shown["steps"]]) == ("confirmed", ["status", "delivery"])
    assert payment.refs["number"], "what the gateway calls it stays"


def words_of(world):
    return [said["step"] for op, said in world.teller.asked if op == "escrow"]


async def test_a_word_of_the_buyer_that_has_no_answer_is_sent_no_second_time_and_the_state_settles_it(world, paid):
    world.teller.fail("escrow", "lost_after")
    lost = await escrow(world, paid, "confirm")
    more = [await escrow(world, paid, step) for step in ("confirm", "deny")]
    shown = (await world.call("GET", f"/v1/payments/{paid}")).json()["escrow"]
    unheard = (await world.payment(paid)).escrow
    await escrow(world, paid, "status")
    late = [await escrow(world, paid, step) for step in ("confirm", "deny")]

    assert (lost.status_code, unheard) == (503, "confirming")
    assert [(one.status_code, one.json()["code"]) for one in more] == [(409, "pending_outcome")] * 2
    assert (shown["buyer"], [one["step"] for one in shown["steps"]]) == ("confirming", ["status", "delivery"])
    assert "상태를 먼저" in shown["why"]
    assert (await world.payment(paid)).escrow == "confirmed"
    assert [(one.status_code, one.json()["message_ko"]) for one in late] == [(409, "구매를 이미 확정했어요.")] * 2
    assert words_of(world) == ["confirm", "status"]


async def test_that_the_buyer_has_not_spoken_counts_once_no_word_can_be_under_way_any_more(world, paid):
    world.teller.escrow = "kept"
    world.teller.fail("escrow", "lost_before")
    await escrow(world, paid, "deny")
    await escrow(world, paid, "status")
    early = ((await world.payment(paid)).escrow, (await escrow(world, paid, "confirm")).status_code)
    await world.live(136)
    later = (await world.payment(paid)).escrow
    again = await escrow(world, paid, "deny")

    assert (early, later, again.status_code) == (("denying", 409), "kept", 200)
    assert (await world.payment(paid)).escrow == "denied"
    assert words_of(world) == ["deny", "status", "status", "deny"], "the bridge asked by itself"


async def test_a_word_of_the_buyer_that_was_refused_may_be_said_again_and_then_stands_against_a_mere_state(world, paid):
    world.teller.fail("escrow", "no")
    refused = await escrow(world, paid, "confirm")
    before = (await world.payment(paid)).escrow
    said = await escrow(world, paid, "confirm")
    world.teller.escrow = "kept"
    await world.live(131)
    await escrow(world, paid, "status")

    assert (refused.json()["gateway_message"], before, said.status_code) == ("그렇게 안 돼요", "kept", 200)
    assert (await world.payment(paid)).escrow == "confirmed"


async def test_a_refused_word_does_not_prove_that_an_earlier_one_without_answer_was_not_taken(world, paid):
    world.teller.escrow = "kept"
    world.teller.fail("escrow", "lost_before")
    await escrow(world, paid, "confirm")
    await world.live(131)
    await escrow(world, paid, "status")
    world.teller.fail("escrow", "no")
    again = await escrow(world, paid, "confirm")
    unheard = (await world.payment(paid)).escrow
    world.teller.escrow = "confirm"
    await escrow(world, paid, "status")

    assert (again.json()["gateway_message"], unheard) == ("그렇게 안 돼요", "confirming")
    assert (await world.payment(paid)).escrow == "confirmed"


async def test_the_buyers_word_waits_until_restored_books_are_reconciled(world, paid):
    await world.beat()
    keep(world)
    await lose(world)
    refused = [await escrow(world, paid, step, once=key_of(world, at)) for at, step in enumerate(("confirm", "deny"))]
    asked = await escrow(world, paid, "status", once=key_of(world, 9))

    assert [(one.status_code, one.json()["code"]) for one in refused] == [(503, "reconciling")] * 2
    assert asked.status_code == 200
    assert words_of(world) == ["status"]


@pytest.mark.parametrize(("actor", "step"), [("wp:7", "confirm"), ("buyer", "status")])
async def test_a_slow_gateway_holds_up_no_buyers_press_and_its_late_answer_counts_all_the_same(
    world, paid, actor, step
):
    world.teller.escrow, slow = "confirm", Slow(world, "escrow", 10)
    body = {"step": step, "actor": actor, "fields": {}}
    pressing = asyncio.ensure_future(world.call("POST", f"/v1/payments/{paid}/escrow", body, key="ab" * 16))
    await world.until(lambda: slow.asked)
    pressed = await asyncio.wait_for(pressing, 10)
    await world.clock.forward(10)
    await world.quiet()
    repeated = await world.call("POST", f"/v1/payments/{paid}/escrow", body, key="ab" * 16)

    assert (pressed.status_code, pressed.json()["code"]) == (409, "pending_outcome")
    assert (repeated.status_code, (await world.payment(paid)).escrow) == (200, "confirmed")
    assert words_of(world) == [step], "and it was sent once"


async def unheard_word(world, paid, shown):
    world.teller.escrow = shown
    world.teller.fail("escrow", "lost_before")
    await escrow(world, paid, "deny")


async def test_a_word_without_an_answer_is_asked_about_by_the_bridge_itself_and_a_person_is_asked_at_last(world, paid):
    await unheard_word(world, paid, "odd")
    await world.live(50)
    early = words_of(world)
    await world.live(1_200, 5)
    case = await case_of(world, paid, "word_unknown")
    asked = len(words_of(world))
    await decide(world, case, "word_taken")

    assert (early, 5 < asked < 30) == (["deny"], True), "first when the word can be under way no more, then ever slower"
    assert await world.cases(paid) == []
    assert (await world.payment(paid)).escrow == "denied"
    await world.check_books()


async def test_what_two_people_found_not_to_have_arrived_may_be_said_again(world, paid):
    await unheard_word(world, paid, "odd")
    await world.live(1_200, 5)
    await decide(world, await case_of(world, paid, "word_unknown"), "word_not_taken")
    world.teller.escrow = "kept"

    assert (await world.payment(paid)).escrow == "kept"
    assert (await escrow(world, paid, "confirm")).json()["state"] == "confirm"
    await world.check_books()


async def test_a_state_that_comes_at_last_settles_the_word_and_closes_its_case(world, paid):
    await unheard_word(world, paid, "odd")
    await world.live(1_200, 5)
    assert await world.cases(paid) == ["word_unknown"]
    world.teller.escrow = "deny"
    await world.live(700, 5)

    assert (await world.cases(paid), (await world.payment(paid)).escrow) == ([], "denied")
    await world.check_books()


async def test_a_word_whose_sender_was_killed_is_asked_about_too(world, paid):
    world.teller.escrow, slow = "confirm", Slow(world, "escrow")
    pressing = asyncio.ensure_future(escrow(world, paid, "confirm"))
    await world.until(lambda: slow.asked)
    await world.crash()
    pressing.cancel()
    await asyncio.gather(pressing, return_exceptions=True)
    world.net.apps[f"{TELLER}:80"] = world.teller.app()
    await world.restart()
    await world.live(90)

    assert (await world.payment(paid)).escrow == "confirmed"
    await world.check_books()


async def test_of_two_words_at_once_the_gateway_hears_one(world, paid):
    both = await asyncio.gather(escrow(world, paid, "confirm"), escrow(world, paid, "deny"))

    assert sorted(one.status_code for one in both) == [200, 409]
    assert len(words_of(world)) == 1


async def test_while_a_refund_has_no_outcome_the_buyers_word_waits_and_says_why(world, paid):
    world.teller.fail("refund", "lost_before", "lost_before")
    await world.call("POST", f"/v1/payments/{paid}/refunds", {"reason": "공연 취소", "actor": "wp:7", "amount": 1_000})
    shown = (await world.call("GET", f"/v1/payments/{paid}")).json()["escrow"]
    refused = [await escrow(world, paid, step) for step in ("confirm", "deny")]

    assert ([one["step"] for one in shown["steps"]], "환불의 결과를" in shown["why"]) == (["status", "delivery"], True)
    assert [one.json()["code"] for one in refused] == ["pending_outcome"] * 2
    assert words_of(world) == []


async def test_a_payment_is_told_to_be_in_escrow_while_it_has_steps_and_money(world, paid):
    told = (await world.call("GET", f"/v1/payments/{paid}")).json()["in_escrow"]
    await world.call("POST", f"/v1/payments/{paid}/refunds", {"reason": "공연 취소", "actor": "wp:7"})
    await world.quiet()

    assert told is True
    assert "in_escrow" not in (await world.call("GET", f"/v1/payments/{paid}")).json()


async def test_a_payment_that_was_made_in_no_escrow_has_no_steps(world):
    await world.pair_teller("Serving")
    opened = await world.checkout(world.order(), method="phone")
    payment = await world.payment(opened.payment)
    async with world.client() as client:
        back = f"/r/{world.context.tokens.make('return', payment.site, payment.id)}"
        await client.post(back, data={"number": payment.refs["number"]})
    await world.quiet()
    asked = await escrow(world, payment.id, "status")

    assert await world.state(payment.id) == "paid"
    assert not {"escrow", "in_escrow"} & set((await world.call("GET", f"/v1/payments/{payment.id}")).json())
    assert (asked.status_code, asked.json()["message_ko"]) == (409, "에스크로로 결제하지 않았어요.")
    assert not [op for op, _ in world.teller.asked if op == "escrow"]


async def test_no_escrow_without_money_and_none_at_gateways_without(world, paid):
    opened = await world.checkout(world.order())
    assert (await escrow(world, opened.payment, "status")).json()["code"] == "not_now"
    assert (await escrow(world, paid, "wait")).json()["code"] == "malformed"
    await world.pair_teller("Asked", url="http://other.test")
    other = await world.checkout(world.order())
    assert (await escrow(world, other.payment, "status")).json()["code"] == "gateway_unavailable"
    assert (await world.call("POST", "/v1/card-kinds", {"prefix": "411111"})).json()["code"] == "gateway_unavailable"
    assert (await escrow(world, paid, "status")).status_code == 404


async def test_a_payment_shows_the_page_of_its_slip(world, paid):
    shown = (await world.call("GET", f"/v1/payments/{paid}")).json()
    opened = await world.checkout(world.order())
    unpaid = (await world.call("GET", f"/v1/payments/{opened.payment}")).json()
    listed = (await world.call("GET", "/v1/payments?state=paid")).json()["items"]

    assert shown["receipt_url"].startswith(f"{TELLER}/slip/")
    assert [one["receipt_url"] for one in listed] == [shown["receipt_url"]]
    assert "receipt_url" not in unpaid
