"""`connection export` and `import`: the passphrase of the keys in the file, from a prompt, a stream or a variable."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from aicompute_tui.cli import confirm
from aicompute_tui.cli.execute import Call
from aicompute_tui.cli.secret_job import run_with_secret
from aicompute_tui.domain.errors import InvalidInput, Refused

if TYPE_CHECKING:
    from aicompute_tui.runtime import Runtime
    from aicompute_tui.services.context import Context

_LARGEST_INPUT = 4_096


async def export(call: Call, runtime: Runtime, context: Context) -> int:
    passphrase = None
    if call.arguments.get("with_secrets"):
        passphrase = _given(call, runtime)
        if passphrase is None:
            passphrase = _asked(call, "Passphrase that seals the keys")
            if passphrase is not None and passphrase != confirm.ask_secret("The same again"):
                raise Refused("These were two different ones; nothing was written.", "")
    await run_with_secret(call, context, passphrase)
    return 0


async def import_connections(call: Call, runtime: Runtime, context: Context) -> int:
    from aicompute_tui.services.connection_files import read_file

    given = await asyncio.to_thread(read_file, Path(str(call.arguments["file"])))
    passphrase = _given(call, runtime)
    if passphrase is None and given.has_keys:
        passphrase = _asked(call, "Passphrase of the keys in the file (none to leave them out)")
    await run_with_secret(call, context, passphrase or None)
    return 0


def _asked(call: Call, question: str) -> str | None:
    """None where nobody can be asked."""
    return confirm.ask_secret(question) if call.session.can_ask else None


def _given(call: Call, runtime: Runtime) -> str | None:
    """Raises InvalidInput for two sources or an empty one, which quotes nothing of it."""
    variable = call.options.passphrase_env
    if call.options.passphrase_stdin and variable:
        raise InvalidInput("--passphrase-stdin and --passphrase-env name two sources.", "Give one of them.")
    if not (call.options.passphrase_stdin or variable):
        return None
    found = runtime.environment.get(variable, "") if variable else sys.stdin.read(_LARGEST_INPUT)
    passphrase = found.strip("\r\n")
    if not passphrase:
        source = f"The variable {variable}" if variable else "Standard input"
        raise InvalidInput(f"{source} holds no passphrase.", "Give one of 8 characters or more.")
    return passphrase
