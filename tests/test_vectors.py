"""Every vector: the adapter speaks it, the adapter understands it, and the sandbox gives the answer.

A disputed vector is asserted not to hold, so that nobody bends the code to a misprint and nobody misses the day a
document is corrected. What nothing here reaches stands in one place, `UNPROVEN`."""

import json
from dataclasses import is_dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import bridge.gateways.mainpay
from bridge.domain.exchange import Call, Reply, Stamp
from bridge.domain.failures import Unreadable
from bridge.domain.gateway import Return, Unknown, Urls
from bridge.domain.payment import Buyer, Device, Method, Mode, Order, Payment, RefundOrder
from bridge.gateways.mainpay import codes
from bridge.gateways.mainpay.adapter import Mainpay, build
from tests.sandbox.test_vectors_answered import test_the_sandbox_answers_a_vector as play

FOLDER = Path(bridge.gateways.mainpay.__file__).parent / "vectors"
VECTORS = [vector for path in sorted(FOLDER.glob("*.json")) for vector in json.loads(path.read_text("utf-8"))]
NOW = "2025-12-30T12:28:20+09:00"
URLS = {"approval": "https://bridge.test/r/x", "close": "https://bridge.test/c/x", "notice": "https://bridge.test/n/x"}

NEEDED = {"ready": {"customerName", "customerEmail"}, "pay": set(), "cancel": set()}
"""Fields without which a call is another call, whatever else it carries."""

APART = {
    ("cancel_by_order", "takes a payment back by its order number"),
    ("cancel_by_order", "takes a payment of the early morning back"),
    ("vacct", "closes an account before its deposit"),
}
"""Calls that are not their operation's usual one: each has a test of its own."""

UNPROVEN = {
    "400": "ready, cancel: seen nowhere; unknown in either",
    "401": "cancel: seen nowhere; unknown",
    "403": "ready, cancel: seen nowhere; unknown in either",
    "500": "ready, cancel: seen nowhere; unknown in either",
}
"""Codes of the printed table that a vector reaches for pay alone."""


def named(vector: dict[str, Any]) -> str:
    """mainpay/live/pay-2002 and so on."""
    words = "-".join("".join(sign if sign.isalnum() else " " for sign in vector["name"]).split())
    return f"mainpay/{vector['dialect']}/{vector['operation']}-{words}"


def some(*operations: str, part: str = "", disputed: bool = False) -> Any:
    """Choose vectors for a test; at least one, or the test would prove nothing."""
    chosen = [
        vector
        for vector in VECTORS
        if vector["operation"] in operations
        and (not part or part in vector)
        and (vector["standing"] == "disputed") is disputed
        and (vector["operation"], vector["name"]) not in APART
    ]
    assert chosen
    return pytest.mark.parametrize("vector", chosen, ids=named)


def stamp(given: dict[str, str] | None) -> Stamp:
    given = given or {"at": NOW, "nonce": "0000004d" + "0" * 24}
    return Stamp(datetime.fromisoformat(given["at"]), given["nonce"])


def adapter(vector: dict[str, Any]) -> Mainpay:
    return build(vector["settings"], Mode.TEST)


def payment(vector: dict[str, Any]) -> Payment:
    told = vector["payment"]
    refs = dict(told["refs"])
    if vector["dialect"] == "guide" and vector["operation"] != "ready":
        refs = {"dialect": "guide"} | refs
    captured = told.get("captured", 0)
    states = {True: "paid", False: "approving"}
    made = stamp(vector.get("sent", vector.get("stamp"))).at
    return Payment(
        id="p",
        site="s",
        order_ref="ORDER-1",
        order_version=1,
        gateway="mainpay",
        method=Method(told["method"]),
        device=Device(told["device"]),
        state=states[captured > 0],
        amount=told["amount"],
        version=3,
        merchant_ref=told["merchant_ref"],
        created_at=made,
        expires_at=made + timedelta(minutes=15),
        captured=captured,
        refunded=told.get("refunded", 0),
        refs=refs,
        account=told.get("account", {}),
    )


def order(vector: dict[str, Any]) -> Order:
    told = vector["order"]
    return Order(told["ref"], 1, told["title"], told["amount"], Buyer(**told["buyer"]), "https://shop.test/result")


def exchange(gateway: Mainpay, vector: dict[str, Any]) -> Any:
    """Begin the conversation a vector is an example of."""
    match vector["operation"]:
        case "ready":
            urls = Urls(**vector.get("urls", URLS))
            return gateway.open_window(payment(vector), order(vector), urls, stamp(vector["stamp"]))
        case "pay" | "vacct":
            return gateway.approve(payment(vector), Return(vector["returned"]), stamp(vector["stamp"]))
        case "net_cancel" | "cancel_by_order":
            sent, now = stamp(vector["sent"]), stamp(vector["stamp"])
            return gateway.undo(payment(vector), Return(vector["returned"]), sent, now)
        case "cancel" | "part_cancel":
            return gateway.refund(payment(vector), RefundOrder(**vector["refund"]), stamp(vector["stamp"]))
    raise AssertionError(vector["operation"])


def call_of(gateway: Mainpay, vector: dict[str, Any]) -> Call:
    talk = exchange(gateway, vector)
    call = next(talk)
    talk.close()
    return call


def outcome_of(gateway: Mainpay, vector: dict[str, Any]) -> Any:
    """Let the adapter read the vector's reply, as the wire would."""
    talk = exchange(gateway, vector)
    next(talk)
    return ended(talk, vector["reply"])


def ended(talk: Any, told: dict[str, Any]) -> Any:
    """Give the reply to a conversation that waits for it, and what comes of it."""
    body = told["text"] if "text" in told else json.dumps(told["body"], ensure_ascii=False)
    try:
        talk.send(Reply(told["status"], body.encode()))
    except StopIteration as end:
        return end.value
    except Unreadable as error:
        return Unknown(f"Unreadable: {error.detail}")
    raise AssertionError("one call, one answer")


def is_spoken(call: Call, told: dict[str, Any]) -> bool:
    """Tell whether a call is the vector's: the same address, every field of it, and the named ones with any value."""
    form = dict(call.form or {})
    return (
        (call.method, call.url) == (told["method"], told["url"])
        and {name: form.get(name) for name in told["form"]} == told["form"]
        and all(form.get(name) for name in told["also"])
    )


def means(value: Any, told: Any) -> bool:
    """Tell whether a value is what `meaning` says, as far as it says anything."""
    if isinstance(told, dict) and "type" in told:
        inner = {name: wanted for name, wanted in told.items() if name != "type"}
        return type(value).__name__ == told["type"] and all(means(getattr(value, name), inner[name]) for name in inner)
    if isinstance(told, dict):
        return all(name in value and means(value[name], wanted) for name, wanted in told.items())
    if isinstance(value, datetime):
        return value.isoformat().startswith(told)
    if is_dataclass(value) and isinstance(told, str):
        return type(value).__name__ == told
    return bool(value == told)


@some("ready", "pay", "vacct", "net_cancel", "cancel", "part_cancel", part="call")
def test_the_adapter_speaks(vector):
    call = call_of(adapter(vector), vector)
    form = dict(call.form or {})

    assert (call.method, call.url) == (vector["call"]["method"], vector["call"]["url"])
    assert {name: form.get(name) for name in vector["call"]["form"]} == vector["call"]["form"]
    assert all(form.get(name) for name in vector["call"]["also"])
    assert call.moves_money is (vector["operation"] != "ready")
    assert call.secrets >= {"signature", "authToken", "authCode"} & set(form)


@some("ready", "pay", "net_cancel", "cancel_by_order", "cancel", "part_cancel", part="reply")
def test_the_adapter_understands(vector):
    outcome = outcome_of(adapter(vector), vector)

    assert means(outcome, vector["meaning"]), f"{outcome!r} is not {vector['meaning']!r}"


@some("vacct", part="reply")
def test_the_adapter_understands_an_issued_account(vector):
    outcome = outcome_of(adapter(vector), vector)
    told = vector["meaning"]

    assert type(outcome).__name__ == told["type"]
    assert outcome.account["number"] == told["account"]["number"]
    assert outcome.account["bank_code"] == told["account"]["bank"]
    assert outcome.due.date().isoformat() == told["due"]
    assert outcome.refs.items() >= told["refs"].items()


@some("return")
def test_the_adapter_understands_a_return(vector):
    returned = adapter(vector).read_return(vector["returned"])

    assert means(returned, vector["meaning"]), returned


@some("card_notice", "deposit_notice")
def test_the_adapter_understands_a_notice_and_gives_its_exact_answer(vector):
    gateway, raw = adapter(vector), vector["raw"].encode()
    notice, ack = gateway.read_notice(raw, "noti"), gateway.acknowledge(raw, "noti")

    assert means(notice, vector["meaning"]), notice
    if "body" in vector.get("ack", {}):
        assert (ack.status, ack.body) == (vector["ack"]["status"], vector["ack"]["body"])
    if "json" in vector.get("ack", {}):
        assert ack.status == vector["ack"]["status"]
        assert json.loads(ack.body).items() >= vector["ack"]["json"].items()


@some("signature")
def test_the_adapter_signs(vector):
    given = vector["given"]
    gateway = adapter(vector)

    assert gateway.sign(given["mbrRefNo"], given["amount"], given["timestamp"]) == vector["signature"]
    if "stamp" in vector:
        assert gateway.timestamp(stamp(vector["stamp"])) == given["timestamp"]


@some("ready", "pay", "cancel", part="call", disputed=True)
def test_the_adapter_does_not_speak_what_is_disputed(vector):
    call, told = call_of(adapter(vector), vector), vector["call"]
    others = NEEDED[vector["operation"]] & set(call.form or {}) - set(told["form"])

    assert not is_spoken(call, told) or others


@some("signature", disputed=True)
def test_the_adapter_does_not_sign_what_is_disputed(vector):
    given = vector["given"]
    assert adapter(vector).sign(given["mbrRefNo"], given["amount"], given["timestamp"]) != vector["signature"]


@some("return", disputed=True)
def test_the_adapter_does_not_read_a_return_that_is_disputed_as_its_meaning_says(vector):
    assert not means(adapter(vector).read_return(vector["returned"]), vector["meaning"])


@pytest.mark.parametrize("vector", [one for one in VECTORS if "sandbox" in one], ids=named)
async def test_the_sandbox_answers(vector):
    await play(vector)


def apart(operation: str) -> list[dict[str, Any]]:
    """Give the vectors of an operation that stand apart."""
    return [one for one in VECTORS if (one["operation"], one["name"]) in APART and one["operation"] == operation]


def returned(vector: dict[str, Any]) -> Payment:
    """Give the payment of a vector as it is once the buyer came back."""
    made = payment(vector)
    return replace(made, refs=made.refs | {"payType": vector["returned"]["payType"]})


def by_order(gateway: Mainpay, vector: dict[str, Any]) -> Call:
    """Let an adapter take the payment of a vector back by its order number."""
    return gateway.cancel_by_order(returned(vector), stamp(vector["sent"]).at, stamp(vector["stamp"]))


@pytest.mark.parametrize("vector", apart("cancel_by_order"), ids=named)
def test_the_adapter_takes_a_payment_back_by_its_order_number(vector):
    gateway = adapter(vector)

    assert is_spoken(by_order(gateway, vector), vector["call"])
    undo = gateway.undo(returned(vector), Return({}), stamp(vector["sent"]), stamp(vector["stamp"]))
    assert is_spoken(next(undo), vector["call"]), "it is the way out where the return is lost"
    assert means(ended(undo, vector["reply"]), vector["meaning"])


def test_the_adapter_closes_an_account_under_a_number_of_its_own():
    (vector,) = apart("vacct")
    gateway, told = adapter(vector), vector["call"]
    closing = gateway.void_account(payment(vector), stamp(vector["stamp"]))
    call = next(closing)
    form = dict(call.form or {})
    ours = {"mbrRefNo": form["mbrRefNo"]}
    signed = {"signature": gateway.sign(form["mbrRefNo"], form["amount"], form["timestamp"])}

    assert form["mbrRefNo"] != payment(vector).merchant_ref
    assert is_spoken(call, told | {"form": told["form"] | ours | signed})
    told_back = vector["reply"]["body"]
    under_ours = vector["reply"] | {"body": told_back | {"data": told_back["data"] | ours}}
    assert type(ended(closing, under_ours)).__name__ == "Undone"


TABLES = json.loads((FOLDER / "codes/table.json").read_text("utf-8"))


@pytest.mark.parametrize("kind", ["errors", "cards", "banks"])
def test_a_table_of_the_guide_is_whole_row_by_row_and_in_its_order(kind):
    rows = [(one.code, one.name) for one in codes.table(kind) if one.source == "guide"]
    assert rows == list(TABLES[kind].items())


@pytest.mark.parametrize(("kind", "name"), [("cards", codes.card_name), ("banks", codes.bank_name)])
def test_a_code_is_named_by_the_guides_table_in_its_dialect(kind, name):
    assert {code: name(code, "guide") for code in TABLES[kind]} == TABLES[kind]


def test_every_disputed_vector_is_asserted_not_to_hold():
    spoken = {"ready", "pay", "cancel", "signature", "return"}
    assert {vector["operation"] for vector in VECTORS if vector["standing"] == "disputed"} == spoken


def reached() -> dict[str, set[str]]:
    """Say which result codes the undisputed vectors reach, by operation."""
    found: dict[str, set[str]] = {}
    for vector in VECTORS:
        body = vector.get("reply", {}).get("body")
        if body and vector["standing"] != "disputed":
            found.setdefault(vector["operation"], set()).add(str(body["resultCode"]))
    return found


def test_every_result_code_is_reached_by_a_vector():
    known = set(codes.ERRORS) | set(codes.OBSERVED_ERRORS)
    assert set().union(*reached().values()) >= known


@pytest.mark.parametrize(
    ("operations", "table"),
    [
        (("pay",), set(codes.DECLINES) | codes.NO_REFUSALS | {codes.SUCCESS}),
        (("ready",), set(codes.READY_REFUSALS) - {"2001", "2002", "2003"} | {codes.SUCCESS}),
        (("cancel", "part_cancel"), {"3001", "3003", codes.ALREADY_CANCELLED, codes.SUCCESS}),
        (("net_cancel",), {codes.NOTHING_THERE, "3001"} | {codes.TOO_LATE, codes.ALREADY_CANCELLED, codes.SUCCESS}),
    ],
    ids=["pay", "ready", "cancel", "net_cancel"],
)
def test_every_code_a_table_gives_a_meaning_is_reached_for_its_operation(operations, table):
    found = set().union(*(reached()[name] for name in operations))
    assert found >= table


def test_what_is_listed_as_unproven_is_reached_for_pay_alone():
    elsewhere = reached()["ready"] | reached()["cancel"] | reached()["part_cancel"]
    assert set(UNPROVEN) <= reached()["pay"]
    assert not set(UNPROVEN) & elsewhere, "prove it and take it off the list"
