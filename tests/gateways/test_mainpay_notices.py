"""Mainpay's notices: what they say, what names them, and what is none."""

import json
from datetime import date
from urllib.parse import urlencode

import pytest

from bridge.domain.failures import NotGenuine, Unreadable
from bridge.domain.payment import AMOUNT_MAX
from bridge.gateways.mainpay.notices import acknowledge, read

MBR = "100011"
CARD = {
    **{"cmd": "0", "mbrNo": MBR, "mbrRefNo": "PAY1", "refNo": "REF1", "amount": "55000"},
    **{"tranDate": "261120", "tranTime": "150001", "applNo": "300", "orgRefNo": "REF0", "orgTranDate": "261119"},
}
DEPOSIT = {
    **{"TRGUBUN": "V2", "STOREID": MBR, "ORDNO": "PAY1", "REF_NO": "REF1", "TRDATE": "20261121", "TRTIME": "093000"},
    **{"ACCOUNTNO": "0012", "AMT": "55000", "REPLYCODE": "0000"},
}
KINDS = pytest.mark.parametrize(("form", "amount"), [(CARD, "amount"), (DEPOSIT, "AMT")], ids=["card", "deposit"])


def noticed(form, **changes):
    told = {name: value for name, value in (form | changes).items() if value is not None}
    return read(urlencode(told).encode(), MBR)


@pytest.mark.parametrize(
    ("cmd", "event"), [("0", "approved"), ("1", "cancelled"), ("2", "part_cancelled"), ("3", "other"), ("", "other")]
)
def test_a_cards_notice_tells_what_happened_by_its_command(cmd, event):
    notice = noticed(CARD, cmd=cmd)

    assert (notice.event, notice.merchant_ref, notice.amount) == (event, "PAY1", 55_000)
    named = ("refNo", "orgRefNo", "tranDate", "orgTranDate", "applNo")
    assert notice.refs == {name: CARD[name] for name in named}


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, ("refNo", "REF0", date(2026, 11, 19))),
        ({"cmd": "2", "orgTranDate": "20261119"}, ("refNo", "REF0", date(2026, 11, 19))),
        ({"cmd": "0"}, None),
        *(({"orgRefNo": strange}, None) for strange in (None, "", "R%", "R_0", 'R"', "가")),
        *(({"orgTranDate": strange}, None) for strange in (None, "", "1119", "261319", "26111９")),
    ],
)
def test_a_cancel_names_what_it_is_of_by_letters_and_digits_and_a_day(changes, found):
    original = noticed(CARD, **({"cmd": "1"} | changes)).original
    assert (original and (original.name, original.number, original.day)) == found


def test_a_cards_notice_keeps_only_what_it_names():
    bare = noticed({"cmd": "0", "mbrNo": MBR, "amount": "1"})

    assert (bare.refs, bare.merchant_ref, bare.amount) == ({}, "", 1)


@pytest.mark.parametrize(
    ("changes", "event"),
    [
        ({}, "deposited"),
        ({"TRGUBUN": "V1"}, "other"),
        ({"REPLYCODE": "9999"}, "other"),
        ({"TRGUBUN": None}, "other"),
        ({"REPLYCODE": None}, "other"),
    ],
)
def test_money_is_in_an_account_only_by_a_deposits_notice_that_says_so(changes, event):
    notice = noticed(DEPOSIT, **changes)

    assert (notice.event, notice.merchant_ref, notice.amount) == (event, "PAY1", 55_000)
    assert notice.refs == {"account_number": "0012", "refNo": "REF1"}


def test_a_deposits_notice_without_its_numbers_names_none():
    assert noticed(DEPOSIT, ACCOUNTNO=None, REF_NO=None).refs == {"account_number": "", "refNo": ""}


@KINDS
def test_a_notice_is_never_taken_for_proof(form, amount):
    assert type(noticed(form).proof).__name__ == "Circumstantial"


@pytest.mark.parametrize("mbr", ["100012", "", None])
def test_a_notice_about_another_merchant_is_not_genuine(mbr):
    with pytest.raises(NotGenuine):
        noticed(CARD, mbrNo=mbr)
    with pytest.raises(NotGenuine):
        noticed(DEPOSIT, STOREID=mbr)


def test_what_is_neither_a_cards_nor_a_deposits_notice_is_unreadable():
    for form in ({}, {"mbrNo": MBR, "amount": "1"}, {"STOREID": MBR, "AMT": "1"}):
        with pytest.raises(Unreadable):
            noticed(form)


@KINDS
@pytest.mark.parametrize("won", ["1", "000000000001", str(AMOUNT_MAX), f"00{AMOUNT_MAX}"])
def test_an_amount_is_up_to_twelve_digits_of_krw(form, amount, won):
    assert noticed(form, **{amount: won}).amount == int(won)


@KINDS
@pytest.mark.parametrize("won", [None, "", "0", "-1", "1e3", "１０", "1.0", "0000000000001", str(AMOUNT_MAX + 1)])
def test_anything_else_is_no_amount_and_loses_no_cancel_and_no_deposit(form, amount, won):
    moved = {"cmd": "2"} if form is CARD else {}
    assert noticed(form, **{**moved, amount: won}).amount == 0
    with pytest.raises(Unreadable):
        noticed(form, **{"cmd": "0", "REPLYCODE": "9999", amount: won})


@pytest.mark.parametrize(
    ("form", "decisive"),
    [
        (CARD, ("cmd", "refNo", "mbrRefNo", "tranDate", "tranTime", "amount")),
        (DEPOSIT, ("TRGUBUN", "REPLYCODE", "ORDNO", "REF_NO", "TRDATE", "TRTIME", "ACCOUNTNO", "AMT")),
    ],
    ids=["card", "deposit"],
)
def test_a_notice_is_another_where_anything_that_decides_its_effect_is_and_the_same_again_otherwise(form, decisive):
    name = noticed(form).dedupe

    assert noticed(form).dedupe == noticed(form, goodsName="x", RCPTNAME="y").dedupe == name
    others = [noticed(form, **{field: "9"}).dedupe for field in decisive]
    assert len({name, *others}) == len(decisive) + 1


@pytest.mark.parametrize(
    ("form", "name"),
    [
        (CARD, "card:1ba67caaf9838d6b250af95cbac2d153"),
        ({"cmd": "0", "mbrNo": MBR, "amount": "1"}, "card:c4b9e4a20748f787bfedbda26ed616ce"),
        (DEPOSIT, "deposit:e5782a57101c5d6fbc268400b3b53606"),
        ({"ORDNO": "PAY1", "STOREID": MBR, "AMT": "1"}, "deposit:f866b7561a7e591160592e047310ede0"),
    ],
)
def test_a_notice_keeps_its_name_for_ever_or_a_repeat_after_an_update_would_be_news(form, name):
    assert noticed(form).dedupe == name


def test_each_kind_gets_its_own_exact_answer():
    deposit = acknowledge(urlencode(DEPOSIT).encode())
    assert (deposit.status, deposit.body, deposit.content_type) == (200, "OK", "text/plain")
    card = acknowledge(urlencode(CARD).encode())
    assert (card.status, card.content_type) == (200, "application/json; charset=utf-8")
    assert card.body == '{"resultCode":"0000","message":"정상","mbrNo":"100011","mbrRefNo":"PAY1","refNo":"REF1"}'
    bare = acknowledge(b"cmd=0")
    assert json.loads(bare.body).items() >= {"mbrNo": "", "mbrRefNo": "", "refNo": ""}.items()


def test_korean_of_old_is_read_in_a_notice():
    raw = urlencode(CARD).encode() + b"&goodsName=" + b"".join(b"%%%02X" % byte for byte in "공연".encode("cp949"))

    assert read(raw, MBR).merchant_ref == "PAY1"
    assert "PAY1" in acknowledge(raw).body
    deposit = urlencode(DEPOSIT).encode() + b"&RCPTNAME=%B0%A1"
    assert read(deposit, MBR).event == "deposited"
    assert acknowledge(deposit).body == "OK"
