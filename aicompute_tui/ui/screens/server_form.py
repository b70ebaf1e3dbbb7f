"""The form for a model server: its address, what was found there, what to call it, and the key that opens it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.content import Content
from textual.events import DescendantBlur
from textual.widgets import Input

from aicompute_tui.domain.credential import Secret
from aicompute_tui.domain.errors import AicError, InvalidInput, NotFound
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.server import check_server_name, check_server_url, name_from
from aicompute_tui.domain.server_kind import ServerKind
from aicompute_tui.ui.connection_draft import tags_in
from aicompute_tui.ui.records import number, text
from aicompute_tui.ui.screens.secret_form import Given, SecretForm, SecretInput
from aicompute_tui.ui.server_columns import kind_title
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.widgets.content_lines import ContentLines
from aicompute_tui.ui.widgets.form_fields import FormRow, LineInput, TurnField

_FIND_OUT = "find"
_FIELDS = ("url", "key", "kind", "name", "tags", "tls-ca")
_HINT = "localhost:11434, gpu1:8000, https://llm.example"


class ServerForm(SecretForm):
    """Its address is looked at as soon as it stands there; one that does not answer may be kept all the same."""

    PREFIX: ClassVar[str] = "server"
    AUTO_FOCUS = "#server-url"

    def __init__(self, session: Session, given: Mapping[str, Json], *, row_id: str | None = None) -> None:
        """`given` stands in the fields at first; with a `row_id` it is that server which is edited."""
        super().__init__()
        self._session = session
        self._first: JsonObject = dict(given)
        self._row_id = row_id
        self._url = text(self._first, "base_url") or text(self._first, "url")
        self._looked_at = self._url if row_id is not None else ""
        self._found: JsonObject = {}
        self._named = text(self._first, "name")
        self._found_line = ContentLines(id="server-found")

    @property
    def question(self) -> str:
        return "Add a model server" if self._row_id is None else f"Edit {text(self._first, 'name')}"

    @property
    def verb(self) -> str:
        return "Add it" if self._row_id is None else "Save"

    @property
    def name_given(self) -> str:
        """What it will be called."""
        return self._named or text(self._first, "name") or text(self._found, "name") or self._url

    def compose_fields(self) -> ComposeResult:
        first = self._first
        status = text(first, "expected_status")
        kinds = [(kind.value, kind_title(kind.value)) for kind in ServerKind]
        choices = kinds if self._row_id is not None else [(_FIND_OUT, "find out"), *kinds]
        held = "stored; type a new one to replace it" if first.get("has_key") else "none"
        yield FormRow("address", LineInput(self._url, placeholder=_HINT, id="server-url"), id="row-url")
        yield self._found_line
        yield FormRow("key", SecretInput(placeholder=held, id="server-key"), id="row-key")
        kind = TurnField(choices, text(first, "kind"), glyphs=self._session.glyphs, id="server-kind")
        yield FormRow("what it is", kind, id="row-kind")
        yield FormRow("status", LineInput(status, placeholder="any of 2xx", id="server-status"), id="row-status")
        yield FormRow("name", LineInput(text(first, "name"), placeholder="its address", id="server-name"),
                      id="row-name")  # fmt: skip
        yield FormRow("tags", LineInput(_tag_line(first), placeholder="lab, prod", id="server-tags"), id="row-tags")
        yield FormRow("authority", LineInput(text(first, "tls_ca"), placeholder="file of certificates to trust",
                                             id="server-tls-ca"), id="row-tls-ca")  # fmt: skip

    def on_mount(self) -> None:
        super().on_mount()
        self._say_found()
        if self._url:
            self._look()

    def asked(self) -> Sequence[str]:
        """A status only of a plain check, certificates only where the address is not plain."""
        url = text(self._found, "base_url") or self.text("url")
        shown = list(_FIELDS[:-1] if url.startswith("http://") else _FIELDS)
        if self.query_one("#server-kind", TurnField).value == ServerKind.HTTP:
            shown.append("status")
        return shown

    # -- what is there

    def on_descendant_blur(self, event: DescendantBlur) -> None:
        if event.widget.id == "server-url":
            self._look()

    def _look(self) -> None:
        """Once for each address that stands in the field when it is left."""
        url = self.text("url")
        if url and url != self._looked_at:
            self._looked_at = url
            self._found = {}
            self._say_found(f"looking what answers there {self._session.glyphs.more}")
            self._ask(url)

    @work(group="probe", exclusive=True, exit_on_error=False)
    async def _ask(self, url: str) -> None:
        try:
            answer: Json = await self._session.query("server.probe", {"url": url})
        except AicError as error:
            self._say_found(f"{error.message} {error.next_step}".strip(), "$warning")
            return
        self._found = answer if isinstance(answer, dict) else {}
        problem, kind = text(self._found, "problem"), text(self._found, "kind")
        if problem or not kind:
            self._say_found(f"{problem} {text(self._found, 'next_step')}".strip(), "$warning")
            return
        count = number(self._found, "models")
        models = "" if count is None else f", {count:,.0f} model{'' if count == 1 else 's'}"
        opened = ", wants a key" if self._found.get("needs_key") else ""
        if opened:
            self.query_one("#server-key", SecretInput).placeholder = "it wants one; it is sealed and stays in the vault"
        version = text(self._found, "version")
        self._say_found(f"found {kind_title(kind)} {version}".rstrip() + models + opened, "$success")
        turned = self.query_one("#server-kind", TurnField)
        if turned.value == _FIND_OUT:
            turned.value = kind
        self.query_one("#server-name", Input).placeholder = text(self._found, "name") or "its address"

    def _say_found(self, told: str = "", style: str = "$foreground-muted") -> None:
        width = max(20, self.size.width and min(70, self.size.width - 8))
        lines = Content.styled(told, style).wrap(width)[:2] if told else []
        self._found_line.display = bool(lines)
        self._found_line.show_lines(lines)

    # -- what is given

    def given(self) -> Given:
        url, word = self.text("url"), self.query_one("#server-kind", TurnField).value
        kind = None if word == _FIND_OUT else ServerKind(word)
        if not url:
            raise InvalidInput("Where is it?", f"Write its address like {_HINT}.")
        address = check_server_url(url, kind)
        name = self.text("name") or text(self._found, "name") or name_from(address)
        self._named = check_server_name(name)
        key = self.text("key")
        secret = Secret(key, (key,)) if key else None
        arguments = self._changed(address, kind) if self._row_id is not None else self._added(address, kind)
        return Given(arguments, secret)

    def _added(self, address: str, kind: ServerKind | None) -> JsonObject:
        arguments: JsonObject = {"name": self._named, "url": address, **self._options()}
        if kind is not None:
            arguments["kind"] = kind.value
        if tags := tags_in(self.text("tags")):
            arguments["tag"] = list[Json](tags)
        return arguments

    def _changed(self, address: str, kind: ServerKind | None) -> JsonObject:
        """Only what is no longer as it was."""
        before = self._first
        arguments: JsonObject = {"name": self._row_id}
        if self._named != text(before, "name"):
            arguments["rename"] = self._named
        if address != text(before, "base_url"):
            arguments["url"] = address
        if kind is not None and kind.value != text(before, "kind"):
            arguments["kind"] = kind.value
        held = before.get("tags")
        old = [str(each) for each in held] if isinstance(held, list) else []
        new = tags_in(self.text("tags"))
        if self.text("tags") != _tag_line(before) and set(old) != set(new):
            arguments["tag"] = [
                *(each for each in new if each not in old),
                *(f"-{each}" for each in old if each not in new),
            ]
        options = self._options()
        return {**arguments, **{name: value for name, value in options.items() if str(value) != text(before, name)}}

    def _options(self) -> JsonObject:
        found: JsonObject = {}
        status, file = self.text("status"), self.text("tls-ca")
        if status and "status" in self.asked():
            if not status.isdigit():
                raise InvalidInput(f"“{status[:20]}” is no HTTP status.", "Write it like 204.")
            found["expected_status"] = int(status)
        elif "status" in self.asked() and text(self._first, "expected_status"):
            found["expected_status"] = "none"
        if file and "tls-ca" in self.asked():
            path = Path(file).expanduser()
            if not path.is_file():
                raise NotFound(f"There is no file {file}.", "")
            found["tls_ca"] = str(path)
        return found

    @on(Input.Changed, "#server-url")
    def forget_found(self) -> None:
        """What was found was elsewhere."""
        if self.text("url") != self._looked_at and self._found_line.display:
            self._found, self._looked_at = {}, ""
            self._say_found()


def _tag_line(first: JsonObject) -> str:
    tags = first.get("tags") or first.get("tag")
    return ", ".join(map(str, tags)) if isinstance(tags, list) else ""
