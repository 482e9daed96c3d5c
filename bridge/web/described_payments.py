"""Describes the routes of payments, their refunds and their cases."""

from bridge.web.cases import CaseIn
from bridge.web.described import PAGES, Described
from bridge.web.lists import PAGE_FILTERS
from bridge.web.wordpress import LIST_FILTERS, PaymentIn, RefundIn, SearchIn

PAYMENTS = (
    Described(
        "post",
        "/v1/payments",
        "Open a payment for an order, or our page to type a card.",
        PaymentIn,
        ((201, "the payment"),),
    ),
    Described(
        "get", "/v1/payments", f"List the site's payments, newest first.{PAGES}", filters=tuple(sorted(LIST_FILTERS))
    ),
    Described("post", "/v1/payments/search", "Find the site's payments by words.", SearchIn),
    Described(
        "get",
        "/v1/payments/{payment}",
        "Show a payment with its timeline, its refunds, and what may be refunded now (`allowed`; `by_request` in it:"
        " the gateway will only take a request; `why` may be shown to the buyer, `for_clerk` only to the shop)."
        " `gateway_refs` are its numbers at the gateway, `gateway_details` what else it says, such as points. `over` in"
        " `cash_receipts`: an issued one is over so many KRW more than is left; `over_why` is for the shop.",
    ),
    Described(
        "post",
        "/v1/payments/{payment}/refunds",
        "Refund in full or in part.",
        RefundIn,
        (
            (
                200,
                "done, refused, not_sent, or accepted: no money is back yet, and `pay_back`, where it is there, says"
                " how many KRW must be wired to the gateway by hand first (`amount`), and to where (`account`)",
            ),
            (202, "sending, unknown or needs_human"),
        ),
    ),
    Described("get", "/v1/refunds/{refund}", "Show a refund."),
    Described("get", "/v1/cases", f"List the open cases, oldest first.{PAGES}", filters=PAGE_FILTERS),
    Described("get", "/v1/cases/{case}", "Show a case: its evidence, what may be decided, what is proposed."),
    Described(
        "post",
        "/v1/cases/{case}",
        "Propose a decision, or withdraw the site's own proposal; an operator of the bridge confirms.",
        CaseIn,
        ((200, "withdrawn"), (201, "the proposal")),
    ),
)
