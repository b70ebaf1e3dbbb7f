"""A job that needs a secret: it waits sealed beside the job, for whichever process carries it out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aicompute_tui.cli.execute import Call, run_job, submit
from aicompute_tui.domain.json import Json

if TYPE_CHECKING:
    from aicompute_tui.domain.job import Job
    from aicompute_tui.services.context import Context
    from aicompute_tui.store.database import Transaction


async def run_with_secret(call: Call, context: Context, secret: str | None) -> Json:
    """Answers the call. The job and its sealed secret are written in one commit: neither is ever there alone."""
    from aicompute_tui.runtime import logs
    from aicompute_tui.services.jobs import pending_secret

    sealed = None
    if secret is not None:
        logs.hide(secret)
        sealed = await context.clouds.seal(secret)

    async def put(transaction: Transaction, job: Job) -> None:
        if sealed is not None:
            await transaction.secrets.put(pending_secret(job.id), sealed, by=context.actor.owner)

    result = await run_job(call, context, await submit(call, context, beside=put))
    call.answer(result)
    return result
