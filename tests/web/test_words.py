"""Operator, clerk and buyer meet words for whatever there is, and the same word for one method of payment."""

import re
from pathlib import Path

import pytest

from bridge.domain.payment import Method
from bridge.web.dashboard.events import EVENTS, NEWS
from bridge.web.dashboard.timeline import TOLD_OTHERWISE
from bridge.web.dashboard.words import METHODS
from tests.support.plugin_words import wp_admin_says

ROOT = Path(__file__).parent.parent.parent
STORY = ROOT / "wp-plugin/pay-bridge/includes/class-story.php"
THEME = ROOT / "tests/wordpress/theme/ticketing/inc/view.php"
NAME = re.compile(r'"((?:payment|window|account|approve|undo|refund|case|key|escrow|receipt)\.[a-z_]+)"')


def written() -> set[str]:
    """The events that flows and ledger note, without the names of news."""
    files = [path for part in ("flows", "ledger") for path in (ROOT / "bridge" / part).glob("*.py")]
    text = "".join(path.read_text("utf-8") for path in files)
    return set(NAME.findall(text)) - {name for name in NEWS if name not in EVENTS}


def test_events_are_found_where_they_are_written() -> None:
    assert {"payment.created", "window.opened", "approve.sent", "refund.sent", "case.opened"} <= written()
    assert len(written()) > 20


@pytest.mark.parametrize("event", sorted(written()))
def test_an_event_has_words_for_operator_and_clerk(event: str) -> None:
    assert event in EVENTS or event in TOLD_OTHERWISE
    assert f"'{event}'" in STORY.read_text("utf-8")


@pytest.mark.parametrize("method", Method)
def test_a_method_has_one_word_for_buyer_clerk_and_operator(method: Method) -> None:
    assert wp_admin_says(method) == METHODS[method].ko


def test_the_shops_theme_offers_methods_by_the_same_words() -> None:
    offered = re.findall(r"^\t\t'(\w+)'\s+=> '(\w+)',$", THEME.read_text("utf-8"), re.MULTILINE)
    assert len(offered) > 5
    assert offered == [(method, METHODS[method].ko) for method, _ in offered]
