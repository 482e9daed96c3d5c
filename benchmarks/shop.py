"""A shop that only listens: takes the bridge's news, as fast as a WordPress that costs nothing would."""

import asyncio
import json
from collections import Counter
from typing import Self

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n" + b'{"ok":true}'


class Shop:
    """Listens on a free port. `paid` counts, for each order, the messages that it is paid."""

    def __init__(self) -> None:
        self.paid: Counter[str] = Counter()
        self.url = ""
        self._heard: set[str] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._talk, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                lines = head.split("\r\n")[1:]
                fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
                self._hear(fields.get("webhook-id", ""), await reader.readexactly(int(fields["content-length"])))
                writer.write(OK)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    def _hear(self, name: str, body: bytes) -> None:
        news = json.loads(body)
        if news.get("type") == "payment.paid" and name not in self._heard:
            self._heard.add(name)
            self.paid[news["order"]["ref"]] += 1
