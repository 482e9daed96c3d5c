"""`pay-bridge privacy`: what is held about a person, and to take them out of what need not be kept."""

from typing import Annotated

import typer

from bridge.cli.options import Json
from bridge.cli.output import print_facts, print_json
from bridge.cli.run import run

Url = Annotated[str, typer.Argument(help="The site's address.")]
Email = Annotated[str, typer.Option(help="The buyer's e-mail, as it was given.")]
Phone = Annotated[str, typer.Option(help="The buyer's phone, as it was given.")]
Order = Annotated[str, typer.Option(help="One order's reference.")]
app = typer.Typer(no_args_is_help=True, help="A person's data: export, erase.")


@app.command("export")
def export(url: Url, email: Email = "", phone: Phone = "", order: Order = "") -> None:
    """Print everything held about a person, as JSON."""
    print_json(run("privacy.export", url=url, email=email, phone=phone, order=order))


@app.command("erase")
def erase(url: Url, email: Email = "", phone: Phone = "", order: Order = "", as_json: Json = False) -> None:
    """Take a person out of orders that held no money, or whose five years are over; the rest is named with its end."""
    done = run("privacy.erase", url=url, email=email, phone=phone, order=order)
    print_json(done) if as_json else print_facts(done)
