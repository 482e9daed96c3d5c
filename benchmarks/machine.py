"""What the numbers were measured on."""

import os
import platform
import re
import sqlite3
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("starlette", "uvicorn", "uvloop", "httptools", "h11", "cryptography", "msgspec")
BUSY_LOAD_PER_CORE = 0.25


def describe() -> dict[str, str]:
    """Name the machine, its software and this commit."""
    memory = int(re.search(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text())[1]) * 1024  # type: ignore[index]
    cpu = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "commit": _said("git", "-C", str(ROOT), "rev-parse", "--short", "HEAD") + _changed(),
        "cpu": f"{cpu[1] if cpu else platform.machine()}, {os.cpu_count()} cores",
        "memory": f"{memory / 1e9:.0f} GB",
        "kernel": platform.release(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "sqlite": sqlite3.sqlite_version,
        "packages": ", ".join(f"{name} {version(name)}" for name in PACKAGES),
        "php": _version("php", "-v"),
        "mariadb": _version("mariadbd", "--version"),
        "nginx": _version("nginx", "-v"),
    }


def load_before() -> float:
    """How much others had this machine do in the last minute: runnable tasks on average."""
    return os.getloadavg()[0]


def is_busy(load: float) -> bool:
    """Whether the machine had other work: then the numbers say little."""
    return load > BUSY_LOAD_PER_CORE * (os.cpu_count() or 1)


def _changed() -> str:
    return " with changes not committed" if _said("git", "-C", str(ROOT), "status", "--porcelain", "-uno") else ""


def _version(*command: str) -> str:
    found = re.search(r"\d+\.\d+\.\d+", _said(*command))
    return found[0] if found else "absent"


def _said(*command: str) -> str:
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
    try:
        ran = subprocess.run(command, capture_output=True, text=True, timeout=20, env={**os.environ, "PATH": path})
    except OSError:
        return ""
    return (ran.stdout + ran.stderr).strip()
