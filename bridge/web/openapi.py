"""Describes the routes for programs as OpenAPI 3.1, from the very structs that read the requests."""

from functools import cache
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from bridge import __version__
from bridge.domain.machine import State
from bridge.web.described import Described
from bridge.web.described_billing import BILLING
from bridge.web.described_operators import OPERATORS
from bridge.web.described_payments import PAYMENTS
from bridge.web.described_shop import SHOP
from bridge.web.orders_in import OrderIn

OPEN = (
    Described("get", "/livez", "Say that the process lives.", proof=""),
    Described("get", "/readyz", "Say whether payments can be taken.", proof=""),
    Described("get", "/metrics", "Give the metrics.", proof=""),
)
DESCRIBED = (*PAYMENTS, *BILLING, *SHOP, *OPERATORS, *OPEN)


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
