"""Compares the anchors that shops hand back with the books, and gives new ones: they are where the books are not."""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import structlog

from bridge.clock import now_ms
from bridge.domain.failures import Malformed
from bridge.domain.invariants import Violation
from bridge.flows.context import Context
from bridge.flows.open_checkout import Once
from bridge.flows.sites import Site
from bridge.ledger import anchors, gap, replay, seals
from bridge.ledger.anchors import Anchor, Compared
from bridge.ledger.ledger import Turn

SUBJECT = "anchors of "
"""What an alarm about a site's anchors begins with, before the site."""
log = structlog.get_logger("anchors")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of each anchor that was handed back, in order, and the anchor to keep now, if there is one."""

    compared: Sequence[Compared]
    newest: Anchor | None


async def compare_anchors(context: Context, site: Site, kept: Sequence[Anchor], once: Once) -> Answer:
    """Compare a page of what a shop keeps, and note what is broken: the next check raises its alarm.

    Raises Malformed for an anchor that these books did not make for this site, Replayed.
    """
    mac, at = mac_of(context), now_ms(context.clock)
    strange = [one for one in kept if not hmac.compare_digest(one.proof, anchors.prove(mac, site.id, one))]
    if strange:
        log.error("an anchor is not of these books", site=site.id, day=strange[0].day, seal=strange[0].seal)
        raise Malformed(
            f"The anchor of {strange[0].day} (seal {strange[0].seal}) was not made by these books for this site."
            " Either it was altered where it is kept, or these are other books than those that made it."
        )

    def look(turn: Turn) -> tuple[list[Compared], Anchor | None]:
        current = gap.of_site(turn, site.id)
        settled = current is None or current.ended_at is not None  # else the day's sums may still change
        newest = anchors.make(turn, mac, site.id, at) if settled else None
        return anchors.compare(turn, site.id, kept), newest

    compared, newest = await context.ledger.read(look)

    def keep(turn: Turn) -> None:
        replay.use_nonce(turn, once.key_id, once.nonce, once.ends_at)
        anchors.note(turn, site.id, at, compared)

    await context.ledger.write(keep)
    return Answer(compared, newest)


def mac_of(context: Context) -> seals.Mac:
    """Give the hash that proofs of anchors are made with."""
    return lambda text: context.vault.blind(f"anchor|{text}")


async def find_broken(context: Context) -> list[Violation]:
    """I15: the books bear out every anchor that a shop handed back. Not grave: it is found with what others keep."""
    found = []
    for one in await context.ledger.read(anchors.breaks):
        more = f" (and {one.many - 1} more)" if one.many > 1 else ""
        found.append(Violation("I15", f"{SUBJECT}{one.site}", f"{one.what}{more}", False))
    return found


async def log_anchors(context: Context) -> None:
    """Say every site's anchor in the log, which is kept elsewhere too."""
    for site in await context.ledger.read(seals.sites):
        anchor = await context.ledger.read(
            partial(anchors.make, mac=mac_of(context), site=site, at=now_ms(context.clock))
        )
        if anchor is not None:
            log.info(
                "anchor",
                site=site,
                seal=anchor.seal,
                hash=anchor.hash,
                day=anchor.day,
                taken=anchor.taken,
                given_back=anchor.given_back,
            )
