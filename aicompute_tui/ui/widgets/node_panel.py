"""What one machine does now: its set-up until that is done, from then on its GPUs."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content

from aicompute_tui.domain.instance import RUNNING_STATES
from aicompute_tui.domain.json import Json
from aicompute_tui.domain.node import failed_step, is_set_up
from aicompute_tui.ui.glyphs import Glyphs
from aicompute_tui.ui.gpu_history import GpuHistory
from aicompute_tui.ui.machine_detail import MachineView, age_text
from aicompute_tui.ui.widgets.content_lines import ContentLines
from aicompute_tui.ui.widgets.gpu_panel import GpuView, chart_minutes, gpu_lines
from aicompute_tui.ui.widgets.setup_panel import Typical, setup_lines, setup_title
from aicompute_tui.ui.widgets.text_line import TextLine, spread

_SHORT = 30
_DIM = "$foreground-muted"


class NodePanel(Vertical):
    """A title and its lines; hidden where nothing is known. The lines scroll where they are many."""

    DEFAULT_CSS = "NodePanel { height: auto; }"

    def __init__(self, glyphs: Glyphs) -> None:
        super().__init__(id="node-panel")
        self.lines = ContentLines(id="node-lines", can_focus=True)
        self.history = GpuHistory()
        self.typical: Typical = {}
        self._glyphs = glyphs
        self._title = TextLine(id="node-title")

    def compose(self) -> ComposeResult:
        yield self._title
        yield self.lines

    @property
    def text(self) -> str:
        return f"{self._title.text}\n{self.lines.text}" if self.display else ""

    @property
    def scrolls(self) -> bool:
        return self.display and self.lines.max_scroll_y > 0

    def show(self, view: MachineView, width: int, height: int) -> None:
        """`height` is the whole window's: where it is short, GPUs stand beside each other."""
        title, lines = self._setup(view, width, height) if is_setting_up(view) else self._gpus(view, width, height)
        self._title.show(title)
        self.lines.show_lines(lines)
        if self.display != bool(lines):
            self.display = bool(lines)

    def _setup(self, view: MachineView, width: int, height: int) -> tuple[Content, list[Content]]:
        steps = view.figures.steps
        title = Content.assemble(("SETUP", _DIM), "  ", setup_title(steps))
        lines = setup_lines(steps, self.typical, width, self._glyphs, is_short=height < _SHORT)
        return self._spread(title, view, width), lines

    def _gpus(self, view: MachineView, width: int, height: int) -> tuple[Content, list[Content]]:
        gpus, problem = view.figures.gpus, view.figures.gpu_problem
        if not gpus:
            told = [Content.styled(f"{self._glyphs.warning} {problem}", "$warning")] if problem else []
            return self._spread(Content.styled("GPU", _DIM), view, width), told
        shown = GpuView(gpus, self.history, view.now, view.is_stale)
        is_short = height < _SHORT
        minutes = chart_minutes(shown, width, self._glyphs, is_short=is_short)
        title = Content.styled(f"{'GPUS' if len(gpus) > 1 else 'GPU'}  utilisation of the last {minutes} min", _DIM)
        return self._spread(title, view, width), gpu_lines(shown, width, self._glyphs, is_short=is_short)

    def _spread(self, title: Content, view: MachineView, width: int) -> Content:
        age = Content.styled(age_text(view) if view.is_stale else "", _DIM)
        return spread(title, age, width, self._glyphs.more)


def is_setting_up(view: MachineView) -> bool:
    steps = view.figures.steps
    runs = view.word("state") in RUNNING_STATES
    return runs and bool(steps) and (not is_set_up(steps) or failed_step(steps) is not None)


def typical_of(answer: Json) -> Typical:
    """The typical times in an answer of `instance.setup`."""
    steps = answer.get("steps") if isinstance(answer, dict) else None
    found: dict[tuple[str, str], int] = {}
    for step in steps if isinstance(steps, list) else []:
        if isinstance(step, dict) and isinstance(seconds := step.get("typical_seconds"), int):
            found[str(step.get("stage")), str(step.get("name") or "")] = seconds
    return found
