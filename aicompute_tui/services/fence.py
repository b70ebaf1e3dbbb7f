"""Before an outside call: the proof that the work is still ours, and fresh enough to act on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

from aicompute_tui.domain.errors import LeaseLost
from aicompute_tui.services.context import Context
from aicompute_tui.store.database import Transaction

Hold = Callable[[Transaction], Awaitable[None]]
"""Proves in a transaction that the work is still ours; raises LeaseLost."""

SEND_WITHIN = timedelta(seconds=20)
"""A proof older than this, of a process that was frozen after it, allows no call any more; leases last longer."""


async def prove_held(context: Context, hold: Hold) -> None:
    """Commits the proof. Raises LeaseLost where the work is another's, or the proof is too old by now."""
    proven_at = context.clock.now()
    async with context.store.write() as transaction:
        await hold(transaction)
    if context.clock.now() - proven_at > SEND_WITHIN:
        raise LeaseLost("This process stood still for too long to go on.", "Whoever took the work over carries it on.")
