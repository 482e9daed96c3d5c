"""Writes what Pay-Story is told: hashes, the window's data, the forms of its calls."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace

from bridge.domain.exchange import KST, Call, Stamp
from bridge.domain.gateway import Return, Script, Urls
from bridge.domain.payment import Buyer, Method, Payment
from bridge.domain.tax import Split
from bridge.domain.texts import digits, email, fit
from bridge.domain.windows import origin_of
from bridge.gateways.paystory import codes
from bridge.gateways.paystory.settings import PayStorySettings

SECRETS = frozenset(
    {"encData", "hashStr", "signData", "bid", "ordNm", "ordTel", "ordEmail", "returnUrl", "notiUrl"}
    | {"refundAccnt", "refundNm", "sochpNo", "socHpNo", "canNm", "canIp"}
)
CARD_SECRETS = frozenset({"cardNo", "expireYymm", "ordAuthNo", "cardPw"})


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes for one shop."""

    settings: PayStorySettings

    @property
    def merchant(self) -> str:
        """Give the id under which Pay-Story knows the merchant (mid)."""
        return self.settings.mid

    def sign(self, moment: str, subject: str) -> str:
        """Hash mid, ediDate, subject and key, one after the other without separators (11.): lower-case hex SHA-256.

        The subject is an amount, a cancellation's amount, a bid or a tid, as it is sent.
        """
        text = f"{self.settings.mid}{moment}{subject}{self.settings.merchant_key}"
        return hashlib.sha256(text.encode()).hexdigest()

    def signed(self, subject: str, stamp: Stamp) -> dict[str, str]:
        """Give shop, moment and hash of a request about `subject`."""
        moment = moment_of(stamp)
        hashed = self.sign(moment, subject)
        return {"mid": self.settings.mid, "ediDate": moment, self.settings.hash_field: hashed}

    def window(
        self, method: str, ref: str, amount: int, buyer: Buyer, title: str, urls: Urls, stamp: Stamp
    ) -> dict[str, str]:
        """Give the window's fields (4.1), in no escrow; `amount` in KRW.

        Where its charset is EUC-KR, browsers write windows-949, and a letter outside that as `&#…;`: such are left out.
        """
        if self.settings.charset == "EUC-KR":
            title, buyer = _in_cp949(title), replace(buyer, name=_in_cp949(buyer.name))
        return (
            self.signed(str(amount), stamp)
            | self.whose(buyer, title)
            | {
                "payMethod": method,
                "trxCd": "0",
                "ordNo": ref,
                "goodsAmt": str(amount),
                "billHpFlg": "0",
                "returnUrl": urls.approval,
                "charSet": self.settings.charset,
                "mbsReserved": ref,
            }
        )

    def script(self, fields: dict[str, str], ref: str) -> Script:
        """Give the window for a page of ours: pgAsistant.js wants the form payInit and calls pay_result_submit."""
        origin = origin_of(self.settings.pg_url)
        return Script(
            scripts=(f"{self.settings.pg_url}/js/pgAsistant.js",),
            function="SendPay",
            fields=fields,
            origins=(origin,),
            argument="form",
            form_name="payInit",
            functions={"pay_result_submit": "payResultSubmit", "pay_result_close": "close"},
            charset=self.settings.charset,
            refs={"mbsReserved": ref},
        )

    def whose(self, buyer: Buyer, title: str) -> dict[str, str]:
        """Give goods and buyer; the telephone is required."""
        mail = email(buyer.email, 60)
        return {
            "goodsNm": fit(title, 100, "TICKET"),
            "ordNm": fit(buyer.name, 30, "구매자"),
            "ordTel": digits(buyer.phone, 20) or "0" * 11,
        } | ({"ordEmail": mail} if mail else {})

    def language(self, locale: str) -> str:
        """Choose the window's language."""
        if self.settings.language != "auto":
            return self.settings.language
        return "KOR" if locale.lower().startswith("ko") else "ENG"

    def tax(self, payment: Payment) -> dict[str, str]:
        """Give a payment's split."""
        return self.split(payment.parts, payment.tax_free)

    def split(self, split: Split, tax_free: int) -> dict[str, str]:
        """Give supply, VAT and service (봉사료) where they are wanted; what is tax-free is supply without VAT."""
        if self.settings.tax_fields == "never" or (self.settings.tax_fields == "auto" and not tax_free):
            return {}
        supply = split.taxable + split.tax_free
        return {"goodsSplAmt": str(supply), "goodsVat": str(split.vat), "goodsSvsAmt": "0"}

    def approval(self, returned: Return, amount: int) -> Call:
        """Write the call to payment.do; `amount` in KRW is our own, the moment is the one that came back."""
        moment = returned.refs.get("ediDate", "")
        form = {
            "tid": returned.refs.get("tid", ""),
            "mid": self.settings.mid,
            "goodsAmt": str(amount),
            "charSet": "utf-8",
            "ediDate": moment,
            self.settings.hash_field: self.sign(moment, str(amount)),
            "signData": returned.refs.get("signData", ""),
        }
        return self.call("approve", "/payment.do", form, moves_money=True)

    def cancel(
        self, method: Method, named: Mapping[str, str], amount: int, reason: str, stamp: Stamp, *, part: bool = False
    ) -> Call:
        """Write a cancellation of `amount` KRW (7.3)."""
        own = self.settings
        who = {"canId": own.canceller_id, "canNm": own.canceller_name, "canIp": own.canceller_ip}
        form = self.signed(str(amount), stamp) | {
            "payMethod": codes.METHODS[method],
            "canAmt": str(amount),
            "canMsg": fit(reason, 100, "고객 요청"),
            "partCanFlg": "1" if part else "0",
        }
        form |= {name: value for name, value in who.items() if value} | dict(named)
        return self.call("cancel", "/payment.cancel", form, moves_money=True)

    def call(
        self,
        op: str,
        path: str,
        form: Mapping[str, str],
        *,
        moves_money: bool = False,
        secrets: frozenset[str] = SECRETS,
    ) -> Call:
        """Write a call by POST."""
        url = f"{self.settings.pg_url}{path}"
        return Call(op, "POST", url, form=form, moves_money=moves_money, secrets=secrets)


def moment_of(stamp: Stamp) -> str:
    """Write ediDate: yyyyMMddHHmmss in Korea, in 24 hours."""
    return stamp.at.astimezone(KST).strftime("%Y%m%d%H%M%S")


def is_moment(text: str) -> bool:
    """Tell whether a text has a moment's fourteen digits: a hash has no separators, so only they say where it ends."""
    return len(text) == 14 and text.isascii() and text.isdigit()


def _in_cp949(text: str) -> str:
    return text.encode("cp949", "ignore").decode("cp949")
