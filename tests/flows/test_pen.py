"""What the pen writes beside a payment: the conversation with its gateway, and money that went back past the bridge."""

import json

from bridge.domain.machine import Evidence
from bridge.flows.external import write_external_refund
from bridge.flows.pen import Pen


def pen(world):
    return Pen.now(world.context, world.context.sites.get(world.site.id))


async def test_what_was_said_to_the_gateway_is_kept_with_the_payment(world):
    payment = await world.buy()
    rows = await world.all("SELECT * FROM calls WHERE payment = ? ORDER BY at", payment.id)

    assert sorted(row["op"] for row in rows) == ["pay", "ready"]
    assert {row["site"] for row in rows} == {world.site.id}


async def test_money_that_went_back_past_the_bridge_is_entered_once_told_and_audited(world):
    payment = await world.buy()

    async def found(amount, cause, held):
        return await world.context.ledger.write(
            lambda turn: write_external_refund(
                pen(world), turn, held, amount=amount, evidence=Evidence.E4, cause=cause, actor="wp:7"
            )
        )

    part = await found(5_000, "seen-1", payment)
    again = await found(5_000, "seen-1", part)
    assert again == part
    assert (part.state, part.refunded) == ("part_refunded", 5_000)
    whole = await found(50_000, "seen-2", part)
    assert (whole.state, whole.refunded) == ("refunded", 55_000)

    rows = await world.all(
        "SELECT * FROM audit WHERE payment = ? AND event = 'refund.external' ORDER BY seq", payment.id
    )
    assert [(row["actor"], row["was"], row["became"]) for row in rows] == [
        ("wp:7", "paid", "part_refunded"),
        ("wp:7", "part_refunded", "refunded"),
    ]
    assert [json.loads(row["detail"])["amount"] for row in rows] == [5_000, 50_000]
    assert [json.loads(row["detail"])["evidence"] for row in rows] == ["E4", "E4"]
    news = await world.all("SELECT * FROM news WHERE payment = ? ORDER BY seq", payment.id)
    assert [row["type"] for row in news] == ["payment.paid", "payment.refunded", "payment.refunded"]
