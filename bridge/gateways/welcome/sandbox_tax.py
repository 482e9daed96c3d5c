"""How Welcome's sandbox reads `tax` and `taxfree`: they fit the amount, and add up over a payment's cancels.

The manual gives the two fields (PAYAPI 2.2, 3.3) and a limit of a tenth; the rest is what their names say. A shop may
send neither, and a payment link has no field for them: of such a payment nothing is known to add up to."""

from collections.abc import Mapping
from dataclasses import dataclass

from bridge.gateways.welcome.sandbox_words import BAD_FIELD, CANNOT, Refusal

ROUNDING = 11
"""Elevenths by which the VAT of a part may differ: a won, as the parts' VAT adds up to the whole's."""


@dataclass(slots=True)
class Taxes:
    """VAT and what is free of tax of a payment, in KRW, and how much of it no cancel has given back.

    `guessed`: a cancel said nothing of them, so that nobody knows how the rest is split."""

    vat: int
    free: int
    guessed: bool = False


def taxes_of(form: Mapping[str, str], amount: int, code: str = BAD_FIELD) -> Taxes | None:
    """Read what is sent of `amount` KRW; None where nothing is. Raises Refusal where it does not fit the amount."""
    if not form.get("tax") and not form.get("taxfree"):
        return None
    vat, free = int(form.get("tax") or 0), int(form.get("taxfree") or 0)
    if free > amount or vat > amount - free:
        raise Refusal(code, "비과세 금액 또는 부가세가 금액을 초과했습니다.")
    if abs(vat * 11 - (amount - free)) > ROUNDING:
        raise Refusal(code, "부가세가 과세 금액과 맞지 않습니다.")
    return Taxes(vat, free)


def check_cancelled(paid: Taxes | None, now: Taxes | None, *, last: bool) -> None:
    """Refuse a partial cancel whose parts are missing or too much; the `last` takes the rest. Raises Refusal."""
    if paid is None:
        return
    if now is None:
        raise Refusal(CANNOT, "부분취소의 부가세 또는 비과세 금액이 누락되었습니다.")
    too_much = now.vat > paid.vat or now.free > paid.free
    if too_much or (last and not paid.guessed and (now.vat, now.free) != (paid.vat, paid.free)):
        raise Refusal(CANNOT, "부분취소의 부가세 또는 비과세 금액이 원거래와 다릅니다.")


def take(paid: Taxes | None, now: Taxes | None) -> None:
    """Write down what a partial cancel gave back."""
    if paid is None:
        return
    paid.vat -= now.vat if now else 0
    paid.free -= now.free if now else 0
    paid.guessed = paid.guessed or now is None
