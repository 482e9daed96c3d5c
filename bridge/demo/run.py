"""`pay-bridge demo`: runs the stand in the foreground until Ctrl-C."""

import asyncio
import os
import signal
from dataclasses import dataclass
from pathlib import Path

import uvloop

from bridge.cli.logs import set_up_logs
from bridge.cli.output import print_lines
from bridge.demo.stand import CLERK, Plan, Stand, open_stand

FORCED = 130


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the three listen."""

    bridge: int
    shop: int
    sandbox: int


def run_demo(folder: Path | None, host: str, public_host: str, ports: Ports) -> None:
    """Run until Ctrl-C or SIGTERM; a second one ends it at once. Raises Misconfigured, LedgerBroken."""
    set_up_logs("warning")
    everywhere = host in ("0.0.0.0", "::")  # noqa: S104 - compared, not bound
    plan = Plan(
        folder=(folder or state_folder()).resolve(),
        host=host,
        public_host=public_host or ("127.0.0.1" if everywhere else host),
        bridge_port=ports.bridge,
        sandbox_port=ports.sandbox,
        shops=((ports.shop, "mainpay"),),
    )
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_run(plan))


def state_folder() -> Path:
    """Say where the demo keeps its data when not told: XDG_STATE_HOME, by default ~/.local/state."""
    home = os.environ.get("XDG_STATE_HOME", "")
    return (Path(home) if home else Path.home() / ".local" / "state") / "pay-bridge" / "demo"


async def _run(plan: Plan) -> None:
    stop = asyncio.Event()

    def end() -> None:
        if stop.is_set():
            os._exit(FORCED)
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, end)
    async with open_stand(plan) as stand:
        print_lines(sign(plan, stand))
        await stop.wait()
        print_lines(["", "Stopping … (Ctrl-C again ends at once)"])


def sign(plan: Plan, stand: Stand) -> list[str]:
    """Write the addresses with their passwords."""
    shop_url = next(iter(stand.offices.values())).shop_url
    rows = [
        ("Shop", f"{shop_url}/", "buy a ticket; the test seats show what goes wrong"),
        ("Box office", f"{shop_url}/clerk", f"{CLERK}  {stand.password}   refund in full or in part"),
        ("Dashboard", f"{stand.bridge_url}/dashboard", f"{CLERK}  {stand.password}"),
        ("Books", f"{stand.sandbox_url}/books", "what money really moved, as the sandbox gateway has it"),
    ]
    width = max(len(address) for _, address, _ in rows)
    lines = [f"  {name:<10} {address:<{width}}   {words}" for name, address, words in rows]
    rule = "─" * max(map(len, lines))
    return ["", rule, *lines, rule, f"  No money moves. Data is kept in {plan.folder}. Ctrl-C stops everything.", ""]
