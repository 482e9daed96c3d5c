"""The signed routes: payments, lists, search, refunds, codes, cases, health."""

import json
from urllib.parse import quote

import pytest

from bridge.web.wordpress import CODE_KINDS

KEY = "0123456789abcdef" * 2


async def test_a_server_opens_a_payment_and_gets_the_same_bytes_again(any_world):
    world = any_world
    body = {"order": world.order(), "method": "card", "device": "mobile"}
    first = await world.call("POST", "/v1/payments", body, key=KEY)
    second = await world.call("POST", "/v1/payments", body, key=KEY)
    shown = first.json()

    assert first.status_code == second.status_code == 201
    assert first.content == second.content
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"
    assert shown["state"] == "open"
    assert shown["window_url"].startswith("http://sandbox.test/")
    assert len(world.net.calls("/ready")) == 1
    assert shown.keys() >= {"id", "site", "order_ref", "gateway", "method", "state", "amount", "refunded", "currency",
                            "gateway_refs", "expires_at", "version", "allowed", "timeline"}  # fmt: skip


async def test_the_same_bytes_come_even_after_the_payment_was_paid_and_the_bridge_restarted(world):
    body = {"order": world.order()}
    first = await world.call("POST", "/v1/payments", body, key=KEY)
    heard = await world.press(first.json()["window_url"])
    async with world.client() as client:
        await client.get(heard.headers["location"])
    await world.restart()
    await world.clock.forward(40 * 86_400)
    again = await world.call("POST", "/v1/payments", body, key=KEY)

    assert await world.state(first.json()["id"]) == "paid"
    assert again.content == first.content


async def test_a_key_that_comes_again_with_another_order_is_refused(world):
    await world.call("POST", "/v1/payments", {"order": world.order()}, key=KEY)
    answer = await world.call("POST", "/v1/payments", {"order": world.order(amount=1_000)}, key=KEY)

    assert (answer.status_code, answer.json()["code"]) == (422, "key_reused")
    assert len(await world.all("SELECT id FROM payments")) == 1


async def test_a_paid_order_is_refused_and_its_payment_named(world):
    order = world.order()
    payment = await world.buy(order)
    answer = await world.call("POST", "/v1/payments", {"order": order})

    assert (answer.status_code, answer.json()["code"]) == (409, "order_taken")
    assert (answer.json()["payment"], answer.json()["state"]) == (payment.id, "paid")


async def test_a_window_that_did_not_open_says_that_nothing_was_charged(world):
    world.fault("ready", "5xx_before")
    answer = await world.call("POST", "/v1/payments", {"order": world.order()})

    assert (answer.status_code, answer.json()["code"], answer.json()["retry"]) == (503, "gateway_unavailable", True)


async def test_a_payment_is_shown_with_its_whole_story(any_world):
    world = any_world
    payment = await world.buy()
    await world.refund(payment.id, 5_000)
    shown = (await world.call("GET", f"/v1/payments/{payment.id}")).json()
    steps = [(one["event"], one.get("from"), one.get("to")) for one in shown["timeline"]]

    assert steps == [
        ("payment.created", "new", "readying"),
        ("window.opened", "readying", "open"),
        ("approve.sent", "open", "approving"),
        ("payment.paid", "approving", "paid"),
        ("refund.sent", None, None),
        ("refund.done", "paid", "part_refunded"),
    ]
    assert shown["refunds"][0]["state"] == "done"
    assert shown["order"] == {
        "ref": payment.order_ref, "version": 1, "state": "part_refunded", "paid_by": payment.id
    }  # fmt: skip
    assert shown["card"]["number"].count("*") >= 4
    text = json.dumps(shown, ensure_ascii=False)
    for secret in ("authToken", "authCode", "AUTH", "signature"):
        assert secret not in text


async def test_a_list_goes_page_by_page_newest_first(world):
    ids = []
    for _ in range(5):
        await world.clock.forward(1)
        ids.append((await world.checkout()).payment)
    seen, cursor = [], ""
    for _ in range(10):
        page = (await world.call("GET", f"/v1/payments?limit=2{cursor}")).json()
        assert len(page["items"]) <= 2
        seen += [one["id"] for one in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"

    assert seen == ids[::-1]


async def test_a_list_is_narrowed_by_order_state_and_time(world):
    old = await world.buy()
    await world.clock.forward(7200)
    new = await world.checkout()

    async def ids(query):
        return [one["id"] for one in (await world.call("GET", f"/v1/payments?{query}")).json()["items"]]

    assert await ids(f"order={old.order_ref}") == [old.id]
    assert await ids("state=paid") == [old.id]
    assert await ids("state=open") == [new.payment]
    assert await ids("from=2026-11-20T03:30:00Z") == [new.payment]
    assert await ids("to=2026-11-20T03:30:00Z") == [old.id]
    assert await ids("from=2026-11-20T12:30:00%2B09:00") == [new.payment]
    assert sorted(await ids("from=1960-01-01T00:00:00Z")) == sorted([old.id, new.payment])
    assert await ids("to=1960-01-01T00:00:00Z") == []


@pytest.mark.parametrize(
    "query",
    ["q=홍길동", "state=unheard", "limit=0", "limit=101", "limit=1e1", "limit=%EF%BC%91", "from=yesterday", "x=1",
     "order=a&order=b", "from=2026-11-20T03:30:00", "state=%00"],
)  # fmt: skip
async def test_a_filter_that_is_none_is_refused(world, query):
    path = f"/v1/payments?{quote(query, safe='=&%:')}"
    answer = await world.call("GET", path)

    assert answer.status_code in (400, 422), answer.text
    assert answer.json()["code"] in ("malformed", "amount_refused")


@pytest.mark.parametrize("words", ["홍길동", "hong@example.com", "010-1234-5678", "ORDER-1"])
async def test_a_payment_is_found_by_words_that_never_stand_in_an_address(world, words):
    payment = await world.buy()
    found = (await world.call("POST", "/v1/payments/search", {"q": words})).json()["items"]
    by_refs = (await world.call("POST", "/v1/payments/search", {"q": payment.merchant_ref.lower()})).json()["items"]
    by_gateway = (await world.call("POST", "/v1/payments/search", {"q": payment.refs["refNo"]})).json()["items"]

    assert [one["id"] for one in found] == [payment.id]
    assert [one["id"] for one in by_refs] == [payment.id]
    assert [one["id"] for one in by_gateway] == [payment.id]


async def test_a_search_leaves_out_the_state_that_it_names(world):
    payment = await world.buy()
    listed = {
        state: [
            one["id"] for one in (await world.call("POST", "/v1/payments/search", {"without": state})).json()["items"]
        ]
        for state in ("superseded", "paid")
    }

    assert listed == {"superseded": [payment.id], "paid": []}
    assert (await world.call("POST", "/v1/payments/search", {"without": "lost"})).status_code == 400


@pytest.mark.parametrize("words", ["%", "_", "%%%%", "' OR 1=1 --", "\\", "홍%", "*"])
async def test_words_are_words_and_no_pattern(world, words):
    await world.buy()
    assert (await world.call("POST", "/v1/payments/search", {"q": words})).json()["items"] == []


async def test_a_search_counts_once_like_everything_signed(world):
    body, path = b'{"q": "x"}', "/v1/payments/search"
    headers = world.headers("POST", path, body)
    async with world.client() as client:
        first = await client.post(path, content=body, headers=headers)
        second = await client.post(path, content=body, headers=headers)

    assert (first.status_code, second.status_code, second.json()["code"]) == (200, 409, "replay")


@pytest.mark.parametrize(
    ("amount", "status", "code"),
    [(0, 422, "amount_refused"), (-1, 422, "amount_refused"), (10_000_000_000, 422, "amount_refused"),
     (55_001, 422, "refund_refused"), ("5000", 400, "malformed"), ("１０００", 400, "malformed"),
     (True, 400, "malformed"), ([5_000], 400, "malformed"), ({"a": 1}, 400, "malformed")],
)  # fmt: skip
async def test_a_refund_of_no_amount_is_refused(world, amount, status, code):
    payment = await world.buy()
    answer = await world.call(
        "POST", f"/v1/payments/{payment.id}/refunds", {"amount": amount, "reason": "x", "actor": "wp:1"}
    )

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert world.book(payment).refunded == 0


@pytest.mark.parametrize("raw", [b'{"amount":1e3,', b'{"amount":1.0,', b'{"amount":1,"amount":2,', b'{"amount":NaN,'])
async def test_a_refund_of_a_number_that_is_no_integer_is_refused(world, raw):
    payment = await world.buy()
    path, body = f"/v1/payments/{payment.id}/refunds", raw + b'"reason":"x","actor":"wp:1"}'
    async with world.client() as client:
        answer = await client.post(path, content=body, headers=world.headers("POST", path, body))

    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")
    assert world.book(payment).refunded == 0


@pytest.mark.parametrize("changes", [{"reason": ""}, {"actor": ""}, {"reason": "x" * 201}, {"actor": None},
                                     {"items": ["a b"]}, {"items": "A-1"}])  # fmt: skip
async def test_a_refund_says_who_and_why(world, changes):
    payment = await world.buy()
    answer = await world.refund(payment.id, 1_000, **changes)

    assert (answer.status_code, answer.json()["code"]) == (400, "malformed")
    assert world.book(payment).refunded == 0


async def test_code_tables_and_methods_are_listed(world):
    cards = (await world.call("GET", "/v1/codes/cards")).json()
    methods = (await world.call("GET", "/v1/codes/methods?gateway=mainpay")).json()
    errors = (await world.call("GET", "/v1/codes/errors")).json()
    banks = (await world.call("GET", "/v1/codes/banks")).json()
    nothing = await world.call("GET", "/v1/codes/secrets")
    nobody = await world.call("GET", "/v1/codes/cards?gateway=payapp")

    assert {"code": "04", "name": "삼성카드", "source": "guide"} in cards["items"]
    assert {"code": "04", "name": "현대", "source": "observed"} in cards["items"]
    assert ("virtual_account", "가상계좌") in [(one["code"], one["name"]) for one in methods["items"]]
    assert {"code": "2002", "name": "카드 한도 초과", "source": "guide"} in errors["items"]
    assert {"code": "81", "name": "하나은행", "source": "observed"} in banks["items"]
    assert nothing.status_code == 404
    assert "pay_types" in nothing.json()["detail"]
    for kind in CODE_KINDS[3:]:
        assert (await world.call("GET", f"/v1/codes/{kind}")).json()["items"] == [], "Mainpay prints none"
    assert (nobody.status_code, nobody.json()["code"]) == (503, "gateway_unavailable")


async def test_health_is_told_to_the_site(world):
    await world.beat()
    health = (await world.call("GET", "/v1/health")).json()

    assert health["verdict"] == "pass"
    assert {check["name"]: check["verdict"] for check in health["checks"]}["heartbeat"] == "pass"


async def test_a_case_is_listed_until_it_is_settled(world):
    payment = await world.buy()
    world.fault("part_cancel", "drop_before")
    await world.refund(payment.id, 5_000)
    await world.quiet()
    (case,) = (await world.call("GET", "/v1/cases")).json()["items"]

    assert (case["payment"], case["reason"], case["state"]) == (payment.id, "refund_unknown", "open")
    assert case["opened_at"].endswith("Z")
