"""The set-up of one machine, step by step: how far, how long so far and usually, and why it does not go on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from textual.content import Content

from aicompute_tui.domain.node import SetupStage, SetupStep, StepState
from aicompute_tui.ui.format import StateLook, sign
from aicompute_tui.ui.glyphs import Glyphs
from aicompute_tui.ui.widgets.columns import fit
from aicompute_tui.ui.widgets.spark_line import progress_bar

Typical = Mapping[tuple[str, str], int]
"""Seconds that a step usually takes, by stage and model; only what was measured."""

_LOOKS: Mapping[StepState, tuple[StateLook, str]] = {
    StepState.DONE: (StateLook("●", "*", "good"), "$success"),
    StepState.RUNNING: (StateLook("◑", "=", "warn"), "$warning"),
    StepState.WAITING: (StateLook("◌", ".", "dim"), "$foreground-muted"),
    StepState.FAILED: (StateLook("✕", "x", "bad"), "$error"),
}
_TITLES: Mapping[SetupStage, str] = {
    SetupStage.BOOT: "boot",
    SetupStage.DRIVER: "GPU driver",
    SetupStage.DOCKER: "Docker",
    SetupStage.IMAGE: "image",
    SetupStage.MODEL: "model",
    SetupStage.READY: "answers requests",
}
_WIDE = 96
_DIM = "$foreground-muted"


def setup_title(steps: Sequence[SetupStep]) -> str:
    """`3 of 6 steps, 4m12 so far`"""
    done = sum(1 for step in steps if step.state is StepState.DONE)
    elapsed = sum(step.elapsed_seconds or 0 for step in steps)
    return f"{done} of {len(steps)} steps" + (f", {exact_span(elapsed)} so far" if elapsed else "")


def setup_lines(
    steps: Sequence[SetupStep], typical: Typical, width: int, glyphs: Glyphs, *, is_short: bool = False
) -> list[Content]:
    """A line each; what a step does now stands beside it where there is room, why it failed always below it.

    In a short window what is done already shares a line.
    """
    lines: list[Content] = []
    done = [step for step in steps if step.state is StepState.DONE]
    if is_short and len(done) > 1:
        names = ", ".join(_name(step) for step in done)
        spent = exact_span(sum(step.elapsed_seconds or 0 for step in done))
        look, colour = _LOOKS[StepState.DONE]
        shown = fit(names, width - len(spent) - 4, more=glyphs.more).rstrip()
        lines.append(Content.assemble((sign(look, glyphs), colour), f" {shown}  {spent}"))
        steps = [step for step in steps if step.state is not StepState.DONE]
    for step in steps:
        line = _line(step, typical, width, glyphs)
        room = width - line.cell_length - 2
        detail = step.detail if step.state is not StepState.DONE else ""
        if not detail:
            lines.append(line)
        elif step.state is StepState.FAILED or room < min(24, len(detail)):
            tone = "$error" if step.state is StepState.FAILED else _DIM
            told = Content.styled(detail, tone).wrap(max(20, width - 2))
            lines += [line, *(Content.assemble("  ", part) for part in told)]
        else:
            lines.append(Content.assemble(line, "  ", (fit(detail, room, more=glyphs.more).rstrip(), _DIM)))
        if step.state is StepState.FAILED:
            lines.append(Content.styled("  l shows its log", _DIM))
    return lines


def _line(step: SetupStep, typical: Typical, width: int, glyphs: Glyphs) -> Content:
    look, colour = _LOOKS[step.state]
    name_width, bar_width = (32, 20) if width >= _WIDE else (24, 10)
    is_waiting = step.state is StepState.WAITING
    elapsed = "" if step.elapsed_seconds is None or is_waiting else exact_span(step.elapsed_seconds)
    usual = typical.get((str(step.stage), step.name))
    told = f"typical {exact_span(usual)}" if usual is not None else ""
    line = Content.assemble(
        (sign(look, glyphs), colour), " ",
        (fit(_name(step), name_width, more=glyphs.more), _DIM if is_waiting else ""),
        (f"{elapsed:>7}", ""),
        (f"  {told:<14}" if typical else "", _DIM),
    )  # fmt: skip
    if step.percent is None or step.state is not StepState.RUNNING:
        return line
    done, rest = progress_bar(step.percent, bar_width, glyphs)
    return Content.assemble(line, "  ", (done, "$primary"), (rest, _DIM), f"{f'{step.percent} %':>6}")


def _name(step: SetupStep) -> str:
    return f"{_TITLES[step.stage]} {step.name}".strip()


def exact_span(seconds: float) -> str:
    """`43s`, `2m10`, `3m`, `1h05`"""
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole}s"
    if whole < 3_600:
        return f"{whole // 60}m{whole % 60:02d}" if whole % 60 else f"{whole // 60}m"
    return f"{whole // 3_600}h{whole % 3_600 // 60:02d}"
