"""How a model is to be served: context, sequences at once, engine and cache, as a person wrote them."""

from __future__ import annotations

from aicompute_tui.domain.counts import number
from aicompute_tui.domain.errors import InvalidInput
from aicompute_tui.domain.fit import ENGINES, MOST_SEQUENCES, MOST_TOKENS, Use
from aicompute_tui.domain.model_shape import ModelShape
from aicompute_tui.domain.serving_context import ALL, USUAL_TOKENS
from aicompute_tui.services.arguments import integer, text
from aicompute_tui.services.context import Arguments


def use_of(model: ModelShape, arguments: Arguments) -> Use:
    """Raises InvalidInput."""
    is_gguf = text(arguments, "gguf") is not None or (model.weights_source or "").lower().find(".gguf") >= 0
    tokens = _tokens(model, text(arguments, "context"))
    named = text(arguments, "engine") or ("llamacpp" if is_gguf else "vllm")
    engine = ENGINES.get(named.lower())
    if engine is None:
        raise InvalidInput(f"How “{named}” uses memory is not known.", f"Choose one of {', '.join(ENGINES)}.")
    return Use(
        engine=engine,
        context=tokens,
        parallel=integer(arguments, "parallel", least=1, most=MOST_SEQUENCES) or 1,
        kv_dtype=text(arguments, "kv_dtype") or "fp16",
    )


def _tokens(model: ModelShape, written: str | None) -> int:
    if written is None:
        return min(USUAL_TOKENS, model.context_length or USUAL_TOKENS)
    if written.lower() == ALL:
        if model.context_length is None:
            raise InvalidInput(f"The longest context of {model.name} is not known.", "Give one, as --context 32k.")
        return model.context_length
    tokens = number(written, "context", 1024)
    if not 1 <= tokens <= MOST_TOKENS:
        raise InvalidInput(f"context must lie between 1 and {MOST_TOKENS:,} tokens.", "Write it like 32k.")
    return tokens
