"""A power cut loses nothing anybody was told of: files are rebuilt from synced writes and parts of later ones."""

from pathlib import Path

import pytest

from .conftest import Figures
from .lab import Lab
from .moments import EVERYTHING, compiler
from .power import cut_everywhere, work

BUYERS, IMAGES = (300, 1_000) if EVERYTHING else (24, 48)
LYING_IMAGES = 20
SEED = 3
NEEDS_COMPILER = pytest.mark.skipif(compiler() is None, reason="writes are seen by a library that needs a C compiler")


@pytest.fixture(scope="module")
def busy(library: Path | None, tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """A lab whose server did everything that writes, and ended; its trace is kept."""
    lab = Lab(tmp_path_factory.mktemp("power") / "lab", library, traced=True)
    try:
        lab.open()
        work(lab, BUYERS)
        lab.settle()
        assert lab.server is not None
        lab.server.terminate()
        lab.server.wait(30)
    finally:
        lab.close()
    return lab


@pytest.mark.kill
@NEEDS_COMPILER
def test_no_acknowledged_commit_is_lost_in_a_power_cut(busy: Lab, figures: Figures) -> None:
    cuts = cut_everywhere(busy, IMAGES, SEED)
    figures["power"] = {
        "images": cuts.images,
        "traced": cuts.records,
        "unsynced_writes": cuts.unsynced,
        "words_checked": cuts.words,
        "lost": len(cuts.lost),
    }
    assert cuts.images == IMAGES
    assert cuts.unsynced > IMAGES, "cuts fell between a write and its sync"
    assert cuts.words > IMAGES * BUYERS, "much had been told by then"
    assert cuts.lost == []


@pytest.mark.kill
@NEEDS_COMPILER
def test_a_log_that_is_never_synced_is_found_out(busy: Lab, figures: Figures) -> None:
    """What synchronous=NORMAL would do: the check above must be able to fail."""
    cuts = cut_everywhere(busy, LYING_IMAGES, SEED, honest=False)
    figures["power"] |= {"lost_where_the_log_is_not_synced": len(cuts.lost)}
    kinds = {lost.split(": ")[1].split(" ")[0] for lost in cuts.lost}
    assert {"ready", "pay", "part-cancel", "news", "window", "paid", "refunded", "notice"} <= kinds
