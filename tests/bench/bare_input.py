"""The least a Textual program can be that shows what is typed."""

from __future__ import annotations

from textual.app import App, ComposeResult
from textual.widgets import Input

READY = "BARE-READY"


class BareInput(App[None]):
    def compose(self) -> ComposeResult:
        yield Input(placeholder=READY)


if __name__ == "__main__":
    BareInput().run()
