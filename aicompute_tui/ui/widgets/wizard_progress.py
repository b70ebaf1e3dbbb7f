"""What a wizard began, under way: each step of its job as it comes, and where to go from there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Generic, NamedTuple

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from aicompute_tui.store.rows import JobRow
from aicompute_tui.ui.format import JOB_LOOKS, sign
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.state import CANCELLED_JOB, DONE_JOB, FAILED_JOB, FINAL_JOB_STATES, QUEUED_JOB
from aicompute_tui.ui.widgets.columns import Tone, plain
from aicompute_tui.ui.widgets.form_fields import Answer
from aicompute_tui.ui.wizard_form import FormT

_STYLES: dict[Tone, str] = {"good": "$success", "warn": "$warning", "bad": "$error", "dim": "$foreground-muted"}
_DIM = "$foreground-muted"
GO = "go"


class Seen(NamedTuple):
    """When a step of the job was first seen, what makes it that step, and what it says now."""

    at: str
    phase: str
    said: str


class ProgressStep(Vertical, Generic[FormT]):
    """Follows one job by the rows of the store; leaving it leaves the job running."""

    ANSWERS: ClassVar[tuple[str, ...]] = (GO,)
    """Every answer there can be; `answers` says which stand now."""

    class Finished(Message):
        """One of the answers was chosen."""

        def __init__(self, answer: str) -> None:
            super().__init__()
            self.answer = answer

    def __init__(self, session: Session, form: FormT, *, id: str) -> None:  # noqa: A002 - Textual's own word
        super().__init__(id=id, classes="wizard-step")
        self.session = session
        self.job_id = ""
        self.form = form
        """What was handed over."""
        self._seen: list[Seen] = []

    # -- what a subclass says

    def heading(self) -> str:
        raise NotImplementedError

    def phase(self, said: str) -> str:
        """What stays the same while a step goes on; a line of progress is a step of its own."""
        return said

    def step_lines(self, seen: Seen, mark: str, tone: Tone) -> Sequence[Content]:
        return [self.line(seen.at, mark, tone, seen.said)]

    def made(self) -> Sequence[Content]:
        """What has come of it so far."""
        return []

    def answers(self) -> Mapping[str, str]:
        """Those that can be chosen now, with their words."""
        raise NotImplementedError

    # -- showing it

    def compose(self) -> ComposeResult:
        yield Static("", classes="wizard-title", markup=False)
        with VerticalScroll(id="wizard-progress", can_focus=False):
            yield Static("", id="wizard-lines", markup=False)
        for name in self.ANSWERS:
            yield Answer("", id=f"wizard-{name}", classes="wizard-answer")

    def begin(self, job_id: str, form: FormT) -> None:
        self.job_id, self.form, self._seen = job_id, form, []
        self._note("handed to the agent")
        self.follow()

    def show(self, form: FormT) -> None:  # noqa: ARG002 - shows its job, whatever stands in the form
        self.follow()

    def focus_first(self) -> None:
        """Nothing until there is somewhere to go: an enter too many leaves nothing behind."""
        self.screen.set_focus(None)

    @property
    def job(self) -> JobRow | None:
        return self.session.state.jobs.get(self.job_id)

    @property
    def is_over(self) -> bool:
        return self.job is not None and self.job.state in FINAL_JOB_STATES

    @property
    def is_stopped(self) -> bool:
        """It ended without its aim."""
        return self.job is not None and self.job.state in (FAILED_JOB, CANCELLED_JOB)

    def follow(self) -> None:
        """What the store says now."""
        job = self.job
        if job is not None and job.progress:
            self._note(job.progress)
        self.query_one(".wizard-title", Static).update(Content(self.heading()))
        lines = [line for place, seen in enumerate(self._seen) for line in self._step(seen, place)]
        self.query_one("#wizard-lines", Static).update(Content("\n").join([*lines, *self._end(job), *self.made()]))
        self._offer(self.answers())

    def _offer(self, answers: Mapping[str, str]) -> None:
        for name in self.ANSWERS:
            answer = self.query_one(f"#wizard-{name}", Answer)
            answer.say(answers.get(name, ""))
            answer.display = name in answers
        focused = self.screen.focused
        if answers and self.display and not (isinstance(focused, Answer) and focused.display):
            self.query_one(f"#wizard-{next(iter(answers))}").focus()

    def _note(self, progress: str) -> None:
        said = plain(progress)
        phase = self.phase(said)
        if self._seen and self._seen[-1].phase == phase:
            self._seen[-1] = self._seen[-1]._replace(said=said)
        elif all(phase != each.phase for each in self._seen):
            self._seen.append(Seen(self.session.now_here().strftime("%H:%M:%S"), phase, said))

    def _step(self, seen: Seen, place: int) -> Sequence[Content]:
        is_last = place == len(self._seen) - 1
        state = DONE_JOB if not is_last or self.is_over else "running"
        if is_last and self.is_stopped:
            state = FAILED_JOB
        look = JOB_LOOKS[state]
        return self.step_lines(seen, sign(look, self.session.glyphs), look.tone)

    def _end(self, job: JobRow | None) -> Sequence[Content]:
        if job is None or job.state == QUEUED_JOB:
            if self.session.agent_state != "on":
                return [self.line("", self.session.glyphs.warning, "warn",
                                  f"It waits for an agent. {self.session.agent_problem}".strip())]  # fmt: skip
            return []
        if job.state == FAILED_JOB:
            message = (job.error_message or "It failed").strip()
            ended = message if message.endswith((".", "!", "?")) else f"{message}."
            said = f"{ended} {job.error_next_step or ''}".strip()
            return [self.line("", self.session.glyphs.failed, "bad", plain(said))]
        if job.state == CANCELLED_JOB:
            return [self.line("", self.session.glyphs.failed, "dim", "It was cancelled.")]
        return []

    def line(self, at: str, mark: str, tone: Tone, said: str) -> Content:
        style = _STYLES.get(tone, "")
        return Content.assemble((f"{at:<8}  ", _DIM), (f"{mark} ", style), (said, style if tone == "bad" else ""))

    @on(Answer.Pressed, ".wizard-answer")
    def press(self, event: Answer.Pressed) -> None:
        event.stop()
        self.post_message(self.Finished((event.answer.id or "").removeprefix("wizard-")))
