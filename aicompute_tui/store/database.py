"""The store: one database, short transactions, and commits that a cancelled task cannot leave in doubt."""

from __future__ import annotations

import asyncio
import importlib
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from aicompute_tui.domain.clock import Clock
from aicompute_tui.domain.errors import BadAnswer, NotConfigured, Unreachable
from aicompute_tui.store import backup, engine
from aicompute_tui.store.calls import Calls
from aicompute_tui.store.configuration import Credentials, Secrets, Settings
from aicompute_tui.store.connections import Connections
from aicompute_tui.store.health import HealthReports, HealthSamples
from aicompute_tui.store.hosts import Containers, HostReports, Hosts
from aicompute_tui.store.instances import Attempts, Instances
from aicompute_tui.store.jobs import Jobs, Leases
from aicompute_tui.store.nodes import GpuSamples, NodeReports, SetupTimes, Tunnels
from aicompute_tui.store.pulse import Pulse
from aicompute_tui.store.quotas import QuotaRequests, Quotas
from aicompute_tui.store.records import Changes, Events
from aicompute_tui.store.schema import SCHEMA_VERSION, STORE_ID, schema_state
from aicompute_tui.store.servers import ServerReports, Servers, ServerSamples
from aicompute_tui.store.settling import settled
from aicompute_tui.store.surroundings import Sightings
from aicompute_tui.store.tables import facts
from aicompute_tui.store.templates import LaunchTemplates
from aicompute_tui.store.work import Work

database_url = engine.database_url
_PATIENCE = 6
"""How many busy times a writer waits for its turn among those of its own process."""


class Transaction:
    """The repositories of one transaction; of no use after it."""

    def __init__(self, work: Work) -> None:
        self.instances = Instances(work)
        self.attempts = Attempts(work)
        self.jobs = Jobs(work)
        self.leases = Leases(work)
        self.events = Events(work)
        self.changes = Changes(work)
        self.settings = Settings(work)
        self.credentials = Credentials(work)
        self.secrets = Secrets(work)
        self.sightings = Sightings(work)
        self.tunnels = Tunnels(work)
        self.node_reports = NodeReports(work)
        self.gpu_samples = GpuSamples(work)
        self.setup_times = SetupTimes(work)
        self.quotas = Quotas(work)
        self.quota_requests = QuotaRequests(work)
        self.hosts = Hosts(work)
        self.host_reports = HostReports(work)
        self.containers = Containers(work)
        self.templates = LaunchTemplates(work)
        self.connections = Connections(work)
        self.servers = Servers(work)
        self.server_reports = ServerReports(work)
        self.server_samples = ServerSamples(work)
        self.health_reports = HealthReports(work)
        self.health_samples = HealthSamples(work)
        self.calls = Calls(work)


class Store:
    """Made by `open`; ended by `aclose`, without which its threads outlive it."""

    def __init__(self, opened: AsyncEngine, path: Path, busy_seconds: float) -> None:
        self.store_id = ""
        self.database_path: Path | None = path
        self._engine = opened
        self._reader = opened.execution_options(ro=True)
        self._busy_seconds = busy_seconds
        self._pulse = Pulse(path, busy_seconds)
        self._turn = asyncio.Lock()
        self._writing: asyncio.Task[object] | None = None

    @classmethod
    async def open(
        cls,
        url: str,
        *,
        clock: Clock,
        migrate: bool = True,
        backups: Path | None = None,
        busy_seconds: float = engine.BUSY_SECONDS,
    ) -> Store:
        """Opens the database; with `migrate` makes or upgrades it, after a backup into `backups`.

        Raises NotConfigured where it is absent or of another version and may not be changed, or where it may not lie.
        """
        path = engine.database_path(url)
        engine.check_file_system(path)
        if migrate:
            engine.make_file(path)
        if path.exists():
            engine.check_writable(path)
        if await _needs_upgrade(path, migrate):
            await _upgrade(path, clock, backups or path.parent / "backups")
        store = cls(engine.open_engine(path, busy_seconds), path, busy_seconds)
        try:
            async with _connected(store._reader) as connection:
                store.store_id = await _fact(connection, STORE_ID)
        except BaseException:
            await store.aclose()
            raise
        return store

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Transaction]:
        """All or nothing, alone: committed at the end, rolled back by any exception.

        A task cancelled while it commits waits for the commit, which then stands; cancelled before, nothing stands.
        """
        async with self._alone(), _connected(self._engine) as connection:
            if await settled(connection.run_sync(engine.schema_version)) != SCHEMA_VERSION:
                raise NotConfigured("The database was upgraded by a newer aic-tui meanwhile.", "Start this one again.")
            work = Work(connection, writes=True)
            yield Transaction(work)
            await work.settle()
            await settled(connection.commit())

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Transaction]:
        """A view of one moment; takes no lock."""
        async with _connected(self._reader) as connection:
            yield Transaction(Work(connection, writes=False))

    async def latest_change(self) -> int:
        """The number of the last change; it costs a hundredth of a transaction."""
        return await self._pulse.latest_change()

    async def schema_version(self) -> int:
        """Of the tables as they stand; as cheap as that."""
        return await self._pulse.schema_version()

    async def aclose(self) -> None:
        await self._pulse.aclose()
        await settled(self._engine.dispose())

    async def backup_to(self, path: Path) -> None:
        """A whole copy of this moment, private to its owner. Raises where it cannot be written."""
        if self.database_path is not None:
            await settled(asyncio.to_thread(backup.copy_database, self.database_path, path))

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        """Writers of this process take turns here, in order, instead of racing for SQLite's lock."""
        task = asyncio.current_task()
        if task is not None and task is self._writing:
            raise RuntimeError("write() inside write() would wait for itself")
        try:
            async with asyncio.timeout(self._busy_seconds * _PATIENCE):
                await self._turn.acquire()
        except TimeoutError as error:
            raise Unreachable("The database is busy.", "Do it again in a moment.") from error
        self._writing = task
        try:
            yield
        finally:
            self._writing = None
            self._turn.release()


@asynccontextmanager
async def _connected(source: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A connection in a transaction that is rolled back unless it was committed; speaks in our errors."""
    connection = source.connect()
    try:
        await settled(connection.start())
        await settled(connection.begin().start())
        yield connection
    except SQLAlchemyError as error:
        raise engine.store_error(error) from error
    finally:
        if connection.sync_connection is not None:
            await settled(connection.close())


async def _fact(connection: AsyncConnection, key: str) -> str:
    value = (await settled(connection.execute(select(facts.c.value).where(facts.c.key == key)))).scalar()
    if value is None:
        raise BadAnswer("The database has no identity.", "Put a backup in its place with “aic-tui restore”.")
    return str(value)


async def _needs_upgrade(path: Path, migrate: bool) -> bool:
    """Whether the tables must be made or changed. Raises NotConfigured or BadAnswer where they cannot be used."""
    try:
        state = await asyncio.to_thread(schema_state, path)
    except sqlite3.Error as error:
        raise engine.store_error(error) from error
    if state.is_foreign:
        raise BadAnswer(f"{path} is a database of another program.", "Give another file in AIC_TUI_DATABASE_URL.")
    if state.is_newer:
        raise NotConfigured(
            f"The database was made by a newer aic-tui (tables {state.version}, this program knows {SCHEMA_VERSION}).",
            "Upgrade this aic-tui, or give it another AIC_TUI_HOME.",
        )
    if state.is_current or migrate:
        return not state.is_current
    if state.is_absent:
        raise NotConfigured("There is no database yet.", "Start the agent, which makes it: “aic-tui agent”.")
    raise NotConfigured("The database is of an older version.", "Start the agent, which upgrades it: “aic-tui agent”.")


async def _upgrade(path: Path, clock: Clock, backups: Path) -> None:
    """Brings the tables to this program's version in one transaction, after a backup of what there was."""
    async with engine.exclusive(path):
        if not await _needs_upgrade(path, migrate=True):
            return
        version = (await asyncio.to_thread(schema_state, path)).version
        if version:
            name = f"{path.stem}-v{version}-{clock.now():%Y%m%dT%H%M%SZ}.db"
            await settled(asyncio.to_thread(backup.copy_database, path, backups / name))
        migrations = await asyncio.to_thread(importlib.import_module, "aicompute_tui.store.migrations")
        opened = engine.open_engine(path, engine.LOCK_SECONDS)
        try:
            async with _connected(opened) as connection:
                await settled(connection.run_sync(migrations.upgrade))
                await settled(connection.commit())
        finally:
            await settled(opened.dispose())
