"""From an action's parameters to click's arguments and options."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import click

from aicompute_tui.actions.model import Parameter, Scope
from aicompute_tui.domain.errors import InvalidInput

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


class DurationType(click.ParamType[str]):
    """Checked here, kept as written: a handler reads it."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from aicompute_tui.domain.durations import parse_duration

        try:
            parse_duration(str(value))
        except InvalidInput as error:
            self.fail(f"{error.message} {error.next_step}", param, ctx)
        return str(value)


class DecimalType(click.ParamType[str]):
    """A positive amount, kept as written."""

    name = "number"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from decimal import Decimal, InvalidOperation

        text = str(value).strip().removeprefix("$")
        try:
            amount = Decimal(text)
        except InvalidOperation:
            amount = Decimal("NaN")
        if not amount.is_finite() or amount < 0:
            self.fail(f"“{value}” is not an amount; write it like 0.52.", param, ctx)
        return text


class PairType(click.ParamType[str]):
    name = "key=value"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if "=" not in str(value).lstrip("="):
            self.fail(f"“{value}” is not KEY=VALUE.", param, ctx)
        return str(value)


class PathType(click.ParamType[str]):
    """Absolute, since whoever carries the work out may stand in another folder."""

    name = "path"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from aicompute_tui.settings.typed_paths import resolved

        try:
            return resolved(self.name, str(value))
        except InvalidInput as error:
            self.fail(f"{error.message} {error.next_step}", param, ctx)

    def shell_complete(
        self,
        ctx: click.Context,  # noqa: ARG002
        param: click.Parameter,  # noqa: ARG002
        incomplete: str,
    ) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        return [CompletionItem(incomplete, type="file")]


class PathOrNameType(PathType):
    """Absolute where something lies there or it is written as a path; a name stays as it is."""

    name = "path or name"


def click_parameter(parameter: Parameter, scope: Scope = "global") -> click.Parameter:
    """An argument where it is positional, an option with dashes otherwise; TAB offers what `scope` has."""
    if parameter.positional:
        return click.Argument(
            [parameter.name],
            type=_type(parameter),
            required=parameter.required,
            nargs=-1 if parameter.repeatable else 1,
            shell_complete=_completer(scope) if parameter.kind == "text" else None,
        )
    flags = [*(parameter.spellings or ["--" + parameter.name.replace("_", "-")]), parameter.name]
    if parameter.short:
        flags.insert(0, f"-{parameter.short}")
    if parameter.kind == "flag":
        return click.Option(flags, is_flag=True, help=parameter.help)
    alone: dict[str, Any] = {"is_flag": False, "flag_value": parameter.bare} if parameter.bare else {}
    return click.Option(
        flags,
        type=_type(parameter),
        required=parameter.required,
        multiple=parameter.repeatable,
        **alone,
        default=None if parameter.repeatable else parameter.default,
        show_default=parameter.default is not None,
        help=parameter.help,
        shell_complete=_completer("hosts") if parameter.name == "host" else None,
    )


def _completer(scope: Scope) -> Callable[[click.Context, click.Parameter, str], list[CompletionItem]]:
    def complete(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from aicompute_tui.cli.completing import known_words

        return known_words(scope, incomplete)

    return complete


def argument_help(parameters: tuple[Parameter, ...]) -> str:
    """A paragraph that says what each positional argument is."""
    lines = [f"{parameter.name.upper()}: {parameter.help}" for parameter in parameters if parameter.positional]
    return "\n\n\b\n" + "\n".join(lines) if lines else ""


def given(parameters: tuple[Parameter, ...], values: Mapping[str, object]) -> dict[str, object]:
    """The arguments a handler gets: plain JSON values, nothing where nothing was given."""
    arguments: dict[str, object] = {}
    for parameter in parameters:
        value = values.get(parameter.name)
        if isinstance(value, tuple):
            value = list(value)
        if value is None or value == [] or value is False:
            continue
        arguments[parameter.name] = value
    return arguments


def _type(parameter: Parameter) -> click.ParamType[Any]:
    if parameter.kind == "choice":
        return click.Choice(parameter.choices, case_sensitive=False)
    if parameter.kind == "integer":
        return click.IntRange(min=parameter.least)
    kinds: dict[str, click.ParamType[Any]] = {
        "decimal": DecimalType(),
        "duration": DurationType(),
        "key=value": PairType(),
        "path": PathType(),
        "path or name": PathOrNameType(),
    }
    return kinds.get(parameter.kind, click.STRING)
