"""What leaves the bridge: references nobody can guess, times in Korea wherever the host is, codes as they came."""

import json
import time
from datetime import UTC, datetime, timedelta, timezone
from urllib.parse import parse_qs

import pytest

from bridge.clock import SystemClock, new_reference, stamp
from bridge.domain.gateway import Paid
from bridge.domain.payment import Mode
from bridge.gateways.mainpay.adapter import build
from bridge.gateways.mainpay.codes import BANKS, CARDS, bank_name, card_name
from bridge.web.pages import kst
from tests.test_vectors import VECTORS, adapter, outcome_of

ZONES = ["UTC", "Asia/Seoul", "America/New_York", "Pacific/Kiritimati", "Asia/Kathmandu"]


@pytest.fixture(params=ZONES)
def elsewhere(request, monkeypatch):
    """A host in another zone."""
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield request.param
    monkeypatch.undo()
    time.tzset()


def test_a_reference_is_random_and_within_twenty_bytes():
    made = [new_reference(SystemClock()) for _ in range(2_000)]

    assert len(set(made)) == len(made)
    for reference in made:
        assert len(reference.encode("ascii")) <= 20
        assert reference.isalnum()
    for place in range(20):
        assert len({reference[place] for reference in made}) == 32, f"place {place} is not chosen by chance"


async def test_every_window_has_a_reference_of_its_own_that_says_nothing(any_world):
    world = any_world
    for _ in range(5):
        await world.checkout()
    await world.checkout(method="virtual_account")
    sent = [parse_qs(call.body.decode())["mbrRefNo"][0] for call in world.net.calls("/ready")]

    assert len(set(sent)) == 6
    for reference in sent:
        assert len(reference.encode()) <= 20
        assert "ORDER" not in reference
        assert "100011" not in reference
    assert len({reference[:4] for reference in sent}) == 6, "no clock and no counter in front"


def test_mainpay_is_told_the_time_in_korea_wherever_the_host_is(elsewhere):
    before = datetime.now(UTC)
    told = build({}, Mode.TEST).timestamp(stamp(SystemClock()))
    after = datetime.now(UTC)

    said = datetime.strptime(told[:14], "%Y%m%d%H%M%S").replace(tzinfo=timezone(timedelta(hours=9)))
    assert before - timedelta(seconds=1) <= said <= after


def test_people_read_the_time_in_korea_wherever_the_host_is(elsewhere):
    assert kst(datetime(2026, 3, 8, 6, 59, 59, tzinfo=UTC)) == "2026-03-08 15:59:59 KST"
    assert kst(1_774_148_399_000) == "2026-03-22 11:59:59 KST"


async def test_all_that_is_sent_and_kept_of_a_purchase_is_korean_time(elsewhere, world):
    await world.clock.forward(14 * 3600)
    payment = await world.buy()
    await world.refund(payment.id, 5_000)
    times = [parse_qs(call.body.decode())["timestamp"][0] for call in world.net.sent if b"timestamp=" in call.body]

    assert world.clock.now().astimezone(UTC).day == 20, "yesterday in Greenwich"
    assert len(times) == 3
    assert all(told.startswith("2026112101") for told in times), times
    assert payment.refs["tranDate"] == "261121"


def test_a_code_that_is_in_no_table_passes_through():
    for dialect in ("guide", "live"):
        assert card_name("Z9", dialect) == "Z9"
        assert bank_name("999", dialect) == "999"
    assert card_name("04", "guide") == CARDS["04"]
    assert bank_name("04", "guide") == BANKS["04"]


def test_a_card_of_an_issuer_in_no_table_is_paid_and_named_by_its_code():
    vector = next(one for one in VECTORS if one["operation"] == "pay" and one["meaning"]["type"] == "Paid")
    reply = json.loads(json.dumps(vector["reply"]))
    told = reply["body"]["data"]
    for name in ("issueCardName", "issueCompanyName", "cardCode"):
        told.pop(name, None)
    told["issueCompanyNo"] = "Z9"
    outcome = outcome_of(adapter(vector), vector | {"reply": reply})

    assert isinstance(outcome, Paid)
    assert outcome.card["name"] == "Z9"


async def test_of_its_numbers_those_are_shown_by_which_the_gateways_desk_finds_the_payment(world):
    payment = await world.buy()
    shown = (await world.call("GET", f"/v1/payments/{payment.id}")).json()

    assert {"aid", "dialect", "refNo"} <= payment.refs.keys(), "kept, for the calls that need them"
    assert shown["gateway_refs"].keys() - {"applNo"} == {"mbrRefNo", "refNo", "tranDate"}
    assert payment.refs["aid"] not in str(shown | {"timeline": ""})
    assert "dialect" not in str(shown)
