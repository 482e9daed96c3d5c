"""The contract of a ledger: work is a plain function of a turn, run whole in one transaction."""

from collections.abc import Callable, Mapping
from typing import Any, NoReturn, Protocol, TypeVar

from bridge.ledger.pace import Pace

T = TypeVar("T")
Unlock = Callable[["Turn"], bytes]
"""Finds the root secret in books that are being opened. Raises Misconfigured for another master key."""
Row = Mapping[str, Any]


class Turn(Protocol):
    """One transaction. Statements use `?` for values."""

    def run(self, sql: str, *values: object) -> int:
        """Execute a statement; answer how many rows it changed."""
        ...

    def one(self, sql: str, *values: object) -> Row | None:
        """Read the first row, or None."""
        ...

    def all(self, sql: str, *values: object) -> list[Row]:
        """Read every row."""
        ...


def no_root(_: Turn) -> bytes:
    """Unlock nothing: where whoever opens the books needs no key of theirs."""
    return b""


class Ledger(Protocol):
    """Where the books are. Because work is no coroutine, nobody can await a gateway inside a transaction.

    `alone`: no other process can write here while this one lives, so whatever another had begun, it is dead. Where
    others write too, work may be run again before it is committed: it changes nothing but the books.
    `engine`: the database's name and version.
    `root`: the books' root secret, of which every key that seals or hashes is made.
    `closed`: it was let go of. `read_only`: why nothing can be written until an operator has mended something.
    """

    alone: bool
    root: bytes
    engine: str
    closed: bool
    read_only: str
    pace: Pace

    def refusal(self) -> str:
        """Say why no money operation may begin now (its outcome might find no room in the books), or nothing."""
        ...

    def give_up(self, why: str) -> NoReturn:
        """End the process (exit code 70): the books contradict themselves, and money must not move by them."""
        ...

    async def write(self, work: Callable[[Turn], T]) -> T:
        """Run `work` in a transaction and return only after its commit. Raises what `work` raises, or Busy."""
        ...

    async def read(self, work: Callable[[Turn], T]) -> T:
        """Run `work` against the committed state; it cannot write."""
        ...

    async def examine(self) -> None:
        """Look through the database itself, beside whatever goes on, for minutes at most. Raises LedgerBroken."""
        ...

    async def close(self) -> None:
        """Finish the turns that wait, then let go of the database."""
        ...
