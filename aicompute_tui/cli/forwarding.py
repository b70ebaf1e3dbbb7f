"""`instance forward`: asked for here, kept open by the agent, answered when it leads somewhere or why it does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aicompute_tui.cli.ascii_twins import say
from aicompute_tui.cli.execute import Call, run_job, submit
from aicompute_tui.cli.table import clean
from aicompute_tui.cli.waiting import start_agent
from aicompute_tui.domain.errors import AicError, Unreachable
from aicompute_tui.domain.json import Json

if TYPE_CHECKING:
    from aicompute_tui.runtime import Runtime
    from aicompute_tui.services.context import Context

_OPEN_SECONDS = 10.0
_LOOK_SECONDS = 0.25


async def forward(call: Call, runtime: Runtime, context: Context) -> int:
    """1 where the port leads nowhere yet; the agent goes on trying. Raises Unreachable where no agent can run."""
    async with context.store.read() as transaction:
        row = await transaction.instances.find(str(call.arguments["name"]))
    call.arguments["name"] = row.id
    is_wanted = not call.arguments.get("off")
    if is_wanted:
        await _need_agent(runtime)
    job = await submit(call, context, subject=row.id)
    answer = await run_job(call, context, job)
    if is_wanted and isinstance(answer, dict):
        answer = await _settled(context, row.id, answer)
    call.answer(answer)
    if not isinstance(answer, dict) or answer.get("state") in ("open", "closed"):
        return 0
    problem = answer.get("problem")
    why = f": {clean(str(problem))}" if problem else f" after {_OPEN_SECONDS:g} s"
    say(f"The port does not lead to {clean(row.name)} yet{why}")
    say("  The agent goes on trying; `aic-tui instance show` tells how it stands, --off gives it up.")
    return 1


async def _need_agent(runtime: Runtime) -> None:
    try:
        await start_agent(runtime)
    except AicError as error:
        message = f"The agent keeps ports open, and none can run here: {error.message}"
        raise Unreachable(message, error.next_step, error.details) from error


async def _settled(context: Context, instance_id: str, answer: dict[str, Json]) -> dict[str, Json]:
    """The answer with the tunnel's state as the agent has left it, for a while if it is still being opened."""
    until = context.clock.now().timestamp() + _OPEN_SECONDS
    while answer["state"] == "opening" and context.clock.now().timestamp() < until:
        await context.clock.sleep(_LOOK_SECONDS)
        async with context.store.read() as transaction:
            tunnels = await transaction.tunnels.of(instance_id)
        for tunnel in tunnels:
            if (tunnel.host_id, tunnel.remote_port) == (context.actor.host_id, answer["remote_port"]):
                answer = {**answer, "state": tunnel.state.value, "problem": tunnel.problem or None}
    return answer
