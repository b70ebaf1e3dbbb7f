"""The least a Textual program can be: one line of text and a footer."""

from __future__ import annotations

from textual.app import App, ComposeResult
from textual.widgets import Footer, Static

TEXT = "BARE-READY"


class BareApp(App[None]):
    def compose(self) -> ComposeResult:
        yield Static(TEXT)
        yield Footer()


if __name__ == "__main__":
    BareApp().run()
