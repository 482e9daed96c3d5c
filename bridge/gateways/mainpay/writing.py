"""Writes what Mainpay is told: timestamps, signatures, the fields of its calls."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from bridge.domain.exchange import KST, Call, Stamp
from bridge.domain.payment import Method
from bridge.domain.tax import Split
from bridge.gateways.mainpay.settings import MainpaySettings

PAYMETHODS = {
    Method.CARD: "CARD",
    Method.KAKAOPAY: "CARD",
    Method.NAVERPAY: "CARD",
    Method.PAYCO: "CARD",
    Method.ACCOUNT: "ACCT",
    Method.VIRTUAL_ACCOUNT: "VACCT",
    Method.PHONE: "HPP",
    Method.GIFT: "CULT",
}
"""The card window also offers the easy-pay services (guide, 결제창 연동); no document has a paymethod for them."""
WITHIN_CARD = frozenset({Method.KAKAOPAY, Method.NAVERPAY, Method.PAYCO})

SECRETS = frozenset(
    {"signature", "authToken", "authCode", "customerName", "customerEmail", "customerTelNo"}
) | frozenset({"buyerName", "buyerEmail", "buyerTel", "approvalUrl", "closeUrl", "notiUrl"})
DIRECT = "direct"
"""The dialect of payments that had no window: their cancels go to the relay, their undo by order number."""
AUTO = "auto"
CARD_SECRETS = frozenset({"cardNo", "expd", "regNo", "passwd", "billkey", "customerPk", "accountOwner", "birthDay"})


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes for one merchant."""

    settings: MainpaySettings

    @property
    def merchant(self) -> str:
        """Give the id under which Mainpay knows the merchant (mbrNo)."""
        return self.settings.mbr_no

    def timestamp(self, stamp: Stamp) -> str:
        """Write KST time and chance as Mainpay's timestamp: yyyyMMddHHmmss and 4 digits, or yyMMddHHmmssSSS."""
        at = stamp.at.astimezone(KST)
        if self.settings.timestamp_digits == 15:
            return at.strftime("%y%m%d%H%M%S") + f"{int(stamp.nonce[:8], 16) % 1000:03d}"
        return at.strftime("%Y%m%d%H%M%S") + f"{int(stamp.nonce[:8], 16) % 10000:04d}"

    def sign(self, mbr_ref_no: str, amount: int | str, timestamp: str) -> str:
        """Sign as the guide says (Signature 생성 방법): lower-case hex SHA-256 of the five values, joined by |."""
        message = "|".join((self.settings.mbr_no, mbr_ref_no, str(amount), self.settings.api_key, timestamp))
        return hashlib.sha256(message.encode()).hexdigest()

    def _signed(self, mbr_ref_no: str, amount: int, stamp: Stamp) -> dict[str, str]:
        timestamp = self.timestamp(stamp)
        return {
            "mbrRefNo": mbr_ref_no,
            "amount": str(amount),
            "timestamp": timestamp,
            "signature": self.sign(mbr_ref_no, amount, timestamp),
        }

    def tax(self, parts: Split, tax_free: int) -> dict[str, str]:
        """State the VAT (taxAmt, ready's optional field) of a mixed order; without it an eleventh of all is VAT."""
        return {"taxAmt": str(parts.vat)} if tax_free else {}

    def _call(self, op: str, url: str, form: Mapping[str, str], *, moves_money: bool = False) -> Call:
        return Call(op, "POST", url, form=form, moves_money=moves_money, secrets=SECRETS | CARD_SECRETS)
