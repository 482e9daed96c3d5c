"""PayApp's script window over the real flows: each press makes a request of its own, withdrawn at the window's end."""

from datetime import timedelta
from urllib.parse import parse_qsl, urlencode

from bridge.ledger import gap
from bridge.sandbox.local import ask
from tests.flows.test_cases import case_of, decide
from tests.gateways.house import hidden
from tests.gateways.presses import opened, page_of, press, withdraw, withdrawals
from tests.support.disaster import hand_over, keep, lose
from tests.support.world import SANDBOX, SHOP_URL

END_SECONDS = 2_400.0


async def test_a_buyer_without_a_phone_pays_in_the_window_that_the_script_opens(house):
    checkout, payment = await opened(house)
    page = await page_of(house, checkout)
    landed = await house.come_back(page)
    await house.beat()
    after = await house.payment(payment.id)

    assert landed.headers["location"].startswith(f"{SHOP_URL}/result")
    assert (after.state, after.captured, house.book(after).net) == ("paid", 55_000, 55_000)
    assert after.requests == (after.refs["mul_no"],)
    await house.check_books()


async def test_a_window_in_which_nobody_pressed_expires_and_nobody_is_bothered(house):
    _, payment = await opened(house)
    await house.live(END_SECONDS, 60.0)

    assert await house.state(payment.id) == "expired"
    assert await house.cases(payment.id, only_open=False) == []
    assert await house.told(payment.id) == ["payment.failed"]
    assert withdrawals(house) == [], "there was nothing to withdraw"
    assert await house.operations(payment.id) == []
    await house.check_books()


async def test_a_request_that_was_made_and_left_is_withdrawn_at_the_windows_end(house):
    checkout, payment = await opened(house)
    page = await page_of(house, checkout)
    assert len((await house.payment(payment.id)).requests) == 1
    house.hold_notices()
    await house.live(END_SECONDS, 60.0)

    after = await house.payment(payment.id)
    (probe,) = await house.operations(payment.id)
    assert (after.state, after.requests) == ("expired", ())
    assert (probe.kind, probe.step, probe.evidence) == ("probe", "ok", "E6")
    assert len(withdrawals(house)) == 1
    assert await house.cases(payment.id, only_open=False) == []
    await house.authenticate(page)
    assert house.book(payment).captured == 0, "nobody can pay it any more"
    await house.check_books()


async def test_every_request_of_a_buyer_who_pressed_twice_and_left_is_withdrawn(house):
    checkout, payment = await opened(house)
    pages = [await page_of(house, checkout) for _ in range(2)]
    assert len(set((await house.payment(payment.id)).requests)) == 2
    await house.live(END_SECONDS, 60.0)

    assert await house.state(payment.id) == "expired"
    assert len(withdrawals(house)) == 2
    assert await house.told(payment.id) == ["payment.failed"]
    for page in pages:
        await house.authenticate(page)
    assert house.book(payment).captured == 0
    assert await house.cases(payment.id, only_open=False) == []
    await house.check_books()


async def test_the_notice_of_one_withdrawal_does_not_end_a_payment_that_another_request_can_still_pay(house):
    checkout, payment = await opened(house)
    await page_of(house, checkout)
    page = await page_of(house, checkout)
    first, second = (await house.payment(payment.id)).requests
    await withdraw(house, first)
    between = await house.payment(payment.id)
    assert (between.state, between.requests) == ("open", (second,))
    await house.come_back(page)
    await house.quiet()

    assert await house.state(payment.id) == "paid"
    await house.check_books()


async def test_the_last_request_that_is_withdrawn_in_the_office_ends_the_payment(house):
    checkout, payment = await opened(house)
    await page_of(house, checkout)
    await page_of(house, checkout)
    for number in (await house.payment(payment.id)).requests:
        await withdraw(house, number)

    assert await house.state(payment.id) == "expired"
    await house.check_books()


async def test_a_request_that_was_paid_meanwhile_is_left_alone_and_its_notice_pays(house):
    checkout, payment = await opened(house)
    left, page = await page_of(house, checkout), await page_of(house, checkout)
    await house.live((payment.expires_at - house.clock.now()).total_seconds() - 30.0, 30.0)
    held = house.hold_notices()
    await house.authenticate(page)
    await house.live(300.0, 10.0)
    between = await house.payment(payment.id)
    assert between.state == "unknown", "its order is held, and nobody is told that it failed"
    assert len(between.requests) == 1, "the paid one could not be withdrawn, and the other was"
    assert house.book(payment).net == 55_000
    await house.let_go(held)
    await house.beat()

    assert await house.state(payment.id) == "paid"
    assert await house.cases(payment.id) == []
    assert "payment.failed" not in await house.told(payment.id)
    await house.authenticate(left)
    assert house.book(payment).net == 55_000, "nobody can pay the other request"
    await house.check_books()


async def test_a_withdrawal_whose_answer_is_lost_is_settled_by_its_notice(house):
    checkout, payment = await opened(house)
    await page_of(house, checkout)
    await page_of(house, checkout)
    house.fault("paycancel", "drop_after")
    await house.live(END_SECONDS, 20.0)

    assert await house.state(payment.id) == "expired"
    assert await house.cases(payment.id) == []
    await house.check_books()


async def test_a_press_after_the_windows_end_makes_no_request_that_can_be_paid(house):
    checkout, payment = await opened(house)
    async with house.client() as client:
        kept = hidden((await client.get(checkout.window_url)).text)
    await house.live(END_SECONDS, 60.0)
    answer = await ask(house.sandbox_app, "POST", f"{SANDBOX}/payapp/lite/payrequest", urlencode(kept).encode())
    await house.quiet()

    assert answer.status == 400
    assert "70080" in answer.body.decode()
    assert (await house.payment(payment.id)).requests == ()
    assert await house.state(payment.id) == "expired"


async def test_a_press_beyond_the_tenth_is_turned_away_again_and_again(house):
    checkout, payment = await opened(house)
    seen = house.heard()
    answers = [(await press(house, checkout)).status for _ in range(11)]
    again = [(await house.post_notice_of("feedback", body)).status_code for body in (seen[0], seen[20], seen[20])]

    assert answers == [200] * 10 + [400]
    assert again == [200, 404, 404]
    assert len((await house.payment(payment.id)).requests) == 10
    await house.live(END_SECONDS, 20.0)
    assert await house.state(payment.id) == "expired"
    assert len(withdrawals(house)) == 10


async def paid_by_two_requests(house):
    """Have a payment paid by its first request, and its second paid too; gives it and the notices that PayApp posts."""
    checkout, payment = await opened(house)
    seen = house.heard()
    first, second = await page_of(house, checkout), await page_of(house, checkout)
    await house.come_back(first)
    await house.quiet()
    await house.authenticate(second)
    await house.quiet()
    return payment, seen


async def test_a_second_request_that_is_paid_too_is_a_persons_and_never_unseen(house):
    payment, _ = await paid_by_two_requests(house)
    after = await house.payment(payment.id)

    assert house.book(payment).net == 110_000
    assert (after.state, after.captured, after.orphaned) == ("paid", 55_000, 55_000)
    assert await house.cases(payment.id) == ["money_on_ended_payment"]
    assert await house.told(payment.id) == ["payment.paid", "payment.orphaned"]
    await house.check_books()


async def test_a_request_that_came_and_went_ends_no_other_and_hides_no_money_of_it(house):
    """The first request's cancel is told before its payment; the buyer pays the second one."""
    checkout, payment = await opened(house)
    seen = house.heard()
    await page_of(house, checkout)
    second = await page_of(house, checkout)
    first = dict(parse_qsl(seen[0].decode(), keep_blank_values=True))
    for told in ({"pay_state": "9", "canceldate": "2026-11-20 12:00:00"}, {"pay_state": "4", "pay_type": "1"}):
        assert (await house.post_notice_of("feedback", urlencode(first | told).encode())).text == "SUCCESS"
        await house.quiet()
        assert await house.state(payment.id) == "open"
    assert len((await house.payment(payment.id)).requests) == 1
    await house.come_back(second)
    await house.quiet()
    await house.beat()

    assert await house.state(payment.id) == "paid"
    assert await house.entries(payment.id) == [("capture", 55_000, "E7")]
    await house.check_books()


async def test_money_of_a_second_request_is_found_after_the_only_other_came_and_went(house):
    checkout, payment = await opened(house)
    seen = house.heard()
    await page_of(house, checkout)
    first = dict(parse_qsl(seen[0].decode(), keep_blank_values=True))
    for told in (
        {"pay_state": "9", "canceldate": "2026-11-20 12:00:00"},
        {"pay_state": "4", "pay_type": "1"},
        {"pay_state": "4", "pay_type": "1", "mul_no": "900"},  # what cannot be: nobody acknowledged its request
    ):
        await house.post_notice_of("feedback", urlencode(first | told).encode())
        await house.quiet()

    assert await house.state(payment.id) == "voided"
    assert await house.entries(payment.id) == [("orphan_capture", 55_000, "E7")]
    assert await house.cases(payment.id) == ["money_on_ended_payment"]


async def told_of_the_second(house, seen, payment, **changes):
    """Let PayApp tell something of the second request; of each it tells twice, by its own address and the office's."""
    told = dict(parse_qsl(seen[2].decode(), keep_blank_values=True)) | changes
    answer = await house.post_notice_of("feedback", urlencode(told).encode())
    await house.quiet()
    return answer.text, await house.payment(payment.id), await house.cases(payment.id)


async def test_money_of_a_second_request_goes_back_by_its_own_notice_and_never_as_the_firsts(house):
    payment, seen = await paid_by_two_requests(house)
    house.fault("paycancel", "drop_before", times=None)
    await house.refund(payment.id)
    await house.quiet()
    cancelled = {"pay_state": "9", "canceldate": "2026-11-20 12:00:00"}
    answer, after, left = await told_of_the_second(house, seen, payment, **cancelled)

    assert (answer, after.refunded, after.orphaned) == ("SUCCESS", 0, 0), "our own refund is another"
    assert "money_on_ended_payment" not in left
    again = cancelled | {"canceldate": "2026-11-20 12:30:00"}
    answer, after, left = await told_of_the_second(house, seen, payment, **again)
    assert (answer, after.refunded, after.orphaned) == ("SUCCESS", 0, 0)
    assert "external_cancel" in left
    for minute in ("45", "45"):
        await told_of_the_second(house, seen, payment, **cancelled | {"canceldate": f"2026-11-20 12:{minute}:00"})
    asked = await house.all("SELECT amount FROM cases WHERE reason = 'external_cancel'")
    assert [row["amount"] for row in asked] == [2 * 55_000], "two in the same words are two, one told again is one"


async def test_what_people_said_of_a_second_requests_money_is_known_when_its_notice_comes(house):
    payment, seen = await paid_by_two_requests(house)
    await decide(house, await case_of(house, payment.id), "given_back")
    cancelled = {"pay_state": "9", "canceldate": "2026-11-20 12:00:00"}
    answer, after, left = await told_of_the_second(house, seen, payment, **cancelled)

    assert (answer, after.state, after.refunded, after.orphaned, left) == ("SUCCESS", "paid", 0, 0, [])
    again = cancelled | {"canceldate": "2026-11-20 12:30:00"}
    _, after, left = await told_of_the_second(house, seen, payment, **again)
    assert (after.state, left) == ("paid", ["external_cancel"]), "people spoke of one alone"


async def test_what_else_is_told_of_a_second_request_moves_nothing(house):
    checkout, payment = await opened(house)
    seen = house.heard()
    first, _ = await page_of(house, checkout), await page_of(house, checkout)
    await house.come_back(first)
    await house.quiet()
    ended = await told_of_the_second(house, seen, payment, pay_state="8")
    asked = await told_of_the_second(house, seen, payment, mul_no="999")
    assert [one[0] for one in (ended, asked)] == ["SUCCESS", "unknown"]
    dollars = await told_of_the_second(house, seen, payment, pay_state="4", currency="usd")
    assert [(one[1].state, one[1].orphaned) for one in (ended, asked, dollars)] == [("paid", 0)] * 3
    assert [one[2] for one in (ended, asked, dollars)] == [[], [], ["money_on_ended_payment"]]


async def test_two_requests_that_are_paid_after_the_end_are_both_in_the_books(house):
    checkout, payment = await opened(house)
    seen = house.heard()
    for _ in range(2):
        await page_of(house, checkout)
    await house.live(END_SECONDS, 60.0)
    for number in (0, 2):  # what cannot be: PayApp let a withdrawn request be paid
        told = dict(parse_qsl(seen[number].decode(), keep_blank_values=True))
        raw = urlencode(told | {"pay_state": "4", "pay_type": "1"}).encode()
        assert (await house.post_notice_of("feedback", raw)).text == "SUCCESS"
    await house.quiet()

    after = await house.payment(payment.id)
    assert (after.state, after.orphaned) == ("expired", 110_000)
    assert await house.cases(payment.id) == ["money_on_ended_payment"]


async def test_a_window_from_before_a_restore_is_never_said_to_have_been_left_alone(house):
    _, payment = await opened(house)
    at = int(house.clock.now().timestamp() * 1000)
    await house.context.ledger.write(
        lambda turn: turn.run(
            "INSERT INTO gap_sites (site, since, restored_at, told_at, ended_at) VALUES (?, ?, ?, ?, ?)",
            *(house.site.id, at, at + 1, at + 1, at + 1),
        )
    )
    await house.live(END_SECONDS + 7_200.0, 120.0)

    assert await house.state(payment.id) == "needs_human", "the books may have lost a request"
    assert await house.cases(payment.id) == ["unknown_outcome"]


async def test_a_window_opened_since_a_restore_is_left_alone_although_the_backup_ran_hours_ahead(house):
    """Each that nobody used would hold its order and be a person's, for as long as the backup ran ahead."""
    at = int(house.clock.now().timestamp() * 1000)

    def restore(turn):
        gap.begin(turn, at + 5 * 3_600_000, at)
        gap.end(turn, house.site.id, at, "shop", "")

    await house.context.ledger.write(restore)
    _, payment = await opened(house)
    await house.live(END_SECONDS + 1_800.0, 60.0)

    assert (await house.state(payment.id), await house.cases(payment.id)) == ("expired", [])


async def test_a_window_of_a_backup_that_ran_hours_ahead_is_never_said_to_have_been_left_alone_either(house):
    house.clock.at += timedelta(hours=5)
    await house.live(10.0, 5.0)
    _, payment = await opened(house)
    keep(house)
    house.clock.set_back(5 * 3_600)
    await house.live(60.0, 5.0)
    await lose(house)
    await house.live(10.0, 5.0)
    await hand_over(house, [])
    await house.live(END_SECONDS + 7_200.0, 120.0)

    assert (await house.state(payment.id), await house.cases(payment.id)) == ("needs_human", ["unknown_outcome"])


async def test_while_restored_books_are_deaf_no_request_is_acknowledged(house):
    checkout, payment = await opened(house)
    async with house.client() as client:
        body = urlencode(hidden((await client.get(checkout.window_url)).text)).encode()
    at = int(house.clock.now().timestamp() * 1000)
    await house.context.ledger.write(
        lambda turn: turn.run(
            "INSERT INTO gap_sites (site, since, restored_at) VALUES (?, ?, ?)", *(house.site.id, at, at)
        )
    )
    answer = await ask(house.sandbox_app, "POST", f"{SANDBOX}/payapp/lite/payrequest", body)

    assert (answer.status, "70080" in answer.body.decode()) == (400, True)
    assert (await house.payment(payment.id)).requests == ()


async def test_a_request_of_ours_that_is_told_of_is_acknowledged_and_kept_once(house):
    asked = await house.checkout()
    payment = await house.payment(asked.payment)
    assert payment.refs["mul_no"], "asked for by a call: its number was the answer"
    seen = house.heard()
    checkout, _ = await opened(house)
    await page_of(house, checkout)
    told = dict(parse_qsl(seen[0].decode(), keep_blank_values=True))
    mark = house.context.sites.get(house.site.id).gateway("payapp").seal("r", payment.merchant_ref)
    ours = told | {"var1": payment.merchant_ref, "var2": mark, "mul_no": payment.refs["mul_no"]}
    answer = await house.post_notice_of("feedback", urlencode(ours).encode())

    assert answer.text == "SUCCESS"
    assert (await house.payment(payment.id)).requests == ()
