"""What stands in the fields of a wizard, and one of its fields: what the forms of launch and deployment share."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Self, TypeVar

from aicompute_tui.actions.model import Parameter
from aicompute_tui.domain.errors import InvalidInput
from aicompute_tui.domain.serving_context import CONTEXT_OPTIONS, parse_context

YES = "yes"
CONTEXT_EMPTY = "8k, or less where the model has less"
CONTEXT_TOLD = "Tokens of context that the server takes: 8k, 32k; none for all there is."
Rule = Callable[[str], None]
"""Raises InvalidInput for a text that cannot be meant."""


class FormField(NamedTuple):
    """One line of a form for a parameter of its action. `empty` says in dim words what happens without a value."""

    parameter: Parameter
    label: str
    empty: str = ""
    words: str = ""
    """What it means, in the words of the screen; the parameter's own help where there are none."""

    @property
    def name(self) -> str:
        return self.parameter.name

    @property
    def choices(self) -> tuple[str, ...]:
        return self.parameter.choices

    @property
    def is_flag(self) -> bool:
        return self.parameter.kind == "flag"

    @property
    def told(self) -> str:
        return self.words or self.parameter.help


@dataclass(frozen=True, slots=True)
class WizardForm:
    """What stands in the fields, as typed; a flag is `yes` or empty."""

    values: Mapping[str, str] = field(default_factory=dict)

    def __getitem__(self, name: str) -> str:
        return self.values.get(name, "").strip()

    def changed(self, name: str, value: str) -> Self:
        return replace(self, values={**self.values, name: value})

    @property
    def takes_context(self) -> bool:
        """Whether the model server that is chosen is told how many tokens it takes."""
        return self["framework"] in CONTEXT_OPTIONS

    def problems(self) -> dict[str, str]:
        """Field → one sentence. Empty where the checks may be asked."""
        raise NotImplementedError

    def broken(self, rules: Mapping[str, Rule]) -> dict[str, str]:
        """Of the fields that hold something, those whose rule refuses it."""
        found = {}
        for name, rule in rules.items():
            text = self[name]
            if text:
                try:
                    rule(text)
                except InvalidInput as error:
                    found[name] = f"{error.message} {error.next_step}".strip()
        return found


FormT = TypeVar("FormT", bound=WizardForm)


def labels_for_flags(sentence: str, fields: Iterable[FormField]) -> str:
    """A sentence that names flags of the command line, with the labels of the fields in their place."""
    labels = {each.name.replace("_", "-"): each.label for each in fields}
    return re.sub(r"--([a-z][a-z-]*)", lambda flag: f"“{labels[flag[1]]}”" if flag[1] in labels else flag[0], sentence)


def pattern(expression: re.Pattern[str], message: str, next_step: str) -> Rule:
    def rule(text: str) -> None:
        if not expression.fullmatch(text):
            raise InvalidInput(message, next_step)

    return rule


def whole(least: int, most: int, what: str) -> Rule:
    def rule(text: str) -> None:
        if not (text.isascii() and text.isdecimal() and len(text) <= 6 and least <= int(text) <= most):
            raise InvalidInput(f"The {what} is not a whole number in range.", f"Give {least} to {most:,}.")

    return rule


def context_rule(text: str) -> None:
    parse_context(text)


def model_names(present: str, name: str, framework: str) -> str:
    """The models' field with one more in it; with that one alone where the server serves only one."""
    from aicompute_tui.domain.container_framework import CONTAINER_FRAMEWORKS

    serves = CONTAINER_FRAMEWORKS.get(framework)
    if serves is not None and serves.most_models == 1:
        return name
    return " ".join([*(each for each in present.replace(",", " ").split() if each != name), name])
