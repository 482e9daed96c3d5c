"""Money found on a payment that had ended: an entry, a case, and an order that takes no second payment meanwhile."""

from bridge.clock import new_id
from bridge.domain.machine import Evidence
from bridge.flows.record import Recorder
from bridge.ledger import notices, payments
from bridge.ledger.notices import StoredNotice


async def find_money(world, payment_id, amount=55_000, cause="late", detail="a deposit came after the end"):
    """Write money found, as a flow that hears of it does: with the notice that told of it."""
    recorder = Recorder.now(world.context, world.context.sites.get(world.site.id))

    def work(turn):
        payment = payments.get(turn, world.site.id, payment_id)
        told = StoredNotice(
            new_id(world.clock), world.site.id, payment.gateway, "noti", f"{payment_id}:{cause}", "", "sealed",
            recorder.at, payment_id, state="done",
        )  # fmt: skip
        notices.store(turn, told)
        return recorder.orphan(turn, payment, amount=amount, evidence=Evidence.E7, cause=cause, detail=detail)

    return await world.context.ledger.write(work)


async def test_money_on_an_ended_payment_is_in_the_books_and_a_persons_case(world, declined):
    _, payment = declined
    after = await find_money(world, payment.id)

    assert (after.state, after.orphaned, after.captured) == ("declined", 55_000, 0)
    assert await world.entries(payment.id) == [("orphan_capture", 55_000, "E7")]
    assert await world.cases(payment.id) == ["money_on_ended_payment"]
    assert await world.told(payment.id) == ["payment.failed", "payment.orphaned"]
    shown = (await world.call("GET", f"/v1/payments/{payment.id}")).json()
    assert (shown["state"], shown["orphaned"]) == ("declined", 55_000)


async def test_the_same_fact_counts_once_and_another_one_is_added(world, declined):
    _, payment = declined
    await find_money(world, payment.id)
    await find_money(world, payment.id)
    await find_money(world, payment.id, 5_000, cause="second", detail="and 5,000 KRW more")

    rows = await world.all("SELECT amount, detail FROM cases WHERE payment = ?", payment.id)
    assert [(row["amount"], row["detail"].split("\n")) for row in rows] == [
        (60_000, ["a deposit came after the end", "and 5,000 KRW more"])
    ]
    assert (await world.payment(payment.id)).orphaned == 60_000


async def test_while_nobody_has_decided_the_order_takes_no_other_payment(world, declined):
    order, payment = declined
    other = await world.checkout(order)
    await find_money(world, payment.id)

    refused = await world.post_checkout(world.token(order))
    assert refused.status_code == 200
    assert "window_url" not in refused.json()
    await world.come_back(other)
    await world.quiet()
    assert await world.state(other.payment) == "open", "a window opened before may not take the money twice"
    assert world.book(await world.payment(other.payment)).captured == 0
