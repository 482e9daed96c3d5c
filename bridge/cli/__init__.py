"""The `pay-bridge` command. Exit codes: 0 done, 1 refused or failed, 2 wrong words or settings, 3 not known yet."""

import argparse
import gc
import sqlite3
import sys

from bridge.cli.output import complain, write_whole
from bridge.domain.failures import AmountRefused, BridgeError, Malformed, Misconfigured

HOST, PORT = "127.0.0.1", 8800
FAILED = 1
WRONG_WORDS = 2


def main() -> None:
    """Run the command line; a failure is one sentence, never a traceback."""
    write_whole()
    try:
        if sys.argv[1:2] == ["serve"] and "--help" not in sys.argv:
            _serve(sys.argv[2:])
        else:
            from bridge.cli.commands import app

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


def _serve(words: list[str]) -> None:
    """Serve without the command line's own libraries, which would stay in memory (8 MB) for the server's life."""
    gc.disable()  # until all is loaded: what is loaded stays, and looking for garbage in it took a seventh of the start
    sys.modules.setdefault("rich", None)  # type: ignore[arg-type]  # structlog would load it (3 MB) for coloured tracebacks
    from bridge.cli.server import serve_forever
    from bridge.settings import from_environment

    parser = argparse.ArgumentParser("pay-bridge serve", allow_abbrev=False)
    parser.add_argument("--host", default=HOST)
    parser.add_argument("--port", type=int, default=PORT, choices=range(65536), metavar="PORT")
    chosen = parser.parse_args(words)
    serve_forever(from_environment(), chosen.host, chosen.port)
