"""What the gateways' sandboxes check alike: fields of a form, settings that testers change."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from bridge.sandbox.world import ControlRefused

AMOUNT = re.compile(r"[1-9][0-9]{0,9}", re.ASCII)
DIGITS = re.compile(r"[0-9]+", re.ASCII)
WEB = re.compile(r"https?://[^\s/?#]+[^\s]*")
EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
PHONE = re.compile(r"[0-9]{9,12}|[0-9]{2,4}-[0-9]{3,4}-[0-9]{4}", re.ASCII)
MONTH = re.compile(r"0[1-9]|1[0-2]", re.ASCII)
YEAR = re.compile(r"[0-9]{2}", re.ASCII)
CARD = re.compile(r"[0-9]{14,16}", re.ASCII)
BIRTHDAY_OR_BUSINESS = re.compile(r"[0-9]{6}|[0-9]{10}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Rule:
    """What one field must look like. Lengths in bytes of UTF-8."""

    name: str
    most: int = 255
    pattern: re.Pattern[str] | None = None
    needed: bool = True


def misfit(form: Mapping[str, str], rules: Iterable[Rule]) -> str:
    """Name the first field that is missing or bent; empty where all is well."""
    for rule in rules:
        value = form.get(rule.name, "")
        if not value and rule.needed:
            return rule.name
        if value and (len(value.encode()) > rule.most or (rule.pattern and not rule.pattern.fullmatch(value))):
            return rule.name
    return ""


def masked(number: str) -> str:
    """Show a card number's first six and last four digits."""
    return number[:6] + "*" * (len(number) - 10) + number[-4:]


def change(settings: Any, values: Mapping[str, Any], title: str) -> None:
    """Change settings, a dataclass, all or none. Raises ControlRefused."""
    kinds = {one.name: _kind_check(getattr(settings, one.name)) for one in fields(settings)}
    for name, value in values.items():
        if name not in kinds:
            raise ControlRefused(f"{title}'s sandbox has no setting {name!r}; it has {', '.join(kinds)}.")
        if not kinds[name](value):
            raise ControlRefused(f"The setting {name!r} cannot be {value!r}.")
    for name, value in values.items():
        setattr(settings, name, value)


def _kind_check(example: Any) -> Callable[[Any], bool]:
    if isinstance(example, bool):
        return lambda value: isinstance(value, bool)
    if isinstance(example, dict):
        inner = _kind_check(next(iter(example.values()), ""))
        return lambda value: isinstance(value, dict) and all(inner(one) for one in value.values())
    if isinstance(example, list):
        return lambda value: isinstance(value, list) and all(isinstance(one, str) for one in value)
    if isinstance(example, str):
        return lambda value: isinstance(value, str)
    return lambda value: isinstance(value, int | float) and not isinstance(value, bool) and value >= 0
