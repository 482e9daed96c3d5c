"""The bridge's own tokens: return, close, status, notice, dashboard, login."""

import hashlib
import hmac
import re
import string
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain.failures import Malformed, Misconfigured, TokenExpired, TokenRefused
from bridge.signing import base64url
from bridge.signing.tokens import TokenPurpose, Tokens
from tests.signing.support import NOW

SECRET = bytes(range(32))
TOKENS = Tokens(SECRET)
LASTING = ("return", "close", "status", "notice", "window", "billing_key", "plan")
TIMED = ("dashboard", "login")


def read(purpose, token, *, tokens=TOKENS, parts=2, at=NOW):
    timed = {"max_age_seconds": 60, "now": at} if purpose in TIMED else {}
    return tokens.read(purpose, token, parts=parts, **timed)


def test_every_purpose_is_tried_here():
    assert set(LASTING + TIMED) == set(get_args(TokenPurpose))


@pytest.mark.parametrize("purpose", LASTING + TIMED)
def test_what_was_put_in_comes_out_and_needs_no_quoting_in_an_address(purpose):
    token = TOKENS.make(purpose, "01jd-X_y", "shop", now=NOW)
    assert read(purpose, token) == ("01jd-X_y", "shop")
    assert re.fullmatch(r"[A-Za-z0-9_.-]+", token)


@pytest.mark.parametrize("purpose", LASTING)
def test_the_signature_of_what_lasts_is_hmac_sha256_with_a_key_for_the_purpose_and_no_time(purpose):
    key = hmac.digest(SECRET, f"pay-bridge.{purpose}.v1".encode(), "sha256")
    expected = base64url.encode(hmac.digest(key, b"01jd.shop", hashlib.sha256))
    token = Tokens(SECRET).make(purpose, "01jd", "shop")
    assert token == f"01jd.shop.{expected}"
    assert Tokens(SECRET).read(purpose, token, parts=2) == ("01jd", "shop")


@pytest.mark.parametrize("made_for", LASTING + TIMED)
@pytest.mark.parametrize("used_for", LASTING + TIMED)
def test_a_token_opens_nothing_but_its_own_purpose(made_for, used_for):
    token = TOKENS.make(made_for, "01jd", "shop", now=NOW)
    if made_for == used_for:
        assert read(used_for, token) == ("01jd", "shop")
    else:
        for parts in (1, 2, 3):
            with pytest.raises(TokenRefused):
                read(used_for, token, parts=parts)


@pytest.mark.parametrize("parts", [1, 3])
def test_a_token_with_another_number_of_parts_is_refused(parts):
    with pytest.raises(TokenRefused):
        read("return", TOKENS.make("return", "01jd", "shop"), parts=parts)


def test_another_bridges_token_is_refused():
    with pytest.raises(TokenRefused):
        read("return", Tokens(bytes(32)).make("return", "01jd", "shop"))


@pytest.mark.parametrize("purpose", TIMED)
@pytest.mark.parametrize(("seconds", "good"), [(-1, False), (0, True), (60, True), (61, False), (10**7, False)])
def test_a_timed_token_lives_as_long_as_it_is_given(purpose, seconds, good):
    token = TOKENS.make(purpose, "01jd", "shop", now=NOW)
    if good:
        assert read(purpose, token, at=NOW + seconds) == ("01jd", "shop")
    else:
        with pytest.raises(TokenExpired):
            read(purpose, token, at=NOW + seconds)


def test_a_timed_token_is_neither_made_nor_read_without_the_time():
    with pytest.raises(AssertionError):
        TOKENS.make("login", "1")
    token = TOKENS.make("login", "1", now=NOW)
    with pytest.raises(AssertionError):
        TOKENS.read("login", token, parts=1, now=NOW)


@pytest.mark.parametrize("purpose", ["return", "login"])
def test_every_character_of_a_token_is_protected(purpose):
    token = TOKENS.make(purpose, "01jd", "shop", now=NOW)
    for at, old in enumerate(token):
        for new in "AbQ9-_.":
            if new != old:
                with pytest.raises(TokenRefused):
                    read(purpose, token[:at] + new + token[at + 1 :])


@pytest.mark.parametrize("purpose", ["return", "login"])
def test_a_token_has_only_one_spelling(purpose):
    """The last character of 32 bytes in base64 has two bits to spare, which a lenient reader ignores."""
    token = TOKENS.make(purpose, "01jd", "shop", now=NOW)
    for last in string.ascii_letters + string.digits + "-_":
        if last != token[-1]:
            with pytest.raises(TokenRefused):
                read(purpose, token[:-1] + last)


@pytest.mark.parametrize("parts", [(), ("",), ("a.b",), ("a b",), ("홍길동",), ("a@b",), ("x" * 129,), ("ok", "a\n")])
def test_only_opaque_ids_go_into_a_token(parts):
    with pytest.raises(Malformed):
        TOKENS.make("status", *parts)


def test_a_weak_secret_is_refused():
    with pytest.raises(Misconfigured):
        Tokens(bytes(31))


@given(st.text(max_size=120), st.sampled_from(LASTING + TIMED))
def test_no_text_whatsoever_makes_reading_fail_otherwise(text, purpose):
    token = TOKENS.make(purpose, "01jd", "shop", now=NOW)
    for tried in (text, text + token, token + text, f"{text}.{token.rpartition('.')[2]}"):
        if tried != token:
            with pytest.raises(TokenRefused):
                read(purpose, tried)
