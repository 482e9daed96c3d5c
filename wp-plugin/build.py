"""Builds the plugin's zip: `python wp-plugin/build.py [FOLDER]`. The same files give the same bytes, on any machine."""

import hashlib
import re
import sys
import zipfile
from pathlib import Path

PLUGIN = Path(__file__).parent / "pay-bridge"
SHIPPED = {".php", ".js", ".css", ".txt", ".pot", ".po", ".mo"}
FIXED_TIME = (2026, 1, 1, 0, 0, 0)


def version() -> str:
    """The version in the plugin's header."""
    match = re.search(r"^ \* Version: +(\S+)$", (PLUGIN / "pay-bridge.php").read_text(encoding="utf-8"), re.MULTILINE)
    assert match is not None, "the plugin's header has no version"
    return match[1]


def files() -> list[Path]:
    """What is shipped, sorted by name. Raises ValueError for a file of a kind that is not."""
    found = sorted(path for path in PLUGIN.rglob("*") if path.is_file())
    for path in found:
        if path.suffix not in SHIPPED or any(part.startswith(".") for part in path.relative_to(PLUGIN).parts):
            raise ValueError(f"{path.relative_to(PLUGIN)} is not a kind of file that is shipped")
    return found


def build(folder: Path) -> Path:
    """Write pay-bridge-VERSION.zip and its SHA-256 beside it; the zip's path."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"pay-bridge-{version()}.zip"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in files():
            entry = zipfile.ZipInfo(f"pay-bridge/{path.relative_to(PLUGIN).as_posix()}", FIXED_TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, path.read_bytes())
    digest = hashlib.sha256(target.read_bytes()).hexdigest()
    target.with_suffix(".zip.sha256").write_text(f"{digest}  {target.name}\n", encoding="ascii")
    return target


if __name__ == "__main__":
    print(build(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1] / "dist"))
