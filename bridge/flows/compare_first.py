"""After a restore: what the books have lost of a payment is asked of its gateway before money of it moves again."""

from bridge.clock import to_ms
from bridge.domain.gateway import Inquires
from bridge.domain.machine import PENDING_STEPS, Kind, State
from bridge.domain.payment import Payment
from bridge.flows.compare import REFUNDS_UNSHOWN
from bridge.flows.context import Context
from bridge.flows.owe_check import owe_check
from bridge.flows.pace import is_late, waited_ms
from bridge.flows.record import Recorder
from bridge.flows.settle_unknown import settle_soon
from bridge.flows.sites import Site
from bridge.ledger import alarms, gap, operations, payments
from bridge.ledger.alarms import SETTINGS, subject_of_settings
from bridge.ledger.gap import Gap
from bridge.ledger.ledger import Turn
from bridge.ledger.operations import Operation

REFUNDABLE = (State.PAID, State.PART_REFUNDED)
COMPARED = (*REFUNDABLE, State.AWAITING_DEPOSIT)
COMPARED_MAX = 1_000
"""Payments compared right after a restore, the newest first; older ones when a refund of them is asked for."""
APART_SECONDS = 0.25
BEGIN_SECONDS = 30.0
"""The gap ends before, where nothing else is left to settle: a case about one payment would keep a whole site from
selling until a person ends it."""
FOUND = "unexpected_deposit"
UNHEARD_DEPOSIT = (
    "it waited for a deposit while the books were restored, and one told to the lost books is not in these"
)
REFUSED_DEPOSIT = (
    "it waited for a deposit while its gateway's settings were refused, and one told then was not taken in"
)


def owe_comparisons(turn: Turn, recorder: Recorder, restored: Gap) -> int:
    """Owe a comparison of each payment whose gateway can be asked, one after the other; answers how many."""
    names = [name for name, gateway in recorder.site.gateways.items() if isinstance(gateway, Inquires)]
    found = payments.newest(turn, restored.site, names, COMPARED, restored.lost_until, COMPARED_MAX) if names else []
    for number, payment in enumerate(found):
        owe_check(turn, recorder, payment, after_seconds=BEGIN_SECONDS + number * APART_SECONDS)
    return len(found)


def is_uncompared(turn: Turn, site: Site, payment: Payment) -> bool:
    """Tell whether a paid payment was there before its books were restored, and its gateway has not told since
    what it gave back."""
    can_ask = isinstance(site.gateways.get(payment.gateway), Inquires)
    return can_ask and payment.state in REFUNDABLE and _waits_since_restore(turn, payment)


def is_unshown(turn: Turn, payment: Payment) -> bool:
    """Tell whether the gateway has answered since its books were restored, and not told what it gave back."""
    restored = gap.of_site(turn, payment.site)
    answers = _answers_since(turn, payment) if restored is not None else []
    return bool(answers) and all(one.code == REFUNDS_UNSHOWN for one in answers)


def has_waited(turn: Turn, recorder: Recorder, payment: Payment) -> bool:
    """Tell whether the gateway has not answered for so long that a person may go by its console instead."""
    gateway = recorder.site.gateways[payment.gateway]
    owed = [one for one in operations.of_payment(turn, payment.id) if one.kind is Kind.CHECK]
    pending = [one for one in owed if one.step in PENDING_STEPS]
    return any(is_late(gateway, waited_ms(recorder.context, one, recorder.stamp)) for one in pending)


def ask_about_lost_time(turn: Turn, recorder: Recorder, payment: Payment) -> None:
    """Open a case of an account that ends unpaid, if nobody has shown that it was not paid in the lost time, or while
    its gateway's settings were refused and with them its notices."""
    if payment.state != State.AWAITING_DEPOSIT:
        return
    if _waits_since_restore(turn, payment):
        recorder.case(turn, payment, FOUND, UNHEARD_DEPOSIT)
    can_ask = isinstance(recorder.site.gateways.get(payment.gateway), Inquires)
    waits_since, refused = to_ms(payment.created_at), subject_of_settings(payment.site, payment.gateway)
    if not can_ask and alarms.lasted_into(turn, SETTINGS, refused, waits_since):
        recorder.case(turn, payment, FOUND, REFUSED_DEPOSIT)


def unheard_accounts(turn: Turn, site: Site, restored: Gap) -> list[dict[str, str | int]]:
    """Name the accounts that wait for a deposit since before the restore, and whose gateway cannot be asked."""
    names = [name for name, gateway in site.gateways.items() if not isinstance(gateway, Inquires)]
    wanted = (names, (State.AWAITING_DEPOSIT,), restored.lost_until, COMPARED_MAX)
    found = payments.newest(turn, site.id, *wanted) if names else []
    waiting = [one for one in found if gap.of_payment(turn, one) is not None]
    return [{"payment": one.id, "reference": one.merchant_ref, "amount": one.amount} for one in waiting]


async def compare_first(context: Context, site: Site, payment_id: str) -> int | None:
    """Ask the gateway about a payment of restored books, once, before it is refunded, and wait a moment for the answer.

    Answers how many KRW the books had as refunded before; None where nothing was to be asked.
    """

    def owe(turn: Turn) -> Payment | None:
        payment = payments.find(turn, site.id, payment_id)
        current = gap.of_site(turn, site.id)
        if payment is None or current is None or current.ended_at is None or not is_uncompared(turn, site, payment):
            return None
        return payment if owe_check(turn, Recorder.now(context, site), payment) else None

    if await context.ledger.read(lambda turn: gap.of_site(turn, site.id)) is None:
        return None
    payment = await context.ledger.write(owe)
    if payment is None:
        return None
    settle_soon(context, site, payment)
    task = context.tasks.find(f"settle:{payment.id}")
    if task is not None:
        await context.tasks.wait(task, context.settings.refund_wait_seconds)
    return payment.refunded


def _waits_since_restore(turn: Turn, payment: Payment) -> bool:
    if gap.of_payment(turn, payment) is None:
        return False
    return all(one.code == REFUNDS_UNSHOWN for one in _answers_since(turn, payment))


def _answers_since(turn: Turn, payment: Payment) -> list[Operation]:
    checks = [one for one in operations.of_payment(turn, payment.id) if one.kind is Kind.CHECK]
    return [one for one in checks if one.ended_at is not None and not one.before_restore]
