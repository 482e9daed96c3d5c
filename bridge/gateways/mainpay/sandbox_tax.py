"""What of a payment is VAT, as Mainpay's sandbox keeps it: told by ready, repeated by pay, given back to the won.

Only ready's taxAmt is in Mainpay's list of fields; its samples repeat ready's fields in pay. That cancels and charges
of a key take it too is known from a client in production alone."""

from collections.abc import Mapping

from bridge.gateways.mainpay.sandbox_desk import Session, Trade
from bridge.gateways.mainpay.sandbox_words import DIGITS, Refusal, Rule

TAX = Rule("taxAmt", 10, 1, DIGITS, code="1001", needed=False)
ROUNDING_WON = 1
"""A part's VAT is what was rounded up to it less what was rounded before it, so that it may be one won off."""

Form = Mapping[str, str]


def most_vat(amount: int) -> int:
    """Give the VAT of an amount in KRW that is taxed whole: an eleventh, rounded half up."""
    return (2 * amount + 11) // 22


def told_vat(form: Form) -> int | None:
    """Read the VAT that a call states, in KRW; nothing where it states none. Raises Refusal for more than can be."""
    if not form.get("taxAmt"):
        return None
    vat = int(form["taxAmt"])
    if vat > most_vat(int(form["amount"])):
        raise Refusal("1001", "결제 금액 오류 (taxAmt)")
    return vat


def check_repeated(session: Session, form: Form) -> None:
    """Refuse a pay that states another VAT than its ready. Raises Refusal."""
    if told_vat(form) != session.told_vat:
        raise Refusal("1001", "결제 금액 오류 (taxAmt)")


def tax_free(session: Session) -> int:
    """Give what is free of tax in KRW, to the nearest amount of which the stated VAT is an eleventh."""
    return 0 if session.vat == most_vat(session.amount) else session.amount - 11 * session.vat


def vat_of_cancel(trade: Trade, form: Form, *, whole: bool) -> int:
    """Give the VAT in KRW of what is given back now: a mixed payment's cancels state it, and all add up to the won.

    Raises Refusal for a part that does not say, more than can be, or a last one that leaves a remainder."""
    rest = trade.book.net - int(form["amount"])
    if rest < 0 or trade.cancelled or trade.undone:
        return 0  # there is less than that to give back: refused for that
    if not form.get("taxAmt"):
        if trade.session.told_vat is not None and not whole:
            raise Refusal("1001", "결제 금액 오류 (taxAmt)")
        return trade.vat_left if whole else 0
    vat = int(form["taxAmt"])
    fits = vat <= most_vat(int(form["amount"])) + ROUNDING_WON
    if trade.amount == trade.session.amount and not trade.vat_reckoned:
        fits = fits and 0 <= trade.vat_left - vat <= (most_vat(rest) + ROUNDING_WON if rest else 0)
    if not fits:
        raise Refusal("1001", "결제 금액 오류 (taxAmt)")
    return vat
