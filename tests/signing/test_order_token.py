"""The order token: sealed by WordPress, carried by a browser, opened by the bridge."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain.failures import Misconfigured, TokenExpired, TokenRefused, TooLarge
from bridge.signing import base64url
from bridge.signing.tokens import open_order, seal_order
from tests.signing.support import KEY, KEYS, NOW, find_key, named, vectors

JTI = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
PAYLOAD = {
    "order": {"ref": "2026-0001", "buyer": {"name": "홍길동"}, "retry_url": "https://shop.example/order/"},
    "iat": NOW,
    "exp": NOW + 900,
    "jti": JTI,
}
TOKEN = seal_order(KEY, PAYLOAD, bytes(range(12)))


@pytest.mark.parametrize("case", **named(vectors("order_token")["cases"]))
def test_sealing_gives_the_tokens_of_the_vectors(case):
    key = KEYS[case["key_id"]]
    assert key.order.hex() == case["order_key_hex"]
    assert seal_order(key, case["payload"], bytes.fromhex(case["nonce_hex"])) == case["token"]


@pytest.mark.parametrize("case", **named(vectors("order_token")["cases"]))
def test_the_tokens_of_the_vectors_are_opened(case):
    opened = open_order(case["token"], find_key, case["now"])
    assert opened.key is KEYS[case["key_id"]]
    assert opened.payload == case["payload"]
    assert (opened.jti, opened.iat, opened.exp) == tuple(case["payload"][name] for name in ("jti", "iat", "exp"))


@pytest.mark.parametrize("case", **named(vectors("refusals")["order_tokens"]))
def test_a_token_that_is_not_ours_or_too_old_is_refused(case):
    with pytest.raises((TokenRefused, TokenExpired)) as refused:
        open_order(case["token"], find_key, case["now"])
    assert refused.value.code == case["code"]


def test_all_refusals_say_the_same():
    said = set()
    for case in vectors("refusals")["order_tokens"]:
        if case["code"] == "token_refused":
            with pytest.raises(TokenRefused) as refused:
                open_order(case["token"], find_key, case["now"])
            said.add((refused.value.detail, str(refused.value.extra)))
            assert refused.value.__cause__ is None
    assert len(said) == 1


def test_an_expired_token_leads_back_to_the_shop_and_tells_nothing_else():
    with pytest.raises(TokenExpired) as expired:
        open_order(TOKEN, find_key, NOW + 900)
    assert expired.value.extra == {"retry_url": "https://shop.example/order/"}
    assert "홍길동" not in str(expired.value)


def test_an_expired_token_without_an_address_to_go_back_to_is_just_expired():
    for retry_url in (None, 7, ["https://shop.example/"]):
        order = {"ref": "1", "retry_url": retry_url}
        token = seal_order(KEY, PAYLOAD | {"order": order}, bytes(12))
        with pytest.raises(TokenExpired) as expired:
            open_order(token, find_key, NOW + 900)
        assert expired.value.extra == {}


def test_a_token_lives_to_its_last_second():
    assert open_order(TOKEN, find_key, NOW + 899).jti == JTI


def test_the_buyer_stands_neither_in_the_token_nor_in_what_is_printed():
    opened = open_order(TOKEN, find_key, NOW)
    sealed = base64url.decode(TOKEN.rsplit(".", 1)[1])
    assert "홍길동".encode() not in sealed
    assert b"2026-0001" not in sealed
    assert "홍길동" not in repr(opened)


def test_a_token_sealed_for_one_key_id_cannot_be_passed_off_under_another():
    """Even if both ids had the same key: the id is part of what is authenticated."""
    twin = dataclasses.replace(KEY, key_id="twin")
    with pytest.raises(TokenRefused):
        open_order(TOKEN.replace("v1.k1.", "v1.twin.", 1), {"twin": twin}.get, NOW)


@pytest.mark.parametrize("state", ["next", "revoked"])
def test_a_key_not_in_use_opens_nothing(state):
    keys = {"k1": dataclasses.replace(KEY, state=state)}
    with pytest.raises(TokenRefused):
        open_order(TOKEN, keys.get, NOW)


def test_every_character_of_a_token_is_protected():
    for at, old in enumerate(TOKEN):
        for new in "Ab9-_.":
            if new != old:
                with pytest.raises(TokenRefused):
                    open_order(TOKEN[:at] + new + TOKEN[at + 1 :], find_key, NOW)


@given(st.text(max_size=300))
def test_no_text_whatsoever_makes_opening_fail_otherwise(text):
    for token in (text, f"v1.k1.{text}"):
        with pytest.raises(TokenRefused):
            open_order(token, find_key, NOW)


@given(st.binary(max_size=200))
def test_no_sealed_bytes_whatsoever_make_opening_fail_otherwise(sealed):
    with pytest.raises(TokenRefused):
        open_order(f"v1.k1.{base64url.encode(sealed)}", find_key, NOW)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**14), 10**14) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@given(JSON, JSON, JSON, JSON)
def test_no_genuine_content_whatsoever_makes_opening_fail_otherwise(order, iat, exp, jti):
    """A site whose WordPress was taken over can seal anything."""
    token = seal_order(KEY, {"order": order, "iat": iat, "exp": exp, "jti": jti}, bytes(12))
    with pytest.raises((TokenRefused, TokenExpired)):
        open_order(token, find_key, NOW)


def test_sealing_refuses_what_could_not_be_opened():
    with pytest.raises(TooLarge):
        seal_order(KEY, {"order": {"title": "표" * 3000}}, bytes(12))
    for nonce in (b"", bytes(11), bytes(24)):
        with pytest.raises(Misconfigured):
            seal_order(KEY, PAYLOAD, nonce)
