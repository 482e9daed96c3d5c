"""How PayApp is asked and how its answers are read: marks, pages, yes and no, words that fit."""

import pytest

from bridge.domain.exchange import Reply
from bridge.domain.failures import Unreadable
from bridge.domain.payment import Mode
from bridge.gateways.payapp.adapter import build
from bridge.gateways.payapp.talk import Talk, digits, plain, read
from tests.gateways.test_payapp_fields import MARKS, SETTINGS, WHO, gateway


def test_what_is_empty_is_left_out_of_a_call():
    call = Talk.call(gateway(), "x", {"a": "", "b": "1"})

    assert call.form == {"cmd": "x", **WHO, "b": "1"}
    assert call.moves_money is False


@pytest.mark.parametrize(("kind", "reference"), [("r", "PAY1"), ("j", "PAY1"), ("b", "PAY1"), ("p", "PLAN1")])
def test_a_mark_of_ours_is_known_by_its_way_and_its_reference(kind, reference):
    own = gateway()
    assert own.seal(kind, reference) == MARKS[kind]
    assert own.sealed_kind(reference, MARKS[kind]) == kind
    assert own.sealed_kind("PAY2", MARKS[kind]) == ""
    assert own.sealed_kind(reference, MARKS[kind][:-1]) == ""
    assert build(SETTINGS | {"linkval": "other"}, Mode.TEST).sealed_kind(reference, MARKS[kind]) == ""


@pytest.mark.parametrize("mark", ["", "r", "x" + "0" * 32, "r\ud800", "xb19e8fe843b9445e238bc6d4fa1f079d"])
def test_anybody_elses_mark_is_none(mark):
    assert gateway().sealed_kind("PAY1", mark) == ""


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://payapp.kr/L/1", "https://payapp.kr/L/1"),
        ("http://payapp.kr/L/1?a=b", "https://payapp.kr/L/1?a=b"),
        ("http://payapp.kr:80/x", "https://payapp.kr/x"),
        ("https://www.payapp.kr:443/x", "https://www.payapp.kr/x"),
        ("https://api.payapp.kr/x", "https://api.payapp.kr/x"),
    ],
)
def test_a_page_of_payapps_is_asked_for_by_https(url, shown):
    assert gateway().page(url) == shown


@pytest.mark.parametrize(
    "url",
    [
        *("", "/x", "https:///x", "ftp://payapp.kr/x", "https://payapp.kr:8443/x", "https://evilpayapp.kr/x"),
        *(
            "https://u@payapp.kr/x",
            "https://evil.test\\.payapp.kr/x",
            "https://é.payapp.kr/x",
            "https://payapp.kr/\x7f",
        ),
        *("https://payapp.kr.evil.test/x", "https://evil.test/payapp.kr"),
    ],
)
def test_a_page_at_any_other_address_is_unreadable(url):
    with pytest.raises(Unreadable):
        gateway().page(url)


def test_the_address_that_is_asked_may_name_pages_as_it_likes():
    own = gateway(api_url="http://127.0.0.1:9001/api")
    assert own.page("http://127.0.0.1:9001/L/1") == "http://127.0.0.1:9001/L/1"
    for url in ("http://127.0.0.1:9002/L/1", "http://u@127.0.0.1:9001/L/1"):
        with pytest.raises(Unreadable):
            own.page(url)


def test_an_answer_says_yes_without_an_error_or_no():
    for body in (b"state=1", b"state=1&errno=", b"state=1&errno=00000", b" state=1&errno=00000 \n", b"state=1&errno=+"):
        assert read(Reply(200, body)).ok
    assert read(Reply(499, b"state=1")).ok, "a status tells nothing below 500"
    answer = read(Reply(200, b"state=0&errno=+70010+&errorMessage=x"))
    assert (answer.ok, answer.errno, answer.message) == (False, "70010", "x")
    assert (read(Reply(200, b"state=0")).errno, read(Reply(200, b"state=0")).message) == ("", "")
    assert read(Reply(200, b"state=1&errno=00000")).errno == ""


@pytest.mark.parametrize(
    ("status", "body"),
    [
        *((500, b"state=1"), (503, b"state=1"), (200, b""), (200, b"state=2"), (200, b"state="), (200, b"state=01")),
        *((200, b"state=1&errno=70010"), (200, b"state=1&state=0"), (200, b"state=1&x=%00"), (200, b"<html>")),
    ],
)
def test_an_answer_of_any_other_shape_is_unreadable(status, body):
    with pytest.raises(Unreadable):
        read(Reply(status, body))


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("봄의  제전\n R석", "봄의 제전 R석"),
        ("보세요 https://shop.test/a?b=c 지금", "보세요 지금"),
        ("보세요 www.shop.test/x 지금", "보세요 지금"),
        ("a+b-c.d1://x y", "y"),
        ("wwwx", "wwwx"),
        ("https://shop.test", "티켓"),
        ("", "티켓"),
        ("a" * 200, "a" * 200),
        ("a" * 201, "a" * 200),
        ("가" * 70, "가" * 66),
        ("a" * 198 + "가", "a" * 198),
    ],
)
def test_a_goods_name_holds_no_address_and_fits(text, written):
    assert plain(text, "티켓") == written


def test_of_a_phone_only_its_digits_are_told():
    assert digits("+82 (10) 1234-5678") == "821012345678"
    assert digits("０１０") == ""
    assert digits("extension x9") == "9"
