"""Model servers: added and found out, listed, changed, switched and removed; their keys go sealed into the vault."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from aicompute_tui.domain.errors import AicError, InvalidInput, NotAllowed, NotFound, Unreachable
from aicompute_tui.domain.health import HealthReport, TargetKind
from aicompute_tui.domain.ids import new_id
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.server import (
    ModelServer,
    ServerOptions,
    ServerReport,
    check_server_name,
    check_server_url,
    name_from,
)
from aicompute_tui.domain.server_kind import ServerKind
from aicompute_tui.services.arguments import flag, integer, required_text, text, texts
from aicompute_tui.services.context import Arguments, Context
from aicompute_tui.services.fence import prove_held
from aicompute_tui.services.health import Target, interval_seconds, take_looks
from aicompute_tui.services.health_age import unchecked_seconds
from aicompute_tui.services.health_checks import look_of
from aicompute_tui.services.jobs import pending_secret
from aicompute_tui.services.keyed_rows import SERVERS
from aicompute_tui.services.server_views import details_view, reading_view, server_view

_LONGEST_SECONDS = 300


async def list_servers(context: Context, arguments: Arguments) -> Json:
    """Handler of `server.list`: as they were seen last; nothing is called."""
    kind, tag, state = text(arguments, "kind"), text(arguments, "tag"), text(arguments, "state")
    async with context.store.read() as transaction:
        found = await transaction.servers.list()
        health = await transaction.health_reports.list(each.id for each in found)
        reports = await transaction.server_reports.list()
    rows = [
        server_view(each, health.get(each.id), reports.get(each.id)) | _age_view(context, each, health.get(each.id))
        for each in found
        if (kind is None or each.kind.value == kind) and (tag is None or tag in each.tags)
    ]
    return [row for row in rows if state is None or row["state"] == state]


async def show(context: Context, arguments: Arguments) -> Json:
    """Handler of `server.show`."""
    async with context.store.read() as transaction:
        server = await transaction.servers.find(required_text(arguments, "name"))
        health = await transaction.health_reports.get(server.id)
        report = (await transaction.server_reports.list([server.id])).get(server.id)
    age = _age_view(context, server, health)
    return {**server_view(server, health, report), **age, **details_view(server, report)}


def _age_view(context: Context, server: ModelServer, health: HealthReport | None) -> JsonObject:
    """How long nobody has checked one that was well: its state is that of then."""
    interval = interval_seconds(context.preferences)
    seconds = unchecked_seconds(health if server.is_active else None, context.clock.now(), interval)
    return {"unchecked_seconds": None if seconds is None else round(seconds)}


def check_reachable(context: Context, base_url: str) -> None:
    """Raises NotAllowed in the demo for anything but this machine."""
    if not context.clouds.may_reach(base_url):
        raise NotAllowed("The demo reaches nothing but this machine.", "Leave the demo to use your own servers.")


def new_server(
    context: Context, *, name: str, kind: ServerKind, base_url: str, source: str | None = None
) -> ModelServer:
    """One that is not stored yet. Raises InvalidInput."""
    return ModelServer(
        id=new_id(context.clock.now()),
        owner=context.actor.owner,
        created_by=context.actor.name,
        name=check_server_name(name),
        kind=kind,
        base_url=check_server_url(base_url, kind),
        source=source,
        created_at=context.clock.now(),
    )


async def add(context: Context, arguments: Arguments) -> Json:
    """Handler of `server.add`: finds out what it is where nobody said, and keeps it also where it does not answer."""
    from aicompute_tui.servers.reading import read

    job = context.running_job
    first, url = required_text(arguments, "name"), text(arguments, "url")
    given = text(arguments, "kind")
    kind = ServerKind(given) if given else None
    address = check_server_url(url or first, kind)
    check_reachable(context, address)
    name = name_from(address) if url is None else first
    server = new_server(context, name=name, kind=kind or ServerKind.HTTP, base_url=address)
    server = described({**arguments, "url": None}, replace(server, base_url=address))
    secret = await _pending_key(context)
    found: JsonObject = {"found": None, "why": None}
    if kind is None:
        await prove_held(context, job.hold)
        await job.progress(f"looking what answers at {address}")
        server, found = await _found_out(server, secret)
        _expected_status(arguments, server.kind, None)
        if server.kind is ServerKind.HTTP:
            server = replace(server, base_url=check_server_url(url or first, ServerKind.HTTP))
    await job.progress(f"asking {server.name}")
    reading = await read(server, secret, None, context.clock.now())
    async with context.store.write() as transaction:
        await job.hold(transaction)
        server = await SERVERS.with_pending_key(context, transaction, server)
        await transaction.servers.insert(server)
        await take_looks(context, transaction, [(Target(TargetKind.SERVER, server), look_of(reading))])
        await SERVERS.tell(context, transaction, "added", server, "was added")
    return {**server_view(server, None, None), **reading_view(server, reading), **found}


async def _found_out(server: ModelServer, secret: str | None) -> tuple[ModelServer, JsonObject]:
    """Raises what kept it from answering, with the way to keep it all the same."""
    from aicompute_tui.servers.probing import find_kind

    try:
        finding = await find_kind(server, secret)
    except AicError as error:
        step = f"{error.next_step} To keep it all the same, say what it is: --kind vllm, ollama, http …"
        raise Unreachable(error.message, step, error.details) from error
    return replace(server, kind=finding.kind), {
        "found": finding.kind.value,
        "why": finding.why,
        "needs_key": finding.needs_key,
    }


async def edit(context: Context, arguments: Arguments) -> Json:
    """Handler of `server.edit`: what is named is changed, all else stays; so does its history.

    Its key goes where it now leads to another server: a key is for the one it was given for.
    """
    async with context.store.write() as transaction:
        await context.running_job.hold(transaction)
        seen = await transaction.servers.find(required_text(arguments, "name"))
        changed = described(arguments, seen)
        forgets_key = flag(arguments, "no_key")
        written, lost = await SERVERS.write_changed(context, transaction, seen, changed, forgets_key=forgets_key)
        if (written.kind, written.base_url) != (seen.kind, seen.base_url):  # what was said there is said of another
            await transaction.server_reports.put([ServerReport(server_id=written.id)])
        report = (await transaction.server_reports.list([written.id])).get(written.id)
    note: JsonObject = {"note": f"Its key was for {seen.base_url} and is forgotten."} if lost else {}
    return {**server_view(written, None, report), **note}


def described(arguments: Arguments, server: ModelServer) -> ModelServer:
    """With everything that was named in its place. Raises InvalidInput, NotFound."""
    given, url, name = text(arguments, "kind"), text(arguments, "url"), text(arguments, "rename")
    kind = ServerKind(given) if given else server.kind
    options, tls_ca = server.options, text(arguments, "tls_ca")
    if tls_ca is not None and not Path(tls_ca).is_file():
        raise NotFound(f"There is no file {tls_ca}.", "Check --tls-ca.")
    return replace(
        server,
        name=server.name if name is None else check_server_name(name),
        kind=kind,
        base_url=server.base_url if url is None else check_server_url(url, kind),
        options=ServerOptions(
            timeout_seconds=integer(arguments, "timeout", least=1, most=_LONGEST_SECONDS) or options.timeout_seconds,
            expected_status=_expected_status(arguments, kind, options.expected_status),
            tls_ca=tls_ca or options.tls_ca,
        ),
        tags=_tags(texts(arguments, "tag"), server.tags),
    )


def _expected_status(arguments: Arguments, kind: ServerKind, before: int | None) -> int | None:
    """`none` takes it back, and so does a kind without one. Raises InvalidInput for one given to such a kind."""
    if (text(arguments, "expected_status") or "").lower() == "none":
        return None
    status = integer(arguments, "expected_status", least=100, most=599)
    if kind is ServerKind.HTTP:
        return status or before
    if status is not None:
        said = f"An expected status is for plain http checks, and this is {kind.value}."
        raise InvalidInput(said, "Leave it out, or give --kind http.")
    return None


def _tags(given: Sequence[str], before: tuple[str, ...]) -> tuple[str, ...]:
    """Added to those there are; `-TAG` takes one away."""
    found = dict.fromkeys(before)
    for tag in given:
        if tag.startswith("-"):
            found.pop(tag[1:], None)
        else:
            found[tag] = None
    return tuple(sorted(found))


async def _pending_key(context: Context) -> str | None:
    async with context.store.read() as transaction:
        sealed = await transaction.secrets.get(pending_secret(context.running_job.job.id))
    return None if sealed is None else await context.clouds.unseal(sealed)


async def activate(context: Context, arguments: Arguments) -> Json:
    """Handler of `server.activate`."""
    return server_view(await SERVERS.switch(context, arguments, is_active=True), None, None)


async def deactivate(context: Context, arguments: Arguments) -> Json:
    """Handler of `server.deactivate`."""
    return server_view(await SERVERS.switch(context, arguments, is_active=False), None, None)


async def remove(context: Context, arguments: Arguments) -> Json:
    """Handler of `server.remove`: with its key and its history; nothing changes on the server."""
    return server_view(await SERVERS.remove(context, arguments), None, None)
