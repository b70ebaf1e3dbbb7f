"""A process that claims a job and works on it until a file appears; tests kill it or freeze it meanwhile.

python agent_holder.py CLOCK_FILE JOB_ID GO_FILE
"""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from aicompute_tui.domain.errors import AicError
from aicompute_tui.domain.json import Json
from aicompute_tui.runtime import build
from aicompute_tui.services.context import Arguments, Context
from aicompute_tui.services.jobs import run_job
from tests.entry import FileClock


async def main(clock: FileClock, job_id: str, go: Path) -> None:
    async def work(context: Context, arguments: Arguments) -> Json:
        print("working", flush=True)
        while not go.exists():
            await asyncio.sleep(0.01)
        async with context.store.write() as transaction:
            await context.running_job.hold(transaction)
            await transaction.settings.set("region", "from-the-frozen", "holder")
        return "the frozen one's result"

    runtime = build(clock=clock)
    context = replace(await runtime.context(), handlers=lambda _: work)
    async with context.store.write() as transaction:
        job = await transaction.jobs.claim(job_id, f"holder:{os.getpid()}", clock.now())
    assert job is not None
    try:
        print(await run_job(context, job), flush=True)
    except AicError as error:
        print(error.kind, flush=True)
    await runtime.aclose()


if __name__ == "__main__":
    asyncio.run(main(FileClock(Path(sys.argv[1])), sys.argv[2], Path(sys.argv[3])))
