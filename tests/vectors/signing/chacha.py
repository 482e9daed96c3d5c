"""ChaCha20-Poly1305 written out from RFC 8439, so that the vectors do not come from the library they are to prove."""

import struct


def _quarter(state: list[int], a: int, b: int, c: int, d: int) -> None:
    for first, second, third, bits in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
        state[first] = (state[first] + state[second]) & 0xFFFFFFFF
        mixed = state[third] ^ state[first]
        state[third] = ((mixed << bits) | (mixed >> (32 - bits))) & 0xFFFFFFFF


def _block(key: bytes, counter: int, nonce: bytes) -> bytes:
    start = [
        *struct.unpack("<4I", b"expand 32-byte k"),
        *struct.unpack("<8I", key),
        counter,
        *struct.unpack("<3I", nonce),
    ]
    state = list(start)
    for _ in range(10):
        for column in range(4):
            _quarter(state, column, 4 + column, 8 + column, 12 + column)
        for column in range(4):
            _quarter(state, column, 4 + (column + 1) % 4, 8 + (column + 2) % 4, 12 + (column + 3) % 4)
    return struct.pack("<16I", *((mixed + first) & 0xFFFFFFFF for mixed, first in zip(state, start, strict=True)))


def _poly1305(key: bytes, message: bytes) -> bytes:
    factor = int.from_bytes(key[:16], "little") & 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
    total = 0
    for at in range(0, len(message), 16):
        total = (total + int.from_bytes(message[at : at + 16] + b"\x01", "little")) * factor % ((1 << 130) - 5)
    return ((total + int.from_bytes(key[16:], "little")) & ((1 << 128) - 1)).to_bytes(16, "little")


def seal(key: bytes, nonce: bytes, plain: bytes, associated: bytes) -> bytes:
    """Encrypt and append the tag (RFC 8439, section 2.8)."""
    sealed = bytearray()
    for at in range(0, len(plain), 64):
        stream = _block(key, 1 + at // 64, nonce)
        sealed += bytes(a ^ b for a, b in zip(plain[at : at + 64], stream, strict=False))
    padded = b"".join(part + bytes(-len(part) % 16) for part in (associated, bytes(sealed)))
    message = padded + struct.pack("<QQ", len(associated), len(sealed))
    return bytes(sealed) + _poly1305(_block(key, 0, nonce)[:32], message)
