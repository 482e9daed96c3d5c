"""A buyer who holds the hash of his own window makes notices with it: Pay-Story's own are hashed alike (4.1, 10.)."""

from urllib.parse import urlencode, urlsplit

import pytest

from tests.gateways.paired import paired
from tests.gateways.street import Street, _hidden

FORM = {"content-type": "application/x-www-form-urlencoded"}
ANYWHERE = "203.0.113.99"


@pytest.fixture
async def street(tmp_path):
    """A shop at Pay-Story."""
    async with paired(Street(tmp_path), "paystory") as made:
        yield made


async def fields_of_window(street, opened):
    """Read what the buyer's browser holds, as a notice of a card's payment would say it."""
    async with street.client() as client:
        window = _hidden((await client.get(opened.window_url)).text)
    same = {name: window[name] for name in ("mid", "ediDate", "goodsAmt", "ordNo")}
    forged = same | {"hashStr": window["encData"], "currencyType": "KRW", "appDtm": window["ediDate"], "cancelYN": "N"}
    return forged, urlsplit(window["notiUrl"]).path


async def post(street, path, forged):
    """Send it from anywhere: it is acknowledged, as a genuine one is that came early."""
    async with street.client(ANYWHERE) as client:
        answer = await client.post(path, content=urlencode(forged).encode(), headers=FORM)
    assert answer.status_code == 200
    await street.live(900.0, 10.0)


@pytest.mark.parametrize(("method", "code"), [("CARD", "3001"), ("BANK", "4000"), ("CELLPHONE", "A000")])
async def test_a_notice_made_with_the_hash_of_ones_own_window_pays_nothing(street, method, code):
    opened = await street.checkout()
    forged, path = await fields_of_window(street, opened)
    await post(street, path, forged | {"resultCd": code, "payMethod": method, "tid": "test00001m01012603301636041234"})

    payment = await street.payment(opened.payment)
    assert (payment.state, payment.captured, await street.cases(payment.id)) == ("open", 0, [])
    assert await street.told(payment.id) == []


@pytest.mark.parametrize("digits", [4, 10, 12, 13, 15, 16])
async def test_no_digits_move_between_the_moment_and_the_amount_that_a_hash_covers(street, digits):
    """The hash stands over both without a separator: of a payment that is known, other sums are a person's."""
    opened = await street.checkout()
    forged, path = await fields_of_window(street, opened)
    await street.come_back(opened)
    await street.quiet()
    covered = forged["ediDate"] + forged["goodsAmt"]
    moved = {"ediDate": covered[:digits], "goodsAmt": covered[digits:]}
    same = {"resultCd": "3001", "payMethod": "CARD", "tid": (await street.payment(opened.payment)).refs["tid"]}
    async with street.client(ANYWHERE) as client:
        answer = await client.post(path, content=urlencode(forged | same | moved).encode(), headers=FORM)
    await street.live(300.0, 30.0)

    assert (answer.status_code, answer.json()["code"]) == (400, "not_genuine")
    assert await street.cases(opened.payment) == []
    assert await street.told(opened.payment) == ["payment.paid"]


async def test_a_forged_deposit_into_an_account_nobody_paid_into_pays_nothing(street):
    opened = await street.checkout(method="virtual_account")
    forged, path = await fields_of_window(street, opened)
    await street.come_back(opened)
    await street.quiet()
    waiting = await street.payment(opened.payment)
    deposit = {"resultCd": "4110", "payMethod": "VACNT", "tid": waiting.refs["tid"]}
    await post(street, path, forged | deposit | {"vacntNo": waiting.account["number"]})

    payment = await street.payment(opened.payment)
    assert (payment.state, payment.captured, await street.cases(payment.id)) == ("awaiting_deposit", 0, [])


async def test_a_forged_account_is_shown_to_nobody_and_holds_no_order(street):
    opened = await street.checkout(method="virtual_account")
    forged, path = await fields_of_window(street, opened)
    account = {"vacntNo": "11012345678", "vacntBankNm": "국민은행", "lmtDay": "20991231", "tid": "x1"}
    await post(street, path, forged | {"resultCd": "4100", "payMethod": "VACNT"} | account)

    payment = await street.payment(opened.payment)
    assert (payment.state, dict(payment.account)) == ("open", {})


async def test_a_forged_cancel_ends_no_attempt_to_take_money_back(street):
    street.fault("approve", "drop_after")
    street.fault("query", "5xx_before", times=None)
    street.fault("cancel", "5xx_before", times=None)
    opened = await street.checkout()
    forged, path = await fields_of_window(street, opened)
    await street.come_back(opened)
    await street.live(200.0, 10.0)
    payment = await street.payment(opened.payment)
    cancel = {
        "resultCd": "2001",
        "payMethod": "CARD",
        "cancelYN": "Y",
        "ccDtm": forged["ediDate"],
        "tid": "t",
        "oTid": "t",
    }
    await post(street, path, forged | cancel)

    assert payment.state in ("unknown", "voiding", "needs_human")
    assert (await street.payment(payment.id)).state in ("unknown", "voiding", "needs_human")
    assert street.book(payment).captured - street.book(payment).refunded == 55_000
