"""Payple tells of two equal parts in the same words: what is told again makes the bridge ask, and then a person."""

import pytest

from bridge.gateways.payple.notices import read
from tests.flows.test_cases import case_of, decide
from tests.gateways.paired import paired
from tests.gateways.street import Street

PART = 5_000


@pytest.fixture
async def street(tmp_path):
    """A shop whose webhooks are registered."""
    async with paired(Street(tmp_path), "payple") as made:
        made.register_notices()
        yield made


async def buy(street, *, shows):
    """Pay for an order at a Payple whose inquiry shows what was given back, or does not."""
    street.set(lookup_shows_refunds=shows)
    opened = await street.checkout()
    await street.go(await street.authenticate(opened))
    await street.quiet()
    return await street.payment(opened.payment)


async def give_back_in_the_console(street, payment, amount=PART):
    """Give a part back in Payple's console, and let half an hour pass: longer than anything is compared by itself."""
    street.sandbox.desks["payple"].refund({"merchant_ref": payment.merchant_ref, "amount": amount})
    await street.live(1_800.0, 20.0)


async def refunded(street, payment):
    """What the books say was given back, and what the gateway's own books say, in KRW."""
    return (await street.payment(payment.id)).refunded, street.book(payment).refunded


async def reports(street, payment):
    """The lines of the payment's cases about money given back elsewhere."""
    rows = await street.all(f"SELECT detail FROM cases WHERE payment = '{payment.id}' AND reason = 'external_cancel'")
    return [line.rpartition("(")[2] for row in rows for line in row["detail"].split("\n")]


async def test_two_equal_parts_given_back_in_the_console_are_both_in_the_books_where_payple_shows_them(street):
    payment = await buy(street, shows=True)
    for many in (1, 2):
        await give_back_in_the_console(street, payment)
        assert await refunded(street, payment) == (many * PART, many * PART)
    await street.check_books()


async def test_two_equal_parts_that_payples_inquiry_does_not_show_are_a_case_of_both(street):
    payment = await buy(street, shows=False)
    for _ in range(2):
        await give_back_in_the_console(street, payment)

    assert await street.cases(payment.id) == ["external_cancel"]
    assert await reports(street, payment) == ["reports so far: 1)", "reports so far: 2)"]
    await decide(street, await case_of(street, payment.id), "given_back", amount=2 * PART)
    assert await refunded(street, payment) == (2 * PART, 2 * PART)
    await street.refund(payment.id, 1_000)
    await street.live(1_800.0, 20.0)
    assert await street.cases(payment.id) == [], "people were asked about both, and are not asked again"


async def test_a_second_equal_part_after_the_first_was_decided_about_is_a_case_of_its_own(street):
    payment = await buy(street, shows=False)
    for many in (1, 2):
        await give_back_in_the_console(street, payment)
        await decide(street, await case_of(street, payment.id), "given_back", amount=PART)
        assert await refunded(street, payment) == (many * PART, many * PART)


async def test_a_part_of_ours_after_an_equal_one_of_the_console_that_is_in_the_books_is_nobodys_case(street):
    payment = await buy(street, shows=False)
    await give_back_in_the_console(street, payment)
    await decide(street, await case_of(street, payment.id), "given_back", amount=PART)
    await street.refund(payment.id, PART)
    await street.live(1_800.0, 20.0)

    assert await refunded(street, payment) == (2 * PART, 2 * PART)
    assert await street.cases(payment.id) == []


@pytest.mark.parametrize("shows", [True, False])
async def test_a_part_given_back_in_the_console_beside_an_equal_one_of_ours_is_no_repetition_of_it(street, shows):
    payment = await buy(street, shows=shows)
    await street.refund(payment.id, PART)
    await street.live(1_800.0, 20.0)
    assert await street.cases(payment.id) == []
    await give_back_in_the_console(street, payment)

    if shows:
        assert await refunded(street, payment) == (2 * PART, 2 * PART)
    else:
        assert await street.cases(payment.id) == ["external_cancel"]


async def test_a_part_of_the_console_is_no_repetition_of_ours_where_the_clock_was_set_back_between_the_two(street):
    payment = await buy(street, shows=False)
    await street.live(1_800.0, 20.0)
    await street.refund(payment.id, PART)
    await street.live(1_800.0, 20.0)
    street.clock.set_back(2_700.0)
    await give_back_in_the_console(street, payment)

    assert await street.cases(payment.id) == ["external_cancel"]


async def go_deaf(street):
    """Let the books be restored ones, whose shop has handed over nothing yet."""
    at = int(street.clock.now().timestamp() * 1000)
    row = "INSERT INTO gap_sites (site, since, restored_at) VALUES (?, ?, ?)"
    await street.context.ledger.write(lambda turn: turn.run(row, street.site.id, at, at))


async def hand_over(street):
    """Let the shop hand over that it knows no more than the books, and the gap end."""
    at = int(street.clock.now().timestamp() * 1000)
    row = "UPDATE gap_sites SET told_at = ?, ended_at = ? WHERE site = ?"
    await street.context.ledger.write(lambda turn: turn.run(row, at, at, street.site.id))
    await street.live(1_800.0, 20.0)


async def test_a_second_equal_part_that_is_told_while_the_books_are_deaf_is_a_case_once_they_hear(street):
    payment = await buy(street, shows=False)
    await give_back_in_the_console(street, payment)
    await decide(street, await case_of(street, payment.id), "given_back", amount=PART)
    await go_deaf(street)
    await give_back_in_the_console(street, payment)
    await hand_over(street)

    assert await street.cases(payment.id) == ["external_cancel"]


@pytest.mark.parametrize(("amount", "shows"), [(PART, True), (55_000, True), (55_000, False)])
async def test_a_webhook_that_comes_again_while_the_books_are_deaf_moves_nothing_where_all_agree(street, amount, shows):
    payment = await buy(street, shows=shows)
    await street.refund(payment.id, amount)
    await street.live(1_800.0, 20.0)
    kept = [street.context.vault.open(row["raw_sealed"], "notice") for row in await street.all("SELECT * FROM notices")]
    (told,) = [raw for raw in kept if read(raw).alike]
    await go_deaf(street)
    for _ in range(2):
        await street.post_news(told)
    await hand_over(street)

    assert await refunded(street, payment) == (amount, amount)
    assert await street.cases(payment.id) == []


@pytest.mark.parametrize("amount", [PART, 55_000])
async def test_a_webhook_that_comes_again_and_again_moves_nothing_where_the_books_agree(street, amount):
    payment = await buy(street, shows=True)
    street.fault("notice", "notice_thrice")
    await street.refund(payment.id, amount)
    await street.live(1_800.0, 20.0)

    assert await refunded(street, payment) == (amount, amount)
    assert await street.cases(payment.id) == []


async def test_the_webhook_of_all_of_it_is_nobodys_case_however_often_it_comes(street):
    payment = await buy(street, shows=False)
    street.fault("notice", "notice_thrice")
    await street.refund(payment.id, 55_000)
    await street.live(1_800.0, 20.0)

    assert await street.cases(payment.id) == []


@pytest.mark.parametrize(("shows", "known", "cases"), [(False, PART, []), (True, 2 * PART, ["external_refund"])])
async def test_a_part_of_the_console_passes_for_an_equal_one_of_ours_that_no_webhook_told_of_unless_payple_shows_it(
    street, shows, known, cases
):
    """The limit: one webhook of that sum came, and one such refund is ours."""
    payment = await buy(street, shows=shows)
    street.fault("notice", "notice_lost")
    await street.refund(payment.id, PART)
    await street.live(1_800.0, 20.0)
    await give_back_in_the_console(street, payment)

    assert await refunded(street, payment) == (known, 2 * PART)
    assert await street.cases(payment.id) == cases


@pytest.mark.parametrize("answer", ["drop_after", "drop_before"])
async def test_what_was_told_twice_while_our_refund_had_no_outcome_is_asked_about_once_people_say_that_ours_was_made(
    street, answer
):
    """One of the two is ours: the other went back past the bridge, and nobody else will tell of it."""
    payment = await buy(street, shows=False)
    street.fault("refund", answer)
    await street.refund(payment.id, PART)
    await street.live(1_800.0, 20.0)
    for _ in range(1 if answer == "drop_after" else 2):
        await give_back_in_the_console(street, payment)
    assert await street.cases(payment.id) == ["refund_unknown"]
    await decide(street, await case_of(street, payment.id), "refunded")
    await street.live(1_800.0, 20.0)

    assert await street.cases(payment.id) == ["external_cancel"]
    await decide(street, await case_of(street, payment.id), "given_back", amount=PART)
    assert await refunded(street, payment) == (2 * PART, 2 * PART)
    await street.live(1_800.0, 20.0)
    assert await street.cases(payment.id) == []


async def test_what_was_told_once_while_our_refund_had_no_outcome_is_that_refund_once_people_say_that_it_was_made(
    street,
):
    payment = await buy(street, shows=False)
    street.fault("refund", "drop_after")
    await street.refund(payment.id, PART)
    await street.live(1_800.0, 20.0)
    await decide(street, await case_of(street, payment.id), "refunded")
    await street.live(1_800.0, 20.0)

    assert await refunded(street, payment) == (PART, PART)
    assert await street.cases(payment.id) == []
