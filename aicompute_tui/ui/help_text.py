"""What help says about a place: its keys and words, then those of everywhere, from the same lists as the keys."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from aicompute_tui.actions.model import Action, Scope
from aicompute_tui.actions.registry import ACTIONS
from aicompute_tui.ui.bindings import key_text, keys_of
from aicompute_tui.ui.navigation import NAVIGATION, Command, Navigation, Place


@dataclass(frozen=True, slots=True)
class HelpLine:
    """`keys` as they are pressed, `words` as they are typed after `:`."""

    keys: str
    title: str
    words: str
    help: str


@dataclass(frozen=True, slots=True)
class HelpSection:
    title: str
    lines: tuple[HelpLine, ...]


FILTER_LINES = (
    HelpLine("/ text", "contains", "", "Rows that contain every word."),
    HelpLine("/ !text", "not", "", "Rows that do not contain it."),
    HelpLine("/ /re/", "pattern", "", "Rows a regular expression finds something in."),
    HelpLine("/ -f abc", "fuzzy", "", "Rows with these letters in this order."),
    HelpLine("/ col:text", "column", "", "Rows whose column contains it."),
    HelpLine("/ col>2", "compare", "", "Rows whose column is above a number, also < >= <= =."),
    HelpLine("/ @name", "context", "", "Rows of one account, region or host; @lab-* of all that begin so."),
)
MOVE_LINES = (
    HelpLine("↑ ↓  j k", "row", "", "One row up or down."),
    HelpLine("g G  home end", "ends", "", "To the first or the last row."),
    HelpLine("pgup pgdn ctrl+f", "page", "", "One page back or on."),
    HelpLine("← →", "columns", "", "Half a view of columns to the side."),
    HelpLine("shift+letter", "sort", "", "Sorts by the column with that letter; again turns it round."),
)
"""Of tables; a page of lines takes the same keys."""
PART_LINES = (HelpLine("tab shift+tab", "part", "", "To the next or the previous part of the view."),)
LOG_LINES = (
    HelpLine("↑ ↓  j k", "line", "", "One line up or down; going up pauses."),
    HelpLine("g G  home end", "ends", "", "To the oldest line, or to the newest and on with it."),
    HelpLine("pgup pgdn ctrl+f", "page", "", "One page back or on."),
    HelpLine("← →", "sideways", "", "Half a view of a long line to the side."),
    HelpLine("/ text", "search", "", "Marks every match; /re/ by an expression; capitals count where there are any."),
    HelpLine("& text", "filter", "", "Shows only lines with it; !text those without it, &/re/ by an expression."),
)
COMMAND_LINES = (
    HelpLine(":word", "command", "", "Any word below; tab completes, up and down bring back earlier ones."),
    HelpLine(":word NAME", "on a row", "", "The action on a machine by name, id, or the beginning of its id."),
    HelpLine(":word k=v", "arguments", "", "Arguments by name, as `:extend lab by=2h`."),
    HelpLine(":view @n /text", "narrowed", "", "Opens a view already narrowed and filtered."),
)


def sections(
    place: str,
    scopes: Collection[Scope],
    *,
    has_table: bool,
    read_only: bool,
    has_log: bool = False,
    own: Collection[Place] = (),
) -> list[HelpSection]:
    """Help of a view with these scopes and movements of its `own`; read-only leaves out what it does not offer."""

    def offered(commands: Iterable[Command]) -> tuple[HelpLine, ...]:
        return tuple(_line(each) for each in commands if not (read_only and each.mutates))

    here = [action for action in ACTIONS.values() if action.scope in scopes and action.scope != "global"]
    taken = {key for action in here for key in keys_of(action)}
    rows = [entry for entry in _movements("row") if not taken & set(keys_of(entry))]
    movements = [entry for entry in _movements("screen", *(["table"] if has_table else [])) if keys_of(entry)]
    found = [HelpSection(place.upper(), offered([*_movements(*own), *here, *rows, *movements]))]
    if has_table:
        found += [HelpSection("MOVING AND SORTING", MOVE_LINES), HelpSection("FILTER", FILTER_LINES)]
    if has_log:
        found.append(HelpSection("LOG", (*LOG_LINES, *offered(_movements("log-page", "log")))))
    everywhere = [action for action in ACTIONS.values() if action.scope == "global"]
    found.append(HelpSection("EVERYWHERE", (*offered([*everywhere, *_movements("app")]), *PART_LINES)))
    others = [each for each in ACTIONS.values() if each.scope not in (*scopes, "global")]
    found += [HelpSection("COMMANDS", COMMAND_LINES), HelpSection("IN OTHER PLACES", offered(others))]
    return [section for section in found if section.lines]


def _movements(*places: str) -> list[Navigation]:
    return [entry for entry in NAVIGATION.values() if entry.place in places]


def _line(command: Command) -> HelpLine:
    keys = " ".join(key_text(key) for key in keys_of(command))
    words = " ".join(f":{alias}" for alias in command.aliases)
    title = command.title if isinstance(command, Action) else command.title.capitalize()
    return HelpLine(keys, title, words, command.help)
