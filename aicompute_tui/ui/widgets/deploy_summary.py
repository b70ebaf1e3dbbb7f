"""What a deployment is, what stands in its way, and the two lines that do the same: one answer of the plan."""

from __future__ import annotations

from rich.console import RenderableType
from rich.text import Text

from aicompute_tui.domain.container_framework import CONTAINER_FRAMEWORKS
from aicompute_tui.domain.json import JsonObject
from aicompute_tui.ui.deploy_form import FIELDS
from aicompute_tui.ui.widgets.columns import plain
from aicompute_tui.ui.widgets.wizard_summary import WizardSummary, context_told, objects, word_of


class DeploySummary(WizardSummary):
    """Shows one answer of `container.plan`."""

    FIELDS = FIELDS
    VERB = "deploy"

    def parts(self, answer: JsonObject) -> list[RenderableType]:
        checks = objects(answer.get("checks"))
        gap = Text("")
        fits = self.fit_lines(answer)
        made: list[RenderableType] = [*self._what(answer), *fits, *self.attention(checks), *self.all_right(checks)]
        made += [gap, self.title_line("AS DOCKER TAKES IT", "C copies it"), self._line(word_of(answer, "command"))]
        made += [gap, self.title_line("THE SAME BY COMMAND", "c copies it"), self._line(self.command)]
        return made

    def _what(self, answer: JsonObject) -> list[RenderableType]:
        """The container and what it serves, a line each."""
        arguments = answer.get("arguments")
        given = arguments if isinstance(arguments, dict) else {}
        framework = CONTAINER_FRAMEWORKS.get(word_of(given, "framework"))
        models = given.get("model")
        named = " ".join(map(str, models)) if isinstance(models, list) else ""
        first = f"{word_of(answer, 'name')} on {word_of(answer, 'host')}"
        if framework is not None:
            first += f" · {framework.title} {named}".rstrip() + context_told(word_of(given, "context"))
        endpoint = word_of(answer, "endpoint")
        reached = f"answers at {endpoint}" if endpoint else "opens no port that is reached from here"
        title = Text(plain(first), self.style_of("strong"), no_wrap=True, overflow="ellipsis")
        lines = [word_of(answer, "image"), self.waiting_for or reached]
        return [title, *(Text(plain(each), self.style_of("dim"), no_wrap=True, overflow="ellipsis") for each in lines)]

    def _line(self, command: str) -> Text:
        return Text(plain(command), self.style_of(""))
