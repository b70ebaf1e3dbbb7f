"""`connection add`, `edit` and `ask`: a key that is sealed at once, and an answer on the terminal as it comes."""

from __future__ import annotations

import shlex
import sys
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from aicompute_tui.cli import confirm
from aicompute_tui.cli.ascii_twins import say, speaks_utf8
from aicompute_tui.cli.execute import Call
from aicompute_tui.cli.logs import harmless
from aicompute_tui.cli.secret_job import run_with_secret
from aicompute_tui.cli.stream import program_lines, read_on, write
from aicompute_tui.cli.table import cell
from aicompute_tui.domain.errors import AicError, InvalidInput
from aicompute_tui.domain.json import JsonObject

if TYPE_CHECKING:
    from aicompute_tui.llms.presets import Preset
    from aicompute_tui.runtime import Runtime
    from aicompute_tui.services.context import Context

_LARGEST_INPUT = 16_384


async def add(call: Call, runtime: Runtime, context: Context) -> int:
    """The key waits sealed beside the job, in no argument, column or line; its handler moves it."""
    from aicompute_tui.llms.presets import preset_of
    from aicompute_tui.services.connection_arguments import base_url

    preset = preset_of(str(call.arguments.get("preset")))
    base_url(call.arguments, preset)
    asks = preset.needs_key and not _sources(call)
    if asks and not call.session.can_ask:
        step = "Give --api-key-stdin (the key alone) or --api-key-env VARIABLE."
        raise InvalidInput(f"{preset.title} wants a key, and nobody can be asked here.", step)
    key = confirm.ask_secret(f"Key for {preset.title}") if asks else _given(call, runtime, preset)
    await _with_key(call, context, key)
    if call.options.output == "table":
        say(f"Test it: aic-tui connection test {shlex.quote(str(call.arguments['name']))}")
    return 0


async def edit(call: Call, runtime: Runtime, context: Context) -> int:
    from aicompute_tui.llms.presets import preset_of

    async with context.store.read() as transaction:
        connection = await transaction.connections.find(str(call.arguments["name"]))
    await _with_key(call, context, _given(call, runtime, preset_of(connection.kind)))
    return 0


async def _with_key(call: Call, context: Context, given: str | None) -> None:
    from aicompute_tui.services.connection_arguments import checked_key

    await run_with_secret(call, context, None if given is None else checked_key(given))


def _given(call: Call, runtime: Runtime, preset: Preset) -> str | None:
    """From standard input or the environment, None where neither was named. Raises InvalidInput that quotes nothing."""
    sources = _sources(call)
    if len(sources) > 1:
        raise InvalidInput(f"{' and '.join(sources)} name more than one source.", "Give one of them.")
    if call.options.stdin:
        return sys.stdin.read(_LARGEST_INPUT)
    if not sources:
        return None
    variables = (call.options.api_key_env,) if call.options.api_key_env else preset.key_variables
    found = next((value for name in variables if (value := runtime.environment.get(name))), None)
    if found is None:
        named = " or ".join(variables)
        told = f"The environment holds no {named}." if named else f"{preset.title} has no variable of its own."
        step = f"Set {named}, or give --api-key-stdin." if named else "Give the key with --api-key-stdin."
        raise InvalidInput(told, step)
    return found


def _sources(call: Call) -> list[str]:
    """The flags that say where its key is."""
    given = {
        "--api-key-stdin": call.options.stdin,
        "--api-key-env": call.options.api_key_env,
        "--from-env": call.options.from_env,
    }
    return [name for name, value in given.items() if value]


async def name_variables(call: Call, runtime: Runtime, context: Context) -> None:  # noqa: ARG001
    """Those that hold a provider's key here: the handler sees no environment."""
    from aicompute_tui.services.connection_finding import key_variables_in

    call.arguments["variables"] = key_variables_in(runtime.environment)


async def say_cost(call: Call, runtime: Runtime, context: Context) -> None:  # noqa: ARG001
    """What a test's prompt costs at most, before it is sent. What stands in its way, the test says itself."""
    from aicompute_tui.services.connection_calls import estimate

    if not call.arguments.get("prompt"):
        return
    try:
        told = await estimate(context, call.arguments)
    except AicError:
        return
    row: JsonObject = told if isinstance(told, dict) else {}
    most = row.get("cost_at_most_usd")
    cost = "what it costs is unknown" if most is None else f"costs at most ${most} by {cell(row, 'price_source')}"
    as_of = f" of {cell(row, 'price_as_of')}" if row.get("price_as_of") else ""
    say(f"{cell(row, 'model')} is asked for up to {cell(row, 'max_tokens')} tokens: {cost}{as_of}.")


async def write_answer(call: Call, items: AsyncIterator[JsonObject]) -> int:
    """The text on stdout piece by piece, how it ended on stderr; programs get a row for each piece."""
    utf8 = speaks_utf8(sys.stdout)
    output = call.options.output
    is_first, ends_line = True, True
    ending: JsonObject = {}
    async with read_on(items) as read:
        try:
            async for item in read:
                ending = item
                if output != "table":
                    write(program_lines([item], output, first=is_first, utf8=utf8), utf8=utf8)
                    is_first = False
                elif piece := str(item.get("text") or ""):
                    write("\n".join(harmless(line) for line in piece.split("\n")), utf8=utf8)
                    ends_line = piece.endswith("\n")
        finally:
            if not ends_line:
                write("\n", utf8=utf8)
    if output == "table":
        say(_told(ending))
    return 0


def _told(ending: JsonObject) -> str:
    return (
        f"-- {cell(ending, 'model')}: {cell(ending, 'input_tokens')} tokens in, {cell(ending, 'output_tokens')} out; "
        f"first after {cell(ending, 'first_token_seconds')} s, all in {cell(ending, 'total_seconds')} s; "
        f"cost {cell(ending, 'cost_usd')}; ended by {cell(ending, 'finish_reason')}"
    )
