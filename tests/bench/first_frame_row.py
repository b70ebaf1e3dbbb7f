"""Wall time from start to the first readable row and figures, beside a bare Textual program in the same run."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from aicompute_tui.agent.lock import AgentLock
from aicompute_tui.settings.places import places_from
from tests.bench.bare_app import TEXT
from tests.bench.processes import PROGRAM, ROOT, clean_environment, end_agents
from tests.bench.row import Row
from tests.bench.seed import PRICE, machine_name
from tests.bench.terminal import Terminal

_MACHINES = 1_000
_OFFERS = 50_000
_MOST_TIMES_BARE = 1.5
_SIZE = {"columns": 120, "rows": 40}


def measure(runs: int) -> Row:
    bare: list[float] = []
    ours: list[float] = []
    with tempfile.TemporaryDirectory(prefix="aic-tui-bench-") as folder:
        home = Path(folder)
        counts = [str(_MACHINES), str(_OFFERS)]
        subprocess.run([sys.executable, "-m", "tests.bench.seed", folder, *counts], check=True, cwd=ROOT)
        # An agent holds the lock and says nothing, so that no run starts one that would take its CPU.
        lock = AgentLock.take(places_from({"AIC_TUI_HOME": folder}).agent_lock, {})
        for counted in range(-1, runs):
            seconds = bare_seconds(home), _our_seconds(home)
            if counted >= 0:
                bare.append(seconds[0] * 1000)
                ours.append(seconds[1] * 1000)
        end_agents(home)
        lock.release()
    times = statistics.median(ours) / statistics.median(bare)
    figures = {
        "bare_wall_ms": round(statistics.median(bare), 1),
        "first_frame_wall_ms": round(statistics.median(ours), 1),
        "times_bare": round(times, 2),
        "instances": _MACHINES,
        "offers": _OFFERS,
        "runs": runs,
    }
    return Row(budget="<= 1.5 times a bare Textual program", met=times <= _MOST_TIMES_BARE, figures=figures)


def bare_seconds(home: Path) -> float:
    script = str(Path(__file__).with_name("bare_app.py"))
    with Terminal([sys.executable, script], clean_environment(home), **_SIZE) as terminal:
        return terminal.wait_for(TEXT)


def _our_seconds(home: Path) -> float:
    burn = f"${PRICE * _MACHINES:,.2f}/h"
    with Terminal([PROGRAM], clean_environment(home), **_SIZE) as terminal:
        return terminal.wait_for(machine_name(_MACHINES - 1), burn, f"{_MACHINES} running / {_MACHINES}")
