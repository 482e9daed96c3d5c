"""Attestations: the books' own word about a payment, sealed, and kept by the shop with its snapshot.

If the books are lost, the shop hands them back. They say nothing that the shop says: only the books' root
secret makes one. It holds the payment's rows as they were, without the buyer and whose number a cash receipt bears.
"""

import json
import zlib
from typing import Any

from bridge.domain.failures import LedgerBroken
from bridge.ledger import audit, notices, receipts
from bridge.ledger.ledger import Row, Turn
from bridge.ledger.replay import EVERYWHERE, claim_key, claims_of
from bridge.ledger.vault import Vault

BYTES_MAX = 4 * 1024 * 1024
"""So much may one say, unpacked: a party's payment that is given back in hundreds of parts has a long story."""
_BUYER = frozenset({"buyer_id", "buyer_name", "buyer_email", "buyer_phone", "items"})
NOTICES_MAX = 50
_OF_ITS_TEXT = frozenset({"raw_sealed", "source", "seen"})
_WHOSE_NUMBER = frozenset({"identity_sealed"})
_OF_ONE_PROCESS = frozenset({"owner", "window_url", "window_sealed"})
_OF_A_KEY = "billing_key:"
"""How the token of what a billing key paid begins: by it a phone's charges of a month are counted. No other is kept."""
_NOT_A_KEYS = _OF_ONE_PROCESS | {"token_id"}


def attest(
    turn: Turn, vault: Vault, site: str, payment: str, telling: tuple[int, str] | None = None, hearing: str = ""
) -> str:
    """Make a payment's attestation: the same rows make the same text.

    `telling`: the news it goes with (seq, type); `hearing`: the notice whose effect that is, if it is one's.
    """
    own = turn.one("SELECT * FROM payments WHERE id = ? AND site = ?", payment, site)
    assert own is not None, "only a payment that is there is attested"
    order = turn.one("SELECT * FROM orders WHERE site = ? AND ref = ?", site, own["order_ref"])
    assert order is not None, "a payment has an order"
    done = [_kept(row) for row in turn.all("SELECT * FROM operations WHERE payment = ? ORDER BY id", payment)]
    told = [(row["seq"], row["type"]) for row in turn.all("SELECT * FROM news WHERE payment = ? ORDER BY seq", payment)]
    rows = {
        "payment": _kept(own, _OF_ONE_PROCESS if own["token_id"].startswith(_OF_A_KEY) else _NOT_A_KEYS),
        "order": _kept(order, _BUYER),
        "operations": done,
        "entries": [_kept(row) for row in turn.all("SELECT * FROM entries WHERE payment = ? ORDER BY cause", payment)],
        "cases": [_kept(row) for row in turn.all("SELECT * FROM cases WHERE payment = ? ORDER BY id", payment)],
        "receipts": [_kept(row, _WHOSE_NUMBER) for row in receipts.rows(turn, payment)],
        "audit": [[row[name] for name in audit.SAID] for row in audit.chain(turn, payment)],
        "news": [*told, *([telling] if telling else [])],
        "notices": [_kept(row, _OF_ITS_TEXT) for row in notices.with_effect(turn, payment, hearing, NOTICES_MAX)],
        "answers": _answers(turn, site, [one["idempotency_key"] for one in done if one["idempotency_key"]])
        + _answers(turn, EVERYWHERE, _claims(own)),
        "brought": _answers(turn, EVERYWHERE, [key for key in claims_of(turn, payment) if key not in _claims(own)]),
    }
    text = json.dumps(rows, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
    return vault.seal_alike(zlib.compress(text, 6), f"attestation:{site}:{payment}")


def _claims(payment: Row) -> list[str]:
    """Name what the payment may be bound to by the gateway's numbers: another's return names one of them, too."""
    return [claim_key(payment["gateway"], number) for number in json.loads(payment["refs"]).values() if number]


def _answers(turn: Turn, site: str, keys: list[str]) -> list[dict[str, Any]]:
    found = (turn.one("SELECT * FROM answers WHERE site = ? AND idempotency_key = ?", site, key) for key in keys)
    return [_kept(row, frozenset({"body", "status"})) for row in found if row is not None]


def read_attestation(vault: Vault, site: str, payment: str, text: str) -> dict[str, Any] | None:
    """Read an attestation of that payment; None for anything that is not one of ours."""
    try:
        unpacking = zlib.decompressobj()
        plain = unpacking.decompress(vault.open(text, f"attestation:{site}:{payment}"), BYTES_MAX)
        rows = json.loads(plain) if unpacking.eof else None
    except (LedgerBroken, zlib.error, ValueError):
        return None
    return rows if isinstance(rows, dict) else None


def _kept(row: Row, without: frozenset[str] = frozenset()) -> dict[str, Any]:
    return {name: row[name] for name in row.keys() if name not in without}  # noqa: SIM118 - sqlite3.Row yields values
