"""Journeys of notices: told thrice, told before the answer, told late. Each of them is money that moved once."""

from datetime import datetime
from typing import Any

from bridge.demo.visit import Visit, expect

LATE_SECONDS = 0.4
TIMER_SECONDS = 0.05
"""By how much a timer may be early, by the clock on the wall."""

Book = dict[str, Any]


async def notice_told_thrice(visit: Visit) -> None:
    """The gateway tells of one payment three times: it is taken once, and the shop hears of it once."""
    await _buy_with(visit, "notice_thrice")
    await _until_told(visit, 3)


async def notice_told_before_the_answer(visit: Visit) -> None:
    """The notice overtakes the answer, and the buyer: nobody knows yet that money moved."""
    await _buy_with(visit, "notice_first")
    expect(_times_told(await visit.book()) == 1, "the notice was not acknowledged before the answer")
    await _until_told(visit, 1)


async def notice_told_late(visit: Visit) -> None:
    """The notice comes late: PayApp's brings the news that the buyer waits for, the others' say what is known."""
    await _buy_with(visit, "notice_late", LATE_SECONDS)
    book = await _until_told(visit, 1)
    taken = datetime.fromisoformat(book["captures"][0]["at"])
    told = min(datetime.fromisoformat(one["answers"][0]["at"]) for one in book["notices"])
    expect((told - taken).total_seconds() >= LATE_SECONDS - TIMER_SECONDS, "the notice was not late")


async def _buy_with(visit: Visit, kind: str, delay_seconds: float = 0.0) -> None:
    """Buy while all notices of the payment have a fault; the buyer sees in the end that it is done."""
    window = await visit.open_window("r")
    await visit.arm("notice", kind, times=None, delay_seconds=delay_seconds)
    page = await visit.watch(await visit.come_back(await visit.authenticate(window)))
    expect("예매가 끝났어요" in page.text, "the buyer does not see that the ticket is bought")


async def _until_told(visit: Visit, times: int) -> Book:
    """Wait until every notice is acknowledged so often; insist that the money moved once. Gives the book."""
    book = await visit.wait(visit.book, lambda one: _times_told(one) == times, f"notices acknowledged {times} times")
    expect(len(book["captures"]) == 1 and book["net"] == visit.price, "the money moved another number of times")
    payment = await visit.until("paid")
    expect((payment["captured"], payment["refunded"]) == (visit.price, 0), "the ledger counts notices, not money")
    return book


def _times_told(book: Book) -> int:
    """Count how often every notice was acknowledged: the fewest, where a gateway tells by two ways."""
    return min((sum(one.get("acked", False) for one in notice["answers"]) for notice in book["notices"]), default=0)
