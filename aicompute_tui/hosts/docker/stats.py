"""Figures of a container as `docker stats` works them out from the engine's answers; pure."""

from __future__ import annotations

from collections.abc import Iterable

from aicompute_tui.domain.container import StatsSample
from aicompute_tui.domain.json import Json
from aicompute_tui.hosts.answers import integer, items, mapping, member, moment, text


def stats_sample(answer: Json) -> StatsSample | None:
    """None for the empty answers that an engine goes on giving about a container that has stopped."""
    at = moment(answer, "read")
    if at is None or not member(answer, "memory_stats", "usage"):
        return None
    networks = mapping(answer, "networks")
    blocks = items(answer, "blkio_stats", "io_service_bytes_recursive")
    return StatsSample(
        at=at,
        cpu_percent=cpu_percent(answer),
        memory_bytes=_memory(answer),
        memory_limit_bytes=integer(answer, "memory_stats", "limit"),
        received_bytes=_sum(networks, "rx_bytes"),
        sent_bytes=_sum(networks, "tx_bytes"),
        read_bytes=_blocks(blocks, "r"),
        written_bytes=_blocks(blocks, "w"),
        processes=integer(answer, "pids_stats", "current"),
    )


def cpu_percent(answer: Json) -> float | None:
    """Of one core; None at the first answer of a stream, which has nothing to compare with."""
    before = integer(answer, "precpu_stats", "system_cpu_usage")
    now = integer(answer, "cpu_stats", "system_cpu_usage")
    if before is None or now is None:
        return None
    used = (integer(answer, "cpu_stats", "cpu_usage", "total_usage") or 0) - (
        integer(answer, "precpu_stats", "cpu_usage", "total_usage") or 0
    )
    system = now - before
    if system <= 0 or used <= 0:
        return 0.0
    cores = integer(answer, "cpu_stats", "online_cpus") or len(items(answer, "cpu_stats", "cpu_usage", "percpu_usage"))
    return used / system * cores * 100


def _memory(answer: Json) -> int | None:
    usage = integer(answer, "memory_stats", "usage")
    if usage is None:
        return None
    for name in ("total_inactive_file", "inactive_file"):  # control groups 1, then 2
        cache = integer(answer, "memory_stats", "stats", name)
        if cache is not None and cache < usage:
            return usage - cache
    return usage


def _sum(networks: dict[str, Json], name: str) -> int | None:
    """None with the host's own network, of which the engine tells nothing."""
    return sum(integer(each, name) or 0 for each in networks.values()) if networks else None


def _blocks(answers: Iterable[Json], letter: str) -> int:
    return sum(integer(each, "value") or 0 for each in answers if text(each, "op")[:1].lower() == letter)
