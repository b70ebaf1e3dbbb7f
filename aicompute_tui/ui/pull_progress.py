"""How far an image is, read from a job's line of progress."""

from __future__ import annotations

import re
from typing import NamedTuple

_PULL = re.compile(r"pulling (?P<image>\S+)(?:: (?P<told>.*))?", re.DOTALL)
_LAYERS = re.compile(r"(\d+) of (\d+) layers(?:, (\d+) %)?")
_LAYER = re.compile(r"(?P<id>[0-9a-f]{4,12}) (?P<doing>[a-z ]+?)(?: (?P<done>[\d.]+ \w+) of (?P<size>[\d.]+ \w+))?")
_UNITS = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}


class PulledLayer(NamedTuple):
    """`share` is between 0 and 1, None where only what happens to it is known."""

    id: str
    doing: str
    share: float | None
    told: str
    """`12 MiB of 30 MiB`."""


class Pull(NamedTuple):
    image: str
    done: int | None = None
    layers: int | None = None
    percent: int | None = None
    """Of the bytes that are known of."""
    moving: tuple[PulledLayer, ...] = ()
    told: str = ""
    """What is said besides."""


def read_pull(progress: str) -> Pull | None:
    """None for a line that is about something else."""
    found = _PULL.fullmatch(progress)
    if found is None or found["image"] == "the":
        return None
    image, parts = found["image"], (found["told"] or "").split("; ")
    counted = _LAYERS.fullmatch(parts[0])
    if counted is None:
        return Pull(image, told=parts[0])
    done, layers, percent = (None if each is None else int(each) for each in counted.groups())
    moving, others = [], []
    for part in parts[1:]:
        layer = _LAYER.fullmatch(part)
        if layer is None:
            others.append(part)
        else:
            moving.append(_layer(layer))
    return Pull(image, done, layers, percent, tuple(moving), ", ".join(others))


def _layer(found: re.Match[str]) -> PulledLayer:
    if found["size"] is None:
        return PulledLayer(found["id"], found["doing"], None, "")
    size = _bytes(found["size"])
    share = min(1.0, _bytes(found["done"]) / size) if size else None
    return PulledLayer(found["id"], found["doing"], share, f"{found['done']} of {found['size']}")


def _bytes(told: str) -> float:
    amount, _, unit = told.partition(" ")
    return float(amount) * _UNITS.get(unit, 1)
