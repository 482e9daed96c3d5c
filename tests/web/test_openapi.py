"""The description of the API is true: every described route is served, every served /v1 route is described."""

from starlette.routing import Route

from bridge.web.anchors import Anchors
from bridge.web.billing import Billing
from bridge.web.cases import Cases
from bridge.web.openapi import DESCRIBED, describe
from bridge.web.plans import PlanRoutes
from bridge.web.privacy import Privacy
from bridge.web.receipts import CashReceipts
from bridge.web.reconciliation import Reconciliation
from bridge.web.services import Services
from bridge.web.wordpress import WordPress


def test_every_signed_route_is_described_and_every_described_one_is_served() -> None:
    served = {
        (method.lower(), route.path)
        for part in (WordPress, Cases, Privacy, Billing, CashReceipts, PlanRoutes, Reconciliation, Anchors, Services)
        for route in part(None).routes()  # type: ignore[arg-type]
        if isinstance(route, Route)
        for method in route.methods or ()
        if method != "HEAD"
    }
    described = {(one.method, one.path) for one in DESCRIBED if one.signed}

    assert described == served


def test_the_description_names_what_a_payment_needs() -> None:
    document = describe()

    order = document["components"]["schemas"]["OrderIn"]
    assert set(order["required"]) == {"ref", "version", "title", "amount", "buyer", "result_url"}
    body = document["paths"]["/v1/payments/{payment}/refunds"]["post"]["requestBody"]
    assert body["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/RefundIn"}
