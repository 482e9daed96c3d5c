"""Amounts and forms as they come in: what is an amount of won, and what is a form that can be read in one way."""

import pytest

from bridge.domain.failures import AmountRefused, Malformed
from bridge.domain.forms import parse_form
from bridge.domain.payment import AMOUNT_MAX, Account, Method, parse_account, parse_amount
from bridge.flows.choose_gateway import check_instalments


@pytest.mark.parametrize(
    ("value", "won"),
    [(1, 1), ("1", 1), (55_000, 55_000), ("55000", 55_000), (AMOUNT_MAX, AMOUNT_MAX), ("9999999999", AMOUNT_MAX)],
)
def test_an_integer_or_its_plain_digits_are_an_amount(value, won):
    assert parse_amount(value) == won
    assert type(parse_amount(value)) is int


@pytest.mark.parametrize(
    "value",
    [
        *(0, -1, AMOUNT_MAX + 1, True, False, 1.0, 55_000.0, None, [], b"1"),
        *(
            "",
            "0",
            "-1",
            "+1",
            "01",
            "1.0",
            "1e3",
            "1,000",
            " 1",
            "1 ",
            "1\n",
            "１０００",
            "10000000000",
            "0x10",
            "1_000",
        ),
    ],
)
def test_anything_else_is_no_amount(value):
    with pytest.raises(AmountRefused):
        parse_amount(value)


def test_a_form_is_read_field_by_field():
    assert parse_form(b"") == {}
    assert parse_form(b"a=1&b=2+3&c=%26&d=&e&=lost") == {"a": "1", "b": "2 3", "c": "&", "d": "", "e": ""}
    assert parse_form(b"a=1=2") == {"a": "1=2"}
    assert parse_form(b"=lost&a=1&&b=2") == {"a": "1", "b": "2"}, "what has no name is passed over"
    assert parse_form("title=표".encode()) == {"title": "표"}


def test_a_form_has_at_most_128_fields():
    assert len(parse_form("&".join(f"f{number}=x" for number in range(128)).encode())) == 128
    with pytest.raises(Malformed, match="more than 128"):
        parse_form("&".join(f"f{number}=x" for number in range(129)).encode())


@pytest.mark.parametrize("raw", [b"a=1&a=2", b"a=1&%61=2", b"a=%00", b"%00=a"])
def test_a_form_that_could_be_read_in_two_ways_is_refused(raw):
    with pytest.raises(Malformed):
        parse_form(raw)


def test_korean_of_old_is_read_only_where_a_gateway_may_send_it():
    raw = "title=" + "".join(f"%{byte:02X}" for byte in "공연".encode("cp949"))
    assert parse_form(raw.encode(), cp949_allowed=True) == {"title": "공연"}
    with pytest.raises(Malformed, match="EUC-KR"):
        parse_form(raw.encode())
    with pytest.raises(Malformed, match="neither"):
        parse_form(b"title=%FF%FF", cp949_allowed=True)


@pytest.mark.parametrize(
    ("method", "amount", "months"),
    [(Method.CARD, 50_000, 2), (Method.CARD, 50_000, 36), (Method.CARD, 1, 0), (Method.PHONE, 1, 0)],
)
def test_instalments_are_two_to_thirty_six_months_by_card_from_fifty_thousand(method, amount, months):
    check_instalments(method, amount, months)


@pytest.mark.parametrize(
    ("method", "amount", "months"),
    [
        *((Method.CARD, 50_000, 1), (Method.CARD, 50_000, 37), (Method.CARD, 50_000, -1)),
        *((Method.CARD, 49_999, 2), (Method.PHONE, 50_000, 2), (Method.KAKAOPAY, 50_000, 2)),
    ],
)
def test_other_instalments_are_refused_before_anything_is_sent(method, amount, months):
    with pytest.raises(AmountRefused):
        check_instalments(method, amount, months)


@pytest.mark.parametrize("number", ["110123456789", " 110-123-456789 ", "1" * 20, "123456", "1-" * 11 + "11"])
def test_an_account_is_read_as_a_person_types_it(number):
    assert parse_account(" 088", number, "김예매 ") == Account("088", number.strip(), "김예매")


@pytest.mark.parametrize("holder", ["김", "가" * 40])
def test_an_accounts_holder_may_be_one_letter_or_forty(holder):
    assert parse_account("088", "110123456789", holder).holder == holder


@pytest.mark.parametrize("born", ["", " 900101 ", "1234567890"])
def test_an_accounts_holder_may_be_known_by_birth_date_or_company_number(born):
    assert parse_account("088", "110123456789", "김예매", born).born == born.strip()


@pytest.mark.parametrize(
    "changes",
    [
        *({"bank": bank} for bank in ("", "1", "00088", "신한", "０８８")),
        *(
            {"number": number}
            for number in ("", "12345", "1" * 21, "1-" * 12 + "1", "1 2 3 4 5 6", "１１０１２３", "-" * 8)
        ),
        *({"holder": holder} for holder in ("", "  ", "가" * 41, "김\n예매")),
        *({"born": born} for born in ("90-01-01", "19900101", "１２３４５６", "x")),
    ],
)
def test_what_is_no_account_is_refused_and_not_repeated(changes):
    with pytest.raises(Malformed) as refused:
        parse_account(**{"bank": "088", "number": "110123456789", "holder": "김예매"} | changes)

    said = f"{refused.value.detail} {refused.value.extra}"
    assert "message_ko" in refused.value.extra
    assert not any(len(text) > 4 and text in said for text in changes.values())
