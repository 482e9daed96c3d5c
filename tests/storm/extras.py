"""What some schedules have beside plain sales: orders partly free of tax, months, keys, a window's other mode.

Drawn from streams of their own, so that whatever has none of it is the storm that its seed always was.
"""

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bridge.domain.payment import INSTALMENT_AMOUNT_MIN
from tests.storm.gateways import IN_ESCROW, MODES
from tests.storm.gateways.setup import Setup
from tests.storm.regressions import PLAIN, WITHOUT_CROSSED, WITHOUT_OVERHEARD, WITHOUT_STORIES, WITHOUT_WORDS

if TYPE_CHECKING:
    from tests.storm.people import Sale

TAX_FREE_SHARES = (0.0, 0.1, 0.37, 0.5, 1.0)
MONTHS = (0, 3, 6, 12)


@dataclass(frozen=True, slots=True)
class Extras:
    """What a schedule has; each is in a part of the seeds."""

    mixed: bool = False
    """Orders are partly free of tax."""
    instalments: bool = False
    """Orders ask for months, where the window can be told of them."""

    at_once: bool = False
    """A gateway whose window has another mode, in which it takes the money itself, is set up so."""

    keys: bool = False
    """Some orders are paid by a key that is registered for it, where a gateway's window registers keys."""

    accounts: bool = False
    """More orders are paid into accounts, which clerks close and operators give back from."""

    altered: bool = False
    """Somebody alters the books past the bridge."""
    receipts: bool = False
    """More orders are paid into accounts where there are cash receipts, which clerks issue and cancel."""

    restored: bool = False
    """The books are lost after the calm, and an old copy takes their place."""

    stories: bool = False
    """People and notices do what makes the stories that are seldom told by chance (`stories.py`)."""

    hasty: bool = False
    """Clerks decide cases within seconds, are told that it is too early, and come back (`hasty.py`)."""

    typed: bool = False
    """Cards are typed on the shop's own page for some orders, where a gateway takes them so (`typed.py`)."""

    typed_keys: bool = False
    """Cards are registered by their number for some orders, where a gateway takes them so (`typed_keys.py`)."""

    escrow: bool = False
    """A gateway whose windows can be in escrow is set up so (`escrow.py`)."""

    plans: bool = False
    """Some orders are a plan's that the gateway charges by itself, where it has plans (`plans.py`)."""

    crossed: bool = False
    """Orders are of one price, and somebody comes back to payments with what belongs to others (`mischief.py`)."""

    first: bool = False
    """What belongs to others is brought also before its own payment has had it, where the schedule is `crossed`."""

    overheard: bool = False
    """Somebody who overheard what a shop and PayApp share tells of money at the address that browsers see."""

    parts: bool = False
    """The gateways' consoles give several parts of one payment back, soon after each other."""

    ahead: bool = False
    """The copy of the books is taken while the bridge's clock runs hours ahead, where they are `restored`."""

    @property
    def told(self) -> bool:
        """Whether gateways are told more of an order than its price."""
        return self.mixed or self.instalments

    def fills_accounts(self, setup: Setup) -> bool:
        """Whether more of a gateway's orders are paid into accounts."""
        return self.accounts or (self.receipts and setup.receipts is not None)

    def mode_of(self, setup: Setup) -> str:
        """Name the set-up that a site has: that one, or its other mode."""
        if self.escrow and setup.name in IN_ESCROW:
            return IN_ESCROW[setup.name].name
        return MODES[setup.name].name if self.at_once and setup.name in MODES else setup.name


def draw_extras(seed: int) -> Extras:
    """Choose what a seed has."""
    if seed in PLAIN:
        return Extras()
    chance = random.Random(f"{seed}:extras")
    return Extras(
        mixed=chance.random() < 0.25,
        instalments=chance.random() < 0.25,
        at_once=chance.random() < 0.4,
        keys=chance.random() < 0.25,
        accounts=chance.random() < 0.25,
        altered=chance.random() < 0.05,
        receipts=chance.random() < 0.12,
        restored=chance.random() < 0.03,
        stories=seed not in WITHOUT_STORIES and chance.random() < 0.3,
        hasty=seed not in WITHOUT_STORIES and chance.random() < 0.15,
        typed=seed not in WITHOUT_STORIES and chance.random() < 0.25,
        typed_keys=seed not in WITHOUT_WORDS and chance.random() < 0.06,
        escrow=seed not in WITHOUT_WORDS and chance.random() < 0.14,
        plans=seed not in WITHOUT_WORDS and chance.random() < 0.12,
        crossed=seed not in WITHOUT_CROSSED and chance.random() < 0.08,
        first=seed not in WITHOUT_OVERHEARD and chance.random() < 0.5,
        overheard=seed not in WITHOUT_OVERHEARD and chance.random() < 0.3,
        ahead=seed not in WITHOUT_OVERHEARD and chance.random() < 0.5,
        parts=seed not in WITHOUT_OVERHEARD and chance.random() < 0.1,
    )


def dress(sales: "list[Sale]", extras: Extras, chance: random.Random) -> None:
    """Give the sales what the schedule has."""
    for sale in sales:
        share, months = chance.choice(TAX_FREE_SHARES), chance.choice(MONTHS)
        if extras.mixed:
            sale.tax_free_share = share
        setup = sale.shop.site.setup
        if extras.keys and setup.keys and chance.random() < 0.6:
            sale.method, sale.key_pays_first = chance.choice(setup.keys)
            sale.by_key = True
        elif extras.fills_accounts(setup) and "virtual_account" in setup.methods and chance.random() < 0.5:
            sale.method = "virtual_account"
        tells = setup.charges_months and not sale.key_pays_first if sale.by_key else setup.offers_months
        if extras.instalments and sale.method == "card" and tells:
            sale.months = months


def type_cards(sales: "list[Sale]", extras: Extras, chance: random.Random) -> None:
    """Have cards typed for some of the sales where the schedule has that; months are another call's there."""
    for sale in sales:
        types = chance.random() < 0.7 and sale.shop.site.setup.types_cards and not sale.by_key
        if extras.typed and types:
            sale.method, sale.months, sale.is_typed = "card", 0, True


def type_keys(sales: "list[Sale]", extras: Extras, chance: random.Random) -> None:
    """Have cards registered by their number for some of the sales where the schedule has that, or plans begun."""
    for sale in sales:
        types, plans = chance.random() < 0.7, chance.random() < 0.7
        setup = sale.shop.site.setup
        if sale.by_key or sale.is_typed:
            continue
        if extras.typed_keys and types and setup.typed_keys is not None:
            sale.method, sale.months, sale.by_typed_key = "card", 0, True
        elif extras.plans and plans and setup.plans is not None:
            sale.method, sale.months, sale.tax_free_share, sale.is_plan = "card", 0, 0.0, True


def sold(amount: int, tax_free: int) -> dict[str, Any]:
    """Write the parts of an order as WordPress does: seats are taxed, books are not."""
    seat, book = {"ref": "seat", "title": "1층 3열 7번"}, {"ref": "book", "title": "프로그램 북"}
    items = [seat | {"amount": amount - tax_free}, book | {"amount": tax_free, "tax_free": tax_free}]
    return {"tax_free": tax_free, "items": [item for item in items if item["amount"]]} if tax_free else {}


def part_to_give_back(sale: "Sale", amount: int, chance: random.Random) -> dict[str, Any]:
    """Say of a refund of a mixed order's what is free of tax: nothing, in KRW, or by the items it is for."""
    tax_free = sale.tax_free(sale.amount)
    found: dict[str, Any] = chance.choice(
        ({}, {}, {"tax_free": 0}, {"tax_free": min(amount, tax_free)}, {"tax_free": amount // 3}, {"items": ["book"]})
    )
    return found | ({"amount": tax_free} if "items" in found and tax_free else {})


def months_of(sale: "Sale", amount: int) -> int:
    """Say for how many months an order of that price asks: card companies give none for a small one."""
    return sale.months if amount >= INSTALMENT_AMOUNT_MIN else 0
