"""Books that cannot be read after something was sent are no word that nothing was done: nobody asks for it anew."""

import pytest

from bridge.domain.failures import Busy
from tests.flows.test_accounts import void, waiting
from tests.flows.test_billing import ANNA, charge, issued
from tests.flows.test_receipts import cancel, issue, paid
from tests.support.world import World

__all__ = ["paid"]

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
