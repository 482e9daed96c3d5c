"""Seals secrets at rest: AES-256-GCM under the books' root secret; what a secret is for is part of the seal."""

import base64
import hashlib
import hmac

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bridge.clock import Clock
from bridge.domain.failures import LedgerBroken


class Vault:
    """Holds the root secret; its repr shows nothing."""

    def __init__(self, root: bytes, clock: Clock) -> None:
        self._cipher = AESGCM(root)
        self._blind_key = hmac.new(root, b"pay-bridge.blind.v1", hashlib.sha256).digest()
        self._nonce_key = hmac.new(root, b"pay-bridge.seal-alike.v1", hashlib.sha256).digest()
        self._clock = clock

    def seal(self, plain: bytes, purpose: str) -> str:
        """Seal bytes for a purpose; the same purpose opens them."""
        nonce = self._clock.random_bytes(12)
        return "g1." + base64.b64encode(nonce + self._cipher.encrypt(nonce, plain, purpose.encode())).decode()

    def blind(self, text: str) -> str:
        """Give 64 hex digits that tell texts apart and from which, without the root secret, none can be guessed."""
        return hmac.new(self._blind_key, text.encode(), hashlib.sha256).hexdigest()

    def seal_alike(self, plain: bytes, purpose: str) -> str:
        """Seal bytes so that the same bytes are sealed the same: the nonce is made of them, under a key of its own."""
        nonce = hmac.new(self._nonce_key, purpose.encode() + b"|" + plain, hashlib.sha256).digest()[:12]
        return "g1." + base64.b64encode(nonce + self._cipher.encrypt(nonce, plain, purpose.encode())).decode()

    def open(self, sealed: str, purpose: str) -> bytes:
        """Open what was sealed. Raises LedgerBroken for another root secret, another purpose or altered text."""
        version, _, text = sealed.partition(".")
        try:
            if version != "g1":
                raise ValueError(version)
            raw = base64.b64decode(text, validate=True)
            return self._cipher.decrypt(raw[:12], raw[12:], purpose.encode())
        except (ValueError, InvalidTag) as error:
            raise LedgerBroken("A sealed secret cannot be opened: it was altered, or is of other books.") from error
