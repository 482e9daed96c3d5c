"""Opening the window: whatever the buyer is called, and whatever happens to the answer."""

import pytest


async def test_a_window_that_is_refused_charges_nothing_and_says_why(any_world):
    world = any_world
    world.fault("ready", "decline", code="1001", message="결제 금액 오류")
    answer = await world.post_checkout(world.token(world.order()))

    assert answer.status_code == 503
    assert answer.json()["code"] == "gateway_unavailable"
    assert answer.json()["gateway_message"] == "결제 금액 오류"
    assert [row["state"] for row in await world.all("SELECT state FROM payments")] == ["failed_ready"]


@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "5xx_before", "garbage_after", "half_after"])
async def test_a_window_whose_answer_is_lost_is_superseded_and_the_next_try_opens(any_world, kind):
    world = any_world
    world.fault("ready", kind)
    token = world.token(world.order())
    answer = await world.post_checkout(token)
    opened = await world.checkout(token=token)
    await world.come_back(opened)
    await world.quiet()

    assert (answer.status_code, answer.json()["retry"]) == (503, True)
    states = [row["state"] for row in await world.all("SELECT state FROM payments ORDER BY id")]
    assert sorted(states) == ["paid", "superseded"]
    await world.check_books()


@pytest.mark.parametrize("name", ["O'Brien & Söhne", "김" * 40, '남궁 "별명" <민수>', "😀 이모지", "a;b|c%d\\e"])
async def test_every_buyers_name_opens_a_window(any_world, name):
    await any_world.checkout(any_world.order(buyer={"name": name, "email": "hong@example.com"}))


@pytest.mark.parametrize("buyer", [{"name": "홍길동"}, {"name": "홍길동", "email": "a" * 60 + "@example.com"}])
async def test_a_buyer_without_an_email_that_fits_opens_a_window(any_world, buyer):
    await any_world.checkout(any_world.order(buyer=buyer))


@pytest.mark.parametrize("title", ["<b>'\"&;|%\\</b>", "봄" * 200, "😀", "봄의 제전 (R석) - 2매, 저녁"])
async def test_every_title_opens_a_window(any_world, title):
    await any_world.checkout(any_world.order(title=title))
