"""Keeps a typed card out of what is written down of a conversation: some gateways repeat what they were told."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from bridge.domain.billing import CardEntry
from bridge.domain.exchange import Exchange
from bridge.domain.failures import Unreadable

T = TypeVar("T")
LEFT_ALONE = "key"
"""The billing key itself, which is sealed as it is."""


def without_card(exchange: Exchange[T], card: CardEntry) -> Exchange[T]:
    """Hold an exchange: no journal, and no text of its outcome, shows the card. Raises Unreadable likewise."""
    try:
        call = next(exchange)
        while True:
            call = exchange.send((yield replace(call, hidden=(card.number, card.holder))))
    except StopIteration as end:
        hidden: T = _hidden(end.value, card)
        return hidden
    except Unreadable as error:
        raise Unreadable(card.hide_in(error.detail)) from None
    finally:
        exchange.close()


def _hidden(value: Any, card: CardEntry) -> Any:
    if type(value) is str:  # not the words of an enumeration
        return card.hide_in(value)
    if isinstance(value, Mapping):
        return {name: _hidden(inner, card) for name, inner in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in fields(value) if field.name != LEFT_ALONE]
        return replace(value, **{name: _hidden(getattr(value, name), card) for name in names})
    return value
