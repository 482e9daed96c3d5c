"""The control pages: faults, latency, settings, deposits, refunds, transfers, forgeries, books, recorded requests."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from bridge.sandbox.faults import KINDS, Armed, Fault
from bridge.sandbox.world import ControlRefused, Desk, TransferDesk, World

Handler = Callable[[Request], Awaitable[Response]]


def routes(world: World) -> list[BaseRoute]:
    """Make the control pages of a world."""
    return [
        Route("/books", _books(world), methods=["GET"]),
        Route("/control/faults", _faults(world), methods=["GET", "POST", "DELETE"]),
        Route("/control/latency", _latency(world), methods=["POST"]),
        Route("/control/settings", _settings(world), methods=["GET", "POST"]),
        Route("/control/deposit", _deposit(world), methods=["POST"]),
        Route("/control/refund", _refund(world), methods=["POST"]),
        Route("/control/transfer", _transfer(world), methods=["POST"]),
        Route("/control/forge", _forge(world), methods=["POST"]),
        Route("/control/requests", _requests(world), methods=["GET"]),
        Route("/control/reset", _reset(world), methods=["POST"]),
        Route("/livez", _alive, methods=["GET"]),
    ]


def _books(world: World) -> Handler:
    async def books(request: Request) -> Response:
        return JSONResponse(world.bank.as_json(request.query_params.get("merchant_ref")))

    return books


def _faults(world: World) -> Handler:
    async def faults(request: Request) -> Response:
        if request.method == "POST":
            try:
                world.faults.arm(_read_fault(await _values(request)))
            except (ControlRefused, ValueError, TypeError) as error:
                return _refused(error)
        elif request.method == "DELETE":
            world.faults.clear()
        return JSONResponse({"armed": [armed.as_json() for armed in world.faults.armed], "kinds": dict(KINDS)})

    return faults


def _read_fault(values: dict[str, Any]) -> Armed:
    unknown = values.keys() - {"gateway", "op", "kind", "times", "delay_seconds", "merchant_ref", "code", "message"}
    if unknown:
        raise ControlRefused(f"A fault has no {', '.join(sorted(unknown))}.")
    for name in ("gateway", "op", "kind"):
        if not isinstance(values.get(name), str):
            raise ControlRefused(f"A fault needs a {name}.")
    fault = Fault(
        values["kind"],
        float(values.get("delay_seconds", 10.0)),
        str(values.get("code", "")),
        str(values.get("message", "")),
    )
    times = values.get("times", 1)
    if times is not None and (not isinstance(times, int) or times < 1):
        raise ControlRefused("times is a number from 1, or null for ever.")
    return Armed(values["gateway"], values["op"], fault, times, str(values.get("merchant_ref", "")))


def _latency(world: World) -> Handler:
    async def latency(request: Request) -> Response:
        try:
            values = await _values(request)
            seconds = float(values["seconds"])
        except (ControlRefused, ValueError, TypeError, KeyError) as error:
            return _refused(error)
        world.latency_seconds[str(values.get("gateway", "")), str(values.get("op", ""))] = max(0.0, seconds)
        return JSONResponse({"latency": [[*key, seconds] for key, seconds in world.latency_seconds.items()]})

    return latency


def _settings(world: World) -> Handler:
    async def settings(request: Request) -> Response:
        if request.method == "POST":
            try:
                _change_settings(world, await _values(request))
            except (ControlRefused, ValueError, TypeError) as error:
                return _refused(error)
        return JSONResponse(
            {
                "notice_retry_seconds": list(world.notices.retry_seconds),
                "amounts_choose_faults": world.faults.amounts_choose,
                "gateways": {name: desk.settings() for name, desk in world.desks.items()},
            }
        )

    return settings


def _change_settings(world: World, values: dict[str, Any]) -> None:
    if "notice_retry_seconds" in values:
        world.notices.retry_seconds = tuple(float(seconds) for seconds in values.pop("notice_retry_seconds"))
    if "amounts_choose_faults" in values:
        world.faults.amounts_choose = bool(values.pop("amounts_choose_faults"))
    if values:
        _desk(world, values).set({name: value for name, value in values.items() if name != "gateway"})


def _deposit(world: World) -> Handler:
    async def deposit(request: Request) -> Response:
        try:
            values = await _values(request)
            return JSONResponse(_desk(world, values).deposit(values))
        except (ControlRefused, ValueError, TypeError) as error:
            return _refused(error)

    return deposit


def _refund(world: World) -> Handler:
    async def refund(request: Request) -> Response:
        try:
            values = await _values(request)
            return JSONResponse(_desk(world, values).refund(values))
        except (ControlRefused, ValueError, TypeError) as error:
            return _refused(error)

    return refund


def _transfer(world: World) -> Handler:
    async def transfer(request: Request) -> Response:
        try:
            values = await _values(request)
            desk = _desk(world, values)
            if not isinstance(desk, TransferDesk):
                raise ControlRefused("This gateway makes no transfers.")
            return JSONResponse(desk.transfer(values))
        except (ControlRefused, ValueError, TypeError) as error:
            return _refused(error)

    return transfer


def _forge(world: World) -> Handler:
    async def forge(request: Request) -> Response:
        try:
            values = await _values(request)
            return JSONResponse(await _desk(world, values).forge(values))
        except (ControlRefused, ValueError, TypeError) as error:
            return _refused(error)

    return forge


def _requests(world: World) -> Handler:
    async def requests(request: Request) -> Response:
        wanted = {name: request.query_params[name] for name in ("op", "merchant_ref") if name in request.query_params}
        found = [one for one in world.requests if all(one[name] == value for name, value in wanted.items())]
        return JSONResponse({"requests": found})

    return requests


def _reset(world: World) -> Handler:
    async def reset(_request: Request) -> Response:
        world.reset()
        return JSONResponse({"reset": True})

    return reset


async def _alive(_request: Request) -> Response:
    return JSONResponse({"alive": True})


async def _values(request: Request) -> dict[str, Any]:
    body = await request.body()
    try:
        values = json.loads(body or b"{}")
    except ValueError as error:
        raise ControlRefused("The body is not JSON.") from error
    if not isinstance(values, dict):
        raise ControlRefused("The body is not a JSON object.")
    return values


def _desk(world: World, values: dict[str, Any]) -> Desk:
    name = values.get("gateway", "mainpay")
    if name not in world.desks:
        raise ControlRefused(f"There is no gateway {name!r}.")
    return world.desks[name]


def _refused(error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, 400)
