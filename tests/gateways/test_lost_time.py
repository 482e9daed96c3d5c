"""What the gateways that can be asked show, and do not show, of the time that restored books have lost."""

from bridge.flows.reconcile import show_gaps
from tests.flows.test_gap_asked import unheard
from tests.gateways.paired import paired
from tests.gateways.street import Street
from tests.support.disaster import key_of


async def bought(street):
    """Buy, come back and let the bridge have its beat."""
    opened = await street.checkout()
    await street.come_back(opened)
    await street.quiet()
    await street.beat()
    return await street.payment(opened.payment)


async def test_payple_which_need_not_show_a_refund_gives_no_part_back_a_second_time(tmp_path):
    async with paired(Street(tmp_path), "payple") as street:
        street.register_notices()
        paid = await bought(street)
        await street.live(600, 30)
        await unheard(street, lambda: street.refund(paid.id, 10_000, key=key_of(street, 3)))
        await street.live(300, step=5)
        again = await street.refund(paid.id, 10_000, key=key_of(street, 4))
        await street.live(600, step=20)

        assert (again.status_code, again.json()["code"]) == (422, "refund_refused")
        assert street.book(paid).refunded == 10_000
        await street.refund(paid.id, None, key=key_of(street, 5))
        await street.live(600, step=20)
        assert street.book(paid).refunded == 10_000, "Payple gives back no more than it took, and refuses the whole"
        assert (await street.payment(paid.id)).refunded == 0


async def test_a_capture_at_paystory_that_no_shop_heard_of_is_looked_for_in_its_console(tmp_path):
    async with paired(Street(tmp_path), "paystory") as street:
        street.register_notices()
        await bought(street)
        lost = []

        async def traffic():
            lost.append(await bought(street))

        await unheard(street, traffic)
        await street.live(600, step=30)

        (gap,) = await show_gaps(street.context)
        assert gap["state"] == "ended"
        assert street.book(lost[0]).net == 55_000, "no book has its number, and Pay-Story is asked by that alone"
        (compare,) = gap["compare"]
        assert gap["backup_of"] in compare
        assert gap["restored_at"] in compare
        assert "paystory" in compare
