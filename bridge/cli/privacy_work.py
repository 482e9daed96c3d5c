"""What `pay-bridge privacy` does to a bridge."""

from typing import Any

from msgspec import Struct

from bridge.flows.context import Context
from bridge.flows.privacy import Person, erase_person, export_person

ACTOR = "operator:cli"


class PersonNamed(Struct, forbid_unknown_fields=True):
    """`privacy export` and `privacy erase`: one of e-mail, phone and order, at a site."""

    url: str
    email: str
    phone: str
    order: str


async def export(context: Context, words: PersonNamed) -> Any:
    """Give everything held about a person."""
    return await export_person(context, context.sites.at(words.url), _person(words), ACTOR)


async def erase(context: Context, words: PersonNamed) -> Any:
    """Take a person out of what need not be kept."""
    return await erase_person(context, context.sites.at(words.url), _person(words), ACTOR)


def _person(words: PersonNamed) -> Person:
    return Person(words.email, words.phone, words.order)
