"""The command line that does what an action with these arguments does."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from aicompute_tui.actions.model import Action
from aicompute_tui.domain.json import Json


def command_line(action: Action, arguments: Mapping[str, Json]) -> str:
    """`aic-tui instance launch --type g5.xlarge …`, ready for a shell; further words stand last, after `--`."""
    words, last = ["aic-tui", *action.command], []
    for parameter in action.parameters:
        value = arguments.get(parameter.name)
        if value in (None, "", [], False):
            continue
        flag = parameter.spellings[0] if parameter.spellings else f"--{parameter.name.replace('_', '-')}"
        if parameter.kind == "flag":
            words.append(flag)
            continue
        values = [str(each) for each in (value if isinstance(value, list) else [value])]
        if parameter.positional:
            last += values
        else:
            words += [word for each in values for word in (flag, each)]
    needs_mark = any(word.startswith("-") for word in last)
    return shlex.join([*words, *(["--"] if needs_mark else []), *last])
