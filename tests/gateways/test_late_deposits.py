"""A deposit for seats that are gone: what the case says to do, by where the money lies."""

import pytest

from bridge.flows.case_words import ADVICE, DEPOSITS, IN_ESCROW, describe
from bridge.web.dashboard.words import CASES, say_case
from tests.gateways.house import House
from tests.gateways.street import Street
from tests.test_decisions import payment as made_payment


async def late_deposit(world, gateway, **settings):
    """Let a deposit come whose seats the shop has given away; gives the case as the shop reads it, and the payment."""
    world.gateway = gateway
    await world.start()
    world.site = await world.pair(**settings)
    if gateway == "paystory":
        world.register_notices()
    else:
        world.set(pg_notice_url=world.notice_url("pg"))
    opened = await world.checkout(world.order(hold_expires_at=world.hold(600)), method="virtual_account")
    await world.come_back(opened)
    await world.quiet()
    world.shop.fence = lambda question: {"hold": False, "reason": "hold_ends"}
    await world.clock.forward(3_600)
    waiting = await world.payment(opened.payment)
    world.sandbox.desks[gateway].deposit({"merchant_ref": waiting.merchant_ref})
    await world.live(30.0, 5.0)
    (case,) = (await world.call("GET", "/v1/cases")).json()["items"]
    shown = (await world.call("GET", f"/v1/payments/{opened.payment}")).json()
    await world.quiet()
    await world.close()
    return case, shown


@pytest.mark.parametrize(
    ("kind", "gateway", "settings", "escrowed", "how"),
    [
        (House, "welcome", {"escrow": "yes"}, True, "가맹점 관리자에서 처리해"),
        (House, "welcome", {}, False, "구매자의 계좌로 직접 보내"),
        (Street, "paystory", {"escrow": "1"}, True, "구매를 확정하거나 거절하기 전에는"),
        (Street, "paystory", {}, False, "결제 서버의 운영자만"),
    ],
)
async def test_the_case_of_a_late_deposit_says_nothing_that_the_payments_page_contradicts(
    tmp_path, kind, gateway, settings, escrowed, how
):
    case, shown = await late_deposit(kind(tmp_path), gateway, **settings)

    assert (case["reason"], shown["state"]) == ("seat_lost", "paid")
    assert how in shown["allowed"]["for_clerk"]
    assert "구매자의 계좌로 돌려주세요" not in case["advice"]["ko"]
    assert "결제 화면에 적힌 환불 방법대로" in case["advice"]["ko"]
    assert (IN_ESCROW.ko in case["advice"]["ko"]) is escrowed
    assert (IN_ESCROW.en in case["advice"]["en"]) is escrowed


def deposit(**refs):
    return made_payment("paid", account={"number": "110-1"}, refs=refs)


@pytest.mark.parametrize("reason", DEPOSITS)
def test_a_deposit_is_never_said_to_go_back_by_itself(reason):
    plain, kept = describe(reason, deposit()), describe(reason, deposit(escrow="kept"))

    assert plain == DEPOSITS[reason]
    assert (kept.ko, kept.en) == (f"{plain.ko} {IN_ESCROW.ko}", f"{plain.en} {IN_ESCROW.en}")
    assert say_case(reason, deposit(escrow="kept"), "ko") == kept.ko
    assert say_case(reason, deposit(), "en") == plain.en
    assert reason in CASES, "lists have words for it, too"


def test_what_a_card_paid_is_said_to_go_back_by_itself():
    card = made_payment("voiding")

    assert describe("order_changed", card) == ADVICE["order_changed"]
    assert say_case("something new", card, "ko") == "something new"
