"""The set-up of a machine of the demo: which steps it has, how long each takes, and where it stands at a moment."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from aicompute_tui.domain.framework import FRAMEWORKS
from aicompute_tui.domain.node import SetupStage, SetupStep, StepState

NEVER = float("inf")
WHOLE_SECONDS = 30.0
"""How long a set-up takes in the demo."""
_PARTS = {
    SetupStage.BOOT: 4.0,
    SetupStage.DRIVER: 2.0,
    SetupStage.DOCKER: 2.0,
    SetupStage.IMAGE: 9.0,
    SetupStage.MODEL: 10.0,
    SetupStage.READY: 3.0,
}
_SECONDS_OF_LIFE = {
    SetupStage.BOOT: 41,
    SetupStage.DRIVER: 6,
    SetupStage.DOCKER: 11,
    SetupStage.IMAGE: 118,
    SetupStage.MODEL: 204,
    SetupStage.READY: 52,
}
"""What each takes on a rented machine, for those that were set up before the demo began."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """One step with its beginning and end in seconds since 1970."""

    stage: SetupStage
    name: str
    begins: float
    ends: float
    tells: str = ""
    failure: str = ""
    percent_at: tuple[float, int] | None = None
    """From this moment at this percent on; None where the step tells none."""
    gib: float = 0.0

    def state(self, now: float) -> StepState:
        if now < self.begins:
            return StepState.WAITING
        if now < self.ends:
            return StepState.RUNNING
        return StepState.FAILED if self.failure else StepState.DONE

    def percent(self, now: float) -> int | None:
        if self.percent_at is None or now < self.begins:
            return None
        moment, percent = self.percent_at
        if now >= self.ends:
            return percent if self.failure else 100
        return min(99, max(percent, round(percent + (100 - percent) * (now - moment) / (self.ends - moment))))

    def moment_of(self, percent: float) -> float:
        """When it gets so far."""
        since, known = self.percent_at or (self.begins, 0)
        if percent < known:
            return self.begins + (since - self.begins) * percent / known
        return since + (self.ends - since) * (percent - known) / (100 - known)

    def detail(self, now: float) -> str:
        state = self.state(now)
        percent = self.percent(now)
        if state is StepState.FAILED:
            return self.failure
        if state is not StepState.RUNNING:
            return ""
        return self.tells if not (self.gib and percent) else f"{self.gib * percent / 100:.1f} GiB of {self.gib:.1f} GiB"


Plan = tuple[Stretch, ...]


def fresh(framework: str, models: Sequence[str], began: float, seconds: float) -> Plan:
    """A machine launched in the demo: everything is gone through once, in `seconds` altogether."""
    steps = _steps(framework, models)
    parts = [_part(stage, len(models)) for stage, _ in steps]
    return _line_up(steps, [part * seconds / sum(_PARTS.values()) for part in parts], framework, began)


def again(framework: str, models: Sequence[str], began: float, seconds: float) -> Plan:
    """A machine that was stopped and started: it finds everything there."""
    steps = _steps(framework, models)
    lengths = [{SetupStage.BOOT: 0.15, SetupStage.READY: 0.1}.get(stage, 0.01) * seconds for stage, _ in steps]
    return _line_up(steps, lengths, framework, began)


def long_ago(framework: str, models: Sequence[str], began: float) -> Plan:
    """A machine that was set up before the demo began, at the pace of a rented one."""
    return _line_up(_steps(framework, models), _lengths_of_life(framework, models), framework, began)


def under_way(framework: str, models: Sequence[str], began: float, now: float, percent: int, seconds: float) -> Plan:
    """A machine whose first model is at `percent` now; the rest of its set-up takes `seconds`."""
    past = long_ago(framework, models, began)
    place = next(index for index, step in enumerate(past) if step.stage is SetupStage.MODEL)
    here, rest = past[place], past[place + 1 :]
    share = seconds / (len(rest) + 2)
    here = Stretch(here.stage, here.name, here.begins, now + 2 * share, here.tells, "", (now, percent), here.gib)
    later = _line_up([(s.stage, s.name) for s in rest], [share] * len(rest), framework, here.ends)
    return (*past[:place], here, *later)


def failed(framework: str, models: Sequence[str], began: float, why: str) -> Plan:
    """A machine whose first model could not be had."""
    past = long_ago(framework, models, began)
    place = next(index for index, step in enumerate(past) if step.stage is SetupStage.MODEL)
    here = past[place]
    broken = Stretch(here.stage, here.name, here.begins, here.begins + 3, "asks Hugging Face", why)
    return (*past[:place], broken, *(Stretch(s.stage, s.name, NEVER, NEVER) for s in past[place + 1 :]))


def ready_at(plan: Plan) -> float:
    """When all is done; never where a step fails."""
    return plan[-1].ends


def given_up_at(plan: Plan) -> float:
    """When a step failed; never where none does."""
    return next((step.ends for step in plan if step.failure), NEVER)


def steps_of(plan: Plan, now: float) -> tuple[SetupStep, ...]:
    """As our program reads them."""
    return tuple(
        SetupStep(
            stage=step.stage,
            state=step.state(now),
            name=step.name,
            percent=step.percent(now),
            elapsed_seconds=None if now < step.begins else int(min(now, step.ends)) - int(step.begins),
            detail=step.detail(now),
        )
        for step in plan
    )


def progress_lines(plan: Plan, now: float) -> list[str]:
    """As the machine writes them in /run/aic-tui/progress."""
    lines = []
    for step in plan:
        percent = step.percent(now)
        begun = "" if now < step.begins else str(int(step.begins))
        over = "" if now < step.ends else str(int(step.ends))
        words = (step.stage, step.state(now), step.name, "" if percent is None else str(percent), begun, over)
        lines.append("\t".join((*words, step.detail(now))))
    return lines


def _steps(framework: str, models: Sequence[str]) -> list[tuple[SetupStage, str]]:
    steps = [(SetupStage.BOOT, ""), (SetupStage.DRIVER, "")]
    if framework in FRAMEWORKS:
        steps += [(SetupStage.DOCKER, ""), (SetupStage.IMAGE, ""), *((SetupStage.MODEL, model) for model in models)]
    return [*steps, (SetupStage.READY, "")]


def _part(stage: SetupStage, models: int) -> float:
    return _PARTS[stage] / (models if stage is SetupStage.MODEL else 1)


def _lengths_of_life(framework: str, models: Sequence[str]) -> list[float]:
    """Differs from model to model, always the same for one."""
    lengths = []
    for stage, name in _steps(framework, models):
        luck = zlib.crc32(f"{framework}/{stage}/{name}".encode()) % 40 - 20
        lengths.append(_SECONDS_OF_LIFE[stage] * (100 + luck) / 100)
    return lengths


def _line_up(steps: Sequence[tuple[SetupStage, str]], lengths: Sequence[float], framework: str, began: float) -> Plan:
    plan = []
    for (stage, name), length in zip(steps, lengths, strict=True):
        shows = stage in {SetupStage.IMAGE, SetupStage.MODEL}
        gib = model_gib(name) if stage is SetupStage.MODEL else 0.0
        tells = _tells(stage, name, framework)
        plan.append(Stretch(stage, name, began, began + length, tells, "", (began, 0) if shows else None, gib))
        began += length
    return tuple(plan)


def _tells(stage: SetupStage, name: str, framework: str) -> str:
    if stage is SetupStage.IMAGE:
        return f"pulls {FRAMEWORKS[framework].image}"
    if stage is SetupStage.MODEL:
        return f"pulls {name}" if framework == "ollama" else "asks Hugging Face"
    if stage is SetupStage.READY and framework != "ollama" and framework in FRAMEWORKS:
        return "loads the model into the GPUs"
    return {
        SetupStage.BOOT: "",
        SetupStage.DRIVER: "waits for the driver to answer",
        SetupStage.DOCKER: "waits for Docker to answer",
        SetupStage.READY: "waits for the server to answer" if framework in FRAMEWORKS else "",
    }[stage]


def model_gib(name: str) -> float:
    """What its weights weigh, by the size in its name."""
    size = 0.0
    for word in name.lower().replace("_", "-").replace(":", "-").split("-"):
        number = word.removesuffix("b")
        if word.endswith("b") and number.replace(".", "", 1).isdigit():
            size = float(number)
    factor = 0.67 if ":" in name else 1.87
    return round(size * factor, 1) or 1.2
