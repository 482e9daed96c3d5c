"""`pay-bridge anchors`: what the books do not bear out of what WordPress keeps, and what two people found harmless."""

from typing import Annotated, Any

import typer

from bridge.cli.cases import As, PasswordFile
from bridge.cli.options import Json, read_password
from bridge.cli.output import print_facts, print_json, print_table
from bridge.cli.run import run

app = typer.Typer(no_args_is_help=True, help="Broken anchors: list, propose, confirm.")


@app.command("list")
def list_(as_json: Json = False) -> None:
    """List the broken anchors of every site: what differs, and who acknowledged it."""
    found = run("anchors.list")
    columns = ("site", "day", "seal", "state", "what", "proposal", "reason", "maker", "checker")
    print_json(found) if as_json else print_table(found, columns, "No anchor is broken.")


@app.command("propose")
def propose(
    url: Annotated[str, typer.Argument(help="The site's address.")],
    reason: Annotated[str, typer.Option(help="Why the books differ, how you know it, and that it does no harm.")],
    who: As,
    password_file: PasswordFile = None,
    as_json: Json = False,
) -> None:
    """Propose to acknowledge what is broken of a site's anchors now. The alarm goes on until somebody else confirms."""
    words = {"name": who, "password": read_password(password_file, once=True)}
    _print(run("anchors.propose", url=url, reason=reason, **words), as_json)


@app.command("confirm")
def confirm(
    proposal: Annotated[str, typer.Argument(help="What was proposed, as `anchors list` shows it.")],
    who: As,
    remark: Annotated[str, typer.Option(help="What you saw yourself; needed where you confirm your own.")] = "",
    password_file: PasswordFile = None,
    as_json: Json = False,
) -> None:
    """Confirm what another proposed: these anchors are no alarm any more, until the books differ otherwise."""
    words = {"name": who, "password": read_password(password_file, once=True)}
    _print(run("anchors.confirm", proposal=proposal, remark=remark, **words), as_json)


def _print(shown: dict[str, Any], as_json: bool) -> None:
    print_json(shown) if as_json else print_facts(shown)
