"""Power cuts: a busy server's trace, and images of its files as a cut at any point of it might have left them."""

import asyncio
import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from bridge.app import build_context
from bridge.domain.failures import LedgerBroken
from bridge.flows.context import Context
from bridge.flows.recover import recover_at_boot
from bridge.ledger import audit
from bridge.ledger.ledger import Turn
from bridge.settings import from_environment

from .disk import Platter, Record, read_trace, write_files
from .lab import Lab
from .people import Order, Refund
from .told import Told

AT_ONCE = 5


@dataclass
class Cuts:
    """What became of the images of one trace."""

    images: int = 0
    records: int = 0
    words: int = 0
    unsynced: int = 0
    lost: list[str] = field(default_factory=list)


def work(lab: Lab, buyers: int, *, bear: bool = False) -> None:
    """Let buyers and clerks do everything that writes, several at once; they bear it if the books cannot be written."""
    lab.gateway.set(card_notices=True)
    with ThreadPoolExecutor(AT_ONCE) as executor:
        for done in [executor.submit(_buy, lab, number, bear) for number in range(buyers)]:
            done.result()


def _buy(lab: Lab, number: int, bear: bool) -> None:
    order = Order(lab, method="virtual_account" if number % 6 == 1 else "card")
    opened = order.check_out()
    if opened is None or opened.status_code != 201:
        assert bear, opened
        return
    order.pay_in_window()
    ref = lab.gateway.merchant_ref(order.window_url)
    if number % 6 == 5:
        lab.gateway.fault("pay", "garbage_after", merchant_ref=ref)
    order.come_back()
    if number % 6 == 1:
        if lab.gateway.books()[ref]["calls"].get("pay"):
            lab.gateway.control("deposit", gateway="mainpay", merchant_ref=ref)
    elif number % 6 in (2, 3, 4):
        Refund(order, None if number % 6 == 4 else 12_000, payment=opened.json()["payment"]).click()


def cut_everywhere(lab: Lab, images: int, seed: int, *, honest: bool = True) -> Cuts:
    """Cut the power at so many points of a lab's trace, half of them just after something was told, and judge."""
    chance = random.Random(seed)
    trace = read_trace(lab.disk.trace_path)
    told_at = [place for place, record in enumerate(trace) if record.kind == "n"]
    points = [chance.choice(told_at) + 1 if number % 2 else chance.randrange(len(trace)) for number in range(images)]
    return asyncio.run(_judge_all(lab, trace, sorted(points), chance, honest=honest))


async def _judge_all(lab: Lab, trace: list[Record], points: list[int], chance: random.Random, *, honest: bool) -> Cuts:
    platter, told, cuts, at = Platter(lab.before, honest=honest), Told(), Cuts(records=len(trace)), 0
    for point in points:
        for record in trace[at:point]:
            platter.feed(record)
            told.hear(record)
        at = point
        cuts.images += 1
        cuts.words += len(told.words)
        cuts.unsynced += platter.unsynced
        directory = lab.directory / "image"
        write_files(platter.cut(chance), directory)
        cuts.lost += [f"after {point} of {len(trace)}: {what}" for what in await _judge(lab, directory, told)]
    return cuts


async def _judge(lab: Lab, directory: Path, told: Told) -> list[str]:
    """Open an image with the real ledger, recover, and say what is missing or wrong."""
    settings = from_environment(lab.environment | {"BRIDGE_DATABASE_URL": f"sqlite:///{directory / 'bridge.db'}"})
    try:
        context = build_context(settings)
    except LedgerBroken as error:
        return [error.detail]
    try:
        await context.sites.refresh()
        await recover_at_boot(context)
        return await _wrong(context, told)
    finally:
        await context.wire.close()
        await context.ledger.close()


async def _wrong(context: Context, told: Told) -> list[str]:
    def look(turn: Turn) -> list[str]:
        found = [f"{kind} {key} rests on nothing" for kind, key in told.missing(turn.all)]
        for payment in turn.all("SELECT id, captured, refunded FROM payments"):
            entries = turn.one("SELECT COALESCE(SUM(amount), 0) AS net FROM entries WHERE payment = ?", payment["id"])
            assert entries is not None
            if entries["net"] != payment["captured"] - payment["refunded"]:
                found.append(f"payment {payment['id']} does not equal its entries")
            if audit.first_break(turn.all("SELECT * FROM audit WHERE payment = ? ORDER BY seq", payment["id"])):
                found.append(f"the audit of payment {payment['id']} is broken")
        found += [
            f"operation {row['id']} is sent" for row in turn.all("SELECT id FROM operations WHERE state = 'sent'")
        ]
        return found

    return await context.ledger.read(look)
