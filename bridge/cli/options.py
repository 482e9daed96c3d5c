"""Options that several commands share, and how secrets come in: from a file or standard input, not typed."""

import getpass
import sys
from pathlib import Path
from typing import Annotated

import typer

from bridge import gateways
from bridge.cli.output import complain
from bridge.domain.failures import Misconfigured

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Host = Annotated[str, typer.Option(help="Address to listen on.")]
Port = Annotated[int, typer.Option(help="Port to listen on.", min=0, max=65535)]
Set = Annotated[list[str], typer.Option("--set", help="NAME.key=value, =@file, or =- for standard input. Repeatable.")]


def read_settings(words: list[str]) -> dict[str, dict[str, str]]:
    """Read `--set` words into gateway -> key -> value.

    Raises typer.BadParameter for words of another form, Misconfigured for a file that cannot be read.
    """
    found: dict[str, dict[str, str]] = {}
    standard_input_used = False
    for word in words:
        name, equals, value = word.partition("=")
        gateway, point, key = name.partition(".")
        if not (equals and point and gateway and key):
            raise typer.BadParameter(f"--set wants NAME.key=value, such as mainpay.mbr_no=100011, not {name!r}.")
        if key in found.get(gateway, {}):
            raise typer.BadParameter(f"{name} is set twice.")
        if value == "-" and standard_input_used:
            raise typer.BadParameter("Standard input can be read for one setting only; use =@file for the others.")
        standard_input_used = standard_input_used or value == "-"
        _warn_of_secret(gateway, key, value)
        found.setdefault(gateway, {})[key] = _value(name, value)
    return found


def _value(name: str, value: str) -> str:
    if value == "-":
        return sys.stdin.read().strip()
    if value.startswith("@"):
        return read_text(Path(value[1:]), name)
    return value


def _warn_of_secret(gateway: str, key: str, value: str) -> None:
    typed = value not in ("", "-") and not value.startswith("@")
    if (
        typed
        and gateway in gateways.names()
        and any(one.name == key and one.secret for one in gateways.settings(gateway))
    ):
        complain(f"{gateway}.{key} is a secret and now stands in this shell's history; use =@file or =- instead.")


def read_password(path: Path | None, *, once: bool = False) -> str:
    """Read a password: from a file, from standard input (`-`), or asked for; a new one twice. Raises Misconfigured."""
    if path is not None:
        return read_text(path, "--password-file")
    if not sys.stdin.isatty():
        raise Misconfigured("There is nobody to ask for the password; give --password-file (- for standard input).")
    password = getpass.getpass("Password: ")
    if not once and getpass.getpass("Once more: ") != password:
        raise Misconfigured("The two passwords differ; nothing was changed.")
    return password


def read_text(path: Path, what: str) -> str:
    """Read a secret from a file, or from standard input (`-`). Raises Misconfigured; `what` names the option."""
    if str(path) == "-":
        return sys.stdin.read().strip()
    try:
        return path.read_text("utf-8").strip()
    except OSError as error:
        raise Misconfigured(f"{what}: {path} cannot be read ({error.strerror}).") from error
    except UnicodeDecodeError as error:
        raise Misconfigured(f"{what}: {path} is not a text in UTF-8.") from error
