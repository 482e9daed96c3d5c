"""The description of the API is true: every described route is served, every served route of the API is described."""

from typing import Any

import pytest
from starlette.routing import Route

from bridge.web.anchors import Anchors
from bridge.web.billing import Billing
from bridge.web.cases import Cases
from bridge.web.openapi import DESCRIBED, describe
from bridge.web.operator_cases import OperatorCases
from bridge.web.operator_commands import OperatorCommands
from bridge.web.operator_refunds import OperatorRefunds
from bridge.web.plans import PlanRoutes
from bridge.web.privacy import Privacy
from bridge.web.receipts import CashReceipts
from bridge.web.reconciliation import Reconciliation
from bridge.web.services import Services
from bridge.web.wordpress import WordPress

SIGNED = (WordPress, Cases, Privacy, Billing, CashReceipts, PlanRoutes, Reconciliation, Anchors, Services)
BY_PASSWORD = (OperatorCases, OperatorRefunds, OperatorCommands)


@pytest.mark.parametrize(("proof", "parts"), [("signature", SIGNED), ("password", BY_PASSWORD)])
def test_every_route_is_described_with_its_proof_and_every_described_one_is_served(
    proof: str, parts: tuple[Any, ...]
) -> None:
    served = {
        (method.lower(), route.path)
        for part in parts
        for route in part(None).routes()
        if isinstance(route, Route)
        for method in route.methods or ()
        if method != "HEAD"
    }
    described = {(one.method, one.path) for one in DESCRIBED if one.proof == proof}

    assert described == served


def test_the_description_names_what_a_payment_needs() -> None:
    document = describe()

    order = document["components"]["schemas"]["OrderIn"]
    assert set(order["required"]) == {"ref", "version", "title", "amount", "buyer", "result_url"}
    body = document["paths"]["/v1/payments/{payment}/refunds"]["post"]["requestBody"]
    assert body["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/RefundIn"}


def test_the_description_says_what_each_door_asks_for() -> None:
    document = describe()

    schemes = document["components"]["securitySchemes"]
    assert (schemes["password"]["scheme"], schemes["signature"]["name"]) == ("basic", "Signature")
    assert document["paths"]["/operators/v1/cases"]["get"]["security"] == [{"password": []}]
    assert document["paths"]["/v1/cases"]["get"]["security"] == [{"signature": []}]
    assert "security" not in document["paths"]["/livez"]["get"]
