"""What really moved: captures, refunds and reversals in both dialects, and orders that may not be paid again."""

import pytest

from tests.sandbox.test_refusals import guide_back, guide_cancel_form, guide_pay_form

REF = "ORDER00001"
PAY = "/mainpay/api/v1/payment/pay"


def codes(answers):
    return [answer["resultCode"] for answer in answers]


def test_a_second_pay_of_an_order_is_a_duplicate_and_moves_nothing(sandbox, shop):
    form = shop.pay_form(REF, 55_000, shop.returned(REF))
    assert codes(shop.post(PAY, form) for _ in range(3)) == ["200", "ma", "ma"]
    answer = shop.post(PAY, form)
    assert (answer["resultMessage"], answer["data"]) == ("가맹점 주문번호 중복", "")
    assert sandbox.book(REF)["captured"] == 55_000


def test_an_order_may_be_readied_again_and_paid_once(sandbox, shop):
    first = shop.returned(REF)
    second = shop.returned(REF)
    assert first["aid"] != second["aid"]
    assert shop.post(PAY, shop.pay_form(REF, 55_000, second))["resultCode"] == "200"
    assert shop.post(PAY, shop.pay_form(REF, 55_000, first))["resultCode"] == "ma"
    assert sandbox.book(REF)["net"] == 55_000


def test_a_net_cancel_takes_the_payment_back_and_says_so_again(sandbox, shop):
    form = shop.pay_form(REF, 55_000, shop.returned(REF))
    shop.post(PAY, form)
    assert codes(shop.net_cancel(form) for _ in range(2)) == ["200", "200"]
    book = sandbox.book(REF)
    assert (book["captured"], book["refunded"], book["net"], book["blocked"]) == (55_000, 55_000, 0, True)
    assert len(book["refunds"]) == 1
    assert shop.post(PAY, form)["resultCode"] == "ma"


def test_a_net_cancel_of_nothing_blocks_the_order_where_set(sandbox, shop):
    form = shop.pay_form(REF, 55_000, shop.returned(REF))
    assert shop.net_cancel(form)["resultCode"] == "404"
    assert sandbox.book(REF)["blocked"] is True
    assert shop.post(PAY, form)["resultCode"] == "ma"
    assert sandbox.book(REF)["captured"] == 0


def test_a_net_cancel_of_nothing_lets_a_late_pay_through_where_set(sandbox, shop):
    sandbox.control("settings", {"gateway": "mainpay", "net_cancel_blocks": False, "net_cancel_nothing_code": "3001"})
    form = shop.pay_form(REF, 55_000, shop.returned(REF))
    assert shop.net_cancel(form)["resultCode"] == "3001"
    assert shop.post(PAY, form)["resultCode"] == "200"
    assert sandbox.book(REF)["net"] == 55_000


def test_a_net_cancel_of_one_window_never_touches_another(sandbox, shop):
    paid, lost = shop.returned(REF), shop.returned(REF)
    shop.post(PAY, shop.pay_form(REF, 55_000, paid))
    assert shop.net_cancel(shop.pay_form(REF, 55_000, lost))["resultCode"] == "404"
    book = sandbox.book(REF)
    assert (book["net"], book["blocked"]) == (55_000, False)


@pytest.mark.parametrize("changed", [{"timestamp": "202601151230009999"}, {"customerTelNo": "01012345678"}])
def test_a_net_cancel_with_other_parameters_than_pay_is_refused(sandbox, shop, changed):
    form = shop.pay_form(REF, 55_000, shop.returned(REF))
    shop.post(PAY, form)
    assert shop.net_cancel(shop.signed({**form, **changed}))["resultCode"] == "400"
    sandbox.control("settings", {"gateway": "mainpay", "net_cancel_must_match": False})
    assert shop.net_cancel(shop.signed({**form, **changed}))["resultCode"] == "200"


def test_a_net_cancel_repeats_the_timestamp_of_a_pay_long_past(sandbox, shop):
    form = shop.pay_form(REF, 55_000, shop.returned(REF))
    shop.post(PAY, form)
    sandbox.control("settings", {"gateway": "mainpay", "clock_minutes": 5})
    assert shop.post(PAY, form)["resultCode"] == "1005"
    assert shop.net_cancel(form)["resultCode"] == "200"
    assert sandbox.book(REF)["net"] == 0


def test_a_cancel_by_order_number_takes_a_lost_payment_back(sandbox, shop):
    paid = shop.pay(REF)["data"]
    form = shop.cancel_form(paid, 55_000, ref=REF, isNetCancel="Y")
    del form["orgRefNo"]
    cancel = "/mainpay/relay/v1/api/payments/payment/cancel"
    assert codes(shop.post(cancel, form) for _ in range(2)) == ["200", "200"]
    assert sandbox.book(REF)["net"] == 0
    nothing = shop.signed({**form, "mbrRefNo": "ORDER00009"})
    assert shop.post(cancel, nothing)["resultCode"] == "404"


def test_a_second_full_cancel_is_already_cancelled(sandbox, shop):
    paid = shop.pay(REF)["data"]
    assert codes(shop.cancel(paid, 55_000) for _ in range(2)) == ["200", "3002"]
    assert sandbox.book(REF)["refunded"] == 55_000


def test_the_original_number_may_name_a_cancel_but_not_another_orders(sandbox, shop):
    paid = shop.pay(REF)["data"]
    shop.pay("ORDER00002")
    assert shop.cancel(paid, 55_000, ref="ORDER00002")["resultCode"] == "ma"
    assert shop.cancel(paid, 55_000, ref=REF)["resultCode"] == "200"


def test_a_repeated_part_cancel_refunds_again_until_nothing_is_left(sandbox, shop):
    paid = shop.pay(REF)["data"]
    assert codes(shop.part_cancel(paid, 20_000) for _ in range(3)) == ["200", "200", "3001"]
    assert sandbox.book(REF)["refunded"] == 40_000
    assert shop.cancel(paid, 55_000)["resultCode"] == "3001", "no full cancel after a partial one"
    assert shop.part_cancel(paid, 15_000)["resultCode"] == "200"
    assert shop.part_cancel(paid, 1_000)["resultCode"] == "3002"
    assert [entry["amount"] for entry in sandbox.book(REF)["refunds"]] == [20_000, 20_000, 15_000]


def test_a_cancel_bears_a_new_number_of_the_gateways(shop):
    paid = shop.pay(REF)["data"]
    first, second = (shop.part_cancel(paid, 1_000)["data"] for _ in range(2))
    assert len({paid["refNo"], first["refNo"], second["refNo"]}) == 3
    assert len(first["refNo"]) == 12


def test_money_in_the_guides_dialect_moves_once_and_back_in_parts(sandbox, shop):
    back = guide_back(shop)
    assert back["resultCode"] == "200"
    pay = "/mainpay-guide/relay/v1/payment/pay"
    form = guide_pay_form(shop, back)
    assert codes(shop.post(pay, form) for _ in range(2)) == ["200", "1003"]
    cancel = "/mainpay-guide/api/v1/payment/cancel"
    assert shop.post(cancel, guide_cancel_form(shop, back, 5_000))["resultCode"] == "200"
    assert shop.post(cancel, guide_cancel_form(shop, back, 55_000))["resultCode"] == "3001"
    assert shop.post(cancel, guide_cancel_form(shop, back, 50_000))["resultCode"] == "200"
    assert shop.post(cancel, guide_cancel_form(shop, back, 50_000))["resultCode"] == "3002"
    book = sandbox.book(REF)
    assert (book["dialect"], book["captured"], book["net"]) == ("guide", 55_000, 0)
    assert book["calls"] == {"ready": 1, "pay": 2, "cancel": 4}


def test_the_guides_cancel_of_an_unpaid_window_is_refused_and_blocks_nothing(sandbox, shop):
    back = guide_back(shop)
    assert shop.post("/mainpay-guide/api/v1/payment/cancel", guide_cancel_form(shop, back))["resultCode"] == "3001"
    assert shop.post("/mainpay-guide/api/v1/payment/pay", guide_pay_form(shop, back))["resultCode"] == "200"
    assert sandbox.book(REF)["net"] == 55_000


def test_an_account_is_issued_paid_into_once_and_then_not_closed(sandbox, shop):
    issued = shop.pay(REF, paymethod="VACCT")["data"]
    assert issued["bankCode"] == "04"
    assert issued["accountNo"].isdigit()
    assert len(issued["accountCloseDate"]) == 6
    assert sandbox.book(REF)["captured"] == 0, "an account is not money"
    sandbox.control("deposit", {"merchant_ref": REF})
    assert sandbox.book(REF)["captured"] == 55_000
    again = shop.http.post(f"{sandbox.url}/control/deposit", json={"merchant_ref": REF})
    assert again.status_code == 400
    assert shop.cancel(issued, 55_000, paymethod="VACCT")["resultCode"] == "3001"
    assert sandbox.book(REF)["net"] == 55_000


def test_a_net_cancel_closes_an_account_and_the_bank_refuses_the_deposit(sandbox, shop):
    form = shop.pay_form(REF, 55_000, shop.returned(REF, paymethod="VACCT"), "VACCT")
    shop.post(PAY, form)
    assert shop.net_cancel(form)["resultCode"] == "200"
    assert shop.http.post(f"{sandbox.url}/control/deposit", json={"merchant_ref": REF}).status_code == 400
    assert sandbox.book(REF)["captured"] == 0


def test_the_totals_add_up_over_all_books(sandbox, shop):
    paid = shop.pay(REF)["data"]
    shop.pay("ORDER00002", 10_000)
    shop.part_cancel(paid, 5_000)
    totals = shop.http.get(f"{sandbox.url}/books").json()["totals"]
    assert totals == {"payments": 2, "captured": 65_000, "refunded": 5_000, "net": 60_000}


def test_a_reset_forgets_everything(sandbox, shop):
    shop.pay(REF)
    sandbox.control("settings", {"gateway": "mainpay", "window_minutes": 1})
    sandbox.control("reset", {})
    assert shop.http.get(f"{sandbox.url}/books").json()["payments"] == []
    settings = shop.http.get(f"{sandbox.url}/control/settings").json()["gateways"]["mainpay"]
    assert settings["window_minutes"] == 15
    assert settings["merchants"] == {"100011": 2}, "keys are counted, not shown"


@pytest.mark.parametrize(
    "values", [{"windows": 1}, {"window_minutes": "15"}, {"card_notices": 1}, {"merchants": {"1": "key"}}]
)
def test_a_setting_that_makes_no_sense_is_refused(sandbox, shop, values):
    answer = shop.http.post(f"{sandbox.url}/control/settings", json={"gateway": "mainpay", **values})
    assert answer.status_code == 400
