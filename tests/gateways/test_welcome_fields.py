"""Welcome field by field: what no journal shows, what moves money, what fits, what an answer or a notice is worth.

The words of `bridge.gateways.welcome.talk`, `bridge.gateways.welcome.approvals`, `bridge.gateways.welcome.billing` and
`bridge.gateways.welcome.links`, through `bridge.gateways.welcome.adapter`."""

import hashlib
import json
from datetime import datetime, timedelta
from urllib.parse import urlencode

import pytest

from bridge.domain.billing import Issued
from bridge.domain.exchange import Reply
from bridge.domain.failures import NotGenuine, Unreadable
from bridge.domain.gateway import (
    Absent,
    Allowed,
    ByHand,
    Circumstantial,
    Declined,
    Digest,
    Done,
    Event,
    Never,
    Paid,
    Refused,
    Undone,
    Unknown,
    Waiting,
)
from bridge.domain.payment import AMOUNT_MAX, AMOUNT_MIN, Buyer, Method
from bridge.domain.reasons import Reason
from bridge.domain.services import CardKind
from bridge.domain.tax import Split
from bridge.gateways.welcome import codes
from bridge.gateways.welcome.approvals import read_approval, read_return
from bridge.gateways.welcome.notices import read as read_notice
from bridge.gateways.welcome.talk import SECRETS, buyer_fields, read
from tests.gateways import play

OF_A_PERSON = ["buyerName", "buyerTel", "buyerEmail", "refundAccount", "refundName", "sendName", "sendTel", "sendAddr1",
               "sendAddr2", "sendPost", "recvName", "recvTel", "recvAddr", "recvPost",
               "buyName", "registName"]  # fmt: skip
OF_A_CARD = ["cardNumber", "registNo", "passwd", "cardExpireYY", "cardExpireMM"]
THAT_OPENS = ["signature", "billkey", "P_NEXT_URL", "P_RETURN_URL", "P_NOTI_URL", "P_TID"]
MOVES = {"approve": True, "charge": True, "key_in": True, "refund": True, "issue_key": True, "void_account": True,
         "undo": True, "open_window": False, "open_key_window": False, "issue_key_by_card": False, "delete_key": False,
         "look_up_card": False}  # fmt: skip
APPROVED = {"P_STATUS": "00", "P_OID": "PAY1", "P_MID": "shop", "P_TID": "T1", "P_AMT": "55000", "P_TYPE": "CARD"}
ACCOUNT = {"P_TYPE": "VBANK", "P_VACT_NUM": "0012", "P_VACT_BANK_CODE": "04", "P_VACT_DATE": "20261123"}


def vector(operation):
    return next(one for one in play.vectors("welcome") if one["operation"] == operation and "call" in one)


def gateway(**settings):
    return play.build("welcome", vector("charge")["settings"] | settings)


def approval(method=Method.CARD, status=200, **changes):
    form = {name: value for name, value in (APPROVED | changes).items() if value is not None}
    return read_approval(Reply(status, urlencode(form).encode()), "shop", "PAY1", method)[0]


def answered(operation, **changes):
    """Let the adapter read the answer of an operation's first vector, its fields changed; None takes one away."""
    found = next(one for one in play.vectors("welcome") if one["operation"] == operation and "reply" in one)
    body = {name: value for name, value in (found["reply"]["body"] | changes).items() if value is not None}
    return play.outcome_of(play.build("welcome", found["settings"]), found | {"reply": {"body": body}})


# ---- what is sent


@pytest.mark.parametrize("name", OF_A_PERSON + OF_A_CARD + THAT_OPENS)
def test_no_journal_shows_a_person_a_card_or_what_opens(name):
    assert name in SECRETS
    for operation in MOVES:
        assert name in play.call_of(gateway(), vector(operation)).secrets


@pytest.mark.parametrize("operation", MOVES)
def test_exactly_what_may_move_money_says_so(operation):
    assert play.call_of(gateway(), vector(operation)).moves_money is MOVES[operation]


@pytest.mark.parametrize(
    ("operation", "op"),
    [("open_window", "make_url"), ("look_up_card", "prefix"), ("issue_key_by_card", "billkey"), ("key_in", "keyin"),
     ("delete_key", "billkey_delete"), ("approve", "approve"), ("charge", "billpay"), ("refund", "cancel"),
     ("undo", "cancel"), ("void_account", "cancel")],
)  # fmt: skip
def test_a_calls_name_in_the_journal_and_the_measures_is_its_own(operation, op):
    assert play.call_of(gateway(), vector(operation)).op == op


def test_a_buyers_fields_fit_to_the_byte():
    whole = Buyer("a" * 30, "b" * 31 + "@shop.xyz", "1" * 40)
    assert buyer_fields(whole) == {"buyerName": "a" * 30, "buyerTel": "1" * 40, "buyerEmail": "b" * 31 + "@shop.xyz"}
    longer = Buyer("a" * 31, "b" * 32 + "@shop.xyz", "1" * 41)
    assert buyer_fields(longer) == {"buyerName": "a" * 30, "buyerTel": "1" * 40, "buyerEmail": ""}
    assert buyer_fields(Buyer("홍" * 11))["buyerName"] == "홍" * 10, "bytes are counted, not characters"
    assert buyer_fields(Buyer("")) == {"buyerName": "구매자", "buyerTel": "", "buyerEmail": ""}


@pytest.mark.parametrize("operation", ["charge", "key_in"])
def test_a_charges_goods_fit_to_the_byte(operation):
    call = play.call_of(gateway(), vector(operation) | {"order": {"title": "a" * 81}})
    assert call.form["goodsName"] == "a" * 80


def test_a_keys_goods_fit_to_the_byte_and_are_named_where_the_title_has_nothing_plain():
    wanted = {"key_order": {}} | vector("issue_key_by_card")
    for title, sent in (("a" * 81, "a" * 80), ("나" * 27, "나" * 26), ("!", "정기 결제")):
        titled = wanted | {"key_order": wanted["key_order"] | {"title": title}}
        assert play.call_of(gateway(), titled).form["goodsName"] == sent


def test_an_account_without_a_transaction_is_closed_by_none():
    found = vector("void_account")
    assert play.call_of(gateway(), found).form["tid"] == found["payment"]["refs"]["tid"]
    nameless = found | {"payment": found["payment"] | {"refs": {}}}
    assert "tid" not in play.call_of(gateway(), nameless).form


@pytest.mark.parametrize("returned", [{}, {"P_TID": "T1"}, {"P_REQ_URL": "https://mobile.paywelcome.co.kr/x"}])
def test_a_return_that_names_nothing_to_approve_approves_nothing(returned):
    outcome = play.outcome_of(gateway(), vector("approve") | {"returned": returned, "reply": {"body": ""}})
    assert isinstance(outcome, Unknown)


@pytest.mark.parametrize("prefix", ["941012", "9410-1234-1234-1234", "94101"])
def test_no_more_of_a_card_is_looked_up_than_its_first_six_digits(prefix):
    call = play.call_of(gateway(), vector("look_up_card") | {"prefix": prefix})
    assert call.form["cardNumber"] == "".join(one for one in prefix if one.isdigit())[:6]


@pytest.mark.parametrize(("goods", "kind"), [("1", "4"), ("2", "5")])
def test_a_phones_window_says_what_is_sold(goods, kind):
    call = play.call_of(gateway(phone_goods=goods), vector("open_key_window"))
    assert (call.form["P_HPP_METHOD"], call.form["P_RESERVED"]) == (kind, "hpp_bill=Y")


@pytest.mark.parametrize("wanted", [{"amount": 0}, {"method": "card"}, {"method": "card", "amount": 0}])
def test_a_window_registers_nothing_but_a_phone_that_is_charged_at_once(wanted):
    found = vector("open_key_window")
    found |= {"key_order": found["key_order"] | wanted}
    outcome = play.outcome_of(gateway(), found)
    assert isinstance(outcome, Declined)
    assert (outcome.reason, outcome.code) == (Reason.BAD_REQUEST, "")


def test_only_a_card_has_a_least_amount_of_its_own():
    least = {method: gateway().smallest(method) for method in gateway().methods}
    assert least == dict.fromkeys(least, AMOUNT_MIN) | {Method.CARD: 1_000}


def link(method="card", months=0, **settings):
    found = vector("open_window")
    found = found | {"payment": found["payment"] | {"method": method, "instalment_months": months}}
    return play.call_of(gateway(**settings), found).form


@pytest.mark.parametrize("method", ["card", "account", "virtual_account", "phone"])
def test_escrow_is_asked_for_where_the_shop_and_the_method_have_it(method):
    plain, kept = link(method)["P_RESERVED"], link(method, escrow="yes")["P_RESERVED"]
    assert "useescrow" not in plain
    assert kept == (plain if method == "phone" else f"{plain}&useescrow=Y")
    assert link(method).get("P_HPP_METHOD", "") == ("2" if method == "phone" else "")
    assert link(method, phone_goods="1").get("P_HPP_METHOD", "") == ("1" if method == "phone" else "")


@pytest.mark.parametrize(("months", "quota"), [(0, None), (2, "99:02"), (12, "99:12")])
def test_a_link_names_the_instalments_that_were_chosen(months, quota):
    assert link(months=months).get("P_QUOTABASE") == quota


@pytest.mark.parametrize(("parts", "free", "sent"), [("no", 0, {}), ("no", 1_000, {"tax": "1", "taxfree": "1000"})])
def test_tax_parts_are_sent_where_something_is_free_of_tax(parts, free, sent):
    assert gateway().tax_fields(Split(10, 1, free), free) == sent


@pytest.mark.parametrize("name", ["approval", "notice"])
def test_an_address_longer_than_the_manual_allows_goes_out_in_no_link(name):
    fits = "https://" + "a" * 242
    found = vector("open_window")
    assert play.call_of(gateway(), found | {"urls": {name: fits}}).op == "make_url"
    with pytest.raises(StopIteration) as ended:
        next(play.begin(gateway(), found | {"urls": {name: fits + "a"}}))
    assert (type(ended.value.value), "250바이트" in ended.value.value.message) == (Declined, True)


@pytest.mark.parametrize(
    ("place", "good"),
    [
        ("{domain}", True),
        ("pay.{domain}", True),
        ("evil.test@{domain}", False),
        ("{domain}\\.evil.test", False),
        ("ｐay.{domain}", False),
        ("{domain}.evil.test", False),
        ("", False),
    ],
)
def test_a_window_is_at_an_address_of_welcomes_that_reads_in_one_way(place, good):
    welcome = gateway()
    place = place.format(domain=min(welcome.settings.window_domains))
    assert welcome._is_window(f"https://{place}/window") is good
    assert not welcome._is_window(f"https://{place}/win\ndow")
    assert not welcome._is_window(f"http://{place}/window")


def test_a_links_goods_fit_to_the_byte():
    found = vector("open_window")
    titled = found | {"order": {"title": "a" * 41}}
    assert play.call_of(gateway(), titled).form["P_GOODS"] == "a" * 40


def test_a_link_alone_says_nothing_of_tax():
    assert gateway().taxes_whole == {"open_window"}


def test_a_link_says_nothing_of_tax_as_its_table_has_no_field_for_it():
    found = vector("open_window")
    told = found | {"payment": found["payment"] | {"tax_free": 1_000}}
    assert not {"tax", "taxfree", "P_TAX", "P_TAXFREE"} & set(play.call_of(gateway(tax_parts="yes"), told).form)


# ---- what may be given back, and what is in escrow


@pytest.mark.parametrize("setting", ["yes", "no"])
def test_steps_of_escrow_are_offered_where_the_payment_was_made_in_escrow_whatever_the_setting_is_now(setting):
    paid = vector("charge")["payment"]
    both = [
        play.payment("welcome", paid | {"refs": refs}, play.stamp(None).at)
        for refs in ({"tid": "T1"}, {"tid": "T1", "escrow": "kept"})
    ]
    steps = [list(gateway(escrow=setting).escrow_steps(one)) for one in both]
    assert steps == [[], ["status", "delivery", "confirm", "deny"]]


@pytest.mark.parametrize("escrow", ["", "kept", "confirmed", "denied"])
def test_what_the_buyer_has_decided_is_not_promised_back_by_a_cancel(escrow):
    found = rule(refs={"tid": "T1", "escrow": escrow})
    assert isinstance(found, ByHand if escrow in ("confirmed", "denied") else Allowed)


@pytest.mark.parametrize("escrow", ["", "kept", "confirmed", "denied"])
def test_a_deposit_in_escrow_is_wired_by_nobody_as_welcome_may_pay_the_buyers_account_itself(escrow):
    for tid in ("T1", ""):
        found = rule("virtual_account", refs={"tid": tid, "escrow": escrow})
        assert isinstance(found, ByHand)
        assert ("에스크로" in found.why, "관리자에서" in found.why) == (bool(escrow), bool(escrow))
        assert ("직접 보내 주세요" in found.why) == (not escrow)


def rule(method="card", days=0, **changes):
    at = "2026-11-20T12:00:00+09:00"
    whole = {"merchant_ref": "PAY1", "amount": 55_000, "captured": 55_000, "refs": {"tid": "T1"}, "state": "paid"}
    whole |= {"method": method, "paid_at": at} | changes
    now = play.stamp({"at": (datetime.fromisoformat(at) + timedelta(days=days, hours=23)).isoformat()})
    return gateway().refund_rule(play.payment("welcome", whole, now.at), now)


@pytest.mark.parametrize(("method", "partial"), [("card", True), ("account", True), ("phone", False)])
def test_what_is_paid_is_given_back_within_a_year(method, partial):
    assert rule(method) == rule(method, days=365) == Allowed(55_000, partial=partial)
    assert rule(method, state="part_refunded", refunded=5_000) == Allowed(50_000, partial=partial)
    assert isinstance(rule(method, days=366), ByHand)
    assert rule(method, days=366, paid_at=None) == Allowed(55_000, partial=partial)


@pytest.mark.parametrize("state", ["open", "approving", "refunded", "voided", "unknown", "needs_human"])
def test_nothing_is_given_back_of_what_is_not_paid(state):
    assert isinstance(rule(state=state), Never)


@pytest.mark.parametrize("changes", [{"method": "virtual_account"}, {"refs": {}}, {"refs": {"tid": ""}}])
def test_what_the_gateway_cannot_give_back_is_given_by_hand(changes):
    assert isinstance(rule(**changes), ByHand)


# ---- what comes back


@pytest.mark.parametrize(
    ("status", "counts"),
    [(100, False), (199, False), (200, True), (299, True), (300, False), (302, False), (399, False), (400, True),
     (404, True), (499, True), (500, False), (503, False)],
)  # fmt: skip
def test_an_answer_counts_by_its_status(status, counts):
    reply = Reply(status, b'{"ResultCode":"0000"}')
    if counts:
        assert read(reply).code == "0000"
    else:
        with pytest.raises(Unreadable):
            read(reply)


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"resultCode":"00","ResultCode":"01"}', b"{}", b"\xff",
                                  b"[" * 100_000])  # fmt: skip
def test_an_answer_of_another_shape_is_unreadable(body):
    with pytest.raises(Unreadable):
        read(Reply(200, body))


def test_an_approval_without_a_card_shows_none_and_one_shows_what_is_told():
    plain = approval()
    assert isinstance(plain, Paid)
    assert (plain.card, plain.refs, plain.amount) == ({}, {"tid": "T1"}, 55_000)
    (code, name), *_ = codes.CARDS.items()
    told = {"P_CARD_NUM": "941012******1234", "P_RMESG2": "03", "P_AUTH_NO": "123", "P_AUTH_DT": "20261120"}
    shown = {"number": "941012******1234", "installment": "03", "approval_no": "123"}
    assert approval(**told).card == shown
    assert approval(**told, P_FN_CD1=code).card == shown | {"name": name}
    assert approval(**told, P_FN_NM="어느 카드").card == shown | {"name": "어느 카드"}
    assert approval(**told, P_FN_CD1=code, P_FN_NM="어느 카드").card == shown | {"name": "어느 카드"}
    assert approval(**told).refs == {"tid": "T1", "P_AUTH_DT": "20261120", "P_AUTH_NO": "123"}


@pytest.mark.parametrize("amount", ["1", str(AMOUNT_MAX), "000000055000"])
def test_an_approvals_amount_is_read_up_to_the_greatest(amount):
    assert approval(P_AMT=amount).amount == int(amount)


@pytest.mark.parametrize("amount", [None, "", "0", "-1", "１", "1.0", str(AMOUNT_MAX + 1), "0000000055000"])
def test_an_approval_of_another_amount_than_one_is_unreadable(amount):
    with pytest.raises(Unreadable):
        approval(P_AMT=amount)


@pytest.mark.parametrize(
    "changes", [{"P_STATUS": None}, {"P_STATUS": ""}, {"P_TID": None}, {"status": 201}, {"status": 500}]
)
def test_an_approval_without_status_or_transaction_is_unreadable(changes):
    with pytest.raises(Unreadable):
        approval(**changes)


@pytest.mark.parametrize("changes", [{"P_OID": "OTHER"}, {"P_OID": None}, {"P_MID": "other"}, {"P_MID": None}])
def test_an_approval_about_another_payment_proves_nothing(changes):
    assert isinstance(approval(**changes), Unknown)


@pytest.mark.parametrize(("words", "message"), [(None, ""), ("한도초과", "한도초과")])
def test_an_approval_that_is_no_yes_carries_the_gateways_words(words, message):
    outcome = approval(P_STATUS="zz99", P_RMESG1=words)
    assert isinstance(outcome, Unknown | Declined)
    assert (outcome.code, outcome.message) == ("zz99", message)


def test_an_approval_in_windows_949_is_read_like_one_in_utf8():
    form = APPROVED | {"P_STATUS": "zz99", "P_RMESG1": "한도초과"}
    for encoding in ("cp949", "utf-8"):
        reply = Reply(200, urlencode(form, encoding=encoding).encode())
        assert read_approval(reply, "shop", "PAY1", Method.CARD)[0].message == "한도초과"


def test_an_account_is_read_whole_with_the_end_of_its_last_day():
    outcome = approval(Method.VIRTUAL_ACCOUNT, **ACCOUNT)
    assert isinstance(outcome, Waiting)
    assert outcome.account == {
        **{"bank_code": "04", "bank": codes.BANKS["04"], "number": "0012", "holder": ""},
        "due": "2026-11-23T23:59:59+09:00",
    }
    bare = approval(Method.VIRTUAL_ACCOUNT, P_VACT_NUM="0012")
    assert (bare.account, bare.due) == ({"bank_code": "", "bank": "", "number": "0012", "holder": ""}, None)
    assert isinstance(approval(**ACCOUNT), Waiting), "an account where a card was asked for is no money"
    with pytest.raises(Unreadable):
        approval(Method.VIRTUAL_ACCOUNT, **ACCOUNT | {"P_VACT_NUM": None})


def test_a_return_that_says_no_needs_no_words_and_leaves_nothing_to_approve():
    returned = read_return({"P_STATUS": "01"}, gateway().settings)
    assert (returned.refs, returned.refused.code, returned.refused.message) == ({}, "01", "")


@pytest.mark.parametrize(
    ("status", "reason"),
    [("01", Reason.DECLINED), ("R100", Reason.BAD_REQUEST), ("R199", Reason.BAD_REQUEST), ("zz", Reason.DECLINED)],
)
def test_a_return_that_says_no_says_why_where_its_code_is_known(status, reason):
    assert read_return({"P_STATUS": status}, gateway().settings).refused.reason is reason


def test_a_card_that_is_looked_up_may_have_neither_kind_nor_name():
    whole = answered("look_up_card")
    assert isinstance(whole, CardKind)
    assert whole.issuer_name
    assert whole.kind
    bare = answered("look_up_card", CardType=None, CardName=None)
    assert (bare.issuer, bare.issuer_name, bare.kind) == (whole.issuer, "", "")


def test_a_key_is_issued_with_what_is_shown_of_its_card():
    whole = answered("issue_key_by_card", CardResultCode=None, tid=None)
    assert isinstance(whole, Issued)
    assert whole.refs == {"tid": ""}
    assert "name" not in whole.card
    assert "******" in whole.card["number"]
    named = answered("issue_key_by_card", CardResultCode="zz", tid="T1")
    assert (named.card["name"], named.refs) == ("zz", {"tid": "T1"})


@pytest.mark.parametrize(
    ("operation", "kind"), [("delete_key", Refused), ("look_up_card", Absent), ("issue_key_by_card", Declined)]
)
def test_a_no_that_moves_nothing_is_a_no(operation, kind):
    assert isinstance(answered("delete_key"), Done)
    assert isinstance(answered(operation, ResultCode="zz99", resultCode=None), kind)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("R201", Reason.CANCEL_FAILED),
        ("01", Reason.CANCEL_FAILED),
        ("R101", Reason.BAD_REQUEST),
        ("zz", Reason.GATEWAY),
    ],
)
def test_a_key_that_is_not_deleted_says_why(code, reason):
    assert answered("delete_key", ResultCode=code, ResultMsg="말씀") == Refused(reason, code, "말씀")


def test_a_refund_keeps_what_names_it_and_when_it_was_and_nothing_of_what_is_not_told():
    told = {"C_Tid": "C1", "CancelDate": "20261120", "CancelTime": "120000"}
    assert answered("refund", **told) == Done(told)
    for name in told:
        assert answered("refund", **told | {name: None}) == Done({held: told[held] for held in told if held != name})


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("존재하지 않는 빌키입니다.", Done),
        ("이미 삭제된 빌키", Done),
        ("빌키가 없습니다", Done),
        ("존재하지 않는 상점", Refused),
        ("빌키 오류", Refused),
    ],
)
def test_a_key_that_is_gone_was_deleted(said, kind):
    found = answered("delete_key", ResultCode="R201", ResultMsg=said)
    assert isinstance(found, kind)
    assert getattr(found, "already", False) is (kind is Done)


@pytest.mark.parametrize("operation", ["charge", "key_in"])
def test_a_charge_without_its_number_proves_nothing(operation):
    assert answered(operation).refs["tid"]
    for nothing in (None, ""):
        assert isinstance(answered(operation, tid=nothing), Unknown)


@pytest.mark.parametrize("operation", ["undo", "void_account"])
@pytest.mark.parametrize("changes", [{"Moid": "OTHER"}, {"Price": "1"}, {"RmainPrice": "1"}])
def test_a_cancel_that_is_told_of_another_payment_or_sum_leaves_no_net_of_zero(operation, changes):
    assert isinstance(answered(operation), Undone)
    assert isinstance(answered(operation, RmainPrice="0", **dict.fromkeys(("Moid", "Price"))), Undone)
    assert isinstance(answered(operation, **changes), Unknown)


# ---- notices


def mobile(**changes):
    form = {"P_STATUS": "00", "P_OID": "PAY1", "P_TID": "T1", "P_AMT": "55000", "P_TYPE": "CARD"} | changes
    raw = urlencode({name: value for name, value in form.items() if value is not None}).encode()
    return read_notice(raw, "mobile", gateway().settings)


def unified(**changes):
    """Read a unified notice, hashed anew; None takes a field away."""
    own = gateway().settings
    told = {"mid": own.mid, "order_no": "PAY1", "millis": "1", "transaction_no": "T1", "amount": "55000",
            "pay_type": "card", "transaction_flag": "+"} | changes  # fmt: skip
    told = {name: value for name, value in told.items() if value is not None}
    covered = "".join(str(told.get(name, "")) for name in ("mid", "order_no", "millis")) + own.api_key
    told.setdefault("hash_value", hashlib.sha256(covered.encode()).hexdigest())
    return read_notice(json.dumps(told).encode(), "pg", own)


@pytest.mark.parametrize("amount", ["1", str(AMOUNT_MAX), "000000055000"])
def test_a_notices_amount_is_read_up_to_the_greatest(amount):
    assert mobile(P_AMT=amount).amount == unified(amount=amount).amount == int(amount)


@pytest.mark.parametrize("amount", [None, "", "0", "-1", "１", "1.0", str(AMOUNT_MAX + 1), "0000000055000"])
def test_a_notices_amount_beyond_that_is_none(amount):
    with pytest.raises(Unreadable):
        mobile(P_AMT=amount)
    with pytest.raises(Unreadable):
        unified(amount=amount)


@pytest.mark.parametrize("amount", [None, "", "0", "000"])
@pytest.mark.parametrize("status", ["01", "R101", "V016"])
def test_a_failure_may_name_no_amount(status, amount):
    told = mobile(P_STATUS=status, P_AMT=amount)
    assert (told.event, told.amount, told.merchant_ref) == (Event.OTHER, 0, "PAY1")
    assert mobile(P_STATUS=status).amount == 55_000


@pytest.mark.parametrize("taken", [{"P_STATUS": "00"}, {"P_STATUS": "00", "P_TYPE": "VBANK"}])
def test_what_was_paid_must_name_its_amount(taken):
    with pytest.raises(Unreadable):
        mobile(**taken, P_AMT="0")


@pytest.mark.parametrize("won", [None, "", "0", "-55000", "55,000", "55000.0", "５５０００"])
def test_a_deposit_or_a_cancel_whose_sum_cannot_be_read_is_news_and_no_proof_of_a_sum(won):
    told = [mobile(P_STATUS="02", P_AMT=won), deposit(amt_input=won), deposit(type_msg="0400", amt_input=won)]
    assert [(one.event, one.amount) for one in told] == [(Event.DEPOSITED, 0)] * 2 + [(Event.CANCELLED, 0)]
    back = unified(transaction_flag="-", amount=won)
    assert (back.event, back.amount, back.proof) == (Event.PART_CANCELLED, 0, Digest())
    came = unified(deposit_ymdhms="20261120120000", deposit_amount="", amount=won)
    assert (came.event, came.amount, type(came.proof)) == (Event.DEPOSITED, 0, Circumstantial)


@pytest.mark.parametrize("value", [None, "", True, False, 1.5, [], {}])
def test_what_is_neither_text_nor_integer_says_nothing(value):
    assert unified(transaction_no=value).refs == {}
    assert unified(transaction_no=12).refs == {"tid": "12"}


@pytest.mark.parametrize("name", ["millis", "transaction_no", "account_no", "deposit_ymdhms", "transaction_flag"])
def test_a_field_that_is_missing_is_read_as_an_empty_one(name):
    assert unified(**{name: None}) == unified(**{name: ""})
    assert unified(pay_type="vbank", **{name: None}) == unified(pay_type="vbank", **{name: ""})


@pytest.mark.parametrize("nothing", [None, "", " ", "0", "00000000000000", "null", 0])
def test_a_field_that_is_left_blank_makes_an_approval_neither_a_cancel_nor_a_deposit(nothing):
    blank = dict.fromkeys(("cancel_ymdhms", "deposit_ymdhms", "deposit_amount"), nothing)
    assert unified(pay_type="AUTH", bank_code="CREDIT_CARD", **blank).event is Event.APPROVED
    assert unified(pay_type=" vaccnt ", **blank).event is Event.OTHER
    for named, event in (("ACCNT", Event.APPROVED), ("bank", Event.APPROVED), ("AUTH", Event.OTHER)):
        assert unified(pay_type=named, account_no="0012", **blank).event is event
    assert unified(**blank | {"deposit_ymdhms": "20261120120000"}).event is Event.DEPOSITED
    assert unified(**blank | {"deposit_amount": "55000"}).event is Event.DEPOSITED
    assert unified(**blank | {"cancel_ymdhms": "20261120120000"}).event is Event.PART_CANCELLED


@pytest.mark.parametrize("name", ["cancel_ymdhms", "remain_amount"])
def test_a_cancel_without_its_moment_or_what_is_left_is_still_one(name):
    whole = {"transaction_flag": "-", "cancel_ymdhms": "20261120120000", "remain_amount": "5000"}
    assert unified(**whole).event is Event.PART_CANCELLED
    assert unified(**whole | {name: None}) == unified(**whole | {name: ""})
    assert unified(**whole | {name: None}).dedupe != unified(**whole).dedupe


@pytest.mark.parametrize(("told", "left"), [("0", 0), ("5000", 5_000), ("9" * 12, 10**12 - 1), ("9" * 13, None),
                                            ("x", None), ("", None), ("-1", None), ("１", None)])  # fmt: skip
def test_what_is_left_is_read_where_it_is_an_amount(told, left):
    notice = unified(transaction_flag="-", remain_amount=told)
    assert notice.left == left
    assert notice.event is (Event.CANCELLED if left == 0 else Event.PART_CANCELLED)


def deposit(**changes):
    whole = {"no_oid": "PAY1", "type_msg": "0200", "amt_input": "55000", "no_tid": "T1", "no_vacct": "0012",
             "dt_trans": "20261120", "tm_trans": "120000"}  # fmt: skip
    told = {name: value for name, value in (whole | changes).items() if value is not None}
    return read_notice(urlencode(told).encode(), "pc", gateway().settings)


@pytest.mark.parametrize("name", ["no_oid", "type_msg"])
@pytest.mark.parametrize("value", [None, ""])
def test_a_notice_of_a_deposit_without_order_or_kind_is_unreadable(name, value):
    assert (deposit().event, deposit().amount) == (Event.DEPOSITED, 55_000)
    with pytest.raises(Unreadable):
        deposit(**{name: value})


def test_a_notice_of_a_deposit_tells_its_account_and_its_moment_as_far_as_it_names_them():
    at = datetime.fromisoformat("2026-11-20T12:00:00+09:00")
    assert (deposit().refs, deposit().paid_at) == ({"tid": "T1", "account_number": "0012"}, at)
    assert deposit(no_tid=None).refs == {"account_number": "0012"}
    assert deposit(no_vacct=None).refs == {"tid": "T1"}
    assert deposit(tm_trans=None).paid_at is deposit(dt_trans=None).paid_at is None
    for day, time in (("20261120120000", None), (None, "20261120120000")):
        assert deposit(dt_trans=day, tm_trans=time).paid_at == at, "in one field as well as in two"


@pytest.mark.parametrize("kind", ["mobile", "pc", "pg"])
def test_each_notice_is_answered_in_plain_text_by_the_word_of_its_kind(kind):
    ack = gateway().acknowledge(b"", kind)
    assert (ack.body, ack.content_type) == ("0000 SUCCESS" if kind == "pg" else "OK", "text/plain")
    assert kind in gateway().notice_kinds, "each has an address of its own"


def test_half_a_character_in_a_notice_is_read_as_a_question_mark():
    assert unified(transaction_no="T\ud800").refs == {"tid": "T?"}


@pytest.mark.parametrize("raw", [b"{", b"[]", b'"x"', b"\xff", b"[" * 100_000])
def test_a_unified_notice_that_is_no_json_object_is_unreadable(raw):
    with pytest.raises(Unreadable):
        read_notice(raw, "pg", gateway().settings)


@pytest.mark.parametrize("changes", [{"mid": None}, {"mid": "other"}, {"order_no": None}, {"order_no": ""},
                                     {"hash_value": ""}, {"hash_value": "0" * 64}])  # fmt: skip
def test_a_unified_notice_without_shop_order_or_hash_is_not_genuine(changes):
    with pytest.raises(NotGenuine):
        unified(**changes)


def test_an_event_is_named_by_what_happened_and_not_by_the_format_that_tells_it():
    assert mobile().dedupe == unified().dedupe
    assert mobile().dedupe == "welcome:97e14eccd4bcf600c0018989fc8bfdef", "and a repeat after an update is none"
    deposit = unified(pay_type="vbank", deposit_ymdhms="20261120120000")
    assert (deposit.event, mobile().event) == (Event.DEPOSITED, Event.APPROVED)
    names = [mobile(), deposit, mobile(P_OID="PAY2"), mobile(P_TID="T2"), mobile(P_AMT="54000"),
             unified(transaction_flag="-", remain_amount="0"), unified(transaction_flag="-", remain_amount="1"),
             mobile(P_STATUS="02", P_VACT_NUM="0012"), mobile(P_STATUS="02", P_VACT_NUM="0013"),
             mobile(P_STATUS="01")]  # fmt: skip
    assert len({notice.dedupe for notice in names}) == len(names)
