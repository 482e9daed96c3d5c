"""axe-core, fetched once from the npm registry into the project's cache and run inside pages without any network."""

import base64
import functools
import hashlib
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from tests.wordpress import downloads

PACKAGE = "axe-core@4.14.1"
SHA512 = "FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ=="
GRAVE = ("serious", "critical")
SCREENS = {"desktop": (1280, 900), "phone": (390, 844)}


@functools.cache
def source() -> str:
    """axe.min.js. Raises DownloadFailed."""
    kept = downloads.cache() / f"{PACKAGE}.min.js"
    if not kept.exists():
        with tempfile.TemporaryDirectory(dir=downloads.cache()) as scratch:
            part = Path(scratch) / "axe.min.js"
            part.write_bytes(_fetch(Path(scratch)))
            part.rename(kept)
    return kept.read_text(encoding="utf-8")


def _fetch(folder: Path) -> bytes:
    ran = subprocess.run(
        [*downloads._npm(), "pack", PACKAGE, "--loglevel=error"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if ran.returncode != 0:
        raise downloads.DownloadFailed(f"npm has no {PACKAGE} to give:\n{ran.stderr.strip()}")
    archive = folder / ran.stdout.split()[-1]
    digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if digest != SHA512:
        raise downloads.DownloadFailed(f"{archive.name} is not the archive known here (SHA-512 {digest})")
    with tarfile.open(archive) as tar:
        found = tar.extractfile("package/axe.min.js")
        assert found is not None, "axe-core holds axe.min.js"
        return found.read()


def grave_faults(page: Page, within: str = "") -> list[str]:
    """What keeps people out of a page, or of a part of it: each as rule, place and why."""
    page.wait_for_load_state()  # a button that was just pressed may be taking the page elsewhere
    page.locator(within or "body").first.wait_for()
    if not page.evaluate("'axe' in window"):
        page.evaluate(source())  # Not as a script tag, which the page's own policy would forbid.
    run = "where => axe.run(where || document, { resultTypes: ['violations'] })"
    found: dict[str, Any] = page.evaluate(run, within)
    return [
        f"{fault['id']} at {node['target']}: {node['failureSummary']}"
        for fault in found["violations"]
        if fault["impact"] in GRAVE
        for node in fault["nodes"]
    ]


def faults_on_every_screen(page: Page, within: str = "") -> list[str]:
    """Grave faults on a desktop and a phone, and what is wider than the phone, which the page is left at."""
    found = []
    for screen, (width, height) in SCREENS.items():
        page.set_viewport_size({"width": width, "height": height})
        found += [f"{screen}: {fault}" for fault in grave_faults(page, within)]
    # Not compared with innerWidth, which on a phone grows with the page.
    if page.evaluate("document.documentElement.scrollWidth") > width:
        found.append("phone: scrolled sideways")
    return found
