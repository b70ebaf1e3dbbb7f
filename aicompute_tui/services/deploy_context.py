"""The context that a container's model server is told: by its option, or in words and variables of one's own."""

from __future__ import annotations

from collections.abc import Sequence

from aicompute_tui.domain.container_framework import CONTAINER_FRAMEWORKS, ContainerFramework
from aicompute_tui.domain.errors import InvalidInput
from aicompute_tui.domain.serving_context import CONTEXT_OPTIONS
from aicompute_tui.services.container_words import environment, own_words
from aicompute_tui.services.context import Arguments, Context
from aicompute_tui.services.serving_context import asked_context, check_context_is_taken, settled_context


def check_context(arguments: Arguments, framework: ContainerFramework | None) -> None:
    """Raises InvalidInput where one is given that the container would not be told."""
    name, called = ("", "An image of your own") if framework is None else (framework.name, framework.title)
    check_context_is_taken(arguments, name, called, CONTAINER_FRAMEWORKS)


async def deployment_context(
    context: Context, arguments: Arguments, framework: ContainerFramework | None, models: Sequence[str]
) -> int | None:
    """None for a server that is told none by the option. Raises InvalidInput where it is told twice."""
    asked = asked_context(arguments)
    option = None if framework is None else CONTEXT_OPTIONS.get(framework.name)
    if framework is None or option is None:
        return None
    name = next((each for each in option.names if each in _said(arguments)), None)
    if name is None:
        return await settled_context(context, framework.name, models, asked)
    if asked is not None:
        raise InvalidInput(f"--context and {name} both say the context.", "Give one of them.")
    return None


def judged_context(arguments: Arguments, framework: ContainerFramework, told: int | None) -> int | None:
    """What the fit is judged for: also what one's own words say, where that is a plain number."""
    option = CONTEXT_OPTIONS.get(framework.name)
    if told is not None or option is None:
        return told
    said = _said(arguments)
    written = next((said[name] for name in option.names if name in said), "")
    return int(written) if written.isdecimal() and 0 < len(written) < 9 else None


def _said(arguments: Arguments) -> dict[str, str]:
    """Options and variables of one's own with what follows them."""
    words = own_words(arguments)
    said = dict(environment(arguments))
    for place, word in enumerate(words):
        name, equals, value = word.partition("=")
        if name.startswith("-"):
            said[name] = value if equals else "".join(words[place + 1 : place + 2])
    return said
