"""The benchmarks' own arithmetic and words; what they measure is measured by `make bench`."""

import time

import pytest

from benchmarks.client import share
from benchmarks.machine import is_busy
from benchmarks.on_sale import AMOUNT
from benchmarks.orders import Seller, refs
from benchmarks.report import as_markdown
from benchmarks.results import Part
from bridge.domain.failures import TokenRefused
from bridge.signing.keys import SiteKey
from bridge.signing.tokens import open_order

KEY = SiteKey.from_secret(b"k" * 32, key_id="bench", site="site")
MACHINE = dict.fromkeys(
    ("command", "date", "commit", "cpu", "memory", "kernel", "python", "sqlite", "packages", "php", "mariadb", "nginx"),
    "x",
) | {"load": "0.10"}


def test_a_share_is_a_value_that_was_measured() -> None:
    values = [float(value) for value in range(1, 101)]

    assert (share(values, 0.5), share(values, 0.95), share(values, 0.99)) == (50.0, 95.0, 99.0)
    assert share([7.0], 0.99) == 7.0


def test_a_miss_is_written_as_a_miss() -> None:
    part = Part("start", "Starting")
    part.add("Start", "≤ 0.7 s", "0.9 s", hit=False)
    part.add("Size", "≤ 5 KB", "4 KB", hit=True)

    page = as_markdown([part], MACHINE, quick=False, is_busy=False, seconds=1)

    assert "| Start | ≤ 0.7 s | 0.9 s | **miss** |" in page
    assert "1 of 2 goals were reached" in page
    assert "busy machine" not in page


def test_a_page_of_a_busy_or_hurried_run_says_so_at_its_top() -> None:
    page = as_markdown([], MACHINE, quick=True, is_busy=True, seconds=1)

    assert page.index("rehearsal") < page.index("busy machine") < page.index("goals were reached")


def test_one_runnable_task_in_four_cores_is_no_other_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 4)

    assert not is_busy(1.0)
    assert is_busy(1.1)


def test_every_order_of_a_load_is_another_and_opens_as_the_plugins_do() -> None:
    seller, names = Seller(KEY, "http://127.0.0.1:1", "http://127.0.0.1:2"), refs("load")
    now = int(time.time())
    opened = [open_order(seller.token(next(names)), lambda _: KEY, now) for _ in range(3)]

    assert len({one.jti for one in opened}) == len({one.payload["order"]["ref"] for one in opened}) == 3
    assert sum(item["amount"] for item in opened[0].payload["order"]["items"]) == AMOUNT
    with pytest.raises(TokenRefused):
        open_order(seller.token(next(names)), lambda _: None, now)
