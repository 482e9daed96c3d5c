"""An operator has a gateway run its own commands for the merchant's account: by password, once, and nothing kept."""

import asyncio
import io
import json
import logging
import re
from pathlib import Path

import pytest

from bridge.domain.failures import GatewayOff, Malformed, NotFound
from bridge.flows.log_in import add_operator
from bridge.flows.run_command import CommandWish, run_command
from tests.flows.test_operator_cases import PASSWORDS, ask, problem_of
from tests.support.teller import TELLER

pytestmark = pytest.mark.usefixtures("cheap_passwords")
COMMANDS = "/operators/v1/commands"
KEY = "6a" * 16
STAFF = {"userid": "김직원", "pwd": "abcd1234", "rank": "1"}


@pytest.fixture
async def shop(world):
    """A site whose gateway has commands, two operators and a viewer."""
    for name, password in PASSWORDS.items():
        await add_operator(world.context, name, password, "viewer" if name == "bora" else "operator")
    await world.pair_teller("Serving")
    return world


async def enrol(world, *, key=KEY, who="haneul", fields=None, **changes):
    given = {"site": world.site.id, "gateway": "teller", "command": "enrol", "fields": fields or STAFF} | changes
    headers = {"Idempotency_Key": key} if key else {}
    return await ask(world, "POST", COMMANDS, given, who=who, **headers)


async def audited(world):
    rows = await world.all("SELECT actor, event, became, detail FROM audit WHERE event LIKE 'command.%' ORDER BY seq")
    return [(row["actor"], row["event"], row["became"], json.loads(row["detail"])) for row in rows]


async def test_the_commands_of_every_site_are_listed_with_their_fields(shop):
    listed = (await ask(shop, "GET", COMMANDS)).json()["items"]
    by_name = {one["command"]: one for one in listed}

    assert set(by_name) == {"check", "enrol"}
    assert (by_name["enrol"]["site"], by_name["enrol"]["gateway"]) == (shop.site.id, "teller")
    assert (by_name["check"]["changes"], by_name["enrol"]["changes"]) == (False, True)
    assert [(one["name"], one["needed"], one["holds"]) for one in by_name["enrol"]["fields"]] == [
        ("userid", True, "person"),
        ("pwd", True, "secret"),
        ("rank", False, ""),
    ]
    assert by_name["enrol"]["fields"][2]["choices"] == ["1", "2"]


async def test_a_command_is_run_and_its_answer_given_word_for_word(shop):
    done = await enrol(shop)
    refused = await enrol(shop, key="7b" * 16)

    assert (done.status_code, done.json()) == (
        200,
        {"done": True, "code": "ok", "message": "", "fields": {"known": "김직원"}},
    )
    assert (refused.status_code, refused.json()["done"], refused.json()["message"]) == (
        200,
        False,
        "김직원 님은 이미 있어요",
    )
    asked = ("operator:haneul", "command.asked", "", {"gateway": "teller", "command": "enrol"})
    assert sorted(await audited(shop), key=str) == sorted(
        [
            asked,
            asked,
            ("gateway", "command.answered", "done", {"code": "ok"}),
            ("gateway", "command.answered", "refused", {"code": "taken"}),
        ],
        key=str,
    )
    await shop.check_books()


async def test_a_repeat_is_answered_as_the_first_and_sent_no_second_time(shop):
    first, again = await enrol(shop), await enrol(shop)
    other = await enrol(shop, fields=STAFF | {"pwd": "another1"})

    assert (first.json()["done"], again.json()) == (
        True,
        {"done": True, "code": "ok", "message": "", "fields": {}, "again": True},
    )
    assert problem_of(other) == (422, "key_reused")
    assert (await enrol(shop, who="minji")).json()["message"], "a key is its operator's alone"
    assert shop.teller.staff == ["김직원"]
    assert shop.teller.calls["admin"] == 2


async def test_of_the_same_at_once_one_is_sent_and_all_hear_its_answer(shop):
    answers = await asyncio.gather(*[enrol(shop) for _ in range(4)])

    assert {answer.status_code for answer in answers} == {200}
    assert {answer.json()["done"] for answer in answers} == {True}
    assert shop.teller.calls["admin"] == 1


async def test_one_that_changes_nothing_needs_no_key_and_is_asked_each_time(shop):
    for key in ("", KEY, KEY):
        answer = await enrol(shop, key=key, command="check", fields={"userid": "shop"})
        assert answer.json()["fields"] == {"known": "shop"}
    assert shop.teller.calls["admin"] == 3


async def test_a_lost_answer_is_said_and_the_repeat_is_not_sent(shop):
    shop.teller.fail("admin", "lost_after")
    lost, again = await enrol(shop), await enrol(shop)
    shop.net.down.add(f"{TELLER}:80")
    unreached = await enrol(shop, key="7b" * 16)

    for answer in (lost, again):
        assert problem_of(answer) == (503, "gateway_unavailable")
        assert "look in its console" in answer.json()["detail"]
    assert (unreached.status_code, "nothing was sent" in unreached.json()["detail"]) == (503, True)
    assert shop.teller.staff == ["김직원"]
    assert sorted(became for _, _, became, _ in await audited(shop) if became) == ["not_sent", "unknown"]


async def test_a_repeat_after_a_crash_says_to_look_in_the_console(shop):
    await enrol(shop)
    forget = "UPDATE answers SET status = 0, body = '' WHERE idempotency_key <> ''"
    await shop.context.ledger.write(lambda turn: turn.run(forget))
    answer = await enrol(shop)

    assert problem_of(answer) == (409, "pending_outcome")
    assert shop.teller.calls["admin"] == 1


@pytest.mark.parametrize(
    ("changes", "refusal", "says"),
    [
        ({"key": ""}, (400, "malformed"), "Idempotency-Key"),
        ({"key": "once"}, (400, "malformed"), "Idempotency-Key"),
        ({"who": "bora"}, (403, "needs_another"), "viewer"),
        ({"who": "nobody"}, (401, "login_refused"), "password is wrong"),
        ({"site": "x"}, (404, "not_found"), "GET /operators/v1/commands"),
        ({"gateway": "mainpay"}, (503, "gateway_unavailable"), "not set up"),
        ({"command": "erase"}, (404, "not_found"), "check, enrol"),
        ({"fields": {"userid": "김직원"}}, (400, "malformed"), "needs the field pwd (password)"),
        ({"fields": STAFF | {"rank": "9"}}, (400, "malformed"), "one of: 1, 2"),
        ({"fields": STAFF | {"colour": "red"}}, (400, "malformed"), "its own are: userid, pwd, rank"),
        ({"fields": STAFF | {"userid": "김\n직원"}}, (400, "malformed"), "one line"),
        ({"fields": STAFF | {"userid": "x" * 501}}, (400, "malformed"), "500"),
        ({"fields": {str(number): "x" for number in range(41)}}, (400, "malformed"), "40"),
        ({"more": "x"}, (400, "malformed"), "more"),
    ],
)
async def test_what_does_not_do_is_refused_with_what_to_do_and_sends_nothing(shop, changes, refusal, says):
    answer = await enrol(shop, **changes)

    assert problem_of(answer) == refusal
    assert says in answer.json()["detail"]
    assert answer.json()["message_ko"]
    for value in STAFF.values():
        assert value not in answer.text.replace("1, 2", "") or value == "1"
    assert shop.teller.calls["admin"] == 0
    assert await audited(shop) == []


async def test_what_the_operators_page_types_works_as_it_is_typed(world):
    """The file of docs/operating.md, as it is there but for the site's id and the password."""
    await add_operator(world.context, "haneul", PASSWORDS["haneul"])
    page = (Path(__file__).parents[2] / "docs/operating.md").read_text("utf-8")
    shown = re.search(r"`staff\.json` holds `([^`]*)`", page)
    assert shown
    site = (await world.pair_tellers(payapp={"userid": "shop", "linkkey": "k", "linkval": "v"})).id
    given = json.loads(shown[1].replace("SITE", site))
    listed = (await ask(world, "GET", COMMANDS)).json()["items"]
    (command,) = [one for one in listed if one["command"] == given["command"] and one["site"] == site]
    answer = await ask(world, "POST", COMMANDS, given, Idempotency_Key=KEY)

    assert command["gateway"] == given["gateway"]
    assert problem_of(answer) == (503, "gateway_unavailable"), "all is right but that no PayApp is there"


async def test_a_viewer_is_told_so_and_sees_no_list(shop):
    assert problem_of(await ask(shop, "GET", COMMANDS, who="bora")) == (403, "needs_another")


async def test_nothing_that_was_typed_is_kept_or_logged_and_the_gateways_words_without_it(shop):
    heard = io.StringIO()
    handler = logging.StreamHandler(heard)
    logging.getLogger().addHandler(handler)
    try:
        await enrol(shop)
        live = await enrol(shop, key="7b" * 16)
        kept = await enrol(shop, key="7b" * 16)
    finally:
        logging.getLogger().removeHandler(handler)
    tables = ("answers", "audit", "calls", "looks", "meta", "operations", "news", "notices", "seals", "alarms")
    rows = [str(dict(row)) for table in tables for row in await shop.all(f"SELECT * FROM {table}")]

    assert len(rows) > 6
    assert "teller" in str(rows), "the command itself is in the books"
    assert live.json()["message"] == "김직원 님은 이미 있어요"
    assert kept.json()["message"] == "••• 님은 이미 있어요"
    assert [text for text in (*rows, heard.getvalue()) if "김직원" in text or "abcd1234" in text] == []


async def test_what_the_adapter_refuses_is_said_before_anything_is_kept(world):
    """PayApp's reseller is a setting; without it no seller is registered."""
    paired = await world.pair_tellers(payapp={"userid": "shop", "linkkey": "k", "linkval": "v"})
    site = world.context.sites.get(paired.id)
    for command, fields, says in (
        ("useridCheck", {"userid": "newshop"}, "payapp.reseller_id"),
        ("appLink", {"goodPrice": "1e3", "goodName": "표", "returnUri": "shop://back"}, "digits alone"),
    ):
        with pytest.raises(Malformed, match=says) as refused:
            await run_command(world.context, site, CommandWish("payapp", command, fields, "operator:minji"))
        assert refused.value.extra["message_ko"]
    wanted = {"goodPrice": "5000", "reqType": "QR", "goodName": "표", "returnUri": "shop://back"}
    link = await run_command(world.context, site, CommandWish("payapp", "appLink", wanted, "operator:minji"))
    assert link.to_json()["fields"]["url"].startswith("https://payapp.kr/sdk-app?reqType=QR")
    assert [event for _, event, _, _ in await audited(world)] == ["command.asked", "command.answered"]


async def test_a_gateway_without_commands_and_a_command_that_is_none_are_refused_by_name(world):
    site = world.context.sites.get(world.site.id)
    with pytest.raises(GatewayOff, match="no commands"):
        await run_command(world.context, site, CommandWish("mainpay", "check", {}, "operator:minji"))
    await world.pair_teller("Serving")
    served = world.context.sites.get(world.site.id)
    with pytest.raises(NotFound, match="check, enrol"):
        await run_command(world.context, served, CommandWish("", "erase", {}, "operator:minji"))
