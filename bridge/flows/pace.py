"""How often to ask about what nobody knows, and when a person must be told."""

from bridge.clock import between_ms, boot_mark, to_ms
from bridge.domain.exchange import Stamp
from bridge.domain.gateway import Gateway
from bridge.flows.context import Context
from bridge.ledger.ledger import Row
from bridge.ledger.operations import Operation

UNDO_SECONDS = (1, 2, 4, 8, 15, 30, 45)
APPROVAL_SECONDS = (2, 3, 10, 30, 45)
ASK_SECONDS = (2, 3, 10, 45, 60)
"""Pauses between tries: a net-cancel goes out at once and often, an inquiry at 2, 5, 15, 60 s and then each minute, one
about an approval or a window's end at 2, 5, 15, 45 s and then each 45 s. Where a gateway takes approvals back, one that
moved money unheard is to be settled within a minute of the last trouble, also by an inquiry that lags behind it: no
pause may take all of it, and there is a look well before it is over."""
DEADLINE_SECONDS_MAX = 65
STALE_SECONDS = DEADLINE_SECONDS_MAX + 30
"""What was sent longer ago and has no outcome has nobody who waits for its answer: no gateway's deadline is longer."""
CLAIM_SECONDS_MORE = 30
RECEIPT_SECONDS = (STALE_SECONDS, 120, 240, 480, 960, 1_800)
"""Pauses between tries of a receipt's cancel: after the last of them, about an hour, it is a person's."""
HUMAN_EVERY_SECONDS = 600
OVERDUE_SECONDS = 60
FIRST_LOOKS_MAX = 100_000
"""So many first looks at what other machines wrote are remembered: the oldest goes, and what still waits waits anew."""
HOUR_SECONDS, DAY_SECONDS = 3_600, 86_400
ACCEPTED_DAYS_MAX = 14


def quiet_ms(context: Context, gateway: Gateway | None) -> int:
    """The quiet period: nobody may conclude "absent" earlier after the last byte was sent.

    That of a gateway that is not set up, and may have been when it was sent, is as long as any.
    """
    deadline = gateway.deadline_seconds if gateway is not None else DEADLINE_SECONDS_MAX
    return round(max(context.settings.quiet_seconds_min, deadline + 60) * 1000)


def quiet_left_ms(context: Context, gateway: Gateway | None, operation: Operation, now: Stamp) -> int:
    """What is left of the quiet period after an operation's last byte, in milliseconds; 0 once it is over."""
    return max(0, quiet_ms(context, gateway) - waited_ms(context, operation, now))


def arrival_left_ms(context: Context, gateway: Gateway | None, operation: Operation, now: Stamp) -> int:
    """What is left of the quiet period after the last byte of an operation's last try, in milliseconds."""
    tried = passed_ms(context, f"{operation.id} {operation.tries}", operation.tried_boot, now)
    again = quiet_ms(context, gateway) - tried if operation.tried_boot else 0
    return max(again, quiet_left_ms(context, gateway, operation, now))


def waited_ms(context: Context, operation: Operation, now: Stamp) -> int:
    """How long ago an operation was sent, in milliseconds, or less."""
    return passed_ms(context, operation.id, operation.stamp.boot, now)


def passed_ms(context: Context, name: str, boot: str, now: Stamp) -> int:
    """How long ago something was that has this id and came at that moment of the boot clock, in milliseconds, or less.

    By the boot clock alone: the wall clock may have been set meanwhile, and proves nothing. What another machine wrote,
    or this one before it started, counts from when this process first looked at it.
    """
    passed = between_ms(boot, now.boot)
    if passed is None:
        looks = context.first_looks
        passed = between_ms(looks.setdefault(name, now.boot), now.boot)
        if len(looks) > FIRST_LOOKS_MAX:
            del looks[next(iter(looks))]
    return passed or 0


def pause_ms(seconds: tuple[int, ...], tries: int) -> int:
    """The pause after that many tries, in milliseconds (an operation counts claims and outcomes: two for each try)."""
    return seconds[min(max(tries, 1) - 1, len(seconds) - 1)] * 1000


def receipt_pause_ms(tries: int) -> int:
    """The pause before a receipt under way is taken up, or its cancel tried, once more, in milliseconds."""
    return pause_ms(RECEIPT_SECONDS, tries + 1)


def claimed_until(gateway: Gateway, at: int) -> int:
    """When a try that is claimed now is nobody's again, in milliseconds: after its deadline and its writing down."""
    return at + round((gateway.deadline_seconds + CLAIM_SECONDS_MORE) * 1000)


def is_late(gateway: Gateway, waited: int) -> bool:
    """Whether an outcome has been unknown for so long (milliseconds) that a person must be told."""
    return waited >= gateway.human_after_seconds * 1000


def accepted_until(operation: Operation) -> int:
    """When a refund that was taken in should have been made, in milliseconds: then a person is asked."""
    return to_ms(operation.sent_at) + ACCEPTED_DAYS_MAX * DAY_SECONDS * 1000


def after_human(since: int, at: int) -> int:
    """When to ask again once a person was told: every 10 minutes for a day, hourly for a week, then daily."""
    waited = (at - since) / 1000
    if waited < DAY_SECONDS:
        return at + HUMAN_EVERY_SECONDS * 1000
    return at + (HOUR_SECONDS if waited < 7 * DAY_SECONDS else DAY_SECONDS) * 1000


def patience_seconds(context: Context, site: str, gateway: str) -> float:
    """How long an outcome of a gateway may be unknown before a person must be told; 0 for one that is not set up."""
    found = context.sites.find(site)
    known = found.gateways.get(gateway) if found is not None else None
    return known.human_after_seconds if known is not None else 0.0


def is_overdue(context: Context, row: Row, at: int) -> bool:
    """Whether a person should have been told of an unknown by now, as its gateway allows; `at` in milliseconds."""
    allowed = patience_seconds(context, row["site"], row["gateway"])
    passed = between_ms(row["sent_boot"], boot_mark(context.clock))
    return (at - int(row["sent_at"]) if passed is None else passed) / 1000 > allowed + OVERDUE_SECONDS
