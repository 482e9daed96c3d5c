"""The signed route by which a shop hands its anchors back, and gets a new one to keep."""

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from bridge.clock import from_ms, to_ms
from bridge.flows.compare_anchors import compare_anchors
from bridge.flows.context import Context
from bridge.flows.snapshots import rfc3339
from bridge.ledger.anchors import Anchor
from bridge.web.incoming import from_site
from bridge.web.orders_in import convert, in_utc

PAGE_MAX = 32
PAGE_BYTES_MAX = 16 * 1024
NUMBER_MAX = (1 << 53) - 1
"""What JSON carries exactly wherever it is read."""
Number = Annotated[int, Meta(ge=0, le=NUMBER_MAX)]
Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]


class AnchorIn(msgspec.Struct, forbid_unknown_fields=True):
    """An anchor as the shop was told it; amounts in KRW."""

    day: Annotated[str, Meta(pattern=r"^\d{4}-\d{2}-\d{2}\Z")]
    seal: Annotated[int, Meta(ge=1, le=NUMBER_MAX)]
    hash: Digest
    taken: Number
    given_back: Number
    at: Annotated[datetime, Meta(tz=True)]
    proof: Digest


class AnchorsIn(msgspec.Struct, forbid_unknown_fields=True):
    """The body of POST /v1/anchors: some of those that the shop keeps."""

    anchors: Annotated[list[AnchorIn], Meta(max_length=PAGE_MAX)]


class Anchors:
    """The route of /v1/anchors."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def routes(self) -> list[BaseRoute]:
        """Give the route."""
        return [Route("/v1/anchors", self.take, methods=["POST"])]

    async def take(self, request: Request) -> Response:
        """Compare what the shop keeps with the books; what is broken stays told until it agrees again."""
        signed = await from_site(self._context, request, bytes_max=PAGE_BYTES_MAX)
        told = convert(signed.json(), AnchorsIn)
        kept = [_read(one) for one in told.anchors]
        answer = await compare_anchors(self._context, signed.site, kept, signed.once())
        body = {
            "anchor": _json(answer.newest) if answer.newest is not None else None,
            "outcomes": [one.outcome for one in answer.compared],
        }
        return JSONResponse(body, 200, {"Cache-Control": "no-store"})


def _read(told: AnchorIn) -> Anchor:
    at = in_utc("at", told.at)
    assert at is not None, "a time that is given has one in UTC"
    return Anchor(told.day, told.seal, told.hash, told.taken, told.given_back, to_ms(at), told.proof)


def _json(anchor: Anchor) -> dict[str, str | int]:
    return {
        "day": anchor.day,
        "seal": anchor.seal,
        "hash": anchor.hash,
        "taken": anchor.taken,
        "given_back": anchor.given_back,
        "at": rfc3339(from_ms(anchor.at)),
        "proof": anchor.proof,
    }
