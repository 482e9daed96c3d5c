"""A window's data: what an adapter may not put into a page of ours."""

import pytest

from bridge.domain.payment import RefundOrder
from bridge.domain.tax import Split
from bridge.domain.windows import Script

GOOD = {
    "scripts": ("https://pg.test/js/pay.js",),
    "function": "Pay.open",
    "fields": {"ordNo": "A1"},
    "origins": ("https://pg.test",),
}


def test_a_script_window_is_data():
    window = Script(**GOOD)

    assert (window.argument, window.form_name) == ("form", "pay_form")


@pytest.mark.parametrize(
    "wrong",
    [
        {"scripts": ()},
        {"scripts": ("https://elsewhere.test/pay.js",)},
        {"origins": ("https://pg.test", "https://pg.test/path")},
        {"function": "alert(1)//"},
        {"function": "a.b.c.d.e"},
        {"function": "Pay\n"},
        {"fields": {'x" onfocus="': "1"}},
        {"fields": {"x": "가" * 2_000}},
        {"fields": {f"f{number}": "" for number in range(100)}},
        {"form_name": "a b"},
        {"callback": "done"},
        {"functions": {"a=b c": "close"}},
    ],
)
def test_what_is_no_plain_data_is_refused(wrong):
    with pytest.raises(AssertionError):
        Script(**GOOD | wrong)


def test_a_callback_belongs_to_an_object():
    assert Script(**GOOD, argument="object", callback="callbackFunction").callback == "callbackFunction"


def test_a_refund_without_tax_free_parts_has_the_usual_vat():
    plain = RefundOrder("R", 11_000, "x", True, 0, 0)

    assert plain.parts == Split(10_000, 1_000, 0)
    assert RefundOrder("R", 11_000, "x", True, 0, 0, tax=Split(0, 0, 11_000)).parts == Split(0, 0, 11_000)
