"""Describes the routes about people, codes, records and health."""

from bridge.web.anchors import AnchorsIn
from bridge.web.described import Described
from bridge.web.privacy import PersonIn
from bridge.web.reconciliation import ReportIn

SHOP = (
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
)
