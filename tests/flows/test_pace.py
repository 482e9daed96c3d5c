"""How often what nobody knows is asked about, as the operator's handbook and the promises say it."""

from datetime import timedelta
from itertools import accumulate
from types import SimpleNamespace

import pytest

from bridge.clock import now_ms, to_ms
from bridge.flows import pace
from bridge.flows.pace import (
    APPROVAL_SECONDS,
    DEADLINE_SECONDS_MAX,
    STALE_SECONDS,
    UNDO_SECONDS,
    accepted_until,
    after_human,
    is_overdue,
    patience_seconds,
    pause_ms,
    quiet_ms,
)
from bridge.flows.settle_unknown import PUT_OFF_SECONDS
from bridge.gateways import names
from tests.gateways.test_documented import built
from tests.ledger.test_rows import operation, payment
from tests.support.clock import NOW

SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000


@pytest.mark.parametrize(
    ("name", "goes_out_at"),
    [
        ("ASK_SECONDS", [2, 5, 15, 60, 120, 180, 240]),
        ("APPROVAL_SECONDS", [2, 5, 15, 45, 90, 135]),
        ("UNDO_SECONDS", [1, 3, 7, 15, 30, 60, 105, 150]),
    ],
)
def test_an_inquiry_and_a_net_cancel_go_out_at_their_seconds_and_then_at_the_last_pause_for_ever(name, goes_out_at):
    seconds = getattr(pace, name)
    pauses = [pause_ms(seconds, tries) for tries in range(1, len(goes_out_at) + 1)]
    assert list(accumulate(pauses)) == [at * SECOND for at in goes_out_at]
    assert pause_ms(seconds, 0) == pauses[0]


def test_no_pause_takes_all_of_the_minute_in_which_what_moved_unheard_is_to_be_settled():
    assert max(*UNDO_SECONDS, *APPROVAL_SECONDS, PUT_OFF_SECONDS) == 45


@pytest.mark.parametrize(
    ("waited", "pause"),
    [(0, 10 * MINUTE), (DAY - 1, 10 * MINUTE), (DAY, HOUR), (7 * DAY - 1, HOUR), (7 * DAY, DAY), (90 * DAY, DAY)],
)
def test_what_a_person_has_is_asked_about_every_ten_minutes_for_a_day_hourly_for_a_week_then_daily(waited, pause):
    at = to_ms(NOW)
    assert after_human(at - waited, at) == at + pause


@pytest.mark.parametrize("name", names())
def test_nothing_is_called_forgotten_while_a_gateways_answer_may_still_be_waited_for(name):
    """It would be asked about, or sent again, side by side with its own sending."""
    assert built(name).deadline_seconds <= DEADLINE_SECONDS_MAX < STALE_SECONDS


@pytest.mark.parametrize(("deadline", "seconds"), [(30.0, 120), (60.0, 120), (60.001, 120.001), (70.0, 130)])
def test_the_quiet_period_is_two_minutes_or_a_minute_more_than_the_gateways_deadline(deadline, seconds):
    context = SimpleNamespace(settings=SimpleNamespace(quiet_seconds_min=120))
    assert quiet_ms(context, SimpleNamespace(deadline_seconds=deadline)) == seconds * SECOND


def test_a_refund_that_was_taken_in_has_fourteen_days():
    assert accepted_until(operation(payment())) == to_ms(NOW + timedelta(days=14))


@pytest.mark.sqlite
@pytest.mark.parametrize("start", ["this one", "another"])
@pytest.mark.parametrize(("more_ms", "overdue"), [(0, False), (1, True)])
async def test_an_unknown_is_overdue_a_minute_after_a_person_should_have_been_told(world, start, more_ms, overdue):
    context, at = world.context, now_ms(world.clock)
    patience = context.sites.get(world.site.id).gateway("mainpay").human_after_seconds
    age = round((patience + 60) * 1000) + more_ms
    sent_boot = f"{world.clock.boot_id()}:{int(world.clock.boot_seconds() * 1000) - age}"
    sent = (sent_boot, at) if start == "this one" else ("another:0", at - age)
    row = {"site": world.site.id, "gateway": "mainpay", "sent_boot": sent[0], "sent_at": sent[1]}
    assert is_overdue(context, row, at) is overdue


@pytest.mark.sqlite
async def test_nobody_waits_for_a_gateway_that_is_not_set_up_or_a_site_that_is_gone(world):
    assert patience_seconds(world.context, world.site.id, "mainpay") > 0
    assert patience_seconds(world.context, world.site.id, "nobody") == 0
    assert patience_seconds(world.context, "nowhere", "mainpay") == 0
