"""What is exactly as large as a limit allows is still taken; the tests beside this one refuse what is larger."""

import json

import pytest

from bridge.domain.failures import BadSignature, ClockSkew, Malformed, Misconfigured, TooLarge
from bridge.signing import base64url, news
from bridge.signing.keys import SiteKey, read_pairing_code
from bridge.signing.requests import Signed, sign, verify
from bridge.signing.tokens import open_order, seal_order
from bridge.signing.window import check_window
from tests.signing.support import KEY, NOW, find_key, raw

NONCE = "AAECAwQFBgcICQoLDA0ODw"
ONCE = "00112233445566778899aabbccddeeff"
TARGET = "https://pay.example/bridge/v1/payments"
SECRET = base64url.encode(bytes(range(32)))


def taken(target: str, body: bytes, **more: str) -> bool:
    headers = sign(KEY, method="POST", target_uri=target, body=body, idempotency_key=ONCE, created=NOW, nonce=NONCE)
    request = Signed("POST", target, raw(headers | more), body)
    return verify(request, find_key, NOW).key is not None


def test_a_body_of_256_kib_is_taken_and_a_byte_more_is_not():
    assert taken(TARGET, bytes(262_144))
    with pytest.raises(TooLarge):
        taken(TARGET, bytes(262_145))


def test_an_address_of_4096_characters_is_taken_and_one_more_is_not():
    long = f"{TARGET}?q={'x' * (4_096 - len(TARGET) - 3)}"
    assert taken(long, b"{}")
    with pytest.raises(TooLarge):
        taken(f"{long}x", b"{}")


def test_an_order_token_of_8192_characters_is_sealed_and_opened_and_one_more_is_not():
    def sealed(letters: int) -> str:
        order = {"order": {"title": "x" * letters}, "iat": NOW, "exp": NOW + 900, "jti": "ab" * 16}
        return seal_order(KEY, order, bytes(12))

    few = 6_111 - len(
        json.dumps({"order": {"title": ""}, "iat": NOW, "exp": NOW + 900, "jti": "ab" * 16}, separators=(",", ":"))
    )
    assert len(sealed(few)) == 8_192
    assert open_order(sealed(few), find_key, NOW).exp == NOW + 900
    with pytest.raises(TooLarge):
        sealed(few + 1)
    with pytest.raises(ValueError, match="JSON"):
        seal_order(KEY, {"order": {"amount": float("nan")}}, bytes(12))


def test_a_pairing_code_of_2048_bytes_is_read_and_a_byte_more_is_not():
    def code(length: int) -> str:
        fields = {"url": "https://pay.example", "site": "", "key_id": "k1", "secret": SECRET}
        empty = len(json.dumps(fields).encode())
        return base64url.encode(json.dumps(fields | {"site": "s" * (length - empty)}).encode())

    assert read_pairing_code(code(2_048)).key_id == "k1"
    with pytest.raises(Malformed):
        read_pairing_code(code(2_049))


@pytest.mark.parametrize("text", ["!!!!", "{", "é", base64url.encode(b'{"a":1,"a":2}'), base64url.encode(b"[]")])
def test_whatever_is_no_pairing_code_is_refused_in_the_same_words(text):
    with pytest.raises(Malformed, match="not complete or not ours"):
        read_pairing_code(text)


@pytest.mark.parametrize("key_id", ["", "K1", "k 1", "k" * 65, "k1\n"])
def test_a_key_whose_id_cannot_stand_in_a_header_cannot_exist(key_id):
    with pytest.raises(Misconfigured):
        SiteKey.from_secret(bytes(range(32)), key_id=key_id, site="s")


def test_a_webhook_header_of_1024_bytes_is_read_and_refused_for_what_it_says():
    sent = {name.encode(): value.encode() for name, value in news.headers([KEY.news], "msg_1", NOW, b"{}").items()}
    with pytest.raises(BadSignature):
        news.verify([KEY.news], list((sent | {b"webhook-signature": b"A" * 1_024}).items()), b"{}", NOW)
    with pytest.raises(TooLarge):
        news.verify([KEY.news], list((sent | {b"webhook-signature": b"A" * 1_025}).items()), b"{}", NOW)


def test_a_webhook_with_eight_signatures_is_read_and_with_nine_refused():
    sent = {name.encode(): value.encode() for name, value in news.headers([KEY.news], "msg_1", NOW, b"{}").items()}
    ours = sent[b"webhook-signature"]

    def with_others(many: int) -> list[tuple[bytes, bytes]]:
        return list((sent | {b"webhook-signature": b" ".join([b"v1,AAAA"] * many + [ours])}).items())

    assert news.verify([KEY.news], with_others(7), b"{}", NOW) == "msg_1"
    with pytest.raises(BadSignature, match="more than 8 signatures"):
        news.verify([KEY.news], with_others(8), b"{}", NOW)


@pytest.mark.parametrize("part", [{b"webhook-id": b"msg.1"}, {b"webhook-timestamp": b"0"}])
def test_a_webhook_with_one_part_out_of_form_is_refused_before_its_signature_is_made(part):
    sent = {name.encode(): value.encode() for name, value in news.headers([KEY.news], "msg_1", NOW, b"{}").items()}
    with pytest.raises(BadSignature, match="has not its form"):
        news.verify([KEY.news], list((sent | part).items()), b"{}", NOW)


def test_a_signing_header_of_512_bytes_is_read_and_a_byte_more_is_not():
    headers = sign(KEY, method="POST", target_uri=TARGET, body=b"{}", idempotency_key=ONCE, created=NOW, nonce=NONCE)

    def sent(letters: int) -> Signed:
        return Signed("POST", TARGET, raw(headers | {"Signature": "x" * letters}), b"{}")

    with pytest.raises(BadSignature):
        verify(sent(512), find_key, NOW)
    with pytest.raises(TooLarge):
        verify(sent(513), find_key, NOW)


@pytest.mark.parametrize("way", [-1, 1])
def test_a_clock_that_is_off_by_120_seconds_is_taken_and_one_by_a_second_more_is_not(way):
    check_window(NOW + way * 120, NOW)
    with pytest.raises(ClockSkew):
        check_window(NOW + way * 121, NOW)
