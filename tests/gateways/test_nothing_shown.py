"""What the journal may not show: in every call of a vector, whatever bears a person, a card or a key is a secret."""

from collections.abc import Iterator
from typing import Any

import pytest

from bridge.domain.exchange import Call
from tests.gateways import harness, play

PERSON = ("홍길동", "hong@shop.test", "hong@example.com", "010-1234-5678", "01012345678")
ALONE = ("sign", "receipt_link", "read_return", "read_notice")
SHORTEST = 4
"""Shorter values, such as two digits of a password, may stand in a call by chance: their names are listed below."""
BY_NAME = frozenset(
    {
        "cardPw",
        "expMonth",
        "expYear",
        "passwd",
        "expd",
        "PCD_PAYER_HP",
        "PCD_PAYER_EMAIL",
        "cardExpireYY",
        "cardExpireMM",
    }
    | {"encCardPw", "cardPwd", "buyerAuthNo", "userpwd", "subpwd"}
)


def calls() -> Iterator[tuple[str, dict[str, Any], Call]]:
    for name in ("payapp", "welcome"):
        for vector in play.vectors(name):
            if "call" in vector and vector["standing"] != "disputed":
                yield f"{name}/{play.named(vector)}", vector, play.call_of(play.build(name, vector["settings"]), vector)
    for name in ("paystory", "payple"):
        for vector in harness.load(name):
            if vector["operation"] not in ALONE and vector["standing"] != "disputed":
                for call in harness.played(harness.built(vector), vector)[0]:
                    yield f"{name}/{vector['name']}", vector, call


CALLS = list(calls())


def private(vector: dict[str, Any]) -> set[str]:
    """Give the values of a vector that no journal may show."""
    told = {**vector.get("card", {}), **vector.get("settings", {})}
    secrets = {name: value for name, value in told.items() if name not in ("userid", "mid", "cst_id", "issuer")}
    keys = [value for name, value in secrets.items() if "key" in name or "val" in name or name in ("number", "holder")]
    found = {*PERSON, *keys, *([vector["key"]["key"]] if "key" in vector else [])}
    return {value for value in found if len(str(value)) >= SHORTEST}


@pytest.mark.parametrize(("vector", "call"), [one[1:] for one in CALLS], ids=[one[0] for one in CALLS])
def test_whatever_bears_a_person_a_card_or_a_key_is_among_the_calls_secrets(vector, call):
    sent = dict(call.form or call.body or {})
    bearing = {name for name, value in sent.items() if str(value) in private(vector) or name in BY_NAME}

    assert bearing - call.secrets == set()


def test_the_vectors_hold_persons_cards_and_keys():
    bearing = [
        name
        for _, vector, call in CALLS
        for name, value in (call.form or call.body or {}).items()
        if str(value) in private(vector)
    ]
    assert len(set(bearing)) > 10, "else the test above would prove nothing"
