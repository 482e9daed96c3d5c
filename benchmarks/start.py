"""Starting, starting after a kill, and how small it all is."""

import asyncio
import gzip
import time
from pathlib import Path
from statistics import median

import uvloop

from .on_sale import Crowd
from .orders import Seller, refs
from .results import Part
from .rig import Rig, resident_mb
from .shop import Shop

SCRIPT = Path(__file__).resolve().parents[1] / "wp-plugin" / "pay-bridge" / "assets" / "checkout.js"
SCRIPT_BYTES_MAX = 5 * 1024
READY_SECONDS_MAX, AGAIN_SECONDS_MAX, PICKED_UP_SECONDS_MAX = 0.7, 2.0, 5.0
MEMORY_MB_MAX = 80
BUYERS = 100


def measure(directory: Path, *, quick: bool) -> Part:
    """Start several times, kill once in the middle of many approvals, look at sizes."""
    return uvloop.run(_measure(directory, starts=2 if quick else 7))


async def _measure(directory: Path, *, starts: int) -> Part:
    part = Part("start", "Starting, and how small it is")
    async with Shop() as shop:
        rig = Rig(directory)
        seller = Seller.of(rig.site(shop.url)["pairing_code"], shop.url)
        with rig:
            memory = resident_mb(rig.serving.pid)
            took = [await asyncio.to_thread(_restart, rig) for _ in range(starts)]
            part.add(
                f"Start to `/readyz` 200: median of {starts}, slowest",
                f"≤ {READY_SECONDS_MAX} s",
                f"{median(took):.2f} s, {max(took):.2f} s",
                median(took) <= READY_SECONDS_MAX,
            )
            part.add(
                "Resident memory after the start", f"≤ {MEMORY_MB_MAX} MB", f"{memory:.0f} MB", memory <= MEMORY_MB_MAX
            )
            await _kill(part, rig, seller)
            part.figures |= {"starts_seconds": took, "resident_mb": memory}
    _script(part)
    return part


def _restart(rig: Rig) -> float:
    rig.kill()
    return rig.serve()


async def _kill(part: Part, rig: Rig, seller: Seller) -> None:
    """Kill the bridge while buyers wait for approvals; whatever was sent must be taken up by its successor."""
    await asyncio.to_thread(rig.gateway_takes, 0.3)
    loop = asyncio.get_running_loop()
    crowd = Crowd(rig, seller, refs("kill"))
    buying = [asyncio.create_task(crowd.buy_until(loop.time() + 60)) for _ in range(BUYERS)]
    await asyncio.sleep(2.0)
    await asyncio.to_thread(rig.kill)
    for task in buying:
        task.cancel()
    await asyncio.gather(*buying, return_exceptions=True)
    crowd.client.close()
    left = rig.count("SELECT COUNT(*) FROM operations WHERE state = 'sent'")
    began = loop.time()
    again = await asyncio.to_thread(rig.serve)
    waiting = "SELECT COUNT(*) FROM operations WHERE state = 'sent' AND kind = 'approve'"
    while rig.count(waiting) and loop.time() - began < 30:
        await asyncio.sleep(0.02)
    picked_up = loop.time() - began
    part.add(
        f"`kill -9` during {left} approvals: started again, `/readyz` 200 after",
        f"≤ {AGAIN_SECONDS_MAX:.0f} s",
        f"{again:.2f} s",
        again <= AGAIN_SECONDS_MAX,
    )
    part.add(
        "Every interrupted operation picked up after",
        f"≤ {PICKED_UP_SECONDS_MAX:.0f} s",
        f"{picked_up:.2f} s",
        picked_up <= PICKED_UP_SECONDS_MAX,
    )
    part.figures |= {"killed_during": left, "again_seconds": again, "picked_up_seconds": picked_up}


def _script(part: Part) -> None:
    script = SCRIPT.read_bytes()
    size, packed = len(script), len(gzip.compress(script, 9, mtime=int(time.time())))
    part.add("Checkout script", "≤ 5 KB", f"{size:,} bytes ({packed:,} gzipped)", size <= SCRIPT_BYTES_MAX)
    part.figures |= {"script_bytes": size, "script_gzip_bytes": packed}
