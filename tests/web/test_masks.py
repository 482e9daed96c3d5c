"""Personal data is shown so that it can be recognised, and not used."""

import pytest

from bridge.web import masks


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("홍길동", "홍*동"),
        ("김민", "김*"),
        ("남궁민수", "남**수"),
        ("Ada Lovelace", "A****e"),
        ("王", "*"),
        ("", ""),
        (" 이도 ", "이*"),
    ],
)
def test_a_name_keeps_its_ends(name: str, shown: str) -> None:
    assert masks.mask_name(name) == shown


@pytest.mark.parametrize(
    ("phone", "shown"),
    [
        ("010-1234-5678", "010-****-5678"),
        ("01012345678", "010-****-5678"),
        ("011-123-4567", "011-***-4567"),
        ("02-123-4567", "02-***-4567"),
        ("+82 10 1234 5678", "821-*****-5678"),
        ("1234", "****"),
        ("", ""),
    ],
)
def test_a_phone_keeps_its_first_and_last_digits(phone: str, shown: str) -> None:
    assert masks.mask_phone(phone) == shown


@pytest.mark.parametrize(
    ("email", "shown"),
    [
        ("gildong@example.com", "gi*****@example.com"),
        ("a@b.kr", "a**@b.kr"),
        ("abc@b.kr", "a**@b.kr"),
        ("no address", "**********"),
        ("", ""),
    ],
)
def test_an_address_keeps_its_host(email: str, shown: str) -> None:
    assert masks.mask_email(email) == shown


@pytest.mark.parametrize("number", ["1234567890123456", "1234-5678-9012-3456", "123456******3456", "378282246310005"])
def test_a_card_never_shows_more_than_six_and_four(number: str) -> None:
    shown = masks.mask_card(number).replace(" ", "")
    assert len(shown) == len(number.replace("-", ""))
    assert shown[6:-4] == "*" * (len(shown) - 10)


def test_what_is_no_whole_card_number_shows_its_last_four_at_most() -> None:
    assert masks.mask_card("1234567890") == "******7890"
    assert masks.mask_card("7890") == "7890"


def test_an_account_shows_its_last_four() -> None:
    assert masks.mask_account("123-456-789012") == "********9012"
    assert masks.mask_account("1234") == "****"


def test_long_numbers_in_a_text_are_hidden_and_short_ones_stay() -> None:
    assert masks.mask_numbers("card 1234 5678 9012 3456, code 2002") == "card ************3456, code 2002"


def test_references_stay_whole_and_what_is_personal_by_its_name_does_not() -> None:
    refs = {"refNo": "202611201234", "aid": "A1", "account_number": "12345678901234", "authToken": "abcdefgh"}
    shown = {"refNo": "202611201234", "aid": "A1", "account_number": "**********1234", "authToken": "****efgh"}
    assert masks.mask_refs(refs) == shown
