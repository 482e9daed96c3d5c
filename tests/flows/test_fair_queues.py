"""What waits in front of a queue of all sites keeps nobody behind it: each site's money is settled in its time."""

from dataclasses import replace

from bridge.domain.machine import Kind, State, Step
from bridge.flows import expire, heartbeat, receive_notice
from bridge.flows.reconcile import show_gaps
from bridge.ledger import notices
from bridge.ledger.notices import StoredNotice
from tests.support.desk import Desk
from tests.support.disaster import keep, lose


async def restored(world, kind, state=None, many=1, step=None):
    """A site whose shop is silent after a restore, with so many payments, each with an operation at a step; then one
    more site."""
    await world.pair_teller(kind, "http://deaf.test")
    desk = Desk(world, kind)
    for _ in range(many):
        payment = await desk.payment_in(state)
        if step is not None:
            await desk.operation(payment, Kind.CHECK, step, 5)
    keep(world)
    await lose(world)
    deaf = world.site
    await world.pair_teller(kind, "http://other.test")
    assert {one["state"] for one in await show_gaps(world.context)} == {"listening"}
    return deaf


async def test_what_is_due_at_a_deaf_site_keeps_no_other_sites_unknown_from_being_settled(world, monkeypatch):
    monkeypatch.setattr(heartbeat, "SETTLE_AT_ONCE", 5)
    await restored(world, "AskedAndUndone", State.PAID, 5, Step.UNKNOWN)
    world.teller.fail("approve", "lost_after")
    world.teller.fail("inquire", "lost_before")
    opened = await world.checkout()
    await world.return_from_teller(opened)
    await world.quiet()
    assert await world.state(opened.payment) == "unknown"
    await world.live(60)
    assert await world.state(opened.payment) == "paid"
    assert world.trade(await world.payment(opened.payment)).net == 55_000


async def test_windows_of_a_site_in_its_gap_keep_no_other_sites_from_ending(world, monkeypatch):
    monkeypatch.setattr(expire, "AT_ONCE", 5)
    await restored(world, "SelfTold", State.OPEN, 5)
    await world.clock.forward(30)
    paid, empty = await world.checkout(), await world.checkout()
    world.teller.capture((await world.payment(paid.payment)).merchant_ref)
    await world.live(2 * 3_600, step=60)
    assert await world.state(empty.payment) == "expired"
    assert await world.cases(paid.payment) == ["unknown_outcome"], "its notice was lost, and a person looks"


async def of_no_gateway(desk, state):
    """A payment of a gateway that its site has no more."""
    site = desk.world.site.id
    desk.opened[site] = replace(desk.opened[site], gateway="gone")
    return await desk.payment_in(state)


async def told_and_killed(world):
    """A payment of the newest site: its notice is acknowledged, and the bridge killed while it asks for the seats."""
    opened = await world.checkout(world.order(hold_expires_at=world.hold(30)))
    payment = await world.payment(opened.payment)
    world.teller.capture(payment.merchant_ref)
    await world.clock.forward(40)
    assert (await world.tell("approved", payment)).status_code == 200
    await world.crash()
    return payment


async def test_notices_kept_for_a_deaf_site_keep_no_other_sites_money_from_counting(world, monkeypatch):
    monkeypatch.setattr(receive_notice, "AT_ONCE", 5)
    await world.pair_teller("SelfTold", "http://deaf.test")
    lost = await world.payment((await world.checkout()).payment)
    await world.beat()
    keep(world)
    await lose(world)
    for number in range(5):
        await world.tell("approved", lost, amount=1_000 + number)
    await world.pair_teller("SelfTold", "http://other.test")
    await world.clock.forward(5)
    payment = await told_and_killed(world)
    await world.start()
    await world.quiet()

    assert await world.state(payment.id) == "paid"
    kept = await world.all("SELECT site FROM notices WHERE state = 'pending'")
    assert len(kept) == 5, "the deaf site's wait for its shop"


async def test_a_notice_that_cannot_be_read_again_keeps_no_later_one_from_having_its_effect(world, monkeypatch):
    monkeypatch.setattr(receive_notice, "AT_ONCE", 1)
    site = await world.pair_teller("SelfTold")
    broken = StoredNotice("n", site.id, "teller", "feedback", "d", "", "not sealed by us", 1)
    await world.context.ledger.write(lambda turn: notices.store(turn, broken))
    payment = await told_and_killed(world)
    await world.start()
    await world.quiet()

    assert await world.state(payment.id) == "paid"


async def test_an_operation_that_cannot_be_tried_lets_the_next_go_first(world, monkeypatch):
    monkeypatch.setattr(heartbeat, "SETTLE_AT_ONCE", 1)
    await world.pair_teller("AskedAndUndone")
    desk = Desk(world, "AskedAndUndone")
    fine = await desk.payment_in(State.PAID)
    off = await of_no_gateway(desk, State.PAID)
    for number, payment in enumerate((off, fine)):
        await desk.operation(payment, Kind.CHECK, Step.UNKNOWN, number)
    await world.clock.forward(5)
    await world.beat(1)
    await world.beat(1)

    assert world.teller.calls["inquire"] == 1
    (waits,) = await world.operations(off.id)
    assert waits.step is Step.UNKNOWN
    assert waits.next_try_at > world.clock.now()


async def test_a_payment_that_fails_to_end_keeps_no_other_from_ending(world, monkeypatch):
    first, second = await world.checkout(), await world.checkout()
    end = expire._end

    def fails(turn, recorder, payment_id, gateway):
        assert payment_id != first.payment
        return end(turn, recorder, payment_id, gateway)

    monkeypatch.setattr(expire, "_end", fails)
    await world.live(1_000, step=50)

    assert (await world.state(first.payment), await world.state(second.payment)) == ("open", "expired")


async def test_accounts_whose_gateway_is_awaited_keep_no_later_one_from_ending(world, monkeypatch):
    monkeypatch.setattr(expire, "AT_ONCE", 2)
    await world.pair_teller("Asked")
    desk = Desk(world, "Asked")
    awaited = [await desk.payment_in(State.AWAITING_DEPOSIT) for _ in range(3)]
    await world.clock.forward(1)
    last = await of_no_gateway(desk, State.AWAITING_DEPOSIT)  # nobody is asked about it
    world.teller.always["inquire"] = "busy"
    await world.clock.forward(3 * 86_400)
    await world.beat(1)

    assert {await world.state(one.id) for one in awaited} == {"awaiting_deposit"}
    assert await world.state(last.id) == "expired"
