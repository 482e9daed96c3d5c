"""`pay-bridge restore` and `reconcile`: books from a backup, and how far they agree with the shops again."""

import functools
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from bridge.cli.backup import Passphrase
from bridge.cli.money import who
from bridge.cli.options import Json, read_text
from bridge.cli.output import print_facts, print_json
from bridge.cli.progress import bar
from bridge.cli.restored import restore_books
from bridge.cli.run import run
from bridge.clock import SystemClock, from_ms
from bridge.flows.snapshots import rfc3339
from bridge.ledger.archive import Keys
from bridge.settings import from_environment

GAP_LASTS = 3
NEXT = (
    "start the bridge: it asks the shops for what happened since the backup, and takes no payment and makes no refund"
    " until that is settled (`pay-bridge reconcile` shows how far). Keys revoked since the backup work again: end them"
)


def restore(
    source: Annotated[Path, typer.Argument(help="A file made by `pay-bridge backup`.")],
    replace: Annotated[bool, typer.Option("--replace", help="Put the books that are there aside.")] = False,
    passphrase_file: Passphrase = None,
    as_json: Json = False,
) -> None:
    """Restore the books from a backup. The bridge is stopped meanwhile; the backup is checked before anything changes.

    What happened since the backup is not in it: the bridge then asks the shops, and moves no money until all is
    settled.
    """
    settings = from_environment()
    passphrase = read_text(passphrase_file, "--passphrase-file").encode() if passphrase_file else b""
    keys = Keys(settings.master_key.reveal(), passphrase)
    began = time.monotonic()
    shown_bar = functools.partial(bar, quiet=as_json)
    manifest, aside = restore_books(settings, source, keys, shown_bar, replace=replace, clock=SystemClock())
    facts: dict[str, Any] = {
        "backup_of": rfc3339(from_ms(manifest.made_at)),
        "rows": manifest.rows,
        "seconds": round(time.monotonic() - began, 2),
    }
    facts |= {"aside": aside} if aside else {}
    print_json(facts) if as_json else print_facts(facts | {"next": NEXT})


def reconcile(
    end: Annotated[str, typer.Option("--end", metavar="URL", help="End the gap of this site.")] = "",
    reason: Annotated[str, typer.Option(help="What was compared, and why it may end.")] = "",
    unheard: Annotated[bool, typer.Option("--unheard", help="End it though the shop never handed over.")] = False,
    as_json: Json = False,
) -> None:
    """Show, after a restore, what the shops handed over and what is missing. Exit code 3: no money moves yet.

    The gap ends by itself when everything is settled; where cases are left, a person ends it with --end and --reason.
    """
    if end:
        shown = [run("reconcile.end", url=end, reason=reason, who=who(), unheard=unheard)]
    else:
        shown = run("reconcile.show")
    if as_json:
        print_json(shown)
    elif not shown:
        print_facts({"state": "the books were never restored"})
    for one in shown if not as_json else ():
        print_facts({name: value for name, value in one.items() if value not in ("", [], {})})
    if any(one["state"] != "ended" for one in shown):
        raise typer.Exit(GAP_LASTS)
