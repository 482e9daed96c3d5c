"""Keeps records as long as they must be and no longer: what was said for 90 days, who bought for five years."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from bridge.clock import now_ms
from bridge.flows.context import Context
from bridge.ledger import looks, payments, privacy
from bridge.ledger.ledger import Turn

DAY_MS = 86_400_000
PAYLOAD_DAYS = 90
RECORD_MS = 5 * 366 * DAY_MS
"""Five years, for records of contracts and payments (전자상거래법 시행령 제6조)."""
AT_ONCE = 200
TURNS_MAX = 500
"""Turns one night may take; what is left is for the next."""
BRIDGE = "bridge"


@dataclass(frozen=True, slots=True)
class Retained:
    """What a night took out."""

    looks: int = 0
    calls: int = 0
    notices: int = 0
    orders: int = 0


async def retain(context: Context) -> Retained:
    """Drop old looks, put hashes in place of old payloads, and take the buyers out of old orders."""
    at = now_ms(context.clock)
    gone = await context.ledger.write(partial(looks.drop_old, at=at))
    before = at - PAYLOAD_DAYS * DAY_MS
    calls = await _page(context, "hashed_calls", partial(privacy.hash_payloads, before=before, limit=AT_ONCE))
    notices = await _page(context, "hashed_notices", partial(privacy.hash_notices, before=before, limit=AT_ONCE))
    erase = partial(_erase_old, before=at - RECORD_MS, at=at)
    return Retained(gone, calls, notices, await _page(context, "erased_orders", erase))


async def _page(context: Context, name: str, work: Callable[..., tuple[int, str]]) -> int:
    """Go on where the last night ended, a turn a page."""

    def turn_of(turn: Turn) -> tuple[int, bool]:
        row = turn.one("SELECT value FROM meta WHERE name = ?", name)
        after = row["value"] if row else ""
        many, upto = work(turn, after=after)
        if upto != after:
            turn.run(
                "INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                *(name, upto),
            )
        return many, upto != after

    total = 0
    for _ in range(TURNS_MAX):
        many, more = await context.ledger.write(turn_of)
        total += many
        if not more:
            break
    return total


def _erase_old(turn: Turn, *, before: int, after: str, at: int) -> tuple[int, str]:
    found, upto = privacy.old_orders(turn, before, after, AT_ONCE)
    many = 0
    for site, ref in found:
        must_stay = privacy.kept_until(turn, site, ref, RECORD_MS) > at
        if must_stay or privacy.is_on_its_way(payments.of_order(turn, site, ref)):
            continue  # a younger payment of the same order erases it later
        privacy.erase(turn, site, ref, at=at, actor=BRIDGE)
        many += 1
    return many, upto
