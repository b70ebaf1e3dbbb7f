"""Images and volumes of the demo's engine: listed, removed, and those nobody uses thrown away."""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Awaitable, Callable

from aicompute_tui.demo.lab import images
from aicompute_tui.demo.lab.box import stamp
from aicompute_tui.demo.lab.engine import Lab
from aicompute_tui.demo.lab.exchange import Exchange, RefusedByEngine, Request
from aicompute_tui.demo.lab.images import Image, whole_name
from aicompute_tui.domain.json import Json, JsonObject

_MIB = 1 << 20


async def list_images(lab: Lab, exchange: Exchange, name: str) -> None:  # noqa: ARG001
    await exchange.answer([images.listed(image, len(lab.boxes_from(image))) for image in lab.images.values()])


async def inspect_image(lab: Lab, exchange: Exchange, name: str) -> None:
    await exchange.answer(images.inspected(_image(lab, name)))


async def history(lab: Lab, exchange: Exchange, name: str) -> None:
    image = _image(lab, name)
    await exchange.answer(
        [{"Id": image.id, "Created": int(image.created), "CreatedBy": "COPY / /", "Size": image.size}]
    )


async def remove_image(lab: Lab, exchange: Exchange, name: str) -> None:
    image = _image(lab, name)
    users = lab.boxes_from(image)
    alive = next((box for box in users if box.is_alive), None)
    if alive is not None or (users and not exchange.request.asks("force")):
        box = alive or users[0]
        how = "running" if box.is_alive else "stopped"
        message = f"conflict: unable to remove repository reference {image.name!r} (must force)"
        message = f"{message} - container {box.id[:12]} is using its referenced image {image.id[7:19]} ({how})"
        raise RefusedByEngine(409, message.replace("'", '"'))
    await exchange.answer(_forget(lab, image))


async def prune_images(lab: Lab, exchange: Exchange, name: str) -> None:  # noqa: ARG001
    """All that no container uses where it is asked for so; else those without a name, of which there are none."""
    is_all = "false" in _filters(exchange.request).get("dangling", [])
    unused = [image for image in lab.images.values() if is_all and not lab.boxes_from(image)]
    deleted = [each for image in unused for each in _forget(lab, image)]
    await exchange.answer({"ImagesDeleted": deleted or None, "SpaceReclaimed": sum(image.size for image in unused)})


async def prune_containers(lab: Lab, exchange: Exchange, name: str) -> None:  # noqa: ARG001
    gone = [box for box in lab.boxes.values() if not box.is_alive]
    for box in gone:
        await lab.remove(box, force=False, volumes=False)
    await exchange.answer({"ContainersDeleted": [box.id for box in gone], "SpaceReclaimed": 41 * _MIB * len(gone)})


async def list_volumes(lab: Lab, exchange: Exchange, name: str) -> None:  # noqa: ARG001
    await exchange.answer({"Volumes": [_volume(lab, each) for each in lab.volumes], "Warnings": None})


async def create_volume(lab: Lab, exchange: Exchange, name: str) -> None:  # noqa: ARG001
    wanted = str(exchange.request.fields().get("Name") or "")
    lab.volumes.setdefault(wanted, time.time())
    lab.tell_of("volume", "create", wanted, driver="local")
    await exchange.answer(_volume(lab, wanted), 201)


async def inspect_volume(lab: Lab, exchange: Exchange, name: str) -> None:
    await exchange.answer(_volume(lab, _known_volume(lab, name)))


async def remove_volume(lab: Lab, exchange: Exchange, name: str) -> None:
    users = lab.users_of(_known_volume(lab, name))
    if users:
        raise RefusedByEngine(409, f"remove {name}: volume is in use - [{users[0].id}]")
    del lab.volumes[name]
    lab.tell_of("volume", "destroy", name, driver="local")
    await exchange.done()


async def prune_volumes(lab: Lab, exchange: Exchange, name: str) -> None:  # noqa: ARG001
    unused = [each for each in lab.volumes if not lab.users_of(each)]
    freed = sum(_size(each) for each in unused)
    for each in unused:
        del lab.volumes[each]
        lab.tell_of("volume", "destroy", each, driver="local")
    await exchange.answer({"VolumesDeleted": [*unused], "SpaceReclaimed": freed})


async def used_disk(lab: Lab, exchange: Exchange, name: str) -> None:  # noqa: ARG001
    now = time.time()
    containers: list[Json] = [
        {**box.listed(now), "SizeRw": 41 * _MIB, "SizeRootFs": images.image_of(box.image, now).size}
        for box in lab.boxes.values()
    ]
    told: JsonObject = {
        "LayersSize": sum(image.size for image in lab.images.values()),
        "Images": [images.listed(image, len(lab.boxes_from(image))) for image in lab.images.values()],
        "Containers": containers,
        "Volumes": [_volume(lab, each) for each in lab.volumes],
        "BuildCache": [],
    }
    await exchange.answer(told)


async def prune_networks(lab: Lab, exchange: Exchange, name: str) -> None:  # noqa: ARG001
    await exchange.answer({"NetworksDeleted": None})


async def log_in(lab: Lab, exchange: Exchange, name: str) -> None:  # noqa: ARG001
    await exchange.answer({"Status": "Login Succeeded", "IdentityToken": ""})


def _image(lab: Lab, name: str) -> Image:
    by_id = (image for image in lab.images.values() if name in {image.id, image.id[7:19]} or image.id[7:] == name)
    found = lab.images.get(whole_name(name)) or next(by_id, None)
    if found is None:
        raise RefusedByEngine(404, f"No such image: {name}")
    return found


def _forget(lab: Lab, image: Image) -> list[Json]:
    lab.images.pop(image.name, None)
    lab.tell_of("image", "delete", image.id, name=image.name)
    return [{"Untagged": image.name}, {"Deleted": image.id}]


def _known_volume(lab: Lab, name: str) -> str:
    if name not in lab.volumes:
        raise RefusedByEngine(404, f"get {name}: no such volume")
    return name


def _volume(lab: Lab, name: str) -> JsonObject:
    return {
        "Name": name,
        "Driver": "local",
        "Mountpoint": f"/var/lib/docker/volumes/{name}/_data",
        "CreatedAt": stamp(lab.volumes[name]),
        "Labels": {},
        "Scope": "local",
        "Options": None,
        "UsageData": {"Size": _size(name), "RefCount": len(lab.users_of(name))},
    }


def _size(name: str) -> int:
    return (300 + zlib.crc32(name.encode()) % 60_000) * _MIB


def _filters(request: Request) -> dict[str, list[str]]:
    try:
        found = json.loads(request.query.get("filters") or "{}")
    except ValueError:
        return {}
    return (
        {str(key): [str(each) for each in values] for key, values in found.items()} if isinstance(found, dict) else {}
    )


KEEPING: tuple[tuple[str, str, Callable[[Lab, Exchange, str], Awaitable[None]]], ...] = (
    ("GET", "/system/df", used_disk),
    ("GET", "/images/json", list_images),
    ("POST", "/images/prune", prune_images),
    ("GET", "/images/(.+)/json", inspect_image),
    ("GET", "/images/(.+)/history", history),
    ("DELETE", "/images/(.+)", remove_image),
    ("POST", "/containers/prune", prune_containers),
    ("GET", "/volumes", list_volumes),
    ("POST", "/volumes/create", create_volume),
    ("POST", "/volumes/prune", prune_volumes),
    ("GET", "/volumes/([^/]+)", inspect_volume),
    ("DELETE", "/volumes/([^/]+)", remove_volume),
    ("POST", "/networks/prune", prune_networks),
    ("POST", "/auth", log_in),
)
"""Method, path, and who answers."""
