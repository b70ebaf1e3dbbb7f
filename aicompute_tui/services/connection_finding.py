"""Connections that nobody added yet: servers that answer on this machine, and keys of providers in the environment."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import urlsplit

from aicompute_tui.domain.connection import Connection, ServedModel, server_of
from aicompute_tui.domain.errors import AicError
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.nearby import is_loopback, is_near
from aicompute_tui.domain.server_kind import ServerKind
from aicompute_tui.llms.base import Endpoint
from aicompute_tui.llms.presets import PRESETS, Preset
from aicompute_tui.services.arguments import texts
from aicompute_tui.services.context import Arguments, Context
from aicompute_tui.services.servers import new_server

_SECONDS = 4.0
"""For each port; one where nothing listens says so at once."""
_ELSEWHERE = "https://api.openai.com/v1"
_PRESETS = {
    ServerKind.OLLAMA: "ollama",
    ServerKind.VLLM: "vllm",
    ServerKind.SGLANG: "sglang",
    ServerKind.TGI: "tgi",
    ServerKind.LLAMACPP: "llama-cpp",
    ServerKind.LLAMACPP_ROUTER: "llama-cpp",
    ServerKind.LITELLM: "litellm",
}
_UNSIGNED = {5000: "text-generation-webui"}
"""What a server that lists models and gives no sign of what it is must be, by its port."""


async def find(context: Context, arguments: Arguments) -> Json:
    """Handler of `connection.find`: `variables` are the names that are set where the asking person sits.

    Nothing is found in the demo, which is a world of its own.
    """
    if not context.clouds.may_reach(_ELSEWHERE):
        return []
    async with context.store.read() as transaction:
        kept = await transaction.connections.list()
    taken = {each.name for each in kept}
    rows = [*await found_servers(context, kept), *_found_keys(kept, set(texts(arguments, "variables")))]
    return [_named(row, taken) for row in rows]


async def found_servers(context: Context, kept: Sequence[Connection]) -> list[JsonObject]:
    """Those that answer on the usual ports of this machine, and that no connection leads to."""
    known = {_port(each.base_url) for each in kept if _is_here(each.base_url)}
    ports = sorted({_port(each.base_url) for each in PRESETS.values() if each.base_url and is_near(each.base_url)})
    looks = await asyncio.gather(*(_look(context, port) for port in ports if port not in known))
    return [row for row in looks if row is not None]


async def _look(context: Context, port: int) -> JsonObject | None:
    """None where nothing answers, or what answers no prompts."""
    try:
        async with asyncio.timeout(_SECONDS):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return await _recognised(context, port)
    except (AicError, OSError, TimeoutError):
        return None


async def _recognised(context: Context, port: int) -> JsonObject | None:
    from aicompute_tui.servers.probing import find_kind

    url = f"http://127.0.0.1:{port}"
    server = new_server(context, name=f"port {port}", kind=ServerKind.HTTP, base_url=url)
    finding = await find_kind(server, None)
    name = _PRESETS.get(finding.kind)
    if name is None and finding.kind is not ServerKind.HTTP:
        return None
    preset = PRESETS[name or _UNSIGNED.get(port, "openai-compatible")]
    base_url = url + preset.usual_path
    made = Connection(
        id=server.id,
        owner=server.owner,
        created_by=server.created_by,
        name=server.name,
        kind=preset.name,
        base_url=base_url,
        created_at=server.created_at,
    )
    models = await _models(Endpoint(made, preset, None))
    if (name is None and models is None) or (models and all(each.answers is False for each in models)):
        return None
    return _row(preset, base_url, f"port {port}", models=None if models is None else len(models))


async def _models(endpoint: Endpoint) -> Sequence[ServedModel] | None:
    """What it offers, None where it does not tell without a key."""
    from aicompute_tui.llms.calls import list_models

    try:
        return await list_models(endpoint)
    except AicError:
        return None


def _found_keys(kept: Sequence[Connection], variables: set[str]) -> list[JsonObject]:
    """Providers whose key is set, and that no connection is made for."""
    used = {each.kind for each in kept}
    found, named = [], set[str]()
    for preset in PRESETS.values():
        variable = next((name for name in preset.key_variables if name in variables - named), None)
        if variable is not None and preset.name not in used:
            named.add(variable)
            found.append(_row(preset, preset.base_url, f"variable {variable}", variable=variable))
    return found


def _row(
    preset: Preset, base_url: str | None, where: str, *, models: int | None = None, variable: str | None = None
) -> JsonObject:
    return {
        "state": "found",
        "kind": preset.name,
        "title": preset.title,
        "name": preset.name if variable is None else preset.title,
        "where": where,
        "base_url": base_url,
        "key_variable": variable,
        "models": models,
    }


def _named(row: JsonObject, taken: set[str]) -> JsonObject:
    """With a name that is free, and the line that adds it."""
    name, number = str(row["name"]), 1
    while name in taken:
        number += 1
        name = f"{row['name']} {number}"
    taken.add(name)
    words = ["aic-tui", "connection", "add", name, "--type", str(row["kind"])]
    words += [] if row["key_variable"] is None else ["--api-key-env", str(row["key_variable"])]
    address = row["base_url"] if row["key_variable"] is None else None
    words += ["--base-url", str(address)] if address else []
    example = PRESETS[str(row["kind"])].url_example
    words += ["--base-url", example] if row["base_url"] is None else []
    return {**row, "name": name, "next_step": shlex.join(words)}


def _is_here(url: str) -> bool:
    """Also by the address that servers name which listen at every one of this machine's."""
    return is_loopback(url) or urlsplit(url).hostname == "0.0.0.0"  # noqa: S104 - compared


def _port(url: str | None) -> int:
    return server_of(url or "")[2]


def key_variables_in(environment: Mapping[str, str]) -> list[str]:
    """The names of those variables that hold a provider's key; never what they hold."""
    known: Iterable[str] = dict.fromkeys(name for preset in PRESETS.values() for name in preset.key_variables)
    return [name for name in known if environment.get(name)]
