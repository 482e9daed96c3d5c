"""Payple's other ways over the real flows: paid at once in its window, and results given to a script of the page."""

from datetime import timedelta
from html import unescape
from re import findall

import pytest

from tests.gateways.paired import paired
from tests.gateways.street import Street


@pytest.fixture
async def at_once(tmp_path):
    """A shop whose window takes the money by itself (PCD_PAY_WORK PAY)."""
    async with paired(Street(tmp_path), "payple", pay_work="PAY") as made:
        yield made


@pytest.fixture
async def told(tmp_path):
    """A shop whose webhooks are registered, at a Payple whose inquiry shows no refunds."""
    async with paired(Street(tmp_path), "payple") as made:
        made.register_notices()
        yield made


@pytest.fixture
async def on_trial(tmp_path):
    """A shop with the account that Payple publishes for trials."""
    async with paired(Street(tmp_path), "payple", cst_id="test") as made:
        yield made


def give_back_in_the_console(street, payment, amount):
    street.sandbox.desks["payple"].refund({"merchant_ref": payment.merchant_ref, "amount": amount})


async def test_what_the_window_took_is_believed_when_payple_says_it(at_once):
    street = at_once
    opened = await street.checkout()
    coming = await street.authenticate(opened)
    assert street.book(await street.payment(opened.payment)).captured == 55_000
    await street.go(coming)
    await street.live(120.0)
    payment = await street.payment(opened.payment)

    assert (payment.state, payment.captured) == ("paid", 55_000)
    assert not street.money_calls(), "we asked, and moved nothing"
    assert {entry[2] for entry in await street.entries(payment.id)} == {"E4"}
    assert (await street.told(payment.id))[-1] == "payment.paid"
    await street.check_books()


async def pass_of(street, opened):
    """Do what the gateway's script does when its window is to open: ask us for a pass."""
    async with street.client() as client:
        page = await client.get(opened.window_url)
        (address,) = findall(r'name="payple_auth_file"[^>]*value="([^"]*)"', page.text)
        return await client.post(unescape(address), data={"PCD_PAY_OID": "x"})


async def status_of(street, opened):
    async with street.client() as client:
        return (await client.get(opened.status_url)).json()


async def test_nobody_who_may_have_paid_in_an_earlier_window_is_told_that_nothing_was_paid(at_once):
    street = at_once
    opened, refused = await street.checkout(), await street.checkout()
    await street.authenticate(opened)
    assert street.book(await street.payment(opened.payment)).captured == 55_000, (
        "the buyer paid, and is on the way back"
    )
    street.set(referers=["elsewhere.test"])
    for asked in (opened, refused):
        assert (await pass_of(street, asked)).status_code == 503
    perhaps, nothing = await status_of(street, opened), await status_of(street, refused)
    street.set(referers=[])
    await street.live(3_600.0, 30.0)

    assert (perhaps["window"], nothing["window"]) == ("refused", "refused")
    assert "이미 결제했다면 결과를 확인하고 있으니 다시 결제하지 마세요" in perhaps["message_ko"]
    assert "아직 아무것도 결제하지 않았어요" not in perhaps["message_ko"]
    assert "아직 아무것도 결제하지 않았어요" in nothing["message_ko"], "no window was ever let open"
    assert [await street.state(one.payment) for one in (opened, refused)] == ["paid", "expired"]
    await street.check_books()


async def test_a_window_that_confirms_nothing_by_itself_took_nothing_when_it_is_refused_again(told):
    opened = await told.checkout()
    await told.authenticate(opened)
    told.set(referers=["elsewhere.test"])
    await pass_of(told, opened)

    assert "아직 아무것도 결제하지 않았어요" in (await status_of(told, opened))["message_ko"]
    assert told.book(await told.payment(opened.payment)).captured == 0


async def test_a_buyer_who_never_comes_back_has_paid_nevertheless(at_once):
    street = at_once
    street.register_notices()
    opened = await street.checkout()
    await street.authenticate(opened)
    await street.live(120.0)

    assert await street.state(opened.payment) == "paid"
    await street.check_books()


async def test_without_notice_and_return_the_windows_end_asks(at_once):
    street = at_once
    opened = await street.checkout()
    await street.authenticate(opened)
    await street.live(3_600.0, 30.0)

    assert await street.state(opened.payment) == "paid"
    await street.check_books()


async def test_a_return_that_claims_money_which_payple_does_not_know_pays_nothing(at_once):
    street = at_once
    opened = await street.checkout()
    payment = await street.payment(opened.payment)
    claim = {"PCD_PAY_RST": "success", "PCD_PAY_OID": payment.merchant_ref, "PCD_PAY_TOTAL": "55000"}
    token = street.context.tokens.make("return", street.site.id, opened.payment)
    async with street.client() as client:
        page = await client.post(f"/r/{token}", data=claim)
    await street.live(3_600.0, 30.0)
    payment = await street.payment(opened.payment)

    assert page.status_code < 500
    assert (payment.captured, street.sandbox.bank.of(payment.merchant_ref)) == (0, [])
    assert payment.state in ("expired", "declined")
    assert "payment.paid" not in await street.told(payment.id)


async def test_a_window_that_nobody_paid_expires(at_once):
    street = at_once
    opened = await street.checkout()
    await street.live(3_600.0, 30.0)

    assert await street.state(opened.payment) == "expired"
    await street.check_books()


async def test_at_once_a_part_and_the_rest_are_refunded(at_once):
    street = at_once
    opened = await street.checkout()
    await street.go(await street.authenticate(opened))
    await street.live(120.0)
    assert (await street.refund(opened.payment, 5_000)).status_code == 200
    assert (await street.refund(opened.payment)).status_code == 200

    assert street.book(await street.payment(opened.payment)).net == 0
    await street.check_books()


async def test_another_amount_of_a_mixed_order_is_given_back_with_the_vat_that_payple_was_told(at_once):
    street = at_once
    street.fault("window", "wrong_amount")
    opened = await street.checkout(street.order(tax_free=20_350))
    await street.go(await street.authenticate(opened))
    await street.live(120.0)

    payment = await street.payment(opened.payment)
    assert street.book(payment).captured != payment.amount == 55_000
    assert (payment.state, street.book(payment).net) == ("voided", 0)
    await street.check_books()


async def test_the_rest_of_a_mixed_order_is_taken_back_with_its_own_vat_after_a_part_went_back_in_the_console(at_once):
    street = at_once
    street.set(lookup_shows_refunds=True)
    street.shop.fence = lambda question: {"hold": False, "code": "gone", "reason": "sold"}
    opened = await street.checkout(street.order(tax_free=5_500, hold_expires_at=street.hold(600)))
    await street.authenticate(opened)
    give_back_in_the_console(street, await street.payment(opened.payment), 18_000)
    await street.live(3_600.0, 30.0)

    payment = await street.payment(opened.payment)
    entries = [(kind, amount) for kind, amount, _ in await street.entries(payment.id)]
    assert entries == [("capture", 55_000), ("external_refund", -18_000), ("undo", -37_000)]
    assert (payment.state, street.book(payment).net) == ("voided", 0)
    assert [one.step for one in await street.operations(payment.id) if one.kind == "undo"] == ["ok"]
    assert len(street.money_calls()) == 1, "Payple takes the VAT of the rest"
    await street.check_books()


async def test_a_webhook_of_money_given_back_that_no_inquiry_shows_is_a_persons(told):
    opened = await told.checkout()
    await told.go(await told.authenticate(opened))
    await told.quiet()
    give_back_in_the_console(told, await told.payment(opened.payment), 5_000)
    await told.live(60.0)

    assert await told.cases(opened.payment) == ["external_cancel"]
    assert await told.state(opened.payment) == "paid", "nobody signed it"


async def test_a_webhook_of_money_given_back_before_its_payment_was_known_is_a_persons_too(told):
    opened = await told.checkout()
    told.fault("approve", "drop_after")
    told.fault("inquire", "5xx_before", times=3)
    await told.go(await told.authenticate(opened))
    await told.sandbox.settle()
    give_back_in_the_console(told, await told.payment(opened.payment), 5_000)
    await told.live(900.0, 10.0)

    assert await told.state(opened.payment) == "paid"
    assert await told.cases(opened.payment) == ["external_cancel"]


async def test_our_own_refunds_webhook_is_nobodys_case(told):
    opened = await told.checkout()
    await told.go(await told.authenticate(opened))
    await told.quiet()
    assert (await told.refund(opened.payment, 5_000)).status_code == 200
    await told.live(60.0)

    assert await told.cases(opened.payment) == []


async def test_a_pass_that_is_denied_to_a_repeated_refund_says_nothing_of_the_first(told):
    opened = await told.checkout()
    await told.go(await told.authenticate(opened))
    await told.quiet()
    told.set(cancel_webhook_url="")
    told.fault("refund", "drop_after", times=None)
    await told.refund(opened.payment)
    await told.live(20.0, 2.0)
    told.fault("auth", "5xx_before", times=None)
    await told.live(300.0, 5.0)
    told.sandbox.faults.clear()
    await told.live(1_200.0, 20.0)

    (refund,) = [one for one in await told.operations(opened.payment) if one.kind == "refund"]
    assert (refund.step, refund.evidence) == ("ok", "E9")
    await told.check_books()


async def test_of_a_payment_by_payples_test_account_the_whole_alone_is_offered_and_given_back(on_trial):
    street = on_trial
    opened = await street.checkout()
    await street.come_back(opened)
    await street.quiet()
    may = (await street.call("GET", f"/v1/payments/{opened.payment}")).json()["allowed"]
    sent = len(street.net.sent)
    refused = await street.refund(opened.payment, 5_000)

    assert (may["refund"], may["refundable"]) == ("full", 55_000)
    assert "테스트 계정" in may["for_clerk"]
    assert (refused.status_code, refused.json()["for_clerk"]) == (422, may["for_clerk"])
    assert len(street.net.sent) == sent
    await street.refund(opened.payment, 55_000)
    await street.quiet()
    assert await street.state(opened.payment) == "refunded"
    await street.check_books()


class Ahead:
    """Payple's clock, some minutes ahead of ours."""

    def __init__(self, clock, minutes):
        self.clock, self.ahead = clock, timedelta(minutes=minutes)

    def now(self):
        return self.clock.now() + self.ahead

    async def sleep(self, seconds):
        await self.clock.sleep(seconds)


async def test_what_payples_clock_books_on_the_next_day_already_is_found_and_not_called_absent(told):
    """An inquiry names the day: until our own midnight only the day before was asked about."""
    street = told
    street.set(**dict.fromkeys(("webhook_url", "cancel_webhook_url"), ""))
    street.clock.at = street.clock.at.replace(hour=14, minute=53, second=0, microsecond=0)  # 23:53 in Korea
    street.sandbox.clock = Ahead(street.clock, 8)
    street.fault("approve", "drop_after")
    opened = await street.checkout()
    await street.come_back(opened)
    await street.live(330.0, 5.0)
    assert street.clock.now().hour == 14

    assert await street.state(opened.payment) == "paid"
    await street.check_books()
