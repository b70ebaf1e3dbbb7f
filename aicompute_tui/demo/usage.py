"""The past use of the demo's connections: calls of a month, more by day than by night, and a few that failed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random

from aicompute_tui.domain.call import Call, Operation
from aicompute_tui.domain.caller import Caller
from aicompute_tui.domain.connection import Connection, Usage
from aicompute_tui.domain.ids import new_id
from aicompute_tui.domain.token_prices import cost_nano_usd
from aicompute_tui.llms.prices import prices_of

_CALLS = 30
_LATEST = timedelta(minutes=4)
_DAYS = 29
_CALLERS = (Caller.CONSOLE, Caller.CLI, Caller.CLIENT, Caller.CLIENT)
_PROBLEMS = ("RateLimited", "TimedOut", "Cancelled")
_ONE_IN = 14
"""One call of so many fails."""


def past_calls(connection: Connection, now: datetime) -> Iterator[Call]:
    """Of one connection, the same at every start; the last was a moment ago."""
    chance = Random(connection.name)  # noqa: S311 - nothing is kept secret by it
    began = max(connection.created_at, now - timedelta(days=_DAYS))
    for place in range(_CALLS):
        share = (place / (_CALLS - 1)) ** 0.5
        at = began + (now - _LATEST - began) * share
        if at.hour < 7 and place < _CALLS - 1:
            at += timedelta(hours=8)
        yield _call(connection, min(at, now - _LATEST), chance)


def _call(connection: Connection, at: datetime, chance: Random) -> Call:
    problem = chance.choice(_PROBLEMS) if not chance.randrange(_ONE_IN) else ""
    usage = Usage() if problem else Usage(input_tokens=chance.randint(40, 6_000), output_tokens=chance.randint(30, 900))
    first = None if problem in ("RateLimited", "TimedOut") else chance.randint(90_000, 900_000)
    made = (usage.output_tokens or 20) * chance.randint(9_000, 24_000)
    model = connection.model or "default"
    return Call(
        id=new_id(at),
        at=at,
        connection_id=connection.id,
        connection_name=connection.name,
        caller=chance.choice(_CALLERS),
        operation=Operation.CHAT,
        model=model,
        is_ok=not problem,
        problem_kind=problem,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cost_nano_usd=cost_nano_usd(usage, prices_of(connection, model)),
        first_token_microseconds=first,
        total_microseconds=(first or 40_000) + made,
    )
