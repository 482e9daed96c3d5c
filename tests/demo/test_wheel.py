"""The wheel alone, away from the project: everything it needs is inside."""

import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from bridge.demo.doors import DOORS
from tests.demo.test_check import walked_whole

ROOT = Path(__file__).parent.parent.parent
PARTS = ("bridge", "templates", "pyproject.toml", "README.md", "LICENSE")
BUILD = "import sys; from setuptools import build_meta; getattr(build_meta, sys.argv[1])(sys.argv[2])"


def run(folder: Path, *words: str, environment: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        words, cwd=folder, env=environment, capture_output=True, text=True, timeout=240, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("source")
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / part, folder / part)
    return folder


@pytest.fixture(scope="module")
def wheel(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(source, sys.executable, "-c", BUILD, "build_wheel", str(folder))
    (found,) = folder.glob("pay_bridge-*.whl")
    return found


def templates() -> set[str]:
    return {
        path.relative_to(ROOT / "templates").as_posix() for path in (ROOT / "templates").rglob("*") if path.is_file()
    }


def test_every_template_is_in_the_wheel(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        inside = {name.removeprefix("bridge/_templates/") for name in archive.namelist() if "/_templates/" in name}

    assert len(inside) > 20
    assert inside == templates()


def test_every_template_is_in_the_source_distribution(source: Path, tmp_path: Path) -> None:
    run(source, sys.executable, "-c", BUILD, "build_sdist", str(tmp_path))

    (found,) = tmp_path.glob("pay_bridge-*.tar.gz")
    with tarfile.open(found) as archive:
        inside = {name.partition("/templates/")[2] for name in archive.getnames() if "/templates/" in name}
    assert templates() <= inside


def test_the_installed_wheel_walks_every_journey_of_every_gateway_in_time(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input")
    run(tmp_path, *pip, "install", "--quiet", "--no-deps", "--no-index", "--target", str(site), str(wheel))
    environment = {**os.environ, "PYTHONPATH": str(site)}
    where = run(tmp_path, sys.executable, "-c", "import bridge; print(bridge.__file__)", environment=environment)
    assert Path(where.strip()).is_relative_to(site), "the project's own folder answers instead of the wheel"

    found = json.loads(
        run(tmp_path, sys.executable, "-m", "bridge", "demo", "--check", "--json", environment=environment)
    )

    walked_whole(found, DOORS)
    assert found["seconds"] < 120
