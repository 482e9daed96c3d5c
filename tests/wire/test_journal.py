"""What the journal keeps, and what it must never show."""

import json
import string
import time
from collections.abc import Generator
from typing import Any
from urllib.parse import quote_plus, urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wire_servers import Server, answer, asks, says, serving

from bridge.domain.exchange import Call, Reply
from bridge.wire.connection import BODY_BYTES_MAX, Answer
from bridge.wire.converse import Wire, _line
from bridge.wire.journal import HIDDEN, RESPONSE_BYTES_MAX, Scrubber, is_sensitive

EVIDENCE = [
    "amount", "goodsAmt", "resultCode", "resultMessage", "resultMsg", "resultCd", "refNo", "mbrRefNo", "mbrNo",
    "tranDate", "tranTime", "payType", "applNo", "appNo", "paymethod", "goodsName", "goodsNm", "goodname",
    "PCD_PAY_GOODS", "cardName", "PCD_PAY_CARDNAME", "bankName", "fnNm", "issueCompanyName", "acquireCompanyName",
    "timestamp", "ediDate", "ordNo", "tid", "oid", "mul_no", "state", "errno", "errorMessage", "PCD_PAY_RST",
    "PCD_PAY_OID", "PCD_PAY_TOTAL", "CancelDate", "price", "currency", "installment", "quotaMon", "canAmt", "code",
    "message", "data", "aid",
]  # fmt: skip
SENSITIVE = [
    "signature", "apiKey", "API_KEY", "merchantKey", "mkey", "encData", "hashStr", "signData", "authCode",
    "authToken", "linkkey", "linkval", "custKey", "PCD_AUTH_KEY", "PCD_PAYER_ID", "billKey", "encBill", "bid",
    "token", "access-token", "password", "cardPw", "passwd", "cvc", "cardNo", "cardNumber", "PCD_PAY_CARDNUM",
    "expMonth", "expYear", "cardExpireYY", "customerName", "buyerName", "BUYER_NAME", "ordNm", "PCD_PAYER_NAME",
    "name", "customerEmail", "buyerEmail", "mail", "customerTelNo", "buyerTel", "ordTel", "recvphone",
    "PCD_PAYER_HP", "PCD_PAYER_NO", "mobileNo", "birthDay", "registNo", "accountNo", "accountOwner", "vacctHolder",
    "vbankno", "refundAcctNo", "buyerAddr", "userIp", "Authorization", "Set-Cookie",
]  # fmt: skip


@pytest.mark.parametrize("name", EVIDENCE)
def test_what_proves_something_stays_readable(name: str) -> None:
    assert Scrubber().fields({name: "E-77"}) == {name: "E-77"}


@pytest.mark.parametrize("name", SENSITIVE)
@pytest.mark.parametrize("write", [str, str.upper, str.lower])
def test_a_secret_or_a_person_is_known_by_the_fields_name(name: str, write: Any) -> None:
    assert is_sensitive(write(name))
    assert Scrubber().fields({write(name): "E-77"}) == {write(name): HIDDEN}


# A secret that is itself a word of the frame around it cannot be told from the frame.
FRAMES = f"{EVIDENCE}{SENSITIVE} myOddField memo deep about  here you sent <p>bad value  for =•••&refNo=R1</p>"


def is_telling(text: str) -> bool:
    return len(text.strip()) >= 6 and not text.isdigit() and text not in FRAMES and json.dumps(text)[1:-1] not in FRAMES


SECRET_TEXT = st.text(string.ascii_letters + string.digits + "+/=_-&%\"\\<>'가나다 ", min_size=6, max_size=40).filter(
    is_telling
)
HARMLESS = st.sampled_from(["amount", "goodsName", "message", "refNo", "memo"])


@settings(max_examples=300)
@given(
    secret=SECRET_TEXT,
    name=st.sampled_from([*SENSITIVE, "myOddField"]),
    echo=HARMLESS,
    frame=st.sampled_from(["json", "ascii json", "form", "html", "nested json", "broken json", "list", "text"]),
    encoding=st.sampled_from(["utf-8", "cp949"]),
)
def test_no_secret_of_the_request_comes_back_through_the_answer(
    secret: str, name: str, echo: str, frame: str, encoding: str
) -> None:
    scrubber = Scrubber({"MY_ODD_FIELD"})
    fields = scrubber.fields({"amount": "1000", name: secret, echo: f"about {secret} here", "deep": {name: [secret]}})
    body = {
        "json": json.dumps({echo: f"you sent {secret}", name: secret}, ensure_ascii=False),
        "ascii json": json.dumps({echo: f"you sent {secret}", name: secret}),
        "form": urlencode({echo: f"you sent {secret}", name: secret}),
        "html": f"<p>bad value {secret} for {name}={quote_plus(secret)}</p>",
        "nested json": json.dumps({"data": json.dumps({name: secret, echo: secret})}),
        "broken json": json.dumps({echo: secret, name: secret, "more": "x"})[:-8],
        "list": json.dumps([secret, {name: secret}, [[secret]]]),
        "text": secret,
    }[frame]
    shown = json.dumps(fields, ensure_ascii=False) + scrubber.response(body.encode(encoding))

    assert secret not in shown
    assert quote_plus(secret) not in shown
    assert json.dumps(secret)[1:-1] not in shown


@settings(max_examples=200)
@given(value=SECRET_TEXT.filter(lambda text: not set(text) & set("&\"\\'<> ")), name=st.sampled_from(SENSITIVE))
def test_a_sensitive_field_of_the_answer_is_hidden_though_we_never_sent_it(value: str, name: str) -> None:
    for body in (json.dumps({name: value}), json.dumps({name: value})[:-1], f"{name}={quote_plus(value)}&refNo=R1"):
        shown = Scrubber().response(body.encode())

        assert value not in shown
        assert quote_plus(value) not in shown


def luhn_number(digits: str) -> str:
    for check in "0123456789":
        number = digits + check
        total = 0
        for place, sign in enumerate(reversed(number)):
            digit = int(sign) * (1 + place % 2)
            total += digit - 9 * (digit > 9)
        if total % 10 == 0:
            return number
    raise AssertionError("one of ten digits always fits")


@settings(max_examples=300)
@given(
    digits=st.text("0123456789", min_size=12, max_size=18),
    around=st.sampled_from(
        [
            "{}",
            "card {} ok",
            "x={}&y=2",
            "{} 200",
            "20240101 {}",
            "[{}]",
            '{{"a": {}}}',
            '{{"a": "{}", "b": 1}}',
            "<b>{}</b>",
            "a{}b",
            "no.{},",
            "1,{},2",
            "카드{}입니다",
        ]
    ),
)
def test_a_card_number_is_masked_wherever_it_stands(digits: str, around: str) -> None:
    number = luhn_number(digits)
    shown = Scrubber().response(around.format(number).encode())

    assert number not in shown
    assert shown.count("•") == max(len(number) - 10, 6)


@pytest.mark.parametrize(
    ("given_text", "shown"),
    [
        ("4111111111111111", "411111••••••1111"),
        ("4111-1111-1111-1111", "4111-11••-••••-1111"),
        ("4111 1111 1111 1111", "4111 11•• •••• 1111"),
        ("378282246310005", "378282••••••005"),
        ("3782-822463-10005", "3782-82••••-••005"),
        ("4111111111111112", "4111111111111112"),
        ("54092600****1234", "540926••****1234"),
        ("5409-2600-****-1234", "5409-26••-****-1234"),
        ("540926******1234", "540926******1234"),
        ("010-1234-5678", "010-••••-5678"),
        ("01012345678", "010••••5678"),
        ("write to a.b+c@shop.example.co.kr now", f"write to {HIDDEN} now"),
        ("https://pay.example/n/shop/AbCdEfGhIjKlMnOpQrStUvWxYz0123", f"https://pay.example/n/shop/{HIDDEN}"),
        ("https://a-very-long-host-name.gateway.example/v1", "https://a-very-long-host-name.gateway.example/v1"),
        ("결제금액 55000원, 승인번호 30012345", "결제금액 55000원, 승인번호 30012345"),
    ],
)
def test_numbers_of_cards_and_people_are_masked_and_others_are_not(given_text: str, shown: str) -> None:
    assert Scrubber().text(given_text) == shown


def test_a_card_number_cut_by_the_limit_does_not_show_its_middle() -> None:
    number = "4111111111111111"
    for shift in range(len(number)):
        shown = Scrubber().response((" " * (RESPONSE_BYTES_MAX - shift) + number).encode())

        assert len(shown.encode()) <= RESPONSE_BYTES_MAX
        assert "1111111" not in shown


def test_korean_in_either_encoding_is_read() -> None:
    for encoding in ("utf-8", "cp949", "utf-8-sig"):
        assert Scrubber().response("한도초과".encode(encoding)) == "한도초과"


@settings(max_examples=200)
@given(st.binary(max_size=2000))
def test_any_bytes_can_be_journaled(body: bytes) -> None:
    assert len(Scrubber().response(body).encode()) <= RESPONSE_BYTES_MAX


def test_a_secret_at_the_edge_of_what_is_scrubbed_does_not_show() -> None:
    secret = "Zq" * 40
    for shift in range(0, 200, 7):
        scrubber = Scrubber()
        scrubber.learn(secret)
        filler = "x" * (4 * RESPONSE_BYTES_MAX - shift)
        shown = scrubber.response(f"{filler}{secret}{filler}".encode())

        assert "Zq" not in shown
        scrubber.learn("x" * 4096)
        assert "Zq" not in scrubber.response(f"{filler}{secret}{filler}".encode())


@pytest.mark.parametrize(
    "text",
    ["a", "a@", "a=", "a" * 63 + "=", "1", "1111 ", '"', '"a":"\\\\', "name=x&", "a@a.", "https://a/b", "1-", "'a': '"],
)
def test_an_answer_made_to_be_slow_is_scrubbed_in_no_time(text: str) -> None:
    body = (text * BODY_BYTES_MAX)[:BODY_BYTES_MAX].encode()
    began = time.process_time()
    Scrubber().response(body)

    assert time.process_time() - began < 0.5


def test_a_json_text_within_an_unreadable_answer_is_scrubbed_too() -> None:
    inner = json.dumps({"customerName": "홍길동", "amount": 1000}, ensure_ascii=False)
    shown = Scrubber().response(json.dumps({"data": inner}, ensure_ascii=False)[:-1].encode())

    assert "홍길동" not in shown
    assert "1000" in shown


@pytest.mark.parametrize("body", ["[" * 100_000, '{"a":' * 50_000, '"\\ud800"', "NaN", "1" * 5000, "=" * 250_000])
def test_hostile_answers_are_journaled_too(body: str) -> None:
    assert len(Scrubber().response(body.encode()).encode()) <= RESPONSE_BYTES_MAX


async def test_a_line_tells_the_whole_story_without_its_secrets(wire: Wire) -> None:
    def exchange(server: Server) -> Generator[Call, Reply, str]:
        yield Call("token", "POST", f"{server.origin}/auth", body={"cst_id": "shop", "custKey": "s3cr3t-key-1"})
        yield Call(
            "approve",
            "POST",
            f"{server.origin}/pay?access=q1q2q3q4",
            form={"amount": "55000", "signature": "ab" * 32, "customerName": "홍길동", "oddity": "odd-value-9"},
            headers={"Authorization": "Bearer tok-en-77", "Referer": "https://shop.example"},
            moves_money=True,
            secrets=frozenset({"Oddity", "access"}),
        )
        return "done"

    told = '{"resultCode":"200","note":"홍길동 odd-value-9 q1q2q3q4 Bearer tok-en-77","refNo":"R1",'.encode()
    told += b'"url":"https://shop.example"}'
    async with serving(says(answer(told, headers="Date: Mon, 01 Jan 2024 00:00:00 GMT\r\n"))) as server:
        conversation = await wire.converse(
            exchange(server),
            hosts=server.hosts,
            deadline_seconds=2,
            committed_at=wire._clock(),
            loopback_allowed=True,
        )
        token, approve = conversation.journal

        assert (token.op, token.method, token.url_without_query) == ("token", "POST", f"{server.origin}/auth")
        assert token.request_fields == {"cst_id": "shop", "custKey": HIDDEN}
        assert approve.url_without_query == f"{server.origin}/pay"
        assert approve.request_fields == {
            "access": HIDDEN,
            "amount": "55000",
            "signature": HIDDEN,
            "customerName": HIDDEN,
            "oddity": HIDDEN,
        }
        assert json.loads(approve.response) == {
            "resultCode": "200",
            "note": f"{HIDDEN} {HIDDEN} {HIDDEN} {HIDDEN}",
            "refNo": "R1",
            "url": "https://shop.example",
        }
        assert (approve.verdict, approve.status, approve.why) == ("answered", 200, "")
        assert approve.date_header == "Mon, 01 Jan 2024 00:00:00 GMT"
        assert 0 < approve.seconds < 2
        assert token.started_at < approve.started_at < 2


async def test_a_get_carries_its_form_in_the_query(wire: Wire) -> None:
    async with serving(says(answer())) as server:

        def exchange() -> Generator[Call, Reply, None]:
            yield Call(
                "inquire", "GET", f"{server.origin}/transaction?mid=M1", form={"hashStr": "가 b", "ordNo": "O-1"}
            )

        conversation = await wire.converse(exchange(), hosts=server.hosts, deadline_seconds=2, loopback_allowed=True)

        first_line = server.requests[0].partition(b"\r\n")[0]
        assert first_line == b"GET /transaction?mid=M1&hashStr=%EA%B0%80+b&ordNo=O-1 HTTP/1.1"
        assert b"content-length" not in server.requests[0].lower()
        assert b"content-type" not in server.requests[0].lower(), "it has no body"
        assert conversation.journal[0].request_fields == {"mid": "M1", "hashStr": HIDDEN, "ordNo": "O-1"}


async def test_a_json_body_is_sent_as_json(wire: Wire) -> None:
    async with serving(says(answer())) as server:
        await wire.converse(
            asks(server.origin, moves_money=False, form=None, body={"name": "홍", "amount": 1000}),
            hosts=server.hosts,
            deadline_seconds=2,
            loopback_allowed=True,
        )

        head, _, body = server.requests[0].partition(b"\r\n\r\n")
        assert b"content-type: application/json; charset=utf-8" in head
        assert json.loads(body) == {"name": "홍", "amount": 1000}


def test_what_a_header_or_a_path_must_not_show_is_hidden_where_the_answer_repeats_it() -> None:
    call = Call(
        "undo", "POST", "https://pg.test/keys/BILLKEY-77", form={"amount": "1000"},
        headers={"x-api": "TOKEN-88", "accept": "text/html"}, hidden=("BILLKEY-77",),
    )  # fmt: skip
    answered = Answer(200, {}, b"<p>no BILLKEY-77, no TOKEN-88, text/html</p>")
    line = _line(call, answered, 0.1, 1.0)
    shown = repr(line)
    assert [word in shown for word in ("BILLKEY-77", "TOKEN-88", "text/html")] == [False, False, True]
