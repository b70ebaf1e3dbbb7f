"""An agent on the embedded cloud with no console open: it launches, follows, ends on time, and goes."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from aicompute_tui.agent.start import ensure_agent
from aicompute_tui.domain.instance import Instance, InstanceState
from aicompute_tui.domain.job import JobState
from aicompute_tui.services import jobs
from tests.contract.agent_home import Home, opened_home
from tests.waiting import until
from tests.world import World

pytestmark = pytest.mark.asyncio
LIVING = {"pending", "running"}


async def only_row(home: Home, state: InstanceState) -> Instance:
    """The one machine once it is `state`; time runs faster until then."""

    async def look() -> Instance | None:
        home.clock.move(0.5)
        async with (await home.store()).read() as transaction:
            rows = await transaction.instances.list(include_final=True)
        return rows[0] if len(rows) == 1 and rows[0].state is state else None

    row = await until(look, f"the machine is {state.value}", seconds=60)
    assert isinstance(row, Instance)
    return row


async def test_a_launch_left_to_the_agent_is_carried_out_and_ends_by_time(tmp_path: Path, world: World) -> None:
    async with opened_home(tmp_path, **world.environment()) as home:
        runtime = home.runtime()
        await ensure_agent(runtime)
        job = await jobs.submit(
            await runtime.open_store(),
            home.clock,
            runtime.actor,
            "instance.launch",
            {"name": "one", "ttl": "1h", "cloud": "aws", "count": 1},
            credential_id="aws:env",
            host_id=runtime.host_id,
        )
        assert (await home.ended(job)).state is JobState.DONE
        row = await only_row(home, InstanceState.READY)
        assert row.created_by == runtime.actor.name
        assert [machine["state"] for machine in world.machines()] == ["running"]
        home.clock.move(3_700)
        await only_row(home, InstanceState.TERMINATED)
        assert not [machine for machine in world.machines() if machine["state"] in LIVING]
        while home.agent_pid is not None:
            home.clock.move(61)
            await asyncio.sleep(0.05)


async def test_one_bad_credential_does_not_hide_the_machines_of_another(tmp_path: Path, world: World) -> None:
    environment = world.environment()
    keys = {name: environment.pop(name) for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
    credentials = tmp_path / "credentials"
    credentials.write_text(
        f"[bad]\naws_access_key_id = AKIANOSUCHKEYNOSUCH1\naws_secret_access_key = {'x' * 40}\n"
        f"[good]\naws_access_key_id = {keys['AWS_ACCESS_KEY_ID']}\n"
        f"aws_secret_access_key = {keys['AWS_SECRET_ACCESS_KEY']}\n"
    )
    environment["AWS_SHARED_CREDENTIALS_FILE"] = str(credentials)
    async with opened_home(tmp_path, **environment) as home:
        words = ["instance", "launch", "--name", "one", "--profile", "good", "--no-agent", "--yes", "-o", "json"]
        code, _, err = await home.finished(home.start(words))
        assert code == 0, err
        await ensure_agent(home.runtime())
        await only_row(home, InstanceState.READY)
