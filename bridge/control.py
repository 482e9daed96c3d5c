"""The control socket: how commands typed on this machine reach the server that holds the database."""

import asyncio
import contextlib
import json
import os
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import structlog

from bridge.domain import failures
from bridge.domain.failures import BridgeError, Malformed, Misconfigured
from bridge.domain.strictjson import loads

LINE_BYTES_MAX = 1 << 20
LINE_SECONDS = 10.0
SOCKET_PATH_BYTES_MAX = 100  # the system's own limit is 104 to 108
log = structlog.get_logger("control")

Perform = Callable[[str, dict[str, Any]], Awaitable[Any]]
"""Does a command, by its name and words. Raises BridgeError."""


class NoServer(Exception):
    """No server listens: none runs, or it ended without taking its socket away."""


def socket_path(database: Path) -> Path:
    """Say where the running server listens: beside its database."""
    return Path(f"{database}.sock")


@contextlib.asynccontextmanager
async def listening(database: Path, perform: Perform) -> AsyncIterator[None]:
    """Take commands from this machine's owner alone (mode 0600). What an earlier server left behind is replaced."""
    path = socket_path(database)
    server = await asyncio.start_unix_server(_conversation(perform), sock=_bind(path), limit=LINE_BYTES_MAX)
    try:
        yield
    finally:
        server.close()
        path.unlink(missing_ok=True)


def _bind(path: Path) -> socket.socket:
    """Bind a socket that nobody else can open even for a moment. The caller holds the database's lock."""
    path.unlink(missing_ok=True)
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    earlier = os.umask(0o177)
    try:
        with _short(path) as name:
            made.bind(name)
    finally:
        os.umask(earlier)
    return made


@contextlib.contextmanager
def _short(path: Path) -> Iterator[str]:
    """Give a name for a socket that the system takes: long folders are reached through an open descriptor."""
    if len(os.fsencode(path)) <= SOCKET_PATH_BYTES_MAX:
        yield str(path)
        return
    if sys.platform != "linux":
        raise Misconfigured(f"The database's path is too long for a socket beside it: {path.parent}")
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def _conversation(perform: Perform) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            answer = await _answer(reader, perform)
            if answer is not None:
                writer.write(json.dumps(answer, ensure_ascii=False).encode() + b"\n")
                await writer.drain()
        except ConnectionError:
            log.info("a command's caller went away before the answer")
        finally:
            writer.close()

    return converse


async def _answer(reader: asyncio.StreamReader, perform: Perform) -> dict[str, Any] | None:
    """Read one line and do what it says; nothing is answered to a caller who said nothing."""
    try:
        line = await _line(reader)
        if not line:
            return None
        command, words = _read(line)
        return {"ok": await perform(command, words)}
    except BridgeError as error:
        return {"error": error.code, "detail": error.detail}


async def _line(reader: asyncio.StreamReader) -> bytes:
    try:
        async with asyncio.timeout(LINE_SECONDS):
            return await reader.readline()
    except TimeoutError:
        raise Malformed("The command did not arrive in time.") from None
    except ValueError:
        raise Malformed(f"The command is longer than {LINE_BYTES_MAX} bytes.") from None


def _read(line: bytes) -> tuple[str, dict[str, Any]]:
    asked = loads(line, bytes_max=LINE_BYTES_MAX)
    command, words = (asked.get("command"), asked.get("words")) if isinstance(asked, dict) else (None, None)
    if not isinstance(command, str) or not isinstance(words, dict):
        raise Malformed("A command is one line of JSON: {command, words}.")
    return command, words


async def ask(database: Path, command: str, words: dict[str, Any]) -> Any:
    """Ask the running server. Raises NoServer, or the server's own no as the BridgeError it is."""
    try:
        with _short(socket_path(database)) as name:
            reader, writer = await asyncio.open_unix_connection(name, limit=LINE_BYTES_MAX * 16)
    except (FileNotFoundError, ConnectionRefusedError) as error:
        raise NoServer from error
    except PermissionError as error:
        raise Misconfigured("The server belongs to another user; run this command as that user.") from error
    lost = BridgeError("The server ended before it answered; look whether the command took effect.")
    try:
        writer.write(json.dumps({"command": command, "words": words}, ensure_ascii=False).encode() + b"\n")
        await writer.drain()
        line = await reader.readline()
    except ConnectionError:
        raise lost from None
    finally:
        writer.close()
    if not line:
        raise lost
    answer = json.loads(line)
    if "error" in answer:
        raise _KINDS.get(answer["error"], BridgeError)(answer["detail"])
    return answer["ok"]


_KINDS: dict[str, type[BridgeError]] = {
    kind.code: kind for kind in vars(failures).values() if isinstance(kind, type) and issubclass(kind, BridgeError)
}
