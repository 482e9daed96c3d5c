"""What a failure of SQLite's means: for the turn, for the disk, for the process."""

import sqlite3


def is_busy(error: BaseException) -> bool:
    """Tell whether somebody else held the file for too long."""
    return _code(error) == sqlite3.SQLITE_BUSY


def is_full(error: BaseException) -> bool:
    """Tell whether the disk has no room left."""
    return _code(error) == sqlite3.SQLITE_FULL or (
        getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_IOERR_SHMSIZE  # the index of the log could not grow
    )


def is_damaged(error: BaseException) -> bool:
    """Tell whether the file is not, or no longer, a whole database."""
    return _code(error) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def is_broken(error: BaseException) -> bool:
    """Tell whether nothing that was written can be relied upon: the process ends."""
    return is_damaged(error) or (_code(error) == sqlite3.SQLITE_IOERR and not is_full(error))


def is_grave(error: BaseException) -> bool:
    """Tell whether the transaction is lost with all its turns."""
    return is_broken(error) or is_full(error) or _code(error) == sqlite3.SQLITE_NOMEM


def _code(error: BaseException) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF
