"""Virtual accounts without a window, closed before their deposit; refunds by transfer to an account an operator has."""

import json

import pytest

from bridge.domain.failures import RefundRefused
from bridge.domain.payment import Account
from bridge.flows.manage_sites import change_settings
from bridge.flows.refund import RefundWish, once_of_command, refund
from tests.support.teller import TELLER

TO = Account("088", "110-123-456789", "김예매")


@pytest.fixture
async def counter(world):
    """A site whose gateway issues accounts."""
    await world.pair_teller("Accounts")
    return world


async def issue(world, *, days=3, once="", **changes):
    body = {"order": world.order(), "bank": "04", "due": world.hold(days * 86_400), "actor": "buyer"} | changes
    return await world.call("POST", "/v1/accounts", body, key=once)


async def waiting(world):
    answer = await issue(world)
    assert answer.json()["state"] == "awaiting_deposit", answer.text
    return await world.payment(answer.json()["id"])


async def void(world, payment, once=""):
    return await world.call("POST", f"/v1/payments/{payment.id}/void", {"actor": "wp:7"}, key=once)


async def deposited(world):
    payment = await waiting(world)
    world.teller.capture(payment.merchant_ref)
    await world.tell("deposited", payment, account_number=payment.account["number"])
    await world.quiet()
    assert await world.state(payment.id) == "paid"
    return await world.payment(payment.id)


async def transfer(world, payment, amount=None, key="ab" * 16, account=TO):
    site = world.context.sites.get(payment.site)
    wish = RefundWish(payment.id, amount, "공연 취소", "operator:haneul", capped=False, account=account)
    return await refund(world.context, site, wish, once_of_command(world.context, key, "digest"))


async def test_an_account_is_issued_once_and_waits_for_its_deposit(counter):
    world = counter
    order = world.order()
    first = await issue(world, order=order, once="ab" * 16)
    again = await issue(world, order=order, once="ab" * 16)

    assert (first.status_code, first.json()["account"]["number"]) == (201, "04-1001")
    assert again.json()["id"] == first.json()["id"]
    assert world.teller.calls["account"] == 1
    await world.beat()
    assert "payment.awaiting_deposit" in world.shop.kinds()


async def test_an_account_nobody_issues_or_until_never_is_refused(counter):
    world = counter
    assert (await issue(world, days=31)).json()["code"] == "malformed"
    assert (await issue(world, days=-1)).json()["code"] == "malformed"
    world.teller.fail("account", "no")
    assert (await issue(world)).json()["state"] == "declined"
    await world.pair_teller("Asked", url="http://other.test")
    assert (await issue(world)).json()["code"] == "gateway_unavailable"


async def test_an_account_is_closed_before_its_deposit_and_the_order_is_free_again(counter):
    world = counter
    payment = await waiting(world)
    closed = await void(world, payment, once="cd" * 16)
    again = await void(world, payment, once="cd" * 16)

    assert (closed.status_code, closed.json()["state"], again.json()["state"]) == (200, "voided", "voided")
    assert (closed.json()["void"]["may"], closed.json()["void"]["state"]) == (False, "closed")
    assert world.teller.of(payment.merchant_ref).withdrawn
    assert world.teller.calls["account_void"] == 1
    events = [row["event"] for row in await world.all("SELECT event FROM audit WHERE payment = ?", payment.id)]
    assert events.count("account.void_sent") == 1, "the timeline says when it was asked for"
    assert (await void(world, payment)).json()["code"] == "not_now"


async def test_an_account_with_money_in_it_stays_and_its_deposit_counts(counter):
    world = counter
    payment = await waiting(world)
    world.teller.capture(payment.merchant_ref)
    kept = await void(world, payment)

    assert (kept.status_code, kept.json()["state"]) == (202, "awaiting_deposit")
    shown = (await world.call("GET", f"/v1/payments/{payment.id}")).json()
    assert any(row["event"] == "account.not_voided" for row in shown["timeline"])
    refused = {"may": True, "state": "refused", "code": "deposited", "message": "입금된 계좌예요"}
    assert (kept.json()["void"], shown["void"]) == (refused, refused)
    assert (await void(world, payment)).status_code == 202


async def test_a_closing_whose_answer_is_lost_is_asked_again_until_it_is_known(counter):
    world = counter
    payment = await waiting(world)
    world.teller.fail("account_void", "lost_after", "odd")
    lost = await void(world, payment)

    assert (lost.status_code, lost.json()["state"]) == (202, "awaiting_deposit")
    assert lost.json()["void"]["state"] == "asking"
    assert lost.json()["void"]["why"] == "앞선 처리의 결과를 아직 확인하고 있어요."
    assert (await void(world, payment)).json()["code"] == "pending_outcome"
    await world.live(120, step=5)
    assert await world.state(payment.id) == "voided"
    assert "payment.failed" in await world.told(payment.id)


async def test_a_repeated_closing_that_could_not_be_sent_says_nothing_of_the_first_and_is_tried_later(counter):
    world = counter
    payment = await waiting(world)
    world.teller.fail("account_void", "lost_before")
    await void(world, payment)
    world.net.down.add(f"{TELLER}:80")
    await world.live(130, step=10)
    (closing,) = [one for one in await world.operations(payment.id) if one.kind == "probe"]
    assert (closing.step, closing.evidence) == ("unknown", "")
    assert closing.next_try_at > world.clock.now(), "it has its next time, and is not due for ever"
    world.net.down.clear()
    await world.live(130, step=10)

    assert await world.state(payment.id) == "voided"


async def test_a_closing_at_a_gateway_that_closes_none_any_more_is_given_up_at_the_accounts_end(counter):
    world = counter
    payment = await waiting(world)
    world.teller.always["account_void"] = "lost_before"
    await void(world, payment)
    await change_settings(world.context, url=world.site.url, settings={"teller": {"kind": "Asked"}})
    await world.live(130, step=10)
    (closing,) = [one for one in await world.operations(payment.id) if one.kind == "probe"]
    assert closing.next_try_at > world.clock.now()
    asked = world.teller.calls["account_void"]
    await world.clock.forward((payment.expires_at - world.clock.now()).total_seconds() + 1)
    await world.live(20, step=10)

    (closing,) = [one for one in await world.operations(payment.id) if one.kind == "probe"]
    assert (closing.step, world.teller.calls["account_void"]) == ("fail", asked)


async def test_a_closing_that_nobody_answers_is_tried_ever_more_seldom(counter):
    world = counter
    payment = await waiting(world)
    world.teller.always["account_void"] = "odd"
    await void(world, payment)
    await world.live(1_000, step=20)
    before = world.teller.calls["account_void"]
    await world.live(3_000, step=50)

    assert world.teller.calls["account_void"] - before <= 6, "every ten minutes"


async def test_a_closing_that_was_never_sent_may_be_asked_for_again(counter):
    world = counter
    payment = await waiting(world)
    assert (await world.call("GET", f"/v1/payments/{payment.id}")).json()["void"] == {"may": True}
    world.net.down.add(f"{TELLER}:80")
    assert (await void(world, payment)).json()["void"] == {"may": True, "state": "not_sent", "code": "", "message": ""}
    world.net.down.clear()
    assert (await void(world, payment)).json()["state"] == "voided"


async def test_why_an_account_cannot_be_closed_is_said_before_anybody_tries(counter):
    world = counter
    payment = await waiting(world)
    await change_settings(world.context, url=world.site.url, settings={"teller": {"kind": "Asked"}})
    shown = (await world.call("GET", f"/v1/payments/{payment.id}")).json()["void"]
    refused = await void(world, payment)
    paid = await world.checkout(world.order())

    assert shown == {"may": False, "why": refused.json()["message_ko"]}
    assert "저절로 끝나요" in shown["why"]
    assert "void" not in (await world.call("GET", f"/v1/payments/{paid.payment}")).json()


async def test_a_crash_while_closing_is_settled_by_asking_again(counter):
    world = counter
    payment = await waiting(world)
    world.teller.fail("account_void", "lost_before")
    await void(world, payment)
    await world.context.ledger.write(
        lambda turn: turn.run("UPDATE operations SET state = 'sent', owner = 'dead' WHERE kind = 'probe'")
    )
    await world.restart()
    await world.live(120, step=5)
    assert await world.state(payment.id) == "voided"


async def test_a_transfer_is_money_back_only_when_the_gateway_shows_it(counter):
    world = counter
    payment = await deposited(world)
    operation = await transfer(world, payment)

    assert (operation.step, operation.code) == ("unknown", "accepted")
    assert world.teller.sent_to == "088:110-123-456789:김예매"
    await world.live(180, step=30)
    assert await world.state(payment.id) == "paid", "registered is not made"
    assert (await transfer(world, payment)).id == operation.id, "the same key transfers once"
    world.teller.make_transfer()
    await world.live(180, step=30)
    assert await world.state(payment.id) == "refunded"
    assert ("refund", -payment.amount, "E4") in await world.entries(payment.id)
    assert world.teller.calls["transfer"] == 1


async def test_the_account_is_sealed_while_it_is_needed_and_gone_afterwards(counter):
    world = counter
    payment = await deposited(world)
    await transfer(world, payment, 10_000)
    for table in ("operations", "calls", "audit", "answers"):
        assert "110-123" not in json.dumps(await world.all(f"SELECT * FROM {table}"), default=str), table
    world.teller.make_transfer()
    await world.live(120, step=30)

    assert await world.state(payment.id) == "part_refunded"
    assert await world.all("SELECT id FROM operations WHERE kind = 'refund' AND context_sealed <> ''") == []


async def test_a_transfer_that_failed_or_was_refused_frees_the_money_again(counter):
    world = counter
    payment = await deposited(world)
    world.teller.fail("transfer", "no")
    assert (await transfer(world, payment)).step == "fail"
    await transfer(world, payment, key="cd" * 16)
    world.teller.make_transfer("failed")
    await world.live(120, step=30)

    assert await world.state(payment.id) == "paid"
    assert (await transfer(world, payment, key="ef" * 16)).code == "accepted"


async def test_a_transfer_whose_registration_is_lost_is_found_by_its_status_and_ends_like_any(counter):
    world = counter
    payment = await deposited(world)
    world.teller.fail("transfer", "lost_after")
    await transfer(world, payment)
    await world.live(30, step=5)
    (refund,) = (await world.call("GET", f"/v1/payments/{payment.id}")).json()["refunds"]
    assert (refund["state"], "message" in refund) == ("accepted", False)
    assert await world.state(payment.id) == "paid", "registered is not made"
    world.teller.make_transfer()
    await world.live(120, step=30)

    assert await world.state(payment.id) == "refunded"
    assert ("refund", -payment.amount, "E4") in await world.entries(payment.id)
    assert (world.teller.calls["transfer"], world.teller.calls["transfer_search"]) == (1, 1)
    assert await world.all("SELECT id FROM cases") == []
    await world.check_books()


@pytest.mark.parametrize(("became", "state"), [("done", "refunded"), ("failed", "paid")])
async def test_a_lost_registration_whose_transfer_has_ended_already_ends_by_what_its_status_shows(
    counter, became, state
):
    world = counter
    payment = await deposited(world)
    world.teller.always["transfer_search"] = "odd"
    world.teller.fail("transfer", "lost_after")
    await transfer(world, payment)
    await world.quiet()
    world.teller.make_transfer(became)
    world.teller.always.clear()
    await world.live(30, step=5)

    assert await world.state(payment.id) == state
    (operation,) = [one for one in await world.operations(payment.id) if one.kind == "refund"]
    assert operation.evidence == "E4"
    await world.check_books()


async def test_a_registration_that_is_not_found_is_a_persons_after_the_quiet_period_and_is_never_sent_again(counter):
    world = counter
    payment = await deposited(world)
    world.teller.fail("transfer", "lost_before")
    await transfer(world, payment)
    await world.live(110, step=10)
    assert await world.cases(payment.id) == []
    await world.live(120, step=10)
    assert await world.cases(payment.id) == ["refund_unknown"]
    (operation,) = [one for one in await world.operations(payment.id) if one.kind == "refund"]
    assert operation.step == "needs_human", "not found is no proof"
    searched = world.teller.calls["transfer_search"]
    await world.live(1_300, step=100)

    assert world.teller.calls["transfer"] == 1
    assert world.teller.calls["transfer_search"] == searched + 2, "it is looked for still, every ten minutes"
    world.teller.transfers[operation.ref], world.teller._pending = "registered", (payment.merchant_ref, payment.amount)
    world.teller.make_transfer()
    await world.live(700, step=100)
    assert (await world.state(payment.id), await world.cases(payment.id)) == ("refunded", [])


async def test_a_status_that_nobody_answers_leaves_a_lost_registration_to_a_person_when_it_has_taken_too_long(counter):
    world = counter
    payment = await deposited(world)
    world.teller.always["transfer_search"] = "odd"
    world.teller.fail("transfer", "lost_after")
    await transfer(world, payment)
    late = counter.context.sites.get(payment.site).gateway(payment.gateway).human_after_seconds
    await world.live(late - 100, step=20)
    assert await world.cases(payment.id) == []
    await world.live(200, step=20)

    assert await world.cases(payment.id) == ["refund_unknown"]
    assert world.teller.calls["transfer"] == 1


async def test_a_status_that_says_nothing_is_asked_again(counter):
    world = counter
    payment = await deposited(world)
    await transfer(world, payment)
    world.teller.always["transfer_status"] = "odd"
    await world.live(300, step=30)
    assert await world.state(payment.id) == "paid"
    world.teller.always.clear()
    world.teller.make_transfer()
    await world.live(4_000, step=200)
    assert await world.state(payment.id) == "refunded"


async def test_a_gateway_without_transfers_says_so_and_a_site_names_no_account(world):
    await world.pair_teller("AskedAndUndone")
    payment = await world.buy_at_teller()
    assert await world.state(payment.id) == "paid"
    with pytest.raises(RefundRefused, match="makes no transfers"):
        await transfer(world, payment)
    asked = await world.refund(payment.id, account={"bank": "088", "number": "110", "holder": "김예매"})
    assert (asked.status_code, asked.json()["code"]) == (400, "malformed")
