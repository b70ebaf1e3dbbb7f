"""`container deploy`: what it would be, as a `docker run` line with its checks, and a question before it is done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aicompute_tui.actions.registry import ACTIONS, resolve_handler
from aicompute_tui.cli import confirm
from aicompute_tui.cli.execute import Call, run_job, submit

if TYPE_CHECKING:
    from aicompute_tui.runtime import Runtime
    from aicompute_tui.services.context import Context

_MARKS = {"ok": "ok     ", "warning": "WARNING", "unknown": "unknown", "refused": "REFUSED"}


async def deploy(call: Call, runtime: Runtime, context: Context) -> int:  # noqa: ARG001 - the shape of all such ways
    """1 where it was made but does not answer yet."""
    if not call.options.yes:
        arguments = {name: value for name, value in call.arguments.items() if name != "wait"}
        plan = await resolve_handler(ACTIONS["container.plan"])(context, arguments)
        assert isinstance(plan, dict)
        found = plan["checks"]
        checks = [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []
        lines = [
            f"{_MARKS.get(str(each['verdict']), each['verdict'])}  {each['name']}: {each['reason']}" for each in checks
        ]
        confirm.ask(f"Deploy {plan['name']} on {plan['host']}?", [*lines, f"  {plan['command']}"])
    result = await run_job(call, context, await submit(call, context))
    call.answer(result)
    return 0 if isinstance(result, dict) and result.get("answers") else 1
