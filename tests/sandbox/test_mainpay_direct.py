"""Mainpay's direct API in the sandbox: what moves in the books, what is refused with which code, what goes wrong."""

import hashlib
import json

import pytest

from bridge.sandbox.local import ask
from tests.sandbox.conftest import KEY, SHOP
from tests.sandbox.inside import JSON, Inside

BASE = "/mainpay/relay/v1/api/payments/payment"
PATHS = {
    "keyin": f"{BASE}/card-keyin/trans",
    "key_issue": f"{BASE}/card-auto/auth",
    "key_charge": f"{BASE}/card-auto/trans",
    "key_cancel": f"{BASE}/card-auto/cancel",
    "key_delete": f"{BASE}/card-auto/auth-cancel",
    "cancel": f"{BASE}/cancel",
    "part_cancel": f"{BASE}/part-cancel",
    "publish": "/mainpay/relay/v2/api/payments/payment/vacct/publish",
    "transfer": f"{BASE}/cms/front/register",
    "transfer_status": f"{BASE}/cms/front/status",
    "transfer_cancel": f"{BASE}/cms/front/cancel",
    "receipt": f"{BASE}/cash-receipt/trans",
    "receipt_cancel": f"{BASE}/cash-receipt/cancel",
}
CARD = {
    "cardNo": "4111111111111111",
    "expd": "3012",
    "keyinAuthType": "O",
    "authType": "0",
    "regNo": "900101",
    "passwd": "12",
}
GOODS = {"goodsName": "늦가을 음악회", "customerName": "홍길동", "installment": "00"}
TODAY = "261120"


class Counter(Inside):
    """A merchant that speaks the direct API. `say` signs and posts one call."""

    def __init__(self):
        super().__init__("mainpay")
        self._numbers = 0

    def signed(self, op, **changes):
        self._numbers += 1
        amount = "0" if op in ("key_issue", "key_delete", "transfer_status", "transfer_cancel") else "55000"
        usual = {
            "version": "V001",
            "mbrNo": SHOP,
            "mbrRefNo": f"DIRECT{self._numbers:08d}",
            "amount": amount,
            "timestamp": "202611201200001234",
        }
        form = usual | _more(op) | changes
        text = "|".join((form["mbrNo"], form["mbrRefNo"], form["amount"], KEY, form["timestamp"]))
        return {name: value for name, value in form.items() if value is not None} | {
            "signature": hashlib.sha256(text.encode()).hexdigest()
        }

    async def say(self, op, **changes):
        """Post a call; gives its code and its data."""
        answer = await self.said(PATHS[op], self.signed(op, **changes))
        return answer["resultCode"], answer["data"]

    async def done(self, op, **changes):
        """Post a call that must succeed; gives its data."""
        code, data = await self.say(op, **changes)
        assert code == "200", (code, data)
        return data

    def set(self, **values):
        """Change the sandbox's settings."""
        self.world.desks["mainpay"].set(values)

    async def deposited(self):
        """Issue an account and pay into it; gives what its issuing answered."""
        issued = await self.done("publish")
        await self.control("deposit", merchant_ref=issued["mbrRefNo"])
        return issued

    async def refused_control(self, **values):
        heard = await self.raw("/control/transfer", json.dumps({"gateway": "mainpay"} | values).encode(), JSON)
        assert heard.status == 400
        return heard.body.decode()


def _more(op):
    original = {"orgRefNo": "1120SA000001", "orgTranDate": TODAY}
    return {
        "keyin": CARD | GOODS,
        "key_issue": CARD | {"clientType": "MERCHANT"},
        "key_charge": GOODS | {"billkey": "BILL", "clientType": "MERCHANT"},
        "key_cancel": original | {"paymethod": "CARD", "payType": "B", "isNetCancel": "N"},
        "key_delete": {"billkey": "BILL", "clientType": "MERCHANT"},
        "cancel": original | {"paymethod": "CARD", "payType": "K", "isNetCancel": "N"},
        "part_cancel": original | {"paymethod": "CARD", "payType": "K", "isNetCancel": "N"},
        "publish": {"bankCode": "04", "accountCloseDate": "261125", "goodsName": "표", "customerName": "홍길동"},
        "transfer": {
            "objectPaymethod": "VACCT",
            "objectRefNo": "1120SA000001",
            "objectTranDate": TODAY,
            "bankCode": "088",
            "accountNo": "110123456789",
            "accountOwner": "김예매",
            "birthDay": "",
            "requestUser": "pay-bridge",
            "requestSystem": "Merchant",
        },
        "transfer_status": {"orgRefNo": "1120SA000001"},
        "transfer_cancel": original,
        "receipt": {"personType": "0", "customerPk": "01012345678", "taxAmt": "5000", "clientType": "MERCHANT"},
        "receipt_cancel": original | {"clientType": "MERCHANT"},
    }[op]


@pytest.fixture
async def till():
    made = Counter()
    made.set(transfer_seconds=0)
    yield made
    await made.world.close()


# ---- typed cards


async def test_a_typed_card_is_charged_and_cancelled(till):
    paid = await till.done("keyin")
    assert (paid["amount"], paid["cardNo"], paid["payType"]) == (55_000, "41111111****1111", "K")
    assert till.book(paid["mbrRefNo"])["captures"][0]["by"] == "keyin"
    await till.done("cancel", orgRefNo=paid["refNo"])
    assert till.book(paid["mbrRefNo"])["net"] == 0
    assert (await till.say("cancel", orgRefNo=paid["refNo"]))[0] == "3002"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"cardNo": "4111111111111112"}, "2001"),
        ({"expd": "2610"}, "2001"),
        ({"cardNo": "41111111111111110"}, "400"),
        ({"cardNo": "4111-1111-1111-1"}, "400"),
        ({"cardNo": None}, "400"),
        ({"expd": "3013"}, "400"),
        ({"keyinAuthType": "X"}, "400"),
        ({"authType": None}, "400"),
        ({"authType": "2"}, "400"),
        ({"regNo": "1234567890"}, "400"),
        ({"authType": "1"}, "400"),
        ({"passwd": "1"}, "400"),
        ({"passwd": None}, "400"),
        ({"installment": "01"}, "400"),
        ({"installment": "03", "amount": "49999"}, "400"),
        ({"installment": None}, "400"),
        ({"goodsName": "표" * 11}, "400"),
        ({"customerName": None}, "400"),
        ({"version": "V002"}, "400"),
        ({"amount": "0"}, "1001"),
        ({"mbrNo": "999999"}, "1002"),
    ],
)
async def test_a_bent_call_of_a_typed_card_is_refused_and_nothing_moves(till, changes, code):
    assert (await till.say("keyin", **changes))[0] == code
    assert till.world.bank.as_json()["totals"] == {"payments": 0, "captured": 0, "refunded": 0, "net": 0}


@pytest.mark.parametrize(
    "changes",
    [
        {"keyinAuthType": "K", "authType": None, "regNo": None, "passwd": None},
        {"authType": "1", "regNo": "1234567890"},
        {"expd": "2611"},
        {"installment": "03", "amount": "50000"},
    ],
)
async def test_these_typed_cards_are_taken(till, changes):
    assert (await till.say("keyin", **changes))[0] == "200"


@pytest.mark.parametrize("op", sorted(PATHS))
async def test_a_signature_over_other_strings_is_refused(till, op):
    form = till.signed(op)
    assert (await till.said(PATHS[op], form | {"amount": "55001"}))["resultCode"] in ("1004", "1001")
    assert (await till.said(PATHS[op], form | {"mbrRefNo": "ANOTHER000001"}))["resultCode"] == "1004"
    assert (await till.said(PATHS[op], form | {"timestamp": "202611201200001235"}))["resultCode"] == "1004"


@pytest.mark.parametrize(
    ("timestamp", "taken"),
    [
        ("202611201205001234", True),
        ("20261120115500", True),
        ("202611201205011234", False),
        ("202611201154591234", False),
        ("202611200300001234", False),
        ("261120120000000", True),
        ("261120030000000", False),
        ("202602311200001234", False),
    ],
)
async def test_a_timestamp_is_compared_with_the_clock_only_where_that_is_wanted(till, timestamp, taken):
    till.set(clock_minutes=5)
    wanted = ("200", "") if taken else ("1005", "timestamp")
    said = await till.said(PATHS["keyin"], till.signed("keyin", timestamp=timestamp))
    assert (said["resultCode"], "timestamp" if "timestamp" in said["resultMessage"] else "") == wanted
    till.set(clock_minutes=0)
    assert (await till.say("keyin", timestamp=timestamp))[0] == "200"


@pytest.mark.parametrize("op", sorted(PATHS))
async def test_every_field_is_needed_unless_it_may_be_left_out(till, op):
    may_be_left_out = {"payType", "birthDay"} | ({"orgRefNo"} if op == "transfer_status" else set())
    for name in till.signed(op).keys() - may_be_left_out - {"signature"}:
        form = till.signed(op)
        del form[name]
        code = {"amount": "1001", "mbrNo": "1002", "timestamp": "1005"}.get(name, "400")
        assert (await till.said(PATHS[op], form))["resultCode"] == code, name
        bent = till.signed(op) | {name: "가" * 200}
        assert (await till.said(PATHS[op], bent))["resultCode"] == code, name


async def test_a_number_that_was_used_is_refused_whatever_it_was_used_for(till):
    key = await till.done("key_issue", mbrRefNo="USED000001")
    await till.done("keyin", mbrRefNo="USED000002")
    await till.done("receipt", mbrRefNo="USED000003")
    issued = await till.deposited()
    await till.done("transfer", mbrRefNo="USED000004", objectRefNo=issued["refNo"])
    for used in range(1, 5):
        for op, more in (("keyin", {}), ("key_issue", {}), ("key_charge", {"billkey": key["billkey"]})):
            assert (await till.say(op, mbrRefNo=f"USED00000{used}", **more))[0] == "ma"
        assert (await till.say("receipt", mbrRefNo=f"USED00000{used}"))[0] == "ma"
        assert (await till.say("transfer", mbrRefNo=f"USED00000{used}", objectRefNo=issued["refNo"]))[0] == "ma"
    assert till.world.bank.as_json()["totals"]["captured"] == 110_000


async def test_a_lost_charge_is_taken_back_by_its_order_number_once(till):
    till.fault("keyin", "5xx_after")
    assert (await till.form(PATHS["keyin"], till.signed("keyin", mbrRefNo="LOST000002"))).status == 502
    by_order = {"isNetCancel": "Y", "payType": "", "orgRefNo": None}
    await till.done("cancel", mbrRefNo="LOST000002", **by_order)
    await till.done("cancel", mbrRefNo="LOST000002", **by_order)
    book = till.book("LOST000002")
    assert (book["captured"], book["refunded"], book["refunds"][0]["by"]) == (55_000, 55_000, "cancel_by_order")


@pytest.mark.parametrize(("blocks", "later", "captured"), [(True, "ma", 0), (False, "200", 55_000)])
async def test_a_charge_that_comes_after_it_was_taken_back(till, blocks, later, captured):
    till.set(net_cancel_blocks=blocks)
    by_order = {"isNetCancel": "Y", "payType": "", "orgRefNo": None}
    assert (await till.say("cancel", mbrRefNo="LATE000001", **by_order))[0] == "404"
    assert (await till.say("keyin", mbrRefNo="LATE000001"))[0] == later
    assert till.world.bank.as_json("LATE000001")["totals"]["captured"] == captured


async def test_the_faults_of_a_charge(till):
    till.fault("keyin", "wrong_amount")
    assert (await till.done("keyin"))["amount"] == 56_000
    till.fault("keyin", "cross_wired")
    assert (await till.done("keyin", mbrRefNo="CROSSED00001"))["mbrRefNo"] == "OTHERCROSSED00001"
    assert till.book("CROSSED00001")["net"] == 55_000
    till.fault("key_issue", "decline", code="2003")
    assert (await till.say("key_issue"))[0] == "2003"


async def test_an_amount_chooses_the_fault_of_a_charge_and_of_a_transfer(till):
    key = (await till.done("key_issue"))["billkey"]
    issued = await till.deposited()
    till.world.faults.amounts_choose = True
    assert (await till.say("keyin", amount="50002"))[0] == "2002"
    assert (await till.say("key_charge", billkey=key, amount="50003"))[0] == "2003"
    assert (await till.say("transfer", objectRefNo=issued["refNo"], amount="10024"))[0] == "3001"


async def test_a_registered_notice_address_is_told_of_a_typed_card(till):
    till.set(card_notice_url="http://shop.test/noti")
    await till.done("keyin")
    await till.settled()
    (body,) = till.receiver.bodies()
    assert b"cmd=0" in body
    assert b"requestFlag=K" in body
    assert b"cardNo=41111111%2A%2A%2A%2A1111" in body


# ---- billing keys


async def test_a_key_is_charged_cancelled_and_deleted(till):
    key = (await till.done("key_issue"))["billkey"]
    paid = await till.done("key_charge", billkey=key)
    assert (paid["payType"], till.book(paid["mbrRefNo"])["net"]) == ("B", 55_000)
    await till.done("key_cancel", orgRefNo=paid["refNo"])
    assert till.book(paid["mbrRefNo"])["net"] == 0
    await till.done("key_delete", billkey=key)
    assert (await till.say("key_delete", billkey=key))[0] == "404"
    assert (await till.say("key_charge", billkey=key))[0] == "404"


async def test_a_key_of_a_wrong_card_an_unknown_key_and_another_shops_are_refused(till):
    assert (await till.say("key_issue", cardNo="4111111111111112"))[0] == "2001"
    assert (await till.say("key_issue", amount="55000"))[0] == "1001"
    assert (await till.say("key_charge"))[0] == "404"
    till.set(merchants={SHOP: [KEY], "100012": [KEY]})
    key = (await till.done("key_issue", mbrNo="100012"))["billkey"]
    assert (await till.say("key_charge", billkey=key))[0] == "404"
    assert (await till.say("key_delete", billkey=key))[0] == "404"


async def test_the_billing_cancel_takes_back_charges_only_and_whole_ones(till):
    keyed = await till.done("keyin")
    key = (await till.done("key_issue"))["billkey"]
    paid = await till.done("key_charge", billkey=key)
    assert (await till.say("key_cancel", orgRefNo=keyed["refNo"], payType="K"))[0] == "3001"
    assert (await till.say("cancel", orgRefNo=paid["refNo"], payType="B"))[0] == "3001"
    assert (await till.say("key_cancel", orgRefNo=paid["refNo"], amount="5000"))[0] == "1001"
    assert (await till.say("key_cancel", orgRefNo=paid["refNo"], isNetCancel="Y"))[0] == "400"
    assert (await till.say("key_cancel", orgRefNo="0000XX000000"))[0] == "3001"
    await till.done("part_cancel", orgRefNo=paid["refNo"], payType="B", amount="5000")
    assert till.book(paid["mbrRefNo"])["net"] == 50_000


# ---- transfers


async def test_a_transfer_moves_money_when_it_is_made_and_not_before(till):
    issued = await till.deposited()
    made = await till.done("transfer", objectRefNo=issued["refNo"])
    assert (await till.done("transfer_status", orgRefNo=made["refNo"]))["status"] == "R"
    assert till.book(issued["mbrRefNo"])["net"] == 55_000
    said = await till.control("transfer", ref_no=made["refNo"], state="done")
    assert (said["state"], said["net"]) == ("S", 0)
    assert (await till.done("transfer_status", orgRefNo=made["refNo"]))["status"] == "S"
    assert till.book(issued["mbrRefNo"])["refunds"][0]["by"] == "transfer"
    assert (await till.say("transfer_cancel", orgRefNo=made["refNo"]))[0] == "3001"
    assert "0 registered transfers" in await till.refused_control(ref_no=made["refNo"])


async def test_a_transfer_is_taken_back_once_and_only_under_its_own_day(till):
    issued = await till.deposited()
    made = await till.done("transfer", objectRefNo=issued["refNo"])
    assert (await till.say("transfer_cancel", orgRefNo=made["refNo"], orgTranDate="261119"))[0] == "3001"
    await till.done("transfer_cancel", orgRefNo=made["refNo"])
    assert (await till.say("transfer_cancel", orgRefNo=made["refNo"]))[0] == "3002"
    assert (await till.done("transfer_status", orgRefNo=made["refNo"]))["status"] == "C"
    assert till.book(issued["mbrRefNo"])["net"] == 55_000


async def test_what_is_registered_cannot_be_registered_again_and_what_failed_can(till):
    issued = await till.deposited()
    await till.done("transfer", objectRefNo=issued["refNo"], amount="40000", mbrRefNo="TRANSFER0001")
    assert (await till.say("transfer", objectRefNo=issued["refNo"], amount="15001"))[0] == "1001"
    await till.control("transfer", merchant_ref="TRANSFER0001", state="failed")
    await till.done("transfer", objectRefNo=issued["refNo"])
    await till.control("transfer", merchant_ref=issued["mbrRefNo"])
    assert till.book(issued["mbrRefNo"])["net"] == 0


async def test_a_transfer_of_nothing_or_of_another_payment_is_refused(till):
    empty = await till.done("publish")
    assert (await till.say("transfer", objectRefNo=empty["refNo"]))[0] == "1001"
    assert (await till.say("transfer", objectRefNo="0000XX000000"))[0] == "3001"
    issued = await till.deposited()
    assert (await till.say("transfer", objectRefNo=issued["refNo"], objectTranDate="261119"))[0] == "3001"
    assert (await till.say("transfer", objectRefNo=issued["refNo"], objectPaymethod="CARD"))[0] == "3001"
    assert (await till.say("transfer", objectRefNo=issued["refNo"], requestSystem="merchant"))[0] == "400"
    assert (await till.say("transfer_status", orgRefNo="0000XX000000"))[0] == "404"
    assert till.book(issued["mbrRefNo"])["net"] == 55_000


async def test_by_itself_a_transfer_is_made_after_the_set_time(till):
    till.set(transfer_seconds=30, transfer_ok_code="0000")
    issued = await till.deposited()
    code, made = await till.say("transfer", objectRefNo=issued["refNo"])
    assert code == "0000"
    await till.clock.forward(29)
    assert (await till.say("transfer_status", orgRefNo=made["refNo"]))[1]["status"] == "R"
    await till.clock.forward(1)
    assert (await till.say("transfer_status", orgRefNo=made["refNo"]))[1]["status"] == "S"
    assert till.book(issued["mbrRefNo"])["net"] == 0


async def test_the_control_page_refuses_what_makes_no_sense(till):
    assert "done or failed" in await till.refused_control(ref_no="1120SA000001", state="perhaps")
    assert "0 registered transfers" in await till.refused_control()
    till.world.desks["nobody"] = object()
    assert "makes no transfers" in await till.refused_control(gateway="nobody")


async def test_a_fault_may_be_armed_for_the_payment_a_transfer_is_about(till):
    issued = await till.deposited()
    body = {"gateway": "mainpay", "op": "transfer", "kind": "decline", "merchant_ref": issued["mbrRefNo"]}
    await till.control("faults", **body)
    assert (await till.say("transfer", objectRefNo=issued["refNo"]))[0] == "3001"
    made = await till.done("transfer", objectRefNo=issued["refNo"])
    await till.control("faults", **body | {"op": "transfer_status"})
    assert (await till.say("transfer_status", orgRefNo=made["refNo"]))[0] == "404"


# ---- cash receipts


async def test_a_receipt_is_issued_and_cancelled_once_and_moves_no_money(till):
    made = await till.done("receipt")
    assert len(made["applNo"]) == 9
    assert (await till.say("receipt_cancel", orgRefNo=made["refNo"], amount="5000"))[0] == "1001"
    assert (await till.say("receipt_cancel", orgRefNo=made["refNo"], orgTranDate="261119"))[0] == "3001"
    await till.done("receipt_cancel", orgRefNo=made["refNo"])
    assert (await till.say("receipt_cancel", orgRefNo=made["refNo"]))[0] == "3002"
    assert (await till.say("receipt_cancel", orgRefNo="0000XX000000"))[0] == "3001"
    assert till.world.bank.as_json()["totals"]["payments"] == 0


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"personType": "1"}, "400"),
        ({"personType": "1", "customerPk": "1234567890"}, "200"),
        ({"customerPk": "010-1234-5678"}, "400"),
        ({"customerPk": "1234567890"}, "400"),
        ({"customerPk": "0100001234"}, "200"),
        ({"customerPk": "4111111111111111"}, "200"),
        ({"taxAmt": "5001"}, "1001"),
        ({"taxAmt": "4001", "taxFreeAmt": "11000"}, "1001"),
        ({"taxAmt": "0", "taxFreeAmt": "55001"}, "1001"),
        ({"taxAmt": "4000", "taxFreeAmt": "11000"}, "200"),
        ({"clientType": "BUYER"}, "400"),
    ],
)
async def test_a_receipt_is_for_a_person_or_a_company_and_its_parts_fit_the_whole(till, changes, code):
    assert (await till.say("receipt", **changes))[0] == code


# ---- all of them


async def test_reset_forgets_keys_transfers_receipts_and_used_numbers(till):
    key = (await till.done("key_issue", mbrRefNo="KEYREF0001"))["billkey"]
    receipt = await till.done("receipt")
    await till.control("reset")
    assert (await till.say("key_charge", billkey=key))[0] == "404"
    assert (await till.say("receipt_cancel", orgRefNo=receipt["refNo"]))[0] == "3001"
    assert (await till.say("key_issue", mbrRefNo="KEYREF0001"))[0] == "200"


async def test_the_guides_dialect_has_no_direct_api(till):
    for path in PATHS.values():
        heard = await ask(till.app, "POST", "http://sandbox" + path.replace("/mainpay/", "/mainpay-guide/"), b"")
        assert heard.status == 404
