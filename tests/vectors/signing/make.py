"""Make the signing vectors, which Python and PHP both read: `python tests/vectors/signing/make.py [FOLDER]`."""

import json
import sys
from pathlib import Path

from cases import (
    INFOS,
    NOW,
    PAID,
    SECRETS,
    SMALL_ORDER,
    STATES,
    TARGET,
    Case,
    base64url,
    compact,
    news_case,
    request_case,
    subkey,
    token_case,
)
from refused import json_refusals, news_refusals, pairing_refusals, request_refusals, token_refusals


def requests() -> list[Case]:
    refund = '{"amount":12000,"reason":"공연 취소 — \\"전석\\"","actor":"wp:7"}'
    return [
        request_case("a refund with Korean text", target=f"{TARGET}/01jd/refunds", body=refund),
        request_case(
            "a read with a query", method="GET", target=f"{TARGET}?order=2026-0001&state=paid&limit=20", body=""
        ),
        request_case(
            "a read whose query is percent-encoded",
            method="GET",
            target=f"{TARGET}?order=%EC%A2%8C%EC%84%9D%20A",
            body="",
        ),
        request_case("a HEAD", method="HEAD", target="https://pay.example/bridge/v1/health", body=""),
        request_case(
            "a deletion signs the digest of the empty body", method="DELETE", target=f"{TARGET}/01jd/x", body=""
        ),
        request_case("another key, while keys rotate", key_id="k2", created=NOW - 100),
        request_case("a clock 119 s ahead", created=NOW + 119),
        request_case(
            "a bridge at the root of a host with a port", target="http://127.0.0.1:8400/v1/payments", body="{}"
        ),
    ]


def news() -> list[Case]:
    return [
        news_case("paid", ["k1"], PAID),
        news_case("paid, while keys rotate", ["k1", "k2"], PAID),
        news_case("an empty body", ["k1"], ""),
        news_case("as old as may be", ["k1"], PAID, at=NOW - 120),
        news_case("as early as may be", ["k1"], PAID, at=NOW + 120),
    ]


def order_tokens() -> list[Case]:
    return [
        token_case("an order with Korean text"),
        token_case("a small order", order=SMALL_ORDER, key_id="k2"),
        token_case("sealed by a clock 120 s ahead", order=SMALL_ORDER, iat=NOW + 120, exp=NOW + 1020),
        token_case("in its last second", order=SMALL_ORDER, iat=NOW - 899, exp=NOW + 1),
    ]


def pairing() -> list[Case]:
    found: list[Case] = []
    for url, site, key_id in (("https://pay.example/bridge", "shop", "k1"), ("http://127.0.0.1:8400", "demo", "k2")):
        fields = {"url": url, "site": site, "key_id": key_id, "secret": SECRETS[key_id]}
        found.append({**fields, "code": base64url(compact(fields).encode())})
    return found


def published() -> Case:
    """The examples of the standards themselves, copied from them and not computed."""
    return {
        "rfc9421_b_2_5": {
            "source": "RFC 9421, appendix B.2.5 and B.1.5",
            "shared_secret_base64": "uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4"
            "XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ==",
            "components": [
                ["date", "Tue, 20 Apr 2021 02:07:55 GMT"],
                ["@authority", "example.com"],
                ["content-type", "application/json"],
            ],
            "params": '("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret"',
            "signature": ":pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=:",
        },
        "rfc9530_content_digest": {
            "source": "RFC 9530, appendix B.1",
            "body": '{"hello": "world"}\n',
            "content_digest": "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:",
        },
        "standard_webhooks": {
            "source": "Standard Webhooks, the example of its reference libraries",
            "key_base64": "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "message_id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "at": 1614265330,
            "body": '{"test": 2432232314}',
            "signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        },
    }


def files() -> Case:
    """Every vector file's content by its name."""
    keys = [
        {"key_id": key_id, "secret": secret, **{f"{name}_key_hex": subkey(key_id, name).hex() for name in INFOS}}
        for key_id, secret in SECRETS.items()
    ]
    known = {key_id: {"secret": secret, "site": "shop", "state": STATES[key_id]} for key_id, secret in SECRETS.items()}
    return {
        "keys.json": {"infos": INFOS, "cases": keys},
        "pairing.json": {"cases": pairing()},
        "requests.json": {"known_keys": known, "cases": requests()},
        "news.json": {"cases": news()},
        "order_token.json": {"known_keys": known, "cases": order_tokens()},
        "published.json": published(),
        "refusals.json": {
            "known_keys": known,
            "requests": request_refusals(),
            "news": news_refusals(),
            "order_tokens": token_refusals(),
            "pairing_codes": pairing_refusals(),
            "json": json_refusals(),
        },
    }


if __name__ == "__main__":
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    for file_name, content in files().items():
        (folder / file_name).write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
