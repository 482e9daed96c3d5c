"""Whose a typed card is: what a gateway that registers it must be told of its holder."""

from bridge.domain.billing import CardEntry

HOLDER_DIGITS = (6, 10)
"""A birth date (YYMMDD), or a business number."""
PASSWORD_DIGITS = 2


def lacking_of_owner(card: CardEntry, name: str, title: str) -> tuple[str, str] | None:
    """Say in English and Korean what a typed card lacks of its holder and password, or nothing; it repeats neither.

    `name` and `title` are the gateway's in the two languages.
    """
    if len(card.holder) not in HOLDER_DIGITS:
        english = f"{name} needs the card holder's birth date (YYMMDD) or business number (card.holder)."
        return english, f"{title}에는 카드 소유자의 생년월일 6자리나 사업자등록번호 10자리가 필요해요."
    if len(card.password) != PASSWORD_DIGITS:
        english = f"{name} needs the first two digits of the card's password (card.password)."
        return english, f"{title}에는 카드 비밀번호 앞 두 자리가 필요해요."
    return None
