"""`pay-bridge payments`, `refund` and `outbox`: looking at money, giving it back, and what WordPress is owed."""

import getpass
import os
import re
import secrets
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from bridge.cli.options import Json, read_text
from bridge.cli.output import print_facts, print_json, print_table
from bridge.cli.run import run
from bridge.domain.payment import parse_amount

NOT_KNOWN_YET = 3
_ACCOUNT = re.compile(r"[0-9]{2,4}:[0-9-]{4,24}:[^:\s][^:\n]{0,39}(:[0-9]{6}|:[0-9]{10})?")
_KEY = re.compile(r"[0-9a-f]{32}")
payments_app = typer.Typer(no_args_is_help=True, help="Payments: list, show.")
outbox_app = typer.Typer(no_args_is_help=True, help="News that WordPress has not heard: list, retry.")


@payments_app.command("list")
def list_payments(
    words: Annotated[str, typer.Argument(help="An id, a reference, or a buyer's name, phone or e-mail.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=100)] = 50,
    as_json: Json = False,
) -> None:
    """List payments, newest first."""
    found = run("payments.list", words=words, limit=limit)
    if as_json:
        print_json(found)
    else:
        columns = ("id", "created_at", "order_ref", "gateway", "state", "amount", "refunded")
        print_table(found, columns, f"No payment fits {words!r}." if words else "No payment yet.")


@payments_app.command("show")
def show_payment(payment: str, as_json: Json = False) -> None:
    """Show a payment with its timeline and refunds."""
    shown = run("payments.show", payment=payment)
    if as_json:
        print_json(shown)
        return
    lists = {name: shown.pop(name) for name in ("timeline", "refunds")}
    print_facts(shown)
    print_table(lists["timeline"], ("at", "actor", "event", "from", "to", "code", "message", "amount"), "")
    print_table(lists["refunds"], ("id", "created_at", "amount", "state", "reason", "actor", "code", "message"), "")


def refund(
    payment: str,
    reason: Annotated[str, typer.Option(help="Why; the gateway and the timeline will have it.")],
    amount: Annotated[str | None, typer.Option(help="KRW; all that is left when not given.")] = None,
    account: Annotated[
        Path | None,
        typer.Option(help="A file (- for standard input) with BANK:NUMBER:HOLDER[:BORN]: a transfer goes there."),
    ] = None,
    key: Annotated[str, typer.Option(help="32 hex digits: the same key refunds once, however often it is typed.")] = "",
    as_json: Json = False,
) -> None:
    """Give money back. The site's daily limit does not hold for an operator.

    Exit code 0: done, 1: refused, 3: not known yet (look with `payments show`, or type it again with the same --key).
    """
    if key and not _KEY.fullmatch(key):
        raise typer.BadParameter("--key is 32 hex digits, in lower case.")
    wanted = None if amount is None else parse_amount(amount)  # an empty one is a script's unset variable, and not all
    key = key or new_key()
    to = read_text(account, "--account") if account else ""
    if to and not _ACCOUNT.fullmatch(to):
        raise typer.BadParameter(
            "--account holds one line: BANK:NUMBER:HOLDER, such as 088:110-123-456789:홍길동, and :900101 behind it"
            " where the gateway asks for the holder's birth date."
        )
    words = {"payment": payment, "reason": reason, "amount": wanted, "actor": who(), "key": key, "account": to}
    done: dict[str, Any] = run("refund", **words)
    done["key"] = key
    print_json(done) if as_json else print_facts(done)
    if done["state"] in ("refused", "not_sent"):
        raise typer.Exit(1)
    if done["state"] not in ("done", "accepted"):
        raise typer.Exit(NOT_KNOWN_YET)


def cancel_transfer(
    refund: Annotated[str, typer.Argument(help="The refund's id, as `refund` and `payments show` print it.")],
    as_json: Json = False,
) -> None:
    """Take back a refund to an account while the gateway has only registered its transfer.

    Exit code 0: it was not made, and the money may be refunded anew, 1: it was made already, 3: not known yet (the
    gateway is asked each minute; look with `payments show`, or type it again).
    """
    done: dict[str, Any] = run("cancel-transfer", refund=refund, actor=who())
    print_json(done) if as_json else print_facts(done)
    if done["transfer"] != "not_made":
        raise typer.Exit(1 if done["transfer"] == "made" else NOT_KNOWN_YET)


def who() -> str:
    """Name the person at this terminal, as the timeline will; a container may have no name for its user."""
    try:
        return getpass.getuser()[:55]
    except (KeyError, OSError):
        return f"uid-{os.getuid()}"


def new_key() -> str:
    """Make an idempotency key: eight hex digits of unix time, so that restored books know an old one, and chance."""
    return f"{int(time.time()):08x}{secrets.token_hex(12)}"


@outbox_app.command("list")
def list_outbox(limit: Annotated[int, typer.Option(min=1, max=1000)] = 100, as_json: Json = False) -> None:
    """List the news that no WordPress has heard yet, oldest first; `kept` is what the bridge gave up."""
    found = run("outbox.list", limit=limit)
    if as_json:
        print_json(found)
    else:
        columns = ("created_at", "payment", "seq", "type", "state", "tries", "next_try_at", "last_error")
        print_table(found, columns, "WordPress has heard everything.")


@outbox_app.command("retry")
def retry_outbox(
    payment: Annotated[str, typer.Argument(help="One payment's news; all when not given.")] = "", as_json: Json = False
) -> None:
    """Send unheard news again now, not when its next try is due. The running server sends it."""
    done = run("outbox.retry", payment=payment)
    print_json(done) if as_json else print_facts(done)
