"""The operators' door for programs: a password with each request, the same rules as everywhere, the same person too."""

import asyncio
import base64
import dataclasses
import io
import json
import logging
import re
from pathlib import Path

import pytest
import structlog

from bridge.app import build_app
from bridge.cli.logs import scrub_exception
from bridge.domain.failures import NeedsAnother, TooMany
from bridge.flows import log_in
from bridge.flows.decide_case import Wish, confirm, propose
from bridge.flows.log_in import Attempt, add_operator
from bridge.flows.manage_operators import disable_operator, set_password, set_role
from bridge.web import errors
from bridge.web.dashboard.access import cookie_name
from bridge.web.from_operator import BODY_BYTES_MAX

pytestmark = pytest.mark.usefixtures("cheap_passwords")
CASES = "/operators/v1/cases"
PASSWORDS = {"haneul": "correct horse battery", "minji": "또 다른 말과 배터리: 둘째", "bora": "only looking around"}
SAW = "콘솔에서 5,000원 부분 취소, 승인번호 30001234를 봤어요"
GIVEN_BACK = {"decision": "given_back", "evidence": SAW, "amount": 5_000}
NOT_THERE = "0123456789abcdefghjkmnpqrs"


@pytest.fixture
async def paid(world):
    """A paid payment, two operators and a viewer."""
    for name, password in PASSWORDS.items():
        await add_operator(world.context, name, password, "viewer" if name == "bora" else "operator")
    return await world.buy()


@pytest.fixture
async def case(world, paid):
    """The address of a case that an operator reported."""
    made = await ask(world, "POST", CASES, {"payment": paid.id, "evidence": SAW})
    assert made.status_code == 201, made.text
    return f"{CASES}/{made.json()['id']}"


def basic(name, password=None):
    """Write the header as RFC 7617 does."""
    given = f"{name}:{PASSWORDS.get(name, '') if password is None else password}"
    return {"Authorization": f"Basic {base64.b64encode(given.encode()).decode()}"}


async def ask(world, method, path, value=None, *, who="haneul", address="198.51.100.30", **headers):
    """Ask as a person's own tool does, by `who`'s password unless another Authorization is given."""
    named = basic(who) | {name.replace("_", "-"): text for name, text in headers.items()}
    body = None if value is None else json.dumps(value).encode()
    if body is not None:
        named = {"Content-Type": "application/json"} | named
    async with world.client(address) as client:
        return await client.request(method, path, content=body, headers=named)


async def proposed(world, case, who="haneul"):
    """Propose what was seen; gives the proposal's address."""
    made = await ask(world, "POST", f"{case}/proposals", GIVEN_BACK, who=who)
    assert made.status_code == 201, made.text
    return f"{case}/proposals/{made.json()['id']}"


def problem_of(answer):
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    return answer.status_code, answer.json()["code"]


async def test_one_proposes_another_confirms_and_the_audit_names_both(world, paid, case):
    proposal = await proposed(world, case)
    assert await world.state(paid.id) == "paid", "nothing moves by a proposal"
    (listed,) = (await ask(world, "GET", CASES, who="bora")).json()["items"]
    assert (listed["proposal"]["maker"], listed["payment"]) == ("operator:haneul", paid.id)
    done = await ask(world, "POST", f"{proposal}/confirm", {}, who="minji")

    assert (done.status_code, done.json()["state"], done.json()["checker"]) == (200, "confirmed", "operator:minji")
    assert await world.entries(paid.id) == [("capture", 55_000, "E1"), ("external_refund", -5_000, "E8")]
    assert (await ask(world, "GET", case)).json()["state"] == "closed"
    assert (await ask(world, "GET", CASES)).json() == {"items": [], "next_cursor": None}
    rows = await world.all("SELECT event, actor, detail FROM audit WHERE payment = ? ORDER BY seq", paid.id)
    assert [(row["event"], row["actor"]) for row in rows if row["event"] in ("case.proposed", "case.confirmed")] == [
        ("case.proposed", "operator:haneul"),
        ("case.confirmed", "operator:minji"),
    ]
    (row,) = [row for row in rows if row["event"] == "case.confirmed"]
    assert json.loads(row["detail"])["maker"] == "operator:haneul"
    looked = await world.all("SELECT operator, address, task, subject FROM looks")
    assert looked == [
        {"operator": "haneul", "address": "198.51.100.30", "task": "case", "subject": case.rpartition("/")[2]}
    ]


async def test_a_confirm_that_arrives_again_answers_the_same_and_moves_nothing(world, paid, case):
    proposal = await proposed(world, case)
    first = await ask(world, "POST", f"{proposal}/confirm", {"remark": "저도 봤어요"}, who="minji")
    again = await ask(world, "POST", f"{proposal}/confirm", {"remark": "저도 봤어요"}, who="minji")

    assert (first.status_code, again.status_code, again.content) == (200, 200, first.content)
    assert await world.entries(paid.id) == [("capture", 55_000, "E1"), ("external_refund", -5_000, "E8")]
    for who, remark, path in (
        ("minji", "다른 말이에요", f"{proposal}/confirm"),
        ("haneul", "저도 봤어요", f"{proposal}/confirm"),
        ("minji", "저도 봤어요", f"{proposal}/reject"),
    ):
        other = await ask(world, "POST", path, {"remark": remark}, who=who)
        assert problem_of(other) == (409, "not_now")
        assert other.json()["state"] == "confirmed"


async def test_of_confirms_at_once_one_moves_money(world, paid, case):
    proposal = await proposed(world, case)
    answers = await asyncio.gather(*[ask(world, "POST", f"{proposal}/confirm", {}, who="minji") for _ in range(5)])

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert await world.entries(paid.id) == [("capture", 55_000, "E1"), ("external_refund", -5_000, "E8")]


async def test_who_proposed_confirms_through_no_door(world, paid, case):
    """Proposed here, on the command line or on the dashboard: the account counts, not the door."""
    proposal = await proposed(world, case)
    case_id, _, proposal_id = proposal.removeprefix(f"{CASES}/").split("/")
    refused = await ask(world, "POST", f"{proposal}/confirm", {"remark": SAW})
    assert problem_of(refused) == (403, "needs_another")
    with pytest.raises(NeedsAnother, match="Another operator"):
        await confirm(world.context, case_id, proposal_id, operator="haneul", remark=SAW)
    assert (await ask(world, "POST", f"{proposal}/reject", {"remark": "다시 볼게요"})).status_code == 200
    elsewhere = await propose(world.context, Wish(case_id, "given_back", SAW, "operator:haneul", 5_000))
    refused = await ask(world, "POST", f"{case}/proposals/{elsewhere.id}/confirm", {"remark": SAW})

    assert problem_of(refused) == (403, "needs_another")
    assert "Another operator" in refused.json()["detail"]
    assert await world.state(paid.id) == "paid"


async def test_the_only_operator_waits_a_day_and_says_again_what_was_seen(world):
    for name in ("haneul", "bora"):
        await add_operator(world.context, name, PASSWORDS[name], "viewer" if name == "bora" else "operator")
    payment = await world.buy()
    made = await ask(world, "POST", CASES, {"payment": payment.id, "evidence": SAW})
    proposal = await proposed(world, f"{CASES}/{made.json()['id']}")
    early = await ask(world, "POST", f"{proposal}/confirm", {"remark": SAW})
    assert problem_of(early) == (403, "needs_another")
    assert early.json()["not_before"].endswith("Z")
    await world.clock.forward(24 * 3600 + 1)  # fractions of a second round down
    silent = await ask(world, "POST", f"{proposal}/confirm", {})

    assert problem_of(silent) == (400, "malformed")
    assert (await ask(world, "POST", f"{proposal}/confirm", {"remark": SAW})).status_code == 200
    assert await world.state(payment.id) == "part_refunded"


async def test_a_viewer_looks_and_does_not_act(world, paid, case):
    proposal = await proposed(world, case)
    assert (await ask(world, "GET", case, who="bora")).json()["proposal"]["evidence"] == SAW
    for path, value in (
        (CASES, {"payment": paid.id, "evidence": SAW}),
        (f"{case}/proposals", GIVEN_BACK),
        (f"{proposal}/confirm", {}),
        (f"{proposal}/reject", {}),
    ):
        refused = await ask(world, "POST", path, value, who="bora")
        assert problem_of(refused) == (403, "needs_another")
        assert "조회만" in refused.json()["message_ko"]
    assert await world.state(paid.id) == "paid"


@pytest.mark.parametrize(
    "headers",
    [
        basic("haneul", "not the password"),
        basic("haneul", PASSWORDS["haneul"] + "x"),
        basic("minji", PASSWORDS["haneul"]),
        basic("nobody", PASSWORDS["haneul"]),
        basic("", PASSWORDS["haneul"]),
        basic("haneul", ""),
        {"Authorization": f"Basic {base64.b64encode(b'haneul').decode()}"},
        {"Authorization": f"Basic {base64.b64encode(b'haneul:' + bytes((0xFF, 0xFE))).decode()}"},
        {"Authorization": "Basic haneul:correct horse battery"},
        {"Authorization": f"Basic {'QUFB' * 2000}"},
        {"Authorization": f"Bearer {base64.b64encode(b'haneul:correct horse battery').decode()}"},
        {"Authorization": ""},
    ],
)
async def test_whoever_does_not_prove_a_password_sees_and_does_nothing(world, paid, case, headers):
    proposal = await proposed(world, case)
    for method, path in (("GET", CASES), ("POST", f"{proposal}/confirm")):
        refused = await ask(world, method, path, {}, **headers)
        assert problem_of(refused) == (401, "login_refused")
        assert refused.headers["www-authenticate"] == 'Basic realm="Pay Bridge operators", charset="UTF-8"'
        assert "set-cookie" not in refused.headers
        assert paid.id not in refused.text
    assert await world.state(paid.id) == "paid"


async def test_two_authorizations_are_none(world, paid):
    both = [("Authorization", basic("haneul")["Authorization"]), ("Authorization", basic("minji")["Authorization"])]
    async with world.client() as client:
        refused = await client.get(CASES, headers=both)

    assert problem_of(refused) == (401, "login_refused")


async def test_a_sites_key_is_no_password(world, paid, case):
    """A key that leaked could be two people: it proposes at its own door, and opens nothing here."""
    proposal = await proposed(world, case)
    signed = await world.call("POST", f"{proposal}/confirm", {})
    assert problem_of(signed) == (401, "login_refused")
    assert "NAME" in signed.json()["detail"]
    as_password = await ask(world, "POST", f"{proposal}/confirm", {}, **basic(world.site.key.key_id, world.site.secret))
    assert problem_of(as_password) == (401, "login_refused")
    assert await world.state(paid.id) == "paid"


async def test_a_session_of_the_dashboard_opens_nothing_here(world, paid, case):
    entered = await log_in.log_in(world.context, Attempt("minji", PASSWORDS["minji"], "198.51.100.30"))
    names = [cookie_name(world.context), cookie_name(world.context, "_device")]
    cookies = f"{names[0]}={entered.token}; {names[1]}={entered.device}"
    async with world.client() as client:
        assert (await client.get("/dashboard/cases", headers={"Cookie": cookies})).status_code == 200
        refused = await client.get(CASES, headers={"Cookie": cookies})

    assert problem_of(refused) == (401, "login_refused")


@pytest.mark.parametrize(
    "header", [{"Origin": "http://evil.test"}, {"Origin": "null"}, {"Sec-Fetch-Site": "none"}, {"Sec-Fetch-Site": "x"}]
)
async def test_a_browser_that_keeps_a_password_cannot_be_led_here(world, paid, case, header):
    """It would send the password along with whatever form another site's page posts."""
    proposal = await proposed(world, case)
    led = await ask(world, "POST", f"{proposal}/confirm", {}, who="minji", **header)
    opened = await ask(world, "GET", CASES, Authorization="", Accept="text/html", **header)

    assert problem_of(led) == (400, "malformed")
    assert problem_of(opened) == (400, "malformed")
    assert "www-authenticate" not in opened.headers, "no browser asks its user for the password"
    assert await world.state(paid.id) == "paid"


async def test_guessing_here_and_on_the_dashboard_is_counted_together(world, paid):
    for _ in range(3):
        assert (await ask(world, "GET", CASES, **basic("haneul", "a guess"))).status_code == 401
    for _ in range(2):
        with pytest.raises(log_in.LoginRefused):
            await log_in.log_in(world.context, Attempt("haneul", "a guess", "198.51.100.31"))
    held = await ask(world, "GET", CASES)
    assert problem_of(held) == (429, "too_many")
    assert held.headers["retry-after"] == "60"
    with pytest.raises(TooMany):
        await log_in.log_in(world.context, Attempt("haneul", PASSWORDS["haneul"], "198.51.100.31"))
    assert (await ask(world, "GET", CASES, who="minji")).status_code == 200
    await world.clock.forward(61)
    assert (await ask(world, "GET", CASES)).status_code == 200


async def test_guesses_at_many_names_are_counted_by_the_address_behind_the_proxy(world, paid):
    world.context.settings = dataclasses.replace(world.settings, trusted_proxies=("10.0.0.1",))
    world.app = build_app(world.context)
    guesser = {"X-Forwarded-For": "203.0.113.66"}
    for number in range(20):
        guess = basic(f"nobody{number}", "a guess") | guesser
        assert (await ask(world, "GET", CASES, address="10.0.0.1", **guess)).status_code == 401

    assert (await ask(world, "GET", CASES, address="10.0.0.1", **guesser)).status_code == 429
    assert (await ask(world, "GET", CASES, address="10.0.0.1", X_Forwarded_For="203.0.113.67")).status_code == 200


async def test_an_account_that_was_changed_or_taken_away_opens_nothing_from_then_on(world, paid, case):
    proposal = await proposed(world, case)
    await set_role(world.context, "minji", "viewer", actor="operator:root")
    assert (await ask(world, "POST", f"{proposal}/confirm", {}, who="minji")).status_code == 403
    await set_password(world.context, "minji", "another password", actor="operator:root")
    assert (await ask(world, "GET", CASES, who="minji")).status_code == 401
    assert (await ask(world, "GET", CASES, **basic("minji", "another password"))).status_code == 200
    await disable_operator(world.context, "minji", actor="operator:root")

    assert (await ask(world, "GET", CASES, **basic("minji", "another password"))).status_code == 401
    assert await world.state(paid.id) == "paid"


@pytest.mark.parametrize(
    ("value", "code", "says"),
    [
        ({"decision": "given_back", "evidence": "확인"}, (400, "malformed"), "Say what you saw"),
        ({"decision": "given_back", "evidence": "x" * 2001}, (400, "malformed"), "2000"),
        ({"decision": "given_back"}, (400, "malformed"), "evidence"),
        ({"evidence": SAW}, (400, "malformed"), "decision"),
        (GIVEN_BACK | {"amonut": 5_000}, (400, "malformed"), "amonut"),
        (GIVEN_BACK | {"amount": "5000"}, (400, "malformed"), "amount"),
        (GIVEN_BACK | {"amount": 0}, (422, "amount_refused"), "between 1"),
        (GIVEN_BACK | {"decision": "paid"}, (409, "not_now"), "given_back, not_given_back"),
        ([GIVEN_BACK], (400, "malformed"), "JSON object"),
    ],
)
async def test_what_does_not_do_is_said_with_what_to_do(world, case, value, code, says):
    refused = await ask(world, "POST", f"{case}/proposals", value)

    assert problem_of(refused) == code
    assert says in refused.json()["detail"]
    assert "proposal" not in (await ask(world, "GET", case)).json()


async def test_a_body_too_large_or_of_another_kind_is_refused(world, case):
    large = await ask(world, "POST", f"{case}/proposals", GIVEN_BACK | {"evidence": "x" * BODY_BYTES_MAX})
    plain = await ask(world, "POST", f"{case}/proposals", GIVEN_BACK, Content_Type="text/plain")
    empty = await ask(world, "POST", f"{case}/proposals")
    broken = await ask(world, "POST", f"{case}/proposals", Content_Type="application/json")

    assert problem_of(large) == (413, "too_large")
    assert problem_of(plain) == problem_of(empty) == (415, "unsupported_body")
    assert problem_of(broken) == (400, "malformed")


async def test_what_is_not_there_is_said_so(world, paid, case):
    proposal = await proposed(world, case)
    for method, path, value in (
        ("GET", f"{CASES}/{NOT_THERE}", None),
        ("POST", CASES, {"payment": NOT_THERE, "evidence": SAW}),
        ("POST", f"{CASES}/{NOT_THERE}/proposals", GIVEN_BACK),
        ("POST", f"{case}/proposals/{NOT_THERE}/confirm", {}),
        ("POST", f"{case}/proposals/{NOT_THERE}/reject", {}),
        ("POST", f"{CASES}/{NOT_THERE}/proposals/{proposal.rpartition('/')[2]}/confirm", {}),
    ):
        assert problem_of(await ask(world, method, path, value, who="minji")) == (404, "not_found")


async def test_a_proposal_is_withdrawn_or_rejected_and_another_may_follow(world, paid, case):
    for who in ("haneul", "minji"):
        proposal = await proposed(world, case)
        ended = await ask(world, "POST", f"{proposal}/reject", {"remark": "다른 번호예요"}, who=who)
        again = await ask(world, "POST", f"{proposal}/reject", {"remark": "다른 번호예요"}, who=who)
        assert (ended.status_code, ended.json()["state"]) == (200, "rejected")
        assert (again.status_code, again.content) == (200, ended.content)
        assert ended.json()["checker"] == f"operator:{who}"
    assert await world.state(paid.id) == "paid"
    assert len((await ask(world, "GET", case)).json()["history"]) == 2


async def test_an_idempotency_key_makes_one_proposal_for_ever(world, paid, case):
    key = f"{int(world.clock.now().timestamp()):08x}" + "ab" * 12
    made = await ask(world, "POST", f"{case}/proposals", GIVEN_BACK, Idempotency_Key=key)
    await ask(world, "POST", f"{case}/proposals/{made.json()['id']}/reject", {"remark": "아니에요"}, who="minji")
    again = await ask(world, "POST", f"{case}/proposals", GIVEN_BACK, Idempotency_Key=key)
    assert (again.status_code, again.json()["id"], again.json()["state"]) == (201, made.json()["id"], "rejected")
    changed = await ask(world, "POST", f"{case}/proposals", GIVEN_BACK | {"amount": 6_000}, Idempotency_Key=key)
    assert problem_of(changed) == (422, "key_reused")
    odd = await ask(world, "POST", f"{case}/proposals", GIVEN_BACK, Idempotency_Key="once")
    assert problem_of(odd) == (400, "malformed")
    colleague = await ask(world, "POST", f"{case}/proposals", GIVEN_BACK, who="minji", Idempotency_Key=key)
    assert colleague.json()["maker"] == "operator:minji", "a key is its operator's alone"
    second = await ask(world, "POST", f"{case}/proposals", GIVEN_BACK)
    assert problem_of(second) == (409, "conflict")
    assert len(await world.all("SELECT id FROM proposals")) == 2


async def test_the_same_report_again_is_the_same_case(world, paid, case):
    again = await ask(world, "POST", CASES, {"payment": paid.id, "evidence": SAW})
    assert f"{CASES}/{again.json()['id']}" == case
    assert again.json()["detail"].startswith("operator:haneul: ")
    assert len(await world.all("SELECT id FROM cases")) == 1


async def test_the_cases_of_every_site_are_listed_in_pages(world, case):
    other = await world.buy()
    await world.clock.forward(1)
    second = await ask(world, "POST", CASES, {"payment": other.id, "evidence": SAW}, who="minji")
    first_page = (await ask(world, "GET", f"{CASES}?limit=1")).json()
    last_page = (await ask(world, "GET", f"{CASES}?limit=1&cursor={first_page['next_cursor']}")).json()

    assert [f"{CASES}/{one['id']}" for one in first_page["items"]] == [case]
    assert ([one["id"] for one in last_page["items"]], last_page["next_cursor"]) == ([second.json()["id"]], None)
    assert problem_of(await ask(world, "GET", f"{CASES}?limit=all")) == (400, "malformed")


async def test_what_the_operators_page_types_works_as_it_is_typed(world, paid):
    """The lines of docs/operating.md in their order; the last one comes too late."""
    page = (Path(__file__).parents[2] / "docs/operating.md").read_text("utf-8")
    typed = re.findall(r"^curl -u (\w+) \$at(\S*)(?: --json '([^']*)')?", page, re.MULTILINE)
    ids, statuses = {"PAYMENT": paid.id}, []
    for who, path, body in typed:
        for name, value in ids.items():
            path, body = path.replace(name, value), body.replace(name, value)
        method = "POST" if body else "GET"
        answer = await ask(world, method, CASES + path, json.loads(body) if body else None, who=who)
        statuses.append(answer.status_code)
        if answer.status_code == 201:
            ids["PROPOSAL" if "CASE" in ids else "CASE"] = answer.json()["id"]

    assert statuses == [200, 201, 200, 201, 200, 409]
    assert await world.entries(paid.id) == [("capture", 55_000, "E1"), ("external_refund", -5_000, "E8")]


async def test_no_password_reaches_a_log_an_answer_or_the_books(world, paid, case, monkeypatch, caplog):
    caplog.set_level(logging.DEBUG)
    log = io.StringIO()
    as_served = [structlog.processors.format_exc_info, scrub_exception, structlog.processors.JSONRenderer()]
    monkeypatch.setattr(errors, "log", structlog.wrap_logger(structlog.PrintLogger(log), processors=as_served))
    coded = basic("haneul")["Authorization"].partition(" ")[2]

    async def broken(*_):
        raise RuntimeError("a bug")

    answers = [
        await ask(world, "GET", CASES),
        await ask(world, "GET", CASES, Authorization=f"Basic {coded}!"),
        await ask(world, "GET", CASES, Authorization=f"Bearer {coded}"),
        await ask(world, "GET", CASES, **basic("nobody", PASSWORDS["haneul"])),
    ]
    monkeypatch.setattr("bridge.web.operator_cases.page_of_cases", broken)
    async with world.client(raise_app_exceptions=False) as client:
        answers.append(await client.get(CASES, headers=basic("haneul")))
    said = log.getvalue() + caplog.text
    tables = ("audit", "looks", "cases", "operators", "login_misses")
    kept = str([await world.all(f"SELECT * FROM {table}") for table in tables])

    assert [answer.status_code for answer in answers] == [200, 401, 401, 401, 500]
    assert "a request met a bug" in said
    assert "haneul" in kept
    for text in (said, kept, *(answer.text + str(answer.headers) for answer in answers)):
        assert PASSWORDS["haneul"] not in text
        assert coded not in text
