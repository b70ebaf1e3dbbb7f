"""A question to the agent that goes on for as long as a view shows its answer: asked again when the way is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import aclosing

from aicompute_tui.domain.errors import AicError, InvalidInput
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.ui.session import Session

RETRY_SECONDS = (1.0, 2.0, 5.0, 10.0)


async def keep_streaming(
    session: Session,
    action_id: str,
    arguments: Callable[[], Mapping[str, Json]],
    on_item: Callable[[JsonObject], None],
    on_break: Callable[[AicError | None], None],
) -> None:
    """Until cancelled, or until the question itself is wrong.

    `arguments` is asked for each time; `on_break` hears why it stopped, None where the stream came to its end.
    """
    tries = 0
    while True:
        problem: AicError | None = None
        try:
            async with aclosing(session.stream(action_id, arguments())) as items:
                async for item in items:
                    tries = 0
                    if isinstance(item, dict):
                        on_item(item)
        except AicError as error:
            problem = error
        on_break(problem)
        if isinstance(problem, InvalidInput):
            return
        await asyncio.sleep(RETRY_SECONDS[min(tries, len(RETRY_SECONDS) - 1)])
        tries += 1
