"""Books that cannot be read after something was sent are no word that nothing was done: nobody asks for it anew."""

import asyncio
from types import SimpleNamespace

import pytest

from bridge.domain.failures import Busy
from bridge.flows import approve
from bridge.flows.finish_checkout import see_approved
from tests.flows.test_accounts import void, waiting
from tests.flows.test_billing import ANNA, charge, issued
from tests.flows.test_plans import change, register
from tests.flows.test_receipts import cancel, issue, paid
from tests.flows.test_services import escrow
from tests.flows.test_services import paid as in_escrow
from tests.support.world import World

__all__ = ["in_escrow", "paid"]

CARD = {"number": "4111111111111111", "expires": "3012"}
NO_WORD = "다시 요청하지 말고"


@pytest.fixture
async def charging(world: World) -> World:
    """A site whose gateway charges keys and typed cards, and refunds."""
    await world.pair_teller("TypedCardsUndone", card_entry="on")
    return world


def shut(world, monkeypatch, op):
    """Let the books be unreadable from the moment on in which the gateway hears of an operation."""
    read = world.context.ledger.read

    async def broken(work):
        if world.teller.calls[op]:
            raise Busy("for a moment")
        return await read(work)

    monkeypatch.setattr(world.context.ledger, "read", broken)


def unread(answer):
    """Whether an answer says that nobody knows, and does not say that nothing was done."""
    told = answer.json()
    return answer.status_code == 503 and told["code"] == "outcome_unread" and NO_WORD in told["message_ko"]


async def test_a_charge_that_was_sent_is_not_said_to_be_nothing(charging, monkeypatch):
    world, order, once = charging, charging.order(), "ab" * 16
    key = await issued(world)
    shut(world, monkeypatch, "charge")
    lost = await charge(world, key, order=order, once=once)
    monkeypatch.undo()
    await world.quiet()
    again = await charge(world, key, order=order, once=once)

    assert unread(lost), lost.text
    assert (again.json()["state"], world.teller.calls["charge"]) == ("paid", 1)
    await world.check_books()


async def test_a_repeat_of_a_charge_that_was_made_is_not_said_to_be_nothing(charging, monkeypatch):
    world, once = charging, "ab" * 16
    body = {"order": world.order(), "card": CARD, "actor": "wp:7"}
    assert (await world.call("POST", "/v1/card-payments", body, key=once)).json()["state"] == "paid"
    shut(world, monkeypatch, "key_in")

    assert unread(await world.call("POST", "/v1/card-payments", body, key=once))


async def test_a_charge_is_not_said_to_be_nothing_where_a_notice_that_overtook_it_cannot_be_read_again(
    charging, monkeypatch
):
    """The heartbeat takes the notice up; that it waits is no word about the charge."""
    world, once = charging, "ab" * 16

    async def busy(*_):
        raise Busy("for a moment")

    key = await issued(world)
    monkeypatch.setattr(approve, "notices", SimpleNamespace(pending_of=lambda *_: [None]))
    monkeypatch.setattr(approve, "replay_notice", busy)
    shut(world, monkeypatch, "charge")

    assert unread(await charge(world, key, once=once))


async def test_a_plan_that_is_being_made_or_stopped_is_not_said_to_be_as_it_was(world, monkeypatch):
    await world.pair_teller("Planning")
    once = "ab" * 16
    shut(world, monkeypatch, "plan")
    lost = await register(world, once=once)
    monkeypatch.undo()
    await world.quiet()
    found = (await register(world, once=once)).json()
    shut(world, monkeypatch, "plan")
    unsaid = await change(world, found["id"], "end")

    assert unread(lost), lost.text
    assert unread(unsaid), unsaid.text
    assert (found["state"], world.teller.calls["plan"]) == ("waiting", 1)


async def test_the_answer_to_a_step_of_an_escrow_is_written_down_once_the_books_take_it(world, in_escrow, monkeypatch):
    write, refused = world.context.ledger.write, []

    async def broken_once(work):
        if world.teller.calls["escrow"] and not refused:
            refused.append(work)
            raise Busy("for a moment")
        return await write(work)

    monkeypatch.setattr(world.context.ledger, "write", broken_once)
    asking = asyncio.ensure_future(escrow(world, in_escrow, "delivery", courier="EPOST"))
    await world.until(lambda: refused)
    await world.live(3, step=1)
    told = (await asking).json()

    assert (told["state"], told["message"], world.teller.calls["escrow"]) == ("delivery", "EPOST", 1)


async def test_a_step_of_an_escrow_that_was_sent_is_not_said_to_be_nothing(world, in_escrow, monkeypatch):
    shut(world, monkeypatch, "escrow")

    assert unread(await escrow(world, in_escrow, "delivery", courier="EPOST"))


async def test_a_typed_card_that_was_sent_is_not_said_to_be_nothing(charging, monkeypatch):
    world, once = charging, "ab" * 16
    body = {"order": world.order(), "card": CARD, "actor": "wp:7"}
    shut(world, monkeypatch, "key_in")
    lost = await world.call("POST", "/v1/card-payments", body, key=once)
    monkeypatch.undo()
    await world.quiet()
    again = await world.call("POST", "/v1/card-payments", body, key=once)

    assert unread(lost), lost.text
    assert (again.json()["state"], world.teller.calls["key_in"]) == ("paid", 1)
    await world.check_books()


async def test_a_refund_that_was_sent_is_not_said_to_be_nothing(charging, monkeypatch):
    world, once = charging, "ab" * 16
    body = {"order": world.order(), "card": CARD, "actor": "wp:7"}
    payment = (await world.call("POST", "/v1/card-payments", body)).json()["id"]
    shut(world, monkeypatch, "refund")
    lost = await world.refund(payment, 10_000, key=once)
    monkeypatch.undo()
    await world.quiet()
    again = await world.refund(payment, 10_000, key=once)

    assert unread(lost), lost.text
    assert (again.json()["state"], world.teller.calls["refund"]) == ("done", 1)
    await world.check_books()


async def test_an_account_that_is_being_stopped_is_not_said_to_be_as_it_was(world, monkeypatch):
    await world.pair_teller("Accounts")
    payment, once = await waiting(world), "ab" * 16
    shut(world, monkeypatch, "account_void")
    lost = await void(world, payment, once=once)
    monkeypatch.undo()
    await world.quiet()
    again = await void(world, payment, once=once)

    assert unread(lost), lost.text
    assert (again.json()["state"], world.teller.calls["account_void"]) == ("voided", 1)
    await world.check_books()


async def test_a_key_that_is_being_deleted_is_not_said_to_be_as_it_was(charging, monkeypatch):
    world, once = charging, "ab" * 16
    key = await issued(world)
    shut(world, monkeypatch, "key_delete")
    lost = await world.call("DELETE", f"/v1/billing-keys/{key}", {"customer": ANNA}, key=once)
    monkeypatch.undo()
    await world.quiet()
    again = await world.call("DELETE", f"/v1/billing-keys/{key}", {"customer": ANNA}, key=once)

    assert unread(lost), lost.text
    assert (again.json()["state"], world.teller.calls["key_delete"]) == ("deleted", 1)


async def test_a_receipt_that_is_being_issued_or_cancelled_is_not_said_to_be_as_it_was(world, paid, monkeypatch):
    once = "ab" * 16
    shut(world, monkeypatch, "receipt")
    lost = await issue(world, paid, once=once)
    monkeypatch.undo()
    await world.quiet()
    found = (await issue(world, paid, once=once)).json()
    shut(world, monkeypatch, "receipt_cancel")
    unsaid = await cancel(world, found["id"])
    monkeypatch.undo()
    await world.quiet()
    gone = (await world.call("GET", f"/v1/cash-receipts/{found['id']}")).json()

    assert unread(lost), lost.text
    assert unread(unsaid), unsaid.text
    assert (found["state"], gone["state"]) == ("issued", "cancelled")
    assert (world.teller.calls["receipt"], world.teller.calls["receipt_cancel"]) == (1, 1)


async def test_where_the_books_did_not_take_the_intent_it_is_still_said_that_nothing_was_sent(charging, monkeypatch):
    world = charging
    write = world.context.ledger.write
    many = []

    async def broken(work):
        many.append(work)
        if len(many) == 1:  # the payment itself; the second would be the intent to charge
            return await write(work)
        raise Busy("for a moment")

    async def unreadable(_):
        raise Busy("for a moment")

    body = {"order": world.order(), "card": CARD, "actor": "wp:7"}
    monkeypatch.setattr(world.context.ledger, "write", broken)
    monkeypatch.setattr(world.context.ledger, "read", unreadable)
    no = await world.call("POST", "/v1/card-payments", body)
    monkeypatch.undo()

    assert (no.status_code, no.json()["code"], world.teller.calls["key_in"]) == (503, "busy", 0)


async def test_whoever_comes_back_hears_that_it_is_paid_also_where_only_another_word_than_its_own_was_taken(charging):
    """Its notice was in the books before its approval, which they refused."""
    world, site = charging, charging.context.sites.get(charging.site.id)
    payment = await world.buy_at_teller()

    async def refused():
        raise Busy("for a moment")

    assert (await see_approved(world.context, site, payment, refused())).payment.state == "paid"
