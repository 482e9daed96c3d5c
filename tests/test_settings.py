"""Settings: read from the environment, and a missing or wrong one is named; the operator finds each in the docs."""

import base64
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bridge.domain.failures import Misconfigured
from bridge.settings import Secret, from_environment

KEY = base64.b64encode(bytes(32)).decode()
GOOD = {
    "BRIDGE_PUBLIC_URL": "https://pay.example.com/",
    "BRIDGE_DATABASE_URL": "sqlite:///var/bridge.db",
    "BRIDGE_MASTER_KEY": KEY,
}


def test_good_settings_are_read() -> None:
    settings = from_environment(GOOD | {"BRIDGE_TRUSTED_PROXIES": "10.0.0.1, 10.0.0.2"})

    assert settings.public_url == "https://pay.example.com"
    assert settings.database_path == Path("var/bridge.db")
    assert settings.master_key.reveal() == bytes(32)
    assert settings.trusted_proxies == ("10.0.0.1", "10.0.0.2")


@pytest.mark.parametrize(("value", "confirms"), [(None, True), ("1", True), ("0", False)])
def test_an_operator_who_is_alone_confirms_their_own_unless_that_is_switched_off(
    value: str | None, confirms: bool
) -> None:
    given = {} if value is None else {"BRIDGE_LONE_OPERATOR_CONFIRMS": value}

    assert from_environment(GOOD | given).lone_operator_confirms is confirms


def test_the_master_key_may_be_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    path.write_text(KEY + "\n")
    values = {name: value for name, value in GOOD.items() if name != "BRIDGE_MASTER_KEY"}

    assert from_environment(values | {"BRIDGE_MASTER_KEY_FILE": str(path)}).master_key.reveal() == bytes(32)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BRIDGE_PUBLIC_URL", ""),
        ("BRIDGE_PUBLIC_URL", "pay.example.com"),
        ("BRIDGE_PUBLIC_URL", "ftp://pay.example.com"),
        ("BRIDGE_PUBLIC_URL", "https://pay.example.com/?a=b"),
        ("BRIDGE_PUBLIC_URL", "https://me@pay.example.com"),
        ("BRIDGE_PUBLIC_URL", "https://pay.example .com"),
        ("BRIDGE_DATABASE_URL", ""),
        ("BRIDGE_MASTER_KEY", ""),
        ("BRIDGE_MASTER_KEY", "not base64!"),
        ("BRIDGE_MASTER_KEY", base64.b64encode(bytes(31)).decode()),
        ("BRIDGE_REFUND_DAILY_MAX", "1e6"),
        ("BRIDGE_QUIET_SECONDS_MIN", "１２０"),
    ],
)
def test_a_wrong_setting_is_refused_by_its_name(name: str, value: str) -> None:
    with pytest.raises(Misconfigured) as refused:
        from_environment(GOOD | {name: value})

    said = refused.value.detail
    assert name in said or "master key" in said
    assert KEY not in said


def test_a_key_file_that_is_not_there_is_named() -> None:
    values = {name: value for name, value in GOOD.items() if name != "BRIDGE_MASTER_KEY"}

    with pytest.raises(Misconfigured, match="BRIDGE_MASTER_KEY_FILE"):
        from_environment(values | {"BRIDGE_MASTER_KEY_FILE": "/nowhere/master.key"})


def test_a_key_file_of_other_bytes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    path.write_bytes(b"\xff\xfe")
    values = {name: value for name, value in GOOD.items() if name != "BRIDGE_MASTER_KEY"}

    with pytest.raises(Misconfigured, match="base64"):
        from_environment(values | {"BRIDGE_MASTER_KEY_FILE": str(path)})


def test_a_database_that_is_not_sqlite_has_no_path() -> None:
    with pytest.raises(Misconfigured, match="BRIDGE_DATABASE_URL"):
        _ = from_environment(GOOD | {"BRIDGE_DATABASE_URL": "postgresql://localhost/bridge"}).database_path


def test_a_bridge_that_asserts_nothing_does_not_start(tmp_path: Path) -> None:
    """That no state is left out of order, and nothing settled without evidence, is asserted."""
    place = GOOD | {"BRIDGE_DATABASE_URL": f"sqlite:///{tmp_path / 'bridge.db'}", "PYTHONOPTIMIZE": "1"}
    said = subprocess.run(
        [sys.executable, "-m", "bridge", "site", "list"], env=os.environ | place, capture_output=True, text=True
    )

    assert said.returncode == 2
    assert "PYTHONOPTIMIZE" in said.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_secret_does_not_print() -> None:
    assert "key" not in repr(Secret(b"key"))
    assert KEY not in repr(from_environment(GOOD))


def test_every_setting_is_in_the_operators_table_and_no_other() -> None:
    root = Path(__file__).parent.parent
    name = re.compile(r'"(BRIDGE_[A-Z_]+)"')
    read = set(name.findall((root / "bridge/settings.py").read_text("utf-8")))
    told = set(re.findall(r"^\| `(BRIDGE_[A-Z_]+)`", (root / "docs/operating.md").read_text("utf-8"), re.MULTILINE))

    assert read == told
