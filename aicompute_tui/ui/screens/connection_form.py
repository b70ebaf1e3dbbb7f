"""The form for a connection: what it is, where it is, its key, and then the model that the server itself names."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import ClassVar

from textual import events, on, work
from textual.app import ComposeResult
from textual.suggester import SuggestFromList
from textual.widgets import Static

from aicompute_tui.domain.connection import Connection, check_connection_name, server_of
from aicompute_tui.domain.credential import Secret
from aicompute_tui.domain.errors import AicError, InvalidInput
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.llms.presets import PRESETS, Preset
from aicompute_tui.store.rows import ConnectionRow
from aicompute_tui.ui.connection_draft import (
    OPTIONS,
    added,
    changed,
    fields_asked,
    first_values,
    key_words,
    model_hint,
    next_url,
)
from aicompute_tui.ui.screens.secret_form import Given, SecretForm, SecretInput
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.widgets.columns import plain
from aicompute_tui.ui.widgets.form_fields import FormRow, LineInput, TurnField

_DEFAULT = "openai-compatible"
_MOST_SUGGESTED = 2_000


class ConnectionForm(SecretForm):
    """Of a connection that is kept the kind stays: its past is that of what it leads to."""

    PREFIX: ClassVar[str] = "connection"
    AUTO_FOCUS = "#connection-preset, #connection-url"

    def __init__(self, session: Session, given: Mapping[str, Json], row: ConnectionRow | None = None) -> None:
        """`given` stands in the fields at first; `row` is the connection that is edited."""
        super().__init__()
        self._session = session
        self._row = row
        self._first = first_values(row, given)
        self._kind = self._first.get("preset") or _DEFAULT
        self._variable = self._first.pop("key_variable", "")
        """Names where a key stands in this console's environment; what stands there is read when it is handed over."""
        self._variable_for = (self._kind, self._first.get("url", ""))
        self._models: list[str] = []
        self._models_of: tuple[str, str, int] | None = None
        """Kind, address and the hash of the key that were asked for their models."""

    @property
    def question(self) -> str:
        return "Add a connection" if self._row is None else f"Edit {self._row.name}"

    @property
    def verb(self) -> str:
        return "Add it" if self._row is None else "Save"

    def compose_fields(self) -> ComposeResult:
        first = self._first
        if self._row is None:
            kinds = [(preset.name, preset.title) for preset in PRESETS.values()]
            field = TurnField(kinds, self._kind, glyphs=self._session.glyphs, id="connection-preset")
            yield FormRow("what it is", field, id="row-preset")
        preset = self._preset
        url = first.get("url") or preset.base_url or ""
        yield FormRow("address", LineInput(url, placeholder=preset.url_example, id="connection-url"), id="row-url")
        yield FormRow("key", SecretInput(placeholder=self._key_words, id="connection-key"), id="row-key")
        model = LineInput(first.get("model", ""), placeholder="as the server calls it", id="connection-model")
        yield FormRow("model", model, id="row-model")
        yield FormRow("", Static("", id="models", markup=False), id="row-models")
        yield self._row_of("name", "name", "what you call it")
        yield self._row_of("tags", "tags", "team, cheap")
        yield self._row_of("description", "description", "what it is for")
        yield self._row_of("offer", "offer it to", "livekit, mcp, automation")
        for name, (label, empty) in OPTIONS.items():
            yield self._row_of(name, label, empty)

    def _row_of(self, name: str, label: str, empty: str) -> FormRow:
        field = LineInput(self._first.get(name, ""), placeholder=empty, id=f"connection-{name}")
        return FormRow(label, field, id=f"row-{name}")

    @property
    def _preset(self) -> Preset:
        """Of a kind that a newer program keeps, the most general one."""
        return PRESETS.get(self._kind) or PRESETS[_DEFAULT]

    def _taken_variable(self, kind: str, url: str) -> str:
        """A key is for the provider it was found for and goes to no other server."""
        for_kind, for_url = self._variable_for
        try:
            is_meant = kind == for_kind and (not for_url or server_of(url) == server_of(for_url))
        except ValueError:  # no address yet
            is_meant = False
        return self._variable if is_meant else ""

    @property
    def _key_words(self) -> str:
        shown = self.query("#connection-url")
        url = self.text("url") if shown else self._first.get("url", "")
        if variable := self._taken_variable(self._kind, url):
            return f"taken from {variable}; type another to use that"
        return key_words(self._preset, is_kept=self._row is not None and bool(self._row.has_key))

    def asked(self) -> Sequence[str]:
        options = fields_asked(self._preset, self.text("url"))
        models = ["models"] if self._models_told else []
        return ["preset", "url", "key", "model", *models, "name", "tags", "description", "offer", *options]

    @on(TurnField.Changed, "#connection-preset")
    def _turn(self, event: TurnField.Changed) -> None:
        """The address and the words of the key follow what it is, unless an address was typed."""
        if event.value == self._kind:
            return
        url = self.query_one("#connection-url", LineInput)
        url.value = next_url(url.value, self._kind, event.value)
        self._kind = event.value
        url.placeholder = self._preset.url_example
        self.query_one("#connection-key", SecretInput).placeholder = self._key_words
        self.show_fields()

    @on(LineInput.Changed, "#connection-url")
    def _tell_whose_key(self) -> None:
        self.query_one("#connection-key", SecretInput).placeholder = self._key_words

    # -- the models there are

    @property
    def _models_told(self) -> str:
        return str(self.query_one("#models", Static).content)

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        if event.widget.id == "connection-model":
            asked = (self._kind, self.text("url"), hash(self._key_given()))
            if asked != self._models_of:
                self._models_of = asked
                self._ask_models()

    @on(LineInput.Changed, "#connection-model")
    def _tell_models(self) -> None:
        if self._models:
            self._tell(model_hint(self._models, self.text("model")))

    def _tell(self, words: str) -> None:
        self.query_one("#models", Static).update(plain(words))
        self.show_fields()

    @work(group="models", exclusive=True, exit_on_error=False)
    async def _ask_models(self) -> None:
        """Asked by the agent, with the key that stands here or is kept."""
        url, preset, key = self.text("url"), self._preset, self._key_given()
        is_kept = self._row is not None and url == self._row.base_url and not key
        if not url:
            return
        if preset.needs_key and not is_kept and not key:
            self._tell("its models are listed here once its key stands above")
            return
        self._tell("asking for its models …")
        try:
            if self._row is not None and is_kept:
                answer = await self._session.query("connection.models", {"name": self._row.id})
            else:
                typed: JsonObject = {"typed_key": key} if key else {}
                answer = await self._session.query("connection.offers", {"url": url, "preset": self._kind, **typed})
        except AicError as error:
            self._models = []
            self._tell(error.message)
            return
        rows = answer if isinstance(answer, list) else []
        self._models = [str(row["id"]) for row in rows if isinstance(row, dict) and row.get("id")]
        field = self.query_one("#connection-model", LineInput)
        field.suggester = SuggestFromList(self._models[:_MOST_SUGGESTED], case_sensitive=False)
        if len(self._models) == 1 and not field.value:
            field.value = self._models[0]
        self._tell(model_hint(self._models, field.value.strip()) or "it offers no model")

    # -- what was given

    def given(self) -> Given:
        names = [name for name in self.asked() if name not in ("preset", "key", "models")]
        values = {name: self.text(name) for name in names}
        check_connection_name(values["name"])
        arguments = added({**values, "preset": self._kind}) if self._row is None else changed(self._row, values)
        self._check(arguments)
        return Given(arguments, self._secret())

    def _check(self, arguments: JsonObject) -> None:
        """Everything that the agent would refuse is refused here, where it can be mended."""
        from aicompute_tui.services.connection_arguments import base_url, described

        preset, blank = self._preset, self._row is None
        where = base_url(arguments, preset) if blank else self.text("url")
        described(
            arguments,
            Connection(
                id="", owner="", created_by="", name="", kind=preset.name, base_url=where,
                created_at=self._session.now(),
            ),
        )  # fmt: skip
        if blank and preset.needs_key and not self._key_given():
            raise InvalidInput(f"{preset.title} wants a key.", "Type or paste it: it is masked, and sealed at once.")

    def _secret(self) -> Secret | None:
        from aicompute_tui.services.connection_arguments import checked_key

        given = self._key_given()
        if not given:
            return None
        key = checked_key(given)
        return Secret(key, (key,))

    def _key_given(self) -> str:
        """What was typed, else what stands in the variable that the form names."""
        return self.text("key") or os.environ.get(self._taken_variable(self._kind, self.text("url")), "").strip()
