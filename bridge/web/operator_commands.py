"""The operators' routes about commands for the merchant's account, for a person's own tools: list them, run one."""

from dataclasses import replace
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from bridge.domain.failures import Malformed, NotFound
from bridge.domain.merchant_commands import FIELD_CHARACTERS_MAX, AdminCommand
from bridge.flows.context import Context
from bridge.flows.run_command import CommandWish, changes, commands_of, once_of_command_run, run_command
from bridge.flows.sites import Site
from bridge.flows.two_people import operator_actor
from bridge.web.from_operator import PRIVATE, answered, from_operator, once_of, read_json
from bridge.web.orders_in import GatewayName, Short, convert

COMMANDS = "/operators/v1/commands"
FIELDS_MAX = 40
Typed = Annotated[str, Meta(max_length=FIELD_CHARACTERS_MAX)]


class CommandIn(msgspec.Struct, forbid_unknown_fields=True):
    """The body of POST /operators/v1/commands: the site's id, and a command with the fields its gateway names."""

    site: Short
    gateway: GatewayName
    command: Short
    fields: Annotated[dict[Short, Typed], Meta(max_length=FIELDS_MAX)] = {}


class OperatorCommands:
    """The routes of /operators/v1/commands."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def routes(self) -> list[BaseRoute]:
        """Give the routes."""
        return [
            Route(COMMANDS, answered(self.list), methods=["GET"]),
            Route(COMMANDS, answered(self.run), methods=["POST"]),
        ]

    async def list(self, request: Request) -> Response:
        """List the commands of every site's gateways; whoever may not run one is told so."""
        await from_operator(self._context, request, acts=True)
        items = [
            {"site": site.id, "url": site.url, "gateway": one.gateway, **_command_json(command)}
            for site in self._context.sites.all()
            for one in commands_of(site)
            for command in one.commands
        ]
        return JSONResponse({"items": items, "next_cursor": None}, 200, PRIVATE)

    async def run(self, request: Request) -> Response:
        """Have a gateway run a command: 200 with its answer as it was given, also where it says no."""
        operator = await from_operator(self._context, request, acts=True)
        given, body = await read_json(request)
        asked = convert(given, CommandIn)
        site = self._site(asked.site)
        wish = CommandWish(asked.gateway, asked.command, asked.fields, operator_actor(operator.name))
        once = once_of(request, operator, body)
        if once is None and changes(site, wish):
            raise Malformed(
                "Send an Idempotency-Key, so that a repeat runs once: 32 hex digits, the first eight the unix time.",
                message_ko="한 번만 실행되도록 Idempotency-Key를 보내 주세요.",
            )
        if once is not None:  # of a body with a password in it no plain digest is kept
            blind = once_of_command_run(self._context, once.idempotency_key, wish)
            once = replace(once, digest=blind.digest) if changes(site, wish) else None
        heard = await run_command(self._context, site, wish, once)
        return JSONResponse(heard.to_json(), 200, PRIVATE)

    def _site(self, wanted: str) -> Site:
        site = self._context.sites.find(wanted)
        if site is None:
            raise NotFound(
                "There is no such site; GET /operators/v1/commands names those that have commands.",
                message_ko="그런 사이트가 없어요. GET /operators/v1/commands로 사이트를 확인해 주세요.",
            )
        return site


def _command_json(command: AdminCommand) -> dict[str, Any]:
    """Show a command: what it is for in both languages, whether it changes anything, and its fields."""
    return {
        "command": command.name,
        "label": {"ko": command.korean, "en": command.english},
        "changes": command.changes,
        "fields": [
            {
                "name": one.name,
                "label": {"ko": one.korean, "en": one.english},
                "needed": one.needed,
                "choices": list(one.choices),
                "holds": one.holds,
            }
            for one in command.fields
        ],
    }
