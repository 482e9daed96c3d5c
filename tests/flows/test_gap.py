"""After an old copy: no money moves before all is settled, no refund is made twice, and no capture is forgotten."""

import pytest

from bridge.clock import from_ms
from bridge.domain.failures import Reconciling
from bridge.domain.machine import Kind, State, Step
from bridge.flows.check_invariants import check_everything
from bridge.flows.finish_checkout import look
from bridge.flows.reconcile import Report, end_gap, show_gaps, take_report
from bridge.flows.refund import once_of_command
from bridge.flows.revive import Known
from bridge.flows.snapshots import rfc3339
from bridge.ledger import notices
from bridge.ledger.gap import begin, note, of_site, unsettled
from bridge.ledger.notices import StoredNotice
from tests.flows.test_deposits import deposit, waiting
from tests.flows.test_notices import card
from tests.support.disaster import hand_over, keep, key_of, known, lose, refunded_twice
from tests.support.world import SANDBOX, SHOP_URL


async def gap(world):
    (shown,) = await show_gaps(world.context)
    return shown


def to_the_gateway(world):
    return len([one for one in world.net.sent if SANDBOX in one.url])


async def traffic_after_the_backup(world, opened, part, whole):
    """A window that was open is paid, another payment is made, refunds are made, one is declined, one taken back."""
    await world.clock.forward(60)
    await world.come_back(opened)
    await world.quiet()
    bought = await world.buy()
    assert (await world.refund(part.id, 10_000, key=key_of(world, 1))).json()["state"] == "done"
    assert (await world.refund(whole.id, key=key_of(world, 2))).json()["state"] == "done"
    world.fault("pay", "decline")
    declined = await world.checkout()
    await world.come_back(declined)
    await world.quiet()
    assert await world.state(declined.payment) == "declined"
    world.fault("pay", "drop_after")
    lost = await world.checkout()
    await world.come_back(lost)
    await world.quiet()
    await world.live(200)
    assert await world.state(lost.payment) == "voided"
    while await unheard(world):
        await world.live(30)
    return bought, declined, lost


async def unheard(world):
    return await world.all("SELECT id FROM news WHERE state = 'waiting'")


async def until_the_gap_ends(world):
    for _ in range(30):
        await world.live(30)
        if (await gap(world))["state"] == "ended":
            return
    raise AssertionError(await gap(world))


async def test_everything_the_shop_knows_is_revived_by_our_own_attestations(any_world):
    world = any_world
    part, whole, opened = await world.buy(), await world.buy(), await world.checkout()
    await world.beat()
    keep(world)
    bought, declined, taken_back = await traffic_after_the_backup(world, opened, part, whole)
    await world.beat()
    states = {one["id"]: one["state"] for one in known(world)}
    assert states[opened.payment] == states[bought.id] == "paid"
    await lose(world)

    assert not await world.context.ledger.read(lambda turn: turn.one("SELECT 1 FROM payments WHERE id = ?", bought.id))
    said = await hand_over(world)
    assert said["complete"] is True
    await until_the_gap_ends(world)

    for one in (part, whole, bought, opened, declined, taken_back):
        payment_id = getattr(one, "id", None) or one.payment
        assert await world.state(payment_id) == states[payment_id]
    assert await world.entries(part.id) == [("capture", 55_000, "E1"), ("refund", -10_000, "E1")]
    assert (await gap(world))["state"] == "ended"
    assert await refunded_twice(world) == []
    found = {rule for rule, _, _ in (await check_everything(world.context, 0)).found}
    assert "I10 kept" not in found, "what the old copy never had of notices is none that went"
    await world.check_books()


async def test_no_money_moves_while_the_gap_lasts_and_buyers_are_told_to_wait(any_world):
    world = any_world
    paid, opened = await world.buy(), await world.checkout()
    coming = await world.authenticate(opened)
    keep(world)
    later = await world.checkout()
    later_coming = await world.authenticate(later)
    await lose(world)
    before = to_the_gateway(world)

    refused = await world.post_checkout(world.token(world.order()))
    assert (refused.status_code, refused.json()["code"]) == (503, "reconciling")
    assert "다시 결제하지 말고" in refused.json()["message_ko"]
    refused = await world.refund(paid.id, key=key_of(world, 1))
    assert (refused.status_code, refused.json()["code"]) == (503, "reconciling")
    for one in (coming, later_coming):
        page = await world.go(one)
        assert page.status_code == 503
        assert "다시 결제하지 마세요" in page.text
        assert "실패" not in page.text
    for one in (opened, later):
        async with world.client() as client:
            answer = await client.get(one.status_url, headers={"origin": SHOP_URL})
        assert (answer.status_code, answer.json()["code"]) == (503, "reconciling")
    shown = await world.call("GET", f"/v1/payments/{paid.id}")
    assert shown.json()["state"] == "paid"
    await world.live(2000, step=60)
    assert to_the_gateway(world) == before, "nothing is asked of a gateway"
    assert await world.state(opened.payment) == "open", "a window does not run out meanwhile"
    assert world.shop.asked, "the shop is asked to hand over"


@pytest.mark.parametrize("state", [State.READYING, State.OPEN, State.PAID, State.DECLINED])
async def test_while_the_gap_lasts_a_payment_is_looked_at_once_it_is_known_what_became_of_it(desk, state):
    at = await desk("Asked")
    payment = await at.payment_in(state)
    site = at.world.context.sites.get(payment.site)
    await at.write(lambda turn, pen: begin(turn, pen.at - 1_000, pen.at))
    if state in (State.READYING, State.OPEN):
        with pytest.raises(Reconciling):
            await look(at.world.context, site, payment.id)
    else:
        assert (await look(at.world.context, site, payment.id)).payment.state == state


async def test_the_shop_is_asked_to_hand_over_what_it_knows_since_the_backup_as_json(world, monkeypatch):
    keep(world)
    await lose(world)
    posted, really = [], world.context.wire.post

    async def post(url, headers, body, **how):
        posted.append((url, headers["content-type"]))
        return await really(url, headers, body, **how)

    monkeypatch.setattr(world.context.wire, "post", post)
    await world.live(30)
    shown = await gap(world)
    assert world.shop.asked[0] == {"type": "reconcile", "since": shown["backup_of"]}
    assert posted[0] == (f"{SHOP_URL}/?rest_route=/pay-bridge/v1/reconcile", "application/json")


async def test_what_the_shop_hands_over_is_lost_no_more_and_what_was_being_opened_is_a_persons(desk):
    at = await desk("Mute")
    payment, opening = await at.payment_in(State.PAID), await at.payment_in(State.READYING)
    context, site = at.world.context, at.world.context.sites.get(payment.site)

    def work(turn, pen):
        begin(turn, pen.at - 1_000, pen.at)
        note(turn, site.id, payment.id, "lost", pen.at, "a browser came for it")
        return pen.at

    began = await at.write(work)
    told = Known(payment.id, "paid", payment.version, 0, payment.amount, 0, "")
    said = await take_report(context, site, Report([told], complete=True), once_of_command(context, "", ""))
    assert said == {
        **{"gap": True, "since": rfc3339(from_ms(began - 1_000)), "restored_at": rfc3339(from_ms(began))},
        "complete": True,
        "outcomes": {"same": 1, "assumed": 1},
    }
    assert await at.world.cases(opening.id) == ["reported"]
    heard = await context.ledger.read(lambda turn: of_site(turn, site.id))
    assert (heard.heard_at, heard.told_at) == (began, began)


async def test_an_old_key_is_refused_and_a_new_one_refunds_once(any_world):
    world = any_world
    part = await world.buy()
    await world.beat()
    keep(world)
    await world.clock.forward(60)
    key, lost_key = key_of(world, 7), key_of(world, 77)
    assert (await world.refund(part.id, 10_000, key=key)).json()["state"] == "done"
    await world.beat()
    await lose(world)
    await hand_over(world)
    await until_the_gap_ends(world)

    for _ in range(3):
        again = await world.refund(part.id, 10_000, key=key)
        assert (again.status_code, again.json()["state"]) == (200, "done"), "the shop has handed back what it made"
        lost = await world.refund(part.id, 10_000, key=lost_key)
        assert (lost.status_code, lost.json()["code"]) == (409, "key_too_old")
    assert world.book(part).refunded == 10_000
    assert (await world.refund(part.id, 5_000, key=key_of(world, 8))).json()["state"] == "done"
    assert world.book(part).refunded == 15_000
    await world.beat()
    assert [one["seq"] for one in world.shop.news if one["payment"]["id"] == part.id] == [1, 2, 3]
    await world.check_books()


async def test_a_request_signed_before_the_restore_is_refused(world):
    paid = await world.buy()
    keep(world)
    path, body = f"/v1/payments/{paid.id}/refunds", b'{"reason":"x","actor":"wp:7"}'
    headers = world.headers("POST", path, body)
    await lose(world)
    await hand_over(world)
    await until_the_gap_ends(world)

    async with world.client() as client:
        answer = await client.post(path, content=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (409, "clock_behind")
    assert world.book(paid).refunded == 0


@pytest.mark.parametrize("approved", [True, False])
async def test_a_window_nobody_told_of_is_taken_for_approved_and_settled_by_the_gateway(any_world, approved):
    world = any_world
    opened = await world.checkout()
    coming = await world.authenticate(opened)
    keep(world)
    world.shop.status = 500
    if approved:
        await world.go(coming)
        await world.quiet()
        assert await world.state(opened.payment) == "paid"
    await lose(world)
    world.shop.status = 200
    await hand_over(world, [])
    assert await world.state(opened.payment) == "unknown"
    await until_the_gap_ends(world)

    payment = await world.payment(opened.payment)
    assert payment.state == "voided"
    assert world.book(payment).net == 0
    assert world.book(payment).captured == (55_000 if approved else 0)
    assert (await gap(world))["state"] == "ended"
    assert "payment.paid" not in await world.told(opened.payment)


async def test_a_refund_asked_for_and_never_heard_of_is_unknown_and_not_made_again(any_world):
    world = any_world
    part, whole = await world.buy(), await world.buy()
    await world.beat()
    keep(world)
    await world.clock.forward(60)
    world.shop.status = 500
    at = int(world.clock.now().timestamp())
    keys = {part.id: key_of(world, 1), whole.id: key_of(world, 2)}
    await world.refund(part.id, 10_000, key=keys[part.id])
    await world.refund(whole.id, key=keys[whole.id])
    await lose(world)
    world.shop.status = 200
    items = known(world)
    for one in items:
        amount = {"amount": 10_000} if one["id"] == part.id else {}
        one["asked"] = [{"key": keys[one["id"]], "at": at} | amount]
    await hand_over(world, items)
    await world.live(120)

    assert await world.state(whole.id) == "refunded", "a full cancel may be asked again: it answers that it was done"
    assert world.book(whole).refunded == 55_000
    assert await world.cases(part.id) == ["refund_unknown"]
    assert (await gap(world))["state"] == "waiting", "a person ends it"
    told = {"url": SHOP_URL, "who": "operator:kim", "unheard": False}
    await end_gap(world.context, reason="the case names the refund", **told)
    assert (await world.refund(part.id, 10_000, key=key_of(world, 3))).json()["code"] == "pending_outcome"
    assert world.book(part).refunded == 10_000


async def test_a_refund_that_never_arrived_before_the_backup_is_not_made_by_a_restore(any_world):
    """The shop asked in vain while the bridge was down, and nobody asked again: what had arrived is in the backup."""
    world = any_world
    kept, late = await world.buy(), await world.buy()
    at = int(world.clock.now().timestamp())
    old, new = key_of(world, 1), key_of(world, 2)
    await world.clock.forward(2 * 3600)
    await world.beat()
    keep(world)
    await world.clock.forward(60)
    asked = {
        kept.id: {"key": old, "at": at},
        late.id: {"key": new, "at": int(world.clock.now().timestamp())},
    }
    await lose(world)
    await hand_over(world, [one | {"asked": [asked[one["id"]]]} for one in known(world)])
    await until_the_gap_ends(world)

    assert [await world.state(one.id) for one in (kept, late)] == ["paid", "refunded"]
    assert [world.book(one).refunded for one in (kept, late)] == [0, 55_000]


async def test_what_the_shop_says_without_an_attestation_moves_nothing_and_is_a_persons(any_world):
    world = any_world
    paid, opened = await world.buy(), await world.checkout()
    await world.beat()
    keep(world)
    await lose(world)
    (told,) = known(world)
    forged = [
        told | {"state": "refunded", "refunded": 55_000, "version": 99, "seq": 9},
        told | {"id": opened.payment, "state": "paid", "version": 50, "seq": 5},
        told | {"id": "01nobody", "state": "paid", "version": 5, "attestation": ""},
    ]
    said = await hand_over(world, forged)

    assert said["outcomes"] == {"unproven": 2, "lost": 1}
    assert (await world.payment(paid.id)).refunded == 0
    assert await world.cases(paid.id) == ["refund_unknown"]
    assert await world.state(opened.payment) == "needs_human"
    assert await world.entries(opened.payment) == []
    shown = await gap(world)
    assert [one["payment"] for one in shown["lost"]] == ["01nobody"]
    await world.live(60)
    assert (await gap(world))["state"] == "waiting"


async def test_an_attestation_of_another_payment_site_or_key_is_none(world):
    first, second = await world.buy(), await world.buy()
    await world.beat()
    keep(world)
    await world.refund(first.id, key=key_of(world, 1))
    await world.refund(second.id, key=key_of(world, 2))
    await world.beat()
    await lose(world)
    one, other = known(world)
    said = await hand_over(
        world, [one | {"attestation": other["attestation"]}, other | {"attestation": other["attestation"][:-8]}]
    )

    assert said["outcomes"] == {"unproven": 2}
    assert (await world.payment(first.id)).refunded == 0


async def test_notices_are_kept_meanwhile_and_have_their_effect_afterwards(any_world):
    world = any_world
    _, waits = await waiting(world)
    await world.beat()
    keep(world)
    bought = await world.buy()
    await world.beat()
    await lose(world)
    for fields in (deposit(world, waits), card(world, bought), card(world, bought, mbrRefNo="INNOBOOK")):
        assert (await world.post_notice(fields)).status_code == 200
    assert await world.state(waits.id) == "awaiting_deposit"
    assert len(await world.all("SELECT id FROM notices WHERE state = 'pending'")) == 3

    await hand_over(world)
    await world.live(60)
    assert await world.state(waits.id) == "paid"
    assert await world.state(bought.id) == "paid"
    assert await world.entries(bought.id) == [("capture", 55_000, "E1")]
    (lost,) = (await gap(world))["lost"]
    assert lost["payment"] == "INNOBOOK"
    assert "approved, 55000 KRW" in lost["detail"]


async def test_a_browser_or_a_gateway_that_knows_a_lost_payment_makes_it_a_persons(world):
    keep(world)
    lost = await world.checkout()
    coming = await world.authenticate(lost)
    payment = await world.payment(lost.payment)
    await world.go(coming)
    await world.quiet()
    world.shop.news.clear()
    await lose(world)
    await hand_over(world, [])
    await until_the_gap_ends(world)

    page = await world.go(coming)
    assert page.status_code == 503
    assert "다시 결제하지 마세요" in page.text
    assert (await world.post_notice(card(world, payment))).status_code == 404
    shown = await gap(world)
    assert {one["payment"] for one in shown["lost"]} == {lost.payment, payment.merchant_ref}
    assert shown["missing"] == ["2 payments are in no book: look them up in the gateway's console"]
    told = {"url": SHOP_URL, "who": "operator:kim", "unheard": False}
    shown = await end_gap(world.context, reason="found in the console, given back there", **told)
    assert shown["lost"] == []


async def test_a_person_ends_a_gap_only_with_a_reason_and_when_nothing_is_left_to_settle(world):
    paid, opened = await world.buy(), await world.checkout()
    await world.beat()
    keep(world)
    await lose(world)
    context, told = world.context, {"url": SHOP_URL, "who": "operator:kim", "unheard": False}
    with pytest.raises(Exception, match="not handed over"):
        await end_gap(context, reason="compared with the console", **told)
    with pytest.raises(Exception, match="at least"):
        await end_gap(context, reason="ok", **told)
    with pytest.raises(Exception, match="no site"):
        await end_gap(context, reason="compared with the console", **(told | {"url": "http://nowhere.test"}))
    await hand_over(world)
    with pytest.raises(Exception, match="neither settled nor a case"):
        await end_gap(context, reason="compared with the console", **told)
    await world.live(700, step=20)
    shown = await end_gap(context, reason="compared with the console", **told)

    assert shown["state"] == "ended"
    assert (await world.refund(paid.id, key=key_of(world, 1))).json()["state"] == "done"
    assert opened


@pytest.mark.parametrize(("state", "holds"), [(State.AWAITING_DEPOSIT, False), (State.OPEN, True)])
async def test_an_account_that_is_being_closed_holds_no_gap_open(desk, state, holds):
    at = await desk("Accounts")
    payment = await at.payment_in(state)
    await at.operation(payment, Kind.PROBE, Step.UNKNOWN)
    held_by = await at.world.context.ledger.read(lambda turn: unsettled(turn, payment.site))

    assert (payment.id in held_by) is holds


@pytest.mark.parametrize(("step", "holds"), [(Step.NEEDS_HUMAN, False), (Step.UNKNOWN, True)])
@pytest.mark.parametrize("awaits", [Kind.UNDO, Kind.REFUND])
async def test_what_is_a_persons_holds_no_gap_open_nor_does_a_notice_that_waits_for_it(desk, awaits, step, holds):
    """Its case is as old as the backup, and the shop sold beside it before."""
    at = await desk("Accounts")
    payment = await at.payment_in(State.VOIDING if awaits is Kind.UNDO else State.PAID)
    await at.operation(payment, awaits, step)
    told = StoredNotice("01waits", payment.site, "teller", "feedback", "once", "", "sealed", 1, payment=payment.id)
    await at.write(lambda turn, _: notices.store(turn, told))

    held_by = await at.world.context.ledger.read(lambda turn: unsettled(turn, payment.site))
    assert (payment.id in held_by) is holds


async def test_a_shop_that_will_never_answer_can_be_ended_unheard(world):
    await world.buy()
    keep(world)
    await lose(world)
    told = {"url": SHOP_URL, "who": "operator:kim", "reason": "the shop was closed for good"}
    shown = await end_gap(world.context, unheard=True, **told)

    assert (shown["state"], shown["ended_by"]) == ("ended", "operator:kim")


async def test_a_site_that_was_never_restored_has_no_gap(world):
    assert (await world.call("GET", "/v1/reconciliation")).json() == {"gap": False}
    assert await hand_over(world, []) == {"gap": False}
    assert await show_gaps(world.context) == []
    with pytest.raises(Exception, match="never restored"):
        await end_gap(world.context, url=SHOP_URL, who="operator:kim", reason="nothing happened", unheard=False)


async def test_the_same_page_twice_changes_nothing(any_world):
    world = any_world
    await world.buy()
    await world.beat()
    keep(world)
    bought = await world.buy()
    await world.beat()
    await lose(world)
    first = await hand_over(world, complete=False)
    version = (await world.payment(bought.id)).version
    second = await hand_over(world, complete=False)

    assert first["outcomes"] == second["outcomes"] == {"revived": 1, "same": 1}
    assert (first["complete"], second["complete"]) == (False, False), "a page that is not the last settles nothing"
    assert (await world.payment(bought.id)).version == version
    await world.check_books()


async def test_the_same_backup_restored_once_more_is_told_apart(world):
    await world.buy()
    keep(world)
    told = []
    for _ in range(2):
        await lose(world)
        told.append((await world.call("GET", "/v1/reconciliation")).json())

    assert told[0]["since"] == told[1]["since"]
    assert told[0]["restored_at"] < told[1]["restored_at"]
