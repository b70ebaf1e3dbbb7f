"""A process that edits the rows of a store again and again, or one that follows its change feed."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path

from aicompute_tui.domain.errors import Conflict
from aicompute_tui.store.database import Store, database_url
from aicompute_tui.store.following import Follower
from tests.contract.store_world import StandingClock

POLL_SECONDS = 0.25
"""As the console polls without an agent."""


async def edit(path: Path, edits: int, offset: int) -> dict[str, object]:
    """Adds one to a row `edits` times, by compare-and-set; tells when each change was committed."""
    store = await Store.open(database_url(path), clock=StandingClock())
    committed: dict[int, float] = {}
    conflicts = 0
    async with store.read() as transaction:
        ids = sorted(await transaction.instances.known_ids())
    for turn in range(edits):
        while True:
            async with store.read() as transaction:
                row = await transaction.instances.get(ids[(turn + offset) % len(ids)])
            try:
                async with store.write() as transaction:
                    await transaction.instances.update(row, empty_looks=row.empty_looks + 1)
                    number = await transaction.changes.latest()
            except Conflict:
                conflicts += 1
                continue
            committed[number] = time.monotonic()
            break
    await store.aclose()
    return {"committed": committed, "conflicts": conflicts}


def follow(path: Path, after: int, until: int) -> dict[str, object]:
    """Polls as the console does.

    Tells when each number was first seen, in the order it was given them, and when the last look without it began:
    by the monotonic clock, which all processes of a machine share.
    """
    follower = Follower(path)
    position, seen, missed, looked_at = after, {}, {}, 0.0
    order: list[int] = []
    deadline = time.monotonic() + 120
    print("following", flush=True)
    while position < until and time.monotonic() < deadline:
        began = time.monotonic()
        for change in follower.since(position):
            seen[change.number], missed[change.number] = time.monotonic(), looked_at
            order.append(change.number)
            position = change.number
        looked_at = began
        time.sleep(POLL_SECONDS)
    follower.close()
    return {"seen": seen, "missed": missed, "order": order}


if __name__ == "__main__":
    mode, file, first, second = sys.argv[1:]
    if mode == "edit":
        print(json.dumps(asyncio.run(edit(Path(file), int(first), int(second)))))
    else:
        print(json.dumps(follow(Path(file), int(first), int(second))))
