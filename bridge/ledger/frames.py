"""A file of frames: what is written is deflated, cut into pieces, and each piece sealed where a key is given.

Every frame is 4 bytes of length (the highest bit marks the last frame) and the piece. A sealed piece is AES-256-GCM
under a nonce of its number and that mark, so that pieces cannot be altered, left out, repeated or cut off at the end.
One without a key begins with its SHA-256, over the same: a disk's flipped bit is found even where deflate has no use
for it.
"""

import hashlib
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bridge.domain.failures import LedgerBroken

PIECE_BYTES = 1 << 18
_FRAME_BYTES_MAX = PIECE_BYTES * 2
_LAST = 1 << 31
_DIGEST_BYTES = 32
_DEFLATE_LEVEL = 1
_DAMAGED = "The backup is damaged or was altered; it cannot be used."


class FrameWriter:
    """Writes frames. `key` is 32 bytes, used for this one file; `about` is what the frames are bound to."""

    def __init__(self, file: BinaryIO, key: bytes | None, about: bytes) -> None:
        self._file = file
        self._cipher = AESGCM(key) if key else None
        self._about = about
        self._deflate = zlib.compressobj(_DEFLATE_LEVEL)
        self._waiting = bytearray()
        self._number = 0

    def write(self, plain: bytes) -> None:
        """Take bytes; whole pieces go to the file."""
        self._waiting += self._deflate.compress(plain)
        while len(self._waiting) > PIECE_BYTES:
            self._put(bytes(self._waiting[:PIECE_BYTES]), last=False)
            del self._waiting[:PIECE_BYTES]

    def finish(self) -> None:
        """Write what is left, marked as the end."""
        self._waiting += self._deflate.flush()
        while len(self._waiting) > PIECE_BYTES:
            self._put(bytes(self._waiting[:PIECE_BYTES]), last=False)
            del self._waiting[:PIECE_BYTES]
        self._put(bytes(self._waiting), last=True)

    def _put(self, piece: bytes, *, last: bool) -> None:
        nonce = _nonce(self._number, last=last)
        if self._cipher is not None:
            piece = self._cipher.encrypt(nonce, piece, self._about)
        else:
            piece = _digest(nonce, piece, self._about) + piece
        self._file.write((len(piece) | (_LAST if last else 0)).to_bytes(4, "big"))
        self._file.write(piece)
        self._number += 1


def read_frames(file: BinaryIO, key: bytes | None, about: bytes) -> Iterator[bytes]:
    """Give back what was written, in pieces of bounded size. Raises LedgerBroken where anything does not fit."""
    cipher = AESGCM(key) if key else None
    inflate = zlib.decompressobj()
    for number, (piece, last) in enumerate(_pieces(file)):
        nonce = _nonce(number, last=last)
        if cipher is not None:
            try:
                piece = cipher.decrypt(nonce, piece, about)
            except InvalidTag as error:
                words = "The backup cannot be opened: another key or passphrase, or it was altered."
                raise LedgerBroken(words if number == 0 else _DAMAGED) from error
        else:
            digest, piece = piece[:_DIGEST_BYTES], piece[_DIGEST_BYTES:]
            if digest != _digest(nonce, piece, about):
                raise LedgerBroken(_DAMAGED)
        try:
            while piece:
                yield inflate.decompress(piece, PIECE_BYTES)
                piece = inflate.unconsumed_tail
            if last:
                yield inflate.flush()
        except zlib.error as error:
            raise LedgerBroken(_DAMAGED) from error
    if not inflate.eof or inflate.unused_data:
        raise LedgerBroken(_DAMAGED)


def _pieces(file: BinaryIO) -> Iterator[tuple[bytes, bool]]:
    while True:
        head = file.read(4)
        number = int.from_bytes(head, "big")
        length, last = number & ~_LAST, bool(number & _LAST)
        if len(head) < 4 or length > _FRAME_BYTES_MAX:
            raise LedgerBroken(_DAMAGED)
        piece = file.read(length)
        if len(piece) < length:
            raise LedgerBroken(_DAMAGED)
        yield piece, last
        if last:
            if file.read(1):
                raise LedgerBroken(_DAMAGED)
            return


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])


def _digest(nonce: bytes, piece: bytes, about: bytes) -> bytes:
    return hashlib.sha256(nonce + piece + about).digest()
