"""A payment as text to hand to someone who helps: everything that explains it, nothing secret or personal."""

import json
from typing import Any

import bridge
from bridge.clock import from_ms
from bridge.flows.sites import Site
from bridge.ledger.ledger import Row
from bridge.web import masks
from bridge.web.dashboard.timeline import Books


def write_bundle(books: Books, site: Site) -> str:
    """Write the bundle: indented JSON, times in RFC 3339 UTC, amounts in KRW."""
    payment = books.payment
    value: dict[str, Any] = {
        "pay_bridge": bridge.__version__,
        "mode": site.mode,
        "payment": {
            "id": payment.id,
            "state": payment.state,
            "gateway": payment.gateway,
            "method": payment.method,
            "device": payment.device,
            "amount": payment.amount,
            "captured": payment.captured,
            "refunded": payment.refunded,
            "balance": books.balance,
            "order_ref": payment.order_ref,
            "order_version": payment.order_version,
            "merchant_ref": payment.merchant_ref,
            "gateway_refs": masks.mask_refs(payment.refs),
            "card": show_card(payment.card),
            "reason": payment.reason,
            "code": payment.code,
            "message": payment.message,
            "created_at": payment.created_at.isoformat(),
            "version": payment.version,
        },
        "buyer": {"name": masks.mask_name(books.order.buyer.name), "phone": masks.mask_phone(books.order.buyer.phone)},
        "audit": {
            "whole": books.first_break is None,
            "rows": [_row(row, ("at", "actor", "event", "was", "became"), detail="detail") for row in books.audit],
        },
        "operations": [
            {
                "kind": one.kind,
                "state": one.step,
                "amount": one.amount,
                "tries": one.tries,
                "evidence": one.evidence,
                "code": one.code,
                "message": one.message,
                "sent_at": one.sent_at.isoformat(),
                "ended_at": one.ended_at.isoformat() if one.ended_at else None,
            }
            for one in books.operations
        ],
        "calls": [
            _row(row, ("at", "op", "verdict", "status", "took_ms", "skew_ms", "request", "response", "why"))
            for row in books.calls
        ],
        "notices": [_row(row, ("received_at", "done_at", "kind", "state", "outcome", "seen")) for row in books.notices],
        "news": [
            _row(row, ("created_at", "seq", "type", "state", "tries", "heard_at", "last_error")) for row in books.news
        ],
        "cases": [_row(row, ("opened_at", "reason", "detail", "state", "resolution")) for row in books.cases],
    }
    return json.dumps(value, ensure_ascii=False, indent=2)


def show_card(card: Any) -> dict[str, str]:
    """Mask a card: its number to six and four, whatever else as it is, long numbers hidden."""
    return {
        name: masks.mask_card(text) if name == "number" else masks.mask_numbers(text) for name, text in card.items()
    }


def _row(row: Row, names: tuple[str, ...], detail: str = "") -> dict[str, Any]:
    shown = {name: _time(row[name]) if name == "at" or name.endswith("_at") else row[name] for name in names}
    if detail:
        shown[detail] = json.loads(row[detail])
    return shown


def _time(at: int | None) -> str | None:
    return from_ms(at).isoformat(timespec="milliseconds") if at is not None else None
