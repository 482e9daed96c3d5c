"""Welcome's escrow, step by step: where each is reported, about which transaction, and what a delivery must say.

The words of `bridge.gateways.welcome.escrow`."""

import json
from dataclasses import replace

import pytest

from bridge.domain.exchange import Reply
from bridge.domain.failures import Malformed
from bridge.domain.gateway import ByHand, Refused, Unknown
from bridge.domain.payment import ESCROW, Method, Mode
from bridge.domain.services import EscrowShown, EscrowStep
from bridge.gateways.welcome import codes
from bridge.gateways.welcome.adapter import build
from bridge.gateways.welcome.escrow import DELIVERY, PATHS, STEPS
from tests.gateways import play

FOUND = next(one for one in play.vectors("welcome") if one["operation"] == "escrow")


def gateway():
    return play.build("welcome", FOUND["settings"])


def asked(step, **fields):
    now = play.stamp(FOUND["stamp"])
    paid = play.payment("welcome", FOUND["payment"], now.at)
    return gateway().take_escrow_step(paid, EscrowStep(step, fields), now)


def answered(step, **body):
    exchange = asked(step)
    next(exchange)
    with pytest.raises(StopIteration) as ended:
        exchange.send(Reply(200, json.dumps(body).encode()))
    return ended.value.value


def refused_while(step, body, code="310020"):
    """Refuse a word, then answer the question how it stands."""
    exchange = asked(step)
    next(exchange)
    again = exchange.send(Reply(200, json.dumps({"ResultCode": code, "ResultMsg": "불가"}).encode()))
    assert (again.op, again.url[-19:], again.once) == ("escrow_checkstatus", "/escrow/checkstatus", False)
    assert (again.form["tid"], again.form["clientIp"]) == ("WTID0001", "127.0.0.1")
    with pytest.raises(StopIteration) as ended:
        exchange.send(Reply(200, json.dumps(body).encode()))
    return ended.value.value


@pytest.mark.parametrize(
    ("step", "fields", "path", "about"),
    [
        (
            *("delivery", {}, "delivery"),
            {"tid": "WTID0001", "oid": "PAYREF0000000001", "soid": "1", "price": "55000"},
        ),
        ("status", {}, "checkstatus", {"tid": "WTID0001"}),
        ("confirm", {"buyName": "홍"}, "buyconfirm", {"originalTid": "WTID0001", "buyName": "홍"}),
        ("deny", {"denyMsg": "파손"}, "buydeny", {"originalTid": "WTID0001", "denyMsg": "파손"}),
    ],
)
def test_each_step_is_reported_at_its_address_about_the_payments_transaction(step, fields, path, about):
    call = next(asked(step, **fields))
    assert (call.op, call.url) == (f"escrow_{path}", f"https://tpayapi.paywelcome.co.kr/escrow/{path}")
    assert call.moves_money is False
    told = {
        name: value for name, value in call.form.items() if name not in ("mid", "timestamp", "signature", "clientIp")
    }
    assert told == about
    assert call.form["clientIp"] == gateway().settings.server_address


@pytest.mark.parametrize(
    ("method", "opens"), [("card", True), ("account", True), ("virtual_account", True), ("phone", False)]
)
def test_a_window_is_in_escrow_by_card_transfer_or_account_alone(method, opens):
    paid = replace(play.payment("welcome", FOUND["payment"], play.stamp(FOUND["stamp"]).at), method=Method(method))
    welcome = build(FOUND["settings"] | {"escrow": "yes"}, Mode.TEST)
    assert welcome.opens_in_escrow(paid) is opens


@pytest.mark.parametrize("step", ["delivery", "status", "confirm", "deny"])
def test_no_field_stands_in_for_what_is_ours(step):
    ours = {
        "mid",
        "tid",
        "oid",
        "soid",
        "price",
        "originalTid",
        "clientIp",
        "timestamp",
        "signature",
        "exName",
        "dcnfName",
    }
    plain, bent = next(asked(step)).form, next(asked(step, **dict.fromkeys(ours, "1"))).form
    assert bent == plain
    made = gateway().call("x", "/x", dict.fromkeys(ours, "1"), [], play.stamp(FOUND["stamp"])).form
    assert [made[name] for name in ("mid", "timestamp", "signature")] == [
        plain[name] for name in ("mid", "timestamp", "signature")
    ]


def test_a_step_is_refused_with_a_field_too_many_and_without_one_that_it_needs():
    check = gateway().check_escrow_step
    check(EscrowStep("confirm", {"buyName": "홍"}))
    check(EscrowStep("deny", {"buyName": "홍", "refundName": "홍", "refundBankCode": "04"}))
    for fields, said in (
        ({"buyName": "홍", "tid": "OTHER"}, "no field tid"),
        ({"buyName": "홍"}, "needs the field refundName"),
        ({"buyName": "홍", "refundName": "홍", "refundBankCode": "??"}, "must be one of"),
    ):
        with pytest.raises(Malformed, match=said):
            check(EscrowStep("deny", fields))


def test_that_a_denial_was_seen_is_left_to_the_console_as_it_may_give_the_money_back():
    with pytest.raises(Malformed, match="console") as refused:
        gateway().check_escrow_step(EscrowStep("deny", {"dcnfName": "김직원"}))
    assert "가맹점 관리자" in refused.value.extra["message_ko"]
    assert "denyconfirm" not in PATHS.values()


def test_a_delivery_names_its_courier_in_words():
    code, name = next(iter(codes.COURIERS.items()))
    assert next(asked("delivery", exCode=code)).form["exName"] == name
    assert "exName" not in next(asked("delivery", exCode="nobody")).form


def test_a_postal_code_is_written_without_separators():
    told = next(asked("delivery", sendPost="135-080", recvPost="0 6236")).form
    assert (told["sendPost"], told["recvPost"]) == ("135080", "06236")


def test_a_delivery_is_asked_for_all_that_the_manual_requires():
    required = ["report", "exCode", "invoice", "invoiceDay", "charge", "registName", "sendName", "sendTel", "sendPost"]
    required += ["sendAddr1", "sendAddr2", "recvName", "recvTel", "recvPost", "recvAddr"]
    assert [field.name for field in DELIVERY] == required
    choices = {field.name: set(field.choices) for field in DELIVERY if field.choices}
    assert choices == {"report": {"I", "U"}, "charge": {"S", "B"}, "exCode": set(codes.COURIERS)}


@pytest.mark.parametrize("code", [codes.SUCCESS, codes.ESCROW_SUCCESS])
def test_a_step_that_was_taken_shows_the_state_or_else_itself(code):
    (state, words), *_ = codes.ESCROW_STATES.items()
    assert answered("status", ResultCode=code, clStatus=state) == EscrowShown(words, code, "", "kept")
    assert answered("status", ResultCode=code, clStatus="zz") == EscrowShown("zz", code, "")
    assert answered("status", ResultCode=code, ResultMsg="ok") == EscrowShown("status", code, "ok")


@pytest.mark.parametrize(
    ("step", "state", "escrow"),
    [
        *(("status", "0", "kept"), ("status", "3", "confirmed"), ("status", "10", "denied"), ("status", "1", "")),
        *(("confirm", "", "confirmed"), ("deny", "", "denied"), ("delivery", "", ""), ("delivery", "3", "")),
    ],
)
def test_a_step_tells_what_the_buyer_has_decided(step, state, escrow):
    exchange = asked(step)
    next(exchange)
    with pytest.raises(StopIteration) as ended:
        exchange.send(Reply(200, json.dumps({"ResultCode": "00", "clStatus": state}).encode()))
    assert ended.value.value.escrow == escrow


@pytest.mark.parametrize(("step", "state"), [("status", "1"), ("status", "2"), ("status", "3"), ("delivery", "1")])
def test_only_the_state_of_a_cancel_says_that_the_money_went_back(step, state):
    assert answered(step, ResultCode="00", clStatus=state).given_back is (step == "status" and state in "12")


def test_a_step_that_was_not_taken_is_refused_in_the_gateways_words():
    refused = answered("status", ResultCode="zz99", ResultMsg="no")
    assert (type(refused), refused.code, refused.message) == (Refused, "zz99", "no")


def test_only_the_configured_addresses_are_called():
    made = build(FOUND["settings"] | {"approval_urls": "https://a.test,https://b.test"}, Mode.TEST)
    assert made.hosts == {"https://tpayapi.paywelcome.co.kr", "https://a.test", "https://b.test"}


@pytest.mark.parametrize("step", ["confirm", "deny"])
def test_a_code_that_proves_no_refusal_leaves_open_what_became_of_the_buyers_word(step):
    assert isinstance(answered(step, ResultCode="R301", ResultMsg="내부 오류"), Unknown)
    for code in ("R201", "310015", "310017", "310020"):
        assert isinstance(refused_while(step, {"ResultCode": "00", "clStatus": "0"}, code), Refused)


@pytest.mark.parametrize(("step", "state", "escrow"), [("confirm", "3", "confirmed"), ("deny", "10", "denied")])
def test_a_word_that_is_refused_because_it_was_taken_already_was_taken(step, state, escrow):
    told = refused_while(step, {"ResultCode": "00", "clStatus": state})
    assert (type(told), told.escrow, told.code) == (EscrowShown, escrow, "310020")


@pytest.mark.parametrize(("step", "state", "escrow"), [("confirm", "10", "denied"), ("deny", "3", "confirmed")])
def test_where_another_word_was_taken_that_is_how_it_stands_and_not_undecided(step, state, escrow):
    """Spoken on Welcome's own page: called undecided, its money would go back by a cancel."""
    told = refused_while(step, {"ResultCode": "00", "clStatus": state})
    assert told == EscrowShown(codes.ESCROW_STATES[state], "310020", "불가", escrow)


@pytest.mark.parametrize("state", ["1", "2"])
def test_a_word_on_what_was_cancelled_before_is_refused(state):
    for code in (codes.SUCCESS, codes.ESCROW_SUCCESS):
        assert isinstance(refused_while("confirm", {"ResultCode": code, "clStatus": state}), Refused)


@pytest.mark.parametrize("body", [{"ResultCode": "R901"}, {"ResultCode": "00"}, {"ResultCode": "00", "clStatus": "77"}])
def test_a_refusal_proves_nothing_while_the_state_does_not_say_that_it_was_not_taken_before(body):
    assert isinstance(refused_while("deny", body), Unknown)


@pytest.mark.parametrize("step", STEPS)
def test_only_the_state_may_be_asked_for_again_over_another_connection(step):
    assert next(asked(step)).once is (step != "status")


def test_of_a_payment_whose_number_welcome_never_told_no_step_can_be_taken():
    """Two people said that it was paid: a word about no transaction would be without an answer, and bar refunds."""
    paid = play.payment("welcome", FOUND["payment"], play.stamp(FOUND["stamp"]).at)
    in_escrow = replace(paid, refs={**paid.refs, ESCROW: "kept"})
    assert gateway().escrow_steps(in_escrow) == STEPS
    assert gateway().escrow_steps(replace(paid, refs={ESCROW: "kept"})) == {}


@pytest.mark.parametrize("step", ["confirm", "deny"])
def test_that_the_purchase_was_confirmed_before_is_how_it_stands_whatever_word_is_passed_on(step):
    said = answered(step, ResultCode="310014", ResultMsg="기 구매확인 거래")
    assert said == EscrowShown("구매확정", "310014", "기 구매확인 거래", "confirmed")


@pytest.mark.parametrize("escrow", ["confirming", "denying", "confirmed", "denied"])
def test_no_money_goes_back_by_a_cancel_once_the_buyers_word_was_passed_on(escrow):
    now = play.stamp(FOUND["stamp"])
    paid = play.payment("welcome", FOUND["payment"], now.at)
    paid = replace(paid, refs={**paid.refs, ESCROW: escrow})
    rule = gateway().refund_rule(paid, now)
    assert isinstance(rule, ByHand)
    assert ("상태를 먼저" in rule.why) is escrow.endswith("ing")


def test_who_decides_is_the_one_field_that_a_page_of_the_buyers_own_knows():
    assert [(step, one.name) for step, fields in STEPS.items() for one in fields if one.is_buyer] == [
        ("confirm", "buyName"),
        ("deny", "buyName"),
    ]


@pytest.mark.parametrize("state", ["0", "3", "10", "1"])
def test_a_state_of_another_order_says_nothing_of_this_one(state):
    told = {"ResultCode": "310000", "clStatus": state, "noOid": "PAYREF0000000001"}
    assert isinstance(answered("status", **told), EscrowShown)
    assert isinstance(answered("status", **told | {"noOid": ""}), EscrowShown)
    for step in ("confirm", "deny"):
        assert isinstance(refused_while(step, told | {"noOid": "OTHER"}), Unknown)
    other = answered("status", **told | {"noOid": "OTHER"}, ResultMsg="정상")
    assert isinstance(other, Unknown)
    assert (other.code, other.message) == ("310000", "정상")
