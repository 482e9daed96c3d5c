"""Mainpay's sandbox believes no VAT that cannot be, and wants a mixed payment's back to the won."""

import pytest

REF = "ORDER00001"


def sold(shop, vat: str = "4000", said: str | None = None):
    """Go the whole way with an order of 55,000 KRW of which so much is VAT; `said` is what pay repeats."""
    back = shop.returned(REF, taxAmt=vat)
    form = shop.pay_form(REF, 55_000, back) | {"taxAmt": vat if said is None else said}
    return shop.post("/mainpay/api/v1/payment/pay", form)


@pytest.mark.parametrize(
    ("vat", "code"), [("0", "200"), ("5000", "200"), ("5001", "1001"), ("-1", "1001"), ("x", "1001")]
)
def test_a_vat_of_more_than_an_eleventh_is_refused_at_ready(shop, vat, code):
    assert shop.post("/mainpay/api/v1/payment/ready", shop.ready_form(REF, taxAmt=vat))["resultCode"] == code


@pytest.mark.parametrize("said", ["", "3999", "5000"])
def test_a_pay_that_states_another_vat_than_its_ready_moves_nothing(shop, said):
    assert sold(shop, said=said)["resultCode"] == "1001"


@pytest.mark.parametrize(("vat", "free"), [("4000", 11_000), ("0", 55_000), ("5000", 0)])
def test_an_approval_answers_with_both_parts(shop, vat, free):
    data = sold(shop, vat)["data"]
    assert (data["taxAmount"], data["taxFreeAmount"]) == (int(vat), free)


def test_without_a_word_an_eleventh_of_all_is_vat_and_its_parts_need_no_word(shop):
    paid = shop.pay(REF)["data"]
    assert (paid["taxAmount"], paid["taxFreeAmount"]) == (5_000, 0)
    assert shop.part_cancel(paid, 10_000)["resultCode"] == "200"
    assert shop.part_cancel(paid, 45_000, ref="REFUND00002")["resultCode"] == "200"


@pytest.mark.parametrize(
    ("amount", "vat", "code"),
    [
        (10_000, "909", "200"),
        (10_000, "910", "200"),
        (10_000, "911", "1001"),
        (10_000, "0", "200"),
        (10_000, None, "1001"),
        (50_000, "0", "1001"),
        (55_000, "3999", "1001"),
        (55_000, "4000", "200"),
        (55_001, "4000", "3001"),
    ],
)
def test_a_part_of_a_mixed_payment_says_what_of_it_is_vat(shop, amount, vat, code):
    more = {} if vat is None else {"taxAmt": vat}
    assert shop.part_cancel(sold(shop)["data"], amount, **more)["resultCode"] == code


def test_the_last_part_takes_the_remainder_and_no_won_more(shop):
    paid = sold(shop)["data"]
    assert shop.part_cancel(paid, 33_000, taxAmt="3000")["resultCode"] == "200"
    for wrong in ("999", "1001"):
        assert shop.part_cancel(paid, 22_000, ref="REFUND00002", taxAmt=wrong)["resultCode"] == "1001"
    assert shop.part_cancel(paid, 22_000, ref="REFUND00003", taxAmt="1000")["resultCode"] == "200"
    assert shop.part_cancel(paid, 22_000, ref="REFUND00004", taxAmt="1000")["resultCode"] == "3002"


@pytest.mark.parametrize(("vat", "code"), [({}, "200"), ({"taxAmt": "4000"}, "200"), ({"taxAmt": "3999"}, "1001")])
def test_a_whole_cancel_gives_back_all_of_it(shop, vat, code):
    paid = sold(shop)["data"]
    assert shop.cancel(paid, 55_000, **vat)["resultCode"] == code
    if code == "200":
        assert shop.cancel(paid, 55_000, ref="REFUND00002", **vat)["resultCode"] == "3002"
