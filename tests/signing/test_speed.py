"""How long the work for one request takes; printed, not judged (`pytest -s`)."""

import json
from collections.abc import Callable
from time import perf_counter

from bridge.domain.strictjson import loads
from bridge.signing import news
from bridge.signing.requests import Signed, sign, verify
from bridge.signing.tokens import Tokens, open_order, seal_order
from tests.signing.support import KEY, NOW, find_key, raw

ITEMS = [{"ref": f"R-12-{seat}", "title": f"R석 12열 {seat}번", "amount": 120000} for seat in range(14)]
ORDER = {"ref": "2026-0001", "version": 1, "title": "겨울 나그네", "amount": 120000 * 14, "items": ITEMS}
BODY = json.dumps({"order": ORDER}, ensure_ascii=False).encode()
ROUNDS = 2000


def microseconds(work: Callable[[], object]) -> float:
    """The best of five, a call."""
    best = float("inf")
    for _ in range(5):
        start = perf_counter()
        for _ in range(ROUNDS):
            work()
        best = min(best, perf_counter() - start)
    return best / ROUNDS * 1e6


def test_the_speed_of_reading_and_verifying_is_printed():
    target = "https://pay.example/v1/payments"
    headers = sign(
        KEY, method="POST", target_uri=target, created=NOW, nonce="A" * 22, idempotency_key="0" * 32, body=BODY
    )
    request = Signed("POST", target, raw(headers), BODY)
    order_token = seal_order(KEY, {"order": ORDER, "iat": NOW, "exp": NOW + 900, "jti": "0" * 32}, bytes(12))
    tokens = Tokens(bytes(32))
    own = tokens.make("return", "01jd", "shop")
    taken = {
        f"loads, {len(BODY)} bytes": microseconds(lambda: loads(BODY, bytes_max=10_000)),
        f"json.loads, {len(BODY)} bytes": microseconds(lambda: json.loads(BODY)),
        "verify a request": microseconds(lambda: verify(request, find_key, NOW)),
        "sign news with two keys": microseconds(lambda: news.headers([KEY.news] * 2, "msg_1", NOW, BODY)),
        "open an order token": microseconds(lambda: open_order(order_token, find_key, NOW)),
        "read a return token": microseconds(lambda: tokens.read("return", own, parts=2)),
    }
    for what, spent in taken.items():
        print(f"{what:32} {spent:7.1f} µs")
    assert loads(BODY, bytes_max=10_000) == json.loads(BODY)
    assert verify(request, find_key, NOW).key is KEY
