"""Examines an installation: settings, key file, database, running server."""

import asyncio
import contextlib
import json
import os
import shutil
import sqlite3
import stat
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bridge.clock import SystemClock, from_ms, now_ms
from bridge.control import NoServer, ask
from bridge.domain.failures import BridgeError, LedgerBroken
from bridge.domain.spans import age
from bridge.flows.check_copies import AUTOMATIC_WARN, TYPED_WARN
from bridge.ledger import checks, root
from bridge.ledger.backups import Backup, last
from bridge.ledger.checks import Checked
from bridge.ledger.sqlite import SqliteTurn
from bridge.settings import Settings, from_environment

if TYPE_CHECKING:
    from bridge.ledger.postgres import Seen

Finding = dict[str, Any]
CLOCK_OFF_SECONDS_MAX = 3.0


def examine() -> list[Finding]:
    """List what was looked at: {check, verdict: pass|warn|fail, what}."""
    try:
        settings = from_environment()
    except BridgeError as error:
        return [_finding("settings", "fail", error.detail)]
    found = [_finding("settings", "pass", f"public address {settings.public_url}")]
    found += [_key_file(), _https(settings)]
    if settings.on_postgres:
        return found + _postgres(settings) + _ready(settings)
    found += [_sqlite(), _disk(settings), _integrity(settings), _books(settings), _secrets(settings)]
    found += [_backup(settings, _last_on_sqlite(settings))]
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
    verdict = "pass" if free >= settings.free_bytes_min else "fail"
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


def _books(settings: Settings) -> Finding:
    """Say what the running bridge's last checks of the books found."""
    if not settings.database_path.is_file():
        return _finding("books", "pass", "none kept yet")
    try:
        with contextlib.closing(_open(settings.database_path)) as connection:
            rows = dict(connection.execute("SELECT name, value FROM meta WHERE name IN ('checked', 'checked_all')"))
    except sqlite3.Error as error:
        return _finding("books", "fail", f"cannot be read: {error}")
    return _checked({name: checks.read(value) for name, value in rows.items()})


def _checked(kept: Mapping[str, Checked]) -> Finding:
    found = [one for checked in kept.values() for one in checked.found]
    if found:
        rule, payment, what = found[0]
        return _finding("books", "fail", f"{len(found)} things do not hold, such as {rule} of {payment}: {what}")
    if "checked" not in kept:
        return _finding("books", "warn", "not checked yet; a running bridge checks them every minute")
    when = from_ms(kept["checked"].at).isoformat(timespec="seconds")
    full = kept.get("checked_all")
    whole = f"; all {full.payments} payments at {from_ms(full.at).isoformat(timespec='seconds')}" if full else ""
    return _finding("books", "pass", f"what changed was checked at {when}{whole}")


def _secrets(settings: Settings) -> Finding:
    if not settings.database_path.is_file():
        return _finding("secrets", "pass", "none kept yet")
    try:
        with contextlib.closing(_open(settings.database_path)) as connection:
            connection.row_factory = sqlite3.Row
            sealed = root.kept(SqliteTurn(connection))
    except sqlite3.Error as error:
        return _finding("secrets", "fail", f"cannot be read: {error}")
    return _opens(settings, sealed)


def _opens(settings: Settings, sealed: str) -> Finding:
    """Try the master key on the root secret, with which all others are sealed."""
    if not sealed:
        return _finding("secrets", "pass", "none kept yet")
    try:
        root.open_root(sealed, settings.master_key.reveal())
    except BridgeError as error:
        return _finding("secrets", "fail", error.detail)
    return _finding("secrets", "pass", f"the master key {root.sealed_under(sealed)} opens them")


def _postgres(settings: Settings) -> list[Finding]:
    try:
        from bridge.ledger.postgres import look_at
    except ImportError:
        return [_finding("database", "fail", "PostgreSQL needs a driver: pip install 'pay-bridge[postgres]'")]
    try:
        seen = look_at(settings.database_url)
    except LedgerBroken as error:
        return [_finding("database", "fail", error.detail)]
    unsafe = [name for name, value in seen.safety.items() if value != "on"]
    return [
        _finding("database", "pass", f"PostgreSQL {seen.version}, {seen.connections} more connections allowed"),
        _finding("durability", "fail", f"a power cut may lose payments: {', '.join(unsafe)} must be on")
        if unsafe
        else _finding("durability", "pass", f"{', '.join(seen.safety)} are on"),
        _clock(seen.ahead_seconds),
        *_kept_on_postgres(settings, seen),
    ]


def _kept_on_postgres(settings: Settings, seen: "Seen") -> list[Finding]:
    """Say what the books themselves tell: the bridges' last checks, whether the key opens them, the last backup."""
    if not seen.made:
        return [_finding("books", "pass", "none kept yet"), _opens(settings, ""), _backup(settings, None)]
    from bridge.ledger.postgres import PostgresTurn, connect

    with contextlib.closing(connect(settings.database_url)) as connection:
        turn = PostgresTurn(connection)
        kept = {"checked": checks.last(turn), "checked_all": checks.last(turn, full=True)}
        made = last(turn)
    found = _checked({name: one for name, one in kept.items() if one is not None})
    return [found, _opens(settings, seen.root), _backup(settings, made)]


def _clock(ahead_seconds: float) -> Finding:
    """Several bridges tell by their wall clocks which of them is dead."""
    off, way = abs(ahead_seconds), "ahead of" if ahead_seconds > 0 else "behind"
    if off > CLOCK_OFF_SECONDS_MAX:
        why = f"this machine is {off:.0f} s {way} the database server; keep NTP running on both"
        return _finding("clock", "warn", why)
    return _finding("clock", "pass", "this machine and the database server have the same time")


def _backup(settings: Settings, last: Backup | None) -> Finding:
    if last is None:
        return _finding("backup", "warn", "none was made yet; `pay-bridge backup`, or set BRIDGE_BACKUP_PATH")
    seconds = max(0.0, now_ms(SystemClock()) / 1000 - last.made_at / 1000)
    old = seconds > (AUTOMATIC_WARN if settings.backup_path else TYPED_WARN)
    return _finding(
        "backup", "warn" if old else "pass", f"the last good one was made {age(seconds, 'en')}: {last.path}"
    )


def _last_on_sqlite(settings: Settings) -> Backup | None:
    if not settings.database_path.is_file():
        return None
    try:
        with contextlib.closing(_open(settings.database_path)) as connection:
            connection.row_factory = sqlite3.Row
            return last(SqliteTurn(connection))
    except sqlite3.Error:  # told by the look at the database itself
        return None


def _open(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)


def _server(settings: Settings) -> list[Finding]:
    try:
        sites = asyncio.run(ask(settings.database_path, "site.list", {}))
    except NoServer:
        return [_finding("server", "warn", "not running")]
    except BridgeError as error:
        return [_finding("server", "fail", error.detail)]
    return [_finding("server", "pass", f"running, {len(sites)} site(s)"), *_ready(settings)]


def _ready(settings: Settings) -> list[Finding]:
    try:
        with urllib.request.urlopen(f"{settings.public_url}/readyz", timeout=5) as answer:  # noqa: S310 - our own address
            return [_verdict(json.load(answer))]
    except urllib.error.HTTPError as error:
        return [_finding("ready", "fail", f"the bridge answers {error.code}; look at the dashboard")]
    except OSError as error:
        return [_finding("ready", "warn", f"the public address does not answer from here: {error}")]


def _verdict(ready: dict[str, Any]) -> Finding:
    """Say what the running server's own verdict is, and what it is about."""
    wrong = [name.lower() for name, verdict in ready["checks"].items() if verdict != "pass"]
    what = f"look at the dashboard: {', '.join(wrong)}" if wrong else "payments can be taken"
    return _finding("ready", ready["status"], what)
