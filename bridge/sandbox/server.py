"""The sandbox over HTTP: uvicorn, with a way for the application to end a connection without an answer."""

import socket
import struct
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from bridge.sandbox.spoil import CUT

LINGER_NONE = struct.pack("ii", 1, 0)


class CuttingProtocol(HttpToolsProtocol):
    """Adds the extension `sandbox.cut` to every request's scope."""

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self.scope["extensions"] = {CUT: self.cut}  # type: ignore[dict-item]

    def cut(self, data: bytes, reset: bool) -> None:
        """Write `data` as it is and end the connection, by RST where `reset`, otherwise by FIN."""
        if data:
            self.transport.write(data)
        if not reset:
            self.transport.close()
            return
        sock = self.transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NONE)
        self.transport.abort()


def config(app: Any, host: str, port: int) -> uvicorn.Config:
    """Set up uvicorn for a sandbox: httptools, uvloop, no access log."""
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        http=CuttingProtocol,
        loop="uvloop",
        ws="none",
        lifespan="on",
        access_log=False,
        log_level="warning",
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=1,
    )
