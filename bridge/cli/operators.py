"""`pay-bridge operator`: the people who may use the dashboard, decide cases and use the operators' API."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from bridge.cli.money import who
from bridge.cli.options import Json, read_password
from bridge.cli.output import print_facts, print_json, print_table
from bridge.cli.run import run

Name = Annotated[str, typer.Argument(help="The account's name, as `operator list` shows it.")]
PasswordFile = Annotated[Path | None, typer.Option(help="A file with the password; - for standard input.")]
Last = Annotated[bool, typer.Option("--last", help="Also where nobody is left who may act.")]
app = typer.Typer(no_args_is_help=True, help="People who may use the dashboard.")


@app.command("add")
def add(
    name: str,
    role: Annotated[Literal["operator", "viewer"], typer.Option(help="A viewer may look and not act.")] = "operator",
    password_file: PasswordFile = None,
    as_json: Json = False,
) -> None:
    """Let a person use the dashboard."""
    _print(run("operator.add", name=name, password=read_password(password_file), role=role, who=who()), as_json)


@app.command("list")
def list_(as_json: Json = False) -> None:
    """List the accounts: what each may do, whether it is enabled, and since when."""
    found = run("operator.list")
    columns = ("name", "role", "state", "renewed_at", "barred_at")
    print_json(found) if as_json else print_table(found, columns, "No operator yet: `pay-bridge operator add NAME`.")


@app.command("password")
def password(name: Name, password_file: PasswordFile = None, as_json: Json = False) -> None:
    """Give an account another password. Its sessions end; it confirms cases again from a day later on."""
    _print(run("operator.password", name=name, password=read_password(password_file), who=who()), as_json)


@app.command("disable")
def disable(name: Name, last: Last = False, as_json: Json = False) -> None:
    """Shut a person out at once, at every door. What they proposed stays, for others to confirm or reject."""
    _print(run("operator.disable", name=name, last=last, who=who()), as_json)


@app.command("enable")
def enable(name: Name, as_json: Json = False) -> None:
    """Let a person in again, with the password they had. The account confirms cases from a day later on."""
    _print(run("operator.enable", name=name, who=who()), as_json)


@app.command("role")
def role(
    name: Name,
    role: Annotated[Literal["operator", "viewer"], typer.Argument(help="A viewer may look and not act.")],
    last: Last = False,
    as_json: Json = False,
) -> None:
    """Say what a person may do. Made an operator, the account confirms cases from a day later on."""
    _print(run("operator.role", name=name, role=role, last=last, who=who()), as_json)


def _print(shown: dict[str, Any], as_json: bool) -> None:
    print_json(shown) if as_json else print_facts(shown)
