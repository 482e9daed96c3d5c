"""Broken anchors that two people found harmless: no alarm any more, while the books differ from them in the same way.

The shop is told "broken" as before: what it keeps is the proof, and nothing that is written here touches it.
"""

import json
from typing import Any

from bridge.clock import from_ms, new_id, now_ms
from bridge.domain.decisions import read_evidence
from bridge.domain.failures import NotNow
from bridge.flows.context import Context
from bridge.flows.sites import Site
from bridge.flows.snapshots import rfc3339
from bridge.flows.two_people import Checker, Made, check_checker, operator_actor, read_remark
from bridge.ledger import anchors, audit
from bridge.ledger.ledger import Row, Turn
from bridge.ledger.queues import line_up

CHAIN = "anchors"
"""The chain of the audit that says who acknowledged which broken anchors, and why."""


async def list_breaks(context: Context) -> list[dict[str, Any]]:
    """List the broken anchors of every site, with who acknowledged each, or would, and why."""
    urls = {site.id: site.url for site in context.sites.all()}
    rows = await context.ledger.read(anchors.all_breaks)
    return [_shown(row, urls.get(row["site"]) or row["site"]) for row in rows]


async def propose_acknowledgement(context: Context, site: Site, reason: str, operator: str) -> str:
    """Propose to acknowledge what is broken of a site's anchors now, in place of what was proposed for them before.

    Answers the proposal's id. Raises Malformed for a reason that says nothing, NotNow where nothing is broken.
    """
    reason, maker, at = read_evidence(reason), operator_actor(operator), now_ms(context.clock)
    proposal = new_id(context.clock)

    def work(turn: Turn) -> str:
        line_up(turn, CHAIN)
        rows = [row for row in anchors.all_breaks(turn) if row["site"] == site.id and not row["acknowledged_at"]]
        if not rows:
            raise NotNow("Nothing of this site's anchors is broken, or all of it is acknowledged: see `anchors list`.")
        for row in rows:
            anchors.propose(turn, row, proposal=proposal, reason=reason, maker=maker, at=at)
        _note(turn, rows, "anchors.proposed", actor=maker, at=at, why=reason)
        return proposal

    return await context.ledger.write(work)


async def confirm_acknowledgement(context: Context, proposal: str, operator: str, remark: str = "") -> int:
    """Confirm what another proposed: those anchors, and no others, are no alarm from now on. Answers how many.

    Whoever confirms has just proven their password. Raises NotNow where nothing of the proposal stands any more,
    NeedsAnother, Malformed.
    """
    checker = Checker(operator, read_remark(remark), context.settings.lone_operator_confirms)
    at = now_ms(context.clock)

    def work(turn: Turn) -> int:
        line_up(turn, CHAIN)
        rows = [row for row in anchors.all_breaks(turn) if proposal and row["proposal"] == proposal]
        waiting = [row for row in rows if not row["acknowledged_at"]]
        if not waiting:
            raise NotNow("This is not proposed, or not any more: see `anchors list`, and propose it anew.")
        for row in waiting:
            check_checker(turn, Made(row["maker"], row["made_at"]), checker, at)
            anchors.acknowledge(turn, row, checker=operator_actor(operator), at=at)
        _note(turn, waiting, "anchors.acknowledged", actor=operator_actor(operator), at=at, why=checker.remark)
        return len(waiting)

    return await context.ledger.write(work)


def _note(turn: Turn, rows: list[Row], event: str, *, actor: str, at: int, why: str) -> None:
    """Write into the audit which anchors, what the books had in their place, and why: a restore takes the rows away."""
    which = json.dumps([[row["day"], row["seal"], row["at"], row["found"]] for row in rows], separators=(",", ":"))
    said = {"site": rows[0]["site"], "anchors": which, "why": why}
    audit.note(turn, site="", payment=CHAIN, at=at, actor=actor, event=event, detail=said)


def _shown(row: Row, url: str) -> dict[str, Any]:
    words = {name: row[name] for name in ("day", "seal", "what", "proposal", "reason", "maker", "checker")}
    times = {name: row[name] for name in ("made_at", "acknowledged_at")}
    state = "acknowledged" if row["acknowledged_at"] else "proposed" if row["proposal"] else "broken"
    moments = {name: rfc3339(from_ms(at)) if at else "" for name, at in times.items()}
    return {"site": url, "state": state} | words | moments
