"""What stood on a gateway's notice when the books were lost: it comes back with its notice, which counts once."""

import json
from dataclasses import replace

import pytest

from bridge.flows.attest import attest, read_attestation
from bridge.flows.check_invariants import check_everything
from bridge.flows.record import Recorder
from bridge.ledger import notices
from bridge.ledger.notices import StoredNotice
from tests.flows.test_cancel_notices import paid
from tests.flows.test_deposits import deposit, waiting
from tests.flows.test_gap import gap, until_the_gap_ends
from tests.flows.test_gap_receipts import known as pulled
from tests.support.disaster import hand_over, keep, lose

__all__ = ["paid"]


async def paid_after_the_backup(world):
    """An account is paid into after the backup, and the shop hears of it."""
    _, waits = await waiting(world)
    await world.beat()
    keep(world)
    told = deposit(world, waits)
    assert (await world.post_notice(told)).status_code == 200
    await world.quiet()
    await world.beat()
    assert await world.state(waits.id) == "paid"
    await lose(world)
    return waits, told


async def stands(world, payment):
    assert await world.state(payment.id) == "paid"
    assert await world.entries(payment.id) == [("capture", 55_000, "E7")]
    assert await world.cases(payment.id) == []
    assert (await gap(world))["state"] == "ended"
    assert (await check_everything(world.context, 0)).found == ()


@pytest.mark.parametrize("again", ["never", "in the gap", "afterwards"])
async def test_a_deposit_that_is_revived_has_its_notice_and_is_told_again_in_vain(world, again):
    waits, told = await paid_after_the_backup(world)
    if again == "in the gap":
        assert (await world.post_notice(told)).status_code == 200
    await hand_over(world)
    await until_the_gap_ends(world)
    if again == "afterwards":
        assert (await world.post_notice(told)).status_code == 200
        await world.quiet()
    await world.live(120, step=10)

    await stands(world, waits)
    (kept,) = await world.all("SELECT state, payment, raw_sealed FROM notices")
    assert (kept["state"], kept["payment"]) == ("done", waits.id)


async def test_a_notice_still_without_effect_is_not_attested_as_one_that_had_it(world):
    """It would count as known when the gateway tells it again, and its money would be forgotten."""
    _, waits = await waiting(world)
    owed = StoredNotice(
        "01waits", world.site.id, "mainpay", "deposit", "told-once", "127.0.0.1", "sealed", 1, payment=waits.id
    )
    await world.context.ledger.write(lambda turn: notices.store(turn, owed))

    async def attested(hearing):
        vault, site = world.context.vault, world.site.id
        text = await world.context.ledger.read(lambda turn: attest(turn, vault, site, waits.id, None, hearing))
        return [one["dedupe"] for one in read_attestation(vault, site, waits.id, text)["notices"]]

    assert await attested("") == []
    assert await attested("01waits") == ["told-once"], "the news is of its effect"
    await world.context.ledger.write(lambda turn: notices.settle(turn, "01waits", "done", "paid", 2))
    assert await attested("") == ["told-once"]


async def test_a_case_that_a_notice_opened_comes_back_though_nothing_of_the_payment_had_moved(paid):
    """The gateway tells it no more, and cannot be asked: what went back in its console would be in no books."""
    world, payment = paid
    await world.beat()
    version = (await world.payment(payment.id)).version
    keep(world)
    await world.tell("part_cancelled", payment, amount=35_000, readings="20000 35000")
    assert await world.cases(payment.id) == ["external_cancel"]
    clerk_looked = await pulled(world, payment.id)
    assert clerk_looked["version"] == version
    await lose(world)
    await hand_over(world, [clerk_looked])
    await hand_over(world, [clerk_looked])
    await world.live(60, step=10)

    assert await world.cases(payment.id) == ["external_cancel"]
    assert [row["outcome"] for row in await world.all("SELECT outcome FROM gap_payments")] == ["revived"]
    assert (await check_everything(world.context, 0)).found == ()


async def test_the_late_notice_of_money_that_came_and_went_is_known_though_that_came_back_from_the_shop(world):
    """The cancel overtook the payment's own notice, which would be money in the books that the gateway has not."""
    await world.pair_teller("SelfTold")
    payment = await world.payment((await world.checkout()).payment)
    await world.beat()
    keep(world)
    world.teller.capture(payment.merchant_ref).refunds.append(55_000)
    await world.tell("cancelled", payment)
    await world.beat()
    await lose(world)
    await hand_over(world)
    await world.live(60, step=10)
    assert await world.state(payment.id) == "voided"
    await world.tell("approved", payment)
    await world.quiet()

    assert await world.entries(payment.id) == []
    assert await world.cases(payment.id) == []
    await world.check_books()


async def test_the_case_about_what_is_missing_beside_a_cancel_comes_back_with_the_news_of_that_cancel(paid):
    """It was opened after the news had been written; the gateway tells it no more, and cannot be asked."""
    world, payment = paid
    await world.beat()
    keep(world)
    await world.tell("part_cancelled", payment, amount=10_000, left=20_000)
    await world.beat()
    assert (await world.told(payment.id), await world.cases(payment.id)) == (
        ["payment.paid", "payment.refunded"],
        ["external_cancel"],
    )
    await lose(world)
    await hand_over(world)
    await world.live(60, step=10)

    assert (await world.payment(payment.id)).refunded == 10_000
    assert await world.cases(payment.id) == ["external_cancel"]
    (case,) = (await world.call("GET", "/v1/cases")).json()["items"]
    assert case["amount"] == 25_000
    assert (await check_everything(world.context, 0)).found == ()


async def test_news_that_attests_a_later_case_too_does_not_attest_the_notice_that_opened_it_and_waits(world):
    """Its money would be forgotten: restored from that news, the books would know the notice as one that counted."""
    _, waits = await waiting(world)
    owed = StoredNotice("01waits", world.site.id, "mainpay", "card", "once", "127.0.0.1", "sealed", 1, payment=waits.id)
    await world.context.ledger.write(lambda turn: notices.store(turn, owed))
    site = world.context.sites.get(world.site.id)
    hearing = replace(Recorder.now(world.context, site), hearing="01waits")
    await world.context.ledger.write(lambda turn: hearing.case(turn, waits, "unknown_outcome", "decide there first"))

    (row,) = await world.all("SELECT body FROM news WHERE state = 'waiting'")
    text = json.loads(row["body"])["payment"]["attestation"]
    said = read_attestation(world.context.vault, world.site.id, waits.id, text)
    assert ([one["reason"] for one in said["cases"]], said["notices"]) == (["unknown_outcome"], [])
