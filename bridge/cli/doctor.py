"""Examines an installation: settings, key file, database, SQLite, running server."""

import asyncio
import contextlib
import json
import os
import shutil
import sqlite3
import stat
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from bridge.clock import SystemClock
from bridge.control import NoServer, ask
from bridge.domain.failures import BridgeError, LedgerBroken
from bridge.ledger.vault import Vault
from bridge.settings import Settings, from_environment

FREE_BYTES_MIN = 512 * 1024 * 1024
Finding = dict[str, Any]


def examine() -> list[Finding]:
    """List what was looked at: {check, verdict: pass|warn|fail, what}."""
    try:
        settings = from_environment()
    except BridgeError as error:
        return [_finding("settings", "fail", error.detail)]
    found = [_finding("settings", "pass", f"public address {settings.public_url}")]
    found += [_key_file(), _https(settings), _sqlite(), _disk(settings), _integrity(settings), _secrets(settings)]
    return found + _server(settings)


def _finding(check: str, verdict: str, what: str) -> Finding:
    return {"check": check, "verdict": verdict, "what": what}


def _key_file() -> Finding:
    path = Path(os.environ.get("BRIDGE_MASTER_KEY_FILE", ""))
    if not path.is_file():
        return _finding("master key", "warn", "from the environment; a file of mode 0600 is safer")
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        return _finding("master key", "warn", f"{path.name} has mode {mode:o}; make it 600")
    return _finding("master key", "pass", "a file only its owner reads")


def _https(settings: Settings) -> Finding:
    if settings.public_url.startswith("https://"):
        return _finding("https", "pass", "buyers reach the bridge by https")
    return _finding("https", "warn", "plain http is for trying out only")


def _sqlite() -> Finding:
    version = sqlite3.sqlite_version
    safe = sqlite3.sqlite_version_info >= (3, 51, 3)
    what = f"SQLite {version}" + ("" if safe else "; its known WAL-reset fault is avoided: one connection writes")
    return _finding("sqlite", "pass", what)


def _disk(settings: Settings) -> Finding:
    folder = settings.database_path.parent
    if not folder.is_dir():
        return _finding("disk", "warn", "the database's folder is not there yet")
    free = shutil.disk_usage(folder).free
    verdict = "pass" if free >= FREE_BYTES_MIN else "fail"
    return _finding("disk", verdict, f"{free // (1024 * 1024)} MiB free")


def _integrity(settings: Settings) -> Finding:
    path = settings.database_path
    if not path.is_file():
        return _finding("database", "warn", "not made yet; the first start makes it")
    try:
        with contextlib.closing(_open(path)) as connection:
            verdict = connection.execute("PRAGMA quick_check").fetchone()[0]
    except sqlite3.Error as error:
        return _finding("database", "fail", f"cannot be read: {error}")
    return _finding("database", "pass" if verdict == "ok" else "fail", f"quick check: {verdict}")


def _secrets(settings: Settings) -> Finding:
    if not settings.database_path.is_file():
        return _finding("secrets", "pass", "none kept yet")
    try:
        with contextlib.closing(_open(settings.database_path)) as connection:
            row = connection.execute("SELECT key_id, secret_sealed FROM site_keys LIMIT 1").fetchone()
        if row is None:
            return _finding("secrets", "pass", "none kept yet")
        Vault(settings.master_key.reveal(), SystemClock()).open(row[1], f"site_key:{row[0]}")
    except sqlite3.Error as error:
        return _finding("secrets", "fail", f"cannot be read: {error}")
    except LedgerBroken:
        return _finding("secrets", "fail", "the master key is not the one this database was made with")
    return _finding("secrets", "pass", "the master key opens them")


def _open(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)


def _server(settings: Settings) -> list[Finding]:
    try:
        sites = asyncio.run(ask(settings.database_path, "site.list", {}))
    except NoServer:
        return [_finding("server", "warn", "not running")]
    except BridgeError as error:
        return [_finding("server", "fail", error.detail)]
    found = [_finding("server", "pass", f"running, {len(sites)} site(s)")]
    try:
        with urllib.request.urlopen(f"{settings.public_url}/readyz", timeout=5) as answer:  # noqa: S310 - our own address
            found.append(_finding("ready", "pass", json.load(answer)["status"]))
    except urllib.error.HTTPError as error:
        found.append(_finding("ready", "fail", f"the bridge answers {error.code}; look at the dashboard"))
    except OSError as error:
        found.append(_finding("ready", "warn", f"the public address does not answer from here: {error}"))
    return found
