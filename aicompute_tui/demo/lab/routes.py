"""An engine's questions and who answers them: the part of Docker's API that aic-tui speaks."""

from __future__ import annotations

import asyncio
import re
import secrets
import struct
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from aicompute_tui.demo.lab import figures, images, talk
from aicompute_tui.demo.lab.box import Box, stamp
from aicompute_tui.demo.lab.engine import GPUS, Lab
from aicompute_tui.demo.lab.exchange import Exchange, RefusedByEngine, Request, serve
from aicompute_tui.demo.lab.keeping import KEEPING
from aicompute_tui.demo.lab.shell import Exec, carry_out
from aicompute_tui.domain.json import Json, JsonObject

_VERSION, _API, _LEAST_API = "28.5.1", "1.51", "1.24"
_PREFIX = re.compile(r"^/v\d+\.\d+(?=/)")
_FOLLOW_SECONDS = 0.2
_USUAL_HISTORY = 20_000
_ENDED_KEPT = 20


class Door:
    """Takes connections for one engine."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.execs: dict[str, Exec] = {}

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await serve(self._answer, reader, writer)

    async def _answer(self, exchange: Exchange) -> None:
        path = _PREFIX.sub("", exchange.request.path)
        for method, pattern, answer in _ROUTES:
            found = pattern.fullmatch(path)
            if found is not None and method == exchange.request.method:
                await answer(self, exchange, found.group(1) if found.groups() else "")
                return
        raise RefusedByEngine(404, "page not found")


Answer = Callable[[Door, Exchange, str], Awaitable[None]]


async def _ping(door: Door, exchange: Exchange, name: str) -> None:  # noqa: ARG001
    await exchange.text(b"OK")


async def _version(door: Door, exchange: Exchange, name: str) -> None:  # noqa: ARG001
    await exchange.answer(version())


def version() -> JsonObject:
    components: list[Json] = [{"Name": "Engine", "Version": _VERSION}, {"Name": "containerd", "Version": "v1.7.28"}]
    told: JsonObject = {"Version": _VERSION, "ApiVersion": _API, "MinAPIVersion": _LEAST_API}
    return {**told, "Os": "linux", "Arch": "amd64", "GoVersion": "go1.24.8", "Components": components}


async def _info(door: Door, exchange: Exchange, name: str) -> None:  # noqa: ARG001
    await exchange.answer(info(door.lab))


def info(lab: Lab) -> JsonObject:
    """What the engine says of itself and its machine."""
    boxes = lab.boxes.values()
    devices: list[Json] = [{"Source": "cdi", "ID": f"nvidia.com/gpu={place}"} for place in range(len(GPUS))]
    return {
        "ID": "0b5c2a7e-77a1-4f0e-9f0a-1c2f5d7c3f10",
        "Name": lab.name,
        "Containers": len(boxes),
        "ContainersRunning": sum(box.status == "running" for box in boxes),
        "ContainersPaused": sum(box.status == "paused" for box in boxes),
        "ContainersStopped": sum(not box.is_alive for box in boxes),
        "Images": len(lab.images),
        "Driver": "overlay2",
        "NCPU": figures.CORES,
        "MemTotal": figures.MEMORY_BYTES,
        "OperatingSystem": "Ubuntu 24.04.3 LTS",
        "KernelVersion": "6.8.0-87-generic",
        "OSType": "linux",
        "Architecture": "x86_64",
        "ServerVersion": _VERSION,
        "DockerRootDir": "/var/lib/docker",
        "Runtimes": {"runc": {"path": "runc"}, "nvidia": {"path": "nvidia-container-runtime"}},
        "DefaultRuntime": "runc",
        "SecurityOptions": ["name=apparmor", "name=seccomp,profile=builtin", "name=cgroupns"],
        "DiscoveredDevices": devices,
        "Warnings": None,
    }


async def _events(door: Door, exchange: Exchange, name: str) -> None:  # noqa: ARG001
    with door.lab.listening() as queue:
        await exchange.begin()
        await _until_gone(exchange, _tell_events(exchange, queue))


async def _tell_events(exchange: Exchange, queue: asyncio.Queue[JsonObject]) -> None:
    while True:
        await exchange.line(await queue.get())


async def _list(door: Door, exchange: Exchange, name: str) -> None:  # noqa: ARG001
    now = time.time()
    boxes = sorted(door.lab.boxes.values(), key=lambda box: -box.created)
    wanted = boxes if exchange.request.asks("all") else [box for box in boxes if box.is_alive]
    await exchange.answer([box.listed(now) for box in wanted])


async def _inspect(door: Door, exchange: Exchange, name: str) -> None:
    await exchange.answer(door.lab.find(name).inspected())


async def _create(door: Door, exchange: Exchange, name: str) -> None:  # noqa: ARG001
    box = door.lab.create(exchange.request.query.get("name", ""), dict(exchange.request.fields()))
    await exchange.answer({"Id": box.id, "Warnings": []}, 201)


async def _remove(door: Door, exchange: Exchange, name: str) -> None:
    request = exchange.request
    await door.lab.remove(door.lab.find(name), force=request.asks("force"), volumes=request.asks("v"))
    await exchange.done()


async def _start(door: Door, exchange: Exchange, name: str) -> None:
    await exchange.done(204 if await door.lab.start(door.lab.find(name)) else 304)


async def _stop(door: Door, exchange: Exchange, name: str) -> None:
    await exchange.done(204 if await door.lab.stop(door.lab.find(name)) else 304)


async def _restart(door: Door, exchange: Exchange, name: str) -> None:
    await door.lab.restart(door.lab.find(name))
    await exchange.done()


async def _kill(door: Door, exchange: Exchange, name: str) -> None:
    await door.lab.kill(door.lab.find(name), exchange.request.query.get("signal", ""))
    await exchange.done()


async def _pause(door: Door, exchange: Exchange, name: str) -> None:
    door.lab.pause(door.lab.find(name))
    await exchange.done()


async def _unpause(door: Door, exchange: Exchange, name: str) -> None:
    door.lab.unpause(door.lab.find(name))
    await exchange.done()


async def _rename(door: Door, exchange: Exchange, name: str) -> None:
    door.lab.rename(door.lab.find(name), exchange.request.query.get("name", ""))
    await exchange.done()


async def _top(door: Door, exchange: Exchange, name: str) -> None:
    box = door.lab.find(name)
    if not box.is_alive:
        raise RefusedByEngine(409, f"container {box.id} is not running")
    titles = ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"]
    words = box.listed(time.time())["Command"]
    rows: list[Json] = [
        ["root", "2104", "2082", f"{min(99, round(box.cpu_percent)):d}", "09:12", "?", "04:17:52", words]
    ]
    if box.models:
        rows.append(["root", "2391", "2104", "88", "09:13", "?", "03:52:08", "/usr/bin/ollama runner --model …"])
    await exchange.answer({"Titles": [*titles], "Processes": rows})


async def _stats(door: Door, exchange: Exchange, name: str) -> None:
    box = door.lab.find(name)
    if exchange.request.query.get("stream", "1").lower() in {"0", "false"}:
        await exchange.answer(figures.sample(box, time.time()))
        return
    await exchange.begin()
    await _until_gone(exchange, _tell_figures(door, exchange, box))


async def _tell_figures(door: Door, exchange: Exchange, box: Box) -> None:
    """The first answer has nothing to compare with, as an engine's."""
    first = figures.sample(box, time.time())
    await exchange.line({**first, "precpu_stats": {}})
    while box.id in door.lab.boxes:
        await asyncio.sleep(1.0)
        await exchange.line(figures.sample(box, time.time()))
    await exchange.finish()


async def _logs(door: Door, exchange: Exchange, name: str) -> None:
    box, request = door.lab.find(name), exchange.request
    is_raw = box.has_terminal
    await exchange.begin("application/vnd.docker.raw-stream" if is_raw else "application/vnd.docker.multiplexed-stream")
    await _until_gone(exchange, _tell_lines(exchange, box, request))


async def _tell_lines(exchange: Exchange, box: Box, request: Request) -> None:
    now = time.time()
    since = float(request.query.get("since") or 0)
    tail = request.query.get("tail", "all")
    wanted = int(tail) if tail.isdecimal() else _USUAL_HISTORY
    found = talk.last(box, wanted, now) if not since else list(talk.lines(box, since - 1e-6, now))[-wanted:]
    await exchange.send(b"".join(_frame(line, request, box) for line in found))
    while request.asks("follow") and box.is_alive:
        await asyncio.sleep(_FOLLOW_SECONDS)
        until = time.time()
        await exchange.send(b"".join(_frame(line, request, box) for line in talk.lines(box, now, until)))
        now = until
    await exchange.finish()


def _frame(line: talk.Line, request: Request, box: Box) -> bytes:
    if not request.asks("stdout" if line.stream == talk.STDOUT else "stderr"):
        return b""
    moment = f"{stamp(line.at)} " if request.asks("timestamps") else ""
    data = f"{moment}{line.text}\n".encode()
    return data.replace(b"\n", b"\r\n") if box.has_terminal else struct.pack(">BxxxI", line.stream, len(data)) + data


async def _exec_create(door: Door, exchange: Exchange, name: str) -> None:
    box, asked = door.lab.find(name), exchange.request.fields()
    if box.status != "running":
        raise RefusedByEngine(409, f"container {box.id} is not running" if not box.is_alive else "container is paused")
    words = asked.get("Cmd")
    command = [str(word) for word in words] if isinstance(words, list) else []
    made = Exec(secrets.token_hex(32), box, command, asked.get("Tty") is True)
    ended = [key for key, each in door.execs.items() if each.exit_code is not None and not each.is_running]
    for key in ended[:-_ENDED_KEPT]:
        del door.execs[key]
    door.execs[made.id] = made
    await exchange.answer({"Id": made.id}, 201)


def _exec_of(door: Door, name: str) -> Exec:
    if name not in door.execs:
        raise RefusedByEngine(404, f"No such exec instance: {name}")
    return door.execs[name]


async def _exec_start(door: Door, exchange: Exchange, name: str) -> None:
    run = _exec_of(door, name)
    await exchange.give_over()
    await carry_out(run, exchange)


async def _exec_inspect(door: Door, exchange: Exchange, name: str) -> None:
    run = _exec_of(door, name)
    command, *words = run.words or [""]
    process: JsonObject = {"tty": run.has_terminal, "entrypoint": command, "arguments": [*words], "privileged": False}
    told: JsonObject = {"ID": run.id, "Running": run.is_running, "ContainerID": run.box.id, "ProcessConfig": process}
    await exchange.answer({**told, "ExitCode": None if run.is_running else run.exit_code})


async def _exec_resize(door: Door, exchange: Exchange, name: str) -> None:
    _exec_of(door, name)
    await exchange.done(200)


async def _pull(door: Door, exchange: Exchange, name: str) -> None:  # noqa: ARG001
    query = exchange.request.query
    repository, tag = query.get("fromImage", ""), query.get("tag", "")
    if repository != repository.lower():
        raise RefusedByEngine(400, "invalid reference format: repository name must be lowercase")
    joined = "@" if tag.startswith("sha256:") else ":"
    image = images.image_of(f"{repository}{joined}{tag}" if tag else repository, time.time())
    steps = images.pulled(image)
    first = await anext(steps)
    await exchange.begin()
    await exchange.line(first)
    async for step in steps:
        await exchange.line(step)
    door.lab.images[image.name] = image
    door.lab.tell_of("image", "pull", image.name, name=image.name)
    await exchange.finish()


async def _until_gone(exchange: Exchange, work: Coroutine[Any, Any, None]) -> None:
    """Carries on until it is done or the other side has left."""
    tasks = [asyncio.ensure_future(work), asyncio.ensure_future(exchange.until_gone())]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    if tasks[0] not in done:
        raise ConnectionResetError
    tasks[0].result()


_GIVEN: tuple[tuple[str, str, Answer], ...] = (
    ("GET", "/_ping", _ping),
    ("HEAD", "/_ping", _ping),
    ("GET", "/version", _version),
    ("GET", "/info", _info),
    ("GET", "/events", _events),
    ("GET", "/containers/json", _list),
    ("POST", "/containers/create", _create),
    ("GET", "/containers/([^/]+)/json", _inspect),
    ("GET", "/containers/([^/]+)/top", _top),
    ("GET", "/containers/([^/]+)/stats", _stats),
    ("GET", "/containers/([^/]+)/logs", _logs),
    ("POST", "/containers/([^/]+)/start", _start),
    ("POST", "/containers/([^/]+)/stop", _stop),
    ("POST", "/containers/([^/]+)/restart", _restart),
    ("POST", "/containers/([^/]+)/kill", _kill),
    ("POST", "/containers/([^/]+)/pause", _pause),
    ("POST", "/containers/([^/]+)/unpause", _unpause),
    ("POST", "/containers/([^/]+)/rename", _rename),
    ("POST", "/containers/([^/]+)/exec", _exec_create),
    ("DELETE", "/containers/([^/]+)", _remove),
    ("POST", "/exec/([^/]+)/start", _exec_start),
    ("GET", "/exec/([^/]+)/json", _exec_inspect),
    ("POST", "/exec/([^/]+)/resize", _exec_resize),
    ("POST", "/images/create", _pull),
)


def _keeping(answer: Callable[[Lab, Exchange, str], Awaitable[None]]) -> Answer:
    async def take(door: Door, exchange: Exchange, name: str) -> None:
        await answer(door.lab, exchange, name)

    return take


_ROUTES = [
    (method, re.compile(path), answer)
    for method, path, answer in (*_GIVEN, *((method, path, _keeping(answer)) for method, path, answer in KEEPING))
]
