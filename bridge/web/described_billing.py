"""Describes the routes of what goes without a window: keys, typed cards, accounts, receipts, plans."""

from bridge.web.billing import AccountIn, CardPaymentIn, ChargeIn, CustomerIn, KeyIn, VoidIn
from bridge.web.described import PAGES, Described
from bridge.web.lists import PAGE_FILTERS
from bridge.web.plans import PlanIn
from bridge.web.receipts import ReceiptGoneIn, ReceiptIn
from bridge.web.services import CardKindIn, EscrowIn

PLAN_ANSWERS = ((200, "done, or kept by the gateway's refusal"), (202, "the gateway has not answered"))
BILLING = (
    Described(
        "post",
        "/v1/billing-keys",
        "Ask for a billing key: in a window, or for a card typed on the site.",
        KeyIn,
        ((201, "the key"), (202, "the key is being issued")),
    ),
    Described(
        "get",
        "/v1/billing-keys",
        f"List a customer's billing keys, newest first.{PAGES}",
        filters=("customer", *PAGE_FILTERS),
    ),
    Described("get", "/v1/billing-keys/{key}", "Show a customer's billing key.", filters=("customer",)),
    Described(
        "delete",
        "/v1/billing-keys/{key}",
        "Delete a customer's billing key.",
        CustomerIn,
        ((200, "deleted, or kept by the gateway's refusal"), (202, "the gateway has not answered")),
    ),
    Described(
        "post",
        "/v1/billing-keys/{key}/ask",
        "Ask the gateway what a billing key stands for: whether it is known and usable, and its masked card.",
        CustomerIn,
    ),
    Described(
        "post",
        "/v1/billing-keys/{key}/charges",
        "Charge a billing key for an order.",
        ChargeIn,
        ((201, "the payment"), (202, "its outcome is not known yet")),
    ),
    Described(
        "post",
        "/v1/card-payments",
        "Charge a card typed on the site, where the site switched that on.",
        CardPaymentIn,
        ((201, "the payment"), (202, "its outcome is not known yet")),
    ),
    Described(
        "post",
        "/v1/accounts",
        "Have a virtual account issued without a window.",
        AccountIn,
        ((201, "the payment that waits for its deposit"), (202, "its outcome is not known yet")),
    ),
    Described(
        "post",
        "/v1/payments/{payment}/void",
        "Close a virtual account before its deposit.",
        VoidIn,
        ((200, "closed"), (202, "refused, or the gateway has not answered")),
    ),
    Described("post", "/v1/card-kinds", "Say what card begins with some digits.", CardKindIn),
    Described("post", "/v1/payments/{payment}/escrow", "Take a step of an escrow, or ask for its state.", EscrowIn),
    Described(
        "post",
        "/v1/cash-receipts",
        "Issue a cash receipt over what is left of a payment in cash.",
        ReceiptIn,
        ((201, "issued or refused"), (202, "its outcome is not known yet")),
    ),
    Described("get", "/v1/cash-receipts/{receipt}", "Show a cash receipt."),
    Described(
        "delete",
        "/v1/cash-receipts/{receipt}",
        "Cancel a cash receipt.",
        ReceiptGoneIn,
        ((200, "cancelled, or kept by the gateway's refusal"), (202, "the gateway has not answered")),
    ),
    Described(
        "post",
        "/v1/plans",
        "Register a recurring plan at a gateway that has some of its own.",
        PlanIn,
        ((201, "the plan, with the page on which its buyer agrees"), (202, "the gateway has not answered")),
    ),
    Described(
        "get",
        "/v1/plans",
        f"List a customer's plans, newest first.{PAGES}",
        filters=("customer", *PAGE_FILTERS),
    ),
    Described(
        "get",
        "/v1/plans/{plan}",
        "Show a customer's plan: state, rounds, what it may be told now, and the last round that could not be charged"
        " (`last_failure`: `at`, `code`, `message`), which the news `plan.round_failed` tells as well.",
        filters=("customer",),
    ),
    Described("post", "/v1/plans/{plan}/stop", "Let a plan rest.", CustomerIn, PLAN_ANSWERS),
    Described("post", "/v1/plans/{plan}/start", "Let a resting plan go on.", CustomerIn, PLAN_ANSWERS),
    Described("delete", "/v1/plans/{plan}", "End a plan for good.", CustomerIn, PLAN_ANSWERS),
)
