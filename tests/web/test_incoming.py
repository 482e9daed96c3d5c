"""What comes in: sizes, shapes, signatures, addresses; each refusal with its clear error and nothing kept."""

import json
from dataclasses import replace

import pytest
from starlette.requests import Request

from bridge.domain.failures import TooLarge
from bridge.flows.heartbeat import beat
from bridge.web.incoming import client_address, read_body, target_uri
from tests.support.world import PUBLIC_URL, World

BIG = b'{"order": "' + b"x" * (2 * 1024 * 1024) + b'"}'


async def post(world, body, path="/v1/payments", client_options=None, **headers):
    signed = world.headers("POST", path, body) | {name.replace("_", "-"): value for name, value in headers.items()}
    async with world.client() as client:
        return await client.post(path, content=body, headers=signed)


async def nothing_kept(world):
    for table in ("payments", "orders", "nonces", "answers", "operations"):
        assert await world.all(f"SELECT 1 FROM {table}") == [], table


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "malformed"),
        (b"null", 400, "malformed"),
        (b"[]", 400, "malformed"),
        (b'"x"', 400, "malformed"),
        (b"{", 400, "malformed"),
        (b'{"order": {}, "order": {}}', 400, "malformed"),
        (b'{"order": NaN}', 400, "malformed"),
        (b'{"order": 1e3}', 400, "malformed"),
        (b'{"order": 1234567890123456}', 400, "malformed"),
        (b'{"order":' * 20 + b"1" + b"}" * 20, 400, "malformed"),
        (b'{"order": "\\u0000"}', 400, "malformed"),
        (b'{"order": "\\ud800"}', 400, "malformed"),
        ('{"order": "봄"}'.encode("cp949"), 400, "malformed"),
        (b"\xef\xbb\xbf{}", 400, "malformed"),
        (b"[" * 60_000, 400, "malformed"),
        (b'{"order": {}, "method": "cash"}', 400, "malformed"),
        (b'{"order": {}, "device": "watch"}', 400, "malformed"),
        (BIG, 413, "too_large"),
    ],
    ids=lambda value: str(value[:30]) if isinstance(value, bytes) else None,
)
async def test_a_body_that_is_no_order_is_refused(world, body, status, code):
    answer = await post(world, body)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["message_ko"]
    await nothing_kept(world)


@pytest.mark.parametrize(
    "headers",
    [{"content_encoding": "gzip"}, {"content_encoding": "br"}, {"content_type": "text/plain"},
     {"content_type": "multipart/form-data; boundary=x"}, {"content_type": "application/x-www-form-urlencoded"},
     {"content_type": ""}],
    ids=str,
)  # fmt: skip
async def test_a_body_of_another_type_or_encoding_is_refused(world, headers):
    answer = await post(world, json.dumps({"order": world.order()}).encode(), **headers)

    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_body")
    await nothing_kept(world)


async def test_a_request_without_a_signature_is_refused(world):
    for path in ("/v1/payments", "/v1/cases", "/v1/health", "/v1/codes/cards", "/v1/payments/x", "/v1/refunds/x"):
        async with world.client() as client:
            answer = await client.get(path)
        assert (answer.status_code, answer.json()["code"]) == (401, "bad_signature"), path


@pytest.mark.parametrize("bend", ["body", "path", "query", "method", "key", "nonce", "created", "signature"])
async def test_a_signature_over_anything_else_is_refused(world, bend):
    body = json.dumps({"order": world.order()}).encode()
    path, method = "/v1/payments", "POST"
    headers = world.headers("POST", path, body)
    if bend == "body":
        body = body.replace(b"55000", b"05500".replace(b"0", b"1", 1))
    elif bend == "path":
        path = "/v1/payments/search"
    elif bend == "query":
        path += "?x=1"
    elif bend == "method":
        method = "DELETE"
    elif bend == "key":
        headers["Idempotency-Key"] = "f" * 32
    elif bend == "nonce":
        headers["Signature-Input"] = headers["Signature-Input"].replace('nonce="', 'nonce="A')[:-1]
    elif bend == "created":
        now = str(int(world.clock.now().timestamp()))
        headers["Signature-Input"] = headers["Signature-Input"].replace(now, str(int(now) + 1), 1)
    else:
        headers["Signature"] = headers["Signature"][:-3] + "A=:"
    async with world.client() as client:
        answer = await client.request(method, path, content=body, headers=headers)

    assert answer.status_code in (401, 405)
    if answer.status_code == 401:
        assert answer.json()["code"] == "bad_signature"
    await nothing_kept(world)


@pytest.mark.parametrize("seconds", [-121, -600, 121, 600])
async def test_a_clock_that_is_off_hears_the_servers_time(world, seconds):
    created = int(world.clock.now().timestamp()) + seconds
    answer = await world.call("POST", "/v1/payments", {"order": world.order()}, created=created)

    assert (answer.status_code, answer.json()["code"]) == (401, "clock_skew")
    assert answer.json()["server_time"] == "2026-11-20T02:30:00Z"
    await nothing_kept(world)


@pytest.mark.parametrize("seconds", [-119, 0, 120])
async def test_a_clock_that_is_nearly_right_is_good_enough(world, seconds):
    created = int(world.clock.now().timestamp()) + seconds
    answer = await world.call("GET", "/v1/payments", created=created)

    assert answer.status_code == 200


async def test_a_key_nobody_knows_is_told_so(world):
    stranger = replace(world.site, key=replace(world.site.key, key_id="k-nobody"))
    answer = await world.call("GET", "/v1/payments", site=stranger)

    assert (answer.status_code, answer.json()["code"]) == (401, "unknown_key")


async def test_a_clock_set_back_opens_no_replay(world):
    """A captured search is sent again after the bridge's clock was set back to when it was made."""
    path, body = "/v1/payments/search", b'{"q": ""}'
    headers = world.headers("POST", path, body)
    async with world.client() as client:
        assert (await client.post(path, content=body, headers=headers)).status_code == 200
        await world.clock.forward(3600)
        await beat(world.context, 0)
        world.clock.set_back(3600)
        again = await client.post(path, content=body, headers=headers)

    assert (again.status_code, again.json()["code"]) == (409, "replay")


async def test_the_host_header_decides_nothing(world):
    order = world.order()
    token = world.token(order)
    async with world.client() as client:
        hostile = {"host": "evil.test", "x-forwarded-host": "evil.test", "accept": "application/json",
                   "forwarded": "host=evil.test", "x-forwarded-proto": "http"}  # fmt: skip
        answer = await client.post("/checkout", data={"token": token}, headers=hostile)
        sent = world.net.calls("/ready")[0].body.decode()
        signed = world.headers("GET", "/v1/payments") | {"host": "evil.test"}
        listed = await client.get("/v1/payments", headers=signed)

    assert "evil.test" not in answer.text + sent + listed.text
    assert answer.json()["status_url"].startswith(f"{PUBLIC_URL}/s/")
    assert "https%3A%2F%2Fpay.test%2Fr%2F" in sent
    assert listed.status_code == 200


def asked(world: World, *headers: tuple[str, str], peer: str = "10.0.0.1") -> str:
    raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
    return client_address(world.context, Request({"type": "http", "client": (peer, 1), "headers": raw}))


@pytest.fixture
async def behind_proxy(folder):
    world = World(folder, trusted_proxies=("10.0.0.1", "10.0.0.2"))
    await world.start()
    yield world
    await world.close()


async def test_a_forwarded_address_counts_only_from_a_trusted_proxy(behind_proxy):
    forwarded = ("X-Forwarded-For", "203.0.113.5")
    assert asked(behind_proxy, forwarded, peer="198.51.100.1") == "198.51.100.1"
    assert asked(behind_proxy, forwarded) == "203.0.113.5"
    assert asked(behind_proxy) == "10.0.0.1"
    assert asked(behind_proxy, ("X-Forwarded-For", "6.6.6.6, 203.0.113.5")) == "203.0.113.5"
    assert asked(behind_proxy, ("X-Forwarded-For", "6.6.6.6, 203.0.113.5, 10.0.0.2")) == "203.0.113.5"
    assert asked(behind_proxy, ("X-Forwarded-For", "6.6.6.6, nonsense")) == "10.0.0.1"
    assert asked(behind_proxy, ("X-Forwarded-For", "10.0.0.2")) == "10.0.0.1"
    for name in ("X-Real-IP", "Forwarded", "CF-Connecting-IP", "True-Client-IP"):
        assert asked(behind_proxy, (name, "6.6.6.6")) == "10.0.0.1"


async def test_a_proxy_that_adds_a_line_of_its_own_is_believed_over_the_callers_line(behind_proxy):
    """Some proxies append a second X-Forwarded-For instead of adding to the caller's."""
    lines = (("X-Forwarded-For", "211.43.193.87"), ("X-Forwarded-For", "203.0.113.5"))
    assert asked(behind_proxy, *lines) == "203.0.113.5"


async def test_a_notice_is_not_believed_for_a_header(world):
    payment = await world.buy(world.order())
    fields = {"cmd": "1", "mbrNo": "100011", "mbrRefNo": payment.merchant_ref, "refNo": "X", "amount": "55000"}
    async with world.client("192.0.2.66") as client:
        spoofed = {"x-forwarded-for": "211.43.193.87", "x-real-ip": "211.43.193.87"}
        answer = await client.post(world.notice_path(), data=fields, headers=spoofed)

    assert answer.status_code == 404
    assert await world.cases(payment.id) == []


async def test_a_public_address_with_a_path_is_part_of_what_is_signed(folder):
    world = World(folder)
    await world.start()
    object.__setattr__(world.context.settings, "public_url", "https://shop.test/pay")
    for path, root in (("/v1/payments", ""), ("/pay/v1/payments", ""), ("/pay/v1/payments", "/pay")):
        scope = {"type": "http", "raw_path": path.encode(), "query_string": b"a=1", "root_path": root, "headers": []}
        assert target_uri(world.context, Request(scope)) == "https://shop.test/pay/v1/payments?a=1"
    await world.close()


@pytest.mark.parametrize("length", [b"99999999", b"\xb2", b"-1", b"x", b""])
async def test_a_length_that_lies_is_not_believed(length):
    async def receive():
        return {"type": "http.request", "body": b"x" * 600, "more_body": False}

    scope = {"type": "http", "headers": [(b"content-length", length)], "method": "POST"}
    with pytest.raises(TooLarge):
        await read_body(Request(scope, receive), 500)


async def test_a_body_that_never_ends_is_cut_off_while_it_comes(world):
    async def endless():
        while True:
            yield b"x" * 8192

    async with world.client() as client:
        headers = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
        answer = await client.post("/checkout", content=endless(), headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


async def test_a_caller_who_goes_away_in_the_middle_changes_nothing(world):
    pieces = iter([{"type": "http.request", "body": b"token=", "more_body": True}, {"type": "http.disconnect"}])

    async def receive():
        return next(pieces)

    said = []

    async def send(message):
        said.append(message)

    scope = {"type": "http", "method": "POST", "path": "/checkout", "raw_path": b"/checkout", "query_string": b"",
             "headers": [(b"content-type", b"application/x-www-form-urlencoded"), (b"accept", b"application/json")],
             "client": ("203.0.113.9", 1), "server": ("pay.test", 443), "scheme": "https", "root_path": "",
             "http_version": "1.1"}  # fmt: skip
    await world.app(scope, receive, send)

    assert said[0]["status"] == 400
    assert await world.all("SELECT id FROM payments") == []


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
@pytest.mark.parametrize("path", ["/v1/payments", "/checkout", "/r/x", "/s/x", "/n/a/b/c/d"])
async def test_other_methods_are_refused(world, method, path):
    async with world.client() as client:
        answer = await client.request(method, path, headers={"x-http-method-override": "POST"})

    assert answer.status_code == 405


@pytest.mark.parametrize(
    "path", ["/v1/payments/../cases", "/v1/payments/%2e%2e", "/static/../bridge.db", "/v1//payments"]
)
async def test_paths_lead_nowhere_else(world, path):
    async with world.client() as client:
        answer = await client.get(path)

    assert answer.status_code in (401, 404)
    assert "SQLite" not in answer.text
