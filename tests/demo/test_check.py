"""The check passes on a sound bridge, and fails on one that was broken on purpose."""

import json
import subprocess
import sys
from collections.abc import Collection
from typing import Any

import pytest

from bridge.demo import check as demo_check
from bridge.demo.check import check
from bridge.demo.doors import DOORS, GATEWAYS
from bridge.demo.journeys import JOURNEYS, Journey
from bridge.demo.notebook import Notebook
from bridge.demo.office import Office
from bridge.demo.visit import Visit
from bridge.domain.gateway import Declined, Return
from bridge.domain.reasons import Reason
from bridge.gateways.mainpay.adapter import Mainpay
from bridge.gateways.payapp.adapter import PayApp
from bridge.gateways.welcome import approvals
from bridge.gateways.welcome.adapter import Welcome
from bridge.sandbox.bank import Bank, Book
from bridge.signing import news


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_check, "set_up_logs", lambda _: None)
    monkeypatch.setattr(demo_check, "SETTLE_SECONDS", 3.0)


def only(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    chosen = tuple(journey for journey in JOURNEYS if journey.name in names)
    assert len(chosen) == len(names)
    monkeypatch.setattr(demo_check, "JOURNEYS", chosen)


def only_the_walk_of(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Walk one journey and do not wait long for what comes after it: the walk itself finds what is broken."""
    only(monkeypatch, name)
    monkeypatch.setattr(demo_check, "SETTLE_SECONDS", 0.2)


def let_no_amount_choose_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    for gateway in GATEWAYS:
        monkeypatch.setattr(f"bridge.gateways.{gateway}.sandbox.BY_AMOUNT", {})


def walked_whole(found: dict[str, Any], dialects: Collection[str]) -> None:
    """Assert that what a check found is good, and that it walked every journey that there is in these dialects."""
    assert found["problems"] == []
    assert found["agree"] is True
    walked = {(one["journey"], one["dialect"]) for one in found["journeys"]}
    assert walked == {(one.name, dialect) for one in JOURNEYS for dialect in one.dialects if dialect in dialects}
    left_out = {(one["journey"], one["dialect"]) for one in found["not_told"]}
    assert walked | left_out == {(one.name, dialect) for one in JOURNEYS for dialect in dialects}
    assert all(one["payments"] and one["as_expected"] for one in found["journeys"])
    assert found["totals"]["bridge"]["held"] == found["totals"]["books"]["held"] > 0


def test_the_command_walks_a_gateways_journeys_in_time_prints_one_object_and_is_quiet() -> None:
    """Those of all gateways are walked by the installed wheel, in test_wheel.py."""
    words = [sys.executable, "-m", "bridge", "demo", "--check", "--json", "--gateway", "mainpay"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120)

    found = json.loads(done.stdout)
    walked_whole(found, GATEWAYS["mainpay"])
    assert (done.returncode, done.stderr) == (0, "")
    assert found["seconds"] < 60


BROKEN = """
from bridge.cli import main
from bridge.demo import check, journeys
from bridge.sandbox.bank import Bank, Book

check.JOURNEYS = tuple(one for one in journeys.JOURNEYS if one.name == "full refund")
check.SETTLE_SECONDS = 1.0
Bank.refund = lambda *_: None
main()
"""


def test_the_command_fails_when_the_books_differ_and_still_prints_what_it_found() -> None:
    words = [sys.executable, "-c", BROKEN, "demo", "--check", "--json", "--gateway", "mainpay"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120)

    assert done.returncode == 1
    assert json.loads(done.stdout)["agree"] is False


def test_a_buyer_charged_twice_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch, "buy")
    capture = Bank.capture

    def twice(self: Bank, *given: Any) -> None:
        capture(self, *given)
        capture(self, *given)

    monkeypatch.setattr(Bank, "capture", twice)

    found = check("mainpay")

    assert found["agree"] is False
    assert any("charged 2 times" in problem for problem in found["problems"])


def test_a_refund_that_did_not_happen_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch, "full refund")
    monkeypatch.setattr(Bank, "refund", lambda *_: None)

    found = check("mainpay")

    assert found["agree"] is False
    assert any("refunded: the bridge says 55000 KRW, the books 0" in problem for problem in found["problems"])


def test_news_the_shop_never_heard_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch, "buy")
    monkeypatch.setattr(Notebook, "apply", lambda *_: "applied")

    found = check("mainpay")

    assert found["agree"] is False
    assert any("never told" in problem for problem in found["problems"])


def test_news_signed_with_a_wrong_key_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch, "buy")
    headers = news.headers
    monkeypatch.setattr(news, "headers", lambda keys, *given: headers([b"x" * 32 for _ in keys], *given))

    assert check("mainpay")["agree"] is False


def test_money_the_bridge_does_not_know_of_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch, "approval answer lost after the money moved")
    monkeypatch.setattr(Bank, "refund", lambda *_: None)

    found = check("mainpay")

    assert found["agree"] is False
    assert any("the bridge holds 0 KRW, the books 55012" in problem for problem in found["problems"])


def test_a_bridge_that_never_undoes_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch, "approval answer lost after the money moved")
    monkeypatch.setattr("bridge.demo.visit.WAIT_SECONDS", 1.0)
    monkeypatch.delattr(Mainpay, "undo")

    found = check("mainpay")

    assert found["agree"] is False


def test_a_journey_that_ends_elsewhere_is_told_although_the_books_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    async def just_pick(visit: Visit) -> None:
        await visit.open_window("r")

    monkeypatch.setattr(demo_check, "JOURNEYS", (Journey(just_pick, "paid"),))

    found = check("mainpay")

    assert (found["agree"], found["as_expected"]) == (True, False)


def test_a_part_that_is_counted_twice_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch, "part and rest refund")
    monkeypatch.setattr("bridge.flows.cancel_effects._same", lambda *_: False)
    monkeypatch.setattr("bridge.gateways.welcome.notices._left", lambda *_: None)  # which would tell it by itself

    found = check("welcome")

    assert found["agree"] is False


def test_notices_that_are_lost_are_found_by_every_journey_of_notices(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("notice told thrice", "notice told before the answer", "notice told late")
    only(monkeypatch, *names)
    monkeypatch.setattr("bridge.demo.visit.WAIT_SECONDS", 0.5)
    monkeypatch.setattr(demo_check, "SETTLE_SECONDS", 0.2)
    arm = Visit.arm

    async def lose(self: Visit, op: str, _kind: str, **given: Any) -> None:
        await arm(self, op, "notice_lost", **given)

    monkeypatch.setattr(Visit, "arm", lose)

    found = check("all")

    assert found["as_expected"] is False
    for name in names:
        for dialect in DOORS:
            assert any(problem.startswith(f"{name} ({dialect}): Lost") for problem in found["problems"])


@pytest.mark.parametrize("gateway", ["payapp", "payple"])
def test_a_notice_that_is_not_late_and_a_window_that_holds_are_found(
    monkeypatch: pytest.MonkeyPatch, gateway: str
) -> None:
    only(monkeypatch, "notice told late", "window lost before the money moved", "window lost after the money moved")

    async def arm_nothing(*_: Any, **__: Any) -> None:
        return

    monkeypatch.setattr(Visit, "arm", arm_nothing)
    monkeypatch.setattr("bridge.demo.notice_journeys.LATE_SECONDS", 60.0)  # no machine is so slow that it seems late

    problems = check(gateway)["problems"]

    assert any("the notice was not late" in problem for problem in problems)
    assert sum("the window did not break off" in problem for problem in problems) == 2


def test_an_unknown_fault_is_refused_by_the_sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    async def mistype(visit: Visit) -> None:
        await visit.open_window("r")
        await visit.arm("pay", "drop_sideways")

    monkeypatch.setattr(demo_check, "JOURNEYS", (Journey(mistype, "expired"),))

    assert any("arms no drop_sideways" in problem for problem in check("payapp")["problems"])


def test_news_heard_twice_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch, "notice told thrice")
    told = Notebook.told
    monkeypatch.setattr(Notebook, "told", lambda self, payment: told(self, payment) * 2)

    problems = check("payapp")["problems"]

    assert "notice told thrice (payapp): the shop heard payment.paid 2 times, not once" in problems


def test_two_refunds_that_are_both_let_through_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch, "refund race")
    monkeypatch.setattr(Office, "new_key", lambda _: "0" * 32)  # the same wish twice: the bridge answers both alike

    assert any("two refunds at once were answered [200, 200]" in problem for problem in check("payapp")["problems"])


def test_a_refund_that_the_gateway_made_twice_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch, "refund race")
    refund = Bank.refund

    def twice(self: Bank, book: Book, amount: int, *given: str) -> None:
        refund(self, book, amount - 100, *given)
        refund(self, book, 100, *given)

    monkeypatch.setattr(Bank, "refund", twice)

    assert any("another number of times than once" in problem for problem in check("payapp")["problems"])


def test_a_declined_card_that_pays_and_a_window_without_a_way_out_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch, "decline", "close")
    monkeypatch.setattr("bridge.gateways.payapp.sandbox.BY_AMOUNT", {})
    monkeypatch.setattr("bridge.demo.window_journeys.LEAVE", "나가기")

    problems = check("payapp")["problems"]

    assert any("the buyer does not read why" in problem for problem in problems)
    assert any("has no link '나가기'" in problem for problem in problems)


def test_a_gateway_that_refuses_no_refund_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    only_the_walk_of(monkeypatch, "refund refused")
    let_no_amount_choose_a_fault(monkeypatch)

    problems = check("all")["problems"]

    for dialect in DOORS:
        assert f"refund refused ({dialect}): Lost: the clerk does not read why" in problems


def test_a_window_that_opens_although_the_gateway_refuses_it_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    async def arm_nothing(*_: Any, **__: Any) -> None:
        return

    only_the_walk_of(monkeypatch, "window does not open")
    let_no_amount_choose_a_fault(monkeypatch)
    monkeypatch.setattr(Visit, "arm", arm_nothing)

    problems = check("all")["problems"]

    for dialect in DOORS:
        assert any(problem.startswith(f"window does not open ({dialect}): Lost") for problem in problems)


def test_an_answer_that_is_lost_where_the_script_asks_is_no_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    arm = Visit.arm

    async def let_through(self: Visit, op: str, _kind: str, **given: Any) -> None:
        await arm(self, op, "notice_late", **given)

    only_the_walk_of(monkeypatch, "window does not open")
    monkeypatch.setattr(Visit, "arm", let_through)

    assert any("the script was answered with 200" in problem for problem in check("payple")["problems"])


@pytest.mark.parametrize("gateway", ["mainpay", "paystory", "payapp", "payple"])
def test_a_bridge_that_takes_another_windows_return_is_found(monkeypatch: pytest.MonkeyPatch, gateway: str) -> None:
    only_the_walk_of(monkeypatch, "return of another window")
    monkeypatch.setattr("bridge.flows.finish_checkout.check_bound", lambda *_, **__: None)

    problems = check(gateway)["problems"]

    assert any("a forged return was answered with" in problem for problem in problems)


def test_another_windows_money_that_is_not_taken_back_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    only_the_walk_of(monkeypatch, "return of another window")
    monkeypatch.setattr("bridge.demo.visit.WAIT_SECONDS", 1.0)
    monkeypatch.delattr(Welcome, "undo")

    assert any("for state voided" in problem for problem in check("welcome")["problems"])


def test_a_bridge_that_approves_wherever_a_return_says_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    only_the_walk_of(monkeypatch, "forged return")
    monkeypatch.setattr(approvals, "check_approval_url", lambda *_: None)

    assert any("a forged return was answered with" in problem for problem in check("welcome")["problems"])


def test_a_bridge_that_believes_what_a_buyer_says_of_payapp_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    only_the_walk_of(monkeypatch, "forged return")
    said_no = Return({}, Declined(Reason.DECLINED, "70020", "한도초과"))
    monkeypatch.setattr(PayApp, "read_return", lambda *_: said_no)

    assert any("the buyer is not told to wait" in problem for problem in check("payapp")["problems"])


def test_a_check_that_takes_too_long_ends_and_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_check, "TOTAL_SECONDS", 0.2)

    found = check("mainpay")

    assert found["agree"] is False
    assert "not done within" in found["problems"][0]
