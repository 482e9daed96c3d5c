"""The fields that several of Payple's calls share: of its window, the payer, the tax. (최초결제 - 공통)"""

import hashlib
from urllib.parse import urlsplit

from bridge.domain.gateway import Urls
from bridge.domain.payment import Buyer
from bridge.domain.tax import split
from bridge.domain.texts import digits, email, fit
from bridge.gateways.payple.settings import PaypleSettings


def window_fields(
    settings: PaypleSettings, work: str, version: str, ref: str, buyer: Buyer, urls: Urls
) -> dict[str, str]:
    """Give what every window is told: `work` AUTH, CERT or PAY, `version` 01 to register a card, 02 not to."""
    back = {} if settings.result == "callback" else {"PCD_RST_URL": urls.approval}
    return {
        "PCD_CPAY_VER": "1.0.1",
        "PCD_PAY_TYPE": "card",
        "PCD_PAY_WORK": work,
        "PCD_CARD_VER": version,
        "payple_auth_file": urlsplit(urls.auth).path,
        "PCD_PAYER_NO": payer_no(ref),
        "PCD_PAYER_NAME": fit(buyer.name, 100, "구매자"),
        "PCD_PAY_OID": ref,
        **contact(buyer),
        **back,
    }


def payer_no(who: str) -> str:
    """Make PCD_PAYER_NO of whoever pays: at most ten digits that tell nothing of them."""
    return str(int(hashlib.sha256(who.encode()).hexdigest()[:8], 16))


def tax_flags(amount: int, tax_free: int) -> dict[str, str]:
    """Give the tax flags: N where nothing is taxed; the VAT itself where only part is (복합과세)."""
    if tax_free == amount:
        return {"PCD_PAY_ISTAX": "N"}
    mixed = {"PCD_PAY_TAXTOTAL": str(split(amount, tax_free).vat)} if tax_free else {}
    return {"PCD_PAY_ISTAX": "Y"} | mixed


def contact(buyer: Buyer) -> dict[str, str]:
    """Give how the payer is reached, as far as we know."""
    phone, mail = digits(buyer.phone, 20), email(buyer.email, 100)
    return ({"PCD_PAYER_HP": phone} if phone else {}) | ({"PCD_PAYER_EMAIL": mail} if mail else {})
