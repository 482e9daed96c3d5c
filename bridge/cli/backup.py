"""`pay-bridge backup`: the books in one file, while the bridge runs."""

import functools
from pathlib import Path
from typing import Annotated, Any

import typer

from bridge.cli.books import Kept, back_up, check
from bridge.cli.options import Json, read_text
from bridge.cli.output import print_facts, print_json
from bridge.cli.progress import bar
from bridge.cli.run import run
from bridge.clock import from_ms
from bridge.flows.snapshots import rfc3339
from bridge.ledger.archive import Keys
from bridge.ledger.migrate import migrations
from bridge.settings import from_environment

Passphrase = Annotated[
    Path | None, typer.Option("--passphrase-file", help="A file with a passphrase; - for standard input.")
]


def backup(
    destination: Annotated[Path, typer.Argument(help="The file to be made, or a folder that gets one with the time.")],
    encrypt: Annotated[bool, typer.Option("--encrypt", help="Encrypt it under the master key.")] = False,
    passphrase_file: Passphrase = None,
    verify: Annotated[bool, typer.Option("--verify", help="Make none: read this one to its end and check it.")] = False,
    as_json: Json = False,
) -> None:
    """Keep the books in a file, read it back and check it. The bridge may run; it is not disturbed.

    The file is of no use without the master key, which is not in it: keep that apart. With --passphrase-file the
    content is encrypted under the passphrase.
    """
    settings = from_environment()
    passphrase = read_text(passphrase_file, "--passphrase-file").encode() if passphrase_file else b""
    shown_bar = functools.partial(bar, quiet=as_json)
    if verify:
        manifest = check(destination, Keys(settings.master_key.reveal(), passphrase), shown_bar)
        facts: dict[str, Any] = {"path": str(destination), "made_at": rfc3339(from_ms(manifest.made_at))}
        facts |= {"schema": manifest.schema, "rows": manifest.rows}
    else:
        kept = back_up(settings, destination, encrypt=encrypt, passphrase=passphrase, bar=shown_bar)
        facts = _facts(kept)
        if kept.manifest.schema == migrations(kept.manifest.source)[-1][0]:  # else noting it would migrate the database
            run("backup.note", **_noted(kept))
    print_json(facts) if as_json else print_facts(facts)


def _facts(kept: Kept) -> dict[str, Any]:
    return {
        "path": str(kept.path),
        "made_at": rfc3339(from_ms(kept.manifest.made_at)),
        "schema": kept.manifest.schema,
        "rows": kept.manifest.rows,
        "bytes": kept.bytes,
        "seconds": round(kept.seconds, 2),
    }


def _noted(kept: Kept) -> dict[str, Any]:
    return {
        "made_at": kept.manifest.made_at,
        "path": str(kept.path.resolve()),
        "rows": kept.manifest.rows,
        "bytes": kept.bytes,
        "took_ms": round(kept.seconds * 1000),
    }
