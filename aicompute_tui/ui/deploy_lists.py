"""What the lists of the deploy wizard show: container hosts with what they have, and what can be run on them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import NamedTuple

from aicompute_tui.domain.container_framework import CONTAINER_FRAMEWORKS
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.sizes import format_bytes
from aicompute_tui.store.rows import HostRow
from aicompute_tui.ui.deploy_form import ANY_IMAGE, DeployForm
from aicompute_tui.ui.format import StateLook, sign, span
from aicompute_tui.ui.glyphs import Glyphs
from aicompute_tui.ui.launch_lists import chosen_cell
from aicompute_tui.ui.records import RowColumn, number, text
from aicompute_tui.ui.widgets.columns import Cell, Column

_HOST_LOOKS: Mapping[str, StateLook] = {
    "up": StateLook("●", "*", "good"),
    "down": StateLook("✕", "x", "bad"),
    "waiting": StateLook("◌", ".", "dim"),
    "found": StateLook("○", "o", "dim"),
}


class Server(NamedTuple):
    """What a server is for, and how its models are called."""

    what: str
    models: str = ""


_SERVERS: Mapping[str, Server] = {
    "ollama": Server("many small models, pulled by name", "llama3.1:8b qwen2.5:7b"),
    "vllm": Server("fast serving of Hugging Face models", "Qwen/Qwen2.5-7B-Instruct"),
    "tgi": Server("Hugging Face's own text server", "mistralai/Mistral-7B-Instruct-v0.3"),
    "llamacpp": Server("GGUF models, also larger than the GPU", "bartowski/Meta-Llama-3.1-8B-Instruct-GGUF"),
    "tei": Server("embeddings, for search", "BAAI/bge-m3"),
    "tei-reranker": Server("puts what was found in order", "BAAI/bge-reranker-v2-m3"),
    "infinity": Server("embeddings and rerankers", "BAAI/bge-small-en-v1.5"),
    "sglang": Server("fast serving, for long shared prompts", "Qwen/Qwen2.5-7B-Instruct"),
    "comfyui": Server("pictures and video by graphs"),
    "openwebui": Server("a chat page for people"),
}


# -- hosts


def host_rows(hosts: Mapping[str, HostRow], now: float) -> list[JsonObject]:
    """Those that answer first."""
    return [_host(row, now) for row in sorted(hosts.values(), key=lambda row: (row.state != "up", row.name))]


def _host(row: HostRow, now: float) -> JsonObject:
    facts = json.loads(row.facts) if row.facts else {}
    since = row.since if row.state != "down" or row.read_at is None else row.read_at
    return {
        "id": row.id,
        "name": row.name,
        "state": row.state,
        "for_seconds": None if since is None else max(0, int(now - since)),
        "gpus": facts.get("gpus"),
        "free_disk_bytes": facts.get("free_disk_bytes"),
        "running": facts.get("running"),
        "engine": " ".join(str(facts[name]) for name in ("engine", "engine_version") if facts.get("engine_version")),
        "problem": row.problem,
        "next_step": row.next_step,
    }


def host_columns(form: DeployForm, glyphs: Glyphs) -> list[RowColumn]:
    def name(row: JsonObject) -> Cell:
        cell = chosen_cell(text(row, "name"), is_host(row, form), glyphs)
        return cell._replace(tone="dim") if host_refusal(row) else cell

    return [
        Column(key="host", title="  host", width=16, weight=1, most=30, letter="H",
               sort=lambda row: text(row, "name"), cell=name),
        Column(key="state", title="state", width=11, letter="S", sort=lambda row: text(row, "state"),
               cell=lambda row: _state(row, glyphs)),
        Column(key="gpus", title="GPUs", width=16, weight=1, most=28, letter="G", descending=True,
               sort=lambda row: len(_gpus(row) or ()), cell=lambda row: _gpu_cell(row, glyphs)),
        Column(key="free", title="disk free", width=9, align="right", letter="D", descending=True,
               sort=lambda row: number(row, "free_disk_bytes"), cell=lambda row: _free(row, glyphs)),
        Column(key="running", title="running", width=7, align="right", letter="R", descending=True,
               sort=lambda row: number(row, "running"),
               cell=lambda row: glyphs.unknown if number(row, "running") is None else text(row, "running")),
        Column(key="engine", title="engine", width=14, needs=100, cell=lambda row: Cell(text(row, "engine"), "dim")),
    ]  # fmt: skip


def is_host(row: JsonObject, form: DeployForm) -> bool:
    return bool(form["host"]) and form["host"] in {text(row, "name"), text(row, "id")}


def host_refusal(row: JsonObject) -> str:
    """Why nothing can be made on it now."""
    name, state = text(row, "name"), text(row, "state")
    if state == "up":
        return ""
    if state == "found":
        return f"{name} was found here and is not kept yet. Add it first: :host-add {name}"
    if state == "waiting":
        return f"{name} was not asked yet; it is about to be."
    return f"{name} is down. {text(row, 'problem')} {text(row, 'next_step')}".strip()


def host_told(row: JsonObject) -> list[str]:
    """The row under the cursor in a line or two."""
    refused = host_refusal(row)
    if refused:
        return [refused]
    gpus = _gpus(row)
    found = "what GPUs it has cannot be seen from here" if gpus is None else ", ".join(gpus) or "no GPU"
    return [f"{text(row, 'name')} answers: {text(row, 'engine') or 'its engine'}, {found}."]


def _state(row: JsonObject, glyphs: Glyphs) -> Cell:
    look = _HOST_LOOKS.get(text(row, "state"), _HOST_LOOKS["waiting"])
    seconds = number(row, "for_seconds")
    ago = f" {span(seconds)}" if seconds is not None and text(row, "state") == "down" else ""
    return Cell(f"{text(row, 'state')}{ago}", "bad" if ago else "", sign(look, glyphs), look.tone)


def _gpus(row: JsonObject) -> list[str] | None:
    gpus = row.get("gpus")
    return [str(each) for each in gpus] if isinstance(gpus, list) else None


def _gpu_cell(row: JsonObject, glyphs: Glyphs) -> Cell:
    gpus = _gpus(row)
    if gpus is None:
        return Cell(glyphs.unknown, "dim")
    if not gpus:
        return Cell("none", "dim")
    kinds = {each.removeprefix("NVIDIA ").removeprefix("GeForce ") for each in gpus}
    return Cell(f"{len(gpus)} {glyphs.times} {kinds.pop() if len(kinds) == 1 else 'GPU'}")


def _free(row: JsonObject, glyphs: Glyphs) -> Cell:
    free = number(row, "free_disk_bytes")
    if free is None:
        return Cell(glyphs.unknown, "dim")
    return Cell(format_bytes(int(free)), "warn" if free < 20 << 30 else "")


# -- servers


def server_rows() -> list[Json]:
    known: list[Json] = [
        {
            "name": framework.name,
            "title": framework.title,
            "kind": framework.kind,
            "what": _SERVERS[framework.name].what,
            "image": framework.image,
        }
        for framework in CONTAINER_FRAMEWORKS.values()
    ]
    return [*known, {"name": ANY_IMAGE, "title": "any image", "kind": "", "what": "whatever you name", "image": ""}]


def server_columns(form: DeployForm, glyphs: Glyphs) -> list[RowColumn]:
    return [
        Column(key="server", title="  server", width=15, letter="S", sort=lambda row: text(row, "title").lower(),
               cell=lambda row: chosen_cell(text(row, "title"), text(row, "name") == form["framework"], glyphs)),
        Column(key="kind", title="gives", width=9, letter="G", sort=lambda row: text(row, "kind"),
               cell=lambda row: Cell(text(row, "kind"), "dim")),
        Column(key="what", title="what it is for", width=36, weight=1, most=42, cell=lambda row: text(row, "what")),
        Column(key="image", title="image", width=30, weight=1, most=56, needs=100, cut="start",
               cell=lambda row: Cell(text(row, "image"), "dim")),
    ]  # fmt: skip


def server_told(row: JsonObject) -> list[str]:
    name = text(row, "name")
    framework = CONTAINER_FRAMEWORKS.get(name)
    if framework is None:
        return ["Runs the image that you name below, with its own command or with your words."]
    title = framework.title
    if not framework.most_models:
        return [f"{title} is pulled and started; it loads what it needs by itself."]
    what = f"{title} wants one model named below" if framework.needs_model else f"{title} pulls the models named below"
    return [f"{what}, like {_SERVERS[name].models}"]
