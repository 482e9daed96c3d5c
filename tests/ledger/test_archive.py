"""The backup file by itself: written, read, and altered in every single byte."""

import io

import pytest

from bridge.domain.failures import LedgerBroken
from bridge.ledger.archive import Keys, Reader, Table, Writer

KEYS = Keys(bytes(range(32)))
TABLES = {
    Table("orders", ("site", "ref", "amount"), ("site", "ref")): [("s", "o1", 55_000), ("s", "o2", None)],
    Table("meta", ("name", "value"), ("name",)): [("root", "sealed")],
    Table("entries", ("payment", "amount"), ("payment",)): [(f"p{n}", n * 37 % 1_000) for n in range(150)],
}


def written(*, encrypt: bool) -> bytes:
    file = io.BytesIO()
    writer = Writer(file, KEYS, made_at=1, schema=1, source="sqlite", version="1", salt=bytes(16), encrypt=encrypt)
    for table, rows in TABLES.items():
        writer.table(table, rows)
    writer.finish()
    return file.getvalue()


def read(raw: bytes) -> dict[Table, list[object]]:
    reader = Reader(io.BytesIO(raw), KEYS)
    found = {table: list(rows) for table, rows in reader.tables()}
    assert reader.manifest is not None
    return found


@pytest.mark.parametrize("encrypt", [False, True])
def test_what_was_written_is_read(encrypt):
    assert read(written(encrypt=encrypt)) == TABLES


@pytest.mark.parametrize("bit", [1 << number for number in range(8)])
@pytest.mark.parametrize("encrypt", [False, True])
def test_not_one_byte_may_be_another(encrypt, bit):
    whole = written(encrypt=encrypt)
    for at in range(len(whole)):
        altered = whole[:at] + bytes([whole[at] ^ bit]) + whole[at + 1 :]
        try:
            found = read(altered)
        except LedgerBroken:
            continue
        pytest.fail(f"byte {at} of {len(whole)}: {whole[max(0, at - 20) : at + 20]!r} gives {found}")


@pytest.mark.parametrize("encrypt", [False, True])
def test_not_one_byte_may_be_missing_or_too_many(encrypt):
    whole = written(encrypt=encrypt)
    for altered in (*(whole[:at] for at in range(len(whole))), whole + b"x", whole + b"\n"):
        with pytest.raises(LedgerBroken):
            read(altered)
