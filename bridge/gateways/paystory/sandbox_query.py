"""Pay-Story's inquiry: what happened under a tid or an order number. (billing guide 8)"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from bridge.gateways.paystory import sandbox_notices as notices
from bridge.gateways.paystory.sandbox_desk import Till, Trade
from bridge.gateways.paystory.sandbox_words import HEX, STAMP, check_hash, message, said
from bridge.sandbox.calls import Answer
from bridge.sandbox.faults import Fault
from bridge.sandbox.refusals import Refusal, Rule

QUERY = (Rule("mid", 10, 10), Rule("ediDate", 14, 14, STAMP), Rule("hashStr", 64, 64, HEX))


def query(till: Till, form: Mapping[str, str], _fault: Fault | None) -> Answer:
    """Tell what happened under a tid or an order number; what is younger than the lag is not there yet."""
    check_hash(till.settings.merchants, form, form.get("tid", ""), "hashStr")
    until = till.world.now() - timedelta(seconds=till.settings.query_lag_seconds)
    wanted = ("tid", form["tid"]) if form.get("tid") else ("order", form.get("ordNo", ""))
    if not wanted[1]:
        raise Refusal("0001")
    found = [
        one
        for one in till.trades.values()
        if one.merchant == form["mid"] and getattr(one, wanted[0]) == wanted[1] and one.at <= until
    ]
    rows = [row for trade in found for row in _rows(trade, until)]
    if not rows:
        return Answer(said("0002", cnt="0", resultData=[]))
    return Answer(said("0000", "조회 성공", cnt=str(len(rows)), resultData=rows))


def _rows(trade: Trade, until: datetime) -> list[dict[str, str]]:
    """One row an approval, issue or refusal, and one more for every part that was cancelled; as it all was then."""
    own = notices.own_fields(trade)
    cancels = [one for one in trade.cancels if one.at <= until]
    whole = (len(cancels) == 1 and cancels[0].amount == trade.amount) or trade.voided
    code = "4110" if trade.deposited and trade.deposited <= until else trade.code
    row = {
        "resultCd": code,
        "resultMsg": message(code),
        "goodsName": trade.form["goodsNm"],
        "ordNo": trade.order,
        "goodsAmt": str(trade.amount),
        "appNo": own.get("appNo", ""),
        "appDtm": f"{trade.at:%Y%m%d%H%M%S}",
        "ordNm": trade.form["ordNm"],
        "cancelYN": "Y" if whole else "N",
        "fnNm": own.get("fnNm", ""),
        "appCardCd": own.get("appCardCd", ""),
        "acqCardCd": own.get("acqCardCd", ""),
        "cardNo": own.get("cardNo", ""),
        "mid": trade.merchant,
        "tid": trade.tid,
        "currencyType": "KRW",
        "mbsReserved": trade.form.get("mbsReserved", ""),
        "cpCd": own.get("cpCd", ""),
    }
    parts = [] if whole else cancels
    return [
        row,
        *(
            row | {"resultCd": "2001", "resultMsg": message("2001"), "cancelYN": "Y", "tid": one.tid,
                   "goodsAmt": str(one.amount), "appDtm": f"{one.at:%Y%m%d%H%M%S}"}
            for one in parts
        ),
    ]  # fmt: skip
