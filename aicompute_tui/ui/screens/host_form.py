"""The form for a container host: where it is, what answers there, and what opens it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult

from aicompute_tui.domain.credential import Secret
from aicompute_tui.domain.errors import InvalidInput, NotFound
from aicompute_tui.domain.host import HostKind, check_name, check_url
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.ui.glyphs import Glyphs
from aicompute_tui.ui.screens.secret_form import Given, SecretForm, SecretInput
from aicompute_tui.ui.widgets.form_fields import FormRow, LineInput, TurnField

_KINDS = (("docker", "Docker engine"), ("portainer", "Portainer server"))
_ALWAYS = ("name", "kind", "url")
_TLS = ("tls-folder", "tls-ca", "tls-cert", "tls-key", "tls-pin")
_FILES = frozenset({"tls-folder", "tls-ca", "tls-cert", "tls-key", "ssh-key"})
_FIELDS: dict[str, tuple[str, str]] = {
    "tls-folder": ("TLS folder", "with ca.pem, cert.pem and key.pem"),
    "tls-ca": ("authority", "its certificate, where not in the folder"),
    "tls-cert": ("certificate", "yours, where not in the folder"),
    "tls-key": ("its key", ""),
    "tls-pin": ("pin", "SHA-256 of the one certificate to trust"),
    "ssh-key": ("ssh key", "those of ~/.ssh and of your ssh agent"),
    "environment": ("environment", "all of the server's"),
    "address": ("ports at", "the same address"),
}
"""Field → its label and what stands there while it is empty."""


class HostForm(SecretForm):
    """Only what the address has a use for is asked."""

    PREFIX: ClassVar[str] = "host"
    QUESTION: ClassVar[str] = "Add a container host"
    VERB: ClassVar[str] = "Add it"
    AUTO_FOCUS = "#host-name"

    def __init__(self, glyphs: Glyphs, given: Mapping[str, Json], found: Mapping[str, JsonObject]) -> None:
        """`given` stands in the fields at first; `found` are the hosts found here, by name."""
        super().__init__()
        self._glyphs = glyphs
        self._first = given
        self._found = found

    def compose_fields(self) -> ComposeResult:
        given = {name: str(value) for name, value in self._first.items()}
        where = ", ".join(self._found) or "tcp://10.0.0.5:2376, ssh://me@box, /run/docker.sock"
        hint = f"found here: {where}" if self._found else where
        kind = TurnField(_KINDS, given.get("kind", "docker"), glyphs=self._glyphs, id="host-kind")
        yield FormRow("name", LineInput(given.get("name", ""), placeholder="lab-1", id="host-name"), id="row-name")
        yield FormRow("what answers", kind, id="row-kind")
        yield FormRow("address", LineInput(given.get("url", ""), placeholder=hint, id="host-url"), id="row-url")
        yield FormRow("token", SecretInput(placeholder="an access token of yours", id="host-token"), id="row-token")
        for name, (label, empty) in _FIELDS.items():
            value = given.get(name.replace("-", "_"), "")
            yield FormRow(label, LineInput(value, placeholder=empty, id=f"host-{name}"), id=f"row-{name}")

    @property
    def kind(self) -> HostKind:
        return HostKind(self.query_one("#host-kind", TurnField).value)

    def asked(self) -> Sequence[str]:
        return [*_ALWAYS, *self._further]

    @property
    def _further(self) -> Sequence[str]:
        """The fields that the address has a use for."""
        if self.kind is HostKind.PORTAINER:
            return ["token", "tls-ca", "environment", "address"]
        url = self.text("url")
        scheme = (
            url.partition("://")[0].lower() if "://" in url else "unix" if url.startswith("/") or not url else "tcp"
        )
        if scheme == "ssh":
            return ["ssh-key", "address"]
        return [] if scheme == "unix" else [*_TLS, "address"]

    def given(self) -> Given:
        """One that was found goes by its name alone, which brings along the certificates found with it."""
        name, url, kind = check_name(self.text("name")), self.text("url"), self.kind
        arguments: JsonObject = {"name": name, "kind": kind.value}
        if not url and name not in self._found:
            known = f"Found here: {', '.join(self._found)}." if self._found else "Write it like tcp://10.0.0.5:2376."
            raise InvalidInput(f"Where is {name}? It has no address.", known)
        if url and url != self._found.get(name, {}).get("url"):
            arguments["url"] = check_url(url, kind)
        for field in self._further:
            value = self.text(field)
            if value and field != "token":
                arguments[field.replace("-", "_")] = _path(value) if field in _FILES else value
        return Given(arguments, self._secret() if kind is HostKind.PORTAINER else None)

    def _secret(self) -> Secret:
        token = self.text("token")
        if not token:
            raise InvalidInput(
                "A Portainer server wants an access token.", "Make one there: My account, Access tokens."
            )
        return Secret(token, (token,))


def _path(value: str) -> str:
    path = Path(value).expanduser()
    if not path.exists():
        raise NotFound(f"There is no file {value}.", "")
    return str(path)
