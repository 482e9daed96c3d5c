"""The notice engine against a little receiver: at least once, judged by the exact answer, bounded, recorded."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import pytest

REF = "ORDER00001"
CARD_ACK = b'{"resultCode":"0000","message":"OK"}'


class Receiver:
    """A shop's notice page: keeps what comes and gives the answers it is told, the last one for ever."""

    def __init__(self):
        self.answers = [(200, CARD_ACK)]
        self.got = []
        self.pause_seconds = 0.0
        self.arrived = threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.got.append((self.headers["content-type"], body))
                time.sleep(receiver.pause_seconds)
                status, text = receiver.answers[min(len(receiver.got), len(receiver.answers)) - 1]
                self.send_response(status)
                self.send_header("content-length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)
                receiver.arrived.set()

            def log_message(self, *args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/n/card"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()

    def fields(self, number=0):
        values = parse_qs(self.got[number][1].decode(), keep_blank_values=True)
        return {name: value[0] for name, value in values.items()}

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(5)


@pytest.fixture
def receiver():
    made = Receiver()
    yield made
    made.close()


@pytest.fixture
def hasty(sandbox):
    """A sandbox that repeats its notices after a tenth of a second."""
    sandbox.control("settings", {"notice_retry_seconds": [0.1, 0.1, 0.1]})
    return sandbox


def notices_of(sandbox, until, ref=REF):
    """Wait until the recorded notices are as wanted."""
    deadline = time.monotonic() + 5
    while not until(found := sandbox.book(ref)["notices"]):
        assert time.monotonic() < deadline, found
        time.sleep(0.02)
    return found


def test_a_card_notice_is_sent_once_and_acknowledged_with_json(hasty, shop, receiver):
    paid = shop.pay(REF, notiUrl=receiver.url)["data"]
    (notice,) = notices_of(hasty, lambda found: found and found[0]["acked"])
    assert (notice["kind"], notice["tries"], notice["answers"][0]["status"]) == ("card cmd=0", 1, 200)
    fields = receiver.fields()
    assert (fields["cmd"], fields["mbrRefNo"], fields["refNo"]) == ("0", REF, paid["refNo"])
    assert (fields["amount"], fields["tranDate"], fields["cardNo"]) == ("55000", paid["tranDate"], paid["cardNo"])
    assert receiver.got[0][0] == "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    "answer",
    [
        (200, b"OK"),
        (200, b'{"resultCode":"0001"}'),
        (200, b'{"resultCode":0}'),
        (500, CARD_ACK),
        (302, CARD_ACK),
        (200, b"<p>" + CARD_ACK),
    ],
)
def test_a_card_notice_is_repeated_until_acknowledged_exactly(hasty, shop, receiver, answer):
    receiver.answers = [answer, answer, (200, CARD_ACK)]
    shop.pay(REF, notiUrl=receiver.url)
    (notice,) = notices_of(hasty, lambda found: found and found[0]["acked"])
    assert notice["tries"] == 3
    assert [one["acked"] for one in notice["answers"]] == [False, False, True]
    assert receiver.fields(0) == receiver.fields(2)


def test_a_notice_is_given_up_after_its_tries(hasty, shop, receiver):
    receiver.answers = [(503, b"")]
    shop.pay(REF, notiUrl=receiver.url)
    notices_of(hasty, lambda found: found and len(found[0]["answers"]) == 4)
    time.sleep(0.3)
    (notice,) = hasty.book(REF)["notices"]
    assert (notice["tries"], notice["acked"]) == (4, False)


def test_a_receiver_that_is_not_there_is_recorded(hasty, shop):
    shop.pay(REF, notiUrl="http://127.0.0.1:9/n")
    (notice,) = notices_of(hasty, lambda found: found and len(found[0]["answers"]) == 4)
    assert notice["answers"][0]["error"] == "ConnectError"


@pytest.mark.parametrize(
    ("answer", "acked"),
    [(b"OK", True), (b"OK\n", False), (b'"OK"', False), (b"ok", False), (b"\xef\xbb\xbfOK", False), (b"", False)],
)
def test_a_deposit_notice_wants_exactly_the_two_letters(hasty, shop, receiver, answer, acked):
    issued = shop.pay(REF, paymethod="VACCT", notiUrl=receiver.url)["data"]
    assert hasty.book(REF)["notices"] == [], "an account is no news of money"
    receiver.answers = [(200, answer)]
    hasty.control("deposit", {"merchant_ref": REF, "payer": "이몽룡"})
    (notice,) = notices_of(hasty, lambda found: found and len(found[0]["answers"]) == (1 if acked else 4))
    assert (notice["kind"], notice["acked"]) == ("deposit", acked)
    fields = receiver.fields()
    assert (fields["TRGUBUN"], fields["REPLYCODE"], fields["ORDNO"]) == ("V2", "0000", REF)
    assert (fields["ACCOUNTNO"], fields["AMT"], fields["RCPTNAME"]) == (issued["accountNo"], "55000", "이몽룡")


def test_cancels_are_told_with_positive_amounts(hasty, shop, receiver):
    paid = shop.pay(REF, notiUrl=receiver.url)["data"]
    shop.part_cancel(paid, 5_000)
    shop.pay("ORDER00002", notiUrl=receiver.url)
    shop.cancel(shop.pay("ORDER00003", notiUrl=receiver.url)["data"], 55_000)
    notices_of(hasty, lambda found: len(found) == 2 and found[1]["acked"])
    notices_of(hasty, lambda found: len(found) == 2 and found[1]["acked"], "ORDER00003")
    told = {(one["mbrRefNo"], one["cmd"]): one for one in (receiver.fields(n) for n in range(len(receiver.got)))}
    part, whole = told[REF, "2"], told["ORDER00003", "1"]
    assert (part["amount"], part["orgRefNo"], part["orgTranDate"]) == ("5000", paid["refNo"], paid["tranDate"])
    assert whole["amount"] == "55000"
    assert part["refNo"] != paid["refNo"]


def test_a_notice_may_come_three_times(hasty, shop, receiver):
    shop.pay(REF, 10_041, notiUrl=receiver.url)
    (notice,) = notices_of(hasty, lambda found: found and len(found[0]["answers"]) == 3)
    assert notice["acked"]
    assert len({body for _, body in receiver.got}) == 1


def test_a_notice_may_come_before_the_answer(hasty, shop, receiver):
    receiver.pause_seconds = 0.4

    def seconds_of_pay(ref, amount):
        form = shop.pay_form(ref, amount, shop.returned(ref, amount, notiUrl=receiver.url))
        begun = time.monotonic()
        assert shop.post("/mainpay/api/v1/payment/pay", form)["resultCode"] == "200"
        return time.monotonic() - begun

    assert seconds_of_pay(REF, 10_042) >= 0.4, "the answer waits until the notice has been answered"
    assert seconds_of_pay("ORDER00002", 10_000) < 0.4
    assert hasty.book(REF)["notices"][0]["tries"] == 1


def test_a_notice_may_be_lost(hasty, shop, receiver):
    shop.pay(REF, 10_043, notiUrl=receiver.url)
    (notice,) = notices_of(hasty, lambda found: found and found[0]["lost"])
    assert notice["tries"] == 0
    assert receiver.got == []


def test_a_notice_may_come_late(hasty, shop, receiver):
    hasty.fault("notice", "notice_late", delay_seconds=0.5)
    shop.pay(REF, notiUrl=receiver.url)
    assert not receiver.arrived.wait(0.2)
    assert receiver.arrived.wait(5)


def test_a_lost_answer_still_sends_its_notice(hasty, shop, receiver):
    form = shop.pay_form(REF, 55_000, shop.returned(REF, notiUrl=receiver.url))
    hasty.fault("pay", "5xx_after")
    assert shop.http.post(f"{hasty.url}/mainpay/api/v1/payment/pay", data=form).status_code == 502
    notices_of(hasty, lambda found: found and found[0]["acked"])


def test_notices_go_to_the_registered_address_when_there_is_one(hasty, shop, receiver):
    hasty.control("settings", {"gateway": "mainpay", "card_notice_url": receiver.url})
    shop.pay(REF)
    notices_of(hasty, lambda found: found and found[0]["acked"])
    hasty.control("settings", {"gateway": "mainpay", "card_notices": False})
    shop.pay("ORDER00002")
    assert hasty.book("ORDER00002")["notices"] == []


def test_a_notice_may_come_in_cp949(hasty, shop, receiver):
    hasty.control("settings", {"gateway": "mainpay", "notice_charset": "cp949"})
    shop.pay(REF, notiUrl=receiver.url)
    notices_of(hasty, lambda found: found and found[0]["acked"])
    values = parse_qs(receiver.got[0][1].decode(), encoding="cp949")
    assert values["goodsName"] == ["늦가을 음악회"]


def test_a_forged_notice_is_sent_and_moves_no_money(hasty, shop, receiver):
    shop.ready(REF)
    fields = {"cmd": "0", "mbrRefNo": REF, "amount": "55000"}
    answer = hasty.control("forge", {"gateway": "mainpay", "kind": "card", "url": receiver.url, "fields": fields})
    assert answer["answers"][0]["status"] == 200
    assert receiver.fields() == fields
    assert json.dumps(hasty.book(REF)["captured"]) == "0"


def test_a_deposit_of_another_amount_is_told_as_it_is(hasty, shop, receiver):
    receiver.answers = [(200, b"OK")]
    shop.pay(REF, paymethod="VACCT", notiUrl=receiver.url)
    hasty.control("deposit", {"merchant_ref": REF, "amount": 54_000})
    notices_of(hasty, lambda found: found and found[0]["acked"])
    assert receiver.fields()["AMT"] == "54000"
    assert hasty.book(REF)["captured"] == 54_000


def test_a_refund_from_the_gateways_console_moves_money_and_is_told(hasty, shop, receiver):
    shop.pay(REF, notiUrl=receiver.url)
    hasty.control("refund", {"merchant_ref": REF, "amount": 5_000})
    assert hasty.control("refund", {"merchant_ref": REF}) == {"refunded": 50_000, "net": 0}
    kinds = [one["kind"] for one in notices_of(hasty, lambda found: len(found) == 3 and found[2]["acked"])]
    assert kinds == ["card cmd=0", "card cmd=2", "card cmd=2"]
    book = hasty.book(REF)
    assert [(entry["amount"], entry["by"]) for entry in book["refunds"]] == [(5_000, "console"), (50_000, "console")]
    assert shop.http.post(f"{hasty.url}/control/refund", json={"merchant_ref": REF}).status_code == 400
