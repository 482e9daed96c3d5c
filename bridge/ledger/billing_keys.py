"""Billing keys: read by site and id, moved only along their table, by compare-and-swap; the key itself stays sealed."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from bridge.clock import from_ms, to_ms
from bridge.domain.billing import KEY_MOVES, KeyState
from bridge.domain.failures import Conflict, NotFound
from bridge.domain.payment import Method
from bridge.ledger.ledger import Row, Turn
from bridge.ledger.questions import Question

_JSON = ("refs", "card")
_WINDOWED = (KeyState.OPENING, KeyState.OPEN, KeyState.ISSUING)
_ENDED = tuple(state for state, nexts in KEY_MOVES.items() if not nexts)
_PLAIN = ("ref", "window_sealed", "window_url", "key_sealed", "asked_sealed", "code", "message", "tries")


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A billing key as the books have it. `ref` is ours at the gateway, new for each try; `amount` KRW of a phone's,
    else zero; of the keys with one `invitation` one is issued; `tries` how many cards were typed for it on our own
    page."""

    id: str
    site: str
    customer: str
    gateway: str
    method: Method
    state: KeyState
    ref: str
    amount: int
    asked_sealed: str = field(repr=False)
    result_url: str
    owner: str
    actor: str
    created_at: datetime
    changed_at: datetime
    expires_at: datetime
    window_sealed: str = field(default="", repr=False)
    window_url: str = field(default="", repr=False)
    key_sealed: str = field(default="", repr=False)
    refs: Mapping[str, str] = field(default_factory=dict)
    card: Mapping[str, str] = field(default_factory=dict)
    code: str = ""
    message: str = ""
    issued_at: datetime | None = None
    invitation: str = ""
    tries: int = 0
    version: int = 1


def add(turn: Turn, key: KeyRow) -> None:
    """Write a new key, before anything of it is said to the gateway."""
    at = to_ms(key.created_at)
    turn.run(
        "INSERT INTO billing_keys (id, site, customer, gateway, method, state, ref, amount, asked_sealed, result_url,"
        " owner, actor, created_at, changed_at, expires_at, invitation, version)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        *(key.id, key.site, key.customer, key.gateway, str(key.method), str(key.state), key.ref, key.amount),
        *(key.asked_sealed, key.result_url, key.owner, key.actor, at, at, to_ms(key.expires_at)),
        *(key.invitation, key.version),
    )


def move(turn: Turn, key: KeyRow, becomes: KeyState, *, at: int, **changes: object) -> KeyRow:
    """Move a key to another state; `at` in milliseconds. Raises Conflict when the row is not as `key` says."""
    assert becomes in KEY_MOVES[key.state], f"a billing key may not go from {key.state} to {becomes}"
    if becomes not in _WINDOWED and key.window_sealed:
        changes["window_sealed"] = ""  # it holds the buyer's name, and opens nothing any more
    after = replace(key, state=becomes, version=key.version + 1, **changes)  # type: ignore[arg-type]
    names, values = ["state", "version", "changed_at"], [str(after.state), after.version, at]
    for name in changes:
        value = getattr(after, name)
        names.append(name)
        if name in _JSON:
            values.append(json.dumps(dict(value), ensure_ascii=False))
        elif name in ("issued_at", "expires_at"):
            values.append(to_ms(value))
        else:
            assert name in _PLAIN, f"{name} may not be changed"
            values.append(value)
    changed = turn.run(
        f"UPDATE billing_keys SET {', '.join(f'{name} = ?' for name in names)}"  # noqa: S608 - names are ours
        " WHERE id = ? AND site = ? AND version = ?",
        *values,
        *(key.id, key.site, key.version),
    )
    if changed != 1:
        raise Conflict("The billing key changed meanwhile; read it again.")
    return after


def say(turn: Turn, key: KeyRow, code: str, message: str) -> None:
    """Keep what the gateway said to the script of a key's open window; empty where it let the window open.

    The version stays: the customer may be coming back from that window just now.
    """
    turn.run(
        "UPDATE billing_keys SET code = ?, message = ? WHERE id = ? AND site = ? AND state = 'open'",
        *(code, message, key.id, key.site),
    )


def follow_clock(turn: Turn, moved: int, at: int, ends: tuple[int, int], owner: str) -> None:
    """Let the windows that are open or being opened and end within `ends` end so much later, or earlier below 0
    (milliseconds): all of them, or a process' own. What is asked since before the step is as old as it was."""
    turn.run(
        "UPDATE billing_keys SET expires_at = expires_at + ?, changed_at = changed_at + ?, version = version + 1"
        " WHERE state = 'open' AND expires_at > ? AND expires_at <= ? AND (? = '' OR owner = ?)",
        *(moved, moved, *ends, owner, owner),
    )
    turn.run(  # no version: whoever asks has read the row, and writes what came of it
        "UPDATE billing_keys SET expires_at = expires_at + ?"
        " WHERE state = 'opening' AND expires_at > ? AND expires_at <= ? AND (? = '' OR owner = ?)",
        *(moved, *ends, owner, owner),
    )
    written_before, by = ("changed_at > ?", at) if moved < 0 else ("changed_at <= ?", at - moved)
    turn.run(
        "UPDATE billing_keys SET changed_at = changed_at + ?"  # noqa: S608 - one of the two conditions above
        f" WHERE state IN ('opening', 'issuing') AND {written_before} AND (? = '' OR owner = ?)",
        *(moved, by, owner, owner),
    )


def get(turn: Turn, site: str, key_id: str) -> KeyRow:
    """Read a key of a site. Raises NotFound, the same for missing and foreign."""
    row = turn.one("SELECT * FROM billing_keys WHERE id = ? AND site = ?", key_id, site)
    if row is None:
        raise NotFound("There is no such billing key.")
    return read(row)


def of_customer(turn: Turn, site: str, customer: str, limit: int, before: str = "") -> list[KeyRow]:
    """Read a customer's keys, newest first; those before one where given."""
    rows = turn.all(
        "SELECT * FROM billing_keys WHERE site = ? AND customer = ? AND (? = '' OR id < ?) ORDER BY id DESC LIMIT ?",
        *(site, customer, before, before, limit),
    )
    return [read(row) for row in rows]


def of_invitation(turn: Turn, site: str, invitation: str) -> list[KeyRow]:
    """Read the keys that were asked for by one invitation."""
    rows = turn.all(
        "SELECT * FROM billing_keys WHERE invitation <> '' AND site = ? AND invitation = ? ORDER BY id",
        *(site, invitation),
    )
    return [read(row) for row in rows]


def of_site(turn: Turn, site: str) -> list[KeyRow]:
    """Read all keys of a site."""
    return [read(row) for row in turn.all("SELECT * FROM billing_keys WHERE site = ? ORDER BY id", site)]


def charging(turn: Turn, site: str) -> list[KeyRow]:
    """Read a site's keys that may yet be issued, and whose issuing charges them."""
    marks = ", ".join("?" * len(_WINDOWED))
    rows = turn.all(
        f"SELECT * FROM billing_keys WHERE site = ? AND amount > 0 AND state IN ({marks}) ORDER BY id",  # noqa: S608 - marks only
        *(site, *map(str, _WINDOWED)),
    )
    return [read(row) for row in rows]


def is_under_way(key: KeyRow) -> bool:
    """Whether a key may yet be issued, for which its gateway is told whose it is."""
    return key.state in _WINDOWED


def forget(turn: Turn, key: KeyRow, asked_sealed: str) -> None:
    """Put something else in place of what a key was asked for with, sealed; one that is over loses its card too.

    Its version stays: no move reads or writes these, and one whose answer is awaited must find the row it knows.
    """
    assert not is_under_way(key), "whoever issues it needs to know whose it is"
    card = {} if key.state in _ENDED else dict(key.card)
    turn.run(
        "UPDATE billing_keys SET asked_sealed = ?, card = ? WHERE id = ?",
        *(asked_sealed, json.dumps(card, ensure_ascii=False), key.id),
    )


def newest(turn: Turn, limit: int) -> list[KeyRow]:
    """Read the newest keys of all sites."""
    return [read(row) for row in turn.all("SELECT * FROM billing_keys ORDER BY id DESC LIMIT ?", limit)]


def under_way(turn: Turn, state: KeyState, changed_before: int, limit: int) -> list[KeyRow]:
    """Read the keys that have been in such a state since before then (milliseconds)."""
    rows = turn.all(  # the index's own condition first: SQLite uses a partial index for nothing less
        "SELECT * FROM billing_keys WHERE state IN ('opening', 'open', 'issuing', 'deleting') AND state = ?"
        " AND changed_at < ? ORDER BY changed_at LIMIT ?",
        *(str(state), changed_before, limit),
    )
    return [read(row) for row in rows]


def any_under_way(states: Sequence[KeyState], changed_before: int) -> Question:
    """Ask whether a key has been in one of such states since before then (milliseconds)."""
    marks = ", ".join("?" * len(states))
    return Question(
        "SELECT 1 FROM billing_keys WHERE state IN ('opening', 'open', 'issuing', 'deleting')"  # noqa: S608 - marks only
        f" AND state IN ({marks}) AND changed_at < ?",
        (*map(str, states), changed_before),
    )


def read(row: Row) -> KeyRow:
    """Turn a row into a key."""
    return KeyRow(
        id=row["id"],
        site=row["site"],
        customer=row["customer"],
        gateway=row["gateway"],
        method=Method(row["method"]),
        state=KeyState(row["state"]),
        ref=row["ref"],
        amount=row["amount"],
        asked_sealed=row["asked_sealed"],
        window_sealed=row["window_sealed"],
        window_url=row["window_url"],
        key_sealed=row["key_sealed"],
        result_url=row["result_url"],
        refs=json.loads(row["refs"]),
        card=json.loads(row["card"]),
        code=row["code"],
        message=row["message"],
        owner=row["owner"],
        actor=row["actor"],
        created_at=from_ms(row["created_at"]),
        changed_at=from_ms(row["changed_at"]),
        expires_at=from_ms(row["expires_at"]),
        issued_at=from_ms(row["issued_at"]) if row["issued_at"] else None,
        invitation=row["invitation"],
        tries=row["tries"],
        version=row["version"],
    )
