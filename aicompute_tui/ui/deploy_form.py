"""A deployment as it is filled in: its fields, what they mean when empty, what is wrong, and its arguments."""

from __future__ import annotations

import ipaddress
import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation

from aicompute_tui.actions.registry import ACTIONS
from aicompute_tui.domain.container_framework import CONTAINER_FRAMEWORKS, ContainerFramework
from aicompute_tui.domain.deployment import (
    CONTAINER_NAME,
    check_restart,
    check_volume,
    parse_gpus,
    parse_size,
    size_word,
)
from aicompute_tui.domain.durations import parse_duration
from aicompute_tui.domain.errors import InvalidInput
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.redaction import holds_secret
from aicompute_tui.ui.wizard_form import (
    CONTEXT_EMPTY,
    CONTEXT_TOLD,
    YES,
    FormField,
    Rule,
    WizardForm,
    context_rule,
    labels_for_flags,
    pattern,
    whole,
)

ANY_IMAGE = "image"
"""Stands for the framework where an image of one's own is run."""
NO = "no"
_PARAMETERS = {parameter.name: parameter for parameter in ACTIONS["container.deploy"].parameters}
_HIGHEST_PORT = 65_535
_MOST_CPUS = 4096


def _field(name: str, label: str, words: str = "") -> FormField:
    return FormField(_PARAMETERS[name], label, "", words)


FIELDS: tuple[FormField, ...] = (
    _field("host", "host"),
    _field("framework", "server"),
    _field("image", "image", "Any image; without one the server's own."),
    _field("model", "models", "Names of models with a space between them."),
    _field("name", "name", "What the container is called on its host."),
    _field("context", "context", CONTEXT_TOLD),
    _field("gpus", "GPUs", "all, a count like 2, none, or ids like 0,3 or device=1."),
    _field("port", "port", "The port of the host that leads to the server."),
    _field("container_port", "port inside", "The port that it listens on in the container."),
    _field("bind", "listens on", "The address of the host: 127.0.0.1 for that machine alone, 0.0.0.0 for everyone."),
    _field("volume", "volumes", "NAME:/path or /path:/path:ro, with a space between them."),
    _field("env", "variables", "NAME=VALUE with a space between them, “quoted” where a value has one; no secrets."),
    _field("hub_token", "hub token", "Whether your Hugging Face token goes along, from the vault."),
    _field("shm", "shared memory", "Size of /dev/shm: 1g, 512m."),
    _field("ipc_host", "ipc host", "Shares the host's memory between processes, as several GPUs want it."),
    _field("restart", "restart", "no, always, unless-stopped, or on-failure:3."),
    _field("memory", "memory", "The most memory it may use: 32g."),
    _field("cpus", "processors", "The most processors it may use: 4, 0.5."),
    _field("command", "words", "Further words for its command, as in a shell."),
    _field("wait", "waits for", "How long to wait for its first answer: 10m; none for as long as it takes."),
)
BEFORE_OPTIONS = ("host", "framework", "image", "model")
"""What is chosen in the steps before the options."""
OPTIONS = tuple(each for each in FIELDS if each.name not in BEFORE_OPTIONS)
BUILT_IN: Mapping[str, str] = dict.fromkeys((each.name for each in FIELDS), "")
_WORDS_LIKE_A_SHELL = ("volume", "env", "command")


@dataclass(frozen=True, slots=True)
class DeployForm(WizardForm):
    """What is to be deployed, as typed; a server is its name, or ANY_IMAGE."""

    values: Mapping[str, str] = field(default_factory=lambda: dict(BUILT_IN))

    @property
    def framework(self) -> ContainerFramework | None:
        return CONTAINER_FRAMEWORKS.get(self["framework"])

    @property
    def models(self) -> list[str]:
        return [each for each in re.split(r"[,\s]+", self["model"]) if each]

    @property
    def title(self) -> str:
        """What it will be called as far as that is known."""
        return self["name"] or ("" if self.framework is None else self.framework.name) or "the container"

    def with_arguments(self, arguments: Mapping[str, Json]) -> DeployForm:
        """Arguments of a deployment in their fields; one that has no field is left out."""
        given = {
            name: _field_text(name, value)
            for name, value in arguments.items()
            if name in BUILT_IN and value not in (None, "", [], False)
        }
        if arguments.get("no_hub_token"):
            given["hub_token"] = NO
        if "image" in given and "framework" not in given and not self["framework"]:
            given["framework"] = ANY_IMAGE
        return replace(self, values={**self.values, **given})

    def _is_meant(self, name: str) -> bool:
        return name != "context" or self.takes_context

    def problems(self) -> dict[str, str]:
        found = {name: told for name, told in self.broken(_RULES).items() if self._is_meant(name)}
        framework = self.framework
        if not self["host"]:
            found["host"] = "No host is chosen. Choose one in step 1."
        if not self["framework"]:
            found["framework"] = "Nothing to run is chosen. Choose a server or any image in step 2."
        elif framework is None:
            found |= self._problems_of_an_image()
        elif framework.needs_model and not self.models:
            found["model"] = f"{framework.title} needs a model. Name it in step 2."
        elif len(self.models) > framework.most_models:
            most = {0: "no model", 1: "one model"}.get(framework.most_models, f"{framework.most_models} models")
            found["model"] = f"{framework.title} serves {most} at most. Name fewer in step 2."
        return found

    def _problems_of_an_image(self) -> dict[str, str]:
        found = {}
        if not self["image"]:
            found["image"] = "Which image? Write it in step 2 like registry/name:tag."
        if self.models:
            found["model"] = "An image of your own takes no models. Name them in “words”."
        if not self["name"]:
            found["name"] = "An image of your own needs a name for its container."
        if self["port"] and not self["container_port"]:
            found["container_port"] = "A port of the host leads to one inside. Give that too."
        return found

    def arguments(self) -> JsonObject:
        """What is filled in; an empty field is left to the deployment itself."""
        made: JsonObject = {}
        for name in BUILT_IN:
            text = self[name]
            if text and not (name == "framework" and text == ANY_IMAGE) and self._is_meant(name):
                made |= _argument(name, text)
        return made

    def plan_arguments(self) -> JsonObject:
        """Those that the checks want."""
        return {name: value for name, value in self.arguments().items() if name != "wait"}


def what_empty_means(form: DeployForm) -> dict[str, str]:
    """Field → in dim words what happens without a value, for the server that is chosen."""
    framework = form.framework
    usual = _of_framework(framework) if framework is not None else _of_image()
    return usual | {
        "context": CONTEXT_EMPTY,
        "bind": "127.0.0.1, that machine alone",
        "env": "none",
        "restart": "unless-stopped",
        "memory": "no limit",
        "cpus": "no limit",
        "wait": "10m",
    }


def _of_framework(framework: ContainerFramework) -> dict[str, str]:
    models = "none yet" if framework.most_models else "it serves none"
    return {
        "image": framework.image,
        "model": "one is needed" if framework.needs_model else models,
        "name": framework.name,
        "gpus": "all, where the host has any" if framework.wants_gpu else "none",
        "port": f"{_usual_port(framework)}, or the next that is free",
        "container_port": str(framework.container_port),
        "volume": framework.volume or "none",
        "hub_token": "yes, if there is one" if framework.wants_hub_token else "no",
        "shm": size_word(framework.shm_bytes) if framework.shm_bytes else "64m, the engine's own",
        "ipc_host": "yes, as it needs it" if framework.shares_ipc else "no",
        "command": "none besides its own",
    }


def _usual_port(framework: ContainerFramework) -> int:
    return framework.container_port if framework.container_port >= 1024 else framework.container_port + 8000


def _of_image() -> dict[str, str]:
    return {
        "image": "registry/name:tag",
        "model": "only for a server",
        "name": "one is needed",
        "gpus": "none",
        "port": "the port inside, or the next that is free",
        "container_port": "none is opened",
        "volume": "none",
        "hub_token": "no",
        "shm": "64m, the engine's own",
        "ipc_host": "no",
        "command": "the image's own",
    }


def in_form_words(sentence: str) -> str:
    """A sentence that names flags of the command line, with the labels of the fields in their place."""
    return labels_for_flags(sentence, FIELDS)


def _field_text(name: str, value: Json) -> str:
    """An argument as it stands in its field."""
    if _PARAMETERS[name].kind == "flag":
        return YES if str(value).lower() in ("true", "yes", "1", "on") else ""
    words = [str(each) for each in (value if isinstance(value, list) else [value])]
    if name in _WORDS_LIKE_A_SHELL and isinstance(value, list):
        return shlex.join(words)
    return " ".join(words)


def _argument(name: str, text: str) -> JsonObject:
    if name == "hub_token":
        return {"hub_token": True} if text == YES else {"no_hub_token": True}
    if _PARAMETERS[name].kind == "flag":
        return {name: True}
    if name in _WORDS_LIKE_A_SHELL:
        words: list[Json] = [*_words(text)]
        return {name: words}
    if name == "model":
        models: list[Json] = [each for each in re.split(r"[,\s]+", text) if each]
        return {name: models}
    return {name: text}


def _words(text: str) -> list[str]:
    """Also of what its rule refuses, which is shown but never handed over."""
    try:
        return _shell_words(text)
    except InvalidInput:
        return text.split()


def _shell_words(text: str) -> list[str]:
    """Raises InvalidInput for a quote that is not closed."""
    try:
        return shlex.split(text)
    except ValueError:
        raise InvalidInput("A quote is not closed.", "Close it, or write a backslash before it.") from None


def _parsed(parse: Callable[[str], object]) -> Rule:
    def check(text: str) -> None:
        parse(text)

    return check


def _each(rule: Callable[[str], object]) -> Rule:
    def check(text: str) -> None:
        for word in _shell_words(text):
            rule(word)

    return check


def _variable(word: str) -> None:
    name, equals, value = word.partition("=")
    if not equals or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise InvalidInput(f"“{word}” is not NAME=VALUE.", "Write it like LOG_LEVEL=debug.")
    if holds_secret(name, value):
        raise InvalidInput(f"{name} looks like a secret, which is stored nowhere here.", "Leave it to the vault.")


def _address(text: str) -> None:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        raise InvalidInput("That is not an address.", "Write it like 127.0.0.1 or 0.0.0.0.") from None


def _size(text: str) -> None:
    parse_size(text, "memory")


def _processors(text: str) -> None:
    try:
        count = Decimal(text)
    except InvalidOperation:
        raise InvalidInput("That is not a number of processors.", "Write it like 4 or 0.5.") from None
    if not (count.is_finite() and 0 < count <= _MOST_CPUS):
        raise InvalidInput("That is not a number of processors.", f"Give more than 0 and at most {_MOST_CPUS:,}.")


def _wait(text: str) -> None:
    if text.lower() != "none":
        parse_duration(text)


def _image(text: str) -> None:
    if any(letter.isspace() for letter in text) or text.startswith("-"):
        raise InvalidInput("That is not an image's name.", "Write it like registry/name:tag.")


_RULES: Mapping[str, Rule] = {
    "image": _image,
    "context": context_rule,
    "name": pattern(CONTAINER_NAME, "That name will not do.", "Use letters, digits, dots, dashes; two at least."),
    "gpus": _parsed(parse_gpus),
    "port": whole(1, _HIGHEST_PORT, "port"),
    "container_port": whole(1, _HIGHEST_PORT, "port inside"),
    "bind": _address,
    "volume": _each(check_volume),
    "env": _each(_variable),
    "shm": _size,
    "restart": _parsed(check_restart),
    "memory": _size,
    "cpus": _processors,
    "command": _each(str),
    "wait": _wait,
}
