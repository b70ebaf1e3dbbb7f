"""Endpoints of containers: told once when they answer, and once when they do no more."""

from __future__ import annotations

from dataclasses import replace

from aicompute_tui.domain.container import Container
from aicompute_tui.domain.deployment import (
    LABEL_API,
    LABEL_FRAMEWORK,
    LABEL_HEALTH,
    LABEL_KIND,
    LABEL_MODELS,
    LABEL_PORT,
)
from aicompute_tui.domain.event import EventFilter
from aicompute_tui.domain.host import LOCAL_ADDRESS, Host
from aicompute_tui.services.connection_sources import Served, container_source
from aicompute_tui.services.context import Context
from aicompute_tui.services.endpoint_connections import follow_gone, follow_ready
from aicompute_tui.services.endpoint_models import as_it_answers
from aicompute_tui.services.events import told
from aicompute_tui.store.database import Transaction

READY, GONE = "endpoint.ready", "endpoint.gone"


def base_url(host: Host, container: Container) -> str | None:
    """Where a container that was deployed here is reached from this machine; None where it is not."""
    port_label = dict(container.labels).get(LABEL_PORT, "")
    if not port_label.isdecimal():
        return None
    for port in container.ports:
        if port.container_port == int(port_label) and port.host_port is not None:
            is_open = port.address not in {LOCAL_ADDRESS, "::1"} or host.published_address in {
                LOCAL_ADDRESS,
                "localhost",
            }
            if is_open and host.published_address:
                return f"http://{host.published_address}:{port.host_port}"
    return None


def health_url(host: Host, container: Container) -> str | None:
    base = base_url(host, container)
    return None if base is None else base + dict(container.labels).get(LABEL_HEALTH, "/")


def endpoint_url(host: Host, container: Container) -> str | None:
    base = base_url(host, container)
    return None if base is None else base + dict(container.labels).get(LABEL_API, "")


async def tell_ready(context: Context, host: Host, container: Container, url: str) -> None:
    """With the connection that follows it, also where that was the last that was told of it.

    Nothing of a host that was removed while it was asked: nobody looks there any more who could let it rest.
    """
    labels = dict(container.labels)
    title = f"{host.name}/{container.name}"
    after = {
        "url": url,
        "kind": labels.get(LABEL_KIND, ""),
        "framework": labels.get(LABEL_FRAMEWORK, ""),
        "models": labels.get(LABEL_MODELS, ""),
    }
    served = Served(
        source=container_source(container.key),
        title=title,
        owner=host.owner,
        url=url,
        framework=after["framework"],
        models=tuple(filter(None, after["models"].split(","))),
    )
    served = await as_it_answers(context, served)
    async with context.store.write() as transaction:
        if host.id not in {each.id for each in await transaction.hosts.list()}:
            return
        await follow_ready(context, transaction, served)
        last = await transaction.events.list(limit=1, wanted=EventFilter(kind="endpoint.", subject=container.key))
        if last and last[0].kind == READY and last[0].after.get("url") == url:
            return
        subject = ("container", container.key, title)
        await transaction.events.append(told(context, READY, subject, f"{title} answers at {url}", after=after))


async def tell_gone(context: Context, host: Host, key: str, name: str, reason: str) -> None:
    """Nothing where it was never told as ready, or has been told as gone."""
    async with context.store.write() as transaction:
        if await _tell_gone(context, transaction, key, f"{host.name}/{name}", reason):
            await follow_gone(context, transaction, container_source(key), reason)


async def tell_host_gone(context: Context, transaction: Transaction, host: Host) -> None:
    """Of all its containers, in the commit that removes it: nobody looks at them from here any more."""
    reason, beginning = f"{host.name} is no host here any more", container_source(f"{host.id}/")
    for container in await transaction.containers.list(host.id):
        await _tell_gone(context, transaction, container.key, f"{host.name}/{container.name}", reason)
    sources = [each.source for each in await transaction.connections.list()]
    sources += [each.source for each in await transaction.servers.list()]
    for source in dict.fromkeys(sources):
        if source is not None and source.startswith(beginning):
            await follow_gone(context, transaction, source, reason)


async def _tell_gone(context: Context, transaction: Transaction, key: str, title: str, reason: str) -> bool:
    """Whether it was told as ready until now."""
    last = await transaction.events.list(limit=1, wanted=EventFilter(kind="endpoint.", subject=key))
    if not last or last[0].kind != READY:
        return False
    before = dict(last[0].after)
    message = f"{title} no longer answers at {before.get('url')}: {reason}"
    line = told(context, GONE, ("container", key, title), message, before=before, after={"reason": reason})
    await transaction.events.append(replace(line, level="warning"))
    return True
