"""Servers with a web page for people, Open WebUI and MLflow, and any other page: whether it answers as it should."""

from __future__ import annotations

from aicompute_tui.domain.errors import BadAnswer
from aicompute_tui.domain.json import Json
from aicompute_tui.domain.server import ModelState, ServerFacts, ServerModel
from aicompute_tui.servers.base import Adapter, as_object, as_text, objects_in
from aicompute_tui.servers.wire import Wire

_MOST_BYTES = 64 << 10
_LONGEST_VERSION = 40


class OpenWebUi(Adapter):
    async def health(self, wire: Wire) -> str:
        """Its socket opens long before it can work."""
        if as_object(await wire.get_json("/health")).get("status") is not True:
            raise BadAnswer(f"“{wire.server.name}” does not answer as Open WebUI does.", "Check its address and kind.")
        answer = await wire.ask("/ready", most=_MOST_BYTES)
        return "not ready yet" if answer.status == 503 else ""

    async def facts(self, wire: Wire) -> ServerFacts:
        """Its models are told for a key alone."""
        version = as_text(as_object(await wire.get_json("/api/version")).get("version")) or ""
        models: tuple[ServerModel, ...] = ()
        if wire.has_key:
            models = _models(await wire.get_json("/api/models"))
        return ServerFacts(version=version, models=models)


class MlFlow(Adapter):
    async def health(self, wire: Wire) -> str:
        if (await wire.get("/health", most=_MOST_BYTES)).body.strip() != b"OK":
            raise BadAnswer(f"“{wire.server.name}” does not answer as MLflow does.", "Check its address and kind.")
        return ""

    async def facts(self, wire: Wire) -> ServerFacts:
        version = (await wire.get("/version", most=_MOST_BYTES)).body.strip().decode("ascii", "replace")
        return ServerFacts(version=version if len(version) <= _LONGEST_VERSION and version.isprintable() else "")


class Http(Adapter):
    async def health(self, wire: Wire) -> str:
        """Of what is there no more than its status is looked at."""
        answer = await wire.ask("", most=_MOST_BYTES)
        wanted = wire.server.options.expected_status
        if answer.status == wanted or (wanted is None and 200 <= answer.status < 300):
            return ""
        if wanted is None:
            raise wire.problem(answer.status, answer.body, answer.headers)
        raise BadAnswer(f"“{wire.server.name}” answers {answer.status}, not {wanted}.", "Look what is wrong there.")


def _models(body: Json) -> tuple[ServerModel, ...]:
    rows = objects_in(as_object(body).get("data"))
    return tuple(ServerModel(id=name, state=ModelState.AVAILABLE) for each in rows if (name := as_text(each.get("id"))))
