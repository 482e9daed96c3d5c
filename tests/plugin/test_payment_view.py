"""A payment's page in wp-admin: in how many months a card pays, and what a wallet paid, in the dashboard's words."""

import html
import re
from typing import Any

import pytest

from bridge.domain.payment import Method
from bridge.web.dashboard import words
from tests.plugin.conftest import Shop
from tests.plugin.stub_bridge import StubBridge

PAGE = "/wp-admin/admin.php?page=pay-bridge"
WALLETS = (Method.KAKAOPAY, Method.NAVERPAY, Method.PAYCO, Method.SMILEPAY, Method.APPLEPAY)


def facts(shop: Shop, payment: dict[str, Any]) -> dict[str, str]:
    """What the page says of a payment, by name."""
    page = shop.as_("clerk").get(f"{PAGE}&payment={payment['id']}").text
    table = re.search(r'<table class="widefat striped pay-bridge-facts">.*?</table>', page, re.S)
    assert table
    found = re.findall(r'<th scope="row">(.*?)</th><td>(.*?)</td>', table[0], re.S)
    return {html.unescape(name): html.unescape(value) for name, value in found}


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"card": {"installment": "03"}}, words.instalments("03", "ko")),
        ({"card": {"installment": "00"}, "instalment_months": 6}, words.instalments("00", "ko")),
        ({"card": {"installment": "?"}}, "?"),
        ({"instalment_months": 6}, words.instalments_asked(6, "ko")),
        ({"card": {"installment": ""}, "instalment_months": 12}, words.instalments_asked(12, "ko")),
        ({}, None),
        ({"card": {"installment": ["03"]}, "instalment_months": "3"}, None),
    ],
)
def test_a_clerk_reads_in_how_many_months_a_card_pays(
    shop: Shop, bridge: StubBridge, more: dict[str, Any], told: str | None
) -> None:
    payment = bridge.add(shop.order()["ref"], **more)

    assert facts(shop, payment).get(words.FACTS["installment"].ko) == told


@pytest.mark.parametrize("wallet", WALLETS)
def test_what_a_wallet_paid_is_called_by_its_name_on_the_page_and_in_the_list(
    shop: Shop, bridge: StubBridge, wallet: Method
) -> None:
    order = shop.order()
    payment = bridge.add(order["ref"], method=str(wallet), card={}, gateway_details={"naverpoint": "1200"})
    told = facts(shop, payment)
    listed = shop.as_("clerk").get(PAGE).text
    row = re.search(rf"<tr>(?:(?!</tr>).)*{order['ref']}.*?</tr>", listed, re.S)

    assert row
    assert (told["수단"], words.METHODS[wallet].ko in row[0]) == (words.METHODS[wallet].ko, True)
    assert ("카드" in told, told["자세히"]) == (False, "네이버포인트 1,200원")
