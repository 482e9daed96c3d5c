"""What the demo must know of each gateway: its settings, where its notices are registered, how its window opens."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

Settings = Callable[[str, str], Mapping[str, str]]
"""Makes a site's settings of the sandbox's address and the bridge's."""


@dataclass(frozen=True, slots=True)
class Door:
    """One dialect of a gateway. `registered` tells which of the sandbox's settings hold the address of which kind of
    notice, those of the shop `merchant` alone if it names one; `window` is where the gateway's script posts the page's
    form, `auth` the field that names where the script asks the bridge for that address first; `lie` is a notice about
    money that never came, by kind. `no_refund` are its words for a refund that it refuses, `return_price` and
    `return_addresses` the fields of the browser's return that carry the price and addresses, and
    `compares_return_price` whether another price there ends the payment."""

    gateway: str
    settings: Settings
    approval: str
    registered: Mapping[str, str]
    lie: Mapping[str, Mapping[str, str]]
    no_refund: str
    window: str = ""
    auth: str = ""
    return_price: str = ""
    return_addresses: tuple[str, ...] = ()
    compares_return_price: bool = False
    merchant: str = ""


def _mainpay(sandbox: str, dialect: str) -> Mapping[str, str]:
    return {"api_url": f"{sandbox}/{dialect}/api", "relay_url": f"{sandbox}/{dialect}/relay"}


_MAINPAY_LIES = {
    "card": {"cmd": "0", "mbrNo": "100011", "mbrRefNo": "{ref}", "amount": "{price}"},
    "deposit": {"ORDNO": "{ref}", "AMT": "{price}", "ACCOUNTNO": "1", "TRGUBUN": "V2", "STOREID": "100011"},
}
_MAINPAY_WORDS = "취소 가능 기간 초과"


def _payple(sandbox: str, bridge: str, shop: str, work: str) -> Mapping[str, str]:
    """Name a shop with a contract: Payple's own test account gives nothing back in parts."""
    return {"cst_id": shop, "host_url": f"{sandbox}/payple", "referer": f"{bridge}/", "pay_work": work}


_PAYPLE = Door(
    "payple",
    lambda sandbox, bridge: _payple(sandbox, bridge, "sandboxshop", "CERT"),
    "confirm",
    {"webhook_url": "webhook", "cancel_webhook_url": "webhook"},
    {
        "webhook": {
            "PCD_PAY_RST": "success",
            "PCD_PAY_OID": "{ref}",
            "PCD_PAY_TOTAL": "{price}",
            "PCD_PAY_TYPE": "card",
        }
    },
    "취소 기한 초과",
    auth="payple_auth_file",
    return_price="PCD_PAY_TOTAL",
    return_addresses=("PCD_PAY_COFURL", "PCD_PAY_HOST"),
    compares_return_price=True,
    merchant="sandboxshop",
)
DOORS: Mapping[str, Door] = MappingProxyType(
    {
        "mainpay": Door(
            "mainpay",
            lambda sandbox, _: _mainpay(sandbox, "mainpay"),
            "pay",
            {},
            _MAINPAY_LIES,
            _MAINPAY_WORDS,
            return_price="amount",
        ),
        "mainpay-guide": Door(
            "mainpay",
            lambda sandbox, _: _mainpay(sandbox, "mainpay-guide"),
            "pay",
            {},
            _MAINPAY_LIES,
            _MAINPAY_WORDS,
            return_price="amount",
        ),
        "paystory": Door(
            "paystory",
            lambda sandbox, _: {"pg_url": f"{sandbox}/paystory/pg", "office_url": f"{sandbox}/paystory/mms"},
            "approve",
            {"admin_notice_url": "noti"},
            {"noti": {"resultCd": "3001", "payMethod": "CARD", "ordNo": "{ref}", "goodsAmt": "{price}", "tid": "x"}},
            "취소 기한 초과",
            window="/paystory/pg/order",
            return_price="goodsAmt",
        ),
        "payapp": Door(
            "payapp",
            lambda sandbox, _: {
                "userid": "payapptest",
                "linkkey": "SANDBOXLINKKEY",
                "linkval": "SANDBOXLINKVAL",
                "api_url": f"{sandbox}/payapp/oapi/apiLoad.html",
                "script_url": f"{sandbox}/payapp/lite/public/api/v2/payapp-lite.js",
            },
            "",
            {"common_feedback_url": "feedback"},
            {
                "feedback": {
                    "userid": "payapptest",
                    "pay_state": "4",
                    "mul_no": "1",
                    "var1": "{ref}",
                    "price": "{price}",
                }
            },
            "취소 권한이 없습니다",
        ),
        "welcome": Door(
            "welcome",
            lambda sandbox, _: {"api_url": f"{sandbox}/welcome/api", "approval_urls": sandbox},
            "approve",
            {"pc_notice_url": "pc", "pg_notice_url": "pg"},
            {"mobile": {"P_STATUS": "00", "P_TID": "x", "P_OID": "{ref}", "P_AMT": "{price}", "P_TYPE": "CARD"}},
            "취소 가능 기간이 지났습니다",
            return_price="P_AMT",
            return_addresses=("P_REQ_URL",),
        ),
        "payple": _PAYPLE,
        "payple-pay": replace(
            _PAYPLE,
            settings=lambda sandbox, bridge: _payple(sandbox, bridge, "sandboxpay", "PAY"),
            approval="",
            merchant="sandboxpay",
        ),
    }
)
GATEWAYS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        gateway: tuple(name for name, door in DOORS.items() if door.gateway == gateway)
        for gateway in dict.fromkeys(door.gateway for door in DOORS.values())
    }
)
"""The dialects of every gateway."""
