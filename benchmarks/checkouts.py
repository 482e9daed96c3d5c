"""Two hundred checkouts at once through the bridge, and through a theme's own PHP; and the site's pages meanwhile."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from tests.wordpress.stand import Stand

from . import page, wrk
from .orders import AMOUNT, Seller, refs
from .page import Visitor
from .results import Part, ms
from .rig import Rig, cpu_seconds, resident_mb
from .wrk import Load

AT_ONCE = 200
GATEWAY_SECONDS = 0.3
HANGING_SECONDS = 100.0
WORKERS = 10
RATE_MIN, P95_FACTOR_MAX, PAGE_FACTOR_MAX, LEGACY_FACTOR_MIN = 550, 1.35, 1.3, 18
MEMORY_MB_MAX = 80
LEGACY = Path(__file__).parent / "legacy"
PAGES = ["/", "/?feed=rss2", "/wp-login.php"]


@dataclass(frozen=True, slots=True)
class Times:
    """How long each load runs, in seconds."""

    load: float
    idle: float
    legacy: float
    hanging: float


FULL = Times(load=20, idle=20, legacy=30, hanging=20)
QUICK = Times(load=4, idle=2, legacy=9, hanging=3)


def measure(directory: Path, *, quick: bool) -> Part:
    """First the bridge with its plugin, then the same site without them."""
    times = QUICK if quick else FULL
    part = Part("checkouts", f"{AT_ONCE} checkouts at once, and the site meanwhile")
    stand = Stand("full", directory=directory / "wordpress", workers=WORKERS)
    rig = Rig(directory / "bridge")
    stand.pair(rig.site(stand.url)["pairing_code"])
    with stand:
        with rig:
            ours = _bridge(part, rig, stand, times, directory)
        with_plugin = _count_queries(stand)
        stand.wp("plugin", "deactivate", "pay-bridge")
        without_plugin = _count_queries(stand)
        with rig:
            theirs = _legacy(part, rig, stand, times, directory)
    _compare(part, ours, theirs)
    added = {path: with_plugin[path] - without_plugin[path] for path in with_plugin}
    part.add(
        "Database queries the plugin adds to " + ", ".join(f"`{path}`" for path in added),
        "0",
        " / ".join(str(count) for count in added.values()),
        all(count == 0 for count in added.values()),
    )
    part.figures["queries"] = {"with": with_plugin, "without": without_plugin}
    part.remarks.append(
        f"Closed loop by wrk on the same two cores, {times.load:.0f} s a load ({times.legacy:.0f} s for the theme's own"
        f" PHP). WordPress 7.1, MariaDB, nginx, php-fpm with {WORKERS} workers. The page is the front page of twenty"
        f" shows, loaded by one visitor with {page.PAUSE_SECONDS} s between; it runs beside every load here, so its"
        " CPU is taken from the checkouts. Every checkout is another order with another sealed token; the ledger was"
        " asked afterwards whether each became an open payment. The theme's own PHP is"
        " `benchmarks/legacy/mainpay-in-the-theme.php`, in the gateway's guide's way."
    )
    return part


def _bridge(part: Part, rig: Rig, stand: Stand, times: Times, directory: Path) -> Load:
    seller = Seller.of(rig.site(stand.url)["pairing_code"], stand.url)
    tokens = directory / "tokens"
    idle = _visit(stand, times.idle)
    part.add("Front page, nobody pays: p50 / p95", "", f"{ms(idle.p50)} / {ms(idle.p95)}")
    part.figures["page_idle"] = idle.figures()

    rig.gateway_takes(GATEWAY_SECONDS)
    _write_tokens(tokens, seller, AT_ONCE * 8)
    wrk.finish(wrk.start("checkout.lua", rig.url, at_once=AT_ONCE, seconds=2, file=tokens), 60)
    _write_tokens(tokens, seller, int(AT_ONCE / GATEWAY_SECONDS * (times.load + 2)))
    opened = rig.count("SELECT COUNT(*) FROM payments WHERE state = 'open'")
    before = [cpu_seconds(server.pid) for server in (rig.serving, rig.gateway)]
    with Visitor(stand.url) as visitor:
        load = wrk.finish(
            wrk.start("checkout.lua", rig.url, at_once=AT_ONCE, seconds=times.load, file=tokens), times.load + 60
        )
    time.sleep(1)
    opened = rig.count("SELECT COUNT(*) FROM payments WHERE state = 'open'") - opened
    used = [cpu_seconds(server.pid) - was for server, was in zip((rig.serving, rig.gateway), before, strict=True)]
    if load.failed or load.good != load.answered or opened < load.good:
        part.remarks.append(f"The load through the bridge was not clean: {load}, {opened} payments opened.")
    ideal = AT_ONCE / GATEWAY_SECONDS
    part.add(
        f"Checkouts a second through the bridge, gateway at 300 ms (at best {ideal:.0f})",
        f"≥ {RATE_MIN}/s",
        f"{load.per_second:.0f}/s",
        load.per_second >= RATE_MIN and load.good == load.answered <= opened,
    )
    p95_max = P95_FACTOR_MAX * GATEWAY_SECONDS * 1000
    part.add(
        "A checkout's p50 / p95 / p99 meanwhile",
        f"p95 ≤ {p95_max:.0f} ms",
        f"{ms(load.p50)} / {ms(load.p95)} / {ms(load.p99)}",
        load.p95 <= p95_max,
    )
    cpu = [seconds / max(1, opened) * 1000 for seconds in used]
    part.add("CPU of the bridge for one checkout (of the sandbox beside it)", "", f"{cpu[0]:.2f} ms ({cpu[1]:.2f} ms)")
    memory = resident_mb(rig.serving.pid)
    part.add(
        "Resident memory of the bridge after it", f"≤ {MEMORY_MB_MAX} MB", f"{memory:.0f} MB", memory <= MEMORY_MB_MAX
    )
    part.figures["bridge_300ms"] = _figures(load, visitor) | {
        "cpu_ms": cpu[0],
        "sandbox_cpu_ms": cpu[1],
        "resident_mb": memory,
        "opened": opened,
    }
    _add_page(part, "200 checkouts at a 300 ms gateway", visitor, idle)
    for name, seconds, lasts in (("2 s", 2.0, times.load), ("hanging", HANGING_SECONDS, times.hanging)):
        rig.gateway_takes(seconds)
        _write_tokens(tokens, seller, int(AT_ONCE * (lasts / seconds + 3)))
        with _running("checkout.lua", rig.url, lasts, tokens), Visitor(stand.url) as visitor:
            time.sleep(lasts)
        _add_page(part, f"200 checkouts at a {name} gateway", visitor, idle)
        part.figures[f"page_{name}"] = visitor.figures()
    return load


def _legacy(part: Part, rig: Rig, stand: Stand, times: Times, directory: Path) -> Load:
    """The theme's own PHP on the same servers, without the plugin."""
    stand.wp("option", "add", "legacy_gateway_url", f"{rig.sandbox_url}/mainpay-guide/api")
    bodies = directory / "bodies"
    names = refs("legacy")
    form = {
        "action": "mainpay_payment_ready",
        "amount": AMOUNT,
        "buyer_name": "김하늘",
        "buyer_email": "buyer@shop.example",
        "buyer_tel": "01012345678",
    }
    bodies.write_text("".join(urlencode({**form, "goods_name": next(names)}) + "\n" for _ in range(4000)))
    with _linked(stand, "mainpay-in-the-theme.php"):
        rig.gateway_takes(0)
        wrk.finish(wrk.start("ready.lua", stand.url, at_once=WORKERS, seconds=2, file=bodies), 60)
        rig.gateway_takes(GATEWAY_SECONDS)
        running = wrk.start("ready.lua", stand.url, at_once=AT_ONCE, seconds=times.legacy, file=bodies)
        time.sleep(1)
        with Visitor(stand.url) as visitor:
            load = wrk.finish(running, times.legacy + 60)
        part.add(
            "The theme's own PHP, gateway at 300 ms: checkouts a second, p95",
            "",
            f"{load.per_second:.1f}/s, {ms(load.p95)}",
        )
        part.add(
            "Front page meanwhile: p50 / p95",
            "",
            f"{ms(visitor.p50)} / {ms(visitor.p95)} ({len(visitor.took)} pages in {times.legacy:.0f} s)",
        )
        part.figures["legacy_300ms"] = _figures(load, visitor)
        if load.failed or load.good != load.answered:
            part.remarks.append(f"The load on the theme's own PHP was not clean: {load}.")
        rig.gateway_takes(HANGING_SECONDS)
        with _running("ready.lua", stand.url, times.hanging, bodies), Visitor(stand.url, times.hanging) as visitor:
            time.sleep(times.hanging)
        part.add(
            "Front page while the theme's own PHP waits for a hanging gateway",
            "",
            f"{len(visitor.took) - visitor.failed} pages in {times.hanging:.0f} s",
        )
        part.figures["legacy_hanging"] = visitor.figures()
    return load


def _compare(part: Part, ours: Load, theirs: Load) -> None:
    factor = ours.per_second / theirs.per_second
    part.add(
        "The bridge against the theme's own PHP: rate, and p95",
        f"≥ {LEGACY_FACTOR_MIN} × the rate (stretch 20 ×)",
        f"{factor:.1f} × the rate, p95 {theirs.p95 / ours.p95:.1f} × shorter",
        factor >= LEGACY_FACTOR_MIN,
    )


def _add_page(part: Part, during: str, visitor: Visitor, idle: Visitor) -> None:
    factor = visitor.p95 / idle.p95
    failed = f", {visitor.failed} failed" if visitor.failed else ""
    part.add(
        f"Front page during {during}: p50 / p95",
        f"p95 ≤ {PAGE_FACTOR_MAX} × idle",
        f"{ms(visitor.p50)} / {ms(visitor.p95)} ({factor:.2f} × idle){failed}",
        factor <= PAGE_FACTOR_MAX and not visitor.failed,
    )


def _visit(stand: Stand, seconds: float) -> Visitor:
    for _ in range(10):
        page.load(stand.url)
    with Visitor(stand.url) as visitor:
        time.sleep(seconds)
    return visitor


def _count_queries(stand: Stand) -> dict[str, int]:
    with _linked(stand, "count-queries.php"):
        return page.queries(stand, PAGES)


def _write_tokens(file: Path, seller: Seller, count: int) -> None:
    names = refs("load")
    with file.open("wb") as out:
        out.writelines(seller.checkout_body(next(names)) + b"\n" for _ in range(count))


@contextmanager
def _linked(stand: Stand, name: str) -> Iterator[None]:
    """Put a script among the must-use plugins for a while."""
    link = stand.root / "wp-content" / "mu-plugins" / name
    link.symlink_to(LEGACY / name)
    try:
        yield
    finally:
        link.unlink()


@contextmanager
def _running(script: str, url: str, seconds: float, file: Path) -> Iterator[None]:
    """Keep a load of which only the fact that it is there matters; begun a second before."""
    running = wrk.start(script, url, at_once=AT_ONCE, seconds=seconds + 5, file=file)
    try:
        time.sleep(1)
        yield
    finally:
        running.kill()
        running.communicate()


def _figures(load: Load, visitor: Visitor) -> dict[str, object]:
    return {
        "per_second": load.per_second,
        "answered": load.answered,
        "good": load.good,
        "failed": load.failed,
        "p50_ms": load.p50,
        "p95_ms": load.p95,
        "p99_ms": load.p99,
        "page": visitor.figures(),
    }
