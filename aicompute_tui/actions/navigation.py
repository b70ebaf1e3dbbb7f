"""What the console itself can do, in the shape of an action: keys, footer, help, palette and keymap read one list."""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

from aicompute_tui.actions.model import Action

Place = Literal["app", "screen", "row", "table", "log", "machine-log", "settings", "credentials", "wizard"]


class Navigation(NamedTuple):
    """One movement. `place` is who offers it; `method` the Textual action there, for `app` a function of movements."""

    id: str
    title: str
    help: str
    place: Place
    method: str
    keys: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    mutates: bool = False
    dangerous: bool = False
    takes: str = ""
    """What may follow its word, as help names it."""


Command: TypeAlias = Action | Navigation

NAVIGATION: dict[str, Navigation] = {
    entry.id: entry
    for entry in (
        Navigation("go.open", "open", "Opens the row under the cursor.", "table", "open_row", ("enter",)),
        Navigation("go.filter", "filter", "Narrows the table: text, /re/, !not, -f fuzzy, column:value, column>n.",
                   "screen", "filter", ("slash",)),
        Navigation("go.mark", "mark", "Marks the row, so that an action takes all marked ones.",
                   "table", "mark", ("space",)),
        Navigation("go.sort", "sort", "Shift and a column's letter sorts; again turns it round.", "table", "sort"),
        Navigation("go.copy", "copy", "Copies the row's id or address, over ssh too.", "screen", "copy_row", ("c",)),
        Navigation("go.json", "json", "Shows the whole record as JSON.", "screen", "json", ("y",), ("json",)),
        Navigation("go.describe", "describe", "Shows the row field by field.",
                   "row", "describe", ("d",)),
        Navigation("go.compare", "compare", "Puts the marked rows side by side; what differs comes first.",
                   "screen", "compare", ("v",), ("compare",)),
        Navigation("go.export", "export", "Writes the rows and columns shown to a file: .csv, .json or .yaml.",
                   "screen", "export", ("ctrl+e",), ("export",), takes="FILE"),
        Navigation("go.back", "back", "Leaves what is open, the filter or the marks.", "screen", "back", ("escape",)),
        Navigation("go.refresh", "refresh", "Asks the agent to look at the clouds now.",
                   "app", "refresh_now", ("ctrl+r",), ("refresh",)),
        Navigation("go.previous", "previous view", "Goes to the view before this one.",
                   "app", "previous_view", ("left_square_bracket",)),
        Navigation("go.next", "next view", "Goes to the view left with [.",
                   "app", "next_view", ("right_square_bracket",)),
        Navigation("go.jump", "jump", "Puts a letter over every part of the view; that letter goes there.",
                   "app", "jump", ("f2",), ("jump",)),
        Navigation("go.utc", "UTC or local time", "Shows times in UTC or in this machine's zone.",
                   "app", "toggle_utc", ("z",), ("utc",)),
        Navigation("go.command", "command", "Takes a command by name, with completion.", "app", "command", ("colon",)),
        Navigation("go.palette", "palette", "Finds every action by any of its words.",
                   "app", "palette", ("ctrl+p",), ("palette",)),
        Navigation("go.help", "help", "Every key and filter of this place.",
                   "app", "show_help", ("question_mark",), ("help",)),
        Navigation("go.quit", "quit", "Leaves the console; what runs goes on and ends by itself.",
                   "app", "leave", ("q",), ("q", "quit")),
        Navigation("go.stop", "copy or quit", "Copies what is selected; without a selection it asks to quit.",
                   "app", "copy_or_leave", ("ctrl+c",)),
        Navigation("log.follow", "follow", "Shows the newest line as lines come, or pauses.", "log", "follow", ("f",)),
        Navigation("log.next-match", "next match", "Goes to the next match of the search.",
                   "log", "step_match(1)", ("n",)),
        Navigation("log.previous-match", "previous match", "Goes to the match before this one.",
                   "log", "step_match(-1)", ("N",)),
        Navigation("log.expand", "expand", "Shows the whole line under the cursor, or clips it again.",
                   "log", "expand", ("enter",)),
        Navigation("log.wrap", "wrap", "Breaks long lines instead of clipping them.", "log", "wrap", ("w",)),
        Navigation("log.mark", "mark", "Puts a dated line at the end of the log.", "log", "mark", ("m",)),
        Navigation("log.times", "times", "Shows a line's time short, in full or not.", "log", "times", ("ctrl+t",)),
        Navigation("log.last-lines", "last 1,000", "Shows the last 1,000 lines.", "log", "range(0)", ("0",)),
        Navigation("log.all-lines", "all", "Shows the log from its beginning.", "log", "range(1)", ("1",)),
        Navigation("log.1m", "1 min", "Shows the last minute.", "log", "range(2)", ("2",)),
        Navigation("log.5m", "5 min", "Shows the last 5 minutes.", "log", "range(3)", ("3",)),
        Navigation("log.15m", "15 min", "Shows the last 15 minutes.", "log", "range(4)", ("4",)),
        Navigation("log.30m", "30 min", "Shows the last 30 minutes.", "log", "range(5)", ("5",)),
        Navigation("log.1h", "1 h", "Shows the last hour.", "log", "range(6)", ("6",)),
        Navigation("log.filter", "only", "Shows only lines that contain a text.",
                   "machine-log", "log_filter", ("ampersand",)),
        Navigation("log.source", "source", "Goes on to the next log: auto, setup, framework, cloud-init, node.",
                   "machine-log", "log_source", ("o",)),
        Navigation("log.save", "save", "Writes the lines shown to a file.", "machine-log", "log_save", ("S",)),
        Navigation("log.copy-view", "copy the view", "Copies every line in view, over ssh too.",
                   "machine-log", "log_copy_view", ("C",)),
        Navigation("settings.next", "next section", "Goes to the next section of the settings.",
                   "settings", "section(1)", ("tab", "right")),
        Navigation("settings.previous", "previous section", "Goes to the section before this one.",
                   "settings", "section(-1)", ("shift+tab", "left")),
        Navigation("credentials.add", "add", "Asks for keys and stores them in the vault.",
                   "credentials", "add", ("a",), (), True),
        Navigation("launch.review", "review", "Goes to the review from any step; there it launches.",
                   "wizard", "review", ("ctrl+l",)),
        Navigation("launch.go-on", "go on", "In the options: on to the review.", "wizard", "go_on", ("enter",)),
        Navigation("launch.step-on", "next step", "Goes a step on and leaves what is chosen as it is.",
                   "wizard", "step_by(1)", ("ctrl+right",)),
        Navigation("launch.step-back", "step back", "Goes a step back.", "wizard", "step_by(-1)", ("ctrl+left",)),
        Navigation("launch.step-region", "region", "Goes to step 1: where.", "wizard", "step_to(1)", ("1",)),
        Navigation("launch.step-machine", "machine", "Goes to step 2: which machine.",
                   "wizard", "step_to(2)", ("2",)),
        Navigation("launch.step-server", "server", "Goes to step 3: what it serves.", "wizard", "step_to(3)", ("3",)),
        Navigation("launch.step-options", "options", "Goes to step 4: everything else.",
                   "wizard", "step_to(4)", ("4",)),
        Navigation("launch.step-review", "review", "Goes to step 5: checks, price and what ends it.",
                   "wizard", "step_to(5)", ("5",)),
        Navigation("launch.credential", "credential", "In step 1: chooses whose account is used.",
                   "wizard", "side_view('credential')", ("p",)),
        Navigation("launch.again", "again", "In step 1: templates and launches of the past, to repeat one.",
                   "wizard", "side_view('again')", ("h",)),
        Navigation("launch.market", "market", "In step 2: turns between spot and on-demand prices.",
                   "wizard", "turn_market", ("m",)),
        Navigation("launch.save", "keep", "In the review: keeps the launch as a template with a name.",
                   "wizard", "save_template", ("w",), (), True),
        Navigation("launch.remove", "remove", "Among what can be repeated: removes the template under the cursor.",
                   "wizard", "remove_template", ("t",), (), True),
        Navigation("launch.check", "check again", "Asks for the list or the checks anew.",
                   "wizard", "check_again", ("ctrl+r",)),
        Navigation("launch.restart", "start over", "Empties every field and goes to the first step.",
                   "wizard", "start_over", ("ctrl+n",)),
        Navigation("launch.field-on", "next field", "In the options: the field below; in the review a line down.",
                   "wizard", "turn_to(1)", ("down",)),
        Navigation("launch.field-back", "field before", "In the options: the field above; in the review a line up.",
                   "wizard", "turn_to(-1)", ("up",)),
        Navigation("launch.page-on", "page on", "In the review: a page of the checks down.",
                   "wizard", "scroll_checks(1)", ("pagedown",)),
        Navigation("launch.page-back", "page back", "In the review: a page of the checks up.",
                   "wizard", "scroll_checks(-1)", ("pageup",)),
    )
}  # fmt: skip

PLACE_KEYS = {"overview.show": "1", "instance.list": "2", "event.list": "9", "job.list": "0"}
"""Number keys of the views that exist, by the action that lists them."""
