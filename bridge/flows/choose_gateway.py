"""Which gateway a payment goes to: one that takes the method, the amount and the rest, and has lately answered."""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from bridge.domain.billing import CardEntry, OffersInstalments, TakesInstalments, TaxesWhole
from bridge.domain.failures import AmountRefused, AmountTooSmall, GatewayOff, Malformed
from bridge.domain.gateway import Gateway
from bridge.domain.payment import INSTALMENT_AMOUNT_MIN, INSTALMENT_MONTHS_MAX, Buyer, Device, Method, Order
from bridge.domain.services import NeedsDetails, NeedsForWindow
from bridge.flows.sites import Site

G = TypeVar("G", bound=Gateway)
FAILURES_MAX = 5
SILENT_FAILURES = 3
"""So many failures on end, within a day, are an operator's to know, whether or not buyers are still led there."""
SILENT_SECONDS = 86_400.0
REST_SECONDS = 30.0


@dataclass(slots=True)
class Breakers:
    """Which gateways of which sites are led no buyers at the moment: five failures on end, the last 30 s ago at most.

    Kept in memory, by boot-time seconds: each process finds out for itself. After the rest one failure is enough.
    """

    _failed: dict[tuple[str, str], tuple[int, float]] = field(default_factory=dict)

    def failed(self, site: str, gateway: str, now: float) -> None:
        """Note that a call could not be sent, or was not answered: a window's, what follows one opened unasked, or what
        needs no window."""
        count, _ = self._failed.get((site, gateway), (0, 0.0))
        self._failed[site, gateway] = (count + 1, now)

    def answered(self, site: str, gateway: str) -> None:
        """Note that the gateway answered, whatever it said."""
        self._failed.pop((site, gateway), None)

    def is_down(self, site: str, gateway: str, now: float) -> bool:
        """Tell whether a gateway is to be left in peace."""
        return self.rest_seconds(site, gateway, now) > 0

    def failed_on_end(self, site: str, gateway: str, now: float) -> int:
        """Count what failed since a gateway last answered; 0 where that is too little, or too long ago, to worry."""
        count, at = self._failed.get((site, gateway), (0, 0.0))
        return count if count >= SILENT_FAILURES and now - at < SILENT_SECONDS else 0

    def rest_seconds(self, site: str, gateway: str, now: float) -> float:
        """Tell how long a gateway is to be left in peace; 0 where it is up."""
        count, at = self._failed.get((site, gateway), (0, 0.0))
        return max(0.0, REST_SECONDS - (now - at)) if count >= FAILURES_MAX else 0.0


def choose_gateway(
    breakers: Breakers,
    site: Site,
    method: Method,
    *,
    amount: int,
    now: float,
    device: Device,
    buyer: Buyer,
    name: str = "",
    but: Collection[str] = (),
    months: int = 0,
    tax_free: int = 0,
) -> Gateway:
    """Choose among the site's gateways: the named one, or the first that takes the method and the amount and is up.

    `but` names those that were tried just now; `months` is what its window must be told, 0 for nothing; where so many
    KRW are `tax_free`, those whose window can be told so come before those whose window cannot. Raises
    GatewayOff (none takes the method, or opens there for such a buyer, or those that do are down), AmountTooSmall
    (extra: minimum, KRW), AmountRefused (no window can be told so many months).
    """
    able = [gateway for gateway in site.gateways_for(method, name) if gateway.name not in but]
    able = _that_offer(able, months) if months else able
    able = _that_open_for(able, device, buyer)
    enough = that_take(able, method, amount)
    enough.sort(key=lambda one: bool(tax_free) and taxes_whole(one, "open_window"))
    return first_up(breakers, site, enough, now)


def first_up(breakers: Breakers, site: Site, able: Sequence[G], now: float) -> G:
    """Choose the first of some gateways that has lately answered. Raises GatewayOff where none has (extra: retry,
    retry_after_seconds until the first may be asked again)."""
    rests = [breakers.rest_seconds(site.id, gateway.name, now) for gateway in able]
    for gateway, rest in zip(able, rests, strict=True):
        if not rest:
            return gateway
    wait = math.ceil(min(rests, default=REST_SECONDS))
    raise GatewayOff(
        f"The gateway does not answer at the moment; nothing was sent. Try again in {wait} s.",
        retry=True,
        retry_after_seconds=wait,
        message_ko=f"결제사가 지금 답하지 않아요. 돈은 빠져나가지 않았어요. {wait}초 뒤에 다시 시도해 주세요.",
    )


def that_take(able: Sequence[G], method: Method, amount: int) -> list[G]:
    """Keep those that take so little, in KRW. Raises AmountTooSmall where that leaves none of some."""
    enough = [gateway for gateway in able if gateway.smallest(method) <= amount]
    if able and not enough:
        raise too_small(min(able, key=lambda gateway: gateway.smallest(method)), method)
    return enough


def _that_offer(able: list[Gateway], months: int) -> list[Gateway]:
    """Keep those whose window can be told so many months. Raises AmountRefused where that leaves none of some."""
    offers = [one for one in able if isinstance(one, OffersInstalments)]
    enough: list[Gateway] = [one for one in offers if months <= one.offered_months_max]
    if able and not enough and not offers:
        raise AmountRefused(
            f"{able[0].name} has no field for instalments in its window, where the buyer chooses them; "
            "leave instalment_months out.",
            message_ko=f"{able[0].title} 결제창에는 할부 개월을 미리 알릴 수 없어요. 할부는 결제창에서 골라 주세요.",
        )
    if able and not enough:
        most = max(offers, key=lambda one: one.offered_months_max)
        raise too_many(most, most.offered_months_max)
    return enough


def _that_open_for(able: list[Gateway], device: Device, buyer: Buyer) -> list[Gateway]:
    """Keep those that know enough to open their window. Raises GatewayOff where that leaves none of some."""
    obstacles = [one.lacking_for_window(device, buyer) if isinstance(one, NeedsForWindow) else None for one in able]
    fit = [gateway for gateway, no in zip(able, obstacles, strict=True) if no is None]
    first = next((no for no in obstacles if no is not None), None)
    if not fit and first is not None:
        raise GatewayOff(first[0], message_ko=first[1])
    return fit


def check_call(gateway: Gateway, call: str, method: Method, order: Order, months: int) -> None:
    """Refuse an order that a call without a window cannot carry, before anything is sent. Raises AmountRefused."""
    check_amount(gateway, method, order.amount)
    check_tax_free(gateway, call, order.tax_free)
    check_instalments(method, order.amount, months)
    check_direct_instalments(gateway, months)


def that_carry(able: Sequence[G], call: str, method: Method, order: Order, months: int) -> list[G]:
    """Keep the gateways whose call can carry the order. Raises what the first says, where that leaves none."""

    def carries(gateway: G) -> bool:
        try:
            check_call(gateway, call, method, order, months)
        except AmountRefused:
            return False
        return True

    fit = list(filter(carries, able))
    if not fit:
        check_call(able[0], call, method, order, months)
    return fit


def check_amount(gateway: Gateway, method: Method, amount: int) -> None:
    """Refuse an amount the gateway does not take, before anything is sent. Raises AmountTooSmall."""
    if amount < gateway.smallest(method):
        raise too_small(gateway, method)


def too_small(gateway: Gateway, method: Method) -> AmountTooSmall:
    """Say in words how much a gateway takes at least."""
    minimum = gateway.smallest(method)
    return AmountTooSmall(
        f"{gateway.name} takes no less than {minimum} KRW by {method}.",
        minimum=minimum,
        message_ko=f"{gateway.title}에서는 {minimum:,}원부터 결제할 수 있어요.",
    )


def check_tax_free(gateway: Gateway, call: str, tax_free: int) -> None:
    """Refuse an order of which part is free of tax where the gateway's call cannot say so. Raises AmountRefused."""
    if tax_free and taxes_whole(gateway, call):
        raise AmountRefused(
            f"{gateway.name} has no field for what is free of tax in this kind of payment; open its window instead.",
            message_ko=f"{gateway.title}의 이 결제 방식은 면세 금액을 알릴 수 없어요. 결제창으로 받아 주세요.",
        )


def taxes_whole(gateway: Gateway, call: str) -> bool:
    """Tell whether a gateway's call cannot say what of an amount is free of tax."""
    return isinstance(gateway, TaxesWhole) and call in gateway.taxes_whole


def check_instalments(method: Method, amount: int, months: int) -> None:
    """Refuse instalments that no card company gives, before anything is sent. Raises AmountRefused."""
    if not months:
        return
    if method is not Method.CARD or not 2 <= months <= INSTALMENT_MONTHS_MAX:
        raise AmountRefused(
            f"Instalments are 2 to {INSTALMENT_MONTHS_MAX} months, and by card only; 0 is a lump sum.",
            message_ko=f"할부는 카드로 2~{INSTALMENT_MONTHS_MAX}개월까지 고를 수 있어요.",
        )
    if amount < INSTALMENT_AMOUNT_MIN:
        raise AmountRefused(
            f"Instalments begin at {INSTALMENT_AMOUNT_MIN} KRW.",
            message_ko=f"할부는 {INSTALMENT_AMOUNT_MIN:,}원부터 할 수 있어요.",
        )


def check_direct_instalments(gateway: Gateway, months: int) -> None:
    """Refuse more months than a gateway can be told without its window, or any. Raises AmountRefused."""
    most = gateway.instalment_months_max if isinstance(gateway, TakesInstalments) else 0
    if months and not most:
        raise AmountRefused(
            f"{gateway.name} has no field for instalments outside its window; leave instalment_months out.",
            message_ko=f"{gateway.title}에서는 등록한 카드를 일시불로만 결제할 수 있어요.",
        )
    if months > most:
        raise too_many(gateway, most)


def too_many(gateway: Gateway, most: int) -> AmountRefused:
    """Say in words in how many months a gateway lets pay at most."""
    return AmountRefused(
        f"{gateway.name} takes at most {most} months.",
        message_ko=f"{gateway.title}에서는 {most}개월까지 나눠 낼 수 있어요.",
    )


def check_details(gateway: Gateway, call: str, buyer: Buyer, card: CardEntry | None = None) -> None:
    """Refuse a call for which the gateway needs more of the buyer or the card than is there. Raises Malformed."""
    no = _lacking(gateway, call, buyer, card)
    if no is not None:
        raise Malformed(no[0], message_ko=no[1])


def that_know(able: Sequence[G], call: str, buyer: Buyer, card: CardEntry) -> list[G]:
    """Keep those that need no more of buyer and card. Raises Malformed, with what the first lacks, if that is none."""
    fit = [one for one in able if _lacking(one, call, buyer, card) is None]
    if not fit:
        check_details(able[0], call, buyer, card)
    return fit


def _lacking(gateway: Gateway, call: str, buyer: Buyer, card: CardEntry | None) -> tuple[str, str] | None:
    return gateway.lacking(call, buyer, card) if isinstance(gateway, NeedsDetails) else None
