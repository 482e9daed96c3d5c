"""A charge at Welcome whose answer was lost: nothing can be asked and nothing names it, so its unified notice decides,
whenever it comes; else a person."""

import pytest

from bridge.flows.check_invariants import check_everything
from tests.flows.test_cases import case_of, decide
from tests.flows.test_invariants import alarms
from tests.gateways import test_key_stories as keys
from tests.gateways.house import House
from tests.gateways.paired import paired

TYPED = "http://typed-shop.test"


@pytest.fixture
async def house(tmp_path):
    """A bridge and a shop that takes typed cards, with Welcome alone, which sends unified notices."""
    async with paired(House(tmp_path), "welcome", url=TYPED, card_entry="on") as made:
        made.net.apps[f"{TYPED}:80"] = made.shop.app()
        made.set(pg_notice_url=made.notice_url("pg"))
        yield made


async def charged_unheard(house):
    """Charge a card, and lose the answer; gives the payment's id, and the notices of it, held."""
    key, held = (await keys.ask(house, card=keys.CARD)).json()["id"], house.hold_notices()
    house.fault("billpay", "drop_after")
    return (await keys.charge(house, key)).json()["id"], held


@pytest.mark.parametrize(
    ("waited", "was"), [(10.0, "unknown"), (110.0, "unknown"), (150.0, "needs_human"), (1_800.0, "needs_human")]
)
async def test_a_lost_charge_is_paid_by_its_notice_however_late_that_comes(house, waited, was):
    lost, held = await charged_unheard(house)
    await house.live(waited, 2.0 if waited < 60 else 30.0)
    assert await house.state(lost) == was
    for _ in range(2):
        await house.let_go(held)
    await house.live(1_800.0, 30.0)
    payment = await house.payment(lost)

    assert (payment.state, payment.captured, house.book(payment).net) == ("paid", 55_000, 55_000)
    assert [(one.kind, one.step, one.evidence) for one in await house.operations(lost)] == [("approve", "ok", "E7")]
    assert (await house.cases(lost), await house.entries(lost)) == ([], [("capture", 55_000, "E7")])
    assert (await house.refund(lost, 55_000)).json()["state"] == "done", "its number came with the notice"
    await house.check_books()


@pytest.mark.parametrize("waited", [10.0, 1_800.0])
async def test_a_lost_charge_that_was_cancelled_in_the_console_is_not_paid_by_its_late_notice(house, waited):
    lost, held = await charged_unheard(house)
    await house.live(waited, 2.0 if waited < 60 else 30.0)
    house.sandbox.desks["welcome"].refund({"merchant_ref": (await house.payment(lost)).merchant_ref})
    await house.quiet()
    for one in (*reversed(held), *reversed(held)):
        await house.let_go([one])
    await house.live(1_800.0, 30.0)
    payment = await house.payment(lost)

    assert (payment.state, payment.captured, house.book(payment).net) == ("voided", 0, 0)
    assert (await house.cases(lost), await house.entries(lost)) == ([], [])
    await house.check_books()


async def test_a_part_that_went_back_of_a_lost_charge_waits_for_people_and_is_no_alarm_beside_their_case(house):
    lost, held = await charged_unheard(house)
    await house.live(1_800.0, 30.0)
    del held[:]  # its own news is lost for good
    ref = (await house.payment(lost)).merchant_ref
    house.sandbox.desks["welcome"].refund({"merchant_ref": ref, "amount": 11_000})
    await house.quiet()
    await house.let_go(held)
    await house.clock.forward(3_600.0)
    await check_everything(house.context, 0.0)
    assert (await house.cases(lost), await alarms(house)) == (["unknown_outcome"], [])

    await decide(house, await case_of(house, lost), "paid")
    await house.live(120.0, 5.0)
    payment = await house.payment(lost)
    assert (payment.captured, payment.refunded, house.book(payment).net) == (55_000, 11_000, 44_000)
    await house.check_books()
