"""The session over a real database: jobs written down, changes followed, and words where there is no agent."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from aicompute_tui.domain.errors import AicError, Refused, Unreachable
from aicompute_tui.domain.host import Host, HostKind
from aicompute_tui.domain.ids import new_id
from aicompute_tui.domain.instance import Instance, Market
from aicompute_tui.domain.job import JobState
from aicompute_tui.runtime import Runtime, build
from aicompute_tui.services.figures import Figures, figures
from aicompute_tui.store.database import Store
from aicompute_tui.ui.session import LiveSession, database_file
from aicompute_tui.ui.state import StateChange, StateUpdate


class Alone(LiveSession):
    """Without an agent."""

    async def _connect(self, gone: asyncio.Event) -> None:
        raise Unreachable("No agent can be started here.", "Run “aic-tui doctor”.")


def new_runtime(home: Path) -> Runtime:
    return build({"AIC_TUI_HOME": str(home), "HOME": str(home), "LANG": "C.UTF-8", "USER": "ana"})


def instance(runtime: Runtime, name: str) -> Instance:
    now = runtime.clock.now()
    return Instance(
        id=new_id(now), owner="ana", created_by="ana@jump", name=name, cloud="aws", credential_id="aws:env",
        region="ca-central-1", instance_type="g5.xlarge", market=Market.SPOT, price_usd_per_hour=Decimal("0.42"),
        expires_at=now + timedelta(hours=8), requested_at=now, state_since=now, host_id="host",
    )  # fmt: skip


def host(session: LiveSession, name: str, kept_by: str, kind: HostKind) -> Host:
    url = "https://portainer.example" if kind is HostKind.PORTAINER else "unix:///var/run/docker.sock"
    return Host(
        id=f"018f-{name}", owner="ana", created_by="ana@jump", name=name, url=url, kind=kind,
        environment=2 if kind is HostKind.PORTAINER else None, kept_by=kept_by, created_at=session.now(),
    )  # fmt: skip


@asynccontextmanager
async def begun(
    home: Path, *, read_only: bool = False, ready: bool = True
) -> AsyncIterator[tuple[Alone, Store, list[StateChange]]]:
    """A started session, beside it another process's store, and the changes told."""
    other = new_runtime(home)
    store = await other.open_store()
    session = Alone(new_runtime(home), read_only=read_only)
    told: list[StateChange] = []
    session.on_change = told.append
    if ready:
        await session.start()
    try:
        yield session, store, told
    finally:
        await session.aclose()
        await other.aclose()


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not holds():
            await asyncio.sleep(0.01)


@pytest.mark.asyncio
async def test_a_change_of_another_process_arrives_by_itself(tmp_path: Path) -> None:
    async with begun(tmp_path) as (session, store, told):
        row = instance(new_runtime(tmp_path), "first")
        async with store.write() as transaction:
            await transaction.instances.insert(row)
        await until(lambda: row.id in session.state.instances)
        async with store.write() as transaction:
            await transaction.instances.update(row, name="renamed")
        await until(lambda: session.state.instances[row.id].name == "renamed")
        assert any(row.id in change.instances.changed for change in told)


@pytest.mark.asyncio
async def test_the_first_reading_is_told_although_the_store_is_empty(tmp_path: Path) -> None:
    async with begun(tmp_path) as (session, _, told):
        await until(lambda: bool(told))
        assert session.state.snapshot is not None


@pytest.mark.asyncio
async def test_the_collector_that_a_start_puts_off_works_again(tmp_path: Path) -> None:
    gc.disable()
    async with begun(tmp_path):
        assert gc.isenabled()


@pytest.mark.asyncio
async def test_submit_writes_a_job_nobody_holds_and_it_comes_back_as_a_row(tmp_path: Path) -> None:
    async with begun(tmp_path) as (session, store, _):
        job_id = await session.submit("instance.extend", {"name": "first", "by": "1h"}, "subject-id")
        async with store.read() as transaction:
            job = await transaction.jobs.get(job_id)
        assert (job.action_id, job.subject, job.holder, job.state) == (
            "instance.extend", "subject-id", None, JobState.QUEUED,
        )  # fmt: skip
        await until(lambda: job_id in session.state.jobs)
        assert session.record(job_id) is not None


@pytest.mark.asyncio
async def test_a_launch_is_for_this_host_and_names_the_credential_it_was_given(tmp_path: Path) -> None:
    async with begun(tmp_path) as (session, store, _):
        job_id = await session.submit("instance.launch", {"profile": "aws:profile:team", "name": "one"})
        async with store.read() as transaction:
            job = await transaction.jobs.get(job_id)
        assert (job.host_id, job.credential_id) == (new_runtime(tmp_path).actor.host_id, "aws:profile:team")


@pytest.mark.asyncio
async def test_what_is_done_on_a_host_is_for_the_installation_that_keeps_it(tmp_path: Path) -> None:
    async with begun(tmp_path) as (session, store, _):
        async with store.write() as transaction:
            for name, kept_by, kind in (
                ("box", "theirs", "docker"),
                ("lab", "ours", "docker"),
                ("p", "x", "portainer"),
            ):
                await transaction.hosts.insert(host(session, name, kept_by, HostKind(kind)))
        await until(lambda: len(session.state.hosts) == 3)
        for action_id, arguments, keeper in (
            ("container.deploy", {"host": "box", "image": "bb:1"}, "theirs"),
            ("container.stop", {"names": ["018f-box/c1", "box/web"]}, "theirs"),
            ("container.recreate", {"name": "018f-lab/c1"}, "ours"),
            ("image.prune", {"items": ["018f-box/sha256:1"]}, "theirs"),
            ("host.forget-key", {"name": "018f-box"}, "theirs"),
            ("container.stop", {"names": ["018f-box/c1", "018f-lab/c2"]}, None),
            ("container.stop", {"names": ["018f-p/c1"]}, None),
            ("container.stop", {"names": ["web"]}, None),
            ("host.remove", {"name": "018f-box"}, None),
        ):
            job_id = await session.submit(action_id, arguments)  # type: ignore[arg-type]
            async with store.read() as transaction:
                assert (action_id, arguments, (await transaction.jobs.get(job_id)).host_id) == (
                    action_id, arguments, keeper,
                )  # fmt: skip


@pytest.mark.asyncio
async def test_without_an_agent_a_question_fails_in_one_line_and_rows_still_arrive(tmp_path: Path) -> None:
    async with begun(tmp_path) as (session, _, __):
        await until(lambda: session.agent_state == "off")
        with pytest.raises(AicError, match=r"No agent can be started here\."):
            await session.query("instance.show", {"name": "x"})
        assert await session.look_now() is False


@pytest.mark.asyncio
async def test_read_only_writes_nothing_whatever_asks(tmp_path: Path) -> None:
    async with begun(tmp_path, read_only=True) as (session, store, _):
        with pytest.raises(Refused):
            await session.submit("instance.extend", {"name": "first"})
        async with store.read() as transaction:
            assert await transaction.jobs.list() == []


@pytest.mark.asyncio
async def test_a_damaged_database_keeps_the_rows_seen_and_says_what_to_do(tmp_path: Path) -> None:
    async with begun(tmp_path) as (session, store, _):
        row = instance(new_runtime(tmp_path), "first")
        async with store.write() as transaction:
            await transaction.instances.insert(row)
        await until(lambda: row.id in session.state.instances)
        path = store.database_path
        assert path is not None
        snapshot = session.state.snapshot
        assert snapshot is not None
        session._take(StateUpdate(snapshot._replace(problem="The database file is damaged.", instances=[])))
        assert row.id in session.state.instances
        assert "damaged" in session.state.problem


@pytest.mark.asyncio
async def test_a_console_older_than_its_database_waits_for_one(tmp_path: Path) -> None:
    session = Alone(new_runtime(tmp_path))
    await session.start()
    try:
        assert session.state.snapshot is None
        other = new_runtime(tmp_path)
        store = await other.open_store()
        async with store.write() as transaction:
            await transaction.instances.insert(instance(other, "late"))
        await other.aclose()
        await until(lambda: len(session.state.instances) == 1)
    finally:
        await session.aclose()


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("", "/home/x/data/aic-tui.db"),
        ("sqlite+aiosqlite:////srv/team/aic.db", "/srv/team/aic.db"),
        ("sqlite+aiosqlite:////srv/with%20space/aic.db?timeout=3", "/srv/with space/aic.db"),
    ],
)
def test_the_file_followed_is_the_one_the_settings_name(url: str, expected: str) -> None:
    runtime = build({"AIC_TUI_HOME": "/home/x", "AIC_TUI_DATABASE_URL": url})
    assert database_file(runtime) == Path(expected)


@pytest.mark.asyncio
async def test_sums_over_all_rows_are_worked_out_beside_the_event_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[str] = []

    def told(*arguments: object) -> Figures:
        threads.append(threading.current_thread().name)
        return figures(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr("aicompute_tui.ui.overview.figures", told)
    async with begun(tmp_path) as (session, store, _):
        row = instance(session._runtime, "first")
        async with store.write() as transaction:
            await transaction.instances.insert(row)
        await until(lambda: row.id in session.state.instances)
        found = session.overview.figures(session.now().timestamp())
        assert found is not None
        assert found.total == 1
        assert set(threads) == {"store follower"}
