"""A deployment under way: its image layer by layer, its start, its first answer, and what can be done if it fails."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from textual import work
from textual.content import Content

from aicompute_tui.domain.errors import AicError
from aicompute_tui.domain.json import JsonObject
from aicompute_tui.store.rows import ContainerRow, HostRow
from aicompute_tui.ui.deploy_form import DeployForm
from aicompute_tui.ui.pull_progress import Pull, read_pull
from aicompute_tui.ui.records import text
from aicompute_tui.ui.state import DONE_JOB
from aicompute_tui.ui.widgets.columns import Tone, plain
from aicompute_tui.ui.widgets.spark_line import progress_bar
from aicompute_tui.ui.widgets.wizard_progress import GO, ProgressStep, Seen

START, LOGS, REMOVE, REVIEW = "start", "logs", "remove", "review"
_WAITING = "waiting for it to answer"
_BACK = "Back to the review"
_DIM = "$foreground-muted"
_INDENT = " " * 12
_LONGEST_BAR = 40


class DeployProgress(ProgressStep[DeployForm]):
    """What could not start or ended early stays on its host: it is offered for another start or for removal."""

    ANSWERS = (GO, START, LOGS, REMOVE, REVIEW)
    _before: frozenset[str] = frozenset()
    _result: JsonObject | None = None

    def begin(self, job_id: str, form: DeployForm) -> None:
        """Containers that stand there now are not what comes of it."""
        self._before, self._result = frozenset(self.session.state.containers), None
        super().begin(job_id, form)

    def heading(self) -> str:
        form = self.form
        what = form["image"] if form.framework is None else f"{form.framework.title} {form['model']}".rstrip()
        return f"{plain(form['name'])} on {plain(form['host'])} · {plain(what)}"

    @property
    def host(self) -> HostRow | None:
        hosts = self.session.state.hosts.values()
        return next((row for row in hosts if self.form["host"] in (row.name, row.id)), None)

    @property
    def container(self) -> ContainerRow | None:
        """What came of it, as soon as it is seen."""
        host = self.host
        rows = self.session.state.containers.items()
        return next(
            (
                row
                for key, row in rows
                if host is not None
                and row.host_id == host.id
                and row.name == self.form["name"]
                and key not in self._before
            ),
            None,
        )

    @property
    def reference(self) -> str:
        """How a job or a view is told which container is meant."""
        row = self.container
        return row.key if row is not None else f"{self.form['host']}/{self.form['name']}"

    def phase(self, said: str) -> str:
        pull = read_pull(said)
        if pull is not None:
            return f"pulling {pull.image}"
        return _WAITING if said.startswith(_WAITING) else said

    def follow(self) -> None:
        super().follow()
        if self._result is None and self.job is not None and self.job.state == DONE_JOB:
            self._result = {}
            self._ask_result(self.job_id)

    @work(group="result", exclusive=True, exit_on_error=False)
    async def _ask_result(self, job_id: str) -> None:
        """Its end is told by the job alone: whether it answers, and where."""
        try:
            answer = await self.session.query("job.show", {"id": job_id})
        except AicError:
            return
        result = answer.get("result") if isinstance(answer, dict) else None
        if isinstance(result, dict) and job_id == self.job_id:
            self._result = result
            self.follow()

    def step_lines(self, seen: Seen, mark: str, tone: Tone) -> Sequence[Content]:
        pull = read_pull(seen.said)
        if pull is None:
            return super().step_lines(seen, mark, tone)
        first = self.line(seen.at, mark, tone, f"pulling {pull.image}")
        if pull.layers is None or tone == "good":
            return [first]
        return [first, *self._pull_lines(pull)]

    def _pull_lines(self, pull: Pull) -> list[Content]:
        """A bar for the whole, and one for each layer that something happens to."""
        share = None if pull.percent is None else pull.percent / 100
        lines = [self._bar("image", share, f"{pull.done} of {pull.layers} layers")]
        lines += [self._bar(each.id, each.share, each.told or each.doing) for each in pull.moving]
        if pull.told:
            lines.append(Content.styled(f"{_INDENT}{pull.told}", _DIM))
        return lines

    def _bar(self, name: str, share: float | None, told: str) -> Content:
        length = max(4, min(_LONGEST_BAR, self.size.width - 52))
        full, rest = progress_bar(100 * (share or 0.0), length, self.session.glyphs)
        percent = "" if share is None else f"{share:.0%}"
        return Content.assemble(
            (f"{_INDENT}{name:<9} ", _DIM), (full, "$primary"), (rest, _DIM),
            f" {percent:>4}  ", (told, _DIM),
        )  # fmt: skip

    def made(self) -> Sequence[Content]:
        result = self._result or {}
        if self.job is None or self.job.state != DONE_JOB or not result:
            return []
        endpoint, name = text(result, "endpoint"), text(result, "name")
        if result.get("answers") is False:
            said = f"{name} runs, but did not answer yet. Its log says what it does."
            return [Content(""), self.line("", self.session.glyphs.warning, "warn", said)]
        said = f"{name} answers at {endpoint}" if endpoint else f"{name} runs."
        return [Content(""), self.line("", self.session.glyphs.dot, "good", plain(said))]

    def answers(self) -> Mapping[str, str]:
        name, row = plain(self.form["name"]), self.container
        if not self.is_stopped:
            return {GO: f"Go to {name}"} if row is not None or self.is_over else {}
        if row is None:
            return {REVIEW: _BACK}
        go, log, remove = f"Go to {name}", f"Read the log of {name}", f"Remove {name}"
        if self.session.read_only:
            return {GO: go}
        if row.state == "created":
            return {START: f"Start {name} again", REMOVE: remove, REVIEW: _BACK}
        if row.is_alive:
            return {GO: go, LOGS: log, REMOVE: remove, REVIEW: _BACK}
        return {LOGS: log, REMOVE: remove, REVIEW: _BACK}
