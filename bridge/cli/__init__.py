"""The `pay-bridge` command. Exit codes: 0 done, 1 refused or failed, 2 wrong words or settings."""

import sys

from bridge.cli.commands import app
from bridge.cli.output import complain
from bridge.domain.failures import BridgeError, Misconfigured


def main() -> None:
    """Run the command line; a failure is one sentence, never a traceback."""
    try:
        app()
    except Misconfigured as error:
        complain(error.detail)
        sys.exit(2)
    except BridgeError as error:
        complain(error.detail)
        sys.exit(1)
