"""How fast, how large, and what a buyer notices, measured in one run on this machine.

    make bench [ARGS="--quick"]      or      python -m benchmarks [--quick] [--only NAME]

A whole run (about six minutes) writes docs/benchmarks.md and build/bench.json; with --only the table is just printed.
Loopback only; everything that is started is stopped.
"""

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

from . import checkouts, machine, on_sale, overhead, start
from .report import as_markdown, as_text
from .results import Part

ROOT = Path(__file__).resolve().parents[1]
PARTS = {
    "start": start.measure,
    "overhead": overhead.measure,
    "checkouts": checkouts.measure,
    "on-sale": on_sale.measure,
}


def main() -> None:
    """Measure, print the table, write it down."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="at most 90 s: a rehearsal, not a result")
    parser.add_argument("--only", choices=PARTS, help="one part; writes no file")
    given = parser.parse_args()
    load = machine.load_before()
    if machine.is_busy(load):
        print(f"This machine has other work (load average {load:.1f}): what follows says little.", flush=True)
    parts: list[Part] = []
    began = time.monotonic()
    # A folder that every account may enter: started by root, the web server's workers are somebody else.
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        Path(scratch).chmod(0o755)
        for name, measure in PARTS.items():
            if given.only in (None, name):
                directory = Path(scratch) / name
                directory.mkdir()
                parts.append(measure(directory, quick=given.quick))
                print(as_text(parts[-1]), flush=True)
    seconds = time.monotonic() - began
    print(f"{seconds:.0f} s in all", flush=True)
    if given.only:
        return
    described = machine.describe() | {
        "command": "make bench" + (' ARGS="--quick"' if given.quick else ""),
        "load": f"{load:.2f}",
    }
    kept = {
        "machine": described,
        "quick": given.quick,
        "busy": machine.is_busy(load),
        "cores": os.cpu_count(),
        "seconds": seconds,
        "parts": [part.as_json() for part in parts],
    }
    (ROOT / "build").mkdir(exist_ok=True)
    (ROOT / "build" / "bench.json").write_text(json.dumps(kept, ensure_ascii=False, indent=1) + "\n")
    text = as_markdown(parts, described, quick=given.quick, is_busy=machine.is_busy(load), seconds=seconds)
    (ROOT / "docs" / "benchmarks.md").write_text(text)
    print("Written: docs/benchmarks.md, build/bench.json")


if __name__ == "__main__":
    main()
