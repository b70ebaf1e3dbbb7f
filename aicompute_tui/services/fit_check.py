"""Before a launch or a deployment: whether what is to be served fits on the GPUs that it would be served on."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from aicompute_tui.domain import fit as fitting
from aicompute_tui.domain.errors import AicError
from aicompute_tui.domain.fit import ENGINES, Fit, Gpus, Use
from aicompute_tui.domain.json import JsonObject
from aicompute_tui.domain.launch import Check, Verdict
from aicompute_tui.domain.model_shape import ModelShape
from aicompute_tui.domain.recommendation import Version
from aicompute_tui.domain.serving_context import CONTEXT_OPTIONS, FEWEST_TOKENS, context_word
from aicompute_tui.domain.sizes import format_bytes, format_tokens
from aicompute_tui.services.context import Context
from aicompute_tui.services.model_choice import served_shape
from aicompute_tui.services.model_use import use_of
from aicompute_tui.services.recommendation import what_gives_out

_LONGEST_SECONDS = 6.0
"""What the hub is given to tell of a model."""
_WORST_FIRST = (fitting.Verdict.NO, fitting.Verdict.UNKNOWN, fitting.Verdict.TIGHT, fitting.Verdict.FITS)
_CHECKED = {
    fitting.Verdict.FITS: Verdict.OK,
    fitting.Verdict.TIGHT: Verdict.WARNING,
    fitting.Verdict.NO: Verdict.WARNING,
    fitting.Verdict.UNKNOWN: Verdict.UNKNOWN,
}
_SHORT = {"bfloat16": "bf16", "float16": "fp16", "float32": "fp32"}


@dataclass(frozen=True, slots=True, kw_only=True)
class FitFinding:
    """`line` is the verdict in a line; `versions` are what was tried, for other machines."""

    verdict: fitting.Verdict
    line: str
    room: str
    """The verdict alone with the longest context."""
    reason: str
    is_beyond: bool = False
    """Whether more context is asked for than the model has."""
    max_context: int | None = None
    max_parallel: int | None = None
    versions: tuple[Version, ...] = ()

    def check(self) -> Check:
        next_step = ""
        if self.is_beyond:
            next_step = "Give a shorter one with --context, or `none` for all that it has."
        elif self.verdict is fitting.Verdict.NO:
            next_step = "Choose a machine with more GPU memory, a smaller model, or fewer bits for its weights."
            if (most := self.max_context or 0) >= FEWEST_TOKENS:
                next_step = f"Give a shorter --context, {format_tokens(most)} at most. Or c{next_step[1:]}"
        verdict = Verdict.WARNING if self.is_beyond else _CHECKED[self.verdict]
        told = self.line if verdict is Verdict.OK else self.reason
        return Check(name="fit", verdict=verdict, reason=told, next_step=next_step)

    def view(self) -> JsonObject:
        return {
            "verdict": self.verdict.value,
            "line": self.line,
            "room": self.room,
            "reason": self.reason,
            "max_context": self.max_context,
            "max_parallel": self.max_parallel,
        }


async def fit_finding(
    context: Context, framework: str, models: Sequence[str], gpus: Gpus | None, gpu_name: str, tokens: int | None
) -> FitFinding | None:
    """Of the model that fits worst at so many tokens of context, None for as many as are usual.

    None where nothing is served whose memory could be told.
    """
    if framework not in ENGINES or not models:
        return None
    found = [await _of_one(context, framework, model, gpus, gpu_name, tokens) for model in models]
    return min(found, key=lambda each: _WORST_FIRST.index(each.verdict))


async def _of_one(
    context: Context, framework: str, model: str, gpus: Gpus | None, gpu_name: str, tokens: int | None
) -> FitFinding:
    name = model.rpartition("/")[2]
    if gpus is None:
        return _unknown(name, "What GPUs there are is not known.")
    try:
        async with asyncio.timeout(_LONGEST_SECONDS):
            shape = await served_shape(context, model, framework)
        use = _use(shape, framework, tokens)
    except TimeoutError:
        return _unknown(name, "The hub did not tell of it in time.")
    except AicError as error:
        return _unknown(name, error.message)
    return _judged(name, Version(model=shape, use=use), gpus, gpu_name)


def _use(shape: ModelShape, framework: str, tokens: int | None) -> Use:
    """Raises InvalidInput where all of the model's context is asked for and that is not known."""
    use = use_of(shape, {"engine": framework, "context": None if tokens is None else context_word(tokens)})
    most, option = shape.context_length, CONTEXT_OPTIONS.get(framework)
    if option is not None and option.caps_itself and most is not None and use.context > most:
        return replace(use, context=most)
    return use


def _judged(name: str, version: Version, gpus: Gpus, gpu_name: str) -> FitFinding:
    found = fitting.fit(version.model, version.use, gpus)
    beyond = _beyond(version)
    if beyond and CONTEXT_OPTIONS[version.use.engine.name].ends_beyond:
        found = replace(found, verdict=fitting.Verdict.NO)
    dtype = version.model.dtype or ""
    room = f"{found.verdict.value}{_room(version, found)}"
    served = f"{name} {_SHORT.get(dtype, dtype)}".strip()
    return FitFinding(
        verdict=found.verdict,
        line=f"{served} on {gpus.count} × {gpu_name}: {room}",
        room=room,
        reason=beyond or _reason(version, found),
        is_beyond=bool(beyond),
        max_context=found.max_context,
        max_parallel=found.max_parallel,
        versions=(version,),
    )


def _beyond(version: Version) -> str:
    """Why a server that does not cap its context may not start with it; empty where the model has so much."""
    most, use = version.model.context_length, version.use
    if most is None or use.context <= most or use.engine.name not in CONTEXT_OPTIONS:
        return ""
    return f"was made for {format_tokens(most)} context, less than the {format_tokens(use.context)} asked for"


def _room(version: Version, found: Fit) -> str:
    """`, up to 20k context`, and what gives out first."""
    if found.verdict in {fitting.Verdict.UNKNOWN, fitting.Verdict.NO}:
        return ""
    longest = "any context" if found.max_context is None else f"up to {format_tokens(found.max_context)} context"
    tight = what_gives_out(version.model.context_length, version.use, found)
    return f", {longest}" + (f"; tight: {', '.join(tight)}" if tight else "")


def _reason(version: Version, found: Fit) -> str:
    """`takes 18.7 GiB of 20.1 GiB at 8k context, 19k at most`"""
    if found.need is None:
        return found.reason
    context, need = format_tokens(version.use.context), format_bytes(found.need.total)
    budget, engine = format_bytes(found.budget_bytes_per_gpu), version.use.engine.name
    if found.verdict is not fitting.Verdict.NO:
        most = "" if found.max_context is None else f", {format_tokens(found.max_context)} at most"
        return f"takes {need} of {budget} at {context} context{most}"
    each = "on the GPU" if found.parallelism == 1 else f"on each of {found.parallelism} GPUs"
    return f"needs {need} {each} at {context} context, of the {budget} that {engine} may take"


def _unknown(name: str, why: str) -> FitFinding:
    verdict = fitting.Verdict.UNKNOWN
    return FitFinding(verdict=verdict, line=f"Whether {name} fits is not known", room="fit unknown", reason=why)
