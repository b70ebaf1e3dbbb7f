"""Which machine types the chosen model fits on: how the wizard asks for it, and what stands of it in the list."""

from __future__ import annotations

from collections.abc import Sequence

from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.sizes import format_tokens
from aicompute_tui.ui.format import gpus
from aicompute_tui.ui.glyphs import Glyphs
from aicompute_tui.ui.launch_form import LaunchForm
from aicompute_tui.ui.records import RowColumn, number, text
from aicompute_tui.ui.widgets.columns import Cell, Column, Tone

_COUNTED = frozenset({"vllm", "sglang", "tgi", "llamacpp", "ollama", "tei"})
"""Model servers whose use of memory is known."""
_MOST_TYPES = 1_000
_CLOUD = "aws"
_TONES: dict[str, Tone] = {"FITS": "good", "TIGHT": "warn", "NO": "dim", "UNKNOWN": "dim"}


def asked(form: LaunchForm) -> JsonObject | None:
    """The arguments of `model.places`; None where no model is chosen yet."""
    models = form["model"].replace(",", " ").split()
    if form["framework"] not in _COUNTED or not models:
        return None
    made: JsonObject = {"model": models[0], "engine": form["framework"], "limit": _MOST_TYPES}
    arguments = form.arguments()
    if "context" in arguments and "context" not in form.problems():
        made["context"] = arguments["context"]
    return made


def with_fits(rows: Sequence[JsonObject], answer: Json, model: str) -> list[JsonObject]:
    """Rows completed by an answer of `model.places`."""
    found = {
        text(each, "name"): each
        for each in (answer if isinstance(answer, list) else [])
        if isinstance(each, dict) and each.get("cloud") == _CLOUD
    }
    name = model.rpartition("/")[2]
    return [_with_fit(row, found.get(text(row, "name")), name) for row in rows]


def _with_fit(row: JsonObject, place: JsonObject | None, model: str) -> JsonObject:
    if place is None:
        return {**row, "fit": None}
    return {**row, "fit": place.get("verdict"), "fit_max_context": place.get("max_context"), "fit_model": model}


def fit_columns() -> list[RowColumn]:
    """Where there is room for it; the line below the list tells it anyway."""
    return [Column(key="fit", title="fit", width=7, needs=100, letter="F", cell=_cell,
                   sort=lambda row: text(row, "fit") or None)]  # fmt: skip


def _cell(row: JsonObject) -> Cell:
    return Cell(text(row, "fit"), _TONES.get(text(row, "fit"), ""))


def fit_line(row: JsonObject, glyphs: Glyphs) -> str:
    """`Llama-3.1-8B-Instruct on 1 × A10G: FITS, up to 20k context`; empty where it is not known."""
    verdict, most, count = text(row, "fit"), number(row, "fit_max_context"), number(row, "gpu_count")
    if not verdict:
        return ""
    room = f", up to {format_tokens(int(most))} context" if most is not None and verdict in ("FITS", "TIGHT") else ""
    on = gpus(count or 1, text(row, "gpu_name") or "GPU", glyphs)
    return f"{text(row, 'fit_model')} on {on}: {verdict}{room}"


def fit_words(row: JsonObject) -> str:
    """What a filter finds: `fits llama`."""
    verdict = text(row, "fit").lower()
    return f"{verdict} {text(row, 'fit_model').lower()}" if verdict else ""
