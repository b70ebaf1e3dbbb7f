"""`python -m tests.bench [ROW …]` measures and prints one JSON document: machine, date, rows."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.bench.row import Row

ROWS = {
    "help": "tests.bench.help_row",
    "key-paint": "tests.bench.key_paint_row",
    "first-frame": "tests.bench.first_frame_row",
    "idle": "tests.bench.idle_row",
    "console-rss": "tests.bench.console_rss_row",
    "virtual-table": "tests.bench.virtual_table_row",
    "log-view": "tests.bench.log_view_row",
    "ssh-tail": "tests.bench.ssh_tail_row",
    "container-logs": "tests.bench.container_logs_row",
    "container-fleet": "tests.bench.container_fleet_row",
    "health": "tests.bench.health_row",
    "price-explorer": "tests.bench.price_explorer_row",
    "dead-endpoints": "tests.bench.dead_endpoints_row",
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument(
        "rows", nargs="*", choices=[[], *ROWS], metavar="ROW", help=f"of {', '.join(ROWS)}; all when none"
    )
    parser.add_argument("--runs", type=int, default=9, help="repetitions of which the median counts; at least 7")
    arguments = parser.parse_args()
    if arguments.runs < 7:
        parser.error("a median of fewer than 7 runs says little here")
    rows: dict[str, Row] = {}
    for name in arguments.rows or ROWS:
        print(f"{name} …", file=sys.stderr, flush=True)
        rows[name] = importlib.import_module(ROWS[name]).measure(arguments.runs)
    document = {"date": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}", "machine": machine(), "rows": rows}
    json.dump(document, sys.stdout, indent=2)
    print()
    return 0 if all(row["met"] for row in rows.values()) else 1


def machine() -> dict[str, Any]:
    models = [line.split(":", 1)[1].strip() for line in _cpu_lines() if line.startswith("model name")]
    return {
        "system": platform.platform(),
        "cpu": models[0] if models else platform.processor(),
        "cpu_count": os.cpu_count(),
        "load_1_min": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
    }


def _cpu_lines() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.exists() else []


if __name__ == "__main__":
    sys.exit(main())
