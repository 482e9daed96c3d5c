"""Mainpay's direct API: every vector is spoken and understood, and a mistake in any of its fields is caught by them."""

import dataclasses

import pytest

from bridge.domain.exchange import Call
from tests.gateways.harness import Bent, built, holds, is_spoken, load, means, named, played

VECTORS = load("mainpay", "direct")
OPERATIONS = {one["operation"] for one in VECTORS}
SECRET = {"cardNo", "expd", "regNo", "passwd", "billkey", "customerPk", "accountOwner", "signature"}


@pytest.mark.parametrize("vector", VECTORS, ids=named)
def test_the_adapter_speaks_and_understands(vector):
    calls, outcome = played(built(vector), vector)

    assert len(calls) == 1
    assert is_spoken(calls[0], vector["talk"][0]["call"]), calls[0].form
    assert means(outcome, vector["meaning"]), outcome
    assert holds(built(vector), vector)


def test_no_secret_of_a_card_a_key_or_a_person_may_be_shown():
    for vector in VECTORS:
        (call,), _ = played(built(vector), vector)
        assert SECRET & set(call.form) <= call.secrets


def test_every_operation_says_yes_no_and_that_it_does_not_know():
    for operation in OPERATIONS - {"charge", "refund"}:
        meanings = {one["meaning"]["type"] for one in VECTORS if one["operation"] == operation}
        assert "Unknown" in meanings or "Declined" in meanings, operation
        assert len(meanings) >= 2, operation


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_a_field_left_out_or_changed_is_caught(operation):
    vector = next(one for one in VECTORS if one["operation"] == operation)
    for name in vector["talk"][0]["call"]["form"]:

        def without(call: Call, name: str = name) -> Call:
            return dataclasses.replace(call, form={key: value for key, value in call.form.items() if key != name})

        def changed(call: Call, name: str = name) -> Call:
            return dataclasses.replace(call, form=dict(call.form) | {name: "0" + call.form[name]})

        assert not holds(Bent(built(vector), without), vector), name
        assert not holds(Bent(built(vector), changed), vector), name


@pytest.mark.parametrize("reply", ["", "<html>", '{"resultCode":"200"}', '{"resultCode":200}', "[]"])
def test_an_answer_that_cannot_be_read_is_neither_a_yes_nor_a_no(reply):
    for vector in VECTORS:
        if vector["operation"] in ("delete_key", "void_account", "cancel_receipt", "cancel_transfer", "refund", "undo"):
            continue  # their yes has no more to say than its code
        _, outcome = played(built(vector), vector, [{"text": reply}])
        assert type(outcome).__name__ in ("Unknown", "Done"), (vector["name"], outcome)
        assert type(outcome).__name__ == "Unknown" or vector["operation"] == "register_transfer"


@pytest.mark.parametrize(
    ("codes", "meant"),
    [
        (["200"], "Undone"),
        (["3001", "200"], "Undone"),
        (["3001", "404"], "Unknown"),
        (["404", "3001"], "Unknown"),
        (["404", "404"], "NothingThere"),
    ],
)
@pytest.mark.parametrize(("at", "days"), [("14:59:59", ["261120", "261121"]), ("15:00:01", ["261121", "261120"])])
def test_around_midnight_nothing_was_there_only_if_both_days_say_so(codes, meant, at, days):
    vector = next(one for one in VECTORS if one["operation"] == "undo")
    sent = vector["sent"] | {"at": f"2026-11-20T{at}+00:00"}
    (talk,) = [one["reply"] for one in vector["talk"]]
    replies = [{"status": 200, "body": talk["body"] | {"resultCode": code}} for code in codes]
    calls, outcome = played(built(vector), vector | {"sent": sent}, replies)

    assert [call.form["orgTranDate"] for call in calls] == days[: len(codes)]
    assert type(outcome).__name__ == meant
