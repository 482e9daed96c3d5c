"""Recurring plans of a gateway's own: registered, stopped, started, ended; each round is a payment of its own."""

import json
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from bridge.clock import new_id, new_reference, now_ms
from bridge.domain.billing import PlanState
from bridge.domain.exchange import KST
from bridge.flows.reconcile import end_gap, show_gaps
from bridge.ledger import plans
from tests.flows.test_tries import Talks
from tests.support.disaster import hand_over, keep, lose
from tests.support.teller import SECRET, TELLER
from tests.support.tellers import Telling

ANNA, BERTA = "customer-1", "customer-2"


@pytest.fixture
async def planning(world):
    """A site whose gateway has recurring plans."""
    await world.pair_teller("Planning")
    return world


async def register(world, *, once="", **changes):
    wish = {
        "customer": ANNA,
        "order_ref": "CLUB-1",
        "title": "월 회원권",
        "amount": 33_000,
        "buyer": {"name": "홍길동", "phone": "010-1234-5678"},
        "cycle": "month",
        "day": 25,
        "ends": "2027-12-31",
        "result_url": f"{world.site.url}/club",
        "actor": "buyer",
    }
    return await world.call("POST", "/v1/plans", wish | changes, key=once)


async def registered(world, **changes):
    answer = await register(world, **changes)
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


async def change(world, plan, deed, customer=ANNA):
    if deed == "end":
        return await world.call("DELETE", f"/v1/plans/{plan}", {"customer": customer})
    return await world.call("POST", f"/v1/plans/{plan}/{deed}", {"customer": customer})


async def show(world, plan, customer=ANNA):
    return (await world.call("GET", f"/v1/plans/{plan}?customer={customer}")).json()


async def tell(world, plan, number, /, amount=33_000, event="approved", secret=SECRET, **more):
    """The teller tells of a round; its own number is also the round's name."""
    (row,) = await world.all("SELECT ref FROM plans WHERE id = ?", plan)
    told = {"event": event, "ref": row["ref"], "amount": amount, "secret": secret, "round": number} | more
    async with world.client(world.notice_address) as client:
        answer = await client.post(world.notice_path("feedback"), data={key: str(value) for key, value in told.items()})
    await world.quiet()
    return answer


async def rounds(world):
    return [
        (row["order_ref"], row["state"], row["captured"])
        for row in await world.all("SELECT order_ref, state, captured FROM payments ORDER BY order_ref")
    ]


async def test_a_plan_waits_for_its_buyer_and_each_round_is_an_order_of_its_own(planning):
    world = planning
    answer = await register(world)
    plan = answer.json()["id"]

    assert answer.json()["state"] == "waiting"
    assert answer.json()["window_url"].startswith(f"{TELLER}/plan/")
    assert (answer.json()["gateway"], answer.json()["gateway_title"]) == ("teller", "텔러 teller")
    assert "홍길동" not in json.dumps(await world.all("SELECT * FROM plans"), ensure_ascii=False, default=str)
    assert (await tell(world, plan, "M1")).text == "SUCCESS"
    await tell(world, plan, "M2")
    assert await rounds(world) == [("CLUB-1-1", "paid", 33_000), ("CLUB-1-2", "paid", 33_000)]
    assert ((await show(world, plan))["state"], (await show(world, plan))["rounds"]) == ("active", 2)
    await world.beat()
    paid = [message["order"]["ref"] for message in world.shop.news if message["type"] == "payment.paid"]
    assert sorted(paid) == ["CLUB-1-1", "CLUB-1-2"]


async def test_a_round_was_paid_when_its_notice_says_though_the_books_hear_of_it_later(planning, monkeypatch):
    world, plan = planning, await registered(planning)
    world.clock.skip(3_600)
    paid_at, really = world.clock.now() - timedelta(seconds=600), Telling.read_notice
    monkeypatch.setattr(
        Telling, "read_notice", lambda self, raw, kind: replace(really(self, raw, kind), paid_at=paid_at)
    )
    await tell(world, plan, "M1", plan=await number_of(world, plan))
    (row,) = await world.all("SELECT id, state FROM payments")
    assert (row["state"], (await world.payment(row["id"])).paid_at) == ("paid", paid_at)


async def test_a_round_told_ten_times_by_two_routes_counts_once(planning):
    world = planning
    plan = await registered(world)
    for _ in range(5):
        await tell(world, plan, "M1")
    assert await rounds(world) == [("CLUB-1-1", "paid", 33_000)]


async def test_a_forged_round_and_one_of_no_plan_make_no_order(planning):
    world = planning
    plan = await registered(world)
    forged = await tell(world, plan, "M1", secret="guessed")
    cancelled = await tell(world, plan, "M9", event="cancelled", ref="OF-NO-PLAN")

    assert (forged.status_code, forged.json()["code"]) == (400, "not_genuine")
    assert cancelled.text != "SUCCESS"
    assert await rounds(world) == []


@pytest.mark.parametrize(
    ("event", "gone", "state"), [("cancelled", 33_000, "refunded"), ("part_cancelled", 3_000, "part_refunded")]
)
async def test_a_cancel_that_overtakes_its_rounds_news_is_kept_for_it_and_not_lost(planning, event, gone, state):
    world = planning
    plan = await registered(world)
    overtook = await tell(world, plan, "M1", event=event, amount=gone)
    await world.live(60, 10)
    assert (overtook.text, await rounds(world)) == ("SUCCESS", [])
    for _ in range(2):
        await tell(world, plan, "M1")
        await tell(world, plan, "M1", event=event, amount=gone)
    await world.live(60, 10)

    assert await rounds(world) == [("CLUB-1-1", state, 33_000)]
    (row,) = await world.all("SELECT id, refunded FROM payments")
    assert row["refunded"] == gone
    assert await world.entries(row["id"]) == [("capture", 33_000, "E7"), ("external_refund", -gone, "E7")]


async def test_a_cancel_whose_rounds_news_is_lost_is_a_persons_after_an_hour_and_counts_when_that_comes(planning):
    world = planning
    plan = await registered(world)
    await tell(world, plan, "M1")
    await tell(world, plan, "M2", event="part_cancelled", amount=3_000)
    await world.live(3_500, 10)
    (first,) = [row["id"] for row in await world.all("SELECT id FROM payments")]
    assert await world.cases(first) == []
    await world.live(200, 10)
    assert await world.cases(first) == ["reported"]
    assert await world.all("SELECT 1 FROM notices WHERE state = 'pending'") == []

    await tell(world, plan, "M2")
    await world.live(60, 10)
    assert await rounds(world) == [("CLUB-1-1", "paid", 33_000), ("CLUB-1-2", "part_refunded", 33_000)]
    (row,) = await world.all("SELECT id FROM payments WHERE order_ref = 'CLUB-1-2'")
    assert await world.entries(row["id"]) == [("capture", 33_000, "E7"), ("external_refund", -3_000, "E7")]


async def test_a_round_over_another_amount_is_no_paid_order_but_a_persons_case(planning):
    world = planning
    plan = await registered(world)
    await tell(world, plan, "M1", amount=34_000)
    ((_, state, _),) = await rounds(world)

    assert state != "paid"
    (row,) = await world.all("SELECT id FROM payments")
    assert "amount_mismatch" in await world.cases(row["id"])


async def test_the_shops_own_orders_keep_their_references(planning):
    world = planning
    plan = await registered(world)
    await world.post_checkout(world.token(world.order(ref="CLUB-1-1")))
    await tell(world, plan, "M1")
    assert ("CLUB-1-2", "paid", 33_000) in await rounds(world)


async def test_a_plan_rests_goes_on_and_ends(planning):
    world = planning
    plan = await registered(world)
    await tell(world, plan, "M1")
    states = [(await change(world, plan, deed)).json()["state"] for deed in ("stop", "start", "end")]
    after = await change(world, plan, "start")

    assert states == ["resting", "active", "ended"]
    assert list(world.teller.plans.values()) == ["ended"]
    assert (after.status_code, after.json()["code"]) == (409, "not_now")
    await tell(world, plan, "M2")
    assert len(await rounds(world)) == 2, "money that was taken after all is not lost"
    assert (await show(world, plan))["state"] == "ended"


async def test_a_round_of_a_plan_that_rests_is_paid_and_a_person_looks_why_it_was_charged(planning):
    """Somebody let it go on in the gateway's office, or a copy of a start that was refused did: it is charged on."""
    world = planning
    plan = await registered(world)
    await tell(world, plan, "M1")
    assert (await change(world, plan, "stop")).json()["state"] == "resting"
    for _ in range(3):
        await tell(world, plan, "M2")

    told = {row["order_ref"]: row["id"] for row in await world.all("SELECT id, order_ref FROM payments")}
    assert await rounds(world) == [("CLUB-1-1", "paid", 33_000), ("CLUB-1-2", "paid", 33_000)]
    assert (await world.cases(told["CLUB-1-1"]), await world.cases(told["CLUB-1-2"])) == ([], ["reported"])
    assert ((await show(world, plan))["state"], (await show(world, plan))["rounds"]) == ("resting", 2)
    await world.check_books()


async def test_a_round_charged_before_its_plan_was_stopped_may_be_told_later(planning, monkeypatch):
    world = planning
    plan = await registered(world)
    await tell(world, plan, "M1")
    charged_at, really = world.clock.now(), Telling.read_notice
    await world.clock.forward(60)
    await change(world, plan, "stop")
    monkeypatch.setattr(
        Telling, "read_notice", lambda self, raw, kind: replace(really(self, raw, kind), paid_at=charged_at)
    )
    await tell(world, plan, "M2")

    told = {row["order_ref"]: row["id"] for row in await world.all("SELECT id, order_ref FROM payments")}
    assert (await world.cases(told["CLUB-1-2"]), (await show(world, plan))["state"]) == ([], "resting")


@pytest.mark.parametrize("deed", ["stop", "end"])
async def test_a_round_long_after_a_stop_or_an_end_that_came_to_nothing_known_is_a_persons(planning, deed):
    """Its customer was told that it is changing, and nobody asks the gateway any more: each month would be charged."""
    world = planning
    plan = await registered(world)
    await tell(world, plan, "M1")
    world.teller.fail("plan_change", "lost_before", "no")
    assert (await change(world, plan, deed)).json()["state"] == "changing"
    if deed == "end":
        await world.live(100, step=10)
    await tell(world, plan, "M2")
    await world.live(3_600, step=600)
    await tell(world, plan, "M3")

    told = {row["order_ref"]: row["id"] for row in await world.all("SELECT id, order_ref FROM payments")}
    assert (await show(world, plan))["state"] == "changing"
    assert [await world.cases(told[f"CLUB-1-{number}"]) for number in (2, 3)] == [[], ["reported"]]


async def test_a_change_without_an_answer_is_asked_again_and_a_refused_or_unsent_one_changes_nothing(planning):
    world = planning
    plan = await registered(world)
    await tell(world, plan, "M1")
    world.teller.fail("plan_change", "no", "lost_after")
    refused = await change(world, plan, "stop")
    lost = await change(world, plan, "stop")
    other = await change(world, plan, "start")
    world.net.down.add(f"{TELLER}:80")
    unsent = await change(world, plan, "stop")
    world.net.down.clear()
    again = await change(world, plan, "stop")

    assert (refused.json()["state"], refused.json()["message"]) == ("active", "그렇게 안 돼요")
    assert (lost.status_code, lost.json()["state"]) == (202, "changing")
    assert other.json()["code"] == "not_now"
    assert world.teller.plans == dict.fromkeys(world.teller.plans, "resting"), "it was done"
    assert [one.json()["state"] for one in (unsent, again)] == ["changing", "changing"], "neither proves what is so"
    assert again.json()["message"] == "이미 그런 상태예요"
    ended = await change(world, plan, "end")
    assert (ended.json()["state"], list(world.teller.plans.values())) == ("ended", ["ended"])
    assert "message" not in ended.json()


async def test_a_change_that_was_lost_before_it_was_done_is_done_by_the_repeat(planning):
    world = planning
    plan = await registered(world)
    await tell(world, plan, "M1")
    world.teller.fail("plan_change", "lost_before")
    lost, again = await change(world, plan, "stop"), await change(world, plan, "stop")
    world.net.down.add(f"{TELLER}:80")
    unsent = await change(world, plan, "start")

    assert [answer.json()["state"] for answer in (lost, again, unsent)] == ["changing", "resting", "resting"]


async def test_a_resting_plan_whose_end_fails_still_rests_and_one_whose_end_was_lost_stays_unknown(planning):
    world = planning
    plan = await registered(world)
    await tell(world, plan, "M1")
    await change(world, plan, "stop")
    world.teller.fail("plan_change", "no")
    refused = await change(world, plan, "end")
    world.net.down.add(f"{TELLER}:80")
    unsent = await change(world, plan, "end")
    world.net.down.clear()
    world.teller.fail("plan_change", "lost_after")
    lost, again = await change(world, plan, "end"), await change(world, plan, "end")

    assert [answer.json()["state"] for answer in (refused, unsent, lost, again)] == [
        *("resting", "resting"),
        *("changing", "changing"),
    ]
    assert list(world.teller.plans.values()) == ["ended"]


@pytest.mark.parametrize("dies", [False, True])
async def test_an_end_whose_answer_was_lost_is_told_again_though_nobody_asks(planning, dies):
    """Its customer was told that it is changing: unheard at the gateway it would be charged each month."""
    world = planning
    plan = await registered(world)
    await tell(world, plan, "M1")
    world.teller.fail("plan_change", "lost_before")
    assert (await change(world, plan, "end")).json()["state"] == "changing"
    if dies:
        await world.restart()
    await world.live(200, step=10)

    assert list(world.teller.plans.values()) == ["ended"]
    assert (await show(world, plan))["state"] == "ended"
    assert world.teller.calls["plan_change"] == 2


async def test_a_plan_that_ended_at_its_gateway_has_ended_though_another_bridge_heard_no_of_an_earlier_press(planning):
    """Pressed twice, at two bridges: the one's no is written down before the other's yes."""
    world = planning
    plan, talks = await registered(world), Talks(world)
    await tell(world, plan, "M1")
    world.teller.fail("plan_change", "lost_before")
    await change(world, plan, "end")

    def hear_no(turn):
        asked = plans.get(turn, world.site.id, plan)
        plans.move(turn, asked, PlanState.ACTIVE, at=now_ms(world.clock), wanted="", end_owed=False, message="아직요")

    async def write_no():
        await world.context.ledger.write(hear_no)

    talks.meanwhile = write_no
    again = (await change(world, plan, "end")).json()

    assert list(world.teller.plans.values()) == ["ended"]
    assert (again["state"], "message" in again) == ("ended", False)


async def test_an_end_that_is_refused_when_it_is_told_again_is_a_persons(planning):
    """The first may have been done, or not."""
    world = planning
    plan = await registered(world)
    await tell(world, plan, "M1")
    world.teller.fail("plan_change", "lost_after")
    await change(world, plan, "end")
    await world.live(400, step=10)
    (payment,) = await world.all("SELECT id FROM payments")

    assert world.teller.calls["plan_change"] == 2
    assert ((await show(world, plan))["state"], await world.cases(payment["id"])) == ("changing", ["reported"])


async def test_a_plan_that_was_refused_or_never_answered_is_none(planning):
    world = planning
    world.teller.fail("plan", "no", "lost_before")
    refused, lost = await register(world), await register(world, once="ab" * 16)
    world.net.down.add(f"{TELLER}:80")
    unsent = await register(world)

    assert [one.status_code for one in (refused, lost, unsent)] == [503, 503, 503]
    assert refused.json()["gateway_message"] == "그렇게 안 돼요"
    assert [row["state"] for row in await world.all("SELECT state FROM plans ORDER BY id")] == [
        "refused",
        "lost",
        "refused",
    ]


async def test_a_crash_while_registering_leaves_no_plan(planning):
    world = planning
    plan = await registered(world)
    await world.context.ledger.write(lambda turn: turn.run("UPDATE plans SET state = 'registering', number = ''"))
    await world.restart()
    await world.live(120, step=30)
    assert (await show(world, plan))["state"] == "lost"


async def test_a_plan_in_restored_books_whose_buyer_agreed_in_the_lost_time_goes_on_and_can_be_ended(planning):
    """The backup was made while it was being registered, and its page was told after that."""
    world = planning
    plan = await registered(world)
    number = await number_of(world, plan)
    await world.context.ledger.write(lambda turn: turn.run("UPDATE plans SET state = 'registering', number = ''"))
    await world.restart()
    await world.live(120, step=30)
    assert (await show(world, plan))["state"] == "lost"
    await tell(world, plan, "M1", plan=number)
    shown = await show(world, plan)

    assert (shown["state"], shown["allowed"]) == ("active", ["stop", "end"]), "it is charged each month"
    assert (await change(world, plan, "end")).json()["state"] == "ended"
    assert world.teller.plans[number] == "ended"
    assert await rounds(world) == [("CLUB-1-1", "paid", 33_000)]
    await world.check_books()


async def test_nobody_elses_plan_is_shown_or_changed_and_nonsense_is_refused(planning):
    world = planning
    plan = await registered(world)
    assert (await world.call("GET", f"/v1/plans/{plan}?customer={BERTA}")).status_code == 404
    assert (await change(world, plan, "end", BERTA)).status_code == 404
    assert len((await world.call("GET", f"/v1/plans?customer={ANNA}")).json()["items"]) == 1
    nonsense = ({"day": 32}, {"cycle": "week", "day": 8}, {"cycle": "day", "day": 1}, {"ends": "soon"}, {"amount": 0})
    for changes in (*nonsense, {"result_url": "https://evil.test/"}):
        assert (await register(world, **changes)).json()["code"] == "malformed", changes
    assert (await register(world, amount=500)).json()["code"] == "amount_refused"
    assert (await register(world, tax_free=40_000)).json()["code"] == "amount_refused"
    assert world.teller.calls["plan"] == 1


async def test_a_plan_whose_last_day_is_over_in_korea_is_refused_and_one_of_today_is_not(planning):
    world = planning
    midnight = world.clock.now().astimezone(KST).replace(hour=0, minute=0, second=0) + timedelta(days=1)
    await world.clock.forward((midnight - world.clock.now()).total_seconds())
    assert world.clock.now().date() < midnight.date(), "in UTC it is still the day before"
    over = await register(world, ends=(midnight.date() - timedelta(days=1)).isoformat())
    assert (over.status_code, over.json()["code"]) == (400, "malformed")
    assert "today at the earliest" in over.json()["detail"]
    assert world.teller.calls["plan"] == 0

    await registered(world, ends=midnight.date().isoformat(), once="ef" * 16)
    await world.clock.forward(86_400)
    again = await register(world, ends=midnight.date().isoformat(), once="ef" * 16)
    assert again.status_code == 201, "what was registered in time is answered as before"
    assert world.teller.calls["plan"] == 1


async def test_a_plan_partly_free_of_tax_is_refused_where_the_gateway_cannot_be_told(planning, monkeypatch):
    gateway = planning.context.sites.get(planning.site.id).gateway("teller")
    monkeypatch.setattr(type(gateway), "taxes_whole", frozenset({"register_plan"}), raising=False)
    refused = await register(planning, tax_free=1_000)
    assert refused.json()["code"] == "amount_refused"
    assert "charge a billing key instead" in refused.text
    assert "plan" not in planning.teller.calls


async def test_a_repeated_request_registers_once_and_other_gateways_have_no_plans(planning):
    world = planning
    first = await register(world, once="cd" * 16)
    again = await register(world, once="cd" * 16)
    await world.pair_teller("Asked", url="http://other.test")
    none = await register(world)

    assert again.json()["id"] == first.json()["id"]
    assert world.teller.calls["plan"] == 1
    assert (none.status_code, none.json()["code"]) == (503, "gateway_unavailable")


async def test_a_plan_says_what_it_may_be_told_now_and_why_not(planning):
    world = planning
    plan = await registered(world)
    assert (await show(world, plan))["allowed"] == ["end"]
    await tell(world, plan, "M1")
    assert (await show(world, plan))["allowed"] == ["stop", "end"]
    world.teller.fail("plan_change", "lost_after")
    await change(world, plan, "stop")
    waits = await show(world, plan)
    assert (waits["state"], waits["allowed"]) == ("changing", ["stop", "end"]), "the same once more, or the end"
    await change(world, plan, "end")
    assert (await show(world, plan))["allowed"] == []
    await unnumbered(world, plan, "active")
    unknown = await show(world, plan)
    assert unknown["allowed"] == ["end"]
    assert "첫 결제" in unknown["why"]
    refused = (await change(world, plan, "stop")).json()
    assert refused["message_ko"] == unknown["why"]
    await unnumbered(world, plan, "waiting")
    waits = await show(world, plan)
    assert (waits["allowed"], waits.get("why")) == (["end"], None), "nobody has agreed to it yet"


async def unnumbered(world, plan, state):
    """What a gateway's script leaves: a plan whose number only a notice brings."""
    await world.context.ledger.write(
        lambda turn: turn.run("UPDATE plans SET state = ?, number = '' WHERE id = ?", state, plan)
    )


async def number_of(world, plan):
    (row,) = await world.all("SELECT ref FROM plans WHERE id = ?", plan)
    return f"P{row['ref']}"


@pytest.mark.parametrize("brought_by", ["approved", "round_failed"])
async def test_an_end_is_remembered_and_told_as_soon_as_the_plans_number_is_known(planning, brought_by):
    world = planning
    plan = await registered(world)
    await tell(world, plan, "M1")
    await unnumbered(world, plan, "active")
    first, second = await change(world, plan, "end"), await change(world, plan, "end")
    for answer in (first, second):
        shown = answer.json()
        assert (answer.status_code, shown["state"], shown["allowed"]) == (202, "changing", [])
        assert "번호를 알려 주는 대로 해지해요" in shown["why"]
    await world.live(180, step=30)
    assert world.teller.calls["plan_change"] == 0, "nothing can be told yet"

    await tell(world, plan, "M2", event=brought_by, plan=await number_of(world, plan))
    await world.restart()
    await world.live(180, step=30)
    shown = await show(world, plan)
    assert (shown["state"], shown["allowed"], "why" in shown) == ("ended", [], False)
    assert world.teller.plans[await number_of(world, plan)] == "ended"
    assert world.teller.calls["plan_change"] == 1
    await world.check_books()


async def test_a_plan_that_somebody_had_agreed_to_unheard_ends_at_the_gateway_too(planning):
    world = planning
    plan = await registered(world)
    await unnumbered(world, plan, "waiting")
    ended = (await change(world, plan, "end")).json()
    assert ended["state"] == "ended"
    assert "동의한 고객이 있다면" in ended["why"]
    await tell(world, plan, "M1", plan=await number_of(world, plan))
    await world.live(30, step=5)

    assert world.teller.plans[await number_of(world, plan)] == "ended", "it would be charged each month"
    assert (await show(world, plan))["state"] == "ended"
    (payment,) = await world.all("SELECT id, state FROM payments")
    assert payment["state"] == "paid"
    assert await world.cases(payment["id"]) == ["foreign_number"], "whether the first charge is kept is a person's"


async def test_an_end_that_was_owed_is_asked_again_until_it_is_answered_and_a_refused_one_is_a_persons(planning):
    world = planning
    plan = await registered(world)
    await tell(world, plan, "M1")
    await unnumbered(world, plan, "active")
    await change(world, plan, "end")
    world.teller.fail("plan_change", "lost_before", "lost_before", "9999")
    await tell(world, plan, "M2", plan=await number_of(world, plan))
    await world.live(400, step=10)

    assert world.teller.calls["plan_change"] == 3, "twice without an answer, and no more once it was refused"
    shown = await show(world, plan)
    assert (shown["state"], shown["code"], shown["allowed"]) == ("changing", "9999", ["end"])
    told = {row["order_ref"]: row["id"] for row in await world.all("SELECT id, order_ref FROM payments")}
    assert await world.cases(told["CLUB-1-2"]) == ["reported"]
    assert (await change(world, plan, "end")).json()["state"] == "ended"


async def test_a_first_round_of_a_plan_whose_end_was_refused_is_a_persons(planning):
    world = planning
    plan = await registered(world)
    await unnumbered(world, plan, "waiting")
    await change(world, plan, "end")
    world.teller.fail("plan_change", "9999")
    await tell(world, plan, "M1", event="round_failed", plan=await number_of(world, plan))
    await world.live(60, step=10)
    assert ((await show(world, plan))["state"], await world.all("SELECT id FROM payments")) == ("changing", [])

    await tell(world, plan, "M2", plan=await number_of(world, plan))
    (payment,) = await world.all("SELECT id, state FROM payments")
    assert payment["state"] == "paid"
    assert await world.cases(payment["id"]) == ["foreign_number"], "it was told to end, and is charged unnoticed"


async def owing(world, many, **changes):
    """So many plans that are to end and whose end was never asked for, each with a number."""
    plan = await registered(world)
    (seen,) = await world.all("SELECT changed_at FROM plans WHERE id = ?", plan)

    def add(turn):
        first = plans.get(turn, world.site.id, plan)
        for at in range(many):
            number = f"{changes.get('gateway', first.gateway)}-{at}"
            more = {"id": new_id(world.clock), "ref": new_reference(world.clock), "state": PlanState.WAITING} | changes
            made = replace(first, **more, version=1)
            plans.add(turn, made)
            turn.run(
                "UPDATE plans SET state = 'ended', end_owed = 1, number = ?, changed_at = ? WHERE id = ?",
                *(number, seen["changed_at"] - 1_000 + at, made.id),
            )
            world.teller.plans[number] = "active"

    await world.context.ledger.write(add)


async def test_more_plans_than_are_looked_at_at_once_that_cannot_be_ended_keep_no_other_from_its_end(planning):
    world = planning
    await owing(world, 250, gateway="gone")
    await owing(world, 120)
    for _ in range(6):
        await world.beat()
        await world.quiet()
        await world.clock.forward(5)

    ended = [number for number, state in world.teller.plans.items() if state == "ended"]
    assert sorted(ended) == sorted(f"teller-{at}" for at in range(120))
    (left,) = await world.all("SELECT COUNT(*) AS many FROM plans WHERE end_owed = 1 AND gateway = 'gone'")
    assert left["many"] == 250, "they wait for their gateway"


async def test_more_plans_than_are_asked_for_at_once_are_all_asked_for_when_none_is_answered(planning):
    world = planning
    await owing(world, 120)
    world.teller.always["plan_change"] = "lost_before"
    for _ in range(4):
        await world.beat()
        await world.quiet()
        await world.clock.forward(61)

    asked = Counter(said["plan"] for op, said in world.teller.asked if op == "plan_change")
    assert set(asked) == {f"teller-{at}" for at in range(120)}
    assert min(asked.values()) >= 2, "and again"


async def test_a_plan_whose_number_never_comes_ends_by_itself_and_owes_nothing(planning):
    world = planning
    today = world.clock.now().astimezone(KST).date()
    ends = (today + timedelta(days=5)).isoformat()
    waits, runs = [await registered(world, order_ref=name, ends=ends) for name in ("WAITS", "RUNS")]
    await tell(world, runs, "M1")
    await unnumbered(world, runs, "active")
    await unnumbered(world, waits, "waiting")
    for plan in (waits, runs):
        await change(world, plan, "end")
    await world.beat()
    await world.clock.forward(9 * 86_400)
    await world.beat()

    for plan in (waits, runs):
        shown = await show(world, plan)
        assert (shown["state"], "why" in shown) == ("ended", False)
    assert world.teller.calls["plan_change"] == 0


NO = {"event": "round_failed", "code": "99", "message": "한도초과"}


async def failures(world):
    return [
        (told["order"]["ref"], told["plan"]["order_ref"], told["plan"]["last_failure"]["message"])
        for told in world.shop.news
        if told["type"] == "plan.round_failed"
    ]


async def test_a_round_that_could_not_be_charged_is_shown_told_once_and_moves_no_money(planning):
    world = planning
    plan = await registered(world)
    await tell(world, plan, "M1")
    assert "last_failure" not in await show(world, plan)
    with capture_logs() as lines:
        for _ in range(3):
            assert (await tell(world, plan, "M2", **NO)).text == "SUCCESS"
    assert [one for one in lines if one["event"] == "a notice fits no payment"] == [], "an operator would look for one"
    await world.beat()

    shown = await show(world, plan)
    assert (shown["state"], shown["rounds"], shown["allowed"]) == ("active", 1, ["stop", "end"])
    assert {name: shown["last_failure"][name] for name in ("code", "message")} == {"code": "99", "message": "한도초과"}
    assert shown["last_failure"]["at"].startswith(f"{world.clock.now():%Y-%m-%d}")
    assert await failures(world) == [("CLUB-1-1", "CLUB-1", "한도초과")]
    (paid,) = await world.all("SELECT id FROM payments")
    timeline = (await world.call("GET", f"/v1/payments/{paid['id']}")).json()["timeline"]
    (event,) = [one for one in timeline if one["event"] == "plan.round_failed"]
    assert (event["code"], event["message"]) == ("99", "한도초과")
    await tell(world, plan, "M2")
    assert await rounds(world) == [("CLUB-1-1", "paid", 33_000), ("CLUB-1-2", "paid", 33_000)], "charged after all"
    assert "last_failure" in await show(world, plan)
    await world.check_books()


async def test_the_next_rounds_failure_in_the_same_words_is_another_and_not_a_repeat(planning):
    world = planning
    plan = await registered(world, cycle="day", day=0)
    await tell(world, plan, "M1")
    for _ in range(2):  # a day apart, each told three times within an hour
        for _ in range(3):
            assert (await tell(world, plan, "M2", **NO)).text == "SUCCESS"
            await world.clock.forward(1_200)
        await world.clock.forward(86_400 - 3_600)
    await world.beat()

    assert await failures(world) == [("CLUB-1-1", "CLUB-1", "한도초과")] * 2
    (paid,) = await world.all("SELECT id FROM payments")
    timeline = (await world.call("GET", f"/v1/payments/{paid['id']}")).json()["timeline"]
    assert [one["event"] for one in timeline].count("plan.round_failed") == 2


async def test_a_failure_of_another_plan_of_nobody_and_of_a_plan_without_a_round(planning):
    world = planning
    plan = await registered(world)
    await tell(world, plan, "M1", **NO)
    assert "last_failure" in await show(world, plan)
    assert await failures(world) == [], "no round, no payment to tell of"
    await tell(world, plan, "M2", amount=1, plan="P-of-somebody-else", **NO)
    assert (await show(world, plan))["last_failure"]["message"] == "한도초과"
    (row,) = await world.all("SELECT ref, version FROM plans")
    async with world.client(world.notice_address) as client:
        told = NO | {"ref": "NOBODY", "amount": "0", "secret": SECRET, "round": "M3"}
        answer = await client.post(world.notice_path("feedback"), data=told)
    assert answer.text != "SUCCESS"
    assert sorted(one["outcome"] for one in await world.all("SELECT outcome FROM notices")) == [
        "a round of a plan failed",
        *["no payment of ours has this reference"] * 2,
    ]
    assert row["version"] == (await world.all("SELECT version FROM plans"))[0]["version"]


async def test_a_plan_ends_by_itself_when_its_last_day_is_well_over(planning):
    world = planning
    today = world.clock.now().astimezone(KST).date()
    plans = {
        name: await registered(world, order_ref=name, ends=(today + timedelta(days=5)).isoformat())
        for name in ("WAITS", "RUNS", "RESTS")
    }
    await registered(world, order_ref="LONG")
    for name in ("RUNS", "RESTS"):
        await tell(world, plans[name], name)
    await change(world, plans["RESTS"], "stop")
    await world.clock.forward(8 * 86_400)
    await world.beat()
    assert (await show(world, plans["RUNS"]))["state"] == "active", "its last round may still be told"
    await world.clock.forward(86_400)
    await world.beat()

    for plan in plans.values():
        shown = await show(world, plan)
        assert (shown["state"], shown["allowed"]) == ("ended", [])
    states = [row["state"] for row in await world.all("SELECT state FROM plans WHERE order_ref = 'LONG'")]
    assert states == ["waiting"]


async def test_a_clock_that_ran_years_ahead_for_a_while_ends_no_plan(planning):
    """Its gateway knows the day, and charges on: a plan that is called ended here could not be ended any more."""
    world = planning
    plan = await registered(world)
    await tell(world, plan, "M1")
    await world.live(10)
    world.clock.set_back(-5 * 365 * 86_400)
    await world.live(300, step=10)
    world.clock.set_back(5 * 365 * 86_400)
    await world.live(60, step=10)

    assert ((await show(world, plan))["state"], (await show(world, plan))["allowed"]) == ("active", ["stop", "end"])


async def told_of_ref(world, ref, number, event="approved"):
    """The teller tells of a round by the plan's reference, which the books may have lost."""
    told = {"event": event, "ref": ref, "amount": 33_000, "secret": SECRET, "round": number}
    async with world.client(world.notice_address) as client:
        answer = await client.post(world.notice_path("feedback"), data={key: str(value) for key, value in told.items()})
    await world.quiet()
    return answer.text


async def test_of_a_plan_that_restored_books_have_lost_each_round_is_a_persons_and_a_cancel_finds_its_payment(planning):
    """The customer is charged each month, by a plan that nobody can end here."""
    world = planning
    keep(world)
    plan = await registered(world)
    await tell(world, plan, "M1")
    await world.beat()
    (row,) = await world.all("SELECT ref FROM plans")
    await lose(world)
    await hand_over(world)
    await world.live(60, step=10)
    assert await rounds(world) == [("CLUB-1-1", "paid", 33_000)], "the shop has heard of it"
    assert await world.all("SELECT id FROM plans") == []

    async def lost():
        return [one["payment"] for shown in await show_gaps(world.context) for one in shown["lost"]]

    for number in ("M2", "M3"):
        assert await told_of_ref(world, row["ref"], number) != "SUCCESS"
        assert await told_of_ref(world, row["ref"], number) != "SUCCESS"
        assert await lost() == [f"{row['ref']}.{number}"]
        said = {"url": world.site.url, "reason": "seen in the console", "who": "operator:kim", "unheard": False}
        await end_gap(world.context, **said)
        assert await lost() == []
    assert await told_of_ref(world, row["ref"], "M1") == "SUCCESS", "it is known"
    assert await lost() == []
    assert await told_of_ref(world, row["ref"], "M1", event="cancelled") == "SUCCESS"
    (charged,) = await world.all("SELECT state, refunded FROM payments")
    assert charged == {"state": "refunded", "refunded": 33_000}


async def test_two_plans_of_one_order_that_are_both_charged_are_a_persons(planning):
    """Its customer agreed in two windows: each round of both is paid, and somebody must end one."""
    world = planning
    first, second = await registered(world), await registered(world)
    await tell(world, first, "M1")
    assert [one["reason"] for one in await world.all("SELECT reason FROM cases")] == []
    await tell(world, second, "N1", plan=await number_of(world, second))
    (case,) = await world.all("SELECT c.reason, c.detail, p.order_ref FROM cases c JOIN payments p ON p.id = c.payment")

    assert await rounds(world) == [("CLUB-1-1", "paid", 33_000), ("CLUB-1-2", "paid", 33_000)]
    assert (case["reason"], case["order_ref"]) == ("reported", "CLUB-1-2")
    assert await number_of(world, first) in case["detail"]
    await change(world, first, "end")
    await tell(world, second, "N2", plan=await number_of(world, second))
    assert len(await world.all("SELECT id FROM cases")) == 1, "ended, it charges no more"
    await world.check_books()
