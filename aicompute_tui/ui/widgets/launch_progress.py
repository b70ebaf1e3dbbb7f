"""A launch under way: each step of its job as it comes, and the machines it makes with how far they are."""

from __future__ import annotations

from collections.abc import Sequence

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from aicompute_tui.services.node_figures import stage_text
from aicompute_tui.store.rows import InstanceRow, JobRow
from aicompute_tui.ui.format import JOB_LOOKS, price, sign, state_look
from aicompute_tui.ui.launch_form import LaunchForm
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.state import CANCELLED_JOB, DONE_JOB, FAILED_JOB, QUEUED_JOB
from aicompute_tui.ui.widgets.columns import Tone, plain
from aicompute_tui.ui.widgets.form_fields import Answer

_STYLES: dict[Tone, str] = {"good": "$success", "warn": "$warning", "bad": "$error", "dim": "$foreground-muted"}
_DIM = "$foreground-muted"


class ProgressStep(Vertical):
    """Follows one job by the rows of the store; leaving it leaves the job running."""

    class Finished(Message):
        """Go to a machine, or back to the review where nothing came of it."""

        def __init__(self, instance_id: str) -> None:
            super().__init__()
            self.instance_id = instance_id

    def __init__(self, session: Session, *, id: str) -> None:  # noqa: A002 - Textual's own word
        super().__init__(id=id, classes="launch-step")
        self.session = session
        self.job_id = ""
        self._form = LaunchForm()
        self._seen: list[tuple[str, str]] = []
        """When each line of progress came, and what it said."""

    def compose(self) -> ComposeResult:
        yield Static("", classes="launch-title", markup=False)
        with VerticalScroll(id="launch-progress", can_focus=False):
            yield Static("", id="launch-lines", markup=False)
        yield Answer("", id="launch-go")

    def begin(self, job_id: str, form: LaunchForm) -> None:
        self.job_id, self._form, self._seen = job_id, form, []
        self._note("handed to the agent")
        self.follow()

    def show(self, form: LaunchForm) -> None:  # noqa: ARG002 - shows its job, whatever stands in the form
        self.follow()

    def focus_first(self) -> None:
        """Nothing until there is somewhere to go: an enter too many leaves nothing behind."""
        self.screen.set_focus(None)

    @property
    def job(self) -> JobRow | None:
        return self.session.state.jobs.get(self.job_id)

    @property
    def machines(self) -> list[InstanceRow]:
        return [row for row in self.session.state.instances.values() if row.job_id == self.job_id]

    @property
    def has_failed(self) -> bool:
        return self.job is not None and self.job.state in (FAILED_JOB, CANCELLED_JOB) and not self.machines

    def follow(self) -> None:
        """What the store says now."""
        job = self.job
        if job is not None and job.progress:
            self._note(job.progress)
        ends = "never ends by itself" if self._form.never_ends else f"ends by itself after {self._form['ttl'] or '8h'}"
        what = f"{self._form['type']} in {self._form['region'] or 'the default region'} · {ends}"
        self.query_one(".launch-title", Static).update(Content(what))
        lines = [self._step(at, said, is_last=place == len(self._seen) - 1)
                 for place, (at, said) in enumerate(self._seen)]  # fmt: skip
        self.query_one("#launch-lines", Static).update(Content("\n").join([*lines, *self._end(job), *self._rows()]))
        go = self.query_one("#launch-go", Answer)
        go.say(self._answer())
        go.display = self.has_failed or bool(self.machines)
        if go.display and self.display:
            go.focus()

    def _note(self, said: str) -> None:
        if said and all(said != each for _, each in self._seen):
            self._seen.append((self.session.now_here().strftime("%H:%M:%S"), plain(said)))

    def _step(self, at: str, said: str, *, is_last: bool) -> Content:
        job = self.job
        under_way = is_last and (job is None or job.state in (QUEUED_JOB, "running"))
        look = JOB_LOOKS["running" if under_way else DONE_JOB]
        return self._line(at, sign(look, self.session.glyphs), look.tone, said)

    def _end(self, job: JobRow | None) -> Sequence[Content]:
        if job is None or job.state == QUEUED_JOB:
            if self.session.agent_state != "on":
                return [self._line("", self.session.glyphs.warning, "warn",
                                   f"It waits for an agent. {self.session.agent_problem}".strip())]  # fmt: skip
            return []
        if job.state == FAILED_JOB:
            said = f"{job.error_message or 'It failed.'} {job.error_next_step or ''}".strip()
            return [self._line("", self.session.glyphs.failed, "bad", plain(said))]
        if job.state == CANCELLED_JOB:
            return [self._line("", self.session.glyphs.failed, "dim", "It was cancelled.")]
        return []

    def _rows(self) -> Sequence[Content]:
        glyphs, made = self.session.glyphs, []
        for row in self.machines:
            look = state_look(row.state)
            where = row.zone or row.region
            stage = stage_text(row, self.session.state.nodes.get(row.id))
            told = f"{row.name}  {row.state}  {row.instance_type} in {where}  {price(row.price_usd_per_hour, glyphs)}"
            told += f"  {stage}" if stage else ""
            made.append(self._line("", sign(look, glyphs), look.tone, plain(told)))
            if row.error_message:
                made.append(self._line("", " ", "bad", plain(row.error_message)))
        return [Content(""), *made] if made else []

    def _line(self, at: str, mark: str, tone: Tone, said: str) -> Content:
        style = _STYLES.get(tone, "")
        return Content.assemble((f"{at:<8}  ", _DIM), (f"{mark} ", style), (said, style if tone == "bad" else ""))

    def _answer(self) -> str:
        if self.has_failed:
            return "Back to the review"
        machines = self.machines
        if len(machines) == 1:
            return f"Go to {plain(machines[0].name)}"
        return f"Go to the {len(machines)} machines"

    @on(Answer.Pressed, "#launch-go")
    def press(self, event: Answer.Pressed) -> None:
        event.stop()
        machines = self.machines
        self.post_message(self.Finished(machines[0].id if len(machines) == 1 else ""))
