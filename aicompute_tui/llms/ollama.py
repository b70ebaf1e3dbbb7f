"""Ollama's own interface: a JSON object on each line."""

from __future__ import annotations

from aicompute_tui.domain.connection import Prompt, ServedModel, Usage
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.llms.base import (
    Endpoint,
    ModelPage,
    Reading,
    Request,
    as_count,
    as_object,
    as_text,
    number_of,
    objects_in,
)


def answers_by(values: JsonObject) -> bool | None:
    """Whether a model answers prompts, by its capabilities, which older servers do not list."""
    capabilities = values.get("capabilities")
    return "completion" in capabilities if isinstance(capabilities, list) and capabilities else None


class Ollama:
    is_event_stream = False

    def models(self, endpoint: Endpoint, page: str | None) -> Request:  # noqa: ARG002 - it comes whole
        return Request("/api/tags")

    def read_models(self, body: Json) -> ModelPage | None:
        values = as_object(body)
        if "models" not in values or not isinstance(values["models"], list | None):
            return None
        found = [
            ServedModel(id=name, answers=answers_by(each))
            for each in objects_in(values["models"])
            if (name := as_text(each.get("model")) or as_text(each.get("name")))
        ]
        return ModelPage(found)

    def chat(self, endpoint: Endpoint, prompt: Prompt) -> Request:  # noqa: ARG002 - the same for everybody
        settings: JsonObject = {}
        if prompt.max_tokens is not None:
            settings["num_predict"] = prompt.max_tokens
        if prompt.temperature is not None:
            settings["temperature"] = number_of(prompt.temperature)
        body: JsonObject = {
            "model": prompt.model,
            "messages": [{"role": each.role, "content": each.text} for each in prompt.messages],
            "stream": True,
            "options": settings,
        }
        return Request("/api/chat", body)

    def read(self, payload: JsonObject, reading: Reading) -> str:
        reading.model = as_text(payload.get("model")) or reading.model
        reading.problem = payload.get("error") or reading.problem
        if payload.get("done") is True:
            reading.is_ended = reading.is_final = True
            reading.finish_reason = as_text(payload.get("done_reason"))
            reading.usage = Usage(
                input_tokens=as_count(payload.get("prompt_eval_count")),
                output_tokens=as_count(payload.get("eval_count")),
            )
        return as_text(as_object(payload.get("message")).get("content")) or ""
