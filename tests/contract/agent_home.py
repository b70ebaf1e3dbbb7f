"""One state home with a clock of its own, and the agents and other processes a test starts in it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from aicompute_tui.agent.client import AgentClient
from aicompute_tui.agent.lock import holder_note, is_held
from aicompute_tui.domain.job import Job
from aicompute_tui.runtime import Runtime, build
from aicompute_tui.services import jobs
from aicompute_tui.store.database import Store
from tests.entry import FileClock, command
from tests.waiting import until

HOLDER = Path(__file__).with_name("agent_holder.py")


class Home:
    """No credentials and no network; `more` are variables of the person who sits here."""

    def __init__(self, folder: Path, **more: str) -> None:
        self.folder = folder
        self.clock = FileClock(folder / "clock")
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "AIC_TUI_HOME": str(folder / "home"),
            "AWS_EC2_METADATA_DISABLED": "true",
            **more,
        }
        self.processes: list[subprocess.Popen[str]] = []
        self.runtimes: list[Runtime] = []

    def runtime(self, program_version: str | None = None, **more: str) -> Runtime:
        runtime = build({**self.environment, **more}, self.clock, [*command(self.clock.path, program_version), "agent"])
        self.runtimes.append(runtime)
        return runtime

    def place(self, database: Path) -> None:
        """Puts a copy of `database` where the home's own would be made."""
        places = self.runtime().places
        places.ensure()
        shutil.copyfile(database, places.database_file)

    def start(self, words: Sequence[str], program_version: str | None = None) -> subprocess.Popen[str]:
        """The product with `words`."""
        return self._spawn([*command(self.clock.path, program_version), *words])

    def hold(self, job_id: str, go: Path) -> subprocess.Popen[str]:
        """A process that claims a job, says so, and works on it until `go` exists."""
        return self._spawn([sys.executable, str(HOLDER), str(self.clock.path), job_id, str(go)])

    def _spawn(self, words: Sequence[str]) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            words,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.processes.append(process)
        return process

    async def finished(self, process: subprocess.Popen[str]) -> tuple[int, str, str]:
        out, err = await asyncio.to_thread(process.communicate, timeout=30)
        return process.returncode, out, err

    @property
    def places_lock(self) -> Path:
        return self.runtime().places.agent_lock

    @property
    def agent_pid(self) -> int | None:
        """The process that holds the lock."""
        if not is_held(self.places_lock):
            return None
        pid = holder_note(self.places_lock).get("pid")
        return pid if isinstance(pid, int) else None

    async def agent_gone(self) -> None:
        await until(lambda: not is_held(self.places_lock), "the agent ended")

    async def store(self) -> Store:
        return await self.runtime().open_store()

    async def submit(self, value: str, credential_id: str | None = None, host_id: str | None = None) -> Job:
        """A job any agent can carry out without a cloud: setting the region."""
        runtime = self.runtime()
        return await jobs.submit(
            await runtime.open_store(),
            self.clock,
            runtime.actor,
            "setting.set",
            {"key": "region", "value": value},
            credential_id=credential_id,
            host_id=host_id,
        )

    async def job(self, job: Job) -> Job:
        async with (await self.store()).read() as transaction:
            return await transaction.jobs.get(job.id)

    async def ended(self, job: Job) -> Job:
        async def look() -> Job | None:
            found = await self.job(job)
            return found if found.is_final else None

        ended = await until(look, "the job ended")
        assert isinstance(ended, Job)
        return ended

    async def region(self) -> str | None:
        async with (await self.store()).read() as transaction:
            return await transaction.settings.get("region")

    async def status(self) -> dict[str, object]:
        """What it says of itself; asked again where it holds its lock and does not answer yet."""
        from aicompute_tui.agent.status import status

        async def settled() -> dict[str, object] | None:
            found: dict[str, object] = dict(await status(self.runtime()))
            return found if found["running"] or not found["holds_lock"] else None

        answer = await until(settled, "the agent answers, or none holds the lock")
        assert isinstance(answer, dict)
        return answer

    def _has_no_agent(self) -> bool:
        """Kills the one that holds the lock; another that waited for it takes its place."""
        pid = self.agent_pid
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return not is_held(self.places_lock)

    async def aclose(self) -> None:
        for process in self.processes:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGCONT)
            process.kill()
            process.communicate()
        await until(self._has_no_agent, "the agents ended")
        for runtime in self.runtimes:
            await runtime.aclose()


async def made_database(folder: Path) -> Path:
    runtime = Home(folder).runtime()
    await runtime.open_store()
    await runtime.aclose()
    return runtime.places.database_file


@asynccontextmanager
async def opened_home(folder: Path, **more: str) -> AsyncIterator[Home]:
    home = Home(folder, **more)
    try:
        yield home
    finally:
        await home.aclose()


@asynccontextmanager
async def connected(home: Home) -> AsyncIterator[AgentClient]:
    client = await AgentClient.connect(home.runtime().places)
    try:
        await client.hello()
        yield client
    finally:
        await client.aclose()


def last_json(text: str) -> dict[str, object]:
    found = json.loads(text)
    assert isinstance(found, dict)
    return found
