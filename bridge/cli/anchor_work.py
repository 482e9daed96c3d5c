"""What `pay-bridge anchors` does to a bridge; who proposes or confirms proves the password of their account first."""

from typing import Any

from msgspec import Struct

from bridge.cli.case_work import who_acts
from bridge.flows.acknowledge_anchors import confirm_acknowledgement, list_breaks, propose_acknowledgement
from bridge.flows.context import Context


class AnchorsPropose(Struct, forbid_unknown_fields=True):
    """`anchors propose`."""

    url: str
    reason: str
    name: str
    password: str


class AnchorsConfirm(Struct, forbid_unknown_fields=True):
    """`anchors confirm`."""

    proposal: str
    remark: str
    name: str
    password: str


async def list_(context: Context, _: object) -> Any:
    """List the broken anchors of every site."""
    return await list_breaks(context)


async def propose(context: Context, words: AnchorsPropose) -> Any:
    """Propose to acknowledge a site's broken anchors."""
    site = context.sites.at(words.url)
    who = await who_acts(context, words.name, words.password)
    return {"proposal": await propose_acknowledgement(context, site, words.reason, who)}


async def confirm(context: Context, words: AnchorsConfirm) -> Any:
    """Confirm what another proposed."""
    who = await who_acts(context, words.name, words.password)
    return {"acknowledged": await confirm_acknowledgement(context, words.proposal, who, words.remark)}
