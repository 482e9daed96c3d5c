"""Journeys with PayApp, whose window takes the money itself: the bridge knows of it by a notice, or not at all."""

import httpx2

from bridge.demo.browser import Page
from bridge.demo.visit import Visit, expect, never_said_failed

LEAVE = "닫고 상점으로 가기"


async def decline_in_the_window(visit: Visit) -> None:
    """The card company says no in the window, in its words; the buyer goes back without having paid."""
    said = await visit.buyer.submit(await visit.open_window("limit"), action="pay")
    expect("한도초과" in said.text and "결제된 금액은 없어요" in said.text, "the buyer does not read why")
    await _leave(visit, said)


async def window_closed(visit: Visit) -> None:
    """The buyer closes the window, which tells the bridge nothing: the request stays until its time is over."""
    await _leave(visit, await visit.buyer.submit(await visit.open_window("s"), action="close"))


async def window_lost_before_the_money_moved(visit: Visit) -> None:
    """The window breaks off when the buyer pays, and nothing happened: no word of it until the request is withdrawn."""
    await _break_off(visit, "drop_before")
    expect((await visit.payment())["captured"] == (await visit.book())["captured"] == 0, "money moved")
    page = await visit.buyer.get(f"{visit.office.shop_url}/orders/{visit.order_ref}")
    expect("/checkout" in page.text, "the buyer cannot try again")


async def window_lost_after_the_money_moved(visit: Visit) -> None:
    """The window breaks off when the buyer has paid: nobody comes back, and the notice brings the news."""
    await _break_off(visit, "drop_after")
    await visit.until("paid")
    page = await visit.buyer.get(f"{visit.office.shop_url}/orders/{visit.order_ref}")
    expect("예매가 끝났어요" in page.text, "the buyer does not see that the ticket is bought")


async def _leave(visit: Visit, said: Page) -> None:
    """Go back as the window offers it, and insist that nobody says it failed or was paid."""
    page = await visit.buyer.get(said.link(LEAVE))
    never_said_failed(page)
    expect("예매가 끝났어요" not in page.text, "the buyer is told of a ticket that nobody paid for")
    payment, book = await visit.payment(), await visit.book()
    expect(payment["captured"] == book["captured"] == 0, "money moved without the buyer's card")


async def _break_off(visit: Visit, kind: str) -> None:
    """Press the pay button in a window that breaks off."""
    window = await visit.open_window("r")
    await visit.arm("pay", kind)
    try:
        await visit.authenticate(window)
    except httpx2.HTTPError:
        return
    expect(False, "the window did not break off")
