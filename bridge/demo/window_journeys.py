"""Journeys of windows: one that does not open, one that breaks off, and PayApp's, which takes the money itself."""

from urllib.parse import urljoin

import httpx2

from bridge.demo.browser import Page
from bridge.demo.visit import Visit, expect, never_said_failed

LEAVE = "닫고 상점으로 가기"
NOTHING_PAID = "아직 아무것도 결제하지 않았어요"
"""What the page says that opens a window by the gateway's script, where the window does not open."""


async def window_does_not_open(visit: Visit) -> None:
    """The gateway refuses to open a window; the buyer hears that nothing was charged."""
    page = await visit.open_window("no-window")
    expect(page.status == 503 and "돈은 빠져나가지 않았어요" in page.text, "the buyer does not hear that all is well")


async def window_that_payple_does_not_vouch_for(visit: Visit) -> None:
    """Payple's script asks the bridge, which asks Payple: first no answer comes, then a no."""
    page = await visit.press_pay("r")
    _knows_what_to_say_without_its_script(page)
    fields = visit.script_fields(page)
    for kind in ("drop_before", "decline"):
        await visit.calm()
        await visit.arm("auth", kind, times=None, everybody=True)  # the question names no order
        answer = await visit.http.post(urljoin(page.url, fields[visit.door.auth]), data=fields)
        expect(answer.status_code == 503, f"the script was answered with {answer.status_code}")
        told = (await visit.http.get(page.data("data-status"))).json()
        expect(told.get("window") == "refused", "the page is not told that the window does not open")
        expect(NOTHING_PAID in told["message_ko"], "the buyer does not hear that all is well")
    await visit.calm()
    await _may_try_again(visit, await visit.buyer.get(page.data("data-close")))


async def window_that_paystory_refuses(visit: Visit) -> None:
    """Pay-Story's script asks nobody but the buyer's browser, so the refusal stands on its own page."""
    page = await visit.press_pay("no-window")
    _knows_what_to_say_without_its_script(page)
    window = await visit.enter(page)
    expect(window.status == 400 and "기타오류" in window.text, "the buyer does not read why")
    await _may_try_again(visit, await visit.buyer.get(f"{visit.office.shop_url}/orders/{visit.order_ref}"))


async def decline_in_the_window(visit: Visit) -> None:
    """The card company says no in the window, in its words; the buyer goes back without having paid."""
    said = await visit.buyer.submit(await visit.open_window("limit"), action="pay")
    expect("한도초과" in said.text and "결제된 금액은 없어요" in said.text, "the buyer does not read why")
    await _leave(visit, said)


async def decline_in_payples_window(visit: Visit) -> None:
    """The card company says no in Payple's window; what the buyer's browser brings of that proves nothing."""
    window = await visit.open_window("r")
    await visit.arm("window", "decline", code="CPAY0005", message="한도초과")
    page = await visit.come_back(await visit.authenticate(window))
    expect("다시 시도해 주세요" in page.text, "the buyer does not hear what to do")
    await _may_try_again(visit, page)


async def window_closed(visit: Visit) -> None:
    """The buyer closes the window, which tells the bridge nothing: the request stays until its time is over."""
    await _leave(visit, await visit.buyer.submit(await visit.open_window("s"), action="close"))


async def window_lost_before_the_money_moved(visit: Visit) -> None:
    """The buyer is authenticated and never comes back: nobody approves it, and it runs out."""
    await visit.authenticate(await visit.open_window("r"))
    await _may_try_again(visit, await visit.buyer.get(f"{visit.office.shop_url}/orders/{visit.order_ref}"))


async def window_that_breaks_off(visit: Visit) -> None:
    """A window that takes the money breaks off when the buyer pays, and nothing happened: it ends with its time."""
    await _break_off(visit, "drop_before")
    await _may_try_again(visit, await visit.buyer.get(f"{visit.office.shop_url}/orders/{visit.order_ref}"))


async def window_lost_after_the_money_moved(visit: Visit) -> None:
    """The window breaks off when the buyer has paid: nobody comes back, and the notice brings the news."""
    await _break_off(visit, "drop_after")
    await visit.until("paid")
    page = await visit.buyer.get(f"{visit.office.shop_url}/orders/{visit.order_ref}")
    expect("예매가 끝났어요" in page.text, "the buyer does not see that the ticket is bought")


async def way_back(visit: Visit) -> str:
    """Let a window open that takes the money, and give the address to which it leads, without paying there."""
    page = await visit.press_pay("r")
    if visit.door.auth:
        await visit.enter(page)
        return visit.script_fields(page)["PCD_RST_URL"]
    return (await visit.buyer.submit(page, action="close")).link(LEAVE)


def _knows_what_to_say_without_its_script(page: Page) -> None:
    """Insist that the page itself can say that the gateway's script did not load, and that nothing was paid."""
    expect(NOTHING_PAID in page.data("data-say-lost"), "the page has no word for a script that does not load")


async def _may_try_again(visit: Visit, page: Page) -> None:
    """Insist that nothing was taken, and that the shop offers to pay."""
    expect(await visit.captured() == (0, 0), "money moved")
    expect("/checkout" in page.text, "the buyer cannot try again")


async def _leave(visit: Visit, said: Page) -> None:
    """Go back as the window offers it, and insist that nobody says it failed or was paid."""
    page = await visit.buyer.get(said.link(LEAVE))
    never_said_failed(page)
    expect("예매가 끝났어요" not in page.text, "the buyer is told of a ticket that nobody paid for")
    expect(await visit.captured() == (0, 0), "money moved without the buyer's card")


async def _break_off(visit: Visit, kind: str) -> None:
    """Press the pay button in a window that breaks off."""
    window = await visit.open_window("r")
    await visit.arm("window" if visit.door.auth else "pay", kind)
    try:
        await visit.authenticate(window)
    except httpx2.HTTPError:
        return
    expect(False, "the window did not break off")
