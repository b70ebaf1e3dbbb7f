"""Launches kept by a name, and the launch that another one begins from: a template's, or a machine's of the past."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from aicompute_tui.domain.errors import Conflict, InvalidInput
from aicompute_tui.domain.event import Event
from aicompute_tui.domain.ids import new_id
from aicompute_tui.domain.instance import Instance
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.template import LaunchTemplate
from aicompute_tui.services.arguments import flag, integer, required_text, text
from aicompute_tui.services.context import Arguments, Context
from aicompute_tui.services.jobs import encode_arguments
from aicompute_tui.services.serving_context import check_launch_context
from aicompute_tui.services.views import moment_or_none
from aicompute_tui.store.database import Transaction
from aicompute_tui.store.templates import changed_meanwhile

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,62}")
KEPT = (
    "cloud", "profile", "region", "type", "market", "framework", "model", "context", "ttl", "idle", "max_ttl",
    "max_price", "zone", "ssh_cidr", "volume_gib", "subnet", "ssh_key", "image", "tag", "count", "protect",
    "no_protect",
)  # fmt: skip
"""Launch parameters a template keeps: not the name, which is one machine's, and not the word for no end."""
_OPPOSITES = {"protect": "no_protect", "no_protect": "protect"}


async def list_templates(context: Context, arguments: Arguments) -> list[Json]:  # noqa: ARG001 - a handler's shape
    """Handler of `template.list`: those of whoever asks, by name."""
    async with context.store.read() as transaction:
        return [template_view(each) for each in await transaction.templates.list(context.actor.owner)]


async def save(context: Context, arguments: Arguments) -> JsonObject:
    """Handler of `template.save`. Raises Conflict for a name that is taken, unless it is to be replaced."""
    name = required_text(arguments, "name").strip()
    if not _NAME.fullmatch(name):
        raise InvalidInput("That cannot be a template's name.", "Use letters, digits, spaces, dots and dashes.")
    version = integer(arguments, "version", least=1, most=2**31)
    given = {key: value for key, value in arguments.items() if key != "name"}
    kept = kept_arguments(await based(context, given))
    if framework := text(kept, "framework"):
        check_launch_context(given, framework)
    now = context.clock.now().replace(microsecond=0)
    actor = context.actor
    made = LaunchTemplate(
        id=new_id(context.clock.now()),
        owner=actor.owner,
        created_by=actor.name,
        name=name,
        arguments_json=encode_arguments(kept),
        created_at=now,
        saved_at=now,
    )
    async with context.store.write() as transaction:
        await context.running_job.hold(transaction)
        seen = await transaction.templates.find(actor.owner, name)
        if version is not None and (seen is None or seen.version != version):
            raise changed_meanwhile(name)
        if seen is None:
            await transaction.templates.insert(made)
        elif flag(arguments, "replace") or version is not None:
            made = await transaction.templates.replace(seen, made)
        else:
            raise Conflict(f"There is a template “{name}” already.", "Add --replace, or choose another name.")
        before = {} if seen is None else {"arguments": seen.arguments_json}
        after = {"arguments": made.arguments_json}
        await _tell(context, transaction, made, "saved", before=before, after=after)
    return template_view(made)


async def remove(context: Context, arguments: Arguments) -> JsonObject:
    """Handler of `template.remove`."""
    async with context.store.write() as transaction:
        await context.running_job.hold(transaction)
        seen = await transaction.templates.get(context.actor.owner, required_text(arguments, "name"))
        await transaction.templates.remove(seen)
        await _tell(context, transaction, seen, "removed", before={"arguments": seen.arguments_json}, after={})
    return template_view(seen)


async def based(context: Context, arguments: Arguments) -> Arguments:
    """`template` and `like` replaced by what they stand for; what is given besides goes before it.

    Raises NotFound, and InvalidInput where both are given or the machine's launch is not known.
    """
    template, like = text(arguments, "template"), text(arguments, "like")
    if template is None and like is None:
        return arguments
    if template is not None and like is not None:
        raise InvalidInput("A launch begins from a template or from a machine, not both.", "Leave one of them out.")
    async with context.store.read() as transaction:
        if template is not None:
            base = _object((await transaction.templates.get(context.actor.owner, template)).arguments_json)
        else:
            row = await transaction.instances.find(str(like))
            base = launch_arguments(row)
            if not base:
                raise InvalidInput(f"What {row.name} was launched with is not known: it was adopted.", "Launch anew.")
    base = {name: value for name, value in base.items() if not flag(arguments, _OPPOSITES.get(name, ""))}
    return {**base, **{key: value for key, value in arguments.items() if key not in ("template", "like")}}


def launch_arguments(row: Instance) -> JsonObject:
    """What launches another machine like this one; its name and its word for no end are not in it.

    Empty for one that was adopted: nobody here knows.
    """
    return kept_arguments(_object(row.spec_json))


def kept_arguments(arguments: Mapping[str, object]) -> JsonObject:
    """Those a template keeps: launch parameters that say something."""
    kept = {name: arguments.get(name) for name in KEPT}
    written = encode_arguments({name: value for name, value in kept.items() if value not in (None, "", [], False)})
    return _object(written)


def template_view(template: LaunchTemplate) -> JsonObject:
    return {
        "id": template.id,
        "name": template.name,
        "arguments": _object(template.arguments_json),
        "owner": template.owner,
        "created_by": template.created_by,
        "created_at": moment_or_none(template.created_at),
        "saved_at": moment_or_none(template.saved_at),
        "version": template.version,
    }


def _object(written: str) -> JsonObject:
    value = json.loads(written)
    return value if isinstance(value, dict) else {}


async def _tell(
    context: Context,
    transaction: Transaction,
    template: LaunchTemplate,
    kind: str,
    *,
    before: Mapping[str, str],
    after: Mapping[str, str],
) -> None:
    now = context.clock.now()
    await transaction.events.append(
        Event(
            id=new_id(now),
            at=now,
            actor=context.actor.name,
            kind=f"template.{kind}",
            subject_kind="template",
            subject_id=template.id,
            subject_name=template.name,
            message=f"The template {template.name} was {kind}.",
            before=before,
            after=after,
        )
    )
