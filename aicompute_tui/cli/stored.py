"""`image`, `volume` and `registry`: what would be removed is shown first, and what was shown is what is removed."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from aicompute_tui.actions.registry import ACTIONS, resolve_handler
from aicompute_tui.cli import confirm
from aicompute_tui.cli.ascii_twins import say
from aicompute_tui.cli.execute import Call, run_job, submit
from aicompute_tui.cli.output import write_result
from aicompute_tui.cli.secret_job import run_with_secret
from aicompute_tui.cli.table import COLUMNS, clean
from aicompute_tui.domain.errors import InvalidInput
from aicompute_tui.domain.json import JsonObject

if TYPE_CHECKING:
    from aicompute_tui.runtime import Runtime
    from aicompute_tui.services.context import Context

_LARGEST_INPUT = 16_384


async def remove(call: Call, runtime: Runtime, context: Context) -> int:  # noqa: ARG001 - the shape of all such ways
    """Names become the very images or volumes that are asked about."""
    rows, names = await _named(call, context)
    call.arguments["names"] = [*names]
    call.arguments.pop("host", None)
    if not call.options.yes:
        confirm.ask_damage(call.action, rows)
    call.answer(await run_job(call, context, await submit(call, context)))
    return 0


async def _named(call: Call, context: Context) -> tuple[list[JsonObject], list[str]]:
    """What is asked about, and a name for each that nothing made later goes by."""
    now = context.clock.now()
    if call.action.id == "image.remove":
        from aicompute_tui.services.images import find_images
        from aicompute_tui.services.stored_views import image_view

        images = await find_images(context, call.arguments)
        return [image_view(each.image, each.host, now) for each in images], [each.image.key for each in images]
    from aicompute_tui.services.stored_views import volume_view
    from aicompute_tui.services.volumes import find_volumes, pinned

    volumes = await find_volumes(context, call.arguments)
    return [volume_view(each.volume, each.host, now) for each in volumes], [pinned(each.volume) for each in volumes]


async def prune(call: Call, runtime: Runtime, context: Context) -> int:  # noqa: ARG001 - the shape of all such ways
    """What nobody uses now, asked about, and removed item by item. 1 where a host could not be asked."""
    dry_run = bool(call.arguments.pop("dry_run", False))
    unused = call.action.id.replace(".prune", ".unused")
    given = {name: value for name, value in call.arguments.items() if name in {"host", "all"}}
    found = await resolve_handler(ACTIONS[unused])(context, given)
    rows = [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []
    agreed = call.arguments.get("items")
    if isinstance(agreed, list) and agreed:
        rows = [row for row in rows if row.get("item") in agreed or row.get("problem")]
    silent = [row for row in rows if row.get("problem")]
    if dry_run or len(silent) == len(rows):
        for row in silent:
            say(f"{clean(str(row['host']))} is left out: {clean(str(row['problem']))}")
        if not dry_run:
            say("There is nothing to remove.")
        shown = [*rows] if dry_run else []
        write_result([*shown], call.options.output, COLUMNS[unused if dry_run else call.action.id])
        return 1 if silent else 0
    if not call.options.yes:
        confirm.ask_damage(call.action, rows)
    call.arguments["items"] = [str(row["item"]) for row in rows if row.get("item")]
    call.answer(await run_job(call, context, await submit(call, context)))
    return 1 if silent else 0


async def log_in(call: Call, runtime: Runtime, context: Context) -> int:  # noqa: ARG001 - the shape of all such ways
    """The password waits sealed beside the job, in no argument, column or line."""
    from aicompute_tui.domain.stored import check_registry
    from aicompute_tui.services.registry_logins import checked_password, checked_user

    registry = check_registry(str(call.arguments["registry"]))
    checked_user(str(call.arguments["user"]))
    if call.options.stdin:
        text = sys.stdin.read(_LARGEST_INPUT)
    elif call.session.can_ask:
        text = confirm.ask_secret(f"Password or token for {registry}")
    else:
        raise InvalidInput("The password is asked for, and nobody can be asked here.", "Give it with --stdin.")
    password = checked_password(text)
    call.arguments["registry"] = registry
    await run_with_secret(call, context, password)
    return 0
