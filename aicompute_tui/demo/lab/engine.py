"""The demo's engine: its containers and what can be done to them, each step told to whoever listens."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from aicompute_tui.demo.lab.box import Box, base_name, image_id
from aicompute_tui.demo.lab.endpoint import Endpoints
from aicompute_tui.demo.lab.exchange import RefusedByEngine
from aicompute_tui.demo.lab.images import Image, image_of, left_over, whole_name
from aicompute_tui.demo.lab.seeds import made
from aicompute_tui.domain.container_framework import CONTAINER_FRAMEWORKS
from aicompute_tui.domain.json import JsonObject

GPUS = ("NVIDIA GeForce RTX 4090", "NVIDIA GeForce RTX 4090")
_DEVICES = frozenset({"all", *(str(place) for place in range(len(GPUS)))})
_STOP_SECONDS = 0.6
_UNTIL_HEALTHY_SECONDS = 4.0
_KILLED, _STOPPED, _NOT_STARTED = 137, 0, 128
_ENDING = frozenset({"", "SIGKILL", "KILL", "9", "SIGTERM", "TERM", "15", "SIGINT", "INT", "2"})
_CHECKED = frozenset(base_name(each.image) for each in CONTAINER_FRAMEWORKS.values())


_NAMELESS_VOLUME = "3fb1c6d09a27e485" * 4
"""As an engine calls one that was made for a single container."""


class Lab:
    """`endpoints` answer at the published ports of what is created here; without them nothing is listened at."""

    def __init__(self, name: str, boxes: Iterable[Box], endpoints: Endpoints | None = None) -> None:
        self.name = name
        self.boxes = {box.id: box for box in boxes}
        now = time.time()
        self.images: dict[str, Image] = {}
        for box in self.boxes.values():
            self.images.setdefault(whole_name(box.image), image_of(box.image, now))
        self.volumes = {volume: box.created for box in self.boxes.values() for volume in volumes_of(box)}
        self._endpoints = endpoints
        self._listeners: set[asyncio.Queue[JsonObject]] = set()
        self._checks: dict[str, asyncio.TimerHandle] = {}

    def leave_over(self) -> None:
        """What earlier work left, for a look at what can be thrown away."""
        now = time.time()
        self.images |= {image.name: image for image in left_over(now)}
        self.volumes |= {"comfy-old": now - 41 * 86_400, _NAMELESS_VOLUME: now - 12 * 86_400}

    def find(self, reference: str) -> Box:
        """By id, name or the beginning of an id."""
        named = next((box for box in self.boxes.values() if reference.lstrip("/") in {box.id, box.name}), None)
        found = [box for box in self.boxes.values() if len(reference) >= 4 and box.id.startswith(reference)]
        if named is None and len(found) != 1:
            raise RefusedByEngine(404, f"No such container: {reference}")
        return named or found[0]

    @contextmanager
    def listening(self) -> Iterator[asyncio.Queue[JsonObject]]:
        queue: asyncio.Queue[JsonObject] = asyncio.Queue()
        self._listeners.add(queue)
        try:
            yield queue
        finally:
            self._listeners.discard(queue)

    def tell(self, action: str, box: Box, **attributes: str) -> None:
        self.tell_of("container", action, box.id, name=box.name, image=box.image, **attributes)

    def tell_of(self, kind: str, action: str, identity: str, **attributes: str) -> None:
        now = time.time()
        event: JsonObject = {
            "Type": kind,
            "Action": action,
            "Actor": {"ID": identity, "Attributes": {**attributes}},
            "scope": "local",
            "time": int(now),
            "timeNano": int(now * 1e9),
        }
        if kind == "container":
            event |= {"status": action, "id": identity, "from": attributes.get("image", "")}
        for queue in self._listeners:
            queue.put_nowait(event)

    def create(self, name: str, request: dict[str, Any]) -> Box:
        image = str(request.get("Image", ""))
        if whole_name(image) not in self.images:
            raise RefusedByEngine(404, f"No such image: {image}")
        name = name or f"{secrets.choice(_ADJECTIVES)}_{secrets.choice(_PEOPLE)}"
        self._free_name(name)
        box = made(name, request, secrets.token_hex(32))
        self.boxes[box.id] = box
        for volume in volumes_of(box):
            self.volumes.setdefault(volume, time.time())
        self.tell("create", box)
        return box

    async def start(self, box: Box) -> bool:
        """False where it runs already."""
        if box.is_alive:
            return False
        try:
            self._check_ports(box)
            self._check_gpus(box)
            if self._endpoints is not None:
                await self._endpoints.open(box)
        except RefusedByEngine as refused:
            if not box.runs:
                box.error, box.exit_code = str(refused), _NOT_STARTED
            raise
        box.start(time.time())
        if box.health or base_name(box.image) in _CHECKED:
            box.health = "starting"
            loop = asyncio.get_running_loop()
            self._checks[box.id] = loop.call_later(_UNTIL_HEALTHY_SECONDS, self._healthy, box)
        self.tell("start", box)
        return True

    def _healthy(self, box: Box) -> None:
        self._checks.pop(box.id, None)
        if box.is_alive and box.health:
            box.health = "healthy"
            self.tell("health_status: healthy", box)

    async def stop(self, box: Box) -> bool:
        """False where it does not run."""
        if not box.is_alive:
            return False
        self.tell("kill", box, signal="15")
        await asyncio.sleep(_STOP_SECONDS)
        await self._end(box, _STOPPED)
        self.tell("stop", box)
        return True

    async def restart(self, box: Box) -> None:
        await self.stop(box)
        await self.start(box)
        self.tell("restart", box)

    async def kill(self, box: Box, signal: str) -> None:
        if not box.is_alive:
            raise RefusedByEngine(409, f"Cannot kill container: {box.name}: container {box.id} is not running")
        self.tell("kill", box, signal=signal or "9")
        if signal.upper() in _ENDING:
            await self._end(box, _KILLED)

    async def _end(self, box: Box, exit_code: int) -> None:
        check = self._checks.pop(box.id, None)
        if check is not None:
            check.cancel()
        box.end(time.time(), exit_code)
        if self._endpoints is not None:
            await self._endpoints.close(box)
        self.tell("die", box, exitCode=str(exit_code))

    def pause(self, box: Box) -> None:
        if box.status == "paused":
            raise RefusedByEngine(409, f"Container {box.name} is already paused")
        if not box.is_alive:
            raise RefusedByEngine(409, f"Container {box.name} is not running")
        box.status = "paused"
        self.tell("pause", box)

    def unpause(self, box: Box) -> None:
        if box.status != "paused":
            raise RefusedByEngine(409, f"Container {box.name} is not paused")
        box.status = "running"
        self.tell("unpause", box)

    def rename(self, box: Box, name: str) -> None:
        self._free_name(name)
        before, box.name = box.name, name
        self.tell("rename", box, oldName=f"/{before}")

    async def remove(self, box: Box, *, force: bool, volumes: bool) -> None:
        if box.is_alive and not force:
            message = f"cannot remove container {box.name!r}: container is running: stop the container before removing"
            raise RefusedByEngine(409, message.replace("'", '"'))
        if box.is_alive:
            await self._end(box, _KILLED)
        del self.boxes[box.id]
        if volumes:
            for volume in volumes_of(box):
                if not self.users_of(volume) and len(volume) == 64:
                    self.volumes.pop(volume, None)
        self.tell("destroy", box)

    def users_of(self, volume: str) -> list[Box]:
        return [box for box in self.boxes.values() if volume in volumes_of(box)]

    def boxes_from(self, image: Image) -> list[Box]:
        return [
            box for box in self.boxes.values() if image_id(box.image) == image.id or whole_name(box.image) == image.name
        ]

    def _free_name(self, name: str) -> None:
        other = next((box for box in self.boxes.values() if box.name == name), None)
        if other is not None:
            message = f'Conflict. The container name "/{name}" is already in use by container "{other.id}".'
            raise RefusedByEngine(409, f"{message} You have to remove (or rename) that container to reuse that name.")

    def _check_ports(self, box: Box) -> None:
        taken = {port for each in self.boxes.values() if each.is_alive for *_, port in each.published()}
        for _, _, address, port in box.published():
            if port in taken:
                message = f"driver failed programming external connectivity on endpoint {box.name}: "
                raise RefusedByEngine(500, f"{message}Bind for {address}:{port} failed: port is already allocated")

    def _check_gpus(self, box: Box) -> None:
        absent = [each for each in box.gpu_ids if each not in _DEVICES]
        if absent:
            said = f"nvidia-container-cli: device error: {absent[0]}: unknown device: {absent[0]}"
            raise RefusedByEngine(500, f"failed to create task: error running hook #0: stderr: {said}")


def volumes_of(box: Box) -> list[str]:
    sources = [str(bind).partition(":")[0] for bind in box.host_config.get("Binds") or []]
    return [source for source in sources if source and not source.startswith("/")]


_ADJECTIVES = ("calm", "brave", "eager", "quiet", "happy", "modest")
_PEOPLE = ("turing", "hopper", "lovelace", "shannon", "noether", "curie")
