"""`agent`: the process that follows machines, one pass of it, and word of whether one runs."""

from __future__ import annotations

import asyncio

from aicompute_tui.cli.ascii_twins import say
from aicompute_tui.cli.interrupts import InFlight, run_interruptible
from aicompute_tui.cli.output import write_result
from aicompute_tui.cli.session import Session
from aicompute_tui.cli.table import clean
from aicompute_tui.domain.errors import InvalidInput, Unreachable
from aicompute_tui.domain.json import JsonObject


def run_agent(session: Session, *, once: bool, status: bool, output: str) -> int:
    """Serves until nothing needs it; with `once` and `status` answers and ends. Raises AicError."""
    if once and status:
        raise InvalidInput("--once does a pass, and --status only looks.", "Choose one.")
    if once:
        return run_interruptible(lambda _flight: _once(session, output))
    if status:
        return run_interruptible(lambda flight: _status(session, output, flight))
    from aicompute_tui.agent.process import serve

    runtime = session.build(environment=session.environment, env_file=session.env_file)
    return asyncio.run(serve(runtime, debug=session.debug))


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


async def _status(session: Session, output: str, _flight: InFlight) -> int:
    """1 where none runs."""
    from aicompute_tui.agent.client import AgentClient

    runtime = session.runtime()
    try:
        client = await AgentClient.connect(runtime.places)
    except Unreachable:
        write_result({"running": False, "socket": str(runtime.places.agent_socket)}, output)
        return 1
    try:
        answer: JsonObject = {"running": True, "socket": str(runtime.places.agent_socket)}
        answer |= (await client.hello()).to_json()
    finally:
        await client.aclose()
    write_result(answer, output)
    return 0
