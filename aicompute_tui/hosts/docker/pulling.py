"""An image on its way: its name in the engine's terms, how far its layers are, and why it does not come."""

from __future__ import annotations

from dataclasses import dataclass

from aicompute_tui.domain.errors import AicError, BadAnswer
from aicompute_tui.domain.json import Json
from aicompute_tui.hosts.answers import integer, text
from aicompute_tui.hosts.base import LayerProgress, PullProgress
from aicompute_tui.hosts.docker.refusals import refusal

_DONE = frozenset({"Pull complete", "Already exists"})
_BEGUN = frozenset(
    {"Pulling fs layer", "Waiting", "Downloading", "Verifying Checksum", "Download complete", "Extracting"}
)
_MOVING = frozenset({"downloading", "verifying checksum", "extracting"})


def split_image(image: str) -> tuple[str, str]:
    """Name and tag or digest; without a tag an engine would fetch every one there is."""
    name, at, digest = image.partition("@")
    if at:
        return name, digest
    head, slash, last = image.rpartition("/")
    short, colon, tag = last.partition(":")
    return (f"{head}{slash}{short}", tag) if colon else (image, "latest")


def pull_refusal(said: str, host: str, image: str) -> AicError:
    """An error in the midst of the layers: the registry has lost a part, or the connection to it broke."""
    known = refusal(500, said, host, image)
    if not isinstance(known, BadAnswer):
        return known
    return BadAnswer(
        f"The image {image} could not be pulled whole to {host}.",
        "Try again: layers that came are kept. If it stays so, the registry lacks a part of it.",
        said,
    )


@dataclass(slots=True)
class _Layer:
    text: str = ""
    is_done: bool = False
    done: int = 0
    size: int = 0


class Layers:
    """What is known of an image's layers so far."""

    def __init__(self) -> None:
        self._layers: dict[str, _Layer] = {}

    def take(self, answer: Json) -> PullProgress:
        layer_id, status = text(answer, "id"), text(answer, "status")
        if layer_id and (status in _DONE or status in _BEGUN):
            layer = self._layers.setdefault(layer_id, _Layer())
            layer.is_done, layer.text = layer.is_done or status in _DONE, status.lower()
            if status == "Downloading":
                layer.done = integer(answer, "progressDetail", "current") or layer.done
                layer.size = integer(answer, "progressDetail", "total") or layer.size
            elif status != "Extracting" and (layer.is_done or status == "Download complete"):
                layer.done = layer.size
        layers = self._layers.values()
        return PullProgress(
            status,
            sum(1 for each in layers if each.is_done),
            len(layers),
            sum(each.done for each in layers),
            sum(each.size for each in layers),
            tuple(
                LayerProgress(key, each.text, each.done, each.size)
                for key, each in self._layers.items()
                if not each.is_done and each.text in _MOVING
            ),
        )
