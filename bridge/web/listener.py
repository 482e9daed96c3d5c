"""Listens only while a descriptor is left for who comes; otherwise they wait in the backlog until there is one."""

import asyncio
import os
import socket
from collections.abc import Sequence

import structlog
import uvicorn

REST_TICKS = 5
"""How often, in uvicorn's tenths of a second, a server that rests looks whether it may listen again."""
log = structlog.get_logger("web")


class Server(uvicorn.Server):
    """uvicorn's server, which rests where it could take nobody in.

    The event loop would ask again at once, for ever, or take people in only to send them away.
    """

    _sockets: Sequence[socket.socket] = ()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the application, then listen on sockets that are bound; whoever opened them closes them."""
        await super().startup(sockets=[])
        self._sockets = sockets or []
        await self._listen()

    async def on_tick(self, counter: int) -> bool:
        """Rest, or listen again; tells whether to end."""
        if self.servers and not _are_left(1):
            log.critical("no descriptor is left; whoever comes waits")
            for server in self.servers:
                server.close()
            self.servers.clear()
        elif not self.servers and counter % REST_TICKS == 0 and _are_left(len(self._sockets) + 2):
            await self._listen()
            log.info("there are descriptors again", listening=bool(self.servers))
        return await super().on_tick(counter)

    async def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        for sock in self._sockets:
            own = sock.dup()
            self.servers.append(await loop.create_server(self._protocol, sock=own, backlog=self.config.backlog))

    def _protocol(self) -> asyncio.Protocol:
        return self.config.http_protocol_class(  # type: ignore[call-arg]
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )


def _are_left(count: int) -> bool:
    """Tell whether so many descriptors can be had."""
    had: list[int] = []
    try:
        while len(had) < count:
            had.append(os.dup(0))
    except OSError:
        return False
    finally:
        for one in had:
            os.close(one)
    return True
