"""`pay-bridge cases`: two people decide on the command line, with their passwords, whether a server runs or not."""

import asyncio
import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bridge.domain.exchange import Stamp
from bridge.domain.machine import Evidence, Kind, State, Step
from bridge.domain.payment import Buyer, Device, Method, Order, Payment
from bridge.flows import log_in
from bridge.ledger import cases, news, operations, orders, payments, proposals
from bridge.ledger.ledger import Ledger, Turn
from bridge.ledger.operations import Operation
from bridge.settings import read_key
from tests.support.books import open_books

from .conftest import Place

SHOP = "http://127.0.0.1:8080"
PASSWORDS = {"haneul": "correct horse battery", "minji": "another horse battery", "bora": "only looking around"}
SAW = "콘솔 승인번호 30001234, 5,000원 취소"


@pytest.fixture(autouse=True)
def cheap_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_in, "COST_LOG2", 4)
    monkeypatch.setattr(log_in, "LANES", 1)


@pytest.fixture
def case(place: Place) -> str:
    """A bridge with three people, and a paid payment that was partly cancelled at the gateway."""
    begin(place, *PASSWORDS)
    return "c"


def begin(place: Place, *names: str) -> str:
    """Make a shop with case `c` and hire people, `bora` as a viewer; gives the shop's site."""
    added = place.type("site", "add", SHOP, "--gateway", "mainpay", "--json")
    assert added.code == 0, added.err
    site = json.loads(added.out)["site"]
    for name in names:
        role = "viewer" if name == "bora" else "operator"
        made = place.type("operator", "add", name, "--role", role, "--password-file", "-", stdin=PASSWORDS[name])
        assert made.code == 0, made.err
    asyncio.run(write_history(books_of(place), site))
    return str(site)


def books_of(place: Place) -> Ledger:
    """Open the bridge's books beside it."""
    key = read_key((place.folder / "master.key").read_text().strip()).reveal()
    return open_books(f"sqlite:///{place.folder / 'bridge.db'}", key)


async def propose_by_key(books: Ledger, site: str, at: int) -> None:
    """Write what a site proposed, at a moment in milliseconds."""
    about = {"site": site, "case_id": "c", "decision": "given_back", "amount": 5_000, "evidence": SAW}
    proposal = proposals.Proposal(id="w", maker=f"{site}:wp:7", made_at=at, **about)
    await books.write(lambda turn: proposals.add(turn, proposal))
    await books.close()


async def write_history(books: Ledger, site: str) -> None:
    """Let a payment be approved, and a cancel nobody asked for be reported."""
    at = datetime(2026, 11, 20, tzinfo=UTC)
    order = Order("o", 1, "t", 55_000, Buyer("홍길동"), f"{SHOP}/r")
    begun = Payment(
        "p", site, "o", 1, "mainpay", Method.CARD, Device.PC, "readying", 55_000, 1, "REF", at, at + timedelta(hours=1)
    )
    stamp = Stamp(at, "0" * 32)
    approve = Operation("a", site, "p", Kind.APPROVE, 55_000, Step.SENT, "REF", "buyer", stamp, "gone", at)

    def work(turn: Turn) -> None:
        orders.store(turn, site, order, 1)
        payments.add(turn, begun, token_id="t", actor="wordpress")
        opened = payments.move(turn, begun, State.OPEN, at=2, actor="gateway", event="window.opened")
        operations.add(turn, approve)
        approving = payments.move(turn, opened, State.APPROVING, at=3, actor="buyer", event="approve.sent")
        operations.step(turn, approve, Step.OK, at=4, evidence=Evidence.E1)
        entry = {"kind": "capture", "amount": 55_000, "evidence": Evidence.E1}
        operations.enter(turn, cause="a", site=site, payment="p", at=4, **entry)
        moved = {"at": 4, "actor": "gateway", "event": "payment.paid"}
        payments.move(turn, approving, State.PAID, **moved, captured=55_000, paid_at=at)
        news.add(turn, news.News("n", site, "p", 1, "payment.paid", '{"payment":{"version":1}}', 0, 4))
        detail = {"reason": "external_cancel", "detail": "a cancel of 5000 KRW", "amount": 5_000}
        cases.open_case(turn, case_id="c", site=site, payment="p", at=5, **detail)

    await books.write(work)
    await books.close()


def typed(place: Place, *words: str, who: str = "", code: int = 0) -> Any:
    """Type a `cases` command as somebody; gives its JSON, or what it complained of."""
    identity = ("--as", who, "--password-file", "-") if who else ()
    done = place.type("cases", *words, *identity, "--json", stdin=PASSWORDS.get(who, ""))
    assert done.code == code, done.err
    return json.loads(done.out) if code == 0 else done.err


def proposed(place: Place) -> str:
    """Give the id of what is proposed for case `c`."""
    return str(typed(place, "show", "c")["proposal"]["id"])


def test_one_proposes_another_confirms_and_the_books_follow(place: Place, case: str) -> None:
    (listed,) = typed(place, "list")
    assert [one["decision"] for one in listed["decisions"]] == ["given_back", "not_given_back"]
    assert "external_cancel" in place.type("cases", "list").out

    typed(place, "propose", case, "given_back", "--evidence", SAW, who="haneul")
    assert "Another operator must confirm" in typed(place, "confirm", case, proposed(place), who="haneul", code=1)
    shown = place.type("cases", "show", case).out
    assert "given_back" in shown
    assert "Somebody else compares the proposal" in shown
    typed(place, "confirm", case, proposed(place), who="minji")

    assert typed(place, "show", case)["state"] == "closed"
    assert typed(place, "list") == []
    assert place.type("cases", "list").out == "No open case.\n"
    paid = json.loads(place.type("payments", "show", "p", "--json").out)
    assert (paid["state"], paid["refunded"]) == ("part_refunded", 5_000)


def test_the_only_operator_is_told_what_a_shops_proposal_waits_for(place: Place) -> None:
    site = begin(place, "haneul", "bora")
    asyncio.run(propose_by_key(books_of(place), site, int(time.time() * 1000)))
    early = typed(place, "confirm", "c", "w", "--remark", SAW, who="haneul", code=1)
    assert "by the shop's key, a day after it was made" in early
    assert "or add a second operator" in early

    added = place.type("operator", "add", "minji", "--password-file", "-", stdin=PASSWORDS["minji"])
    assert added.code == 0, added.err
    assert typed(place, "confirm", "c", "w", who="haneul")["state"] == "confirmed"


def test_the_only_operator_types_what_was_seen_before_a_shops_old_proposal_is_confirmed(place: Place) -> None:
    site = begin(place, "haneul", "bora")
    asyncio.run(propose_by_key(books_of(place), site, 1))
    never = place.type(
        *("cases", "confirm", "c", "w", "--remark", SAW, "--as", "haneul", "--password-file", "-"),
        stdin=PASSWORDS["haneul"],
        BRIDGE_LONE_OPERATOR_CONFIRMS="0",
    )
    assert (never.code, "Another operator must confirm" in never.err) == (1, True)
    assert "type what you saw" in typed(place, "confirm", "c", "w", who="haneul", code=2)
    assert typed(place, "show", "c")["state"] == "open"
    assert typed(place, "confirm", "c", "w", "--remark", SAW, who="haneul")["checker"] == "operator:haneul"
    assert typed(place, "show", "c")["state"] == "closed"


def test_a_proposal_may_be_rejected_and_a_viewer_may_not_act(place: Place, case: str) -> None:
    assert "no such proposal" in typed(place, "confirm", case, "nothing", who="minji", code=1)
    assert "Nothing is proposed" in typed(place, "reject", case, "--remark", "금액이 달라요", who="minji", code=2)
    assert "may look and not act" in typed(place, "propose", case, "given_back", "--evidence", SAW, who="bora", code=2)
    typed(place, "propose", case, "given_back", "--evidence", SAW, "--amount", "4000", who="haneul")
    ended = typed(place, "reject", case, "--remark", "금액이 달라요", who="minji")
    assert (ended["state"], ended["amount"], ended["checker"]) == ("rejected", 4_000, "operator:minji")
    assert "can be decided as" in typed(place, "propose", case, "paid", "--evidence", SAW, who="haneul", code=1)
    assert "Say what you saw" in typed(place, "propose", case, "given_back", "--evidence", "ok", who="haneul", code=2)


def test_what_is_confirmed_is_what_was_looked_at_and_nothing_that_was_proposed_since(place: Place, case: str) -> None:
    typed(place, "propose", case, "given_back", "--evidence", SAW, "--amount", "4000", who="haneul")
    looked_at = proposed(place)
    typed(place, "reject", case, "--remark", "금액이 달라요", who="haneul")
    typed(place, "propose", case, "given_back", "--evidence", SAW, "--amount", "50000", who="haneul")
    assert "is rejected" in typed(place, "confirm", case, looked_at, who="minji", code=1)
    paid = json.loads(place.type("payments", "show", "p", "--json").out)
    assert (paid["state"], paid["refunded"]) == ("paid", 0)


def test_a_wrong_password_decides_nothing(place: Place, case: str) -> None:
    words = ("propose", case, "given_back", "--evidence", SAW, "--as", "haneul", "--password-file", "-")
    wrong = place.type("cases", *words, stdin="guess")
    assert (wrong.code, wrong.out) == (1, "")
    assert "wrong" in wrong.err
    assert typed(place, "show", case)["decisions"]
    assert "proposal" not in typed(place, "show", case)


def test_what_somebody_saw_is_reported(place: Place, case: str) -> None:
    opened = typed(place, "report", "p", "--evidence", SAW, who="haneul")
    assert (opened["reason"], opened["payment"]) == ("reported", "p")
    assert {one["id"] for one in typed(place, "list")} == {case, opened["id"]}


@pytest.mark.kill
def test_cases_are_decided_while_the_server_runs(place: Place, case: str) -> None:
    with place.serving():
        typed(place, "propose", case, "not_given_back", "--evidence", SAW, who="haneul")
        typed(place, "confirm", case, proposed(place), who="minji")
        assert typed(place, "list") == []
