"""Billing keys: asked for in a window or by a typed card, charged like any payment, owned by one customer, deleted."""

import asyncio
import json
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from bridge.clock import from_ms, now_ms
from bridge.domain.billing import KeyState
from bridge.domain.gateway import Declined, Unknown
from bridge.domain.reasons import Reason
from bridge.flows import issue_key
from bridge.flows.issue_key import TRIES_MAX, _after_no, _intend, _record, _refused, end_unsent
from bridge.ledger import billing_keys as rows
from tests.flows.test_tries import Talks
from tests.support.teller import TELLER

CARD = {"number": "4111111111111111", "expires": "3012", "holder": "900101", "password": "12"}
PLAN = {
    **{"order_ref": "CLUB-1", "title": "월 회원권", "amount": 33_000, "buyer": {"name": "홍길동"}, "cycle": "month"},
    **{"day": 25, "ends": "2027-12-31", "result_url": "http://shop.test/club", "actor": "buyer"},
}
ANNA, BERTA = "customer-1", "customer-2"


@pytest.fixture
async def billing(world):
    """A site whose gateway issues and charges billing keys."""
    await world.pair_teller("BillingUndone")
    return world


@pytest.fixture
async def typed(world):
    """A site that switched typed cards on."""
    await world.pair_teller("TypedCardsUndone", card_entry="on")
    return world


async def ask(world, **changes):
    wish = {
        "customer": ANNA,
        "title": "정기 후원",
        "buyer": {"name": "홍길동", "phone": "010-1234-5678"},
        "result_url": f"{world.site.url}/my-cards",
        "actor": "buyer",
    }
    return await world.call("POST", "/v1/billing-keys", wish | changes)


async def come_back(world, asked, **fields):
    async with world.client() as client:
        url = asked.json()["window_url"].partition("back=")[2]
        return await client.post(url, data={"number": fields.pop("number", await number_of(world, asked))} | fields)


async def number_of(world, asked):
    (row,) = await world.all("SELECT refs FROM billing_keys WHERE id = ?", asked.json()["id"])
    return json.loads(row["refs"])["number"]


async def issued(world, **changes):
    asked = await ask(world, **changes)
    assert asked.status_code == 201, asked.text
    await come_back(world, asked)
    await world.quiet()
    return asked.json()["id"]


async def show(world, key, customer=ANNA):
    return await world.call("GET", f"/v1/billing-keys/{key}?customer={customer}")


async def charge(world, key, customer=ANNA, order=None, once="", **more):
    body = {"customer": customer, "order": order or world.order(), "actor": "wp:7"} | more
    return await world.call("POST", f"/v1/billing-keys/{key}/charges", body, key=once)


async def test_a_window_issues_a_key_that_can_be_charged_and_is_shown_nowhere(billing):
    world = billing
    asked = await ask(world)

    assert (asked.status_code, asked.json()["state"]) == (201, "open")
    answer = await come_back(world, asked)
    key = asked.json()["id"]
    assert answer.status_code == 303
    assert answer.headers["location"].startswith(f"{world.site.url}/my-cards?pay_bridge_key={key}")
    assert "pay_bridge_result=active" in answer.headers["location"]
    shown = (await show(world, key)).json()
    assert (shown["state"], shown["card"]["last4"]) == ("active", "1234")
    assert (shown["gateway"], shown["gateway_title"]) == ("teller", "텔러 teller")
    assert shown["allowed"] == ["charge", "delete"]

    paid = await charge(world, key)
    assert (paid.status_code, paid.json()["state"]) == (201, "paid")
    assert world.teller.of((await world.payment(paid.json()["id"])).merchant_ref).net == 55_000
    for table in ("billing_keys", "calls", "audit", "news", "answers"):
        assert f"key-of-{ANNA}" not in json.dumps(await world.all(f"SELECT * FROM {table}"), default=str)
    assert f"key-of-{ANNA}" not in json.dumps([shown, paid.json()])
    assert "홍길동" not in json.dumps(await world.all("SELECT * FROM billing_keys"), ensure_ascii=False, default=str)


async def test_a_charge_lines_up_with_the_keys_deletion_when_it_is_written_and_when_it_is_sent(billing):
    """Where turns run at once, neither overlooks the other, and no two charges overlook that each is the month's."""
    key = await issued(billing)

    async def lined_up():
        rows = await billing.all("SELECT turns FROM queues WHERE name = ?", f"billing_key:{key}")
        return sum(row["turns"] for row in rows)

    before = await lined_up()
    assert (await charge(billing, key)).json()["state"] == "paid"
    assert await lined_up() == before + 2


async def test_a_registered_card_pays_by_instalments_where_its_gateway_takes_them(world):
    await world.pair_teller("TypedCardsInMonths", card_entry="on")
    key = await issued(world)
    shown = (await show(world, key)).json()
    paid = await charge(world, key, order=world.order(amount=50_000), instalment_months=12)

    assert (shown["instalments_from"], shown["instalment_months_max"]) == (50_000, 12)
    assert (paid.status_code, paid.json()["state"], paid.json()["instalment_months"]) == (201, "paid", 12)
    small = await charge(world, key, order=world.order(amount=49_999), instalment_months=2)
    long = await charge(world, key, order=world.order(amount=50_000), instalment_months=13)
    assert (small.status_code, small.json()["message_ko"]) == (422, "할부는 50,000원부터 할 수 있어요.")
    assert (long.status_code, long.json()["message_ko"]) == (422, "텔러 teller에서는 12개월까지 나눠 낼 수 있어요.")
    assert world.teller.calls["charge"] == 1


async def test_no_months_are_offered_for_a_phone_nor_where_no_field_takes_them(world):
    await world.pair_teller("TypedCardsInMonths", card_entry="on")
    phone = await show(world, await issued(world, method="phone", order=world.order()))
    await world.pair_teller("BillingUndone", url="http://sums.test")
    key = await issued(world)
    asked = await charge(world, key, order=world.order(amount=50_000), instalment_months=3)

    for shown in (phone, await show(world, key)):
        assert shown.json()["state"] == "active"
        assert not {"instalments_from", "instalment_months_max"} & set(shown.json())
    words = "텔러 teller에서는 등록한 카드를 일시불로만 결제할 수 있어요."
    assert (asked.status_code, asked.json()["message_ko"]) == (422, words)
    assert world.teller.calls["charge"] == 0


async def test_a_charge_asked_twice_takes_the_money_once(billing):
    world = billing
    key, order = await issued(billing), world.order()
    first = await charge(world, key, order=order, once="ab" * 16)
    again = await charge(world, key, order=order, once="ab" * 16)
    other = await charge(world, key, order=order)

    assert again.json()["id"] == first.json()["id"]
    assert (other.status_code, other.json()["code"]) == (409, "order_taken")
    assert world.teller.calls["charge"] == 1


async def test_a_charge_asked_twice_at_once_is_answered_twice_with_what_came_of_it(billing):
    world = billing
    key, order, again = await issued(billing), world.order(), []
    talks = Talks(world)

    async def ask_again():
        again.append(asyncio.ensure_future(charge(world, key, order=order, once="ab" * 16)))
        await asyncio.sleep(0.05)

    talks.meanwhile = ask_again
    first, second = await charge(world, key, order=order, once="ab" * 16), await again[0]
    assert [one.json()["state"] for one in (first, second)] == ["paid", "paid"]
    assert world.teller.calls["charge"] == 1


async def test_a_charge_whose_answer_is_lost_is_settled_by_evidence(billing):
    world = billing
    key = await issued(world)
    world.teller.fail("charge", "lost_after")
    world.teller.always["undo"] = "odd"
    lost = await charge(world, key)

    assert (lost.status_code, lost.json()["state"]) == (202, "voiding")
    assert "payment.failed" not in await world.told(lost.json()["id"])
    del world.teller.always["undo"]
    await world.live(30)
    assert await world.state(lost.json()["id"]) == "voided"
    assert world.teller.of((await world.payment(lost.json()["id"])).merchant_ref).net == 0
    assert world.teller.calls["charge"] == 1


async def test_a_charge_that_was_never_sent_is_sent_when_it_is_asked_again(billing):
    world = billing
    key, order = await issued(world), world.order()
    world.net.down.add(f"{TELLER}:80")
    nothing = await charge(world, key, order=order, once="cd" * 16)
    assert nothing.json()["state"] == "open"
    world.net.down.clear()
    paid = await charge(world, key, order=order, once="cd" * 16)

    assert (paid.json()["id"], paid.json()["state"]) == (nothing.json()["id"], "paid")
    assert world.teller.calls["charge"] == 1


async def test_a_declined_charge_says_why_in_the_gateways_words(billing):
    world = billing
    key = await issued(world)
    world.teller.keys.clear()
    no = await charge(world, key)

    assert (no.status_code, no.json()["state"]) == (201, "declined")
    assert (await world.payment(no.json()["id"])).message == "등록된 카드가 없어요"


async def test_nobody_elses_key_is_shown_charged_or_deleted(billing):
    world = billing
    key = await issued(world)
    answers = [
        await show(world, key, BERTA),
        await charge(world, key, BERTA),
        await world.call("DELETE", f"/v1/billing-keys/{key}", {"customer": BERTA}),
    ]
    await world.pair_teller("BillingUndone", url="http://other-shop.test")
    answers += [await show(world, key), await charge(world, key)]

    assert [answer.status_code for answer in answers] == [404] * 5
    assert world.teller.calls["charge"] == 0
    assert (await world.call("GET", f"/v1/billing-keys?customer={ANNA}")).json()["items"] == []


async def test_a_window_that_said_no_or_belongs_to_another_key_issues_none(billing):
    world = billing
    declined, foreign = await ask(world), await ask(world)
    no = await come_back(world, declined, no="9999")
    strange = await come_back(world, foreign, number="K-of-somebody-else")

    assert "pay_bridge_result=refused" in no.headers["location"]
    assert (await show(world, declined.json()["id"])).json()["message"] == "취소했어요"
    assert strange.status_code >= 400
    assert (await show(world, foreign.json()["id"])).json()["state"] == "open"
    assert world.teller.calls["key_issue"] == 0


async def test_an_issuing_whose_answer_is_lost_leaves_no_key_and_may_be_begun_anew(billing):
    world = billing
    asked = await ask(world)
    world.teller.fail("key_issue", "lost_after")
    await come_back(world, asked)
    await world.quiet()
    lost = await show(world, asked.json()["id"])

    assert lost.json()["state"] == "lost"
    assert (await charge(world, asked.json()["id"])).json()["code"] == "not_now"
    assert (await show(world, await issued(world))).json()["state"] == "active"


@pytest.mark.parametrize("how", ["window", "typed"])
async def test_a_yes_without_a_key_registers_nothing(world, how):
    """Shown as registered, it would be offered, charged, and declined each time."""
    await world.pair_teller("TypedCardsUndone", card_entry="on")
    world.teller._key_issue = lambda said: {"code": "ok", "key": "", "amount": 0, "number": "K1"}
    if how == "typed":
        asked = await ask(world, card=CARD)
    else:
        asked = await ask(world)
        await come_back(world, asked)
    await world.quiet()

    assert (await show(world, asked.json()["id"])).json()["state"] == "lost"
    assert (await charge(world, asked.json()["id"])).json()["code"] == "not_now"


async def test_what_the_gateway_said_to_an_earlier_try_stands_beside_no_registered_card(billing):
    world = billing
    asked = await ask(world)
    said = "UPDATE billing_keys SET code = 'E1', message = '한도를 넘었어요'"
    await world.context.ledger.write(lambda turn: turn.run(said))
    before = (await show(world, asked.json()["id"])).json()
    await come_back(world, asked)
    await world.quiet()
    after = (await show(world, asked.json()["id"])).json()

    assert (before["state"], before["code"], before["message"]) == ("open", "E1", "한도를 넘었어요")
    assert (after["state"], after.get("code"), after.get("message")) == ("active", None, None)


async def test_coming_back_twice_issues_once(billing):
    world = billing
    asked = await ask(world)
    await come_back(world, asked)
    await come_back(world, asked)

    assert world.teller.calls["key_issue"] == 1


async def test_a_crash_while_issuing_leaves_a_lost_key_and_a_late_return_an_expired_one(billing):
    world = billing
    asked, late = await ask(world), await ask(world)
    await world.context.ledger.write(
        lambda turn: turn.run("UPDATE billing_keys SET state = 'issuing' WHERE id = ?", asked.json()["id"])
    )
    await world.restart()
    await world.live(120, step=30)
    assert (await show(world, asked.json()["id"])).json()["state"] == "lost"
    await world.live(1_000, step=100)

    assert (await show(world, late.json()["id"])).json()["state"] == "expired"
    assert "pay_bridge_result=expired" in (await come_back(world, late)).headers["location"]


async def test_issuing_a_phones_key_charges_it_and_later_charges_follow_its_rule(billing):
    world = billing
    order = world.order()
    asked = await ask(world, method="phone", order=order)
    assert asked.json()["amount"] == 55_000
    await come_back(world, asked)
    await world.quiet()
    (row,) = await world.all("SELECT id, state, order_ref FROM payments")
    await world.check_books()

    assert (row["state"], row["order_ref"]) == ("paid", order["ref"])
    key = asked.json()["id"]
    assert (await show(world, key)).json()["state"] == "active"
    other_amount = await charge(world, key, order=world.order(amount=54_000))
    assert (other_amount.status_code, other_amount.json()["code"]) == (409, "not_now")
    assert "55,000원만 청구할 수 있어요" in other_amount.json()["message_ko"]
    await world.clock.forward(86_400 * 15)
    other_day = (await charge(world, key)).json()
    assert (other_day["code"], "앞뒤 5일 안에만" in other_day["message_ko"]) == ("not_now", True)
    await world.clock.forward(86_400 * 15)
    assert (await charge(world, key)).json()["state"] == "paid"


async def test_a_phones_issuing_whose_answer_is_lost_leaves_no_key_and_no_money(billing):
    world = billing
    asked = await ask(world, method="phone", order=world.order())
    world.teller.fail("key_issue", "lost_after")
    await come_back(world, asked)
    await world.live(30)
    (row,) = await world.all("SELECT id, state FROM payments")

    assert row["state"] == "voided"
    assert (await show(world, asked.json()["id"])).json()["state"] == "lost"
    await world.check_books()


async def test_what_a_phones_registration_charged_is_in_the_books_though_another_bridge_has_given_its_key_up(
    billing, monkeypatch
):
    """Its clock is ahead, or this one's database was away for a minute: the answer is nowhere else."""
    world, look = billing, issue_key.look

    async def give_up_first(context, site, payment):
        (row,) = await world.all("SELECT id FROM billing_keys")

        def lose(turn):
            rows.move(turn, rows.get(turn, site.id, row["id"]), KeyState.LOST, at=now_ms(world.clock))

        await context.ledger.write(lose)
        return await look(context, site, payment)

    monkeypatch.setattr(issue_key, "look", give_up_first)
    asked = await ask(world, method="phone", order=world.order())
    await come_back(world, asked)
    await world.quiet()
    (paid,) = await world.all("SELECT state FROM payments")

    assert (paid["state"], (await show(world, asked.json()["id"])).json()["state"]) == ("paid", "lost")
    await world.check_books()


async def test_a_phone_that_another_bridge_has_called_uncharged_is_not_charged_any_more(billing, monkeypatch):
    """Its clock is ahead, or this one's database was away for a while: its customer heard that nothing was taken."""
    world, look = billing, issue_key.look

    async def give_up_first(context, site, payment):
        (row,) = await world.all("SELECT id FROM billing_keys")
        at = now_ms(world.clock)
        assert await context.ledger.write(lambda turn: end_unsent(turn, rows.get(turn, site.id, row["id"]), at))
        return await look(context, site, payment)

    monkeypatch.setattr(issue_key, "look", give_up_first)
    asked = await ask(world, method="phone", order=world.order())
    await come_back(world, asked)
    await world.quiet()
    (unpaid,) = await world.all("SELECT state FROM payments")
    key = (await show(world, asked.json()["id"])).json()

    assert (key["state"], "결제되지도 않았어요" in key["message"]) == ("refused", True)
    assert (unpaid["state"], world.teller.calls["key_issue"]) == ("declined", 0)
    await world.check_books()


async def test_a_phone_whose_order_was_paid_by_other_means_meanwhile_is_neither_charged_nor_registered(billing):
    world, order = billing, billing.order()
    card = await issued(world)
    asked = await ask(world, method="phone", order=order)
    assert (await charge(world, card, order=order)).json()["state"] == "paid"
    landed = await come_back(world, asked)
    await world.quiet()
    key = (await show(world, asked.json()["id"])).json()

    assert key["state"] == "refused", "not lost: nothing was sent, so the gateway has no key that nobody holds"
    assert "결제되지도 않았어요" in key["message"]
    assert "code" not in key, "no gateway said a word"
    assert "pay_bridge_result=refused" in landed.headers["location"]
    assert world.teller.calls["key_issue"] == 1, "the card's alone"
    await world.live(2_000, step=100)
    states = sorted((row["state"], row["captured"]) for row in await world.all("SELECT * FROM payments"))
    assert states == [("expired", 0), ("paid", 55_000)], "what its registration would have charged ends by itself"
    await world.check_books()


async def test_a_phone_that_comes_back_after_its_windows_end_is_neither_charged_nor_registered(billing):
    world = billing
    asked = await ask(world, method="phone", order=world.order())
    await world.clock.forward(901)
    landed = await come_back(world, asked)
    await world.quiet()

    assert (await show(world, asked.json()["id"])).json()["state"] == "expired"
    assert "pay_bridge_result=expired" in landed.headers["location"]
    assert world.teller.calls["key_issue"] == 0
    assert await world.all("SELECT * FROM payments") == []


async def test_a_phone_that_full_books_kept_from_being_charged_is_refused_and_not_lost(billing, monkeypatch):
    world = billing
    asked = await ask(world, method="phone", order=world.order())
    monkeypatch.setattr(type(world.context.ledger), "refusal", lambda _: "The disk is nearly full.")
    await come_back(world, asked)
    await world.quiet()
    assert (await show(world, asked.json()["id"])).json()["state"] == "issuing"
    await world.restart()
    await world.live(200, step=50)

    assert (await show(world, asked.json()["id"])).json()["state"] == "refused"
    assert world.teller.calls["key_issue"] == 0
    await world.check_books()


async def test_a_phones_key_needs_its_order_and_a_cards_takes_none(billing):
    assert (await ask(billing, method="phone")).json()["code"] == "malformed"
    assert (await ask(billing, order=billing.order())).json()["code"] == "malformed"
    assert billing.teller.calls["key_open"] == 0


@pytest.mark.parametrize("changes", [{"amount": 54_000}, {"tax_free": 1_000}])
async def test_a_key_whose_orders_price_changed_in_its_window_is_neither_charged_nor_registered(billing, changes):
    world, order = billing, billing.order()
    asked = await ask(world, method="phone", order=order)
    await ask(world, method="phone", order=order | {"version": 2} | changes)
    with capture_logs() as logged:
        landed = await come_back(world, asked)
        await world.quiet()
    key = (await show(world, asked.json()["id"])).json()

    assert [line for line in logged if line["log_level"] == "error"] == []
    assert (key["state"], "주문 금액이 바뀌어서" in key["message"]) == ("refused", True)
    assert "pay_bridge_result=refused" in landed.headers["location"]
    assert world.teller.calls["key_issue"] == 0
    assert await world.all("SELECT * FROM payments") == []


async def test_a_card_with_its_first_payment_is_registered_where_both_are_one_window(world):
    await world.pair_tellers(teller={"kind": "BillingUndone"}, teller_b={"kind": "BillingFirst"})
    order = world.order(amount=9_900, tax_free=900)
    asked = await ask(world, order=order, actor="wp:7")
    assert (asked.status_code, asked.json()["gateway"]) == (201, "teller_b"), "passed over: it would not charge"
    assert (await ask(world)).json()["gateway"] == "teller"
    refused = await ask(world, order=world.order(), gateway="teller")
    little = await ask(world, order=world.order(amount=999))
    assert (refused.status_code, refused.json()["code"]) == (400, "malformed")
    assert (little.status_code, little.json()["minimum"]) == (422, 1_000)

    await come_back(world, asked)
    await come_back(world, asked)
    await world.quiet()
    key = asked.json()["id"]
    (row,) = await world.all("SELECT id, state, order_ref, captured, tax_free FROM payments")
    (charged,) = await world.operations(row["id"])
    assert charged.actor == "wp:7", "who asked for the key asked for its charge"
    assert dict(row) | {"id": ""} == {
        **{"id": "", "state": "paid", "order_ref": order["ref"], "captured": 9_900, "tax_free": 900},
    }
    assert (await show(world, key)).json()["state"] == "active"
    other = await charge(world, key, order=world.order(amount=54_000))
    assert other.json()["state"] == "paid", "a card is bound to no amount and to no day"
    assert world.teller.calls["key_issue"] == 1
    await world.check_books()


async def test_a_deleted_key_is_gone_at_the_gateway_and_here(billing):
    world = billing
    key = await issued(world)
    gone = await world.call("DELETE", f"/v1/billing-keys/{key}", {"customer": ANNA})
    again = await world.call("DELETE", f"/v1/billing-keys/{key}", {"customer": ANNA})

    assert (gone.status_code, gone.json()["state"]) == (200, "deleted")
    assert gone.json()["allowed"] == []
    assert (again.status_code, again.json()["state"]) == (200, "deleted")
    assert world.teller.keys == set()
    assert (await charge(world, key)).json()["code"] == "not_now"
    assert await world.all("SELECT id FROM billing_keys WHERE key_sealed <> ''") == []


async def test_a_key_whose_time_ends_as_its_customer_comes_back_is_expired_and_nothing_is_asked_for(billing):
    world = billing
    asked = await ask(world)
    site = world.context.sites.get(world.site.id)

    def comes_at_the_end(turn):
        row = rows.get(turn, site.id, asked.json()["id"])
        return _intend(turn, world.context, site, replace(row, expires_at=from_ms(now_ms(world.context.clock))))

    key, charge = await world.context.ledger.write(comes_at_the_end)
    assert (key.state, charge) == ("expired", None)
    assert (await show(world, key.id)).json()["state"] == "expired"


@pytest.mark.parametrize(
    ("tries", "left_ms", "state"),
    [(1, 1, "open"), (1, 0, "refused"), (0, 1, "refused"), (TRIES_MAX - 1, 1, "open"), (TRIES_MAX, 1, "refused")],
)
async def test_after_a_no_another_card_may_be_typed_so_often_and_until_the_windows_end(billing, tries, left_ms, state):
    asked = await ask(billing)
    row = await billing.context.ledger.read(lambda turn: rows.get(turn, billing.site.id, asked.json()["id"]))
    at = now_ms(billing.clock)
    assert _after_no(replace(row, tries=tries, expires_at=from_ms(at + left_ms)), at) == state


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        (Declined(Reason.DECLINED, "9001", "등록할 수 없는 카드예요"), "refused"),
        (Unknown("no answer that counts", "9001", "등록할 수 없는 카드예요"), "lost"),
        (Declined(Reason.DECLINED, "9" * 65, "길" * 501), "refused"),
        (Unknown("no answer that counts", "9" * 65, "길" * 501), "lost"),
    ],
)
async def test_a_key_that_is_not_issued_keeps_the_gateways_code_and_words_as_far_as_they_fit(billing, outcome, state):
    world = billing
    asked = await ask(world)

    def ends(turn):
        row = rows.get(turn, world.site.id, asked.json()["id"])
        _record(turn, world.context, rows.move(turn, row, KeyState.ISSUING, at=now_ms(world.context.clock)), outcome)

    await world.context.ledger.write(ends)
    (row,) = await world.all("SELECT state, code, message FROM billing_keys WHERE id = ?", asked.json()["id"])
    assert row == {"state": state, "code": outcome.code[:64], "message": outcome.message[:500]}


async def test_a_key_refused_by_two_at_once_is_shown_as_the_first_has_left_it(billing):
    world = billing
    asked = await ask(world)
    row = await world.context.ledger.read(lambda turn: rows.get(turn, world.site.id, asked.json()["id"]))
    first = await _refused(world.context, row, Declined(Reason.DECLINED, "1", "안 돼요"))
    second = await _refused(world.context, row, Declined(Reason.DECLINED, "2", "또 안 돼요"))
    assert (first.state, first.code, second) == ("refused", "1", first)


async def test_a_deletion_without_an_answer_is_asked_again_and_a_refused_one_keeps_the_key(billing):
    world = billing
    key, kept = await issued(world), await issued(world, customer=BERTA)
    world.teller.fail("key_delete", "lost_after", "no", "no")
    waits = await world.call("DELETE", f"/v1/billing-keys/{key}", {"customer": ANNA})
    refused = await world.call("DELETE", f"/v1/billing-keys/{kept}", {"customer": BERTA})
    no = await world.call("DELETE", f"/v1/billing-keys/{key}", {"customer": ANNA})
    world.net.down.add(f"{TELLER}:80")
    unsent = await world.call("DELETE", f"/v1/billing-keys/{key}", {"customer": ANNA})
    world.net.down.clear()
    again = await world.call("DELETE", f"/v1/billing-keys/{key}", {"customer": ANNA})

    assert [one.json()["state"] for one in (no, unsent)] == ["deleting", "deleting"], "it is deleted: no proves nothing"
    assert (no.json()["message"], no.json()["allowed"]) == ("지금은 지울 수 없어요", ["delete"])
    assert (waits.status_code, waits.json()["state"]) == (202, "deleting")
    assert (refused.json()["state"], refused.json()["message"]) == ("active", "지금은 지울 수 없어요")
    assert (again.status_code, again.json()["state"]) == (200, "deleted")


async def test_a_key_that_is_gone_at_its_gateway_is_deleted_though_another_bridge_heard_no_of_an_earlier_press(billing):
    """Pressed twice, at two bridges: the one's no is written down before the other's yes."""
    world = billing
    key, talks = await issued(billing), Talks(billing)
    world.teller.fail("key_delete", "lost_before")
    await world.call("DELETE", f"/v1/billing-keys/{key}", {"customer": ANNA})

    def hear_no(turn):
        rows.move(turn, rows.get(turn, world.site.id, key), KeyState.ACTIVE, at=now_ms(world.clock), message="아직요")

    async def write_no():
        await world.context.ledger.write(hear_no)

    talks.meanwhile = write_no
    again = await world.call("DELETE", f"/v1/billing-keys/{key}", {"customer": ANNA})
    (kept,) = await world.all("SELECT key_sealed FROM billing_keys WHERE id = ?", key)

    assert (again.json()["state"], "message" in again.json(), kept["key_sealed"]) == ("deleted", False, "")


@pytest.mark.parametrize(("faults", "answer", "state"), [(["lost_before"], 201, "declined"), ([], 409, "open")])
async def test_a_charge_that_was_not_sent_is_not_sent_once_its_key_goes(billing, faults, answer, state):
    """The same request comes again: it finds its payment, and the key that was to pay it deleted or on its way."""
    world = billing
    key, order = await issued(world), world.order()
    world.net.down.add(f"{TELLER}:80")
    unsent = await charge(world, key, order=order, once="cd" * 16)
    world.net.down.clear()
    world.teller.fail("key_delete", *faults)
    await world.call("DELETE", f"/v1/billing-keys/{key}", {"customer": ANNA})
    again = await charge(world, key, order=order, once="cd" * 16)

    assert unsent.json()["state"] == "open"
    assert (again.status_code, await world.state(unsent.json()["id"])) == (answer, state)
    assert world.teller.calls["charge"] == 0
    await world.check_books()


async def test_a_key_on_its_way_to_be_deleted_is_charged_no_more_and_what_it_paid_before_is_still_told(billing):
    world = billing
    key, order = await issued(world), world.order()
    first = await charge(world, key, order=order, once="ef" * 16)
    world.teller.fail("key_delete", "lost_after")
    waits = await world.call("DELETE", f"/v1/billing-keys/{key}", {"customer": ANNA})
    refused = await charge(world, key)

    assert (waits.json()["state"], waits.json()["allowed"]) == ("deleting", ["delete"])
    assert (refused.status_code, refused.json()["code"]) == (409, "not_now")
    assert (await charge(world, key, order=order, once="ef" * 16)).json()["id"] == first.json()["id"]
    assert world.teller.calls["charge"] == 1
    await world.check_books()


@pytest.mark.parametrize("switch", [{}, {"card_entry": "off"}])
async def test_typed_cards_are_refused_unless_the_site_switched_them_on(world, switch):
    await world.pair_teller("TypedCardsUndone", **switch)
    key = await ask(world, card=CARD)
    paid = await world.call("POST", "/v1/card-payments", {"order": world.order(), "card": CARD, "actor": "wp:7"})

    assert (key.status_code, paid.status_code) == (503, 503)
    assert "PCI DSS" in key.json()["detail"]
    assert "card_entry" in paid.json()["detail"]


async def test_a_typed_card_pays_and_issues_and_is_written_down_nowhere(typed, capsys):
    world = typed
    key = await ask(world, card=CARD)
    body = {"order": world.order(), "card": CARD, "actor": "wp:7"}
    paid = await world.call("POST", "/v1/card-payments", body, key="ef" * 16)
    again = await world.call("POST", "/v1/card-payments", body, key="ef" * 16)

    assert (key.json()["state"], paid.json()["state"]) == ("active", "paid")
    assert again.json()["id"] == paid.json()["id"]
    assert world.teller.calls["key_in"] == 1
    await world.check_books()
    tables = (
        await world.all("SELECT name FROM sqlite_master WHERE type = 'table'") if world.context.ledger.alone else []
    )
    for table in [row["name"] for row in tables] or ["calls", "billing_keys", "payments", "operations", "answers"]:
        text = json.dumps(await world.all(f"SELECT * FROM {table}"), default=str)
        assert CARD["number"] not in text, table
        assert "4111" not in text, table
    assert CARD["number"] not in key.text + paid.text + capsys.readouterr().out


async def test_a_malformed_card_is_refused_without_showing_it(typed):
    for name, value in (("number", "4111-1111-1111-1111"), ("expires", "20301"), ("password", "1x")):
        no = await ask(typed, card=CARD | {name: value})
        assert (no.status_code, no.json()["code"]) == (400, "malformed")
        assert value not in no.text
    assert typed.teller.calls["key_issue"] == 0


async def test_a_script_asks_how_the_key_stands_and_closing_is_a_hint_only(billing):
    world = billing
    asked = await ask(world)
    back = asked.json()["window_url"].partition("back=")[2]
    async with world.client() as client:
        waiting = (await client.get(f"{back}/state")).json()
        closed = await client.get(f"{back}/close")
        await come_back(world, asked)
        done = (await client.get(f"{back}/state")).json()
        forged = await client.get("/k/not-a-token/window")

    assert waiting["state"] == "open"
    assert "pay_bridge_result=open" in closed.headers["location"]
    assert (done["state"], closed.status_code) == ("active", 303)
    assert "pay_bridge_result=active" in done["result_url"]
    assert forged.status_code >= 400


@pytest.mark.parametrize(
    "person", ["anna@shop.test", "01012345678", "010-1234-5678", "82-10-1234-5678", "821012345678"]
)
async def test_a_customer_is_named_by_an_id_and_never_by_what_names_a_person(billing, person):
    world = billing
    key = await issued(world)
    asked = [
        await ask(world, customer=person),
        await world.call("GET", f"/v1/billing-keys?customer={person}"),
        await world.call("GET", f"/v1/billing-keys/{key}?customer={person}"),
        await world.call("GET", f"/v1/plans?customer={person}"),
        await world.call("DELETE", f"/v1/billing-keys/{key}", {"customer": person}),
        await charge(world, key, customer=person),
        await world.call("POST", "/v1/plans", PLAN | {"customer": person}),
    ]

    assert {(one.status_code, one.json()["code"]) for one in asked} == {(400, "malformed")}
    assert all("such as wp:7" in one.json()["detail"] and person not in one.text for one in asked)
    assert "고객 번호" in asked[0].json()["message_ko"]
    assert len(await world.all("SELECT id FROM billing_keys")) == 1


@pytest.mark.parametrize("name", ["wp:7", "0101234567890", "member-010", "1012345678", "shop.kim_2:a"])
async def test_any_other_id_of_the_shops_names_a_customer(billing, name):
    made = await ask(billing, customer=name)
    listed = await billing.call("GET", f"/v1/billing-keys?customer={name}")

    assert made.status_code == 201
    assert [one["id"] for one in listed.json()["items"]] == [made.json()["id"]]
