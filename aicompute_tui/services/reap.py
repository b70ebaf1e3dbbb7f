"""Ending orphans: machines with our store's tag that no row stands for. Never another store's."""

from __future__ import annotations

from aicompute_tui.domain.errors import AicError, LeaseLost, NotFound, Unreachable
from aicompute_tui.domain.instance import DesiredState
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.remote import Ownership, Sighting
from aicompute_tui.services.adopt import take_over
from aicompute_tui.services.arguments import flag
from aicompute_tui.services.context import Arguments, Context
from aicompute_tui.services.reconcile import reconcile
from aicompute_tui.services.terminate import carry_out_termination
from aicompute_tui.services.views import sighting_view

_TURNS = 10
_TURN_SECONDS = 2.0


async def reap(context: Context, arguments: Arguments) -> list[Json]:
    """Handler of `instance.reap`: looks everywhere first, then ends each orphan by a row of its own."""
    dry_run = flag(arguments, "dry_run")
    job = context.running_job
    await job.progress("looking at every region")
    problems = await _look_everywhere(context)
    async with context.store.read() as transaction:
        sightings = await transaction.sightings.list()
    orphans = [each for each in sightings if each.ownership is Ownership.ORPHAN]
    views: list[Json] = []
    failure: AicError | None = None
    for orphan in orphans:
        try:
            outcome = "would be ended" if dry_run else await _end(context, orphan)
        except LeaseLost:
            raise
        except AicError as error:
            failure = failure or error
            outcome = f"failed: {error.message}"
        view: JsonObject = {**sighting_view(orphan), "outcome": outcome}
        views.append(view)
    if not orphans and problems:
        raise Unreachable(
            f"Not every place could be looked at: {problems}", "Nothing was found elsewhere; do it again."
        )
    if failure is not None:
        raise failure
    return views


async def _look_everywhere(context: Context) -> str:
    """One full pass of our own, after another process's; what it could not see, in words."""
    summary: JsonObject = {}
    for _ in range(_TURNS):
        summary = await reconcile(context, full=True)
        if not summary["busy"]:
            break
        await context.clock.sleep(_TURN_SECONDS)
    problems = summary["problems"]
    told = [str(problem) for problem in problems] if isinstance(problems, list) else []
    if told:
        await context.running_job.progress(f"not every place could be looked at: {'; '.join(told)}")
    return "; ".join(told)


async def _end(context: Context, orphan: Sighting) -> str:
    if orphan.store_id != context.store.store_id:
        return "not ours, left alone"
    await context.running_job.progress(f"ending {orphan.remote_id}")
    try:
        row, cloud = await take_over(context, orphan, DesiredState.TERMINATED)
    except NotFound:
        return "was gone already"
    if row.desired_state is not DesiredState.TERMINATED:
        return "was adopted meanwhile, left alone"
    await carry_out_termination(context, cloud, row, context.running_job.hold)
    return "told to end"
