"""Payple field by field: what no journal shows, what moves money, where we go, what an answer or a webhook is worth.

The words of `bridge.gateways.payple.talks`, `bridge.gateways.payple.answers` and `bridge.gateways.payple.notices`,
through `bridge.gateways.payple.adapter`."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlencode

import pytest

from bridge.domain.exchange import Fields, Stamp
from bridge.domain.failures import BridgeError, Malformed, NotGenuine, Unreadable
from bridge.domain.gateway import Absent, Allowed, ByHand, Declined, Done, Event, Never, Paid, Refused, Unknown
from bridge.domain.payment import AMOUNT_MAX, Buyer, Mode
from bridge.domain.reasons import Reason
from bridge.gateways.payple.adapter import build
from bridge.gateways.payple.answers import card, refs
from bridge.gateways.payple.fields import contact, payer_no, tax_flags
from bridge.gateways.payple.notices import read
from bridge.gateways.payple.talks import LOOKUP_FIELDS, REFUND_FIELDS, SECRETS, TOKENS, Passed, _address
from tests.gateways import harness

THAT_OPENS = ["cst_id", "custKey", "AuthKey", "PCD_CST_ID", "PCD_CUST_KEY", "PCD_AUTH_KEY", "PCD_PAY_REQKEY",
              "PCD_REFUND_KEY", "PCD_PAYER_ID"]  # fmt: skip
MONTH_OF_A_PAYMENT = ("PCD_REGULER_FLAG", "PCD_PAY_YEAR", "PCD_PAY_MONTH")
OF_A_PERSON = ["PCD_PAYER_NAME", "PCD_PAYER_HP", "PCD_PAYER_EMAIL", "PCD_PAY_CARDRECEIPT"]
BACK = {"PCD_PAY_RST": "success", "PCD_PAY_OID": "PAY1"}
ELSEWHERE = {"PCD_PAY_HOST": "https://other.payple.kr", "PCD_PAY_URL": "/php/x", "return_url": ""}
"""In Payple's domain, so that a buyer may be sent there; but not an origin that the settings let us call."""


def vector(operation):
    return next(one for one in harness.load("payple") if one["operation"] == operation)


def gateway(**settings):
    return build(vector("approve")["settings"] | settings, Mode.TEST)


def answered(operation, *changes, **settings):
    """Play the first vector of an operation, each answer's fields changed in turn; None takes one away."""
    found = vector(operation)
    replies = []
    for number, turn in enumerate(found["talk"]):
        body = turn["reply"]["body"] | (changes[number] if number < len(changes) else {})
        replies.append({"body": {name: value for name, value in body.items() if value is not None}})
    return harness.played(gateway(**settings), found, replies)


def told(**changes):
    form = dict(parse_qsl(vector("read_notice")["raw"])) | changes
    return {name: value for name, value in form.items() if value is not None}


def noticed(**changes):
    return read(urlencode(told(**changes)).encode())


# ---- what is sent


@pytest.mark.parametrize("name", THAT_OPENS + OF_A_PERSON)
def test_no_journal_shows_a_person_or_what_opens(name):
    assert name in SECRETS
    for operation in ("approve", "refund", "charge", "show_key"):
        assert all(name in call.secrets for call in answered(operation)[0])


@pytest.mark.parametrize(
    ("operation", "settings", "ops"),
    [
        ("approve", {}, [("confirm", True, False)]),
        ("charge", {}, [("auth", False, True), ("simple", True, False)]),
        ("charge", {"charges": "regular"}, [("auth", False, True), ("regular", True, False)]),
        ("refund", {}, [("auth", False, True), ("refund", True, False)]),
        ("inquire", {}, [("auth", False, True), ("lookup", False, False)]),
        ("show_key", {}, [("auth", False, True), ("user_info", False, False)]),
        ("delete_key", {}, [("auth", False, True), ("user_delete", False, False)]),
    ],
)
def test_exactly_what_may_move_money_says_so_and_only_the_pass_prepares(operation, settings, ops):
    calls, _ = answered(operation, **settings)
    assert [(call.op, call.moves_money, call.prepares) for call in calls] == ops


def test_what_asks_and_what_gives_back_share_nothing_but_tokens_and_the_payments_name():
    month = {"PCD_REGULER_FLAG", "PCD_PAY_YEAR", "PCD_PAY_MONTH"}
    shared = {"PCD_CST_ID", "PCD_CUST_KEY", "PCD_AUTH_KEY", "PCD_PAY_OID", "PCD_PAY_DATE"} | month
    assert shared == LOOKUP_FIELDS & REFUND_FIELDS
    assert {"PCD_PAYCHK_FLAG", "PCD_PAY_TYPE"} == LOOKUP_FIELDS - shared
    assert {"PCD_REFUND_KEY", "PCD_PAYCANCEL_FLAG", "PCD_REFUND_TOTAL", "PCD_REFUND_TAXTOTAL"} == REFUND_FIELDS - shared


@pytest.mark.parametrize(("kind", "month"), [("regular", True), ("simple", False)])
def test_a_charge_once_a_month_names_its_month_in_both_talks_and_another_does_not(kind, month):
    calls, paid = answered("charge", charges=kind)
    assert isinstance(paid, Paid)
    flags = [{name for name in call.body if name.endswith("_FLAG")} for call in calls]
    assert flags == [{"PCD_REGULER_FLAG" if month else "PCD_SIMPLE_FLAG"}] * 2
    assert {"PCD_PAY_YEAR", "PCD_PAY_MONTH"} & calls[1].body.keys() == (
        {"PCD_PAY_YEAR", "PCD_PAY_MONTH"} if month else set()
    )


@pytest.mark.parametrize("operation", ["refund", "inquire"])
@pytest.mark.parametrize("month", ["202612", ""])
def test_a_regular_payment_is_named_by_its_month_and_another_by_none(operation, month):
    found = vector(operation)
    refs = found["payment"].get("refs", {}) | ({"regularMonth": month} if month else {})
    calls, _ = harness.played(gateway(), found | {"payment": found["payment"] | {"refs": refs}})
    named = {name: calls[1].body[name] for name in MONTH_OF_A_PAYMENT if name in calls[1].body}
    assert named == (dict(zip(MONTH_OF_A_PAYMENT, ("Y", "2026", "12"), strict=True)) if month else {})


@pytest.mark.parametrize(
    ("at", "month"), [("2026-11-30T14:59:59+00:00", "202611"), ("2026-11-30T15:00:00+00:00", "202612")]
)
def test_a_charge_is_for_the_month_it_is_in_korea_and_only_regular_ones_are_for_one(at, month):
    moment = datetime.fromisoformat(at)
    assert gateway(charges="regular").charge_refs(moment) == {"regularMonth": month}
    assert gateway().charge_refs(moment) == {}


@pytest.mark.parametrize(("digits", "sent"), [(20, 20), (21, 20), (0, None)])
def test_a_phone_number_has_twenty_digits_at_most(digits, sent):
    found = vector("charge") | {"order": {"buyer": {"phone": "1" * digits}}}
    calls, _ = harness.played(gateway(), found)
    assert calls[1].body.get("PCD_PAYER_HP") == ("1" * sent if sent else None)


def test_whoever_asks_signs_with_what_the_pass_gave_or_with_the_shops_own():
    passed = Passed("PASS_ID", "PASS_KEY", "AUTH", "https://democpay.payple.kr/x", {})
    given = {"PCD_CST_ID": "PASS_ID", "PCD_CUST_KEY": "PASS_KEY", "PCD_AUTH_KEY": "AUTH"}
    assert gateway(credentials="tokens").talker.tokens(passed) == given
    made = gateway(credentials="originals")
    own = {"PCD_CST_ID": made.settings.cst_id, "PCD_CUST_KEY": made.settings.cust_key, "PCD_AUTH_KEY": "AUTH"}
    assert made.talker.tokens(passed) == own != given
    assert given.keys() == TOKENS, "and with nothing else"


# ---- where we go


@pytest.mark.parametrize("operation", ["show_key", "delete_key", "refund", "charge", "inquire"])
def test_an_address_that_is_not_configured_is_not_called_and_nothing_is_believed(operation):
    calls, outcome = answered(operation, ELSEWHERE)
    assert [call.op for call in calls] == ["auth"]
    kinds = {"delete_key": Refused, "refund": Refused, "charge": Declined}
    assert isinstance(outcome, kinds.get(operation, Unknown))
    said = outcome.why if isinstance(outcome, Unknown) else outcome.message
    assert "https://other.payple.kr" in said
    assert outcome.code == "", "nobody answered, so there is no code"


@pytest.mark.parametrize("missing", ["PCD_PAY_HOST", "PCD_PAY_URL"])
def test_half_an_address_is_none_and_the_whole_one_beside_it_is_called(missing):
    calls, _ = answered("refund", {"PCD_PAY_HOST": "https://other.payple.kr", "PCD_PAY_URL": "/php/x", missing: None})
    assert [call.op for call in calls] == ["auth", "refund"]


def test_an_address_under_its_old_names_is_called_where_it_has_no_new_ones():
    old = {"PCD_PAY_HOST": None, "PCD_PAY_URL": None, "return_url": None}
    old |= {"cPayHost": "https://democpay.payple.kr/", "cPayUrl": "/php/old"}
    assert answered("refund", old)[0][1].url == "https://democpay.payple.kr/php/old"
    new = {"PCD_PAY_HOST": "https://democpay.payple.kr", "PCD_PAY_URL": "/php/new"}
    assert answered("refund", old | new)[0][1].url == "https://democpay.payple.kr/php/new"


def test_a_payments_window_names_whoever_pays_by_a_number_that_tells_nothing_of_them():
    fields = harness.played(gateway(), vector("open_window"))[1].fields
    assert fields["PCD_PAYER_NO"] == payer_no(fields["PCD_PAY_OID"])


@pytest.mark.parametrize(
    ("tax_free", "flags"),
    [
        (0, {"PCD_PAY_ISTAX": "Y"}),
        (22_000, {"PCD_PAY_ISTAX": "Y", "PCD_PAY_TAXTOTAL": "3000"}),
        (55_000, {"PCD_PAY_ISTAX": "N"}),
    ],
)
def test_what_is_taxed_says_so_and_its_vat_where_it_is_a_part(tax_free, flags):
    assert tax_flags(55_000, tax_free) == flags


def test_an_address_longer_than_payples_hundred_bytes_is_left_out():
    most = "a" * 90 + "@shop.test"
    assert contact(Buyer("", most)) == {"PCD_PAYER_EMAIL": most}
    assert contact(Buyer("", f"a{most}")) == {}


def test_a_refund_keeps_the_number_of_its_trade():
    assert answered("refund", {}, {"PCD_PAY_CARDTRADENUM": "T1"})[1] == Done({"refNo": "T1"})
    assert answered("refund", {}, {"PCD_PAY_CARDTRADENUM": None})[1] == Done({})


@pytest.mark.parametrize("operation", ["show_key", "delete_key", "refund", "charge", "inquire"])
@pytest.mark.parametrize(
    ("refusal", "code", "message"),
    [
        ({"result": "error", "result_code": "AUTH0007", "result_msg": "no"}, "AUTH0007", "no"),
        ({"result": "error", "result_code": None, "result_msg": "no [ AUTH0004 ]"}, "AUTH0004", "no [ AUTH0004 ]"),
        ({"result": "error", "result_code": None, "result_msg": None}, "", ""),
        ({"result": None}, "", "The answer's field result is missing or not a text."),
        ({"PCD_PAY_HOST": "https://evil.test"}, "", "Payple named an address outside its domain: https://evil.test."),
    ],
)
def test_whoever_is_not_let_in_asks_for_nothing(operation, refusal, code, message):
    calls, outcome = answered(operation, refusal)
    assert [call.op for call in calls] == ["auth"]
    assert isinstance(outcome, Refused | Declined | Unknown)
    assert (outcome.code, outcome.message) == (code, message)


@pytest.mark.parametrize(
    "url",
    ["https://democpay.payple.kr/a b", "https://democpay.payple.kr/a\\b", "https://x@democpay.payple.kr/", "",
     "https://democpay.payple.kr/#a", "https://democpay.payple.kr/é", "https://democpay.payple.kr/\x7f", "https:///x",
     "ftp://democpay.payple.kr/", "https://democpay.payple.kr.evil.test/", "//democpay.payple.kr/"],
)  # fmt: skip
def test_an_address_with_anything_strange_in_it_is_neither_called_nor_opened(url):
    talker = gateway().talker
    assert talker.is_callable("https://democpay.payple.kr/php/x")
    assert not talker.is_callable(url)
    assert not talker.is_window(url)


# ---- what comes back


@pytest.mark.parametrize("name", ["PCD_PAY_RST", "PCD_PAY_OID"])
@pytest.mark.parametrize("value", [None, ""])
def test_a_return_without_result_or_order_is_unreadable(name, value):
    assert gateway().read_return(BACK).refused is None
    form = BACK | {name: value}
    with pytest.raises(Unreadable):
        gateway().read_return({key: held for key, held in form.items() if held is not None})


def test_a_return_that_says_no_needs_neither_code_nor_words():
    refused = gateway().read_return(BACK | {"PCD_PAY_RST": "close"}).refused
    assert (refused.code, refused.message) == ("close", "")
    refused = gateway().read_return(BACK | {"PCD_PAY_RST": "error", "PCD_PAY_CODE": "C1", "PCD_PAY_MSG": "no"}).refused
    assert (refused.code, refused.message) == ("C1", "no")


def test_a_return_passes_on_what_the_approval_needs_and_nothing_else():
    passed = {"PCD_AUTH_KEY": "a", "PCD_PAY_REQKEY": "r", "PCD_PAYER_ID": "p", "PCD_PAY_TOTAL": "55000",
              "PCD_PAY_COFURL": "https://democpay.payple.kr/php/PayCardConfirmAct.php?ACT_=PAYM"}  # fmt: skip
    returned = gateway().read_return(BACK | passed | {"PCD_PAYER_NAME": "홍길동", "PCD_PAY_GOODS": "x"})
    assert returned.refs == passed | {"oid": "PAY1"}
    assert gateway().read_return(BACK | dict.fromkeys(passed, "")).refs == {"oid": "PAY1"}


@pytest.mark.parametrize(("total", "asks"), [("55000", True), ("", True), ("54999", False), ("055000", False)])
def test_another_amount_than_the_orders_is_never_confirmed(total, asks):
    back = {name: value for name, value in vector("approve")["returned"].items() if name != "oid"}
    returned = gateway().read_return(BACK | back | {"PCD_PAY_TOTAL": total})
    calls, outcome = harness.played(gateway(), vector("approve") | {"returned": returned.refs}, [])
    assert len(calls) == asks
    if not asks:
        assert (type(outcome), outcome.reason, outcome.code) == (Declined, Reason.AMOUNT_MISMATCH, "")


@pytest.mark.parametrize("name", ["PCD_AUTH_KEY", "PCD_PAY_REQKEY", "PCD_PAYER_ID"])
def test_what_a_return_does_not_bring_is_confirmed_with_nothing_in_its_place(name):
    whole = vector("approve")["returned"] | {"PCD_AUTH_KEY": "a", "PCD_PAY_REQKEY": "r", "PCD_PAYER_ID": "p"}
    sent = {}
    for returned in (whole, {held: value for held, value in whole.items() if held != name}):
        (call,), _ = harness.played(gateway(), vector("approve") | {"returned": returned}, [])
        sent[name in returned] = call.body
    assert sent[True][name] == whole[name]
    assert sent[False] == sent[True] | {name: ""}
    own = gateway().settings
    assert (sent[True]["PCD_CST_ID"], sent[True]["PCD_CUST_KEY"]) == (own.cst_id, own.cust_key)


def test_a_return_that_names_no_address_is_confirmed_at_the_printed_one():
    returned = {name: value for name, value in vector("approve")["returned"].items() if name != "PCD_PAY_COFURL"}
    (call,), _ = harness.played(gateway(), vector("approve") | {"returned": returned}, [])
    assert call.url == "https://democpay.payple.kr/php/PayCardConfirmAct.php?ACT_=PAYM"


@pytest.mark.parametrize(
    ("path", "asks"),
    [("/php/PayCardConfirmAct.php?ACT_=PAYM", True), ("/a/b/c/php/PayCardConfirmAct.php?ACT_=PAYM", True),
     ("/a/b/c/d/php/PayCardConfirmAct.php?ACT_=PAYM", False), ("/php/PayCardConfirmAct.php?ACT_=PAYMX", False),
     ("/php/account/api/cPayCAct.php", False), ("/../php/PayCardConfirmAct.php?ACT_=PAYM", False)],
)  # fmt: skip
def test_only_an_address_for_confirming_is_confirmed_at(path, asks):
    returned = vector("approve")["returned"] | {"PCD_PAY_COFURL": f"https://democpay.payple.kr{path}"}
    calls, outcome = harness.played(gateway(), vector("approve") | {"returned": returned}, [])
    assert [call.url for call in calls] == ([f"https://democpay.payple.kr{path}"] if asks else [])
    if not asks:
        assert (type(outcome), outcome.reason, outcome.code) == (Declined, Reason.BAD_REQUEST, "")


@pytest.mark.parametrize(
    ("state", "days", "kind"),
    [("paid", 365, Allowed), ("part_refunded", 365, Allowed), ("paid", 366, ByHand), ("open", 0, Never),
     ("refunded", 0, Never), ("unknown", 0, Never)],
)  # fmt: skip
def test_what_is_paid_is_given_back_within_a_year(state, days, kind):
    paid = replace(harness.payment(vector("refund")), state=state, refunded=5_000)
    now = Stamp(paid.paid_at + timedelta(days=days, hours=23), "0" * 32)
    rule = gateway().refund_rule(paid, now)
    assert isinstance(rule, kind)
    if kind is Allowed:
        assert replace(rule, why="") == Allowed(50_000, partial=False), "the vectors' shop is Payple's test account"
        assert gateway().refund_rule(replace(paid, paid_at=None), now) == rule
        assert gateway(cst_id="shop").refund_rule(paid, now) == Allowed(50_000, partial=True)


def test_a_return_names_no_host_but_payples():
    with pytest.raises(NotGenuine):
        gateway().read_return(BACK | {"PCD_PAY_HOST": "https://other.payple.kr"})


@pytest.mark.parametrize("name", ["PCD_PAY_CARDNUM", "PCD_CARDNUM", "PCD_PAY_BANKNUM"])
def test_a_cards_number_is_read_under_each_of_its_names(name):
    assert card(Fields({name: "1111********4444"})) == {"number": "1111-****-****-4444"}


@pytest.mark.parametrize("name", ["PCD_PAY_CARDNAME", "PCD_PAY_CARDNANE", "PCD_CARDNAME", "PCD_PAY_BANKNAME"])
def test_a_cards_name_is_read_under_each_of_its_names(name):
    assert card(Fields({name: "BC 카드"})) == {"name": "BC 카드"}


def test_a_card_is_shown_with_its_approval():
    assert card(Fields({"PCD_PAY_CARDAUTHNO": "98123445"})) == {"approval_no": "98123445"}


def test_a_payment_keeps_what_its_refund_and_its_slip_need():
    told = {"PCD_PAY_TIME": "20260330163604", "PCD_PAY_CARDTRADENUM": "7", "PCD_PAY_CARDRECEIPT": "https://slip.test/7"}
    kept = {"payTime": "20260330163604", "tradeNum": "7", "receipt": "https://slip.test/7"}
    assert refs(Fields(told)) == kept
    assert refs(Fields({})) == {}
    paid = replace(harness.payment(vector("refund")), refs=kept)
    assert gateway().receipt_link(paid) == "https://slip.test/7"
    assert gateway().receipt_link(replace(paid, refs={"receipt": "http://slip.test/7"})) == ""


@pytest.mark.parametrize(
    ("change", "kind"),
    [({}, Done), ({"PCD_PAYER_ID": None}, Done), ({"PCD_PAYER_ID": "another"}, Unknown),
     ({"PCD_PAY_RST": "error", "PCD_PAY_MSG": "?"}, Unknown), ({"PCD_PAY_RST": "close"}, Unknown)],
)  # fmt: skip
def test_a_key_is_deleted_only_by_a_yes_about_itself(change, kind):
    assert isinstance(answered("delete_key", {}, change)[1], kind)


PROVES_NOTHING = "the inquiry was answered with a code that proves nothing"
NO_KEY = {"PCD_PAY_RST": "error", "PCD_PAY_CODE": "SPCD0001", "PCD_PAY_MSG": "결제용 KEY 값이 존재하지 않습니다."}


def test_a_code_about_a_key_tells_of_the_key_alone_and_of_no_payment():
    assert answered("delete_key", {}, NO_KEY)[1] == Done(already=True)
    assert answered("show_key", {}, NO_KEY)[1] == Absent("SPCD0001")
    asked = answered("inquire", {}, NO_KEY)[1]
    assert (type(asked), asked.code) == (Unknown, "SPCD0001")
    assert answered("inquire", {}, NO_KEY, absent_codes="SPCD0001")[1] == Absent("SPCD0001"), "unless the contract says"
    assert answered("inquire", {}, NO_KEY | {"PCD_PAY_CODE": "PCHK0009"})[1] == Unknown(
        PROVES_NOTHING, "PCHK0009", NO_KEY["PCD_PAY_MSG"]
    )


@pytest.mark.parametrize(
    ("code", "words"),
    [("XXXX0001", "조회 권한이 없습니다."), ("XXXX0001", "인증키가 존재하지 않습니다."),
     ("", "등록되지 않은 도메인입니다."),
     ("XXXX0001", "결제 내역 조회 권한이 없습니다."), ("XXXX0001", "권한이 없거나 결제 내역이 없습니다."),
     ("XXXX0001", "결제 정보가 없습니다. 인증키를 확인해 주세요."), ("XXXX0001", "결제 수단이 존재하지 않습니다."),
     ("AUTH0099", "결제 내역이 존재하지 않습니다."), ("SPCD0099", "결제 내역이 존재하지 않습니다."),
     ("CPAY0099", "결제 내역이 존재하지 않습니다."), ("CPAY0202", "거래 내역이 없습니다.")],
)  # fmt: skip
def test_a_missing_right_or_key_never_proves_that_no_payment_exists(code, words):
    said = {"PCD_PAY_RST": "error", "PCD_PAY_CODE": code, "PCD_PAY_MSG": words}
    assert answered("inquire", {}, said)[1] == Unknown(PROVES_NOTHING, code, words)
    assert isinstance(answered("show_key", {}, said)[1], Unknown)
    assert isinstance(answered("delete_key", {}, said)[1], Unknown)
    if code:
        assert answered("inquire", {}, said, absent_codes=code)[1] == Absent(code), "unless the contract lists it"


@pytest.mark.parametrize(
    "words",
    ["결제 내역이 존재하지 않습니다.", "해당 거래건이 없습니다", "조회된 결제내역 없음", "거래 정보가 존재하지 않음"],
)
def test_a_sentence_about_a_payment_alone_says_that_it_is_not_there(words):
    said = {"PCD_PAY_RST": "error", "PCD_PAY_CODE": "XXXX0001", "PCD_PAY_MSG": words}
    assert answered("inquire", {}, said)[1] == Absent("XXXX0001")
    assert isinstance(answered("delete_key", {}, said)[1], Unknown), "it is about no key"


@pytest.mark.parametrize("words", ["등록된 빌링키가 없습니다.", "결제 키가 존재하지 않습니다."])
def test_a_sentence_about_a_key_alone_says_that_it_is_gone(words):
    said = {"PCD_PAY_RST": "error", "PCD_PAY_CODE": "XXXX0001", "PCD_PAY_MSG": words}
    assert answered("delete_key", {}, said)[1] == Done(already=True)
    assert answered("show_key", {}, said)[1] == Absent("XXXX0001")
    assert isinstance(answered("inquire", {}, said)[1], Unknown), "it is about no payment"


def test_each_code_names_the_document_that_has_it():
    sources = {row.code: row.source for row in gateway().codes("errors")}
    assert {code for code, source in sources.items() if source == "manual"} == {
        *("SPCD0000", "CDAU0000", "PAYC0000", "0000", "AUTH0004")
    }
    assert {code for code, source in sources.items() if source == "developer.payple.kr"} == {"SPCD0001", "CPAY0202"}
    assert {code for code, source in sources.items() if source == "later documents"} == {
        *("CPAY0018", "SPAY0011", "AUTH0007")
    }


@pytest.mark.parametrize(
    "change", [{"PCD_PAYER_ID": "another"}, {"PCD_PAY_RST": "error", "PCD_PAY_MSG": "?"}, {"PCD_PAY_RST": "close"}]
)
def test_a_key_is_shown_only_by_a_yes_about_itself(change):
    outcome = answered("show_key", {}, change)[1]
    assert isinstance(outcome, Unknown)
    assert outcome.code == "0000"


@pytest.mark.parametrize(
    ("created", "expires", "now", "days"),
    [  # in UTC: 15:00 is midnight in Korea
        ("2026-03-30T01:00", "2026-03-30T01:15", "2026-03-30T02:00", ["20260330"]),
        ("2026-03-30T01:00", "2026-03-30T01:15", "2026-03-30T15:00", ["20260331", "20260330"]),
        ("2026-03-30T01:00", "2026-03-30T01:15", "2026-04-20T02:00", ["20260331", "20260330"]),
        ("2026-03-30T14:50", "2026-03-30T15:05", "2026-04-20T02:00", ["20260401", "20260331", "20260330"]),
        ("2026-03-30T01:00", "2026-04-10T01:00", "2026-04-20T02:00", ["20260401", "20260331", "20260330"]),
    ],
)
def test_a_payment_is_looked_for_on_every_day_on_which_it_may_have_been_made(created, expires, now, days):
    at = [datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (created, expires, now)]
    made = replace(harness.payment(vector("inquire")), created_at=at[0], expires_at=at[1], refs={})
    passed = vector("inquire")["talk"][0]["reply"]
    nothing = {"body": {"PCD_PAY_RST": "error", "PCD_PAY_CODE": "", "PCD_PAY_MSG": "?"}}
    found = vector("inquire") | {"stamp": {"at": at[2].isoformat(), "nonce": "0" * 32}}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(harness, "payment", lambda _: made)
        calls, outcome = harness.played(gateway(), found, [passed, nothing] * 5)
    assert isinstance(outcome, Unknown)
    assert [call.body["PCD_PAY_DATE"] for call in calls[1::2]] == days
    assert [call.op for call in calls[::2]] == ["auth"] * len(days), "Payple lets us in for each"


# ---- webhooks


@pytest.mark.parametrize("amount", ["1", str(AMOUNT_MAX), "000000055000"])
def test_a_webhooks_amount_is_read_up_to_the_greatest(amount):
    assert noticed(PCD_PAY_TOTAL=amount).amount == int(amount)


@pytest.mark.parametrize("amount", ["0", None, "-1", "１", "1.0", str(AMOUNT_MAX + 1), "0000000055000"])
def test_a_webhooks_amount_beyond_that_is_none(amount):
    with pytest.raises(Unreadable):
        noticed(PCD_PAY_TOTAL=amount)


@pytest.mark.parametrize(
    ("name", "value"),
    [("PCD_PAY_RST", "error"), ("PCD_PAY_CODE", "CDAU0000"), ("PCD_PAY_OID", "OTHER"), ("PCD_PAY_TOTAL", "54000"),
     ("PCD_REFUND_TOTAL", "54000"), ("PCD_PAY_TIME", "20260330163605"), ("PCD_PAY_CARDTRADENUM", "2"),
     ("PCD_CARDTRADENUM", "3")],
)  # fmt: skip
def test_a_webhook_that_differs_in_its_effect_is_another_event(name, value):
    assert noticed().dedupe == noticed(PCD_PAY_MSG="again", PCD_PAY_GOODS="y").dedupe
    assert noticed().dedupe.startswith("payple:")
    assert noticed(**{name: value}).dedupe != noticed().dedupe


def test_a_webhook_keeps_its_name_for_ever_or_a_repeat_after_an_update_would_be_news():
    assert noticed().dedupe == "payple:d29c41787708633aac1d516f8da31561"


@pytest.mark.parametrize("name", ["PCD_PAY_CODE", "PCD_REFUND_TOTAL", "PCD_PAY_TIME", "PCD_CARDTRADENUM"])
def test_a_field_that_is_missing_names_the_event_as_an_empty_one_does(name):
    assert noticed(**{name: None}).dedupe == noticed(**{name: ""}).dedupe


@pytest.mark.parametrize(
    ("changes", "event", "amount"),
    [
        ({}, Event.APPROVED, 55_000),
        ({"PCD_PAY_WORK": None}, Event.APPROVED, 55_000),
        ({"PCD_PAY_WORK": "AUTH"}, Event.OTHER, 0),
        ({"PCD_PAY_RST": "error"}, Event.OTHER, 0),
        ({"PCD_PAY_RST": None}, Event.OTHER, 0),
        ({"PCD_REFUND_TOTAL": "0"}, Event.APPROVED, 55_000),
        ({"PCD_REFUND_TOTAL": "5000"}, Event.CANCELLED, 5_000),
        ({"PCD_PAY_CODE": "PAYC0000", "PCD_REFUND_TOTAL": "5000"}, Event.CANCELLED, 5_000),
        ({"PCD_PAY_CODE": None}, Event.APPROVED, 55_000),
    ],
)
def test_a_webhook_tells_what_happened(changes, event, amount):
    notice = noticed(**changes)
    assert (notice.event, notice.amount) == (event, amount)
    assert bool(notice.card) is bool(notice.refs) is (event is Event.APPROVED)


@pytest.mark.parametrize("back", [None, "", "0"])
def test_a_cancels_code_without_its_amount_tells_of_no_payment(back):
    notice = noticed(PCD_PAY_CODE="PAYC0000", PCD_REFUND_TOTAL=back)
    assert (notice.event, notice.amount) == (Event.CANCELLED, 0)


def test_a_webhook_in_json_is_read_like_a_form_and_has_a_greatest_size():
    whole = json.dumps(told(PCD_PAY_TOTAL=55_000, flag=True, more={"a": 1})).encode()
    assert read(whole) == noticed()
    assert read(b" \n" + whole) == noticed()
    assert read(whole + b" " * (64 * 1024 - len(whole))) == noticed()
    with pytest.raises(BridgeError):
        read(whole + b" " * (64 * 1024 + 1 - len(whole)))


def test_a_webhook_in_windows_949_is_read_like_one_in_utf8():
    form = told(PCD_PAY_CARDNAME="국민카드")
    assert read(urlencode(form, encoding="cp949").encode()).card["name"] == "국민카드"
    assert read(urlencode(form).encode()).card["name"] == "국민카드"


@pytest.mark.parametrize("raw", [b"{", b'{"a":1', b"{} []"])
def test_a_webhook_that_only_begins_as_json_is_malformed(raw):
    with pytest.raises(Malformed):
        read(raw)


@pytest.mark.parametrize("order", [None, ""])
def test_a_webhook_without_an_order_is_unreadable(order):
    with pytest.raises(Unreadable):
        noticed(PCD_PAY_OID=order)


@pytest.mark.parametrize("names", [("PCD_PAY_HOST", "PCD_PAY_URL"), ("cPayHost", "cPayUrl")])
@pytest.mark.parametrize(("end", "begin"), [("", ""), ("/", "/"), ("", "/"), ("/", "")])
def test_where_payple_wants_the_next_call_is_its_host_and_path_with_one_slash_between(names, end, begin):
    said = dict(zip(names, (f"https://api.payple.box{end}", f"{begin}xml/act.php"), strict=True))
    assert _address(Fields(said)) == "https://api.payple.box/xml/act.php"
