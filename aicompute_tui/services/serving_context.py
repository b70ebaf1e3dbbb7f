"""The context that a model server is started with: the one asked for, else what its fit is judged by."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence

from aicompute_tui.domain.container_framework import CONTAINER_FRAMEWORKS
from aicompute_tui.domain.errors import AicError, InvalidInput
from aicompute_tui.domain.framework import FRAMEWORKS
from aicompute_tui.domain.serving_context import (
    ALL_TOKENS,
    CONTEXT_OPTIONS,
    FEWEST_TOKENS,
    USUAL_TOKENS,
    parse_context,
)
from aicompute_tui.services.arguments import text
from aicompute_tui.services.context import Arguments, Context
from aicompute_tui.services.model_choice import served_shape

_LONGEST_SECONDS = 6.0
"""What the hub is given to tell of a model."""


def asked_context(arguments: Arguments) -> int | None:
    """None where nothing is said. Raises InvalidInput."""
    written = text(arguments, "context")
    return None if written is None else parse_context(written)


def check_context_is_taken(arguments: Arguments, framework: str, called: str, servers: Collection[str]) -> None:
    """Raises InvalidInput for a context that would be told to nobody; `called` takes none, some of `servers` do."""
    if framework not in CONTEXT_OPTIONS and asked_context(arguments):
        taking = ", ".join(name for name in CONTEXT_OPTIONS if name in servers)
        raise InvalidInput(
            f"{called} takes no --context.", f"Leave it out, or choose a server that takes one: {taking}."
        )


def check_launch_context(asked: Arguments, framework: str) -> None:
    """Only what is asked for now: a template's context is left aside with its server. Raises InvalidInput."""
    known = CONTAINER_FRAMEWORKS.get(framework)
    called = "A machine without a model server" if framework == "none" else known.title if known else framework
    check_context_is_taken(asked, framework, called, FRAMEWORKS)


async def settled_context(context: Context, framework: str, models: Sequence[str], asked: int | None) -> int | None:
    """None for a server that is told none. A server that ends over a context longer than the model's is told that."""
    option = CONTEXT_OPTIONS.get(framework)
    if option is None or asked is not None:
        return None if option is None else asked
    if option.caps_itself or not models:
        return USUAL_TOKENS
    try:
        async with asyncio.timeout(_LONGEST_SECONDS):
            shape = await served_shape(context, models[0], framework)
    except (TimeoutError, AicError):
        return USUAL_TOKENS
    own = shape.context_length or USUAL_TOKENS
    return min(USUAL_TOKENS, own) if own >= FEWEST_TOKENS else ALL_TOKENS
