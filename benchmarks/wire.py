"""What one call to a gateway costs: the wire against HTTP clients, with many calls in flight to a slow gateway.

    python benchmarks/wire.py [--calls 3000] [--at-once 200] [--delay 0.3]

The gateway is a process of its own, so "CPU" is that of the caller alone. Clients that are not installed are left out.
The wire also checks the address, keeps the deadlines and writes the scrubbed journal; the clients only fetch bytes.
"""

import argparse
import asyncio
import multiprocessing
import ssl
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any

import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from bridge.domain.exchange import Call, Reply
from bridge.wire.converse import Wire

BODY = (
    '{"resultCode":"200","resultMessage":"정상","data":{"refNo":"R240101","payUrl":"https://pay.example/x"}}'.encode()
)
FORM = {
    "version": "V001",
    "mbrNo": "100000",
    "mbrRefNo": "P0123456789abcdef",
    "timestamp": "24010112000000",
    "signature": "ab" * 32,
    "paymethod": "CARD",
    "amount": "55000",
    "goodsName": "Concert ticket",
    "approvalUrl": "https://pay.shop.example/r/AbCdEfGhIjKlMnOpQrStUvWxYz012345",
    "customerName": "홍길동",
    "customerEmail": "buyer@shop.example",
    "customerTelNo": "01012345678",
}
Ask = Callable[[], Awaitable[bytes]]


class SlowGateway(asyncio.Protocol):
    """Reads a request, waits, answers; closes where it is asked to."""

    delay_seconds = 0.0

    def connection_made(self, transport: Any) -> None:
        self.transport, self.received = transport, b""

    def data_received(self, data: bytes) -> None:
        self.received += data
        head, found, body = self.received.partition(b"\r\n\r\n")
        head = head.lower()
        length = int(head.partition(b"content-length:")[2].split(b"\r\n")[0])
        if found and len(body) >= length:
            self.received = b""
            closing = b"connection: close" in head
            asyncio.get_running_loop().call_later(self.delay_seconds, self.answer, closing)

    def answer(self, closing: bool) -> None:
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(BODY)}\r\n\r\n"
        self.transport.write(head.encode() + BODY)
        if closing:
            self.transport.close()


def run_gateway(pipe: Pipe, certificate: str, delay_seconds: float) -> None:
    """Serve plain and TLS on free ports until the parent ends this process."""

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate)
        SlowGateway.delay_seconds = delay_seconds
        servers = [
            await loop.create_server(SlowGateway, "127.0.0.1", 0, ssl=context, backlog=2048) for context in (None, tls)
        ]
        pipe.send([server.sockets[0].getsockname()[1] for server in servers])
        await asyncio.sleep(600)

    uvloop.run(serve())


def make_certificate(path: Path) -> None:
    """Write a key and a certificate of its own for localhost; RSA 2048, as gateways have."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")]), datetime.now(UTC)
    builder = x509.CertificateBuilder(
        name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(1)
    )
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(secret + builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))


@asynccontextmanager
async def the_wire(origin: str, tls: ssl.SSLContext, *, fresh: bool) -> AsyncIterator[Ask]:
    """This project's own way out, the journal included."""
    clock = lambda: time.clock_gettime(time.CLOCK_BOOTTIME)  # noqa: E731
    wire, hosts = Wire(clock, tls=tls), frozenset({origin})

    def exchange() -> Generator[Call, Reply, bytes]:
        reply = yield Call("ready", "POST", f"{origin}/ready", form=FORM, moves_money=fresh)
        return reply.body

    async def ask() -> bytes:
        conversation = await wire.converse(
            exchange(), hosts=hosts, deadline_seconds=30, committed_at=clock(), loopback_allowed=True
        )
        assert isinstance(conversation.outcome, bytes), conversation.outcome
        return conversation.outcome

    yield ask
    await wire.close()


@asynccontextmanager
async def one_httpx2_client(origin: str, tls: ssl.SSLContext, *, fresh: bool) -> AsyncIterator[Ask]:
    """One client for everything, as its manual has it; for fresh connections a client per call."""
    import httpx2

    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=None)
    make = lambda: httpx2.AsyncClient(verify=tls, trust_env=False, limits=limits, timeout=30)  # noqa: E731
    async with make() as shared:

        async def ask() -> bytes:
            if not fresh:
                return (await shared.post(f"{origin}/ready", data=FORM)).content
            async with make() as own:
                return (await own.post(f"{origin}/ready", data=FORM)).content

        yield ask


@asynccontextmanager
async def httpx2_free_list(origin: str, tls: ssl.SSLContext, *, fresh: bool) -> AsyncIterator[Ask]:
    """A stack of httpx2 clients of one connection each; nothing new where every call has a fresh one."""
    import httpx2

    idle: list[httpx2.AsyncClient] = []

    async def ask() -> bytes:
        client = idle.pop() if idle else httpx2.AsyncClient(verify=tls, trust_env=False, timeout=30)
        content = (await client.post(f"{origin}/ready", data=FORM)).content
        if fresh:
            await client.aclose()
        else:
            idle.append(client)
        return content

    yield ask
    for client in idle:
        await client.aclose()


@asynccontextmanager
async def aiohttp_session(origin: str, tls: ssl.SSLContext, *, fresh: bool) -> AsyncIterator[Ask]:
    """aiohttp's session, unbounded; closing each connection where they are to be fresh."""
    import aiohttp

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0, ssl=tls, force_close=fresh)) as session:

        async def ask() -> bytes:
            async with session.post(f"{origin}/ready", data=FORM) as response:
                return await response.read()

        yield ask


async def measure(ask: Ask, calls: int, at_once: int) -> tuple[float, float]:
    """Return calls a second, and milliseconds of CPU a call."""
    left = calls

    async def work() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            assert await ask() == BODY

    began, used = time.perf_counter(), time.process_time()
    await asyncio.gather(*(work() for _ in range(at_once)))
    return calls / (time.perf_counter() - began), (time.process_time() - used) / calls * 1000


async def compare(ports: list[int], certificate: Path, calls: int, at_once: int, delay_seconds: float) -> None:
    """Print one row for each way of asking."""
    print(f"{calls} calls, {at_once} at once, gateway {delay_seconds} s: at best {at_once / delay_seconds:.0f}/s\n")
    print(f"{'':28}{'calls/s':>9}{'ms CPU a call':>15}")
    for origin in (f"http://127.0.0.1:{ports[0]}", f"https://localhost:{ports[1]}"):
        for fresh in (False, True):
            for way in (the_wire, httpx2_free_list, one_httpx2_client, aiohttp_session):
                tls = ssl.create_default_context(cafile=str(certificate))
                label = f"{origin.partition(':')[0]:6}{'fresh' if fresh else 'kept':6}{way.__name__}"
                try:
                    async with way(origin, tls, fresh=fresh) as ask:
                        rate, cpu = await measure(ask, calls, at_once)
                    print(f"{label:28}{rate:9.0f}{cpu:15.3f}", flush=True)
                except ImportError:
                    print(f"{label:28}{'(not installed)':>24}")


def main() -> None:
    """Start the gateway, compare, stop it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=3000)
    parser.add_argument("--at-once", type=int, default=200)
    parser.add_argument("--delay", type=float, default=0.3, help="seconds the gateway takes")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        certificate = Path(folder) / "gateway.pem"
        make_certificate(certificate)
        here, there = multiprocessing.Pipe()
        context = multiprocessing.get_context("spawn")
        gateway = context.Process(target=run_gateway, args=(there, str(certificate), given.delay), daemon=True)
        gateway.start()
        try:
            if not here.poll(30):
                raise SystemExit("The gateway did not start.")
            uvloop.run(compare(here.recv(), certificate, given.calls, given.at_once, given.delay))
        finally:
            gateway.terminate()
            gateway.join()


if __name__ == "__main__":
    main()
