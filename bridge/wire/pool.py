"""The connections in use and at rest: one TLS context, a bounded number per origin, the latest used first."""

import asyncio
import ssl
from functools import partial

from bridge.wire.address import Address, is_public
from bridge.wire.connection import Connection

AT_ONCE_MAX = 512
IDLE_MAX = 256
# Below the 5 s after which common servers drop an idle connection, so that a request rarely meets a closing one.
IDLE_SECONDS = 4.0
CERTIFICATE_REFUSED = "its certificate was not accepted"
"""How a call says that it was not sent because nobody could be trusted: the gateway is to blame, or this machine."""


class ConnectFailed(Exception):
    """No connection came about, so nothing was sent."""


class Pool:
    """Opens, lends and keeps connections. It never decides whether a kept one may be used: the caller does."""

    def __init__(self, tls: ssl.SSLContext, at_once_max: int = AT_ONCE_MAX) -> None:
        self._tls = tls
        self._at_once_max = at_once_max
        self._slots: dict[str, asyncio.Semaphore] = {}
        self._idle: dict[tuple[str, bool], dict[Connection, None]] = {}
        self._open: set[Connection] = set()
        self._all_lost = asyncio.Event()
        self._closed = False

    def slots(self, address: Address) -> asyncio.Semaphore:
        """The places for calls to one origin at the same time."""
        return self._slots.setdefault(address.origin, asyncio.Semaphore(self._at_once_max))

    def take(self, address: Address) -> Connection | None:
        """Lend the kept connection used last, if there is one; those that were lost are no longer among them."""
        kept = self._idle.get((address.origin, address.public_only))
        return kept.popitem()[0] if kept else None

    def give_back(self, address: Address, connection: Connection) -> None:
        """Keep a connection for the next call, or close it where it cannot serve again."""
        kept = self._idle.setdefault((address.origin, address.public_only), {})
        if connection.usable and len(kept) < IDLE_MAX:
            kept[connection] = None
            connection.keep(IDLE_SECONDS)
        else:
            connection.close()

    async def open(self, address: Address, seconds: float) -> Connection:
        """Make a new connection, TLS included, within `seconds`. Raises ConnectFailed."""
        loop, new = asyncio.get_running_loop(), partial(Connection, partial(self._forget, address))
        host = address.dialled_host
        tls, name = (self._tls, host) if address.scheme == "https" else (None, None)
        try:
            async with asyncio.timeout(seconds):
                _, connection = await loop.create_connection(new, host, address.port, ssl=tls, server_hostname=name)
        except TimeoutError as error:
            raise ConnectFailed(f"No connection to {address.origin} within its time.") from error
        except (OSError, UnicodeError) as error:
            raise ConnectFailed(f"No connection to {address.origin}: {_name(error)}.") from error
        if self._closed:
            connection.close()
            raise ConnectFailed("The wire is closed.")
        if connection.usable:
            self._open.add(connection)
        if address.public_only and not is_public(connection.peer):
            connection.close()
            raise ConnectFailed(f"The name in {address.origin} leads to an address that is not public.")
        return connection

    async def close(self) -> None:
        """Drop every connection, those in use too, wait until their sockets are closed, and open no more."""
        self._closed = True
        for connection in tuple(self._open):
            connection.close()
        if self._open:
            self._all_lost.clear()
            await self._all_lost.wait()

    def _forget(self, address: Address, connection: Connection) -> None:
        self._open.discard(connection)
        kept = self._idle.get((address.origin, address.public_only))
        if kept is not None:
            kept.pop(connection, None)
            if not kept:
                del self._idle[address.origin, address.public_only]
        if not self._open:
            self._all_lost.set()


def _name(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"{CERTIFICATE_REFUSED} ({error.verify_message})"
    return error.strerror or type(error).__name__ if isinstance(error, OSError) else type(error).__name__
