"""What must be refused, and with which code."""

import base64
from collections.abc import Mapping

from cases import (
    FULL,
    JTI,
    NOW,
    PAID,
    SECRETS,
    SHORT,
    SMALL_ORDER,
    TARGET,
    Case,
    base64url,
    compact,
    digest,
    news_case,
    request_case,
    token_case,
)

KEPT = ("name", "code", "method", "target_uri", "headers", "body", "token", "pairing_code", "raw_base64", "now")


def altered(case: Case, **changes: object) -> Case:
    return {**case, **changes}


def with_headers(case: Case, **changes: str | None) -> Case:
    headers = dict(case["headers"])
    for name, value in changes.items():
        headers.pop(name.replace("_", "-"), None)
        if value is not None:
            headers[name.replace("_", "-")] = value
    return altered(case, headers=headers)


def coded(cases: Mapping[str, Case], code: str) -> list[Case]:
    """Name the cases and keep of them only what a reader of messages would be given."""
    named = [{**case, "name": name, "code": code} for name, case in cases.items()]
    return [{field: case[field] for field in KEPT if field in case} for case in named]


def request_refusals() -> list[Case]:
    good = request_case("")
    headers = good["headers"]
    other = request_case("", created=NOW - 1, label="pb2")["headers"]["Signature-Input"]
    short = headers["Signature-Input"].replace(FULL, SHORT)
    bad = {
        "another method": altered(good, method="DELETE"),
        "another address": altered(good, target_uri=f"{TARGET}/other"),
        "another body": altered(good, body='{"reason":"관객 요구"}'),
        "another idempotency key": with_headers(good, Idempotency_Key="0" * 32),
        "another body, with a digest that fits": request_case(
            "", body="{}", signed_as={"content-digest": digest('{"amount":1}')}
        ),
        "no signature": with_headers(good, Signature=None),
        "no signature input": with_headers(good, Signature_Input=None),
        "no digest": with_headers(good, Content_Digest=None),
        "no idempotency key": with_headers(good, Idempotency_Key=None),
        "an empty signature": with_headers(good, Signature="pb=::"),
        "a signature cut short": with_headers(good, Signature=headers["Signature"][:-5] + ":"),
        "a second label": with_headers(good, Signature_Input=f"{headers['Signature-Input']}, {other}"),
        "a foreign label": request_case("", label="sig1"),
        "another algorithm": request_case("", alg="hmac-sha512"),
        "no algorithm at all": request_case("", alg="none"),
        "another tag": request_case("", tag="pay-bridge-v2"),
        "fewer covered components": with_headers(good, Signature_Input=short),
        "a nonce too short": request_case("", nonce="AAECAwQFBgcICQoLDA0O"),
        "an empty key id": request_case("", key_id=""),
        "an idempotency key in capitals": request_case("", idempotency_key="00112233445566778899AABBCCDDEEFF"),
        "a validity of 121 s": request_case("", lifetime=121),
        "a validity of none": request_case("", lifetime=0),
        "a read with a body": altered(request_case("", method="GET", body=""), body="{}"),
        "a read with an idempotency key": with_headers(
            request_case("", method="GET", body=""), Idempotency_Key="0" * 32
        ),
        "a method nobody signs": request_case("", method="PATCH"),
        "a signature by another key": with_headers(
            good, Signature=request_case("", key_id="k2")["headers"]["Signature"]
        ),
    }
    unknown = {
        "a key nobody has": request_case("", key_id="k9"),
        "a revoked key": request_case("", key_id="k-old"),
        "a key not yet in use": request_case("", key_id="k-new"),
    }
    skewed = {
        "a clock 121 s behind": request_case("", created=NOW - 121),
        "a clock 121 s ahead": request_case("", created=NOW + 121),
        "expired to the second": request_case("", created=NOW - 120),
        "expired after a short validity": request_case("", created=NOW - 30, lifetime=30),
    }
    return coded(bad, "bad_signature") + coded(unknown, "unknown_key") + coded(skewed, "clock_skew")


def news_refusals() -> list[Case]:
    good = news_case("", ["k1"], PAID)
    headers = good["headers"]
    signature = headers["webhook-signature"]
    bad = {
        "another body": altered(good, body=PAID.replace("paid", "void", 1)),
        "another id": altered(good, headers={**headers, "webhook-id": "msg_01je"}),
        "another time": altered(good, headers={**headers, "webhook-timestamp": str(NOW + 1)}),
        "another key": news_case("", ["k2"], PAID),
        "no id": altered(good, headers={**headers, "webhook-id": ""}),
        "no signature": altered(good, headers={**headers, "webhook-signature": ""}),
        "another version": altered(good, headers={**headers, "webhook-signature": signature.replace("v1,", "v1a,")}),
        "a time with a point": altered(good, headers={**headers, "webhook-timestamp": f"{NOW}.0"}),
        "an id with a point": news_case("", ["k1"], PAID, message_id="msg.01jd"),
    }
    skewed = {
        "121 s old": news_case("", ["k1"], PAID, at=NOW - 121),
        "121 s early": news_case("", ["k1"], PAID, at=NOW + 121),
    }
    return coded(bad, "bad_signature") + coded(skewed, "clock_skew")


def token_refusals() -> list[Case]:
    good = token_case("good", order=SMALL_ORDER)
    token = str(good["token"])
    refused = {
        name: altered(good, token=text)
        for name, text in {
            "nothing": "",
            "no parts": "v1",
            "another version": "v2" + token[2:],
            "another key id": token.replace("v1.k1.", "v1.k2.", 1),
            "cut short": token[:-4],
            "lengthened": token + "AAAA",
            "padded": token + "=",
            "another ending": token[:-2] + ("AA" if token[-2:] != "AA" else "BB"),
            "the bridge's own kind of token": "01jd.BirMj3rvw0T8CPxGPA5Rzpn8y618BoBLAhz4Gg1Qdgw",
        }.items()
    }
    twice = '{"order":{},"order":{},"iat":1,"exp":2,"jti":"' + JTI + '"}'
    refused |= {
        "a key nobody has": token_case("", order=SMALL_ORDER, key_id="k9"),
        "a revoked key": token_case("", order=SMALL_ORDER, key_id="k-old"),
        "sealed with the request key": token_case("", order=SMALL_ORDER, sealed_with="request"),
        "other associated data": token_case("", order=SMALL_ORDER, associated="pay-bridge.news.v1|"),
        "a life of 901 s": token_case("", order=SMALL_ORDER, exp=NOW + 901),
        "made 121 s ahead": token_case("", order=SMALL_ORDER, iat=NOW + 121, exp=NOW + 1000),
        "a time that is a text": token_case("", order=SMALL_ORDER, iat=str(NOW)),
        "a time that is true": token_case("", order=SMALL_ORDER, iat=True),
        "no jti": token_case("", order=SMALL_ORDER, jti=""),
        "no order": token_case("", order="2026-0001"),
        "over 8 KiB": token_case("", order=SMALL_ORDER | {"title": "표" * 2000}),
        "a list": token_case("", order=SMALL_ORDER, text="[]"),
        "not JSON": token_case("", order=SMALL_ORDER, text="order=1"),
        "a field twice": token_case("", order=SMALL_ORDER, text=twice),
    }
    expired = {
        "expired to the second": token_case("", order=SMALL_ORDER, iat=NOW - 900, exp=NOW),
        "expired because the hold ended": token_case("", order=SMALL_ORDER, iat=NOW - 20, exp=NOW - 10),
    }
    return coded(refused, "token_refused") + coded(expired, "token_expired")


def pairing_refusals() -> list[Case]:
    good = {"url": "https://pay.example/bridge", "site": "shop", "key_id": "k1", "secret": SECRETS["k1"]}
    bad = {
        "another scheme": good | {"url": "ftp://pay.example"},
        "a slash at the end": good | {"url": "https://pay.example/"},
        "a query": good | {"url": "https://pay.example/?a=1"},
        "a password in the address": good | {"url": "https://a:b@pay.example"},
        "a key id in capitals": good | {"key_id": "K1"},
        "a secret of 31 bytes": good | {"secret": base64url(bytes(31))},
        "a secret with padding": good | {"secret": SECRETS["k1"] + "="},
        "a secret written in a second way": good | {"secret": SECRETS["k1"][:-1] + "9"},
        "no site": good | {"site": ""},
        "a number": good | {"site": 7},
        "a field missing": {name: value for name, value in good.items() if name != "secret"},
        "a list": [],
    }
    codes = {name: {"pairing_code": base64url(compact(fields).encode())} for name, fields in bad.items()}
    whole = base64url(compact(good).encode())
    codes |= {
        "empty": {"pairing_code": ""},
        "cut short": {"pairing_code": whole[:-8]},
        "broken": {"pairing_code": "*" + whole},
    }
    return coded(codes, "malformed")


def json_refusals() -> list[Case]:
    texts = {
        "nothing": b"",
        "EUC-KR": '{"name":"홍길동"}'.encode("euc-kr"),
        "a byte order mark": b"\xef\xbb\xbf{}",
        "a field twice": b'{"amount":1,"amount":2}',
        "a field twice, once escaped": b'{"amount":1,"\\u0061mount":2}',
        "a fraction": b'{"amount":1000.0}',
        "an exponent": b'{"amount":1e3}',
        "NaN": b'{"amount":NaN}',
        "minus Infinity": b"[-Infinity]",
        "16 digits": b"[1234567890123456]",
        "17 levels": b"[" * 17 + b"]" * 17,
        "17 levels behind texts full of brackets": b'["]]]]]\\"]]]]]]]]]]]]]",' + b"[" * 16 + b"]" * 17,
        "half a surrogate pair": b'["\\ud83c"]',
        "half a surrogate pair as a name": b'{"\\udf9f":1}',
        "a NUL": b'["\\u0000"]',
        "something after the end": b"{} {}",
        "full-width digits": "[１]".encode(),
        "single quotes": b"{'a':1}",
        "a comma at the end": b"[1,]",
    }
    return coded({name: {"raw_base64": base64.b64encode(raw).decode()} for name, raw in texts.items()}, "malformed")
