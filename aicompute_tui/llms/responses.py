"""OpenAI's responses, by which alone some of its models answer."""

from __future__ import annotations

from aicompute_tui.domain.connection import Prompt, Usage
from aicompute_tui.domain.json import JsonObject
from aicompute_tui.llms.base import (
    Endpoint,
    Reading,
    Request,
    as_count,
    as_object,
    as_text,
    number_of,
    objects_in,
)
from aicompute_tui.llms.openai import OpenAi, billed_nano_usd

_ENDS = frozenset({"response.completed", "response.incomplete"})
_WORDS = frozenset({"response.output_text.delta", "response.refusal.delta"})


class Responses(OpenAi):
    """Its models are listed as for chat completions."""

    def chat(self, endpoint: Endpoint, prompt: Prompt) -> Request:  # noqa: ARG002 - the same for everybody
        """The answer is not to be stored there, as it would be unless told."""
        body: JsonObject = {
            "model": prompt.model,
            "input": [{"role": each.role, "content": each.text} for each in prompt.turns],
            "stream": True,
            "store": False,
        }
        if prompt.system:
            body["instructions"] = prompt.system
        if prompt.max_tokens is not None:
            body["max_output_tokens"] = prompt.max_tokens
        if prompt.temperature is not None:
            body["temperature"] = number_of(prompt.temperature)
        return Request("/responses", body)

    def read(self, payload: JsonObject, reading: Reading) -> str:
        """Each piece says what it is; who cannot stream sends the response alone."""
        kind = as_text(payload.get("type"))
        if kind in _WORDS:
            return as_text(payload.get("delta")) or ""
        is_whole = payload.get("object") == "response"
        response = payload if is_whole else as_object(payload.get("response"))
        reading.model = as_text(response.get("model")) or reading.model
        reading.problem = _problem(payload, response) or reading.problem
        if kind in _ENDS or is_whole:
            reading.is_ended = reading.is_final = True
            reading.finish_reason = _finish_reason(response)
            reading.usage = _usage(as_object(response.get("usage")))
        return _text(response) if is_whole else ""


def _problem(payload: JsonObject, response: JsonObject) -> JsonObject | str | None:
    """Of an answer that failed, which says so in its response, in an event of its own, or in place of any."""
    if payload.get("type") == "error":
        return as_object(payload.get("error")) or payload
    if response.get("status") == "failed":
        return as_object(response.get("error")) or "it failed"
    found = payload.get("error")
    return found if isinstance(found, dict | str) and found else None


def _finish_reason(response: JsonObject) -> str | None:
    """Why it is incomplete, else how it stands."""
    why = as_text(as_object(response.get("incomplete_details")).get("reason"))
    return why or as_text(response.get("status"))


def _text(response: JsonObject) -> str:
    parts = [part for item in objects_in(response.get("output")) for part in objects_in(item.get("content"))]
    return "".join(as_text(part.get("text")) or as_text(part.get("refusal")) or "" for part in parts)


def _usage(values: JsonObject) -> Usage:
    """Cached tokens stand within the input's already, reasoning within the output's."""
    given, made = as_object(values.get("input_tokens_details")), as_object(values.get("output_tokens_details"))
    return Usage(
        input_tokens=as_count(values.get("input_tokens")),
        output_tokens=as_count(values.get("output_tokens")),
        cached_tokens=as_count(given.get("cached_tokens")),
        written_tokens=as_count(given.get("cache_write_tokens")),
        reasoning_tokens=as_count(made.get("reasoning_tokens")),
        billed_nano_usd=billed_nano_usd(values),
    )
