"""Names the commit that figures are of."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
DIRTY = "-dirty"


def commit(folder: Path = ROOT) -> str:
    """Name the commit a folder is at, with "-dirty" where it holds other changes; empty outside of a repository."""
    words = ("git", "describe", "--always", f"--dirty={DIRTY}", "--exclude=*", "--abbrev=12")
    try:
        return subprocess.run(words, cwd=folder, capture_output=True, check=True, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""
