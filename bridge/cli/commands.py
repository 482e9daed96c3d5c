"""The commands, one function each."""

import base64
import getpass
import secrets
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from bridge import __version__
from bridge.cli import doctor as examination
from bridge.cli.output import print_facts, print_json, print_table
from bridge.cli.run import run
from bridge.domain.failures import Malformed
from bridge.domain.payment import parse_amount
from bridge.settings import from_environment

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="Pay Bridge.")
site_app = typer.Typer(no_args_is_help=True, help="Sites: add, list, turn keys.")
operator_app = typer.Typer(no_args_is_help=True, help="People who may use the dashboard.")
payments_app = typer.Typer(no_args_is_help=True, help="Payments: list, show.")
app.add_typer(site_app, name="site")
app.add_typer(operator_app, name="operator")
app.add_typer(payments_app, name="payments")

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Host = Annotated[str, typer.Option(help="Address to listen on.")]
Port = Annotated[int, typer.Option(help="Port to listen on.", min=0, max=65535)]


@app.command()
def init(
    directory: Annotated[Path, typer.Option("--dir", help="Where the database and the master key will be.")],
) -> None:
    """Make a folder with a new master key, and print the settings to put into the environment."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    key = directory / "master.key"
    if not key.exists():
        key.touch(mode=0o600)
        key.write_text(base64.b64encode(secrets.token_bytes(32)).decode() + "\n", "ascii")
    sys.stdout.write(
        f"export BRIDGE_DATABASE_URL=sqlite:///{directory.resolve() / 'bridge.db'}\n"
        f"export BRIDGE_MASTER_KEY_FILE={key.resolve()}\n"
        "export BRIDGE_PUBLIC_URL=http://127.0.0.1:8800   # the address buyers reach; https in earnest\n"
    )


@app.command()
def serve(host: Host = "127.0.0.1", port: Port = 8800) -> None:
    """Run the bridge."""
    from bridge.cli.server import serve_forever

    serve_forever(from_environment(), host, port)


@app.command()
def sandbox(host: Host = "127.0.0.1", port: Port = 9900) -> None:
    """Run gateways that behave like the real ones; no money moves."""
    from bridge.sandbox.app import serve as serve_sandbox

    serve_sandbox(host, port)


@app.command()
def doctor(as_json: Json = False) -> None:
    """Examine the settings, the database and the running server."""
    findings = examination.examine()
    if as_json:
        print_json(findings)
    else:
        print_table(findings, ("check", "verdict", "what"), "")
    if any(finding["verdict"] == "fail" for finding in findings):
        raise typer.Exit(1)


@app.command()
def version() -> None:
    """Print the version."""
    sys.stdout.write(f"pay-bridge {__version__}\n")


@site_app.command("add")
def site_add(
    url: Annotated[str, typer.Argument(help="The site's address, as buyers see it.")],
    gateway: Annotated[list[str], typer.Option(help="A gateway; the first is the default. Repeatable.")],
    setting: Annotated[list[str], typer.Option("--set", help="NAME.key=value, =@file or =- . Repeatable.")] = [],  # noqa: B006
    mode: Annotated[str, typer.Option(help="test or live.")] = "test",
    as_json: Json = False,
) -> None:
    """Add a site; its secret and pairing code are shown this once."""
    if mode not in ("test", "live"):
        raise Malformed("--mode is test or live.")
    added = run("site.add", url=url, gateways=gateway, settings=_read_settings(setting), mode=mode)
    print_json(added) if as_json else print_facts(added)


@site_app.command("list")
def site_list(as_json: Json = False) -> None:
    """List the sites, with the notice addresses to type into the gateways' consoles."""
    sites = run("site.list")
    if as_json:
        print_json(sites)
    else:
        columns = ("url", "mode", "gateways", "keys", "notice_urls", "site")
        print_table(sites, columns, "No site yet: `pay-bridge site add URL --gateway mainpay`.")


@site_app.command("rotate-key")
def site_rotate_key(url: str, as_json: Json = False) -> None:
    """Make a new key; the old one works until it is revoked."""
    made = run("site.rotate-key", url=url)
    print_json(made) if as_json else print_facts(made)


@site_app.command("revoke-key")
def site_revoke_key(url: str, key_id: str, as_json: Json = False) -> None:
    """End a key within seconds."""
    ended = run("site.revoke-key", url=url, key_id=key_id)
    print_json(ended) if as_json else print_facts(ended)


@operator_app.command("add")
def operator_add(
    name: str,
    role: Annotated[str, typer.Option(help="operator or viewer.")] = "operator",
    password_file: Annotated[Path | None, typer.Option(help="A file with the password; - for standard input.")] = None,
    as_json: Json = False,
) -> None:
    """Let a person use the dashboard."""
    added = run("operator.add", name=name, password=_read_password(password_file), role=role)
    print_json(added) if as_json else print_facts(added)


@payments_app.command("list")
def payments_list(
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
        print_table(found, columns, "No payment yet.")


@payments_app.command("show")
def payments_show(payment: str) -> None:
    """Show a payment with its timeline and refunds, as JSON."""
    print_json(run("payments.show", payment=payment))


@app.command()
def refund(
    payment: str,
    reason: Annotated[str, typer.Option(help="Why; the gateway and the timeline will have it.")],
    amount: Annotated[str, typer.Option(help="KRW; all that is left when not given.")] = "",
    key: Annotated[str, typer.Option(help="The same key refunds once, however often it is typed.")] = "",
    as_json: Json = False,
) -> None:
    """Give money back. The site's daily limit does not hold for an operator."""
    done = run(
        "refund",
        payment=payment,
        reason=reason,
        amount=parse_amount(amount) if amount else None,
        actor=getpass.getuser(),
        key=key or secrets.token_hex(16),
    )
    print_json(done) if as_json else print_facts(done)
    if done["state"] in ("refused", "not_sent"):
        raise typer.Exit(1)


def _read_settings(words: list[str]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, Any]] = {}
    for word in words:
        name, equals, value = word.partition("=")
        gateway, point, key = name.partition(".")
        if not (equals and point and key):
            raise Malformed(f"--set wants NAME.key=value, not {name!r}.")
        if value == "-":
            value = sys.stdin.read().strip()
        elif value.startswith("@"):
            value = Path(value[1:]).read_text("utf-8").strip()
        found.setdefault(gateway, {})[key] = value
    return found


def _read_password(path: Path | None) -> str:
    if path is None:
        return getpass.getpass("Password: ")
    text = sys.stdin.read() if str(path) == "-" else path.read_text("utf-8")
    return text.strip()
