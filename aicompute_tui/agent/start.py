"""Finding the agent of this state home, or starting one that outlives us."""

from __future__ import annotations

import asyncio
import os
import subprocess
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from aicompute_tui.agent.client import AgentClient
from aicompute_tui.agent.lock import is_held
from aicompute_tui.agent.protocol import AgentInfo, SessionSecrets, is_older, program_version
from aicompute_tui.agent.session_scope import in_own_scope, logout_risk
from aicompute_tui.domain.errors import AicError, NotConfigured, Unreachable
from aicompute_tui.runtime.children import child_environment, withheld
from aicompute_tui.store.schema import SCHEMA_VERSION

if TYPE_CHECKING:
    from aicompute_tui.runtime import Runtime

START_SECONDS = 30.0
LEAVE_SECONDS = 40.0
"""How long an older agent is given to finish its step."""
_LOOK_SECONDS = 0.05
_SAYS_SECONDS = 2.0
_LARGEST_ERROR = 4_000


@dataclass(frozen=True, slots=True)
class AgentStart:
    """An agent that answers. `problem` says in a sentence what may end it, or what it could not be given."""

    status: AgentInfo
    started: bool
    """By this call."""
    problem: str | None = None


async def ensure_agent(runtime: Runtime) -> AgentStart:
    """Finds an agent of this version, or starts one, and hands it what only this session has. Raises AicError."""
    client, start = await connect_agent(runtime)
    await client.aclose()
    return start


async def connect_agent(runtime: Runtime) -> tuple[AgentClient, AgentStart]:
    """Like `ensure_agent`, with a connection that has said hello; the caller closes it."""
    runtime.ensure_places()
    found = await _greet(runtime)
    if found is not None:
        client, info = found
        if not _must_leave(info):
            return client, AgentStart(info, started=False)
        await client.aclose()
        await _until_gone(runtime)
    return await _start(runtime)


def session_secrets(runtime: Runtime) -> SessionSecrets:
    """What this process's environment alone knows."""
    from aicompute_tui.clouds.aws.credentials import ENV_ID
    from aicompute_tui.runtime.secrets import SESSION_VARIABLES

    keys = runtime.session_keys
    vault = {name: runtime.environment[name] for name in SESSION_VARIABLES if runtime.environment.get(name)}
    return SessionSecrets({} if keys is None else {ENV_ID: keys}, vault)


def _must_leave(info: AgentInfo) -> bool:
    return info.is_leaving or is_older(info.version, info.schema, program_version(), SCHEMA_VERSION)


async def _greet(runtime: Runtime) -> tuple[AgentClient, AgentInfo] | None:
    """Says hello with the session's secrets; None where nobody answers. Raises NotConfigured for a newer agent."""
    try:
        client = await AgentClient.connect(runtime.places, _SAYS_SECONDS)
    except Unreachable:
        return None
    try:
        info = await client.hello(session_secrets(runtime))
    except AicError as error:
        await client.aclose()
        if isinstance(error, Unreachable):
            return None
        raise
    if info.schema > SCHEMA_VERSION:
        await client.aclose()
        raise NotConfigured(
            f"The running agent is of a newer aic-tui, {info.version}.", "Upgrade, or start aic-tui again."
        )
    return client, info


async def _until_gone(runtime: Runtime) -> None:
    """Waits for an older agent to finish its step. Raises AicError where it does not."""
    try:
        async with asyncio.timeout(LEAVE_SECONDS):
            while True:
                if not await asyncio.to_thread(is_held, runtime.places.agent_lock):
                    return
                await asyncio.sleep(_LOOK_SECONDS)
    except TimeoutError:
        raise AicError(
            "An older agent does not leave.", "Look at it with “aic-tui agent --status”, and end its process."
        ) from None


async def _start(runtime: Runtime) -> tuple[AgentClient, AgentStart]:
    environment = child_environment(runtime.environment)
    left_out = withheld(runtime.environment)
    if "AIC_TUI_DATABASE_URL" in left_out:
        raise NotConfigured(
            "AIC_TUI_DATABASE_URL holds a password, which an agent may not be given in its environment.",
            "Put database_url into config.toml instead.",
        )
    command = await asyncio.to_thread(in_own_scope, list(runtime.agent_command), runtime.environment)
    errors = runtime.places.logs / "agent.err"
    child = await asyncio.to_thread(_spawn, command, environment, errors)
    found = await _until_it_answers(runtime, child)
    if found is None:
        raise AicError(await asyncio.to_thread(_why, child, errors), "“aic-tui doctor” checks this installation.")
    client, info = found
    risk = await asyncio.to_thread(logout_risk, runtime.environment)
    return client, AgentStart(info, info.pid == child.pid, _joined(risk, _left_out(left_out)))


def _spawn(command: Sequence[str], environment: dict[str, str], errors: Path) -> subprocess.Popen[bytes]:
    """A session of its own with nothing of ours but its environment, reaped by a thread when it ends before us."""
    try:
        descriptor = os.open(errors, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            child = subprocess.Popen(  # noqa: S603 - our own program
                command,
                stdin=subprocess.DEVNULL,
                stdout=descriptor,
                stderr=descriptor,
                env=environment,
                cwd="/",
                start_new_session=True,
            )
        finally:
            os.close(descriptor)
    except OSError as error:
        raise AicError(f"The agent cannot be started: {error.strerror}.", "Run “aic-tui doctor”.") from error
    threading.Thread(target=child.wait, name="agent reaper", daemon=True).start()
    return child


async def _until_it_answers(runtime: Runtime, child: subprocess.Popen[bytes]) -> tuple[AgentClient, AgentInfo] | None:
    """Also where another process's agent won the race: then ours has ended and that one answers."""
    try:
        async with asyncio.timeout(START_SECONDS):
            while True:
                found = await _greet(runtime)
                if found is not None and not _must_leave(found[1]):
                    return found
                if found is not None:
                    await found[0].aclose()
                if child.returncode is not None and not await asyncio.to_thread(is_held, runtime.places.agent_lock):
                    return None
                await asyncio.sleep(_LOOK_SECONDS)
    except TimeoutError:
        return None


def _why(child: subprocess.Popen[bytes], errors: Path) -> str:
    """The agent's own last word, or that it said none."""
    if child.returncode is None:
        return f"The agent did not answer within {START_SECONDS:g} seconds. Its log is in {errors.parent}."
    try:
        lines = errors.read_text(encoding="utf-8", errors="replace")[-_LARGEST_ERROR:].strip().splitlines()
    except OSError:
        lines = []
    said = " ".join(line.strip() for line in lines if line.strip()).removeprefix("aic-tui: ")
    return f"The agent ended at once: {said or f'exit code {child.returncode}'}"


def _left_out(names: Sequence[str]) -> str | None:
    rest = [name for name in names if name not in {"AIC_TUI_VAULT_KEY", "AIC_TUI_VAULT_PASSPHRASE"}]
    if not rest:
        return None
    return f"The agent was not given {', '.join(rest)}, which would put a password into its environment."


def _joined(*sentences: str | None) -> str | None:
    return " ".join(sentence for sentence in sentences if sentence) or None
