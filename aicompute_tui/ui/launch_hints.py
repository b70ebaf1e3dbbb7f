"""What the footer of the launch wizard names in each of its views."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aicompute_tui.ui import launch_draft
from aicompute_tui.ui.bindings import key_text, keys_of
from aicompute_tui.ui.navigation import NAVIGATION
from aicompute_tui.ui.widgets.footer_line import Hint

_HINTS: Mapping[str, tuple[tuple[str, str], ...]] = {
    launch_draft.REGION: (("enter", "choose"), ("launch.credential", "credential"), ("launch.again", "again"),
                          ("go.filter", "filter"), ("launch.review", "review")),
    launch_draft.CREDENTIAL: (("enter", "choose"), ("go.filter", "filter"), ("go.back", "back")),
    launch_draft.AGAIN: (("enter", "review"), ("launch.remove", "remove"), ("go.filter", "filter"),
                         ("go.back", "back")),
    launch_draft.MACHINE: (("enter", "choose"), ("launch.market", "market"), ("go.filter", "filter"),
                           ("launch.review", "review"), ("go.back", "back")),
    launch_draft.SERVER: (("enter", "choose"), ("tab", "models"), ("go.filter", "filter"),
                          ("launch.review", "review"), ("go.back", "back")),
    launch_draft.OPTIONS: (("enter", "review"), ("↑↓", "field"), ("←→", "turn"), ("launch.restart", "start over"),
                           ("go.back", "back")),
    launch_draft.REVIEW: (("enter", "launch"), ("launch.save", "keep"), ("go.copy", "copy"), ("1-4", "correct"),
                          ("launch.check", "check again")),
    launch_draft.PROGRESS: (("enter", "go to it"), ("go.back", "leave it running")),
}  # fmt: skip


def launch_hints(view: str) -> Sequence[Hint]:
    """A movement by its present key, anything else as it is written."""
    made: list[Hint] = []
    for name, word in _HINTS[view]:
        entry = NAVIGATION.get(name)
        key = keys_of(entry)[0] if entry is not None else ""
        made.append((key, key_text(key), word) if entry is not None else ("", name, word))
    return [*made, ("question_mark", "?", "help")]
