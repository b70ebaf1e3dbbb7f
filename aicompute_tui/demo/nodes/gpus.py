"""GPUs that do not exist: figures that follow the requests at hand, as a card's do, and how nvidia-smi prints them."""

from __future__ import annotations

import random
import re
import uuid
from dataclasses import dataclass

from aicompute_tui.domain.gpu import GpuReading
from aicompute_tui.metrics.nvidia_smi import FIELDS

DRIVER = "580.95.05"
CUDA = "13.0"
_WATTS = {
    "T4": 70,
    "L4": 72,
    "A10G": 300,
    "L40S": 350,
    "V100": 300,
    "A100": 400,
    "H100": 700,
    "H200": 700,
    "B200": 1000,
}
_TITLES = {"T4": "Tesla T4", "A100": "NVIDIA A100-SXM4-40GB", "H100": "NVIDIA H100 80GB HBM3", "H200": "NVIDIA H200"}
_WARM = {"T4": 84.0}
_WARMEST = 74.0
_COOLEST = 31.0


@dataclass(slots=True)
class _Card:
    utilisation: float = 0.0
    temperature: float = _COOLEST
    luck: float = 0.0


class Gpus:
    """`of_one_mib` is the memory of each."""

    def __init__(self, seed: str, name: str, count: int, of_one_mib: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - figures of a demo
        self._key = name.removeprefix("NVIDIA ").split()[-1] if name else ""
        self._title = _TITLES.get(self._key, f"NVIDIA {self._key}")
        self._limit = float(_WATTS.get(self._key, 300))
        self._total = of_one_mib
        self._uuids = [str(uuid.UUID(int=self._random.getrandbits(128), version=4)) for _ in range(count)]
        self._cards = [_Card(luck=self._random.uniform(-1, 1)) for _ in range(count)]
        self._used = 0.0

    @property
    def total_mib(self) -> int:
        return self._total * len(self._cards)

    @property
    def utilisation(self) -> float:
        """The busiest card's."""
        return max((card.utilisation for card in self._cards), default=0.0)

    def step(self, seconds: float, requests: int, used_mib: float) -> None:
        """`seconds` pass with so many requests; `used_mib` of memory are taken, over all cards together."""
        self._used = used_mib / max(1, len(self._cards))
        for card in self._cards:
            wanted = (
                min(99.0, 41.0 + 17.0 * requests + 4.0 * card.luck + self._random.uniform(-9, 9)) if requests else 0.0
            )
            card.utilisation += (wanted - card.utilisation) * min(1.0, seconds / 1.5)
            if not requests and card.utilisation < 3:
                card.utilisation = 0.0
            hottest = _WARM.get(self._key, _WARMEST)
            warm = _COOLEST + 3 * (self._used > 500) + (hottest - _COOLEST) * card.utilisation / 100 + card.luck
            card.temperature += (warm - card.temperature) * min(1.0, seconds / 40)

    def readings(self) -> tuple[GpuReading, ...]:
        return tuple(
            GpuReading(
                index=index,
                uuid=f"GPU-{self._uuids[index]}",
                name=self._title,
                driver_version=DRIVER,
                utilisation_percent=float(round(card.utilisation)),
                memory_used_mib=float(round(self._used)) if self._used else 3.0,
                memory_total_mib=float(self._total),
                temperature_celsius=float(round(card.temperature)),
                power_watts=round(self._watts(card), 2),
                power_limit_watts=self._limit,
            )
            for index, card in enumerate(self._cards)
        )

    def lines(self, fields: str = ",".join(FIELDS)) -> list[str]:
        """What `nvidia-smi --query-gpu=… --format=csv,noheader,nounits` prints."""
        return [", ".join(_field(name, reading) for name in fields.split(",")) for reading in self.readings()]

    def table(self, now: str) -> list[str]:
        """What nvidia-smi prints to a person."""
        rule = "+" + "-" * 91 + "+"
        head = f"| NVIDIA-SMI {DRIVER:<14} Driver Version: {DRIVER:<14} CUDA Version: {CUDA:<8}"
        lines = [now, rule, f"{head:<92}|", rule]
        for each in self.readings():
            memory = f"{each.memory_used_mib:.0f}MiB / {each.memory_total_mib:.0f}MiB"
            power = f"{each.power_watts:.0f}W / {each.power_limit_watts:.0f}W"
            words = f"| {each.index:>3}  {each.name:<24} {each.temperature_celsius:>4.0f}C {power:>14} | {memory:>22}"
            lines.append(f"{words} | {each.utilisation_percent:>6.0f}%")
        return [*(line.ljust(92)[:92] if line.startswith("| ") else line for line in lines), rule]

    def _watts(self, card: _Card) -> float:
        resting = self._limit * (0.08 + 0.06 * (self._used > 500))
        return resting + (self._limit * 0.92 - resting) * card.utilisation / 100


def _field(name: str, reading: GpuReading) -> str:
    values: dict[str, object] = {
        "index": reading.index,
        "uuid": reading.uuid,
        "driver_version": reading.driver_version,
        "memory.total": f"{reading.memory_total_mib:.0f}",
        "memory.used": f"{reading.memory_used_mib:.0f}",
        "utilization.gpu": f"{reading.utilisation_percent:.0f}",
        "temperature.gpu": f"{reading.temperature_celsius:.0f}",
        "power.draw": f"{reading.power_watts:.2f}",
        "power.limit": f"{reading.power_limit_watts:.2f}",
        "name": reading.name,
    }
    return str(values.get(name, "[N/A]"))


def asked_fields(command: str) -> str | None:
    """The fields of a `--query-gpu=` in `command`."""
    found = re.search(r"--query-gpu=([a-z_.,]+)", command)
    return found[1] if found else None
