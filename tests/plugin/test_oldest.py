"""The same on the oldest WordPress with MariaDB: what depends on the core's version or on the database."""

from collections.abc import Iterator

import pytest

from tests.plugin.conftest import Shop, complaints, furnished
from tests.plugin.stub_bridge import StubBridge
from tests.plugin.test_ajax import (
    test_cancel_knows_every_reference_of_the_order,
    test_ready_answers_in_the_shape_themes_expect_and_asks_nobody,
)
from tests.plugin.test_billing_page import test_a_deed_is_done_once_and_the_customer_is_shown_again
from tests.plugin.test_news import (
    test_a_paid_order_is_told_to_the_shop_once,
    test_news_interrupted_in_the_shop_are_told_again_after_the_claim_ends,
    test_refunded_before_paid_does_not_bring_the_order_back,
    test_the_same_news_twelve_times_at_once_is_told_once,
)
from tests.plugin.test_operations import (
    test_a_wrong_clock_is_corrected_once_and_remembered,
    test_the_health_page_gives_the_verdict_in_words_and_numbers,
    test_the_hourly_event_finds_what_no_news_told,
    test_the_option_is_not_autoloaded_and_a_copied_site_has_no_keys,
    test_uninstalling_keeps_payments_unless_told_otherwise,
)
from tests.plugin.test_pages import (
    pages,
    test_an_ordinary_page_pays_nothing,
    test_hostile_texts_stay_texts,
    test_the_form_is_plain_and_posts_the_sealed_order_to_the_bridge,
    test_the_way_back_is_recognised_and_told_to_no_referrer,
)
from tests.plugin.test_receipts import test_a_receipt_is_issued_once_with_the_number_as_people_write_it
from tests.plugin.test_refund import test_a_part_is_refunded_in_whole_won, test_two_clicks_are_one_refund
from tests.wordpress.fixtures import StandMaker

__all__ = [
    "pages",
    "test_a_deed_is_done_once_and_the_customer_is_shown_again",
    "test_a_paid_order_is_told_to_the_shop_once",
    "test_a_part_is_refunded_in_whole_won",
    "test_a_receipt_is_issued_once_with_the_number_as_people_write_it",
    "test_a_wrong_clock_is_corrected_once_and_remembered",
    "test_an_ordinary_page_pays_nothing",
    "test_cancel_knows_every_reference_of_the_order",
    "test_hostile_texts_stay_texts",
    "test_news_interrupted_in_the_shop_are_told_again_after_the_claim_ends",
    "test_ready_answers_in_the_shape_themes_expect_and_asks_nobody",
    "test_refunded_before_paid_does_not_bring_the_order_back",
    "test_the_form_is_plain_and_posts_the_sealed_order_to_the_bridge",
    "test_the_health_page_gives_the_verdict_in_words_and_numbers",
    "test_the_hourly_event_finds_what_no_news_told",
    "test_the_option_is_not_autoloaded_and_a_copied_site_has_no_keys",
    "test_the_same_news_twelve_times_at_once_is_told_once",
    "test_the_way_back_is_recognised_and_told_to_no_referrer",
    "test_two_clicks_are_one_refund",
    "test_uninstalling_keeps_payments_unless_told_otherwise",
]


@pytest.fixture(scope="module")
def shop_of_session(make_stand: StandMaker) -> Iterator[Shop]:
    """In place of the newest core: 6.1, nginx, php-fpm, MariaDB."""
    with StubBridge() as bridge:
        shop = furnished(make_stand("oldest", up=False), bridge)
        yield shop
        shop.close()
        assert complaints(shop) == []


def test_this_is_the_oldest_core(shop: Shop) -> None:
    assert shop.stand.run_php("echo get_bloginfo('version');").startswith("6.1")
