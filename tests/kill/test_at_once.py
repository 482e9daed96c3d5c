"""Everything at the same instant, on the real server: one approval, one refund, one effect, one message."""

import secrets
import time
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx2
import pytest

from bridge.domain.machine import State
from tests.support.postgres import PostgresServer

from .conftest import Figures
from .crowd import Crowd
from .lab import Lab
from .moments import EVERYTHING
from .people import AMOUNT, Order, Refund
from .verdict import Verdict

ROUNDS = {"one_bridge": 500, "two_bridges": 500} if EVERYTHING else {"one_bridge": 50, "two_bridges": 15}
REFUND_ROUNDS = 50 if EVERYTHING else 3
CLERKS = 50
NOTICES = 1_000
SHARE = AMOUNT * 6 // 10
pytestmark = [pytest.mark.kill, pytest.mark.usefixtures("chains")]


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def crowd(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, library: Path | None
) -> Iterator[Crowd]:
    """A lab with many clients: one bridge on SQLite, two bridges on one PostgreSQL."""
    url = ""
    if request.param == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres")
        url = server.create("crowd")
    lab = Lab(tmp_path_factory.mktemp("crowd") / "lab", library, url)
    crowd = Crowd(lab)
    try:
        lab.open()
        if url:
            crowd.open_second()
        yield crowd
    finally:
        crowd.close()
        lab.close()


def ready_to_come_back(lab: Lab, **more: str) -> Order:
    """An order whose buyer has authenticated in the window."""
    order = Order(lab, **more)
    answer = order.check_out()
    assert answer is not None
    assert answer.status_code == 201, answer.text
    order.pay_in_window()
    return order


def close_path(order: Order) -> str:
    """The address the window calls when it is closed."""
    [asked] = order.lab.gateway.requests("ready", order.payment["merchant_ref"])
    return str(asked["fields"]["closeUrl"]).removeprefix(order.lab.url)


def settle_and_judge(lab: Lab) -> None:
    """Wait for the end of everything, then compare; each event was told in one message."""
    lab.settle()
    Verdict(lab).judge()
    told = Counter((message.payment, message.type, message.seq) for message in lab.wordpress.heard)
    assert max(told.values()) == 1, "an event was told twice"


def test_two_returns_three_notices_and_a_close_at_once_are_one_approval(crowd: Crowd, figures: Figures) -> None:
    lab, began = crowd.lab, time.monotonic()
    lab.gateway.set(card_notices=True)
    for number in range(ROUNDS[_name(crowd)]):
        order = ready_to_come_back(lab)
        ref = order.payment["merchant_ref"]
        lab.gateway.fault("pay", "notice_first" if number % 3 == 0 else "notice_thrice", merchant_ref=ref)
        lab.gateway.barrier.shut = "/pay"
        asked = [crowd.executor.submit(crowd.come_back, order) for _ in range(2)]
        asked.append(crowd.executor.submit(crowd.come_back, order, close_path(order)))
        crowd.wait_at_gateway(1)
        lab.gateway.barrier.shut = ""
        statuses = [one.result(30).status_code for one in asked]
        assert set(statuses) <= {200, 303}
        assert order.payment["state"] == State.PAID
        assert lab.gateway.books()[ref]["calls"]["pay"] == 1
    lab.gateway.set(card_notices=False)
    settle_and_judge(lab)
    figures.setdefault("at_once", {})[f"rounds_{_name(crowd)}"] = ROUNDS[_name(crowd)]
    figures["at_once"][f"rounds_seconds_{_name(crowd)}"] = round(time.monotonic() - began, 1)


def test_of_fifty_clerks_who_each_refund_sixty_percent_one_is_accepted(crowd: Crowd, figures: Figures) -> None:
    lab = crowd.lab
    for _ in range(REFUND_ROUNDS):
        order = ready_to_come_back(lab)
        order.come_back()
        assert order.payment["state"] == State.PAID
        lab.gateway.barrier.shut = "cancel"
        refunds = [Refund(order, SHARE) for _ in range(CLERKS)]
        asked = [crowd.executor.submit(refund.click) for refund in refunds]
        crowd.wait_at_gateway(1)
        time.sleep(0.2)
        lab.gateway.barrier.shut = ""
        heard = [one.result(30) for one in asked]
        accepted = [answer for answer in heard if answer is not None and answer.status_code in (200, 202)]
        assert len(accepted) == 1
        assert {answer.status_code for answer in heard if answer is not None} <= {200, 202, 409, 422}
        lab.wait_for(lambda: order.payment["refunded"] == SHARE, "the refund is written")  # noqa: B023 - asked at once
        book = lab.gateway.books()[order.payment["merchant_ref"]]
        assert (book["refunded"], len(book["refunds"])) == (SHARE, 1)
    settle_and_judge(lab)
    figures.setdefault("at_once", {})[f"refund_rounds_{_name(crowd)}"] = REFUND_ROUNDS


def test_of_two_tabs_that_come_back_at_once_one_pays(crowd: Crowd) -> None:
    lab = crowd.lab
    for _ in range(REFUND_ROUNDS):
        first = ready_to_come_back(lab)
        second = ready_to_come_back(lab, ref=first.ref)
        lab.gateway.barrier.shut = "/pay"
        asked = [crowd.executor.submit(crowd.come_back, tab) for tab in (first, second)]
        crowd.wait_at_gateway(1)
        time.sleep(0.1)
        lab.gateway.barrier.shut = ""
        assert {one.result(30).status_code for one in asked} <= {200, 303}
        lab.settle()
        books, payments = lab.gateway.books(), first.payments
        assert sum(books[payment["merchant_ref"]]["calls"].get("pay", 0) for payment in payments) == 1
        assert [payment["state"] for payment in payments].count(State.PAID) == 1
    settle_and_judge(lab)


def test_one_click_that_arrives_fifty_times_is_one_refund_and_one_answer(crowd: Crowd) -> None:
    lab = crowd.lab
    order = ready_to_come_back(lab)
    order.come_back()
    refund = Refund(order, SHARE)
    heard = crowd.together([refund.click] * CLERKS)
    answers = [answer for answer in heard if answer is not None]
    assert {answer.status_code for answer in answers} <= {200, 202}
    assert len({answer.json()["id"] for answer in answers}) == 1
    lab.settle()
    assert lab.gateway.books()[order.payment["merchant_ref"]]["refunded"] == SHARE
    settle_and_judge(lab)


def test_a_thousand_equal_notices_have_one_effect(crowd: Crowd, figures: Figures) -> None:
    lab = crowd.lab
    order = ready_to_come_back(lab, method="virtual_account")
    order.come_back()
    assert order.payment["state"] == State.AWAITING_DEPOSIT
    deliver = lab.gateway.app.state.world.notices.deliver
    lab.gateway.keep_notices()
    try:
        lab.gateway.control("deposit", gateway="mainpay", merchant_ref=order.payment["merchant_ref"])
        lab.wait_for(lambda: bool(lab.gateway.kept_notices), "the notice is made")
    finally:
        lab.gateway.app.state.world.notices.deliver = deliver
    notice = lab.gateway.kept_notices.pop()
    began = time.monotonic()
    post = partial(
        crowd.send,
        "POST",
        notice.url.removeprefix(lab.url),
        content=notice.body,
        headers={"content-type": notice.content_type},
    )
    heard: list[httpx2.Response] = crowd.together([post] * NOTICES)
    took = time.monotonic() - began
    assert {(answer.status_code, answer.content) for answer in heard} == {(200, b"OK")}
    payment = order.payment
    assert (payment["state"], payment["captured"]) == (State.PAID, AMOUNT)
    assert len(lab.rows("SELECT id FROM notices WHERE payment = ?", payment["id"])) == 1
    assert len(lab.rows("SELECT cause FROM entries WHERE payment = ?", payment["id"])) == 1
    notice.record.acked = True  # as the gateway would have noted
    lab.settle()
    paid = [message for message in lab.wordpress.of(payment["id"]) if message.type == "payment.paid"]
    assert len(paid) == 1
    settle_and_judge(lab)
    figures.setdefault("at_once", {})[f"notices_{_name(crowd)}"] = NOTICES
    figures["at_once"][f"notices_seconds_{_name(crowd)}"] = round(took, 2)


def test_the_same_order_opened_by_fifty_tabs_at_once_has_one_live_window(crowd: Crowd) -> None:
    lab = crowd.lab
    order = Order(lab)
    data = {"token": order.token}
    ask = partial(crowd.send, "POST", "/checkout", data=data, headers={"accept": "application/json"})
    heard = crowd.together([ask] * CLERKS)
    assert {answer.status_code for answer in heard} == {201}
    assert len({answer.json()["window_url"] for answer in heard}) == 1
    assert len(order.payments) == 1
    assert secrets.compare_digest(heard[0].json()["payment"], order.payment["id"])


def _name(crowd: Crowd) -> str:
    return "two_bridges" if crowd.lab.postgres else "one_bridge"
