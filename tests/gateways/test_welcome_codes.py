"""Welcome's code tables, whole, and what the ends of every printed range prove: compared with data, not with code."""

import json
from pathlib import Path

import pytest

from bridge import gateways
from bridge.gateways.welcome import codes
from tests.gateways import play

DATA = json.loads((Path(gateways.__path__[0]) / "welcome/vectors/codes/table.json").read_text("utf-8"))
PROOFS = [(operation, code, *said) for operation, row in DATA["proves"].items() for code, said in row.items()]


def an_answer(operation):
    """A vector whose answer is a yes; its code is changed by the tests."""
    return next(
        one
        for one in play.vectors("welcome")
        if one["operation"] == operation and "reply" in one and one["standing"] != "disputed"
    )


def outcome(operation, code):
    found = an_answer(operation)
    reply = {"body": found["reply"].get("body", {}) | {"ResultCode": code, "ResultMsg": "x"}}
    if operation == "approve":
        reply = {"text": f"P_STATUS={code}&P_RMESG1=x"}
    return play.outcome_of(play.build("welcome", found["settings"]), found | {"reply": reply})


@pytest.mark.parametrize("kind", DATA["tables"])
def test_a_table_is_the_manuals_whole(kind):
    gateway = play.build("welcome", an_answer("charge")["settings"])
    assert {one.code: one.name for one in gateway.codes(kind)} == DATA["tables"][kind]


def test_there_is_no_other_table():
    assert set(codes.TABLES) == set(DATA["tables"])
    assert codes.table("nothing") == ()


@pytest.mark.parametrize(("operation", "code", "kind", "word"), PROOFS)
def test_a_code_proves_what_the_data_says(operation, code, kind, word):
    found = outcome(operation, code)
    assert type(found).__name__ == kind, found
    if kind == "Unknown":
        assert found.refusal is (word == "refusal")
    else:
        assert (found.reason, found.code) == (word, code)


def test_every_printed_range_has_both_its_ends_in_the_data_and_no_two_overlap():
    ranges = [tuple(one.split(" ~ ")) for one in DATA["tables"]["errors"] if "~" in one]
    for row in DATA["proves"].values():
        assert {end for both in ranges for end in both} <= set(row)
    inside = [code for code in (f"{x}{n:03d}" for x in "VR" for n in range(1_000))
              for first, last in ranges if codes.is_in(code, first, last)]  # fmt: skip
    assert len(inside) == len(set(inside)) == 100 * len(ranges)


@pytest.mark.parametrize(
    "message",
    ["이미 취소된 거래입니다.", "기취소 거래", "[기 취소] 거래", "이미취소되었습니다", "이미 취소 처리된 거래"],
)
def test_a_message_that_says_so_was_cancelled_before(message):
    assert codes.says_already(message)


@pytest.mark.parametrize(
    "message",
    [
        "이미 취소 가능 기간이 지난 거래입니다.",
        "이미 취소기한이 경과되었습니다.",
        "이미 취소 요청된 거래입니다.",
        "이미 취소 처리 중인 거래입니다.",
        "조기 취소할 수 없는 거래입니다.",
        "이미 부분취소된 거래입니다.",
        "이미 취소된 금액이 있어 전체취소 불가",
        "기취소 금액 초과",
        "기취소금액이 있습니다.",
        "일부 이미 취소된 거래입니다.",
        "부분취소로 이미 취소된 건이 있습니다.",
        "취소할 수 없는 거래입니다.",
    ],
)
def test_a_message_that_only_speaks_of_a_cancel_says_not_that_there_was_one(message):
    assert not codes.says_already(message)
