"""Memory over a simulated day, told at a third, two thirds and its end: rows that change and a log that never rests."""

from __future__ import annotations

import asyncio
import itertools
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from aicompute_tui.domain.errors import Unreachable
from aicompute_tui.domain.event import Event
from aicompute_tui.domain.ids import new_id
from aicompute_tui.domain.instance import Instance, InstanceState
from aicompute_tui.domain.job import Job, JobState
from aicompute_tui.runtime import Runtime, build
from aicompute_tui.store.database import Store, Transaction
from tests.bench.bare_input import READY
from tests.bench.busy_home import LOG_WORDS, NEWEST, BusyHome, busy_home
from tests.bench.processes import PROGRAM, processes_of
from tests.bench.row import Row
from tests.bench.terminal import Terminal, resident_mib

_STEPS = 600
_SEEN = 50
"""Machines seen again in each step, which makes 30,000 changed rows; beside them a job and an event."""
_ENDS_EACH = 10
"""Steps after which a machine ends."""
_STEP_SECONDS = 0.1
_VIEW_SECONDS = 6.0
"""So long the log stands open, and then home."""
_LINES_PER_SECOND = 20_000
_MOST_CONSOLE_MIB, _MOST_AGENT_MIB = 120e6 / 2**20, 200e6 / 2**20
"""120 and 200 MB."""
_MOST_GROWTH = 1.05


def measure(runs: int) -> Row:
    """One day; `runs` does not apply."""
    with busy_home(lines_per_second=_LINES_PER_SECOND) as busy:
        figures = _measured(busy)
    thirds = [figures[f"console_{name}_mib"] for name in ("third", "two_thirds", "end")]
    met = (
        max(thirds) <= _MOST_CONSOLE_MIB
        and figures["agent_end_mib"] <= _MOST_AGENT_MIB
        and thirds[-1] <= thirds[0] * _MOST_GROWTH
    )
    budget = f"console <= {_MOST_CONSOLE_MIB:.1f} MiB, agent <= {_MOST_AGENT_MIB:.1f} MiB, flat from the first third on"
    counts = {"changed_rows": _STEPS * (_SEEN + 3), "log_lines_per_second": _LINES_PER_SECOND}
    return Row(budget=budget, met=met, figures={**figures, **counts})


def _measured(busy: BusyHome) -> dict[str, float]:
    bare = [sys.executable, str(Path(__file__).with_name("bare_input.py"))]
    size = {"columns": 120, "rows": 40}
    figures: dict[str, float] = {}
    with Terminal(bare, busy.environment, **size) as plain:
        plain.wait_for(READY, seconds=120)
        plain.watch(2)
        figures["bare_mib"] = round(plain.resident_mib(), 1)
    with Terminal([PROGRAM], busy.environment, **size) as console:
        console.wait_for(NEWEST, seconds=120)
        console.watch(20)
        figures["console_begin_mib"] = round(console.resident_mib(), 1)
        day = _Day(busy.environment)
        day.start()
        views = itertools.cycle((_open_log, _go_home))
        for name, step in (("third", _STEPS // 3), ("two_thirds", 2 * _STEPS // 3), ("end", _STEPS)):
            while day.steps < step:
                day.check()
                next(views)(console)
                console.watch(_VIEW_SECONDS)
                console.written.clear()
            figures[f"console_{name}_mib"] = round(console.resident_mib(), 1)
            agents = [resident_mib(pid) for pid in processes_of(busy.home) if pid != console.pid]
            figures[f"agent_{name}_mib"] = round(max(agents, default=0.0), 1)
        day.join()
    return figures


def _open_log(console: Terminal) -> None:
    console.press("g")
    console.press("l")
    console.wait_for(LOG_WORDS, seconds=120, since=len(console.written))


def _go_home(console: Terminal) -> None:
    console.press("1")


class _Day(threading.Thread):
    """Another process's hand in the store, as fast as the console can follow."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        super().__init__(daemon=True)
        self.steps = 0
        self._runtime = build(environment=dict(environment))
        self._failure: BaseException | None = None

    def check(self) -> None:
        if self._failure is not None:
            raise RuntimeError("the day broke off") from self._failure

    def run(self) -> None:
        try:
            asyncio.run(self._pass_by())
        except BaseException as failure:
            self._failure = failure
            raise

    async def _pass_by(self) -> None:
        store = await self._runtime.open_store()
        try:
            while self.steps < _STEPS:
                with suppress(Unreachable):  # the agent holds the store for long on a busy machine: once more
                    await _step(self._runtime, store, self.steps)
                    self.steps += 1
                await asyncio.sleep(_STEP_SECONDS)
        finally:
            await self._runtime.aclose()


async def _step(runtime: Runtime, store: Store, number: int) -> None:
    now = runtime.clock.now()
    async with store.write() as transaction:  # the agent writes too
        rows = [row for row in await transaction.instances.list() if row.name != NEWEST]
        job = await _write(transaction, rows, number, now)
    async with store.write() as transaction:
        await transaction.jobs.update(job, state=JobState.DONE, ended_at=now)


async def _write(transaction: Transaction, rows: list[Instance], number: int, now: datetime) -> Job:
    job = Job(
        id=new_id(now),
        owner="bench",
        created_by="bench",
        action_id="instance.extend",
        parameters_json="{}",
        created_at=now,
        subject=rows[0].id,
    )
    event = Event(
        id=new_id(now),
        at=now,
        actor="bench",
        kind="instance.extended",
        subject_kind="instance",
        subject_id=rows[0].id,
        subject_name=rows[0].name,
        message=f"step {number}",
    )
    if number % _ENDS_EACH == 0:
        ended = rows.pop()
        await transaction.instances.update(ended, state=InstanceState.TERMINATED, ended_at=now, billing_since=None)
    for row in rows[number % _SEEN :: max(1, len(rows) // _SEEN)][:_SEEN]:
        await transaction.instances.update(row, last_seen_at=now)
    await transaction.jobs.insert(job)
    await transaction.events.append(event)
    return job
