"""ComfyUI: a queue of pictures to be made, and the memory of its GPUs."""

from __future__ import annotations

from aicompute_tui.domain.errors import BadAnswer
from aicompute_tui.domain.json import JsonObject
from aicompute_tui.domain.server import ServerFacts, ServerFigures
from aicompute_tui.servers.base import Adapter, Told, as_count, as_object, as_text, objects_in
from aicompute_tui.servers.wire import Wire


class ComfyUi(Adapter):
    async def health(self, wire: Wire) -> str:
        if "system" not in await _stats(wire):
            raise BadAnswer(f"“{wire.server.name}” does not answer as ComfyUI does.", "Check its address and kind.")
        return ""

    async def facts(self, wire: Wire) -> ServerFacts:
        return ServerFacts(version=as_text(as_object((await _stats(wire)).get("system")).get("comfyui_version")) or "")

    async def figures(self, wire: Wire) -> Told:
        queue = as_object(await wire.get_json("/queue"))
        totals, frees = [], []
        for device in objects_in((await _stats(wire)).get("devices")):
            total, free = as_count(device.get("vram_total")), as_count(device.get("vram_free"))
            if total is not None and free is not None:
                totals.append(total)
                frees.append(free)
        return Told(
            ServerFigures(
                requests_running=_length(queue, "queue_running"),
                requests_waiting=_length(queue, "queue_pending"),
                memory_used_bytes=float(sum(totals) - sum(frees)) if totals else None,
                memory_total_bytes=float(sum(totals)) if totals else None,
            )
        )

    async def unload(self, wire: Wire, model: str) -> None:  # noqa: ARG002 - all of them, or none
        await wire.send("POST", "/free", {"unload_models": True, "free_memory": True})


async def _stats(wire: Wire) -> JsonObject:
    return as_object(await wire.get_json("/system_stats"))


def _length(values: JsonObject, key: str) -> float | None:
    found = values.get(key)
    return float(len(found)) if isinstance(found, list) else None
