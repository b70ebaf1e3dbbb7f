"""The line behind `:`: takes a command by name, completes it, and remembers what was typed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.suggester import Suggester
from textual.widgets import Input, Static

from aicompute_tui.actions.model import Action
from aicompute_tui.domain.errors import AicError, InvalidInput, Refused
from aicompute_tui.domain.json import JsonObject
from aicompute_tui.settings.packaged import STYLES
from aicompute_tui.ui.commands import History, Typed, arguments_of, completions, parse_command, words_with_path
from aicompute_tui.ui.dispatch import SCREENS, subject_parameter
from aicompute_tui.ui.navigation import Command, by_word
from aicompute_tui.ui.widgets.filter_line import FilterLine
from aicompute_tui.ui.widgets.form_fields import LineInput

if TYPE_CHECKING:
    from aicompute_tui.ui.app import ConsoleApp

_HISTORY = History()


def offered_words(*, read_only: bool) -> dict[str, Command]:
    """The words this console takes."""
    return {word: command for word, command in by_word().items() if not (read_only and command.mutates)}


def context_names(app: ConsoleApp) -> list[str]:
    """What may follow `@`: accounts, regions and credentials of the machines known."""
    machines = app.session.state.instances.values()
    names = {each for row in machines for each in (row.region, row.account_id, row.credential_id.rpartition(":")[2])}
    return sorted(name for name in names if name)


class _Completion(Suggester):
    """The first completion, shown dim behind the cursor."""

    def __init__(self, line: CommandText) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._line = line

    async def get_suggestion(self, value: str) -> str | None:
        return next(iter(self._line.found(value)), None) if value else None


class CommandText(LineInput):
    """Tab takes a completion and, pressed again, the next one; up and down go through the history."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "complete(1)", "complete", show=False),
        Binding("shift+tab", "complete(-1)", "complete back", show=False),
        Binding("up", "older", "older", show=False),
        Binding("down", "newer", "newer", show=False),
    ]

    def __init__(self, words: Sequence[str], contexts: Sequence[str]) -> None:
        super().__init__(id="command-text", longest=2_000)
        self._words = words
        self._contexts = contexts
        self._typed: str | None = None
        self._place = -1
        self.suggester = _Completion(self)

    def found(self, value: str) -> list[str]:
        return completions(value, self._words, self._contexts)

    def action_complete(self, step: int) -> None:
        """Goes round the completions of what was typed before the first tab."""
        typed = self.value if self._typed is None else self._typed
        found = self.found(typed)
        if not found:
            return
        at = 0 if self._typed is None and step > 0 else self._place + step
        self._put(found[at % len(found)])
        self._typed, self._place = typed, at % len(found)

    def action_older(self) -> None:
        line = _HISTORY.older()
        if line is not None:
            self._put(line)

    def action_newer(self) -> None:
        self._put(_HISTORY.newer() or "")

    def _put(self, line: str) -> None:
        self.value = line
        self.cursor_position = len(line)
        self._typed = None

    def watch_value(self, value: str) -> None:
        if self._typed is not None and value not in self.found(self._typed):
            self._typed = None


class CommandLine(ModalScreen[Typed | None]):
    """Stands at the foot of the view; what cannot be carried out is said above the text, which stays."""

    CSS_PATH = STYLES / "command.tcss"
    AUTO_FOCUS = "#command-text"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "leave", show=False)]

    def __init__(self, words: dict[str, Command], contexts: Sequence[str]) -> None:
        super().__init__()
        self._words = words
        self._contexts = contexts
        self._early = ""

    @classmethod
    def open(cls, app: ConsoleApp) -> None:
        words = offered_words(read_only=app.session.read_only)

        def carry_out(typed: Typed | None) -> None:
            if typed is not None:
                app.call_later(run_command, app, typed, words[typed.alias])

        app.push_screen(cls(words, context_names(app)), carry_out)

    def compose(self) -> ComposeResult:
        with Vertical(id="command"):
            yield Static("", id="command-told", markup=False)
            with Horizontal(id="command-line"):
                yield Static(":", id="command-mark")
                yield CommandText(sorted(self._words), self._contexts)

    def take_early(self, event: events.Key) -> None:
        """A key that was typed before the line had the focus."""
        if event.key == "enter":
            self._early += "\n"
        elif event.is_printable and event.character:
            self._early += event.character

    def on_descendant_focus(self) -> None:
        line, enter, _ = self._early.partition("\n")
        self._early = ""
        if line:
            self.query_one(CommandText).insert_text_at_cursor(line)
        if enter:
            self.call_later(self._take, line)

    @on(Input.Changed)
    def tell(self, event: Input.Changed) -> None:
        """Says what the word does while it is typed."""
        self._say(_explained(event.value, self._words))

    @on(Input.Submitted)
    def submit(self, event: Input.Submitted) -> None:
        self._take(event.value.strip())

    def _take(self, line: str) -> None:
        if not line:
            self.dismiss(None)
            return
        try:
            self._refuse_read_only(line)
            typed = parse_command(line, self._words)
            command = self._words[typed.alias]
            words = _words_of(command, typed)
            if isinstance(command, Action):
                arguments_of(command, words)
            elif not command.takes and typed.words:
                raise InvalidInput(f"“{typed.words[0]}” means nothing to :{typed.alias}.", "It takes no argument.")
        except AicError as error:
            self._say(f"{error.message} {error.next_step}", wrong=True)
            return
        _HISTORY.add(line)
        self.dismiss(typed)

    def _refuse_read_only(self, line: str) -> None:
        """Raises Refused for a word that this console knows but does not take."""
        word = line.removeprefix(":").strip().partition(" ")[0].lower()
        if word not in self._words and word in by_word():
            raise Refused(f":{word} changes something, and this console is read-only.", "Start it without --read-only.")

    def _say(self, words: str, *, wrong: bool = False) -> None:
        told = self.query_one("#command-told", Static)
        told.update(words)
        told.set_class(wrong, "-wrong")
        told.display = bool(words)

    def action_leave(self) -> None:
        _HISTORY.leave()
        self.dismiss(None)


async def run_command(app: ConsoleApp, typed: Typed, command: Command) -> None:
    """Carries out what was typed; a view opens narrowed and filtered."""
    if not isinstance(command, Action):
        await app.run_navigation(command.id, " ".join(_words_of(command, typed)))
        return
    arguments: JsonObject = arguments_of(command, _words_of(command, typed))
    if command.id in SCREENS:
        app.open_view(command.id, arguments)
        text = " ".join(filter(None, (f"@{typed.context}" if typed.context else "", typed.filter)))
        view = app.view
        if text and view is not None:
            view.post_message(FilterLine.Closed(text))  # it comes after its first rows, and before the next key
        return
    subject = subject_parameter(command)
    perform_on_selection(app, command, arguments, named=subject is not None and subject.name in arguments)


def perform_on_selection(app: ConsoleApp, action: Action, arguments: JsonObject, *, named: bool = False) -> None:
    """Carries `action` out on the selected rows, unless `arguments` name one."""
    rows = [] if named or app.view is None else app.view.selected_ids()
    app.perform(action.id, rows, arguments)


def _words_of(command: Command, typed: Typed) -> tuple[str, ...]:
    """The words, and a path that the slash made look like a filter."""
    if isinstance(command, Action):
        takes_path = any(each.kind.startswith("path") and each.positional for each in command.parameters)
    else:
        takes_path = command.takes == "FILE"
    return words_with_path(typed) if takes_path else typed.words


def _explained(line: str, words: dict[str, Command]) -> str:
    """One line about the command typed so far, and what it takes."""
    word = line.strip().partition(" ")[0].lower()
    command = words.get(word)
    if command is None:
        return ""
    if not isinstance(command, Action):
        return f"{command.help}  {command.takes}".rstrip()
    if command.id in SCREENS:
        return command.help
    takes = [each.name.upper() if each.positional else f"{each.name}=" for each in command.parameters]
    return f"{command.help}  {' '.join(takes)}".rstrip()
