"""Describes the routes for programs as OpenAPI 3.1, from the very structs that read the requests."""

from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from bridge import __version__
from bridge.domain.machine import State
from bridge.flows.list_payments import PAGE_MAX
from bridge.web.anchors import AnchorsIn
from bridge.web.billing import AccountIn, CardPaymentIn, ChargeIn, CustomerIn, KeyIn, VoidIn
from bridge.web.cases import CaseIn
from bridge.web.lists import PAGE_FILTERS
from bridge.web.operator_cases import CASES, ProposalIn, RemarkIn, SeenIn
from bridge.web.operator_commands import COMMANDS, CommandIn
from bridge.web.operator_refunds import REFUND, TO_ACCOUNTS, CancelIn, ToAccountIn
from bridge.web.orders_in import OrderIn
from bridge.web.plans import PlanIn
from bridge.web.privacy import PersonIn
from bridge.web.receipts import ReceiptGoneIn, ReceiptIn
from bridge.web.reconciliation import ReportIn
from bridge.web.services import CardKindIn, EscrowIn
from bridge.web.wordpress import LIST_FILTERS, PaymentIn, RefundIn, SearchIn


@dataclass(frozen=True, slots=True)
class Described:
    """One route: what it is for, what it reads, which answers mean what, and what the caller proves itself by."""

    method: str
    path: str
    summary: str
    reads: type | None = None
    answers: tuple[tuple[int, str], ...] = ((200, "done"),)
    filters: tuple[str, ...] = ()
    proof: Literal["signature", "password", ""] = "signature"


_PAGES = (
    f" A page has `limit` rows, {PAGE_MAX} at most; `next_cursor` of the answer, sent as `cursor`, goes on, and is null"
    " where nothing follows."
)
_PLAN_ANSWERS = ((200, "done, or kept by the gateway's refusal"), (202, "the gateway has not answered"))
DESCRIBED = (
    Described(
        "post",
        "/v1/payments",
        "Open a payment for an order, or our page to type a card.",
        PaymentIn,
        ((201, "the payment"),),
    ),
    Described(
        "get", "/v1/payments", f"List the site's payments, newest first.{_PAGES}", filters=tuple(sorted(LIST_FILTERS))
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
    Described("get", "/v1/cases", f"List the open cases, oldest first.{_PAGES}", filters=PAGE_FILTERS),
    Described("get", "/v1/cases/{case}", "Show a case: its evidence, what may be decided, what is proposed."),
    Described(
        "post",
        "/v1/cases/{case}",
        "Propose a decision, or withdraw the site's own proposal; an operator of the bridge confirms.",
        CaseIn,
        ((200, "withdrawn"), (201, "the proposal")),
    ),
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
        f"List a customer's billing keys, newest first.{_PAGES}",
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
        f"List a customer's plans, newest first.{_PAGES}",
        filters=("customer", *PAGE_FILTERS),
    ),
    Described(
        "get",
        "/v1/plans/{plan}",
        "Show a customer's plan: state, rounds, what it may be told now, and the last round that could not be charged"
        " (`last_failure`: `at`, `code`, `message`), which the news `plan.round_failed` tells as well.",
        filters=("customer",),
    ),
    Described("post", "/v1/plans/{plan}/stop", "Let a plan rest.", CustomerIn, _PLAN_ANSWERS),
    Described("post", "/v1/plans/{plan}/start", "Let a resting plan go on.", CustomerIn, _PLAN_ANSWERS),
    Described("delete", "/v1/plans/{plan}", "End a plan for good.", CustomerIn, _PLAN_ANSWERS),
    Described("post", "/v1/privacy/export", "Give everything held about a person.", PersonIn),
    Described("post", "/v1/privacy/erase", "Take a person out of what need not be kept.", PersonIn),
    Described(
        "get",
        "/v1/codes/{kind}",
        "List codes: cards, banks, errors; of PayApp pay_states, pay_types, app_errors; of Welcome window_cards,"
        " couriers, escrow_states, card_kinds; methods with gateways, least amounts and health;"
        " services with gateways (plans, card_kinds; card_keys and phone_keys: who registers those in a window, or a"
        " card on the bridge's own page; card_entry: where a typed card pays, and by how many instalments).",
        filters=("gateway",),
    ),
    Described("get", "/v1/reconciliation", "Say whether the shop is to hand over what it knows, after a restore."),
    Described("post", "/v1/reconciliation", "Hand over a page of what the shop knows.", ReportIn),
    Described(
        "post",
        "/v1/anchors",
        "Hand back some of the anchors the shop keeps: `outcomes` says of each whether the books bear it out"
        " (`agrees`), a restored backup has lost it (`of_gap`), or not (`broken`); `anchor` is the one to keep now.",
        AnchorsIn,
        ((200, "compared"),),
    ),
    Described("get", "/v1/health", "Give the verdict and the figures."),
    Described(
        "get",
        CASES,
        f"List the open cases of every site, oldest first.{_PAGES}",
        filters=PAGE_FILTERS,
        proof="password",
    ),
    Described(
        "post",
        CASES,
        "Open a case for something seen at the gateway that the books do not show; the same words while it is open"
        " add nothing.",
        SeenIn,
        ((201, "the case"),),
        proof="password",
    ),
    Described("get", f"{CASES}/{{case}}", "Show a case of any site.", proof="password"),
    Described(
        "post",
        f"{CASES}/{{case}}/proposals",
        "Propose a decision with its evidence. With an Idempotency-Key a repeat answers what the first one made.",
        ProposalIn,
        ((201, "the proposal"),),
        proof="password",
    ),
    Described(
        "post",
        f"{CASES}/{{case}}/proposals/{{proposal}}/confirm",
        "Confirm what another operator proposed: the books follow at once. The only operator there is may confirm the"
        " own proposal, or a site's, a day later, with a remark, where the bridge's settings let them. The same again"
        " answers the same and moves nothing.",
        RemarkIn,
        ((200, "confirmed"),),
        proof="password",
    ),
    Described(
        "post",
        f"{CASES}/{{case}}/proposals/{{proposal}}/reject",
        "Reject a proposal, or withdraw one's own. The same again answers the same.",
        RemarkIn,
        ((200, "rejected"),),
        proof="password",
    ),
    Described(
        "post",
        TO_ACCOUNTS,
        "Refund to the buyer's account, where the gateway sends money there. An Idempotency-Key is needed.",
        ToAccountIn,
        (
            (200, "done, refused, not_sent, or accepted: its transfer is registered, and no money is back yet"),
            (202, "sending, unknown or needs_human"),
        ),
        proof="password",
    ),
    Described("get", REFUND, "Show a refund of any site.", proof="password"),
    Described(
        "post",
        f"{REFUND}/cancel",
        "Take a refund's transfer back while it is only registered: `transfer` says what became of it.",
        CancelIn,
        ((200, "not_made or made"), (202, "not_known: the gateway is asked each minute; may be sent again")),
        proof="password",
    ),
    Described(
        "get",
        COMMANDS,
        "List the commands for the merchant's account that the sites' gateways have, with their fields.",
        proof="password",
    ),
    Described(
        "post",
        COMMANDS,
        "Run one. Where it `changes` something an Idempotency-Key is needed; a repeat is not sent, and answers what the"
        " first did, without its fields and what was typed (`again`).",
        CommandIn,
        ((200, "the gateway's answer: `done` or not, its code, message and fields"),),
        proof="password",
    ),
    Described("get", "/livez", "Say that the process lives.", proof=""),
    Described("get", "/readyz", "Say whether payments can be taken.", proof=""),
    Described("get", "/metrics", "Give the metrics.", proof=""),
)


def routes() -> list[BaseRoute]:
    """Give the route of /openapi.json."""
    return [Route("/openapi.json", _serve, methods=["GET"])]


async def _serve(_: Request) -> Response:
    return JSONResponse(describe(), headers={"Cache-Control": "max-age=300"})


@cache
def describe() -> dict[str, Any]:
    """Build the document."""
    structs = [OrderIn, *(one.reads for one in DESCRIBED if one.reads is not None)]
    schemas, components = msgspec.json.schema_components(structs, ref_template="#/components/schemas/{name}")
    named = dict(zip(structs, schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for one in DESCRIBED:
        paths.setdefault(one.path, {})[one.method] = _operation(one, named)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Pay Bridge", "version": __version__, "description": _SIGNED},
        "paths": paths,
        "components": {
            "schemas": components | {"State": {"type": "string", "enum": [str(state) for state in State]}},
            "securitySchemes": {
                "signature": {"type": "apiKey", "in": "header", "name": "Signature"},
                "password": {"type": "http", "scheme": "basic"},
            },
        },
    }


_SIGNED = (
    "A site's requests are signed as RFC 9421 says (label pb, tag pay-bridge-v1, hmac-sha256); a body carries"
    " Content-Digest (RFC 9530) and Idempotency-Key: 32 hex digits, the first eight the unix time at which it was made."
    " Under /operators/v1 a person's own tools prove the password of an operator's account with each request (HTTP"
    " Basic); a site's key opens nothing there. Amounts are integers of KRW; times are RFC 3339 in UTC."
)
_PROBLEM = {"description": "RFC 9457 problem details with code and message_ko"}


def _operation(one: Described, named: dict[type, Any]) -> dict[str, Any]:
    places = [part.strip("{}") for part in one.path.split("/") if part.startswith("{")]
    parameters = [_parameter(name, "path", required=True) for name in places]
    parameters += [_parameter(name, "query", required=False) for name in one.filters]
    operation: dict[str, Any] = {
        "summary": one.summary,
        "parameters": parameters,
        "responses": {str(status): {"description": meaning} for status, meaning in one.answers} | {"default": _PROBLEM},
    }
    if one.reads is not None:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": named[one.reads]}}}
    return operation | ({"security": [{one.proof: []}]} if one.proof else {})


def _parameter(name: str, place: str, *, required: bool) -> dict[str, Any]:
    return {"name": name, "in": place, "required": required, "schema": {"type": "string"}}
