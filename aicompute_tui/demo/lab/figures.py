"""What a container of the demo uses, as an engine samples it once a second; calm waves around what is usual for it."""

from __future__ import annotations

import math
import zlib

from aicompute_tui.demo.lab.box import NEVER, Box, stamp
from aicompute_tui.domain.json import Json, JsonObject

CORES = 16
MEMORY_BYTES = 64 << 30
_MIB = 1 << 20
_NANO = 1_000_000_000
_WAVES = ((0.18, 97.0), (0.09, 23.0), (0.04, 5.3))
"""Share of the usual, and seconds of a whole wave."""


def sample(box: Box, now: float) -> JsonObject:
    """One answer. Of a container that does not run it is empty, as an engine's."""
    began = box.began
    if not box.is_alive or began is None:
        return {
            "id": box.id,
            "name": f"/{box.name}",
            "read": NEVER,
            "preread": NEVER,
            "cpu_stats": {},
            "memory_stats": {},
        }
    up = max(0.0, now - began)
    cache = round(box.memory_mib * 0.35 * _MIB)
    limit = int(box.host_config.get("Memory") or MEMORY_BYTES)
    used = round(box.memory_mib * _MIB * (1 + 0.03 * _wave(box, now)))
    moved = up * box.cpu_percent * 900
    blocks: list[Json] = [
        {"major": 259, "minor": 0, "op": "read", "value": round(box.memory_mib * 1.4 * _MIB)},
        {"major": 259, "minor": 0, "op": "write", "value": round(up * 4_100)},
    ]
    return {
        "id": box.id,
        "name": f"/{box.name}",
        "read": stamp(now),
        "preread": stamp(now - 1),
        "num_procs": 0,
        "pids_stats": {"current": 12 + round(box.cpu_percent / 6), "limit": 76_000},
        "cpu_stats": _processor(box, now),
        "precpu_stats": _processor(box, now - 1),
        "memory_stats": {"usage": min(limit, used + cache), "limit": limit, "stats": {"inactive_file": cache}},
        "networks": {"eth0": {"rx_bytes": round(moved * 0.6), "tx_bytes": round(moved)}},
        "blkio_stats": {"io_service_bytes_recursive": blocks},
    }


def _processor(box: Box, at: float) -> JsonObject:
    """Counted from the start of the container on, so that two answers tell what was used between them."""
    up = max(0.0, at - (box.began or at))
    used = up + sum(share * _risen(box, at, seconds) for share, seconds in _WAVES)
    total = 0 if box.status == "paused" else round(box.cpu_percent / 100 * max(0.0, used) * _NANO)
    return {
        "cpu_usage": {"total_usage": total, "usage_in_kernelmode": total // 7, "usage_in_usermode": total * 6 // 7},
        "system_cpu_usage": round(at * CORES * _NANO),
        "online_cpus": CORES,
    }


def _wave(box: Box, at: float) -> float:
    return sum(math.sin((at + _phase(box)) * 2 * math.pi / seconds) for _, seconds in _WAVES) / len(_WAVES)


def _risen(box: Box, at: float, seconds: float) -> float:
    """The integral of one wave from the container's start on."""
    turn = 2 * math.pi / seconds
    phase = _phase(box)
    return (math.cos(((box.began or at) + phase) * turn) - math.cos((at + phase) * turn)) / turn


def _phase(box: Box) -> float:
    return zlib.crc32(box.name.encode()) % 997
