"""CPU time of the help texts, beside a python that does nothing."""

from __future__ import annotations

import sys

from tests.bench.processes import PROGRAM, clean_environment, medians
from tests.bench.row import Row

_MOST_MS = 100.0


def measure(runs: int) -> Row:
    commands = {
        "bare_python_cpu_ms": [sys.executable, "-c", "pass"],
        "help_cpu_ms": [PROGRAM, "--help"],
        "noun_help_cpu_ms": [PROGRAM, "instance", "--help"],
        "leaf_help_cpu_ms": [PROGRAM, "instance", "launch", "--help"],
    }
    figures = medians(commands, runs, clean_environment())
    worst = max(figures["help_cpu_ms"], figures["noun_help_cpu_ms"], figures["leaf_help_cpu_ms"])
    return Row(budget="<= 100 ms CPU", met=worst <= _MOST_MS, figures={**figures, "runs": runs})
