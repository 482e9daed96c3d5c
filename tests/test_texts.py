"""Texts for gateways: limits in bytes, and nothing of a card that may not be shown."""

import pytest

from bridge.domain.exchange import Fields
from bridge.domain.failures import Unreadable
from bridge.domain.texts import cut, digits, email, end_of_day, fit, masked_card


@pytest.mark.parametrize(
    ("text", "most", "charset", "fitted"),
    [
        ("봄의 제전", 100, "utf-8", "봄의 제전"),
        ("봄의 제전", 7, "utf-8", "봄의"),
        ("봄의 제전", 5, "euc-kr", "봄의"),
        ("a<b>'\"&c", 20, "utf-8", "a b c"),
        ("🎫🎫", 20, "utf-8", "표"),
        ("", 20, "utf-8", "표"),
    ],
)
def test_a_text_fits_its_bytes_and_breaks_no_character(text, most, charset, fitted):
    assert fit(text, most, "표", charset) == fitted
    assert len(fit(text, most, "표", charset).encode(charset)) <= most


@pytest.mark.parametrize(
    ("text", "most", "rest"),
    [("가나 (1)!", 20, "가나 (1)!"), ("가나다", 6, "가나"), ("가나다", 8, "가나"), ("가 나", 4, "가")],
)
def test_a_text_is_cut_at_a_characters_edge_and_otherwise_left_alone(text, most, rest):
    assert cut(text, most) == rest


def test_digits_and_addresses_are_whole_or_not_there():
    assert digits("010-1234-5678", 20) == "01012345678"
    assert digits("010-1234-5678", 3) == "010"
    assert email("a@b.test", 60) == "a@b.test"
    assert email("a@b.test", 5) == ""
    assert email("nobody", 60) == ""


@pytest.mark.parametrize(
    ("date", "end"), [("261231", "2026-12-31T23:59:59+09:00"), ("20261231", "2026-12-31T23:59:59+09:00")]
)
def test_a_day_ends_in_korea(date, end):
    assert end_of_day(date).isoformat() == end
    assert end_of_day("tomorrow") is None


@pytest.mark.parametrize(
    ("shown", "kept"),
    [("45181234****1111", "4518-12**-****-1111"), ("9040-12**-****-5678", "9040-12**-****-5678"), ("1234", "1234")],
)
def test_a_card_is_masked_again(shown, kept):
    assert masked_card(shown) == kept


def test_a_list_of_objects_is_read_or_unreadable():
    assert [row.text("a") for row in Fields({"rows": [{"a": "1"}, {"a": "2"}]}).rows("rows")] == ["1", "2"]
    assert Fields({}).rows("rows") == Fields({"rows": ""}).rows("rows") == Fields({"rows": []}).rows("rows") == ()
    for bent in ("x", {}, [1], [{}, "x"]):
        with pytest.raises(Unreadable):
            Fields({"rows": bent or 1}).rows("rows")
