"""The only reader of the environment. A missing setting is named at once."""

import base64
import binascii
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bridge.domain.failures import Misconfigured

MIB = 1024 * 1024

ALARM_SECRET_BYTES_MIN = 24


class Secret:
    """Bytes that do not print."""

    def __init__(self, value: bytes) -> None:
        self._value = value

    def reveal(self) -> bytes:
        """Give the bytes."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(•••)"


@dataclass(frozen=True, slots=True)
class Settings:
    """What the operator decides. Times in seconds, sizes in bytes, money in KRW."""

    public_url: str
    database_url: str = field(repr=False)
    master_key: Secret = field(repr=False)
    trusted_proxies: tuple[str, ...] = ()
    payment_life_seconds: int = 900
    body_max_bytes: int = 64 * 1024
    notice_max_bytes: int = 256 * 1024
    return_wait_seconds: float = 8.0
    refund_wait_seconds: float = 2.5
    checkout_per_address_per_minute: int = 600
    checkout_per_site_per_second: int = 1000
    connections_per_address: int = 1000
    refund_daily_max: int = 50_000_000
    heartbeat_seconds: float = 1.0
    quiet_seconds_min: int = 120
    news_days: int = 31
    reserve_bytes: int = 0
    free_bytes_min: int = 0
    backup_path: str = ""
    backup_seconds: int = 60
    alarm_url: str = ""
    alarm_secret: Secret = field(default=Secret(b""), repr=False)
    stop_on_broken_books: bool = True
    lone_operator_confirms: bool = True
    log_level: str = "info"

    @property
    def on_postgres(self) -> bool:
        """Whether the ledger is on PostgreSQL, which other bridges may share."""
        return self.database_url.startswith(("postgresql://", "postgres://"))

    @property
    def database_path(self) -> Path:
        """Where the SQLite file is. Raises Misconfigured for another database."""
        scheme, _, path = self.database_url.partition(":///")
        if scheme != "sqlite" or not path:
            raise Misconfigured(
                "BRIDGE_DATABASE_URL must look like sqlite:///var/bridge.db or postgresql://user@host/database."
            )
        return Path(path)


def from_environment(environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from BRIDGE_* variables. Raises Misconfigured, naming the variable, or PYTHONOPTIMIZE."""
    values = os.environ if environment is None else environment
    if sys.flags.optimize:
        raise Misconfigured(
            "Python leaves its assertions out (-O, or PYTHONOPTIMIZE is set), and with them checks that money goes by;"
            " start it without."
        )
    return Settings(
        public_url=_public_url(_need(values, "BRIDGE_PUBLIC_URL")),
        database_url=_need(values, "BRIDGE_DATABASE_URL"),
        master_key=_master_key(values),
        trusted_proxies=tuple(values.get("BRIDGE_TRUSTED_PROXIES", "").replace(",", " ").split()),
        payment_life_seconds=_number(values, "BRIDGE_PAYMENT_LIFE_SECONDS", 900),
        checkout_per_address_per_minute=_number(values, "BRIDGE_CHECKOUT_PER_ADDRESS_PER_MINUTE", 600),
        checkout_per_site_per_second=_number(values, "BRIDGE_CHECKOUT_PER_SITE_PER_SECOND", 1000),
        connections_per_address=_number(values, "BRIDGE_CONNECTIONS_PER_ADDRESS", 1000),
        refund_daily_max=_number(values, "BRIDGE_REFUND_DAILY_MAX", 50_000_000),
        quiet_seconds_min=_number(values, "BRIDGE_QUIET_SECONDS_MIN", 120),
        reserve_bytes=_number(values, "BRIDGE_RESERVE_BYTES", 256 * MIB),
        free_bytes_min=_number(values, "BRIDGE_FREE_BYTES_MIN", 512 * MIB),
        backup_path=_folder(values, "BRIDGE_BACKUP_PATH"),
        backup_seconds=_number(values, "BRIDGE_BACKUP_SECONDS", 60),
        alarm_url=_alarm_url(values),
        alarm_secret=_alarm_secret(values),
        stop_on_broken_books=_number(values, "BRIDGE_STOP_ON_BROKEN_BOOKS", 1) > 0,
        lone_operator_confirms=_number(values, "BRIDGE_LONE_OPERATOR_CONFIRMS", 1) > 0,
        log_level=values.get("BRIDGE_LOG_LEVEL", "info"),
    )


_ADDRESS = re.compile(r"https?://[A-Za-z0-9.\[\]:-]+(/[A-Za-z0-9._~/-]*)?", re.ASCII)


def _need(values: Mapping[str, str], name: str) -> str:
    value = values.get(name, "").strip()
    if not value:
        raise Misconfigured(f"{name} is not set. `pay-bridge init --dir DIR` prints the lines to set.")
    return value


def _number(values: Mapping[str, str], name: str, default: int) -> int:
    text = values.get(name, str(default))
    if not (text.isascii() and text.isdigit()):
        raise Misconfigured(f"{name} must be a whole number, not {text!r}.")
    return int(text)


def _folder(values: Mapping[str, str], name: str) -> str:
    path = values.get(name, "").strip()
    if path and not Path(path).is_dir():
        raise Misconfigured(f"{name} must be a folder that is there; {path!r} is none.")
    return path


def _public_url(text: str) -> str:
    if not _ADDRESS.fullmatch(text):
        raise Misconfigured("BRIDGE_PUBLIC_URL must be the address buyers reach, such as https://pay.example.com.")
    return text.rstrip("/")


def _alarm_url(values: Mapping[str, str]) -> str:
    text = values.get("BRIDGE_ALARM_URL", "").strip()
    trying_out = values.get("BRIDGE_PUBLIC_URL", "").startswith("http://")
    if text and not (text.startswith("https://") or (trying_out and text.startswith("http://"))):
        raise Misconfigured("BRIDGE_ALARM_URL must be an https address.")
    return text


def _alarm_secret(values: Mapping[str, str]) -> Secret:
    """Read the secret that alarms are signed with, as receivers of Standard Webhooks know it: whsec_ and base64."""
    text = values.get("BRIDGE_ALARM_SECRET", "").strip().removeprefix("whsec_")
    if not values.get("BRIDGE_ALARM_URL", "").strip():
        return Secret(b"")
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) < ALARM_SECRET_BYTES_MIN:
        raise Misconfigured(
            f"BRIDGE_ALARM_SECRET must be at least {ALARM_SECRET_BYTES_MIN} bytes in base64; alarms are signed with it."
        )
    return Secret(key)


def _master_key(values: Mapping[str, str]) -> Secret:
    text = values.get("BRIDGE_MASTER_KEY", "").strip()
    if not text and values.get("BRIDGE_MASTER_KEY_FILE"):
        path = Path(values["BRIDGE_MASTER_KEY_FILE"])
        try:
            text = path.read_text("ascii").strip()
        except OSError as error:
            raise Misconfigured(f"BRIDGE_MASTER_KEY_FILE cannot be read: {error.strerror}.") from error
        except UnicodeDecodeError:
            raise Misconfigured("BRIDGE_MASTER_KEY_FILE does not hold base64.") from None
    if not text:
        raise Misconfigured("BRIDGE_MASTER_KEY or BRIDGE_MASTER_KEY_FILE is not set.")
    return read_key(text)


def read_key(text: str) -> Secret:
    """Read a master key: 32 bytes in base64. Raises Misconfigured."""
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Misconfigured("The master key is not base64.") from error
    if len(key) != 32:
        raise Misconfigured("The master key must be 32 bytes in base64.")
    return Secret(key)
