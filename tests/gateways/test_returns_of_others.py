"""A buyer comes back to one payment with what belongs to another of the same price: nothing of the other is touched.

What `bridge.flows.claims` binds, and where `bridge.flows.finish_checkout` and `bridge.flows.approve` look at it."""

import pytest
from structlog.testing import capture_logs

from bridge.flows import finish_checkout
from tests.flows.test_cases import case_of, decide, offered
from tests.gateways import test_key_stories as keys
from tests.gateways.house import House
from tests.gateways.paired import paired
from tests.gateways.street import Street
from tests.support.disaster import hand_over, keep, known, lose
from tests.support.world import SANDBOX, Coming, Opened

KEPT = ("paid", 55_000, 55_000)
TYPED = "http://typed-shop.test"


@pytest.fixture(params=["payple", "paystory", "welcome"])
async def place(request, tmp_path):
    """A bridge, a shop, one gateway whose window is left by a form."""
    made = House(tmp_path) if request.param == "welcome" else Street(tmp_path)
    async with paired(made, request.param) as opened:
        yield opened


@pytest.fixture
async def house(tmp_path):
    """The same with Welcome alone, which takes back by the number that a return brings, and by nothing of ours."""
    async with paired(House(tmp_path), "welcome") as made:
        yield made


async def crossed(world, fields):
    """Open a window for an equal order; gives it, and a return to it that says this."""
    opened = await world.checkout()
    theirs = await world.authenticate(opened, action="fail")
    return opened, Coming("POST", theirs.url, fields)


async def pay(world, method="card"):
    """Pay an order, or get its account; gives it, and the return that led to it."""
    opened = await world.checkout(method=method)
    coming = await world.authenticate(opened)
    await world.go(coming)
    await world.quiet()
    await world.beat()
    return opened, coming


async def holds(world, payment_id):
    """Say what the books and the gateway have of a payment."""
    payment = await world.payment(payment_id)
    return payment.state, payment.left, world.book(payment).net


@pytest.mark.parametrize("renamed", [False, True])
async def test_the_return_of_a_paid_order_takes_nothing_of_it_back(place, renamed):
    """Whatever in it names the order, as it comes through the buyer's browser."""
    paid, coming = await pay(place)
    opened, back = await crossed(place, coming.fields)
    if renamed:
        names = [(await place.payment(one.payment)).merchant_ref for one in (paid, opened)]
        back = Coming("POST", back.url, {name: text.replace(*names) for name, text in coming.fields.items()})
    await place.go(back)
    await place.live(1_800.0, 30.0)

    assert await holds(place, paid.payment) == KEPT
    assert await place.state(opened.payment) != "paid"
    await place.check_books()


@pytest.mark.parametrize("spelt", [str, str.upper, str.lower, lambda number: f" {number} "])
async def test_at_welcome_it_is_refused_and_no_request_leaves_however_its_number_is_spelt(house, spelt):
    paid, coming = await pay(house)
    opened, back = await crossed(house, coming.fields | {"P_TID": spelt(coming.fields["P_TID"])})
    before = len(house.net.sent)
    answer = await house.go(back)
    await house.quiet()

    assert (answer.status_code, len(house.net.sent)) == (400, before)
    assert (await house.state(opened.payment), await holds(house, paid.payment)) == ("open", KEPT)


async def test_at_welcome_it_is_refused_in_the_turn_of_the_intent_too(house, monkeypatch):
    """The other may not have been written yet when this one is looked at."""

    async def saw_nothing(*_):
        return None

    monkeypatch.setattr(finish_checkout, "refuse_claimed", saw_nothing)
    paid = await house.checkout()
    coming = await house.authenticate(paid)
    opened, back = await crossed(house, coming.fields)
    with capture_logs() as logged:
        for one in (coming, back, coming):  # in this order: which of them is the first decides whose number it is
            await house.go(one)
        await house.live(1_800.0, 30.0)

    assert not [line for line in logged if line["log_level"] == "error"]

    assert (await holds(house, paid.payment), await house.state(opened.payment)) == (KEPT, "expired")


async def test_at_welcome_the_number_of_a_charge_is_no_other_payments_either(tmp_path):
    """The sandbox takes back by a window's number alone; no page says that Welcome does."""
    async with paired(House(tmp_path), "welcome", url=TYPED, card_entry="on") as house:
        house.net.apps[f"{TYPED}:80"] = house.shop.app()
        key = (await keys.ask(house, card=keys.CARD)).json()["id"]
        paid = await house.payment((await keys.charge(house, key)).json()["id"])
        address = f"{SANDBOX}/welcome/mobile/approve/x"
        opened, back = await crossed(house, {"P_STATUS": "00", "P_TID": paid.refs["tid"], "P_REQ_URL": address})
        before = len(house.net.sent)

        assert ((await house.go(back)).status_code, len(house.net.sent)) == (400, before)
        assert await house.state(opened.payment) == "open"


async def test_at_welcome_neither_is_the_number_that_only_a_notice_told_of_a_charge_people_called_paid(tmp_path):
    """Its answer was lost, and with it what would have bound the number."""
    async with paired(House(tmp_path), "welcome", url=TYPED, card_entry="on") as house:
        house.net.apps[f"{TYPED}:80"] = house.shop.app()
        house.set(pg_notice_url=house.notice_url("pg"))
        key, held = (await keys.ask(house, card=keys.CARD)).json()["id"], house.hold_notices()
        house.fault("billpay", "drop_after")
        lost = (await keys.charge(house, key)).json()["id"]
        await house.live(1_800.0, 30.0)
        await decide(house, await case_of(house, lost), "paid")
        await house.let_go(held)
        paid = await house.payment(lost)
        address = f"{SANDBOX}/welcome/mobile/approve/x"
        opened, back = await crossed(house, {"P_STATUS": "00", "P_TID": paid.refs["tid"], "P_REQ_URL": address})
        before = len(house.net.sent)

        assert ((await house.go(back)).status_code, len(house.net.sent)) == (400, before)
        assert (paid.state, await house.state(opened.payment)) == ("paid", "open")


async def brought_first_to_another(house, **order):
    """Pay in a window and bring its return, which nobody has brought yet, to another payment; gives both payments."""
    house.set(pg_notice_url=house.notice_url("pg"))
    paid = await house.checkout()
    coming = await house.authenticate(paid)
    opened = await house.checkout(house.order(**order))
    theirs = await house.authenticate(opened, action="fail")
    await house.go(Coming("POST", theirs.url, coming.fields))
    return paid, opened


@pytest.mark.parametrize("when", ["at once", "late", "never"])
async def test_at_welcome_what_is_taken_back_of_a_return_brought_first_to_another_pays_for_no_order(house, when):
    """Its notice told of the approval, and that of the cancel may be lost: it stayed paid, and its money was gone."""
    held = house.hold_notices()
    paid, opened = await brought_first_to_another(house)
    if when == "at once":
        await house.let_go(held[:1])
    await house.live(60.0, 10.0)
    if when == "late":
        await house.let_go(held[:1])
    await house.live(1_800.0, 30.0)

    assert await holds(house, paid.payment) == ("expired", 0, 0)
    assert await house.state(opened.payment) == "voided"
    await house.let_go(held)
    assert (await holds(house, paid.payment), await house.cases(paid.payment)) == (("expired", 0, 0), [])


async def test_at_welcome_nothing_is_taken_back_of_what_is_paid_by_its_notice_once_people_have_looked(house):
    """The net-cancel did not fit, as the other order asks another sum; one that is sent again may."""
    held = house.hold_notices()
    paid, opened = await brought_first_to_another(house, amount=44_000)
    await house.live(690.0, 30.0)
    await house.let_go(held)
    assert (await house.state(opened.payment), await house.state(paid.payment)) == ("needs_human", "open")
    await decide(house, await case_of(house, opened.payment), "declined")
    await house.live(60.0, 5.0)
    sent = len(house.net.calls("/cancel/cancel"))
    await house.live(3_600.0, 60.0)

    assert await holds(house, paid.payment) == KEPT
    assert len(house.net.calls("/cancel/cancel")) == sent
    assert await house.cases(opened.payment) == []


async def test_at_welcome_no_order_is_paid_by_what_a_net_cancel_that_people_look_into_may_have_taken_back(house):
    """It took the money back, and was not heard to: the notice of the approval waited for that no longer, and paid."""
    held = house.hold_notices()
    house.fault("cancel", "drop_after")
    house.fault("cancel", "drop_before", times=None)
    paid, opened = await brought_first_to_another(house)
    await house.live(30.0, 5.0)
    await house.let_go(held[:1])
    await house.live(690.0, 30.0)
    first = (await house.state(opened.payment), await holds(house, paid.payment))
    assert first == ("needs_human", ("open", 0, 0))
    assert await house.cases(paid.payment) == ["unknown_outcome"]
    house.sandbox.faults.clear()
    await house.live(1_800.0, 60.0)

    assert await house.state(opened.payment) == "voided"
    assert await holds(house, paid.payment) == ("expired", 0, 0)
    assert await house.cases(paid.payment) == []


async def test_at_welcome_an_order_whose_notice_waits_for_people_is_not_told_to_have_failed_meanwhile(house):
    """Its window's time was over before they had looked: the buyer read that nothing was paid. A case of its own says
    meanwhile that there is money, and offers nothing to decide before the other's is decided."""
    held = house.hold_notices()
    paid, opened = await brought_first_to_another(house, amount=44_000)
    await house.live(690.0, 30.0)
    await house.let_go(held)
    await house.live(3_600.0, 60.0)
    assert (await house.state(paid.payment), await house.told(paid.payment)) == ("open", [])
    own = await case_of(house, paid.payment)
    assert (own["reason"], own["amount"], offered(own)) == ("unknown_outcome", 55_000, [])
    assert opened.payment in own["detail"]
    await decide(house, await case_of(house, opened.payment), "declined")
    await house.live(60.0, 5.0)

    assert (await holds(house, paid.payment), await house.cases(paid.payment)) == (KEPT, [])


async def test_at_welcome_nor_is_it_after_a_restore_of_books_that_knew_its_number_as_the_others(house):
    """People decided in the lost time, and of the other's end its shop had not heard."""
    held = house.hold_notices()
    paid, opened = await brought_first_to_another(house, amount=44_000)
    await house.live(660.0, 30.0)
    keep(house)
    await house.live(30.0, 10.0)
    await decide(house, await case_of(house, opened.payment), "declined")
    await house.let_go(held)
    await house.live(60.0, 5.0)
    assert await holds(house, paid.payment) == KEPT
    await lose(house)
    await hand_over(house, [one for one in known(house) if one["id"] == paid.payment])
    sent = len(house.net.calls("/cancel/cancel"))
    await house.live(3_600.0, 60.0)

    assert await holds(house, paid.payment) == KEPT
    assert len(house.net.calls("/cancel/cancel")) == sent


async def test_at_welcome_what_another_payment_took_back_pays_for_no_order_after_a_restore_either(house):
    """The other's return came after the backup: that it had named this number was in no restored books."""
    held = house.hold_notices()
    house.set(pg_notice_url=house.notice_url("pg"))
    paid = await house.checkout()
    coming = await house.authenticate(paid)
    opened = await house.checkout(house.order())
    theirs = await house.authenticate(opened, action="fail")
    await house.beat()
    keep(house)
    await house.go(Coming("POST", theirs.url, coming.fields))
    await house.live(60.0, 10.0)
    assert await house.state(opened.payment) == "voided"
    await lose(house)
    await hand_over(house)
    await house.live(60.0, 10.0)
    await house.let_go(held[:1])  # of the approval; that of the cancel is lost
    await house.live(3_600.0, 60.0)

    assert (await house.payment(paid.payment)).captured == house.book(await house.payment(paid.payment)).net == 0


async def bring(house, coming, theirs):
    """Post what belongs to one window where another leads back; gives the answer's status, and the calls it made."""
    before = len(house.net.sent)
    answer = await house.go(Coming("POST", theirs.url, coming.fields))
    await house.quiet()
    return answer.status_code, len(house.net.sent) - before


async def test_at_welcome_it_is_refused_at_another_shop_of_the_same_contract_too(house):
    """Two sites with one `mid`: the gateway knows them as one shop."""
    paid, coming = await pay(house)
    other = await house.pair(TYPED)
    order = house.order(result_url=f"{TYPED}/result", retry_url=None)
    opened = await house.checkout(token=house.token(order, site=other))
    theirs = await house.authenticate(opened, action="fail")

    assert await bring(house, coming, theirs) == (400, 0)
    assert await holds(house, paid.payment) == KEPT


async def test_at_welcome_it_registers_no_phone_either(house):
    """A phone's window charges its first round, and an approval of that would be taken back alike."""
    paid, coming = await pay(house)
    asked = await keys.ask(house, method="phone", order=house.order())
    theirs = await house.authenticate(Opened("", asked.json()["window_url"], "", ""), action="fail")

    assert await bring(house, coming, theirs) == (400, 0)
    assert await holds(house, paid.payment) == KEPT


@pytest.mark.parametrize(("method", "kept"), [("card", KEPT), ("virtual_account", ("awaiting_deposit", 0, 0))])
async def test_at_welcome_it_is_refused_after_a_restore_too(house, method, kept):
    keep(house)
    await house.clock.forward(60)
    paid, coming = await pay(house, method)
    await lose(house)
    await house.live(10, 5)
    await hand_over(house)
    for _ in range(30):
        await house.live(10, 5)
    opened, back = await crossed(house, coming.fields)
    answer = await house.go(back)
    await house.live(1_800.0, 30.0)

    assert (answer.status_code, await holds(house, paid.payment)) == (400, kept)
    assert await house.state(opened.payment) == "expired"


async def test_at_welcome_what_restored_books_ask_about_an_order_stays_though_another_took_its_money_back(house):
    """The case was closed, and the payment waited for people without one: nobody could decide, or pay the order."""
    held = house.hold_notices()
    house.set(pg_notice_url=house.notice_url("pg"))
    paid = await house.checkout()
    coming = await house.authenticate(paid)
    opened = await house.checkout()
    theirs = await house.authenticate(opened, action="fail")
    await house.go(Coming("POST", theirs.url, coming.fields))
    keep(house)
    await house.live(120.0, 10.0)
    await lose(house)
    await hand_over(house)
    await house.live(1_800.0, 30.0)
    asked = (await house.state(paid.payment), await house.cases(paid.payment))
    assert (await house.state(opened.payment), asked) == ("voided", ("needs_human", ["unknown_outcome"]))
    await house.let_go(held[:1])
    await house.live(60.0, 10.0)

    assert (await house.state(paid.payment), await house.cases(paid.payment)) == asked
    await decide(house, await case_of(house, paid.payment), "declined")
    assert await holds(house, paid.payment) == ("declined", 0, 0)
