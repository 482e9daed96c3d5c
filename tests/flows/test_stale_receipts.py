"""Receipts whose answer nobody waits for: a cancel is sent again without anybody's press, and then it is a person's."""

import json
from itertools import pairwise

import pytest

from bridge.domain.failures import LedgerBroken
from bridge.flows import cancel_receipt
from bridge.flows.cancel_receipt import carry_out_cancel
from bridge.flows.issue_receipt import issuer_of
from bridge.flows.manage_sites import change_settings
from bridge.flows.move_receipt import hand_to_person, move_receipt
from bridge.flows.pace import RECEIPT_SECONDS
from bridge.flows.record import Recorder
from bridge.ledger import receipts, sites
from bridge.ledger.receipts import ReceiptState
from tests.flows.test_cases import decide
from tests.flows.test_receipts import cancel, issue, paid, story
from tests.flows.test_sites import keep_as_another_version_did
from tests.support.teller import TELLER

__all__ = ["paid"]


async def state(world, receipt):
    """What the books say of a receipt."""
    return (await world.call("GET", f"/v1/cash-receipts/{receipt}")).json()["state"]


@pytest.fixture
async def lost(world, paid):
    """A receipt whose cancel was sent, never arrived, and has no answer."""
    receipt = (await issue(world, paid)).json()["id"]
    world.teller.fail("receipt_cancel", "lost_before")
    assert (await cancel(world, receipt)).json()["state"] == "cancelling"
    return receipt


async def test_a_cancel_whose_answer_was_lost_is_sent_again_once_nobody_waits_for_it(world, paid, lost):
    await world.live(60, step=30)
    assert (await state(world, lost), world.teller.calls["receipt_cancel"]) == ("cancelling", 1)
    await world.live(60, step=30)

    assert (await state(world, lost), world.teller.calls["receipt_cancel"]) == ("cancelled", 2)
    assert await world.cases(paid) == []
    told = [(row["event"], row["actor"]) for row in await story(world, paid)][-3:]
    assert told == [(f"receipt.{name}", "bridge") for name in ("cancel_sent", "cancel_sent", "cancelled")]


async def test_a_crash_before_the_cancels_answer_leaves_it_to_nobodys_press(world, paid):
    receipt = (await issue(world, paid)).json()["id"]
    await world.context.ledger.write(
        lambda turn: turn.run("UPDATE receipts SET state = 'cancelling' WHERE id = ?", receipt)
    )
    await world.restart()
    await world.live(120, step=30)

    assert await state(world, receipt) == "cancelled"


@pytest.mark.parametrize("mended", [True, False])
async def test_a_cancel_whose_gateways_settings_are_refused_is_sent_once_they_are_mended(world, paid, lost, mended):
    (row,) = [one for one in await world.context.ledger.read(sites.all_gateways) if one["site"] == world.site.id]
    text = world.context.vault.open(row["settings_sealed"], f"gateway:{world.site.id}:teller")
    await keep_as_another_version_did(world, world.site.id, "teller", **json.loads(text), card_entry="maybe")
    await world.live(300, step=30)
    assert (await state(world, lost), await world.cases(paid)) == ("cancelling", [])
    if mended:
        await change_settings(world.context, url=world.site.url, settings={"teller": {"card_entry": "off"}})
    await world.live(4_000, step=60)

    assert await state(world, lost) == ("cancelled" if mended else "unknown")
    assert await world.cases(paid) == ([] if mended else ["receipt_unknown"])


@pytest.mark.parametrize("said", ["lost_before", "no"])
async def test_a_cancel_that_has_no_outcome_the_second_time_either_is_a_persons(world, paid, lost, said):
    world.teller.fail("receipt_cancel", said)
    await world.live(400, step=30)

    assert (await state(world, lost), world.teller.calls["receipt_cancel"]) == ("unknown", 2)
    assert await world.cases(paid) == ["receipt_unknown"]
    assert (await issue(world, paid)).json()["code"] == "pending_outcome"


async def test_a_cancel_that_cannot_be_sent_again_yet_is_once_the_gateway_is_there(world, paid, lost):
    world.net.down.add(f"{TELLER}:80")
    await world.live(300, step=30)
    assert (await state(world, lost), await world.cases(paid)) == ("cancelling", [])
    world.net.down.clear()
    await world.live(240, step=30)

    assert (await state(world, lost), await world.cases(paid)) == ("cancelled", [])


async def tries(world):
    """How often the bridge has taken the receipt up by itself."""
    (row,) = await world.all("SELECT tries FROM receipts")
    return row["tries"]


async def test_a_cancel_that_can_never_be_sent_is_tried_ever_more_seldom_and_after_an_hour_a_persons(world, paid, lost):
    told, began = len(await story(world, paid)), world.clock.boot
    world.net.down.add(f"{TELLER}:80")
    at = []
    for number in range(1, len(RECEIPT_SECONDS)):
        while await tries(world) < number:
            await world.live(15, step=15)
        at.append(world.clock.boot)
    assert [later - earlier > 1.8 * RECEIPT_SECONDS[1] for earlier, later in pairwise(at)] == [False, True, True, True]
    assert len(await story(world, paid)) == told, "nothing changed, and nothing is said"
    while await state(world, lost) == "cancelling":
        await world.live(60, step=60)

    assert 3_600 < world.clock.boot - began < 3_900
    assert (await state(world, lost), world.teller.calls["receipt_cancel"]) == ("unknown", 1)
    assert await world.cases(paid) == ["receipt_unknown"]
    assert await tries(world) == 0
    assert [row["event"] for row in await story(world, paid)][told:] == ["receipt.unknown"]

    world.net.down.clear()
    (case,) = await world.all("SELECT * FROM cases")
    await decide(world, case, "seen")
    assert await world.cases(paid) == []
    assert (await issue(world, paid)).json()["state"] == "issued"
    await world.live(600, step=60)
    assert world.teller.calls["receipt_cancel"] == 1, "people have decided"


async def test_a_cancel_that_a_bug_keeps_from_being_sent_is_a_persons_too(world, paid, lost, monkeypatch):
    async def breaks(*_, **__):
        raise LedgerBroken("its key is gone")

    monkeypatch.setattr(cancel_receipt, "receipt_order", breaks)
    await world.live(4_200, step=60)

    assert (await state(world, lost), await world.cases(paid)) == ("unknown", ["receipt_unknown"])


async def test_a_clock_set_back_holds_a_cancels_next_try_up_no_longer(world, paid, lost):
    await world.live(30, step=30)
    world.clock.set_back(7_200)
    await world.live(150, step=30)

    assert await state(world, lost) == "cancelled"


async def test_the_cancel_at_a_gateway_that_its_site_has_no_more_is_a_persons(world, paid, lost):
    await world.context.ledger.write(lambda turn: turn.run("DELETE FROM site_gateways WHERE gateway = 'teller'"))
    await world.restart()
    await world.live(120, step=30)

    assert [row["state"] for row in await world.all("SELECT state FROM receipts")] == ["unknown"]
    assert await world.cases(paid) == ["receipt_unknown"]
    assert world.teller.calls["receipt_cancel"] == 1


async def test_a_press_that_sends_a_cancel_again_puts_off_the_bridges_own_turn(world, paid, lost):
    await world.live(60, step=30)
    world.teller.fail("receipt_cancel", "lost_before")
    assert (await cancel(world, lost)).json()["state"] == "cancelling"
    await world.live(60, step=30)
    assert (await state(world, lost), world.teller.calls["receipt_cancel"]) == ("cancelling", 2)
    await world.live(60, step=30)

    assert (await state(world, lost), world.teller.calls["receipt_cancel"]) == ("cancelled", 3)


@pytest.mark.parametrize("other", ["has sent it too", "had no outcome", "was told no", "was told that it is done"])
async def test_a_cancel_that_is_proven_done_counts_whatever_another_bridge_wrote_meanwhile(world, paid, lost, other):
    site, payment = world.context.sites.get(world.site.id), await world.payment(paid)
    recorder = Recorder.now(world.context, site)
    mine = await world.context.ledger.read(lambda turn: receipts.get(turn, site.id, lost))
    becomes = {"has sent it too": ReceiptState.CANCELLING, "was told no": ReceiptState.ISSUED}

    def write(turn):
        if other == "had no outcome":
            hand_to_person(turn, recorder, mine, "80010", "이미 취소된 현금영수증")
        else:
            move_receipt(turn, recorder, mine, becomes.get(other, ReceiptState.CANCELLED))

    await world.context.ledger.write(write)
    calls = len(await world.calls(paid))
    await carry_out_cancel(world.context, site, issuer_of(site, payment), mine, payment, again=True)

    assert (await state(world, lost), await world.cases(paid)) == ("cancelled", [])
    assert len(await world.calls(paid)) == calls + 1, "what was said stays in the journal"
