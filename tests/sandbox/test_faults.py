"""What goes wrong with a call, seen from a raw socket, and what the books say afterwards."""

import json
import socket
import time
from urllib.parse import urlencode, urlsplit

import pytest

REF = "ORDER00001"


def raw_post(url: str, path: str, form: dict[str, str], timeout: float = 15) -> bytes:
    """Send a form over a socket of our own and read all until the other side ends; a reset is raised."""
    body = urlencode(form).encode()
    parts = urlsplit(url)
    head = (
        f"POST {path} HTTP/1.1\r\nhost: {parts.netloc}\r\nconnection: close\r\n"
        f"content-type: application/x-www-form-urlencoded\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection((parts.hostname, parts.port), timeout=timeout) as sock:
        sock.sendall(head.encode() + body)
        got = b""
        while piece := sock.recv(65536):
            got += piece
        return got


@pytest.fixture
def payable(shop):
    """A payment the buyer has authenticated, ready to be sent to pay."""
    return shop.pay_form(REF, 55_000, shop.returned(REF, 55_000))


PAY = "/mainpay/api/v1/payment/pay"


@pytest.mark.parametrize(
    ("kind", "captured"),
    [("drop_before", 0), ("drop_after", 55_000)],
)
def test_a_dropped_connection_ends_without_a_byte(sandbox, payable, kind, captured):
    sandbox.fault("pay", kind)
    assert raw_post(sandbox.url, PAY, payable) == b""
    assert sandbox.book(REF)["captured"] == captured


@pytest.mark.parametrize(("kind", "captured"), [("rst_before", 0), ("rst_after", 55_000)])
def test_a_reset_connection_is_reset(sandbox, payable, kind, captured):
    sandbox.fault("pay", kind)
    with pytest.raises(ConnectionResetError):
        raw_post(sandbox.url, PAY, payable)
    assert sandbox.book(REF)["captured"] == captured


def test_half_an_answer_breaks_off_inside_its_json(sandbox, payable):
    sandbox.fault("pay", "half_after")
    head, _, body = raw_post(sandbox.url, PAY, payable).partition(b"\r\n\r\n")
    promised = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    assert head.startswith(b"HTTP/1.1 200")
    assert len(body) == promised // 2
    assert sandbox.book(REF)["captured"] == 55_000


@pytest.mark.parametrize(("kind", "captured"), [("5xx_before", 0), ("5xx_after", 55_000)])
def test_a_bad_gateway_answers_html(sandbox, payable, kind, captured):
    sandbox.fault("pay", kind)
    got = raw_post(sandbox.url, PAY, payable)
    assert got.startswith(b"HTTP/1.1 502")
    assert b"<html>" in got
    assert sandbox.book(REF)["captured"] == captured


@pytest.mark.parametrize("kind", ["garbage_after", "empty_after"])
def test_an_answer_can_be_no_json(sandbox, payable, kind):
    sandbox.fault("pay", kind)
    head, _, body = raw_post(sandbox.url, PAY, payable).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    with pytest.raises(ValueError):
        json.loads(body)
    assert sandbox.book(REF)["captured"] == 55_000


def test_a_late_call_is_done_after_its_caller_has_gone(sandbox, payable):
    sandbox.fault("pay", "late", delay_seconds=0.6)
    with pytest.raises(TimeoutError):
        raw_post(sandbox.url, PAY, payable, timeout=0.2)
    assert sandbox.book(REF)["captured"] == 0
    deadline = time.monotonic() + 5
    while sandbox.book(REF)["captured"] == 0:
        assert time.monotonic() < deadline, "the late call was never done"
        time.sleep(0.05)


def test_a_delayed_call_is_done_at_once_and_answered_late(sandbox, payable):
    sandbox.fault("pay", "delay", delay_seconds=0.6)
    begun = time.monotonic()
    got = raw_post(sandbox.url, PAY, payable)
    assert time.monotonic() - begun >= 0.6
    assert b'"resultCode":"200"' in got


def test_a_hanging_call_is_done_and_never_answered(sandbox, payable):
    sandbox.fault("pay", "hang", delay_seconds=0.5)
    assert raw_post(sandbox.url, PAY, payable) == b""
    assert sandbox.book(REF)["captured"] == 55_000


def test_a_dripping_answer_comes_byte_by_byte(sandbox, payable):
    sandbox.fault("pay", "drip_after")
    with pytest.raises(TimeoutError):
        raw_post(sandbox.url, PAY, payable, timeout=0.7)
    assert sandbox.book(REF)["captured"] == 55_000


def test_a_huge_answer_is_over_two_mebibytes(sandbox, payable):
    sandbox.fault("pay", "huge_after")
    assert len(raw_post(sandbox.url, PAY, payable)) > 2 * 1024 * 1024


def test_a_redirect_does_nothing(sandbox, payable):
    sandbox.fault("pay", "redirect")
    assert raw_post(sandbox.url, PAY, payable).startswith(b"HTTP/1.1 302")
    assert sandbox.book(REF)["captured"] == 0


def test_a_throttled_call_does_nothing(sandbox, payable):
    sandbox.fault("pay", "throttled")
    assert raw_post(sandbox.url, PAY, payable).startswith(b"HTTP/1.1 429")
    assert sandbox.book(REF)["captured"] == 0


def test_loose_types_turn_numbers_into_texts(sandbox, shop, payable):
    sandbox.fault("pay", "loose_types_after")
    answer = shop.post(PAY, payable)
    assert answer["resultCode"] == 200
    assert answer["data"]["amount"] == "55000"


def test_a_wrong_amount_is_captured_and_told(sandbox, shop, payable):
    sandbox.fault("pay", "wrong_amount")
    assert shop.post(PAY, payable)["data"]["amount"] == 56_000
    assert sandbox.book(REF)["captured"] == 56_000
    assert shop.net_cancel(payable)["resultCode"] == "200"
    assert sandbox.book(REF)["net"] == 0


def test_a_cross_wired_answer_names_another_order(sandbox, shop, payable):
    sandbox.fault("pay", "cross_wired")
    data = shop.post(PAY, payable)["data"]
    assert data["mbrRefNo"] != REF
    assert data["refNo"] != sandbox.book(REF)["ref_no"]


def test_a_duplicated_pay_moves_money_once_and_answers_duplicate(sandbox, shop, payable):
    sandbox.fault("pay", "duplicate")
    assert shop.post(PAY, payable)["resultCode"] == "ma"
    book = sandbox.book(REF)
    assert (book["captured"], book["calls"]["pay"]) == (55_000, 2)


def test_a_duplicated_part_cancel_refunds_twice_unseen(sandbox, shop, payable):
    paid = shop.post(PAY, payable)["data"]
    sandbox.fault("part_cancel", "duplicate_unseen")
    assert shop.part_cancel(paid, 10_000)["resultCode"] == "200"
    assert sandbox.book(REF)["refunded"] == 20_000


def test_a_declined_pay_says_the_code_and_moves_nothing(sandbox, shop, payable):
    sandbox.fault("pay", "decline", code="2002", message="한도 초과예요")
    answer = shop.post(PAY, payable)
    assert (answer["resultCode"], answer["resultMessage"], answer["data"]) == ("2002", "한도 초과예요", "")
    assert sandbox.book(REF)["captured"] == 0


def test_an_armed_fault_waits_for_its_order_and_strikes_as_often_as_told(sandbox, shop):
    sandbox.fault("ready", "decline", merchant_ref="ORDER00002", times=2)
    ready = "/mainpay/api/v1/payment/ready"
    codes = [shop.post(ready, shop.ready_form(f"ORDER0000{n}"))["resultCode"] for n in (1, 2, 2, 2)]
    assert codes == ["200", "1001", "1001", "200"]


@pytest.mark.parametrize(
    ("digits", "code"),
    [("01", "2001"), ("02", "2002"), ("03", "2003"), ("04", "51")],
)
def test_the_last_digits_of_an_amount_choose_a_refusal(sandbox, shop, digits, code):
    amount = int(f"100{digits}")
    form = shop.pay_form(REF, amount, shop.returned(REF, amount))
    assert [shop.post(PAY, form)["resultCode"] for _ in range(2)] == [code, code]
    assert sandbox.book(REF)["captured"] == 0


@pytest.mark.parametrize(("digits", "captured"), [("11", 0), ("12", 10_012)])
def test_the_last_digits_of_an_amount_interrupt_pay_once(sandbox, shop, digits, captured):
    amount = int(f"100{digits}")
    form = shop.pay_form(REF, amount, shop.returned(REF, amount))
    assert raw_post(sandbox.url, PAY, form) == b""
    assert sandbox.book(REF)["captured"] == captured
    assert shop.post(PAY, form)["resultCode"] == ("200" if captured == 0 else "ma")


def test_amounts_choose_nothing_where_that_is_turned_off(sandbox, shop):
    sandbox.control("settings", {"amounts_choose_faults": False})
    assert shop.pay(REF, 10_001)["resultCode"] == "200"


def test_a_forged_token_comes_back_from_the_window_and_pay_refuses_it(sandbox, shop):
    sandbox.fault("window", "forged_token")
    form = shop.pay_form(REF, 55_000, shop.returned(REF, 55_000))
    assert shop.post(PAY, form)["resultCode"] == "401"
    assert sandbox.book(REF)["captured"] == 0


def test_latency_is_added_to_one_operation(sandbox, shop):
    sandbox.control("latency", {"seconds": 0.3, "op": "ready"})
    begun = time.monotonic()
    shop.ready()
    assert time.monotonic() - begun >= 0.3


@pytest.mark.parametrize(
    "values",
    [
        {"gateway": "mainpay", "op": "pay", "kind": "earthquake"},
        {"gateway": "mainpay", "kind": "drop_after"},
        {"gateway": "mainpay", "op": "pay", "kind": "drop_after", "times": 0},
        {"gateway": "mainpay", "op": "pay", "kind": "drop_after", "time": 1},
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(sandbox, shop, values):
    answer = shop.http.post(f"{sandbox.url}/control/faults", json=values)
    assert answer.status_code == 400
    assert answer.json()["error"]
