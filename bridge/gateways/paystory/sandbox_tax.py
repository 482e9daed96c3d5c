"""How Pay-Story's sandbox reads supply, VAT and service: they add up, of a payment and over the parts of its cancels.

The guide gives the fields (5.3, 7.3: 0 by default, required where the shop's VAT goes by the amounts it sends) and no
rule; that they add up is what their names say. A split that is sent with neither is no split."""

import re
from collections.abc import Mapping

from bridge.sandbox.refusals import Refusal, Rule, check

NAMES = ("goodsSplAmt", "goodsVat", "goodsSvsAmt")
TAX = tuple(Rule(name, 15, 1, re.compile(r"0|[1-9][0-9]{0,11}", re.ASCII), needed=False) for name in NAMES)


def vat_of(form: Mapping[str, str], amount: int, code: str) -> int | None:
    """Give the VAT in KRW of what is split, None of what is not. Raises Refusal where the parts are no sum of it."""
    check(form, TAX, code)
    parts = [int(form.get(name) or 0) for name in NAMES]
    if not any(parts):
        return None
    if sum(parts) != amount:
        raise Refusal(code, "공급가, 부가세, 봉사료의 합이 금액과 달라요")
    return parts[1]


def check_cancelled_vat(paid: int | None, before: list[int | None], now: int | None, *, last: bool) -> None:
    """Refuse a cancel whose VAT (KRW) does not fit what was paid and what was cancelled before; the `last` takes the
    rest. A cancel made in the office (None) tells none, and leaves only the limit. Raises Refusal. (guide 7.3)"""
    if paid is None:
        return
    if now is None:
        raise Refusal("2011", "취소 금액 불일치 (goodsVat 누락)")
    left = paid - sum(one for one in before if one is not None)
    if now > left or (last and None not in before and now != left):
        raise Refusal("2011", "취소 금액 불일치 (goodsVat)")
