"""Reads what nvidia-smi prints: `--query-gpu` as CSV without units, where any value may be missing."""

from __future__ import annotations

import re

from aicompute_tui.domain.gpu import GpuReading

FIELDS = (
    "index",
    "uuid",
    "driver_version",
    "memory.total",
    "memory.used",
    "utilization.gpu",
    "temperature.gpu",
    "power.draw",
    "power.limit",
    "name",
)
"""The name comes last: it is the only one that may hold a comma."""

QUERY = f"nvidia-smi --query-gpu={','.join(FIELDS)} --format=csv,noheader,nounits"
_UNIT = re.compile(r"\s*(MiB|%|W|C|°C)$")


def parse_line(line: str) -> GpuReading | None:
    """One GPU, or None for a line that is no row of this query."""
    parts = [part.strip() for part in line.split(",", len(FIELDS) - 1)]
    if len(parts) != len(FIELDS) or not re.fullmatch(r"[0-9]{1,4}", parts[0]):
        return None
    index, uuid, driver, total, used, utilisation, temperature, power, limit, name = parts
    return GpuReading(
        index=int(index),
        uuid=_text(uuid),
        name=_text(name),
        driver_version=_text(driver),
        utilisation_percent=_number(utilisation),
        memory_used_mib=_number(used),
        memory_total_mib=_number(total),
        temperature_celsius=_number(temperature),
        power_watts=_number(power),
        power_limit_watts=_number(limit),
    )


def explain_failure(exit_code: int, output: str) -> str:
    """Why nvidia-smi gave no figures, in one sentence."""
    said = output.strip().splitlines()
    last = said[-1].strip() if said else ""
    if exit_code == 127 or "not found" in last.lower():
        return "nvidia-smi is not installed: this machine has no NVIDIA driver."
    if exit_code == 9 or "couldn't communicate with the NVIDIA driver" in output:
        return "The NVIDIA driver does not answer."
    return f"nvidia-smi failed ({exit_code}): {last}" if last else f"nvidia-smi failed ({exit_code})."


def _text(value: str) -> str | None:
    return None if not value or value.startswith("[") or value in {"N/A", "ERR!"} else value


def _number(value: str) -> float | None:
    """None for `[N/A]`, `[Not Supported]`, `ERR!` and whatever else is no number."""
    try:
        number = float(_UNIT.sub("", value))
    except ValueError:
        return None
    return number if number == number and abs(number) != float("inf") else None  # noqa: PLR0124
