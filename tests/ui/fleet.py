"""A console full of fixed rows, with an answer to every question, for walks through all views and for pictures."""

from __future__ import annotations

import asyncio
import time
from itertools import groupby
from typing import NamedTuple

from aicompute_tui.actions.navigation import PLACE_KEYS
from aicompute_tui.actions.registry import ACTIONS
from aicompute_tui.domain.errors import AicError
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.store.rows import EventRow, Snapshot
from aicompute_tui.ui import dispatch
from aicompute_tui.ui.glyphs import UNICODE, Glyphs
from tests.screenshots import VIEWS, View
from tests.ui import (
    connection_world,
    deploy_world,
    feeds_world,
    health_world,
    model_world,
    offers_world,
    quota_world,
    recommend_world,
    server_world,
    settings_world,
    stored_world,
)
from tests.ui.console_world import (
    HOUR,
    MINUTE,
    NOW,
    Console,
    HeldSession,
    container_row,
    gpu,
    host_row,
    job,
    machine,
    node,
    reading,
    sighting,
    step,
    tunnel,
)
from tests.ui.dialog_world import PREFLIGHT, TYPES

_STEPS: list[Json] = [step("boot"), step("driver"), step("docker"), step("image"), step("model"), step("ready")]
_BUSY: JsonObject = {
    "checked_at": "2026-11-20T14:02:00Z", "idle_since": None, "idle_ends_at": None, "busy_because": "1 request runs",
    "requests_running": 1.0, "requests_waiting": 0.0, "kv_cache_percent": 31.0, "loaded_models": ["llama-8b"],
    "notice": "",
}  # fmt: skip
_LOG = [f"INFO Avg prompt throughput: {300 + 7 * place % 90}.4 tokens/s, 1 running" for place in range(60)]


def fleet(strange: str = "") -> Snapshot:
    """Machines in many states, some that are not ours, and jobs, named as in the demo; `strange` ends every name."""
    instances = [
        machine("llama8-ca", models='["meta-llama/Llama-3.1-8B-Instruct"]', public_address="3.96.10.4",
                expires_at=NOW + 168 * MINUTE, requested_at=NOW - 312 * MINUTE, launched_at=NOW - 312 * MINUTE,
                billing_since=NOW - 312 * MINUTE),
        machine("embed-1", instance_type="g4dn.xlarge", gpu_name="T4", market="on-demand", protected=1,
                price_usd_per_hour=0.584, framework="ollama", models='["bge-m3", "llama3.2:3b"]',
                requested_at=NOW - 51 * HOUR, launched_at=NOW - 51 * HOUR, billing_since=NOW - 51 * HOUR,
                idle_seconds=None),
        machine("coder-us", state="preparing", region="us-east-1", zone="us-east-1a", instance_type="g6.xlarge",
                gpu_name="L4", framework="ollama", models='["qwen2.5-coder:7b"]', requested_at=NOW - 4 * MINUTE,
                launched_at=NOW - 4 * MINUTE, billing_since=NOW - 4 * MINUTE, price_usd_per_hour=0.3909),
        machine("gemma-try", state="degraded", region="us-east-1", zone="us-east-1b", instance_type="g6.xlarge",
                gpu_name="L4", models='["google/gemma-2-9b-it"]', requested_at=NOW - 14 * MINUTE,
                launched_at=NOW - 14 * MINUTE, billing_since=NOW - 14 * MINUTE, price_usd_per_hour=0.3909,
                error_kind="NotAllowed", error_message="The Hugging Face token may not read google/gemma-2-9b-it."),
        machine("ghost", state="unknown", remote_id=None, price_usd_per_hour=31.46, launched_at=None),
        machine("nap", state="stopped", billing_since=None),
        machine("old", state="terminated", billing_since=None, settled_nano_usd=4_180_000_000, ended_at=NOW - HOUR),
    ]  # fmt: skip
    failed = [
        step("boot"), step("driver"), step("docker"), step("image"), step("model", "failed", detail="licence refused"),
    ]  # fmt: skip
    pulling = [step("boot"), step("image"), step("model", "running", name="qwen2.5-coder:7b", percent=61.0)]
    nodes = [
        node("llama8-ca", gpus=[gpu(0)], steps=_STEPS, activity=_BUSY),
        node("embed-1", gpus=[gpu(0, name="Tesla T4", utilisation_percent=3.0)], steps=_STEPS, activity=_BUSY),
        node("coder-us", gpus=[gpu(0)], steps=pulling),
        node("gemma-try", gpus=[gpu(0)], steps=failed),
    ]
    jobs = [
        job("instance.launch", progress="trying us-east-1a", subject="id-coder-us", started_at=NOW - MINUTE),
        job("instance.extend", "done", id="job-done", subject="id-llama8-ca", started_at=NOW - HOUR, ended_at=NOW),
    ]
    sightings = [sighting("batch-7", "orphan", owner="ana"), sighting("team-b-whisper")]
    events = [
        EventRow(f"event-{place}", NOW - place * MINUTE, "ana@jump", "instance.ready", "instance", "id-llama8-ca",
                 "llama8-ca", f"llama8-ca is ready, {place} min ago.", "info")
        for place in range(12)
    ]  # fmt: skip
    hosts = [
        host_row("lab-1"),
        host_row("lab-2", state="down", since=NOW - 14 * MINUTE, read_at=NOW - 14 * MINUTE,
                 problem="lab-2 does not answer: connection refused.", next_step="Is its engine running?"),
    ]  # fmt: skip
    containers = [
        container_row("ollama-main", gpus={"count": 0, "device_ids": ["0", "1"], "driver": "nvidia"}),
        container_row("openwebui", image="ghcr.io/open-webui/open-webui:main",
                      ports=[[8080, "tcp", "0.0.0.0", 3000], [8080, "tcp", "::", 3000]]),
        container_row("tei-bge", image="ghcr.io/huggingface/text-embeddings-inference:1.9", health="unhealthy",
                      gpus={"count": -1, "device_ids": [], "driver": ""}, ports=[[80, "tcp", "0.0.0.0", 8081]],
                      started_at=NOW - 130 * MINUTE),
        container_row("flux-try", image="vllm/vllm-openai:v0.33", state="exited", health="none", exit_code=137,
                      is_out_of_memory=1, finished_at=NOW - 20 * MINUTE, restart_policy="no"),
        container_row("half-made", image="vllm/vllm-openai:v0.33", state="created", health="none", started_at=None,
                      created_at=NOW - 9 * MINUTE, error="could not select device driver"),
        container_row("proxy", image="caddy:2.10", state="restarting", health="none", exit_code=1, restart_count=7,
                      started_at=NOW - MINUTE, ports=[]),
        container_row("old-job", image="sha256:" + "ab" * 32, state="exited", health="none", exit_code=0,
                      finished_at=NOW - HOUR),
        container_row("comfy", "lab-2", image="yanwk/comfyui-boot", health="none"),
    ]  # fmt: skip
    instances = [each._replace(name=each.name + strange) for each in instances]
    sightings = [each._replace(name=each.name + strange) for each in sightings]
    hosts = [each._replace(name=each.name + strange) for each in hosts]
    containers = [each._replace(name=each.name + strange, image=each.image + strange) for each in containers]
    servers = [each._replace(name=each.name + strange) for each in server_world.server_rows()]
    connections = [each._replace(name=each.name + strange) for each in connection_world.connection_rows()]
    read = reading(
        instances, sightings, jobs, nodes=nodes, tunnels=[tunnel("llama8-ca")], hosts=hosts, containers=containers,
        servers=servers, connections=connections,
    )  # fmt: skip
    use: dict[str, tuple[float | None, ...]] = {
        f"id-{name}": tuple(float(9 * minute % 100) for minute in range(10)) for name in ("llama8-ca", "embed-1")
    }
    return read._replace(events=events, utilisation=use)


def answers() -> dict[str, Json]:
    """What the agent says to each question, by action."""
    moment = "2026-11-20T14:00:00Z"
    sections = {action_id: answer for action_id, answer in settings_world.answers().items() if not callable(answer)}
    return {
        **{action_id: answer for action_id, answer in sections.items() if not isinstance(answer, AicError)},
        **stored_world.answers(),
        **connection_world.answers(),
        **recommend_world.answers(),
        **model_world.answers(),
        **health_world.answers(),
        **offers_world.answers(),
        "template.list": [],
        "host.list": [
            {"id": None, "name": "local", "kind": "docker", "url": "unix:///var/run/docker.sock", "state": "found",
             "problem": "Found by /var/run/docker.sock, not added.", "next_step": "aic-tui host add local"},
        ],
        "server.metrics": server_world.samples(),
        "server.probe": server_world.FOUND,
        "host.test": {
            "ok": True,
            "checks": [
                {"name": "engine", "verdict": "ok", "reason": "Docker 29.1.3, API 1.52, on lab-1", "next_step": ""},
                {"name": "gpus", "verdict": "ok", "reason": "2: NVIDIA A10G", "next_step": ""},
                {"name": "disk", "verdict": "warning", "reason": "12.0 GiB free for images",
                 "next_step": "Model servers' images take 10 GiB and more: free some space."},
            ],
        },
        "container.show": {
            "name": "ollama-main", "host": "lab-1", "image_created_at": "2026-11-06T14:00:00Z",
            "environment": {"HF_TOKEN": "…", "OLLAMA_HOST": "0.0.0.0"},
            "processes": [{"pid": "4711", "cmd": "/bin/ollama serve"}],
            "mounts": [{"type": "volume", "source": "ollama", "target": "/root/.ollama", "writable": True}],
        },
        "container.plan": deploy_world.plan({"host": "lab-1", "framework": "vllm", "model": ["org/model"]}),
        "instance.types": TYPES,
        "price.feeds": feeds_world.feeds(),
        "quota.list": quota_world.quota_rows(),
        "instance.preflight": PREFLIGHT,
        "instance.show": {
            "name": "llama8-ca",
            "attempts": [{"number": 1, "zone": "ca-central-1b", "state": "accepted", "written_at": moment}],
            "history": [{"at": moment, "actor": "ana@jump", "message": "llama8-ca was requested."}],
        },
        "instance.setup": {"steps": _STEPS},
        "credential.list": [
            {"id": "aws:profile:team", "name": "team", "cloud": "aws", "method": "shared-credentials-file",
             "account_id": "123456789012", "region": "ca-central-1", "checked_at": moment},
            {"id": "aws:default", "name": "default", "cloud": "aws", "method": "environment",
             "error_message": "The security token is expired."},
        ],
        "event.list": [
            {"id": f"event-{place}", "at": moment, "actor": "ana@jump", "kind": "instance.ready", "level": level,
             "subject_kind": "instance", "subject_id": "id-llama8-ca", "subject_name": "llama8-ca",
             "message": f"llama8-ca is ready, event {place}.", "before": {"state": "preparing"},
             "after": {"state": "ready"}}
            for place, level in enumerate(("info", "warning", "error", "info"))
        ],
        "job.list": [
            {"id": f"job-{place}", "action_id": "instance.launch", "title": "Launch", "state": state,
             "subject": "id-llama8-ca", "progress": "trying ca-central-1b", "created_by": "ana@jump",
             "created_at": moment, "started_at": moment, "parameters": {"name": "llama8-ca"},
             "error_message": "No capacity anywhere." if state == "failed" else None}
            for place, state in enumerate(("running", "failed", "done"))
        ],
        "doctor.run": [
            {"name": "clock", "verdict": "ok", "reason": "It agrees with the cloud's.", "next_step": ""},
            {"name": "logind", "verdict": "warning", "reason": "It ends processes at logout.",
             "next_step": "loginctl enable-linger"},
        ],
    }  # fmt: skip


def container_lines() -> list[Json]:
    """Two logs merged, one of them on both streams."""
    items: list[Json] = []
    for second in range(40):
        stamp = f"2026-11-20T14:01:{second:02}.000000000Z"
        source, stream = ("lab-1/openwebui", "stderr" if second % 8 else "stdout") if second % 4 == 3 else (
            "lab-1/ollama-main", "stdout")  # fmt: skip
        said: list[Json] = [f"{stamp} INFO 200 POST /api/chat in {second * 7} ms"]
        items.append({"source": source, "stream": stream, "lines": said})
    return items


def container_samples() -> list[Json]:
    """Figures of the last half minute."""
    return [
        {"at": f"2026-11-20T14:01:{30 + second}Z", "cpu_percent": 40.0 + second * 6, "memory_bytes": 9 << 30,
         "memory_limit_bytes": 32 << 30, "received_bytes": second * second * 900, "sent_bytes": second * 2_048,
         "read_bytes": 0, "written_bytes": second << 19, "processes": 7, "gpus": [gpu(0), gpu(1)], "gpu_problem": ""}
        for second in range(30)
    ]  # fmt: skip


_COMING = ("checking …", "asking …", "checking ~", "asking ~", "waits for the log")
_RESTS_LOOKS = 4
_LATE_SECONDS = 0.25


async def rest(world: Console, seconds: float = 30.0) -> str:
    """What the screen says once it has stopped changing and waits for no answer."""
    deadline = time.monotonic() + seconds
    seen, equal_looks = "", 0
    while equal_looks < _RESTS_LOOKS or any(each in seen for each in _COMING) or _searches(world):
        began = time.monotonic()
        await world.pilot.pause()
        await asyncio.sleep(0.02)
        stood_still = time.monotonic() - began > _LATE_SECONDS
        if (now := world.shown) != seen:
            seen, equal_looks = now, 0
        elif not stood_still:
            equal_looks += 1
        assert time.monotonic() < deadline, f"it does not come to rest:\n{seen}"
    return seen


def _searches(world: Console) -> bool:
    """The palette looks through its commands beside the keys."""
    return any("palette" in worker.group and not worker.is_finished for worker in world.app.workers)


class FullSession(HeldSession):
    """Has rows, answers and streams from the start; a question nobody wrote an answer for finds no agent."""

    def __init__(self, *, glyphs: Glyphs = UNICODE, read_only: bool = False) -> None:
        super().__init__(glyphs=glyphs, read_only=read_only)
        self.utc = True
        self.answers = answers()
        self.known_offers = offers_world.offers()
        self.streamed = {
            "instance.logs": [{"lines": list(_LOG)}],
            "instance.metrics": [],
            "container.logs": container_lines(),
            "container.stats": container_samples(),
            "server.watch": server_world.watched(),
        }


class Place(NamedTuple):
    """Somewhere a person can be: by the keys of a picture, else by the action that fills the view."""

    name: str
    keys: tuple[str, ...] = ()
    action_id: str = ""

    async def enter(self, world: Console) -> None:
        if self.action_id:
            world.app.open_view(self.action_id)
        for waits, keys in groupby(self.keys, lambda key: key.startswith(("wait:", "until:"))):
            if waits:
                await rest(world)
            else:
                await world.press(*keys)
        await rest(world)


def place_of(view: View) -> Place:
    """Where a picture is taken, with a rest where the photographer waits for a text."""
    before = (*view.before[0], "wait:") if view.before[0] else ()
    return Place(view.name, (*before, *view.keys))


def places() -> list[Place]:
    """Every picture's place, and every other view that the console can open."""
    pictured = [place_of(view) for view in VIEWS]
    typed = {word for place in pictured for word in "".join(place.keys).replace("enter", " ").split()}
    views: dict[str, str] = {}
    for action_id, path in dispatch.SCREENS.items():
        words = {f"colon{alias}" for alias in ACTIONS[action_id].aliases}
        if not words & typed and PLACE_KEYS.get(action_id) not in typed and action_id != dispatch.HOME:
            views.setdefault(path, action_id)
    return [*pictured, *(Place(f"view {action_id}", (), action_id) for action_id in views.values())]
