"""Opens a ledger of either kind, and says what either raises when a rule of the database is broken."""

import sqlite3

import psycopg

from bridge.app import open_ledger
from bridge.ledger.ledger import Ledger
from bridge.settings import Secret, Settings

RULE_BROKEN = (sqlite3.IntegrityError, psycopg.IntegrityError)


def open_books(database: str, master_key: bytes = bytes(32)) -> Ledger:
    """Open the books at an address, as the bridge does."""
    return open_ledger(Settings("https://pay.test", database, Secret(master_key)))
