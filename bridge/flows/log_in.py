"""An operator logs in: guessing is slow, a session is short, ending it is final."""

import asyncio
import base64
import hashlib
import hmac
import ipaddress
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from bridge.clock import new_id, now_ms
from bridge.domain.failures import LoginRefused, Malformed, TokenExpired, TokenRefused, TooMany
from bridge.flows.context import Context
from bridge.ledger import operators
from bridge.ledger.ledger import Turn
from bridge.ledger.operators import ENABLED, Operator, Session
from bridge.signing import base64url

T = TypeVar("T")
IDLE_SECONDS = 30 * 60
SESSION_SECONDS = 12 * 3600
SEEN_STEP_SECONDS = 60
DEVICE_SECONDS = 90 * 86_400
MISSES_PER_NAME = 5
MISSES_PER_ADDRESS = 20
MISS_SECONDS = 3600
DELAY_SECONDS = 60
DELAY_SECONDS_MAX = 900
NAME_CHARACTERS_MAX = 64
PASSWORD_CHARACTERS_MIN = 12
PASSWORD_CHARACTERS_MAX = 256
COST_LOG2, BLOCK, LANES = 14, 8, 5
"""scrypt: 16 MiB and five passes, which the OWASP password storage cheat sheet counts equal to 128 MiB and one."""
ROLES = ("viewer", "operator")
_AT_ONE_TIME = ThreadPoolExecutor(1, thread_name_prefix="password")
_WRONG = "The name or the password is wrong."
_NOBODY = f"scrypt${COST_LOG2}${BLOCK}${LANES}${'A' * 22}==${'A' * 43}="


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """A new session: `token` for its cookie, `device` for the cookie that tells this browser from a stranger's."""

    operator: Operator
    token: str = field(repr=False)
    device: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Attempt:
    """What was typed, and where: `device` is the browser's device cookie, `earlier` the session it came with."""

    name: str
    password: str = field(repr=False)
    address: str
    device: str = field(default="", repr=False)
    earlier: str = field(default="", repr=False)


async def add_operator(
    context: Context, name: str, password: str, role: str = "operator", *, actor: str = "bridge"
) -> Operator:
    """Add an operator. Raises Malformed for a name, password or role that will not do, Conflict for a taken name."""
    if not 1 <= len(name) <= NAME_CHARACTERS_MAX or name != name.strip() or not name.isprintable():
        raise Malformed(f"An operator's name has 1 to {NAME_CHARACTERS_MAX} printable characters.")
    if ":" in name:
        raise Malformed("An operator's name has no colon: HTTP Basic parts it there from the password.")
    check_role(role)
    operator = Operator(new_id(context.clock), name, role, await hash_new(context, password))
    at = now_ms(context.clock)

    def work(turn: Turn) -> Operator:
        operators.add(turn, operator, at)
        operators.note(turn, operator, "operator.added", actor=actor, at=at, became=role)
        return operator

    return await context.ledger.write(work)


def check_role(role: str) -> None:
    """Refuse what is no role. Raises Malformed."""
    if role not in ROLES:
        raise Malformed("A role is viewer or operator.")


async def hash_new(context: Context, password: str) -> str:
    """Hash a new password. Raises Malformed for one that will not do."""
    if not PASSWORD_CHARACTERS_MIN <= len(password) <= PASSWORD_CHARACTERS_MAX:
        raise Malformed(f"A password has {PASSWORD_CHARACTERS_MIN} to {PASSWORD_CHARACTERS_MAX} characters.")
    return await _in_thread(hash_password, password, context.clock.random_bytes(16))


async def log_in(context: Context, attempt: Attempt) -> LoggedIn:
    """Check a name and password and begin a new session; the earlier one ends.

    The attempt is counted before the password is looked at, in one turn, so that a thousand at once count as a
    thousand. Raises TooMany (with retry_after_seconds), LoginRefused; both cost a stranger the same for every name.
    """
    async with context.proofs.line():
        return await _begin(context, attempt)


async def _begin(context: Context, attempt: Attempt) -> LoggedIn:
    at = now_ms(context.clock)
    found, who = await _prove(context, attempt, at)
    address = _from(attempt)
    token = base64url.encode(context.clock.random_bytes(32))

    def begin(turn: Turn) -> None:
        _still(turn, found)
        operators.forget_misses(turn, who)
        operators.forget_misses(turn, address, since=at)
        long_ago = at - MISS_SECONDS * 1000
        operators.drop_ended(turn, seen_before=at - IDLE_SECONDS * 1000, misses_before=long_ago, at=at)
        if attempt.earlier:
            operators.end_session(turn, token_hash(attempt.earlier))
        ends_at = at + SESSION_SECONDS * 1000
        operators.add_session(turn, token_hash=token_hash(token), operator=found.id, at=at, ends_at=ends_at)

    await context.ledger.write(begin)
    known = _read_device(context, attempt.device, at)
    device = known[1] if known and known[0] == found.id else context.clock.random_bytes(16).hex()
    return LoggedIn(found, token, context.tokens.make("dashboard", found.id, device, now=at // 1000))


async def prove(context: Context, attempt: Attempt) -> Operator:
    """Check a password typed once more, before something that cannot be taken back. Raises TooMany, LoginRefused."""
    async with context.proofs.line():
        return await _prove_and_forget(context, attempt)


async def prove_each(context: Context, attempt: Attempt) -> Operator:
    """Check a password that comes along with each request, of which many may come at once.

    One that was proven within a minute is not looked at again, unless its name or address is being made to wait: then
    a guess learns nothing from it. Raises TooMany, LoginRefused.
    """
    kept = await _find_kept(context, attempt)
    if kept is not None:
        return kept
    async with context.proofs.line():
        found = await _find_kept(context, attempt)  # whoever was ahead may have proven the same
        if found is None:
            found = await _prove_and_forget(context, attempt)
            context.proofs.keep(found, attempt.password, context.clock.boot_seconds())
        return found


async def _find_kept(context: Context, attempt: Attempt) -> Operator | None:
    at = now_ms(context.clock)

    def look(turn: Turn) -> Operator | None:
        found, _, limits = _limits(turn, attempt.name, None, _from(attempt))
        return None if found is None or found.state != ENABLED or _wait(turn, limits, at) else found

    found = await context.ledger.read(look)
    now = context.clock.boot_seconds()
    return found if found and context.proofs.holds(found, attempt.password, now) else None


async def _prove_and_forget(context: Context, attempt: Attempt) -> Operator:
    at = now_ms(context.clock)
    found, who = await _prove(context, attempt, at)

    def forget(turn: Turn) -> None:
        _still(turn, found)
        operators.forget_misses(turn, who)
        operators.forget_misses(turn, _from(attempt), since=at)

    await context.ledger.write(forget)
    return found


async def _prove(context: Context, attempt: Attempt, at: int) -> tuple[Operator, str]:
    known = _read_device(context, attempt.device, at)
    found, who = await context.ledger.write(lambda turn: _count(turn, attempt.name, known, _from(attempt), at))
    right = await _in_thread(password_fits, found.password_hash if found else _NOBODY, attempt.password)
    if not right or found is None or found.state != ENABLED:
        raise LoginRefused(_WRONG)
    return found, who


def _still(turn: Turn, found: Operator) -> None:
    """Refuse whoever was disabled or got another password while this one was looked at. Raises LoginRefused."""
    if operators.by_name(turn, found.name) != found:
        raise LoginRefused(_WRONG)


def _from(attempt: Attempt) -> str:
    return f"address:{network(attempt.address)}"


async def find_session(context: Context, token: str, *, present: bool = True) -> Session | None:
    """Find the live session of a cookie. `present` says that a person asked, not a page refreshing itself."""
    hashed, at = token_hash(token), now_ms(context.clock)
    session = await context.ledger.read(lambda turn: operators.session(turn, hashed))
    if session is None or at >= session.ends_at or at >= session.seen_at + IDLE_SECONDS * 1000:
        return None
    if present and at >= session.seen_at + SEEN_STEP_SECONDS * 1000:
        await context.ledger.write(lambda turn: operators.see(turn, hashed, at))
    return session


async def log_out(context: Context, token: str) -> None:
    """End a session: its cookie opens nothing from now on."""
    hashed = token_hash(token)
    await context.ledger.write(lambda turn: operators.end_session(turn, hashed))


def hash_password(password: str, salt: bytes) -> str:
    """Hash a password for keeping: scrypt$cost$block$lanes$salt$hash."""
    hashed = _scrypt(password, salt, COST_LOG2, BLOCK, LANES)
    words = (base64.b64encode(part).decode() for part in (salt, hashed))
    return "$".join(("scrypt", str(COST_LOG2), str(BLOCK), str(LANES), *words))


def password_fits(kept: str, password: str) -> bool:
    """Tell whether a password is the one kept; takes as long for a wrong one."""
    _, cost, block, lanes, salt, hashed = kept.split("$")
    tried = _scrypt(password[: PASSWORD_CHARACTERS_MAX + 1], base64.b64decode(salt), int(cost), int(block), int(lanes))
    return hmac.compare_digest(tried, base64.b64decode(hashed))


def token_hash(token: str) -> str:
    """Name a session in the ledger, which must not hold what opens it."""
    return hashlib.sha256(token.encode()).hexdigest()


def wait_seconds(many: int, last_at: int, allowed: int, at: int) -> int:
    """Say how long to wait after `many` misses in an hour: nothing at first, then 60 s, doubling; times in ms."""
    if many < allowed:
        return 0
    delay = min(DELAY_SECONDS << min(many // allowed - 1, 8), DELAY_SECONDS_MAX)
    return max(0, -(-(last_at + delay * 1000 - at) // 1000))


def _count(turn: Turn, name: str, known: tuple[str, str] | None, address: str, at: int) -> tuple[Operator | None, str]:
    """Count the attempt, or refuse it uncounted. Raises TooMany.

    A browser that logged in as this operator before has a count of its own: strangers who guess cannot keep it out.
    """
    found, who, limits = _limits(turn, name, known, address)
    wait = _wait(turn, limits, at)
    if wait:
        raise TooMany("Too many log-ins missed; wait before the next.", retry_after_seconds=wait)
    for key in (who, address):
        operators.note_miss(turn, key, at)
    return found, who


def _limits(
    turn: Turn, name: str, known: tuple[str, str] | None, address: str
) -> tuple[Operator | None, str, dict[str, int]]:
    """Find the operator, whom a miss counts against, and how many misses each count allows."""
    found = operators.by_name(turn, name) if len(name) <= NAME_CHARACTERS_MAX else None
    device = known[1] if found and known and known[0] == found.id else ""
    who = f"device:{device}" if device else f"name:{hashlib.sha256(name.encode(errors='replace')).hexdigest()}"
    limits = {who: MISSES_PER_NAME} if device else {who: MISSES_PER_NAME, address: MISSES_PER_ADDRESS}
    return found, who, limits


def _wait(turn: Turn, limits: dict[str, int], at: int) -> int:
    """Say how many seconds are left to wait, by the count that makes it longest."""
    since = at - MISS_SECONDS * 1000
    return max(wait_seconds(*operators.misses(turn, key, since), allowed, at) for key, allowed in limits.items())


def _read_device(context: Context, device: str, at: int) -> tuple[str, str] | None:
    if not device:
        return None
    try:
        operator, browser = context.tokens.read(
            "dashboard", device, parts=2, max_age_seconds=DEVICE_SECONDS, now=at // 1000
        )
    except (TokenExpired, TokenRefused):
        return None
    return operator, browser


def network(address: str) -> str:
    """Take an IPv6 address by its /64, which is what one subscriber has."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(ipaddress.ip_network(f"{parsed}/64", strict=False))
    return str(parsed)


def _scrypt(password: str, salt: bytes, cost_log2: int, block: int, lanes: int) -> bytes:
    return hashlib.scrypt(
        password.encode(errors="replace"), salt=salt, n=2**cost_log2, r=block, p=lanes, maxmem=64 * 2**20, dklen=32
    )


async def _in_thread(work: Callable[..., T], *arguments: object) -> T:
    """One password at a time: 16 MiB each, and guessing in parallel gains nothing."""
    return await asyncio.get_running_loop().run_in_executor(_AT_ONE_TIME, partial(work, *arguments))
