"""What screens act through: the rows, jobs to submit, questions to the agent, the clock and the mode."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Literal

from aicompute_tui.domain.clock import Clock
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.ui.state import ConsoleState

AgentState = Literal["starting", "on", "off"]


class Session:
    """One console. Everything here runs on the event loop; heavy imports happen in a thread after the first paint."""

    def __init__(self, clock: Clock, *, read_only: bool = False, demo: bool = False) -> None:
        self.clock = clock
        self.read_only = read_only
        self.demo = demo
        self.state = ConsoleState()
        self.agent_state: AgentState = "starting"
        self.utc = False
        """Times are shown in UTC instead of this machine's zone."""

    def now(self) -> datetime:
        return self.clock.now()

    async def submit(self, action_id: str, arguments: Mapping[str, Json], subject: str | None = None) -> str:
        """Writes the job down for the agent, wakes it, and answers the job's id. Raises AicError."""
        raise NotImplementedError

    async def query(self, action_id: str, arguments: Mapping[str, Json]) -> Json:
        """Asks the agent. Raises AicError, also where there is no agent."""
        raise NotImplementedError

    def stream(self, action_id: str, arguments: Mapping[str, Json]) -> AsyncIterator[Json]:
        """Asks the agent and yields what comes; closing the iterator cancels the question. Raises AicError."""
        raise NotImplementedError

    def record(self, row_id: str) -> JsonObject | None:
        """The row as JSON, as the CLI prints it: a machine, a sighting or a job; None where it is not known."""
        raise NotImplementedError
