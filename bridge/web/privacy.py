"""The signed routes of a person's rights: what is held about them, and to be taken out."""

from typing import Annotated

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from bridge.flows.context import Context
from bridge.flows.privacy import Person, erase_person, export_person
from bridge.web.cases import ACTOR
from bridge.web.incoming import FromSite, from_site
from bridge.web.orders_in import convert

_PRIVATE = {"Cache-Control": "no-store"}


class PersonIn(msgspec.Struct):
    """The body of POST /v1/privacy/export and /erase: exactly one of e-mail, phone and order."""

    actor: Annotated[str, Meta(max_length=64, pattern=ACTOR)]
    email: Annotated[str, Meta(max_length=320)] = ""
    phone: Annotated[str, Meta(max_length=64)] = ""
    order: Annotated[str, Meta(max_length=128)] = ""

    def person(self) -> Person:
        """Say whose data is asked for."""
        return Person(self.email, self.phone, self.order)


class Privacy:
    """The routes of /v1/privacy; both are posted, so that no address names a person."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def routes(self) -> list[BaseRoute]:
        """Give the routes."""
        return [
            Route("/v1/privacy/export", self.export, methods=["POST"]),
            Route("/v1/privacy/erase", self.erase, methods=["POST"]),
        ]

    async def export(self, request: Request) -> Response:
        """Give everything held about a person of the site."""
        signed, asked = await self._asked(request)
        found = await export_person(self._context, signed.site, asked.person(), asked.actor, signed.once())
        return JSONResponse(found, 200, _PRIVATE)

    async def erase(self, request: Request) -> Response:
        """Take a person out of what need not be kept; what must be is named with its end."""
        signed, asked = await self._asked(request)
        done = await erase_person(self._context, signed.site, asked.person(), asked.actor, signed.once())
        return JSONResponse(done, 200, _PRIVATE)

    async def _asked(self, request: Request) -> tuple[FromSite, PersonIn]:
        signed = await from_site(self._context, request)
        return signed, convert(signed.json(), PersonIn)
