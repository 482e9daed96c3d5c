"""The journeys the check walks: what a buyer, a clerk, a bad network and a forger do, and where one cannot happen."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from bridge.demo import forged_journeys, notice_journeys, window_journeys
from bridge.demo.doors import DOORS
from bridge.demo.visit import Visit, expect, never_said_failed

Walk = Callable[[Visit], Awaitable[None]]
MAINPAY = ("mainpay", "mainpay-guide")
IN_WINDOW = ("payapp", "payple-pay")
"""Where the gateway takes the money in its own window: at PayApp, and at Payple in mode PAY."""
BY_US = tuple(name for name in DOORS if name not in IN_WINDOW)
"""Where money moves by the bridge's approval, after the buyer has come back."""


@dataclass(frozen=True, slots=True)
class Journey:
    """One story, told in every dialect but those that `why_not` names, with the reason why it cannot happen there.

    `ends` is the state its payment must come to, `otherwise` where that is another; `told_as` the walks of dialects in
    which the same story goes another way; `once` the news that the shop must have heard exactly once; `alone` the
    dialects in which it is walked before all others, as what it lets go wrong would strike any of them.
    """

    walk: Walk
    ends: str
    otherwise: Mapping[str, str] = field(default_factory=dict)
    told_as: Mapping[str, Walk] = field(default_factory=dict)
    why_not: Mapping[str, str] = field(default_factory=dict)
    once: str = ""
    alone: Collection[str] = ()

    @property
    def dialects(self) -> tuple[str, ...]:
        """Name the dialects in which it is told."""
        return tuple(name for name in DOORS if name not in self.why_not)

    def walk_in(self, dialect: str) -> Walk:
        """Give the walk of a dialect."""
        return self.told_as.get(dialect, self.walk)

    def end(self, dialect: str) -> str:
        """Name the state the payment must come to with a dialect."""
        return self.otherwise.get(dialect, self.ends)

    @property
    def name(self) -> str:
        """The story in words."""
        return self.walk.__name__.replace("_", " ").strip()


async def buy(visit: Visit) -> None:
    """The buyer pays by card and sees that it is done."""
    page = await visit.watch(await visit.buy("r"))
    expect("예매가 끝났어요" in page.text, "the buyer does not see that the ticket is bought")
    again = await visit.buyer.get(f"{visit.office.shop_url}/orders/{visit.order_ref}")
    expect("/checkout" not in again.text, "a paid order can be paid once more")


async def decline(visit: Visit) -> None:
    """The card company says no; the buyer reads why, in its words."""
    page = await visit.buy("limit")
    expect("거절" in page.text and "한도초과" in page.text.replace(" ", ""), "the buyer does not read why")
    expect("/checkout" in page.text, "the buyer cannot try again")


async def decline_that_no_code_proves(visit: Visit) -> None:
    """The card company says no in a code of no list: the buyer waits until it is asked for, or taken back."""
    returned = await visit.authenticate(await visit.open_window("r"))
    await visit.arm(visit.door.approval, "decline", code="51", message="잔액 부족")
    page = await visit.come_back(returned)
    if "확인하고 있어요" in page.text:
        never_said_failed(page)
    expect("예매가 끝났어요" not in page.text, "the buyer is told of a ticket that nobody paid for")
    expect((await visit.book())["captured"] == 0, "money moved although the card company said no")


async def close(visit: Visit) -> None:
    """The buyer closes the window."""
    page = await visit.come_back(await visit.authenticate(await visit.open_window("s"), "close"))
    said = "결제창을 닫았어요" if visit.dialect in MAINPAY else "다시 시도해 주세요"
    expect(said in page.text and "/checkout" in page.text, "the buyer cannot try again")


async def authentication_fails(visit: Visit) -> None:
    """The card company does not recognise the buyer, who then gives up."""
    page = await visit.buyer.submit(await visit.open_window("s"), action="fail")
    if any(form.id == "back" for form in page.forms()):
        await visit.buyer.submit(page, "back")
    expect((await visit.payment())["captured"] == 0, "money moved without authentication")


async def approval_answer_lost_before_the_money_moved(visit: Visit) -> None:
    """The approval never arrives; nobody is told that it failed before that is certain."""
    page = await visit.buy("lost-before")
    never_said_failed(page)
    visit.notes["state_after_return"] = (await visit.payment())["state"]


async def approval_answer_lost_after_the_money_moved(visit: Visit) -> None:
    """The money moved, the answer did not come: it is taken back, or known by asking or by a notice."""
    page = await visit.buy("lost-after")
    if "확인하고 있어요" in page.text:
        never_said_failed(page)
    state = (await visit.until("voided", "paid"))["state"]
    book, kept = await visit.book(), visit.price if state == "paid" else 0
    expect(book["captured"] == visit.price and book["net"] == kept, "the books hold other money than is said")


async def duplicate_return(visit: Visit) -> None:
    """The browser comes back four times, three of them at once."""
    returned = await visit.authenticate(await visit.open_window("r"))
    await asyncio.gather(*(visit.come_back(returned) for _ in range(3)))
    page = await visit.watch(await visit.come_back(returned))
    expect("예매가 끝났어요" in page.text, "the buyer does not see that the ticket is bought")
    expect((await visit.book())["calls"].get(visit.door.approval, 1) == 1, "the approval was asked for more than once")


async def virtual_account(visit: Visit) -> None:
    """The buyer gets an account, pays into it later, and the notice brings the news."""
    page = await visit.watch(await visit.buy("r", "virtual_account"), "awaiting_deposit")
    account = (await visit.payment())["account"]["number"]
    expect("입금을 기다리고 있어요" in page.text and account in page.text, "the buyer does not see where to pay")
    await visit.buyer.submit(page, "deposit")
    await visit.until("paid")


async def full_refund(visit: Visit) -> None:
    """The clerk gives everything back."""
    await visit.buy("r")
    page = await visit.refund()
    expect("환불했어요" in page.text, "the clerk does not see that it is done")


async def part_and_rest_refund(visit: Visit) -> None:
    """The clerk gives a part back, then the rest; more than is left is refused."""
    await visit.buy("s")
    await visit.refund(10_000)
    expect((await visit.until_refunds("done"))["state"] == "part_refunded", "a part is not told from the whole")
    too_much = await visit.refund(visit.price)
    expect(too_much.status == 422 and (await visit.book())["refunded"] == 10_000, "too much can be given back")
    await visit.refund()


async def refund_answer_lost(visit: Visit) -> None:
    """The refund happens, its answer is lost: it is given back once, and the bridge finds out."""
    await visit.buy("refund-lost")
    await visit.refund()
    await visit.until_refunds("done")
    expect((await visit.book())["refunded"] == visit.price, "the refund happened another number of times than once")


async def refund_race(visit: Visit) -> None:
    """Two clerks give everything back at the same time: it is given back once, and one of them hears that."""
    await visit.watch(await visit.buy("r"))
    path = f"/v1/payments/{quote((await visit.payment())['id'])}/refunds"
    wish = {"reason": "관람객 요청", "actor": "wp:operator"}
    answers = await asyncio.gather(*(visit.office.call("POST", path, wish, visit.office.new_key()) for _ in range(2)))
    statuses = sorted(answer.status for answer in answers)
    expect(statuses[0] in (200, 202) and statuses[1] in (409, 422), f"two refunds at once were answered {statuses}")
    payment = await visit.until_refunds("done")
    book = await visit.book()
    expect(len(payment["refunds"]) == len(book["refunds"]) == 1, "a refund was made another number of times than once")
    expect(payment["refunded"] == book["refunded"] == visit.price, "another amount was given back than was taken")


async def refund_refused(visit: Visit) -> None:
    """The gateway refuses; the clerk reads its own words."""
    await visit.buy("refund-refused")
    page = await visit.refund()
    expect("거절됐어요" in page.text and visit.door.no_refund in page.text, "the clerk does not read why")
    payment, book = await visit.payment(), await visit.book()
    expect(payment["refunded"] == book["refunded"] == 0, "money went back although the gateway refused")


async def seat_gone(visit: Visit) -> None:
    """The seat is lost while the buyer is in the window: no money may move."""
    page = await visit.buy("seat-gone")
    expect("다른 분이 좌석을 예매했어요" in page.text, "the buyer does not hear why")
    expect((await visit.book())["calls"].get(visit.door.approval, 0) == 0, "the approval was asked for without a seat")


_NO_APPROVAL = dict.fromkeys(IN_WINDOW, "it takes the money in its own window: there is no approval of ours")
_NO_FENCE = dict.fromkeys(
    IN_WINDOW, "it takes the money in its own window: no approval comes before which the shop is asked"
)
_NOTHING_IN_WINDOW = dict.fromkeys(BY_US, "its window takes no money, which moves by our approval alone")
_CARDS_ALONE = dict.fromkeys(("payple", "payple-pay"), "it takes cards alone")
JOURNEYS = (
    Journey(buy, "paid"),
    Journey(
        decline,
        "declined",
        otherwise={"payapp": "expired", "payple-pay": "expired"},
        told_as={
            "payapp": window_journeys.decline_in_the_window,
            "payple-pay": window_journeys.decline_in_payples_window,
        },
        why_not={"payple": "none of its codes proves a refusal: it is told as the decline that no code proves"},
    ),
    Journey(
        decline_that_no_code_proves,
        "declined",
        why_not={
            "payapp": "its window tells the buyer, and nobody else, that a card was refused",
            "payple-pay": "only the buyer's browser tells of a refusal in its window, whatever the code",
        },
    ),
    Journey(close, "expired", told_as={"payapp": window_journeys.window_closed}),
    Journey(authentication_fails, "expired"),
    Journey(
        approval_answer_lost_before_the_money_moved,
        "voided",
        otherwise={"payple": "declined"},
        why_not=_NO_APPROVAL,
    ),
    Journey(
        approval_answer_lost_after_the_money_moved,
        "voided",
        otherwise={"paystory": "paid", "payple": "paid", "welcome": "paid"},
        why_not=_NO_APPROVAL,
    ),
    Journey(
        window_journeys.window_lost_before_the_money_moved,
        "expired",
        told_as=dict.fromkeys(IN_WINDOW, window_journeys.window_that_breaks_off),
    ),
    Journey(window_journeys.window_lost_after_the_money_moved, "paid", why_not=_NOTHING_IN_WINDOW, once="payment.paid"),
    Journey(
        window_journeys.window_does_not_open,
        "failed_ready",
        otherwise={"paystory": "expired", "payple": "expired", "payple-pay": "expired"},
        told_as={
            "paystory": window_journeys.window_that_paystory_refuses,
            "payple": window_journeys.window_that_payple_does_not_vouch_for,
            "payple-pay": window_journeys.window_that_payple_does_not_vouch_for,
        },
        alone=("payple", "payple-pay"),
    ),
    Journey(duplicate_return, "paid"),
    Journey(notice_journeys.notice_told_thrice, "paid", once="payment.paid"),
    Journey(notice_journeys.notice_told_before_the_answer, "paid", once="payment.paid"),
    Journey(notice_journeys.notice_told_late, "paid", once="payment.paid"),
    Journey(virtual_account, "paid", why_not=_CARDS_ALONE),
    Journey(full_refund, "refunded"),
    Journey(part_and_rest_refund, "refunded"),
    Journey(refund_answer_lost, "refunded", once="payment.refunded"),
    Journey(refund_race, "refunded", once="payment.refunded"),
    Journey(refund_refused, "paid"),
    Journey(
        seat_gone,
        "declined",
        why_not=_NO_FENCE,
    ),
    Journey(
        forged_journeys.return_of_another_window,
        "paid",
        otherwise={"payapp": "expired", "payple-pay": "expired", "welcome": "voided"},
        told_as={
            "payapp": forged_journeys.return_of_another_window_that_took_the_money,
            "payple-pay": forged_journeys.return_of_another_window_that_took_the_money,
            "welcome": forged_journeys.return_of_another_window_that_names_nothing,
        },
    ),
    Journey(
        forged_journeys.forged_return,
        "paid",
        otherwise={"payapp": "expired", "payple-pay": "expired", "payple": "declined"},
        told_as=dict.fromkeys(IN_WINDOW, forged_journeys.forged_return_that_says_paid),
    ),
    Journey(forged_journeys.forged_notice, "expired"),
)
