"""What can be said about the agent of this state home from outside, without starting one."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aicompute_tui.agent.client import AgentClient
from aicompute_tui.agent.lock import holder_note, is_held
from aicompute_tui.domain.errors import AicError
from aicompute_tui.domain.json import JsonObject

if TYPE_CHECKING:
    from aicompute_tui.runtime import Runtime

_SECONDS = 3.0


async def status(runtime: Runtime) -> JsonObject:
    """`running` is true where an agent answers; one that holds the lock without answering says so in `problem`."""
    path = runtime.places.agent_lock
    holds_lock = await asyncio.to_thread(is_held, path) if path.parent.is_dir() else False
    answer: JsonObject = {"running": False, "holds_lock": holds_lock, "socket": str(runtime.places.agent_socket)}
    try:
        client = await AgentClient.connect(runtime.places, _SECONDS)
        try:
            info = await client.ask_about(_SECONDS)
        finally:
            await client.aclose()
    except AicError as error:
        return {**answer, "problem": _problem(error, holds_lock, holder_note(path).get("pid"))}
    return {**answer, "running": True, **info.to_json()}


def _problem(error: AicError, holds_lock: bool, pid: object) -> str:
    if holds_lock:
        return f"An agent (pid {pid}) lives but does not answer: {error.message}"
    return f"{error.message} {error.next_step}".strip()
