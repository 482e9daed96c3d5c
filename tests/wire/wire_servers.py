"""Servers that behave badly on purpose, on loopback, and a small certificate authority for them."""

import asyncio
import socket
import ssl
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bridge.domain.exchange import Call, Reply
from bridge.wire.converse import Conversation, Wire

JSON = b'{"resultCode":"200","refNo":"R1"}'


@dataclass
class Server:
    """A listening socket, what arrived at it, and how often it was connected to."""

    origin: str = ""
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)
    raw: bytearray = field(default_factory=bytearray)

    @property
    def hosts(self) -> frozenset[str]:
        return frozenset({self.origin})


class BootClock:
    """A boot-time clock that tests can move."""

    def __init__(self) -> None:
        self.skipped_seconds = 0.0

    def __call__(self) -> float:
        return time.clock_gettime(time.CLOCK_BOOTTIME) + self.skipped_seconds


Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter, Server], Awaitable[None]]


@asynccontextmanager
async def serving(
    behaviour: Behaviour, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1"
) -> AsyncIterator[Server]:
    server = Server()
    tasks: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        server.connections += 1
        try:
            await behaviour(reader, writer, server)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            tasks.discard(task)
            writer.transport.abort()

    listener = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=tls)
    scheme = "https" if tls else "http"
    server.origin = f"{scheme}://{host}:{listener.sockets[0].getsockname()[1]}"
    try:
        yield server
    finally:
        listener.close()
        for task in tuple(tasks):
            task.cancel()
        while tasks:
            await asyncio.sleep(0)
        await asyncio.sleep(0.01)


async def read_request(reader: asyncio.StreamReader, server: Server) -> bytes:
    """Read one whole request, head and body; raises IncompleteReadError at the end of the stream."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = 0
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            length = int(line.partition(b":")[2])
    request = head + await reader.readexactly(length)
    server.requests.append(request)
    return request


def answer(body: bytes = JSON, *, status: str = "200 OK", headers: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body


def says(*pieces: bytes, after: float = 0.0, wait: float = 5.0) -> Behaviour:
    """Answer every request with these bytes, and keep the connection open for `wait` seconds of silence."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, server: Server) -> None:
        while True:
            await asyncio.wait_for(read_request(reader, server), wait)
            await asyncio.sleep(after)
            for piece in pieces:
                writer.write(piece)
                await writer.drain()

    return behave


def reset(writer: asyncio.StreamWriter) -> None:
    """Close with RST instead of FIN."""
    sock: socket.socket = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def asks(origin: str, *, moves_money: bool, path: str = "/pay", **more: Any) -> Generator[Call, Reply, Reply]:
    """The smallest exchange: one call, whose reply is the outcome."""
    more.setdefault("form", {"amount": "1000"})
    reply = yield Call("pay", "POST", f"{origin}{path}", moves_money=moves_money, **more)
    return reply


class Authority:
    """A certificate authority of one test run."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test authority")])
        certificate = self._build(self._name, self._key, None, timedelta(days=1), authority=True)
        self._pem = certificate.public_bytes(serialization.Encoding.PEM)

    def client_context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cadata=self._pem.decode())
        context.set_alpn_protocols(["http/1.1"])
        return context

    def server_context(self, name: str = "localhost", *, valid: timedelta = timedelta(days=1)) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = self._build(subject, key, name, valid, authority=False)
        path = self._folder / f"{name}-{valid.total_seconds()}.pem"
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context

    def _build(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        name: str | None,
        valid: timedelta,
        *,
        authority: bool,
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=30))
            .not_valid_after(now + valid)
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )
        if authority:
            usage = x509.KeyUsage(
                digital_signature=True,
                key_cert_sign=True,
                crl_sign=True,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                encipher_only=False,
                decipher_only=False,
            )
            builder = builder.add_extension(usage, critical=True)
        if name is not None:
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        return builder.sign(self._key, hashes.SHA256())


async def talk(
    wire: Wire,
    server: Server,
    *,
    moves_money: bool = True,
    seconds: float = 10.0,
    connect_seconds: float = 5.0,
    **more: Any,
) -> Conversation[Reply]:
    return await wire.converse(
        asks(server.origin, moves_money=moves_money, **more),
        hosts=server.hosts,
        deadline_seconds=seconds,
        connect_seconds=connect_seconds,
        committed_at=wire._clock(),
        loopback_allowed=True,
    )
