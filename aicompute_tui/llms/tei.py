"""Text Embeddings Inference: one model that embeds or ranks, told at an address of its own."""

from __future__ import annotations

from aicompute_tui.domain.connection import ServedModel
from aicompute_tui.domain.json import Json
from aicompute_tui.llms.base import Endpoint, ModelPage, Request, as_count, as_object, as_text
from aicompute_tui.llms.openai import OpenAi


class Tei(OpenAi):
    def models(self, endpoint: Endpoint, page: str | None) -> Request:  # noqa: ARG002 - it has one
        return Request("/info")

    def read_models(self, body: Json) -> ModelPage | None:
        values = as_object(body)
        name = as_text(values.get("served_model_name")) or as_text(values.get("model_id"))
        if name is None or not as_object(values.get("model_type")):
            return None
        context = as_count(values.get("max_input_length"))
        return ModelPage([ServedModel(id=name, context_tokens=context, answers=False)])
