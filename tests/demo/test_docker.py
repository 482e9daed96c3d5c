"""What can be known of the container without a Docker engine."""

import re
import shlex
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent.parent
DOCKER = ROOT / "docker"
DOCKERFILE = (DOCKER / "Dockerfile").read_text("utf-8")


def instructions() -> list[list[str]]:
    text = re.sub(r"\\\n", " ", re.sub(r"(?m)^#.*\n", "", DOCKERFILE))
    return [shlex.split(line) for line in text.splitlines() if line.strip()]


def copied() -> list[str]:
    found = [line[1:-1] for line in instructions() if line[0] == "COPY" and not line[1].startswith("--from")]
    return [source for sources in found for source in sources]


def pins(path: Path) -> dict[str, tuple[str, frozenset[str]]]:
    parts = re.split(r"(?m)^(?=[a-z0-9][\w.-]*==)", path.read_text("utf-8"))[1:]
    return {
        part.split("==")[0]: (re.split(r"[\s;\\]", part.split("==")[1])[0], frozenset(re.findall(r"sha256:\w+", part)))
        for part in parts
    }


def compose() -> dict[str, Any]:
    yaml = pytest.importorskip("yaml", reason="PyYAML reads the compose file")
    read: dict[str, Any] = yaml.safe_load((DOCKER / "compose.yaml").read_text("utf-8"))
    return read


def test_every_file_that_is_copied_is_there_and_not_ignored() -> None:
    allowed = [line[1:] for line in (DOCKER / "Dockerfile.dockerignore").read_text().splitlines() if line[0] == "!"]

    assert copied() == ["docker/requirements.lock", "pyproject.toml", "README.md", "LICENSE", "bridge", "templates"]
    for source in copied():
        assert (ROOT / source).exists()
        assert any(fnmatch(source, pattern) for pattern in allowed), f"{source} is kept out by the ignore file"


def test_the_image_runs_as_nobody_and_is_asked_whether_it_is_ready() -> None:
    lines = instructions()
    last = lines[[line[0] for line in lines].index("USER") :]

    assert last[0] == ["USER", "10001:10001"]
    assert not any(line[0] in ("RUN", "COPY", "ADD", "USER") for line in last[1:]), "nothing is done after USER"
    assert any(line[0] == "HEALTHCHECK" and "/readyz" in " ".join(line) for line in last)
    assert last[-2:] == [["ENTRYPOINT", "[pay-bridge]"], ["CMD", "[serve,", "--host,", "0.0.0.0]"]]


def test_the_images_lock_is_part_of_the_projects() -> None:
    mine, whole = pins(DOCKER / "requirements.lock"), pins(ROOT / "requirements.lock")

    assert {"starlette", "uvicorn", "cryptography", "setuptools"} <= mine.keys()
    assert "pytest" not in mine
    assert {name: pin for name, pin in mine.items() if whole.get(name) != pin} == {}


def test_up_alone_starts_the_demo_and_nothing_else() -> None:
    services = compose()["services"]

    assert [name for name, service in services.items() if not service.get("profiles")] == ["demo"]
    assert services["demo"]["command"][0] == "demo"


@pytest.mark.parametrize("name", ["demo", "bridge"])
def test_a_service_is_shut_in(name: str) -> None:
    found = compose()
    service = found["services"][name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    assert [volume.split(":") for volume in service["volumes"]] == [[name, "/var/lib/pay-bridge"]]
    assert name in found["volumes"]
    assert (DOCKER / service["build"]["context"] / service["build"]["dockerfile"]).resolve() == DOCKER / "Dockerfile"
