"""One folder a gateway; each can be deleted. A folder with an adapter is found by itself."""

import importlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from bridge.domain.failures import Misconfigured
from bridge.domain.gateway import Gateway, Setting
from bridge.domain.payment import Mode


@cache
def names() -> tuple[str, ...]:
    """Name the gateways there are."""
    here = Path(__file__).parent
    return tuple(sorted(file.parent.name for file in here.glob("*/adapter.py")))


def build(name: str, values: Mapping[str, str], mode: Mode) -> Gateway:
    """Build a site's gateway from its settings. Raises Misconfigured."""
    gateway: Gateway = _adapter(name).build(values, mode)
    return gateway


def settings(name: str) -> tuple[Setting, ...]:
    """List a gateway's settings. Raises Misconfigured."""
    found: tuple[Setting, ...] = _adapter(name).settings_of_gateway()
    return found


def _adapter(name: str):  # type: ignore[no-untyped-def]  # a module; its two functions are checked above
    if name not in names():
        raise Misconfigured(f"There is no gateway {name}; known: {', '.join(names())}.")
    return importlib.import_module(f"bridge.gateways.{name}.adapter")
