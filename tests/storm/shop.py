"""A WordPress in a storm: hears news, applies each once and in sequence, guards the seats, signs what clerks ask."""

import asyncio
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from bridge.domain.failures import BridgeError
from bridge.flows.snapshots import rfc3339
from bridge.signing import news as webhooks
from bridge.signing import requests as signed_requests
from bridge.signing.keys import SiteKey
from bridge.signing.tokens import seal_order
from tests.storm.net import Headers, Heard
from tests.storm.stand import PUBLIC_URL, Paired

if TYPE_CHECKING:
    from tests.storm.storm import Storm

SHOP_ADDRESS = "198.51.100.20"
PATIENCE_SECONDS = 5.0
"""WordPress waits no longer for an HTTP answer unless told to (WP_Http, default timeout)."""

Signed = tuple[str, str, Headers, bytes]


class Shop:
    """One site's WordPress, as an ASGI application and as a client."""

    def __init__(self, storm: "Storm", site: Paired) -> None:
        self.site = site
        self.keys: list[SiteKey] = [site.key]
        self.clock_off_seconds = 0.0
        self.known: dict[str, dict[str, Any]] = {}
        self.sequence: dict[str, int] = {}
        self.seen: dict[str, bytes] = {}
        self.seats_gone: set[str] = set()
        self._storm = storm

    # ---- what it hears

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        storm = self._storm
        body = (await receive())["body"]
        status, said = 200, b'{"ok":true}'
        if storm.weather.strikes("shop_slow"):
            await asyncio.sleep(storm.chance.uniform(0.5, 25.0))
        if b"fence" in scope["query_string"]:
            if storm.weather.strikes("fence_silent"):
                await asyncio.sleep(30.0)
            said = self._fence(json.loads(body))
        elif storm.weather.strikes("shop_down"):
            status = 503
        else:
            status = self._news(scope["headers"], body)
            if status == 200 and storm.weather.strikes("shop_fails_after"):
                status = 500
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": said})

    def _news(self, headers: Headers, body: bytes) -> int:
        storm = self._storm
        try:
            message_id = webhooks.verify([key.news for key in self.keys], headers, body, self._now())
        except BridgeError as error:
            storm.note(f"{self.site.setup.name} refuses news: {error.code}")
            return 401
        said = json.loads(body)
        if "payment" not in said:  # it is asked to hand over what it knows, which the storm does by itself
            return 200
        payment = said["payment"]
        storm.note(f"{self.site.setup.name} hears {said['type']} {said['seq']} of {payment['merchant_ref']}")
        if message_id in self.seen:
            storm.checks.repeated(message_id, body, self.seen[message_id])
            return 200
        self.seen[message_id] = body
        storm.checks.heard(self, said)
        self.sequence[payment["id"]] = max(said["seq"], self.sequence.get(payment["id"], 0))
        self.known[payment["id"]] = said
        return 200

    def _fence(self, question: Any) -> bytes:
        if self._storm.weather.strikes("fence_no"):
            self.seats_gone.add(str(question.get("order")))
            return b'{"hold":false,"reason":"hold_ends"}'
        return json.dumps({"hold": True, "hold_until": question["until"]}).encode()

    # ---- what it says

    def token(self, order: dict[str, Any], method: str, months: int = 0) -> str:
        """Seal an order for a buyer's browser."""
        storm, now = self._storm, self._now()
        payload = {
            "order": order,
            "method": method,
            "iat": now,
            "exp": now + 900,
            "jti": storm.chance.randbytes(16).hex(),
        }
        payload |= {"instalment_months": months} if months else {}
        return seal_order(self.keys[-1], payload, storm.chance.randbytes(12))

    def sign(self, method: str, path: str, value: Any = None, *, key: str = "", by: SiteKey | None = None) -> Signed:
        """Sign a request; the same signed request may be sent again, which is a replay."""
        body = b"" if value is None else json.dumps(value).encode()
        more = {} if method == "GET" else {"idempotency_key": key or self._storm.chance.randbytes(16).hex()}
        made = signed_requests.sign(
            by or self.keys[-1],
            method=method,
            target_uri=f"{PUBLIC_URL}{path}",
            body=body,
            created=self._now(),
            nonce=self._storm.chance.randbytes(11).hex(),
            **more,
        )
        headers = [(name.lower().encode(), text.encode()) for name, text in made.items()]
        if body:
            headers += [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        return method, path, headers, body

    async def send(self, signed: Signed, *, waits: float = PATIENCE_SECONDS) -> Heard | None:
        """Send a signed request, and wait as long as WordPress does."""
        method, path, headers, body = signed
        heard = await self._storm.to_bridge(method, path, headers, body, client=SHOP_ADDRESS, waits=waits)
        self._storm.checks.answered_signed(signed, heard)
        if heard is not None and heard.status == 401 and b"clock_skew" in heard.body:
            self.clock_off_seconds = 0.0  # the plugin corrects itself by the server's time
        return heard

    def hold(self, seconds: float) -> str:
        """Write the time so many seconds from now."""
        return rfc3339(self._storm.true.now() + timedelta(seconds=seconds))

    def _now(self) -> int:
        return int(self._storm.true.now().timestamp() + self.clock_off_seconds)
