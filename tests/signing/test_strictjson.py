"""JSON read strictly."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain.failures import CallerError, Malformed, TooLarge
from bridge.domain.strictjson import loads
from tests.signing.support import named, vectors


def read(raw: bytes) -> object:
    return loads(raw, bytes_max=10_000)


@pytest.mark.parametrize("case", **named(vectors("refusals")["json"]))
def test_json_with_more_than_one_meaning_is_refused(case):
    with pytest.raises(CallerError) as refused:
        read(base64.b64decode(case["raw_base64"]))
    assert refused.value.code == case["code"]


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b"{}", {}),
        (b' \n{"a": [1, -2, true, null, "x"]}\t', {"a": [1, -2, True, None, "x"]}),
        (b"[999999999999999,-999999999999999]", [999_999_999_999_999, -999_999_999_999_999]),
        (b"[" * 16 + b"]" * 16, None),
        ('["관객 \\uad00 🎟 \\ud83c\\udf9f"]'.encode(), ["관객 관 🎟 🎟"]),
        (b'["\\\\u0000","\\\\ud800"]', ["\\u0000", "\\ud800"]),
        (b'["[[[[[[[[[[[[[[[[[[[[","{{{{{{{{{{{{\\"{{{{","\\\\"]', ["[" * 20, "{" * 12 + '"{{{{', "\\"]),
        (b"[" + b"[]," * 500 + b"{}]", [[]] * 500 + [{}]),
        (b'{"a":{"b":1},"c":{"b":1}}', {"a": {"b": 1}, "c": {"b": 1}}),
    ],
)
def test_ordinary_json_is_read_as_it_stands(raw, value):
    assert read(raw) == (json.loads(raw) if value is None else value)


def test_euc_kr_is_refused_with_a_sentence_that_says_so():
    with pytest.raises(Malformed, match=r"The body is not UTF-8; EUC-KR is not accepted here\."):
        read('{"이름":"홍길동"}'.encode("euc-kr"))


def test_a_body_over_its_limit_is_refused_before_it_is_read():
    assert loads(b'"' + b"x" * 98 + b'"', bytes_max=100) == "x" * 98
    with pytest.raises(TooLarge):
        loads(b"\xff" * 101, bytes_max=100)


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'[{"a":['])
def test_a_hundred_thousand_brackets_do_no_harm(opening):
    with pytest.raises(Malformed, match="deeper"):
        loads(opening * 100_000, bytes_max=10_000_000)


def test_quotes_and_backslashes_do_not_hide_depth():
    for text in (b'"\\\\"', b'"\\""', b'"\\\\\\""', b'"[\\\\"', b'"]\\"]"'):
        with pytest.raises(Malformed, match="deeper"):
            read(b"[" + text + b"," + b"[" * 16 + b"]" * 17)


@pytest.mark.parametrize("beside", [b"", b"[],[],", b"{},[[]],", b'"[",'])
def test_depth_is_how_many_are_open_at_once(beside):
    deepest = b"[" + beside + b"[" * 15 + b"]" * 15 + b"]"
    assert read(deepest) == json.loads(deepest)
    with pytest.raises(Malformed, match="deeper"):
        read(b"[" + beside + b"[" * 16 + b"]" * 16 + b"]")
    assert read(b"[" + deepest[1:-1] + b"," + deepest[1:]) is not None, "what is closed again counts no more"


def test_no_error_repeats_what_was_in_the_body():
    for raw in (
        b'{"pw-1234":1,"pw-1234":2}',
        b'["pw-1234"',
        b'["pw-1234",1.5]',
        b'["pw-1234\\ud800"]',
        b'["pw-1234",NaN]',
    ):
        with pytest.raises(Malformed) as refused:
            read(raw)
        assert "pw-1234" not in str(refused.value)
        assert refused.value.__cause__ is None


TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
VALUE = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**15) + 1, 10**15 - 1) | TEXT,
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(TEXT, inner, max_size=6),
    max_leaves=40,
)


@given(VALUE, st.booleans())
def test_whatever_is_written_is_read_back(value, escaped):
    raw = json.dumps(value, ensure_ascii=escaped).encode()
    if depth(value) <= 16:
        assert read(raw) == value


def depth(value: object) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(depth, inner), default=0)


@given(st.integers(1, 24), st.lists(st.sampled_from(['"', "\\", "[", "]", "{", "}", "a"]), max_size=12))
def test_depth_is_counted_as_the_decoder_sees_it(levels, characters):
    inside = json.dumps("".join(characters))
    raw = f"{'[' * levels}{inside}{',[]' * 20}{']' * levels}".encode()
    if levels <= 15:
        assert depth(read(raw)) == levels + 1
    else:
        with pytest.raises(Malformed, match="deeper"):
            read(raw)


@given(st.binary(max_size=200))
def test_no_bytes_whatsoever_make_reading_fail_otherwise(raw):
    try:
        value = read(raw)
    except Malformed:
        return
    assert value == json.loads(raw)


@given(st.text('{}[]",:\\u0d8aN-1e. ', max_size=60))
def test_no_text_like_json_makes_reading_fail_otherwise(text):
    try:
        value = read(text.encode())
    except Malformed:
        return
    assert value == json.loads(text)
    json.dumps(value, ensure_ascii=False).encode()
