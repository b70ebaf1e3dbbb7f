"""Which machine a job means: the one that was there when it was written down."""

from __future__ import annotations

from aicompute_tui.domain.errors import Refused
from aicompute_tui.domain.instance import Instance
from aicompute_tui.services.context import Context
from aicompute_tui.store.database import Transaction


async def find_meant(context: Context, transaction: Transaction, reference: str) -> Instance:
    """The machine of that name or id. Raises NotFound, InvalidInput, and Refused for one younger than the job.

    A name is free again when its machine has ended, and a job may be taken up late.
    """
    row = await transaction.instances.find(reference)
    if row.requested_at > context.running_job.job.created_at:
        raise Refused(f"{row.name} was launched after this was asked for.", "Do it again if it is meant.")
    return row
