"""OpenAI's chat completions, which most servers and providers speak, and Azure's older form of them."""

from __future__ import annotations

from decimal import Decimal
from urllib.parse import quote

from aicompute_tui.domain.connection import Prompt, ServedModel, Usage
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.money import nano_from_usd
from aicompute_tui.llms.base import (
    Endpoint,
    ModelPage,
    Reading,
    Request,
    as_count,
    as_number,
    as_object,
    as_text,
    number_of,
    objects_in,
)

_ANSWERING = frozenset({"chat", "completion", "responses"})
"""Of the modes that a LiteLLM proxy tells."""
_MOST_USD = 1_000_000
"""No call costs so much."""


class OpenAi:
    is_event_stream = True

    def models(self, endpoint: Endpoint, page: str | None) -> Request:  # noqa: ARG002 - it comes whole
        return Request("/models")

    def read_models(self, body: Json) -> ModelPage | None:
        """The list under `data`, or the bare one that Together gives."""
        listed = body.get("data") if isinstance(body, dict) else body
        if not isinstance(listed, list):
            return None
        return ModelPage([_model(each) for each in objects_in(listed) if as_text(each.get("id"))])

    def chat(self, endpoint: Endpoint, prompt: Prompt) -> Request:
        body: JsonObject = {
            "model": prompt.model,
            "messages": [{"role": each.role, "content": each.text} for each in prompt.messages],
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if prompt.max_tokens is not None:
            body[endpoint.preset.limit_name] = prompt.max_tokens
        if prompt.temperature is not None:
            body["temperature"] = number_of(prompt.temperature)
        return Request("/chat/completions", body)

    def read(self, payload: JsonObject, reading: Reading) -> str:
        """The last piece has usage and no choice; others may have neither. Who cannot stream sends a whole message."""
        reading.model = as_text(payload.get("model")) or reading.model
        reading.problem = payload.get("error") or reading.problem
        usage = as_object(payload.get("usage")) or as_object(as_object(payload.get("x_groq")).get("usage"))
        if usage:
            reading.usage = _usage(usage)
        text = ""
        for choice in objects_in(payload.get("choices"))[:1]:
            said = as_object(choice.get("delta")) or as_object(choice.get("message"))
            text = _said(said.get("content")) or as_text(said.get("refusal")) or ""
            reason = as_text(choice.get("finish_reason"))
            if reason is not None:
                reading.finish_reason, reading.is_ended = reason, True
        return text


class AzureDeployments(OpenAi):
    """The path names the deployment, and every call its version of the interface."""

    def models(self, endpoint: Endpoint, page: str | None) -> Request:
        return super().models(endpoint, page)._replace(query=_version(endpoint))

    def chat(self, endpoint: Endpoint, prompt: Prompt) -> Request:
        request = super().chat(endpoint, prompt)
        path = f"/deployments/{quote(prompt.model, safe='')}/chat/completions"
        return request._replace(path=path, query=_version(endpoint))


def billed_nano_usd(usage: JsonObject) -> int | None:
    """What OpenRouter says it billed; by a key of one's own another provider bills the most of it, nobody told what."""
    cost, is_own_key = as_number(usage.get("cost")), usage.get("is_byok")
    if is_own_key is None:
        is_own_key = bool(as_object(usage.get("cost_details")).get("upstream_inference_cost"))
    if cost is None or not 0 <= cost < _MOST_USD or is_own_key is not False:
        return None
    return nano_from_usd(Decimal(repr(cost)))


def _said(content: Json) -> str:
    """Text, or the texts among its parts."""
    return as_text(content) or "".join(as_text(part.get("text")) or "" for part in objects_in(content))


def _version(endpoint: Endpoint) -> tuple[tuple[str, str], ...]:
    return (("api-version", endpoint.api_version),)


def _model(values: JsonObject) -> ServedModel:
    meta = as_object(values.get("meta"))
    lengths = (values.get("context_length"), values.get("max_model_len"), values.get("context_window"))
    context = next((count for each in (*lengths, meta.get("n_ctx")) if (count := as_count(each))), None)
    name, mode = as_text(values.get("name")) or as_text(values.get("display_name")), as_text(values.get("mode"))
    answers = None if mode is None else mode in _ANSWERING
    return ServedModel(id=str(values["id"]), name=name, context_tokens=context, answers=answers)


def _usage(values: JsonObject) -> Usage:
    """Cached tokens stand within the prompt's already, reasoning within the completion's."""
    prompt, completion = (
        as_object(values.get("prompt_tokens_details")),
        as_object(values.get("completion_tokens_details")),
    )
    return Usage(
        input_tokens=as_count(values.get("prompt_tokens")),
        output_tokens=as_count(values.get("completion_tokens")),
        cached_tokens=as_count(prompt.get("cached_tokens")),
        written_tokens=as_count(prompt.get("cache_write_tokens")),
        reasoning_tokens=as_count(completion.get("reasoning_tokens")),
        billed_nano_usd=billed_nano_usd(values),
    )
