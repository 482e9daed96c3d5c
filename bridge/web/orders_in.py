"""Reads an order as WordPress sends it, strictly: the same for signed requests and sealed tokens."""

from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from bridge.domain.failures import AmountRefused, Malformed
from bridge.domain.payment import AMOUNT_MAX, AMOUNT_MIN, Buyer, Item, Order, parse_amount
from bridge.flows.sites import Site

T = TypeVar("T")
END_OF_TIME = datetime(9999, 1, 1, tzinfo=UTC)
Ref = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9._:-]+$(?!\n)")]
Title = Annotated[str, Meta(min_length=1, max_length=200)]
Won = Annotated[int, Meta(ge=0, le=AMOUNT_MAX)]
Short = Annotated[str, Meta(max_length=100)]
Url = Annotated[str, Meta(min_length=1, max_length=1000)]
GatewayName = Annotated[str, Meta(max_length=32, pattern=r"^[A-Za-z]*$(?!\n)")]


class ItemIn(msgspec.Struct):
    """One seat or ticket; amounts in KRW."""

    ref: Ref
    title: Title
    amount: Won
    tax_free: Won = 0


class BuyerIn(msgspec.Struct):
    """Who buys."""

    name: Annotated[str, Meta(min_length=1, max_length=100)]
    email: Annotated[str, Meta(max_length=254)] = ""
    phone: Annotated[str, Meta(max_length=20)] = ""
    id: Short = ""


class OrderIn(msgspec.Struct):
    """What WordPress sells; amounts in KRW, times RFC 3339."""

    ref: Ref
    version: Annotated[int, Meta(ge=1, le=2**53)]
    title: Title
    amount: Annotated[int, Meta(ge=AMOUNT_MIN, le=AMOUNT_MAX)]
    buyer: BuyerIn
    result_url: Url
    tax_free: Won = 0
    items: Annotated[list[ItemIn], Meta(max_length=100)] = []
    retry_url: Annotated[str, Meta(max_length=1000)] = ""
    hold_expires_at: datetime | None = None
    show_at: datetime | None = None
    locale: Annotated[str, Meta(max_length=10)] = "ko_KR"


def read_order(site: Site, value: Any) -> Order:
    """Turn JSON into an order. Raises Malformed (naming the field) and AmountRefused."""
    if not isinstance(value, dict):
        raise Malformed("`order` must be an object.")
    parse_amount(value.get("amount") if isinstance(value.get("amount"), int) else None)
    read = convert(value, OrderIn)
    if read.tax_free > read.amount:
        raise AmountRefused("order.tax_free is more than order.amount.")
    if any(item.tax_free > item.amount for item in read.items):
        raise AmountRefused("An item's tax_free is more than its amount.")
    if read.items and sum(item.amount for item in read.items) != read.amount:
        raise AmountRefused("The amounts of order.items do not add up to order.amount.")
    by_items = sum(item.tax_free for item in read.items)
    if by_items and by_items != read.tax_free:
        raise AmountRefused("The tax_free amounts of order.items do not add up to order.tax_free.")
    for name, url in (("result_url", read.result_url), ("retry_url", read.retry_url or read.result_url)):
        if not site.owns_url(url) or any(ord(character) < 33 for character in url):
            raise Malformed(f"order.{name} must be an address on the site's own origin.")
    buyer = read.buyer
    return Order(
        ref=read.ref,
        version=read.version,
        title=read.title,
        amount=read.amount,
        tax_free=read.tax_free,
        items=tuple(Item(item.ref, item.title, item.amount, item.tax_free) for item in read.items),
        buyer=Buyer(buyer.name, buyer.email, buyer.phone, buyer.id),
        result_url=read.result_url,
        retry_url=read.retry_url or read.result_url,
        hold_expires_at=in_utc("order.hold_expires_at", read.hold_expires_at),
        show_at=in_utc("order.show_at", read.show_at),
        locale=read.locale,
    )


def convert(value: Any, kind: type[T]) -> T:
    """Read JSON values into a struct. Raises Malformed, naming the field and never showing its value."""
    try:
        return msgspec.convert(value, type=kind, strict=True)
    except msgspec.ValidationError as error:
        raise Malformed(f"{error}.") from None


def in_utc(name: str, at: datetime | None) -> datetime | None:
    """Read a time that carries its zone. Raises Malformed for one without, or at the ends of time."""
    if at is not None and at.tzinfo is None:
        raise Malformed(f"{name} must carry its zone, such as 2026-11-20T12:00:00Z.")
    try:
        utc = at.astimezone(UTC) if at else None
    except OverflowError:
        utc = END_OF_TIME
    if utc is not None and utc >= END_OF_TIME:
        raise Malformed(f"{name} is not a time anybody will see.")
    return utc
