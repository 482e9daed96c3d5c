"""`pay-bridge site`: which WordPress installations this bridge serves, with what keys and gateways."""

from typing import Annotated

import typer

from bridge.cli.money import who
from bridge.cli.options import Json, Set, read_settings
from bridge.cli.output import print_facts, print_json, print_lines
from bridge.cli.run import run
from bridge.domain.payment import Mode

app = typer.Typer(no_args_is_help=True, help="Sites: add, list, change settings, turn keys.")


@app.command("add")
def add(
    url: Annotated[str, typer.Argument(help="The site's address, as buyers see it.")],
    gateway: Annotated[list[str], typer.Option(help="A gateway; the first is the default. Repeatable.")],
    setting: Set = [],  # noqa: B006
    mode: Annotated[Mode, typer.Option(help="Play money or real money.")] = Mode.TEST,
    as_json: Json = False,
) -> None:
    """Add a site; its secret and pairing code are shown this once."""
    added = run("site.add", url=url, gateways=gateway, settings=read_settings(setting), mode=mode)
    print_json(added) if as_json else print_facts(added)


@app.command("set")
def change(url: str, setting: Set, as_json: Json = False) -> None:
    """Change settings of a site's gateways; what is not named stays."""
    changed = run("site.set", url=url, settings=read_settings(setting))
    print_json(changed) if as_json else print_facts(changed)


@app.command("list")
def show_all(as_json: Json = False) -> None:
    """List the sites, with the notice addresses to type into the gateways' consoles."""
    sites = run("site.list")
    if as_json:
        print_json(sites)
        return
    if not sites:
        print_lines(["No site yet: `pay-bridge site add URL --gateway mainpay`."])
    for number, site in enumerate(sites):
        print_lines([""] if number else [])
        print_facts(site)


@app.command("ask")
def ask(
    url: str,
    gateway: str,
    command: Annotated[str, typer.Argument(help="One of the gateway's own commands; without it they are listed.")] = "",
    field: Annotated[list[str], typer.Option(help="NAME=value, =@file, or =- for standard input. Repeatable.")] = [],  # noqa: B006
    as_json: Json = False,
) -> None:
    """Run one of a gateway's own commands for the merchant's account (PayApp useridCheck, subidregist and so on)."""
    given = read_settings([f"field.{word}" for word in field]).get("field", {})
    answer = run("site.ask", url=url, gateway=gateway, deed=command, fields=given, actor=who())
    print_json(answer) if as_json else print_facts(answer)
    if command and not answer["done"]:
        raise typer.Exit(1)


@app.command("keys")
def show_keys(
    url: str,
    customer: Annotated[str, typer.Argument(help="The site's own name for the customer.")],
    as_json: Json = False,
) -> None:
    """Show a customer's billing keys, and what their gateway says of those that are active, if it can be asked."""
    keys = run("site.keys", url=url, customer=customer)
    if as_json:
        print_json(keys)
        return
    print_lines([] if keys else ["This customer has no billing key."])
    for number, key in enumerate(keys):
        print_lines([""] if number else [])
        print_facts(key)


@app.command("rotate-key")
def rotate_key(url: str, as_json: Json = False) -> None:
    """Make a new key; the old one works until it is revoked."""
    made = run("site.rotate-key", url=url)
    print_json(made) if as_json else print_facts(made)


@app.command("revoke-key")
def revoke_key(url: str, key_id: str, as_json: Json = False) -> None:
    """End a key within seconds."""
    ended = run("site.revoke-key", url=url, key_id=key_id)
    print_json(ended) if as_json else print_facts(ended)
