"""Commands of the command line: sent to the running server over its socket, or done here when none runs."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from bridge.clock import stamp
from bridge.domain.failures import BridgeError, Malformed
from bridge.domain.payment import Mode
from bridge.flows.context import Context
from bridge.flows.list_payments import Filter, list_payments
from bridge.flows.log_in import add_operator
from bridge.flows.manage_sites import add_site, list_sites, revoke_key, rotate_key
from bridge.flows.refund import RefundWish, once_of_command, refund
from bridge.flows.snapshots import read_payment, refund_json
from bridge.ledger.ledger import Turn

LINE_BYTES_MAX = 1 << 20
Words = dict[str, Any]


async def _site_add(context: Context, words: Words) -> Any:
    return await add_site(
        context, url=words["url"], gateways=words["gateways"], settings=words["settings"], mode=Mode(words["mode"])
    )


async def _site_rotate(context: Context, words: Words) -> Any:
    return await rotate_key(context, url=words["url"])


async def _site_revoke(context: Context, words: Words) -> Any:
    return await revoke_key(context, url=words["url"], key_id=words["key_id"])


async def _site_list(context: Context, _: Words) -> Any:
    return list_sites(context)


async def _operator_add(context: Context, words: Words) -> Any:
    operator = await add_operator(context, words["name"], words["password"], words["role"])
    return {"id": operator.id, "name": operator.name, "role": operator.role}


async def _payments_list(context: Context, words: Words) -> Any:
    found = []
    for site in context.sites.all():
        page = await list_payments(context, site, Filter(words=words.get("words", ""), limit=words.get("limit", 50)))
        found += [item | {"site_url": site.url} for item in page["items"]]
    return sorted(found, key=lambda item: str(item["id"]), reverse=True)


async def _payments_show(context: Context, words: Words) -> Any:
    site, moment = await _site_of(context, words["payment"]), stamp(context.clock)
    found = context.sites.get(site)
    return await context.ledger.read(lambda turn: read_payment(turn, found, words["payment"], moment))


async def _refund(context: Context, words: Words) -> Any:
    site = context.sites.get(await _site_of(context, words["payment"]))
    wish = RefundWish(words["payment"], words["amount"], words["reason"], f"operator:{words['actor']}", capped=False)
    digest = json.dumps([words["payment"], words["amount"], words["reason"]], ensure_ascii=False)
    return refund_json(await refund(context, site, wish, once_of_command(context, words["key"], digest)))


async def _site_of(context: Context, payment: str) -> str:
    def work(turn: Turn) -> str:
        row = turn.one("SELECT site FROM payments WHERE id = ?", payment)
        if row is None:
            raise Malformed("There is no such payment; `pay-bridge payments list` shows them.")
        return str(row["site"])

    return await context.ledger.read(work)


COMMANDS: dict[str, Callable[[Context, Words], Awaitable[Any]]] = {
    "site.add": _site_add,
    "site.list": _site_list,
    "site.rotate-key": _site_rotate,
    "site.revoke-key": _site_revoke,
    "operator.add": _operator_add,
    "payments.list": _payments_list,
    "payments.show": _payments_show,
    "refund": _refund,
}


async def perform(context: Context, command: str, words: Words) -> Any:
    """Do a command in this process. Raises what its flow raises."""
    return await COMMANDS[command](context, words)


def socket_path(database: Path) -> Path:
    """Say where the running server listens: beside its database."""
    return Path(f"{database}.sock")


async def listen(context: Context, database: Path) -> asyncio.Server:
    """Take commands from this machine's owner (mode 0600) while the server runs."""
    path = socket_path(database)
    path.unlink(missing_ok=True)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            asked = json.loads(await reader.readline())
            answer = {"ok": await perform(context, asked["command"], asked["words"])}
        except BridgeError as error:
            answer = {"error": error.code, "detail": error.detail}
        writer.write(json.dumps(answer, ensure_ascii=False).encode() + b"\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_unix_server(serve, str(path), limit=LINE_BYTES_MAX)
    path.chmod(0o600)
    return server


async def ask(database: Path, command: str, words: Words) -> Any:
    """Ask the running server. Raises ConnectionError or FileNotFoundError when none runs, BridgeError for its no."""
    reader, writer = await asyncio.open_unix_connection(str(socket_path(database)), limit=LINE_BYTES_MAX)
    writer.write(json.dumps({"command": command, "words": words}, ensure_ascii=False).encode() + b"\n")
    await writer.drain()
    line = await reader.readline()
    writer.close()
    if not line:
        raise BridgeError("The server ended before it answered; look whether the command took effect.")
    answer = json.loads(line)
    if "error" in answer:
        raise BridgeError(answer["detail"])
    return answer["ok"]
