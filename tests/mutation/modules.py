"""The modules that are mutated, by what they are. Tables of codes and texts are data, and are not among them."""

MODULES: dict[str, tuple[str, ...]] = {
    "machine": ("bridge/domain/machine.py", "bridge/domain/invariants.py", "bridge/domain/decisions.py"),
    "amounts": (
        "bridge/domain/payment.py",
        "bridge/domain/tax.py",
        "bridge/domain/phone_keys.py",
        "bridge/domain/forms.py",
        "bridge/domain/strictjson.py",
        "bridge/flows/tax_of_refund.py",
    ),
    "evidence": (
        "bridge/flows/approve.py",
        "bridge/flows/undo.py",
        "bridge/flows/inquire.py",
        "bridge/flows/probe.py",
        "bridge/flows/settle_unknown.py",
        "bridge/flows/refund.py",
        "bridge/flows/refund_again.py",
        "bridge/flows/record.py",
        "bridge/flows/cancel_effects.py",
        "bridge/flows/capture.py",
        "bridge/flows/notice_effects.py",
        "bridge/flows/orphans.py",
        "bridge/flows/carry_out.py",
        "bridge/flows/pen.py",
        "bridge/flows/external.py",
        "bridge/flows/compare.py",
        "bridge/flows/charge_key.py",
        "bridge/flows/void_account.py",
        "bridge/flows/window_end.py",
        "bridge/flows/expire.py",
        "bridge/flows/requests_made.py",
        "bridge/flows/cancel_transfer.py",
        "bridge/flows/receive_notice.py",
        "bridge/flows/finish_checkout.py",
        "bridge/flows/direct_payment.py",
        "bridge/flows/issue_key.py",
        "bridge/flows/recover.py",
        "bridge/flows/revive.py",
        "bridge/flows/decide_case.py",
        "bridge/flows/transfer.py",
        "bridge/flows/owe_withdrawal.py",
        "bridge/flows/withdraw.py",
        "bridge/flows/write_down.py",
    ),
    "ledger": (
        "bridge/ledger/payments.py",
        "bridge/ledger/operations.py",
        "bridge/ledger/facts.py",
        "bridge/ledger/seals.py",
        "bridge/ledger/audit.py",
        "bridge/ledger/cases.py",
        "bridge/ledger/proposals.py",
        "bridge/ledger/orders.py",
        "bridge/ledger/news.py",
        "bridge/ledger/notices.py",
        "bridge/ledger/replay.py",
        "bridge/ledger/checks.py",
        "bridge/ledger/ledger.py",
        "bridge/ledger/books.py",
    ),
    "signing": (
        "bridge/signing/base64url.py",
        "bridge/signing/keys.py",
        "bridge/signing/news.py",
        "bridge/signing/requests.py",
        "bridge/signing/tokens.py",
        "bridge/signing/window.py",
    ),
    "mainpay": tuple(
        f"bridge/gateways/mainpay/{name}.py" for name in ("adapter", "answers", "direct", "notices", "writing")
    ),
    "payapp": tuple(
        f"bridge/gateways/payapp/{name}.py" for name in ("adapter", "billing", "links", "notices", "office", "talk")
    ),
    "payple": tuple(
        f"bridge/gateways/payple/{name}.py" for name in ("adapter", "answers", "dates", "fields", "notices", "talks")
    ),
    "paystory": tuple(f"bridge/gateways/paystory/{name}.py" for name in ("adapter", "answers", "notices", "writing")),
    "welcome": tuple(
        f"bridge/gateways/welcome/{name}.py"
        for name in ("adapter", "approvals", "billing", "escrow", "links", "notices", "talk")
    ),
}
