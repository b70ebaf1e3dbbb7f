"""What a console costs that nobody touches: its CPU and the bytes to its terminal, an agent running beside it."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.bench.processes import PROGRAM, clean_environment, end_agents
from tests.bench.row import Row
from tests.bench.terminal import Terminal
from tests.world import OPERATOR_ADDRESS, start_world

_SETTLE_SECONDS = 70.0
"""Over the first minute, in which a new account's spending gets its chart."""
_WATCH_SECONDS = 60.0
"""A whole minute, so that the ages, which change by the minute, are in it."""
_MACHINES = 20
_MOST_CPU_PERCENT = 0.5
_MOST_BYTES_PER_SECOND = 200.0
_VCPU_QUOTAS = ("L-3819A6DF", "L-DB2E81BA")


def measure(runs: int) -> Row:
    """One window each; `runs` does not apply."""
    with tempfile.TemporaryDirectory(prefix="aic-tui-bench-") as folder:
        process, world = start_world(Path(folder))
        try:
            for code in _VCPU_QUOTAS:
                world.quota(code, 1_000.0)
            empty = _watched({**clean_environment(Path(folder) / "empty"), **world.environment()}, "No machine")
            environment = {**clean_environment(Path(folder) / "running"), **world.environment()}
            names = _launch(environment)
            running = _watched(environment, names[-1])
            _end_all(environment, names)
        finally:
            end_agents(Path(folder) / "empty")
            end_agents(Path(folder) / "running")
            process.kill()
            process.wait()
    figures = {
        **{f"without_machines_{name}": value for name, value in empty.items()},
        **{f"with_{_MACHINES}_machines_{name}": value for name, value in running.items()},
        "watched_seconds": _WATCH_SECONDS,
    }
    met = (
        max(empty["cpu_percent"], running["cpu_percent"]) <= _MOST_CPU_PERCENT
        and empty["bytes_per_second"] == 0
        and running["bytes_per_second"] <= _MOST_BYTES_PER_SECOND
    )
    budget = f"<= 0.5 % CPU; 0 bytes/s without machines, <= 200 bytes/s with {_MACHINES} running"
    return Row(budget=budget, met=met, figures=figures)


def _watched(environment: Mapping[str, str], marker: str) -> dict[str, float]:
    with Terminal([PROGRAM], environment, columns=120, rows=40) as terminal:
        terminal.wait_for(marker, seconds=60)
        terminal.watch(_SETTLE_SECONDS)
        cpu_seconds, count = terminal.watch(_WATCH_SECONDS)
    return {
        "cpu_percent": round(100 * cpu_seconds / _WATCH_SECONDS, 2),
        "bytes_per_second": round(count / _WATCH_SECONDS, 1),
    }


def _launch(environment: Mapping[str, str]) -> list[str]:
    words = ["instance", "launch", "--type", "g5.xlarge", "--count", str(_MACHINES), "--wait", "--yes", "-o", "json"]
    answer = _run(environment, *words, "--ssh-cidr", f"{OPERATOR_ADDRESS}/32")
    return [machine["name"] for machine in answer]


def _end_all(environment: Mapping[str, str], names: list[str]) -> None:
    """Also lets the agent go: it ends by itself some time after the last machine."""
    _run(environment, "instance", "terminate", *names, "--wait", "--yes", "-o", "json")


def _run(environment: Mapping[str, str], *words: str) -> Any:
    done = subprocess.run([PROGRAM, *words], check=False, capture_output=True, text=True, env=dict(environment))
    if done.returncode != 0:
        raise RuntimeError(f"aic-tui {' '.join(words)}: {done.stderr}")
    return json.loads(done.stdout)
