"""What a gateway's fields must look like, and how it says no."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass


class Refusal(Exception):
    """The gateway says no, with a code."""

    def __init__(self, code: str, message: str = "") -> None:
        self.code = code
        self.message = message
        super().__init__(f"{code} {message}")


@dataclass(frozen=True, slots=True)
class Rule:
    """What one field must look like; `code` is said where it does not. Lengths in bytes of UTF-8."""

    name: str
    most: int
    least: int = 1
    pattern: re.Pattern[str] | None = None
    code: str = ""
    needed: bool = True


def check(fields: Mapping[str, str], rules: Iterable[Rule], usual: str) -> None:
    """Check fields in the order of their rules. Raises Refusal for the first that is missing or bent, with the rule's
    code or the `usual` one."""
    for rule in rules:
        value = fields.get(rule.name, "")
        if not value:
            if rule.needed and (rule.name not in fields or rule.least > 0):
                raise Refusal(rule.code or usual, f"필수값 누락 ({rule.name})")
            continue
        if not rule.least <= len(value.encode()) <= rule.most or (rule.pattern and not rule.pattern.fullmatch(value)):
            raise Refusal(rule.code or usual, f"파라미터 오류 ({rule.name})")
