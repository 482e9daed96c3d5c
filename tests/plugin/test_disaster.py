"""The bridge loses its database on a selling day: backup, plugin and the gateway's books agree again afterwards."""

import contextlib
import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser.lane import until
from tests.plugin.test_checkout_script import browser
from tests.plugin.test_real_bridge import Office
from tests.wordpress.bridge import Bridge
from tests.wordpress.servers import ServerFailed
from tests.wordpress.stand import Stand

__all__ = ["browser"]
pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    directory = tmp_path_factory.mktemp("disaster")
    with ExitStack() as running:
        bridge = Bridge(directory / "bridge")
        stand = Stand("quick", directory=directory / "shop")
        stand.pair(bridge.site(stand.url)["pairing_code"])
        running.enter_context(bridge)
        running.enter_context(stand)
        yield Office("quick", stand, bridge)


def reconciled(office: Office) -> bool:
    try:
        shown = json.loads(office.bridge.command("reconcile", "--json"))
    except ServerFailed:
        return False
    return [one["state"] for one in shown] == ["ended"]


def handed_over(office: Office) -> bool:
    """Has the plugin hand over what it knows. What is signed in the very second of a restore is refused, "try again":
    the copy cannot know which of those requests it had already taken."""
    try:
        office.stand.wp("pay-bridge", "reconcile")
    except RuntimeError:
        return False
    return True


def anchors(office: Office) -> str:
    """Has the plugin hand its anchors back, and gives what its doctor says of them."""
    office.stand.wp("pay-bridge", "reconcile")
    return office.stand.run_php("echo PayBridge\\Doctor::anchors()['status'];")


def last_seal(books: Path) -> int:
    with contextlib.closing(sqlite3.connect(f"{books.as_uri()}?mode=ro", uri=True)) as connection:
        (last,) = connection.execute("SELECT COALESCE(MAX(seq), 0) FROM seals").fetchone()
    return int(last)


def newest_seal(office: Office) -> int:
    return int(office.stand.run_php("echo get_option('pay_bridge_anchors')['newest']['seal'];"))


def test_no_sale_is_forgotten_and_no_refund_repeated(office: Office, browser: Browser) -> None:
    before, before_id = office.paid(browser)
    assert anchors(office) == "pass"
    backup = office.bridge.directory / "one.backup"
    office.bridge.command("backup", str(backup), "--encrypt")
    after, after_id = office.paid(browser)
    assert office.refund(before_id, kind="part", amount="1000") == "done"
    assert office.refund(after_id, kind="part", amount="2000") == "done"
    until(lambda: office.order_state(after) == "part_refunded", "the shop to know of the refund")
    money = {ref: office.money(ref) for ref in (before, after)}
    assert anchors(office) == "pass"

    office.bridge.stop_serving()
    for path in office.bridge.directory.glob("bridge.db*"):
        path.unlink()
    office.bridge.command("restore", str(backup))
    office.bridge.serve_again()
    assert office.payments(after) == [] or reconciled(office), "the copy is older than the sale"
    until(lambda: handed_over(office), "the bridge to take what the shop knows")
    until(lambda: reconciled(office), "the gap to end by itself", timeout_seconds=60)

    assert {ref: office.money(ref) for ref in (before, after)} == money
    for ref, refunded in ((before, 1000), (after, 2000)):
        (payment,) = office.payments(ref)
        assert (payment["state"], payment["refunded"]) == ("part_refunded", refunded)
        assert payment["captured"] == money[ref].captured
    assert office.refund(after_id, kind="full") == "done"
    assert office.money(after).net == 0
    until(lambda: office.order_state(after) == "refunded", "the shop to hear of what happens next")
    assert anchors(office) == "pass", "what the restore lost is accounted to it"


def test_an_old_file_that_is_put_back_by_hand_is_found_by_what_wordpress_keeps(
    office: Office, browser: Browser, tmp_path: Path
) -> None:
    _, payment_id = office.paid(browser)
    assert anchors(office) == "pass"
    office.bridge.stop_serving()
    books = sorted(office.bridge.directory.glob("bridge.db*"))
    for path in books:
        shutil.copyfile(path, tmp_path / path.name)
    in_the_copy = last_seal(tmp_path / "bridge.db")
    office.bridge.serve_again()
    assert office.refund(payment_id, kind="full") == "done"
    until(lambda: anchors(office) == "pass" and newest_seal(office) > in_the_copy, "what the copy lacks to be anchored")
    kept = newest_seal(office)

    office.bridge.stop_serving()
    for path in office.bridge.directory.glob("bridge.db*"):
        path.unlink()
    for path in books:
        shutil.copyfile(tmp_path / path.name, path)
    office.bridge.serve_again()
    assert anchors(office) == "fail"
    assert anchors(office) == "fail", "again and again: the broken anchor is kept"
    assert f"봉인 {kept}번" in office.as_("admin").get("/wp-admin/admin.php?page=pay-bridge-health").text
    told = json.loads(
        office.stand.run_php("echo wp_json_encode(PayBridge\\Client::of_site()->get('/v1/health')->body);")
    )
    assert told["verdict"] == "fail"
    assert f"seal {kept}" in told["headline"]["en"]
