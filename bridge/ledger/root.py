"""The root secret: made once, kept in the books, sealed under the master key; every other key of ours is made of it.

So a new master key seals these 32 bytes anew and nothing else: site keys, seals and attestations stay what they are.
"""

import base64
import hashlib
import hmac
from collections.abc import Callable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bridge.domain.failures import LedgerBroken, Misconfigured
from bridge.ledger import audit
from bridge.ledger.ledger import Turn

SECRET_BYTES = 32
NONCE_BYTES = 12
CHAIN = "master-key"
"""The chain of the audit that is about no payment and no site: which master key came after which."""
Chance = Callable[[int], bytes]
"""Gives that many unpredictable bytes."""
_NAME = "root"
_PURPOSE = b"pay-bridge.root.v1"


def fingerprint(master_key: bytes) -> str:
    """Give 8 hex digits by which people tell master keys apart; nothing of the key can be learned from them."""
    return hmac.new(master_key, b"pay-bridge.fingerprint.v1", hashlib.sha256).hexdigest()[:8]


def unlock(turn: Turn, master_key: bytes, chance: Chance) -> bytes:
    """Give the books' root secret; new books get theirs here.

    Raises Misconfigured for another master key, LedgerBroken where books in use have lost their root secret.
    """
    sealed = kept(turn)
    if sealed:
        return open_root(sealed, master_key)
    if turn.one("SELECT id FROM sites LIMIT 1"):
        raise LedgerBroken(
            "The database's root secret is gone, and nothing else opens the secrets of its sites; restore the latest"
            " backup."
        )
    secret = chance(SECRET_BYTES)
    turn.run("INSERT INTO meta (name, value) VALUES (?, ?)", _NAME, _seal(secret, master_key, chance))
    return secret


def kept(turn: Turn) -> str:
    """Give the root secret as it is kept, sealed; nothing where the books have none yet."""
    row = turn.one("SELECT value FROM meta WHERE name = ?", _NAME)
    return str(row["value"]) if row else ""


def sealed_under(sealed: str) -> str:
    """Give the fingerprint of the master key that opens a sealed root secret."""
    return sealed.split(".")[1] if sealed.count(".") == 2 else ""


def open_root(sealed: str, master_key: bytes) -> bytes:
    """Open a sealed root secret. Raises Misconfigured for another master key, LedgerBroken where it was altered."""
    wanted, given = sealed_under(sealed), fingerprint(master_key)
    if wanted and wanted != given:
        raise Misconfigured(
            f"The master key is not the one of this database: it needs {wanted}, and {given} is given; set"
            " BRIDGE_MASTER_KEY_FILE to the right one."
        )
    try:
        version, _, text = sealed.split(".")
        if version != "r1":
            raise ValueError(version)
        raw = base64.b64decode(text, validate=True)
        return AESGCM(master_key).decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], _PURPOSE)
    except (ValueError, InvalidTag) as error:
        raise LedgerBroken("The database's root secret was altered; restore the latest backup.") from error


def rotate(turn: Turn, old: bytes, new: bytes, chance: Chance, *, at: int, actor: str) -> None:
    """Seal the root secret under a new master key, and write that into the audit; `at` in milliseconds.

    Raises Misconfigured where `old` is not the master key, LedgerBroken.
    """
    secret = open_root(kept(turn), old)
    turn.run("UPDATE meta SET value = ? WHERE name = ?", _seal(secret, new, chance), _NAME)
    audit.note(
        turn,
        site="",
        payment=CHAIN,
        at=at,
        actor=actor,
        event="master_key.rotated",
        was=fingerprint(old),
        became=fingerprint(new),
    )


def _seal(secret: bytes, master_key: bytes, chance: Chance) -> str:
    nonce = chance(NONCE_BYTES)
    text = base64.b64encode(nonce + AESGCM(master_key).encrypt(nonce, secret, _PURPOSE)).decode()
    return f"r1.{fingerprint(master_key)}.{text}"
