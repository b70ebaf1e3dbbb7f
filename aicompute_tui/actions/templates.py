"""The verbs on launches that are kept by a name."""

from __future__ import annotations

from aicompute_tui.actions.instances import LAUNCH_PARAMETERS
from aicompute_tui.actions.model import Action, Parameter

_NAME = Parameter("name", "text", "The template's name.", positional=True, required=True)
_OF_ONE_MACHINE = frozenset({"name", "ttl_none_confirm"})

TEMPLATE_ACTIONS = (
    Action(
        "template.list",
        "List templates",
        "Launches kept by a name, with what each launches.",
        "global",
        "query",
        "aicompute_tui.services.templates:list_templates",
        ("template", "list"),
        aliases=("templates",),
        result="rows",
    ),
    Action(
        "template.save",
        "Save a template",
        "Keeps a launch by a name: what is given, or what a machine was launched with.",
        "global",
        "job",
        "aicompute_tui.services.templates:save",
        ("template", "save"),
        (
            _NAME,
            *(parameter for parameter in LAUNCH_PARAMETERS if parameter.name not in _OF_ONE_MACHINE),
            Parameter("replace", "flag", "Replace the template of that name."),
            Parameter("version", "integer", "Replace it only where it still is this version."),
        ),
        aliases=("template-save",),
        mutates=True,
    ),
    Action(
        "template.remove",
        "Remove a template",
        "Forgets a launch kept by a name; machines launched from it stay as they are.",
        "global",
        "job",
        "aicompute_tui.services.templates:remove",
        ("template", "remove"),
        (_NAME,),
        aliases=("template-remove",),
        mutates=True,
        dangerous=True,
    ),
)
