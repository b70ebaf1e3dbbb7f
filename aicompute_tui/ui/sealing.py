"""Hands a secret on to be stored: sealed in this process, in the same commit as the job that will take it up."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

from aicompute_tui.domain.credential import Secret
from aicompute_tui.domain.job import Job
from aicompute_tui.domain.json import Json

if TYPE_CHECKING:
    from aicompute_tui.runtime import Runtime
    from aicompute_tui.store.database import Store, Transaction


async def submit_sealed(
    runtime: Runtime, store: Store, action_id: str, arguments: Mapping[str, Json], secret: Secret
) -> str:
    """Answers the job's id. The plain text leaves this process in no way: no row, event, log or socket has it.

    Raises AicError, also where the vault cannot be opened; then nothing is written down.
    """
    from aicompute_tui.runtime.logs import hide
    from aicompute_tui.services import jobs

    for part in secret.parts:
        hide(part)
    token = await asyncio.to_thread(_sealed, runtime, secret.text)
    actor = runtime.actor

    async def put(transaction: Transaction, job: Job) -> None:
        await transaction.secrets.put(jobs.pending_secret(job.id), token, by=actor.owner)

    job = await jobs.submit(store, runtime.clock, actor, action_id, dict(arguments), host_id=actor.host_id, beside=put)
    return job.id


def _sealed(runtime: Runtime, secret: str) -> bytes:
    from aicompute_tui.store.vault import Vault

    return Vault.open(runtime.places, runtime.environment).seal(secret)
