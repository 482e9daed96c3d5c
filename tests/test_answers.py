"""Answers and notices no document has: whatever is not an explicit yes or a listed no is unknown."""

import json
from dataclasses import fields
from urllib.parse import parse_qsl, urlencode

import pytest

import bridge.domain.gateway
from bridge.domain.exchange import Reply
from bridge.domain.failures import Unreadable
from bridge.domain.gateway import Unknown
from bridge.gateways.mainpay import notices
from tests.test_vectors import VECTORS, adapter, exchange, outcome_of


def test_of_all_codes_only_the_listed_ones_pay_or_decline():
    vector = next(one for one in VECTORS if one["operation"] == "pay" and "reply" in one)
    gateway, data = adapter(vector), vector["reply"]["body"]
    every = [str(number) for number in range(10_000)] + [f"{number:04d}" for number in range(1_000)]
    settled = set()
    for code in [*every, "", "200 ", "0200", "2OO", "ok", "200.0", "２００"]:
        reply = {"status": 200, "body": data | {"resultCode": code}}
        if not isinstance(outcome_of(gateway, vector | {"reply": reply}), Unknown):
            settled.add(code)

    assert settled == {"200", "2001", "2002", "2003"}


@pytest.mark.parametrize(
    "body",
    [b"", b"\xef\xbb\xbf", b"null", b"[]", b'"200"', b"{", b'{"resultCode":"200"}', b'{"resultCode":["200"]}',
     b'{"resultCode":"200","resultCode":"2001"}', b'{"resultCode":"200","data":""}', b'{"resultCode":"200","data":{}}',
     b'{"resultCode":"200","data":{"refNo":"1","amount":"1e3"}}', b'{"resultCode":true,"data":{"amount":1004}}',
     b'{"resultCode":"200","data":{"refNo":"1","amount":-5}}', b'{"resultCode":"200","data":{"refNo":"1"}}',
     b'{"resultCode":"200","data":{"refNo":"1","amount":1004.0}}', "{\"resultCode\":\"２００\"}".encode(),
     b"[" * 100_000, b"\x00\xff<OK"],
)  # fmt: skip
@pytest.mark.parametrize("operation", ["pay", "net_cancel"])
def test_an_answer_of_another_shape_is_unknown(operation, body):
    vector = next(one for one in VECTORS if one["operation"] == operation and "reply" in one)
    talk = exchange(adapter(vector), vector)
    next(talk)
    outcome = None
    try:
        talk.send(Reply(200, body))
    except StopIteration as end:
        outcome = end.value
    except Unreadable:
        outcome = Unknown("unreadable")

    undone = operation == "net_cancel" and b'"resultCode":"200"' in body
    assert isinstance(outcome, Unknown) or undone, outcome


def test_a_virtual_account_without_its_number_is_never_paid():
    vector = next(one for one in VECTORS if one["operation"] == "vacct" and one["meaning"]["type"] == "Waiting")
    told = json.loads(json.dumps(vector["reply"]))
    del told["body"]["data"]["accountNo"]

    assert isinstance(outcome_of(adapter(vector), vector | {"reply": told}), Unknown)


@pytest.mark.parametrize("operation", ["cancel", "part_cancel", "net_cancel"])
@pytest.mark.parametrize("dialect", ["live", "guide"])
def test_a_cancel_answered_about_another_payment_proves_nothing(operation, dialect):
    vector = next(
        one for one in VECTORS if (one["operation"], one["dialect"]) == (operation, dialect) and "call" in one
    )
    told = json.loads(json.dumps(vector["reply"]))
    told["body"]["data"]["mbrRefNo"] = "SOMEBODYELSES"

    assert isinstance(outcome_of(adapter(vector), vector | {"reply": told}), Unknown)


@pytest.mark.parametrize(
    "amount",
    [
        "0",
        "-1",
        "1e3",
        "１０００",
        "1,000",
        "",
        "10.0",
        "9" * 13,
        "1_000",
        "0" * 12 + "1",
        "0" * 11 + "1" + "9" * 5_000,
    ],
)
def test_an_amount_that_is_none_is_read_out_of_no_notice_and_loses_no_deposit(amount):
    sale, deposit = (
        dict(parse_qsl(next(one for one in VECTORS if one["operation"] == name)["raw"], keep_blank_values=True))
        for name in ("card_notice", "deposit_notice")
    )
    with pytest.raises(Unreadable):
        notices.read(urlencode(sale | {"amount": amount}).encode(), "100011")
    told = notices.read(urlencode(deposit | {"AMT": amount}).encode(), "100011")
    assert (told.event, told.amount) == ("deposited", 0)


def test_no_meaning_is_overlooked():
    """A field that `meaning` names must be one that the outcome has: a misspelt one would prove nothing."""
    for vector in VECTORS:
        told = vector.get("meaning", {})
        kind = getattr(bridge.domain.gateway, told.get("type", ""), None)
        if kind is not None:
            assert set(told) - {"type"} <= {one.name for one in fields(kind)}, vector["name"]
