"""Payment links (SMS 결제), which are Welcome's window here, and the approval of what a buyer did there. (PAYAPI 7)"""

from collections.abc import Mapping
from urllib.parse import urlsplit

from bridge.domain.exchange import Call, Exchange, Stamp
from bridge.domain.gateway import Declined, Redirect, Return, Unknown, Urls
from bridge.domain.reasons import Reason
from bridge.domain.tax import Split
from bridge.domain.windows import origin_of
from bridge.gateways.welcome import approvals, codes
from bridge.gateways.welcome.talk import SECRETS, Talk, plain, read

URL_BYTES_MAX = 250
"""The longest address of ours: mobile 2.2.1 says 250 bytes, PAYAPI 7.1 says 100 for a link, which ours never fit."""


class Links(Talk):
    """Makes links, and approves."""

    address_bytes_max = URL_BYTES_MAX

    @property
    def taxes_whole(self) -> frozenset[str]:
        """Name what goes out as a link, whose table has no field for what is free of tax. (PAYAPI 7.1)"""
        return frozenset({"open_window"})

    def make_link(
        self, reference: str, amount: int, title: str, own: Mapping[str, str], urls: Urls, stamp: Stamp
    ) -> Exchange[Redirect | Declined | Unknown]:
        """Make a link (makeUrl): it lives 72 hours and moves nothing, as each payment waits for our approval."""
        fields = {
            **own,
            "P_GOODS": plain(title, "티켓", 40),
            "P_OID": reference,
            "P_AMT": str(amount),
            "P_NOTI_URL": urls.notice,
            "P_RETURN_URL": urls.approval,
            "P_NEXT_URL": urls.approval,
            "P_CHARSET": "utf8",
        }
        if any(len(fields[name].encode()) > URL_BYTES_MAX for name in ("P_NOTI_URL", "P_RETURN_URL", "P_NEXT_URL")):
            return Declined(Reason.BAD_REQUEST, "", f"웰컴페이먼츠는 {URL_BYTES_MAX}바이트보다 긴 주소를 받지 않아요.")
        covered = [("P_OID", reference), ("P_AMT", str(amount))]
        reply = yield self.call("make_url", "/smspay/makeUrl", fields, covered, stamp)
        answer = read(reply)
        if answer.code != codes.SUCCESS:
            reason = codes.link_refusal(answer.code)
            if reason is not None:
                return Declined(reason, answer.code, answer.message)
            return Unknown("makeUrl was refused with a code that proves nothing", answer.code, answer.message, True)
        url = answer.text("MsgSend")
        if not self._is_window(url):
            return Unknown("makeUrl named a page outside Welcome's domains")
        return Redirect(url)

    def approval(self, returned: Return) -> Call | Unknown:
        """Make the approval: at the address that came back, which was found to be Welcome's. (mobile 2.5.1)"""
        url, tid = returned.refs.get("P_REQ_URL", ""), returned.refs.get("P_TID", "")
        if not url or not tid:
            return Unknown("the return names nothing to approve")
        approvals.check_approval_url(url, self.settings)
        form = {"P_TID": tid, "P_MID": self.settings.mid}
        return Call("approve", "POST", url, form=form, moves_money=True, secrets=SECRETS)

    def tax_fields(self, parts: Split, tax_free: int) -> dict[str, str]:
        """Write VAT and what is free of tax, where the shop's contract has it so, or there is something free."""
        if not self.settings.sends_tax_parts and not tax_free:
            return {}
        return {"tax": str(parts.vat), "taxfree": str(parts.tax_free)}

    def _is_window(self, url: str) -> bool:
        parts = urlsplit(url)
        if not parts.hostname or not parts.netloc.isascii() or set(parts.netloc) & set("@\\") or not url.isprintable():
            return False
        if origin_of(url) == origin_of(self.settings.api_url):
            return True
        domains = self.settings.window_domains
        return parts.scheme == "https" and any(
            parts.hostname == domain or parts.hostname.endswith(f".{domain}") for domain in domains
        )
