"""Cash receipts after a restore: what the books once sealed comes back, and what nobody handed over asks a person."""

import json
from datetime import timedelta

import pytest

from bridge.flows.attest import read_attestation
from bridge.flows.decide_case import report
from bridge.flows.reconcile import show_gaps
from tests.flows.test_receipts import PHONE, buy_by_transfer, cancel, issue, paid
from tests.support.disaster import hand_over, keep, key_of, lose

__all__ = ["paid"]


async def shown(world, payment):
    """The payment as the plugin pulls it after a clerk's deed, and keeps it."""
    return (await world.call("GET", f"/v1/payments/{payment}")).json()


async def known(world, payment):
    """What the shop hands over of the payment, by what it pulled last."""
    pulled = await shown(world, payment)
    names = ("id", "state", "version", "amount", "refunded", "attestation")
    return {name: pulled[name] for name in names} | {"seq": 1}


async def receipts(world, payment):
    """The receipts in the books: their states, and whether whose number they bear is known."""
    rows = await world.all(f"SELECT state, identity_sealed FROM receipts WHERE payment = '{payment}' ORDER BY id")
    return [(row["state"], row["identity_sealed"] != "") for row in rows]


async def back_up(world):
    """Back up once all news is told, and let a minute pass."""
    await world.beat()
    keep(world)
    await world.clock.forward(60)


async def restore(world, *items):
    """Lose the books, hand over what the shop knows, and wait for the gap's end."""
    await lose(world)
    await hand_over(world, list(items))
    for _ in range(30):
        await world.live(30)
        if await ended(world):
            return
    raise AssertionError(await show_gaps(world.context))


async def ended(world):
    """Whether the gap has ended of the shop that handed over; the world's first one has nothing to tell."""
    return all(one["state"] in ("ended", "listening") for one in await show_gaps(world.context))


async def fresh(world, payment, number):
    """A clerk's new press after the restore."""
    return await issue(world, payment, once=key_of(world, number))


async def take_back(world, receipt):
    """A clerk's new press of the cancel after the restore."""
    return await world.call("DELETE", f"/v1/cash-receipts/{receipt}", key=key_of(world, 9))


async def look(world, payment):
    """A person has looked into the console and closes the case."""
    at = int(world.clock.now().timestamp() * 1000)
    closing = "UPDATE cases SET state = 'closed', closed_at = ? WHERE payment = ? AND reason = 'receipt_unknown'"
    await world.context.ledger.write(lambda turn: turn.run(closing, at, payment))


async def test_a_receipt_issued_after_the_backup_comes_back_and_is_issued_no_second_time(world, paid):
    await back_up(world)
    issued = (await issue(world, paid)).json()
    told = await known(world, paid)
    await restore(world, told)

    assert (await shown(world, paid))["cash_receipts"]["items"] == [issued]
    again = await fresh(world, paid, 1)
    assert (again.status_code, again.json()["code"]) == (409, "not_now")
    assert world.teller.calls["receipt"] == 1
    assert (await take_back(world, issued["id"])).json()["state"] == "cancelled"
    await world.check_books()


async def test_whose_number_a_receipt_bears_is_in_no_attestation_and_stays_where_the_backup_has_it(world, paid):
    await issue(world, paid)
    (asked,) = await world.all("SELECT site FROM receipts")
    await back_up(world)
    assert (await cancel(world, (await shown(world, paid))["cash_receipts"]["items"][0]["id"])).status_code == 200
    await issue(world, paid)
    told = await known(world, paid)
    rows = read_attestation(world.context.vault, asked["site"], paid, told["attestation"])
    assert [one["state"] for one in rows["receipts"]] == ["cancelled", "issued"]
    assert "identity" not in json.dumps(rows)
    assert PHONE not in json.dumps(rows)
    await restore(world, told)

    assert await receipts(world, paid) == [("cancelled", True), ("issued", False)]


async def test_words_that_may_hold_a_number_nobody_knows_any_more_are_not_kept(world, paid):
    await back_up(world)
    receipt = (await issue(world, paid)).json()["id"]
    await restore(world, await known(world, paid))
    world.teller.fail("receipt_cancel", "no")
    refused = (await take_back(world, receipt)).json()

    assert refused["state"] == "issued"
    assert refused["code"]
    assert "message" not in refused


async def test_what_no_attestation_covers_asks_a_person_once_before_a_receipt_is_issued(world, paid):
    told = await known(world, paid)
    await back_up(world)
    await issue(world, paid)
    await restore(world, told)

    assert (await shown(world, paid))["cash_receipts"]["may_issue"], "the press asks a person"
    for number in (1, 2):
        asked = await fresh(world, paid, number)
        assert (asked.status_code, asked.json()["code"]) == (409, "pending_outcome")
        assert await world.cases(paid) == ["receipt_unknown"]
    assert world.teller.calls["receipt"] == 1
    await look(world, paid)
    assert (await fresh(world, paid, 3)).json()["state"] == "issued"


async def test_a_person_is_asked_again_after_another_restore_of_the_same_backup(world, paid):
    """What was looked at after the first says nothing of what was issued since, and is lost by the second."""
    await back_up(world)
    await restore(world)
    await fresh(world, paid, 1)
    await look(world, paid)
    assert (await world.refund(paid, 10_000, key=key_of(world, 2))).json()["state"] == "done"
    told = await known(world, paid)
    assert (await fresh(world, paid, 3)).json()["state"] == "issued"
    await restore(world, told)

    assert (await fresh(world, paid, 4)).json()["code"] == "pending_outcome"
    assert world.teller.calls["receipt"] == 1


@pytest.mark.sqlite
async def test_a_person_is_asked_once_too_after_a_backup_that_ran_hours_ahead(world, paid):
    """By its clock every case was closed before the restore, for as long as it ran ahead."""
    told = await known(world, paid)
    world.clock.at += timedelta(hours=5)
    await world.live(10, step=5)
    keep(world)
    world.clock.set_back(5 * 3_600)
    await world.live(60, step=5)
    await restore(world, told)

    assert (await fresh(world, paid, 1)).json()["code"] == "pending_outcome"
    await look(world, paid)
    assert (await fresh(world, paid, 2)).json()["state"] == "issued"


async def test_a_payment_made_after_the_restore_gets_its_receipt_without_a_question(world, paid):
    await back_up(world)
    await restore(world)
    payment = await buy_by_transfer(world, world.order())

    assert (await fresh(world, payment, 1)).json()["state"] == "issued"


async def test_while_the_gap_lasts_no_receipt_is_issued_and_none_cancelled(world, paid):
    receipt = (await issue(world, paid)).json()["id"]
    await back_up(world)
    await lose(world)
    asked = [await fresh(world, paid, 1), await take_back(world, receipt)]

    assert [(one.status_code, one.json()["code"]) for one in asked] == [(503, "reconciling")] * 2
    assert (world.teller.calls["receipt"], world.teller.calls["receipt_cancel"]) == (1, 0)


@pytest.mark.parametrize("in_backup", [True, False])
async def test_a_receipt_without_an_answer_is_a_persons_when_the_gap_has_ended(world, paid, in_backup):
    async def issuing():
        receipt = (await issue(world, paid)).json()["id"]
        unanswered = "UPDATE receipts SET state = 'issuing', number = '', refs = '{}' WHERE id = ?"
        await world.context.ledger.write(lambda turn: turn.run(unanswered, receipt))

    if in_backup:
        await issuing()
    await back_up(world)
    if not in_backup:
        await issuing()
    told = await known(world, paid)
    await lose(world)
    await world.live(120, step=30)
    assert await receipts(world, paid) == ([("issuing", True)] if in_backup else []), "while the shop may know"
    await hand_over(world, [told])
    await world.live(120, step=10)

    assert await receipts(world, paid) == [("unknown", in_backup)]
    assert await world.cases(paid) == ["receipt_unknown"]
    assert await ended(world), "one receipt keeps no shop from selling"


@pytest.mark.parametrize("said", ["", "no", "lost_before"])
async def test_a_cancel_without_an_answer_is_sent_again_while_people_still_look_at_the_gap(world, paid, said):
    receipt = (await issue(world, paid)).json()["id"]
    world.teller.fail("receipt_cancel", "lost_before")
    assert (await cancel(world, receipt)).json()["state"] == "cancelling"
    await back_up(world)
    told = await known(world, paid)
    await lose(world)
    await report(world.context, paid, "two amounts differ in the console", "operator:haneul")
    await world.live(300, step=30)
    assert world.teller.calls["receipt_cancel"] == 1, "while the shop may know"
    if said:
        world.teller.fail("receipt_cancel", said)
    await hand_over(world, [told])
    await world.live(45, step=15)

    assert world.teller.calls["receipt_cancel"] == 2
    assert [state for state, _ in await receipts(world, paid)] == ["cancelling" if said else "cancelled"]
    assert not await ended(world)
    assert await world.cases(paid) == ["reported"], "one receipt keeps no shop from selling"
    await world.live(4_200, step=60)
    assert [state for state, _ in await receipts(world, paid)] == ["cancelled"]
