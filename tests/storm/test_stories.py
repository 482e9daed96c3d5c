"""The stories that every gateway must tell: counted by what happened, and missed where none was told."""

import pytest

from tests.storm.extras import draw_extras
from tests.storm.figures import Figures
from tests.storm.page import page
from tests.storm.quietly import storms
from tests.storm.stories import (
    CLOSED,
    ENOUGH_SCHEDULES,
    IN_PARTS,
    PAID,
    RACE,
    STORIES,
    TOLD_LATE,
    TOO_EARLY,
    Stories,
    unmet,
    untold,
)
from tests.storm.weather import KINDS

SELDOM = (IN_PARTS, RACE, TOLD_LATE, CLOSED)


@pytest.mark.parametrize(
    ("fault", "story"),
    [
        ("decline", "declined"),
        ("rst_before", "answer lost, nothing done"),
        ("hang_after", "answer lost, all done"),
        ("notice_thrice", "notice told thrice"),
        ("notice_late", "notice late"),
    ],
)
def test_what_goes_wrong_at_a_gateway_is_one_of_its_stories(fault, story):
    told = Stories()
    told.met("welcome", fault)
    told.met("welcome", "wrong_amount")
    assert told == {("welcome", story): 1}


def test_a_long_run_without_a_story_is_found_out_and_a_short_one_may_miss_some():
    told = {"welcome": dict.fromkeys(STORIES, 1) | {RACE: 0}, "payapp": dict.fromkeys(STORIES, 2)}
    assert untold(told, ENOUGH_SCHEDULES) == ["welcome: two clerks at once"]
    assert untold(told, ENOUGH_SCHEDULES - 1) == []
    told = {"welcome": dict.fromkeys(STORIES, 1) | {TOO_EARLY: 0}, "payapp": dict.fromkeys(STORIES, 2)}
    assert untold(told, ENOUGH_SCHEDULES) == []
    told["payapp"][TOO_EARLY] = 0
    assert untold(told, ENOUGH_SCHEDULES) == ["anywhere: decided too early, then again"]


def test_a_long_run_in_which_a_kind_of_fault_struck_nothing_is_found_out():
    struck = dict.fromkeys(KINDS, 1) | {"foreign_return": 0}
    del struck["locked"]
    assert unmet(struck, KINDS, ENOUGH_SCHEDULES) == ["locked", "foreign_return"]
    assert unmet(struck, KINDS, ENOUGH_SCHEDULES - 1) == []


def test_schedules_that_are_to_tell_seldom_stories_tell_them_at_a_set_up_with_few_payments():
    told = Stories()
    with storms("payple") as made:
        for seed in (one for one in range(1, 120) if draw_extras(one).stories):
            told.update(made.run(seed).stories)

    assert min(told["payple-at-once", story] for story in SELDOM) > 1
    assert told["payple-at-once", IN_PARTS] + told["payple", IN_PARTS] > 5


def test_the_page_counts_each_story_at_each_gateway_and_older_figures_have_none():
    figures = Figures()
    figures.stories["payple", PAID] = 1_234
    summary = figures.summary(1.0, 1)
    assert "| payple | 1,234 | 0 |" in page(summary, None, None)
    del summary["stories"]
    assert "## Stories that every gateway tells\n\nNot noted." in page(summary, None, None)
