"""Seals the audit every second, and proves that the books are as written: what is new often, all of it nightly."""

from collections.abc import Awaitable, Callable
from functools import partial

from bridge.clock import now_ms
from bridge.flows.context import Context
from bridge.ledger import seals
from bridge.ledger.seals import Break

TURNS_MAX = 20
SEALS_AT_ONCE = 200
NEW_SEALS_AT_ONCE = 5
PAYMENTS_AT_ONCE = 100
NEW_PAYMENTS_MAX = 5000
"""How many changed payments one quick check looks at; what is more comes with the next."""


async def seal(context: Context) -> int:
    """Seal what was written since the last seal; answers how many audit rows."""
    sealed = 0
    for _ in range(TURNS_MAX):
        at = now_ms(context.clock)
        sealed += await context.ledger.write(partial(seals.seal, mac=mac_of(context), at=at))
        if not await context.ledger.read(seals.are_owed):
            break
    context.monitor.sealed_rows += sealed
    return sealed


def mac_of(context: Context) -> seals.Mac:
    """Give the hash that seals are made with."""
    return lambda text: context.vault.blind(f"seal|{text}")


async def check_new(context: Context, payments_max: int = NEW_PAYMENTS_MAX) -> tuple[list[Break], list[str]]:
    """Check what was sealed since the last check: seals, chains, entries. Answers also whose chains it looked at:
    payments' and notices'.

    It stops after about so many payments; the next check goes on from there.
    """
    found, looked = list[Break](), set[str]()
    mac = mac_of(context)
    for site in await context.ledger.read(seals.sites):
        after = await context.ledger.read(partial(seals.verified, site=site))
        while len(looked) < payments_max:
            page = partial(seals.check_seals, mac=mac, site=site, after=after, limit=NEW_SEALS_AT_ONCE)
            breaks, names, upto, _ = await context.ledger.read(page)
            found += breaks
            found += await _check_payments(context, sorted(set(names) - looked))
            looked.update(names)
            if upto == after or breaks:
                break
            after = upto
            await context.ledger.write(partial(seals.note_verified, site=site, seq=upto))
        found += await context.ledger.read(partial(seals.check_last, mac=mac, site=site))
    return found, sorted(looked)


async def check_all(context: Context, pause: Callable[[int], Awaitable[None]] | None = None) -> tuple[list[Break], int]:
    """Check every seal, chain and entry; answers the breaks and how many rows were read.

    `pause` is awaited after each page with its rows, so that the check takes no more of the machine than it should.
    """
    found, rows, mac = list[Break](), 0, mac_of(context)
    found += await context.ledger.read(seals.check_cover)
    for site in await context.ledger.read(seals.sites):
        after = 0
        while True:
            page = partial(seals.check_seals, mac=mac, site=site, after=after, limit=SEALS_AT_ONCE)
            breaks, _, upto, many = await context.ledger.read(page)
            found, rows = found + breaks, rows + upto - after
            if upto == after or breaks:
                break
            after = upto
            await (pause(many) if pause else _no_pause())
        found += await context.ledger.read(partial(seals.check_last, mac=mac, site=site))
    payment = ""
    while True:
        breaks, payment, many = await context.ledger.read(partial(seals.check_payments, after=payment))
        found, rows = found + breaks, rows + many
        if not payment:
            return found, rows
        await (pause(many) if pause else _no_pause())


async def _check_payments(context: Context, names: list[str]) -> list[Break]:
    found = list[Break]()
    for start in range(0, len(names), PAYMENTS_AT_ONCE):
        some = names[start : start + PAYMENTS_AT_ONCE]
        found += await context.ledger.read(partial(seals.check_some, payments=some))
    return found


async def _no_pause() -> None:
    """Go on at once."""
