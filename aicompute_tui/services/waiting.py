"""Waiting until machines are ready, also where no agent follows them."""

from __future__ import annotations

from collections.abc import Sequence

from aicompute_tui.domain.errors import AicError, OutOfCapacity, Unreachable
from aicompute_tui.domain.instance import Instance, InstanceState
from aicompute_tui.services.context import Context
from aicompute_tui.services.reconcile import reconcile

_EVERY_SECONDS = 3.0


async def wait_until_ready(context: Context, instance_ids: Sequence[str], timeout_seconds: float) -> list[Instance]:
    """The rows once all are ready. Raises the reason where one ended first, Unreachable when the time is over."""
    until = context.clock.now().timestamp() + timeout_seconds
    while True:
        await reconcile(context, full=False)
        async with context.store.read() as transaction:
            rows = [await transaction.instances.get(each) for each in instance_ids]
        for row in rows:
            if row.is_final:
                raise _ended(row)
        if all(row.state is InstanceState.READY for row in rows):
            return rows
        if context.clock.now().timestamp() > until:
            states = ", ".join(f"{row.name} is {row.state.value}" for row in rows)
            raise Unreachable(f"Not ready in time: {states}.", "It goes on; see `aic-tui instance list`.")
        await context.clock.sleep(_EVERY_SECONDS)


def _ended(row: Instance) -> AicError:
    return OutOfCapacity(f"{row.name} ended before it was ready: {row.end_reason}", "Launch it again.")
