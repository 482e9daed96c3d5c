"""A site's secret, its three subkeys and the pairing code; bytes in base64url (bridge.signing.base64url)."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain.failures import CallerError, Malformed, Misconfigured
from bridge.signing import base64url
from bridge.signing.keys import (
    Pairing,
    Purpose,
    SiteKey,
    decode_secret,
    derive,
    pairing_code,
    read_pairing_code,
)
from tests.signing.support import KEY, named, vectors

SECRET = base64url.encode(bytes(range(32)))


@pytest.mark.parametrize("case", vectors("keys")["cases"], ids=lambda case: case["key_id"])
def test_the_subkeys_are_those_of_the_vectors(case):
    secret = decode_secret(case["secret"])
    assert derive(secret, Purpose.REQUEST).hex() == case["request_key_hex"]
    assert derive(secret, Purpose.ORDER).hex() == case["order_key_hex"]
    assert derive(secret, Purpose.NEWS).hex() == case["news_key_hex"]


def test_the_purposes_are_the_contracts():
    assert {purpose.name.lower(): purpose.value for purpose in Purpose} == vectors("keys")["infos"]


def test_the_secret_itself_is_none_of_the_keys():
    key = SiteKey.from_secret(bytes(range(32)), key_id="k1", site="shop")
    assert len({bytes(range(32)), key.request, key.order, key.news}) == 4


@pytest.mark.parametrize(
    "text", ["", "A" * 42, "A" * 44, SECRET + "=", SECRET[:-1] + "9", "*" + SECRET[1:], SECRET + "\n", "한" * 43]
)
def test_a_secret_of_another_form_is_refused_and_not_shown(text):
    with pytest.raises(Malformed) as refused:
        decode_secret(text)
    assert not text or text not in str(refused.value)


@pytest.mark.parametrize("secret", [b"", bytes(31), bytes(33)])
def test_no_key_is_derived_from_a_secret_of_another_length(secret):
    with pytest.raises(Misconfigured):
        derive(secret, Purpose.REQUEST)


@pytest.mark.parametrize("name", ["request", "order", "news"])
def test_a_site_key_with_an_empty_subkey_cannot_exist(name):
    with pytest.raises(Misconfigured):
        dataclasses.replace(KEY, **{name: b""})


def test_neither_key_nor_pairing_shows_what_is_secret():
    shown = repr(KEY)
    for key in (KEY.request, KEY.order, KEY.news):
        assert repr(key) not in shown
        assert key.hex() not in shown
    assert "k1" in shown
    assert SECRET not in repr(Pairing("https://pay.example", "shop", "k1", SECRET))


@pytest.mark.parametrize("case", vectors("pairing")["cases"], ids=lambda case: case["site"])
def test_pairing_codes_are_those_of_the_vectors(case):
    code = pairing_code(case["url"], case["site"], case["key_id"], case["secret"])
    assert code == case["code"]
    assert read_pairing_code(f"  {code}\n") == Pairing(case["url"], case["site"], case["key_id"], case["secret"])


def test_a_slash_at_the_end_of_the_bridges_address_is_left_out_of_the_code():
    code = pairing_code("https://pay.example/bridge/", "shop", "k1", SECRET)
    assert read_pairing_code(code).url == "https://pay.example/bridge"


def test_an_address_in_korean_stands_in_the_code_as_it_is_written():
    code = pairing_code("https://가게.example", "가게", "k1", SECRET)
    assert "https://가게.example".encode() in base64url.decode(code)
    assert read_pairing_code(code) == Pairing("https://가게.example", "가게", "k1", SECRET)


@pytest.mark.parametrize("case", **named(vectors("refusals")["pairing_codes"]))
def test_a_pairing_code_that_is_not_ours_is_refused_and_not_shown(case):
    with pytest.raises(CallerError) as refused:
        read_pairing_code(case["pairing_code"])
    assert refused.value.code == case["code"]
    assert SECRET not in str(refused.value)


@given(st.text(max_size=200))
def test_no_text_whatsoever_makes_reading_a_pairing_code_fail_otherwise(text):
    with pytest.raises(Malformed):
        read_pairing_code(text)


@given(st.binary(max_size=100))
def test_base64url_has_one_text_for_every_value(raw):
    text = base64url.encode(raw)
    assert base64url.decode(text) == raw
    assert "=" not in text


def test_base64url_keeps_every_last_letter():
    for last in range(64):
        raw = bytes([0, 0, last])
        assert len(base64url.encode(raw)) == 4
        assert base64url.decode(base64url.encode(raw)) == raw


@given(st.text(max_size=40))
def test_base64url_reads_only_what_it_would_write(text):
    try:
        raw = base64url.decode(text)
    except ValueError:
        return
    assert base64url.encode(raw) == text


@pytest.mark.parametrize("length", [1, 2, 3])
def test_bytes_are_read_as_they_were_written_whichever_letter_their_base64url_ends_with(length):
    written = [bytes([last] * length) for last in range(256)]
    assert [base64url.decode(base64url.encode(raw)) for raw in written] == written
