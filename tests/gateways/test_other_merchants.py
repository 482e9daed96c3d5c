"""Another merchant's id is set once no money of the first one's is under way: the gateway knows none of it as the
other's, so that what was taken would end as never taken. Of bridge.flows.manage_sites."""

import pytest

from bridge import gateways
from bridge.domain.failures import NotNow
from bridge.domain.payment import Mode
from bridge.domain.services import OfMerchant
from bridge.flows.manage_sites import change_settings
from tests.flows.test_deposits import waiting
from tests.gateways.paired import paired
from tests.gateways.street import Street
from tests.sandbox.test_paystory import KEY

OTHER = "test00002m"


async def set_merchant(place, **values):
    """Set a gateway's settings at the place's site."""
    await change_settings(place.context, url=place.site.url, settings=values)


async def test_a_lost_approval_is_never_asked_about_in_anothers_name(tmp_path):
    async with paired(Street(tmp_path), "paystory") as street:
        street.sandbox.desks["paystory"]._till.settings.merchants[OTHER] = [KEY]
        street.fault("notice", "notice_lost", times=None)
        street.fault("approve", "drop_after")
        street.fault("inquire", "5xx_before", times=3)
        opened = await street.checkout()
        await street.come_back(opened)
        await street.live(10.0, 1.0)
        assert await street.state(opened.payment) == "unknown"
        with pytest.raises(NotNow, match=f"1 payments at paystory .* in the name of {OTHER}"):
            await set_merchant(street, paystory={"mid": OTHER})
        await street.live(700.0, 10.0)

        assert await street.state(opened.payment) == "paid"
        await street.check_books()
        await set_merchant(street, paystory={"mid": OTHER})


async def test_a_net_cancel_is_never_sent_in_anothers_name(world):
    world.fault("notice", "notice_lost", times=None)
    world.fault("pay", "drop_after")
    world.fault("net_cancel", "5xx_before", times=3)
    opened = await world.checkout()
    await world.come_back(opened)
    await world.quiet()
    assert await world.state(opened.payment) == "voiding"
    with pytest.raises(NotNow):
        await set_merchant(world, mainpay={"mbr_no": "200022"})
    await set_merchant(world, mainpay={"goods_code": "SEAT"})
    await world.live(100.0, 5.0)

    assert await world.state(opened.payment) == "voided"
    await world.check_books()


async def test_what_waits_for_a_deposit_or_for_people_is_under_way_and_what_is_paid_is_not(world):
    paid, (_, payment) = await world.buy(), await waiting(world)
    with pytest.raises(NotNow, match="1 payments"):
        await set_merchant(world, mainpay={"mbr_no": "200022"})
    world.sandbox.desks["mainpay"].deposit({"merchant_ref": payment.merchant_ref})
    await world.quiet()
    world.fault("part_cancel", "drop_before")
    world.fault("notice", "notice_lost")
    await world.refund(paid.id, 10_000)
    await world.quiet()
    assert await world.cases(paid.id) == ["refund_unknown"]
    with pytest.raises(NotNow, match="1 payments"):
        await set_merchant(world, mainpay={"mbr_no": "200022"})


@pytest.mark.parametrize(("work", "barred"), [("PAY", True), ("CERT", False)])
async def test_an_open_window_bars_it_where_money_moves_in_the_window(tmp_path, work, barred):
    async with paired(Street(tmp_path), "payple", pay_work=work) as street:
        await street.checkout()
        if barred:
            with pytest.raises(NotNow):
                await set_merchant(street, payple={"cst_id": "other"})
            await street.live(2_000.0, 20.0)
        await set_merchant(street, payple={"cst_id": "other"})


@pytest.mark.parametrize("name", gateways.names())
def test_every_gateway_says_for_whom_it_speaks(name):
    secrets = {"linkkey": "k", "linkval": "v"} if name == "payapp" else {}
    gateway = gateways.build(name, secrets, Mode.TEST)
    assert isinstance(gateway, OfMerchant)
    assert gateway.merchant
