"""`pay-bridge rotate-master-key`, and the files that master keys are in."""

import base64
import os
import secrets
from pathlib import Path
from typing import Annotated, Any

import typer

from bridge.cli.books import alone, private, sync_folder
from bridge.cli.money import who
from bridge.cli.options import Json, read_text
from bridge.cli.output import print_facts, print_json
from bridge.clock import SystemClock, now_ms
from bridge.domain.failures import Misconfigured
from bridge.ledger import root
from bridge.settings import from_environment, read_key

KEY_BYTES = 32
OPTION = "--new-key-file"


def rotate_master_key(
    new_key_file: Annotated[Path, typer.Option(OPTION, help="The new key; made, for its owner alone, if not there.")],
    as_json: Json = False,
) -> None:
    """Seal the books' secrets under a new master key. The server is stopped meanwhile; all of it happens, or nothing.

    Sites, checkouts and notice addresses stay as they are. Backups made before need the old key: keep it with them.
    """
    settings, clock = from_environment(), SystemClock()
    old, path = settings.master_key.reveal(), new_key_file.resolve()
    with alone(settings) as turn:
        sealed = root.kept(turn)
        if path.exists() and root.sealed_under(sealed) == root.fingerprint(_key_in(path)):
            raise Misconfigured(
                f"{path} is this database's master key already; set BRIDGE_MASTER_KEY_FILE to it, and start the bridge."
            )
        root.unlock(turn, old, clock.random_bytes)  # before a key is made that nothing would be sealed under
        if not path.exists():
            make_key(path)
        new = _key_in(path)
        root.rotate(turn, old, new, clock.random_bytes, at=now_ms(clock), actor=f"operator:{who()}")
    facts: dict[str, Any] = {"was": root.fingerprint(old), "is": root.fingerprint(new), "key_file": str(path)}
    if as_json:
        print_json(facts)
        return
    now = f"set BRIDGE_MASTER_KEY_FILE={path} (and no BRIDGE_MASTER_KEY), start the bridge, make a backup"
    print_facts(facts | {"next": f"{now}; keep the old key with the backups made before"})


def make_key(path: Path) -> None:
    """Make a file with a new master key, for its owner alone: it is there whole and on the disk, or not at all."""
    part = path.with_name(f".{path.name}.part")
    with os.fdopen(private(part), "wb") as file:
        file.write(base64.b64encode(secrets.token_bytes(KEY_BYTES)) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    part.rename(path)
    sync_folder(path.parent)


def _key_in(path: Path) -> bytes:
    try:
        return read_key(read_text(path, OPTION)).reveal()
    except Misconfigured as error:
        raise Misconfigured(f"{OPTION}: {path} holds no master key. {error.detail}") from error
