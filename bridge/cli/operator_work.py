"""What `pay-bridge operator` does to a bridge; the audit names the machine's user who typed it."""

from typing import Annotated, Any

from msgspec import Meta, Struct

from bridge.flows.context import Context
from bridge.flows.log_in import add_operator
from bridge.flows.manage_operators import (
    disable_operator,
    enable_operator,
    list_operators,
    operator_json,
    set_password,
    set_role,
)

Who = Annotated[str, Meta(min_length=1, max_length=55)]


class OperatorAdd(Struct, forbid_unknown_fields=True):
    """`operator add`."""

    name: str
    password: str
    role: str
    who: Who


class OperatorNamed(Struct, forbid_unknown_fields=True):
    """`operator enable`."""

    name: str
    who: Who


class OperatorLeft(Struct, forbid_unknown_fields=True):
    """`operator disable`; `last`: also where nobody who may act is left."""

    name: str
    last: bool
    who: Who


class PasswordGiven(Struct, forbid_unknown_fields=True):
    """`operator password`."""

    name: str
    password: str
    who: Who


class RoleGiven(Struct, forbid_unknown_fields=True):
    """`operator role`; `last`: also where nobody who may act is left."""

    name: str
    role: str
    last: bool
    who: Who


async def add(context: Context, words: OperatorAdd) -> Any:
    """Let a person use the dashboard."""
    added = await add_operator(context, words.name, words.password, words.role, actor=_actor(words.who))
    return {"id": added.id, "name": added.name, "role": added.role}


async def list_(context: Context, _: object) -> Any:
    """List the accounts."""
    return await list_operators(context)


async def password(context: Context, words: PasswordGiven) -> Any:
    """Give an account another password."""
    return operator_json(await set_password(context, words.name, words.password, actor=_actor(words.who)))


async def disable(context: Context, words: OperatorLeft) -> Any:
    """Shut an account out."""
    return operator_json(await disable_operator(context, words.name, actor=_actor(words.who), last=words.last))


async def enable(context: Context, words: OperatorNamed) -> Any:
    """Let an account in again."""
    return operator_json(await enable_operator(context, words.name, actor=_actor(words.who)))


async def role(context: Context, words: RoleGiven) -> Any:
    """Make an account a viewer or an operator."""
    return operator_json(await set_role(context, words.name, words.role, actor=_actor(words.who), last=words.last))


def _actor(who: str) -> str:
    return f"operator:{who}"
