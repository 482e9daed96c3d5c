"""One call to a gateway: read, recorded, delayed, spoilt as the faults say, and answered."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response

from bridge.sandbox import spoil
from bridge.sandbox.faults import HANG_MAX_SECONDS, Fault
from bridge.sandbox.notices import Notice
from bridge.sandbox.world import World

BODY_MAX_BYTES = 64 * 1024
FIELDS_MAX = 100
HIDDEN = "***"


class Malformed(ValueError):
    """The request's body or query is not a form in UTF-8, or a JSON object, with each field once."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a call is about: `merchant_ref` is the payment's, whatever number the call itself bears; KRW."""

    gateway: str
    dialect: str
    op: str
    merchant: str
    merchant_ref: str
    amount: int


@dataclass(slots=True)
class Answer:
    """What a gateway says, as fields with an HTTP status, and the notices it sends because of it."""

    body: dict[str, Any]
    notices: list[Notice] = field(default_factory=list)
    status: int = 200


Act = Callable[[Fault | None], Answer]
Respond = Callable[[Mapping[str, Any]], Response]
"""Writes an answer's fields as the gateway does; JSON unless it does otherwise."""


async def read_form(request: Request) -> dict[str, str]:
    """Read a form, strictly. Raises Malformed."""
    kind = request.headers.get("content-type", "").replace(" ", "").lower()
    if kind not in ("application/x-www-form-urlencoded", "application/x-www-form-urlencoded;charset=utf-8"):
        raise Malformed("The content type is not application/x-www-form-urlencoded in UTF-8.")
    return _fields(await _body(request))


def read_query(request: Request) -> dict[str, str]:
    """Read the fields in an address, as strictly as a form. Raises Malformed."""
    return _fields(request.scope["query_string"])


async def read_json(request: Request) -> dict[str, Any]:
    """Read a JSON object in UTF-8, strictly. Raises Malformed."""
    kind = request.headers.get("content-type", "").replace(" ", "").lower()
    if kind not in ("application/json", "application/json;charset=utf-8"):
        raise Malformed("The content type is not application/json in UTF-8.")
    try:
        value = json.loads((await _body(request)).decode("utf-8"), object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise Malformed("The body is not JSON in UTF-8.") from error
    if not isinstance(value, dict):
        raise Malformed("The body is not a JSON object.")
    return value


async def _body(request: Request) -> bytes:
    body = await request.body()
    if len(body) > BODY_MAX_BYTES:
        raise Malformed("The body is too long.")
    return body


def _fields(raw: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(
            raw.decode("ascii"), keep_blank_values=True, encoding="utf-8", errors="strict", max_num_fields=FIELDS_MAX
        )
        return _once(pairs)
    except ValueError as error:
        raise Malformed("The fields are not a form in UTF-8, each of them once.") from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a field is there twice")
    return found


def json_response(body: Mapping[str, Any]) -> Response:
    """Answer JSON in UTF-8 with status 200."""
    return Response(
        json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode(),
        media_type="application/json;charset=UTF-8",
    )


def record(world: World, request: Request, asked: Asked, form: Mapping[str, Any], hidden: frozenset[str]) -> None:
    """Keep the request for whoever tests, without its secrets and personal data."""
    world.requests.append(
        {
            "at": world.now().isoformat(),
            "gateway": asked.gateway,
            "dialect": asked.dialect,
            "op": asked.op,
            "method": request.method,
            "path": request.url.path,
            "merchant_ref": asked.merchant_ref,
            "fields": {name: HIDDEN if name in hidden and value else value for name, value in form.items()},
        }
    )


async def answer(world: World, asked: Asked, act: Act, respond: Respond = json_response) -> Response:
    """Do what is asked and answer it, or let it go wrong as the faults say."""
    fault = world.faults.pick(asked.gateway, asked.op, asked.merchant_ref, asked.amount)
    counted = _count(world, asked)
    seconds = world.latency(asked.gateway, asked.op)
    if seconds:
        await world.clock.sleep(seconds)
    if fault is not None:
        early = await _before(world, fault)
        if early is not None:
            return early
    said = act(fault)
    if not counted:
        _count(world, asked)
    await _announce(world, asked, said)
    if fault is None:
        return _response(said, respond)
    if fault.kind in ("duplicate", "duplicate_unseen"):
        again = act(None)
        await _announce(world, asked, again)
        _count(world, asked)
        said = again if fault.kind == "duplicate" else said
    return await _after(world, fault, said, respond)


def _response(said: Answer, respond: Respond) -> Response:
    response = respond(said.body)
    response.status_code = said.status
    return response


def _count(world: World, asked: Asked) -> bool:
    book = world.bank.find(asked.gateway, asked.dialect, asked.merchant, asked.merchant_ref)
    if book is not None:
        book.calls[asked.op] += 1
    return book is not None


async def _announce(world: World, asked: Asked, said: Answer) -> None:
    for notice in said.notices:
        fault = world.faults.pick(asked.gateway, "notice", asked.merchant_ref, asked.amount)
        if fault is not None and fault.kind == "notice_first":
            await world.notices.attempt(notice)
            if notice.record.acked:
                continue
            fault = None
        world.spawn(world.notices.deliver(notice, fault))


async def _before(world: World, fault: Fault) -> Response | None:
    match fault.kind:
        case "drop_before":
            return spoil.Cut()
        case "rst_before":
            return spoil.Cut(reset=True)
        case "5xx_before":
            return spoil.bad_gateway()
        case "throttled":
            return Response("Too Many Requests", 429, {"retry-after": "1"})
        case "redirect":
            return Response(status_code=302, headers={"location": "http://127.0.0.2:9/elsewhere"})
        case "hang_before":
            await world.clock.sleep(min(fault.delay_seconds, HANG_MAX_SECONDS))
            return spoil.Cut()
        case "late":
            await world.clock.sleep(fault.delay_seconds)
    return None


async def _after(world: World, fault: Fault, said: Answer, respond: Respond) -> Response:
    whole = _response(said, respond)
    match fault.kind:
        case "drop_after":
            return spoil.Cut()
        case "rst_after":
            return spoil.Cut(reset=True)
        case "5xx_after":
            return spoil.bad_gateway()
        case "garbage_after":
            return Response(b"\x00\xff<OK", media_type=whole.media_type)
        case "empty_after":
            return Response(b"", media_type=whole.media_type)
        case "half_after":
            return spoil.half(whole)
        case "drip_after":
            return spoil.drip(world.clock, whole)
        case "huge_after":
            return respond({**said.body, "padding": "x" * (2 * 1024 * 1024)})
        case "loose_types_after":
            return respond(spoil.loosen(said.body))
        case "hang":
            await world.clock.sleep(min(fault.delay_seconds, HANG_MAX_SECONDS))
            return spoil.Cut()
        case "delay":
            await world.clock.sleep(fault.delay_seconds)
    return whole
