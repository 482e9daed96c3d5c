"""The `pay-bridge` command. Exit codes: 0 done, 1 refused or failed, 2 wrong words or settings, 3 not known yet."""

import sqlite3
import sys

from bridge.cli.commands import app
from bridge.cli.output import complain
from bridge.domain.failures import AmountRefused, BridgeError, Malformed, Misconfigured

FAILED = 1
WRONG_WORDS = 2


def main() -> None:
    """Run the command line; a failure is one sentence, never a traceback."""
    try:
        app()
    except (Misconfigured, Malformed, AmountRefused) as error:
        complain(error.detail)
        sys.exit(WRONG_WORDS)
    except BridgeError as error:
        complain(error.detail)
        sys.exit(FAILED)
    except sqlite3.Error as error:
        complain(f"The database cannot be used ({error}); `pay-bridge doctor` looks closer.")
        sys.exit(FAILED)
    except OSError as error:
        complain(f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}")
        sys.exit(FAILED)
