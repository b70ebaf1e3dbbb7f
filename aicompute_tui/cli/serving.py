"""`server add`, `edit` and the verbs on one server: a key that is sealed at once, and damage that names its server."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from aicompute_tui.cli import confirm
from aicompute_tui.cli.ascii_twins import say
from aicompute_tui.cli.execute import Call, run_job, submit
from aicompute_tui.cli.secret_job import run_with_secret
from aicompute_tui.cli.table import clean
from aicompute_tui.domain.errors import InvalidInput
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.server_kind import ServerKind

if TYPE_CHECKING:
    from aicompute_tui.runtime import Runtime
    from aicompute_tui.services.context import Context

_LARGEST_INPUT = 16_384
_ANY_KEY = "MODEL_SERVER_KEY"


async def keep(call: Call, runtime: Runtime, context: Context) -> int:
    """`add` and `edit`."""
    from aicompute_tui.services.connection_arguments import checked_key

    given = _given(call, runtime)
    result = await run_with_secret(call, context, None if given is None else checked_key(given))
    if call.options.output == "table":
        _tell(result)
    return 0


def _tell(result: Json) -> None:
    values = result if isinstance(result, dict) else {}
    if values.get("found") is not None:
        say(clean(f"Found {values['found']}: {values.get('why')}."))
    if values.get("problem") is not None:
        say(clean(f"{values['problem']} {values.get('next_step') or ''}".strip()))


def _given(call: Call, runtime: Runtime) -> str | None:
    """From standard input or the environment, None where neither was named. Raises InvalidInput that quotes nothing."""
    if call.options.stdin and call.options.from_env:
        raise InvalidInput("--stdin and --from-env name two sources.", "Give one of them.")
    if call.options.stdin:
        return sys.stdin.read(_LARGEST_INPUT)
    if not call.options.from_env:
        return None
    names = [_ANY_KEY, *_usual(call)]
    found = next((value for name in names if (value := runtime.environment.get(name))), None)
    if found is None:
        raise InvalidInput(f"The environment holds no {' or '.join(names)}.", "Set it, or give --stdin.")
    return found


def _usual(call: Call) -> list[str]:
    from aicompute_tui.servers.registry import ADAPTERS

    kind = call.arguments.get("kind")
    name = ADAPTERS[ServerKind(str(kind))].key_variable if kind else ""
    return [name] if name else []


async def act(call: Call, runtime: Runtime, context: Context) -> int:  # noqa: ARG001 - as every way of its own
    """A dangerous verb: what is lost is said of the server that is meant, which then goes by its id."""
    async with context.store.read() as transaction:
        server = await transaction.servers.find(str(call.arguments["name"]))
    call.arguments["name"] = server.id
    if not call.options.yes:
        about: JsonObject = {key: str(call.arguments[key]) for key in ("model", "adapter") if key in call.arguments}
        confirm.ask_damage(call.action, [{"name": server.name, **about}])
    call.answer(await run_job(call, context, await submit(call, context)))
    return 0
