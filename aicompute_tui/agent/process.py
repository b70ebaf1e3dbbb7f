"""One agent from its lock to its end: workers, socket, signals, and how long it lives."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from aicompute_tui.actions.registry import ACTIONS, resolve_handler, resolve_stream
from aicompute_tui.agent.health_keeper import HealthKeeper
from aicompute_tui.agent.heaps import keep_heaps_small, share_heaps
from aicompute_tui.agent.host_keeper import HostKeeper
from aicompute_tui.agent.lock import AgentLock
from aicompute_tui.agent.node_keeper import NodeKeeper
from aicompute_tui.agent.peer import check_private
from aicompute_tui.agent.price_keeper import PriceKeeper
from aicompute_tui.agent.protocol import AgentInfo, SessionSecrets, is_older, program_version
from aicompute_tui.agent.quota_keeper import QuotaKeeper
from aicompute_tui.agent.server import Answer, Server, remove_socket
from aicompute_tui.agent.workers import JobRunner, Reconciler, supervise
from aicompute_tui.domain.caller import Caller
from aicompute_tui.domain.errors import AicError, InvalidInput
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.moments import format_moment
from aicompute_tui.runtime import Runtime
from aicompute_tui.runtime.logs import hide
from aicompute_tui.services.context import Actor, Context
from aicompute_tui.services.node_reports import SETTING_UP, look_at_all
from aicompute_tui.services.reconcile import reconcile
from aicompute_tui.store.database import Store
from aicompute_tui.store.schema import SCHEMA_VERSION

IDLE_SECONDS = 60.0
LOOK_SECONDS = 0.25
LIFE_SECONDS = 1.0
LEAVE_SECONDS = 25.0
HOMELESS_LEAVE_SECONDS = 2.0
GAVE_WAY = 75
"""How one ends that was to stay and made room for a newer program: whoever started it starts it again."""
NICENESS = 5

log = logging.getLogger(__name__)


class Agent:
    """The desk behind the socket, and the life of the workers. One that `stays` leaves only where it must."""

    def __init__(self, runtime: Runtime, store: Store, lock: AgentLock, *, stays: bool = False) -> None:
        self.gave_way = False
        self._stays = stays
        self._runtime = runtime
        self._lock = lock
        self._store = store
        self._clock = runtime.clock
        self._since = runtime.clock.now()
        self._stop = asyncio.Event()
        self._server = Server(self)
        self._runner = JobRunner(self._context, self._clock, runtime.host_id)
        self._reconciler = Reconciler(self._context, self._clock)
        self._keeper = NodeKeeper(self._context, self._clock, runtime.host_id, self._reconciler.nudge)
        self._hosts = HostKeeper(self._context, self._clock, runtime.host_id)
        self._health = HealthKeeper(self._context, self._clock, runtime.host_id)
        self._prices = PriceKeeper(self._context, self._clock)
        self._quotas = QuotaKeeper(self._context, self._clock, runtime.host_id)
        self._leave_seconds = LEAVE_SECONDS

    def stop(self, reason: str, seconds: float = LEAVE_SECONDS) -> None:
        """Leaves when the step under way is done, after `seconds` at the latest."""
        if not self._stop.is_set():
            log.info("leaving: %s", reason)
            self._leave_seconds = seconds
            self._stop.set()

    async def run(self) -> None:
        await self._server.start(self._runtime.places.agent_socket)
        workers = (self._runner, self._reconciler, self._keeper, self._hosts, self._health, self._prices, self._quotas)
        supervised = [self._supervised(each.name, each.run) for each in workers]
        watchers = [self._supervised("changes", self._tell_changes), self._supervised("life", self._watch_life)]
        watchers.append(self._supervised("heaps", lambda: keep_heaps_small(self._clock)))
        try:
            await self._stop.wait()
            for worker in workers:
                worker.leave()
            await asyncio.wait(supervised, timeout=self._leave_seconds)
        finally:
            for task in (*supervised, *watchers):
                task.cancel()
            await asyncio.gather(*supervised, *watchers, return_exceptions=True)
            await self._server.aclose()
            remove_socket(self._runtime.places.agent_socket)

    def _supervised(self, name: str, run: Callable[[], Awaitable[None]]) -> asyncio.Task[None]:
        return asyncio.create_task(supervise(name, run, self._clock), name=name)

    def info(self) -> AgentInfo:
        return AgentInfo(
            version=program_version(),
            schema=SCHEMA_VERSION,
            pid=os.getpid(),
            since=self._since,
            clients=self._server.clients,
            host_id=self._runtime.host_id,
            is_leaving=self._stop.is_set(),
            stays=self._stays,
        )

    async def greet(self, version: str, schema: int, secrets: SessionSecrets) -> None:
        self._take_secrets(secrets)
        if is_older(program_version(), SCHEMA_VERSION, version, schema):
            self._make_room(f"a console of version {version} is newer")

    def _make_room(self, reason: str) -> None:
        self.gave_way = True
        self.stop(reason)

    def nudge(self, what: str) -> None:
        self._runner.nudge()
        self._keeper.nudge()
        self._hosts.nudge()
        self._health.nudge()
        if what == "reconcile":
            self._reconciler.nudge()

    def ask(self, action_id: str, arguments: Mapping[str, object]) -> Answer:
        action = ACTIONS.get(action_id)
        if action is None or action.execution != "query":
            raise InvalidInput(f"{action_id} is not a question this agent knows.", "Use a console of the same version.")

        async def answer() -> Json:
            return await resolve_handler(action)(await self._asked(), arguments)

        async def items() -> AsyncIterator[Json]:
            stream = resolve_stream(action)(await self._asked(), arguments)
            try:
                async for item in stream:
                    yield item
            finally:
                if isinstance(stream, AsyncGenerator):
                    await stream.aclose()

        return items() if action.streams else answer()

    async def _asked(self) -> Context:
        """For the console, which alone asks here."""
        return replace(await self._context(self._runtime.actor), caller=Caller.CONSOLE)

    async def _context(self, actor: Actor | None) -> Context:
        return await self._runtime.context(self._store, actor=actor or self._runtime.agent_actor)

    def _take_secrets(self, secrets: SessionSecrets) -> None:
        if not secrets:
            return
        clouds = self._runtime.clouds
        is_news = any(not clouds.holds(credential_id, keys) for credential_id, keys in secrets.keys.items())
        for credential_id, keys in secrets.keys.items():
            hide(keys.secret_access_key)
            if keys.session_token:
                hide(keys.session_token)
            clouds.hold_keys(credential_id, keys, self._runtime.owner, secrets.expires_at)
        for value in secrets.vault.values():
            hide(value)
        clouds.hold_vault(secrets.vault)
        if is_news or secrets.vault:
            self._runner.nudge()
        if is_news:
            self._reconciler.look_everywhere()

    async def _tell_changes(self) -> None:
        told = -1
        while True:
            await self._clock.sleep(LOOK_SECONDS)
            if not self._server.clients:
                continue
            latest = await self._store.latest_change()
            if latest != told:
                told = latest
                self._server.tell(latest)

    async def _watch_life(self) -> None:
        idle_since: datetime | None = None
        while True:
            await self._clock.sleep(LIFE_SECONDS)
            if not self._lock.is_in_place(self._runtime.places.agent_lock):
                self.stop("its home was removed", HOMELESS_LEAVE_SECONDS)
                return
            if await self._has_newer_database():
                self._make_room("a newer aic-tui has upgraded the database")
                return
            now = self._clock.now()
            if await self._is_needed():
                idle_since = None
            elif idle_since is None:
                idle_since = now
            elif (now - idle_since).total_seconds() >= IDLE_SECONDS:
                self.stop("there is nothing to do")
                return

    async def _is_needed(self) -> bool:
        if self._stays or self._server.clients or self._runner.is_busy:
            return True
        async with self._store.read() as transaction:
            if await transaction.instances.list(limit=1):
                return True
            return bool(await transaction.jobs.list(limit=1, include_final=False))

    async def _has_newer_database(self) -> bool:
        try:
            return await self._store.schema_version() > SCHEMA_VERSION
        except AicError:  # whoever needs the database tells of it
            return False


async def serve(runtime: Runtime, *, stays: bool = False, debug: bool = False) -> int:
    """Runs the agent of this state home until nothing needs it. Raises AicError where another one runs."""
    runtime.ensure_places()
    runtime.start_log("agent", debug=debug)
    _give_way()
    share_heaps()
    check_private(runtime.places.agent_socket.parent)
    note = {"pid": os.getpid(), "version": program_version(), "since": format_moment(runtime.clock.now())}
    runtime.configuration.is_lenient = True  # a typing error there must not keep machines from being ended
    lock = AgentLock.take(runtime.places.agent_lock, note)
    try:
        store = await runtime.open_store()
        agent = Agent(runtime, store, lock, stays=stays)
        _heed_signals(agent)
        log.info("agent %s begins, pid %s", program_version(), os.getpid())
        await agent.run()
    finally:
        await runtime.aclose()
        lock.release()
        log.info("agent ends, pid %s", os.getpid())
    return GAVE_WAY if stays and agent.gave_way else 0


def _give_way() -> None:
    """A sweep over many machines must not hold up the console that somebody types into beside it.

    Where the kernel shares the processor out among sessions, niceness counts within one only: ours as a whole must be
    nice then, and is where nobody else is in it.
    """
    os.setpriority(os.PRIO_PROCESS, 0, max(NICENESS, os.getpriority(os.PRIO_PROCESS, 0)))
    if os.getsid(0) == os.getpid():
        with suppress(OSError):
            Path("/proc/self/autogroup").write_text(str(NICENESS), encoding="ascii")


def _heed_signals(agent: Agent) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, agent.stop, signal.Signals(number).name)


async def once(runtime: Runtime, *, debug: bool = False) -> JsonObject:
    """One full pass over the machines, then the jobs that can be taken up; other agents are not in its way."""
    runtime.ensure_places()
    runtime.start_log("agent", debug=debug)
    _give_way()
    try:
        store = await runtime.open_store()

        async def make_context(actor: Actor | None) -> Context:
            return await runtime.context(store, actor=actor or runtime.agent_actor)

        context = await make_context(None)
        summary = await reconcile(context, full=True)
        async with store.read() as transaction:
            rows = await transaction.instances.list()
        await look_at_all(context, [row for row in rows if row.state in SETTING_UP])
        runner = JobRunner(make_context, runtime.clock, runtime.host_id)
        await runner.run_all()
        return {**summary, "jobs_done": runner.finished, "jobs_failed": runner.failed}
    finally:
        await runtime.aclose()
