"""Each failure has its answer, and a bug tells nobody what it was."""

import inspect
import json
from urllib.parse import urlsplit

import pytest

from bridge.domain import failures
from bridge.domain.failures import BridgeError
from bridge.web.errors import TABLE, answer_of, problem, problem_json

KINDS = [
    kind
    for _, kind in inspect.getmembers(failures, inspect.isclass)
    if issubclass(kind, BridgeError) and not kind.__subclasses__()
]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_failure_has_a_status_a_code_and_a_korean_sentence(kind):
    status, title, korean = answer_of(kind("x"))

    assert kind in TABLE
    assert 400 <= status < 600
    assert title
    assert any("가" <= sign <= "힣" for sign in korean)
    assert korean.endswith("요.")
    assert problem_json(kind("x"))["code"] == kind.code != "internal"


def test_codes_are_one_for_each_failure():
    codes = [kind.code for kind in KINDS]
    assert len(codes) == len(set(codes))


def test_what_goes_with_a_failure_is_told_and_overwrites_nothing():
    error = failures.OrderTaken("x", payment="p1", state="paid", status="hacked", code=None)
    body = problem_json(error)

    assert (body["payment"], body["state"], body["status"], body["code"]) == ("p1", "paid", 409, "order_taken")


def test_when_to_come_back_is_said_only_where_it_is_known():
    assert problem(failures.TooMany("x", retry_after_seconds=7)).headers["retry-after"] == "7"
    assert problem(failures.TooMany("x")).headers["retry-after"] == "1"
    assert problem(failures.GatewayOff("x", retry_after_seconds=9)).headers["retry-after"] == "9"
    assert "retry-after" not in problem(failures.GatewayOff("x")).headers
    assert "retry-after" not in problem(failures.Malformed("x")).headers


def test_a_failure_without_a_row_of_its_own_is_answered_by_the_one_above_it():
    class Newer(failures.Conflict):
        pass

    class Unheard(BridgeError):
        pass

    assert answer_of(Newer("x"))[0] == 409
    assert answer_of(Unheard("x"))[0] == 500


async def test_a_bug_is_answered_without_its_words(world, monkeypatch, capsys):
    async def broken(*_):
        raise RuntimeError("secret words of a bug: hong@example.com")

    monkeypatch.setattr("bridge.web.wordpress.list_payments", broken)
    path = "/v1/payments"
    async with world.client(raise_app_exceptions=False) as client:
        answer = await client.get(path, headers=world.headers("GET", path))

    assert answer.status_code == 500
    assert answer.json()["code"] == "internal"
    assert "secret words" not in answer.text
    assert "RuntimeError" not in answer.text


BROWSER = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.mark.parametrize("error", [RuntimeError("secret words"), failures.Busy("x"), failures.LedgerBroken("x")])
async def test_a_browser_is_told_in_a_page_not_to_pay_again(world, monkeypatch, error):
    async def broken(*_, **__):
        raise error

    opened = await world.checkout()
    monkeypatch.setattr("bridge.web.returns.look", broken)
    monkeypatch.setattr("bridge.web.returns.finish_checkout", broken)
    path = urlsplit((await world.authenticate(opened)).url)
    async with world.client(raise_app_exceptions=False) as client:
        page = await client.get(f"{path.path}?{path.query}", headers=BROWSER)

    assert page.status_code in (500, 503)
    assert page.headers["content-type"].startswith("text/html")
    assert "다시 결제하지 마" in page.text or "다시 결제하지 말고" in page.text
    assert "secret words" not in page.text
    assert "되지 않았" not in page.text


async def test_an_address_that_leads_nowhere_is_a_page_to_a_browser_alone(world):
    async with world.client() as client:
        page = await client.get("/r/", headers=BROWSER)
        program = await client.get("/r/")
        method = await client.delete("/checkout", headers=BROWSER)

    assert (page.status_code, program.status_code, method.status_code) == (404, 404, 405)
    assert '<h1 id="title">주소를 찾을 수 없어요</h1>' in page.text
    assert "이 주소에는 아무것도 없어요" in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert program.text == "Not Found"
    assert "POST" in method.headers["allow"]


@pytest.mark.parametrize("error", [failures.Busy("x"), failures.LedgerBroken("x")])
async def test_a_ledger_that_cannot_be_written_is_told_as_nothing_done(world, monkeypatch, error):
    async def broken(_):
        raise error

    monkeypatch.setattr(world.context.ledger, "write", broken)
    answer = await world.call("POST", "/v1/payments", {"order": world.order()})
    checkout = await world.post_checkout(world.token(world.order()))
    monkeypatch.undo()

    assert answer.status_code == checkout.status_code == 503
    assert answer.json()["code"] == error.code
    assert world.net.sent == [], "no intent, no call"


def test_the_problem_is_json_with_its_own_type():
    answer = problem(failures.NotFound("There is no such payment."))

    assert answer.headers["content-type"] == "application/problem+json"
    assert json.loads(bytes(answer.body))["type"] == "urn:pay-bridge:not_found"
