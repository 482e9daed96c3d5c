"""Describes the routes that an operator proves the own password to."""

from bridge.web.described import PAGES, Described
from bridge.web.lists import PAGE_FILTERS
from bridge.web.operator_cases import CASES, ProposalIn, RemarkIn, SeenIn
from bridge.web.operator_commands import COMMANDS, CommandIn
from bridge.web.operator_refunds import REFUND, TO_ACCOUNTS, CancelIn, ToAccountIn

OPERATORS = (
    Described(
        "get",
        CASES,
        f"List the open cases of every site, oldest first.{PAGES}",
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
)
