"""`agent`: the process that follows machines, one pass of it, and word of whether one runs."""

from __future__ import annotations

import asyncio

from aicompute_tui.cli.ascii_twins import say
from aicompute_tui.cli.interrupts import run_interruptible
from aicompute_tui.cli.output import write_result
from aicompute_tui.cli.session import Session
from aicompute_tui.cli.table import clean
from aicompute_tui.domain.errors import InvalidInput


def run_agent(session: Session, *, once: bool, status: bool, install: bool, stay: bool, output: str) -> int:
    """Serves until nothing needs it, or on and on; with one of the other flags answers and ends. Raises AicError."""
    if once + status + install + stay > 1:
        raise InvalidInput("--once, --status, --install and --stay each do something else.", "Choose one.")
    if once:
        return run_interruptible(lambda _flight: _once(session, output))
    if status:
        return run_interruptible(lambda _flight: _status(session, output))
    if install:
        return _install(session, output)
    from aicompute_tui.agent.process import serve

    runtime = session.build(environment=session.environment, env_file=session.env_file)
    return asyncio.run(serve(runtime, stays=stay, debug=session.debug))


async def _once(session: Session, output: str) -> int:
    """1 where a part of the pass could not be made: what it did not see may still run."""
    from aicompute_tui.agent.process import once

    runtime = session.build(environment=session.environment, env_file=session.env_file)
    summary = await once(runtime, debug=session.debug)
    write_result(summary, output)
    problems = summary.get("problems")
    for problem in problems if isinstance(problems, list) else []:
        say(clean(str(problem)))
    return 1 if problems else 0


async def _status(session: Session, output: str) -> int:
    """1 where none answers."""
    from aicompute_tui.agent.status import status

    answer = await status(session.runtime())
    write_result(answer, output)
    return 0 if answer.get("running") else 1


def _install(session: Session, output: str) -> int:
    from aicompute_tui.agent.install import install

    write_result(install(session.runtime()), output)
    return 0
