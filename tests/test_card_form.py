"""The form of a typed card: what it asks by what the gateway needs, and what it says of what cannot be a card."""

from datetime import date

import pytest

from bridge import gateways
from bridge.domain.billing import CardEntry, IssuesKeys, IssuesKeysByCard
from bridge.domain.card_form import KEY_IN, REGISTER, SAYINGS, Owner, lacking_besides, owner_of, read_card
from bridge.domain.payment import Buyer, Method, Mode
from tests.gateways.harness import load

TODAY = date(2026, 11, 28)
GOOD = {"number": "4000 0566-5566 5556", "month": "7", "year": "2031", "holder": "900101", "password": "12"}
KNOWN = Buyer("홍길동", phone="010-1234-5678")


def built(name, **more):
    settings = {} if name == "mainpay" else load(name)[0]["settings"]
    return gateways.build(name, settings | more, Mode.TEST)


@pytest.mark.parametrize("year", ["31", "2031"])
@pytest.mark.parametrize("month", ["7", "07"])
def test_a_card_is_read_as_people_write_it(month, year):
    card = read_card(GOOD | {"month": month, "year": year}, Owner.NEEDED, TODAY)
    assert card == CardEntry("4000056655665556", "3107", "900101", "12")


def test_full_width_digits_of_a_korean_keyboard_are_digits():
    card = read_card(GOOD | {"number": "４００００５６６５５６６５５５６"}, Owner.NEEDED, TODAY)
    assert isinstance(card, CardEntry)
    assert card.number == "4000056655665556"


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        *(("number", text) for text in ("", "400005665566", "40000566556655561234", "4000x566556655565", "٤" * 16)),
        *(("month", text) for text in ("", "0", "13", "1a", "007")),
        *(("year", text) for text in ("", "1", "1999", "20311", "두")),
        *(("holder", text) for text in ("", "90010", "9001011", "90010a", "12345678901")),
        *(("password", text) for text in ("", "1", "123", "1a")),
    ],
)
def test_what_cannot_be_a_card_is_said_beside_its_field_and_not_repeated(field, typed):
    wrong = read_card(GOOD | {field: typed}, Owner.NEEDED, TODAY)
    assert wrong == {field: SAYINGS[field]}


@pytest.mark.parametrize(("month", "year", "over"), [("10", "26", True), ("11", "26", False), ("12", "25", True)])
def test_a_card_is_good_until_the_end_of_its_month(month, year, over):
    read = read_card(GOOD | {"month": month, "year": year}, Owner.NEEDED, TODAY)
    assert isinstance(read, CardEntry) != over
    assert not over or ("지난 카드" in read["year"] and list(read) == ["year"])


def test_owner_and_password_are_typed_together_or_not_at_all_where_they_may_be_left_out():
    bare = GOOD | {"holder": "", "password": ""}
    assert read_card(bare, Owner.OPTIONAL, TODAY) == CardEntry("4000056655665556", "3107")
    assert list(read_card(bare | {"holder": "900101"}, Owner.OPTIONAL, TODAY)) == ["password"]
    assert list(read_card(bare | {"password": "12"}, Owner.OPTIONAL, TODAY)) == ["holder"]
    assert read_card(GOOD, Owner.NOT_ASKED, TODAY) == CardEntry("4000056655665556", "3107"), "nobody asked for more"


@pytest.mark.parametrize(
    ("name", "settings", "register"),
    [
        ("mainpay", {}, Owner.OPTIONAL),
        ("payapp", {}, Owner.NEEDED),
        ("welcome", {"billing_key": "auth"}, Owner.NEEDED),
        ("welcome", {"billing_key": "noauth"}, Owner.NOT_ASKED),
    ],
)
def test_a_form_asks_for_the_owner_as_its_gateway_needs_it(name, settings, register):
    assert owner_of(built(name, **settings), REGISTER, KNOWN) is register


@pytest.mark.parametrize("name", ["mainpay", "welcome"])
def test_where_a_typed_card_pays_the_owner_may_be_left_out(name):
    assert owner_of(built(name), KEY_IN, KNOWN) is Owner.OPTIONAL


def test_what_the_form_does_not_ask_for_is_lacking_before_it_is_shown():
    no = lacking_besides(built("payapp"), REGISTER, Buyer("홍길동"))
    assert no is not None
    assert "휴대전화" in no[1]
    assert lacking_besides(built("payapp"), REGISTER, KNOWN) is None
    assert lacking_besides(built("mainpay"), REGISTER, Buyer("")) is None


@pytest.mark.parametrize("name", gateways.names())
def test_a_gateway_that_registers_cards_has_a_window_for_them_or_asks_no_more_than_the_form(name):
    made = built(name)
    in_window = isinstance(made, IssuesKeys) and Method.CARD in made.key_methods
    by_form = isinstance(made, IssuesKeysByCard) and lacking_besides(made, REGISTER, KNOWN) is None
    assert in_window or by_form
