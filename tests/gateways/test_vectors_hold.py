"""Every vector of the gateways whose adapters are not Mainpay's: spoken, understood, and where disputed not so."""

import pytest

from tests.gateways.play import (
    STANDINGS,
    build,
    call_of,
    holds,
    is_spoken,
    means,
    named,
    notice_of,
    outcome_of,
    stamp,
    vectors,
)

GATEWAYS = ("payapp", "welcome")
ALL = [(name, vector) for name in GATEWAYS for vector in vectors(name)]


def some(part: str, *, disputed: bool = False):
    """Choose the vectors that have a part."""
    chosen = [(name, one) for name, one in ALL if part in one and (one["standing"] == "disputed") is disputed]
    assert chosen
    return pytest.mark.parametrize(("name", "vector"), chosen, ids=[f"{name}/{named(one)}" for name, one in chosen])


@some("name")
def test_a_vector_has_its_parts(name, vector):
    assert vector["standing"] in STANDINGS
    assert vector["source"]
    assert vector["settings"]
    assert {"meaning", "refused", "signature", "mkey", "cipher", "moment"} & set(vector)


@some("call")
def test_the_adapter_speaks(name, vector):
    call, told = call_of(build(name, vector["settings"]), vector), vector["call"]
    sent, wanted = dict(call.form or call.body or {}), told.get("form", told.get("body", {}))

    assert (call.method, call.url) == (told["method"], told["url"])
    assert {field: sent.get(field) for field in wanted} == wanted
    assert is_spoken(call, told)


@some("meaning")
def test_the_adapter_understands(name, vector):
    gateway = build(name, vector["settings"])
    if "raw" in vector:
        found = notice_of(gateway, vector)
    elif "reply" in vector or "replies" in vector:
        found = outcome_of(gateway, vector)
    else:
        found = gateway.read_return(vector["returned"])

    assert means(found, vector["meaning"]), f"{found!r} is not {vector['meaning']!r}"


@some("ack")
def test_the_adapter_gives_a_notices_exact_answer(name, vector):
    gateway = build(name, vector["settings"])
    ack = gateway.acknowledge(vector["raw"].encode(), vector.get("kind", gateway.notice_kinds[0]))

    assert (ack.status, ack.body) == (200, vector["ack"])


@some("refused")
def test_the_adapter_refuses_a_notice(name, vector):
    assert notice_of(build(name, vector["settings"]), vector) == vector["refused"]


@some("covered")
def test_the_adapter_signs(name, vector):
    covered = [tuple(pair) for pair in vector["covered"]]
    assert build(name, vector["settings"]).sign(covered, vector["moment"]) == vector["signature"]


@some("mkey")
def test_the_adapter_hashes_the_key_it_signs_with(name, vector):
    assert build(name, vector["settings"]).mkey() == vector["mkey"]


@some("cipher")
def test_the_adapter_encrypts(name, vector):
    assert build(name, vector["settings"]).encrypt(vector["plain"]) == vector["cipher"]


@pytest.mark.parametrize(("name", "vector"), [one for one in ALL if one[1]["operation"] == "moment"])
def test_the_adapter_writes_a_moment(name, vector):
    assert build(name, vector["settings"]).timestamp(stamp(vector["stamp"])) == vector["moment"]


@some("name", disputed=True)
def test_a_disputed_vector_does_not_hold(name, vector):
    assert vector["note"], "it says why"
    assert not holds(build(name, vector["settings"]), vector)
