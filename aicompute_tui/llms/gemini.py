"""Google Gemini's own interface."""

from __future__ import annotations

from urllib.parse import quote

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
    total_of,
)

_PREFIX = "models/"
_ROLES = {"assistant": "model"}


class Gemini:
    is_event_stream = True

    def models(self, endpoint: Endpoint, page: str | None) -> Request:  # noqa: ARG002 - the same for everybody
        after = () if page is None else (("pageToken", page),)
        return Request("/models", query=(("pageSize", "1000"), *after))

    def read_models(self, body: Json) -> ModelPage | None:
        values = as_object(body)
        if not isinstance(values.get("models"), list):
            return None
        found = [
            ServedModel(
                id=name.removeprefix(_PREFIX),
                name=as_text(each.get("displayName")),
                context_tokens=as_count(each.get("inputTokenLimit")),
                answers=_answers(each.get("supportedGenerationMethods")),
            )
            for each in objects_in(values["models"])
            if (name := as_text(each.get("name")))
        ]
        return ModelPage(found, as_text(values.get("nextPageToken")))

    def chat(self, endpoint: Endpoint, prompt: Prompt) -> Request:  # noqa: ARG002 - the same for everybody
        settings: JsonObject = {}
        if prompt.max_tokens is not None:
            settings["maxOutputTokens"] = prompt.max_tokens
        if prompt.temperature is not None:
            settings["temperature"] = number_of(prompt.temperature)
        body: JsonObject = {
            "contents": [
                {"role": _ROLES.get(each.role, each.role), "parts": [{"text": each.text}]} for each in prompt.turns
            ],
            "generationConfig": settings,
        }
        if prompt.system:
            body["systemInstruction"] = {"parts": [{"text": prompt.system}]}
        return Request(f"{model_path(prompt.model)}:streamGenerateContent", body, query=(("alt", "sse"),))

    def read(self, payload: JsonObject, reading: Reading) -> str:
        """Parts may be absent, as where a limit or a filter ended the answer; a blocked prompt has no candidate."""
        reading.model = as_text(payload.get("modelVersion")) or reading.model
        reading.problem = payload.get("error") or reading.problem
        usage = as_object(payload.get("usageMetadata"))
        if usage:
            reading.usage = _usage(usage)
        blocked = as_text(as_object(payload.get("promptFeedback")).get("blockReason"))
        if blocked is not None:
            reading.finish_reason, reading.is_ended = f"blocked: {blocked}", True
        text = ""
        for candidate in objects_in(payload.get("candidates"))[:1]:
            parts = objects_in(as_object(candidate.get("content")).get("parts"))
            text = "".join(as_text(part.get("text")) or "" for part in parts if part.get("thought") is not True)
            reason = as_text(candidate.get("finishReason"))
            if reason is not None:
                reading.finish_reason, reading.is_ended = reason, True
        return text


def model_id(dialect: str, model: str) -> str:
    """As it is listed here, and priced: Google puts a prefix before each, which nobody has to give."""
    return (model.removeprefix(_PREFIX) or model) if dialect == "gemini" else model


def model_path(model: str) -> str:
    return f"/models/{quote(model.removeprefix(_PREFIX), safe='')}"


def _answers(methods: Json) -> bool | None:
    return "generateContent" in methods if isinstance(methods, list) else None


def _usage(values: JsonObject) -> Usage:
    """The last piece's counts. What was thought stands beside the candidates' tokens, not within."""
    thought = as_count(values.get("thoughtsTokenCount"))
    return Usage(
        input_tokens=total_of(
            as_count(values.get("promptTokenCount")), as_count(values.get("toolUsePromptTokenCount"))
        ),
        output_tokens=total_of(as_count(values.get("candidatesTokenCount")), thought),
        cached_tokens=as_count(values.get("cachedContentTokenCount")),
        reasoning_tokens=thought,
    )
