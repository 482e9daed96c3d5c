"""What every sandbox checks alike, and how it answers in words of its own."""

from dataclasses import dataclass, field
from urllib.parse import urlencode

import pytest
from starlette.requests import Request
from starlette.responses import Response

from bridge.sandbox import calls, rules
from bridge.sandbox.bank import NoticeRecord
from bridge.sandbox.calls import Answer, Asked
from bridge.sandbox.faults import Armed, Fault
from bridge.sandbox.local import ask
from bridge.sandbox.notices import Notice, Notices
from bridge.sandbox.rules import DIGITS, Rule, misfit
from bridge.sandbox.world import ControlRefused, World
from tests.support.clock import VirtualClock


@dataclass
class Settings:
    strict: bool = True
    shops: dict[str, dict[str, str]] = field(default_factory=lambda: {"one": {"key": "value"}})
    names: list[str] = field(default_factory=list)
    url: str = ""
    days: int = 5


@pytest.mark.parametrize(
    ("form", "found"),
    [
        ({"a": "1"}, ""),
        ({}, "a"),
        ({"a": ""}, "a"),
        ({"a": "x"}, "a"),
        ({"a": "1234"}, "a"),
        ({"a": "1", "b": "표표"}, "b"),
    ],
)
def test_the_first_bent_field_is_named(form, found):
    assert misfit(form, (Rule("a", 3, DIGITS), Rule("b", 5, needed=False))) == found


@pytest.mark.parametrize(
    "values",
    [{"strict": 1}, {"shops": {"a": "b"}}, {"names": [1]}, {"url": 1}, {"days": True}, {"days": -1}, {"no": 1}],
)
def test_a_setting_of_another_kind_changes_nothing(values):
    settings = Settings()

    with pytest.raises(ControlRefused):
        rules.change(settings, {"url": "http://a.test"} | values, "Some gateway")

    assert settings == Settings()


def test_settings_are_changed():
    settings = Settings()
    rules.change(settings, {"strict": False, "shops": {"a": {"b": "c"}}, "names": ["d"], "days": 2.5}, "Some gateway")
    assert settings == Settings(False, {"a": {"b": "c"}}, ["d"], "", 2.5)


def in_words(body):
    return Response(urlencode(body), media_type="text/html; charset=UTF-8")


@pytest.mark.parametrize("kind", ["", "half_after", "drip_after", "garbage_after", "huge_after", "loose_types_after"])
async def test_an_answer_and_its_spoilt_forms_come_in_the_gateways_own_words(kind):
    world = World(clock=VirtualClock(), seed=1)
    if kind:
        world.faults.arm(Armed("some", "op", Fault(kind)))

    async def app(scope, receive, send):
        asked = Asked("some", "", "op", "shop", "ref", 1000)
        said = await calls.answer(world, asked, lambda _fault: Answer({"state": "1", "no": 20}, status=400), in_words)
        await said(Request(scope, receive).scope, receive, send)

    if kind == "drip_after":
        world.clock.sleep = _at_once
    heard = await ask(app, "POST", "http://some.test/")

    if kind == "half_after":
        assert heard.cut == "fin"
        assert b"content-type: text/html" in heard.body
        return
    assert heard.headers["content-type"].startswith("text/html")
    if kind in ("", "drip_after"):
        assert heard.body == b"state=1&no=20"
        assert heard.status == (200 if kind else 400)
    if kind == "loose_types_after":
        assert heard.body == b"state=1&no=20"


async def _at_once(_seconds):
    pass


@pytest.mark.parametrize(("set_to", "tries"), [(None, 3), ((), 1)])
async def test_a_notice_keeps_its_gateways_pauses_until_others_are_set(set_to, tries):
    clock = VirtualClock()

    async def refuse(_method, _url, _body, _kind):
        return 500, b""

    notices = Notices(clock, refuse)
    if set_to is not None:
        notices.retry_seconds = set_to
    record = NoticeRecord("news")
    clock.sleep = _at_once
    await notices.deliver(Notice(record, "http://a.test", b"", "x", lambda *_: False, (60.0, 60.0)), None)

    assert record.tries == tries
