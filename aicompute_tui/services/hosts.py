"""Container hosts: added, listed with those found by themselves, tested and removed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from aicompute_tui.domain.errors import AicError, InvalidInput, NotFound
from aicompute_tui.domain.host import FoundHost, Host, HostFacts, HostKind, HostReport, check_name, check_url, gpus_told
from aicompute_tui.domain.ids import new_id
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.plain_connection import is_plain
from aicompute_tui.services.arguments import required_text, text
from aicompute_tui.services.container_endpoints import tell_host_gone
from aicompute_tui.services.context import Arguments, Context
from aicompute_tui.services.events import told
from aicompute_tui.services.finding import FAILED, OK, UNKNOWN, WARNING
from aicompute_tui.services.host_reports import look_at_host, silent, take_containers, take_failure
from aicompute_tui.services.host_views import host_view
from aicompute_tui.services.portainer_hosts import add_portainer, host_secret

TEST_SECONDS = 15.0
_TLS_FILES = (("tls_ca", "ca.pem"), ("tls_cert", "cert.pem"), ("tls_key", "key.pem"))
_LITTLE_DISK_BYTES = 20 << 30
_PIN_DIGITS = 64


async def list_hosts(context: Context, arguments: Arguments) -> Json:  # noqa: ARG001
    """Handler of `host.list`: what is stored, and below it what was found here and not added."""
    now = context.clock.now()
    async with context.store.read() as transaction:
        hosts = await transaction.hosts.list()
        reports = await transaction.host_reports.list()
    rows: list[Json] = [host_view(host, reports.get(host.id, HostReport(host_id=host.id)), now) for host in hosts]
    return [*rows, *(_found_view(each) for each in await not_added(context, hosts))]


async def not_added(context: Context, hosts: Sequence[Host]) -> list[FoundHost]:
    """Hosts that were found here and that nobody added."""
    known = {host.url for host in hosts}
    return [each for each in await context.hosts.found() if each.url not in known]


def _found_view(found: FoundHost) -> JsonObject:
    return {
        "id": None,
        "name": found.name,
        "kind": found.kind.value,
        "url": found.url,
        "state": "found",
        "problem": f"Found by {found.source}, not added.",
        "next_step": f"aic-tui host add {found.name}",
    }


async def add(context: Context, arguments: Arguments) -> Json:
    """Handler of `host.add`: kept also where it does not answer yet; the answer says whether it does."""
    job = context.running_job
    now = context.clock.now()
    host = await _described(context, arguments, new_id(now))
    if host.kind is HostKind.PORTAINER:
        return await add_portainer(context, arguments, host)
    async with context.store.write() as transaction:
        await job.hold(transaction)
        await transaction.hosts.insert(host)
        line = told(context, "host.added", ("host", host.id, host.name), f"{host.name} was added: {host.url}")
        await transaction.events.append(line)
    await job.progress(f"asking {host.name}")
    look = await look_at_host(context, host, TEST_SECONDS)
    return host_view(host, look.report, context.clock.now())


async def _described(context: Context, arguments: Arguments, host_id: str) -> Host:
    name, url = check_name(required_text(arguments, "name")), text(arguments, "url")
    found = FoundHost(name=name, url=url or "", source="")
    if url is None:
        found = await _find_found(context, name)
    kind = HostKind(text(arguments, "kind") or found.kind.value)
    files = await asyncio.to_thread(_tls_files, arguments)
    if kind is HostKind.PORTAINER and text(arguments, "tls_pin"):
        raise InvalidInput("A Portainer server is trusted by its certificate.", "Give it with --tls-ca.")
    pin = (text(arguments, "tls_pin") or "").replace(":", "").lower()
    if pin and (len(pin) != _PIN_DIGITS or not set(pin) <= set("0123456789abcdef")):
        raise InvalidInput("A pin is the SHA-256 of the server's certificate.", "Give its 64 hexadecimal digits.")
    address = check_url(found.url, kind)
    if urlsplit(address).scheme in {"unix", "ssh"} and any(files.values()):
        raise InvalidInput("A socket and ssh speak no TLS.", "Leave the TLS files out.")
    return Host(
        id=host_id,
        owner=context.actor.owner,
        created_by=context.actor.name,
        name=name,
        kind=kind,
        url=address,
        tls_ca=files["tls_ca"] or found.tls_ca,
        tls_cert=files["tls_cert"] or found.tls_cert,
        tls_key=files["tls_key"] or found.tls_key,
        tls_pin=pin or None,
        ssh_key=text(arguments, "ssh_key"),
        address=text(arguments, "address"),
        kept_by=context.actor.host_id,
        created_at=context.clock.now(),
    )


async def _find_found(context: Context, name: str) -> FoundHost:
    found = {each.name: each for each in await context.hosts.found()}
    if name not in found:
        known = f" Found here: {', '.join(found)}." if found else ""
        step = f"Give its address: aic-tui host add {name} tcp://10.0.0.5:2376.{known}"
        raise InvalidInput(f"No host “{name}” was found by itself.", step)
    return found[name]


def _tls_files(arguments: Arguments) -> dict[str, str | None]:
    """Those named one by one, else those of the folder; each must be there."""
    folder = text(arguments, "tls_folder")
    files: dict[str, str | None] = {}
    for name, usual in _TLS_FILES:
        path = text(arguments, name) or (str(Path(folder) / usual) if folder else None)
        if path is not None and not Path(path).is_file():
            raise NotFound(f"There is no file {path}.", f"Check --{name.replace('_', '-')}.")
        files[name] = path
    if bool(files["tls_cert"]) != bool(files["tls_key"]):
        raise InvalidInput("A certificate is of no use without its key.", "Give both --tls-cert and --tls-key.")
    return files


async def test(context: Context, arguments: Arguments) -> Json:
    """Handler of `host.test`: asks the engine now and says what it can do; `ok` is false where it does not answer."""
    async with context.store.read() as transaction:
        host = await transaction.hosts.find(required_text(arguments, "name"))
    try:
        async with asyncio.timeout(TEST_SECONDS):
            engine = await context.hosts.engine(host)
            facts = await engine.facts()
            look = await take_containers(context, host, engine, facts=facts)
    except TimeoutError:
        return await _negative(context, host, silent(host, TEST_SECONDS))
    except AicError as error:
        return await _negative(context, host, error)
    checks: list[Json] = [*_checks(look.report.facts), *_connection_checks(host)]
    return {"ok": True, **host_view(host, look.report, context.clock.now()), "checks": checks}


async def _negative(context: Context, host: Host, error: AicError) -> JsonObject:
    report = await take_failure(context, host, error)
    checks: list[Json] = [_check("engine", FAILED, error.message, error.next_step)]
    view = host_view(host, report, context.clock.now())
    return {"ok": False, **view, "details": error.details or None, "checks": checks}


def _checks(facts: HostFacts) -> list[JsonObject]:
    engine = f"{facts.engine} {facts.engine_version}, API {facts.api_version}, on {facts.name}"
    return [
        _check("engine", OK, f"{engine}{', rootless' if facts.is_rootless else ''}"),
        _gpu_check(facts),
        _disk_check(facts),
        *(_check("engine's own warning", WARNING, each) for each in facts.warnings),
    ]


def _connection_checks(host: Host) -> list[JsonObject]:
    if not is_plain(host):
        return []
    what = (
        "its token and all that is asked" if host.kind is HostKind.PORTAINER else "all that is asked, and its answers"
    )
    step = "Reach it by https:// or ssh://, or with TLS certificates."
    return [_check("connection", WARNING, f"not encrypted: whoever is on the way reads {what}", step)]


def _check(name: str, verdict: str, reason: str, next_step: str = "") -> JsonObject:
    return {"name": name, "verdict": verdict, "reason": reason, "next_step": next_step}


def _gpu_check(facts: HostFacts) -> JsonObject:
    step = "Install nvidia-container-toolkit there, run `nvidia-ctk runtime configure`, and restart the engine."
    if facts.gpus is None:
        runtime = "the NVIDIA runtime is there" if facts.has_gpu_runtime else "no NVIDIA runtime is registered"
        return _check("gpus", UNKNOWN, f"whether it has GPUs cannot be seen from here; {runtime}")
    if not facts.gpus:
        return _check("gpus", OK, "it has no NVIDIA GPU")
    names = gpus_told(facts.gpus)
    if not facts.has_gpu_runtime:
        return _check("gpus", WARNING, f"{names}; but no NVIDIA runtime is registered for containers", step)
    return _check("gpus", OK, names)


def _disk_check(facts: HostFacts) -> JsonObject:
    if facts.free_disk_bytes is None:
        return _check("disk", UNKNOWN, "its engine tells nothing of its disk")
    room = f"{facts.free_disk_bytes / (1 << 30):,.1f} GiB free for images"
    if facts.free_disk_bytes < _LITTLE_DISK_BYTES:
        return _check("disk", WARNING, room, "Model servers' images take 10 GiB and more: free some space.")
    return _check("disk", OK, room)


async def remove(context: Context, arguments: Arguments) -> Json:
    """Handler of `host.remove`: forgets it here; nothing on the host changes."""
    job = context.running_job
    async with context.store.write() as transaction:
        await job.hold(transaction)
        host = await transaction.hosts.find(required_text(arguments, "name"))
        report = await transaction.host_reports.get(host.id)
        await tell_host_gone(context, transaction, host)
        await transaction.hosts.remove(host.id)
        await transaction.secrets.remove(host_secret(host.id))
        line = told(context, "host.removed", ("host", host.id, host.name), f"{host.name} was removed: {host.url}")
        await transaction.events.append(replace(line, before={"url": host.url}))
    await context.hosts.forget(host, keys=True)
    return host_view(host, report, context.clock.now())


async def forget_key(context: Context, arguments: Arguments) -> Json:
    """Handler of `host.forget-key`: the next connection over ssh trusts the key it meets."""
    async with context.store.read() as transaction:
        host = await transaction.hosts.find(required_text(arguments, "name"))
    if host.scheme != "ssh":
        raise InvalidInput(f"{host.name} is not reached over ssh.", "There is no key to forget.")
    await context.hosts.forget(host, keys=True)
    async with context.store.write() as transaction:
        await context.running_job.hold(transaction)
        message = f"The host key of {host.name} was forgotten."
        await transaction.events.append(told(context, "host.key-forgotten", ("host", host.id, host.name), message))
    return {"id": host.id, "name": host.name}
