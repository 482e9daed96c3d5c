"""Ports for servers that a test starts."""

import random
import socket

LOWEST, HIGHEST = 20_000, 32_767
"""Below what the system hands out by itself: an outgoing connection of another test never takes one meanwhile."""
TRIES = 100
_chance = random.SystemRandom()


def free_port(host: str = "127.0.0.1") -> int:
    """Find a TCP port nobody listens on now."""
    for _ in range(TRIES):
        port = _chance.randint(LOWEST, HIGHEST)
        with socket.socket() as probe:
            try:
                probe.bind((host, port))
            except OSError:
                continue
        return port
    raise AssertionError(f"no free port between {LOWEST} and {HIGHEST}")
