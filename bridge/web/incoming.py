"""Reads requests: bodies within their caps and in time, who called, and whether WordPress signed it."""

import asyncio
import ipaddress
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from starlette.requests import ClientDisconnect, Request

from bridge.clock import now_ms
from bridge.domain.failures import Malformed, TooLarge, UnsupportedBody
from bridge.domain.forms import parse_form
from bridge.domain.strictjson import loads
from bridge.flows.context import Context
from bridge.flows.open_checkout import Once
from bridge.flows.sites import Site
from bridge.ledger.vault import Vault
from bridge.signing.requests import Signed, Verified, verify

BODY_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class FromSite:
    """A request that a site signed."""

    site: Site
    verified: Verified
    body: bytes

    def once(self) -> Once:
        """Give what makes this request count once."""
        return Once(
            key_id=self.verified.key.key_id,
            nonce=self.verified.nonce,
            ends_at=self.verified.expires * 1000,
            idempotency_key=self.verified.idempotency_key,
            digest=self.verified.digest,
        )

    def once_of_secret(self, vault: Vault) -> Once:
        """Give the same for a body with a card in it: what is kept of that body can be tried out by nobody."""
        return replace(self.once(), digest=vault.blind(self.verified.digest))

    def json(self) -> dict[str, object]:
        """Read the body as a JSON object. Raises Malformed, TooLarge."""
        value = loads(self.body, bytes_max=len(self.body) + 1)
        if not isinstance(value, dict):
            raise Malformed("The body must be a JSON object.")
        return value


async def read_body(request: Request, bytes_max: int) -> bytes:
    """Read a body within its cap and 20 s. Raises TooLarge, UnsupportedBody, Malformed."""
    if request.headers.get("content-encoding", "identity") != "identity":
        raise UnsupportedBody("Send the body without Content-Encoding.")
    length = request.headers.get("content-length", "0")
    if length.isascii() and length.isdigit() and int(length) > bytes_max:
        raise TooLarge(f"The body is larger than {bytes_max} bytes.")
    pieces, size = [], 0
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for piece in request.stream():
                size += len(piece)
                if size > bytes_max:
                    raise TooLarge(f"The body is larger than {bytes_max} bytes.")
                pieces.append(piece)
    except TimeoutError:
        raise Malformed("The body did not arrive in time.") from None
    except ClientDisconnect:
        raise Malformed("The body ended early.") from None
    return b"".join(pieces)


async def read_form(request: Request, bytes_max: int, *, cp949_allowed: bool = False) -> dict[str, str]:
    """Read a urlencoded form. Raises UnsupportedBody for other types, Malformed, TooLarge."""
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise UnsupportedBody("Send the form as application/x-www-form-urlencoded.")
    return parse_form(await read_body(request, bytes_max), cp949_allowed=cp949_allowed)


def read_query(request: Request) -> dict[str, str]:
    """Read what a gateway's window left in the address. Raises Malformed."""
    return parse_form(request.scope.get("query_string", b""), cp949_allowed=True)


async def read_posted(request: Request, bytes_max: int) -> dict[str, str]:
    """Read what a gateway's window posted; nothing of a GET. Raises UnsupportedBody, Malformed, TooLarge."""
    return await read_form(request, bytes_max, cp949_allowed=True) if request.method == "POST" else {}


async def from_site(context: Context, request: Request, *, bytes_max: int = 0) -> FromSite:
    """Verify that a site signed this request; the site comes from its key alone. `bytes_max`: another cap of the body.

    Raises BadSignature, UnknownKey, ClockSkew, TooLarge, Malformed.
    """
    body = (
        await read_body(request, bytes_max or context.settings.body_max_bytes)
        if request.method not in ("GET", "HEAD")
        else b""
    )
    if body and not request.headers.get("content-type", "").lower().startswith("application/json"):
        raise UnsupportedBody("Send the body as application/json.")
    signed = Signed(request.method, target_uri(context, request), request.scope["headers"], body)
    verified = verify(signed, context.sites.find_key, now_ms(context.clock) // 1000)
    return FromSite(context.sites.get(verified.key.site), verified, body)


def target_uri(context: Context, request: Request) -> str:
    """Write the address that was signed: the public one and the raw path and query, whatever Host says."""
    query = request.scope.get("query_string", b"")
    path = request.scope.get("raw_path", b"").split(b"?")[0]
    base = urlsplit(context.settings.public_url)
    root = request.scope.get("root_path", "")
    text = path.decode("latin-1")
    prefix = base.path if base.path and not (root or text.startswith(base.path + "/")) else ""
    return f"{base.scheme}://{base.netloc}{prefix}{text}" + (f"?{query.decode('latin-1')}" if query else "")


def client_address(context: Context, request: Request) -> str:
    """Say who called: the peer, or the last hop that no configured proxy vouches for."""
    peer = request.client.host if request.client else ""
    if peer not in context.settings.trusted_proxies:
        return peer
    # Some proxies add a line of their own instead of adding to the caller's: the last line is the nearest.
    lines = ",".join(request.headers.getlist("x-forwarded-for"))
    hops = [hop.strip() for hop in lines.split(",") if hop.strip()]
    for hop in reversed(hops):
        if hop not in context.settings.trusted_proxies:
            return hop if _is_address(hop) else peer
    return peer


def came_from_us(context: Context, request: Request) -> bool:
    """Tell by what browsers add, and pages cannot forge, whether a request came from our own origin."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = request.headers.get("origin")
    public = urlsplit(context.settings.public_url)
    ours = {f"{public.scheme}://{public.netloc}", f"{request.url.scheme}://{request.headers.get('host', '')}"}
    return origin is None or origin in ours


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
