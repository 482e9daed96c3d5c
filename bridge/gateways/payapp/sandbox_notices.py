"""The news PayApp's sandbox sends: to the request's own feedbackurl (0) and to the seller's common address (1).

Fields: PayApp manual, Feedbackurl 전달; those marked there as new, as receivers in production read them."""

from collections.abc import Mapping
from urllib.parse import urlencode

from bridge.gateways.payapp.sandbox_till import Request, Till
from bridge.gateways.payapp.sandbox_words import BILL_TYPE, FAILED, PART_CANCELLED, PAY_TYPES, PAYCO_GROUP
from bridge.sandbox.bank import NoticeRecord
from bridge.sandbox.clock import KST
from bridge.sandbox.notices import Notice

FORM = "application/x-www-form-urlencoded"
RETRIES = 10
MOMENT = "%Y-%m-%d %H:%M:%S"


def acked(status: int, body: bytes) -> bool:
    """Judge an answer: HTTP code 200 and SUCCESS, nothing before or after."""
    return status == 200 and body == b"SUCCESS"


def fields(till: Till, request: Request, state: int, number: int, amount: int, memo: str = "") -> dict[str, str]:
    """Make the fields of a piece of news about `amount` KRW; `number` is a partial cancellation's own mul_no."""
    form, keys = request.form, till.settings.sellers.get(request.userid, {})
    part = state in PART_CANCELLED
    price = request.left if part and till.settings.partial_price == "remaining" else amount
    found = {
        "userid": request.userid,
        "linkkey": keys.get("linkkey", ""),
        "linkval": keys.get("linkval", ""),
        "goodname": form.get("goodname", ""),
        "price": str(price),
        "recvphone": form.get("recvphone", ""),
        "memo": form.get("memo", ""),
        "reqaddr": form.get("reqaddr", "0"),
        "reqdate": f"{request.at:{MOMENT}}",
        "pay_memo": request.choice.get("pay_memo", ""),
        "pay_addr": request.choice.get("pay_addr", ""),
        "pay_date": f"{request.paid_at.astimezone(KST):{MOMENT}}" if request.paid_at else "",
        "pay_type": str(BILL_TYPE if request.method == "bill" else PAY_TYPES.get(request.method, "")),
        "pay_state": str(state),
        "var1": form.get("var1", ""),
        "var2": form.get("var2", ""),
        "mul_no": str(number),
        "payurl": pay_url(till, request),
        "csturl": cst_url(till, request) if request.method in ("card", "bill") and request.paid_at else "",
        "currency": "krw",
        "vccode": form.get("vccode", ""),
        "amount_taxable": form.get("amount_taxable", ""),
        "amount_taxfree": form.get("amount_taxfree", ""),
        "amount_vat": form.get("amount_vat", ""),
        "buyerid": form.get("buyerid", ""),
    }
    if part:
        found |= {"orig_mul_no": str(request.mul_no), "orig_price": str(request.price)}
    if memo or request.refunded:
        found |= {"canceldate": f"{till.world.now():{MOMENT}}", "cancelmemo": memo}
    if request.rebill_no:
        found["rebill_no"] = str(request.rebill_no)
    return found | _of_method(request)


def _of_method(request: Request) -> dict[str, str]:
    chosen = request.choice
    match request.method:
        case "card" | "bill" | "payco":
            more = {"paymethod_group": PAYCO_GROUP} if request.method == "payco" else {}
            return more | {
                "card_name": chosen.get("card_name", ""),
                "payauthcode": f"{request.mul_no % 10**8:08d}",
                "card_quota": chosen.get("installment", "00"),
                "card_num": chosen.get("card_num", ""),
            }
        case "vbank":
            return {"vbank": chosen.get("vbank", ""), "vbankno": chosen.get("vbankno", "")}
        case "naverpay":
            return {"naverpoint": chosen.get("points", "0"), "naverpay": chosen.get("naverpay", "card")}
        case "smilepay":
            return {"smilepay_smilecash": chosen.get("points", "0"), "smilepay_discountamt": "0"}
    return {}


def pay_url(till: Till, request: Request) -> str:
    """Give the address where a request is paid."""
    return f"{till.world.public_url}/payapp/p/{request.key}"


def cst_url(till: Till, request: Request) -> str:
    """Give the address of a sale's slip (매출전표)."""
    return f"{till.world.public_url}/payapp/cst/{request.key}"


def news(
    till: Till,
    request: Request,
    state: int,
    amount: int,
    *,
    number: int = 0,
    memo: str = "",
    more: Mapping[str, str] | None = None,
) -> list[Notice]:
    """Make the news of an event by both routes, for whoever wants it. `amount` in KRW."""
    said = fields(till, request, state, number or request.mul_no, amount, memo) | dict(more or {})
    own = request.form.get("feedbackurl", "") if state != FAILED else request.form.get("failurl", "")
    again = request.form.get("checkretry") == "y" or state == FAILED
    made = [notice(till, request, own, said | {"feedbacktype": "0"}, again)] if own else []
    common = till.settings.sellers.get(request.userid, {}).get("common_feedbackurl", till.settings.common_feedback_url)
    if common and state != FAILED:
        made.append(notice(till, request, common, said | {"feedbacktype": "1"}, again))
    return made


def notice(till: Till, request: Request, url: str, said: Mapping[str, str], again: bool) -> Notice:
    """Make one piece of news; repeated up to ten times where `again` (checkretry)."""
    record = NoticeRecord(f"pay_state={said['pay_state']} feedbacktype={said.get('feedbacktype', '')}")
    request.book.notices.append(record)
    return bare(url, said, record, (till.settings.retry_seconds,) * RETRIES if again else ())


def bare(url: str, said: Mapping[str, str], record: NoticeRecord, pauses: tuple[float, ...] = ()) -> Notice:
    """Make a piece of news of given fields."""
    return Notice(record, url, urlencode(said).encode("ascii"), FORM, acked, pauses)
