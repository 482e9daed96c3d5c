"""The backup file: every row of either database in one portable form, with a manifest sealed under the master key."""

import base64
import hashlib
import hmac
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO, TypeVar

import msgspec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from bridge.domain.failures import LedgerBroken
from bridge.ledger.frames import FrameWriter, read_frames
from bridge.ledger.root import fingerprint

MAGIC = b"pay-bridge backup 1\n"
SALT_BYTES = 16
_HEAD_BYTES_MAX = 4096
_LINE_BYTES_MAX = 64 << 20
_PLAIN, _MASTER, _PASSPHRASE = "no", "master", "passphrase"
_BROKEN = "The backup is not whole: its rows are not those that its manifest names."
T = TypeVar("T")
RowValues = tuple[str | int | None, ...]
encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


@dataclass(frozen=True, slots=True)
class Table:
    """A table: its columns in order, and those that name a row."""

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]


class Head(msgspec.Struct, frozen=True):
    """What stands readable at a backup's beginning: when it was made (milliseconds), of which schema, how sealed.

    `key`: the fingerprint of the master key of that time.
    """

    made_at: int
    schema: int
    sealed: str
    salt: str
    key: str


class Counted(msgspec.Struct, frozen=True):
    """How a table is laid out, how many rows there are, and the hash of them all in order."""

    columns: list[str]
    key: list[str]
    rows: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True):
    """What a backup holds. Times in milliseconds; `source` is sqlite or postgres."""

    made_at: int
    schema: int
    version: str
    source: str
    tables: dict[str, Counted]

    @property
    def rows(self) -> int:
        """How many rows there are in all."""
        return sum(table.rows for table in self.tables.values())


@dataclass(frozen=True, slots=True)
class Keys:
    """What seals a backup: the master key, and a passphrase where the content is for whoever knows that."""

    master: bytes = field(repr=False)
    passphrase: bytes = field(default=b"", repr=False)

    def of_seal(self) -> bytes:
        """Give the key of the manifest's seal."""
        return _derive(self.master, b"", b"pay-bridge.backup.seal.v1")

    def of_content(self, head: Head) -> bytes | None:
        """Give the key of a backup's content, None where it is not encrypted. Raises LedgerBroken."""
        if head.sealed == _PLAIN:
            return None
        try:
            salt = base64.b64decode(head.salt, validate=True)
        except ValueError as error:
            raise LedgerBroken("The backup's beginning was altered.") from error
        if head.sealed == _MASTER:
            return _derive(self.master, salt, b"pay-bridge.backup.content.v1")
        if head.sealed != _PASSPHRASE:
            raise LedgerBroken("This backup is sealed in a way that this version does not know.")
        if not self.passphrase:
            raise LedgerBroken("This backup is encrypted under a passphrase; give --passphrase-file.")
        return Scrypt(salt=salt, length=32, n=1 << 15, r=8, p=1).derive(self.passphrase)


class Writer:
    """Writes a backup, table after table."""

    def __init__(
        self,
        file: BinaryIO,
        keys: Keys,
        *,
        made_at: int,
        schema: int,
        source: str,
        version: str,
        salt: bytes,
        encrypt: bool,
    ) -> None:
        sealed = _PASSPHRASE if keys.passphrase else _MASTER if encrypt else _PLAIN
        head = Head(made_at, schema, sealed, base64.b64encode(salt).decode(), fingerprint(keys.master))
        self._about = encode(head)
        file.write(MAGIC + self._about + b"\n")
        self._frames = FrameWriter(file, keys.of_content(head), self._about)
        self._keys = keys
        self._made = (made_at, schema, version, source)
        self._tables: dict[str, Counted] = {}

    def table(self, table: Table, rows: Iterable[RowValues]) -> None:
        """Write a table's rows."""
        self._frames.write(encode({"table": table.name, "columns": table.columns, "key": table.key}) + b"\n")
        digest, count = hashlib.sha256(), 0
        for row in rows:
            line = encode(row) + b"\n"
            digest.update(line)
            self._frames.write(line)
            count += 1
        self._tables[table.name] = Counted(list(table.columns), list(table.key), count, digest.hexdigest())

    def finish(self) -> Manifest:
        """Write the manifest and its seal."""
        manifest = Manifest(*self._made, self._tables)
        text = encode(manifest)
        self._frames.write(encode({"manifest": text.decode(), "seal": _seal(self._keys, self._about, text)}) + b"\n")
        self._frames.finish()
        return manifest


class Reader:
    """Reads a backup once, from beginning to seal; nothing of it is to be believed before `manifest` is there."""

    def __init__(self, file: BinaryIO, keys: Keys) -> None:
        self._about, self.head = _open(file)
        given = fingerprint(keys.master)
        if self.head.key != given:
            raise LedgerBroken(
                f"This backup was made under the master key {self.head.key}, and {given} is given; set"
                " BRIDGE_MASTER_KEY_FILE to the key of that time."
            )
        self._keys = keys
        self._lines = _lines(read_frames(file, keys.of_content(self.head), self._about))
        self._found: dict[str, Counted] = {}
        self._next: Any = None
        self.manifest: Manifest | None = None

    def tables(self) -> Iterator[tuple[Table, Iterator[RowValues]]]:
        """Give each table with its rows, which are to be read to their end before the next.

        Raises LedgerBroken where the seal, a count or a hash does not fit.
        """
        self._next = _parse(next(self._lines, b""))
        while isinstance(self._next, dict) and "table" in self._next:
            told = _read(encode(self._next), _TableLine)
            table = Table(told.table, tuple(told.columns), tuple(told.key))
            yield table, self._rows(table)
        self._check_seal()

    def _rows(self, table: Table) -> Iterator[RowValues]:
        digest, count = hashlib.sha256(), 0
        for line in self._lines:
            if not line.startswith(b"["):
                self._next = _parse(line)
                break
            row = _parse(line)
            if len(row) != len(table.columns) or not all(value is None or type(value) in (str, int) for value in row):
                raise LedgerBroken(_BROKEN)
            digest.update(line + b"\n")
            count += 1
            yield tuple(row)
        self._found[table.name] = Counted(list(table.columns), list(table.key), count, digest.hexdigest())

    def _check_seal(self) -> None:
        last = _read(encode(self._next), _LastLine)
        text = last.manifest.encode()
        if not hmac.compare_digest(_seal(self._keys, self._about, text), last.seal):
            raise LedgerBroken("The backup's seal does not fit: it was altered.")
        manifest = _read(text, Manifest)
        if manifest.tables != self._found or next(self._lines, b""):
            raise LedgerBroken(_BROKEN)
        self.manifest = manifest


class _TableLine(msgspec.Struct):
    table: str
    columns: list[str]
    key: list[str]


class _LastLine(msgspec.Struct):
    manifest: str
    seal: str


def read_head(file: BinaryIO) -> Head:
    """Read what stands at a backup's beginning. Raises LedgerBroken."""
    return _open(file)[1]


def _open(file: BinaryIO) -> tuple[bytes, Head]:
    if file.read(len(MAGIC)) != MAGIC:
        raise LedgerBroken("This is not a backup of Pay Bridge.")
    about = file.readline(_HEAD_BYTES_MAX).rstrip(b"\n")
    return about, _read(about, Head)


def _seal(keys: Keys, about: bytes, manifest: bytes) -> str:
    return hmac.new(keys.of_seal(), about + b"\n" + manifest, hashlib.sha256).hexdigest()


def _derive(secret: bytes, salt: bytes, purpose: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt or None, purpose).derive(secret)


def _lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    waiting = b""
    for piece in pieces:
        *whole, waiting = (waiting + piece).split(b"\n")
        yield from whole
        if len(waiting) > _LINE_BYTES_MAX:
            raise LedgerBroken(_BROKEN)
    if waiting:
        raise LedgerBroken(_BROKEN)


def _parse(line: bytes) -> Any:
    try:
        return _decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise LedgerBroken(_BROKEN) from error


def _read(text: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(text, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise LedgerBroken("The backup cannot be read; was it made by another version?") from error
