"""`quota request`: what AWS will be asked for, shown before it is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aicompute_tui.cli import confirm
from aicompute_tui.cli.ascii_twins import say
from aicompute_tui.cli.execute import Call, run_job, submit
from aicompute_tui.cli.table import clean
from aicompute_tui.domain.json import JsonObject

if TYPE_CHECKING:
    from aicompute_tui.runtime import Runtime
    from aicompute_tui.services.context import Context


async def request(call: Call, runtime: Runtime, context: Context) -> int:  # noqa: ARG001 - the shape of all such ways
    from aicompute_tui.services.quota_requests import wish_view

    if not call.options.yes:
        confirm.ask_damage(call.action, [await wish_view(context, call.arguments)])
    result = await run_job(call, context, await submit(call, context))
    call.answer(result)
    if call.options.output == "table":
        _tell(result if isinstance(result, dict) else {})
    return 0


def _tell(result: JsonObject) -> None:
    say(clean(str(result.get("message") or "")))
