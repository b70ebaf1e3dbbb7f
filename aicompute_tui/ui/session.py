"""What screens act through: the rows, jobs to submit, questions to the agent, the clock and the mode."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import logging
import sys
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import unquote

from aicompute_tui.domain.clock import Clock
from aicompute_tui.domain.errors import AicError, Refused, Unreachable
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.ui.conversations import Conversations
from aicompute_tui.ui.glyphs import UNICODE, Glyphs
from aicompute_tui.ui.local_zone import LOCAL_ZONE
from aicompute_tui.ui.overview import Overview, Sums
from aicompute_tui.ui.scheduling import answer_soon
from aicompute_tui.ui.state import ConsoleState, StateChange, StateUpdate

if TYPE_CHECKING:
    from aicompute_tui.agent.client import AgentClient
    from aicompute_tui.domain.credential import Secret
    from aicompute_tui.domain.offer_table import OfferTable
    from aicompute_tui.runtime import Runtime
    from aicompute_tui.store.database import Store
    from aicompute_tui.store.rows import Snapshot
    from aicompute_tui.ui.follower import StoreFollower
    from aicompute_tui.ui.known_offers import KnownOffers
    from aicompute_tui.ui.own_console import OwnConsole

AgentState = Literal["starting", "on", "off"]

_RECONNECT_SECONDS = (1.0, 2.0, 5.0, 10.0)
_ABOUT_THIS_HOST = frozenset({"key.set", "key.reset", "setting.set", "setting.reset", "host.add"})
"""They may read or write files of this home, which an agent elsewhere has not."""
_OF_AN_ACCOUNT = frozenset({"quota.request"})
_ON_HOSTS = ("container.", "image.", "volume.", "host.forget-key")
_NAMING_ROWS = ("name", "names", "items")

_OF_THE_TERMINAL = ("TERM", "COLORTERM")

log = logging.getLogger(__name__)


class Session:
    """One console's hold on the world, without a world: `LiveSession` adds it."""

    def __init__(self, clock: Clock, *, read_only: bool = False, demo: bool = False, glyphs: Glyphs = UNICODE) -> None:
        self.clock = clock
        self.read_only = read_only
        self.demo = demo
        self.glyphs = glyphs
        self.state = ConsoleState()
        self.overview = Overview(self.state)
        self.agent_state: AgentState = "starting"
        self.agent_problem = ""
        """Why there is no agent, in one sentence."""
        self.utc = False
        """Times are shown in UTC instead of this machine's zone."""
        self.own: OwnConsole | None = None
        """What this person's files say; None where a console is without any."""
        self.notices: list[str] = []
        """What is said once the console is open: parts of the configuration that do not count."""
        self.offer_columns: tuple[str, ...] = ()
        """Columns of the price explorer as they were chosen in this console; none stands for the usual ones."""
        self.conversations = Conversations()
        self.on_change: Callable[[StateChange], None] = lambda _: None
        self.on_agent: Callable[[], None] = lambda: None
        self.on_warning: Callable[[str], None] = lambda _: None

    def now(self) -> datetime:
        return self.clock.now()

    def now_here(self) -> datetime:
        """In the zone that times are shown in."""
        return self.now() if self.utc else self.now().astimezone(LOCAL_ZONE)

    async def start(self) -> None:
        """Called once, after the first paint."""

    async def aclose(self) -> None:
        """Ends what `start` began."""

    async def submit(self, action_id: str, arguments: Mapping[str, Json], subject: str | None = None) -> str:
        """Writes the job down for the agent, wakes it, and answers the job's id. Raises AicError."""
        raise NotImplementedError

    async def submit_secret(self, action_id: str, arguments: Mapping[str, Json], secret: Secret) -> str:
        """Like `submit`; the secret is sealed here and waits beside the job, in no column of it. Raises AicError."""
        raise NotImplementedError

    async def query(self, action_id: str, arguments: Mapping[str, Json]) -> Json:
        """Asks the agent. Raises AicError, also where there is no agent."""
        raise NotImplementedError

    def stream(self, action_id: str, arguments: Mapping[str, Json]) -> AsyncGenerator[Json, None]:
        """Asks the agent and yields what comes; closing the iterator cancels the question. Raises AicError."""
        raise NotImplementedError

    async def offers(self) -> OfferTable:
        """What machines cost everywhere, as it lies on disk, else as it ships with the program."""
        raise NotImplementedError

    async def look_now(self) -> bool:
        """Asks the agent to look at the clouds at once; False where there is none."""
        return False

    def own_program(self, words: Sequence[str]) -> tuple[list[str], dict[str, str]]:
        """The command line of this home as a child on the terminal: its words and its environment."""
        raise NotImplementedError

    def record(self, row_id: str) -> JsonObject | None:
        """The row as programs see it: a machine, a sighting or a job; None where it is not known."""
        from aicompute_tui.ui.row_records import record_of

        return record_of(self.state, row_id, self.now().timestamp())


class LiveSession(Session):
    """Over a runtime: the database file, the agent's socket, and jobs through the store.

    Everything runs on the event loop; what is slow to import is imported in a thread after the first paint.
    """

    def __init__(
        self, runtime: Runtime, *, read_only: bool = False, demo: bool = False, glyphs: Glyphs = UNICODE
    ) -> None:
        super().__init__(runtime.clock, read_only=read_only, demo=demo, glyphs=glyphs)
        from aicompute_tui.ui.own_console import OwnConsole

        self.own = OwnConsole(runtime)
        self.log_file: Path | None = None
        self._runtime = runtime
        self._client: AgentClient | None = None
        self._follower: StoreFollower | None = None
        self._offers: KnownOffers | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._opening = asyncio.Lock()
        self._is_closed = False

    def take_first(self, snapshot: Snapshot | None) -> None:
        """The reading taken before the first paint."""
        self.state.apply(snapshot)

    async def start(self) -> None:
        gc.enable()
        self.log_file = self._runtime.start_log("console")
        if self.notices:
            more = f" {len(self.notices) - 1} more: aic-tui doctor" if len(self.notices) > 1 else ""
            self.on_warning(self.notices[0] + more)
        self._follow()
        self._spawn(self._keep_agent())
        await asyncio.to_thread(answer_soon)
        await asyncio.to_thread(_import_heavy)
        gc.freeze()  # what was imported stays: looking through it again and again would hold up keys

    async def aclose(self) -> None:
        self._is_closed = True
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        if self._client is not None:
            await self._client.aclose()
        if self._follower is not None:
            await asyncio.to_thread(self._follower.stop)
        await self._runtime.aclose()

    # -- the store

    def _follow(self) -> None:
        from aicompute_tui.ui.follower import StoreFollower

        loop = asyncio.get_running_loop()

        context = contextvars.copy_context()  # a thread has none of its own, and timers of widgets need the app's

        def deliver(update: StateUpdate, sums: Sums | None) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._take, update, sums, context=context)

        self._follower = StoreFollower(database_file(self._runtime), self.clock, deliver)
        self._follower.start(self.state.snapshot)

    def _take(self, update: StateUpdate, sums: Sums | None = None) -> None:
        if not self._is_closed:
            problem, is_first = self.state.problem, self.state.snapshot is None
            change = self.state.take(update)
            if sums is not None:
                self.overview.take(sums)
            if change or problem != self.state.problem or (is_first and self.state.snapshot is not None):
                self.on_change(change)

    async def _store(self) -> Store:
        async with self._opening:
            await asyncio.to_thread(_import_heavy)
            return await self._runtime.open_store(migrate=False)

    async def submit(self, action_id: str, arguments: Mapping[str, Json], subject: str | None = None) -> str:
        if self.read_only:
            raise Refused("This console is read-only.", "Start it without --read-only.")
        store = await self._store()
        from aicompute_tui.services import jobs

        actor = self._runtime.actor
        launches = action_id == "instance.launch"
        job = await jobs.submit(
            store,
            self.clock,
            actor,
            action_id,
            dict(arguments),
            subject=subject,
            credential_id=_credential_id(arguments) if launches or action_id in _OF_AN_ACCOUNT else None,
            host_id=actor.host_id
            if launches or action_id in _ABOUT_THIS_HOST
            else _keeper(self.state, action_id, arguments),
        )
        self._wake()
        return job.id

    async def submit_secret(self, action_id: str, arguments: Mapping[str, Json], secret: Secret) -> str:
        if self.read_only:
            raise Refused("This console is read-only.", "Start it without --read-only.")
        from aicompute_tui.ui.sealing import submit_sealed

        job_id = await submit_sealed(self._runtime, await self._store(), action_id, arguments, secret)
        self._wake()
        return job_id

    def _wake(self) -> None:
        if self._follower is not None:
            self._follower.wake()
        self._spawn(self._nudge())

    # -- the agent

    async def query(self, action_id: str, arguments: Mapping[str, Json]) -> Json:
        return await self._agent().query(action_id, arguments)

    def stream(self, action_id: str, arguments: Mapping[str, Json]) -> AsyncGenerator[Json, None]:
        return self._agent().stream(action_id, arguments)

    async def offers(self) -> OfferTable:
        if self._offers is None:
            from aicompute_tui.ui.known_offers import KnownOffers

            self._offers = KnownOffers(self._runtime.places.cache)
        return await asyncio.to_thread(self._offers.read)

    async def look_now(self) -> bool:
        try:
            await self._agent().nudge("reconcile")
        except AicError:
            return False
        return True

    def own_program(self, words: Sequence[str]) -> tuple[list[str], dict[str, str]]:
        from aicompute_tui.runtime.children import child_environment

        own = self._runtime.environment
        terminal = {name: own[name] for name in _OF_THE_TERMINAL if name in own}
        return [sys.executable, "-m", "aicompute_tui", *words], {**child_environment(own), **terminal}

    def _agent(self) -> AgentClient:
        if self._client is None or self._client.is_closed:
            raise Unreachable(self.agent_problem or "No agent is running.", "Start one with `aic-tui agent`.")
        return self._client

    async def _nudge(self) -> None:
        try:
            await self._agent().nudge()
        except AicError as error:
            log.info("the agent was not woken: %s", error.message)

    async def _keep_agent(self) -> None:
        """Starts an agent where there is none, and again when it goes."""
        tries = 0
        while not self._is_closed:
            gone = asyncio.Event()
            try:
                await self._connect(gone)
            except AicError as error:
                self._set_agent("off", error.message)
            else:
                tries = 0
                await gone.wait()
                self._set_agent("starting", "")
            await asyncio.sleep(_RECONNECT_SECONDS[min(tries, len(_RECONNECT_SECONDS) - 1)])
            tries += 1

    async def _connect(self, gone: asyncio.Event) -> None:
        await asyncio.to_thread(_import_agent)
        from aicompute_tui.agent.start import connect_agent

        client, started = await connect_agent(self._runtime)
        client.on_closed = gone.set
        client.on_changed = self._changed
        self._client = client
        if started.problem:
            self.on_warning(started.problem)
        if self._follower is not None:
            self._follower.wake()
        self._set_agent("on", "")

    def _changed(self, _number: int) -> None:
        if self._follower is not None:
            self._follower.wake()

    def _set_agent(self, state: AgentState, problem: str) -> None:
        if (state, problem) != (self.agent_state, self.agent_problem):
            self.agent_state, self.agent_problem = state, problem
            if self._follower is not None:
                from aicompute_tui.ui import follower

                pushed = state == "on"
                self._follower.poll_seconds = follower.PUSHED_POLL_SECONDS if pushed else follower.POLL_SECONDS
            self.on_agent()

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def database_file(runtime: Runtime) -> Path:
    """The SQLite file of this home, or the one that `database_url` names."""
    url = runtime.preferences_source.text("database_url")
    _, has_path, path = url.partition(":///")
    return Path(unquote(path.partition("?")[0])) if has_path and path else runtime.places.database_file


def _import_agent() -> None:
    import aicompute_tui.agent.start  # noqa: F401


def _import_heavy() -> None:
    """Everything a submit needs, so that the first one does not stall the loop."""
    import aicompute_tui.services.jobs
    import aicompute_tui.store.database  # noqa: F401


def _credential_id(arguments: Mapping[str, Json]) -> str | None:
    """The credential that is named by its id; a bare name is for the agent to resolve."""
    profile = arguments.get("profile")
    return profile if isinstance(profile, str) and ":" in profile else None


def _keeper(state: ConsoleState, action_id: str, arguments: Mapping[str, Json]) -> str | None:
    """The installation that alone can reach the container hosts a job names; None where any, or no single one, can."""
    if not action_id.startswith(_ON_HOSTS):
        return None
    named = {str(arguments.get("host") or "")}
    for key in _NAMING_ROWS:
        value = arguments.get(key)
        for reference in value if isinstance(value, list) else [value]:
            if isinstance(reference, str) and (action_id.startswith("host.") or "/" in reference):
                named.add(reference.partition("/")[0])
    rows = [row for row in state.hosts.values() if {row.id, row.name} & named]
    keepers = {row.kept_by if row.kind != "portainer" else "" for row in rows}
    return (keepers.pop() or None) if len(keepers) == 1 else None
