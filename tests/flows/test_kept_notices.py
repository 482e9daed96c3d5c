"""A notice that is kept: what is begun for it, what it still owes, and what it does when it is read again."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from bridge.domain.gateway import Circumstantial, Event, Notice, SharedValue
from bridge.domain.machine import State
from bridge.flows.attest import read_attestation
from bridge.flows.receive_notice import ROUNDS_APART_MS, Heard, _follow, _replay, _take, replay_notice
from bridge.flows.record import Recorder
from bridge.flows.told import ASK_FENCE
from bridge.ledger import gap, notices
from bridge.ledger.notices import StoredNotice
from tests.flows.test_self_capture import opened, told

__all__ = ["told"]

pytestmark = pytest.mark.sqlite  # the rules are the same whatever keeps the books


def kept(world, name="01kept", **changes):
    """A notice as it is stored."""
    told = {"site": world.site.id, "gateway": "teller", "kind": "feedback", "dedupe": "d", "source": ""} | changes
    return StoredNotice(id=name, raw_sealed="", received_at=1, **told)


def approved(payment, **changes):
    """Proven news that a payment was paid in its window."""
    fields = {"proof": SharedValue(), "binding": dict(payment.refs)} | changes
    return Notice(Event.APPROVED, "d", payment.merchant_ref, payment.amount, fields.pop("proof"), **fields)


async def replayed(world, notice):
    """Keep a notice and let it have its effect; answers its word."""
    stored, site = kept(world), world.context.sites.get(world.site.id)
    await world.context.ledger.write(lambda turn: notices.store(turn, stored))
    outcome, _ = await _replay(world.context, site, site.gateway("teller"), stored, notice, None)
    return outcome


@pytest.mark.parametrize("gone", ["site", "gateway"])
async def test_a_notice_whose_site_or_gateway_is_there_no_more_is_left_in_peace(told, gone):
    await replay_notice(told.context, kept(told, **{gone: "gone"}))


async def test_a_buyer_who_comes_back_waits_for_the_question_about_seats_by_its_name(told):
    site = told.context.sites.get(told.site.id)
    await _follow(told.context, site, Heard(True, ASK_FENCE, True, "p"), kept(told, gateway="gone"))
    assert told.context.tasks.find("capture:p") is not None


async def test_a_notice_that_waits_for_word_about_seats_is_owed_its_effect_until_then(told):
    _, payment = await opened(told, hold_expires_at=told.hold(600))
    await told.clock.forward(601)
    site = told.context.sites.get(told.site.id)

    def take(turn):
        recorder, gateway = Recorder.now(told.context, site), site.gateway("teller")
        return _take(turn, recorder, gateway, kept(told), approved(payment), True)

    assert (await told.context.ledger.write(take)).outcome == ASK_FENCE
    assert await told.all("SELECT state FROM notices") == [{"state": "pending"}]


@pytest.mark.parametrize(
    ("event", "request_named", "acknowledged"),
    [(Event.APPROVED, "", True), (Event.APPROVED, "7", True), (Event.REQUESTED, "", True),
     (Event.REQUESTED, "7", False)],
)  # fmt: skip
async def test_in_restored_books_only_a_window_about_to_open_is_let_wait_and_other_news_is_kept_and_acknowledged(
    told, event, request_named, acknowledged
):
    _, payment = await opened(told)
    site, said = told.context.sites.get(told.site.id), approved(payment, request=request_named)

    def take(turn):
        gap.begin(turn, 1, 2)
        recorder, gateway = Recorder.now(told.context, site), site.gateway("teller")
        return _take(turn, recorder, gateway, kept(told), replace(said, event=event), True)

    assert (await told.context.ledger.write(take)).acknowledged is acknowledged
    assert await told.all("SELECT state FROM notices") == [{"state": "pending"}]


def test_the_same_words_about_a_round_are_a_repeat_for_half_a_day_which_is_half_the_shortest_cycle():
    assert timedelta(milliseconds=ROUNDS_APART_MS) == timedelta(days=1) / 2


async def test_a_kept_notice_of_another_payment_under_our_reference_pays_nothing_when_it_is_read_again(told):
    _, payment = await opened(told)
    assert await replayed(told, approved(payment, binding={"number": "T9"})) == "another payment under our reference"
    assert await told.state(payment.id) == "open"


async def test_the_news_that_a_kept_notice_makes_attests_that_notice(told):
    _, payment = await opened(told)
    assert await replayed(told, approved(payment)) == "paid"
    (row,) = await told.all("SELECT body FROM news")
    text = json.loads(row["body"])["payment"]["attestation"]
    attested = read_attestation(told.context.vault, told.site.id, payment.id, text)
    assert [one["dedupe"] for one in attested["notices"]] == ["d"]


@pytest.mark.parametrize(
    ("first", "counts"), [(Circumstantial("nothing"), True), (SharedValue(), False), (None, False)]
)
async def test_the_proof_of_an_event_counts_after_a_kind_of_notice_that_told_of_it_without_any(
    told, monkeypatch, first, counts
):
    _, payment = await opened(told)
    site = told.context.sites.get(told.site.id)
    gateway = site.gateway("teller")
    sealed = told.context.vault.seal(b"", "notice") if first else notices.ERASED
    monkeypatch.setattr(type(gateway), "read_notice", lambda *_: approved(payment, proof=first))

    def take(turn):
        notices.store(turn, StoredNotice("01first", told.site.id, "teller", "hint", "d", "", sealed, 1, payment.id))
        return _take(turn, Recorder.now(told.context, site), gateway, kept(told), approved(payment), True)

    heard = await told.context.ledger.write(take)
    assert heard.outcome == ("paid" if counts else "seen before")
    assert await told.state(payment.id) == (State.PAID if counts else State.OPEN)
