"""The arguments of a checked deployment, every value fixed: handed over, they make what was checked."""

from __future__ import annotations

from aicompute_tui.domain.container import GpuRequest
from aicompute_tui.domain.deployment import Deployment, size_word
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.serving_context import context_word
from aicompute_tui.services.arguments import flag, text, texts
from aicompute_tui.services.context import Arguments


def exact_arguments(deployment: Deployment, arguments: Arguments, tokens: int | None = None) -> JsonObject:
    """What was left out as it was found; what was given as it was written. Nothing empty stands among them."""
    framework, host_port = text(arguments, "framework"), deployment.host_port
    models: list[Json] = [*texts(arguments, "model")]
    variables: list[Json] = [*texts(arguments, "env")]
    volumes: list[Json] = [*deployment.volumes]
    command: list[Json] = [*texts(arguments, "command")]
    sends_token = bool(deployment.secret_names)
    found: JsonObject = {
        "host": text(arguments, "host"),
        "framework": framework,
        "image": deployment.image,
        "model": models,
        "context": None if tokens is None else context_word(tokens),
        "name": deployment.name,
        "gpus": _gpus(deployment.gpus),
        "port": None if host_port is None else str(host_port),
        "container_port": None if deployment.container_port is None else str(deployment.container_port),
        "bind": deployment.bind if deployment.container_port is not None else None,
        "volume": volumes,
        "env": variables,
        "hub_token": sends_token,
        "no_hub_token": not sends_token and (framework is not None or flag(arguments, "no_hub_token")),
        "shm": size_word(deployment.shm_bytes) if deployment.shm_bytes else None,
        "ipc_host": deployment.shares_ipc,
        "restart": deployment.restart,
        "memory": size_word(deployment.memory_bytes) if deployment.memory_bytes else None,
        "cpus": f"{deployment.cpus:g}" if deployment.cpus else None,
        "command": command,
    }
    return {name: value for name, value in found.items() if value not in (None, "", [], False)}


def _gpus(asked: GpuRequest | None) -> str:
    """Ids with their word before them: a single number would be a count."""
    if asked is None:
        return "none"
    return f"device={asked}" if asked.device_ids else str(asked)
