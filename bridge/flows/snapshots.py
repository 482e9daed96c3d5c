"""How payments, refunds and orders are shown to WordPress: the JSON contract, in one place."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from bridge.clock import from_ms
from bridge.domain.exchange import WON_DIGITS_MAX, Stamp
from bridge.domain.gateway import Allowed, ByHand, Gateway, Never
from bridge.domain.machine import HOLDING, TERMINAL, Kind, State, Step, blocks, order_state
from bridge.domain.outcomes import PAY_BACK_ACCOUNT, PAY_BACK_WON
from bridge.domain.payment import Order, Payment
from bridge.domain.services import Escrows, LinksReceipts, NamesRefs
from bridge.domain.tax import Split
from bridge.flows.sites import Site
from bridge.ledger import audit, operations, orders, payments
from bridge.ledger.ledger import Row, Turn
from bridge.ledger.operations import Operation

ACCEPTED = "accepted"
"""The state of a refund the gateway has taken in and not made yet; its operation is unknown, with this for a code."""
REFUND_ACCEPTED = "payment.refund_accepted"
"""The news of it: the shop keeps our attestation of what its gateway may make days later."""
ASK_THE_SHOP = "여기서는 취소할 수 없는 결제예요. 판매자에게 문의해 주세요."
"""What a buyer reads of a payment that only the shop can give back, and by hand."""
_TIMELINE_DETAIL = ("code", "message", "amount", "reason", "evidence", "pay_back")


def rfc3339(at: datetime) -> str:
    """Write a time as RFC 3339 in UTC."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def payment_json(site: Site, payment: Payment, done: Sequence[Operation], stamp: Stamp) -> dict[str, Any]:
    """Show a payment: no secret, nothing personal but the masked card and the account to pay into."""
    gateway = site.gateways.get(payment.gateway)
    shown: dict[str, Any] = {
        "id": payment.id,
        "site": payment.site,
        "order_ref": payment.order_ref,
        "order_version": payment.order_version,
        "gateway": payment.gateway,
        "gateway_title": gateway.title if gateway else payment.gateway,
        "method": payment.method,
        "state": payment.state,
        "amount": payment.amount,
        "captured": payment.captured,
        "refunded": payment.refunded,
        "currency": "KRW",
        "tax": _tax(payment.parts),
        "gateway_refs": {"mbrRefNo": payment.merchant_ref} | _named(gateway, payment, numbers=True),
        "merchant_ref": payment.merchant_ref,
        "created_at": rfc3339(payment.created_at),
        "expires_at": rfc3339(payment.expires_at),
        "version": payment.version,
        "mode": site.mode,
        "allowed": allowed(gateway, payment, done, stamp),
    }
    optional = {
        "window_url": payment.window_url if payment.state == State.OPEN else "",
        "paid_at": rfc3339(payment.paid_at) if payment.paid_at else "",
        "close_seen_at": rfc3339(payment.close_seen_at) if payment.close_seen_at else "",
        "gateway_details": _named(gateway, payment, numbers=False),
        "card": dict(payment.card),
        "account": dict(payment.account),
        "instalment_months": payment.instalment_months,
        "reason": payment.reason,
        "code": payment.code,
        "message": payment.message,
        "orphaned": payment.orphaned,
        "adopted": payment.adopted,
        "in_escrow": _is_in_escrow(gateway, payment),
    }
    return shown | {name: value for name, value in optional.items() if value}


def _is_in_escrow(gateway: object, payment: Payment) -> bool:
    """Tell whether a payment has steps of an escrow, so that nobody asks for them of one that has none."""
    return payment.left > 0 and isinstance(gateway, Escrows) and bool(gateway.escrow_steps(payment))


def _named(gateway: Gateway | None, payment: Payment, *, numbers: bool) -> dict[str, str]:
    """Give what the gateway lets people see of what it said: by which numbers it knows the payment, or the rest."""
    if gateway is None:
        return {}
    if not isinstance(gateway, NamesRefs):
        return {}
    names = gateway.numbers if numbers else gateway.details
    return {name: payment.refs[name] for name in names if payment.refs.get(name)}


def allowed(gateway: Gateway | None, payment: Payment, done: Sequence[Operation], stamp: Stamp) -> dict[str, Any]:
    """Say what refund is possible now, of how many KRW, and why not more: `why` for anybody, buyers too, `for_clerk`
    for whoever runs the shop, and never for a buyer."""
    ended = State(payment.state) in TERMINAL
    pending = [] if ended else [one for one in done if blocks(one.kind, one.step)]
    if pending:
        return {"refund": "never", "refundable": 0} | _why_pending(pending)
    if payment.adopted:
        return _refused(ByHand("끝난 결제에 들어온 돈이라 결제사에서 직접 환불해야 해요."))
    if gateway is None:
        return _refused(ByHand("이 결제의 결제사가 더는 설정되어 있지 않아요."))
    rule = gateway.refund_rule(payment, stamp)
    if isinstance(rule, Allowed):
        refund = "full_or_part" if rule.partial else "full"
        may = {"refund": refund, "refundable": min(rule.max_amount, payment.left)}
        return may | ({"by_request": True} if rule.by_request else {}) | ({"for_clerk": rule.why} if rule.why else {})
    return _refused(rule)


def _refused(rule: ByHand | Never) -> dict[str, Any]:
    return {"refund": "by_hand" if isinstance(rule, ByHand) else "never", "refundable": 0} | why_not(rule)


def why_not(rule: ByHand | Never) -> dict[str, str]:
    """Say why a payment is not refunded here: what the gateway asks of a clerk is nothing a buyer can do."""
    return {"why": ASK_THE_SHOP, "for_clerk": rule.why} if isinstance(rule, ByHand) else {"why": rule.why}


def _why_pending(pending: Sequence[Operation]) -> dict[str, str]:
    if not any(is_accepted(one) for one in pending):
        return {"why": "앞선 처리의 결과를 아직 확인하고 있어요."}
    told = {"why": "결제사가 환불을 접수했고, 마쳤다는 알림을 기다리고 있어요."}
    owed = next((pay_back(one.refs) for one in pending if is_accepted(one)), {}).get("pay_back")
    if not owed:
        return told
    words = f"결제사에 {owed['amount']:,}원을 보내야 환불이 끝나요. 보낼 계좌: {owed['account']}"
    return told | {"for_clerk": words}


def is_accepted(operation: Operation) -> bool:
    """Tell whether an operation is a refund that the gateway has taken in and not made yet."""
    is_refund = operation.kind is Kind.REFUND
    return is_refund and operation.step in (Step.UNKNOWN, Step.NEEDS_HUMAN) and operation.code == ACCEPTED


def pay_back(refs: Mapping[str, str]) -> dict[str, Any]:
    """Say what must be wired to the gateway before it gives the money back: KRW and an account; nothing where
    nothing must."""
    told = refs.get(PAY_BACK_WON, "").replace(",", "")
    won = int(told) if told.isascii() and told.isdigit() and len(told) <= WON_DIGITS_MAX else 0
    return {"pay_back": {"amount": won, "account": refs.get(PAY_BACK_ACCOUNT, "")}} if won else {}


def refund_json(operation: Operation) -> dict[str, Any]:
    """Show a refund as the gateway's truth."""
    states = {Step.SENT: "sending", Step.OK: "done", Step.FAIL: "refused"}
    state = ACCEPTED if is_accepted(operation) else states.get(operation.step, str(operation.step))
    shown: dict[str, Any] = {
        "id": operation.id,
        "payment": operation.payment,
        "amount": operation.amount,
        "reason": operation.reason,
        "actor": operation.actor,
        "state": state,
        "tax": _tax(operation.parts),
        "created_at": rfc3339(operation.sent_at),
    }
    optional = {"code": operation.code, "message": operation.message, "items": list(operation.items)}
    optional |= pay_back(operation.refs) if is_accepted(operation) else {}
    return shown | {name: value for name, value in optional.items() if value}


def _tax(parts: Split) -> dict[str, int]:
    return {"taxable": parts.taxable, "vat": parts.vat, "tax_free": parts.tax_free}


def order_json(order: Order, all_payments: Sequence[Payment]) -> dict[str, Any]:
    """Show an order's state as its payments say it, and which one has paid it, or else may still."""
    shown: dict[str, Any] = {
        "ref": order.ref,
        "version": order.version,
        "state": order_state({State(payment.state) for payment in all_payments}),
    }
    paid_by = next((one.id for one in all_payments if one.captured and one.captured == one.amount), "")
    adopted = next((one for one in all_payments if one.adopted), None)
    if adopted is not None:
        shown["state"], paid_by = "paid" if adopted.orphaned > 0 else "refunded", adopted.id
    held_by = next((one.id for one in all_payments if State(one.state) in HOLDING), "")
    if paid_by or held_by:
        shown |= {"paid_by": paid_by} if paid_by else {"held_by": held_by}
    return shown


def timeline(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Show a payment's audit as a timeline, oldest first."""
    shown = []
    for row in rows:
        if row["event"] == audit.ENTRY:
            continue
        detail = json.loads(row["detail"])
        step = {"at": rfc3339(from_ms(row["at"])), "actor": row["actor"], "event": row["event"]}
        if row["was"] != row["became"]:
            step |= {"from": row["was"], "to": row["became"]}
        shown.append(step | {name: detail[name] for name in _TIMELINE_DETAIL if detail.get(name)})
    return shown


def slip_json(site: Site, payment: Payment) -> dict[str, str]:
    """Give the page of the gateway's that shows the buyer this payment's slip (매출전표), where it has one."""
    gateway = site.gateways.get(payment.gateway)
    url = gateway.receipt_link(payment) if payment.captured and isinstance(gateway, LinksReceipts) else ""
    return {"receipt_url": url} if url else {}


def buyer_name(turn: Turn, site: Site, payment_id: str) -> str:
    """Read who bought; personal, so it is shown and never kept in an answer. Raises NotFound."""
    order = orders.find(turn, site.id, payments.get(turn, site.id, payment_id).order_ref)
    assert order is not None, "a payment has an order"
    return order.buyer.name


def read_payment(turn: Turn, site: Site, payment_id: str, stamp: Stamp) -> dict[str, Any]:
    """Read one payment of a site with its timeline, refunds and what was bought. Raises NotFound."""
    payment = payments.get(turn, site.id, payment_id)
    done = operations.of_payment(turn, payment.id)
    order = orders.find(turn, site.id, payment.order_ref)
    assert order is not None, "a payment has an order"
    return payment_json(site, payment, done, stamp) | {
        "order": order_json(order, payments.of_order(turn, site.id, payment.order_ref)),
        "title": order.title,
        **slip_json(site, payment),
        "items": [{"ref": item.ref, "title": item.title, "amount": item.amount} for item in order.items],
        "timeline": timeline(audit.chain(turn, payment.id)),
        "refunds": [refund_json(operation) for operation in done if operation.kind is Kind.REFUND],
    }
