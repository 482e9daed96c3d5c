"""What the bridge adds to a checkout: the whole answer, less the time the gateway was told to take."""

import asyncio
import json
from pathlib import Path

import uvloop

from .client import JSON, Client, now_seconds, open_loop, share
from .orders import Seller, refs
from .results import Part, ms
from .rig import Rig
from .shop import Shop

PER_SECOND = 50.0
WARM_SECONDS = 0.5
P50_MAX, P99_MAX = 8.0, 25.0


def measure(directory: Path, *, quick: bool) -> Part:
    """Ask 50 times a second, whatever became of the earlier ones, with an instant and with a slow gateway."""
    return uvloop.run(_measure(directory, 2.5 if quick else 20.0))


async def _measure(directory: Path, seconds: float) -> Part:
    part = Part("overhead", "What the bridge adds to one checkout")
    part.remarks.append(
        f"Open loop: {PER_SECOND:.0f} a second for {seconds:g} s each, begun on time whatever became of the earlier"
        " ones. Overhead is all the client waited, from the moment the request was due, less the time the sandbox was"
        " told to sleep: the client's, the wire's and the sandbox's own work are in it. Less what the ledger says the"
        " call took, the part that is the bridge's alone is smaller; it stands in brackets."
    )
    async with Shop() as shop:
        rig = Rig(directory)
        seller = Seller.of(rig.site(shop.url)["pairing_code"], shop.url)
        with rig:
            for way in ("/v1/payments", "/checkout"):
                for gateway_seconds in (0.0, 0.3):
                    await asyncio.to_thread(rig.gateway_takes, gateway_seconds)
                    await _one(part, rig, seller, way, gateway_seconds, seconds)
    return part


async def _one(part: Part, rig: Rig, seller: Seller, way: str, gateway_seconds: float, seconds: float) -> None:
    client, names = Client(), refs("overhead")
    asked: dict[str, float] = {}

    async def ask(_number: int) -> None:
        began = now_seconds()
        if way == "/checkout":
            body = seller.checkout_body(next(names))
            answer = await client.ask("POST", rig.url + way, body, headers={"Accept": JSON})
        else:
            body, headers = seller.signed_payment(next(names))
            answer = await client.ask("POST", rig.url + way, body, kind=JSON, headers=headers)
        if answer.status != 201:
            raise RuntimeError(f"{way} answered {answer.status}: {answer.body[:300]!r}")
        said = json.loads(answer.body)
        asked[said.get("id") or said["payment"]] = (now_seconds() - began) * 1000

    await open_loop(ask, per_second=PER_SECOND, seconds=WARM_SECONDS)
    asked.clear()
    took = await open_loop(ask, per_second=PER_SECOND, seconds=seconds)
    client.close()

    added = [one - gateway_seconds * 1000 for one in took]
    journal = dict(rig.rows("SELECT payment, took_ms FROM calls WHERE op = 'ready'"))
    alone = [whole - journal[payment] for payment, whole in asked.items()]
    p50, p95, p99 = (share(added, at) for at in (0.5, 0.95, 0.99))
    own50, own99 = share(alone, 0.5), share(alone, 0.99)
    part.add(
        f"`POST {way}`, gateway at {gateway_seconds * 1000:.0f} ms: overhead p50 / p95 / p99",
        f"p50 ≤ {P50_MAX:.0f} ms, p99 ≤ {P99_MAX:.0f} ms",
        f"{ms(p50)} / {ms(p95)} / {ms(p99)} (bridge alone: p50 {ms(own50)}, p99 {ms(own99)})",
        p50 <= P50_MAX and p99 <= P99_MAX,
    )
    part.figures[f"{way} {gateway_seconds}"] = {
        "requests": len(took),
        "p50_ms": p50,
        "p95_ms": p95,
        "p99_ms": p99,
        "alone_p50_ms": own50,
        "alone_p99_ms": own99,
    }
