"""The command line's tree, and the commands that stand alone."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from bridge import __version__
from bridge.cli import anchors, backup, cases, database, money, operators, privacy, restore, sites
from bridge.cli import doctor as examination
from bridge.cli.master_key import make_key, rotate_master_key
from bridge.cli.options import Host, Json, Port
from bridge.cli.output import print_json, print_lines, print_table
from bridge.settings import from_environment

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Pay Bridge: payments for a WordPress site, by the Korean gateways.",
    epilog="Exit codes: 0 done, 1 refused or failed, 2 wrong words or settings, 3 not known yet.",
)
app.add_typer(sites.app, name="site")
app.add_typer(operators.app, name="operator")
app.add_typer(money.payments_app, name="payments")
app.add_typer(cases.app, name="cases")
app.add_typer(anchors.app, name="anchors")
app.add_typer(privacy.app, name="privacy")
app.add_typer(money.outbox_app, name="outbox")
app.command("refund")(money.refund)
app.command("cancel-transfer")(money.cancel_transfer)
app.command("backup")(backup.backup)
app.command("restore")(restore.restore)
app.command("reconcile")(restore.reconcile)
app.command("rotate-master-key")(rotate_master_key)
app.command("migrate")(database.migrate)
app.command("move-to-postgres")(database.move)


Checked = Literal["mainpay", "paystory", "payapp", "welcome", "payple", "all"]


@app.command()
def demo(
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 for other machines too.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The bridge's port.", min=1, max=65535)] = 8800,
    shop_port: Annotated[int, typer.Option(help="The shop's port.", min=1, max=65535)] = 8801,
    sandbox_port: Annotated[int, typer.Option(help="The sandbox gateway's port.", min=1, max=65535)] = 9900,
    public_host: Annotated[str, typer.Option(help="The name or address browsers use, if it is not --host.")] = "",
    directory: Annotated[Path | None, typer.Option("--dir", help="Where the demo keeps its data.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Walk every journey, compare the books, end.")] = False,
    gateway: Annotated[Checked, typer.Option(help="Whose journeys --check walks.")] = "all",
    as_json: Annotated[bool, typer.Option("--json", help="Print all that --check found, as JSON.")] = False,
) -> None:
    """Run a shop, the bridge and a sandbox gateway: buy a ticket in the browser, refund it. No money moves."""
    if check:
        from bridge.demo.check import check as check_demo
        from bridge.demo.report import print_report

        if not as_json:
            print_lines(["Walking every journey; with all gateways it takes about half a minute …", ""])
        found = check_demo(gateway)
        print_json(found) if as_json else print_report(found)
        raise typer.Exit(0 if found["agree"] and found["as_expected"] else 1)
    from bridge.demo.run import Ports, run_demo

    run_demo(directory, host, public_host, Ports(port, shop_port, sandbox_port))


@app.command()
def init(
    directory: Annotated[Path, typer.Option("--dir", help="Where the database and the master key will be.")],
    as_json: Json = False,
) -> None:
    """Make a folder with a new master key, and print the settings to put into the environment."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    key = directory / "master.key"
    if not key.exists():
        make_key(key)
    variables = {
        "BRIDGE_DATABASE_URL": f"sqlite:///{directory.resolve() / 'bridge.db'}",
        "BRIDGE_MASTER_KEY_FILE": str(key.resolve()),
        "BRIDGE_PUBLIC_URL": "http://127.0.0.1:8800",
    }
    if as_json:
        print_json(variables)
        return
    lines = [f"export {name}={value}" for name, value in variables.items()]
    print_lines([*lines[:-1], f"{lines[-1]}   # the address buyers reach; https in earnest"])


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
    print_json(findings) if as_json else print_table(findings, ("check", "verdict", "what"), "")
    if any(finding["verdict"] == "fail" for finding in findings):
        raise typer.Exit(1)


@app.command()
def version(as_json: Json = False) -> None:
    """Print the version."""
    print_json({"version": __version__}) if as_json else print_lines([f"pay-bridge {__version__}"])
