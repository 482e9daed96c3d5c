"""Every vector and every documented code: the adapter speaks and understands it; what is disputed does not hold."""

import pytest

import bridge.gateways
from bridge.domain.failures import BridgeError
from tests.gateways.harness import arguments, built, holds, is_spoken, load, load_codes, means, named, payment, played

GATEWAYS = ("paystory", "payple")
VECTORS = [vector for gateway in GATEWAYS for vector in load(gateway)]
STANDINGS = {"printed", "derived", "seen", "disputed"}
ALONE = ("sign", "receipt_link", "read_return", "read_notice")
CODES = [
    (gateway, operation, code, row)
    for gateway in GATEWAYS
    for operation, rows in load_codes(gateway).items()
    if operation not in ("cards", "banks")
    for code, row in rows.items()
]


def some(*operations, disputed=False):
    chosen = [one for one in VECTORS if one["operation"] in operations and (one["standing"] == "disputed") is disputed]
    assert chosen
    return pytest.mark.parametrize("vector", chosen, ids=named)


TALKS = [one for one in VECTORS if one["operation"] not in ALONE]


@pytest.mark.parametrize("vector", [one for one in TALKS if one["standing"] != "disputed"], ids=named)
def test_the_adapter_speaks_and_understands(vector):
    calls, outcome = played(built(vector), vector)

    assert len(calls) == len(vector["talk"])
    for call, told in zip(calls, vector["talk"], strict=True):
        assert is_spoken(call, told["call"]), (call.url, call.form or call.body)
    assert type(outcome).__name__ == vector["meaning"]["type"], outcome
    assert means(outcome, vector["meaning"]), outcome
    assert holds(built(vector), vector)


@pytest.mark.parametrize("vector", [one for one in TALKS if one["standing"] == "disputed"], ids=named)
def test_the_adapter_does_not_hold_with_what_is_disputed(vector):
    assert vector["note"], "a disputed vector says why"
    assert not holds(built(vector), vector)


@some("sign")
def test_the_adapter_signs(vector):
    assert built(vector).sign(**vector["given"]) == vector["made"]


@some("sign", disputed=True)
def test_the_adapter_does_not_sign_as_is_misprinted(vector):
    assert vector["note"]
    assert built(vector).sign(**vector["given"]) != vector["made"]


@some("receipt_link")
def test_the_adapter_makes_the_address_of_a_receipt(vector):
    assert built(vector).receipt_link(payment(vector)) == vector["link"]
    assert vector["link"].endswith(f"&encData={vector['made']}")


def read(vector):
    gateway = built(vector)
    if vector["operation"] == "read_return":
        return gateway.read_return(vector["form"])
    return gateway.read_notice(vector["raw"].encode(), vector.get("kind", gateway.notice_kinds[0]))


@some("read_return", "read_notice")
def test_the_adapter_reads_or_refuses_what_comes(vector):
    if "raises" in vector:
        with pytest.raises(BridgeError) as caught:
            read(vector)
        assert type(caught.value).__name__ == vector["raises"]
        return
    assert means(read(vector), vector["meaning"]), read(vector)


@some("read_notice")
def test_the_adapter_gives_the_exact_answer(vector):
    gateway = built(vector)
    ack = gateway.acknowledge(vector["raw"].encode(), vector.get("kind", gateway.notice_kinds[0]))
    assert (ack.status, ack.body) == (vector["ack"]["status"], vector["ack"]["body"])


@pytest.mark.parametrize(
    ("gateway", "operation", "code", "row"), CODES, ids=lambda one: one if isinstance(one, str) else ""
)
def test_every_documented_code_means_what_the_table_says(gateway, operation, code, row):
    _, kind, word = row
    vector = example(gateway, operation)
    field = "resultCd" if gateway == "paystory" else "PCD_PAY_CODE"
    replies = [one["reply"] for one in vector["talk"][:-1]]
    last = vector["talk"][-1]["reply"]
    if kind not in ("Done", "Undone"):
        last = last | {
            "body": {field: code, "resultMsg": row[0], "result": "error", "PCD_PAY_RST": "error", "PCD_PAY_MSG": row[0]}
        }
    else:
        last = last | {"body": last["body"] | {field: code}}
    _, outcome = played(built(vector), vector, [*replies, last])

    assert type(outcome).__name__ == kind, outcome
    if kind in ("Declined", "Refused"):
        assert (outcome.reason, outcome.code) == (word, code)
    if kind == "Unknown":
        assert getattr(outcome, "refusal", False) is (word == "refusal")


def example(gateway, operation):
    """Find the vector that stands for an operation, or for one of its kinds (`refund a part`)."""
    name, _, kind = operation.partition(" ")
    fits = [one for one in load(gateway) if one["operation"] == name and one["talk"] and one["standing"] != "disputed"]
    return next(one for one in fits if not kind or one["name"].startswith(kind))


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_the_tables_are_those_of_the_document(gateway):
    vector = next(one for one in VECTORS if one["gateway"] == gateway)
    told = load_codes(gateway)
    listed = {row.code: row.name for row in built(vector).codes("errors")}
    for operation, rows in told.items():
        if operation == "cards":
            assert {row.code: row.name for row in built(vector).codes("cards")} == {
                code: row[0] for code, row in rows.items()
            }
        else:
            assert {code: row[0] for code, row in rows.items()}.items() <= listed.items(), operation


@pytest.mark.parametrize("vector", VECTORS, ids=named)
def test_a_vector_has_its_parts(vector):
    assert vector["standing"] in STANDINGS
    assert vector["source"]
    assert vector["gateway"] in bridge.gateways.names()
    if vector["operation"] not in ALONE:
        assert arguments(vector)
        assert all(told["call"].keys() <= {"method", "url", "form", "body", "headers"} for told in vector["talk"])
