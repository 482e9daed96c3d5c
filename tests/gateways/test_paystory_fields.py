"""Pay-Story field by field: what no journal shows, what moves money, what an answer or a notice is worth.

The words of `bridge.gateways.paystory.writing`, `bridge.gateways.paystory.answers` and
`bridge.gateways.paystory.notices`, through `bridge.gateways.paystory.adapter`."""

import hashlib
from dataclasses import replace
from datetime import datetime
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import pytest

from bridge.domain.billing import CardEntry, Issued
from bridge.domain.exchange import Fields, Reply, Stamp
from bridge.domain.failures import NotGenuine, Unreadable
from bridge.domain.gateway import (
    Allowed,
    ByHand,
    Declined,
    Done,
    Event,
    Never,
    Paid,
    Refused,
    Return,
    Seen,
    Undone,
    Unknown,
    Waiting,
)
from bridge.domain.payment import AMOUNT_MAX, AMOUNT_MIN, Buyer, Method, Mode, RefundOrder
from bridge.domain.reasons import Reason
from bridge.gateways.paystory.adapter import build
from bridge.gateways.paystory.answers import account_of, card, deletion, inquiry
from bridge.gateways.paystory.writing import CARD_SECRETS, SECRETS
from tests.gateways import harness
from tests.gateways.lane import Lane

OF_A_PERSON = ["ordNm", "ordTel", "ordEmail", "refundAccnt", "refundNm", "sochpNo", "socHpNo", "canNm", "canIp"]
OF_A_CARD = ["cardNo", "expireYymm", "ordAuthNo", "cardPw"]
THAT_OPENS = ["encData", "hashStr", "signData", "bid", "returnUrl", "notiUrl"]
"""Whoever has these can pay, hash or tell in the shop's name."""


def vector(operation):
    return next(one for one in harness.load("paystory") if one["operation"] == operation)


def gateway(**settings):
    return build(vector("approve")["settings"] | settings, Mode.TEST)


def answered(operation, **changes):
    """Play the first vector of an operation, its answer's fields changed; None takes one away."""
    found = vector(operation)
    body = found["talk"][0]["reply"]["body"] | changes
    body = {name: value for name, value in body.items() if value is not None}
    return harness.played(gateway(), found, [{"body": body}])


def noticed(**changes):
    """Read the vectors' notice of a charge, its fields changed and hashed anew; None takes a field away."""
    made = gateway()
    form = dict(parse_qsl(vector("read_notice")["raw"], keep_blank_values=True)) | changes
    form = {name: value for name, value in form.items() if value is not None}
    if "hashStr" not in changes:
        form["hashStr"] = made.sign(form.get("ediDate", ""), form.get("goodsAmt", ""))
    return made.read_notice(urlencode(form).encode(), "noti")


# ---- what is sent


def test_a_key_is_charged_over_twelve_months_at_most():
    assert gateway().instalment_months_max == 12


@pytest.mark.parametrize("name", OF_A_PERSON + THAT_OPENS)
def test_no_journal_shows_a_person_or_what_opens(name):
    assert name in SECRETS
    assert all(name in call.secrets for call in (*answered("approve")[0], *answered("refund")[0]))


@pytest.mark.parametrize("name", OF_A_CARD + OF_A_PERSON + THAT_OPENS)
def test_no_journal_shows_a_typed_card(name):
    assert name in SECRETS | CARD_SECRETS
    (call,) = answered("issue_key_by_card")[0]
    assert name in call.secrets


@pytest.mark.parametrize(
    ("operation", "moves"),
    [
        *(("approve", True), ("charge", True), ("refund", True), ("undo", True), ("void_account", True)),
        *(("inquire", False), ("delete_key", False), ("issue_key_by_card", False)),
    ],
)
def test_exactly_what_may_move_money_says_so(operation, moves):
    found = vector("undo") | {"operation": operation} if operation == "void_account" else vector(operation)
    (call,) = harness.played(gateway(), found, [])[0]
    assert call.moves_money is moves


def test_a_phone_number_that_is_missing_is_eleven_zeros():
    assert gateway().whose(Buyer(""), "") == {"goodsNm": "TICKET", "ordNm": "구매자", "ordTel": "00000000000"}


def test_a_buyers_name_and_the_goods_fit_to_the_byte():
    assert gateway().whose(Buyer("a" * 31, "", "1" * 21), "b" * 101) == {
        **{"goodsNm": "b" * 100, "ordNm": "a" * 30, "ordTel": "1" * 20},
    }
    assert gateway().whose(Buyer("홍" * 11), "")["ordNm"] == "홍" * 10, "bytes are counted, not characters"
    assert gateway().whose(Buyer("a", "b" * 51 + "@shop.xyz"), "b")["ordEmail"] == "b" * 51 + "@shop.xyz"
    assert "ordEmail" not in gateway().whose(Buyer("a", "b" * 52 + "@shop.xyz"), "b")


@pytest.mark.parametrize(
    ("charset", "goods", "name"), [("EUC-KR", "뷁 Caf 음악회", "쀍"), ("UTF-8", "뷁 Café 음악회", "쀍")]
)
def test_a_window_says_nothing_that_its_charset_cannot_write(charset, goods, name):
    found = vector("open_window")
    told = found | {"order": {"title": "뷁 Café 음악회", "buyer": {"name": "쀍"}}}
    fields = harness.played(gateway(charset=charset), told)[1].fields
    assert (fields["goodsNm"], fields["ordNm"]) == (goods, name)


def test_a_notices_address_has_two_hundred_bytes_at_most():
    assert gateway().notice_bytes_max == 200


def test_what_a_typed_card_lacks_is_asked_for_in_the_gateways_name():
    bare = CardEntry("4111111111111111", "3012", "", "", issuer="06")
    assert "Pay-Story" in gateway().lacking("issue_key_by_card", Buyer("a"), bare)[0]
    assert "페이스토리" in gateway().lacking("issue_key_by_card", Buyer("a"), bare)[1]


@pytest.mark.parametrize(
    ("setting", "locale", "language"),
    [*(("auto", "ko_KR", "KOR"), ("auto", "KO", "KOR"), ("auto", "en_US", "ENG")), *(("auto", "", "ENG"),),
     *(("ENG", "ko_KR", "ENG"), ("KOR", "en_US", "KOR"))],
)  # fmt: skip
def test_the_window_speaks_the_shops_language_or_the_buyers(setting, locale, language):
    assert gateway(language=setting).language(locale) == language


def test_the_page_of_the_window_has_what_the_gateways_script_calls():
    script = gateway().script({"ordNo": "PAY1"}, "PAY1")
    assert script.functions == {"pay_result_submit": "payResultSubmit", "pay_result_close": "close"}
    assert (script.function, script.argument, script.form_name) == ("SendPay", "form", "payInit")
    assert script.scripts == ("https://testpg.pay-story.co.kr/js/pgAsistant.js",)
    assert (script.origins, script.refs) == (("https://testpg.pay-story.co.kr",), {"mbsReserved": "PAY1"})
    for charset in ("UTF-8", "EUC-KR"):
        assert gateway(charset=charset).script({}, "PAY1").charset == charset, "the page sends the form in it"


@pytest.mark.parametrize("refs", [{"tid": "T1"}, {}])
def test_an_account_is_closed_and_money_given_back_by_its_transaction_or_else_by_our_number(refs):
    lane = Lane("paystory")
    payment = replace(lane.payment("PAY0000001", captured=55_000), refs=refs)
    closing = next(lane.gateway.void_account(payment, lane.stamp()))
    back = next(lane.gateway.refund(payment, RefundOrder("R1", 55_000, "x", True, 0, 0), lane.stamp()))
    for call in (closing, back):
        assert call.form["tid"] == refs.get("tid", "")
        by_order = {name: call.form[name] for name in ("ordNoChk", "ordNo") if name in call.form}
        assert by_order == ({} if refs else {"ordNoChk": "Y", "ordNo": "PAY0000001"})
        assert (call.form["canAmt"], call.form["partCanFlg"]) == ("55000", "0")


@pytest.mark.parametrize(("flag", "kind"), [("1", "cash"), ("0", "general"), (None, "general"), ("Y", "general")])
def test_a_slips_address_names_shop_transaction_and_kind(flag, kind):
    made = gateway()
    refs = {"tid": "T1"} | ({"cashCrctFlg": flag} if flag else {})
    payment = Lane("paystory").payment("PAY0000001", refs=refs)
    query = parse_qs(urlsplit(made.receipt_link(payment)).query)
    hashed = hashlib.sha256(f"test00001m{made.settings.merchant_key}".encode()).hexdigest()
    assert query == {"mid": ["test00001m"], "tid": ["T1"], "receiptType": [kind], "encData": [hashed]}


def test_only_a_card_has_a_least_amount_of_its_own():
    least = {method: gateway().smallest(method) for method in gateway().methods}
    assert least == dict.fromkeys(least, AMOUNT_MIN) | {Method.CARD: 1_000}


@pytest.mark.parametrize(("locale", "language"), [("ko_KR", "KOR"), ("en_US", "ENG")])
def test_the_window_is_opened_in_the_buyers_language_and_told_where_notices_go(locale, language):
    found = vector("open_window") | {"order": {"locale": locale}}
    fields = harness.played(gateway(), found)[1].fields
    assert (fields["language"], fields["notiUrl"]) == (language, harness.URLS.notice)


# ---- what may be given back


def rule(method=Method.CARD, paid="2026-03-30T12:00:00+09:00", now="2026-03-31T23:59:59+09:00", **changes):
    lane = Lane("paystory")
    whole = {"captured": 55_000, "refs": {"tid": "T1"}, "paid_at": datetime.fromisoformat(paid)} | changes
    return gateway().refund_rule(lane.payment("PAY1", method, **whole), Stamp(datetime.fromisoformat(now), "0" * 32))


@pytest.mark.parametrize(
    ("method", "partial"),
    [(Method.CARD, True), (Method.ACCOUNT, True), (Method.PHONE, False), (Method.GIFT, False)],
)
def test_a_part_is_given_back_only_by_card_and_account(method, partial):
    assert rule(method) == Allowed(55_000, partial=partial)
    assert rule(method, state="part_refunded", refunded=5_000) == Allowed(50_000, partial=partial)


@pytest.mark.parametrize("state", ["open", "approving", "refunded", "voided", "unknown", "needs_human"])
def test_nothing_is_given_back_of_what_is_not_paid(state):
    assert isinstance(rule(state=state), Never)


def test_what_the_gateway_cannot_give_back_is_given_by_hand():
    by_hand = rule(Method.VIRTUAL_ACCOUNT)
    assert isinstance(by_hand, ByHand)
    assert ("결제 서버의 운영자만" in by_hand.why, "에스크로" in by_hand.why) == (True, False)


def test_a_deposit_in_escrow_names_its_condition_before_the_operators_way():
    kept = rule(Method.VIRTUAL_ACCOUNT, refs={"tid": "T1", "escrow": "kept"})
    assert isinstance(kept, ByHand)
    assert 0 <= kept.why.find("에스크로 결제예요") < kept.why.find("결제 서버의 운영자만")


@pytest.mark.parametrize(
    ("refs", "words"),
    [({"tid": "T1"}, []), ({}, ["주문번호로 취소"]), ({"tid": ""}, ["주문번호로 취소"]),
     ({"tid": "T1", "escrow": "kept"}, ["에스크로"]), ({"escrow": "kept"}, ["에스크로", "주문번호로 취소"])],
)  # fmt: skip
def test_a_refund_says_on_what_it_hangs_where_we_cannot_know(refs, words):
    found = rule(refs=refs)
    assert (found.max_amount, found.partial, bool(found.why)) == (55_000, True, bool(words))
    assert all(word in found.why for word in words)


@pytest.mark.parametrize("escrow", ["0", "1"])
def test_a_window_in_escrow_marks_its_payment_and_a_keys_window_is_in_none(escrow):
    made, found = gateway(escrow=escrow), vector("open_window")
    script = harness.played(made, found)[1]
    assert (script.fields["trxCd"], script.refs.get("escrow")) == (escrow, "kept" if escrow == "1" else None)
    key = harness.played(made, vector("open_key_window"))[1]
    assert (key.fields["trxCd"], "escrow" in key.refs) == ("0", False)


def test_a_phone_is_given_back_within_its_month_in_korea():
    assert isinstance(rule(Method.PHONE, now="2026-04-01T00:00:00+09:00"), ByHand)
    assert isinstance(rule(Method.PHONE, now="2026-03-31T14:59:59+00:00"), Allowed)
    assert isinstance(rule(Method.PHONE, now="2026-03-31T15:00:00+00:00"), ByHand)
    assert isinstance(rule(Method.PHONE, now="2027-03-30T12:00:00+09:00"), ByHand), "the same month of another year"
    assert isinstance(rule(Method.CARD, now="2026-04-01T00:00:00+09:00"), Allowed)


def test_after_a_year_the_gateway_is_asked_by_a_person():
    assert isinstance(rule(now="2027-03-31T11:59:59+09:00"), Allowed)
    assert isinstance(rule(now="2027-03-31T12:00:00+09:00"), ByHand)
    assert isinstance(rule(paid_at=None), Allowed), "a payment that was found bears no moment"


# ---- what comes back


@pytest.mark.parametrize("name", ["resultCode", "resultCd"])
def test_a_return_is_about_our_shop_and_says_yes_under_either_name(name):
    whole = {name: "0000", "tid": "T1", "signData": "s", "ediDate": "20260330163604", "mbsReserved": "PAY1"}
    refs = {held: whole[held] for held in ("tid", "signData", "ediDate", "mbsReserved")}
    for form in (whole, whole | {"mid": "test00001m"}):
        returned = gateway().read_return(form)
        assert (returned.refs, returned.refused) == (refs, None)
    with pytest.raises(NotGenuine):
        gateway().read_return(whole | {"mid": "test00002m"})


@pytest.mark.parametrize("code", [{}, {"resultCode": ""}, {"resultCd": ""}])
def test_a_return_without_a_code_is_unreadable(code):
    with pytest.raises(Unreadable):
        gateway().read_return({"tid": "T1", "signData": "s", "ediDate": "20260330163604"} | code)


def test_a_return_that_says_no_needs_no_words():
    returned = gateway().read_return({"resultCode": "9999"})
    assert isinstance(returned.refused, Declined)
    assert (returned.refused.code, returned.refused.message) == ("9999", "")
    assert returned.refs == {"tid": "", "ediDate": "", "signData": ""}


@pytest.mark.parametrize(
    "changes", [{"tid": None}, {"signData": None}, {"ediDate": None}, {"ediDate": "2026033016360"}]
)
def test_a_yes_without_what_the_approval_needs_is_unreadable(changes):
    whole = {"resultCode": "0000", "tid": "T1", "signData": "s", "ediDate": "20260330163604"}
    assert gateway().read_return(whole).refused is None
    with pytest.raises(Unreadable):
        gateway().read_return({name: value for name, value in (whole | changes).items() if value is not None})


def test_an_account_is_read_whole_and_by_its_number_alone():
    told = {"cpCd": "004", "fnNm": "국민은행", "vacntNo": "0012", "vacntNm": "홍길동"}
    read = {"bank_code": "004", "bank": "국민은행", "number": "0012", "holder": "홍길동"}
    assert account_of(Fields(told)) == read
    assert account_of(Fields({"vacntNo": "0012"})) == {"bank_code": "", "bank": "", "number": "0012", "holder": ""}
    assert account_of(Fields({"vacntNo": "0012", "cpCd": "004"}))["bank"] == "004"
    with pytest.raises(Unreadable):
        account_of(Fields({name: value for name, value in told.items() if name != "vacntNo"}))
    with pytest.raises(Unreadable):
        account_of(Fields(told | {"vacntNo": ""}))


def test_a_card_is_shown_with_its_issuers_name_and_the_approval():
    told = {"cardNo": "94101234****1234", "fnNm": "어느 카드", "quota": "03", "appNo": "300", "cpCd": "01"}
    shown = {"number": "9410-12**-****-1234", "name": "어느 카드", "installment": "03", "approval_no": "300"}
    assert card(Fields(told)) == shown
    assert card(Fields(told | {"fnNm": ""})) == shown | {"name": "비씨"}
    assert card(Fields({"cpCd": "01", "appCardCd": "02"})) == {"name": "국민"}
    assert card(Fields({})) == {}


def test_a_yes_without_its_transaction_is_unreadable():
    assert isinstance(answered("approve")[1], Paid)
    outcome = answered("approve", tid=None)[1]
    assert (type(outcome), outcome.why) == (Unknown, "Unreadable: The answer has no tid.")


def test_a_payment_keeps_what_a_cancellation_and_the_slip_need():
    kept = {"tid": "T1", "appDtm": "20260330163604", "appNo": "300", "cashCrctFlg": "1"}
    paid = answered("approve", **kept)[1]
    assert paid.refs == kept | {"mbsReserved": "PS0ORDER000000000001"}
    assert answered("approve", tid="T1", appDtm=None, appNo=None)[1].refs == {
        **{"tid": "T1", "mbsReserved": "PS0ORDER000000000001"},
    }


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("1500", "1500"),
        ("0001500", "1500"),
        ("0", ""),
        ("", ""),
        ("약간", ""),
        ("9" * 12, "9" * 12),
        ("9" * 13, ""),
        ("1" * 5_000, ""),
    ],
)
def test_the_points_in_what_was_paid_are_kept_where_there_are_any(told, kept):
    assert answered("approve", usePointAmt=told)[1].refs.get("usePointAmt", "") == kept


@pytest.mark.parametrize("operation", ["approve", "charge"])
def test_a_no_says_why_and_a_code_that_is_none_proves_nothing(operation):
    limit = answered(operation, resultCd="3030", resultMsg="한도초과")[1]
    assert limit == Declined(Reason.LIMIT, "3030", "한도초과")
    assert answered(operation, resultCd="3030", resultMsg=None)[1].message == ""
    for code, refusal in (("zz", True), ("9998", False), ("2002", False), ("4100", False)):
        unknown = answered(operation, resultCd=code, resultMsg="말씀")[1]
        assert isinstance(unknown, Unknown), code
        assert (unknown.code, unknown.message, unknown.refusal) == (code, "말씀", refusal)
    stopped = answered(operation, resultCd="F003", resultMsg="")[1]
    assert isinstance(stopped, Declined if operation == "charge" else Unknown), "only a key can be stopped"


@pytest.mark.parametrize("strange", [{"ordNo": "OTHER"}, {"mid": "test00002m"}, {"currencyType": "USD"}])
@pytest.mark.parametrize("operation", ["approve", "charge"])
def test_a_yes_about_another_payment_or_of_nothing_is_none(operation, strange):
    other = answered(operation, **strange, resultMsg="ok")[1]
    assert isinstance(other, Unknown)
    assert (other.code, other.message) == ("3001", "ok")
    nothing = answered(operation, amt="0")[1]
    assert (type(nothing), nothing.why) == (Unknown, "Unreadable: The answer says that nothing was taken.")


@pytest.mark.parametrize("strange", [{"ordNo": "OTHER"}, {"mid": "test00002m"}])
def test_a_cancellation_of_another_payment_gives_nothing_back(strange):
    assert isinstance(answered("refund")[1], Done)
    outcome = answered("refund", **strange, resultMsg="ok")[1]
    assert isinstance(outcome, Unknown)
    assert (outcome.code, outcome.message) == ("2001", "ok")


@pytest.mark.parametrize("operation", ["undo", "void_account"])
@pytest.mark.parametrize("strange", [{"ordNo": "OTHER"}, {"amt": "1"}])
def test_a_cancellation_of_another_payment_or_sum_leaves_no_net_of_zero(operation, strange):
    assert isinstance(answered(operation, amt=None)[1], Undone)
    assert isinstance(answered(operation)[1], Undone)
    assert isinstance(answered(operation, **strange)[1], Unknown)


@pytest.mark.parametrize(("day", "due"), [("20260402", "2026-04-02T23:59:59+09:00"), (None, None), ("soon", None)])
def test_an_account_waits_until_the_end_of_its_last_day_where_one_is_told(day, due):
    found = next(one for one in harness.load("paystory") if one["name"] == "an account is issued")
    body = found["talk"][0]["reply"]["body"] | {"lmtDay": day}
    outcome = harness.played(gateway(), found, [{"body": body}])[1]
    assert isinstance(outcome, Waiting)
    assert outcome.account.get("due") == due
    assert (outcome.due and outcome.due.isoformat()) == due


@pytest.mark.parametrize(
    ("changes", "kind"),
    [({}, Done), ({"bid": None}, Done), ({"bid": "another"}, Unknown), ({"resultCd": "F002"}, Done),
     ({"resultCd": "F008"}, Refused), ({"resultCd": "0000"}, Unknown), ({"resultCd": "F011"}, Unknown)],
)  # fmt: skip
def test_a_key_is_deleted_only_by_a_yes_about_itself(changes, kind):
    assert isinstance(answered("delete_key", **changes)[1], kind)


@pytest.mark.parametrize("strange", [{"ordNo": "OTHER"}, {"mid": "test00002m"}])
def test_a_key_is_issued_only_by_a_yes_about_itself(strange):
    assert isinstance(answered("issue_key_by_card")[1], Issued)
    outcome = answered("issue_key_by_card", **strange, resultMsg="ok")[1]
    assert isinstance(outcome, Unknown)
    assert (outcome.code, outcome.message) == ("F011", "ok")


def test_a_phones_key_that_came_without_its_charges_transaction_is_unreadable():
    found = next(one for one in harness.load("paystory") if one["name"] == "a phone's key, which charges")
    body = found["talk"][0]["reply"]["body"]
    assert harness.played(gateway(), found, [{"body": body}])[1].charged.refs["tid"] == body["tid"]
    without = {name: value for name, value in body.items() if name != "tid"}
    outcome = harness.played(gateway(), found, [{"body": without}])[1]
    assert (type(outcome), outcome.why) == (Unknown, "Unreadable: The answer has no tid.")


@pytest.mark.parametrize("registered", ["F001", "F004", "F007"])
def test_whether_a_phone_that_is_registered_already_was_charged_is_unknown(registered):
    found = next(one for one in harness.load("paystory") if one["name"] == "a phone's key, which charges")
    said = found["talk"][0]["reply"]["body"] | {"resultCd": registered, "resultMsg": "ok"}
    outcome = harness.played(gateway(), found, [{"body": said}])[1]
    assert isinstance(outcome, Unknown)
    assert (outcome.code, outcome.message) == (registered, "ok")


def test_a_deletion_about_another_key_names_code_and_words():
    body = b'{"resultCd":"F012","resultMsg":"ok","bid":"another"}'
    outcome = deletion(Reply(200, body), "mine")
    assert isinstance(outcome, Unknown)
    assert (outcome.code, outcome.message) == ("F012", "ok")


def seen(*rows, **changes):
    found = vector("inquire")
    whole = [found["talk"][0]["reply"]["body"]["resultData"][0] | row for row in rows]
    whole = [{name: value for name, value in row.items() if value is not None} for row in whole]
    reply = harness.reply_of({"body": {"resultCd": "0000", "resultMsg": "", "resultData": whole}})
    return inquiry(replace(harness.payment(found), **changes), "test00001m", reply)


@pytest.mark.parametrize(
    ("rows", "captured", "refunded"),
    [
        ([{}], 55_000, 0),
        ([{"cancelYN": None}], 55_000, 0),
        ([{"cancelYN": "Y"}], 55_000, 55_000),
        ([{}, {"resultCd": "2001", "goodsAmt": "5000", "cancelYN": "Y"}], 55_000, 5_000),
        ([{"cancelYN": "Y"}, {"resultCd": "2001", "goodsAmt": "55000", "cancelYN": "Y"}], 55_000, 55_000),
        ([{"cancelYN": "Y"}, *({"resultCd": "2001", "goodsAmt": one} for one in ("5000", "50000"))], 55_000, 55_000),
        ([{}, {"cancelYN": "Y"}], 55_000, 55_000),
        ([{"cancelYN": "Y"}, {}], 55_000, 55_000),
        ([{}, {"cancelYN": "Y", "tid": "T2"}], 110_000, 55_000),
        ([{}, {"cancelYN": "Y", "tid": "T2"}, {"resultCd": "2001", "goodsAmt": "5000"}], 110_000, 60_000),
        ([{}, {"cancelYN": "Y", "tid": "T2"}, {"resultCd": "2001", "goodsAmt": "55000"}], 110_000, 55_000),
        ([{"resultCd": "2001", "goodsAmt": "55000", "cancelYN": "Y"}], 55_000, 55_000),
        ([{"resultCd": "9999"}], 0, 0),
    ],
)
def test_an_inquirys_rows_are_added_up(rows, captured, refunded):
    found = seen(*rows)
    assert isinstance(found, Seen)
    assert (found.captured, found.refunded) == (captured, refunded)


@pytest.mark.parametrize("gone", ["5000", "54999"])
def test_a_part_given_back_of_a_payment_that_is_not_shown_does_not_say_that_all_went_back(gone):
    assert isinstance(seen({"resultCd": "2001", "goodsAmt": gone, "cancelYN": "Y"}), Unknown)


@pytest.mark.parametrize(
    "rows",
    [
        ({"cancelYN": "Y"}, {"resultCd": "2001", "goodsAmt": "5000", "cancelYN": "Y"}),
        ({}, {"goodsAmt": "5000", "cancelYN": "Y", "tid": "T2"}),
    ],
)
def test_rows_that_may_tell_of_a_part_or_of_all_of_it_prove_neither(rows):
    assert isinstance(seen(*rows), Unknown)


@pytest.mark.parametrize("first", ["Y", "N"])
def test_of_two_charges_the_one_that_still_holds_its_money_is_named(first):
    found = seen({"cancelYN": first}, {"cancelYN": "N" if first == "Y" else "Y", "tid": "T2"})
    assert (found.refs["tid"] == "T2") is (first == "Y")


def test_of_two_charges_that_hold_their_money_the_payments_own_is_named_wherever_it_stands():
    for tids in (("T1", "T2"), ("T2", "T1")):
        assert seen(*({"tid": tid} for tid in tids), refs={"tid": "T2"}).refs["tid"] == "T2"


@pytest.mark.parametrize("strange", [{"ordNo": "OTHER"}, {"mid": "test00002m"}])
def test_an_inquiry_that_shows_another_payment_shows_nothing(strange):
    assert isinstance(seen({}, strange), Unknown)


# ---- notices


@pytest.mark.parametrize("amount", ["1", str(AMOUNT_MAX), "000000055000"])
def test_a_notices_amount_is_read_up_to_the_greatest(amount):
    assert noticed(goodsAmt=amount).amount == int(amount)


@pytest.mark.parametrize("code", ["3001", "F011", "F005"])
@pytest.mark.parametrize("amount", ["0", "00"])
def test_a_card_that_was_registered_is_told_over_nothing_and_moves_nothing(code, amount):
    told = noticed(resultCd=code, goodsAmt=amount)
    assert (told.event, told.amount, told.foreign, told.paid_at) == (Event.OTHER, 0, True, None)
    assert not noticed(resultCd=code).foreign
    with pytest.raises(NotGenuine):
        noticed(resultCd=code, goodsAmt=amount, hashStr="0" * 64)


def test_money_that_came_is_never_told_over_nothing():
    came = {"payMethod": "VACNT", "resultCd": "4110"}
    assert noticed(**came).amount == 55_000
    with pytest.raises(Unreadable):
        noticed(**came, goodsAmt="0")


@pytest.mark.parametrize("back", [{"cancelYN": "Y"}, {"cancelYN": "Y", "oTid": "T1"}])
@pytest.mark.parametrize("amount", ["0", "", None, "-1", "１", "1.0"])
def test_a_cancel_whose_sum_cannot_be_read_is_news_all_the_same(back, amount):
    assert noticed(**back).amount == 55_000
    told = noticed(**back, goodsAmt=amount)
    assert (told.event in (Event.CANCELLED, Event.PART_CANCELLED), told.amount, told.foreign) == (True, 0, False)


@pytest.mark.parametrize("amount", ["", None, "-1", "１", "1.0", str(AMOUNT_MAX + 1), "0000000055000"])
def test_a_notices_amount_beyond_that_is_none(amount):
    with pytest.raises(Unreadable):
        noticed(goodsAmt=amount)


@pytest.mark.parametrize(
    ("name", "value"),
    [("resultCd", "4110"), ("cancelYN", "Y"), ("payMethod", "BANK"), ("ordNo", "OTHER"), ("tid", "T2"), ("oTid", "T3"),
     ("goodsAmt", "54000"), ("appDtm", "20260330163605"), ("ccDtm", "20260331000000")],
)  # fmt: skip
def test_a_notice_that_differs_in_its_effect_is_another_event(name, value):
    assert noticed().dedupe == noticed(resultMsg="again", fnNm="x").dedupe
    assert noticed().dedupe.startswith("paystory:")
    assert noticed(**{name: value}).dedupe != noticed().dedupe


@pytest.mark.parametrize("name", ["cancelYN", "payMethod", "tid", "oTid", "appDtm", "ccDtm", "resultCd"])
def test_a_field_that_is_missing_names_the_event_as_an_empty_one_does(name):
    assert noticed(**{name: None}).dedupe == noticed(**{name: ""}).dedupe


@pytest.mark.parametrize(
    ("changes", "event"),
    [
        ({}, Event.APPROVED),
        ({"resultCd": None}, Event.OTHER),
        ({"payMethod": None}, Event.OTHER),
        ({"cancelYN": None}, Event.APPROVED),
        ({"cancelYN": "Y"}, Event.CANCELLED),
        ({"cancelYN": "Y", "oTid": None}, Event.CANCELLED),
        ({"cancelYN": "Y", "oTid": "T1", "tid": "T1"}, Event.CANCELLED),
        ({"cancelYN": "Y", "oTid": "T1", "tid": "T2"}, Event.PART_CANCELLED),
    ],
)
def test_a_notice_tells_what_happened(changes, event):
    assert noticed(**changes).event is event


@pytest.mark.parametrize(("day", "due"), [("20260402", "2026-04-02T23:59:59+09:00"), ("", None), (None, None)])
def test_a_notice_of_an_account_tells_the_end_of_its_last_day_where_there_is_one(day, due):
    whole = {"payMethod": "VACNT", "resultCd": "4100", "cancelYN": "N", "vacntNo": "0012", "cpCd": "004"}
    notice = noticed(**whole, fnNm="국민은행", vacntNm=None, lmtDay=day)
    account = {"bank_code": "004", "bank": "국민은행", "number": "0012", "holder": ""}
    assert (notice.event, notice.account) == (Event.ISSUED, account | ({"due": due} if due else {}))
    assert (notice.due and notice.due.isoformat()) == due


def test_a_notice_keeps_its_name_for_ever_or_a_repeat_after_an_update_would_be_news():
    assert noticed().dedupe == "paystory:af8e1d9ebc95713cf025ad0f45694101"


def test_a_notice_is_answered_in_json_which_fits_both_ways_of_judging_it():
    ack = gateway().acknowledge(b"", "notice")
    assert (ack.status, ack.body, ack.content_type) == (200, '{"resultCd":"0000"}', "application/json")


@pytest.mark.parametrize(("told", "currency"), [("USD", "USD"), ("KRW", "KRW"), ("", "KRW"), (None, "KRW")])
def test_a_notice_names_its_currency(told, currency):
    assert noticed(currencyType=told).currency == currency


@pytest.mark.parametrize(("changes", "error"), [
    ({"ordNo": None}, Unreadable), ({"hashStr": ""}, Unreadable), ({"mid": None}, NotGenuine),
    ({"mid": "test00002m"}, NotGenuine), ({"hashStr": "0" * 64}, NotGenuine),
])  # fmt: skip
def test_a_notice_without_order_shop_or_hash_is_none(changes, error):
    with pytest.raises(error):
        noticed(**changes)


@pytest.mark.parametrize(
    ("tax_free", "split"), [(0, None), (22_000, ("52000", "3000", "0")), (55_000, ("55000", "0", "0"))]
)
async def test_what_takes_back_a_lost_approval_or_closes_an_account_tells_its_vat_too(tax_free, split):
    lane = Lane("paystory")
    payment = lane.payment("PAY0000001", tax_free=tax_free, refs={"tid": "T1"})
    stamp = lane.stamp()
    calls = [lane.gateway.undo(payment, Return({}), stamp, stamp), lane.gateway.void_account(payment, stamp)]
    for call in map(next, calls):
        told = tuple(call.form[name] for name in ("goodsSplAmt", "goodsVat", "goodsSvsAmt") if name in call.form)
        assert told == (split or ())


def test_a_cancel_says_who_cancels_where_the_shop_has_told():
    who = {"canId": "clerk7", "canNm": "김예매", "canIp": "192.0.2.7"}
    named = {"canceller_id": "clerk7", "canceller_name": "김예매", "canceller_ip": "192.0.2.7"}
    for settings, expected in ((named, who), (dict.fromkeys(named, ""), {})):
        call = gateway(**settings).cancel(Method.CARD, {"tid": "T"}, 1_000, "고객 요청", harness.stamp(None))
        assert {name: value for name, value in call.form.items() if name in who} == expected


def test_a_notice_whose_korean_is_written_in_cp949_is_read_like_one_in_utf_8():
    form = dict(parse_qsl(vector("read_notice")["raw"], keep_blank_values=True)) | {"goodsNm": "봄의 제전"}
    raws = [urlencode(form, encoding=encoding).encode() for encoding in ("utf-8", "cp949")]
    told = [gateway().read_notice(raw, "noti") for raw in raws]
    assert [(one.merchant_ref, one.amount) for one in told] == [(told[0].merchant_ref, told[0].amount)] * 2


def test_what_is_taken_back_after_a_part_went_asks_for_no_more_vat_than_is_left():
    found = vector("undo")
    told = found["payment"] | {"amount": 55_000, "captured": 55_000, "refunded": 11_000}
    (call,) = harness.played(gateway(tax_fields="always"), found | {"payment": told}, [])[0]
    sent = {name: call.form[name] for name in ("canAmt", "goodsSplAmt", "goodsVat", "partCanFlg")}
    assert sent == {"canAmt": "44000", "goodsSplAmt": "40000", "goodsVat": "4000", "partCanFlg": "1"}
