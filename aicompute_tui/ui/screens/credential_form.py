"""Asks for keys or a token in masked fields; they are in the dialog's answer alone, and nowhere once it is closed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from aicompute_tui.domain.credential import Secret
from aicompute_tui.domain.errors import AicError
from aicompute_tui.domain.json import JsonObject
from aicompute_tui.settings.packaged import STYLES
from aicompute_tui.ui.glyphs import Glyphs
from aicompute_tui.ui.widgets.form_fields import Answer, FormRow, LineInput, TurnField

_OPENS = (("aws", "AWS account"), ("huggingface", "Hugging Face"))
_HOW = "Copy it as it was given to you."


@dataclass(frozen=True, slots=True, repr=False)
class GivenCredential:
    """What was typed. The repr shows none of it."""

    arguments: JsonObject
    secret: Secret

    def __repr__(self) -> str:
        return "GivenCredential(…)"


class SecretInput(LineInput):
    """Masked, also while it is typed, and never copied from."""

    def __init__(self, *, placeholder: str = "", id: str) -> None:  # noqa: A002
        super().__init__("", placeholder=placeholder, longest=8_192, id=id)
        self.password = True

    def action_copy(self) -> None:
        return

    def action_cut(self) -> None:
        return


class CredentialForm(ModalScreen[GivenCredential | None]):
    """None when esc left everything as it was."""

    CSS_PATH = [STYLES / "dialogs.tcss", STYLES / "settings.tcss"]  # noqa: RUF012
    AUTO_FOCUS = "#credential-name"
    VERTICAL_BREAKPOINTS = [(0, "-short"), (18, "-tall")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "keep", "leave", show=False),
        Binding("down", "app.focus_next", "next", show=False),
        Binding("up", "app.focus_previous", "previous", show=False),
    ]

    def __init__(self, glyphs: Glyphs) -> None:
        super().__init__()
        self._glyphs = glyphs

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog"):
            yield Static(Text("Store a credential in the vault"), id="question")
            with Vertical(id="credential-fields"):
                yield FormRow("name", LineInput(placeholder="team", id="credential-name"))
                yield FormRow("opens", TurnField(_OPENS, "aws", glyphs=self._glyphs, id="credential-opens"))
                yield FormRow("key id", SecretInput(placeholder="AKIA…", id="credential-key"), id="row-key")
                yield FormRow("secret", SecretInput(id="credential-secret"), id="row-secret")
                yield FormRow("session token", SecretInput(placeholder="none", id="credential-token"), id="row-token")
                yield FormRow("region", LineInput(placeholder="its own", id="credential-region"), id="row-region")
            yield Static("", id="problem", markup=False)
            with Horizontal(id="answers"):
                yield Answer("esc leave", id="safe")
                yield Answer("Store it", id="go")

    @property
    def opens(self) -> str:
        return self.query_one("#credential-opens", TurnField).value

    def _text(self, name: str) -> str:
        return self.query_one(f"#credential-{name}", Input).value.strip()

    @on(TurnField.Changed)
    def show_fields(self) -> None:
        """A token has neither key id nor region."""
        for name in ("key", "token", "region"):
            self.query_one(f"#row-{name}").display = self.opens == "aws"

    @on(Input.Changed)
    def forget_problem(self) -> None:
        self.query_one("#problem", Static).update("")

    @on(Input.Submitted)
    def go_on(self, event: Input.Submitted) -> None:
        """The last field leads to storing it."""
        last = "credential-region" if self.opens == "aws" else "credential-secret"
        if event.input.id == last:
            self.query_one("#go").focus()
        else:
            self.focus_next()

    @on(Answer.Pressed, "#go")
    def take(self) -> None:
        try:
            given = self._given()
        except AicError as error:
            self.query_one("#problem", Static).update(Text(f"{error.message} {error.next_step}".strip()))
            return
        self._leave(given)

    def _given(self) -> GivenCredential:
        from aicompute_tui.services.credentials import checked_keys, encode_keys, vault_id
        from aicompute_tui.services.hugging_face import checked_token

        name, cloud = self._text("name"), self.opens
        vault_id(name, cloud)
        arguments: JsonObject = {"name": name, "cloud": cloud}
        if cloud == "huggingface":
            token = checked_token(self._text("secret"))
            return GivenCredential(arguments, Secret(token, (token,)))
        keys = checked_keys(self._text("key"), self._text("secret"), self._text("token"), _HOW)
        if self._text("region"):
            arguments["region"] = self._text("region")
        parts = [keys.access_key_id, keys.secret_access_key, keys.session_token or ""]
        return GivenCredential(arguments, Secret(encode_keys(keys), tuple(part for part in parts if part)))

    @on(Answer.Pressed, "#safe")
    def action_keep(self) -> None:
        self._leave(None)

    def _leave(self, given: GivenCredential | None) -> None:
        for field in self.query(SecretInput):
            field.value = ""
        self.dismiss(given)
