"""Anthropic's messages."""

from __future__ import annotations

from dataclasses import replace

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

_VERSION = (("anthropic-version", "2023-06-01"),)
_TOKENS_UNLESS_TOLD = 4096
"""A limit must be given."""


class Anthropic:
    is_event_stream = True

    def models(self, endpoint: Endpoint, page: str | None) -> Request:  # noqa: ARG002 - the same for everybody
        after = () if page is None else (("after_id", page),)
        return Request("/v1/models", query=(("limit", "1000"), *after), headers=_VERSION)

    def read_models(self, body: Json) -> ModelPage | None:
        values = as_object(body)
        if not isinstance(values.get("data"), list):
            return None
        found = [
            ServedModel(
                id=str(each["id"]),
                name=as_text(each.get("display_name")),
                context_tokens=as_count(each.get("max_input_tokens")),
            )
            for each in objects_in(values["data"])
            if as_text(each.get("id"))
        ]
        return ModelPage(found, as_text(values.get("last_id")) if values.get("has_more") is True else None)

    def chat(self, endpoint: Endpoint, prompt: Prompt) -> Request:  # noqa: ARG002 - the same for everybody
        body: JsonObject = {
            "model": prompt.model,
            "max_tokens": prompt.max_tokens or _TOKENS_UNLESS_TOLD,
            "messages": [{"role": each.role, "content": each.text} for each in prompt.turns],
            "stream": True,
        }
        if prompt.system:
            body["system"] = prompt.system
        if prompt.temperature is not None:
            body["temperature"] = number_of(prompt.temperature)
        return Request("/v1/messages", body, headers=_VERSION)

    def read(self, payload: JsonObject, reading: Reading) -> str:
        kind = payload.get("type")
        if kind == "error":
            reading.problem = payload.get("error") or payload
        elif kind == "message_start":
            message = as_object(payload.get("message"))
            reading.model = as_text(message.get("model"))
            reading.usage = _usage(as_object(message.get("usage")), reading.usage)
        elif kind == "content_block_delta":
            return as_text(as_object(payload.get("delta")).get("text")) or ""
        elif kind == "message_delta":
            reading.finish_reason = as_text(as_object(payload.get("delta")).get("stop_reason"))
            reading.usage = _usage(as_object(payload.get("usage")), reading.usage)
        elif kind == "message_stop":
            reading.is_ended = reading.is_final = True
        return ""


def _usage(values: JsonObject, before: Usage) -> Usage:
    """Counts are of the whole answer so far: a later one replaces. Caches stand beside `input_tokens`, not within."""
    read, written = as_count(values.get("cache_read_input_tokens")), as_count(values.get("cache_creation_input_tokens"))
    fresh, made = as_count(values.get("input_tokens")), as_count(values.get("output_tokens"))
    reasoning = as_count(as_object(values.get("output_tokens_details")).get("thinking_tokens"))
    return replace(
        before,
        input_tokens=before.input_tokens if fresh is None else total_of(fresh, read, written),
        output_tokens=before.output_tokens if made is None else made,
        cached_tokens=before.cached_tokens if fresh is None else read,
        written_tokens=before.written_tokens if fresh is None else written,
        reasoning_tokens=before.reasoning_tokens if reasoning is None else reasoning,
    )
