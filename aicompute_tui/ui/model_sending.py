"""A model sent on: into a launch, into a container, onto a server that fetches it, or back to the wizard that asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from aicompute_tui.domain.errors import Refused
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.store.rows import ServerRow
from aicompute_tui.ui.model_records import title_of
from aicompute_tui.ui.records import text
from aicompute_tui.ui.screens.base import ConsoleScreen

if TYPE_CHECKING:
    from aicompute_tui.ui.app import ConsoleApp

LAUNCH, DEPLOY, PULL = "launch", "deploy", "pull"
_OF_GGUF = frozenset({"ollama", "llamacpp"})
_OF_EITHER = frozenset({"comfyui", "openwebui", "mlflow"})
_ROUTES: Mapping[str, str] = {"ollama": "ollama", "llamacpp-router": "llamacpp"}
"""Kind of a server that fetches models → the framework whose name for the model it takes."""


class SendsModels(ConsoleScreen):
    """A view with a model in hand."""

    @property
    def model_in_hand(self) -> tuple[str, str] | None:
        """Its id and what it is called; None where there is none."""
        raise NotImplementedError

    @property
    def known_of_it(self) -> JsonObject | None:
        """What `model.show` told of it; None where it has to be asked."""
        return None

    def _send(self, where: str) -> None:
        held = self.model_in_hand
        if held is None:
            self.say("There is no model under the cursor.", "dim")
        else:
            self.console.work_on(send(self.console, where, *held, self.known_of_it))

    def action_launch_model(self) -> None:
        self._send(LAUNCH)

    def action_deploy_model(self) -> None:
        self._send(DEPLOY)

    def action_pull_model(self) -> None:
        self._send(PULL)


async def send(app: ConsoleApp, where: str, model: str, called: str, known: JsonObject | None) -> None:
    """By the first framework of its advice that can be had there."""
    screen = app.screen
    if known is None:
        app.say(f"asking how {called} is served …", "dim")
        answer = await app.session.query("model.show", {"model": model})
        known = answer if isinstance(answer, dict) else {}
        if app.screen is not screen:
            app.say(f"How {called} is served is known now; ask again to go on.", "dim")
            return
        app.say("")
    if where == PULL:
        await _pull(app, called, advice_of(known))
    else:
        open_form(app, where, called, advice_of(known), {})


def advice_of(known: JsonObject) -> list[JsonObject]:
    found = known.get("advice")
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def for_variant(known: JsonObject, variant: JsonObject) -> JsonObject:
    """What is known of a model, its advice naming that variant's files; a name with a slash is a repository's."""
    name, quantisation = text(variant, "name"), text(variant, "quantisation")
    advice = advice_of(known)
    if text(variant, "format") == "gguf":
        model = name if "/" in name else text(known, "id")
        tagged = f"{model}:{quantisation}" if quantisation else model
        of_it = [each for each in advice if text(each, "framework") in _OF_GGUF]
        called = {"llamacpp": tagged, "ollama": f"hf.co/{tagged}"}
        advice = [{**each, "model": called[text(each, "framework")]} for each in of_it] or advice
    elif "/" in name:
        of_it = [each for each in advice if text(each, "framework") not in _OF_GGUF]
        advice = [{**each, "model": name} for each in of_it] or advice
    return {**known, "advice": list[Json](advice)}


def open_form(app: ConsoleApp, where: str, called: str, advice: Sequence[JsonObject], more: JsonObject) -> None:
    """The wizard with server and model filled in, and `more`, such as the machine or the host."""
    chosen = next((each for each in advice if each.get(where)), None)
    if chosen is None:
        others = ", ".join(text(each, "title") or text(each, "framework") for each in advice)
        place = "A machine sets up" if where == LAUNCH else "A container is made for"
        step = f"{others} would." if others else "enter shows what is known of it."
        raise Refused(f"{place} no server that is known to serve {called}.", step)
    models: list[Json] = [text(chosen, "model")] if chosen.get("model") else []
    filled: JsonObject = {"framework": text(chosen, "framework"), "model": models, **more}
    if where == LAUNCH:
        app.open_view("instance.launch", filled)
    else:
        app.perform("container.deploy", [], filled)


async def _pull(app: ConsoleApp, called: str, advice: Sequence[JsonObject]) -> None:
    named = {text(each, "framework"): text(each, "model") for each in advice}
    wanted = {kind: named[framework] for kind, framework in _ROUTES.items() if named.get(framework)}
    if not wanted:
        raise Refused(f"{called} has no Ollama tag and no GGUF files to pull.", "o serves it from a container.")
    servers = [row for row in app.session.state.servers.values() if row.kind in wanted and row.is_active]
    server = await _chosen_server(app, called, sorted(servers, key=lambda row: (row.state != "up", row.name)))
    if server is not None:
        await app.session.submit("server.pull", {"name": server.id, "model": wanted[server.kind]}, server.id)
        app.say(f"Pull {wanted[server.kind]} to {server.name}: handed to the agent", "dim")


async def _chosen_server(app: ConsoleApp, called: str, servers: Sequence[ServerRow]) -> ServerRow | None:
    from aicompute_tui.ui.screens.prompt import PromptDialog

    if not servers:
        raise Refused(f"No server here fetches {called}: Ollama and llama.cpp's router do.", "5 shows your servers.")
    names = {row.name: row for row in servers}
    known = f"{'One of ' if len(names) > 1 else ''}{', '.join(names)}."
    answer = await app.push_screen_wait(
        PromptDialog(f"Pull {called} to which server?", value=servers[0].name, help=known, verb="Pull",
                     rule=lambda name: None if name in names else f"There is no such server. {known}")
    )  # fmt: skip
    return None if answer is None else names[answer]


# -- back to a wizard


def give_back(app: ConsoleApp, row: JsonObject, framework: str) -> None:
    """Into the wizard below, as its server calls the model."""
    from aicompute_tui.ui.screens.wizard import WizardScreen

    name = name_for(row, framework)
    app.go_back()
    if isinstance(app.view, WizardScreen):
        app.view.take_model(name)


def name_for(row: JsonObject, framework: str) -> str:
    """Raises Refused where that server does not serve models stored like this one."""
    model, stored = text(row, "id"), text(row, "format")
    if framework == "ollama":
        if row.get("ollama"):
            return text(row, "ollama")
        if stored == "gguf":
            return f"hf.co/{model}"
        raise Refused(f"{title_of(row)} has no Ollama tag and no GGUF files.", "s finds its GGUF: type gguf too.")
    if stored and framework not in _OF_EITHER and (stored == "gguf") != (framework in _OF_GGUF):
        wants = "GGUF" if framework in _OF_GGUF else "safetensors"
        raise Refused(f"{title_of(row)} is stored as {stored}; {framework} wants {wants}.", "Choose another.")
    return model
