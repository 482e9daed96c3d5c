"""A gateway's own commands for the merchant's account: what they are called, their fields, what came of one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from bridge.domain.failures import Malformed

FIELD_CHARACTERS_MAX = 500


@dataclass(frozen=True, slots=True)
class AdminField:
    """A field of a command: the gateway's name for it, what people call it, its choices (Korean, English) if any.

    `holds` says whom it tells of: a secret is typed unseen, and of neither a secret nor a person is anything kept.
    """

    name: str
    korean: str
    english: str
    needed: bool = False
    choices: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    holds: Literal["", "person", "secret"] = ""


@dataclass(frozen=True, slots=True)
class AdminCommand:
    """One of the gateway's own commands for the merchant. `changes`: it changes something there; none moves money."""

    name: str
    korean: str
    english: str
    fields: tuple[AdminField, ...]
    changes: bool = False


@dataclass(frozen=True, slots=True)
class AdminAnswer:
    """What came of such a command: the fields of the answer, none of them a secret."""

    done: bool
    fields: Mapping[str, str] = field(default_factory=dict)
    code: str = ""
    message: str = ""


def check_command(command: AdminCommand, fields: Mapping[str, str]) -> None:
    """Make sure that a command is given what it needs, and nothing it has not or that is too long.

    Raises Malformed, naming the field; no value is repeated.
    """
    known = {one.name: one for one in command.fields}
    if set(fields) - set(known):
        raise Malformed(
            f"The command {command.name} has other fields; its own are: {', '.join(known)}.",
            message_ko=f"{command.name} 명령에 없는 항목이 있어요. 쓸 수 있는 항목: {', '.join(known)}",
        )
    for one in command.fields:
        value, named = fields.get(one.name, ""), f"{one.name} ({one.english})"
        if one.needed and not value.strip():
            raise Malformed(
                f"The command {command.name} needs the field {named}; fill it in.",
                message_ko=f"‘{one.korean}’({one.name}) 항목을 적어 주세요.",
            )
        if len(value) > FIELD_CHARACTERS_MAX or not value.isprintable():
            raise Malformed(
                f"The field {named} is one line of at most {FIELD_CHARACTERS_MAX} characters.",
                message_ko=f"‘{one.korean}’({one.name}) 항목은 한 줄, {FIELD_CHARACTERS_MAX}자까지 적을 수 있어요.",
            )
        if value and one.choices and value not in one.choices:
            raise Malformed(
                f"The field {named} must be one of: {', '.join(one.choices)}.",
                message_ko=f"‘{one.korean}’({one.name}) 항목은 이 중에서 골라 주세요: {', '.join(one.choices)}",
            )
