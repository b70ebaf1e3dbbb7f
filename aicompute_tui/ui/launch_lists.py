"""What the lists of the launch wizard show: regions, credentials, model servers, and launches to repeat."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from aicompute_tui.actions.registry import ACTIONS
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.moments import parse_moment
from aicompute_tui.ui.format import JOB_LOOKS, moment, sign
from aicompute_tui.ui.glyphs import Glyphs
from aicompute_tui.ui.launch_form import LaunchForm
from aicompute_tui.ui.records import RowColumn, text
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.widgets.columns import Cell, Column

_MOST_REPEATED = 50


class Server(NamedTuple):
    """A framework: `is_set_up` where the machine sets it up by itself."""

    name: str
    what: str
    is_set_up: bool = True


SERVERS = (
    Server("none", "a bare machine: driver, Docker and ssh"),
    Server("ollama", "many small models, pulled by name"),
    Server("vllm", "fast serving of Hugging Face models"),
    Server("tgi", "Hugging Face's own text server"),
    Server("llamacpp", "GGUF models, also larger than the GPU"),
    Server("tei", "embeddings and rerankers", is_set_up=False),
    Server("comfyui", "pictures and video by graphs", is_set_up=False),
    Server("openwebui", "a chat page for people", is_set_up=False),
    Server("mlflow", "experiments and models on record", is_set_up=False),
)
MODEL_EXAMPLES: Mapping[str, str] = {
    "ollama": "llama3.1:8b qwen2.5:7b",
    "vllm": "meta-llama/Llama-3.1-8B-Instruct",
    "tgi": "mistralai/Mistral-7B-Instruct-v0.3",
    "llamacpp": "bartowski/Meta-Llama-3.1-8B-Instruct-GGUF",
}


def chosen_cell(word: str, chosen: bool, glyphs: Glyphs) -> Cell:
    """A name, marked where it is what the launch has now."""
    return Cell(word, "accent" if chosen else "", glyphs.marked if chosen else " ", "accent")


# -- regions


def region_columns(form: LaunchForm, glyphs: Glyphs) -> list[RowColumn]:
    return [
        Column(key="region", title="  region", width=17, letter="R", sort=lambda row: text(row, "code"),
               cell=lambda row: chosen_cell(text(row, "code"), is_region(row, form), glyphs)),
        Column(key="country", title="country", width=7, letter="C", sort=lambda row: text(row, "country") or None,
               cell=lambda row: text(row, "country") or glyphs.unknown),
        Column(key="name", title="place", width=16, weight=1, most=34, letter="P", sort=lambda row: text(row, "name"),
               cell=lambda row: text(row, "name")),
        Column(key="state", title="state", width=20, letter="S", sort=region_state, cell=_region_cell),
    ]  # fmt: skip


def is_region(row: JsonObject, form: LaunchForm) -> bool:
    return text(row, "code") == form["region"] if form["region"] else row.get("is_default") is True


def region_state(row: JsonObject) -> str:
    enabled = row.get("enabled")
    word = "not enabled" if enabled is False else "enabled" if enabled else "not known"
    return f"{word}, the default" if row.get("is_default") and enabled is not False else word


def _region_cell(row: JsonObject) -> Cell:
    return Cell(region_state(row), "" if row.get("enabled") and row.get("is_default") else "dim")


def region_refusal(row: JsonObject) -> str:
    if row.get("enabled") is False:
        return f"{text(row, 'code')} is not enabled for this account; enable it in the AWS account settings."
    return ""


# -- credentials


def credential_columns(form: LaunchForm, glyphs: Glyphs) -> list[RowColumn]:
    def is_chosen(row: JsonObject) -> bool:
        return form["profile"] in {text(row, "id"), text(row, "name")} and bool(form["profile"])

    return [
        Column(key="credential", title="  credential", width=20, weight=1, most=36, letter="C",
               sort=credential_name, cell=lambda row: chosen_cell(credential_name(row), is_chosen(row), glyphs)),
        Column(key="account", title="account", width=12, letter="A", sort=lambda row: text(row, "account_id") or None,
               cell=lambda row: text(row, "account_id") or glyphs.unknown),
        Column(key="region", title="region", width=14, letter="R", sort=lambda row: text(row, "region") or None,
               cell=lambda row: text(row, "region") or glyphs.unknown),
        Column(key="method", title="from", width=16, weight=1, sort=lambda row: text(row, "method"),
               cell=lambda row: Cell(text(row, "method"), "dim")),
    ]  # fmt: skip


def credential_name(row: JsonObject) -> str:
    return text(row, "name") or text(row, "profile") or text(row, "id")


# -- model servers


def server_rows() -> list[Json]:
    known = ACTIONS["instance.launch"].parameters
    choices = next(parameter.choices for parameter in known if parameter.name == "framework")
    told = {server.name: server for server in SERVERS}
    return [
        {"name": name, "what": told[name].what, "is_set_up": told[name].is_set_up} if name in told else {"name": name}
        for name in choices
    ]


def server_columns(form: LaunchForm, glyphs: Glyphs) -> list[RowColumn]:
    def set_up(row: JsonObject) -> Cell:
        if text(row, "name") == "none":
            return Cell("", "dim")
        return Cell("sets itself up") if row.get("is_set_up") else Cell("only noted", "dim")

    return [
        Column(key="framework", title="  framework", width=14, letter="F", sort=lambda row: text(row, "name"),
               cell=lambda row: chosen_cell(text(row, "name"), text(row, "name") == form["framework"], glyphs)),
        Column(key="what", title="what it is for", width=38, weight=1, most=46, cell=lambda row: text(row, "what")),
        Column(key="setup", title="the machine", width=14, cell=set_up),
    ]  # fmt: skip


# -- launches to repeat


def again_rows(templates: Json, jobs: Json) -> list[Json]:
    """Templates by name, then launches of the past, the newest first; of those that were the same only one."""
    made: list[Json] = [
        {**row, "kind": "template", "key": f"template {text(row, 'name')}"}
        for row in (templates if isinstance(templates, list) else [])
        if isinstance(row, dict)
    ]
    seen: list[Json] = []
    for row in jobs if isinstance(jobs, list) else []:
        parameters = row.get("parameters") if isinstance(row, dict) else None
        if not isinstance(row, dict) or row.get("action_id") != "instance.launch" or not isinstance(parameters, dict):
            continue
        arguments = {name: value for name, value in parameters.items() if name not in ("name", "ttl_none_confirm")}
        if arguments not in seen and len(seen) < _MOST_REPEATED:
            seen.append(arguments)
            made.append({"kind": "launch", "key": text(row, "id"), "at": row.get("created_at"),
                         "state": row.get("state"), "arguments": parameters})  # fmt: skip
    return made


def again_columns(session: Session) -> list[RowColumn]:
    def what(row: JsonObject) -> Cell:
        if row.get("kind") == "template":
            return Cell(text(row, "name"), "strong")
        look = JOB_LOOKS.get(text(row, "state"), JOB_LOOKS["queued"])
        when = parse_moment(text(row, "at"))
        at = None if when is None else when.timestamp()
        told = moment(at, utc=session.utc, now=session.now().timestamp(), glyphs=session.glyphs)
        return Cell(told, "dim", sign(look, session.glyphs), look.tone)

    def argument(name: str) -> Column[JsonObject]:
        return Column(key=name, title=name, width=14, cell=lambda row: again_argument(row, name))

    return [
        Column(key="launch", title="template or launch", width=20, weight=1, most=28, cell=what),
        argument("type"),
        argument("region"),
        Column(key="serves", title="serves", width=14, weight=2, cell=_serves),
    ]


def again_argument(row: JsonObject, name: str) -> str:
    arguments = row.get("arguments")
    value = arguments.get(name) if isinstance(arguments, dict) else None
    return " ".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)


def _serves(row: JsonObject) -> Cell:
    framework, models = again_argument(row, "framework"), again_argument(row, "model")
    if framework in ("", "none"):
        return Cell("a bare machine", "dim")
    return Cell(f"{framework} {models}".strip())
