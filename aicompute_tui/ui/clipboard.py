"""Text to the terminal's clipboard by OSC 52, which also works over ssh, with the size terminals accept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from textual.app import App

LARGEST_BYTES = 74_994
"""The most whose base64 form fits the 100,000 bytes terminals take; they drop more without a word."""

_SHOWN = 60
"""The longest text that is named when it is copied."""


def fit(text: str) -> tuple[str, int]:
    """As much of the start of `text` as a terminal takes, cut between characters, and how many bytes were left off."""
    # A surrogate that came through a broken name cannot be encoded, and would end the program here.
    encoded = text.encode("utf-8", "replace")
    if len(encoded) <= LARGEST_BYTES:
        return encoded.decode("utf-8"), 0
    kept = encoded[:LARGEST_BYTES].decode("utf-8", "ignore")
    return kept, len(encoded) - len(kept.encode("utf-8"))


def copy(app: App[Any], text: str, what: str) -> None:
    """Copies and says so in one line; says how much was cut where not all of it fits."""
    if not text:
        app.notify(f"There is no {what} to copy.", severity="warning")
        return
    kept, cut = fit(text)
    app.copy_to_clipboard(kept)
    if cut:
        app.notify(
            f"Copied the first {len(kept.encode('utf-8')):,} bytes of the {what}; {cut:,} more do not fit a terminal.",
            severity="warning",
        )
    else:
        shown = f"{what} {kept}" if len(kept) <= _SHOWN and kept.isprintable() else f"the {what}"
        app.notify(f"Copied {shown}.")
