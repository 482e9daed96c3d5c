"""Keys of typed cards, escrows and plans in storms: what is told of them, and that what is broken is found out."""

from dataclasses import replace

import pytest

from bridge.domain.billing import KeyState
from bridge.domain.gateway import Done, Refused, Unknown
from bridge.domain.machine import Evidence, Step
from bridge.domain.reasons import Reason
from bridge.flows import ask_after_word, change_plan, escrow_words, issue_key, plan_rounds, take_escrow_step
from bridge.flows.ask_gateway import ask_at_once
from bridge.flows.talk import talk
from bridge.gateways.payapp.adapter import PayApp
from bridge.gateways.payapp.billing import Billing
from bridge.gateways.welcome.escrow import Escrow
from bridge.ledger import billing_keys
from tests.storm.extras import Extras, draw_extras
from tests.storm.quietly import is_found_out, storms
from tests.storm.regressions import WITHOUT_WORDS
from tests.storm.stories import ENOUGH_SCHEDULES, OF_SOME, STORIES, untold
from tests.storm.weather import Weather

LATE_SECONDS = 90.0
"""Later than the minute after which a word was believed not to have arrived, and within what a gateway may take."""


def having(extra, many=2_500):
    """List the schedules that have this."""
    return [seed for seed in range(1, many) if getattr(draw_extras(seed), extra)]


def test_seeds_that_were_kept_before_have_none_of_it():
    for seed in WITHOUT_WORDS:
        drawn = draw_extras(seed)
        assert (drawn.typed_keys, drawn.escrow, drawn.plans) == (False, False, False)
    assert draw_extras(7) != Extras(typed_keys=True)


@pytest.mark.parametrize(
    ("gateway", "extra", "wanted"),
    [
        ("payapp", "typed_keys", {"typed card registered", "typed card's key lost with its answer"}),
        ("welcome", "escrow", {"buyer's word on an escrow taken", "buyer's word without an answer"}),
        ("welcome", "escrow", {"buyer decided at the gateway"}),
        ("payapp", "plans", {"plan's round charged", "plan's round refused", "plan ended"}),
        ("payapp", "plans", {"plan's change without an answer"}),
    ],
)
def test_what_only_some_gateways_have_is_told_in_storms(gateway, extra, wanted):
    told = set()
    with storms(gateway) as made:
        for seed in having(extra):
            outcome = made.run(seed)
            assert outcome.violations == []
            told |= {story for (_, story), many in outcome.stories.items() if many}
            if wanted <= told:
                return
    pytest.fail(f"only {told}")


def test_a_long_run_that_tells_too_little_of_them_is_found_out():
    told = {"welcome": dict.fromkeys(STORIES, 1)}
    enough = dict(OF_SOME)
    assert untold(told, ENOUGH_SCHEDULES, enough) == []
    story, least = next(iter(OF_SOME.items()))
    enough[story] -= 1
    assert untold(told, ENOUGH_SCHEDULES, enough) == [f"{story}: {least - 1} of {least}"]
    assert untold(told, ENOUGH_SCHEDULES - 1, {}) == []


def test_a_card_that_is_registered_again_behind_a_lost_answer_is_found_out(monkeypatch):
    async def insists(context, site, gateway, exchange, **more):
        said = await talk(context, site, gateway, exchange, **more)
        if isinstance(said.outcome, Unknown):
            asked = asks[gateway.name]()
            return await talk(context, site, gateway, asked, **more | {"intended_at": context.clock.boot_seconds()})
        return said

    asks, issue = {}, Billing.issue_key_by_card

    def remembers(self, order, card, stamp):
        asks[self.name] = lambda: issue(self, order, card, stamp)
        return issue(self, order, card, stamp)

    monkeypatch.setattr(Billing, "issue_key_by_card", remembers)
    monkeypatch.setattr(issue_key, "talk", insists)

    assert is_found_out("T1", having("typed_keys"), "payapp")


def test_a_key_that_is_called_refused_behind_a_lost_answer_is_found_out(monkeypatch):
    move = billing_keys.move

    def refused(turn, row, becomes, **more):
        return move(turn, row, KeyState.REFUSED if becomes is KeyState.LOST else becomes, **more)

    monkeypatch.setattr(billing_keys, "move", refused)

    assert is_found_out("T2", having("typed_keys"), "payapp")


def test_a_buyers_word_that_is_sent_again_behind_a_lost_answer_is_found_out(monkeypatch):
    async def insists(context, site, gateway, exchange, **more):
        said = await ask_at_once(context, site, gateway, exchange, **more)
        word = more.get("operation")
        if isinstance(said, Unknown) and word is not None:
            payment = await context.ledger.read(lambda turn: take_escrow_step.payments.get(turn, site.id, word.payment))
            step = take_escrow_step.EscrowStep(word.reason, {"buyName": "김하늘", "refundName": "김하늘"})
            again = gateway.take_escrow_step(payment, step, word.stamp)
            return await ask_at_once(context, site, gateway, again, operation=word)
        return said

    monkeypatch.setattr(take_escrow_step, "ask_at_once", insists)

    assert is_found_out("W1", having("escrow"), "welcome")


def test_a_word_that_is_said_again_over_another_connection_is_found_out(monkeypatch):
    take = Escrow.take_escrow_step

    def repeats(self, payment, step, stamp):
        talking = take(self, payment, step, stamp)
        call = next(talking)
        while True:
            try:
                call = talking.send((yield replace(call, once=False)))
            except StopIteration as end:
                return end.value

    monkeypatch.setattr(Escrow, "take_escrow_step", repeats)

    assert is_found_out("W1", having("escrow", 20_000), "welcome")


def test_that_a_word_did_not_arrive_which_is_believed_at_once_is_found_out(monkeypatch):
    of_call = Weather.of_call

    def late(self, op, setup, must_tell):
        is_word = op in ("buyconfirm", "buydeny") and not self.calm
        return self.lets_be_late(LATE_SECONDS) if is_word else of_call(self, op, setup, must_tell)

    monkeypatch.setattr(Weather, "of_call", late)
    for module in (escrow_words, ask_after_word, take_escrow_step):
        monkeypatch.setattr(module, "silent_ms", lambda now, payment: 60_000)

    assert is_found_out("W2", having("escrow"), "welcome")


def test_a_round_that_counts_each_time_it_is_told_is_found_out(monkeypatch):
    def anew(turn, recorder, gateway, notice):
        plan = plan_rounds.plans.by_ref(turn, recorder.site.id, gateway.name, notice.merchant_ref)
        if plan is None or not notice.round or notice.event != plan_rounds.Event.APPROVED:
            return None
        ref = f"{plan.ref}.{notice.round}{plan.rounds}"
        return plan_rounds._begin_round(turn, recorder, gateway, plan, ref, notice)

    monkeypatch.setattr("bridge.flows.receive_notice.round_of", anew)

    assert is_found_out("I2", having("plans"), "payapp")


def test_a_plan_that_is_called_at_rest_without_asking_its_gateway_is_found_out(monkeypatch):
    def says_nothing(self, plan, stamp):
        yield from ()
        return Done()

    monkeypatch.setattr(PayApp, "stop_plan", says_nothing)

    assert is_found_out("P2", having("plans"), "payapp")


def test_a_plans_change_that_is_called_refused_behind_a_lost_answer_is_found_out(monkeypatch):
    async def gives_up(context, site, gateway, exchange, **more):
        said = await talk(context, site, gateway, exchange, **more)
        return replace(said, outcome=Refused(Reason.GATEWAY, "", "")) if isinstance(said.outcome, Unknown) else said

    monkeypatch.setattr(change_plan, "talk", gives_up)

    assert is_found_out("P2", having("plans"), "payapp")


def test_a_word_that_is_called_not_taken_behind_a_lost_answer_is_found_out(monkeypatch):
    step = take_escrow_step.operations.step

    def fails(turn, operation, becomes, **more):
        if operation.kind == "word" and becomes is Step.UNKNOWN:
            unknown = step(turn, operation, becomes, **more)
            return step(turn, unknown, Step.FAIL, at=more["at"], evidence=Evidence.E2)
        return step(turn, operation, becomes, **more)

    monkeypatch.setattr(take_escrow_step.operations, "step", fails)

    assert is_found_out("W2", having("escrow"), "welcome")
