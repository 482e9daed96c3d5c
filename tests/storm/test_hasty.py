"""Clerks who decide a case within seconds: told to come back later in storms, they decide then."""

from tests.storm.extras import draw_extras
from tests.storm.quietly import storms
from tests.storm.stories import TOO_EARLY


def test_a_case_decided_too_early_is_decided_in_the_end_at_the_moment_that_was_named():
    told, deeds = 0, 0
    with storms() as made:
        for seed in (one for one in range(3_000, 3_600) if draw_extras(one).hasty):
            outcome = made.run(seed)
            assert outcome.violations == []
            told += sum(many for (_, story), many in outcome.stories.items() if story == TOO_EARLY)
            deeds += outcome.deeds["told to come back later"]
            if told:
                break

    assert deeds >= told > 0
