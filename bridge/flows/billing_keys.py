"""What every use case of billing keys shares: whom a key was asked for, and the rows as an adapter is told of them."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from bridge.domain.billing import BillingKey, KeyOrder, KeyState
from bridge.domain.failures import NotFound, NotNow
from bridge.domain.payment import Buyer, Device, Method, Order
from bridge.flows.context import Context
from bridge.flows.sites import Site
from bridge.flows.snapshots import rfc3339
from bridge.ledger import billing_keys as rows
from bridge.ledger.billing_keys import KeyRow
from bridge.ledger.ledger import Turn

ORDER = "billing_key_order"
KEY = "billing_key"
TRIES_MAX = 5
"""So many cards may be typed on one page of ours for one key, as the schema says: nobody tries out cards there."""
ALLOWED = {KeyState.ACTIVE: ("charge", "delete"), KeyState.DELETING: ("delete",)}
"""What may be done with a key in a state; deleting is asked again where its answer was lost."""


@dataclass(frozen=True, slots=True)
class KeyWish:
    """A key that is asked for. `customer` is the site's own name for whom it belongs to.

    `order` is what issuing the key charges at once: a phone's always, a card's where its gateway can (ChargesFirst).
    Of all that are asked for with one `invitation`, one is issued (`key_invitations`).
    """

    customer: str
    title: str
    buyer: Buyer
    result_url: str
    actor: str
    method: Method = Method.CARD
    device: Device = Device.PC
    gateway: str = ""
    locale: str = "ko_KR"
    order: Order | None = None
    invitation: str = ""


def seal_wish(context: Context, wish: KeyWish) -> str:
    """Seal what the issuing call will need: it names the customer."""
    kept = {
        "title": wish.title,
        "buyer": asdict(wish.buyer),
        "locale": wish.locale,
        "device": str(wish.device),
        "order_ref": wish.order.ref if wish.order else "",
        "tax_free": wish.order.tax_free if wish.order else 0,
    }
    return _seal(context, kept)


def without_buyer(context: Context, row: KeyRow) -> str:
    """Seal anew what a key was asked for, and not for whom: it is charged and deleted by the key alone."""
    asked = open_wish(context, row)
    return _seal(context, {**asked, "buyer": dict.fromkeys(asked["buyer"], "")})


def _seal(context: Context, kept: Mapping[str, Any]) -> str:
    return context.vault.seal(json.dumps(kept, ensure_ascii=False).encode(), ORDER)


def open_wish(context: Context, row: KeyRow) -> Mapping[str, Any]:
    """Open what `seal_wish` sealed: title, buyer, locale, device, order_ref, tax_free."""
    kept: dict[str, Any] = json.loads(context.vault.open(row.asked_sealed, ORDER))
    return kept


def key_order(context: Context, row: KeyRow) -> KeyOrder:
    """Say to an adapter which key is asked for."""
    asked = open_wish(context, row)
    return KeyOrder(
        ref=row.ref,
        customer=row.customer,
        title=asked["title"],
        buyer=Buyer(**asked["buyer"]),
        created_at=row.created_at,
        method=row.method,
        amount=row.amount,
        tax_free=asked["tax_free"],
        refs=row.refs,
        locale=asked["locale"],
    )


def billing_key(context: Context, row: KeyRow) -> BillingKey:
    """Open a key for one call. Raises NotNow for one that is not active (or on its way to be deleted)."""
    if row.state not in (KeyState.ACTIVE, KeyState.DELETING) or row.issued_at is None:
        raise _not_now(row)
    return BillingKey(
        id=row.id,
        customer=row.customer,
        method=row.method,
        key=context.vault.open(row.key_sealed, KEY).decode(),
        issued_at=row.issued_at,
        amount=row.amount,
        refs=row.refs,
        card=row.card,
    )


def refuse_unless_active(row: KeyRow) -> None:
    """Let no key be charged that is on its way to be deleted. Raises NotNow."""
    if row.state is not KeyState.ACTIVE:
        raise _not_now(row)


def _not_now(row: KeyRow) -> NotNow:
    return NotNow(
        f"A billing key in state {row.state} cannot be used.",
        state=str(row.state),
        message_ko="지금은 쓸 수 없는 결제 수단이에요. 고객이 다시 등록해야 해요.",
    )


def owned(turn: Turn, site: Site, key_id: str, customer: str) -> KeyRow:
    """Read a customer's key. Raises NotFound, the same for missing and somebody else's."""
    row = rows.get(turn, site.id, key_id)
    if row.customer != customer:
        raise NotFound("There is no such billing key.")
    return row


def key_json(row: KeyRow) -> dict[str, Any]:
    """Show a key: never the key itself."""
    shown: dict[str, Any] = {
        "id": row.id,
        "site": row.site,
        "customer": row.customer,
        "gateway": row.gateway,
        "method": str(row.method),
        "state": str(row.state),
        "amount": row.amount,
        "card": dict(row.card),
        "created_at": rfc3339(row.created_at),
        "expires_at": rfc3339(row.expires_at) if row.state is KeyState.OPEN else None,
        "issued_at": rfc3339(row.issued_at) if row.issued_at else None,
        "window_url": row.window_url if row.state is KeyState.OPEN else None,
        "code": row.code or None,
        "message": row.message or None,
        "invitation": row.invitation or None,
        "allowed": list(ALLOWED.get(row.state, ())),
        "version": row.version,
    }
    return {name: value for name, value in shown.items() if value is not None}
