"""What a machine is asked about itself over ssh, and how its answers are read: set-up, idleness and GPUs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from aicompute_tui.domain.gpu import GpuReading
from aicompute_tui.domain.node import NodeActivity, NodeReading, SetupStage, SetupStep, StepState
from aicompute_tui.metrics.nvidia_smi import QUERY, explain_failure, parse_line

_FILES = {"progress": "/run/aic-tui/progress", "activity": "/run/aic-tui/activity"}
_GPU_SECONDS = 10
_TIMED_OUT = frozenset({124, 137})
_MOST_LINES = 2_000
_LONGEST_LINE = 10_000
_LONGEST_SECONDS = 366 * 86_400
"""A step that took longer began before the machine's clock was set."""
_CLOCK_TOLERANCE_SECONDS = 2
"""Whole seconds and the way here make clocks that agree differ by as much."""


def watch_command(interval_seconds: float, once: bool) -> str:
    """POSIX sh: one round, or one each `interval_seconds` until it is ended."""
    sections = "\n".join(
        f"if [ -r {file} ]; then echo @{name}; cat {file}; echo; else echo '@{name} absent'; fi"
        for name, file in _FILES.items()
    )
    rounds = f"""round() {{
echo "@aic-tui 1 $(date +%s)"
{sections}
said=$(timeout -k 2 {_GPU_SECONDS} {QUERY} 2>&1)
echo "@gpu $?"
printf '%s\\n@end\\n' "$said"
}}
export LC_ALL=C
"""
    if once:
        return f"{rounds}round"
    return f"{rounds}while round; do sleep {max(0.1, interval_seconds):g}; done"


class WatchParser:
    """Feed it each line; it answers when a round is whole. A round that breaks off is forgotten at the next one."""

    def __init__(self) -> None:
        self._node_now: datetime | None = None
        self._ahead = timedelta()
        self._sections: dict[str, list[str]] = {}
        self._section: list[str] | None = None
        self._gpu_exit: int | None = None

    def feed(self, line: str, now: datetime | None = None) -> NodeReading | None:
        """`now` is this host's moment; the machine's moments are moved by what its clock differs. None trusts it."""
        line = _harmless(line.rstrip("\r\n"))
        if not line.startswith("@"):
            if self._section is not None and len(self._section) < _MOST_LINES:
                self._section.append(line[:_LONGEST_LINE])
            return None
        words = line[1:].split()
        name = words[0] if words else ""
        if name == "aic-tui":
            self._begin(words, now)
        elif self._node_now is None:
            return None
        elif name == "end":
            return self._end()
        elif name in {"progress", "activity", "gpu"}:
            self._open(name, words)
        return None

    def _begin(self, words: Sequence[str], now: datetime | None) -> None:
        seconds = _number(words[2]) if len(words) == 3 and words[1] == "1" else None
        self._node_now = _moment(seconds)
        self._sections, self._section, self._gpu_exit = {}, None, None
        off = 0 if now is None or self._node_now is None else round((self._node_now - now).total_seconds())
        self._ahead = timedelta(seconds=off if abs(off) > _CLOCK_TOLERANCE_SECONDS else 0)

    def _open(self, name: str, words: Sequence[str]) -> None:
        if name == "gpu":
            code = _number(words[1]) if len(words) > 1 else None
            self._gpu_exit = None if code is None else int(code)
        self._section = None
        if words[1:] != ["absent"]:
            self._section = self._sections.setdefault(name, [])

    def _end(self) -> NodeReading | None:
        node_now, self._node_now = self._node_now, None
        self._section = None
        if node_now is None:
            return None
        gpus, problem = self._gpus()
        return NodeReading(
            node_now=node_now,
            steps=_steps(self._sections.get("progress", []), node_now),
            activity=self._activity(self._sections.get("activity", [])),
            gpus=gpus,
            gpu_problem=problem,
            has_node_script="progress" in self._sections,
        )

    def _gpus(self) -> tuple[tuple[GpuReading, ...], str]:
        lines = self._sections.get("gpu", [])
        code = self._gpu_exit
        if code == 0:
            gpus = tuple(gpu for line in lines if (gpu := parse_line(line)) is not None)
            return gpus, "" if gpus else "nvidia-smi names no GPU."
        if code is None:
            return (), "The machine did not say how its GPUs are."
        if code in _TIMED_OUT:
            return (), f"nvidia-smi did not answer within {_GPU_SECONDS} s."
        return (), explain_failure(code, "\n".join(lines))

    def _activity(self, lines: Sequence[str]) -> NodeActivity | None:
        """None without a moment of checking: nothing else of it can be dated then."""
        said: dict[str, str] = {}
        for line in lines:
            key, tab, value = line.partition("\t")
            if tab:
                said[key.strip()] = value.strip()
        checked = self._moved(said.get("checked", ""))
        if checked is None:
            return None
        return NodeActivity(
            checked_at=checked,
            idle_since=self._moved(said.get("idle_since", "")),
            idle_ends_at=self._moved(said.get("ends", "")),
            busy_because=said.get("busy", ""),
            requests_running=_number(said.get("running", "")),
            requests_waiting=_number(said.get("waiting", "")),
            kv_cache_percent=_number(said.get("kv_percent", "")),
            loaded_models=tuple(name for each in said.get("models", "").split(",") if (name := each.strip())),
            notice=said.get("notice", ""),
        )

    def _moved(self, text: str) -> datetime | None:
        """A moment of the machine's clock on ours."""
        moment = _moment(_number(text))
        return None if moment is None else moment - self._ahead


def _steps(lines: Sequence[str], node_now: datetime) -> tuple[SetupStep, ...]:
    return tuple(step for line in lines if (step := _step(line, node_now.timestamp())) is not None)


def _step(line: str, node_now: float) -> SetupStep | None:
    """None for a line that is none: a file of another program version, or half a line."""
    fields = line.split("\t")
    if len(fields) < 3:
        return None
    stage, state, name, percent, started, ended, detail, *_ = [*fields, "", "", "", ""]
    try:
        found_stage, found_state = SetupStage(stage.strip()), StepState(state.strip())
    except ValueError:
        return None
    share, begin, end = _number(percent), _number(started), _number(ended)
    elapsed = None if begin is None else max(0.0, (node_now if end is None else end) - begin)
    return SetupStep(
        stage=found_stage,
        state=found_state,
        name=name.strip(),
        percent=None if share is None else min(100, max(0, int(share))),
        elapsed_seconds=None if elapsed is None or elapsed > _LONGEST_SECONDS else int(elapsed),
        detail=detail.strip(),
    )


def _harmless(line: str) -> str:
    """Without what would drive a terminal: all that a machine says of itself is shown somewhere."""
    if line.replace("\t", "").isprintable():
        return line
    return "".join(letter if letter.isprintable() or letter == "\t" else " " for letter in line)


def _number(text: str) -> float | None:
    """None for what is no finite number."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _moment(seconds: float | None) -> datetime | None:
    if seconds is None or seconds <= 0:
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, OSError, ValueError):
        return None
