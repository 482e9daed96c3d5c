"""make demo: a shop, the bridge and a sandbox gateway on this machine, until Ctrl-C."""

import os
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .bridge import OPERATOR, Bridge
from .downloads import PROJECT, DownloadFailed
from .servers import ServerFailed, answers
from .stand import Stand

PORTS = {"shop": 8801, "bridge": 8800, "sandbox": 9900}
GATEWAYS = ("mainpay", "payple", "paystory")
"""Orders are paid at the first; the others have windows that register cards."""


def main() -> int:
    """Sets up, starts, prints the addresses, waits. Exit code 0 after Ctrl-C, 1 if something ended by itself."""
    ports = {name: int(os.environ.get(_variable(name), port)) for name, port in PORTS.items()}
    taken = [name for name, port in ports.items() if answers("127.0.0.1", port)]
    if taken:
        for name in taken:
            print(
                f"Port {ports[name]} is taken; give the {name} another one: {_variable(name)}=12345 make demo",
                file=sys.stderr,
            )
        return 1
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        directory = os.environ.get("PAY_BRIDGE_DEMO_DIRECTORY") or PROJECT / "var" / "demo"
        return run(Path(directory).resolve(), ports, stop)
    except (ServerFailed, DownloadFailed) as failed:
        print(failed, file=sys.stderr)
        return 1


def run(directory: Path, ports: dict[str, int], stop: threading.Event) -> int:
    """Runs the demo in a directory, which keeps its data, until `stop` is set. Raises ServerFailed, DownloadFailed."""
    print("Starting the shop, the bridge and the sandbox …", flush=True)
    bridge = Bridge(directory / "bridge", port=ports["bridge"], sandbox_port=ports["sandbox"])
    stand = Stand("quick", directory=directory / "shop", port=ports["shop"], cron=True, palette=True)
    try:
        stand.pair(bridge.site(stand.url, gateways=GATEWAYS)["pairing_code"])
        bridge.up()
        stand.up()
        print(sign(stand, bridge), flush=True)
        while not stop.wait(1):
            ended = bridge.ended() or stand.ended()
            if ended:
                print(f"{ended.name} ended by itself; its log is {ended.log}", file=sys.stderr)
                return 1
        print("\nStopping …", flush=True)
        return 0
    finally:
        with ThreadPoolExecutor() as together:
            together.submit(stand.down)
            together.submit(bridge.down)


def sign(stand: Stand, bridge: Bridge) -> str:
    """The three addresses with their passwords."""
    rows = [
        ("Shop", f"{stand.url}/", f"buyer     {stand.passwords['buyer']}   (or buy as a guest)"),
        ("", f"{stand.url}/cards/", "the buyer registers a card, the clerk charges it in Payments → Recurring"),
        ("", f"{stand.url}/test-pay/", "what happens when a card is declined, an answer is lost, …"),
        ("wp-admin", f"{stand.url}/wp-admin/", f"admin     {stand.passwords['admin']}"),
        ("", "", f"clerk     {stand.passwords['clerk']}   (box office: refunds, charges cards)"),
        ("Dashboard", f"{bridge.url}/dashboard", f"{OPERATOR}  {bridge.password}"),
    ]
    width = max(len(address) for _, address, _ in rows)
    lines = [f"  {name:<10} {address:<{width}}   {words}" for name, address, words in rows]
    rule = "─" * max(map(len, lines))
    note = "  No money moves: the gateway is a sandbox. The data is kept for the next time. Ctrl-C stops everything."
    return "\n".join(["", rule, *lines, rule, note, ""])


def _variable(name: str) -> str:
    return f"PAY_BRIDGE_DEMO_{name.upper()}_PORT"


if __name__ == "__main__":
    sys.exit(main())
