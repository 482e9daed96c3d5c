"""`python -m bridge` is the `pay-bridge` command."""

from bridge.cli import main

if __name__ == "__main__":
    main()
