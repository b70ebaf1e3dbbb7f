"""`host add`: a Portainer server's token from a prompt, standard input or the environment, sealed at once."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from aicompute_tui.cli import confirm
from aicompute_tui.cli.execute import Call, run_job, submit
from aicompute_tui.cli.secret_job import run_with_secret
from aicompute_tui.domain.errors import InvalidInput

if TYPE_CHECKING:
    from aicompute_tui.runtime import Runtime
    from aicompute_tui.services.context import Context

TOKEN_VARIABLE = "PORTAINER_API_TOKEN"  # noqa: S105 - a name
_LARGEST_INPUT = 4_096


async def add_host(call: Call, runtime: Runtime, context: Context) -> int:
    """A Docker engine needs no secret. The token of a server waits sealed beside the job, whose handler takes it."""
    if not await _is_portainer(call, context):
        call.answer(await run_job(call, context, await submit(call, context)))
        return 0
    call.arguments["kind"] = "portainer"
    secret = _read(call, runtime)
    from aicompute_tui.runtime import logs

    for part in secret.splitlines():
        logs.hide(part)
    await run_with_secret(call, context, secret)
    return 0


async def _is_portainer(call: Call, context: Context) -> bool:
    if call.arguments.get("kind") or call.arguments.get("url"):
        return call.arguments.get("kind") == "portainer"
    found = {each.name: each.kind.value for each in await context.hosts.found()}
    return found.get(str(call.arguments["name"])) == "portainer"


def _read(call: Call, runtime: Runtime) -> str:
    """The token, or a user and a password on a line each. Raises InvalidInput that quotes nothing of it."""
    if call.options.stdin:
        text = sys.stdin.read(_LARGEST_INPUT).strip()
    elif call.options.from_env or not call.session.can_ask:
        text = runtime.environment.get(TOKEN_VARIABLE, "").strip()
        if not text:
            raise InvalidInput(f"The environment holds no {TOKEN_VARIABLE}.", f"Set {TOKEN_VARIABLE}, or give --stdin.")
    else:
        text = runtime.environment.get(TOKEN_VARIABLE, "").strip() or confirm.ask_secret("Portainer access token")
    if not text or len(text.splitlines()) > 2:
        raise InvalidInput("That is neither a token nor a user and a password.", "Make a token in My account.")
    return text
