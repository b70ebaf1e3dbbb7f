"""What the console's own keys do everywhere: help, palette, command line, history, time zone, refresh, leaving."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aicompute_tui.ui.app import ConsoleApp


def previous_view(app: ConsoleApp) -> None:
    app.views.step(-1)


def next_view(app: ConsoleApp) -> None:
    app.views.step(1)


def command(app: ConsoleApp) -> None:
    from aicompute_tui.ui.widgets.command_line import CommandLine

    CommandLine.open(app)


def palette(app: ConsoleApp) -> None:
    from aicompute_tui.ui.palette import open_palette

    open_palette(app)


def show_help(app: ConsoleApp) -> None:
    from aicompute_tui.ui.screens.help import HelpScreen

    if app.view is not None:
        app.push_screen(HelpScreen(app.session, app.view))


def jump(app: ConsoleApp) -> None:
    from aicompute_tui.ui.screens.jump import JumpScreen

    JumpScreen.open(app)


def toggle_utc(app: ConsoleApp) -> None:
    app.session.utc = not app.session.utc
    app.say("Times are in UTC." if app.session.utc else "Times are in this machine's zone.", "dim")
    if app.view is not None:
        app.view.tick()


def refresh_now(app: ConsoleApp) -> None:
    if app.view is not None:
        app.view.asked_anew()
    app.run_worker(_look(app), group="refresh", exclusive=True, exit_on_error=False)


async def _look(app: ConsoleApp) -> None:
    if await app.session.look_now():
        app.say("The agent looks at the clouds now.", "dim")
    else:
        app.say(app.session.agent_problem or "No agent is running.", "warn")


def copy_or_leave(app: ConsoleApp) -> None:
    """Copies what is selected; without a selection ctrl+c asks to quit."""
    selected = app.screen.get_selected_text() or getattr(app.focused, "selected_text", "")
    if selected:
        from aicompute_tui.ui.clipboard import copy

        copy(app, selected, "selection")
    else:
        leave(app)


def leave(app: ConsoleApp) -> None:
    """Asks at once, and says what keeps running."""
    from aicompute_tui.ui.leaving import leaving
    from aicompute_tui.ui.screens.confirm import ConfirmDialog

    if isinstance(app.screen, ConfirmDialog):
        return
    question = leaving(app.session.state, app.session.now().timestamp(), app.session.agent_state)
    dialog = ConfirmDialog(question.question, question.lines, question.verb, safe="stay")
    app.push_screen(dialog, lambda yes: app.exit(0) if yes else None)
