"""No builder of any gateway says more in a field than the gateway's documents give room for, whatever people typed.

The widest texts that the API takes go through every example of a call. What a text is cut to stays whole at its end.
"""

from dataclasses import replace

import pytest

from bridge.domain.gateway import Script
from bridge.domain.payment import Account, Buyer
from tests.gateways import lane, play

TITLE, NAME, REASON = "가" * 200, "홍길동 나" * 20, "환불 사유" * 40
PHONE = "０" + "0101234567890123456"
EMAILS = ["a" * 242 + "@example.com", "아무개"]
BYTES_MAX = {
    "mainpay": {"goodsName": 30, "customerName": 30, "customerEmail": 50, "customerTelNo": 12, "buyerName": 30,
                "buyerEmail": 50, "buyerTel": 20, "merchantData": 500},
    "payapp": {"goodname": 200, "shopname": 100, "dpname": 50, "buyerName": 50, "buyr_name": 50, "good_name": 100,
               "recvemail": 100, "recvphone": 20, "buyerPhone": 20, "cancelmemo": 200},
    "paystory": {"goodsNm": 100, "ordNm": 30, "ordTel": 20, "ordEmail": 60, "ordNo": 40, "canMsg": 100, "canNm": 30,
                 "refundNm": 30, "refundAccnt": 20, "mbsReserved": 500},
    "payple": {"PCD_PAYER_NO": 10, "PCD_PAYER_NAME": 100, "PCD_PAYER_HP": 20, "PCD_PAYER_EMAIL": 100,
               "PCD_PAY_GOODS": 2048},
    "welcome": {"goodsName": 80, "buyerName": 30, "buyerTel": 40, "buyerEmail": 40, "oid": 40, "P_GOODS": 40,
                "P_OID": 30, "P_RESERVED": 300},
}  # fmt: skip
"""In bytes: Pay-Story's and Welcome's tables, Payple's maxlength; where no length is printed (PayApp, Mainpay, Payple's
texts), what our adapters keep to, and the sandboxes refuse more."""
SEEN = {
    "mainpay": {"goodsName", "customerName", "customerEmail", "customerTelNo", "buyerName", "buyerTel"},
    "payapp": {"goodname", "shopname", "dpname", "buyerName", "buyr_name", "recvphone", "cancelmemo"},
    "paystory": {"goodsNm", "ordNm", "ordTel", "canMsg", "refundNm"},
    "payple": {"PCD_PAYER_NO", "PCD_PAYER_NAME", "PCD_PAYER_HP", "PCD_PAY_GOODS"},
    "welcome": {"goodsName", "buyerName", "buyerTel", "P_GOODS"},
}
"""What must be among what was looked at, or nothing is proven."""
CARRYING_TEXTS = {
    *("open_window", "open_key_window", "issue_key_by_card", "charge", "key_in", "refund", "register_plan"),
    "issue_receipt",
}
WINDOW = {"operation": "open_window", "settings": {}, "payment": {"amount": 55_000, "merchant_ref": "REF1234567890123"}}


@pytest.fixture(params=EMAILS, ids=["long", "none"])
def widest(monkeypatch, request):
    """Orders, refunds, keys, plans and receipts with the widest texts."""
    buyer = Buyer(NAME, request.param, PHONE, "u" * 100)
    account = Account(bank="004", number="1" * 30, holder=NAME)

    def widen(make, **wide):
        return lambda *told: replace(make(*told), **wide)

    monkeypatch.setattr(play, "order", widen(play.order, title=TITLE, buyer=buyer))
    monkeypatch.setattr(play, "key_order", widen(play.key_order, title=TITLE, buyer=buyer, customer="c" * 64))
    monkeypatch.setattr(play, "plan", widen(play.plan, title=TITLE, buyer=buyer))
    monkeypatch.setattr(play, "receipt", widen(play.receipt, title=TITLE, buyer_name=NAME))
    refund = play.refund
    monkeypatch.setattr(
        play, "refund",
        lambda told: replace(refund(told), reason=REASON, account=account if refund(told).account else None),
    )  # fmt: skip


def examples(gateway):
    """The vectors that begin a conversation; of Mainpay, whose vectors are of another kind, a window."""
    settings = {"shop_name": TITLE} if gateway == "payapp" else {}
    found = [WINDOW] if gateway == "mainpay" else play.vectors(gateway)
    begun = [one for one in found if one["operation"] in CARRYING_TEXTS]
    made = [one | {"settings": lane.SETTINGS.get(gateway, {}) | one.get("settings", {}) | settings} for one in begun]
    windows = [one for one in made if gateway == "payapp" and one["operation"] == "open_window"]
    return made + [one | {"settings": one["settings"] | {"window": "js"}} for one in windows]


def said(gateway, vector):
    """Give the fields of every call that is made before the first answer, or of the window."""
    talk = play.begin(play.build(gateway, vector["settings"]), vector)
    try:
        call = next(talk)
    except StopIteration as end:
        return dict(end.value.fields) if isinstance(end.value, Script) else {}
    talk.close()
    return dict(call.form or call.body or {})


@pytest.mark.parametrize("gateway", BYTES_MAX)
def test_no_field_is_longer_than_the_gateway_has_room_for(gateway, widest):
    most, looked_at = BYTES_MAX[gateway], set()
    for vector in examples(gateway):
        for name, value in said(gateway, vector).items():
            if name in most:
                looked_at.add(name)
                assert len(value.encode()) <= most[name], (vector["operation"], name, len(value.encode()))
                assert "\ufffd" not in value

    assert looked_at >= SEEN[gateway]


@pytest.mark.parametrize("gateway", BYTES_MAX)
def test_an_address_that_is_none_is_never_told(gateway, widest):
    for vector in examples(gateway):
        for name, value in said(gateway, vector).items():
            if "mail" in name.lower():
                assert "아무개" not in value, (vector["operation"], name)
