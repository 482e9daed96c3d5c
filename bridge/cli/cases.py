"""`pay-bridge cases`: what only a person may decide. Two people decide: one proposes, another confirms."""

from pathlib import Path
from typing import Annotated, Any

import typer

from bridge.cli.options import Json, read_password
from bridge.cli.output import print_facts, print_json, print_table
from bridge.cli.run import run
from bridge.domain.payment import parse_amount

As = Annotated[str, typer.Option("--as", help="Your operator account; its password is asked for.")]
PasswordFile = Annotated[Path | None, typer.Option(help="A file with the password; - for standard input.")]
Evidence = Annotated[str, typer.Option(help="What you saw and where: the console's approval number, amount and time.")]
app = typer.Typer(no_args_is_help=True, help="Cases: list, show, report, propose, confirm, reject.")


@app.command("list")
def list_cases(limit: Annotated[int, typer.Option(min=1, max=100)] = 100, as_json: Json = False) -> None:
    """List the open cases, oldest first, with what may be decided."""
    found = run("cases.list", limit=limit)
    if as_json:
        print_json(found)
        return
    rows = [
        one
        | {
            "decide": ", ".join(choice["decision"] for choice in one["decisions"]),
            "proposed": one.get("proposal", {}).get("decision", ""),
        }
        for one in found
    ]
    columns = ("id", "opened_at", "order_ref", "payment_amount", "payment_state", "reason", "decide", "proposed")
    print_table(rows, columns, "No open case.")


@app.command("show")
def show_case(case: str, as_json: Json = False) -> None:
    """Show a case: what it is about, its evidence, and what to do next."""
    shown = run("cases.show", case=case)
    if as_json:
        print_json(shown)
        return
    lists = {name: shown.pop(name, []) for name in ("decisions", "history")}
    proposed = shown.pop("proposal", None)
    advice = shown.pop("advice", {})
    print_facts(shown | ({"next": advice["en"]} if advice else {}))
    choices = [one | {"means": one["label"]["en"]} for one in lists["decisions"]]
    print_table(choices, ("decision", "means", "amount"), "")
    columns = ("id", "decision", "amount", "state", "maker", "evidence", "checker", "remark")
    print_table([*lists["history"], *([proposed] if proposed else [])], columns, "")


@app.command("report")
def report_case(
    payment: str, evidence: Evidence, who: As, password_file: PasswordFile = None, as_json: Json = False
) -> None:
    """Open a case for something you saw at the gateway that the books do not show."""
    _print(run("cases.report", payment=payment, evidence=evidence, **_identity(who, password_file)), as_json)


@app.command("propose")
def propose_case(
    case: str,
    decision: Annotated[str, typer.Argument(help="One of the decisions that `cases show` lists.")],
    evidence: Evidence,
    who: As,
    amount: Annotated[str | None, typer.Option(help="KRW, where only a part was given back or found.")] = None,
    password_file: PasswordFile = None,
    as_json: Json = False,
) -> None:
    """Say what you found out. Nothing moves until somebody else confirms it."""
    wanted = None if amount is None else parse_amount(amount)
    identity = _identity(who, password_file)
    _print(run("cases.propose", case=case, decision=decision, evidence=evidence, amount=wanted, **identity), as_json)


@app.command("confirm")
def confirm_case(
    case: str,
    proposal: Annotated[str, typer.Argument(help="The id of what was proposed, as `cases show` prints it.")],
    who: As,
    remark: Annotated[str, typer.Option(help="What you saw yourself; needed where you confirm your own.")] = "",
    password_file: PasswordFile = None,
    as_json: Json = False,
) -> None:
    """Confirm what another proposed; the books follow at once, unless something else is proposed by now."""
    _print(run("cases.confirm", case=case, proposal=proposal, remark=remark, **_identity(who, password_file)), as_json)


@app.command("reject")
def reject_case(
    case: str,
    who: As,
    remark: Annotated[str, typer.Option(help="Why.")],
    password_file: PasswordFile = None,
    as_json: Json = False,
) -> None:
    """Reject a proposal, or withdraw your own; the case stays open."""
    _print(run("cases.reject", case=case, remark=remark, **_identity(who, password_file)), as_json)


def _identity(name: str, password_file: Path | None) -> dict[str, str]:
    return {"name": name, "password": read_password(password_file, once=True)}


def _print(shown: dict[str, Any], as_json: bool) -> None:
    print_json(shown) if as_json else print_facts(shown)
