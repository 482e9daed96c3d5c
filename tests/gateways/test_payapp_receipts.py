"""Naver Pay through PayApp over the real flows: what shared the amount, and the cash receipt over what was cash."""

import pytest


async def bought(house, method="naverpay", **choice):
    """Buy by Naver Pay, by card or account, with points or without; gives the payment as the API shows it."""
    opened = await house.checkout(method=method)
    await house.go(await house.authenticate(opened, method=method, **choice))
    await house.quiet()
    return (await house.call("GET", f"/v1/payments/{opened.payment}")).json()


async def issue(house, payment):
    wish = {"payment": payment["id"], "purpose": "income", "identity": "01012345678", "actor": "wp:7"}
    answer = await house.call("POST", "/v1/cash-receipts", wish)
    await house.quiet()
    return answer.status_code, answer.json()


@pytest.mark.parametrize(("choice", "cash"), [({"naverpay": "bank"}, 55_000), ({"points": "20000"}, 20_000)])
async def test_a_naver_pay_payments_receipt_is_over_its_cash(house, choice, cash):
    payment = await bought(house, **choice)
    assert {name: payment["cash_receipts"][name] for name in ("may_issue", "amount", "at_most")} == {
        "may_issue": True,
        "amount": 55_000,
        "at_most": True,
    }
    status, receipt = await issue(house, payment)
    assert (status, receipt["state"], receipt["amount"]) == (201, "issued", cash)
    assert receipt["number"]
    (kept,) = house.sandbox.desks["payapp"]._till.receipts.values()
    assert kept["amount"] == str(cash)
    again = (await house.call("GET", f"/v1/payments/{payment['id']}")).json()["cash_receipts"]
    assert (again["may_issue"], again["items"][0]["amount"]) == (False, cash)
    gone = await house.call("DELETE", f"/v1/cash-receipts/{receipt['id']}")
    assert (gone.json()["state"], gone.json()["amount"]) == ("cancelled", cash)


async def test_a_naver_pay_payment_by_card_has_no_cash_and_one_without_an_answer_no_receipt(house):
    payment = await bought(house)
    status, receipt = await issue(house, payment)
    assert (status, receipt["state"], receipt["message"]) == (
        201,
        "refused",
        "이 네이버페이 결제에는 현금영수증을 발급할 금액이 없어요.",
    )
    house.fault("checkNpayCashReceiptReq", "drop_after")
    assert (await issue(house, payment))[1]["state"] == "refused", "nothing was issued, and that is known"
    assert await house.cases(payment["id"]) == []
    assert house.sandbox.desks["payapp"]._till.receipts == {}


async def test_its_number_and_the_points_in_its_amount_are_shown(house):
    payment = await bought(house, points="20000", naverpay="bank")
    (request,) = house.sandbox.desks["payapp"]._till.requests.values()
    assert payment["gateway_refs"] == {"mbrRefNo": payment["merchant_ref"], "mul_no": str(request.mul_no)}
    details = payment["gateway_details"]
    assert details.pop("qrurl").startswith("http")
    assert details == {"naverpay": "bank", "naverpoint": "20000"}
    by_card = await bought(house, method="card")
    assert set(by_card["gateway_details"]) == {"qrurl"}


async def test_other_wallets_and_cards_have_no_receipt(house):
    payment = await bought(house, method="kakaopay")
    assert "cash_receipts" not in payment
    status, said = await issue(house, payment)
    assert (status, said["code"]) == (409, "not_now")


@pytest.mark.parametrize("fault", ["duplicate", "half_after"])
async def test_a_receipts_cancel_is_sent_once_and_what_then_cannot_be_cancelled_may_be_gone(house, fault):
    payment = await bought(house, naverpay="bank")
    _, receipt = await issue(house, payment)
    path = f"/v1/cash-receipts/{receipt['id']}"
    house.fault("cashStCancel", fault)
    lost = await house.call("DELETE", path)
    assert (lost.status_code, lost.json()["state"]) == (202, "cancelling"), "nobody says that it is still issued"
    again = await house.call("DELETE", path)
    assert (again.status_code, again.json()["state"]) == (202, "unknown")
    assert await house.cases(payment["id"]) == ["receipt_unknown"]
    (kept,) = house.sandbox.desks["payapp"]._till.receipts.values()
    assert kept["state"] == "cancelled"
