"""Signed news, bridge to WordPress: `bridge.signing.news`."""

import base64
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain.failures import BadSignature, CallerError, Malformed, Misconfigured, TooLarge
from bridge.signing import news
from tests.signing.support import KEY, KEYS, NOW, named, raw, vectors

BODY = b'{"type":"payment.paid","seq":1}'


def delivered(**changes) -> list[tuple[bytes, bytes]]:
    return raw(news.headers([KEY.news], "msg_01jd", NOW, BODY) | changes)


def test_the_example_of_standard_webhooks_comes_out_to_the_byte():
    example = vectors("published")["standard_webhooks"]
    key = base64.b64decode(example["key_base64"])
    made = news.headers([key], example["message_id"], example["at"], example["body"].encode())
    assert made["webhook-signature"] == example["signature"]


@pytest.mark.parametrize("case", **named(vectors("news")["cases"]))
def test_news_is_signed_as_in_the_vectors_and_accepted(case):
    keys = [bytes.fromhex(key) for key in case["news_keys_hex"]]
    body = case["body"].encode()
    assert news.headers(keys, case["message_id"], case["at"], body) == case["headers"]
    for key in keys:
        assert news.verify([key], raw(case["headers"]), body, case["now"]) == case["message_id"]


@pytest.mark.parametrize("case", **named(vectors("refusals")["news"]))
def test_news_that_is_not_genuine_is_refused(case):
    with pytest.raises(CallerError) as refused:
        news.verify([KEY.news], raw(case["headers"]), case["body"].encode(), case["now"])
    assert refused.value.code == case["code"]


def test_while_keys_rotate_the_old_and_the_new_key_both_open_it():
    made = raw(news.headers([KEYS["k1"].news, KEYS["k2"].news], "msg_01jd", NOW, BODY))
    for key_id in ("k1", "k2"):
        assert news.verify([KEYS[key_id].news], made, BODY, NOW) == "msg_01jd"
    with pytest.raises(BadSignature):
        news.verify([KEYS["k-new"].news], made, BODY, NOW)


def test_without_a_key_no_news_is_signed_and_none_accepted():
    for keys in ([], [b""]):
        with pytest.raises(Misconfigured):
            news.headers(keys, "msg_01jd", NOW, BODY)
        with pytest.raises(BadSignature):
            news.verify(keys, delivered(), BODY, NOW)
    empty = hmac.digest(b"", f"msg_01jd.{NOW}.".encode() + BODY, "sha256")
    forged = delivered(**{"webhook-signature": f"v1,{base64.b64encode(empty).decode()}"})
    with pytest.raises(BadSignature):
        news.verify([b""], forged, BODY, NOW)


@pytest.mark.parametrize("message_id", ["", "msg.1", "msg 1", "한글", "msg\n", "x" * 65])
def test_a_message_id_that_could_be_read_in_two_ways_is_never_signed(message_id):
    with pytest.raises(Malformed):
        news.headers([KEY.news], message_id, NOW, BODY)


@pytest.mark.parametrize("name", [b"webhook-id", b"webhook-timestamp", b"webhook-signature"])
def test_a_webhook_header_missing_or_there_twice_is_refused(name):
    others = [pair for pair in delivered() if pair[0] != name]
    value = dict(delivered())[name]
    for changed in (others, [*others, (name, value), (name, value)]):
        with pytest.raises(BadSignature):
            news.verify([KEY.news], changed, BODY, NOW)


def test_the_signature_header_is_bounded():
    genuine = dict(delivered())[b"webhook-signature"].decode()
    for others, good in ((7, True), (8, False)):
        made = delivered(**{"webhook-signature": "v1,A " * others + genuine})
        if good:
            assert news.verify([KEY.news], made, BODY, NOW) == "msg_01jd"
        else:
            with pytest.raises(BadSignature):
                news.verify([KEY.news], made, BODY, NOW)
    with pytest.raises(TooLarge):
        news.verify([KEY.news], delivered(**{"webhook-signature": "A" * 1025}), BODY, NOW)


@given(st.data())
def test_news_changed_anywhere_is_refused(data):
    made = dict(delivered())
    part = data.draw(st.sampled_from([b"webhook-id", b"webhook-timestamp", b"webhook-signature", b"body"]))
    value = BODY if part == b"body" else made[part]
    start = data.draw(st.integers(0, len(value)))
    end = data.draw(st.integers(start, len(value)))
    changed = value[:start] + data.draw(st.binary(max_size=6)) + value[end:]
    if changed == value or (part == b"webhook-signature" and made[part] in changed.split(b" ")):
        return
    body = changed if part == b"body" else BODY
    headers = made if part == b"body" else made | {part: changed}
    with pytest.raises(BadSignature):
        news.verify([KEY.news], list(headers.items()), body, NOW)


@given(st.lists(st.tuples(st.sampled_from([b"webhook-id", b"webhook-timestamp", b"webhook-signature"]), st.binary())))
def test_no_headers_whatsoever_make_verifying_fail_otherwise(headers):
    with pytest.raises(CallerError):
        news.verify([KEY.news], headers, BODY, NOW)
