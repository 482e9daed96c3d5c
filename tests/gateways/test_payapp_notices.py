"""PayApp's notices: whose they are, what they say, what names them, and what is none."""

from urllib.parse import urlencode

import pytest

from bridge.domain.failures import NotGenuine, Unreadable
from bridge.domain.notices import Circumstantial, Event
from bridge.domain.payment import AMOUNT_MAX
from bridge.gateways.payapp.notices import ACK, DETAILS, KEPT, read
from tests.gateways.test_payapp_fields import MARKS, SETTINGS, gateway

PAID = SETTINGS | {
    **{"pay_state": "4", "mul_no": "7", "price": "55000", "var1": "PAY1", "var2": MARKS["r"]},
    **{"pay_type": "1", "currency": "krw"},
}
PART = PAID | {"pay_state": "70", "orig_mul_no": "6", "price": "11000", "orig_price": "55000"}
PLANNED = PAID | {"var1": "PLAN1", "var2": MARKS["p"], "rebill_no": "9"}


def noticed(form, partial_price="hold", **changes):
    told = {name: value for name, value in (form | changes).items() if value is not None}
    return read(urlencode(told).encode(), gateway(partial_price=partial_price))


@pytest.mark.parametrize("name", ["userid", "linkkey", "linkval"])
@pytest.mark.parametrize("value", [None, "", "x", "ｘ"])
def test_a_notice_without_all_three_shared_values_is_not_genuine(name, value):
    with pytest.raises(NotGenuine):
        noticed(PAID, **{name: value})


@pytest.mark.parametrize("name", ["pay_state", "mul_no"])
@pytest.mark.parametrize("value", [None, ""])
def test_a_notice_of_nothing_is_unreadable(name, value):
    with pytest.raises(Unreadable):
        noticed(PAID, **{name: value})


@pytest.mark.parametrize(
    ("state", "event"),
    [
        *(
            ("1", Event.REQUESTED),
            ("4", Event.APPROVED),
            ("10", Event.ISSUED),
            ("99", Event.ROUND_FAILED),
            ("5", Event.OTHER),
        ),
        *((state, Event.REQUEST_CANCELLED) for state in ("8", "16", "32")),
        *((state, Event.CANCELLED) for state in ("9", "64")),
        *((state, Event.PART_CANCELLED) for state in ("70", "71")),
    ],
)
def test_a_notice_tells_what_happened_by_its_state(state, event):
    notice = noticed(PAID, pay_state=state, vbankno="0012")

    assert notice.event == event
    assert (notice.merchant_ref, notice.currency, notice.plan, notice.round) == ("PAY1", "KRW", "", "")
    assert notice.request == "", "its window was opened with the number"
    assert notice.amount == (0 if event in (Event.OTHER, Event.ROUND_FAILED) else 55_000)
    assert not notice.foreign
    assert notice.left is None
    assert bool(notice.account) == (event is Event.ISSUED)
    assert bool(notice.readings) == (event is Event.PART_CANCELLED)
    assert type(notice.proof).__name__ == "SharedValue"


@pytest.mark.parametrize("told", [{}, {"pay_type": "7"}, {"pay_state": "9"}, {"pay_state": "70"}])
def test_no_money_is_believed_at_the_address_that_browsers_see(told):
    notice = read(urlencode(PAID | told).encode(), gateway(), "script")
    assert (notice.event, type(notice.proof)) == (Event.UNBELIEVED, Circumstantial)
    assert noticed(PAID, **told).event != Event.UNBELIEVED


def test_money_paid_into_an_account_was_deposited():
    assert noticed(PAID, pay_type="7").event == Event.DEPOSITED
    assert noticed(PAID, pay_type="7", pay_state="9").event == Event.CANCELLED
    assert noticed(PAID, pay_type=None).event == Event.APPROVED


def test_an_account_is_told_by_its_bank_and_number():
    issued = noticed(PAID, pay_state="10", vbank="국민", vbankno="0012")
    assert issued.account == {"bank_code": "", "bank": "국민", "number": "0012", "holder": ""}
    assert noticed(PAID, pay_state="10", vbankno="0012").account["bank"] == ""
    for number in (None, ""):
        with pytest.raises(Unreadable):
            noticed(PAID, pay_state="10", vbankno=number)


def test_a_notice_keeps_what_a_cancel_and_a_receipt_need():
    kept = {
        **{"mul_no": "7", "orig_mul_no": "6", "csturl": "c", "pay_type": "1", "paymethod_group": "g", "rebill_no": "9"},
        **{"payauthcode": "300", "naverpoint": "1", "naverpay": "2", "smilepay_smilecash": "3"},
        **{"smilepay_discountamt": "4", "ResultMsg": "m"},
    }
    assert noticed(PAID, **kept, memo="x").refs == kept
    assert noticed(PAID).refs == {"mul_no": "7", "pay_type": "1"}


SHARED = ["naverpay", "naverpoint", "smilepay_smilecash", "smilepay_discountamt"]


@pytest.mark.parametrize("name", [*SHARED, "rebill_no", "qrurl", "paymethod_group"])
def test_people_are_shown_what_shared_the_amount_its_plan_and_its_window(name):
    assert name in DETAILS
    assert name in gateway().details


def test_people_are_shown_nothing_of_a_notice_that_is_not_kept_of_it_and_no_secret():
    assert set(DETAILS) - {"qrurl"} < set(KEPT), "the QR is in the answer that opens the window"
    assert not set(DETAILS) & {"userid", "linkkey", "linkval", "csturl", "mul_no"}


@pytest.mark.parametrize(
    ("pay_type", "group", "method"),
    [
        *(("1", None, "card"), ("2", None, "phone"), ("6", None, "account"), ("7", None, "virtual_account")),
        *(("15", None, "kakaopay"), ("16", None, "naverpay"), ("17", None, "card"), ("21", None, "smilepay")),
        *(("22", None, "wechat"), ("23", None, "applepay"), ("1", "35", "payco"), ("1", "1", "card")),
        *(("24", None, None), (None, None, None), ("", "", None)),
    ],
)
def test_a_notice_says_how_the_buyer_paid(pay_type, group, method):
    assert noticed(PAID, pay_type=pay_type, paymethod_group=group).method == method


def test_what_the_buyer_typed_is_told_apart_and_shown_in_no_trace():
    typed = noticed(PAID, pay_addr="서울시 중구 1", pay_memo="문 앞에")

    assert typed.typed == {"address": "서울시 중구 1", "memo": "문 앞에"}
    assert "서울시" not in repr(typed)
    assert noticed(PAID, pay_addr="", pay_memo="").typed == noticed(PAID).typed == {}


def test_a_notice_shows_the_card():
    told = {"card_num": "4111****1234", "card_name": "현대", "card_quota": "03", "payauthcode": "300"}
    shown = {"number": "4111****1234", "name": "현대", "installment": "03", "approval_no": "300"}
    assert noticed(PAID, **told).card == shown
    assert noticed(PAID).card == {}


def test_a_currency_is_told_and_is_krw_where_none_is():
    assert noticed(PAID, currency="usd").currency == "USD"
    assert noticed(PAID, currency="").currency == noticed(PAID, currency=None).currency == "KRW"


@pytest.mark.parametrize(
    ("mark", "ref", "binding", "foreign"),
    [
        (MARKS["r"], "PAY1", {"mul_no": "7"}, False),
        (MARKS["j"], "PAY1", {}, False),
        (MARKS["b"], "PAY1", {}, False),
        (MARKS["p"], "PLAN1", {}, False),
        (MARKS["r"], "PAY2", {"mul_no": "7"}, True),
        ("", "PAY1", {"mul_no": "7"}, True),
        (None, "PAY1", {"mul_no": "7"}, True),
    ],
)
def test_a_payment_that_somebody_else_asked_for_is_foreign_or_bound_to_the_number_that_we_were_given(
    mark, ref, binding, foreign
):
    notice = noticed(PAID, var1=ref, var2=mark)

    assert (notice.binding, notice.foreign, notice.merchant_ref) == (binding, foreign, ref)


def test_a_cancel_is_bound_to_the_number_of_what_it_cancels():
    assert noticed(PART).binding == {"mul_no": "6"}
    assert noticed(PART, orig_mul_no="").binding == {}, "its own number is another, and our mark says whose it is"
    assert noticed(PART, orig_mul_no="", var2="r" + "0" * 32).binding == {"mul_no": "7"}
    assert noticed(PAID, var1=None).merchant_ref == ""


@pytest.mark.parametrize(
    ("form", "changes", "number"),
    [
        (PAID, {}, "7"),
        (PAID, {"var2": MARKS["j"]}, "7"),
        (PAID, {"pay_state": "9"}, "7"),
        (PAID, {"pay_state": "9", "mul_no": "8", "orig_mul_no": "7"}, "7"),
        (PART, {}, "6"),
        (PART, {"orig_mul_no": None}, None),
        (PART, {"orig_mul_no": "7"}, None),
        (PAID, {"var2": None}, None),
    ],
)
def test_money_is_told_under_its_own_number_unless_a_part_names_only_itself_or_somebody_else_asked_for_it(
    form, changes, number
):
    assert noticed(form, **changes).paid_binding == ({"mul_no": number} if number else {})


@pytest.mark.parametrize(
    ("state", "foreign"), [("4", False), ("9", False), ("70", False), ("1", True), ("8", True), ("99", True)]
)
def test_of_a_plan_only_what_moves_money_is_ours_and_each_round_has_a_name(state, foreign):
    notice = noticed(PLANNED, pay_state=state)

    assert (notice.foreign, notice.round, notice.plan) == (foreign, "" if state == "99" else "7", "9")
    assert noticed(PLANNED, pay_state=state, orig_mul_no="6").round == ("" if state == "99" else "6")


@pytest.mark.parametrize(
    ("partial_price", "price", "original", "readings", "amount", "left"),
    [
        ("hold", "11000", "55000", (11_000, 44_000), 11_000, None),
        ("hold", "55000", "55000", (55_000, 0), 55_000, None),
        ("hold", "56000", "55000", (56_000, 0), 56_000, None),
        ("hold", "11000", None, (11_000, 0), 11_000, None),
        ("hold", "0", "55000", (0, 55_000), 0, None),
        ("hold", "0", None, (0, 0), 0, None),
        ("cancelled", "11000", "55000", (11_000,), 11_000, None),
        ("cancelled", "11000", None, (11_000,), 11_000, None),
        ("remaining", "44000", "55000", (11_000,), 0, 44_000),
        ("remaining", "54999", "55000", (1,), 0, 54_999),
        ("remaining", "55000", "55000", (), 0, 55_000),
        ("remaining", "44000", None, (), 0, 44_000),
        ("remaining", "0", "55000", (55_000,), 0, 0),
        ("remaining", "0", None, (), 0, 0),
    ],
)
def test_a_parts_price_is_read_as_the_site_says(partial_price, price, original, readings, amount, left):
    notice = noticed(PART, partial_price, price=price, orig_price=original)

    assert (notice.readings, notice.amount, notice.left) == (readings, amount, left)


@pytest.mark.parametrize("settled", ["4", "9", "64"])
def test_what_is_left_and_what_it_may_mean_are_told_of_parts_alone(settled):
    notice = noticed(PART, "remaining", pay_state=settled)

    assert (notice.amount, notice.left, notice.readings) == (11_000, None, ())


@pytest.mark.parametrize("won", ["1", "000000000001", str(AMOUNT_MAX), f"00{AMOUNT_MAX}"])
def test_an_amount_is_up_to_twelve_digits_of_krw(won):
    assert noticed(PAID, price=won).amount == int(won)
    assert noticed(PART, orig_price=won).readings[0] == 11_000


@pytest.mark.parametrize("won", [None, "", "0", "-1", "1e3", "１０", "1.0", "0000000000001", str(AMOUNT_MAX + 1)])
def test_anything_else_is_no_amount_and_loses_no_cancel(won):
    with pytest.raises(Unreadable):
        noticed(PAID, price=won)
    whole = noticed(PAID, pay_state="9", price=won)
    assert (whole.event, whole.amount, whole.left) == (Event.CANCELLED, 0, 0)
    if won != "0":
        for meaning in ("hold", "cancelled", "remaining"):
            part = noticed(PART, meaning, price=won)
            assert (part.event, part.amount, part.left, part.readings) == (Event.PART_CANCELLED, 0, None, ())
    assert noticed(PART, "hold", orig_price=won).readings == (11_000, 0)


def test_a_round_that_failed_needs_no_amount():
    assert noticed(PAID, pay_state="99", price=None).amount == 0


def test_a_notice_is_another_where_anything_that_decides_its_effect_is_and_the_same_again_otherwise():
    told = PART | {"canceldate": "2026-11-20"}
    name = noticed(told).dedupe

    assert noticed(told).dedupe == noticed(told, memo="x", card_name="y").dedupe == name
    assert noticed(told, pay_state="71").dedupe == name, "the manual says the same of both"
    changed = {"pay_state": "9", "mul_no": "8", "orig_mul_no": "5", "price": "12000", "canceldate": "2026-11-21"}
    others = [noticed(told, **{field: value}).dedupe for field, value in changed.items()]
    assert len({name, *others}) == len(changed) + 1
    assert noticed(told, "remaining").dedupe == name, "whatever a site says that the price means"


@pytest.mark.parametrize(
    ("form", "name"),
    [
        (PAID, "payapp:33a23613eb239b7272f05caa86dd52e8"),
        (PART | {"canceldate": "2026-11-20"}, "payapp:97a6556baa540b76d57ad4409a8239b8"),
    ],
)
def test_a_notice_keeps_its_name_for_ever_or_a_repeat_after_an_update_would_be_news(form, name):
    assert noticed(form).dedupe == name


def test_a_notice_in_korean_of_old_is_read_and_every_one_is_answered_alike():
    raw = urlencode(PAID).encode() + b"&goodname=" + b"".join(b"%%%02X" % byte for byte in "공연".encode("cp949"))
    assert read(raw, gateway()).merchant_ref == "PAY1"
    assert (ACK.body, ACK.content_type, ACK.status) == ("SUCCESS", "text/plain", 200)
    assert gateway().acknowledge(b"", "feedback") is ACK


def test_a_round_that_failed_says_why_and_two_of_them_are_two_even_under_one_number():
    failed = noticed(PLANNED, pay_state="99", ResultMsg="한도초과", reqdate="2026-11-25 09:00:00")
    later = noticed(PLANNED, pay_state="99", ResultMsg="한도초과", reqdate="2026-12-25 09:00:00")

    assert (failed.event, failed.code, failed.message, failed.amount) == ("round_failed", "99", "한도초과", 0)
    assert failed.dedupe == noticed(PLANNED, pay_state="99", reqdate="2026-11-25 09:00:00").dedupe
    assert failed.dedupe != later.dedupe
    charged = noticed(PLANNED, ResultMsg="성공", reqdate="2026-11-25 09:00:00")
    assert (charged.code, charged.message) == ("", "")
    assert charged.dedupe == noticed(PLANNED, reqdate="2026-12-25 09:00:00").dedupe
