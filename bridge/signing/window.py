"""How far two clocks may be apart before a signed message is refused."""

from datetime import UTC, datetime

from bridge.domain.failures import ClockSkew

WINDOW_SECONDS = 120


def check_window(at: int, now: int) -> None:
    """Refuse a message whose time `at` is over 120 s from `now`, either way (unix seconds). Raises ClockSkew."""
    if abs(now - at) > WINDOW_SECONDS:
        raise skewed(now)


def skewed(now: int) -> ClockSkew:
    """The error that tells the caller our time, so that it can correct itself and try once more."""
    server_time = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return ClockSkew(
        f"The message is more than {WINDOW_SECONDS} s off the server's time, or has expired; correct by server_time.",
        server_time=server_time,
    )
