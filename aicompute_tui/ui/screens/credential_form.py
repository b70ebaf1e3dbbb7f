"""Asks for the keys of an account or for a token, to be stored in the vault."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult

from aicompute_tui.domain.credential import Secret
from aicompute_tui.domain.json import JsonObject
from aicompute_tui.ui.glyphs import Glyphs
from aicompute_tui.ui.screens.secret_form import Given, SecretForm, SecretInput
from aicompute_tui.ui.widgets.form_fields import FormRow, LineInput, TurnField

_OPENS = (("aws", "AWS account"), ("huggingface", "Hugging Face"))
_HOW = "Copy it as it was given to you."
_OF_A_TOKEN = ("name", "opens", "secret")
_OF_AN_ACCOUNT = ("name", "opens", "key", "secret", "token", "region")


class CredentialForm(SecretForm):
    """A token has neither key id nor region."""

    PREFIX: ClassVar[str] = "credential"
    QUESTION: ClassVar[str] = "Store a credential in the vault"
    VERB: ClassVar[str] = "Store it"
    AUTO_FOCUS = "#credential-name"

    def __init__(self, glyphs: Glyphs) -> None:
        super().__init__()
        self._glyphs = glyphs

    def compose_fields(self) -> ComposeResult:
        opens = TurnField(_OPENS, "aws", glyphs=self._glyphs, id="credential-opens")
        yield FormRow("name", LineInput(placeholder="team", id="credential-name"), id="row-name")
        yield FormRow("opens", opens, id="row-opens")
        yield FormRow("key id", SecretInput(placeholder="AKIA…", id="credential-key"), id="row-key")
        yield FormRow("secret", SecretInput(id="credential-secret"), id="row-secret")
        yield FormRow("session token", SecretInput(placeholder="none", id="credential-token"), id="row-token")
        yield FormRow("region", LineInput(placeholder="its own", id="credential-region"), id="row-region")

    @property
    def opens(self) -> str:
        return self.query_one("#credential-opens", TurnField).value

    def asked(self) -> Sequence[str]:
        return _OF_AN_ACCOUNT if self.opens == "aws" else _OF_A_TOKEN

    def given(self) -> Given:
        from aicompute_tui.services.credentials import checked_keys, encode_keys, vault_id
        from aicompute_tui.services.hugging_face import checked_token

        name, cloud = self.text("name"), self.opens
        vault_id(name, cloud)
        arguments: JsonObject = {"name": name, "cloud": cloud}
        if cloud == "huggingface":
            token = checked_token(self.text("secret"))
            return Given(arguments, Secret(token, (token,)))
        keys = checked_keys(self.text("key"), self.text("secret"), self.text("token"), _HOW)
        if self.text("region"):
            arguments["region"] = self.text("region")
        parts = [keys.access_key_id, keys.secret_access_key, keys.session_token or ""]
        return Given(arguments, Secret(encode_keys(keys), tuple(part for part in parts if part)))
