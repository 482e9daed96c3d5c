"""The stories that every gateway must tell: counted by what happened, and missed where none was told."""

import pytest

from tests.storm.figures import Figures
from tests.storm.page import page
from tests.storm.stories import ENOUGH_SCHEDULES, PAID, RACE, STORIES, Stories, untold


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


def test_the_page_counts_each_story_at_each_gateway_and_older_figures_have_none():
    figures = Figures()
    figures.stories["payple", PAID] = 1_234
    summary = figures.summary(1.0, 1)
    assert "| payple | 1,234 | 0 |" in page(summary, None, None)
    del summary["stories"]
    assert "## Stories that every gateway tells\n\nNot noted." in page(summary, None, None)
