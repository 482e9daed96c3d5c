"""A gateway that repeats a typed card in its answer: what is kept of the answer shows none of it."""

import pytest

from bridge.domain.billing import CardEntry, Issued
from bridge.domain.exchange import Call, Exchange, Reply
from bridge.domain.failures import Unreadable
from bridge.domain.gateway import Declined
from bridge.domain.reasons import Reason
from bridge.flows.typed_card import without_card
from bridge.wire.journal import Scrubber

CARD = CardEntry("5200828282828211", "4411", "4108162510", "65")
"""Its last digit is wrong, so nothing recognises it as a card by itself."""
ASKED = Call("keyin", "POST", "https://gateway.test/keyin", {"cardNo": "ENCRYPTED"})


def answering(outcome: object) -> Exchange[object]:
    yield ASKED
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def end_of(exchange: Exchange[object]) -> object:
    call = next(exchange)
    assert call.hidden == (CARD.number, CARD.holder), "and its journal hides them in whatever field"
    with pytest.raises(StopIteration) as end:
        exchange.send(Reply(200, b""))
    return end.value.value


@pytest.mark.parametrize("shown", ["5200828282828211", "5200-8282-8282-8211", "5200 8282 8282 8211", "410816-2510"])
def test_a_message_that_repeats_the_card_is_kept_without_it(shown):
    no = end_of(without_card(answering(Declined(Reason.DECLINED, "01", f"카드번호 {shown} 오류")), CARD))

    assert no == Declined(Reason.DECLINED, "01", "카드번호 ••• 오류")
    assert isinstance(no.reason, Reason)


def test_a_mask_that_is_none_and_an_answer_that_cannot_be_read_show_no_card_either():
    issued = end_of(without_card(answering(Issued("KEY-5200828282828211", {}, {"number": CARD.number})), CARD))
    unreadable = without_card(answering(Unreadable(f"odd: {CARD.number}")), CARD)
    next(unreadable)

    assert issued == Issued("KEY-5200828282828211", {}, {"number": "•••"}), "the key itself is sealed as it came"
    with pytest.raises(Unreadable, match=r"^odd: •••$"):
        unreadable.send(Reply(200, b""))


def test_a_birth_date_leaves_a_longer_reference_that_contains_it_whole():
    card = CardEntry("5200828282828211", "4411", "901231")

    assert card.hide_in("20269012310007: 901231 / 90-12-31 오류") == "20269012310007: ••• / ••• 오류"


def test_a_journal_hides_a_number_in_the_groups_in_which_people_write_it():
    scrubber = Scrubber()
    scrubber.learn(CARD.number)

    for written in (CARD.number, "5200-8282-8282-8211", "5200 8282 8282 8211"):
        assert scrubber.text(f"카드번호 {written} 오류") == "카드번호 ••• 오류"
