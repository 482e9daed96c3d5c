"""Has a billing key issued for a card that its customer types on our own page: each try is asked for once."""

from bridge.clock import from_ms, new_reference, now_ms
from bridge.domain.billing import CardEntry, IssuesKeysByCard, KeyState
from bridge.domain.gateway import Gateway
from bridge.flows.billing_keys import key_order
from bridge.flows.card_page import is_key_on_page, refuse_untyped
from bridge.flows.choose_gateway import check_details, first_up
from bridge.flows.context import Context
from bridge.flows.issue_key import talk_and_record, wait_for_key
from bridge.flows.key_invitations import why_used
from bridge.flows.record import Recorder
from bridge.flows.sites import Site
from bridge.flows.typed_card import without_card
from bridge.ledger import billing_keys as rows
from bridge.ledger import gap
from bridge.ledger.billing_keys import KeyRow
from bridge.ledger.ledger import Turn


async def register_on_page(context: Context, site: Site, key_id: str, card: CardEntry, tries: int) -> KeyRow:
    """Have the key issued for a typed card, which is written down nowhere; `tries` were made when the form was shown.

    A form that is sent again, or after its key went on, sends nothing: the key is given as it stands. Raises NotFound,
    GatewayOff (switched off meanwhile, or the gateway is down), Malformed (it needs more of card or buyer), Busy; no
    try is counted then.
    """
    intended_at = context.clock.boot_seconds()
    row, gateway = await context.ledger.write(lambda turn: _begin(turn, context, site, key_id, card, tries))
    if gateway is not None:
        assert isinstance(gateway, IssuesKeysByCard), "no other gateway's key has such a page"
        asked = gateway.issue_key_by_card(key_order(context, row), card, Recorder.now(context, site).stamp)
        work = talk_and_record(context, site, gateway, row, without_card(asked, card), intended_at)
        context.tasks.begin(f"issue_key:{row.id}", work)
    return await wait_for_key(context, site, key_id)


def _begin(
    turn: Turn, context: Context, site: Site, key_id: str, card: CardEntry, tries: int
) -> tuple[KeyRow, Gateway | None]:
    gap.refuse(turn, site.id)
    row, at = rows.get(turn, site.id, key_id), now_ms(context.clock)
    if row.state is not KeyState.OPEN or not is_key_on_page(context, site, row) or row.tries != tries:
        return row, None
    if from_ms(at) >= row.expires_at:
        return rows.move(turn, row, KeyState.EXPIRED, at=at), None
    used = why_used(turn, site.id, row.invitation)
    if used:
        return rows.move(turn, row, KeyState.REFUSED, at=at, message=used), None
    gateway = first_up(context.breakers, site, [site.gateway(row.gateway)], context.clock.boot_seconds())
    refuse_untyped(site, gateway)
    check_details(gateway, "issue_key_by_card", key_order(context, row).buyer, card)
    context.admit()
    ref = new_reference(context.clock) if tries else row.ref
    asking = rows.move(turn, row, KeyState.ISSUING, at=at, tries=tries + 1, ref=ref, code="", message="")
    return asking, gateway
