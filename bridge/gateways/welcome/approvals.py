"""What comes of a link: the browser's word, and the answer to an approval. (mobile 2.4, 2.5)"""

from collections.abc import Mapping
from urllib.parse import urlsplit

from bridge.domain.exchange import Reply
from bridge.domain.failures import Malformed, NotGenuine, Unreadable
from bridge.domain.forms import parse_form
from bridge.domain.gateway import Declined, Paid, Return, Unknown, Waiting
from bridge.domain.paid_time import read_moment
from bridge.domain.payment import AMOUNT_MAX, Method
from bridge.domain.reasons import Reason
from bridge.domain.texts import end_of_day
from bridge.domain.windows import origin_of
from bridge.gateways.welcome import codes
from bridge.gateways.welcome.settings import WelcomeSettings

APPROVED = "00"


def read_return(form: Mapping[str, str], settings: WelcomeSettings) -> Return:
    """Read what came to P_NEXT_URL, by GET or POST. No address in it is believed: where the approval goes must be on
    the list, and the PC window's authUrl and netCancelUrl are not Welcome's answer here at all. Raises Unreadable,
    NotGenuine."""
    if any(form.get(name) for name in ("authUrl", "netCancelUrl")):
        raise NotGenuine("The return names addresses of another window.")
    status = form.get("P_STATUS", "")
    if not status:
        raise Unreadable("The return has no P_STATUS.")
    if status != APPROVED:
        return Return({}, Declined(codes.decline(status) or Reason.DECLINED, status, form.get("P_RMESG1", "")))
    url, tid = form.get("P_REQ_URL", ""), form.get("P_TID", "")
    if not tid or not url:
        raise Unreadable("The return names no transaction or no address to approve it at.")
    check_approval_url(url, settings)
    return Return({"P_TID": tid, "P_REQ_URL": url}, claims=tid)


def check_approval_url(url: str, settings: WelcomeSettings) -> None:
    """Refuse an address that is not one of Welcome's. Raises NotGenuine."""
    parts = urlsplit(url)
    strange = set(parts.netloc) & set("@\\") or not parts.netloc.isascii() or not url.isprintable() or parts.fragment
    if strange or origin_of(url) not in settings.approval_origins:
        raise NotGenuine("The return names an address outside Welcome's.")


def read_approval(
    reply: Reply, mid: str, reference: str, method: Method
) -> tuple[Paid | Waiting | Declined | Unknown, Mapping[str, str]]:
    """Read the answer to an approval, a query string; also its fields. Raises Unreadable."""
    if reply.status != 200:
        raise Unreadable(f"The gateway answered with HTTP status {reply.status}.")
    try:
        fields = parse_form(reply.body.strip(), cp949_allowed=True)
    except Malformed as error:
        raise Unreadable(f"The answer is no query string: {error.detail}") from error
    status, message = fields.get("P_STATUS", ""), fields.get("P_RMESG1", "")
    if not status:
        raise Unreadable("The answer has no P_STATUS.")
    if status != APPROVED:
        reason = codes.decline(status)
        if reason is not None:
            return Declined(reason, status, message), fields
        refusal = codes.is_refusal(status)
        return Unknown("the approval was answered with a code that proves nothing", status, message, refusal), fields
    if fields.get("P_OID") != reference or fields.get("P_MID") != mid:
        return Unknown("the answer is about another payment", status, message), fields
    refs = {name: fields[name] for name in ("P_TID", "P_AUTH_DT", "P_AUTH_NO") if fields.get(name)}
    if not fields.get("P_TID"):
        raise Unreadable("The answer names no transaction.")
    refs = {"tid": refs.pop("P_TID"), **refs}
    if method is Method.VIRTUAL_ACCOUNT or fields.get("P_TYPE") == "VBANK":
        return _waiting(fields, refs), fields
    paid_at = read_moment(fields.get("P_AUTH_DT", ""))
    return Paid(_won(fields.get("P_AMT", "")), refs, _card(fields), paid_at), fields


def _waiting(fields: Mapping[str, str], refs: Mapping[str, str]) -> Waiting:
    code, number = fields.get("P_VACT_BANK_CODE", ""), fields.get("P_VACT_NUM", "")
    if not number:
        raise Unreadable("The answer names no account.")
    account = {"bank_code": code, "bank": codes.BANKS.get(code, code), "number": number, "holder": ""}
    due = end_of_day(fields.get("P_VACT_DATE", ""))
    if due:
        account["due"] = due.isoformat()
    return Waiting(account, refs, due)


def _card(fields: Mapping[str, str]) -> dict[str, str]:
    code = fields.get("P_FN_CD1", "")
    card = {
        "number": fields.get("P_CARD_NUM", ""),
        "name": fields.get("P_FN_NM", "") or codes.CARDS.get(code, ""),
        "installment": fields.get("P_RMESG2", ""),
        "approval_no": fields.get("P_AUTH_NO", ""),
    }
    return {name: value for name, value in card.items() if value}


def _won(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 12 and 0 < int(text) <= AMOUNT_MAX):
        raise Unreadable("The answer's P_AMT is not an amount of KRW.")
    return int(text)
