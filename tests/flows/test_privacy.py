"""Records are kept as long as they must be and no longer; a person gets their data, and is taken out of what may go."""

import json
import re

import pytest

from bridge.flows.retain import retain
from tests.flows.test_cases import case_of, decide, open_case
from tests.flows.test_plans import change, registered, tell
from tests.support.disaster import hand_over, keep, lose

HONG = {"email": "hong@example.com"}
DAY = 86_400


async def ask(world, what, person, **more):
    return await world.call("POST", f"/v1/privacy/{what}", {"actor": "wp:7"} | person, **more)


@pytest.fixture
async def history(world, declined):
    """A buyer with a declined order and a paid and partly refunded one; everything was heard and has ended."""
    payment = await world.buy()
    await world.refund(payment.id, 5_000)
    await world.quiet()
    await world.beat()
    return payment, declined[1]


async def test_a_person_gets_everything_that_is_held(world, history):
    paid, declined = history
    answer = (await ask(world, "export", HONG)).json()

    assert [one["payments"][0]["id"] for one in answer["orders"]] == [paid.id, declined.id]
    assert answer["orders"][0]["buyer"] == {
        "name": "홍길동",
        "email": "hong@example.com",
        "phone": "010-1234-5678",
    }
    assert answer["orders"][0]["payments"][0]["refunds"][0]["amount"] == 5_000
    (look,) = await world.all("SELECT operator, task FROM looks")
    assert look == {"operator": "wp:7", "task": "privacy"}
    assert len((await ask(world, "export", {"order": paid.order_ref})).json()["orders"]) == 1
    assert (await ask(world, "export", {"phone": "010-0000-0000"})).json()["orders"] == []


@pytest.mark.parametrize("person", [{}, {"email": "a@b.kr", "phone": "010"}])
async def test_a_person_is_named_by_one_thing(world, person):
    assert (await ask(world, "export", person)).status_code == 400
    assert (await ask(world, "erase", person)).status_code == 400


async def test_what_never_held_money_is_erased_at_once_and_the_rest_when_the_law_lets_go(world, history):
    paid, declined = history
    done = (await ask(world, "erase", HONG)).json()

    assert done["erased"] == 1
    assert [one["order"] for one in done["kept"]] == [paid.order_ref]
    buyers = {row["ref"]: row["buyer_name"] for row in await world.all("SELECT ref, buyer_name FROM orders")}
    assert buyers == {declined.order_ref: "", paid.order_ref: "홍길동"}
    assert "홍길동" not in json.dumps((await ask(world, "export", {"order": declined.order_ref})).json())
    await world.clock.forward(5 * 366 * DAY + 1)
    assert (await ask(world, "erase", HONG)).json() == {"erased": 1, "kept": []}
    after = await world.payment(paid.id)
    assert (after.state, after.captured, after.card) == ("part_refunded", 55_000, {})
    await world.check_books()


async def test_nobody_is_erased_while_a_payment_is_under_way(world, declined):
    await world.checkout()
    answer = await ask(world, "erase", HONG)
    assert (answer.status_code, answer.json()["code"]) == (409, "pending_outcome")
    assert {row["buyer_name"] for row in await world.all("SELECT buyer_name FROM orders")} == {"홍길동"}


async def test_nobody_is_erased_while_people_look_for_their_money(world, declined):
    """Where it is found it goes back to whoever paid it."""
    _, payment = declined
    await open_case(world, payment, "money_on_ended_payment", "the gateway reports an approval", 55_000)
    assert await world.cases(payment.id) == ["money_on_ended_payment"]
    answer = await ask(world, "erase", HONG)
    assert (answer.status_code, answer.json()["code"]) == (409, "pending_outcome")
    await decide(world, await case_of(world, payment.id), "money_found")
    assert (await ask(world, "erase", HONG)).status_code == 409
    await decide(world, await case_of(world, payment.id), "given_back")

    assert (await ask(world, "erase", HONG)).json() == {"erased": 1, "kept": []}


async def test_nobody_is_erased_while_what_ended_unpaid_is_asked_about_once_more(world):
    """A plain refusal is a decline once a net-cancel found nothing; the one after the quiet period may find money."""
    world.fault("pay", "decline", code="8888")
    payment = await world.buy()
    pending = [(one.kind, one.step) for one in await world.operations(payment.id) if one.step == "unknown"]
    assert (payment.state, pending) == ("declined", [("undo", "unknown")])
    answer = await ask(world, "erase", HONG)
    assert (answer.status_code, answer.json()["code"]) == (409, "pending_outcome")
    await world.live(200, step=10)
    assert (await ask(world, "erase", HONG)).json() == {"erased": 1, "kept": []}


async def test_nobody_is_erased_before_restored_books_know_again_who_has_paid(world):
    """The first try was declined before the backup, and the second paid after it: for five years it must be known."""
    order = world.order()
    world.fault("pay", "decline")
    await world.come_back(await world.checkout(order))
    await world.quiet()
    await world.beat()
    keep(world)
    paid = await world.checkout(order)
    await world.come_back(paid)
    await world.quiet()
    await world.beat()
    await lose(world)
    early = await ask(world, "erase", HONG)
    await hand_over(world)
    await world.live(60, step=5)

    assert (early.status_code, early.json()["code"]) == (503, "reconciling")
    assert await world.state(paid.payment) == "paid"
    done = (await ask(world, "erase", HONG)).json()
    assert (done["erased"], [one["order"] for one in done["kept"]]) == (0, [order["ref"]])
    assert await world.all("SELECT buyer_name FROM orders") == [{"buyer_name": "홍길동"}]


async def test_another_site_erases_and_sees_nothing(world, history):
    other = await world.pair("http://other.test")
    assert (await ask(world, "export", HONG, site=other)).json()["orders"] == []
    assert (await ask(world, "erase", HONG, site=other)).json() == {"erased": 0, "kept": []}
    assert {row["buyer_name"] for row in await world.all("SELECT buyer_name FROM orders")} == {"홍길동"}


async def test_what_was_said_is_kept_for_90_days_and_then_its_hash(world, history):
    assert (await retain(world.context)).calls == 0
    await world.clock.forward(91 * DAY)
    done = await retain(world.context)

    assert done.calls == len(await world.all("SELECT 1 FROM calls")) > 3
    assert done.notices == len(await world.all("SELECT 1 FROM notices WHERE state <> 'pending'"))
    hashed = re.compile("sha256:[0-9a-f]{64}")
    assert all(hashed.fullmatch(row["request"]) for row in await world.all("SELECT request FROM calls"))
    assert all(hashed.fullmatch(row["raw_sealed"]) for row in await world.all("SELECT raw_sealed FROM notices"))
    assert await retain(world.context) == type(done)()
    await world.check_books()


async def test_after_five_years_nobody_knows_who_bought_and_the_books_still_agree(world, history):
    await world.clock.forward(5 * 366 * DAY + 3600)
    younger = await world.buy(world.order(ref=history[1].order_ref))
    done = await retain(world.context)

    assert done.orders == 1
    buyers = {row["ref"]: row["buyer_name"] for row in await world.all("SELECT ref, buyer_name FROM orders")}
    assert buyers == {history[0].order_ref: "", younger.order_ref: "홍길동"}, "its younger payment keeps the other"
    await world.check_books()


@pytest.fixture
async def failed_round(world):
    """A buyer's plan of which a round was charged, and the next one could not be; and somebody else's."""
    await world.pair_teller("Planning")
    other = {"name": "김철수", "phone": "010-2222-2222"}
    for name, buyer in (("CLUB-A", {"name": "홍길동", "phone": "010-1234-5678"} | HONG), ("CLUB-B", other)):
        plan = await registered(world, order_ref=name, buyer=buyer)
        await tell(world, plan, f"M1-{plan}")
        await tell(world, plan, f"M2-{plan}", event="round_failed", code="99", message="한도초과")
    return world


async def texts_of_failures(world):
    rows = await world.all("SELECT raw_sealed FROM notices WHERE plan IS NOT NULL")
    return sorted(row["raw_sealed"] == "erased" for row in rows)


@pytest.mark.parametrize("person", [HONG, {"phone": "010-1234-5678"}, {"order": "CLUB-A"}, {"order": "CLUB-A-1"}])
async def test_what_a_failed_round_told_is_a_persons_too_and_is_erased_at_once(failed_round, person):
    world = failed_round
    (plan,) = (await ask(world, "export", person)).json()["plans"]
    assert (plan["order_ref"], plan["buyer"]["name"]) == ("CLUB-A", "홍길동")
    (failed,) = plan["failed_rounds"]
    assert (failed["code"], failed["message"]) == ("99", "한도초과")
    assert await texts_of_failures(world) == [False, False]

    await ask(world, "erase", person)
    assert await texts_of_failures(world) == [False, True], "and nobody else's"
    assert (await ask(world, "export", person)).json()["plans"] == []
    (kept,) = await world.all("SELECT buyer_name FROM orders WHERE ref = 'CLUB-A-1'")
    assert kept["buyer_name"] == "홍길동", "the round that was charged is kept, as the law says"


async def test_a_failed_rounds_notice_that_cannot_be_read_any_more_is_exported_without_its_words(
    failed_round, monkeypatch
):
    world = failed_round
    monkeypatch.setattr("tests.support.tellers.SECRET", "changed since")
    (plan,) = (await ask(world, "export", HONG)).json()["plans"]
    assert [sorted(one) for one in plan["failed_rounds"]] == [["at"]]


def wish_of(world, row):
    return json.loads(world.context.vault.open(row["asked_sealed"], "plan"))


@pytest.mark.parametrize("person", [HONG, {"phone": "010-1234-5678"}, {"order": "CLUB-A"}])
async def test_a_buyer_is_taken_out_of_a_plans_wish_and_the_plan_rests_goes_on_and_ends(failed_round, person):
    world = failed_round
    assert (await ask(world, "erase", person)).status_code == 200
    mine, other = await world.all("SELECT * FROM plans ORDER BY order_ref")

    assert set(wish_of(world, mine)["buyer"].values()) == {""}
    assert wish_of(world, mine)["title"] == "월 회원권"
    assert wish_of(world, other)["buyer"]["name"] == "김철수", "nobody else's"
    assert (await ask(world, "erase", person)).json()["erased"] == 0
    await tell(world, mine["id"], "M3")
    (round_after,) = await world.all("SELECT buyer_name, buyer_phone FROM orders WHERE ref = 'CLUB-A-2'")
    assert set(round_after.values()) == {""}, "what is charged later names nobody"
    for deed, state in (("stop", "resting"), ("start", "active"), ("end", "ended")):
        answer = await change(world, mine["id"], deed)
        assert (answer.status_code, answer.json()["state"]) == (200, state)
    await world.check_books()


async def test_a_plan_that_was_never_charged_gives_its_buyers_data_and_loses_it(world):
    await world.pair_teller("Planning")
    buyer = {"name": "홍길동", "phone": "010-1234-5678"} | HONG
    plan = await registered(world, buyer=buyer)
    (given,) = (await ask(world, "export", HONG)).json()["plans"]
    assert (given["id"], given["buyer"], given["failed_rounds"]) == (plan, buyer, [])

    await world.context.ledger.write(lambda turn: turn.run("UPDATE plans SET state = 'registering'"))
    under_way = await ask(world, "erase", HONG)
    assert (under_way.status_code, under_way.json()["code"]) == (409, "pending_outcome")
    await world.context.ledger.write(lambda turn: turn.run("UPDATE plans SET state = 'waiting'"))
    assert (await ask(world, "erase", HONG)).status_code == 200
    assert (await ask(world, "export", HONG)).json()["plans"] == []
    (row,) = await world.all("SELECT * FROM plans")
    assert set(wish_of(world, row)["buyer"].values()) == {""}
    assert (await change(world, plan, "end")).json()["state"] == "ended"
