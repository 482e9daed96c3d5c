"""An operator gives a deposit back to the buyer's account on the payment's page, looks it up there, takes it back."""

import io
import logging
import re
from types import SimpleNamespace

import pytest

from bridge.flows.log_in import add_operator
from bridge.ledger import audit
from tests.flows.test_accounts import counter, deposited
from tests.gateways import test_key_stories as paystory
from tests.gateways import test_mainpay_direct_stories as mainpay
from tests.gateways.paired import paired
from tests.gateways.street import Street
from tests.web.visitor import PASSWORD, Browser, csrf_on

__all__ = ["counter"]
ACCOUNT = {"bank": "088", "number": "110-123-456789", "holder": "김예매"}
SHOWN = ("110-123-456789", "110123456789", "김예매")


async def seated(world, payment):
    """An operator in front of the payment's page."""
    await add_operator(world.context, "minji", PASSWORD)
    browser = Browser(SimpleNamespace(context=world.context))
    assert (await browser.log_in()).status_code == 303
    return SimpleNamespace(world=world, payment=payment, browser=browser, path=f"/dashboard/payments/{payment.id}")


@pytest.fixture
async def desk(counter, cheap_passwords):
    """A deposit at a gateway that gives deposits back by transfer alone."""
    made = await seated(counter, await deposited(counter))
    yield made
    await made.browser.client.aclose()


@pytest.fixture
async def mainpay_desk(world, cheap_passwords):
    """A deposit at Mainpay, whose sandbox makes a transfer when it is told to."""
    world.sandbox_setting(transfer_seconds=0)
    made = await seated(world, await mainpay.deposited(world))
    yield made
    await made.browser.client.aclose()


async def page_of(desk, browser=None):
    return await (browser or desk.browser).get(desk.path)


async def send(desk, path, browser=None, **fields):
    browser = browser or desk.browser
    return await browser.post(f"{desk.path}/{path}", fields, csrf=csrf_on(await browser.get(desk.path)))


async def ask_back(desk, **fields):
    key = re.search(r'name="key" value="([0-9a-f]{32})"', (await page_of(desk)).text)
    given = ACCOUNT | {
        "amount": "55000",
        "left": "55000",
        "reason": "공연 취소",
        "password": PASSWORD,
        "key": key[1] if key else "0" * 32,
    }
    return await send(desk, "refund-to-account", **given | fields)


async def refunds(desk):
    return [one for one in await desk.world.operations(desk.payment.id) if one.kind == "refund"]


async def test_a_deposit_at_mainpay_goes_to_the_account_and_the_books_agree(mainpay_desk):
    desk, world = mainpay_desk, mainpay_desk.world
    assert 'value="55000"' in (await page_of(desk)).text
    answer = await ask_back(desk, amount="20000")
    assert (answer.status_code, answer.headers["location"]) == (303, desk.path)
    (refund,) = await refunds(desk)
    assert (refund.code, refund.actor, refund.amount) == ("accepted", "operator:minji", 20_000)
    waiting = (await page_of(desk)).text
    assert "이체가 등록됨" in waiting
    assert 'name="number"' not in waiting

    await mainpay.control(world, "transfer", merchant_ref=desk.payment.merchant_ref, state="done")
    assert (await send(desk, f"refunds/{refund.id}/look")).status_code == 303

    after = await world.payment(desk.payment.id)
    assert (after.state, after.refunded, world.book(after).refunded) == ("part_refunded", 20_000, 20_000)
    settled = (await page_of(desk)).text
    assert re.search(r"20,000원 · 돌려줌<br><span class=.small quiet.>\d", settled)
    assert 'value="35000"' in settled, "what is left is offered"
    await world.check_books()


async def test_a_deposit_at_pay_story_is_back_at_once_and_leaves_no_transfer(tmp_path, cheap_passwords):
    async with paired(Street(tmp_path), "paystory") as world:
        desk = await seated(world, await paystory.deposited(world))
        assert (await ask_back(desk, amount="5000")).status_code == 303
        await world.quiet()
        page = (await page_of(desk)).text
        after = await world.payment(desk.payment.id)
        assert (after.state, after.refunded, world.book(after).refunded) == ("part_refunded", 5_000, 5_000)
        assert "5,000원 · 돌려줌" in page
        assert 'value="50000"' in page
        assert "/look" not in page
        asked = [one["fields"] for one in world.sandbox.requests if one["op"] == "cancel"]
        assert [(one["refundBankCd"], one["refundAccnt"]) for one in asked] == [("088", "***")]
        await world.check_books()
        await desk.browser.client.aclose()


async def test_a_transfer_that_failed_is_told_in_the_gateways_words(mainpay_desk):
    desk = mainpay_desk
    await ask_back(desk)
    (refund,) = await refunds(desk)
    await mainpay.control(desk.world, "transfer", merchant_ref=desk.payment.merchant_ref, state="failed")
    await send(desk, f"refunds/{refund.id}/look")

    (refund,) = await refunds(desk)
    page = (await page_of(desk)).text
    assert (refund.step, bool(refund.message)) == ("fail", True)
    assert "55,000원 · 안 됨" in page
    assert f" · {refund.message}</span>" in page
    assert 'name="number"' in page, "it may be asked anew"
    assert await desk.world.state(desk.payment.id) == "paid"


async def test_a_registration_that_is_cancelled_gives_the_money_back_to_the_payment(mainpay_desk):
    desk, world = mainpay_desk, mainpay_desk.world
    await ask_back(desk)
    (refund,) = await refunds(desk)
    wrong = await send(desk, f"refunds/{refund.id}/cancel", password="not the password")
    assert (wrong.status_code, 'role="alert"' in wrong.text) == (401, True)
    assert (await refunds(desk))[0].code == "accepted"

    assert (await send(desk, f"refunds/{refund.id}/cancel", password=PASSWORD)).status_code == 303
    page = (await page_of(desk)).text
    assert "등록한 환불 이체를 취소했어요" in page
    assert 'value="55000"' in page
    assert await world.state(desk.payment.id) == "paid"
    assert world.book(desk.payment).refunded == 0
    chain = await world.context.ledger.read(lambda turn: audit.chain(turn, desk.payment.id))
    assert [one["actor"] for one in chain if one["event"] == "transfer.cancel_sent"] == ["operator:minji"]
    await world.check_books()


async def test_the_page_sent_twice_registers_one_transfer_and_another_account_with_its_key_is_refused(desk):
    key = "ab" * 16
    for _ in range(2):
        assert (await ask_back(desk, key=key)).status_code == 303
    assert (await ask_back(desk, key=key, number="110-123-456780")).status_code == 422
    assert len(await refunds(desk)) == 1
    assert desk.world.teller.calls["transfer"] == 1
    assert desk.world.teller.sent_to == "088:110-123-456789:김예매"


async def test_the_holders_birth_date_goes_along_where_it_was_typed(desk):
    assert (await ask_back(desk, born="900101")).status_code == 303
    assert desk.world.teller.sent_to == "088:110-123-456789:김예매:900101"


async def test_account_and_holder_stand_nowhere_after_they_were_sent(mainpay_desk):
    desk = mainpay_desk
    heard = io.StringIO()
    handler = logging.StreamHandler(heard)
    logging.getLogger().addHandler(handler)
    try:
        refused = await ask_back(desk, reason=" ")
        pages = [refused, await ask_back(desk), await page_of(desk)]
    finally:
        logging.getLogger().removeHandler(handler)
    kept = await desk.world.context.ledger.read(
        lambda turn: [
            str(dict(row))
            for table in ("operations", "audit", "answers", "calls", "news", "looks")
            for row in turn.all(f"SELECT * FROM {table}")
        ]
    )
    everywhere = [*(str(one.headers) + one.text for one in pages), *kept, heard.getvalue()]
    assert 'value="088"' in refused.text, "the bank alone stays typed"
    assert len(kept) > 5
    assert [text for text in everywhere for part in SHOWN if part in text] == []


@pytest.mark.parametrize(
    ("fields", "status", "said"),
    [
        ({"password": "not the password"}, 401, "비밀번호가 맞지 않아요"),
        ({"amount": "55001"}, 422, "환불할 수 없어요"),
        ({"amount": ""}, 422, "금액"),
        ({"bank": "신한"}, 400, "은행은 088처럼"),
        ({"number": "110-1"}, 400, "계좌번호는 숫자"),
        ({"number": "1" * 21}, 400, "계좌번호는 숫자"),
        ({"holder": " "}, 400, "예금주 이름을"),
        ({"reason": ""}, 400, "올바르지 않아요"),
        ({"key": "short"}, 400, "올바르지 않아요"),
    ],
)
async def test_what_does_not_do_moves_nothing_and_is_said(desk, fields, status, said):
    answer = await ask_back(desk, **fields)
    assert answer.status_code == status
    assert said in answer.text.partition('role="alert"')[2].partition("</p>")[0]
    assert await refunds(desk) == []
    assert desk.world.teller.calls["transfer"] == 0


async def test_a_viewer_sees_no_form_and_moves_nothing(desk):
    await add_operator(desk.world.context, "bora", PASSWORD, "viewer")
    viewer = Browser(SimpleNamespace(context=desk.world.context))
    await viewer.log_in("bora")
    fields = ACCOUNT | {"amount": "55000", "reason": "x", "password": PASSWORD, "key": "0" * 32}
    assert 'name="number"' not in (await page_of(desk, viewer)).text
    assert (await send(desk, "refund-to-account", viewer, **fields)).status_code == 403
    await ask_back(desk)
    (refund,) = await refunds(desk)
    assert "/cancel" not in (await page_of(desk, viewer)).text
    for deed in ("look", "cancel"):
        answer = await send(desk, f"refunds/{refund.id}/{deed}", viewer, password=PASSWORD)
        assert answer.status_code == 403
    foreign = await desk.browser.post(f"{desk.path}/refunds/{refund.id}/cancel", {"password": PASSWORD}, csrf="0" * 64)
    assert foreign.status_code == 400
    assert desk.world.teller.calls["transfer_cancel"] == 0
    await viewer.client.aclose()


async def test_a_transfer_made_meanwhile_stays_made_and_one_nobody_knows_of_is_said(desk):
    await ask_back(desk)
    (refund,) = await refunds(desk)
    desk.world.teller.fail("transfer_cancel", "odd")
    unknown = await send(desk, f"refunds/{refund.id}/cancel", password=PASSWORD)
    assert unknown.status_code == 409
    assert "아직 알 수 없어요" in unknown.text
    assert (await refunds(desk))[0].code == "accepted"

    desk.world.teller.make_transfer()
    assert (await send(desk, f"refunds/{refund.id}/cancel", password=PASSWORD)).status_code == 303
    assert await desk.world.state(desk.payment.id) == "refunded"
    over = await send(desk, f"refunds/{refund.id}/look")
    assert (over.status_code, 'role="alert"' in over.text) == (409, True)


async def test_a_registration_without_an_answer_is_looked_for_and_cannot_be_cancelled_yet(desk):
    desk.world.teller.fail("transfer", "lost_after")
    desk.world.teller.fail("transfer_search", "lost_before")
    await ask_back(desk)
    await desk.world.quiet()
    (refund,) = await refunds(desk)
    page = (await page_of(desk)).text
    assert f"refunds/{refund.id}/look" in page
    assert f"refunds/{refund.id}/cancel" not in page
    assert (await send(desk, f"refunds/{refund.id}/cancel", password=PASSWORD)).status_code == 409

    await send(desk, f"refunds/{refund.id}/look")
    assert f"refunds/{refund.id}/cancel" in (await page_of(desk)).text


async def test_a_refund_of_another_payment_is_not_found_here(desk):
    await ask_back(desk)
    (refund,) = await refunds(desk)
    other = await deposited(desk.world)
    for deed in ("look", "cancel"):
        path = f"/dashboard/payments/{other.id}/refunds/{refund.id}/{deed}"
        answer = await desk.browser.post(path, {"password": PASSWORD}, csrf=csrf_on(await page_of(desk)))
        assert answer.status_code == 404


async def test_what_goes_back_as_it_came_is_offered_no_account_and_is_no_transfer(world, cheap_passwords):
    await world.pair_teller("Asked")
    desk = await seated(world, await world.buy_at_teller(world.order()))
    assert 'name="number"' not in (await page_of(desk)).text
    answer = await ask_back(desk)
    assert answer.status_code == 422
    world.teller.fail("refund", "odd")
    await world.refund(desk.payment.id)
    (refund,) = await refunds(desk)
    assert f"refunds/{refund.id}" not in (await page_of(desk)).text
    assert (await send(desk, f"refunds/{refund.id}/look")).status_code == 422
    await desk.browser.client.aclose()


async def test_the_form_is_in_english_too(desk):
    page = (await desk.browser.get(f"{desk.path}?lang=en")).text
    assert "Refund to the buyer&#39;s account" in page or "Refund to the buyer's account" in page
    await ask_back(desk)
    for words in ("transfer registered", "Look it up now", "Cancel the registration"):
        assert words in (await page_of(desk)).text
