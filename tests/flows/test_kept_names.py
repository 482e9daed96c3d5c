"""Names that stand in the books, in news and in answers: whoever wrote or reads them may be another version."""

from bridge.domain.machine import Step
from bridge.flows.cancel_transfer import CAME_TO as TRANSFER_CAME_TO
from bridge.flows.capture import CAME_AND_WENT, CAPTURED, GATEWAY, UNASKED
from bridge.flows.compare import DIFFER, DOUBLED
from bridge.flows.external import EXTERNAL
from bridge.flows.inquire import ABSENT_AT, BLIND, SEEN_AT
from bridge.flows.orphans import ADOPTED, ORPHANED, REASON, RETURNED
from bridge.flows.pen import BRIDGE
from bridge.flows.requests_made import ENDED_UNPAID, KEPT, REQUESTS_MAX, TURNED_AWAY
from bridge.flows.undo import APPROVAL_TOLD, NOTHING, RECHECK, TAKEN_IN
from bridge.flows.void_account import CAME_TO


def test_what_was_shown_so_far_and_why_an_operation_was_made_is_found_in_rows_of_earlier_versions():
    assert (RECHECK, NOTHING, TAKEN_IN) == ("recheck", "nothing there", "accepted")
    assert (ABSENT_AT, SEEN_AT, BLIND) == ("absent_at", "seen_at", "blind")
    assert (CAPTURED, CAME_AND_WENT) == ("captured", "taken, and given back"), "a cause counts once over all versions"


def test_what_became_of_a_notice_is_found_in_rows_of_earlier_versions():
    assert (APPROVAL_TOLD, KEPT, ENDED_UNPAID) == ("asked", "the request is kept", "ended unpaid")
    assert TURNED_AWAY == "not acknowledged: this window takes no request any more"
    assert REQUESTS_MAX == 10, "the refs of a payment have room for so many"


def test_the_reasons_of_cases_and_the_kinds_of_news_are_those_that_people_and_wordpress_know():
    assert (UNASKED, REASON, EXTERNAL) == ("seats_unconfirmed", "money_on_ended_payment", "external_cancel")
    assert (DIFFER, DOUBLED) == ("books_differ", "external_refund")
    assert (ORPHANED, RETURNED) == ("payment.orphaned", "payment.orphan_returned")
    assert (ADOPTED, GATEWAY, BRIDGE) == ("payment.adopted", "gateway", "bridge")


def test_a_clerk_is_told_of_a_closing_and_of_a_transfer_in_the_words_that_the_pages_have():
    asking, refused = {Step.SENT, Step.UNKNOWN}, {Step.FAIL, Step.NEEDS_HUMAN}
    assert {step for step, word in CAME_TO.items() if word == "asking"} == asking
    assert {step for step, word in CAME_TO.items() if word == "refused"} == refused
    assert (CAME_TO[Step.OK], CAME_TO[Step.NOT_SENT], set(CAME_TO)) == ("closed", "not_sent", set(Step))
    assert TRANSFER_CAME_TO == {Step.OK: "made", Step.FAIL: "not_made"}
