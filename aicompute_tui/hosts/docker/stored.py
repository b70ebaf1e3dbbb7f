"""Images and volumes of an engine: listed with who uses them, measured and removed."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import cast

from aicompute_tui.domain.errors import AicError
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.stored import DEFAULT_REGISTRY, Image, RegistryLogin, Volume
from aicompute_tui.hosts.answers import integer, items, mapping, member, moment, text, texts
from aicompute_tui.hosts.docker.failures import speaking
from aicompute_tui.hosts.docker.wire import CALL_SECONDS, Wire

COUNT_SECONDS = 60.0
"""Counting what is on a disk may take an engine long."""
_NO_NAME = "<none>"
_ANONYMOUS_LABEL = "com.docker.volume.anonymous"
_ANONYMOUS_DIGITS = 64
_HUB_ADDRESS = "https://index.docker.io/v1/"


async def list_images(wire: Wire, *, shared: bool) -> list[Image]:
    """With `shared` the engine is asked how much of each other images have too, which takes it longer."""
    params = {"shared-size": "1"} if shared else {}
    seconds = COUNT_SECONDS if shared else CALL_SECONDS
    answer, containers = await asyncio.gather(
        _asked(wire, "images/json", params, seconds=seconds), _asked(wire, "containers/json", {"all": "1"})
    )
    users: dict[str, list[str]] = {}
    for each in items(containers):
        users.setdefault(text(each, "ImageID"), []).append(_container_name(each))
    found = [_image(each, wire.host.id, users) for each in items(answer)]
    if shared and any(image.shared_bytes is None for image in found):  # engines before API 1.42 tell it here alone
        known = await _shared_sizes(wire)
        found = [replace(image, shared_bytes=known.get(image.id, image.shared_bytes)) for image in found]
    return found


async def list_volumes(wire: Wire, size_seconds: float) -> list[Volume]:
    """Sizes only where the engine has counted them within that time."""
    answer, containers, sizes = await asyncio.gather(
        _asked(wire, "volumes", {}), _asked(wire, "containers/json", {"all": "1"}), _volume_sizes(wire, size_seconds)
    )
    users: dict[str, list[str]] = {}
    for each in items(containers):
        for mount in items(each, "Mounts"):
            if text(mount, "Type") == "volume":
                users.setdefault(text(mount, "Name"), []).append(_container_name(each))
    return [_volume(each, wire.host.id, users, sizes) for each in items(answer, "Volumes")]


async def remove_image(wire: Wire, reference: str, name: str) -> None:
    """Never forced: an image that a container uses stays."""
    await _asked(wire, f"images/{reference}", {}, method="DELETE", subject=name, seconds=COUNT_SECONDS)


async def remove_volume(wire: Wire, name: str) -> None:
    await _asked(wire, f"volumes/{name}", {}, method="DELETE", subject=name, seconds=COUNT_SECONDS)


async def image_answer(wire: Wire, reference: str) -> JsonObject:
    return mapping(await _asked(wire, f"images/{reference}/json", {}, subject=reference))


async def layers_bytes(wire: Wire) -> int | None:
    """What all images take together, each layer counted once; None where the engine does not tell."""
    try:
        answer = await _asked(wire, "system/df", {"type": "image"}, seconds=COUNT_SECONDS)
    except AicError:
        return None
    paths = (("LayersSize",), ("ImageUsage", "TotalSize"), ("ImagesDiskUsage", "TotalSize"))
    return next((found for path in paths if (found := integer(answer, *path)) is not None), None)


def login_header(login: RegistryLogin) -> str:
    """As an engine wants it; for that registry alone."""
    address = _HUB_ADDRESS if login.registry == DEFAULT_REGISTRY else login.registry
    values = {"username": login.user, "password": login.password, "serveraddress": address}
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode()


async def _asked(
    wire: Wire,
    path: str,
    params: Mapping[str, str],
    *,
    method: str = "GET",
    subject: str = "",
    seconds: float = CALL_SECONDS,
) -> Json:
    async with wire.stream(path, params, method=method, subject=subject, seconds=seconds) as response:
        with speaking(wire.host, subject):
            async with asyncio.timeout(seconds):
                body = await response.read()
            return cast("Json", json.loads(body)) if body.strip() else None


async def _shared_sizes(wire: Wire) -> dict[str, int]:
    answer = await _asked(wire, "system/df", {"type": "image"}, seconds=COUNT_SECONDS)
    found = items(answer, "Images") or items(answer, "ImageUsage", "Items")
    sizes = {text(each, "Id"): integer(each, "SharedSize") for each in found}
    return {identity: size for identity, size in sizes.items() if size is not None and size >= 0}


async def _volume_sizes(wire: Wire, seconds: float) -> dict[str, int]:
    if seconds <= 0:
        return {}
    try:
        async with asyncio.timeout(seconds):
            answer = await _asked(wire, "system/df", {"type": "volume"}, seconds=seconds + 1)
    except (AicError, TimeoutError):
        return {}
    found = items(answer, "Volumes") or items(answer, "VolumeUsage", "Items")
    sizes = {text(each, "Name"): integer(each, "UsageData", "Size") for each in found}
    return {name: size for name, size in sizes.items() if size is not None and size >= 0}


def _container_name(answer: Json) -> str:
    names = [name.lstrip("/") for name in texts(answer, "Names")]
    return next((name for name in names if "/" not in name), text(answer, "Id")[:12])


def _image(answer: Json, host_id: str, users: Mapping[str, list[str]]) -> Image:
    identity = text(answer, "Id")
    shared = integer(answer, "SharedSize")
    return Image(
        host_id=host_id,
        id=identity,
        tags=tuple(each for each in texts(answer, "RepoTags") if not each.startswith(_NO_NAME)),
        digests=tuple(each for each in texts(answer, "RepoDigests") if not each.startswith(_NO_NAME)),
        size_bytes=integer(answer, "Size"),
        shared_bytes=None if shared is None or shared < 0 else shared,
        created_at=moment(answer, "Created"),
        used_by=tuple(sorted(users.get(identity, ()))),
    )


def _volume(answer: Json, host_id: str, users: Mapping[str, list[str]], sizes: Mapping[str, int]) -> Volume:
    name = text(answer, "Name")
    looks_so = len(name) == _ANONYMOUS_DIGITS and set(name) <= set("0123456789abcdef")
    return Volume(
        host_id=host_id,
        name=name,
        driver=text(answer, "Driver"),
        mountpoint=text(answer, "Mountpoint"),
        created_at=moment(answer, "CreatedAt"),
        size_bytes=sizes.get(name),
        used_by=tuple(sorted(users.get(name, ()))),
        is_anonymous=looks_so or member(answer, "Labels", _ANONYMOUS_LABEL) is not None,
    )
