"""The line above the footer: jobs under way with their progress, then how the last one ended, then nothing."""

from __future__ import annotations

from textual.content import Content
from textual.timer import Timer

from aicompute_tui.services.attention import job_subject
from aicompute_tui.store.rows import JobRow
from aicompute_tui.ui.format import JOB_LOOKS, sign
from aicompute_tui.ui.glyphs import UNICODE, Glyphs
from aicompute_tui.ui.outcomes import outcome
from aicompute_tui.ui.state import CANCELLED_JOB, DONE_JOB, FAILED_JOB, QUEUED_JOB, ConsoleState
from aicompute_tui.ui.widgets.columns import Tone, plain
from aicompute_tui.ui.widgets.text_line import TextLine, spread

GOOD_SECONDS = 6.0
BAD_SECONDS = 20.0
_STYLES: dict[Tone, str] = {
    "": "",
    "dim": "$foreground-muted",
    "strong": "bold",
    "good": "$success",
    "warn": "$warning",
    "bad": "$error",
    "accent": "$accent",
}


class JobsLine(TextLine):
    """A message stands for a few seconds and gives way to running jobs; errors stand longer and first."""

    def __init__(self, glyphs: Glyphs = UNICODE) -> None:
        super().__init__(id="jobs")
        self._glyphs = glyphs
        self._under_way = Content("")
        self._message: Content | None = None
        self._fading: Timer | None = None

    def say(self, text: str, tone: Tone = "", *, next_step: str = "") -> None:
        """One sentence and the next step."""
        mark = {"bad": f"{self._glyphs.failed} ", "warn": f"{self._glyphs.warning} "}.get(tone, "")
        step: tuple[str, str] = (f"  {next_step}" if next_step else "", "$foreground-muted")
        self._message = Content.assemble(" ", (mark + _one_line(text), _STYLES[tone]), step)
        if self._fading is not None:
            self._fading.stop()
        if not self.is_attached:
            return
        self._fading = self.set_timer(BAD_SECONDS if tone in {"bad", "warn"} else GOOD_SECONDS, self._fade)
        self._fill()

    def show_jobs(self, state: ConsoleState) -> None:
        """What is under way now, the newest first."""
        running = state.running_jobs()
        self._under_way = Content("")
        if running:
            more = f"   +{len(running) - 1} more" if len(running) > 1 else ""
            self._under_way = Content.assemble(" ", self._line(running[-1], state), (more, "$foreground-muted"))
        self._fill()

    def announce(self, job: JobRow, state: ConsoleState, now: float) -> None:
        """How a job ended."""
        verb, name = job.action_id.partition(".")[2], _subject(job, state)
        about = f"{verb} {name}" if name != verb else verb
        if job.state == FAILED_JOB:
            reason = job.error_message or "no reason is known"
            self.say(f"{about} failed: {reason}", "bad", next_step=job.error_next_step or "")
        elif job.state == CANCELLED_JOB:
            self.say(f"{about} was cancelled", "dim")
        elif job.state == DONE_JOB:
            look = JOB_LOOKS[DONE_JOB]
            self.say(f"{sign(look, self._glyphs)} {outcome(job, state, now)}", "good")

    def on_resize(self) -> None:
        self._fill()

    def _line(self, job: JobRow, state: ConsoleState) -> Content:
        look = JOB_LOOKS.get(job.state, JOB_LOOKS[QUEUED_JOB])
        verb, name = job.action_id.partition(".")[2], _subject(job, state)
        about = f" {verb} {plain(name)}" if name != verb else f" {verb}"
        progress = job.progress or ("waits for the agent" if job.state == QUEUED_JOB else "")
        mark = (sign(look, self._glyphs), _STYLES[look.tone])
        return Content.assemble(mark, about, (f"  {progress}", _STYLES["dim"]))

    def _fade(self) -> None:
        self._message = None
        self._fill()

    def _fill(self) -> None:
        if self.size.width:
            content = self._message or self._under_way
            self.show(spread(content, Content(""), self.size.width, self._glyphs.more))


def _subject(job: JobRow, state: ConsoleState) -> str:
    return job_subject(job, state.machines_of(job), state.title_of(job.subject or ""))


def _one_line(text: str) -> str:
    return " ".join(text.split())
