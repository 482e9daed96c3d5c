"""Signed requests, WordPress to bridge."""

import base64
import dataclasses
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.domain.failures import BadSignature, CallerError, ClockSkew, TooLarge, UnknownKey
from bridge.signing.requests import (
    BODY_BYTES_MAX,
    HEADER_BYTES_MAX,
    Signed,
    content_digest,
    sign,
    signature,
    signature_base,
    verify,
)
from tests.signing.support import KEY, KEYS, NOW, arrived, find_key, named, raw, vectors

TARGET = "https://pay.example/bridge/v1/payments/01jd/refunds"
BODY = '{"amount":12000,"reason":"공연 취소","actor":"wp:7"}'.encode()
NONCE = "AAECAwQFBgcICQoLDA0ODw"
IDEMPOTENCY_KEY = "00112233445566778899aabbccddeeff"
SIGNING = [b"signature-input", b"signature", b"content-digest", b"idempotency-key"]


def signed(**changes) -> Signed:
    asked = {"method": "POST", "target_uri": TARGET, "body": BODY, "idempotency_key": IDEMPOTENCY_KEY} | changes
    headers = sign(KEY, created=NOW, nonce=NONCE, **asked)
    return Signed(asked["method"], asked["target_uri"], raw(headers), asked["body"])


def with_header(request: Signed, name: bytes, *values: bytes) -> Signed:
    others = [(found, value) for found, value in request.headers if found != name]
    return dataclasses.replace(request, headers=others + [(name, value) for value in values])


def header(request: Signed, name: bytes) -> bytes:
    return dict(request.headers)[name]


def test_the_example_of_rfc_9421_comes_out_to_the_byte():
    example = vectors("published")["rfc9421_b_2_5"]
    base = signature_base([tuple(pair) for pair in example["components"]], example["params"])
    assert base.decode() == (
        '"date": Tue, 20 Apr 2021 02:07:55 GMT\n"@authority": example.com\n"content-type": application/json\n'
        '"@signature-params": ("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret"'
    )
    assert signature(base64.b64decode(example["shared_secret_base64"]), base) == example["signature"]


def test_the_example_of_rfc_9530_comes_out_to_the_byte():
    example = vectors("published")["rfc9530_content_digest"]
    assert content_digest(example["body"].encode()) == example["content_digest"]


@pytest.mark.parametrize("case", **named(vectors("requests")["cases"]))
def test_signing_gives_the_headers_of_the_vectors(case):
    key = KEYS[case["key_id"]]
    assert key.request.hex() == case["request_key_hex"]
    made = sign(
        key,
        method=case["method"],
        target_uri=case["target_uri"],
        created=case["created"],
        nonce=case["nonce"],
        idempotency_key=case["idempotency_key"],
        body=case["body"].encode(),
    )
    assert made == case["headers"]


@pytest.mark.parametrize("case", **named(vectors("requests")["cases"]))
def test_the_requests_of_the_vectors_are_accepted(case):
    found = verify(arrived(case), find_key, case["now"])
    assert found.key is KEYS[case["key_id"]]
    assert (found.nonce, found.created, found.expires) == (case["nonce"], case["created"], case["expires"])
    assert found.idempotency_key == case["idempotency_key"]


@pytest.mark.parametrize("case", **named(vectors("refusals")["requests"]))
def test_a_request_that_is_not_genuine_is_refused(case):
    with pytest.raises(CallerError) as refused:
        verify(arrived(case), find_key, case["now"])
    assert refused.value.code == case["code"]


def test_every_byte_of_a_request_is_protected():
    """Each byte of method, address, body and the four headers, with each of its eight bits turned over."""
    request = signed()
    verify(request, find_key, NOW)
    tried = 0
    for name in SIGNING:
        for changed in flipped(header(request, name)):
            refuse(with_header(request, name, changed))
            tried += 1
    for changed in flipped(request.body):
        refuse(dataclasses.replace(request, body=changed))
        tried += 1
    for field in ("method", "target_uri"):
        for changed in flipped(getattr(request, field).encode()):
            refuse(dataclasses.replace(request, **{field: changed.decode("latin-1")}))
            tried += 1
    assert tried > 3000


def flipped(value: bytes) -> list[bytes]:
    return [
        value[:at] + bytes([value[at] ^ 1 << bit]) + value[at + 1 :] for at in range(len(value)) for bit in range(8)
    ]


def refuse(request: Signed) -> None:
    with pytest.raises((BadSignature, UnknownKey)):
        verify(request, find_key, NOW)


@given(st.data())
def test_a_request_changed_anywhere_is_refused(data):
    request = signed()
    name = data.draw(st.sampled_from(SIGNING))
    value = header(request, name)
    start = data.draw(st.integers(0, len(value)))
    end = data.draw(st.integers(start, len(value)))
    changed = value[:start] + data.draw(st.binary(max_size=8)) + value[end:]
    if changed != value:
        refuse(with_header(request, name, changed))


@given(st.binary(max_size=700), st.sampled_from(SIGNING))
def test_no_bytes_in_a_header_make_verifying_fail_otherwise(value, name):
    with pytest.raises(CallerError):
        verify(with_header(signed(), name, value), find_key, NOW)


@given(st.text(max_size=40), st.text(max_size=80), st.lists(st.tuples(st.binary(max_size=30), st.binary(max_size=30))))
def test_no_request_whatsoever_makes_verifying_fail_otherwise(method, target_uri, headers):
    with pytest.raises(CallerError):
        verify(Signed(method, target_uri, headers, b""), find_key, NOW)


@pytest.mark.parametrize("name", SIGNING)
def test_a_header_there_twice_is_refused_even_if_both_are_right(name):
    request = signed()
    value = header(request, name)
    with pytest.raises(BadSignature, match="twice"):
        verify(with_header(request, name, value, value), find_key, NOW)
    with pytest.raises(BadSignature):
        verify(with_header(request, name, value + b", " + value), find_key, NOW)


@pytest.mark.parametrize("name", SIGNING)
def test_a_header_taken_away_is_noticed(name):
    with pytest.raises(BadSignature, match="exactly these"):
        verify(with_header(signed(), name), find_key, NOW)


def test_the_names_of_headers_may_be_written_in_capitals():
    request = signed()
    shouted = [(name.upper(), value) for name, value in request.headers]
    assert verify(dataclasses.replace(request, headers=shouted), find_key, NOW).key is KEY


def test_a_write_signed_like_a_read_is_refused():
    """Stripping the body's coverage, with a signature that would be right for it."""
    read = sign(KEY, method="GET", target_uri=TARGET, created=NOW, nonce=NONCE)
    params = read["Signature-Input"].removeprefix("pb=")
    base = signature_base([("@method", "POST"), ("@target-uri", TARGET)], params)
    headers = {"Signature-Input": f"pb={params}", "Signature": f"pb={signature(KEY.request, base)}"}
    refuse(Signed("POST", TARGET, raw(headers), BODY))
    full = headers | {"Content-Digest": content_digest(BODY), "Idempotency-Key": IDEMPOTENCY_KEY}
    refuse(Signed("POST", TARGET, raw(full), BODY))


def test_a_signature_input_that_names_fewer_components_than_were_signed_is_refused():
    request = signed()
    full = header(request, b"signature-input").decode().removeprefix("pb=")
    params = full.replace(' "content-digest" "idempotency-key"', "")
    parts = [("@method", "POST"), ("@target-uri", TARGET)]
    parts += [("content-digest", content_digest(BODY)), ("idempotency-key", IDEMPOTENCY_KEY)]
    changed = with_header(request, b"signature-input", f"pb={params}".encode())
    made = f"pb={signature(KEY.request, signature_base(parts, params))}".encode()
    refuse(with_header(changed, b"signature", made))


def test_a_read_cannot_be_played_as_a_head_nor_the_other_way_round():
    for method, other in (("GET", "HEAD"), ("HEAD", "GET")):
        request = signed(method=method, body=b"")
        assert verify(request, find_key, NOW).idempotency_key == ""
        refuse(dataclasses.replace(request, method=other))


def test_an_address_with_a_line_break_cannot_add_lines_to_what_is_signed():
    refuse(signed(target_uri=f'{TARGET}\n"content-digest": x'))
    refuse(signed(target_uri="https://pay.example/한글"))


def test_a_signature_with_an_empty_or_public_key_is_refused():
    for key in (b"", bytes(32), b"k1"):
        request = signed()
        params = header(request, b"signature-input").decode().removeprefix("pb=")
        parts = [
            ("@method", "POST"),
            ("@target-uri", TARGET),
            ("content-digest", content_digest(BODY)),
            ("idempotency-key", IDEMPOTENCY_KEY),
        ]
        forged = f"pb={signature(key, signature_base(parts, params))}".encode()
        refuse(with_header(request, b"signature", forged))


def test_a_subkey_for_another_purpose_signs_nothing():
    for other in (KEY.order, KEY.news):
        confused = dataclasses.replace(KEY, request=other)
        headers = sign(confused, method="GET", target_uri=TARGET, created=NOW, nonce=NONCE)
        refuse(Signed("GET", TARGET, raw(headers)))


@pytest.mark.parametrize(
    ("seconds", "server_time"),
    [
        (-10_000_000, "2026-07-25T17:20:00Z"),
        (-121, "2026-11-18T11:04:39Z"),
        (121, "2026-11-18T11:08:41Z"),
        (10_000_000, "2027-03-14T04:53:20Z"),
    ],
)
def test_a_wrong_clock_is_told_the_right_time(seconds, server_time):
    with pytest.raises(ClockSkew) as refused:
        verify(signed(), find_key, NOW + seconds)
    assert refused.value.extra["server_time"] == server_time


@pytest.mark.parametrize("seconds", [-120, -1, 0, 1, 119])
def test_a_clock_a_little_off_is_accepted(seconds):
    assert verify(signed(), find_key, NOW + seconds).created == NOW


def test_the_time_is_told_only_to_those_who_can_sign():
    request = with_header(signed(), b"signature", b"pb=:" + b"A" * 43 + b"=:")
    with pytest.raises(BadSignature):
        verify(request, find_key, NOW + 10_000)


def test_a_body_or_header_too_large_is_refused_before_anything_is_computed():
    def never(key_id: str):
        raise AssertionError(key_id)

    with pytest.raises(TooLarge):
        verify(dataclasses.replace(signed(), body=bytes(BODY_BYTES_MAX + 1)), never, NOW)
    with pytest.raises(TooLarge):
        verify(with_header(signed(), b"signature", b"x" * (HEADER_BYTES_MAX + 1)), never, NOW)
    with pytest.raises(TooLarge):
        verify(dataclasses.replace(signed(), target_uri="https://" + "x" * 5000), never, NOW)


def test_the_digest_tells_apart_what_an_idempotency_key_may_not_be_used_for_twice():
    first = verify(signed(), find_key, NOW)
    again = verify(signed(), find_key, NOW + 5)
    assert first.digest == again.digest
    assert len(first.digest) == 64
    others = [signed(body=b"{}"), signed(target_uri=TARGET.replace("01jd", "01je")), signed(method="DELETE")]
    digests = {verify(other, find_key, NOW).digest for other in others}
    assert len(digests | {first.digest}) == 4


@settings(max_examples=50)
@given(
    st.sampled_from(["GET", "HEAD", "POST", "DELETE"]),
    st.binary(max_size=300),
    st.text("abcdefghijklmnopqrstuvwxyz0123456789/%?=&-._~", max_size=80),
    st.integers(0, 2**32),
)
def test_whatever_is_signed_is_accepted(method, body, path, seed):
    body = b"" if method in ("GET", "HEAD") else body
    nonce = "".join(random.Random(seed).choices("abcXYZ012-_", k=22))
    target_uri = f"https://pay.example/{path}"
    headers = sign(
        KEY, method=method, target_uri=target_uri, created=NOW, nonce=nonce, idempotency_key=f"{seed:032x}", body=body
    )
    assert verify(Signed(method, target_uri, raw(headers), body), find_key, NOW).nonce == nonce
