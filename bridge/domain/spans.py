"""Lengths of time in words, Korean and English."""

_UNITS = ((86_400, "일", "d"), (3_600, "시간", "h"), (60, "분", "min"), (1, "초", "s"))


def span(seconds: float, lang: str = "ko") -> str:
    """Write a length of time in its largest unit: 3분, 3 min."""
    whole = max(0, int(seconds))
    size, korean, english = next(unit for unit in _UNITS if whole >= unit[0] or unit[0] == 1)
    return f"{whole // size}{korean}" if lang == "ko" else f"{whole // size} {english}"


def age(seconds: float, lang: str = "ko") -> str:
    """Write how long ago: 3분 전, 3 min ago, or just now."""
    if seconds < 5:
        return "방금" if lang == "ko" else "just now"
    return f"{span(seconds, lang)} 전" if lang == "ko" else f"{span(seconds, lang)} ago"
