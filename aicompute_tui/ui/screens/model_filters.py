"""The form of what the hub is asked for: words, task, library, licence, size, quantisation, gated or not, and order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from textual.app import ComposeResult

from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.ui.glyphs import Glyphs
from aicompute_tui.ui.model_tabs import WORDS, words_of
from aicompute_tui.ui.screens.secret_form import Given, SecretForm
from aicompute_tui.ui.widgets.form_fields import FormRow, LineInput, TurnField

_ANY = ("", "any")
_TASKS = (
    _ANY, ("text-generation", "text"), ("image-text-to-text", "vision"), ("feature-extraction", "embedding"),
    ("text-ranking", "reranking"), ("text-to-image", "image"), ("automatic-speech-recognition", "speech"),
    ("text-to-speech", "voice"),
)  # fmt: skip
_LIBRARIES = (
    _ANY, ("transformers", "transformers"), ("gguf", "GGUF"), ("diffusers", "diffusers"),
    ("sentence-transformers", "sentence transformers"), ("mlx", "MLX"),
)  # fmt: skip
_QUANTISATIONS = (_ANY, *((each, each) for each in ("gguf", "awq", "gptq", "fp8", "bitsandbytes")))
_GATED = (_ANY, ("no", "open to all"), ("yes", "gated"))
_SORTS = (
    _ANY, ("trending", "trending"), ("downloads", "downloads"), ("likes", "likes"), ("updated", "updated"),
    ("created", "created"),
)  # fmt: skip
_TURNED: Mapping[str, tuple[str, Sequence[tuple[str, str]]]] = {
    "task": ("for", _TASKS),
    "library": ("library", _LIBRARIES),
    "quantisation": ("quantised", _QUANTISATIONS),
    "gated": ("access", _GATED),
    "sort": ("first", _SORTS),
}
_TYPED: Mapping[str, tuple[str, str]] = {
    WORDS: ("words", "of a model's id; none for all"),
    "licence": ("licence", "apache-2.0, mit"),
    "size": ("parameters", "7b-13b, <8b, >30b"),
}
_ORDER = (WORDS, "task", "library", "quantisation", "gated", "sort", "licence", "size")


class ModelFilters(SecretForm):
    """It asks for no secret; an empty field narrows nothing."""

    PREFIX: ClassVar[str] = "model"
    QUESTION: ClassVar[str] = "Which models of the hub?"
    VERB: ClassVar[str] = "Show them"

    def __init__(self, glyphs: Glyphs, given: Mapping[str, Json], *, asks_words: bool) -> None:
        """`given` stands in the fields at first."""
        super().__init__()
        self._glyphs = glyphs
        self._first = {name: str(value) for name, value in given.items() if name != WORDS} | {WORDS: words_of(given)}
        self._shown = [name for name in _ORDER if asks_words or name not in (WORDS, "sort")]

    def compose_fields(self) -> ComposeResult:
        for name in self._shown:
            first = self._first.get(name, "")
            if name in _TURNED:
                label, choices = _TURNED[name]
                offered = choices if first in dict(choices) else [*choices, (first, first)]
                field: TurnField | LineInput = TurnField(offered, first, glyphs=self._glyphs, id=f"model-{name}")
            else:
                label, hint = _TYPED[name]
                field = LineInput(first, placeholder=hint, id=f"model-{name}")
            yield FormRow(label, field, id=f"row-{name}")

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one(f"#model-{self._shown[0]}").focus()

    def given(self) -> Given:
        found: JsonObject = {}
        for name in self._shown:
            value = self.query_one(f"#model-{name}", TurnField).value if name in _TURNED else self.text(name)
            if value:
                found[name] = list[Json](value.split()) if name == WORDS else value
        return Given(found)
